"""Webhooks: registered with a secret of our own, kept alive, verified, read.

WooCommerce switches a webhook off after more than five failures in a row and tells nobody, so each look at them
switches ours on again. Its secret follows from the consumer secret and the channel: nothing has to be stored, and a
new key gives a new secret, which the next look writes to the shop.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

from integrator.connectors.base import Channel, CheckItem, Rejected, WebhookEvent
from integrator.connectors.woocommerce.client import Client
from integrator.connectors.woocommerce.settings import WooCredentials

TOPICS = ("order.created", "order.updated", "order.deleted", "order.restored")


def secret(channel: Channel) -> str:
    credentials: WooCredentials = channel.credentials
    key = credentials.consumer_secret.get_secret_value().encode()
    return hmac.new(key, f"integrator webhook {channel.account_id} {channel.id}".encode(), hashlib.sha256).hexdigest()


def signature(body: bytes, key: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


def read(channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
    """None for the ping of a new webhook, which is not signed and says nothing. Raises Rejected for a forgery."""
    known = {name.lower(): value for name, value in headers.items()}
    given = known.get("x-wc-webhook-signature", "")
    if not given and body.startswith(b"webhook_id=") and len(body) < 64:
        return None
    if not hmac.compare_digest(given.encode(), signature(body, secret(channel)).encode()):
        raise Rejected("The webhook's signature is wrong.", code="WEBHOOK_FORGED")
    try:
        content = json.loads(body)
    except ValueError as error:
        raise Rejected("The webhook has no JSON.", code="WEBHOOK_UNREADABLE") from error
    order = content.get("id") if isinstance(content, dict) else None
    return WebhookEvent(
        topic=known.get("x-wc-webhook-topic", ""),
        order_id=str(order) if order else "",
        delivery_id=known.get("x-wc-webhook-delivery-id", ""),
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

    def ours(self) -> dict[str, list[dict[str, Any]]]:
        """The shop's webhooks of this channel, by topic: those that deliver to us, or did under an older address."""
        found: dict[str, list[dict[str, Any]]] = {topic: [] for topic in TOPICS}
        for one in self.client.all("wc/v3/webhooks", {"status": "all"}):
            topic = str(one.get("topic"))
            if topic in found and str(one.get("delivery_url", "")).endswith(self.channel.webhook_path):
                found[topic].append(one)
        return found

    def register(self) -> list[CheckItem]:
        """What was found and done, for each topic."""
        if not self.url:
            return []
        items: list[CheckItem] = []
        known = self.ours()
        for topic in TOPICS:
            wanted = {
                "name": f"Integrator channel {self.channel.id}: {topic}",
                "topic": topic,
                "secret": secret(self.channel),
                "status": "active",
            }
            here = [one for one in known[topic] if one.get("delivery_url") == self.url]
            for extra in [one for one in known[topic] if one not in here[:1]]:  # doubled, or for an older address
                self.client.delete(f"wc/v3/webhooks/{extra['id']}", {"force": True})
            if here:
                was = str(here[0].get("status"))
                # the secret cannot be read back, so it is written every time
                self.client.put(f"wc/v3/webhooks/{here[0]['id']}", wanted)
                said = "It is active." if was == "active" else f"It was {was} and is active again."
                items.append(CheckItem(f"webhook {topic}", True, said))
                continue
            try:
                self.client.post("wc/v3/webhooks", {**wanted, "delivery_url": self.url})
            except Rejected as error:
                items.append(CheckItem(f"webhook {topic}", False, error.message, error.hint))
            else:
                items.append(CheckItem(f"webhook {topic}", True, "It was registered."))
        return items
