"""What a connector has to know of its shop, asked at most once a job and only when it is needed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

from integrator.connectors.base import NeedsCredentials, Rejected
from integrator.connectors.woocommerce.client import Client
from integrator.connectors.woocommerce.settings import WooSettings

Version = tuple[int, int]


def version_of(value: Any) -> Version | None:
    """(11, 0) of "11.0.1"."""
    found = re.match(r"(\d+)\.(\d+)", str(value or ""))
    return (int(found[1]), int(found[2])) if found else None


@dataclass(frozen=True, slots=True)
class Site:
    """What the site's REST index says of it."""

    namespaces: frozenset[str]
    zone: ZoneInfo | None
    offset_hours: float | None


class Facts:
    def __init__(self, client: Client, settings: WooSettings) -> None:
        self.client = client
        self.settings = settings

    @cached_property
    def system_status(self) -> dict[str, Any]:
        """The part of the system status that is asked for; {} when the key's user may not see it."""
        # Named fields keep the shop from testing its outgoing connections, which takes seconds.
        fields = "environment.version,environment.wp_version,settings.enabled_features,settings.currency"
        try:
            answer = self.client.get("wc/v3/system_status", {"_fields": fields})
        except (NeedsCredentials, Rejected):
            return {}
        return answer if isinstance(answer, dict) else {}

    @property
    def version(self) -> Version | None:
        return version_of((self.system_status.get("environment") or {}).get("version"))

    def since(self, version: Version) -> bool:
        """Whether the shop's WooCommerce is at least this version; False when it is not known."""
        known = self.version
        return known is not None and known >= version

    @cached_property
    def site(self) -> Site:
        answer = self.client.get("", {"_fields": "namespaces,timezone_string,gmt_offset"})
        known = answer if isinstance(answer, dict) else {}
        try:
            zone = ZoneInfo(known["timezone_string"]) if known.get("timezone_string") else None
        except (KeyError, ValueError, OSError):
            zone = None
        try:
            offset = float(known["gmt_offset"])
        except (KeyError, TypeError, ValueError):
            offset = None
        return Site(frozenset(map(str, known.get("namespaces") or ())), zone, offset)

    @cached_property
    def units(self) -> tuple[str, str]:
        """The shop's units of weight and of length."""
        weight, dimension = str(self.settings.weight_unit), str(self.settings.dimension_unit)
        if not weight or not dimension:
            listed = self.client.get("wc/v3/settings/products", {"_fields": "id,value"})
            values = {one["id"]: one.get("value") for one in listed}
            weight = weight or str(values.get("woocommerce_weight_unit") or "kg")
            dimension = dimension or str(values.get("woocommerce_dimension_unit") or "cm")
        return weight, dimension
