"""The whole WSGI application: the SOAP services, webhooks, the sandbox shop, health, metrics, the landing page.

The first part of the path decides. Nothing here reads a SOAP body: `contract.app` does, behind its own gate.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from integrator import __version__
from integrator.settings import Settings, settings
from integrator.store import engine as store_engine
from integrator.web.apart import LARGE_BYTES, Companion, CompanionGone
from integrator.web.metrics import Requests

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]

SOAP = {"producttasks": "ProductTasks", "ordertasks": "OrderTasks"}

# For every answer that does not say otherwise itself.
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
HSTS = ("Strict-Transport-Security", "max-age=31536000")


def soap_service(path: str) -> str | None:
    """The service that a path belongs to: /ProductTasks and /ProductTasks.asmx, in any case, and what is under them."""
    first = path.lstrip("/").partition("/")[0].lower()
    return SOAP.get(first.removesuffix(".asmx"))


def _at(app: Wsgi, prefix: str) -> Wsgi:
    """The application, told that it stands under `prefix`."""

    def mounted(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        environ["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + prefix
        environ["PATH_INFO"] = environ.get("PATH_INFO", "")[len(prefix) :] or "/"
        return app(environ, start_response)

    return mounted


def _trusting(app: Wsgi) -> Wsgi:
    from werkzeug.middleware.proxy_fix import ProxyFix

    proxied: Wsgi = ProxyFix(app, x_for=1, x_proto=1, x_host=1, x_prefix=1)
    return proxied


class Application:
    """Sends each request to its part, adds the security headers, and lets nothing escape as a traceback."""

    def __init__(self, chosen: Settings, companion: Companion | None = None) -> None:
        from integrator.connectors.sandbox.shop import create_app as create_shop
        from integrator.contract.app import application as contract
        from integrator.web.pages import create_app

        pages: Wsgi = create_app(chosen).wsgi_app
        sandbox: Wsgi = _at(create_shop().wsgi_app, "/sandbox")
        if chosen.trust_proxy:
            pages, sandbox = _trusting(pages), _trusting(sandbox)
        self.soap: Wsgi = contract(chosen, companion.ask if companion else None, LARGE_BYTES)
        self.pages, self.sandbox = pages, sandbox
        self.requests = Requests()
        self.headers = [*HEADERS.items(), *([HSTS] if chosen.public_url.startswith("https://") else [])]

    def part(self, path: str) -> tuple[str, Wsgi]:
        service = soap_service(path)
        if service is not None:
            return service, self.soap
        if path == "/sandbox" or path.startswith("/sandbox/"):
            return "sandbox", self.sandbox
        return "pages", self.pages

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        name, app = self.part(environ.get("PATH_INFO", ""))
        measured = self.requests.start(name, environ)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            present = {key.lower() for key, _ in headers}
            headers = headers + [(key, value) for key, value in self.headers if key.lower() not in present]
            measured.answered(int(status[:3]))
            return start_response(status, headers, exc_info) if exc_info else start_response(status, headers)

        try:
            return measured.until_closed(app(environ, start))
        except CompanionGone:
            _give_up(environ)
            raise
        except Exception:
            reference = uuid.uuid4().hex[:12]
            logger.exception("unexpected error", extra={"reference": reference, "path": environ.get("PATH_INFO", "")})
            body = f"Something went wrong here. The reference {reference} is in the log.\n".encode()
            kind = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
            start("500 Internal Server Error", kind)
            return measured.until_closed([body])


def _give_up(environ: Environ) -> None:
    """The process that was at the call died, perhaps after its commit: no answer would be true. The connection is
    closed, as when this process had died with it, and this process makes place for a new pair."""
    logger.error("the process for large messages died; this one ends too")
    with suppress(OSError):
        environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
    os.kill(os.getpid(), signal.SIGTERM)


def connect(chosen: Settings, calls: int) -> None:
    """Configures the store of the process, for so many calls at once; so after a fork."""
    if not store_engine.configured():
        if not chosen.database_url:
            raise RuntimeError("DATABASE_URL is not set; `integrator web` and `integrator serve` set it.")
        store_engine.configure(chosen.database_url, pool_size=calls, max_overflow=2)


def application(chosen: Settings | None = None, companion: Companion | None = None) -> Application:
    """What a web server runs. `companion` answers the large messages."""
    chosen = chosen or settings()
    connect(chosen, chosen.web_threads)
    logger.debug("web application %s", __version__)
    return Application(chosen, companion)
