"""What the store holds, and what every part of it needs: numbers, times, errors, the quota."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from typing import Any

Json = dict[str, Any]
ALL_SCOPES = frozenset(
    {
        "store_v2_products",
        "store_v2_products_read_only",
        "store_inventory",
        "store_inventory_read_only",
        "store_v2_orders",
        "store_v2_orders_read_only",
        "store_v2_transactions",
        "store_v2_transactions_read_only",
        "store_v2_information",
        "store_v2_information_read_only",
    }
)


class ApiError(Exception):
    def __init__(self, status: int, title: str, errors: Json | None = None) -> None:
        super().__init__(title)
        self.status, self.title, self.errors = status, title, errors or {}

    def body(self, version: str) -> Any:
        if version == "v2":
            return [{"status": self.status, "message": self.title}]
        return {"status": self.status, "title": self.title, "type": "about:blank", "errors": self.errors}


@dataclass
class Features:
    """What a store may be."""

    quota: int = 450  # of the plan Pro
    window: float = 30.0  # seconds
    scopes: frozenset[str] = ALL_SCOPES
    tax_inclusive: bool = False
    locations: tuple[tuple[int, str], ...] = ((1, "Default location"), (7, "Outlet"))
    weight_units: str = "KGS"
    dimension_units: str = "Centimeters"
    capture_takes: int = 2  # requests until a capture is done
    capture_fails: bool = False


@dataclass
class Misbehaviour:
    fail_next: int = 0
    status: int = 500
    lose_next: int = 0
    throttle_next: int = 0
    retry_after: int = 1
    bare_throttle_next: int = 0  # 429 without headers: the platform is busy
    reject_sku: str | None = None
    revoked: bool = False
    bad_image: str | None = None  # pictures at this address cannot be fetched
    partly_next: int = 0  # products are saved, their inventory is not: 207


@dataclass
class Window:
    """One window of the quota as it was used."""

    started: float
    used: int = 0
    refused: int = 0


@dataclass
class State:
    features: Features = field(default_factory=Features)
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    products: dict[int, Json] = field(default_factory=dict)
    variants: dict[int, Json] = field(default_factory=dict)
    stock: dict[tuple[int, int], int] = field(default_factory=dict)  # (variant, location)
    categories: dict[int, Json] = field(default_factory=dict)
    price_lists: dict[int, dict[int, Json]] = field(default_factory=dict)  # list -> variant -> record
    orders: dict[int, Json] = field(default_factory=dict)
    refunds: dict[int, Json] = field(default_factory=dict)
    webhooks: dict[int, Json] = field(default_factory=dict)
    captures: dict[int, int] = field(default_factory=dict)  # order -> requests until it is done
    reads: int = 0
    writes: int = 0
    requests: list[str] = field(default_factory=list)  # "PUT /v3/catalog/variants"
    violations: list[str] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    clock: Callable[[], float] = time.monotonic
    _last: int = 100

    def number(self) -> int:
        """Real stores number each kind by itself; ours does not, so that a mix-up shows."""
        self._last += 1
        return self._last

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    # -- the quota: fixed windows, shared by all apps

    def spend(self) -> tuple[bool, dict[str, str]]:
        """Whether the request may go on, and the headers that tell how things stand."""
        features, now = self.features, self.clock()
        if not self.windows or now >= self.windows[-1].started + features.window:
            self.windows.append(Window(now))
        window = self.windows[-1]
        allowed = window.used < features.quota
        if allowed:
            window.used += 1
        else:
            window.refused += 1
        return allowed, self.quota_headers(features.quota - window.used, window.started + features.window - now)

    def quota_headers(self, left: int, seconds: float) -> dict[str, str]:
        return {
            "X-Rate-Limit-Requests-Left": str(left),
            "X-Rate-Limit-Requests-Quota": str(self.features.quota),
            "X-Rate-Limit-Time-Window-Ms": str(int(self.features.window * 1000)),
            "X-Rate-Limit-Time-Reset-Ms": str(max(0, int(seconds * 1000) + 1)),
        }


def rfc(moment: datetime | None) -> str:
    return "" if moment is None else format_datetime(moment.astimezone(UTC))


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def amount(value: Decimal) -> str:
    return format(value.quantize(Decimal("0.0001")), "f")
