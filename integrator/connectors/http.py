"""The HTTP client that every connector uses: timed, recorded, with network errors in our own classes."""

from __future__ import annotations

import email.utils
import re
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx

from integrator import __version__
from integrator.connectors.errors import Throttled, Transient, UnknownOutcome

USER_AGENT = f"Integrator/{__version__}"
EXCERPT = 4_000  # characters kept of a request and its answer
SECONDS = re.compile(r"[0-9]{1,9}(\.[0-9]*)?")
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Attempt:
    """One request to a platform, as it is journalled. `url` is without its query's secrets."""

    method: str
    url: str
    started_at: datetime
    milliseconds: int
    status: int | None
    outcome: str
    message: str = ""
    items: int = 0
    request: str | None = None
    answer: str | None = None


Recorder = Callable[[Attempt], None]

SECRET_PARAMETERS = frozenset(
    {"consumer_key", "consumer_secret", "oauth_signature", "oauth_consumer_key", "oauth_token", "access_token", "key"}
)


def shown(url: httpx.URL) -> str:
    """The URL without its secrets and user part."""
    kept = [(k, "***" if k in SECRET_PARAMETERS else v) for k, v in url.params.multi_items()]
    return str(url.copy_with(username=None, password=None, params=kept or None))


def retry_after(response: httpx.Response, now: datetime | None = None) -> datetime | None:
    """When the platform says to come back: seconds, whole or not, or an HTTP date. None when it says nothing of use."""
    value = response.headers.get("retry-after", "").strip()
    if SECONDS.fullmatch(value):
        return (now or datetime.now(UTC)) + timedelta(seconds=float(value))
    try:
        return email.utils.parsedate_to_datetime(value).astimezone(UTC) if value else None
    except (TypeError, ValueError):
        return None


@cache
def trusted() -> ssl.SSLContext:
    """The certificates that we believe, read once: that takes a tenth of a second, and every job makes a client."""
    return httpx.create_ssl_context()


class Http:
    """`request` returns any answer below 500 but 429; the caller judges 4xx, which differ by platform.

    Raises Throttled (429, and 503 with Retry-After), Transient (other 5xx; no connection) and, for a
    request that writes, UnknownOutcome when it was sent and no answer came or a gateway answered 502/504.
    """

    def __init__(self, base_url: str, recorder: Recorder, *, timeout: float = 60.0, **options: Any) -> None:
        headers = {"User-Agent": USER_AGENT, "Accept": "application/json", **options.pop("headers", {})}
        self.recorder = recorder
        self.client = httpx.Client(
            base_url=base_url,
            timeout=httpx.Timeout(timeout, connect=10.0),
            headers=headers,
            follow_redirects=False,  # a redirected write would be sent again, or as a GET
            **{"verify": trusted(), **options},
        )

    def close(self) -> None:
        self.client.close()

    def request(
        self, method: str, url: str, *, items: int = 0, writes: bool | None = None, **options: Any
    ) -> httpx.Response:
        """`items`: how many things it concerns, for the journal. `writes`: default by the method."""
        writes = method.upper() not in SAFE if writes is None else writes
        request = self.client.build_request(method, url, **options)
        started, clock = datetime.now(UTC), time.monotonic()

        def record(outcome: str, message: str = "", response: httpx.Response | None = None) -> None:
            failed = outcome != "ok" or (response is not None and response.is_error)
            self.recorder(
                Attempt(
                    method=request.method,
                    url=shown(request.url),
                    started_at=started,
                    milliseconds=round((time.monotonic() - clock) * 1000),
                    status=response.status_code if response is not None else None,
                    outcome=outcome,
                    message=message,
                    items=items,
                    request=request.content[:EXCERPT].decode("utf-8", "replace") if failed and writes else None,
                    answer=response.text[:EXCERPT] if failed and response is not None else None,
                )
            )

        where = f"{request.method} {request.url.path}"
        try:
            response = self.client.send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            record("transient", str(error))
            raise Transient(f"{where}: the shop cannot be reached ({error}).", code="UNREACHABLE") from error
        except httpx.HTTPError as error:
            message = f"{where}: no answer from the shop ({type(error).__name__}: {error})."
            record("unknown" if writes else "transient", message)
            kind = UnknownOutcome if writes else Transient
            raise kind(message, code="NO_ANSWER") from error
        status = response.status_code
        if status == 429 or (status == 503 and "retry-after" in response.headers):
            until = retry_after(response)
            record("throttled", f"until {until}", response)
            raise Throttled(f"{where}: the shop asks to wait (HTTP {status}).", until=until)
        if status >= 500:
            unknown = writes and status in (502, 504)
            message = f"{where}: the shop failed (HTTP {status})."
            record("unknown" if unknown else "transient", message, response)
            kind = UnknownOutcome if unknown else Transient
            raise kind(message, code=f"HTTP_{status}")
        record("ok" if status < 400 else "refused", "", response)
        return response
