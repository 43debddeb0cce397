"""Products on their way to the shop, and listings on their way back. Pure functions.

Amounts are JSON numbers there; custom attributes are a list of codes and values; sale dates are the shop's own
wall clock without an offset.
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from zoneinfo import ZoneInfo

from integrator.connectors.magento.capabilities import SKU_CHARACTERS
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.pushes import Content, Price, RemoteListing

Json = dict[str, Any]

ENABLED, DISABLED = 1, 2
NOT_VISIBLE, CATALOGUE_AND_SEARCH = 1, 4
SELLABLE_BY_PARTS = frozenset({"configurable", "bundle", "grouped"})  # their parts have the prices and the stock

GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}
FOUR_PLACES = Decimal("0.0001")
LAST_SECOND = time(23, 59, 59)

# Content fields that are also written to the parent of a style, from its first variant.
PARENT_FIELDS = frozenset(
    {
        "Name", "ShortDescription", "LongDescription", "AdditionalDescription", "Brand", "Department", "Category",
        "Tags", "Images", "Taxable", "TaxCode",
    }
)  # fmt: skip


# -- numbers, times, texts


def decimal(value: Any) -> Decimal | None:
    """A price, quantity or weight from the shop; None when it is empty or not a number."""
    if value is None or isinstance(value, bool) or value == "":
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def price_of(value: Any) -> Decimal | None:
    """An amount, without the float's idle or invented places."""
    number = decimal(value)
    return None if number is None else number.quantize(FOUR_PLACES, ROUND_HALF_UP).normalize() + 0


def from_utc(text: Any) -> datetime | None:
    """A time of the shop: UTC without offset."""
    if not isinstance(text, str) or not text.strip():
        return None
    try:
        moment = datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def whole(quantity: Decimal) -> int:
    """Whole units, rounded down, never below 0."""
    return max(0, int(quantity.to_integral_value(ROUND_DOWN)))


def text(value: Any) -> str:
    """A name or title as people read it."""
    return html.unescape(value).strip() if isinstance(value, str) else ""


def converted(value: Decimal, unit: str, shop_unit: str) -> Decimal:
    """A weight in the shop's unit, to four places; an unknown unit counts as the shop's."""
    unit = unit.removesuffix("s")
    if unit in GRAMS and shop_unit in GRAMS and unit != shop_unit:
        value = value * GRAMS[unit] / GRAMS[shop_unit]
    return value.quantize(FOUR_PLACES, ROUND_HALF_UP)


def same_label(value: str) -> str:
    """How two labels compare: the shop ignores case and outer blanks."""
    return " ".join(html.unescape(value).split()).casefold()


# -- sale windows


def window_to_shop(price: Price, zone: ZoneInfo) -> tuple[str, str]:
    """(from, to) of a sale price in the shop's wall clock; "" is open.

    Magento sells at the sale price until a day after the end date. So the end goes there a day earlier; an end on
    midnight, or in the last second of a day, becomes the day itself, which is exact in lists too (they know only days).
    """
    start = price.sale_start.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if price.sale_start else ""
    if price.sale_end is None:
        return start, ""
    end = price.sale_end.astimezone(zone).replace(tzinfo=None)
    whole_day = end.time() == LAST_SECOND
    last = datetime.combine(end.date(), time()) if whole_day else end - timedelta(days=1)
    return start, last.strftime("%Y-%m-%d %H:%M:%S")


def shop_end(to_date: str, zone: ZoneInfo) -> datetime | None:
    """When a sale with this end date is over in the shop."""
    wall = from_utc(to_date)
    if wall is None:
        return None
    return (wall.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=zone).astimezone(UTC)


def special_attributes(price: Price, zone: ZoneInfo) -> list[Json]:
    """The sale as attributes of a product; empty values clear it."""
    if price.sale_price is None:
        return [attribute(code, "") for code in ("special_price", "special_from_date", "special_to_date")]
    start, end = window_to_shop(price, zone)
    return [
        attribute("special_price", format(price.sale_price, "f")),
        attribute("special_from_date", start),
        attribute("special_to_date", end),
    ]


# -- keys


def attribute(code: str, value: Any) -> Json:
    return {"attribute_code": code, "value": value}


def custom(product: Mapping[str, Any], code: str) -> Any:
    """A custom attribute of a product, None when it has none of that code."""
    for one in product.get("custom_attributes") or []:
        if one.get("attribute_code") == code:
            return one.get("value")
    return None


def digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()[:8]


def slug(value: str) -> str:
    """Lower-case Latin letters, digits and dashes; other scripts leave nothing."""
    plain = unicodedata.normalize("NFKD", value.replace("ß", "ss")).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def url_key(name: str, sku: str, *, again: bool = False) -> str:
    """Unique, because the SKU is: Magento makes one of the name alone, and refuses a second product of that name."""
    parts = [slug(name)[:160], slug(sku) or digest(sku)]
    if again or slug(sku) != sku.lower():  # two SKUs may have the same slug
        parts.append(digest(sku))
    return "-".join(part for part in parts if part)


def child_key(name: str, sku: str) -> str:
    """The URL key of a variant, which no customer sees: by its end our own variants are told from the merchant's."""
    return "-".join(part for part in (slug(name)[:160], "v", digest(sku)) if part)


def is_ours(product: Mapping[str, Any]) -> bool:
    """Whether a variant was made by us and not by the merchant."""
    return str(custom(product, "url_key") or "").endswith(f"v-{digest(str(product.get('sku')))}")


def parent_sku(pattern: str, style_id: str) -> str:
    """A SKU that can stand in a path: other characters become dashes, told apart by a digest."""
    given = pattern.replace("{style}", style_id)
    safe = re.sub(r"[^A-Za-z0-9._~-]+", "-", given)
    if safe == given and len(given) <= SKU_CHARACTERS:
        return given
    return f"{safe[: SKU_CHARACTERS - 9]}-{digest(given)}"


def sku_problem(sku: str) -> str:
    """Why the shop would store another SKU than this one; "" when it keeps it as it is."""
    if len(sku) > SKU_CHARACTERS:
        return f"has {len(sku)} characters, and Magento keeps {SKU_CHARACTERS}"
    if re.search(r"[\r\n\t]", sku) or sku != sku.strip():
        return "begins or ends with a blank, or contains a line end"
    return ""


def attribute_code(name: str) -> str:
    """A code that Magento takes: at most 30 Latin letters, digits and underscores, a letter first."""
    code = slug(name).replace("-", "_")
    if not code or not code[0].isalpha() or not name.isascii():
        return f"option_{digest(same_label(name))}"
    return code[:30].rstrip("_")


# -- what a push writes


def content_attributes(content: Content, fields: frozenset[str]) -> list[Json]:
    pairs = (
        ("ShortDescription", "short_description", content.short_description),
        ("LongDescription", "description", content.long_description),
    )
    return [attribute(code, value) for name, code, value in pairs if name in fields]


def mapped_values(content: Content, price: Price, fields: frozenset[str], settings: MagentoSettings) -> dict[str, str]:
    """Attribute code -> value of the POS fields that the channel maps to attributes."""
    size = "Dimensions"
    values: dict[str, tuple[str, str]] = {
        "Brand": ("Brand", content.brand),
        "Department": ("Department", content.department),
        "Tags": ("Tags", ", ".join(content.tags)),
        "UPC": ("UPC", content.upc),
        "SupplierSku": ("SupplierSku", content.supplier_sku),
        "ManufacturerPartNumber": ("ManufacturerPartNumber", content.manufacturer_part_number),
        "AdditionalDescription": ("AdditionalDescription", content.additional_description),
        "Length": (size, "" if content.length is None else format(content.length, "f")),
        "Width": (size, "" if content.width is None else format(content.width, "f")),
        "Height": (size, "" if content.height is None else format(content.height, "f")),
    }
    found = {
        code: values[name][1]
        for name, code in settings.attributes.items()
        if code and name in values and values[name][0] in fields
    }
    if "CustomFields" in fields and settings.custom_fields:
        found |= dict(content.custom_fields)
    return found


def publication(online: bool, now: int, before: str, by_pos: bool) -> tuple[int | None, str]:
    """The status to write (None: leave it) and the one to remember for later.

    Taking a product down remembers what it was; offering it again puts that back. Apart from that the shop decides
    what is published, unless the field rule gives it to the POS (`by_pos`).
    """
    if not online:
        return (None if now == DISABLED else DISABLED), before or str(now)
    if before:
        return int(before), ""
    return (ENABLED if by_pos and now != ENABLED else None), ""


def linked_fields(fields: frozenset[str], settings: MagentoSettings) -> frozenset[str]:
    """What may be written to a product that was in the shop before: only what always is the POS's."""
    return frozenset(name for name in fields if settings.field_rules.get(name) == "pos")


# -- listings


def remote_ids(product: Mapping[str, Any], parent: str = "") -> dict[str, str]:
    """The ids to remember. A variant is a product of its own; `parent` is its configurable product."""
    return {"product": str(product["id"]), **({"parent": parent} if parent else {})}


def listing(product: Mapping[str, Any], quantity: Decimal | None, zone: ZoneInfo, now: datetime) -> RemoteListing:
    over = shop_end(str(custom(product, "special_to_date") or ""), zone)
    return RemoteListing(
        remote=remote_ids(product),
        sku=str(product.get("sku") or ""),
        name=text(product.get("name")),
        price=price_of(product.get("price")),
        sale_price=None if over is not None and over <= now else price_of(custom(product, "special_price")),
        quantity=quantity,
        published=product.get("status") == ENABLED,
    )
