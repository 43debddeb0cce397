"""Speaks to the shop's API: signatures, the quota, paging, and the shop's refusals in the connectors' classes.

The quota is used up to its last request and not beyond (connectors.window).
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

import httpx

from integrator.connectors.base import Channel, NeedsCredentials, Rejected, Transient
from integrator.connectors.hipcommerce import signing
from integrator.connectors.http import Http, Recorder
from integrator.connectors.window import Window

Json = dict[str, Any]
Query = Sequence[tuple[str, str]]

QUERY_CHARACTERS = 6_000  # of a filter; servers take request lines of 8 kB
SCOPE_HINT = "Let the shop give the key this scope, or make a new key with it, then: integrator channel edit."
KEY_HINT = "Compare the key id and the secret with what the shop shows, then: integrator channel edit."
ADDRESS_HINT = "Check the channel's url: it must be the address of the shop's Integrator API."
CLOCK_HINT = "Set the clocks of both machines by NTP; they may differ by 5 minutes."


class NotFound(Rejected):
    """The shop does not have what the path names."""


class CursorExpired(Rejected):
    """The shop does not know the cursor any more: the list has to be begun anew."""


class Client:
    def __init__(
        self,
        channel: Channel,
        recorder: Recorder,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        credentials = channel.credentials
        self.key_id: str = credentials.key_id
        self.secret: str = credentials.secret.get_secret_value()
        self.clock = clock
        self.http = Http(credentials.url, recorder, timeout=channel.settings.timeout_seconds)
        self.base = httpx.URL(credentials.url)
        self.window = Window(channel, clock, sleep)

    def close(self) -> None:
        self.http.close()

    # -- one request

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        query: Query = (),
        idempotency_key: str = "",
        items: int = 0,
    ) -> Json:
        """The answer's JSON. Raises a ConnectorError."""
        self.window.enter()
        target = f"{self.base.path}{path}" + (f"?{urlencode(query, quote_via=quote)}" if query else "")
        content = b"" if body is None else json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        stamp, nonce = str(int(self.clock())), secrets.token_urlsafe(18)
        headers = {
            signing.KEY: self.key_id,
            signing.TIMESTAMP: stamp,
            signing.NONCE: nonce,
            signing.SIGNATURE: signing.signature(self.secret, method, target, stamp, nonce, content),
        }
        if content:
            headers["Content-Type"] = "application/json"
        if idempotency_key:
            headers["Idempotency-Key"] = idempotency_key
        url = self.base.copy_with(raw_path=target.encode())
        response = self.http.request(method, str(url), content=content or None, headers=headers, items=items)
        self.window.learn(response.headers)
        return judged(response)

    # -- lists and batches

    def batch(self, path: str, name: str, rows: Sequence[Json], results: int, idempotency_key: str) -> list[Json]:
        """One write; the shop's `results` results in order."""
        answer = self.call("PUT", path, {name: list(rows)}, idempotency_key=idempotency_key, items=len(rows))
        found = answer.get("results")
        if not isinstance(found, list) or len(found) != results:
            message = f"{path}: the shop answered without a result for each of {results} items."
            raise Transient(message, code="ANSWER_BROKEN", hint="The shop's developers must correct it.")
        return found

    def pages(self, path: str, query: Query, cursor: str = "") -> Iterator[tuple[list[Json], str]]:
        """Pages with the cursor of the next one, "" after the last. `cursor`: where to go on."""
        while True:
            answer = self.call("GET", path, query=[*query, *([("cursor", cursor)] if cursor else [])])
            following = answer.get("next_cursor") or ""
            if following and following == cursor:
                raise Transient(f"{path}: the shop's cursor does not move.", code="ANSWER_BROKEN")
            yield answer.get("data") or [], following
            if not following:
                return
            cursor = following

    def filtered(self, path: str, name: str, values: Sequence[str], *, most: int, limit: int) -> Iterator[Json]:
        """Everything of a list whose `name` is one of `values`."""
        for chunk in chunks(name, values, most):
            query = [(name, value) for value in chunk] + [("limit", str(limit))]
            for page, _ in self.pages(path, query):
                yield from page


def chunks(name: str, values: Sequence[str], most: int) -> Iterator[list[str]]:
    """Groups that one request line can carry."""
    group: list[str] = []
    size = 0
    for value in dict.fromkeys(values):
        length = len(name) + 2 + len(quote(value))
        if group and (len(group) == most or size + length > QUERY_CHARACTERS):
            yield group
            group, size = [], 0
        group.append(value)
        size += length
    if group:
        yield group


def judged(response: httpx.Response) -> Json:
    """What the shop says, or what its refusal means."""
    status = response.status_code
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success and isinstance(body, dict):
        return body
    where = f"{response.request.method} {response.request.url.path}"
    if response.is_success or 300 <= status < 400:
        if not response.is_success:  # for ever so, until a person corrects the address
            to = response.headers.get("location", "")
            raise NeedsCredentials(f"{where}: the shop sends on to {to}.", code="MOVED", hint=ADDRESS_HINT)
        # a page for people: maintenance, or another address than the API's
        message = f"{where}: the answer is not JSON as the contract has it (HTTP {status})."
        raise Transient(message, code="ANSWER_BROKEN", hint=ADDRESS_HINT)
    problem: Mapping[str, Any] = body if isinstance(body, dict) else {}
    code = str(problem.get("code") or f"http_{status}")
    message = str(problem.get("detail") or problem.get("title") or f"{where}: refused (HTTP {status}).")
    if status in (401, 403):
        raise _credentials(code, message, problem)
    if code == "cursor_invalid":
        raise CursorExpired(message, code=code.upper())
    errors = "; ".join(
        f"{one.get('pointer', '')} {one.get('message', '')}".strip()
        for one in problem.get("errors") or () if isinstance(one, dict)
    )  # fmt: skip
    message = f"{message} {errors}".strip()
    if status == 404 and not problem:
        raise NeedsCredentials(f"{where}: there is no Integrator API here.", code="NO_API", hint=ADDRESS_HINT)
    if status == 404:
        raise NotFound(message, code=code.upper())
    raise Rejected(message, code=code.upper())


def _credentials(code: str, message: str, problem: Mapping[str, Any]) -> NeedsCredentials:
    if code == "scope_missing":
        scope = str(problem.get("scope") or "")
        return NeedsCredentials(
            f"The key has not the scope {scope}." if scope else message, code="SCOPE_MISSING", hint=SCOPE_HINT
        )
    if code == "timestamp_invalid":
        said = str(problem.get("time") or "")
        return NeedsCredentials(
            f"{message} The shop's clock says {said}, ours {datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}.",
            code="CLOCK", hint=CLOCK_HINT,
        )  # fmt: skip
    return NeedsCredentials(message, code=code.upper(), hint=KEY_HINT)
