"""Webhooks: registered with a secret header of our own, kept alive, verified, read.

BigCommerce signs what it sends by the Standard Webhooks scheme, with the API account's client secret, and sends along
whatever header the webhook was made with. Ours follows from the access token and the channel: nothing has to be
stored. A webhook whose address failed for two days is switched off; each look at them switches ours on again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from integrator.connectors.base import Channel, CheckItem, Rejected, WebhookEvent
from integrator.connectors.bigcommerce.client import Client
from integrator.connectors.bigcommerce.settings import BigCredentials

TOPICS = (
    "store/order/created",
    "store/order/updated",
    "store/order/archived",
    "store/order/refund/created",
    "store/order/transaction/created",
    "store/order/transaction/updated",
    "store/shipment/created",
    "store/shipment/updated",
    "store/shipment/deleted",
)
SECRET_HEADER = "X-Integrator-Secret"  # noqa: S105 - a header's name
# Deliveries are repeated for two days. What is old only makes us look once more, so it is let in; the future is not.
OLDEST, AHEAD = 3 * 24 * 3600, 5 * 60
ADDRESS_HINT = "Set INTEGRATOR_PUBLIC_URL to an https address on port 443; BigCommerce delivers to no other."


def secret(channel: Channel) -> str:
    credentials: BigCredentials = channel.credentials
    token = credentials.access_token.get_secret_value().encode()
    return hmac.new(token, f"integrator webhook {channel.account_id} {channel.id}".encode(), hashlib.sha256).hexdigest()


def signature(client_secret: str, message_id: str, timestamp: str, body: bytes) -> str:
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(client_secret.encode(), signed, hashlib.sha256).digest()).decode()


def read(channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
    """Raises Rejected for what BigCommerce did not send to this channel."""
    known = {name.lower(): value for name, value in headers.items()}
    if not hmac.compare_digest(known.get(SECRET_HEADER.lower(), "").encode(), secret(channel).encode()):
        raise Rejected("The webhook does not carry the channel's secret.", code="WEBHOOK_FORGED")
    credentials: BigCredentials = channel.credentials
    client_secret = credentials.client_secret.get_secret_value()
    if client_secret:
        _verify(client_secret, known, body)
    try:
        content = json.loads(body)
        data = content["data"]
        topic = str(content["scope"])
    except (ValueError, KeyError, TypeError) as error:
        raise Rejected("The webhook cannot be read.", code="WEBHOOK_UNREADABLE") from error
    order = data.get("orderId") or data.get("order_id") if data.get("type") != "order" else data.get("id")
    return WebhookEvent(topic, str(order or ""), known.get("webhook-id", "") or str(content.get("hash") or ""))


def _verify(client_secret: str, headers: Mapping[str, str], body: bytes) -> None:
    message_id, timestamp = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    wanted = signature(client_secret, message_id, timestamp, body).encode()
    given = headers.get("webhook-signature", "").split()
    if not any(hmac.compare_digest(one.encode(), wanted) for one in given):
        raise Rejected("The webhook's signature is wrong.", code="WEBHOOK_FORGED")
    age = time.time() - int(timestamp) if timestamp.isdigit() else float("inf")
    if not -AHEAD <= age <= OLDEST:
        raise Rejected("The webhook's time is not now.", code="WEBHOOK_FORGED")


class Webhooks:
    def __init__(self, client: Client, channel: Channel) -> None:
        self.client = client
        self.channel = channel

    @property
    def url(self) -> str:
        """ "" where the shop cannot reach this service."""
        base = self.channel.public_url.rstrip("/")
        return f"{base}{self.channel.webhook_path}" if base else ""

    def problem(self) -> str:
        """Why BigCommerce would not deliver to our address; "" when it does."""
        parts = urlsplit(self.url)
        if parts.scheme != "https" or parts.port not in (None, 443):
            return f"BigCommerce does not deliver to {self.url}."
        return ""

    def ours(self) -> dict[str, list[dict[str, Any]]]:
        """The shop's webhooks of this channel, by topic: those that deliver to us, or did under an older address."""
        found: dict[str, list[dict[str, Any]]] = {topic: [] for topic in TOPICS}
        for one in self.client.all("v3/hooks"):
            topic = str(one.get("scope"))
            if topic in found and str(one.get("destination", "")).endswith(self.channel.webhook_path):
                found[topic].append(one)
        return found

    def register(self) -> list[CheckItem]:
        """What was found and done, for each topic."""
        if not self.url:
            return []
        if self.problem():
            return [CheckItem("webhooks", False, self.problem(), ADDRESS_HINT)]
        items: list[CheckItem] = []
        known = self.ours()
        for topic in TOPICS:
            headers = {SECRET_HEADER: secret(self.channel)}
            wanted = {"scope": topic, "destination": self.url, "is_active": True, "headers": headers}
            here = [one for one in known[topic] if one.get("destination") == self.url]
            for extra in [one for one in known[topic] if one not in here[:1]]:  # doubled, or for an older address
                self.client.delete(f"v3/hooks/{extra['id']}")
            said = "It is active."
            try:
                if not here:
                    self.client.post("v3/hooks", wanted)
                    said = "It was registered."
                elif not here[0].get("is_active") or (here[0].get("headers") or {}) != headers:
                    self.client.put(f"v3/hooks/{here[0]['id']}", wanted)
                    said = "It was switched on again." if not here[0].get("is_active") else "Its secret was renewed."
            except Rejected as error:
                items.append(CheckItem(f"webhook {topic}", False, error.message, error.hint or ADDRESS_HINT))
            else:
                items.append(CheckItem(f"webhook {topic}", True, said))
        return items
