"""Content on its way to a shop: cleaned, mapped by the channel's settings, limited by its field rules. Pure."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

import nh3

from integrator.connectors.base import ChannelSettings
from integrator.connectors.pushes import CONTENT_FIELDS, Content, Image

# C0 and C1 but tab and line ends, surrogates, and what XML 1.0 does not know
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z][a-zA-Z0-9]{1,31});")
TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--.*?-->", re.DOTALL)
ROUNDS = 8  # of entities within entities; whoever nests deeper does not mean text


def legal(text: str) -> str:
    """Without characters that no shop can store; composed (NFC), so that equal texts are equal."""
    return unicodedata.normalize("NFC", FORBIDDEN.sub("", text))


def clean_text(text: str) -> str:
    """A text that is not HTML: entities become what they mean, tags go, blanks and line ends become one blank."""
    for _ in range(ROUNDS):
        before = text
        text = TAG.sub(" ", ENTITY.sub(lambda found: html.unescape(found.group()), text))
        if text == before:
            break
    return " ".join(legal(text).split())


@lru_cache(maxsize=256)
def clean_html(text: str) -> str:
    """HTML that a shop may show: no scripts, styles, forms, frames, event handlers or other than web links."""
    return nh3.clean(legal(text)).strip() if text.strip() else ""


def mapped(settings: ChannelSettings, field: str, value: str) -> str:
    """The shop's word for a value of a field or option; as it is where the channel does not say."""
    return settings.values.get(field, {}).get(value, value)


def category(settings: ChannelSettings, path: str) -> tuple[str, ...]:
    """The shop's path: of the longest part of the POS's path that the channel maps, with the rest behind it."""
    levels = [level.strip() for level in path.split("/") if level.strip()]
    for length in range(len(levels), 0, -1):
        found = settings.categories.get("/".join(levels[:length]))
        if found is not None:
            head = [level.strip() for level in found.split("/") if level.strip()]
            # a part that is mapped to nothing has no place in the shop, nor has what is below it
            return tuple(clean_text(level) for level in [*head, *levels[length:]]) if head else ()
    return tuple(clean_text(level) for level in levels)


def custom_fields(settings: ChannelSettings, stored: list[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    """Those that the channel maps, under the shop's names; all as they are where it maps none."""
    names = settings.custom_fields
    return tuple(
        (names.get(one["Name"], one["Name"]), legal(mapped(settings, one["Name"], one["Value"])))
        for one in stored
        if not names or names.get(one["Name"])
    )


def options(settings: ChannelSettings, stored: list[Mapping[str, str]]) -> tuple[tuple[str, str], ...]:
    return tuple((clean_text(one["Name"]), clean_text(mapped(settings, one["Name"], one["Value"]))) for one in stored)


def brief(stored: Mapping[str, Any], settings: ChannelSettings) -> Content:
    """What price and stock pushes need of the content: the name, the options, whether it is sold online."""
    return Content(
        name=clean_text(stored.get("Name", "")),
        options=options(settings, stored.get("Options") or []),
        sell_online=bool(stored.get("SellOnline", True)),
    )


def content(stored: Mapping[str, Any], settings: ChannelSettings) -> Content:
    """`stored`: products.content. What was never sent is empty, true for Taxable and SellOnline."""

    def word(field: str) -> str:
        return clean_text(mapped(settings, field, stored.get(field, "")))

    def measure(field: str) -> Decimal | None:
        return Decimal(stored[field]) if field in stored else None

    short = brief(stored, settings)
    return Content(
        name=short.name,
        short_description=clean_html(stored.get("ShortDescription", "")),
        long_description=clean_html(stored.get("LongDescription", "")),
        additional_description=clean_html(stored.get("AdditionalDescription", "")),
        brand=word("Brand"),
        department=word("Department"),
        category=category(settings, stored.get("Category", "")),
        tags=tuple(dict.fromkeys(clean_text(mapped(settings, "Tags", tag)) for tag in stored.get("Tags") or [])),
        upc=word("UPC"),
        supplier_sku=word("SupplierSku"),
        manufacturer_part_number=word("ManufacturerPartNumber"),
        weight=measure("Weight"),
        weight_unit=stored.get("WeightUnit", ""),
        length=measure("Length"),
        width=measure("Width"),
        height=measure("Height"),
        dimension_unit=stored.get("DimensionUnit", ""),
        taxable=bool(stored.get("Taxable", True)),
        tax_code=word("TaxCode"),
        sell_online=short.sell_online,
        options=short.options,
        images=images(stored.get("Images") or []),
        custom_fields=custom_fields(settings, stored.get("CustomFields") or []),
    )


def images(stored: list[Mapping[str, Any]]) -> tuple[Image, ...]:
    """In the order of their positions; those without one in the order in which they were sent."""
    found = [
        Image(one["Url"], one.get("Position", index), clean_text(one.get("AltText", "")))
        for index, one in enumerate(stored)
    ]
    return tuple(sorted(found, key=lambda one: one.position))


def allowed(settings: ChannelSettings, *, is_new: bool, sell_online: bool, hidden: bool) -> frozenset[str]:
    """The content fields that a push may write.

    All on creation; afterwards what the field rules give to the POS; never what they give to the shop.
    SellOnline=false takes an item off whoever owns its publication, and only that (`hidden`: the last push did
    so) is undone by SellOnline=true.
    """
    rules = settings.field_rules
    wanted = {
        field
        for field in CONTENT_FIELDS
        if (rule := rules.get(field, "first")) == "pos" or (is_new and rule == "first")
    }
    if (not sell_online or hidden) and rules.get("Publication") != "shop":
        wanted.add("Publication")
    return frozenset(wanted)
