"""The rules of orders, without a database: pure functions, each with properties in tests/unit/orders.

Quantities and amounts are Decimal, times are aware. Nothing here changes an amount that a platform computed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from integrator.accounts.settings import StoreSettings
from integrator.connectors.records import ZERO, Order, OrderLine, Transaction

AllocationMode = Literal["order_confirmed", "transaction_confirmed", "shipped", "off"]


# -- amounts


def _smallest(candidates: Iterable[Decimal]) -> Decimal:
    return min(candidates, key=abs)


def order_remainder(order: Order) -> Decimal:
    """What the parts of the order leave unexplained of its grand total.

    Platforms differ in whether their parts contain tax and whether a gift card lowers the total; the reading
    that explains most is the right one, so the smallest remainder is taken.
    """
    fees = sum((fee.amount for fee in order.fee_lines), ZERO)
    bases = {sum((line.line_total for line in order.lines if line.line_type != "Fee" or not fees), ZERO)}
    if order.subtotal or order.discount_amount:
        bases.add(order.subtotal - order.discount_amount)
    return _smallest(
        order.grand_total - (base + order.shipping_amount + fees + tax - card)
        for base in sorted(bases)
        for tax in (order.tax_amount, ZERO)
        for card in (ZERO, order.gift_card_amount)
    )


def transaction_remainder(transaction: Transaction) -> Decimal:
    """The same for a transaction: lines, shipping, tax and adjustment against its grand total."""
    base = sum((line.line_total for line in transaction.lines), ZERO)
    base += transaction.shipping_amount + transaction.adjustment_amount
    return _smallest(
        transaction.grand_total - (base + tax - discount)
        for tax in (transaction.tax_amount, ZERO)
        for discount in (ZERO, transaction.discount_amount)
    )


def completed(order: Order) -> Order:
    """The order with what its platform left open: a rounding amount, the cancelled units of a cancelled order."""
    if not order.rounding_amount:
        order = replace(order, rounding_amount=order_remainder(order))
    if order.cancelled_at is not None:
        order = replace(order, lines=tuple(_cancelled(line) for line in order.lines))
    return order


def _cancelled(line: OrderLine) -> OrderLine:
    open_units = line.quantity_ordered - line.quantity_shipped
    return replace(line, quantity_cancelled=max(line.quantity_cancelled, open_units))


def completed_transaction(transaction: Transaction) -> Transaction:
    if transaction.rounding_amount:
        return transaction
    return replace(transaction, rounding_amount=transaction_remainder(transaction))


# -- units


def refunded_before_shipping(transactions: Sequence[Transaction]) -> dict[str, Decimal]:
    """Per line, the units that were refunded while they still stood in the shop.

    A return takes back what had left until then; the rest of it never leaves. At the same instant goods
    leave before they come back.
    """
    out: dict[str, Decimal] = {}
    refunded: dict[str, Decimal] = {}
    for event in sorted(transactions, key=lambda one: (one.transaction_date, one.type != "Sale", one.key)):
        for line in event.lines:
            away = out.get(line.line_id, ZERO)
            if event.type == "Sale":
                out[line.line_id] = away + line.quantity
            else:
                back = min(away, line.quantity)
                out[line.line_id] = away - back
                if line.quantity > back:
                    refunded[line.line_id] = refunded.get(line.line_id, ZERO) + line.quantity - back
    return refunded


def refunded_units(order: Order, transactions: Sequence[Transaction]) -> dict[str, Decimal]:
    """The same, without what the platform counts as cancelled already.

    Some platforms say that a unit refunded before it left is cancelled and was not returned: the units of the
    refunds that are missing in what came back are then found in what was cancelled.
    """
    returned: dict[str, Decimal] = {}
    for event in transactions:
        for one in event.lines if event.type == "Return" else ():
            returned[one.line_id] = returned.get(one.line_id, ZERO) + one.quantity
    units: dict[str, Decimal] = {}
    refunded = refunded_before_shipping(transactions)
    for line in order.lines:
        not_returned = max(ZERO, returned.get(line.line_id, ZERO) - line.quantity_returned)
        counted = min(line.quantity_cancelled, not_returned)
        units[line.line_id] = max(ZERO, refunded.get(line.line_id, ZERO) - counted)
    return units


@dataclass(frozen=True, slots=True)
class LineUnits:
    """The units of one order line. `shipped` contains what the POS shipped and the shop does not show yet."""

    ordered: Decimal
    cancelled: Decimal = ZERO
    refunded: Decimal = ZERO
    shipped: Decimal = ZERO
    known: Decimal = ZERO
    counted: Decimal = ZERO

    @property
    def sold(self) -> Decimal:
        """What leaves, or left, the stock for this line."""
        return max(ZERO, self.ordered - self.cancelled - self.refunded)

    @property
    def open(self) -> Decimal:
        """What can still be shipped."""
        return max(ZERO, self.sold - self.shipped)

    def allocated(self, mode: AllocationMode) -> Decimal:
        """Units to subtract from the POS's count, because it does not contain their sale yet."""
        if mode == "off":
            return ZERO
        if mode == "shipped":
            return self.open
        return max(ZERO, self.sold - self.counted)


def allocation_mode(settings: StoreSettings) -> AllocationMode:
    """How a store allocates. A queue that is switched off is never confirmed: then shipping is the end."""
    wanted = settings.allocation
    if wanted == "auto":
        wanted = "order_confirmed" if settings.orders else "transaction_confirmed"
    if (wanted == "order_confirmed" and not settings.orders) or (
        wanted == "transaction_confirmed" and not settings.transactions
    ):
        return "shipped"
    return wanted


# -- offering again


def next_offer(settings: StoreSettings, rejections: int, first_rejected_at: datetime, now: datetime) -> datetime | None:
    """When a record that was just rejected for the `rejections`-th time comes again; None: it is set aside."""
    steps = settings.offer_again_after
    due = now + timedelta(seconds=steps[min(rejections, len(steps)) - 1])
    return due if due <= first_rejected_at + timedelta(days=settings.offer_again_days) else None


# -- what changed


def digest(document: Mapping[str, Any]) -> bytes:
    """16 bytes that are the same for the same document."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


# What moves as an order is fulfilled. Transactions and captures tell the POS of it, so it is no reason to offer
# a confirmed order again.
PROGRESS = frozenset({"Revision", "Status", "PaymentStatus", "Payments", "Warnings"})
LINE_PROGRESS = frozenset({"QuantityShipped", "QuantityReturned", "ItemIntegrationId"})


def substance(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a POS booked of an order: a change of this is a change of the order."""
    kept = {name: value for name, value in document.items() if name not in PROGRESS}
    kept["Lines"] = [
        {name: value for name, value in line.items() if name not in LINE_PROGRESS} for line in document.get("Lines", [])
    ]
    return kept


def clean(value: Any) -> Any:
    """A document that PostgreSQL can keep: no NUL and no lone surrogate in any text."""
    if isinstance(value, str):
        if "\x00" in value:
            value = value.replace("\x00", "")
        return value.encode("utf-8", "replace").decode("utf-8")
    if isinstance(value, Mapping):
        return {name: clean(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [clean(one) for one in value]
    return value
