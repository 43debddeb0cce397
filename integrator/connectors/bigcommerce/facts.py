"""What a connector has to know of its shop, asked at most once a job and only when it is needed."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from integrator.connectors.base import NeedsCredentials, Rejected
from integrator.connectors.bigcommerce.client import Client
from integrator.connectors.bigcommerce.mapping import LENGTH_UNITS, WEIGHT_UNITS
from integrator.connectors.bigcommerce.settings import BigSettings

FIRST_LOCATION = 1  # what every store is made with


class Facts:
    def __init__(self, client: Client, settings: BigSettings) -> None:
        self.client = client
        self.settings = settings

    @cached_property
    def store(self) -> dict[str, Any]:
        """What the shop says of itself; {} when the API account may not see it."""
        try:
            found = self.client.get("v2/store")
        except (NeedsCredentials, Rejected):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def units(self) -> tuple[str, str]:
        """The shop's units of weight and of length; "" where they are not known."""
        weight, length = str(self.settings.weight_unit), str(self.settings.dimension_unit)
        if not weight:
            weight = WEIGHT_UNITS.get(str(self.store.get("weight_units") or "").lower(), "")
        if not length:
            length = LENGTH_UNITS.get(str(self.store.get("dimension_units") or "").lower(), "")
        return weight, length

    @property
    def currency(self) -> str:
        return (self.settings.price_list_currency or str(self.store.get("currency") or "")).lower()

    @cached_property
    def stock_location(self) -> int:
        """Where summed stock goes: the channel's choice, else the shop's default location."""
        if self.settings.stock_location is not None:
            return self.settings.stock_location
        for one in self.client.data("v3/inventory/locations", {"is_default": True, "limit": 1}):
            return int(one["id"])
        return FIRST_LOCATION

    @cached_property
    def statuses(self) -> dict[int, tuple[str, ...]]:
        """The names of each order status: the system's first, then the merchant's own label."""
        found = {}
        for one in self.client.data("v2/order_statuses"):
            names = (one.get("system_label"), one.get("name"), one.get("custom_label"))
            found[int(one["id"])] = tuple(dict.fromkeys(str(name) for name in names if name))
        return found
