"""What the core hands to a connector: what a shop should hold, computed, with the ids the shop gave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

CONTENT_FIELDS = frozenset(
    {
        "Name", "ShortDescription", "LongDescription", "AdditionalDescription", "Brand", "Department",
        "Category", "Tags", "UPC", "SupplierSku", "ManufacturerPartNumber", "Weight", "Dimensions",
        "Taxable", "TaxCode", "Images", "CustomFields", "Options", "Publication",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Image:
    url: str
    position: int = 0
    alt_text: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """The content aspect, HTML sanitised, values mapped by the channel's settings. Missing texts are ""."""

    name: str
    short_description: str = ""
    long_description: str = ""
    additional_description: str = ""
    brand: str = ""
    department: str = ""
    category: tuple[str, ...] = ()  # the path, outermost first
    tags: tuple[str, ...] = ()
    upc: str = ""
    supplier_sku: str = ""
    manufacturer_part_number: str = ""
    weight: Decimal | None = None  # with its unit: g, kg, oz, lb
    weight_unit: str = ""
    length: Decimal | None = None  # with their unit: mm, cm, m, in
    width: Decimal | None = None
    height: Decimal | None = None
    dimension_unit: str = ""
    taxable: bool = True
    tax_code: str = ""
    sell_online: bool = True
    options: tuple[tuple[str, str], ...] = ()  # the variant's axes, in order
    images: tuple[Image, ...] = ()
    custom_fields: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """What the shop should ask. `sale_price` is None unless it is below `price` and its window is not over.

    Where the platform has windows, the dates go along; where it has none, `sale_price` is set only inside.
    """

    price: Decimal
    sale_price: Decimal | None = None
    sale_start: datetime | None = None
    sale_end: datetime | None = None
    msrp: Decimal | None = None
    tiers: tuple[tuple[str, Decimal, Decimal], ...] = ()  # tier code, minimum quantity, price


@dataclass(frozen=True, slots=True)
class Stock:
    """What the shop should offer: whole or decimal units, never below 0.

    `by_location` is filled where the channel maps locations one to one: the platform's location id -> units.
    """

    quantity: Decimal
    by_location: Mapping[str, Decimal] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ListingPush:
    """One product on its way to one channel.

    `remote`: the platform's ids, empty when the shop does not have it. `fields`: the names of CONTENT_FIELDS
    that this push may write (all on creation; after that what the field rules leave to the POS).
    `sent`: what the shop last accepted on this lane, None if nothing. `wanted` tells the versions apart.
    """

    product_id: int
    item_id: str  # the SKU
    wanted: int
    remote: Mapping[str, str]
    content: Content
    price: Price
    stock: Stock
    fields: frozenset[str]
    sent: Mapping[str, Any] | None = None

    @property
    def is_new(self) -> bool:
        return not self.remote


@dataclass(frozen=True, slots=True)
class StylePush:
    """A style with all its variants, or (style_id None) a standalone product.

    `wanted`: the product ids that need the push; the others stand there because many platforms
    replace the whole list of variants.
    """

    style_id: str | None
    name: str
    listings: tuple[ListingPush, ...]
    wanted: frozenset[int]

    @property
    def remote_parent(self) -> str | None:
        """The platform's id of the parent product, from any variant that the shop already has."""
        return next((one.remote["product"] for one in self.listings if one.remote.get("product")), None)


class Outcome(StrEnum):
    ACCEPTED = "accepted"  # the shop holds it now
    REJECTED = "rejected"  # refused for good: an issue, not tried again until something changes
    CONFLICT = "conflict"  # several matches, or the SKU is taken: a person decides
    RETRY = "retry"  # this item only, later


@dataclass(frozen=True, slots=True)
class PushResult:
    """What became of one item. `remote`: the ids to remember (merged into what is known).

    `sent` is what to remember as accepted; it is compared with the next wanted value. `created`: push_content made
    it just now, with the price and the stock of the push, so that these need not be pushed again. `until`: a RETRY
    is not tried before (a daily limit of the platform, for one item and not for the channel).
    """

    product_id: int
    outcome: Outcome
    remote: Mapping[str, str] = field(default_factory=dict)
    sent: Mapping[str, Any] | None = None
    created: bool = False
    code: str = ""
    message: str = ""
    hint: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ShipmentLine:
    line_id: str
    item_id: str
    sku: str
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class ShipmentPush:
    """A shipment that the POS saved. `completes_order`: nothing is open after it."""

    shipment_id: str
    order_remote_id: str
    lines: tuple[ShipmentLine, ...]
    ship_date: datetime | None = None
    carrier: str = ""
    ship_method: str = ""
    tracking_numbers: tuple[str, ...] = ()
    tracking_url: str = ""
    notify_customer: bool | None = None
    completes_order: bool = False
    capture: bool = False  # take the money with it, where the platform can


@dataclass(frozen=True, slots=True)
class ShipmentResult:
    remote_id: str
    captured: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True)
class RemoteListing:
    """One sellable thing as the shop has it: for matching and reconciliation."""

    remote: Mapping[str, str]
    sku: str
    name: str = ""
    price: Decimal | None = None
    sale_price: Decimal | None = None
    quantity: Decimal | None = None
    published: bool | None = None
    trashed: bool = False
    barcode: str = ""  # GTIN, EAN or UPC, where a list shows it: for the matching report
