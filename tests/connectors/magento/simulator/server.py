"""The shop over HTTP: who may, what goes wrong, what was asked. One thread a connection, one request at a time."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import re
import socket
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from tests.connectors.magento.simulator.api import Api, Result
from tests.connectors.magento.simulator.specs import Violation, specs
from tests.connectors.magento.simulator.state import ApiError, Features, PlainError, State

HTML = "<!DOCTYPE html><html><head><title>Attention required</title></head><body>Blocked by the firewall.</body></html>"
PREFIX = "/rest/all"
PART = re.compile(r'(\w+)="([^"]*)"')
DECODED = re.compile(r"%(3A|40|26|3D|2B|24|2C|2F|3B)", re.IGNORECASE)
DEVIATION = 600  # seconds that a timestamp may be off


def encode(text: str) -> str:
    return quote(text, safe="-._~")


class Auth:
    """Integration tokens: the same checks in the same order as Magento's."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.consumer_key, self.consumer_secret = "k" * 32, "c" * 32
        self.token, self.token_secret = "t" * 32, "s" * 32
        self.nonces: set[str] = set()

    def check(self, method: str, url: str, query: list[tuple[str, str]], header: str) -> None:
        if self.state.misbehaviour.revoked:
            raise ApiError(401, "The token has been rejected.")
        if header.startswith("Bearer "):
            if not self.state.features.bearer or header.removeprefix("Bearer ") != self.token:
                raise ApiError(
                    401, "The consumer isn't authorized to access %resources.", {"resources": "Magento_Backend::store"}
                )
            return
        if not header.startswith("OAuth "):
            raise ApiError(
                401, "The consumer isn't authorized to access %resources.", {"resources": "Magento_Backend::store"}
            )
        given = {name: unquote(value) for name, value in PART.findall(header)}
        for name in (
            "oauth_consumer_key",
            "oauth_token",
            "oauth_signature",
            "oauth_signature_method",
            "oauth_nonce",
            "oauth_timestamp",
        ):
            if not given.get(name):
                raise ApiError(400, '"%fieldName" is required. Enter and try again.', {"fieldName": name})
        if given["oauth_consumer_key"] != self.consumer_key:
            raise ApiError(401, "A consumer having the specified key does not exist")
        if abs(int(given["oauth_timestamp"]) - time.time() - self.state.ahead.total_seconds()) > DEVIATION:
            raise ApiError(401, "The timestamp value in the oauth_timestamp parameter is incorrect.")
        if given["oauth_nonce"] in self.nonces:
            raise ApiError(401, "The nonce is already being used by the consumer.")
        self.nonces.add(given["oauth_nonce"])
        if given["oauth_token"] != self.token:
            raise ApiError(401, "Specified token does not exist")
        if given["oauth_signature_method"] != "HMAC-SHA256":
            raise ApiError(401, 'Signature method "%1" is not supported', [given["oauth_signature_method"]])
        signature = given.pop("oauth_signature")
        if self._decodes():
            url = DECODED.sub(lambda found: unquote(found.group()), url)
        parameters = sorted((encode(name), encode(value)) for name, value in [*query, *given.items()])
        joined = "&".join(f"{name}={value}" for name, value in parameters)
        text = f"{method}&{encode(url)}&{encode(joined)}"
        key = f"{encode(self.consumer_secret)}&{encode(self.token_secret)}"
        expected = base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(expected, signature):
            raise ApiError(401, "The signature is invalid. Verify and try again.")

    def _decodes(self) -> bool:
        known = self.state.features.decoded_paths
        return self.state.version < "2.4.8" if known is None else known


class Simulator:
    """One shop. `close()` stops it; `violations` must stay empty."""

    def __init__(
        self, folder: Path, version: str, *, features: Features | None = None, port: int = 0, host: str = "127.0.0.1"
    ) -> None:
        self.state = State(version, features or Features())
        self.api = Api(self.state, specs(folder, version))
        self.auth = Auth(self.state)
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (ConnectionError, TimeoutError):
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
        self.url = f"http://{host}:{self.server.server_port}"
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
        method, route = request.command, parts.path.removeprefix(PREFIX)
        writes = self.api.changes(method, route)
        with self.state.lock:
            self.state.requests.append(f"{method} {route}")
            if writes:
                self.state.writes += 1
            else:
                self.state.reads += 1
            if self._misbehaves(request):
                return
            result = self._result(request, method, parts.path, query, raw)
            lost = (
                writes
                and self.state.misbehaviour.lose_next > 0
                and isinstance(result.body, list | dict | int | str)
                and result.status < 300
            )
            if lost:
                self.state.misbehaviour.lose_next -= 1
        if lost:
            self._hang_up(request)
            return
        text = result.body if isinstance(result.body, bytes) else json.dumps(result.body, ensure_ascii=False).encode()
        self._write(request, result.status, text, result.headers)

    def _misbehaves(self, request: BaseHTTPRequestHandler) -> bool:
        how = self.state.misbehaviour
        wait = self._over_quota()
        if how.throttle_next > 0:
            how.throttle_next -= 1
            self._write(
                request, 429, b"Too many requests", {"Retry-After": str(how.retry_after), "Content-Type": "text/plain"}
            )
        elif wait:
            self.state.refused += 1
            self._write(request, 429, b"Too many requests", {"Retry-After": str(wait), "Content-Type": "text/plain"})
        elif how.fail_next > 0:
            how.fail_next -= 1
            body = {
                "message": "Internal Error. Details are available in Magento log file. Report ID: webapi-65f0",
                "trace": "",
            }
            self._write(request, how.status, json.dumps(body).encode(), {})
        elif how.html_next > 0:
            how.html_next -= 1
            self._write(request, how.html_status, HTML.encode(), {"Content-Type": "text/html"})
        else:
            return False
        return True

    def _over_quota(self) -> int:
        """Seconds to wait, 0 within the quota of the host."""
        if self.state.features.quota is None:
            return 0
        most, window = self.state.features.quota
        now = time.monotonic()
        self.state.recent = [one for one in self.state.recent if one > now - window]
        if len(self.state.recent) < most:
            self.state.recent.append(now)
            return 0
        return max(1, round(self.state.recent[0] + window - now + 0.5))

    def _result(
        self, request: BaseHTTPRequestHandler, method: str, path: str, query: list[tuple[str, str]], raw: bytes
    ) -> Result:
        try:
            if not path.startswith(f"{PREFIX}/"):
                return Result(HTML.encode(), 404, {"Content-Type": "text/html"})
            self.auth.check(method, f"{self.url}{path}", query, request.headers.get("authorization", ""))
            return self.api.call(method, path.removeprefix(PREFIX), query, json.loads(raw) if raw else None)
        except ApiError as error:
            return Result(error.body, error.status)
        except PlainError as error:
            return Result(str(error).encode(), 500, {"Content-Type": "text/plain"})
        except Violation as error:
            self.state.violations.append(f"{method} {path}: {error}")
            return Result({"message": str(error)}, 400)
        except Exception as error:  # a fault of the simulator must show in the test
            self.state.violations.append(f"{method} {path}: the simulator failed: {type(error).__name__}: {error}")
            return Result({"message": repr(error)}, 500)

    def _write(self, request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response_only(status)
        request.send_header("Date", formatdate(time.time() + self.state.ahead.total_seconds(), usegmt=True))
        for name, value in {"Content-Type": "application/json; charset=utf-8", **headers}.items():
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
