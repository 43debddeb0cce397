"""Speaks to a sandbox shop: the key, the quota, paging, and its refusals in the connectors' classes of errors."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import httpx

from integrator.connectors.base import Channel, NeedsCredentials, Rejected, Transient
from integrator.connectors.http import Http, Recorder
from integrator.connectors.window import Window

Json = dict[str, Any]
TIMEOUT = 30.0  # seconds; the shop may be told to be slower than that
FIND_BATCH = 500
PAGE = 500


class NotFound(Rejected):
    """The shop does not have it (any more)."""


class Client:
    def __init__(self, channel: Channel, url: str, key: str, recorder: Recorder, *, timeout: float = TIMEOUT) -> None:
        self.http = Http(f"{url}/api", recorder, timeout=timeout, headers={"Authorization": f"Bearer {key}"})
        self.window = Window(channel, time.time, time.sleep)

    def close(self) -> None:
        self.http.close()

    def call(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        *,
        items: int = 0,
        writes: bool | None = None,
        **query: Any,
    ) -> Json:
        """The answer's JSON. Raises a ConnectorError; 404 is NotFound."""
        params = {name: value for name, value in query.items() if value not in (None, "")}
        options: Json = {"params": params} if params else {}
        self.window.enter()
        response = self.http.request(method, path, json=body, items=items, writes=writes, **options)
        self.window.learn(response.headers)
        return judged(response)

    def batch(self, path: str, name: str, items: Sequence[Json]) -> list[Json]:
        """One write of many items; the results in their order."""
        results = self.call("POST", path, {name: list(items)}, items=len(items)).get("results")
        if not isinstance(results, list) or len(results) != len(items):
            raise Transient(f"{path}: the shop answered without a result for each item.", code="ANSWER_BROKEN")
        return results

    def find(self, skus: Sequence[str]) -> Iterator[Json]:
        for start in range(0, len(skus), FIND_BATCH):
            chunk = list(skus[start : start + FIND_BATCH])
            yield from self.call("POST", "/variants/find", {"skus": chunk}, items=len(chunk), writes=False)["variants"]

    def variants(self) -> Iterator[Json]:
        after = 0
        while after is not None:
            page = self.call("GET", "/variants", after=after, limit=PAGE)
            yield from page["variants"]
            after = page["next"]


def judged(response: httpx.Response) -> Json:
    """What the shop says, or what its refusal means."""
    try:
        body = response.json()
    except ValueError:
        body = None
    if response.is_success:
        if not isinstance(body, dict):
            raise Transient(
                f"The shop answered something that is not its API's JSON (HTTP {response.status_code}).",
                code="ANSWER_BROKEN",
            )
        return body
    error = body.get("error", {}) if isinstance(body, dict) else {}
    message = str(error.get("message") or f"The shop refused the request (HTTP {response.status_code}).")
    code = str(error.get("code") or f"HTTP_{response.status_code}").upper()
    if response.status_code in (401, 403):
        raise NeedsCredentials(
            message, code=code, hint="Give the channel the shop's key: integrator sandbox show SHOP prints it."
        )
    if response.status_code == 404:
        if not error:  # nothing of the shop's answers there
            message = f"There is no sandbox shop at {response.request.url.copy_with(query=None)}."
        raise NotFound(message, code=code, hint="Check that the shop and the thing in it still exist.")
    raise Rejected(message, code=code)
