"""What an error about one item means. The codes are WooCommerce's; messages come in the shop's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.pushes import ListingPush, Outcome, PushResult
from integrator.connectors.woocommerce.client import ItemError

# Parts of a product that may be left out rather than leave the product out, by a piece of the error's code.
OPTIONAL_PARTS: dict[str, tuple[str, ...]] = {
    "image": ("images", "image"),
    "global_unique_id": ("global_unique_id",),
}


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


def is_sku_conflict(error: ItemError, sku: str) -> bool:
    """The SKU is taken: by a product, or (`..._not_created`, without a code of its own) in the lookup table."""
    if error.code == "product_invalid_sku":
        return True
    return error.code.endswith("_not_created") and bool(sku) and sku in error.message


def is_gone(error: ItemError) -> bool:
    return error.code.endswith(("_invalid_id", "_invalid_parent")) and "image" not in error.code


def optional_part(error: ItemError) -> tuple[str, ...]:
    return next((names for piece, names in OPTIONAL_PARTS.items() if piece in error.code), ())


def failure(error: ItemError | None, lost: ConnectorError | None) -> Failure:
    """The outcome for an item without an explanation of its own."""
    if lost is not None:
        outcome = Outcome.REJECTED if isinstance(lost, Rejected) else Outcome.RETRY
        return Failure(outcome, lost.code or "NO_ANSWER", lost.message, lost.hint)
    assert error is not None
    message = f"The shop refuses it: {error.message} ({error.code})."
    outcome = Outcome.RETRY if error.status >= 500 else Outcome.REJECTED
    return Failure(outcome, error.code.upper() or "REFUSED_BY_SHOP", message)
