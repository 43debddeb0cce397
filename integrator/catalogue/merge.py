"""What an item becomes when a payload is applied to what is stored. Pure.

Laws, each with a property in tests/unit/catalogue_rules: applying a payload twice is applying it once; what a payload
does not name stays; of payloads that name the same fields and carry versions, the newest wins in whatever
order, and however often, they come.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from integrator.catalogue.values import Payload


class Mark(NamedTuple):
    """The POS's own version and time of an aspect; None where it never sent one."""

    version: int | None = None
    modified_at: datetime | None = None


class Price(NamedTuple):
    price: Decimal | None = None
    sale_price: Decimal | None = None
    sale_start: datetime | None = None
    sale_end: datetime | None = None
    msrp: Decimal | None = None
    cost: Decimal | None = None
    tiers: list[dict[str, Any]] | None = None


class Stock(NamedTuple):
    quantity: Decimal | None = None
    quantities: Mapping[str, str] = {}


Content = dict[str, Any]  # the contract's names, with StyleId, without what was never sent or is cleared


def superseded(stored: Mark, sent: Mark) -> bool:
    """Whether what was sent is older. Version decides; where it is equal or unknown, LastModified does."""
    if sent.version is not None and stored.version is not None and sent.version != stored.version:
        return sent.version < stored.version
    if sent.modified_at is not None and stored.modified_at is not None:
        return sent.modified_at < stored.modified_at
    return False


def marked(stored: Mark, sent: Mark) -> Mark:
    """What is remembered once something current was applied: what it did not carry stays."""
    return Mark(
        stored.version if sent.version is None else sent.version,
        stored.modified_at if sent.modified_at is None else sent.modified_at,
    )


def content(stored: Content, payload: Payload) -> Content:
    merged = {**stored, **payload}
    return {name: value for name, value in merged.items() if value is not None}


PRICE_NAMES = {
    "Price": "price", "SalePrice": "sale_price", "SaleStart": "sale_start", "SaleEnd": "sale_end",
    "Msrp": "msrp", "Cost": "cost", "PriceTiers": "tiers",
}  # fmt: skip


def price(stored: Price, payload: Payload) -> Price:
    return stored._replace(**{PRICE_NAMES[name]: value for name, value in payload.items()})


def stock(stored: Stock, payload: Payload) -> Stock:
    """Locations one by one: those not named stay, those without a quantity go, no list removes all."""
    quantity = payload.get("Quantity", stored.quantity)  # its None clears
    if "LocationQuantities" not in payload:
        return Stock(quantity, stored.quantities)
    sent = payload["LocationQuantities"]
    if sent is None:
        return Stock(quantity, {})
    merged = {**stored.quantities, **sent}
    return Stock(quantity, {code: units for code, units in merged.items() if units is not None})
