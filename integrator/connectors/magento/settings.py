"""Credentials and settings of a Magento channel; their fields are the options of `integrator channel add`."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from integrator.connectors.base import ChannelSettings, Credentials


def base_url(text: str) -> str:
    """The shop's address with its scheme and folder, without /rest, store code, query and slash.

    Raises ValueError when there is no host in it.
    """
    text = text.strip()
    if "://" not in text:
        text = "https://" + text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a shop; write it like https://shop.example")
    path = parts.path
    for marker in ("/rest/", "/index.php", "/admin"):
        path = f"{path}/".split(marker, 1)[0] if marker in f"{path}/" else path
    host = parts.hostname.encode("idna").decode() if not parts.hostname.isascii() else parts.hostname
    port = f":{parts.port}" if parts.port and parts.port != {"http": 80, "https": 443}[parts.scheme] else ""
    return f"{parts.scheme}://{host}{port}{path.rstrip('/')}"


class MagentoCredentials(Credentials):
    """Those of an integration: all four sign with OAuth; the access token alone is sent as a bearer."""

    url: str = Field(description="Address of the shop, for example https://shop.example")
    access_token: SecretStr = Field(description="Access token of the integration")
    access_token_secret: SecretStr = Field(
        default=SecretStr(""), description="Access token secret; empty only where the token is a bearer"
    )
    consumer_key: SecretStr = Field(default=SecretStr(""), description="Consumer key of the integration")
    consumer_secret: SecretStr = Field(default=SecretStr(""), description="Consumer secret of the integration")

    @field_validator("url")
    @classmethod
    def normalised(cls, value: str) -> str:
        return base_url(value)

    @model_validator(mode="after")
    def complete(self) -> Self:
        given = [one.get_secret_value() for one in (self.access_token_secret, self.consumer_key, self.consumer_secret)]
        if any(given) and not all(given):
            raise ValueError(
                "consumer_key, consumer_secret and access_token_secret belong together: give all three to sign calls, "
                "or none to send the access token as a bearer"
            )
        return self


class MagentoSettings(ChannelSettings):
    timeout_seconds: int = Field(default=120, ge=5, le=900, description="How long one call may take")

    attribute_set: str = Field(default="Default", description="Attribute set of new products")
    websites: list[str] = Field(
        default_factory=list, description="Codes of the websites that sell new products; empty: all of them"
    )
    parent_sku: str = Field(
        default="style-{style}", description="SKU of the configurable product of a style; by it it is found again"
    )
    option_attributes: dict[str, str] = Field(
        default_factory=dict,
        description="POS option name -> code of the attribute that variants differ in; else the one with that label",
    )
    create_attributes: bool = Field(default=True, description="Make attributes that variants need and the shop lacks")
    attributes: dict[str, str] = Field(
        default_factory=lambda: {"Brand": "manufacturer"},
        description=(
            "POS field -> attribute code: Brand, Department, Tags, UPC, SupplierSku, ManufacturerPartNumber, "
            "AdditionalDescription, Length, Width, Height, Msrp; an empty code leaves the field out"
        ),
    )
    root_category: int | None = Field(
        default=None, description="Id of the category that POS categories stand in; empty: the default store's root"
    )
    create_categories: bool = Field(default=True, description="Make categories that the shop lacks")
    tax_classes: dict[str, str] = Field(
        default_factory=dict, description="POS tax code -> the shop's product tax class, by name or id"
    )
    taxable_class: str = Field(default="2", description="Tax class of taxable new products, by name or id")
    private_image_hosts: bool = Field(
        default=False, description="Fetch pictures also from addresses inside this machine's own network"
    )

    source: str = Field(default="", description="Source that gets the sum of the locations; empty: default")
    in_stock_at_zero: bool = Field(
        default=False, description="Leave products in stock at quantity 0, for shops that take backorders"
    )
    reservations: Literal["add", "ignore"] = Field(
        default="add",
        description="Magento subtracts its own open orders from a source: add them, so that it offers what is wanted",
    )
    special_prices: Literal["auto", "bulk", "attributes"] = Field(
        default="auto",
        description="How sale prices are written: many a call, one product a call, auto falls back to the second",
    )
    tier_groups: dict[str, str] = Field(
        default_factory=dict,
        description="POS tier code -> customer group of the shop; empty code or *: ALL GROUPS",
    )

    async_bulk: Literal["auto", "on", "off"] = Field(
        default="auto", description="Send many products in one call; auto: while the shop's consumers are seen to work"
    )
    async_from: int = Field(default=20, ge=1, description="From how many products on a bulk call is worth it")
    async_patience_seconds: float = Field(
        default=90.0, ge=0, description="How long operations may stay open before the rest is sent one by one"
    )

    unpaid_methods: list[str] = Field(
        default_factory=lambda: ["cashondelivery", "purchaseorder"],
        description="Payment methods whose orders are taken before they are paid",
    )
    offline_methods: list[str] = Field(
        default_factory=lambda: ["checkmo", "banktransfer", "cashondelivery", "purchaseorder"],
        description="Payment methods whose money cannot be captured: no invoice is made with a shipment",
    )
    order_fields: list[str] = Field(
        default_factory=list,
        description=(
            "Fields of the order that go to the POS as custom fields, such as extension_attributes.pickup_location_code"
        ),
    )
    manual_refunds: bool = Field(
        default=True, description="Report the money of credit memos that were refunded outside of the shop"
    )
    ship_source: str = Field(default="", description="Source that shipments leave from; empty: the shop decides")
    carriers: dict[str, str] = Field(
        default_factory=dict, description="POS carrier -> the shop's carrier code; else ups, usps, fedex, dhl or custom"
    )

    @field_validator("parent_sku")
    @classmethod
    def names_the_style(cls, value: str) -> str:
        if "{style}" not in value:
            raise ValueError(f"{value!r} must contain {{style}}, which stands for the StyleId")
        return value
