"""The shop over HTTP: who may, what goes wrong, what was asked. One thread a connection, one request at a time."""

from __future__ import annotations

import contextlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from email import message_from_bytes
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.connectors.shopify.simulator.engine import Engine
from tests.connectors.shopify.simulator.state import Features, Json, State, Violation

INVALID = "[API] Invalid API key or access token (unrecognized login or wrong password)"


class Tokens:
    """Static tokens, the client credentials grant and expiring offline tokens with their refresh."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.static = "shpat_" + "a" * 32
        self.client_id, self.client_secret = "0123456789abcdef", "shpss_" + "b" * 32
        self.alive: dict[str, float] = {}  # token -> when it expires
        self.refresh: dict[str, str] = {}  # refresh token -> the one that replaced it, "" for none
        self.tokens_of: dict[str, str] = {}  # refresh token -> the access token that came with it
        self.issued = 0

    def offline(self) -> tuple[str, str]:
        """What an installation gives: an access token and its refresh token."""
        token, refresh = f"shpat_{secrets.token_hex(16)}", f"shprt_{secrets.token_hex(16)}"
        self.alive[token] = self.clock() + 3600
        self.refresh[refresh] = ""
        return token, refresh

    def known(self, token: str) -> bool:
        if hmac.compare_digest(token.encode(), self.static.encode()):
            return True
        found = token in self.alive and self.alive[token] > self.clock()
        if found:  # the use of a new token retires the refresh token before it
            for old in [old for old, new in self.refresh.items() if new and self.tokens_of.get(new) == token]:
                del self.refresh[old]
        return found

    def ask(self, form: dict[str, str]) -> tuple[int, Json]:
        if (form.get("client_id"), form.get("client_secret")) != (self.client_id, self.client_secret):
            return 400, {"error": "invalid_client", "error_description": "The client is unknown."}
        self.issued += 1
        if form.get("grant_type") == "client_credentials":
            token = f"shpat_{secrets.token_hex(16)}"
            self.alive[token] = self.clock() + 86_399
            return 200, {"access_token": token, "scope": "write_products", "expires_in": 86_399}
        if form.get("grant_type") == "refresh_token" and form.get("refresh_token") in self.refresh:
            token, refresh = self.offline()
            self.tokens_of[refresh] = token
            self.refresh[form["refresh_token"]] = refresh
            return 200, {
                "access_token": token, "expires_in": 3600, "refresh_token": refresh, "scope": "write_products",
                "refresh_token_expires_in": 7_776_000,
            }  # fmt: skip
        return 400, {"error": "invalid_grant", "error_description": "This request requires an active refresh_token"}


class Simulator:
    """One shop. `close()` stops it; `state.violations` must stay empty."""

    def __init__(
        self,
        folder: Path,
        features: Features | None = None,
        *,
        port: int = 0,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.state = State(features or Features(), clock)
        self.engine = Engine(folder, self.state, lambda: self.url)
        self.tokens = Tokens(clock)
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
                    self.close_connection = True

            def do_POST(self) -> None:
                simulator.handle(self)

            do_GET = do_POST

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are counted; nobody reads them."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away is not news."""

        self.server = Server((host, port), Handler)
        self.url = f"http://{host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    # -- one request

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        raw = request.rfile.read(int(request.headers.get("content-length") or 0))
        with self.state.lock:
            if path == "/admin/oauth/access_token":
                form = {name: values[0] for name, values in parse_qs(raw.decode()).items()}
                status, answer = self.tokens.ask(form)
                return self._write(request, status, json.dumps(answer).encode())
            if path.startswith("/storage"):
                return self._storage(request, path, raw)
            self._api(request, path, raw)
        return None

    def _storage(self, request: BaseHTTPRequestHandler, path: str, raw: bytes) -> None:
        if "x-shopify-access-token" in {name.lower() for name in request.headers}:
            self.state.violations.append("the storage service was shown the access token")
        if request.command == "GET":
            found = self.state.bulk.get(path.rsplit("/", 1)[-1])
            return self._write(request, 200 if found else 404, found["result"].encode() if found else b"")
        kind = request.headers.get("content-type", "")
        parts = message_from_bytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + raw).get_payload()
        form: dict[str, bytes] = {}
        for part in parts:
            name = part.get_param("name", header="content-disposition")  # type: ignore[union-attr]
            form[str(name)] = part.get_payload(decode=True)  # type: ignore[union-attr, assignment]
        self.engine.bulk.upload(form)
        return self._write(request, 201, b"")

    def _api(self, request: BaseHTTPRequestHandler, path: str, raw: bytes) -> None:
        how = self.state.misbehaviour
        if how.fail_next > 0:
            how.fail_next -= 1
            self._count(raw)
            return self._write(request, how.status, b"<html>Something went wrong</html>", {"Content-Type": "text/html"})
        if how.revoked or not self.tokens.known(request.headers.get("x-shopify-access-token", "")):
            self._count(raw)
            return self._write(request, 401, json.dumps({"errors": INVALID}).encode())
        version = path.split("/")[3] if path.count("/") >= 4 else ""
        if not path.endswith("/graphql.json"):
            return self._write(request, 404, b'{"errors":"Not Found"}')
        try:
            body = json.loads(raw)
            answer, wrote = self.engine.request(body["query"], body.get("variables") or {})
        except Violation as error:
            self.state.violations.append(str(error))
            answer, wrote = {"errors": [{"message": str(error), "extensions": {"code": "BAD_REQUEST"}}]}, False
        except Exception as error:  # a fault of the simulator must show in the test
            self.state.violations.append(f"the simulator failed: {type(error).__name__}: {error}")
            return self._write(request, 500, repr(error).encode())
        if version != self.state.features.version:
            self.state.violations.append(f"the version {version} was asked for")
        lost = wrote and how.lose_next > 0 and (not how.lose_mutation or how.lose_mutation == self.state.requests[-1])
        if lost:
            how.lose_next -= 1
            return self._hang_up(request)
        return self._write(
            request, 200, json.dumps(answer, ensure_ascii=False).encode(),
            {"X-Shopify-API-Version": self.state.features.version},
        )  # fmt: skip

    def _count(self, raw: bytes) -> None:
        """A request that is turned away at the door is one all the same."""
        mutation = b'"query":"mutation' in raw
        self.state.writes += mutation
        self.state.reads += not mutation

    def _write(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: Json | None = None) -> None:
        request.send_response_only(status)
        request.send_header("Date", formatdate(self.state.clock(), usegmt=True))
        for name, value in {"Content-Type": "application/json; charset=utf-8", **(headers or {})}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    @staticmethod
    def _hang_up(request: BaseHTTPRequestHandler) -> None:
        """The answer never comes."""
        request.close_connection = True
        with contextlib.suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)
