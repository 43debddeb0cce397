"""The shop over HTTP: who may, what goes wrong, what was asked. One thread a connection, one request at a time.

Over plain http only signed requests are let in (OAuth 1.0a), over https Basic and keys in the query.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import socket
import ssl
import threading
import time
from contextlib import suppress
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

from tests.connectors.woocommerce.simulator.api import Api, Result, chosen
from tests.connectors.woocommerce.simulator.specs import Violation, specs
from tests.connectors.woocommerce.simulator.state import ApiError, Features, State

HTML = "<!DOCTYPE html><html><head><title>Attention required</title></head><body>Blocked by the firewall.</body></html>"
NOT_ALLOWED = "Sorry, you cannot list resources."


def encode(text: str) -> str:
    return quote(text, safe="-._~")


class Auth:
    """WC_REST_Authentication: the same checks in the same order."""

    def __init__(self, key: str, secret: str) -> None:
        self.key, self.secret = key, secret
        self.nonces: set[str] = set()

    def user(self, *, https: bool, method: str, url: str, query: list[tuple[str, str]], header: str) -> bool:
        """Whether a key was recognised. Raises ApiError 401 for one that is wrong."""
        given = dict(query)
        if https:
            key, secret = given.get("consumer_key", ""), given.get("consumer_secret", "")
            if not (key and secret) and header.startswith("Basic "):
                key, _, secret = base64.b64decode(header[6:]).decode().partition(":")
            if key and secret and key == self.key:
                if hmac.compare_digest(secret, self.secret):
                    return True
                self._refuse("Consumer secret is invalid.")
            if key:
                return False
        names = ("oauth_consumer_key", "oauth_timestamp", "oauth_nonce", "oauth_signature", "oauth_signature_method")
        missing = [name for name in names if not given.get(name)]
        if len(missing) == len(names):
            return False
        if missing:
            raise ApiError(
                401, "woocommerce_rest_authentication_missing_parameter", f"Missing OAuth parameters {missing}"
            )
        if given["oauth_consumer_key"] != self.key:
            self._refuse("Consumer key is invalid.")
        parameters = sorted((encode(name), encode(value)) for name, value in query if name != "oauth_signature")
        joined = "&".join(f"{name}={value}" for name, value in parameters)
        text = f"{method}&{encode(url)}&{encode(joined)}"
        hashes = {"HMAC-SHA1": hashlib.sha1, "HMAC-SHA256": hashlib.sha256}
        if given["oauth_signature_method"] not in hashes:
            self._refuse("Invalid signature - signature method is invalid.")
        digest = hmac.new(f"{self.secret}&".encode(), text.encode(), hashes[given["oauth_signature_method"]]).digest()
        if not hmac.compare_digest(base64.b64encode(digest).decode(), given["oauth_signature"]):
            self._refuse("Invalid signature - provided signature does not match.")
        if abs(int(given["oauth_timestamp"]) - time.time()) > 15 * 60:
            self._refuse("Invalid timestamp.")
        if given["oauth_nonce"] in self.nonces:
            self._refuse("Invalid nonce - nonce has already been used.")
        self.nonces.add(given["oauth_nonce"])
        return True

    @staticmethod
    def _refuse(message: str) -> None:
        raise ApiError(401, "woocommerce_rest_authentication_error", message)


class Simulator:
    """One shop. `close()` stops it; `violations` must stay empty."""

    def __init__(
        self,
        folder: Path,
        version: str,
        *,
        features: Features | None = None,
        port: int = 0,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        key: str = "ck_" + "1" * 40,
        secret: str = "cs_" + "2" * 40,
    ) -> None:
        self.state = State(tuple(int(one) for one in version.split(".")), features or Features())
        self.api = Api(self.state, specs(folder, version))
        self.auth = Auth(key, secret)
        self.key, self.secret, self.https = key, secret, tls is not None
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, ssl.SSLError, TimeoutError):
                    self.close_connection = True

            def do_GET(self) -> None:
                simulator.handle(self)

            do_POST = do_PUT = do_DELETE = do_GET

            def log_message(self, format: str, *args: Any) -> None:
                """Requests are counted; nobody reads them."""

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that goes away is not news."""

        self.server = Server((host, port), Handler)
        if tls is not None:
            self.server.socket = tls.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://{'localhost' if tls else host}:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    # -- one request

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        length = int(request.headers.get("content-length") or 0)
        raw = request.rfile.read(length) if length else b""
        query = parse_qsl(parts.query, keep_blank_values=True)
        method, writes = request.command, request.command != "GET"
        with self.state.lock:
            route = parts.path.removeprefix("/wp-json") or "/"
            self.state.requests.append(f"{method} {route}")
            if writes:
                self.state.writes += 1
            else:
                self.state.reads += 1
            if self._misbehaves(request, method):
                return
            result = self._result(request, method, parts.path, route, query, raw)
            slow = self._too_slow(raw)
            lost = writes and self.state.misbehaviour.lose_next > 0 and result.status < 300
            if lost:
                self.state.misbehaviour.lose_next -= 1
        if lost or slow:
            self._hang_up(request)
            return
        fields = dict(query).get("_fields")
        body = chosen(result.body, fields) if fields and result.status < 300 else result.body
        text = self.state.features.noise + json.dumps(body, ensure_ascii=False)
        self._write(request, result.status, text.encode(), result.headers)

    def _misbehaves(self, request: BaseHTTPRequestHandler, method: str) -> bool:
        how = self.state.misbehaviour
        if how.throttle_next > 0:
            how.throttle_next -= 1
            self._write(
                request,
                429,
                b'{"code":"too_many_requests","message":"Slow down"}',
                {"Retry-After": str(how.retry_after)},
            )
        elif how.fail_next > 0:
            how.fail_next -= 1
            self._write(
                request, how.status, b"<html><body>There has been a critical error on this website.</body></html>", {}
            )
        elif how.html_next > 0:
            how.html_next -= 1
            self._write(request, how.html_status, HTML.encode(), {"Content-Type": "text/html"})
        else:
            return False
        return True

    def _too_slow(self, raw: bytes) -> bool:
        most = self.state.misbehaviour.most_items
        if not most or not raw.startswith(b"{"):
            return False
        body = json.loads(raw)
        return sum(len(body.get(verb) or []) for verb in ("create", "update")) > most

    def _result(
        self,
        request: BaseHTTPRequestHandler,
        method: str,
        path: str,
        route: str,
        query: list[tuple[str, str]],
        raw: bytes,
    ) -> Result:
        try:
            if not path.startswith("/wp-json"):
                raise ApiError(404, "not_found", "Not a route of the REST API.")
            if route not in ("", "/"):
                self._authorise(request, method, path, query)
            body = json.loads(raw) if raw else None
            return self.api.call(method, route, query, body)
        except ApiError as error:
            return Result(error.body, error.status)
        except Violation as error:
            self.state.violations.append(f"{method} {route}: {error}")
            return Result({"code": "rest_invalid_param", "message": str(error), "data": {"status": 400}}, 400)
        except Exception as error:  # a fault of the simulator must show in the test
            self.state.violations.append(f"{method} {route}: the simulator failed: {type(error).__name__}: {error}")
            return Result({"code": "internal_server_error", "message": repr(error), "data": {"status": 500}}, 500)

    def _authorise(self, request: BaseHTTPRequestHandler, method: str, path: str, query: list[tuple[str, str]]) -> None:
        if self.state.misbehaviour.revoked:
            raise ApiError(401, "woocommerce_rest_authentication_error", "Consumer key is invalid.")
        header = request.headers.get("authorization", "")
        if self.state.features.drop_authorization:
            header = ""
        https = self.https and not self.state.features.unaware_of_https
        url = f"{'https' if https else 'http'}://{self.url.partition('://')[2]}{path}"
        known = self.auth.user(https=https, method=method, url=url, query=query, header=header)
        if not known:
            code = "woocommerce_rest_cannot_view" if method == "GET" else "woocommerce_rest_cannot_create"
            raise ApiError(401, code, NOT_ALLOWED)
        allowed = self.state.features.permissions
        if method != "GET" and allowed == "read":
            raise ApiError(
                401, "woocommerce_rest_authentication_error", "The API key provided does not have write permissions."
            )

    def _write(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response_only(status)
        request.send_header("Date", formatdate(time.time() + self.state.ahead.total_seconds(), usegmt=True))
        for name, value in {"Content-Type": "application/json; charset=UTF-8", **headers}.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)

    @staticmethod
    def _hang_up(request: BaseHTTPRequestHandler) -> None:
        """The answer never comes."""
        request.close_connection = True
        with suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)
