"""What a connector hands up: orders, transactions and captures as the contract has them.

Plain frozen dataclasses; `document(record)` turns one into the JSON that is stored and that the SOAP
answer is written from: the contract's PascalCase names, decimals as text, times as UTC with Z.
All amounts are as the platform computed them; what lines do not explain goes into `rounding_amount`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Address:
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    street1: str = ""
    street2: str = ""
    city: str = ""
    state_code: str = ""
    state: str = ""
    postal_code: str = ""
    country_code: str = ""
    phone: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class Customer:
    """`pos_customer_id` is filled in by the core, never by a connector."""

    web_customer_id: str = ""
    pos_customer_id: str = ""
    is_guest: bool = True
    email: str = ""
    first_name: str = ""
    last_name: str = ""
    company: str = ""
    phone: str = ""


@dataclass(frozen=True, slots=True)
class TaxLine:
    name: str
    rate: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class DiscountLine:
    code: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ShippingLine:
    method: str
    code: str
    amount: Decimal
    tax_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class FeeLine:
    name: str
    amount: Decimal
    tax_amount: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Payment:
    """`kind`: Authorisation, Capture, Refund or GiftCard. Never more of a card than its last four."""

    method: str
    kind: str
    amount: Decimal
    reference: str = ""
    card_type: str = ""
    last4: str = ""


@dataclass(frozen=True, slots=True)
class GiftCard:
    code: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Option:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class CustomField:
    name: str
    value: str


@dataclass(frozen=True, slots=True)
class OrderLine:
    """`sku` is what the shop says; the core finds `item_integration_id` by the listing or the exact SKU.

    `remote`: the platform ids of the line's product, to find the listing; not part of the document.
    """

    line_id: str
    sku: str
    name: str
    quantity_ordered: Decimal
    unit_price: Decimal
    line_total: Decimal
    item_integration_id: str = ""
    line_type: str = "Item"  # Item, GiftCard, Fee
    options: tuple[Option, ...] = ()
    quantity_cancelled: Decimal = ZERO
    quantity_shipped: Decimal = ZERO
    quantity_returned: Decimal = ZERO
    discount_amount: Decimal = ZERO
    tax_amount: Decimal = ZERO
    tax_lines: tuple[TaxLine, ...] = ()
    location_id: str = ""
    remote: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Order:
    """`order_id`, `channel_id`, `platform`, `revision` are filled in by the core.

    `status` is the platform's own word; `payment_status` one of Pending, Authorised, PartiallyPaid, Paid,
    PartiallyRefunded, Refunded, Voided. `cancelled_at` is set when the whole order is cancelled.
    """

    remote_id: str
    order_number: str
    order_date: datetime
    modified_at: datetime
    status: str
    payment_status: str
    currency: str
    lines: tuple[OrderLine, ...]
    customer: Customer
    billing_address: Address
    shipping_address: Address
    grand_total: Decimal
    subtotal: Decimal = ZERO
    discount_amount: Decimal = ZERO
    shipping_amount: Decimal = ZERO
    tax_amount: Decimal = ZERO
    gift_card_amount: Decimal = ZERO
    rounding_amount: Decimal = ZERO
    prices_include_tax: bool = False
    tax_lines: tuple[TaxLine, ...] = ()
    discount_lines: tuple[DiscountLine, ...] = ()
    shipping_lines: tuple[ShippingLine, ...] = ()
    fee_lines: tuple[FeeLine, ...] = ()
    payments: tuple[Payment, ...] = ()
    gift_cards: tuple[GiftCard, ...] = ()
    customer_note: str = ""
    custom_fields: tuple[CustomField, ...] = ()
    cancelled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransactionLine:
    line_id: str
    quantity: Decimal
    name: str = ""
    unit_price: Decimal = ZERO
    discount_amount: Decimal = ZERO
    tax_amount: Decimal = ZERO
    line_total: Decimal = ZERO
    item_integration_id: str = ""
    restocked: bool = False
    location_id: str = ""


@dataclass(frozen=True, slots=True)
class Transaction:
    """Goods left (Sale) or goods or money came back (Return). Amounts are positive, the type says the way.

    `key` is the platform's own id of the event with its kind, for example "shipment-12" or "refund-7": the
    same whenever it is derived again. `pos_shipment_id` is set where the platform tells that the POS itself
    caused the shipment (the marker that `send_shipment` left there); `remote_id` is the platform's bare id.
    """

    key: str
    type: str  # Sale, Return
    transaction_number: str
    transaction_date: datetime
    currency: str
    lines: tuple[TransactionLine, ...]
    grand_total: Decimal
    shipping_amount: Decimal = ZERO
    tax_amount: Decimal = ZERO
    discount_amount: Decimal = ZERO
    adjustment_amount: Decimal = ZERO
    rounding_amount: Decimal = ZERO
    payments: tuple[Payment, ...] = ()
    shipping_method: str = ""
    tracking_numbers: tuple[str, ...] = ()
    remote_id: str = ""
    pos_shipment_id: str = ""


@dataclass(frozen=True, slots=True)
class Capture:
    """Money taken from (Capture) or given back to (Refund) the customer: one per payment event."""

    key: str  # for example "capture-9"; the same whenever it is derived again
    type: str  # Capture, Refund
    capture_date: datetime
    amount: Decimal
    currency: str
    payment_method: str = ""
    payment_reference: str = ""
    card_type: str = ""
    last4: str = ""


@dataclass(frozen=True, slots=True)
class PulledOrder:
    """An order as the platform has it now, with every event derived from it.

    `admitted` is False where the order's status is not one that the channel takes (unpaid, draft, abandoned):
    the core then stores nothing, unless it knows the order already.
    """

    order: Order
    transactions: tuple[Transaction, ...] = ()
    captures: tuple[Capture, ...] = ()
    admitted: bool = True


# Fields that the core uses and the POS never sees.
INTERNAL = frozenset({"remote", "remote_id", "modified_at", "cancelled_at", "key", "pos_shipment_id"})


@cache
def pascal(name: str) -> str:
    """`postal_code` -> `PostalCode`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def utc_text(moment: datetime) -> str:
    """2026-11-24T05:30:00Z; a moment without zone is a mistake of the caller."""
    if moment.tzinfo is None:
        raise ValueError(f"a time without zone: {moment!r}")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds") + "Z"


def document(value: Any) -> Any:
    """A record as JSON: what is stored, and what the SOAP answer is written from."""
    if is_dataclass(value):
        return {pascal(f.name): document(getattr(value, f.name)) for f in fields(value) if f.name not in INTERNAL}
    if isinstance(value, tuple | list):
        return [document(one) for one in value]
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return utc_text(value)
    return value
