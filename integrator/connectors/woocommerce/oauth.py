"""One-legged OAuth 1.0a, as WooCommerce asks for over plain http: signed query parameters, no token."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Sequence
from urllib.parse import quote


def encode(text: str) -> str:
    """RFC 3986: everything but unreserved characters."""
    return quote(text, safe="-._~")


def signature(method: str, url: str, parameters: Sequence[tuple[str, str]], secret: str) -> str:
    """HMAC-SHA256 over method, URL without query, and the parameters sorted by name; the key is secret + `&`."""
    ordered = sorted((encode(name), encode(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in ordered)
    base = "&".join((method.upper(), encode(url), encode(joined)))
    digest = hmac.new(f"{secret}&".encode(), base.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def signed(
    method: str,
    url: str,
    parameters: Sequence[tuple[str, str]],
    key: str,
    secret: str,
    *,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> list[tuple[str, str]]:
    """The parameters with the OAuth ones and their signature added. `url` is without query."""
    complete = [
        *parameters,
        ("oauth_consumer_key", key),
        ("oauth_nonce", nonce or secrets.token_hex(16)),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(int(time.time()) if timestamp is None else timestamp)),
    ]
    return [*complete, ("oauth_signature", signature(method, url, complete, secret))]
