"""Where sandbox shops are: below /sandbox of this very service."""

from __future__ import annotations

from urllib.parse import quote

from integrator.settings import settings

MOUNT = "/sandbox"


def service_url() -> str:
    """The base URL by which workers, and the shops' webhooks, reach the web role."""
    chosen = settings()
    if chosen.sandbox_url or chosen.public_url:
        return (chosen.sandbox_url or chosen.public_url).rstrip("/")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.host, chosen.host)  # noqa: S104 - listening, not bound here
    return f"http://{host}:{chosen.port}"


def shop_url(name: str, base: str = "") -> str:
    return f"{(base or service_url()).rstrip('/')}{MOUNT}/{quote(name, safe='')}"


def shown_url(name: str) -> str:
    """The shop's address for a browser, which may not reach what workers reach."""
    return shop_url(name, settings().public_url)
