"""Towards the shop: what the core wants as the contract's records. Pure functions.

The same records go through the API and into files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    ListingPush,
    Price,
    RemoteListing,
    ShipmentPush,
    Stock,
    StylePush,
)
from integrator.connectors.records import ZERO

Json = dict[str, Any]

# content field -> what it is in the contract, of the product as a whole and of a single child
PRODUCT_FIELDS = {
    "ShortDescription": "short_description", "LongDescription": "long_description",
    "AdditionalDescription": "additional_description", "Brand": "brand", "Department": "department",
    "Category": "category", "Tags": "tags", "Taxable": "taxable", "TaxCode": "tax_code",
}  # fmt: skip
ITEM_FIELDS = {
    "UPC": ("upc",), "SupplierSku": ("supplier_sku",), "ManufacturerPartNumber": ("manufacturer_part_number",),
    "Weight": ("weight", "weight_unit"), "Dimensions": ("length", "width", "height", "dimension_unit"),
}  # fmt: skip


def number(value: Decimal) -> str:
    """One text per value: 5, 5.0 and 5.0000 are the same."""
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") or "0" if "." in plain else plain


def moment(value: datetime | None) -> str | None:
    return None if value is None else value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return number(value)
    return list(value) if isinstance(value, tuple) else value


def _pairs(values: Sequence[tuple[str, str]]) -> list[Json]:
    return [{"name": name, "value": value} for name, value in values]


def product_fields(style: StylePush, content: Content, fields: frozenset[str]) -> Json:
    """What belongs to the product as a whole, of the fields that may be written."""
    made: Json = {}
    if "Name" in fields:
        made["name"] = (style.name or content.name) if style.style_id is not None else content.name
    made |= {theirs: _json(getattr(content, theirs)) for ours, theirs in PRODUCT_FIELDS.items() if ours in fields}
    if "Images" in fields:
        made["images"] = [
            {"url": one.url, "position": one.position, "alt_text": one.alt_text} for one in content.images
        ]
    if "CustomFields" in fields:
        made["custom_fields"] = _pairs(content.custom_fields)
    return made


def item_fields(content: Content, fields: frozenset[str]) -> Json:
    made: Json = {"hidden": not content.sell_online} if "Publication" in fields else {}
    for ours, theirs in ITEM_FIELDS.items():
        if ours in fields:
            made |= {name: _json(getattr(content, name)) for name in theirs}
    if "Options" in fields:
        made["options"] = _pairs(content.options)
    return made


def price_fields(price: Price) -> Json:
    on_sale = price.sale_price is not None
    return {
        "price": number(price.price),
        "msrp": _json(price.msrp),
        "sale_price": _json(price.sale_price),
        "sale_from": moment(price.sale_start) if on_sale else None,
        "sale_to": moment(price.sale_end) if on_sale else None,
        "price_tiers": [
            {"tier_code": tier, "minimum_quantity": number(units), "price": number(amount)}
            for tier, units, amount in price.tiers
        ],
    }


def stock_fields(stock: Stock) -> Json:
    """Of a new item; where the channel maps locations, what each of them has."""
    if not stock.by_location:
        return {"quantity": number(stock.quantity)}
    return {
        "quantity": number(stock.quantity),
        "location_quantities": [
            {"location_code": code, "quantity": number(units)} for code, units in sorted(stock.by_location.items())
        ],
    }


def price_row(one: ListingPush) -> Json:
    return {"item_integration_id": one.item_id} | price_fields(one.price)


def inventory_rows(one: ListingPush) -> list[Json]:
    """One for each location of the shop that the channel maps, else one for the whole."""
    row = {"item_integration_id": one.item_id}
    if not one.stock.by_location:
        return [row | {"quantity": number(one.stock.quantity)}]
    return [
        row | {"location_code": code, "quantity": number(units)}
        for code, units in sorted(one.stock.by_location.items())
    ]


def product(
    style: StylePush,
    listings: Sequence[ListingPush],
    product_id: str | None,
    linked: Mapping[int, str],
    publish_new: bool,
    pos_fields: frozenset[str],
) -> Json:
    """A style or a standalone product with the listings that the push wants.

    `product_id`: the shop's, None for a new one. `linked`: product id -> the shop's variant id ("" where only the
    item id names it) for those that the shop has. What a shop has keeps what its merchant made of it: of those that
    were just found there (new to us, known to it) only `pos_fields` are written. A child that is new does not bring
    the texts of the product it joins along.
    """
    items: list[Json] = []
    whole: Json = {}
    is_new = product_id is None and not linked
    for one in listings:
        found = one.product_id in linked
        # hiding is the child's own flag: what is not sold online is hidden whoever owns the product's publication
        kept = pos_fields if one.content.sell_online else pos_fields | {"Publication"}
        fields = one.fields & kept if found and one.is_new else one.fields
        item: Json = {"item_integration_id": one.item_id} | item_fields(one.content, fields)
        if found and linked[one.product_id]:
            item["variant_id"] = linked[one.product_id]
        if not found:
            item |= {"sku": one.item_id} | price_fields(one.price) | stock_fields(one.stock)
        items.append(item)
        if is_new or found:
            whole = product_fields(style, one.content, fields) | whole
            if "Publication" in fields & pos_fields and not is_new:
                whole["publish"] = any(other.content.sell_online for other in style.listings)
    if is_new:
        whole["publish"] = publish_new
        # whatever the fields say, the shop makes no product without a name
        whole.setdefault("name", style.name or listings[0].content.name or listings[0].item_id)
    if product_id:
        whole["product_id"] = product_id
    if style.style_id is None:
        return items[0] | whole
    return {"style_id": style.style_id} | whole | {"children": items}


def always_pos(field_rules: Mapping[str, str]) -> frozenset[str]:
    """The content fields that the POS writes even where the shop had the product first."""
    return frozenset(name for name, rule in field_rules.items() if rule == "pos") & CONTENT_FIELDS


def shipment(push: ShipmentPush, notify: bool) -> Json:
    lines: dict[str, Json] = {}
    for one in push.lines:
        row = lines.setdefault(one.line_id, {"line_id": one.line_id, "item_integration_id": one.item_id, "units": ZERO})
        row["units"] += one.quantity
    return {
        "shipment_id": push.shipment_id,
        "order_id": push.order_remote_id,
        "lines": [
            {"line_id": one["line_id"], "item_integration_id": one["item_integration_id"],
             "quantity": number(one["units"])} for one in lines.values()
        ],
        "ship_date": moment(push.ship_date),
        "carrier": push.carrier,
        "ship_method": push.ship_method,
        "tracking_numbers": list(push.tracking_numbers),
        "tracking_url": push.tracking_url,
        "notify_customer": notify,
        "completes_order": push.completes_order,
        "capture": push.capture,
    }  # fmt: skip


# -- listings, from the shop


def remote(ids: Mapping[str, Any]) -> dict[str, str]:
    return {"product": str(ids["product_id"]), "variant": str(ids["variant_id"])}


def listing(value: Mapping[str, Any]) -> RemoteListing:
    """Raises KeyError, ValueError or ArithmeticError where it is not what the contract says."""

    def amount(name: str) -> Decimal | None:
        return None if value.get(name) in (None, "") else Decimal(str(value[name]))

    published = value.get("published")
    return RemoteListing(
        remote=remote(value),
        sku=str(value["sku"]),
        name=str(value.get("name") or ""),
        price=amount("price"),
        sale_price=amount("sale_price"),
        quantity=amount("quantity"),
        published=published if isinstance(published, bool) else str(published).lower() == "true",
    )
