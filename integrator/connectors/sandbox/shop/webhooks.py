"""Webhooks: an order changed, go and look. Signed, tried three times, and lost or doubled on demand.

    X-Sandbox-Signature: t=<seconds since the epoch>,v1=<hex HMAC-SHA256 of "<t>.<body>" with the hook's secret>

They are sent in the background of the process that changed the order, and like every platform's they may be
lost: whoever receives them has to look by itself now and then.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import httpx

from integrator.connectors.sandbox.shop import documents
from integrator.connectors.sandbox.shop.behaviour import Behaviour
from integrator.connectors.sandbox.shop.documents import Body, Document
from integrator.store.engine import begin

PAUSES = (0.0, 0.5, 2.0)  # seconds before each try
TOLERANCE = 300  # seconds that a signature stays good
KEPT = 100  # deliveries that the shop remembers

_pool: tuple[int, ThreadPoolExecutor] | None = None
log = logging.getLogger(__name__)


def signature(secret: str, body: bytes, moment: int) -> str:
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"


def verified(secret: str, header: str, body: bytes, now: float) -> bool:
    """Whether the header signs this body with this secret, not longer than TOLERANCE ago."""
    parts = dict(one.split("=", 1) for one in header.split(",") if "=" in one)
    if not parts.get("t", "").isdigit():
        return False
    moment = int(parts["t"])
    return abs(now - moment) <= TOLERANCE and hmac.compare_digest(
        signature(secret, body, moment).encode(), header.encode("utf-8", "replace")
    )


def _executor() -> ThreadPoolExecutor:
    """One small pool a process: a forked one does not have its parent's threads."""
    global _pool  # noqa: PLW0603 - one a process
    if _pool is None or _pool[0] != os.getpid():
        _pool = (os.getpid(), ThreadPoolExecutor(max_workers=2, thread_name_prefix="sandbox-webhook"))
    return _pool[1]


def flush() -> None:
    """Wait for what is being sent: before a process that will not live on leaves."""
    global _pool  # noqa: PLW0603 - one a process
    if _pool is not None and _pool[0] == os.getpid():
        _pool[1].shutdown(wait=True)
        _pool = None


def announce(shop: str, topic: str, order_id: int) -> None:
    """Start the webhook of a change that is committed, if the shop has one. Never raises for a lost one."""
    with begin() as connection:
        row = documents.shop(connection, shop)
        hook = row.profile.get("webhook") if row else None
        if row is None or not hook:
            return
        behaviour = Behaviour(**row.behaviour)
        (identity,) = documents.next_ids(connection, 1)
        body: Body = {"id": identity, "topic": topic, "order_id": order_id, "url": hook["url"], "state": "waiting"}
        copies = 1
        if random.random() * 100 < behaviour.webhooks_lost_percent:  # noqa: S311
            copies, body["state"] = 0, "lost on purpose"
        elif random.random() * 100 < behaviour.webhooks_doubled_percent:  # noqa: S311
            copies, body["state"] = 2, "waiting, twice on purpose"
        documents.insert(connection, shop, "delivery", [Document(identity, topic, order_id, datetime.now(UTC), body)])
        old = documents.newest(connection, shop, "delivery", limit=KEPT, offset=KEPT)
        documents.delete(connection, shop, "delivery", [one.id for one in old])
    for _ in range(copies):
        _executor().submit(_send, shop, hook, body)


def _send(shop: str, hook: Body, body: Body) -> None:
    payload = json.dumps(
        {"id": body["id"], "topic": body["topic"], "order_id": body["order_id"], "shop": shop}
    ).encode()
    state = "not delivered"
    for pause in PAUSES:
        time.sleep(pause)
        headers = {
            "Content-Type": "application/json",
            "X-Sandbox-Topic": body["topic"],
            "X-Sandbox-Delivery": str(body["id"]),
            "X-Sandbox-Signature": signature(hook["secret"], payload, int(time.time())),
        }
        try:
            answer = httpx.post(hook["url"], content=payload, headers=headers, timeout=5)
        except httpx.HTTPError as error:
            state = f"not delivered: {type(error).__name__}"
            continue
        state = f"answered {answer.status_code}"
        if answer.is_success:
            break
    try:
        with begin() as connection:
            found = documents.by_ids(connection, shop, "delivery", [body["id"]])
            for one in found.values():
                one.body = {**one.body, "state": state}
            documents.update(connection, shop, "delivery", list(found.values()))
    except Exception as error:  # the shop or its database went away meanwhile; nobody waits for this
        log.debug("A webhook's outcome of %s could not be noted: %s", shop, error)
