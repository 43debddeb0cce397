"""Credentials and settings of a BigCommerce channel; their fields are the options of `integrator channel add`."""

from __future__ import annotations

import re
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from integrator.connectors.base import ChannelSettings, Credentials

GATEWAY = "https://api.bigcommerce.com"
PRODUCT_TEXTS = frozenset(
    {"meta_description", "page_title", "search_keywords", "warranty", "availability_description", "bin_picking_number"}
)


def api_base(text: str) -> str:
    """The address below which /v2 and /v3 are: of a store hash, or of the API path that BigCommerce shows.

    Raises ValueError when there is no store hash in it.
    """
    text = text.strip()
    if re.fullmatch(r"[A-Za-z0-9_-]+", text):
        return f"{GATEWAY}/stores/{text}"
    parts = urlsplit(text if "://" in text else f"https://{text}")
    found = re.match(r"/stores/([A-Za-z0-9_-]+)", parts.path)
    if parts.scheme not in ("http", "https") or not parts.netloc or not found:
        raise ValueError(f"{text!r} is no API path; it looks like {GATEWAY}/stores/abc123/v3/")
    return f"{parts.scheme}://{parts.netloc}/stores/{found[1]}"


class BigCredentials(Credentials):
    api_path: str = Field(description="API path of the API account, or the store hash alone")
    access_token: SecretStr = Field(description="Access token of the API account")
    client_secret: SecretStr = Field(
        default=SecretStr(""), description="Client secret of the API account; with it webhooks are verified"
    )

    @field_validator("api_path")
    @classmethod
    def normalised(cls, value: str) -> str:
        return api_base(value)


class BigSettings(ChannelSettings):
    timeout_seconds: int = Field(default=60, ge=5, le=600, description="How long one call may take")
    stock_location: int | None = Field(
        default=None, description="The shop's location that takes summed stock; empty: its default location"
    )
    price_list_id: int | None = Field(
        default=None, description="Write prices to this price list instead of the catalogue"
    )
    price_list_currency: str = Field(
        default="", max_length=3, description="Currency of price list records; empty: the store's"
    )
    tier_price_lists: dict[str, int] = Field(
        default_factory=dict, description="POS price tier -> id of the price list that holds it"
    )
    duplicate_names: Literal["sku", "report"] = Field(
        default="sku", description="A name that another product has: put the SKU behind it, or report it"
    )
    default_categories: list[int] = Field(
        default_factory=list, description="Ids of categories for new products that come without one"
    )
    department_as: Literal["none", "category"] = Field(
        default="none", description="Where the department goes; category puts it in front of the category path"
    )
    tags_as: Literal["search_keywords", "none"] = Field(
        default="search_keywords", description="Where tags go: BigCommerce has none of its own"
    )
    text_fields: dict[str, str] = Field(
        default_factory=lambda: {"ShortDescription": "meta_description"},
        description="ShortDescription, AdditionalDescription or SupplierSku -> a product field, or custom:NAME",
    )
    tax_classes: dict[str, int] = Field(
        default_factory=dict, description="POS tax code -> the shop's tax class id; others go to the product tax code"
    )
    untaxed_class: int = Field(default=1, ge=0, description="Tax class id of products that are not taxed")
    weight_unit: Literal["", "kg", "g", "oz", "lb"] = Field(
        default="", description="The shop's unit of weight; empty: asked from the shop"
    )
    dimension_unit: Literal["", "cm", "in"] = Field(
        default="", description="The shop's unit of length; empty: asked from the shop"
    )
    carriers: dict[str, str] = Field(
        default_factory=dict, description="POS carrier -> BigCommerce's tracking carrier value"
    )
    complete_pickups: bool = Field(
        default=True, description="Set an order of pick-up goods to completed when the POS hands all of it out"
    )

    @field_validator("location_map")
    @classmethod
    def location_ids(cls, value: dict[str, str]) -> dict[str, str]:
        for place in value.values():
            if not place.isdigit():
                raise ValueError(f"{place!r} is no location id; `integrator channel check` lists the store's locations")
        return value

    @field_validator("text_fields")
    @classmethod
    def known_texts(cls, value: dict[str, str]) -> dict[str, str]:
        for source, target in value.items():
            if source not in ("ShortDescription", "AdditionalDescription", "SupplierSku"):
                raise ValueError(f"{source!r} is none of ShortDescription, AdditionalDescription, SupplierSku")
            if target and target not in PRODUCT_TEXTS and not target.startswith("custom:"):
                raise ValueError(f"{target!r} is neither custom:NAME nor one of {', '.join(sorted(PRODUCT_TEXTS))}")
        return value
