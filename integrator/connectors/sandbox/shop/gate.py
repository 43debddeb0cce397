"""What every request of the API passes: the key, then whatever the shop was told to do wrong."""

from __future__ import annotations

import contextlib
import hmac
import random
import socket
import threading
import time
from functools import cache
from typing import Any

from flask import Response, g, jsonify, request

from integrator.connectors.sandbox.shop import documents
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters, announced, decide
from integrator.connectors.sandbox.shop.documents import ShopError
from integrator.settings import settings
from integrator.store.engine import begin

# requests whose body only asks, and those that must work so that a shop can be repaired
READING_POSTS = frozenset({"api.find"})
NEVER_WRONG = frozenset({"api.behaviour", "api.set_behaviour", "api.reset"})


def refusal(status: int, code: str, message: str) -> Response:
    answer = jsonify({"error": {"code": code, "message": message}})
    answer.status_code = status
    return answer


@cache
def _sleepers() -> threading.Semaphore:
    return threading.Semaphore(max(1, settings().web_threads // 2))


def sleep(seconds: float) -> None:
    """In at most half of the process's threads: a slow shop must not take the service from everybody else. Where
    too many sleep already it does not sleep."""
    if seconds and _sleepers().acquire(blocking=False):
        try:
            time.sleep(seconds)
        finally:
            _sleepers().release()


def enter() -> Response | None:
    """Before a request: None to serve it. Counts it and decides under the shop's lock."""
    name = (request.view_args or {}).get("shop", "")
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    with begin() as connection:
        row = documents.shop(connection, name)
        # the same answer for a shop that does not exist: names are nobody's business
        if row is None or not hmac.compare_digest(given.encode(), row.key.encode()):
            message = "The key is not this shop's. Send it as: Authorization: Bearer <key>."
            return refusal(401, "key_refused", message)
        if request.endpoint in NEVER_WRONG:
            return None
        row = documents.locked(connection, name)
        writes = request.method not in ("GET", "HEAD") and request.endpoint not in READING_POSTS
        behaviour = Behaviour(**row.behaviour)
        verdict, left, counters = decide(
            behaviour, Counters(**row.counters), writes=writes, now=time.time(),
            chance=random.random(),  # noqa: S311 - nothing secret
        )  # fmt: skip
        columns: dict[str, Any] = {"counters": counters.model_dump()}
        if left != behaviour:
            columns["behaviour"] = left.model_dump(exclude_defaults=True)
        documents.change_shop(connection, name, **columns)
    g.quota = (behaviour, counters)
    sleep(behaviour.latency_ms / 1000)
    match verdict.kind:
        case "revoked":
            return refusal(401, "key_revoked", "The key is revoked. Set `revoked` to false in the shop's behaviour.")
        case "throttle":
            answer = refusal(429, "throttled", f"Too many requests: come back in {verdict.retry_after:g} seconds.")
            answer.headers["Retry-After"] = f"{verdict.retry_after:.3f}".rstrip("0").rstrip(".")
            return answer
        case "fail":
            return refusal(verdict.status, "failing", "The shop fails because it was told to.")
        case "lose":
            g.lose_after = behaviour.hold_seconds
    return None


def leave(response: Response) -> Response:
    """After a request: what is left of the quota; where the answer is to be lost, end the connection instead."""
    if "quota" in g:
        behaviour, counters = g.quota
        response.headers.update(announced(behaviour, counters, time.time()))
    if "lose_after" not in g:
        return response
    sleep(g.lose_after)
    connection = request.environ.get("gunicorn.socket") or request.environ.get("werkzeug.socket")
    if isinstance(connection, socket.socket):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
        response.headers["Connection"] = "close"
        return response
    # a server that does not hand out its socket: what a gateway says when the shop did not answer in time
    return refusal(504, "gateway_timeout", "The shop did not answer in time.")


def shop_error(error: ShopError) -> Response:
    return refusal(error.status, error.code, error.message)
