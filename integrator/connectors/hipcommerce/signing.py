"""Signatures, both ways: of our requests to the shop, and of the shop's webhooks to us. Pure functions.

The nonce is part of what is signed: otherwise whoever records a request could send it again under another one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping

KEY, TIMESTAMP, NONCE, SIGNATURE = (
    "X-Integrator-Key",
    "X-Integrator-Timestamp",
    "X-Integrator-Nonce",
    "X-Integrator-Signature",
)
TOLERANCE = 300  # seconds that two clocks may differ
SECRET_PREFIX = "whsec_"  # noqa: S105 - how Standard Webhooks mark a secret


def signature(secret: str, method: str, target: str, timestamp: int | str, nonce: str, body: bytes) -> str:
    """Of a request. `target`: path and query exactly as they are sent."""
    lines = (method.upper(), target, str(timestamp), nonce, hashlib.sha256(body).hexdigest())
    return "v1=" + hmac.new(secret.encode(), "\n".join(lines).encode(), hashlib.sha256).hexdigest()


def signed(secret: str, method: str, target: str, timestamp: str, nonce: str, body: bytes, given: str) -> bool:
    expected = signature(secret, method, target, timestamp, nonce, body)
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "replace"))


# -- webhooks, as standardwebhooks.com has them


def webhook_secret(key_secret: str, account_id: int, channel_id: int) -> str:
    """Follows from the key's secret and the channel: nothing has to be stored, and a new key gives a new one."""
    text = f"integrator webhook {account_id} {channel_id}"
    digest = hmac.new(key_secret.encode(), text.encode(), hashlib.sha256).digest()
    return SECRET_PREFIX + base64.b64encode(digest).decode()


def webhook_signature(secret: str, identity: str, timestamp: int | str, body: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    text = f"{identity}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()


def webhook_signed(secret: str, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Whether one of the signatures is ours and its time is not more than TOLERANCE off."""
    given = {name.lower(): value for name, value in headers.items()}
    identity, timestamp = given.get("webhook-id", ""), given.get("webhook-timestamp", "")
    if not identity or not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > TOLERANCE:
        return False
    expected = webhook_signature(secret, identity, timestamp, body).encode()
    offered = given.get("webhook-signature", "").split(" ")
    return any(hmac.compare_digest(expected, one.encode("utf-8", "replace")) for one in offered)
