"""The reference shop over HTTP: signature, scopes, quota, idempotency, cursors, routes, webhooks. Standard library.

`Reference.handle` turns a request into an answer and is all there is to read; `serve` puts it behind a socket.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import secrets
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from integrator.connectors.hipcommerce import signing
from integrator.connectors.hipcommerce.reference import document
from integrator.connectors.hipcommerce.reference.catalogue import Catalogue, Clock
from integrator.connectors.hipcommerce.reference.ordering import Orders
from integrator.connectors.hipcommerce.settings import BASE_PATH

Json = dict[str, Any]
log = logging.getLogger(__name__)

VERSION = "1.0"
SCOPES = ("products.read", "products.write", "orders.read", "shipments.write", "captures.write", "webhooks.write")
LARGEST = 16 * 1024 * 1024  # bytes of a body
KEPT = 24 * 3600  # seconds that an answer is kept for its repetition
NONCES = 2 * signing.TOLERANCE  # seconds that a nonce is remembered
ROUTES = {
    ("GET", "/status"): "", ("GET", "/products"): "products.read", ("PUT", "/products:batch"): "products.write",
    ("PUT", "/inventory:batch"): "products.write", ("PUT", "/prices:batch"): "products.write",
    ("PUT", "/shipments:batch"): "shipments.write", ("PUT", "/captures:batch"): "captures.write",
    ("GET", "/orders"): "orders.read", ("GET", "/transactions"): "orders.read", ("GET", "/captures"): "orders.read",
    ("PUT", "/webhook"): "webhooks.write",
}  # fmt: skip
IDS = {"orders": "order_id", "transactions": "transaction_id", "captures": "capture_id", "products": "variant_id"}


@dataclass(frozen=True, slots=True)
class Request:
    """`target`: path and query as they came. `headers`: names in lower case."""

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(slots=True)
class Answer:
    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)


class Problem(Exception):
    """Nothing of the request was done."""

    def __init__(self, status: int, code: str, title: str, **more: Any) -> None:
        super().__init__(title)
        self.status, self.code = status, code
        self.body: Json = {
            "type": f"urn:integrator:problem:{code}", "title": title, "status": status, "code": code, **more,
        }  # fmt: skip


@dataclass(slots=True)
class Quota:
    """A window of `seconds` that allows `requests`; 0: any number."""

    requests: int = 600
    seconds: float = 60.0
    started: float = 0.0
    used: int = 0

    def take(self, now: float) -> dict[str, str]:
        """The headers that say what is left. Raises Problem where nothing is."""
        if not self.requests:
            return {}
        if not 0 <= now - self.started < self.seconds:
            self.started, self.used = now, 0
        reset = max(1, int(self.started + self.seconds - now + 0.999))
        if self.used >= self.requests:
            raise Problem(429, "rate_limited", "Too many requests.", **{"retry_after": reset})
        self.used += 1
        return {
            "X-RateLimit-Limit": str(self.requests),
            "X-RateLimit-Remaining": str(self.requests - self.used),
            "X-RateLimit-Reset": str(reset),
        }


class Reference:
    def __init__(
        self,
        *,
        name: str = "Reference shop",
        key_id: str = "",
        secret: str = "",
        scopes: tuple[str, ...] = SCOPES,
        quota: Quota | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.key_id = key_id or f"key_{secrets.token_hex(6)}"
        self.secret = secret or secrets.token_urlsafe(32)
        self.scopes = scopes
        self.quota = quota or Quota()
        self.clock = clock
        self.document = document.load()
        ticking = Clock()
        self.catalogue = Catalogue(ticking)
        self.orders = Orders(self.catalogue)
        self.orders.announce = self._announce
        self.webhook: Json | None = None
        self.webhooks_sent = True  # off: nothing leaves, for tests
        self._nonces: dict[str, float] = {}
        self._answers: dict[str, tuple[float, str, Answer]] = {}  # idempotency key -> when, of what, the answer
        self._lock = threading.Lock()
        self._writing = threading.Lock()

    # -- one request

    def handle(self, request: Request) -> Answer:
        headers: dict[str, str] = {}
        try:
            with self._lock:
                headers = self.quota.take(self.clock())
            path = self._path(request)
            self._verify(request)
            scope = ROUTES[request.method, path]
            if scope and scope not in self.scopes:
                raise Problem(403, "scope_missing", f"The key has not the scope {scope}.", scope=scope)
            answer = self._answered(request, path)
        except Problem as problem:
            body = dict(problem.body)
            wait = body.pop("retry_after", None)
            if wait is not None:
                headers["Retry-After"] = str(wait)
            answer = Answer(problem.status, body)
        return Answer(answer.status, answer.body, {**headers, **answer.headers})

    @staticmethod
    def _path(request: Request) -> str:
        path = urlsplit(request.target).path
        if not path.startswith(BASE_PATH):
            raise Problem(404, "not_found", f"There is nothing at {path}; the API is at {BASE_PATH}.")
        path = path[len(BASE_PATH) :]
        if (request.method, path) not in ROUTES:
            raise Problem(404, "not_found", f"There is no {request.method} {path}.")
        return path

    def _verify(self, request: Request) -> None:
        """The key, the time, the signature and the nonce, in this order: a forged request marks no nonce as used."""
        given = {name: request.headers.get(name.lower(), "") for name in (
            signing.KEY, signing.TIMESTAMP, signing.NONCE, signing.SIGNATURE)}  # fmt: skip
        if given[signing.KEY] != self.key_id:
            raise Problem(401, "key_unknown", f"There is no key {given[signing.KEY]!r}.")
        stamp, nonce, now = given[signing.TIMESTAMP], given[signing.NONCE], self.clock()
        if not (stamp.isascii() and stamp.isdigit()) or abs(now - int(stamp)) > signing.TOLERANCE:
            time_here = datetime.fromtimestamp(now, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
            raise Problem(401, "timestamp_invalid", "The request's time is not the shop's.", time=time_here)
        arguments = (self.secret, request.method, request.target, stamp, nonce, request.body)
        if not 8 <= len(nonce) <= 64 or not signing.signed(*arguments, given[signing.SIGNATURE]):
            raise Problem(401, "signature_invalid", "The signature is wrong.")
        with self._lock:
            self._nonces = {one: until for one, until in self._nonces.items() if until > now}
            if nonce in self._nonces:
                raise Problem(401, "nonce_used", "The nonce was used before.")
            self._nonces[nonce] = now + NONCES

    def _answered(self, request: Request, path: str) -> Answer:
        if len(request.body) > LARGEST:
            raise Problem(413, "too_large", f"The body has more than {LARGEST} bytes.")
        body: Any = None
        if request.body:
            try:
                body = json.loads(request.body)
            except ValueError:
                raise Problem(422, "request_invalid", "The body is not JSON.", errors=[]) from None
        target = request.target[len(BASE_PATH) :]
        errors = self.document.request_errors(request.method, target, request.headers, body)
        if errors:
            raise Problem(422, "request_invalid", "The request is not what the contract says.", errors=errors[:20])
        query = parse_qs(urlsplit(target).query, keep_blank_values=True)
        if request.method == "GET":
            return Answer(200, self._status() if path == "/status" else self._list(path[1:], query))
        key = request.headers.get("idempotency-key", "")
        if not key:
            return self._write(path, body)
        with self._writing:  # a repetition that comes while the first is under way waits for its answer
            return self._once(key, request, path, body)

    def _once(self, key: str, request: Request, path: str, body: Json) -> Answer:
        now = self.clock()
        self._answers = {one: kept for one, kept in self._answers.items() if kept[0] > now - KEPT}
        about = hashlib.sha256(f"{request.method} {path}\n".encode() + request.body).hexdigest()
        if key in self._answers:
            _, what, answer = self._answers[key]
            if what != about:
                raise Problem(422, "idempotency_key_reused", "The Idempotency-Key was used with another body.")
            return answer
        answer = self._write(path, body)
        # a refusal is not kept: its reason may be gone at the next try
        if all(one["status"] < 300 for one in answer.body.get("results", ())):
            self._answers[key] = (now, about, answer)
        return answer

    # -- routes

    def _status(self) -> Json:
        now = datetime.fromtimestamp(self.clock(), UTC)
        return {
            "name": self.name, "version": VERSION, "time": now.isoformat().replace("+00:00", "Z"),
            "currency": self.orders.currency, "scopes": list(self.scopes),
            "locations": [{"location_code": one, "name": one.title()} for one in self.catalogue.locations],
            "webhook": {name: self.webhook[name] for name in ("url", "active")} if self.webhook else None,
        }  # fmt: skip

    def _list(self, what: str, query: Mapping[str, list[str]]) -> Json:
        """One page, behind the cursor: the place (updated_at, id) of the last record before."""
        if what == "products":
            rows = self.catalogue.listings(query.get("sku", ()), query.get("item_integration_id", ()))
        else:
            rows = self.orders.rows(what, query.get("order_id", ()))
        since = query.get("updated_since", [""])[0]
        if since:
            start = datetime.fromisoformat(since)
            rows = [one for one in rows if datetime.fromisoformat(one["updated_at"]) >= start]
        identity, filters = IDS[what], {name: values for name, values in query.items() if name != "cursor"}
        mark = hashlib.sha256(json.dumps([what, filters], sort_keys=True).encode()).hexdigest()[:12]
        if "cursor" in query:
            after = _opened(query["cursor"][0], mark)
            rows = [one for one in rows if (one["updated_at"], one[identity]) > after]
        limit = int(query.get("limit", ["500" if what == "products" else "100"])[0])
        page, rest = rows[:limit], rows[limit:]
        following = _cursor(mark, page[-1]["updated_at"], page[-1][identity]) if rest else None
        return {"data": page, "next_cursor": following}

    def _write(self, path: str, body: Json) -> Answer:
        match path:
            case "/products:batch":
                results = [one for given in body["products"] for one in self.catalogue.put_product(given)]
            case "/inventory:batch":
                results = [self.catalogue.put_inventory(one) for one in body["inventory"]]
            case "/prices:batch":
                results = [self.catalogue.put_price(one) for one in body["prices"]]
            case "/shipments:batch":
                results = [self.orders.put_shipment(one) for one in body["shipments"]]
            case "/captures:batch":
                results = [self.orders.put_capture(one) for one in body["captures"]]
            case _:
                self.webhook = {"url": body["url"], "secret": body["secret"], "active": True}
                return Answer(200, {"url": body["url"], "active": True})
        return Answer(207, {"results": results})

    # -- webhooks

    def event(self, order_id: str) -> tuple[dict[str, str], bytes]:
        """Headers and body of the webhook about an order."""
        assert self.webhook is not None
        stamp = int(self.clock())
        moment = datetime.fromtimestamp(stamp, UTC).isoformat().replace("+00:00", "Z")
        body = json.dumps({"type": "order.updated", "timestamp": moment, "data": {"order_id": order_id}}).encode()
        identity = f"msg_{secrets.token_hex(12)}"
        signed = signing.webhook_signature(self.webhook["secret"], identity, stamp, body)
        return {
            "Content-Type": "application/json", "webhook-id": identity, "webhook-timestamp": str(stamp),
            "webhook-signature": signed,
        }, body  # fmt: skip

    def _announce(self, order_id: str) -> None:
        """In the background, once: a real shop tries for an hour and then sets `active` false."""
        if self.webhook is None or not self.webhook["active"] or not self.webhooks_sent:
            return
        headers, body = self.event(order_id)
        threading.Thread(target=_deliver, args=(self.webhook["url"], headers, body), daemon=True).start()


def _deliver(url: str, headers: dict[str, str], body: bytes) -> None:
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - checked: http(s)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            log.info("Webhook to %s: %s", url, answer.status)
    except OSError as error:
        log.warning("Webhook to %s: %s", url, error)


def _cursor(mark: str, updated_at: str, identity: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([mark, updated_at, identity]).encode()).decode().rstrip("=")


def _opened(cursor: str, mark: str) -> tuple[str, str]:
    try:
        made_for, updated_at, identity = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except ValueError:
        made_for = ""
    if made_for != mark:
        raise Problem(400, "cursor_invalid", "The cursor is not of this list, or too old: begin anew.")
    return str(updated_at), str(identity)


# -- behind a socket


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def _any(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(min(length, LARGEST + 1))
        headers = {name.lower(): value for name, value in self.headers.items()}
        if length > LARGEST:
            self.close_connection = True
        answer = self.server.handle(Request(self.command, self.path, headers, body))
        if answer is None:  # the answer is lost
            self.close_connection = True
            return
        content = json.dumps(answer.body, ensure_ascii=False).encode()
        self.send_response(answer.status)
        kind = "application/problem+json" if answer.status >= 400 else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **answer.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = do_HEAD = _any  # noqa: N815 - what http.server calls

    def log_message(self, format: str, *args: Any) -> None:
        log.info("%s %s", self.address_string(), format % args)


class Server(ThreadingHTTPServer):
    """`handle` may be replaced by a test's; None as its answer ends the connection without one."""

    daemon_threads = True
    disable_nagle_algorithm = True

    def __init__(self, handle: Callable[[Request], Answer | None], host: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__((host, port), Handler)
        self.handle = handle
        self.url = f"http://{host}:{self.server_port}"
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """In the background; `stop` ends it."""
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        return self

    def stop(self) -> None:
        self.shutdown()
        if self._thread is not None:
            self._thread.join()
        self.server_close()
