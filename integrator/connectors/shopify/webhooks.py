"""Webhooks: subscribed to, kept as they should be, verified, read.

Shopify takes a subscription away after eight failures within four hours and tells nobody, so each look at them makes
what is missing. They carry ids only: what an order says is read from the API, and no customer's data travels.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from integrator.connectors.base import Channel, CheckItem, Rejected, WebhookEvent
from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.errors import user_errors
from integrator.connectors.shopify.settings import ShopifyCredentials

Json = dict[str, Any]

TOPICS = (
    "ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_EDITED", "ORDER_TRANSACTIONS_CREATE",
    "FULFILLMENTS_CREATE", "FULFILLMENTS_UPDATE", "REFUNDS_CREATE",
)  # fmt: skip
FIELDS = ("id", "order_id", "admin_graphql_api_id", "order_edit")
SECRET_HINT = "Give the channel its app's client secret (of an older custom app: the API secret key)."  # noqa: S105


def secret(channel: Channel) -> str:
    """The app's secret; Shopify signs with no other. "" when the channel does not have it."""
    credentials: ShopifyCredentials = channel.credentials
    return credentials.client_secret.get_secret_value() if credentials.client_secret else ""


def signature(body: bytes, key: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def read(channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
    """Raises Rejected for a forgery, and for any while the channel has no secret to tell them by."""
    known = {name.lower(): value for name, value in headers.items()}
    key = secret(channel)
    given = known.get("x-shopify-hmac-sha256", "")
    if not key or not hmac.compare_digest(given.encode(), signature(body, key).encode()):
        raise Rejected("The webhook's signature is wrong.", code="WEBHOOK_FORGED", hint="" if key else SECRET_HINT)
    try:
        content = json.loads(body)
    except ValueError as error:
        raise Rejected("The webhook has no JSON.", code="WEBHOOK_UNREADABLE") from error
    content = content if isinstance(content, dict) else {}
    topic = known.get("x-shopify-topic", "")
    edit = content.get("order_edit")
    order = content.get("order_id") or (edit.get("order_id") if isinstance(edit, dict) else None)
    if not order and topic.startswith("orders/"):
        order = content.get("id")
    return WebhookEvent(
        topic=topic,
        order_id=str(order) if order else "",
        delivery_id=known.get("x-shopify-event-id", "") or known.get("x-shopify-webhook-id", ""),
    )


class Webhooks:
    def __init__(self, client: Client, channel: Channel) -> None:
        self.client = client
        self.channel = channel

    @property
    def url(self) -> str:
        """ "" where the shop cannot reach this service."""
        base = self.channel.public_url.rstrip("/")
        return f"{base}{self.channel.webhook_path}" if base else ""

    def ours(self) -> dict[str, list[Json]]:
        """The app's subscriptions of this channel, by topic: those to us, or to us under an older address."""
        found: dict[str, list[Json]] = {topic: [] for topic in TOPICS}
        after: str | None = None
        while True:
            page = self.client.run("webhooks", {"after": after})["webhookSubscriptions"]
            for one in page["nodes"]:
                if one.get("topic") in found and str(one.get("uri", "")).endswith(self.channel.webhook_path):
                    found[one["topic"]].append(one)
            after = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"] or not after:
                return found

    def register(self) -> list[CheckItem]:
        """What was found and done, for each topic."""
        if not self.url:
            return []
        if not secret(self.channel):
            message = "None is registered: without the app's secret no webhook could be told from a forged one."
            return [CheckItem("webhooks", False, message, SECRET_HINT)]
        known = self.ours()
        return [self._one(topic, known[topic]) for topic in TOPICS]

    def _one(self, topic: str, known: list[Json]) -> CheckItem:
        name = f"webhook {topic}"
        wanted = {"uri": self.url, "format": "JSON", "includeFields": list(FIELDS)}
        here = next((one for one in known if one.get("uri") == self.url), None)
        for extra in [one for one in known if one is not here]:  # doubled, or for an older address
            self.client.run("webhook_delete", {"id": extra["id"]})
        if here is not None and sorted(here.get("includeFields") or ()) == sorted(FIELDS):
            return CheckItem(name, True, "It is registered.")
        if here is not None:
            payload = self.client.run("webhook_update", {"id": here["id"], "webhook": wanted})[
                "webhookSubscriptionUpdate"
            ]
            said = "It was changed and is repaired."
        else:
            payload = self.client.run("webhook_create", {"topic": topic, "webhook": wanted})[
                "webhookSubscriptionCreate"
            ]
            said = "It was registered."
        errors = user_errors(payload)
        if errors:
            message = "; ".join(one.message for one in errors)
            return CheckItem(
                name, False, message, "INTEGRATOR_PUBLIC_URL must be an https address that Shopify reaches."
            )
        return CheckItem(name, True, said)
