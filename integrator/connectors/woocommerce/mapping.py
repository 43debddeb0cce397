"""Products on their way to the shop, and listings on their way back. Pure functions.

Amounts and weights are texts there; a sale without end has an empty date; times are GMT without an offset.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from integrator.connectors.pushes import Content, Image, Price, RemoteListing, Stock, StylePush
from integrator.connectors.woocommerce.settings import WooSettings

Json = dict[str, Any]

GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}
MILLIMETRES = {
    "mm": Decimal(1),
    "cm": Decimal(10),
    "m": Decimal(1000),
    "in": Decimal("25.4"),
    "yd": Decimal("914.4"),
}
SKU_CHARACTERS = 100  # the shop's column; a longer SKU would be cut and match another

# Content fields that live on the parent of a style; the others belong to each variation.
PARENT_FIELDS = frozenset(
    {"Name", "ShortDescription", "LongDescription", "Brand", "Department", "Category", "Tags", "Images"}
)


# -- numbers, times, texts


def amount(value: Decimal | None) -> str:
    """12.5 -> "12.5"; None -> "", which clears."""
    if value is None:
        return ""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(value: Any) -> Decimal | None:
    """A price, quantity or weight from the shop; None when it is empty or not a number."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def gmt(moment: datetime | None) -> str:
    """A time as `..._gmt` fields take it; None -> "", which clears."""
    return "" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def from_gmt(text: Any) -> datetime | None:
    """A time of a `..._gmt` field, which has no offset."""
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def whole(quantity: Decimal) -> int:
    """Whole units, rounded down, never below 0: half a metre of cloth cannot be sold by the shop."""
    return max(0, int(quantity.to_integral_value(ROUND_DOWN)))


def converted(value: Decimal | None, unit: str, shop_unit: str, table: Mapping[str, Decimal]) -> str | None:
    """In the shop's unit, to four places; None when the POS sent none. An unknown unit counts as the shop's."""
    if value is None:
        return None
    unit, shop_unit = unit.removesuffix("s"), shop_unit.removesuffix("s")
    if unit in table and shop_unit in table and unit != shop_unit:
        value = value * table[unit] / table[shop_unit]
    return amount(value.quantize(Decimal("0.0001"), ROUND_HALF_UP))


def text(value: Any) -> str:
    """A name or title as people read it: the shop hands texts out with HTML entities."""
    return html.unescape(value).strip() if isinstance(value, str) else ""


# -- keys


def parent_sku(pattern: str, style_id: str) -> str:
    return pattern.replace("{style}", style_id)[:SKU_CHARACTERS]


def attribute_slug(name: str) -> str | None:
    """A slug that WooCommerce takes for a shop-wide attribute; None when the name does not give one.

    It has at most 27 characters and must not be one of WordPress's own query words.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug or len(slug) > 27 or slug in RESERVED_SLUGS or not name.isascii():
        return None
    return slug


# WordPress's own query words cannot be attributes.
RESERVED_SLUGS = frozenset(
    "attachment author calendar cat category comments day debug embed error exact feed fields hour m minute "  # noqa: SIM905
    "monthnum more name order orderby p page paged perm post posts preview robots s search second sentence "
    "status tag taxonomy term terms theme title type types w withcomments year".split()
)


def sku_problem(sku: str) -> str:
    """Why the shop would store another SKU than this one; "" when it keeps it as it is."""
    if len(sku) > SKU_CHARACTERS:
        return f"has {len(sku)} characters, and WooCommerce keeps {SKU_CHARACTERS}"
    if "<" in sku:
        return "contains '<', which WooCommerce takes for a tag"
    if re.search(r"[\r\n\t]|  ", sku):
        return "contains several blanks in a row, which WooCommerce makes one"
    if re.search(r"%[0-9a-fA-F]{2}", sku):
        return "contains a percent code like %20, which WooCommerce removes"
    return ""


def sanitised_key(value: str) -> str:
    """How two names of terms or attributes compare: the shop ignores case and folds blanks."""
    return " ".join(html.unescape(value).split()).casefold()


# -- what a push writes


def price_fields(price: Price) -> Json:
    return {
        "regular_price": amount(price.price),
        "sale_price": amount(price.sale_price),
        "date_on_sale_from_gmt": gmt(price.sale_start) if price.sale_price is not None else "",
        "date_on_sale_to_gmt": gmt(price.sale_end) if price.sale_price is not None else "",
    }


def stock_fields(stock: Stock) -> Json:
    return {"manage_stock": True, "stock_quantity": whole(stock.quantity)}


def meta_data(content: Content, fields: frozenset[str], settings: WooSettings) -> list[Json]:
    """POS fields that WooCommerce has no place for, as meta of the product."""
    values = {
        "SupplierSku": content.supplier_sku,
        "ManufacturerPartNumber": content.manufacturer_part_number,
        "AdditionalDescription": content.additional_description,
        "Department": content.department,
        "UPC": content.upc,
    }
    pairs = [
        (key, values[name]) for name, key in settings.meta_fields.items() if key and name in fields and name in values
    ]
    if "CustomFields" in fields:
        pairs += [(settings.custom_fields.get(name, name), value) for name, value in content.custom_fields]
    return [{"key": key, "value": value} for key, value in pairs if key]


def physical_fields(content: Content, fields: frozenset[str], weight_unit: str, dimension_unit: str) -> Json:
    result: Json = {}
    if "Weight" in fields:
        result["weight"] = converted(content.weight, content.weight_unit, weight_unit, GRAMS) or ""
    if "Dimensions" in fields:
        result["dimensions"] = {
            name: converted(value, content.dimension_unit, dimension_unit, MILLIMETRES) or ""
            for name, value in (("length", content.length), ("width", content.width), ("height", content.height))
        }
    return result


def tax_fields(content: Content, fields: frozenset[str], settings: WooSettings, *, variation: bool) -> Json:
    result: Json = {}
    if "Taxable" in fields and not variation:  # a variation's taxability is its parent's
        result["tax_status"] = "taxable" if content.taxable else "none"
    if "TaxCode" in fields and content.tax_code in settings.tax_classes:
        slug = settings.tax_classes[content.tax_code]
        result["tax_class"] = "" if slug == "standard" else slug
    return result


def text_fields(name: str, content: Content, fields: frozenset[str]) -> Json:
    result: Json = {}
    if "Name" in fields:
        result["name"] = name
    if "ShortDescription" in fields:
        result["short_description"] = content.short_description
    if "LongDescription" in fields:
        result["description"] = content.long_description
    return result


def category_path(content: Content, settings: WooSettings) -> tuple[str, ...]:
    path = tuple(part.strip() for part in content.category if part.strip())
    if settings.department_as == "category" and content.department.strip():
        path = (content.department.strip(), *path)
    return path


def tag_names(content: Content, settings: WooSettings) -> list[str]:
    names = [one for one in content.tags if one.strip()]
    if settings.department_as == "tag" and content.department.strip():
        names.append(content.department)
    if settings.brand_as == "tag" and content.brand.strip():
        names.append(content.brand)
    seen: dict[str, str] = {}
    for one in names:
        seen.setdefault(sanitised_key(one), one.strip())
    return list(seen.values())


def option_values(style: StylePush) -> dict[str, list[str]]:
    """Every option name of a style with the values its variants use, in their order; names differ by more than case."""
    found: dict[str, tuple[str, dict[str, str]]] = {}
    for listing in style.listings:
        for name, value in listing.content.options:
            _, values = found.setdefault(sanitised_key(name), (name, {}))
            values.setdefault(sanitised_key(value), value)
    return {name: list(values.values()) for name, values in found.values()}


def attributes_of(product: Mapping[str, Any]) -> list[Json]:
    """A product's attributes as they are, names and options unescaped. `id` 0: an attribute of this product alone."""
    return [
        {
            "id": int(one.get("id") or 0),
            "name": text(one.get("name")),
            "position": int(one.get("position") or 0),
            "visible": bool(one.get("visible")),
            "variation": bool(one.get("variation")),
            "options": [text(option) for option in one.get("options") or []],
        }
        for one in product.get("attributes") or []
    ]


def merged_attributes(
    existing: Sequence[Json], wanted: Mapping[str, Sequence[str]], ids: Mapping[str, int]
) -> tuple[list[Json], bool]:
    """A parent's attributes with the wanted options added, and whether that changes anything.

    The shop replaces the whole list, so that what stands there (also the merchant's own attributes) goes along.
    `ids`: shop-wide attribute by option name; missing: an attribute of this product alone.
    """
    result: list[Json] = [{**one, "options": list(one["options"])} for one in existing]
    changed = False
    for name, values in wanted.items():
        attribute = find_attribute(result, name, ids.get(name, 0))
        if attribute is None:
            attribute = {
                "id": ids.get(name, 0),
                "name": name,
                "position": len(result),
                "visible": True,
                "variation": True,
                "options": [],
            }
            result.append(attribute)
            changed = True
        if not attribute["variation"]:
            attribute["variation"] = changed = True
        known = {sanitised_key(option) for option in attribute["options"]}
        missing = [value for value in values if sanitised_key(value) not in known]
        if missing:
            attribute["options"] += missing
            changed = True
    return result, changed


def attribute_bodies(attributes: Sequence[Json]) -> list[Json]:
    """As they are written: by id where there is one, else by name."""
    drop = {True: "name", False: "id"}
    return [{key: value for key, value in one.items() if key != drop[bool(one["id"])]} for one in attributes]


def find_attribute(attributes: Sequence[Json], name: str, attribute_id: int = 0) -> Json | None:
    """By the shop-wide id, else by name (a parent may have an attribute of its own of that name)."""
    by_id = [one for one in attributes if attribute_id and one["id"] == attribute_id]
    by_name = [one for one in attributes if sanitised_key(one["name"]) == sanitised_key(name)]
    return next(iter(by_id or by_name), None)


def variation_attributes(content: Content, parent: Sequence[Json]) -> list[Json]:
    """The option that each axis of a variant has, in the spelling that the parent uses."""
    result: list[Json] = []
    for name, value in content.options:
        attribute = find_attribute(parent, name)
        key: Json = {"id": attribute["id"]} if attribute and attribute["id"] else {"name": name}
        options = attribute["options"] if attribute else []
        spelled = next((one for one in options if sanitised_key(one) == sanitised_key(value)), value)
        result.append({**key, "option": spelled})
    return result


def image_bodies(images: Sequence[Image], known: Mapping[str, int]) -> list[Json] | None:
    """Pictures as they are written, None when they are there already.

    The shop fetches new ones by URL; those that it has from us (`known`: URL -> its number) go along by number,
    since a URL would be copied once more.
    """
    ordered = sorted(images, key=lambda image: image.position)
    if [image.url for image in ordered] == list(known):
        return None
    return [
        {"id": known[image.url]} if image.url in known else {"src": image.url, "alt": image.alt_text}
        for image in ordered
    ]


def fetched_images(images: Sequence[Image], product: Mapping[str, Any]) -> dict[str, int]:
    """URL -> number of the pictures of a product just written, in their order; {} when they cannot be told apart."""
    ordered = sorted(images, key=lambda image: image.position)
    stored = [int(one["id"]) for one in product.get("images") or [] if one.get("id")]
    if len(stored) != len(ordered):
        return {}
    return {image.url: number for image, number in zip(ordered, stored, strict=True)}


def publication(online: bool, now: str, before: str, by_pos: bool, hidden: str) -> tuple[str | None, str]:
    """The status to write (None: leave it) and the one to remember for later.

    Taking a product down (`hidden`: draft or private) remembers what it was; offering it again puts that back.
    Apart from that the shop decides what is published, unless the field rule gives it to the POS (`by_pos`).
    """
    if not online:
        return (None if now == hidden else hidden), before or now
    if before:
        return before, ""
    return ("publish" if by_pos and now != "publish" else None), ""


def linked_fields(fields: frozenset[str], settings: WooSettings) -> frozenset[str]:
    """What may be written to a product that was in the shop before: only what always is the POS's."""
    return frozenset(name for name in fields if settings.field_rules.get(name) == "pos")


# -- listings


def remote_ids(product: Mapping[str, Any], parent_id: int = 0) -> dict[str, str]:
    """The ids to remember of a product or variation."""
    parent = int(product.get("parent_id") or parent_id or 0)
    if product.get("type") == "variation" or parent_id:
        return {"product": str(parent), "variation": str(product["id"])}
    return {"product": str(product["id"])}


def listing(product: Mapping[str, Any], parent_id: int = 0) -> RemoteListing:
    status = str(product.get("status") or "")
    managed = product.get("manage_stock")
    return RemoteListing(
        remote=remote_ids(product, parent_id),
        sku=str(product.get("sku") or ""),
        name=text(product.get("name")),
        price=decimal(product.get("regular_price")),
        sale_price=decimal(product.get("sale_price")),
        quantity=decimal(product.get("stock_quantity")) if managed else None,
        published=status == "publish" if status else None,
        trashed=status == "trash",
        barcode=str(product.get("global_unique_id") or ""),
    )
