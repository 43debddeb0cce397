"""What the shop holds, and what every part of it needs: numbers, times, errors, the site's clock."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
ZONE = ZoneInfo("America/New_York")  # the site's; times without _gmt are in it


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str, **data: Any) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.data = status, code, message, {"status": status, **data}

    @property
    def body(self) -> Json:
        return {"code": self.code, "message": self.message, "data": self.data}

    @property
    def item(self) -> Json:
        return {"code": self.code, "message": self.message, "data": self.data}


@dataclass
class Features:
    """What a shop may have beside the core."""

    fulfilments: bool = False
    tracking: bool = False
    woopayments: bool = False
    stock_management: bool = True
    trash_blocks_sku: bool = True  # the lookup table keeps the SKU of what is in the trash
    drop_authorization: bool = False  # a host that loses the header
    unaware_of_https: bool = False  # behind a proxy that does not say so: is_ssl() is false
    permissions: str = "read_write"
    noise: str = ""  # what a broken plugin prints before every answer


@dataclass
class Misbehaviour:
    fail_next: int = 0
    status: int = 500
    lose_next: int = 0
    throttle_next: int = 0
    retry_after: int = 1
    reject_sku: str | None = None
    revoked: bool = False
    html_next: int = 0
    html_status: int = 403
    most_items: int = 0  # a slow host: more items than this in a batch, and the answer never comes


@dataclass
class State:
    version: tuple[int, ...]
    features: Features = field(default_factory=Features)
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    products: dict[int, Json] = field(default_factory=dict)  # variations too
    attributes: dict[int, Json] = field(default_factory=dict)
    terms: dict[str, dict[int, Json]] = field(default_factory=dict)  # taxonomy -> id -> term
    media: dict[int, Json] = field(default_factory=dict)
    orders: dict[int, Json] = field(default_factory=dict)
    refunds: dict[int, Json] = field(default_factory=dict)
    fulfilments: dict[int, Json] = field(default_factory=dict)
    notes: dict[int, list[Json]] = field(default_factory=dict)
    webhooks: dict[int, Json] = field(default_factory=dict)
    deliveries: list[tuple[str, int]] = field(default_factory=list)  # (topic, order id), until cron runs
    pings: list[int] = field(default_factory=list)
    reads: int = 0
    writes: int = 0
    requests: list[str] = field(default_factory=list)  # "POST /wc/v3/products/batch"
    violations: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ahead: timedelta = timedelta(0)  # how far the shop's clock is off
    _last: int = 10

    def number(self) -> int:
        """Posts, terms and orders share no numbering in a real shop; ours do, so that a mix-up shows."""
        self._last += 1
        return self._last

    def now(self) -> datetime:
        return (datetime.now(UTC) + self.ahead).replace(microsecond=0)

    def since(self, *version: int) -> bool:
        return self.version >= version


def local(moment: datetime | None) -> str | None:
    """In the site's zone, without offset."""
    return None if moment is None else moment.astimezone(ZONE).strftime("%Y-%m-%dT%H:%M:%S")


def gmt(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


def both(name: str, moment: datetime | None) -> Json:
    return {name: local(moment), f"{name}_gmt": gmt(moment)}


def from_gmt(text: str) -> datetime:
    """As strtotime in WordPress, whose zone is UTC."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def amount(value: Decimal, places: int = 2) -> str:
    return format(value.quantize(Decimal(1).scaleb(-places)), "f")


def escaped(text: str) -> str:
    """As WordPress stores titles and term names."""
    return text.replace("&", "&amp;").replace("&amp;amp;", "&amp;")


def updated_meta(existing: list[Json], given: list[Json], number: Any) -> list[Json]:
    """By key, as update_meta_data does."""
    result = [dict(one) for one in existing]
    for one in given:
        known = next((meta for meta in result if meta["key"] == one["key"]), None)
        if known is not None:
            known["value"] = one["value"]
        else:
            result.append({"id": number(), "key": one["key"], "value": one["value"]})
    return result
