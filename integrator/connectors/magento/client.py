"""The shop's REST API: signing, searching, and every answer judged once.

What a request can end in, beside the base's classes:

    NoRoute      the shop has no such route: a module is off
    NotFound     the route is there, the thing is not
    TooMany      more in one call than the shop's input limits allow; `most` is what it said

The input limits of a shop (list items, page size) are off by default. Where a shop has them, the first refusal tells
the number, and it is kept to from then on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from integrator.connectors.base import NeedsCredentials, Rejected, Transient
from integrator.connectors.http import Http, Recorder
from integrator.connectors.magento import oauth
from integrator.connectors.magento.capabilities import PAGE, ROWS
from integrator.connectors.magento.settings import MagentoCredentials, MagentoSettings

Json = dict[str, Any]
Query = Sequence[tuple[str, str]]

FIREWALL_HINT = (
    "Let requests with the User-Agent 'Integrator' through to /rest/ in the shop's firewall, CDN or web server."
)
KEYS_HINT = (
    "In the shop: System > Integrations > the integration: check the four keys, that it is active, and under API "
    "which resources it may use; after a change of resources press Reauthorize."
)
BEARER_HINT = (
    "Give the channel all four keys of the integration, or allow tokens as bearers: Stores > Configuration > "
    "Services > OAuth > Consumer Settings > Allow OAuth Access Tokens to be used as standalone Bearer tokens."
)
PLACEHOLDER = re.compile(r"%(\w+)")
BUSY = re.compile(r"deadlock|lock wait timeout|connection error|try restarting transaction", re.IGNORECASE)
LIST_LIMIT = re.compile(r"maximum items of type .* is (\d+)", re.IGNORECASE)
PAGE_LIMIT = re.compile(r"maximum searchcriteria pagesize is (\d+)", re.IGNORECASE)


class NoRoute(Rejected):
    """The shop has no such route."""


class NotFound(Rejected):
    """The route is there, the thing is not."""


class TooMany(Rejected):
    """The call has more than the shop takes."""

    def __init__(self, message: str, most: int, *, page: bool) -> None:
        super().__init__(message, code="INPUT_LIMIT", hint="The shop's limit is kept to from now on.")
        self.most, self.page = most, page


@dataclass(slots=True)
class Limits:
    """How much one call may have. Learnt by this process, per shop; a restart learns it again."""

    rows: int = ROWS
    page: int = PAGE * 3


@dataclass(frozen=True, slots=True)
class Filter:
    field: str
    value: str
    condition: str = "eq"


@dataclass(frozen=True, slots=True)
class Search:
    """Search criteria: all groups must hold, of each group one filter. `fields` trims what comes back of an item."""

    groups: tuple[tuple[Filter, ...], ...] = ()
    sort: tuple[str, ...] = ()  # ascending; Magento's own default is descending
    size: int = PAGE
    page: int = 1
    fields: str = ""

    def query(self, size: int) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for group, filters in enumerate(self.groups):
            for place, one in enumerate(filters):
                key = f"searchCriteria[filterGroups][{group}][filters][{place}]"
                found += [(f"{key}[field]", one.field), (f"{key}[value]", one.value)]
                found.append((f"{key}[conditionType]", one.condition))
        for place, name in enumerate(self.sort):
            key = f"searchCriteria[sortOrders][{place}]"
            found += [(f"{key}[field]", name), (f"{key}[direction]", "ASC")]
        found.append(("searchCriteria[pageSize]", str(min(self.size, size))))
        found.append(("searchCriteria[currentPage]", str(self.page)))
        if self.fields:
            found.append(("fields", f"items[{self.fields}],total_count"))
        return found


@dataclass(frozen=True, slots=True)
class Page:
    items: list[Json]
    total: int
    size: int  # what was asked for, after the shop's limit
    now: datetime | None  # the shop's clock


LEARNT: dict[str, Limits] = {}


def filled(error: Mapping[str, Any]) -> str:
    """A message of Magento with its parameters put in: by position (%1) or by name (%fieldName).

    Some messages come with parameters missing: those places become an ellipsis.
    """
    message = str(error.get("message") or "")
    given = error.get("parameters")
    named: dict[str, str] = {}
    if isinstance(given, Mapping):
        named = {str(key): str(value) for key, value in given.items()}
    elif isinstance(given, list):
        named = {str(place): str(value) for place, value in enumerate(given, 1)}
        names = [one for one in dict.fromkeys(PLACEHOLDER.findall(message)) if not one.isdigit()]
        if len(names) == len(given):
            named |= {name: str(value) for name, value in zip(names, given, strict=True)}
    text = PLACEHOLDER.sub(lambda found: named.get(found.group(1), "…"), message) if "%" in message else message
    parts = [filled(one) for one in error.get("errors") or [] if isinstance(one, Mapping)]
    return " ".join([text.strip(), *parts])


def clock(response: httpx.Response) -> datetime | None:
    """What the shop's server thinks the time is."""
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


@dataclass(slots=True)
class Client:
    """Calls to one shop, in all store views at once (`rest/all`). `items` is for the journal."""

    credentials: MagentoCredentials
    settings: MagentoSettings
    recorder: Recorder
    http: Http = field(init=False)
    limits: Limits = field(init=False)
    keys: oauth.Keys | None = field(init=False, default=None)
    _decoded: bool = field(init=False, default=False)  # how the shop normalises escaped paths

    def __post_init__(self) -> None:
        given = self.credentials
        self.http = Http(given.url, self.recorder, timeout=float(self.settings.timeout_seconds))
        self.limits = LEARNT.setdefault(given.url, Limits())
        if given.consumer_key.get_secret_value():
            self.keys = oauth.Keys(
                given.consumer_key.get_secret_value(),
                given.consumer_secret.get_secret_value(),
                given.access_token.get_secret_value(),
                given.access_token_secret.get_secret_value(),
            )

    @property
    def base(self) -> str:
        return self.credentials.url

    def close(self) -> None:
        self.http.close()

    # -- requests

    def get(self, path: str, query: Query = ()) -> Any:
        return self._body(self.send("GET", path, query))

    def post(self, path: str, body: Any, *, items: int = 1, writes: bool = True) -> Any:
        """`writes` False: a question that Magento wants to be asked with POST."""
        return self._body(self.send("POST", path, body=body, items=items, writes=writes))

    def put(self, path: str, body: Any, *, items: int = 1) -> Any:
        return self._body(self.send("PUT", path, body=body, items=items))

    def search(self, path: str, criteria: Search) -> Page:
        """One page. Beyond the last one Magento repeats the last: ask for no page that `total` does not have."""
        while True:
            size = min(criteria.size, self.limits.page)
            try:
                response = self.send("GET", path, criteria.query(size))
            except TooMany as error:
                if not error.page or error.most >= size:
                    raise
                self.limits.page = max(1, error.most)
                continue
            body = self._body(response)
            items = body.get("items") if isinstance(body, dict) else None
            if not isinstance(body, dict) or not isinstance(items, list | type(None)):
                raise Transient(f"GET {path}: the shop answered something else than a list.", code="BROKEN_ANSWER")
            found = [one for one in items or [] if isinstance(one, dict)]
            return Page(found, int(body.get("total_count") or 0), size, clock(response))

    def all(self, path: str, criteria: Search) -> Iterator[Json]:
        """A whole list that does not move while it is read."""
        number, seen = 1, 0
        while True:
            page = self.search(path, Search(criteria.groups, criteria.sort, criteria.size, number, criteria.fields))
            yield from page.items
            seen += len(page.items)
            if seen >= page.total or len(page.items) < page.size:
                return
            number += 1

    def by_id(self, path: str, criteria: Search, key: str, name: str = "entity_id") -> Iterator[Json]:
        """A whole list in the order of ids, complete also while things are added and deleted.

        `name` is the id's name in a filter, `key` its name in an item.
        """
        last = 0
        while True:
            groups = (*criteria.groups, (Filter(name, str(last), "gt"),))
            page = self.search(path, Search(groups, (name,), criteria.size, 1, criteria.fields))
            fresh = [one for one in page.items if int(one[key]) > last]
            yield from fresh
            if not fresh or len(page.items) >= page.total:
                return
            last = int(fresh[-1][key])

    def parts(self, rows: Sequence[Any]) -> Iterator[list[Any]]:
        """Rows in parts that the shop's limit allows; the limit may shrink on the way."""
        start = 0
        while start < len(rows):
            part = list(rows[start : start + self.limits.rows])
            yield part
            start += len(part)

    def rows(self, path: str, name: str, rows: Sequence[Any]) -> list[tuple[list[Any], Any]]:
        """POST rows under `name` in as few calls as the shop takes: (rows, answer) of each."""
        done: list[tuple[list[Any], Any]] = []
        start = 0
        while start < len(rows):
            part = list(rows[start : start + self.limits.rows])
            try:
                answer = self.post(path, {name: part}, items=len(part))
            except TooMany as error:
                if error.page or error.most >= len(part) or error.most < 1:
                    raise
                self.limits.rows = error.most
                continue
            done.append((part, answer))
            start += len(part)
        return done

    def send(
        self,
        method: str,
        path: str,
        query: Query = (),
        *,
        body: Any = None,
        items: int = 0,
        writes: bool | None = None,
        scope: str = "rest/all",
    ) -> httpx.Response:
        """`path` is below /rest/all/, for example V1/orders. Raises for everything but an answer to use."""
        url = f"{self.base}/{scope}/{path}"
        response = self._send(method, url, query, body, items, writes)
        if response.status_code == 401 and self.keys is not None and oauth.differs(url) and _is_signature(response):
            self._decoded = not self._decoded
            again = self._send(method, url, query, body, items, writes)
            if again.status_code == 401 and _is_signature(again):
                self._decoded = not self._decoded
            response = again
        return self._judged(f"{method} {path}", response)

    def _send(self, method: str, url: str, query: Query, body: Any, items: int, writes: bool | None) -> httpx.Response:
        headers: dict[str, str] = {}
        content: bytes | None = None
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=_number).encode()
            headers["Content-Type"] = "application/json"
        if self.keys is not None:
            headers["Authorization"] = oauth.header(method, url, query, self.keys, decoded=self._decoded)
        else:
            headers["Authorization"] = f"Bearer {self.credentials.access_token.get_secret_value()}"
        encoded = "&".join(f"{oauth.encode(name)}={oauth.encode(value)}" for name, value in query)
        target = httpx.URL(url).copy_with(query=encoded.encode() or None)
        return self.http.request(method, str(target), items=items, writes=writes, headers=headers, content=content)

    # -- judging answers

    def _body(self, response: httpx.Response) -> Any:
        try:
            return json.loads(response.text.lstrip("\ufeff"), parse_float=Decimal)
        except ValueError as error:
            where = f"{response.request.method} {response.request.url.path}"
            raise Transient(
                f"{where}: the shop did not answer with JSON ({_excerpt(response)}).",
                code="BROKEN_ANSWER",
                hint=FIREWALL_HINT,
            ) from error

    def _judged(self, where: str, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if status < 300:
            return response
        if status < 400:
            raise NeedsCredentials(
                f"{where}: the shop sends on to {response.headers.get('location', 'another address')}.",
                code="REDIRECTED",
                hint="Give the channel the address that the browser shows for the shop (https, with or without www).",
            )
        try:
            error = json.loads(response.text)
        except ValueError:
            error = None
        if not isinstance(error, dict) or "message" not in error:
            self._raise_foreign(where, response)
        assert isinstance(error, dict)
        self._raise_own(where, status, error)
        return response

    def _raise_own(self, where: str, status: int, error: Mapping[str, Any]) -> None:
        """Magento refused, and says why."""
        said = filled(error)
        message = f"{where}: {said} (HTTP {status})"
        if status in (401, 403):
            given = error.get("parameters")
            lacking = str(given.get("resources") or "") if isinstance(given, Mapping) else ""
            if lacking:
                hint = f"Give the integration the resource {lacking}: System > Integrations > API, then Reauthorize."
                raise NeedsCredentials(message, code="SCOPE_MISSING", hint=hint)
            raise NeedsCredentials(message, code="CREDENTIALS", hint=KEYS_HINT if self.keys else BEARER_HINT)
        for pattern, page in ((LIST_LIMIT, False), (PAGE_LIMIT, True)):
            if found := pattern.search(said):
                raise TooMany(message, int(found.group(1)), page=page)
        if status == 404 and "route" in said.lower():
            raise NoRoute(message, code="NO_ROUTE", hint="The module is off, or the shop is older than 2.4.6.")
        if status == 404:
            raise NotFound(message, code="NOT_FOUND")
        if BUSY.search(said) or status in (408, 423, 425):
            raise Transient(message, code="SHOP_BUSY")
        raise Rejected(message, code="REFUSED_BY_SHOP")

    def _raise_foreign(self, where: str, response: httpx.Response) -> None:
        """Something in front of Magento answered: a firewall, a proxy, the web server."""
        status, said = response.status_code, _excerpt(response)
        if status == 401:
            raise NeedsCredentials(
                f"{where}: the shop's web server asks for a password of its own ({said}).",
                code="SITE_PASSWORD",
                hint="Take the password protection off /rest/, or off the site.",
            )
        if status == 404:
            message = f"{where}: there is no REST API at {self.base} ({said})."
            raise Transient(message, code="NO_API", hint="Check the shop's address and its rewrite rules for /rest/.")
        message = f"{where}: something in front of the shop refuses (HTTP {status}: {said})."
        raise Transient(message, code="BLOCKED", hint=FIREWALL_HINT)


def path_part(value: str) -> str:
    """A SKU or code as one part of a path."""
    return oauth.encode(value)


def _number(value: Any) -> Any:
    """Magento takes and gives JSON numbers for money: whole ones as such, else the shortest float that is the same."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{value!r} cannot be sent")


def _is_signature(response: httpx.Response) -> bool:
    return "signature" in response.text[:500].lower()


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return text[:160] or f"an empty answer, HTTP {response.status_code}"
