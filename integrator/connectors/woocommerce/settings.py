"""Credentials and settings of a WooCommerce channel; their fields are the options of `integrator channel add`."""

from __future__ import annotations

from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from integrator.connectors.base import ChannelSettings, Credentials

CaptureStrategy = Literal["status_change", "woopayments", "none"]
DEFAULT_CAPTURE: dict[str, CaptureStrategy] = {"woocommerce_payments": "woopayments"}


def base_url(text: str) -> str:
    """The site's address as the API needs it: with its scheme and folder, without /wp-json, /wp-admin, query, slash.

    Raises ValueError when there is no host in it.
    """
    text = text.strip()
    if "://" not in text:
        text = "https://" + text
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{text!r} is not the address of a shop; write it like https://shop.example")
    path = parts.path
    for marker in ("/wp-json", "/wp-admin", "/wp-login.php", "/index.php"):
        path = path.split(marker, 1)[0]
    default = {"http": 80, "https": 443}[parts.scheme]  # WordPress leaves it out, also of what it signs
    port = f":{parts.port}" if parts.port not in (None, default) else ""
    return f"{parts.scheme}://{parts.hostname}{port}{path.rstrip('/')}"


class WooCredentials(Credentials):
    url: str = Field(description="Address of the shop, for example https://shop.example")
    consumer_key: SecretStr = Field(description="Consumer key (ck_...) with read and write permission")
    consumer_secret: SecretStr = Field(description="Consumer secret (cs_...)")

    @field_validator("url")
    @classmethod
    def normalised(cls, value: str) -> str:
        return base_url(value)


class WooSettings(ChannelSettings):
    auth: Literal["auto", "header", "query", "signature"] = Field(
        default="auto",
        description="How the keys travel over https: header; query for hosts that drop the header; signature for "
        "hosts that do not see that it is https; auto tries them in this order",
    )
    timeout_seconds: int = Field(default=90, ge=5, le=600, description="How long one call may take")
    batch_size: int = Field(default=50, ge=1, le=100, description="Items in the first batch call; adapts itself")

    attributes: Literal["global", "local"] = Field(
        default="global", description="Variant options as shop-wide attributes, or of each product alone"
    )
    parent_sku: str = Field(
        default="style-{style}", description="SKU of the parent of a style; by it an interrupted creation is found"
    )
    brand_as: Literal["auto", "brand", "attribute", "tag", "none"] = Field(
        default="auto", description="Where the brand goes; auto: brands since WooCommerce 9.6, else an attribute"
    )
    department_as: Literal["none", "category", "tag"] = Field(
        default="none", description="Where the department goes; category puts it in front of the category path"
    )
    weight_unit: Literal["", "kg", "g", "lbs", "oz"] = Field(
        default="", description="The shop's unit of weight; empty: asked from the shop"
    )
    dimension_unit: Literal["", "m", "cm", "mm", "in", "yd"] = Field(
        default="", description="The shop's unit of length; empty: asked from the shop"
    )
    tax_classes: dict[str, str] = Field(default_factory=dict, description="POS tax code -> the shop's tax class")
    meta_fields: dict[str, str] = Field(
        default_factory=lambda: {
            "SupplierSku": "_supplier_sku",
            "ManufacturerPartNumber": "_manufacturer_part_number",
            "AdditionalDescription": "_additional_description",
        },
        description="POS field -> meta key of the product; an empty key leaves the field out",
    )
    parent_stock: Literal["ask", "own"] = Field(
        default="ask",
        description="Variations whose stock the parent keeps: ask reports them, own gives each its own stock",
    )

    order_meta: list[str] = Field(
        default_factory=list, description="Order meta keys that go to the POS as custom fields"
    )
    gift_card_fees: list[str] = Field(
        default_factory=lambda: ["gift card*", "gift certificate*"],
        description="Names of negative fees that are gift cards (with * as wildcard)",
    )
    gift_card_coupons: list[str] = Field(
        default_factory=list, description="Coupon codes that are gift cards or store credit (with * as wildcard)"
    )
    gift_card_meta: list[str] = Field(
        default_factory=lambda: ["_ywgc_applied_gift_cards"],
        description="Order meta keys with the gift cards that paid: code -> amount",
    )
    gift_card_lines: list[str] = Field(
        default_factory=lambda: ["ywgc_*", "_ywgc_*", "pw_gift_card_*", "wc_gc_giftcard_*"],
        description="Meta keys of a line that mark a sold gift card (with * as wildcard)",
    )
    authorising_gateways: list[str] = Field(
        default_factory=list, description="Gateway ids whose orders on hold are authorised without a transaction id"
    )
    manual_refunds: bool = Field(
        default=True, description="Report the money of refunds that the gateway did not pay back by itself"
    )

    shipments: Literal["auto", "fulfillments", "tracking", "note"] = Field(
        default="auto", description="How shipments are told to the shop; auto takes the best that it has"
    )
    complete_orders: bool = Field(default=True, description="Set an order to completed when all of it is shipped")
    capture_strategies: dict[str, CaptureStrategy] = Field(
        default_factory=lambda: dict(DEFAULT_CAPTURE),
        description="Payment gateway id -> status_change, woopayments or none; status_change for the others",
    )

    @field_validator("parent_sku")
    @classmethod
    def names_the_style(cls, value: str) -> str:
        if "{style}" not in value:
            raise ValueError(f"{value!r} must contain {{style}}, which stands for the StyleId")
        return value

    def capture_strategy(self, gateway: str) -> CaptureStrategy:
        return self.capture_strategies.get(gateway, "status_change")
