"""OAuth 1.0a as Magento's integrations use it: HMAC-SHA256 over method, URL and query, in the Authorization header.

A JSON body is not part of the signature. Magento normalises the path before it signs: up to 2.4.7 it unescapes
also `/` and its like (`decoded=True`), newer versions sign what was sent.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

UNESCAPED = {quote(one, safe=""): one for one in ":@&=+$,/;"}  # what the older versions unescape in a path
ESCAPES = re.compile("|".join(UNESCAPED), re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Keys:
    consumer_key: str
    consumer_secret: str
    token: str
    token_secret: str


def encode(text: str) -> str:
    """RFC 3986: everything but unreserved characters."""
    return quote(text, safe="-._~")


def unescaped(url: str) -> str:
    """The URL as older versions normalise it."""
    return ESCAPES.sub(lambda found: UNESCAPED[found.group().upper()], url)


def differs(url: str) -> bool:
    """Whether older and newer versions sign different things for this URL."""
    return unescaped(url) != url


def signature(method: str, url: str, parameters: Sequence[tuple[str, str]], keys: Keys) -> str:
    """`url` is without its query; `parameters` are the query's and OAuth's own, unescaped."""
    ordered = sorted((encode(name), encode(value)) for name, value in parameters)
    joined = "&".join(f"{name}={value}" for name, value in ordered)
    base = "&".join((method.upper(), encode(url), encode(joined)))
    key = f"{encode(keys.consumer_secret)}&{encode(keys.token_secret)}"
    return base64.b64encode(hmac.new(key.encode(), base.encode(), hashlib.sha256).digest()).decode()


def header(
    method: str,
    url: str,
    query: Sequence[tuple[str, str]],
    keys: Keys,
    *,
    decoded: bool = False,
    timestamp: int | None = None,
    nonce: str | None = None,
) -> str:
    """The Authorization header of one request; each has a nonce of its own."""
    own = [
        ("oauth_consumer_key", keys.consumer_key),
        ("oauth_nonce", nonce or secrets.token_hex(16)),
        ("oauth_signature_method", "HMAC-SHA256"),
        ("oauth_timestamp", str(int(time.time()) if timestamp is None else timestamp)),
        ("oauth_token", keys.token),
        ("oauth_version", "1.0"),
    ]
    signed = signature(method, unescaped(url) if decoded else url, [*query, *own], keys)
    return "OAuth " + ", ".join(f'{name}="{encode(value)}"' for name, value in [*own, ("oauth_signature", signed)])
