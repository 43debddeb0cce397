"""Calls to one shop: documents by name, paced by the shop's bucket, errors in our own classes.

    THROTTLED (with HTTP 200)       waited for here when it is short, else Throttled
    401, 403, ACCESS_DENIED         NeedsCredentials, with the scope that is missing; a renewable token is renewed once
    402, 423, SHOP_INACTIVE         NeedsCredentials: the shop is frozen or locked
    404                             NeedsCredentials: there is no such shop
    MAX_COST_EXCEEDED               TooCostly: the caller asks for less
    INTERNAL_SERVER_ERROR           Transient, and UnknownOutcome where something was to be written

userErrors of a mutation come with HTTP 200 and are the caller's (errors.py).
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx

from integrator.connectors.base import (
    ConnectorError,
    Keeper,
    NeedsCredentials,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from integrator.connectors.http import Http, Recorder
from integrator.connectors.shopify.budget import Budget
from integrator.connectors.shopify.capabilities import API_VERSION, OPTIONAL_SCOPES, SCOPES
from integrator.connectors.shopify.documents import DOCUMENTS
from integrator.connectors.shopify.settings import ShopifyCredentials
from integrator.connectors.shopify.tokens import STATIC_HINT, Tokens

logger = logging.getLogger(__name__)

Json = dict[str, Any]

LONGEST_WAIT = 20.0  # seconds that a call waits for points; longer waits free the worker
THROTTLED_TRIES = 5
SCOPE = re.compile(r"`(\w+)` access scope|(?:scope|scopes)[^a-z_]*((?:read|write)_\w+)")
DAILY_LIMIT = re.compile(r"(daily|limit).{0,40}variant|variant.{0,40}(daily|creation limit)", re.IGNORECASE)


class TooCostly(Rejected):
    """One request asks for more than 1,000 points."""


class DailyLimit(Throttled):
    """The shop takes no more new variants today; `until` is when it does again."""


def next_day(now: datetime) -> datetime:
    """The next 00:00 UTC, when Shopify counts new variants from zero."""
    day = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return day + timedelta(days=1)


def daily_limit(message: str, code: str = "") -> bool:
    """Whether an error says that no more variants may be made today."""
    return "VARIANT_THROTTLE" in code or bool(DAILY_LIMIT.search(message))


def daily_limit_error(now: datetime) -> DailyLimit:
    until = next_day(now)
    return DailyLimit(
        "Shopify takes no more new variants of this shop today: it has 50,000 or more, and then 1,000 may be added a"
        f" day. It goes on at {until:%Y-%m-%d %H:%M} UTC.",
        until=until,
        code="DAILY_VARIANT_LIMIT",
        hint="Nothing has to be done. Shopify Plus has no such limit.",
    )


class Client:
    def __init__(
        self,
        credentials: ShopifyCredentials,
        recorder: Recorder,
        *,
        timeout: float = 60.0,
        memory: Mapping[str, Any] | None = None,
        keeper: Keeper | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.base = credentials.shop
        self.http = Http(self.base, recorder, timeout=timeout)
        self.keeper = keeper
        self.sleep, self.clock = sleep, clock
        self.budget = Budget.recalled((memory or {}).get("budget") or {})
        self.tokens = Tokens(credentials, self.http, keeper, self.now)
        self.served_version = ""  # what the shop's last answer was made by
        self.server_time: datetime | None = None
        self.denied: list[str] = []  # what the token may not see, of answers that came all the same
        self.asked = 0
        self.no_variants_before = _moment((memory or {}).get("no_variants_before"))  # the daily limit of new variants

    def close(self) -> None:
        self.http.close()
        if self.asked and self.keeper is not None:
            try:
                until = self.no_variants_before
                memory = {"budget": self.budget.memory(), "no_variants_before": until.isoformat() if until else None}
                self.keeper.remember(memory)
            except Exception:  # it only saves one call
                logger.warning("What was learnt of the shop's quota could not be kept.", exc_info=True)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    # -- documents

    def run(self, name: str, variables: Mapping[str, Any] | None = None, *, items: int = 0, size: Any = "") -> Json:
        """The answer's data. `size`: what of the variables the cost depends on, to learn it apart."""
        return self.send(name, DOCUMENTS[name], variables or {}, items=items, size=size)

    def send(self, name: str, document: str, variables: Mapping[str, Any], *, items: int = 0, size: Any = "") -> Json:
        """Like `run`, of a document that is made for the occasion."""
        what = f"{name}:{size}" if size != "" else name
        writes = document.startswith("mutation")
        for attempt in range(THROTTLED_TRIES):
            self._wait(name, what)
            answer = self._post(name, document, variables, items, writes)
            cost = (answer.get("extensions") or {}).get("cost") or {}
            self.budget.learn(what, cost, self.clock())
            errors = [one for one in answer.get("errors") or [] if isinstance(one, dict)]
            if not any(_code(one) == "THROTTLED" for one in errors):
                return self._judged(name, answer.get("data"), errors, writes)
            if attempt == THROTTLED_TRIES - 1:
                break
            # somebody else of this app spends points too: the bucket's state is in the answer
            if not self.budget.wait(what, self.clock()):
                self.sleep(1.0)
        wait = max(1.0, self.budget.wait(what, self.clock()))
        raise Throttled(f"{name}: the shop's bucket stays empty.", until=self.now() + timedelta(seconds=wait))

    def pages(
        self, name: str, variables: Mapping[str, Any], *path: str, first: int, items: int = 0
    ) -> Iterator[list[Json]]:
        """The pages of a list; each as large as one request may cost. `path` leads to it in the data."""
        after: str | None = None
        while True:
            try:
                data = self.run(name, {**variables, "first": first, "after": after}, items=items, size=first)
            except TooCostly:
                if first <= 1:
                    raise
                first = max(1, first // 2)
                continue
            found: Any = data
            for step in path:
                found = (found or {}).get(step)
            if not isinstance(found, dict):
                return
            yield [one for one in found.get("nodes") or [] if isinstance(one, dict)]
            page = found.get("pageInfo") or {}
            after = page.get("endCursor")
            if not page.get("hasNextPage") or not after:
                return

    def _wait(self, name: str, what: str) -> None:
        wait = self.budget.wait(what, self.clock())
        if wait > LONGEST_WAIT:
            until = self.now() + timedelta(seconds=wait)
            raise Throttled(f"{name}: the shop's bucket is empty until {until:%H:%M:%S} UTC.", until=until)
        if wait > 0:
            self.sleep(wait)

    # -- one request

    def _post(self, name: str, document: str, variables: Mapping[str, Any], items: int, writes: bool) -> Json:
        body = {"query": document, "variables": variables}
        content = json.dumps(body, ensure_ascii=False, separators=(",", ":"), default=plain).encode()
        for again in (True, False):
            self.asked += 1
            headers = {"Content-Type": "application/json", "X-Shopify-Access-Token": self.tokens.current()}
            response = self.http.request(
                "POST", f"/admin/api/{API_VERSION}/graphql.json", items=items, writes=writes, headers=headers,
                content=content,
            )  # fmt: skip
            if response.status_code == 401 and again and self.tokens.can_renew():
                self.tokens.renew()
                continue
            break
        self.served_version = response.headers.get("x-shopify-api-version", self.served_version)
        self.server_time = _time(response) or self.server_time
        if response.status_code >= 300:
            self._raise_status(name, response)
        try:
            answer = json.loads(response.content, parse_float=Decimal)
        except ValueError:
            answer = None
        if not isinstance(answer, dict):
            kind = UnknownOutcome if writes else Transient
            raise kind(f"{name}: the shop answered something else than JSON.", code="BROKEN_ANSWER")
        # costs are plain numbers: keep them so
        cost = (answer.get("extensions") or {}).get("cost")
        if isinstance(cost, dict):
            answer["extensions"]["cost"] = json.loads(json.dumps(cost, default=float))
        return answer

    def _raise_status(self, name: str, response: httpx.Response) -> None:
        status = response.status_code
        said = _said(response)
        where = f"{name}: the shop refuses (HTTP {status}{': ' + said if said else ''})"
        if status in (401, 403):
            raise NeedsCredentials(f"{where}.", code="UNAUTHORISED", hint=STATIC_HINT)
        if status < 400:
            to = response.headers.get("location", "another address")
            hint = "Give the channel the shop's own address, which ends in .myshopify.com."
            raise NeedsCredentials(f"{name}: the shop sends on to {to}.", code="REDIRECTED", hint=hint)
        if status == 402:
            raise NeedsCredentials(f"{where}.", code="SHOP_FROZEN", hint="The shop's Shopify bill has to be paid.")
        if status == 404:
            hint = f"Check the channel's shop ({self.base}), and that the API has the version {API_VERSION}."
            raise NeedsCredentials(f"{where}.", code="NO_SHOP", hint=hint)
        if status == 423:
            raise NeedsCredentials(f"{where}.", code="SHOP_LOCKED", hint="Shopify has locked the shop: see its admin.")
        if status in (408, 409, 425, 430):
            raise Transient(f"{where}.", code=f"HTTP_{status}")
        raise Rejected(f"{where}.", code=f"HTTP_{status}")

    def _judged(self, name: str, data: Any, errors: list[Json], writes: bool) -> Json:
        present = isinstance(data, dict) and any(value is not None for value in data.values())
        if not errors:
            if isinstance(data, dict):
                return data
            raise Transient(f"{name}: the shop's answer has no data.", code="BROKEN_ANSWER")
        codes = {_code(one) for one in errors}
        if present and codes <= {"ACCESS_DENIED"} and not writes:
            # some fields are hidden from the token (customers' data); the rest is as it should be
            self.denied += [one for error in errors if (one := _sentence(error)) not in self.denied]
            return dict(data)
        raise self._error(name, errors[0], writes)

    def _error(self, name: str, error: Json, writes: bool) -> ConnectorError:
        code, message = _code(error), f"{name}: {_sentence(error)}"
        if daily_limit(_sentence(error), code):
            return daily_limit_error(self.now())
        if code == "ACCESS_DENIED":
            scope = missing_scope(error)
            hint = f"Give the app the scope {scope}" if scope else "Give the app the scopes in the connector's README"
            why = (
                f" ({SCOPES.get(scope) or OPTIONAL_SCOPES.get(scope)})"
                if scope in {**SCOPES, **OPTIONAL_SCOPES}
                else ""
            )
            return NeedsCredentials(message, code="MISSING_SCOPE", hint=f"{hint}{why}, and install it again.")
        if code == "SHOP_INACTIVE":
            return NeedsCredentials(message, code=code, hint="The shop is closed or frozen: see its admin.")
        if code == "MAX_COST_EXCEEDED" or "exceeds the single query max cost" in message.lower():
            return TooCostly(message, code="MAX_COST_EXCEEDED")
        if code in ("INTERNAL_SERVER_ERROR", "TIMEOUT") or "something went wrong" in message.lower():
            kind = UnknownOutcome if writes else Transient
            return kind(message, code=code or "INTERNAL_SERVER_ERROR")
        return Rejected(message, code=code or "INVALID_REQUEST")


def missing_scope(error: Mapping[str, Any]) -> str:
    """The scope that an ACCESS_DENIED names; "" when it names none."""
    extensions = error.get("extensions") or {}
    text = f"{extensions.get('requiredAccess') or ''} {error.get('message') or ''}"
    found = SCOPE.search(text)
    return next((one for one in found.groups() if one), "") if found else ""


def _code(error: Mapping[str, Any]) -> str:
    return str((error.get("extensions") or {}).get("code") or "").upper()


def _sentence(error: Mapping[str, Any]) -> str:
    message = str(error.get("message") or "an error without a message")
    required = (error.get("extensions") or {}).get("requiredAccess")
    return f"{message} Required access: {required}" if required and str(required) not in message else message


def _said(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return ""
    errors = answer.get("errors") or answer.get("error") if isinstance(answer, dict) else None
    return (errors if isinstance(errors, str) else json.dumps(errors))[:200] if errors else ""


def _time(response: httpx.Response) -> datetime | None:
    from email.utils import parsedate_to_datetime

    try:
        return parsedate_to_datetime(response.headers["date"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def plain(value: Any) -> Any:
    """Decimals travel as text, which is what Money and Decimal are there."""
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} cannot be sent")
