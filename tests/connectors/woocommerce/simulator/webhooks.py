"""What the shop's cron sends: deliveries signed with the webhook's secret, and the unsigned ping of a new one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import httpx

from tests.connectors.woocommerce.simulator.api import ORDERS, Api
from tests.connectors.woocommerce.simulator.state import Json

MOST_FAILURES = 5


def signed(api: Api, webhook: Json, topic: str, order_id: int) -> tuple[dict[str, str], bytes]:
    """Headers and body of a delivery."""
    order = api.state.orders.get(order_id)
    content: Any = {"id": order_id}
    if topic != "order.deleted" and order is not None:
        content = api._shown(ORDERS, api.orders.json(order, 2))
    body = json.dumps(content).encode()
    resource, _, event = topic.partition(".")
    signature = base64.b64encode(hmac.new(webhook["secret"].encode(), body, hashlib.sha256).digest()).decode()
    return {
        "Content-Type": "application/json",
        "X-WC-Webhook-Source": "https://shop.test/",
        "X-WC-Webhook-Topic": topic,
        "X-WC-Webhook-Resource": resource,
        "X-WC-Webhook-Event": event,
        "X-WC-Webhook-Signature": signature,
        "X-WC-Webhook-ID": str(webhook["id"]),
        "X-WC-Webhook-Delivery-ID": hashlib.md5(f"{webhook['id']}{order_id}".encode()).hexdigest(),
    }, body


def cron(api: Api) -> list[int]:
    """Sends what waits; the statuses of the answers (0: none came). Failures count, and switch a webhook off."""
    state = api.state
    with state.lock:
        pings, state.pings = state.pings, []
        waiting, state.deliveries = state.deliveries, []
        hooks = list(state.webhooks.values())
    answers: list[int] = []
    for number in pings:
        hook = state.webhooks.get(number)
        if hook is not None:
            answers.append(_post(hook["delivery_url"], {}, f"webhook_id={number}".encode()))
    for topic, order_id in dict.fromkeys(waiting):
        for hook in hooks:
            if hook["topic"] != topic or hook["status"] != "active":
                continue
            headers, body = signed(api, hook, topic, order_id)
            status = _post(hook["delivery_url"], headers, body)
            answers.append(status)
            if 200 <= status < 303:
                hook["failures"] = 0
            elif hook["failures"] > MOST_FAILURES:
                hook["status"] = "disabled"
            else:
                hook["failures"] += 1
    return answers


def _post(url: str, headers: dict[str, str], body: bytes) -> int:
    try:
        return httpx.post(url, headers=headers, content=body, timeout=60).status_code
    except httpx.HTTPError:
        return 0
