"""What became of one item when it did not go well, and finding the bad one of a batch that was refused whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.bigcommerce.client import TooLarge
from integrator.connectors.pushes import ListingPush, Outcome, PushResult

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Failure:
    outcome: Outcome
    code: str
    message: str
    hint: str = ""

    def result(self, one: ListingPush, remote: Mapping[str, str] | None = None) -> PushResult:
        return PushResult(
            one.product_id, self.outcome, remote=remote or {}, code=self.code, message=self.message, hint=self.hint
        )


def failure(error: ConnectorError) -> Failure:
    """The outcome for an item without an explanation of its own."""
    outcome = Outcome.REJECTED if isinstance(error, Rejected) else Outcome.RETRY
    return Failure(outcome, error.code or "NO_ANSWER", error.message, error.hint)


def missing(what: str) -> Failure:
    return Failure(Outcome.REJECTED, "LISTING_MISSING", f"The shop does not have {what} any more.")


def taken(sku: str, others: Sequence[str]) -> Failure:
    message = f"BigCommerce refuses the SKU {sku!r}: {'; '.join(others)}."
    hint = "BigCommerce does not tell upper and lower case apart: change the other SKU; then resend the issue."
    return Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint)


def several(sku: str, ids: Sequence[str]) -> Failure:
    message = f"{len(ids)} listings of the shop have the SKU {sku!r}: {', '.join(ids)}."
    return Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, "Leave the SKU to one of them; then resend the issue.")


def divided(
    rows: Sequence[T],
    write: Callable[[list[T]], Any],
    refused: Callable[[T, Rejected], None],
    culprits: Callable[[Rejected, Sequence[T]], list[T]] = lambda error, rows: [],
) -> None:
    """Writes the rows; a batch that is refused is halved until the bad one is alone.

    `culprits` reads from the refusal which rows it is about, which saves the halving. What is no refusal is raised:
    rows that were written before that are.
    """
    if not rows:
        return
    try:
        write(list(rows))
        return
    except Rejected as error:
        if len(rows) == 1:
            refused(rows[0], error)
            return
        bad = [] if isinstance(error, TooLarge) else culprits(error, rows)
        if bad and len(bad) < len(rows):
            for row in bad:
                divided([row], write, refused)
            divided([row for row in rows if row not in bad], write, refused, culprits)
            return
    middle = len(rows) // 2
    divided(rows[:middle], write, refused, culprits)
    divided(rows[middle:], write, refused, culprits)
