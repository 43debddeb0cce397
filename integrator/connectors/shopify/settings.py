"""Credentials and settings of a Shopify channel; their fields are the options of `integrator channel add`."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from integrator.connectors.base import ChannelSettings, Credentials

AuthKind = Literal["token", "client_credentials", "offline"]


def shop_url(text: str) -> str:
    """`acme`, `acme.myshopify.com` or an admin address -> https://acme.myshopify.com.

    Raises ValueError when no shop is named.
    """
    text = text.strip().rstrip("/")
    if "://" not in text:
        text = f"https://{text}"
    parts = urlsplit(text)
    host = (parts.hostname or "").lower()
    if host == "admin.shopify.com":  # the address that the browser shows: /store/acme
        pieces = [one for one in parts.path.split("/") if one]
        host = pieces[1] if len(pieces) > 1 and pieces[0] == "store" else ""
    if not host or parts.scheme not in ("http", "https"):
        raise ValueError(f"{text!r} names no shop; write it like acme.myshopify.com")
    if "." not in host and host != "localhost":
        host = f"{host}.myshopify.com"
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}"


class ShopifyCredentials(Credentials):
    """One of three: a token alone; client id and secret; or a token with its refresh token, client id and secret.

    The client secret also signs webhooks: without it none can be verified.
    """

    shop: str = Field(description="The shop, for example acme.myshopify.com")
    access_token: SecretStr | None = Field(default=None, description="Admin API access token (shpat_...)")
    client_id: str = Field(default="", description="Client id of the app from the Dev Dashboard")
    client_secret: SecretStr | None = Field(default=None, description="Client secret of the app (also: API secret key)")
    refresh_token: SecretStr | None = Field(
        default=None, description="Refresh token, for an app whose offline tokens expire"
    )
    expires_at: datetime | None = Field(default=None, description="When the access token expires; kept by Integrator")
    renew_at: datetime | None = Field(default=None, description="When it is renewed; kept by Integrator")
    issued_token: SecretStr | None = Field(
        default=None, description="Token of the client credentials grant; kept by Integrator"
    )

    @field_validator("shop")
    @classmethod
    def _normalised(cls, value: str) -> str:
        return shop_url(value)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.kind == "token" and self.access_token is None:
            raise ValueError("give access_token, or client_id with client_secret")
        if self.kind == "offline" and not (self.client_id and self.client_secret and self.access_token):
            raise ValueError("a refresh_token needs access_token, client_id and client_secret beside it")
        return self

    @property
    def kind(self) -> AuthKind:
        if self.refresh_token is not None:
            return "offline"
        if self.access_token is None and self.client_id and self.client_secret is not None:
            return "client_credentials"
        return "token"


class ShopifySettings(ChannelSettings):
    timeout_seconds: int = Field(default=60, ge=5, le=600, description="How long one call may take")
    location: str = Field(
        default="",
        description="Id of the location whose stock is set where location_map is empty; empty: the primary one",
    )
    bulk_from: int = Field(
        default=50, ge=2, description="From how many new products or changed prices on a bulk operation is used"
    )
    bulk_minutes: int = Field(default=10, ge=1, le=60, description="How long a bulk operation is waited for")
    publish_to: list[str] = Field(
        default_factory=lambda: ["Online Store"], description="Sales channels that new products are published to"
    )

    category_as: Literal["type", "collection", "tag", "none"] = Field(
        default="type", description="Where the category goes: product type, a collection of that title, a tag, nowhere"
    )
    department_as: Literal["none", "tag", "category"] = Field(
        default="none", description="Where the department goes; category puts it in front of the category"
    )
    taxonomy: dict[str, str] = Field(
        default_factory=dict, description="POS category path -> id in Shopify's product taxonomy, such as aa-1-13-8"
    )
    fields: dict[str, str] = Field(
        default_factory=lambda: {
            "ShortDescription": "custom.short_description",
            "AdditionalDescription": "custom.additional_description",
            "SupplierSku": "custom.supplier_sku",
            "ManufacturerPartNumber": "custom.manufacturer_part_number",
        },
        description="POS field -> metafield of the product, as namespace.key; an empty one leaves the field out",
    )
    oversell: bool = Field(default=False, description="Let new products be sold when there is no stock")

    test_orders: bool = Field(default=False, description="Take orders that were placed in test mode")
    order_fields: list[str] = Field(
        default_factory=lambda: ["*"],
        description="Names of an order's additional details that go to the POS as custom fields; * for all",
    )
    capture_at: Literal["first", "last"] = Field(
        default="first", description="With which shipment of an order capture_on_shipment takes the whole amount"
    )
