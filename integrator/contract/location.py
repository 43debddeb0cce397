"""The address by which a client reached the service: for `soap:address` and the help page.

The configured public URL; else, when the proxy is trusted, its forwarded headers; else the Host of the request
itself. Nothing is remembered between requests, so that nobody can plant an address for others.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from integrator.settings import Settings

# Letters, digits, dots and dashes, or an IPv6 address in brackets, with a port.
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,253})|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def _first(environ: dict[str, Any], name: str) -> str:
    value: str = environ.get(name, "")
    return value.split(",", maxsplit=1)[0].strip()


def base_url(environ: dict[str, Any], settings: Settings) -> str:
    """Without a slash at the end."""
    if settings.public_url:
        return settings.public_url.rstrip("/")
    scheme = environ.get("wsgi.url_scheme", "http")
    host = environ.get("HTTP_HOST", "")
    prefix = ""
    if settings.trust_proxy:
        forwarded = _first(environ, "HTTP_X_FORWARDED_PROTO").lower()
        scheme = forwarded if forwarded in ("http", "https") else scheme
        host = _first(environ, "HTTP_X_FORWARDED_HOST") or host
        prefix = _first(environ, "HTTP_X_FORWARDED_PREFIX").rstrip("/")
        if not _PREFIX.fullmatch(prefix):
            prefix = ""
    if not _HOST.fullmatch(host):
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    host = host.removesuffix(":443" if scheme == "https" else ":80")
    return f"{scheme}://{host}{prefix}{quote(environ.get('SCRIPT_NAME', '').rstrip('/'), safe='/-._~')}"
