"""Webhook subscriptions, and what the shop sends to them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from tests.connectors.shopify.simulator.connection import connection
from tests.connectors.shopify.simulator.state import Json, State, gid, number_of, refused


class Webhooks:
    def __init__(self, state: State) -> None:
        self.state = state

    @staticmethod
    def _view(one: Json) -> Json:
        return {
            "__typename": "WebhookSubscription", "id": gid("WebhookSubscription", one["id"]), "topic": one["topic"],
            "uri": one["uri"], "format": one["format"], "includeFields": one["fields"],
        }  # fmt: skip

    def list(self, _info: Any, first: int, after: str | None = None, **_: Any) -> Json:
        return connection(self.state.webhooks.values(), self._view, first, after, lambda one: int(one["id"]))

    def _checked(self, topic: str, given: Mapping[str, Any], own: str | None) -> Json:
        uri = given.get("uri") or ""
        if not uri.startswith("https://"):
            raise refused("", "Address is not allowed: it must be an https address", "webhookSubscription", "uri")
        if any((one["topic"], one["uri"]) == (topic, uri) and one["id"] != own for one in self.state.webhooks.values()):
            raise refused("", "Address for this topic has already been taken", "webhookSubscription", "uri")
        return {
            "topic": topic,
            "uri": uri,
            "format": given.get("format") or "JSON",
            "fields": given.get("includeFields") or [],
        }

    def create(self, _info: Any, topic: str, webhookSubscription: Json) -> Json:
        number = self.state.number()
        self.state.webhooks[number] = {"id": number, **self._checked(topic, webhookSubscription, None)}
        return {"webhookSubscription": self._view(self.state.webhooks[number])}

    def update(self, _info: Any, id: str, webhookSubscription: Json) -> Json:
        number = number_of(id, "WebhookSubscription")
        known = self.state.webhooks.get(number)
        if known is None:
            raise refused("", "Webhook subscription does not exist", "id")
        known |= self._checked(known["topic"], webhookSubscription, number)
        return {"webhookSubscription": self._view(known)}

    def delete(self, _info: Any, id: str) -> Json:
        if self.state.webhooks.pop(number_of(id, "WebhookSubscription"), None) is None:
            raise refused("", "Webhook subscription does not exist", "id")
        return {"deletedWebhookSubscriptionId": id}


def signed(secret: str, topic: str, content: Mapping[str, Any]) -> tuple[dict[str, str], bytes]:
    body = json.dumps(content, separators=(",", ":")).encode()
    digest = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": digest, "X-Shopify-Shop-Domain": "acme.myshopify.com",
        "X-Shopify-API-Version": "2026-10", "X-Shopify-Webhook-Id": "b54557e4", "X-Shopify-Event-Id": "98880550",
    }  # fmt: skip
    return headers, body
