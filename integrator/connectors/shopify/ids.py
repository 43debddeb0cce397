"""Shopify's global ids: gid://shopify/Product/42 there, "42" in what is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = Mapping[str, Any]


def gid(kind: str, number: str) -> str:
    return number if number.startswith("gid://") else f"gid://shopify/{kind}/{number}"


def number(identity: Any) -> str:
    """The last part, without what Shopify hangs behind it; "" for nothing."""
    return str(identity or "").rsplit("/", 1)[-1].split("?", 1)[0]


def remote_ids(variant: Json, product: str = "") -> dict[str, str]:
    """What is remembered of a listing: always the same three, so that they can be compared as a whole."""
    return {
        "product": number(product or (variant.get("product") or {}).get("id")),
        "variant": number(variant["id"]),
        "inventory_item": number((variant.get("inventoryItem") or {}).get("id")),
    }
