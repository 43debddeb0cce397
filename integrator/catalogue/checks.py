"""What an item of ProductTasks must be before it is compared with what is stored. Pure.

`product`, `inventory` and `pricing` turn a row of the contract into a `Change`: the id, and for each aspect (content,
price, stock) of which something was sent a normalised payload with its digest. They raise `Refused` with the first
problem found; the item then changes nothing.

In a payload a key that is missing means unchanged and None means cleared, as in the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from hashlib import blake2b
from typing import Any

import orjson

from integrator.catalogue import values as v
from integrator.catalogue.values import Payload, refuse, shown
from integrator.codes import Code
from integrator.rows import Row

PRICE_FIELDS = ("Price", "SalePrice", "SaleStart", "SaleEnd", "Msrp", "Cost", "PriceTiers")
MAX_VERSION = 2**63 - 1


@dataclass(slots=True)
class Change:
    """One item that may be applied. A payload is None where nothing of that aspect was sent; then so is its digest."""

    position: int  # in the sequence of rows, not the row's own index
    item_id: str
    content: Payload | None = None
    price: Payload | None = None
    stock: Payload | None = None
    content_hash: str | None = None
    price_hash: str | None = None
    stock_hash: str | None = None
    version: int | None = None
    modified_at: datetime | None = None


# -- aspects

Reader = Callable[[str, Any], Any]


def _text(limit: int) -> Reader:
    return lambda field, value: v.text(field, value, limit)


def _measure(field: str, value: Any) -> str:
    return v.plain(v.number(field, value))


CONTENT: dict[str, Reader] = {
    "StyleId": lambda field, value: v.text(field, value, v.ID_LENGTH).strip() or None,
    "StyleName": _text(255),
    "Options": v.options,
    "Name": lambda field, value: v.needed_text(field, value, 255),
    "ShortDescription": _text(100_000),
    "LongDescription": _text(1_000_000),
    "AdditionalDescription": _text(1_000_000),
    "Brand": _text(255),
    "Department": _text(255),
    "Category": v.category,
    "Tags": v.tags,
    "UPC": _text(64),
    "SupplierSku": _text(64),
    "ManufacturerPartNumber": _text(64),
    "Weight": _measure,
    "WeightUnit": lambda field, value: v.unit(field, value, v.WEIGHT_UNITS),
    "Length": _measure,
    "Width": _measure,
    "Height": _measure,
    "DimensionUnit": lambda field, value: v.unit(field, value, v.DIMENSION_UNITS),
    "Taxable": v.flag,
    "TaxCode": _text(64),
    "SellOnline": v.flag,
    "Images": v.images,
    "CustomFields": v.custom_fields,
}


def content(values: Mapping[str, Any]) -> Payload:
    found: Payload = {}
    for field, value in values.items():
        read = CONTENT.get(field)
        if read is None:
            continue
        if value is None and field == "Name":
            refuse(Code.VALUE_MISSING, field, "Name cannot be cleared.", "Send a Name, or leave it out to keep it.")
        # an empty list is the same as none
        found[field] = None if value is None or value == [] else read(field, value)
    return found


def price(values: Mapping[str, Any]) -> Payload:
    found: Payload = {}
    for field in ("Price", "SalePrice", "Msrp", "Cost"):
        if field in values:
            value = values[field]
            if value is None and field == "Price":
                refuse(
                    Code.VALUE_MISSING, field, "Price cannot be cleared.",
                    "Send a Price, or SellOnline=false to take the item off the shops.",
                )  # fmt: skip
            found[field] = None if value is None else v.number(field, value)
    for field in ("SaleStart", "SaleEnd"):
        if field in values:
            value = values[field]
            found[field] = None if value is None else v.moment(field, value)
    if "PriceTiers" in values:
        value = values["PriceTiers"]
        found["PriceTiers"] = None if value is None or value == [] else v.tiers("PriceTiers", value)
    if "SalePrice" in found and not found["SalePrice"]:
        found.update(SalePrice=None, SaleStart=None, SaleEnd=None)
    return found


def sale_window(start: datetime | None, end: datetime | None) -> None:
    """The end may not be before the start; checked on what the item would become."""
    if start is not None and end is not None and end < start:
        refuse(
            Code.VALUE_OUT_OF_RANGE, "SaleEnd",
            f"SaleEnd {end:%Y-%m-%dT%H:%M:%SZ} is before SaleStart {start:%Y-%m-%dT%H:%M:%SZ}.",
            "Send a SaleEnd that is not before SaleStart.",
        )  # fmt: skip


def stock(values: Mapping[str, Any]) -> Payload:
    found: Payload = {}
    if "Quantity" in values:
        value = values["Quantity"]
        found["Quantity"] = None if value is None else v.number("Quantity", value, None)
    if "LocationQuantities" in values:
        found["LocationQuantities"] = v.location_quantities(values["LocationQuantities"])
    return found


# -- digests: of the normalised payload, so that 1.0 and 1.00 are the same


def digest(payload: Payload) -> str:
    """32 hexadecimal digits. The same payload has the same digest in every release that keeps this form."""
    if len(payload) == 1:  # a price or a quantity: nearly all there is, ten thousand at a time
        ((name, value),) = payload.items()
        if isinstance(value, Decimal):
            return blake2b(f"{name}={value}".encode(), digest_size=16).hexdigest()
    return blake2b(orjson.dumps(payload, default=str, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


# -- items


def item_id(values: Mapping[str, Any]) -> str:
    """Trimmed; compared exactly from here on."""
    value = values.get("ItemIntegrationId")
    if value is not None and not isinstance(value, str):
        refuse(Code.VALUE_INVALID, "ItemIntegrationId", f"ItemIntegrationId is {shown(value)}, which is not a text.")
    found = (value or "").strip()
    if not found:
        refuse(Code.ITEM_ID_MISSING, "ItemIntegrationId", "The item has no ItemIntegrationId.")
    if len(found) > v.ID_LENGTH:
        refuse(
            Code.ITEM_ID_TOO_LONG, "ItemIntegrationId",
            f"ItemIntegrationId {shown(found)} has {len(found)} characters; at most {v.ID_LENGTH} are taken.",
        )  # fmt: skip
    return v.text("ItemIntegrationId", found, v.ID_LENGTH)


def _change(position: int, values: Mapping[str, Any]) -> Change:
    change = Change(position, item_id(values))
    version, modified_at = values.get("Version"), values.get("LastModified")
    if version is not None:
        change.version = v.whole("Version", version, -MAX_VERSION - 1, MAX_VERSION)
    if modified_at is not None:
        change.modified_at = v.moment("LastModified", modified_at)
    return change


def product(position: int, row: Row) -> Change:
    """An item of UpdatePOSProducts. Content counts as sent if any of its fields, or nothing at all, was sent."""
    values = row.values
    change = _change(position, values)
    found, money, units = content(values), price(values), stock(values)
    if found or not (money or units):
        change.content, change.content_hash = found, digest(found)
    if money:
        sale_window(money.get("SaleStart"), money.get("SaleEnd"))
        change.price, change.price_hash = money, digest(money)
    if units:
        change.stock, change.stock_hash = units, digest(units)
    return change


def inventory(position: int, row: Row) -> Change:
    """An item of UpdateInventory: its price cannot be touched by what else it carries."""
    change = _change(position, row.values)
    change.stock = stock(row.values)
    if not change.stock:
        refuse(
            Code.VALUE_MISSING, "Quantity",
            f"Item {shown(change.item_id)} has neither Quantity nor LocationQuantities.",
            "Send Quantity or LocationQuantities.",
        )  # fmt: skip
    change.stock_hash = digest(change.stock)
    return change


def pricing(position: int, row: Row) -> Change:
    """An item of UpdatePricing: its quantity cannot be touched by what else it carries."""
    change = _change(position, row.values)
    change.price = price(row.values)
    if not change.price:
        refuse(
            Code.VALUE_MISSING, "Price", f"Item {shown(change.item_id)} has none of {', '.join(PRICE_FIELDS)}.",
            "Send at least one of them.",
        )  # fmt: skip
    sale_window(change.price.get("SaleStart"), change.price.get("SaleEnd"))
    change.price_hash = digest(change.price)
    return change
