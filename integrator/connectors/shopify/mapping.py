"""Products on their way to Shopify, and listings on their way back. Pure functions.

Money is text there. A sale is a price below `compareAtPrice`; without a sale that is null.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from typing import Any

from integrator.connectors.pushes import Content, Image, ListingPush, Price, RemoteListing, Stock, StylePush
from integrator.connectors.shopify.capabilities import SKU_CHARACTERS
from integrator.connectors.shopify.documents import CUSTOM_ID
from integrator.connectors.shopify.ids import gid, remote_ids
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]

DEFAULT_OPTION, DEFAULT_VALUE = "Title", "Default Title"  # what a product without options has there
WEIGHT_UNITS = {"g": "GRAMS", "kg": "KILOGRAMS", "oz": "OUNCES", "lb": "POUNDS"}
DIMENSION_UNITS = {"mm": "mm", "cm": "cm", "m": "m", "in": "in"}
TITLE_CHARACTERS = 255
OPTION_CHARACTERS = 255

# Content fields that live on the product; the others belong to each variant.
PRODUCT_FIELDS = frozenset(
    {
        "Name", "ShortDescription", "LongDescription", "AdditionalDescription", "Brand", "Department", "Category",
        "Tags", "Images", "CustomFields", "SupplierSku", "ManufacturerPartNumber", "Dimensions", "Publication",
    }
)  # fmt: skip


# -- numbers


def amount(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimal(value: Any) -> Decimal | None:
    if value is None or value == "" or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def whole(quantity: Decimal) -> int:
    """Whole units, rounded down, never below 0."""
    return max(0, int(quantity.to_integral_value(ROUND_DOWN)))


# -- prices and stock


def price_fields(price: Price) -> Json:
    """A sale price that is not below the price is none: the shop would show nonsense."""
    if price.sale_price is not None and price.sale_price < price.price:
        return {"price": amount(price.sale_price), "compareAtPrice": amount(price.price)}
    return {"price": amount(price.price), "compareAtPrice": None}


def prices_of(variant: Mapping[str, Any]) -> tuple[Decimal | None, Decimal | None]:
    """(price, sale price) as the contract has them."""
    asked, before = decimal(variant.get("price")), decimal(variant.get("compareAtPrice"))
    if asked is not None and before is not None and before > asked:
        return before, asked
    return asked, None


def quantities(stock: Stock, location: str) -> dict[str, int]:
    """Location id -> units: one to one where the channel maps locations, else all at the channel's location."""
    if stock.by_location:
        return {place: whole(units) for place, units in sorted(stock.by_location.items())}
    return {location: whole(stock.quantity)}


# -- checks


def problem(one: ListingPush) -> tuple[str, str, str] | None:
    """Why the shop cannot take the item at all: code, message, hint."""
    if len(one.item_id) > SKU_CHARACTERS:
        return (
            "SKU_UNSUITABLE",
            f"The ItemIntegrationId {one.item_id[:40]!r}... has {len(one.item_id)} characters, and Shopify keeps"
            f" {SKU_CHARACTERS}.",
            "Use a shorter ItemIntegrationId.",
        )
    if one.item_id != one.item_id.strip():
        return (
            "SKU_UNSUITABLE",
            f"The ItemIntegrationId {one.item_id!r} begins or ends with a blank, which Shopify removes.",
            "Send it without that blank.",
        )
    if len(one.content.options) > 3:
        names = ", ".join(name for name, _ in one.content.options)
        return (
            "TOO_MANY_OPTIONS",
            f"It has {len(one.content.options)} options ({names}), and a Shopify product has at most 3.",
            "Send at most three Options, for example with two of them joined into one.",
        )
    return None


# -- parts of a product


def custom_id(style: StylePush) -> str:
    """What the product carries to be found again, whatever became of the answer that made it."""
    return f"style:{style.style_id}" if style.style_id is not None else f"item:{style.listings[0].item_id}"


def identifier(value: str) -> Json:
    return {"customId": {"namespace": CUSTOM_ID[0], "key": CUSTOM_ID[1], "value": value}}


def id_metafield(value: str) -> Json:
    return {"namespace": CUSTOM_ID[0], "key": CUSTOM_ID[1], "type": "id", "value": value}


def category_path(content: Content, settings: ShopifySettings) -> tuple[str, ...]:
    path = tuple(one.strip() for one in content.category if one.strip())
    if settings.department_as == "category" and content.department.strip():
        path = (content.department.strip(), *path)
    return path


def tag_names(content: Content, settings: ShopifySettings) -> list[str]:
    """Each once, whatever its case: to Shopify `Sale` and `sale` are one tag."""
    names = [*content.tags]
    if settings.department_as == "tag":
        names.append(content.department)
    if settings.category_as == "tag":
        names += category_path(content, settings)
    seen: dict[str, str] = {}
    for one in names:
        # a comma separates tags there
        cleaned = " ".join(one.replace(",", " ").split())[:TITLE_CHARACTERS]
        if cleaned:
            seen.setdefault(cleaned.casefold(), cleaned)
    return list(seen.values())


def metafields(content: Content, fields: frozenset[str], settings: ShopifySettings) -> list[Json]:
    """POS fields that Shopify has no place for. One name is written once; the later wins."""
    values = {
        "ShortDescription": content.short_description,
        "AdditionalDescription": content.additional_description,
        "SupplierSku": content.supplier_sku,
        "ManufacturerPartNumber": content.manufacturer_part_number,
        "Department": content.department,
        "Brand": content.brand,
        "UPC": content.upc,
    }
    found: dict[tuple[str, str], Json] = {}
    for name, place in settings.fields.items():
        if place and name in fields and values.get(name):
            _put(found, place, values[name])
    if "CustomFields" in fields:
        for name, value in content.custom_fields:
            if value:
                _put(found, name, value)
    if "Dimensions" in fields and content.dimension_unit in DIMENSION_UNITS:
        for name, size in (("length", content.length), ("width", content.width), ("height", content.height)):
            if size is not None:
                value = json.dumps({"value": float(size), "unit": DIMENSION_UNITS[content.dimension_unit]})
                found["custom", name] = {"namespace": "custom", "key": name, "type": "dimension", "value": value}
    return list(found.values())


def _put(found: dict[tuple[str, str], Json], place: str, value: str) -> None:
    namespace, key = metafield_place(place)
    kind = "multi_line_text_field" if "\n" in value or len(value) > TITLE_CHARACTERS else "single_line_text_field"
    found[namespace, key] = {"namespace": namespace, "key": key, "type": kind, "value": value}


def metafield_place(name: str) -> tuple[str, str]:
    """`details.care` as it is; a bare name becomes a key in `custom`. Keys have 2 to 64 letters, digits, _ and -."""
    namespace, dot, key = name.partition(".")
    if not dot:
        namespace, key = "custom", name
    return _key(namespace, 3), _key(key, 2)


def _key(text: str, least: int) -> str:
    plain = "".join(one if one.isascii() and (one.isalnum() or one in "-_") else "_" for one in text.strip().lower())
    return (plain or "_").ljust(least, "_")[:64]


def text_fields(name: str, content: Content, fields: frozenset[str], settings: ShopifySettings) -> Json:
    """What productSet and productUpdate take alike."""
    body: Json = {}
    if "Name" in fields:
        body["title"] = name[:TITLE_CHARACTERS]
    if "LongDescription" in fields:
        body["descriptionHtml"] = content.long_description
    if "Brand" in fields:
        body["vendor"] = content.brand[:TITLE_CHARACTERS]
    path = category_path(content, settings)
    if "Category" in fields and settings.category_as == "type":
        body["productType"] = "/".join(path)[:TITLE_CHARACTERS]
    if "Category" in fields and (node := settings.taxonomy.get("/".join(path))):
        body["category"] = gid("TaxonomyCategory", node)
    if "Tags" in fields:
        body["tags"] = tag_names(content, settings)
    found = metafields(content, fields, settings)
    if found:
        body["metafields"] = found
    return body


def inventory_item(one: ListingPush, fields: frozenset[str]) -> Json:
    """`tracked`: without it the shop keeps no stock of the variant."""
    content = one.content
    body: Json = {"sku": one.item_id, "tracked": True}
    if "Weight" in fields and content.weight is not None and content.weight_unit in WEIGHT_UNITS:
        unit = WEIGHT_UNITS[content.weight_unit]
        body["measurement"] = {"weight": {"value": float(content.weight), "unit": unit}}
    return body


def variant_content(one: ListingPush, fields: frozenset[str]) -> Json:
    """What belongs to each variant, in an update or a creation."""
    body: Json = {}
    if "UPC" in fields and (one.content.upc or not one.is_new):
        body["barcode"] = one.content.upc
    if "Taxable" in fields:
        body["taxable"] = one.content.taxable
    if "TaxCode" in fields and one.content.tax_code:
        body["taxCode"] = one.content.tax_code
    return body


def option_pairs(one: ListingPush) -> tuple[tuple[str, str], ...]:
    return one.content.options or ((DEFAULT_OPTION, DEFAULT_VALUE),)


def option_values(one: ListingPush) -> list[Json]:
    return [
        {"optionName": name[:OPTION_CHARACTERS], "name": value[:OPTION_CHARACTERS]} for name, value in option_pairs(one)
    ]


def new_variant(one: ListingPush, location: str, settings: ShopifySettings) -> Json:
    """A variant of productSet, with price and stock."""
    return {
        "sku": one.item_id,
        "optionValues": option_values(one),
        **price_fields(one.price),
        "inventoryPolicy": "CONTINUE" if settings.oversell else "DENY",
        "inventoryItem": {key: value for key, value in inventory_item(one, one.fields).items() if key != "sku"},
        "inventoryQuantities": [
            {"locationId": gid("Location", place), "name": "available", "quantity": units}
            for place, units in quantities(one.stock, location).items()
        ],
        **variant_content(one, one.fields),
    }


def added_variant(one: ListingPush, location: str, settings: ShopifySettings) -> Json:
    """The same for a product that is there already (productVariantsBulkCreate has other names)."""
    body = new_variant(one, location, settings)
    levels = body.pop("inventoryQuantities")
    body["inventoryQuantities"] = [
        {"locationId": level["locationId"], "availableQuantity": level["quantity"]} for level in levels
    ]
    body["inventoryItem"]["sku"] = body.pop("sku")
    return body


def product_options(listings: Sequence[ListingPush]) -> list[Json]:
    """Every option with the values that the variants use, in their order."""
    found: dict[str, dict[str, None]] = {}
    for one in listings:
        for name, value in option_pairs(one):
            found.setdefault(name[:OPTION_CHARACTERS], {}).setdefault(value[:OPTION_CHARACTERS])
    return [
        {"name": name, "position": position, "values": [{"name": value} for value in values]}
        for position, (name, values) in enumerate(found.items(), 1)
    ]


def new_product(style: StylePush, listings: Sequence[ListingPush], location: str, settings: ShopifySettings) -> Json:
    """The input of productSet for a product that is not there yet: only then are its lists not replaced."""
    first = listings[0]
    name = style.name or first.content.name or first.item_id
    fields = first.fields | {"Name"}
    body = text_fields(name, first.content, fields, settings)
    online = any(one.content.sell_online for one in listings)
    body["status"] = "ACTIVE" if settings.publish_new and online else "DRAFT"
    body["metafields"] = [id_metafield(custom_id(style)), *body.get("metafields", ())]
    body["productOptions"] = product_options(listings)
    body["variants"] = [new_variant(one, location, settings) for one in listings]
    pictures = style_images(listings) if "Images" in first.fields else []
    if pictures:
        body["files"] = [file_input(image) for image in pictures]
        shared = pictures[0].url
        for one, variant in zip(listings, body["variants"], strict=True):
            own = first_image(one)
            if own is not None and own.url != shared:
                variant["file"] = file_input(own)
    return body


# -- pictures


def ordered(images: Iterable[Image]) -> list[Image]:
    """By position, each address once."""
    found: dict[str, Image] = {}
    for image in sorted(images, key=lambda one: one.position):
        found.setdefault(image.url, image)
    return list(found.values())


def first_image(one: ListingPush) -> Image | None:
    return next(iter(ordered(one.content.images)), None)


def style_images(listings: Sequence[ListingPush]) -> list[Image]:
    """The first variant's pictures, then what the others have beside them."""
    found: dict[str, Image] = {}
    for one in listings:
        for image in ordered(one.content.images):
            found.setdefault(image.url, image)
    return list(found.values())


def file_input(image: Image) -> Json:
    return {"originalSource": image.url, "alt": image.alt_text, "contentType": "IMAGE"}


def media_input(image: Image) -> Json:
    return {"originalSource": image.url, "alt": image.alt_text, "mediaContentType": "IMAGE"}


# -- publication


def publication(online: bool, now: str, before: str, by_pos: bool) -> tuple[str | None, str]:
    """The status to write (None: leave it) and the one to remember for later.

    Taking a product down remembers what it was; offering it again puts that back. Apart from that the shop decides,
    unless the field rule gives publication to the POS (`by_pos`).
    """
    if not online:
        return (None if now in ("DRAFT", "ARCHIVED") else "DRAFT"), before or now
    if before:
        return (before if before != now else None), ""
    return ("ACTIVE" if by_pos and now != "ACTIVE" else None), ""


def linked_fields(fields: frozenset[str], settings: ShopifySettings) -> frozenset[str]:
    """What may be written to a product that was in the shop before: only what always is the POS's."""
    return frozenset(name for name in fields if settings.field_rules.get(name) == "pos")


# -- listings


def listing(variant: Mapping[str, Any], locations: Iterable[str] | None = None) -> RemoteListing:
    """`locations`: ids of those that count; None: the shop's own sum of all."""
    product = variant.get("product") or {}
    price, sale = prices_of(variant)
    title = str(variant.get("title") or "")
    name = str(product.get("title") or "")
    tracked = (variant.get("inventoryItem") or {}).get("tracked")
    quantity = decimal(variant.get("inventoryQuantity")) if locations is None else level_sum(variant, set(locations))
    return RemoteListing(
        remote=remote_ids(variant),
        sku=str(variant.get("sku") or ""),
        name=name if title in ("", DEFAULT_VALUE) else f"{name} - {title}",
        price=price,
        sale_price=sale,
        quantity=quantity if tracked else None,
        published=product.get("status") == "ACTIVE" if product.get("status") else None,
        barcode=str(variant.get("barcode") or ""),
    )


def level_sum(variant: Mapping[str, Any], locations: set[str]) -> Decimal | None:
    """What is available at these locations; a location where the item is not stocked has none."""
    stock = variant.get("stock") or {}
    levels = (stock.get("inventoryLevels") or {}).get("nodes")
    if levels is None:
        level = stock.get("inventoryLevel")
        return available(level) or Decimal(0)
    here = [one for one in levels if (one.get("location") or {}).get("id", "").rsplit("/", 1)[-1] in locations]
    return sum((available(one) or Decimal(0) for one in here), Decimal(0))


def available(level: Any) -> Decimal | None:
    found = level.get("quantities") if isinstance(level, Mapping) else None
    return decimal(found[0].get("quantity")) if found else None
