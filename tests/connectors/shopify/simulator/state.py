"""What the simulated shop holds, and what goes wrong with it next."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

PRIMARY, OUTLET = "1001", "1002"
ALL_SCOPES = (
    "write_products,write_inventory,read_locations,write_orders,read_all_orders,read_customers,"
    "write_merchant_managed_fulfillment_orders,write_publications"
)


class Violation(Exception):
    """Something that the platform does not have: a fault of the connector, or of this simulator."""


class UserErrors(Exception):
    """A mutation is refused with HTTP 200; nothing of it was done."""

    def __init__(self, *errors: tuple[str, str, list[str]]) -> None:
        super().__init__("; ".join(message for _, message, _ in errors))
        self.errors = [{"code": code or None, "message": message, "field": path} for code, message, path in errors]


def refused(code: str, message: str, *path: str) -> UserErrors:
    return UserErrors((code, message, list(path)))


@dataclass
class Misbehaviour:
    fail_next: int = 0
    status: int = 500
    lose_next: int = 0
    lose_mutation: str = ""  # only the answer of this one is lost
    throttle_next: int = 0
    retry_after: int = 1
    reject_sku: str | None = None
    revoked: bool = False


@dataclass
class Features:
    """What shops differ in."""

    maximum: float = 4_000.0  # points of the bucket
    restore: float = 200.0
    scopes: str = ALL_SCOPES
    version: str = "2026-10"
    multi_capture: bool = False
    rate: str = "1"  # of the currency that customers pay in
    presentment: str = "EUR"
    taxes_included: bool = False
    max_variants: int = 2_048
    variants_left_today: int | None = None  # until the daily limit
    index_lag: bool = False  # new variants are found only after `index()`
    bulk_seconds: float = 0.0
    customer_data: bool = True  # the app was granted protected customer data


@dataclass
class State:
    features: Features = field(default_factory=Features)
    clock: Callable[[], float] = time.time
    lock: threading.RLock = field(default_factory=threading.RLock)
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)

    products: dict[str, Json] = field(default_factory=dict)
    variants: dict[str, Json] = field(default_factory=dict)
    levels: dict[tuple[str, str], Json] = field(default_factory=dict)  # (inventory item, location)
    locations: dict[str, str] = field(default_factory=lambda: {PRIMARY: "Main street", OUTLET: "Outlet"})
    publications: dict[str, str] = field(default_factory=lambda: {"501": "Online Store", "502": "Point of Sale"})
    collections: dict[str, Json] = field(default_factory=dict)
    definitions: dict[tuple[str, str, str], Json] = field(default_factory=dict)  # owner type, namespace, key
    metafields: dict[tuple[str, str, str], Json] = field(default_factory=dict)  # owner, namespace, key
    orders: dict[str, Json] = field(default_factory=dict)
    webhooks: dict[str, Json] = field(default_factory=dict)
    idempotent: dict[str, Json] = field(default_factory=dict)
    uploads: dict[str, bytes] = field(default_factory=dict)
    bulk: dict[str, Json] = field(default_factory=dict)
    unindexed: set[str] = field(default_factory=set)

    available: float = 0.0
    filled_at: float = 0.0
    reads: int = 0
    writes: int = 0
    throttled: int = 0
    spent: float = 0.0  # points that were really used
    requests: list[str] = field(default_factory=list)  # operation names, in their order
    violations: list[str] = field(default_factory=list)
    _numbers: Any = field(default_factory=lambda: itertools.count(7_000_001))

    def __post_init__(self) -> None:
        self.available, self.filled_at = self.features.maximum, self.clock()

    def number(self) -> str:
        return str(next(self._numbers))

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def stamp(self) -> str:
        return text(self.now())

    # -- the bucket

    def left(self) -> float:
        now = self.clock()
        self.available = min(self.features.maximum, self.available + (now - self.filled_at) * self.features.restore)
        self.filled_at = now
        return self.available


def text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def gid(kind: str, number: str) -> str:
    return f"gid://shopify/{kind}/{number}"


def number_of(identity: Any, kind: str) -> str:
    """Of a global id of this kind; another kind is a fault."""
    prefix = f"gid://shopify/{kind}/"
    if not str(identity).startswith(prefix):
        raise Violation(f"{identity!r} is no id of a {kind}")
    return str(identity)[len(prefix) :]


def metafield_of(state: State, owner: str) -> Callable[..., Json | None]:
    def field_(_info: Any, key: str, namespace: str | None = None) -> Json | None:
        return state.metafields.get((owner, namespace or "$app", key))

    return field_


def set_metafields(state: State, owner: str, kind: str, values: list[Mapping[str, Any]], under: str) -> None:
    for position, one in enumerate(values):
        namespace, key = one.get("namespace") or "$app", one["key"]
        defined = state.definitions.get((kind, namespace, key))
        path = (under, str(position), "value")
        if defined and one.get("type") and defined["type"] != one["type"]:
            raise refused("INVALID_METAFIELD", f"Type must be {defined['type']}: metafield {namespace}.{key}", *path)
        if not (one.get("type") or defined):
            raise refused("INVALID_METAFIELD", f"Type can't be blank: metafield {namespace}.{key}", *path)
        if not 2 <= len(key) <= 64 or not 3 <= len(namespace) <= 255:
            raise refused(
                "INVALID_METAFIELD", f"Metafield key or namespace has a wrong length: {namespace}.{key}", *path
            )
        if one.get("type") == "single_line_text_field" and "\n" in one["value"]:
            raise refused("INVALID_METAFIELD", f"Metafield {namespace}.{key} must be a single line", *path)
        if one.get("type") == "id":
            for (other, *place), found in state.metafields.items():
                if place == [namespace, key] and found["value"] == one["value"] and other != owner:
                    raise refused("INVALID_METAFIELD", f"Value must be unique: metafield {namespace}.{key}", *path)
        state.metafields[owner, namespace, key] = {
            "__typename": "Metafield", "id": gid("Metafield", state.number()), "namespace": namespace, "key": key,
            "type": one.get("type") or (defined or {})["type"], "value": one["value"],
        }  # fmt: skip
