"""The items of ProductTasks."""

from __future__ import annotations

from integrator.contract.common_types import CustomField, LocationQuantity, PriceTier, ProductOption
from integrator.contract.fields import (
    ABSENT,
    REFUSED,
    STATED,
    Model,
    array,
    boolean,
    decimal,
    enumeration,
    integer,
    long,
    moment,
    one_of,
    text,
)

from spyne import Unicode  # isort: skip

TIMES = (
    "With any offset, or Z; without one it is taken in the time zone that is set for the store (a time that the "
    "change to summer time skips counts as after it; of a time that occurs twice the first counts)."
)
DECIMALS = "At most 15 digits before and 4 after the point; never rounded."

WeightUnit = enumeration("WeightUnit", "Gram, kilogram, ounce or pound (avoirdupois).", "g", "kg", "oz", "lb")
DimensionUnit = enumeration("DimensionUnit", "Millimetre, centimetre, metre or inch.", "mm", "cm", "m", "in")


class ProductImage(Model):
    """A picture that the shop's platform fetches."""

    Url = text("An absolute http or https address that the platform can reach.", REFUSED, required=True, limit=2048)
    Position = integer("The order of the pictures, smallest first. Absent: in the order they are sent.", ABSENT)
    AltText = text("What the picture shows, for those who do not see it.", ABSENT, limit=512)


def item_id() -> object:
    return text(
        "The POS's own unique id of the item, the key of everything: outer blanks are trimmed, compared exactly "
        "(also upper and lower case), never changed; it becomes the SKU in the shop.",
        REFUSED,
        required=True,
        limit=64,
    )


def price(creation: str = "") -> object:
    return decimal(f"The regular price of one unit in the store's currency, at least 0. {DECIMALS}{creation}", REFUSED)


def sale_price() -> object:
    return decimal(
        "In force only while it is below Price and the time is between SaleStart and SaleEnd. 0 clears it, with "
        f"SaleStart and SaleEnd; so does nil. {DECIMALS}"
    )


def sale_start() -> object:
    return moment(f"When the sale price begins. Without it: at once. {TIMES}")


def sale_end() -> object:
    return moment(f"When the sale price ends. Without it: never. {TIMES}")


def msrp() -> object:
    return decimal(f"The manufacturer's suggested retail price, at least 0. {DECIMALS}")


def cost() -> object:
    return decimal(f"What the merchant pays, at least 0. It never leaves for a shop. {DECIMALS}")


def tiers() -> object:
    return array(PriceTier, "Prices for groups or quantities, where the platform has them. Sent whole: replaces all.")


def quantity() -> object:
    return decimal(
        "Units in stock: the absolute number, not a difference. May be negative; shops then show 0. Overridden where "
        f"LocationQuantities are known. {DECIMALS}"
    )


def locations() -> object:
    return array(
        LocationQuantity,
        "Units per location; the sum over the enabled locations overrides Quantity. Locations that are not sent stay "
        "as they are. Absent: unchanged. Nil or without elements: what is known of all locations is removed, and "
        "Quantity counts again.",
        STATED,
    )


def version(aspect: str) -> object:
    return long(
        f"The POS's own counter of {aspect}. An item with a lower one than the stored is answered Superseded and "
        "changes nothing.",
        ABSENT,
    )


def last_modified(aspect: str) -> object:
    return moment(
        f"When {aspect} last changed in the POS. An item with an earlier one than the stored is answered Superseded "
        f"and changes nothing. {TIMES}",
        ABSENT,
    )


class POSProduct(Model):
    """A product, or a variant of a style, as the POS has it. Fields that are absent stay as they are; the elements
    may come in any order; elements that the service does not know are ignored and counted in Warnings."""

    ItemIntegrationId = item_id()
    StyleId = text(
        "Items with the same StyleId are the variants of one product in the shop. Absent on creation: standalone.",
        limit=64,
    )
    StyleName = text("The name of the style in the shop. Absent: the Name of its first variant.", limit=255)
    Options = array(
        ProductOption,
        "The axes of a variant, 1 to 3, with the same names in the whole style and values of its own for each "
        "variant. An item with a StyleId needs at least one. Sent whole: replaces all.",
    )
    Name = text("The name of the item. Needed when it is created.", REFUSED, limit=255)
    ShortDescription = text("HTML is allowed; it is sanitised before it reaches a shop.", limit=100_000)
    LongDescription = text("HTML is allowed; it is sanitised before it reaches a shop.", limit=1_000_000)
    AdditionalDescription = text("HTML is allowed; it is sanitised before it reaches a shop.", limit=1_000_000)
    Brand = text("The brand, mapped per channel.", limit=255)
    Department = text("The department, mapped per channel.", limit=255)
    Category = text('The path of the category with "/", outermost first, mapped per channel.', limit=1024)
    Tags = array(Unicode, "Words by which a shop groups products. Sent whole: replaces all.", name="Tag")
    UPC = text("UPC, EAN or GTIN.", limit=64)
    SupplierSku = text("The supplier's number of the item.", limit=64)
    ManufacturerPartNumber = text("The manufacturer's number of the item.", limit=64)
    Price = price(" Needed when the item is created.")
    Msrp = msrp()
    Cost = cost()
    SalePrice = sale_price()
    SaleStart = sale_start()
    SaleEnd = sale_end()
    PriceTiers = tiers()
    Quantity = quantity()
    LocationQuantities = locations()
    Weight = decimal(f"In WeightUnit, at least 0. {DECIMALS}")
    WeightUnit = one_of(WeightUnit, "The unit of Weight.")
    Length = decimal(f"In DimensionUnit, at least 0. {DECIMALS}")
    Width = decimal(f"In DimensionUnit, at least 0. {DECIMALS}")
    Height = decimal(f"In DimensionUnit, at least 0. {DECIMALS}")
    DimensionUnit = one_of(DimensionUnit, "The unit of Length, Width and Height.")
    Taxable = boolean("Whether the shop charges tax. Never sent, or cleared: true.")
    TaxCode = text("The tax class, mapped per channel.", limit=64)
    SellOnline = boolean(
        "False: the item is unpublished in the shops and its quantity is 0 there; it is never deleted. Never sent, or "
        "cleared: true."
    )
    Images = array(
        ProductImage,
        "Pictures, added when the shop's product is created, and replaced later only if the channel's rules say so. "
        "Sent whole: replaces all.",
    )
    CustomFields = array(CustomField, "Fields of the merchant's own, mapped per channel. Sent whole: replaces all.")
    Version = version("this item; content, price and stock each remember the last")
    LastModified = last_modified("this item")


class InventoryItem(Model):
    """The stock of an item that is known already. Never touches a price."""

    ItemIntegrationId = item_id()
    Quantity = quantity()
    LocationQuantities = locations()
    Version = version("the item's stock")
    LastModified = last_modified("the item's stock")


class PricingItem(Model):
    """The prices of an item that is known already. Never touches a quantity."""

    ItemIntegrationId = item_id()
    Price = price()
    SalePrice = sale_price()
    SaleStart = sale_start()
    SaleEnd = sale_end()
    Msrp = msrp()
    Cost = cost()
    PriceTiers = tiers()
    Version = version("the item's prices")
    LastModified = last_modified("the item's prices")
