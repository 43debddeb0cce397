"""The shop's REST API (wc/v3): authentication, paging, batches, and every answer judged once.

What a request can end in, beside the base's classes:

    NoRoute      the shop has no such route: an older version, or a feature that is off
    NotFound     the route is there, the thing is not
    TooLarge     413: the batch has to be smaller

JSON is read through what hosts put around it: a byte order mark, PHP notices, a caching plugin's comment.
A page of HTML is never taken for an answer.
"""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Literal

import httpx

from integrator.connectors.base import NeedsCredentials, Rejected, Transient
from integrator.connectors.http import Http, Recorder
from integrator.connectors.woocommerce import oauth
from integrator.connectors.woocommerce.capabilities import PAGE
from integrator.connectors.woocommerce.settings import WooCredentials, WooSettings

OVERLAP = 10  # things of the last page that the next one reads again
MOST_BRACKETS = 2_000  # looked at in the noise around an answer
CACHE_BUSTER = "integrator_fresh"  # unknown to WordPress, so it changes nothing but the URL
PERMALINKS_HINT = (
    "In WordPress, Settings > Permalinks must not be 'Plain', and the REST API must not be switched off by a plugin."
)
FIREWALL_HINT = (
    "Let requests with the User-Agent 'Integrator' through to /wp-json/ in the shop's firewall, CDN or security plugin."
)
KEYS_HINT = "Make a new key with Read/Write permission in WooCommerce > Settings > Advanced > REST API."

Query = Mapping[str, str | int | bool]
Auth = Literal["header", "query", "signature"]
OTHER_AUTH: tuple[Auth, ...] = ("query", "signature")


class NoRoute(Rejected):
    """The shop has no such route."""


class NotFound(Rejected):
    """The route is there, the thing is not."""


class TooLarge(Rejected):
    """The batch has more than the shop takes."""


@dataclass(frozen=True, slots=True)
class Page:
    items: list[dict[str, Any]]
    total: int
    pages: int
    now: datetime | None  # the shop's clock


@dataclass(frozen=True, slots=True)
class ItemError:
    """An error about one item, inside an answer that is a success as a whole."""

    code: str
    message: str
    data: Mapping[str, Any]

    @property
    def status(self) -> int:
        value = self.data.get("status")
        return value if isinstance(value, int) else 400

    @property
    def resource_id(self) -> int | None:
        value = self.data.get("resource_id")
        return int(value) if isinstance(value, int | str) and str(value).isdigit() else None


def parse(text: str) -> Any:
    """The JSON in an answer, whatever stands before or after it; numbers with a point become Decimal.

    Raises ValueError when there is none, or when it is a page of HTML.
    """
    text = text.lstrip("\ufeff \t\r\n")
    if text[:1] in ("{", "["):
        try:
            return json.loads(text, parse_float=Decimal)
        except ValueError:
            pass
    lowered = text[:2000].lower()
    if "<!doctype html" in lowered or "<html" in lowered:
        raise ValueError("a page of HTML")
    decoder = json.JSONDecoder(parse_float=Decimal)
    best: tuple[int, Any] | None = None
    position = 0
    for _ in range(MOST_BRACKETS):  # a notice may hold JSON of its own: the longest is the answer
        starts = [at for at in (text.find("{", position), text.find("[", position)) if at >= 0]
        if not starts:
            break
        position = min(starts)
        try:
            value, end = decoder.raw_decode(text, position)
        except ValueError:
            position += 1
            continue
        if best is None or end - position > best[0]:
            best = (end - position, value)
        position = end
    if best is None:
        raise ValueError("no JSON")
    return best[1]


def item_error(value: Any) -> ItemError | None:
    """The error inside an item of a batch answer."""
    error = value.get("error") if isinstance(value, dict) else None
    if not isinstance(error, dict):
        return None
    data = error.get("data")
    known = data if isinstance(data, dict) else {}
    return ItemError(str(error.get("code") or ""), str(error.get("message") or ""), known)


def clock(response: httpx.Response) -> datetime | None:
    """What the shop's server thinks the time is."""
    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


def plain(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


class Client:
    """Calls to one shop. `items` says how many things a request concerns, for the journal."""

    def __init__(self, credentials: WooCredentials, settings: WooSettings, recorder: Recorder) -> None:
        self.base = credentials.url
        self.https = self.base.startswith("https://")
        self._key = credentials.consumer_key.get_secret_value()
        self._secret = credentials.consumer_secret.get_secret_value()
        self.auth: Auth = "signature" if not self.https else "header" if settings.auth == "auto" else settings.auth
        self._may_switch = settings.auth == "auto" and self.https
        self.http = Http(
            self.base,
            recorder,
            timeout=float(settings.timeout_seconds),
            headers={"Cache-Control": "no-cache"},
        )

    def close(self) -> None:
        self.http.close()

    # -- requests

    def get(self, path: str, query: Query | None = None) -> Any:
        return self._body(self.send("GET", path, query))

    def post(self, path: str, body: Any, query: Query | None = None, *, items: int = 1) -> Any:
        return self._body(self.send("POST", path, query, body, items=items))

    def put(self, path: str, body: Any, *, items: int = 1) -> Any:
        return self._body(self.send("PUT", path, None, body, items=items))

    def delete(self, path: str, query: Query | None = None) -> Any:
        return self._body(self.send("DELETE", path, query))

    def page(self, path: str, query: Query) -> Page:
        """One page of a list, with what its headers say of the whole."""
        response = self.send("GET", path, {"per_page": PAGE, **query})
        items = self._body(response)
        if not isinstance(items, list):
            raise Transient(f"GET {path}: the shop answered something else than a list.", code="BROKEN_ANSWER")
        return Page(
            [one for one in items if isinstance(one, dict)],
            _number(response.headers.get("x-wp-total"), len(items)),
            _number(response.headers.get("x-wp-totalpages"), 1),
            clock(response),
        )

    def all(self, path: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """A whole list that does not move while it is read (terms, webhooks, refunds of an order)."""
        number = 1
        while True:
            found = self.page(path, {**(query or {}), "page": number})
            yield from found.items
            if number >= found.pages or not found.items:
                return
            number += 1

    def by_id(self, path: str, query: Query | None = None) -> Iterator[dict[str, Any]]:
        """A whole list in the order of ids, complete even while things are added and deleted.

        Things deleted between two pages move the rest up; a page that does not reach back to the last
        id seen is therefore read again from further up.
        """
        offset, last = 0, 0
        while True:
            found = self.page(path, {**(query or {}), "orderby": "id", "order": "asc", "offset": offset})
            ids = [int(one["id"]) for one in found.items]
            if offset and (not ids or ids[0] > last):
                offset = max(0, min(offset, found.total) - PAGE)
                continue
            yield from (one for one in found.items if int(one["id"]) > last)
            last = max([last, *ids])
            if len(ids) < PAGE:
                return
            offset += PAGE - OVERLAP

    def send(
        self, method: str, path: str, query: Query | None = None, body: Any = None, *, items: int = 0
    ) -> httpx.Response:
        """`path` is below /wp-json/, for example wc/v3/orders. Raises for everything but an answer to use."""
        response = self._send(method, path, query, body, items)
        if response.status_code == 401 and self._may_switch and not _is_refused_key(response):
            # The shop saw no key: hosts drop the header, or WordPress behind a proxy does not know of the https.
            for other in OTHER_AUTH:
                self.auth = other
                again = self._send(method, path, query, body, items)
                if again.status_code != 401:
                    self._may_switch = False
                    return self._judged(method, path, again)
            self.auth = "header"
        return self._judged(method, path, response)

    def _send(self, method: str, path: str, query: Query | None, body: Any, items: int) -> httpx.Response:
        url = f"{self.base}/wp-json/{path}"
        parameters = [(name, plain(value)) for name, value in (query or {}).items()]
        headers: dict[str, str] = {}
        content: bytes | None = None
        if method == "GET":
            parameters.append((CACHE_BUSTER, f"{time.time_ns() // 1_000_000}{secrets.randbelow(1000):03d}"))
        if body is not None:
            content = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        if self.auth == "signature":
            # where WordPress sees https, a key in the header or the query would have been taken
            seen = url.replace("https://", "http://", 1)
            parameters = oauth.signed(method, seen, parameters, self._key, self._secret)
        elif self.auth == "query":
            parameters += [("consumer_key", self._key), ("consumer_secret", self._secret)]
        else:
            pair = base64.b64encode(f"{self._key}:{self._secret}".encode()).decode()
            headers["Authorization"] = f"Basic {pair}"
        # RFC 3986 encoding is what the signature covers; "+" for a blank would break it.
        encoded = "&".join(f"{oauth.encode(name)}={oauth.encode(value)}" for name, value in parameters)
        target = httpx.URL(url).copy_with(query=encoded.encode() or None)
        return self.http.request(method, str(target), items=items, headers=headers, content=content)

    # -- judging answers

    def _body(self, response: httpx.Response) -> Any:
        try:
            return parse(response.text)
        except ValueError as error:
            where = f"{response.request.method} {response.request.url.path}"
            raise Transient(
                f"{where}: the shop answered {error} instead of JSON ({_excerpt(response)}).",
                code="HTML_ANSWER" if "HTML" in str(error) else "BROKEN_ANSWER",
                hint=FIREWALL_HINT,
            ) from error

    def _judged(self, method: str, path: str, response: httpx.Response) -> httpx.Response:
        status = response.status_code
        if status < 300:
            return response
        where = f"{method} {path}"
        if status < 400:
            raise NeedsCredentials(
                f"{where}: the shop sends on to {response.headers.get('location', 'another address')}.",
                code="REDIRECTED",
                hint="Give the channel the address that the browser shows for the shop (https, with or without www).",
            )
        try:
            error = parse(response.text)
        except ValueError:
            error = None
        if not isinstance(error, dict) or "code" not in error:
            self._raise_foreign(where, response)
        assert isinstance(error, dict)
        self._raise_own(where, status, error)
        return response

    def _raise_own(self, where: str, status: int, error: Mapping[str, Any]) -> None:
        """WordPress or WooCommerce refused, and says why."""
        code = str(error["code"])
        data = error.get("data")
        message = f"{where}: {error.get('message') or code} (HTTP {status}, {code})"
        if status in (401, 403):
            raise NeedsCredentials(message, code=code.upper(), hint=KEYS_HINT)
        if code == "rest_no_route":
            raise NoRoute(message, code="NO_ROUTE", hint="The shop's WooCommerce is older, or the feature is off.")
        if status == 413:
            raise TooLarge(message, code="TOO_LARGE")
        if status == 404 or code.endswith("_invalid_id"):
            raise NotFound(message, code="NOT_FOUND")
        if status in (408, 423, 425):
            raise Transient(message, code=code.upper())
        detail = data.get("params") if isinstance(data, dict) else None
        if isinstance(detail, dict):
            message += ": " + "; ".join(f"{name}: {text}" for name, text in detail.items())
        raise Rejected(message, code=code.upper())

    def _raise_foreign(self, where: str, response: httpx.Response) -> None:
        """Something in front of WordPress answered: a firewall, a proxy, the web server."""
        status = response.status_code
        said = _excerpt(response)
        if status == 413:
            raise TooLarge(f"{where}: the shop's web server takes no body of this size.", code="TOO_LARGE")
        if status == 401:
            raise NeedsCredentials(
                f"{where}: the shop's web server asks for a password of its own ({said}).",
                code="SITE_PASSWORD",
                hint="Take the password protection off /wp-json/, or off the site.",
            )
        if status == 404:
            message = f"{where}: there is no REST API at {self.base} ({said})."
            raise Transient(message, code="NO_API", hint=PERMALINKS_HINT)
        message = f"{where}: something in front of the shop refuses (HTTP {status}: {said})."
        raise Transient(message, code="BLOCKED", hint=FIREWALL_HINT)


def _is_refused_key(response: httpx.Response) -> bool:
    """WooCommerce saw a key and refuses it, in contrast to having seen none."""
    try:
        error = parse(response.text)
    except ValueError:
        return False
    return isinstance(error, dict) and str(error.get("code", "")).startswith("woocommerce_rest_authentication")


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text is not None and text.strip().isdigit() else otherwise


def _excerpt(response: httpx.Response) -> str:
    text = " ".join(response.text.split())
    return text[:160] or f"an empty answer, HTTP {response.status_code}"


def chunks(values: Sequence[str], most: int, most_characters: int = 1_500) -> Iterator[list[str]]:
    """Parts that fit into a query: at most `most` values and about `most_characters` once encoded."""
    part: list[str] = []
    length = 0
    for value in values:
        size = len(oauth.encode(value)) + 3
        if part and (len(part) >= most or length + size > most_characters):
            yield part
            part, length = [], 0
        part.append(value)
        length += size
    if part:
        yield part
