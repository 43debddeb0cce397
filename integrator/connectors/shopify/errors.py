"""What the userErrors of a mutation mean. The codes are Shopify's; not every mutation gives one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected, Throttled
from integrator.connectors.pushes import ListingPush, Outcome, PushResult
from integrator.connectors.shopify.client import DailyLimit, daily_limit

GONE = frozenset({"PRODUCT_DOES_NOT_EXIST", "PRODUCT_VARIANT_DOES_NOT_EXIST", "INVALID_INVENTORY_ITEM", "NOT_FOUND"})
AGAIN = frozenset({"GENERIC_ERROR", "JOB_ERROR", "IDEMPOTENCY_CONCURRENT_REQUEST"})

# Parts of a product that may be left out rather than leave the product out, by a piece of the error.
OPTIONAL_PARTS: Mapping[str, tuple[str, ...]] = {
    "metafield": ("metafields",),
    "file": ("files",),
    "media": ("files",),
    "image": ("files",),
    "barcode": ("barcode",),
    "collection": ("collections", "collectionsToJoin"),
    "category": ("category",),
}


@dataclass(frozen=True, slots=True)
class UserError:
    code: str
    message: str
    field: tuple[str, ...]

    def index(self, under: str = "variants") -> int | None:
        """The place in the list that was sent, where the error names one."""
        for position, step in enumerate(self.field):
            if step == under and position + 1 < len(self.field) and self.field[position + 1].isdigit():
                return int(self.field[position + 1])
        return None


@dataclass(frozen=True, slots=True)
class Failure:
    outcome: Outcome
    code: str
    message: str
    hint: str = ""
    until: datetime | None = None

    def result(self, one: ListingPush, remote: Mapping[str, str] | None = None) -> PushResult:
        return PushResult(
            one.product_id, self.outcome, remote=remote or {}, code=self.code, message=self.message, hint=self.hint,
            until=self.until,
        )  # fmt: skip


def user_errors(payload: Any) -> list[UserError]:
    """Of one mutation's answer, also those of media."""
    known = payload if isinstance(payload, Mapping) else {}
    return [
        UserError(
            str(one.get("code") or "").upper(), str(one.get("message") or ""), tuple(map(str, one.get("field") or ()))
        )
        for name in ("userErrors", "mediaUserErrors")
        for one in known.get(name) or ()
    ]


def must_work(payload: Any, what: str, code: str = "REFUSED_BY_SHOP") -> None:
    """Raises Rejected with everything that the shop says."""
    errors = user_errors(payload)
    if errors or payload is None:
        said = "; ".join(one.message for one in errors) or "no reason given"
        raise Rejected(f"{what}: the shop refuses: {said}", code=(errors[0].code if errors else "") or code)


def is_gone(error: UserError) -> bool:
    said = error.message.lower()
    return error.code in GONE or "does not exist" in said or "not found" in said or "couldn't be found" in said


def optional_part(errors: Sequence[UserError]) -> tuple[str, ...]:
    """The parts that all the errors are about; () when one of them is about something else."""
    parts: list[str] = []
    for error in errors:
        said = f"{error.code} {' '.join(error.field)} {error.message}".lower()
        found = next((names for piece, names in OPTIONAL_PARTS.items() if piece in said), ())
        if not found:
            return ()
        parts += found
    return tuple(dict.fromkeys(parts))


def refusal(errors: Sequence[UserError]) -> Failure:
    """What becomes of an item that the shop refused."""
    first = errors[0]
    said = "; ".join(dict.fromkeys(one.message for one in errors))
    if first.code in AGAIN:
        return Failure(Outcome.RETRY, first.code, f"The shop could not do it now: {said}")
    if is_gone(first):
        return Failure(Outcome.REJECTED, "LISTING_MISSING", f"The shop does not have it any more: {said}")
    where = f" ({'.'.join(first.field)})" if first.field else ""
    return Failure(Outcome.REJECTED, first.code or "REFUSED_BY_SHOP", f"The shop refuses it: {said}{where}")


def over_daily_limit(errors: Sequence[UserError]) -> bool:
    return any(daily_limit(one.message, one.code) for one in errors)


def lost(error: ConnectorError) -> Failure:
    """What becomes of an item whose call failed as a whole."""
    outcome = Outcome.REJECTED if isinstance(error, Rejected) else Outcome.RETRY
    until = error.until if isinstance(error, DailyLimit | Throttled) else None
    return Failure(outcome, error.code or "NO_ANSWER", error.message, error.hint, until)
