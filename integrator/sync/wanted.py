"""What a lane wants of a shop, in a form that can be kept and compared. Pure functions.

`lanes.sent` holds what the shop last accepted: for price and stock the values themselves (people read them in
`integrator product show`), for content a short digest per field, because a description is long and only
whether it changed matters. A listing whose wanted form equals what was sent is not sent.

Beside our keys the connector's own `PushResult.sent` is kept, and handed back to it in `ListingPush.sent`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.pushes import Content, ListingPush, PushResult

DIGEST_CHARACTERS = 12
STALE = "stale"  # the shop has changed it by itself since: a sale, a return, a drift that was found

# the contract's field name -> the attributes of Content that make it
CONTENT_PARTS: dict[str, tuple[str, ...]] = {
    "Name": ("name",),
    "ShortDescription": ("short_description",),
    "LongDescription": ("long_description",),
    "AdditionalDescription": ("additional_description",),
    "Brand": ("brand",),
    "Department": ("department",),
    "Category": ("category",),
    "Tags": ("tags",),
    "UPC": ("upc",),
    "SupplierSku": ("supplier_sku",),
    "ManufacturerPartNumber": ("manufacturer_part_number",),
    "Weight": ("weight", "weight_unit"),
    "Dimensions": ("length", "width", "height", "dimension_unit"),
    "Taxable": ("taxable",),
    "TaxCode": ("tax_code",),
    "Images": ("images",),
    "CustomFields": ("custom_fields",),
    "Options": ("options",),
    "Publication": ("sell_online",),
}


def number(value: Decimal | None) -> str | None:
    """One text per value: 5, 5.0 and 5.0000 are the same."""
    if value is None:
        return None
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    if isinstance(value, tuple | list):
        return [_plain(one) for one in value]
    if hasattr(value, "__dataclass_fields__"):
        return [_plain(getattr(value, one.name)) for one in fields(value)]
    return value


def _digest(value: Any) -> str:
    text = json.dumps(_plain(value), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:DIGEST_CHARACTERS]


def content(value: Content, names: frozenset[str]) -> dict[str, str]:
    """Digest per field, of the fields that this push may write."""
    return {
        name: _digest([getattr(value, part) for part in parts])
        for name, parts in CONTENT_PARTS.items()
        if name in names
    }


def wanted(lane: str, listing: ListingPush) -> dict[str, Any]:
    """What the shop should hold on this lane."""
    if lane == "content":
        return {"fields": content(listing.content, listing.fields), "SellOnline": listing.content.sell_online}
    if lane == "price":
        price = listing.price
        return {
            "Price": number(price.price),
            "SalePrice": number(price.sale_price),
            "SaleStart": moment(price.sale_start),
            "SaleEnd": moment(price.sale_end),
            "Msrp": number(price.msrp),
            "Tiers": [[code, number(least), number(amount)] for code, least, amount in price.tiers],
        }
    stock = listing.stock
    return {
        "Quantity": number(stock.quantity),
        "ByLocation": {location: number(units) for location, units in sorted(stock.by_location.items())},
    }


def accepted(lane: str, listing: ListingPush, result: PushResult | None = None) -> dict[str, Any]:
    """What to keep in `lanes.sent` once the shop holds it. A connector that says nothing keeps its memory.

    Without a result: of a lane that another one's push carried.
    """
    ours = wanted(lane, listing)
    if result is None:
        return ours
    theirs = result.sent if result.sent is not None else listing.sent or {}
    if lane == "content":
        before = (listing.sent or {}).get("fields") or {}
        ours["fields"] = {**before, **ours["fields"]}
        # read by catalogue.loading: SellOnline=true undoes only what an earlier false did
        told = "Publication" in listing.fields
        ours["SellOnline"] = listing.content.sell_online if told else (listing.sent or {}).get("SellOnline", True)
    return {**{key: value for key, value in theirs.items() if key != STALE}, **ours}


def unchanged(lane: str, listing: ListingPush) -> bool:
    """Whether the shop has accepted exactly this already."""
    if listing.is_new or listing.sent is None or listing.sent.get(STALE):
        return False
    ours = wanted(lane, listing)
    if lane == "content":
        before: Mapping[str, Any] = listing.sent.get("fields") or {}
        return all(before.get(name) == digest for name, digest in ours["fields"].items())
    return all(name in listing.sent and listing.sent[name] == value for name, value in ours.items())
