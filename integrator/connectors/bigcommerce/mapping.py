"""Products on their way to the shop, and listings on their way back. Pure functions.

A product without options has one hidden variant, the base variant, with the same SKU; `kind` simple marks it in the
ids that are remembered. Prices, stock and the SKU of both kinds are written by variant.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integrator.connectors.bigcommerce.capabilities import (
    CUSTOM_FIELD_CHARACTERS,
    CUSTOM_FIELDS,
    NAME_CHARACTERS,
    SKU_CHARACTERS,
)
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import Content, Image, Price, RemoteListing, Stock

Json = dict[str, Any]

GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}
MILLIMETRES = {"mm": Decimal(1), "cm": Decimal(10), "m": Decimal(1000), "in": Decimal("25.4")}
WEIGHT_UNITS = {"ounces": "oz", "oz": "oz", "lbs": "lb", "pounds": "lb", "kgs": "kg", "grams": "g", "kilograms": "kg"}
LENGTH_UNITS = {"inches": "in", "centimeters": "cm", "centimetres": "cm"}
UPC_CHARACTERS = 14
DEFAULT_TAX_CLASS = 0  # every store's
TAGS = re.compile(r"<[^>]*>")

# Content fields that live on the product of a style; the others belong to each variant.
PARENT_FIELDS = frozenset(
    {
        "Name", "ShortDescription", "LongDescription", "AdditionalDescription", "Brand", "Department", "Category",
        "Tags", "Taxable", "TaxCode", "Images", "CustomFields",
    }
)  # fmt: skip


def decimal(value: Any) -> Decimal | None:
    """A price, quantity or weight from the shop; None when it is empty or not a number."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def text(value: Any) -> str:
    return html.unescape(value).strip() if isinstance(value, str) else ""


def whole(quantity: Decimal) -> int:
    """Whole units, rounded down, never below 0."""
    return max(0, int(quantity.to_integral_value(ROUND_DOWN)))


def converted(value: Decimal | None, unit: str, shop_unit: str, table: Mapping[str, Decimal]) -> Decimal | None:
    """In the shop's unit, to four places. An unknown unit counts as the shop's."""
    if value is None:
        return None
    unit = unit.removesuffix("s")
    if unit in table and shop_unit in table and unit != shop_unit:
        value = value * table[unit] / table[shop_unit]
    return value.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def sku_problem(sku: str) -> str:
    """Why the shop would not keep this SKU as it is; "" when it does."""
    if len(sku) > SKU_CHARACTERS:
        return f"has {len(sku)} characters, and BigCommerce keeps {SKU_CHARACTERS}"
    if sku != sku.strip():
        return "begins or ends with a blank, which BigCommerce removes"
    return ""


def key(value: str) -> str:
    """How two names of options, values, brands or categories compare."""
    return " ".join(html.unescape(value).split()).casefold()


def numbered_name(name: str, sku: str) -> str:
    """A name that no other product has: the SKU stands behind it, within what the shop keeps."""
    tail = f" ({sku})"
    return f"{name[: max(0, NAME_CHARACTERS - len(tail))].rstrip()}{tail}"[:NAME_CHARACTERS].strip()


# -- what a push writes


def price_fields(price: Price, sent: Mapping[str, Any] | None = None) -> Json:
    """0 takes a sale price or an MSRP away: the fields of a batch cannot be null.

    An MSRP that the POS never sent (`sent`: what the shop accepted before) is the merchant's, and stays.
    """
    body: Json = {"price": price.price, "sale_price": price.sale_price if price.sale_price is not None else 0}
    if price.msrp is not None:
        body["retail_price"] = price.msrp
    elif sent and sent.get("Msrp"):
        body["retail_price"] = 0
    return body


def own_fields(content: Content, fields: frozenset[str], weight_unit: str, dimension_unit: str) -> Json:
    """What belongs to the sellable thing itself, a simple product or a variant."""
    body: Json = {}
    if "Weight" in fields and content.weight is not None:
        body["weight"] = converted(content.weight, content.weight_unit, weight_unit, GRAMS)
    if "Dimensions" in fields:
        sizes = (("depth", content.length), ("width", content.width), ("height", content.height))
        for name, value in sizes:
            size = converted(value, content.dimension_unit, dimension_unit, MILLIMETRES)
            if size is not None:
                body[name] = size
    if "UPC" in fields and len(content.upc) <= UPC_CHARACTERS:
        body["upc"] = content.upc
    if "ManufacturerPartNumber" in fields:
        body["mpn"] = content.manufacturer_part_number
    return body


def category_path(content: Content, settings: BigSettings) -> tuple[str, ...]:
    path = tuple(part.strip() for part in content.category if part.strip())
    if settings.department_as == "category" and content.department.strip():
        path = (content.department.strip(), *path)
    return path


def keywords(tags: Iterable[str]) -> str:
    """Tags as search keywords, which a comma separates."""
    found: dict[str, str] = {}
    for one in tags:
        clean = " ".join(one.replace(",", " ").split())
        if clean:
            found.setdefault(clean.casefold(), clean)
    return ",".join(found.values())


def extra_texts(content: Content, fields: frozenset[str], settings: BigSettings) -> dict[str, str]:
    """POS texts that BigCommerce has no field for, by where the channel's text_fields puts them."""
    values = {
        "ShortDescription": content.short_description,
        "AdditionalDescription": content.additional_description,
        "SupplierSku": content.supplier_sku,
    }
    return {target: values[source] for source, target in settings.text_fields.items() if target and source in fields}


def custom_fields(content: Content, fields: frozenset[str], settings: BigSettings) -> list[Json]:
    """By name, each once; values longer than the shop keeps are cut. Empty ones are left out: it takes none."""
    pairs: dict[str, str] = {}
    if "CustomFields" in fields:
        pairs |= {settings.custom_fields.get(name, name): value for name, value in content.custom_fields}
    for target, value in extra_texts(content, fields, settings).items():
        if target.startswith("custom:"):
            pairs[target.removeprefix("custom:")] = value
    return [
        {"name": name[:CUSTOM_FIELD_CHARACTERS], "value": value[:CUSTOM_FIELD_CHARACTERS]}
        for name, value in pairs.items()
        if name and value
    ][:CUSTOM_FIELDS]


def product_fields(name: str, content: Content, fields: frozenset[str], settings: BigSettings) -> Json:
    """Texts and places of a product, without categories, pictures and custom fields, which need the shop's ids."""
    body: Json = {}
    if "Name" in fields:
        body["name"] = name[:NAME_CHARACTERS]
    if "LongDescription" in fields:
        body["description"] = content.long_description
    if "Brand" in fields and content.brand.strip():
        body["brand_name"] = content.brand.strip()
    if "Tags" in fields and settings.tags_as == "search_keywords":
        body["search_keywords"] = keywords(content.tags)
    if "Taxable" in fields and not content.taxable:
        body["tax_class_id"] = settings.untaxed_class
    elif "TaxCode" in fields and content.tax_code in settings.tax_classes:
        body["tax_class_id"] = settings.tax_classes[content.tax_code]
    else:
        if "Taxable" in fields:
            body["tax_class_id"] = DEFAULT_TAX_CLASS
        if "TaxCode" in fields and content.tax_code:
            body["product_tax_code"] = content.tax_code
    for target, value in extra_texts(content, fields, settings).items():
        if not target.startswith("custom:"):
            body[target] = text(TAGS.sub(" ", value)) if target != "warranty" else value
    return body


def image_bodies(images: Sequence[Image]) -> list[Json]:
    ordered = sorted(images, key=lambda image: image.position)
    return [
        {"image_url": one.url, "description": one.alt_text, "sort_order": number, "is_thumbnail": number == 0}
        for number, one in enumerate(ordered)
    ]


def option_values(content: Content) -> list[Json]:
    return [{"option_display_name": name, "label": value} for name, value in content.options]


def option_ids(options: Sequence[Json], content: Content) -> tuple[list[Json], list[tuple[str, str]]]:
    """The ids of a variant's option values in its product, and the values that the product does not have yet."""
    found: list[Json] = []
    missing: list[tuple[str, str]] = []
    for name, value in content.options:
        option = find_option(options, name)
        known = option.get("option_values") or [] if option else []
        match = next((one for one in known if key(str(one.get("label"))) == key(value)), None)
        if option is None or match is None:
            missing.append((name, value))
        else:
            found.append({"option_id": option["id"], "id": match["id"]})
    return found, missing


def find_option(options: Sequence[Json], name: str) -> Json | None:
    return next((one for one in options if key(str(one.get("display_name"))) == key(name)), None)


def visibility(online: bool, now: bool | None, before: bool | None, by_pos: bool) -> tuple[bool | None, bool | None]:
    """What to write to is_visible (None: leave it), and what to remember of before it was taken down.

    Taking a product down remembers what it was; offering it again puts that back. Apart from that the shop decides
    what is shown, unless the field rule gives it to the POS.
    """
    if not online:
        return (None if now is False else False), (before if before is not None else now)
    if before is not None:
        return before, None
    return (True if by_pos and now is not True else None), None


def linked_fields(fields: frozenset[str], settings: BigSettings) -> frozenset[str]:
    """What may be written to a product that was in the shop before: only what always is the POS's."""
    return frozenset(name for name in fields if settings.field_rules.get(name) == "pos")


# -- stock


@dataclass(frozen=True, slots=True)
class StockRow:
    product_id: int
    location: int
    ids: tuple[tuple[str, int], ...]  # variant_id or product_id
    quantity: int

    def body(self) -> Json:
        return {"location_id": self.location, **dict(self.ids), "quantity": self.quantity}


def stock_rows(product_id: int, remote: Mapping[str, str], stock: Stock, location: int) -> list[StockRow]:
    """One for each location of the channel's map, or the sum at `location`.

    A simple product's stock is tracked by product, a variant's by variant: the other one is refused.
    """
    simple = remote.get("kind") == "simple"
    ids = ("product_id", int(remote["product"])) if simple else ("variant_id", int(remote["variant"]))
    wanted = {int(place): units for place, units in stock.by_location.items()} or {location: stock.quantity}
    return [StockRow(product_id, place, (ids,), whole(units)) for place, units in wanted.items()]


# -- listings


def is_simple(product: Mapping[str, Any]) -> bool:
    return bool(product.get("base_variant_id"))


def remote_ids(product: Mapping[str, Any], variant: Mapping[str, Any]) -> dict[str, str]:
    """The ids to remember of what is sold: a product without options, or a variant."""
    ids = {"product": str(product["id"]), "variant": str(variant["id"])}
    return {**ids, "kind": "simple"} if is_simple(product) else ids


def asked_price(product: Mapping[str, Any], variant: Mapping[str, Any], name: str) -> Decimal | None:
    """A variant without a price of its own has its product's. A sale price of 0 is none."""
    own = decimal(variant.get(name))
    found = own if own is not None else decimal(product.get(name))
    return found if found or name == "price" else None


def listing(product: Mapping[str, Any], variant: Mapping[str, Any]) -> RemoteListing:
    tracked = product.get("inventory_tracking") != "none"
    simple = is_simple(product)
    level = product.get("inventory_level") if simple else variant.get("inventory_level")
    visible = product.get("is_visible")
    if visible and not simple and variant.get("purchasing_disabled"):
        visible = False
    return RemoteListing(
        remote=remote_ids(product, variant),
        sku=str(variant.get("sku") or (product.get("sku") if simple else "") or ""),
        name=text(product.get("name")),
        price=asked_price(product, variant, "price"),
        sale_price=asked_price(product, variant, "sale_price"),
        quantity=decimal(level) if tracked else None,
        published=bool(visible) if visible is not None else None,
        barcode=str(variant.get("upc") or (product.get("upc") if simple else "") or ""),
    )
