"""The store over HTTP: the token, the quota, misbehaviour, and each request and answer held against the documents."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.connectors.bigcommerce.simulator.api import Api, Result
from tests.connectors.bigcommerce.simulator.specs import Violation, specs
from tests.connectors.bigcommerce.simulator.state import ApiError, Features, State

STORE = "simulated"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class Simulator:
    def __init__(
        self, folder: Path, *, features: Features | None = None, host: str = "127.0.0.1", port: int = 0
    ) -> None:
        self.state = State(features or Features())
        self.api = Api(self.state, specs(folder))
        self.token = secrets.token_hex(16)
        self.client_secret = secrets.token_hex(32)
        simulator = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def handle_one(self) -> None:
                simulator.handle(self)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.server = Server((host, port), Handler)
        self.url = f"http://{host}:{self.server.server_address[1]}"
        self.api_path = f"{self.url}/stores/{STORE}/v3/"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    # -- one request

    def handle(self, request: BaseHTTPRequestHandler) -> None:
        parts = urlsplit(request.path)
        method = request.command.lower()
        raw = request.rfile.read(int(request.headers.get("content-length") or 0))
        state = self.state
        with state.lock:
            if method == "get":
                state.reads += 1
            else:
                state.writes += 1
            version, path = self._route(parts.path)
            state.requests.append(f"{request.command} /{version}{path}")
            if self._misbehaves(request, method):
                return
            allowed, headers = state.spend()
            if not allowed:
                self._write(request, 429, b'{"status": 429, "title": "Too many requests"}', headers)
                return
            result = self._result(
                request, method, version, path, dict(parse_qsl(parts.query, keep_blank_values=True)), raw
            )
            if method != "get" and result.status < 300 and state.misbehaviour.lose_next:
                state.misbehaviour.lose_next -= 1
                self._hang_up(request)
                return
        body = b"" if result.body is None else json.dumps(result.body, ensure_ascii=False).encode()
        self._write(request, result.status, body, headers)

    @staticmethod
    def _route(path: str) -> tuple[str, str]:
        start = f"/stores/{STORE}/"
        if not path.startswith(start):
            return "", path
        version, _, rest = path.removeprefix(start).partition("/")
        return version, f"/{rest}"

    def _misbehaves(self, request: BaseHTTPRequestHandler, method: str) -> bool:
        how = self.state.misbehaviour
        if how.throttle_next > 0:
            how.throttle_next -= 1
            self._write(request, 429, b"{}", self.state.quota_headers(0, how.retry_after))
        elif how.bare_throttle_next > 0:
            how.bare_throttle_next -= 1
            self._write(request, 429, b"{}", {})
        elif how.fail_next > 0:
            how.fail_next -= 1
            self._write(request, how.status, b"{}", {})
        else:
            return False
        return True

    def _result(
        self, request: BaseHTTPRequestHandler, method: str, version: str, path: str, query: dict[str, str], raw: bytes
    ) -> Result:
        where = f"{method.upper()} /{version}{path}"
        try:
            if self.state.misbehaviour.revoked or request.headers.get("x-auth-token") != self.token:
                raise ApiError(401, "Unauthorized")
            body = json.loads(raw) if raw else None
            operation, result = self.api.call(method, version, path, query, body)
            # as it goes over the wire: what JSON makes of it
            self.api.specs.check_answer(operation, result.status, json.loads(json.dumps(result.body)))
            return result
        except ApiError as error:
            return Result(error.body(version), error.status)
        except Violation as error:
            self.state.violations.append(f"{where}: {error}")
            return Result({"status": 400, "title": str(error)}, 400)
        except Exception as error:  # a fault of the simulator must show in the test
            self.state.violations.append(f"{where}: the simulator failed: {type(error).__name__}: {error}")
            return Result({"status": 500, "title": repr(error)}, 500)

    @staticmethod
    def _write(request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str]) -> None:
        request.send_response_only(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            request.send_header(name, value)
        if status != 204:
            request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        if status != 204:
            request.wfile.write(body)

    @staticmethod
    def _hang_up(request: BaseHTTPRequestHandler) -> None:
        """The answer never comes."""
        request.close_connection = True
        with suppress(OSError):
            request.connection.shutdown(socket.SHUT_RDWR)
