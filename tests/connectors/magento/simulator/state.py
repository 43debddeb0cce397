"""What the shop holds, and what every part of it needs: numbers, times, errors, search criteria."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
D = Decimal
ZONE = ZoneInfo("Europe/Berlin")  # the shop's; sale dates are its wall clock
RATE = D("1.25")  # an amount in the shop's own currency is the order's times this
WEBSITES = {0: "admin", 1: "base", 2: "outlet"}
ROOT_CATEGORY = 2
DEFAULT_SET = 4


class ApiError(Exception):
    def __init__(self, status: int, message: str, parameters: Any = None) -> None:
        super().__init__(message)
        self.status, self.message, self.parameters = status, message, parameters

    @property
    def body(self) -> Json:
        return {"message": self.message, **({} if self.parameters is None else {"parameters": self.parameters})}


class PlainError(Exception):
    """500 with a page of text, as PHP itself answers."""


@dataclass
class Features:
    """How a shop is set up."""

    msi: bool = True
    consumers: bool = True
    commerce: bool = False  # Adobe Commerce: sale prices in bulk have to begin in the future, and to end
    list_limit: int = 0  # items in one call; 0: none
    page_limit: int = 0
    quota: tuple[int, float] | None = None  # calls in how many seconds, by the host
    bearer: bool = False  # tokens may be bearers
    denied: frozenset[str] = frozenset()  # API resources that the integration lacks
    decoded_paths: bool | None = None  # how the path is signed; None: as the version does


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
    deadlock_next: int = 0
    refuse_capture: bool = False
    gateway_fails_on: str = ""  # type of products whose saving a proxy gives up on, before it is done


@dataclass
class State:
    version: str
    features: Features = field(default_factory=Features)
    misbehaviour: Misbehaviour = field(default_factory=Misbehaviour)
    products: dict[int, Json] = field(default_factory=dict)
    attributes: dict[str, Json] = field(default_factory=dict)
    set_codes: set[str] = field(default_factory=set)  # attributes of the Default set
    categories: dict[int, Json] = field(default_factory=dict)
    sources: list[str] = field(default_factory=lambda: ["default", "outlet"])
    source_items: dict[tuple[str, str], Json] = field(default_factory=dict)
    tiers: dict[tuple[str, str, D], Json] = field(default_factory=dict)
    orders: dict[int, Json] = field(default_factory=dict)
    invoices: dict[int, Json] = field(default_factory=dict)
    shipments: dict[int, Json] = field(default_factory=dict)
    creditmemos: dict[int, Json] = field(default_factory=dict)
    bulks: dict[str, list[Json]] = field(default_factory=dict)
    reads: int = 0
    writes: int = 0
    requests: list[str] = field(default_factory=list)  # "POST /V1/products"
    violations: list[str] = field(default_factory=list)
    recent: list[float] = field(default_factory=list)  # when calls came, for the quota
    refused: int = 0  # calls above the quota
    lock: threading.RLock = field(default_factory=threading.RLock)
    ahead: timedelta = timedelta(0)
    _last: int = 100

    def number(self) -> int:
        """Products, orders and documents have numberings of their own in a real shop; ours share one."""
        self._last += 1
        return self._last

    def now(self) -> datetime:
        return (datetime.now(UTC) + self.ahead).replace(microsecond=0)

    def stamp(self) -> str:
        return stamp(self.now())


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def number(value: D | float) -> float | int:
    """JSON numbers, as PHP writes them."""
    value = D(str(value))
    return int(value) if value == value.to_integral_value() else float(value)


def cents(value: D) -> D:
    return value.quantize(D("0.01"))


# -- search criteria

KEY = re.compile(r"searchCriteria\[filterGroups\]\[(\d+)\]\[filters\]\[(\d+)\]\[(\w+)\]")
SORT = re.compile(r"searchCriteria\[sortOrders\]\[(\d+)\]\[(\w+)\]")


@dataclass
class Criteria:
    groups: list[list[Json]]
    sort: list[tuple[str, bool]]  # field, descending
    size: int
    page: int
    fields: str

    @classmethod
    def read(cls, query: list[tuple[str, str]], page_limit: int) -> Criteria:
        filters: dict[tuple[int, int], Json] = {}
        sorts: dict[int, Json] = {}
        given = dict(query)
        for name, value in query:
            if found := KEY.fullmatch(name):
                filters.setdefault((int(found[1]), int(found[2])), {})[found[3]] = value
            elif found := SORT.fullmatch(name):
                sorts.setdefault(int(found[1]), {})[found[2]] = value
        groups: dict[int, list[Json]] = {}
        for (group, _), one in sorted(filters.items()):
            groups.setdefault(group, []).append(one)
        size = int(given.get("searchCriteria[pageSize]") or 20)
        if page_limit and size > page_limit:
            raise ApiError(400, "Maximum SearchCriteria pageSize is %max", {"max": page_limit})
        order = [(one["field"], one.get("direction", "DESC").upper() != "ASC") for _, one in sorted(sorts.items())]
        return cls(
            list(groups.values()),
            order,
            size,
            int(given.get("searchCriteria[currentPage]") or 1),
            given.get("fields", ""),
        )

    def select(
        self, items: list[Json], value: Callable[[Json, str], Any], ignore_case: frozenset[str]
    ) -> tuple[list[Json], int]:
        """(the page, how many there are). Beyond the end the last page is repeated."""
        found = [
            one
            for one in items
            if all(any(_holds(value(one, f["field"]), f, ignore_case) for f in group) for group in self.groups)
        ]
        for name, descending in reversed(self.sort):
            found.sort(key=lambda one, name=name: _key(value(one, name)), reverse=descending)
        pages = max(1, -(-len(found) // self.size))
        start = (min(self.page, pages) - 1) * self.size
        return found[start : start + self.size], len(found)

    def echo(self) -> Json:
        return {
            "filter_groups": [
                {"filters": [_echoed(one) for one in group]}
                for group in self.groups
            ],
            "page_size": self.size,
            "current_page": self.page,
        }  # fmt: skip


def _echoed(one: Json) -> Json:
    return {"field": one["field"], "value": one.get("value", ""), "condition_type": one.get("conditionType", "eq")}


def _key(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, int | float | D) else (1, str(value))


def _holds(value: Any, one: Json, ignore_case: frozenset[str]) -> bool:
    condition, wanted = one.get("conditionType", "eq"), one.get("value", "")
    if value is None:
        return False
    if isinstance(value, int | float) and not isinstance(value, bool):
        options = [float(part) for part in (wanted.split(",") if condition == "in" else [wanted])]
        left: Any = float(value)
    else:
        options, left = (wanted.split(",") if condition == "in" else [wanted]), str(value)
        if one["field"] in ignore_case:
            options, left = [part.casefold() for part in options], left.casefold()
    return {
        "eq": lambda: left == options[0],
        "in": lambda: left in options,
        "gteq": lambda: left >= options[0],
        "gt": lambda: left > options[0],
        "lteq": lambda: left <= options[0],
    }[condition]()


# -- the parameter `fields`


def chosen(value: Any, text: str) -> Any:
    """The answer with the named fields only, as in items[id,extension_attributes[website_ids]],total_count."""
    wanted, _ = _parse(text, 0)
    return _pick(value, wanted)


def _parse(text: str, at: int) -> tuple[Json, int]:
    found: Json = {}
    name = ""
    while at < len(text):
        sign = text[at]
        if sign in ",]":
            if name:
                found.setdefault(name, None)
            name = ""
            if sign == "]":
                return found, at + 1
            at += 1
        elif sign == "[":
            found[name], at = _parse(text, at + 1)
            name = ""
        else:
            name += sign
            at += 1
    if name:
        found.setdefault(name, None)
    return found, at


def _pick(value: Any, wanted: Json | None) -> Any:
    if wanted is None:
        return value
    if isinstance(value, list):
        return [_pick(one, wanted) for one in value]
    if isinstance(value, dict):
        return {key: _pick(value[key], below) for key, below in wanted.items() if key in value}
    return value
