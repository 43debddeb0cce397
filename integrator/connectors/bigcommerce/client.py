"""The store's REST API: authentication, paging, the quota, and every answer judged once.

What a request can end in, beside the base's classes:

    NotFound     404
    Conflict     409: a name or SKU that another product has
    TooLarge     413: the batch has to be smaller
    Invalid      400 and 422: the shop says why

An empty list of V2 is 204 without a body. Amounts are read as Decimal, whether they come as text or as numbers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import quote

import httpx

from integrator.connectors.base import NeedsCredentials, Rejected, Throttled, Transient, UnknownOutcome
from integrator.connectors.bigcommerce import quota
from integrator.connectors.bigcommerce.capabilities import PAGE
from integrator.connectors.bigcommerce.settings import BigCredentials, BigSettings
from integrator.connectors.http import Http, Recorder

Query = Mapping[str, str | int | bool]
Json = dict[str, Any]
T = TypeVar("T")

MOST_WAITING = 120.0  # seconds that one call waits for the window before the job gives its place to others
TIMES_THROTTLED = 4
ACCOUNT_HINT = (
    "Make an API account in BigCommerce > Settings > Store-level API accounts and give the channel its access token."
)
SCOPES: tuple[tuple[str, str, str], ...] = (  # beginning of the path, scope for reading, scope for writing
    ("v3/inventory/locations", "Store Inventory: read-only", "Store Inventory: modify"),
    ("v3/inventory", "Store Inventory: read-only", "Store Inventory: modify"),
    ("v3/catalog", "Products: read-only", "Products: modify"),
    ("v3/pricelists", "Products: read-only", "Products: modify"),
    ("v3/orders", "Order Transactions: read-only", "Orders: modify and Order Transactions: modify"),
    ("v2/orders", "Orders: read-only", "Orders: modify"),
    ("v2/order_statuses", "Orders: read-only", "Orders: modify"),
    ("v2/store", "Information & Settings: read-only", "Information & Settings: modify"),
    ("v3/hooks", "Information & Settings: read-only", "Information & Settings: read-only"),
)


class NotFound(Rejected):
    """The shop does not have it."""


class Conflict(Rejected):
    """Another product has the name or SKU."""


class TooLarge(Rejected):
    """The batch has more than the shop takes."""


class Invalid(Rejected):
    """The shop refuses what was sent, and says why."""


def scope_of(path: str, *, writes: bool) -> str:
    """The name, in the control panel, of the scope that a request needs."""
    for start, reading, writing in SCOPES:
        if path.startswith(start):
            return writing if writes else reading
    return "of this resource"


def plain(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def number(value: Any) -> Any:
    """For the JSON encoder: an amount as the shortest number that reads back as the same."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent")


class Client:
    """Calls to one store. `items` says how many things a request concerns, for the journal."""

    def __init__(self, credentials: BigCredentials, settings: BigSettings, recorder: Recorder) -> None:
        self.base = credentials.api_path
        self.quota = quota.of(self.base)
        self._reset: float | None = None  # seconds until a refused call may be repeated
        self.http = Http(
            self.base,
            recorder,
            timeout=float(settings.timeout_seconds),
            headers={"X-Auth-Token": credentials.access_token.get_secret_value()},
            event_hooks={"response": [self._learn]},
        )

    def close(self) -> None:
        self.http.close()

    def _learn(self, response: httpx.Response) -> None:
        known = self.quota.learn(response.headers)
        self._reset = known if response.status_code == 429 else None

    # -- requests; `path` is below the store, for example v3/catalog/products

    def get(self, path: str, query: Query | None = None) -> Any:
        """The answer's body; None where there is none."""
        return self.body(self.send("GET", path, query))

    def post(self, path: str, body: Any = None, *, items: int = 1) -> Any:
        return self.body(self.send("POST", path, None, body, items=items))

    def put(self, path: str, body: Any, *, items: int = 1) -> Any:
        return self.body(self.send("PUT", path, None, body, items=items))

    def delete(self, path: str, query: Query | None = None) -> Any:
        return self.body(self.send("DELETE", path, query))

    def data(self, path: str, query: Query | None = None) -> list[Json]:
        """One page of a V3 list, or a V2 list."""
        return self._listed(path, self.get(path, query))

    @staticmethod
    def _listed(path: str, answer: Any) -> list[Json]:
        found = answer.get("data") if isinstance(answer, dict) else answer
        if found is None:
            return []
        if not isinstance(found, list):
            raise Transient(f"GET {path}: the shop answered something else than a list.", code="BROKEN_ANSWER")
        return [one for one in found if isinstance(one, dict)]

    def all(self, path: str, query: Query | None = None, limit: int = PAGE) -> Iterator[Json]:
        """A whole list that does not move while it is read."""
        page = 1
        while True:
            answer = self.get(path, {**(query or {}), "page": page, "limit": limit})
            found = self._listed(path, answer)
            yield from found
            if len(found) < limit or page >= _pages(answer, page + 1):
                return
            page += 1

    def by_id(self, path: str, query: Query | None = None) -> Iterator[list[Json]]:
        """Pages of a catalogue list in the order of ids, complete even while things are added and deleted."""
        last = 0
        while True:
            asked = {**(query or {}), "sort": "id", "direction": "asc", "limit": PAGE}
            found = self.data(path, {**asked, "id:greater": last} if last else asked)
            if found:
                yield found
            if len(found) < PAGE:
                return
            last = max(int(one["id"]) for one in found)

    def send(
        self, method: str, path: str, query: Query | None = None, body: Any = None, *, items: int = 0
    ) -> httpx.Response:
        """Raises for everything but an answer to use. Waits while the window has no calls left."""
        content = None
        headers = {"Accept": "application/json"}
        if method != "GET":
            headers["Content-Type"] = "application/json"
            if body is not None:
                content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=number).encode()
        encoded = "&".join(
            f"{quote(name, safe=':')}={quote(plain(value), safe='')}" for name, value in (query or {}).items()
        )
        url = f"{self.base}/{path}" + (f"?{encoded}" if encoded else "")
        for turn in range(TIMES_THROTTLED):
            self._wait()
            self._reset = None
            try:
                response = self.http.request(method, url, items=items, headers=headers, content=content)
            except Throttled as error:
                if self._reset is None:  # the platform is busy, it is not our quota
                    raise
                if turn == TIMES_THROTTLED - 1 or self._reset > MOST_WAITING:
                    until = datetime.now(UTC) + timedelta(seconds=self._reset)
                    raise Throttled(error.message, until=until) from error
                quota.sleep(self._reset + quota.MARGIN)
                continue
            return self._judged(method, path, response)
        raise AssertionError("not reached")

    def _wait(self) -> None:
        waited = 0.0
        while (seconds := self.quota.wait()) > 0:
            if waited + seconds > MOST_WAITING:
                until = datetime.now(UTC) + timedelta(seconds=seconds)
                raise Throttled("The store's calls of this window are used up.", until=until)
            quota.sleep(seconds)
            waited += seconds

    # -- judging answers

    @staticmethod
    def body(response: httpx.Response) -> Any:
        if response.status_code == 204 or not response.content.strip():
            return None
        try:
            return json.loads(response.text, parse_float=Decimal)
        except ValueError as error:
            where = f"{response.request.method} {response.request.url.path}"
            kind = Transient if response.request.method == "GET" else UnknownOutcome
            raise kind(f"{where}: the shop answered something else than JSON.", code="BROKEN_ANSWER") from error

    @staticmethod
    def _judged(method: str, path: str, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if status < 300:
            return response
        where = f"{method} {path}"
        said = explanation(response)
        message = f"{where}: {said} (HTTP {status})"
        if status == 401:
            raise NeedsCredentials(
                f"{where}: BigCommerce does not know the access token (HTTP 401).", code="TOKEN", hint=ACCOUNT_HINT
            )
        if status == 403:
            scope = scope_of(path, writes=method != "GET")
            raise NeedsCredentials(
                f"{message}: the API account lacks the scope {scope}.",
                code="SCOPE_MISSING",
                hint=f"Make an API account with the scope {scope}, and give the channel its access token.",
            )
        if status == 404:
            raise NotFound(message, code="NOT_FOUND")
        if status == 409:
            raise Conflict(message, code="CONFLICT")
        if status == 413:
            raise TooLarge(message, code="TOO_LARGE")
        if status in (400, 405, 422):
            raise Invalid(message, code="REFUSED_BY_SHOP")
        if status < 400:
            location = response.headers.get("location", "another address")
            raise NeedsCredentials(
                f"{where}: the shop sends on to {location}.", code="REDIRECTED", hint="Check the channel's API path."
            )
        if status in (408, 423, 425):
            raise Transient(message, code=f"HTTP_{status}")
        raise Rejected(message, code="REFUSED_BY_SHOP")


def _pages(answer: Any, otherwise: int) -> int:
    """How many pages a V3 list has."""
    meta = answer.get("meta") if isinstance(answer, dict) else None
    told = (meta.get("pagination") or {}).get("total_pages") if isinstance(meta, dict) else None
    return int(told) if isinstance(told, int | Decimal) else otherwise


def explanation(response: httpx.Response) -> str:
    """What an error answer says, of V2 (a list), V3 (title and errors) and batches (batch_errors)."""
    try:
        body = json.loads(response.text)
    except ValueError:
        return " ".join(response.text.split())[:160] or "no explanation"
    parts: list[str] = []
    for one in body if isinstance(body, list) else [body]:
        parts += _said(one)
    return "; ".join(dict.fromkeys(part for part in parts if part)) or "no explanation"


def _said(one: Any) -> list[str]:
    if not isinstance(one, dict):
        return [str(one)]
    found = [str(one.get("title") or one.get("message") or "")]
    details = one.get("errors") or one.get("details")
    if isinstance(details, dict):
        found += [f"{name}: {text}" for name, text in details.items()]
    for inner in one.get("batch_errors") or []:
        found += _said(inner)
    return found


def chunks(values: Sequence[T], most: int, characters: int = 3_000) -> Iterator[list[T]]:
    """Parts that fit into a query: at most `most` values and about `characters` once encoded."""
    part: list[T] = []
    length = 0
    for value in values:
        size = len(quote(str(value), safe="")) + 3
        if part and (len(part) >= most or length + size > characters):
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    if part:
        yield part
