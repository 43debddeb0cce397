"""The WSGI application of the two services, with the gate before them.

A message that is large is handed, once it is read, to another process (`large`), which answers it as this one would.

GET shows the WSDL (`?wsdl`, in any case, also `?singleWsdl`) or the help page; POST takes a SOAP message. Whatever
is posted here is answered with a SOAP message in the version of the request: never HTML, never an empty
envelope, and never a closed connection without an answer.
"""

from __future__ import annotations

import base64
import binascii
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl

import structlog

from integrator.codes import Code
from integrator.contract import (
    compat,  # noqa: F401 - before Spyne
    wsdl,
)
from integrator.contract import help as help_page
from integrator.contract.bodies import Environ, packed, read_body
from integrator.contract.calls import Basic, Call, perform
from integrator.contract.faults import (
    SOAP_11,
    SOAP_12,
    CallFailed,
    SoapVersion,
    fault_envelope,
    invalid,
    shown,
    status_of,
    unavailable,
)
from integrator.contract.fields import NAMESPACE
from integrator.contract.location import base_url
from integrator.contract.protocols import HardSoap11, HardSoap12, envelope_version, parse
from integrator.contract.services import SERVICES
from integrator.settings import Settings

from spyne import Application, MethodContext  # isort: skip
from spyne.server import ServerBase  # isort: skip

logger = logging.getLogger(__name__)

StartResponse = Callable[..., Any]
Wsgi = Callable[[Environ, StartResponse], Iterable[bytes]]
Headers = list[tuple[str, str]]

ALLOWED = ("Allow", "GET, HEAD, POST")
SOAP_TYPES = "text/xml (SOAP 1.1) or application/soap+xml (SOAP 1.2)"
# What every answer says for itself: never to be stored by anyone on the way, never taken for another type.
ALWAYS: Headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Request:
    """A message that was read whole; all that its answer depends on. Goes from process to process."""

    service: str
    version: SoapVersion
    kind: str
    charset: str | None
    basic: Basic | None
    body: bytes = field(repr=False)
    started: float  # of time.perf_counter, which is one clock for all processes of a machine


@dataclass(frozen=True, slots=True)
class Reply:
    """What is sent back, and what /metrics counts."""

    status: str
    headers: Headers
    body: bytes = field(repr=False)
    operation: str
    outcome: str


Large = Callable[[Request], Reply | None]


class _Server(ServerBase):  # type: ignore[misc]
    """One service in one SOAP version, as Spyne sees it."""

    transport = "http://schemas.xmlsoap.org/soap/http"

    def __init__(self, name: str, protocol: Any) -> None:
        incoming, outgoing = protocol(), protocol()
        incoming.learn(SERVICES[name])
        outgoing.learn(SERVICES[name])
        super().__init__(
            Application([SERVICES[name]], tns=NAMESPACE, name=name, in_protocol=incoming, out_protocol=outgoing)
        )

    def context(self) -> Any:
        return MethodContext(self, MethodContext.SERVER)


def _content_type(text: str) -> tuple[str, dict[str, str]]:
    message = Message()
    message["Content-Type"] = text
    parameters = message.get_params(failobj=[("", "")])
    return parameters[0][0].strip().lower(), {key.lower(): value for key, value in parameters[1:]}


def _basic(environ: Environ) -> Basic | None:
    """HTTP Basic, in UTF-8 or else Latin-1; anything else in Authorization is as if it were not there."""
    kind, _, encoded = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        raw = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    user, _, password = text.partition(":")
    return Basic(user, password)


class Gate:
    """The application; one per process, called by many threads.

    `large` answers messages of `large_bytes` and more, or says None if it has too many; without it this process
    answers all."""

    def __init__(self, settings: Settings, large: Large | None = None, large_bytes: int = 0) -> None:
        self.settings = settings
        self.large = large
        self.large_bytes = large_bytes
        self.servers = {
            (name, version): _Server(name, protocol)
            for name in SERVICES
            for version, protocol in ((SOAP_11, HardSoap11), (SOAP_12, HardSoap12))
        }
        self.names = {name.lower(): name for name in SERVICES}
        self.documents = {name: wsdl.published(name) for name in SERVICES}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        kind, parameters = _content_type(environ.get("CONTENT_TYPE") or "")
        version = SOAP_12 if kind == "application/soap+xml" else SOAP_11
        structlog.contextvars.clear_contextvars()  # the thread's last call was perhaps another store's
        try:
            if environ["REQUEST_METHOD"] in ("GET", "HEAD"):
                return self._get(environ, start_response)
            return self._post(environ, start_response, kind, parameters, version)
        finally:
            structlog.contextvars.clear_contextvars()

    def _service(self, environ: Environ) -> str | None:
        """The service of the path: /ProductTasks, /ProductTasks.asmx, in any case, with or without a last slash."""
        path = environ.get("PATH_INFO", "").strip("/").lower()
        return self.names.get(path.removesuffix(".asmx"))

    # ---- GET

    def _get(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        try:
            status, headers, body = self._page(environ)
        except Exception:
            logger.exception("unexpected error in a page")
            status, headers, body = "500 Internal Server Error", [("Content-Type", "text/plain")], b"Internal error.\n"
        body, more = packed(body, environ)
        start_response(status, [*headers, *more, *ALWAYS])
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _page(self, environ: Environ) -> tuple[str, Headers, bytes]:
        name = self._service(environ)
        if name is None:
            text = "There is no service at this address. The services are /ProductTasks and /OrderTasks.\n"
            return "404 Not Found", [("Content-Type", "text/plain; charset=utf-8")], text.encode()
        base = base_url(environ, self.settings)
        query = environ.get("QUERY_STRING", "")
        location = f"{base}/{name}"
        if query.split("=")[0].split("&")[0].lower() in ("wsdl", "singlewsdl"):
            body = self.documents[name].replace(wsdl.LOCATION, wsdl.attribute(location))
            return "200 OK", [("Content-Type", "text/xml; charset=utf-8")], body.encode()
        wanted = {key.lower(): value for key, value in parse_qsl(query, keep_blank_values=True)}.get("op")
        html = help_page.page(name, location, wanted)
        if html is None:
            status, html = "404 Not Found", help_page.page(name, location, None) or ""
        else:
            status = "200 OK"
        headers = [
            ("Content-Type", "text/html; charset=utf-8"),
            (
                "Content-Security-Policy",
                "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'",
            ),
        ]
        return status, headers, html.encode()

    # ---- POST

    def _post(
        self,
        environ: Environ,
        start_response: StartResponse,
        kind: str,
        parameters: dict[str, str],
        version: SoapVersion,
    ) -> Iterable[bytes]:
        name = self._service(environ)
        started = time.perf_counter()
        try:
            body = self._admitted(environ, name, kind)
        except Exception as error:
            call = Call(name or "", version, self.settings.max_items, started=started)
            structlog.contextvars.bind_contextvars(call_id=str(call.id), service=name)
            reply = self._refused(error, call)
        else:
            charset = parameters.get("charset")
            request = Request(name or "", version, kind, charset, _basic(environ), body, started)
            reply = self._elsewhere(request) if len(body) >= self.large_bytes else self.answer(request)
        # for /metrics
        environ["integrator.operation"] = reply.operation
        environ["integrator.outcome"] = reply.outcome
        content, more = packed(reply.body, environ)
        start_response(reply.status, [*reply.headers, *more, *ALWAYS])
        return [content]

    def _elsewhere(self, request: Request) -> Reply:
        if self.large is None:
            return self.answer(request)
        reply = self.large(request)
        if reply is None:
            call = Call(request.service, request.version, self.settings.max_items, started=request.started)
            busy = unavailable("The service is busy with large calls at the moment; nothing was applied.")
            return self._refused(busy, call)
        return reply

    def answer(self, request: Request) -> Reply:
        """The whole reply, whatever the message is; raises nothing."""
        version = SOAP_12 if request.version == SOAP_12 else SOAP_11  # themselves: a copy came through the pipe
        call = Call(request.service, version, self.settings.max_items, started=request.started)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(call_id=str(call.id), service=request.service)
        try:
            root = parse(request.body, request.charset)
            if request.kind == "application/xml":
                call.version = envelope_version(root) or call.version
            server = self.servers[request.service, call.version]
            body = perform(call, server, server.context(), root, request.basic)
        except Exception as error:
            return self._refused(error, call)
        replayed: Headers = [("X-Integrator-Replayed", "true")] if call.replayed else []
        headers = [("Content-Type", call.version.content_type), *replayed]
        partial = "ok" if all(result.success for result in call.results) else "partial"
        return Reply("200 OK", headers, body, call.operation or "none", partial)

    def _refused(self, error: Exception, call: Call) -> Reply:
        """The Fault of a call that failed as a whole. Called where the error is handled, for the log's sake."""
        if isinstance(error, RecursionError):
            failed = invalid("The message is nested too deeply.")
        elif isinstance(error, CallFailed):
            failed = error
        else:
            logger.exception("unexpected error")
            failed = unavailable("An internal error; nothing was applied. The CallId is in the log.")
        status, body, extra = self._fault(failed, call)
        return Reply(
            status, [("Content-Type", call.version.content_type), *extra], body, call.operation or "none", "fault"
        )

    def _fault(self, failed: CallFailed, call: Call) -> tuple[str, bytes, Headers]:
        log = logger.error if failed.server else logger.warning
        log(
            "call failed",
            extra={"code": failed.code.value, "reason": failed.message, "milliseconds": call.milliseconds},
        )
        headers = [("Retry-After", str(failed.retry_after))] if failed.retry_after else []
        return (
            status_of(failed),
            fault_envelope(failed, call.version, call.id),
            [*failed.headers, *headers],
        )

    def _admitted(self, environ: Environ, name: str | None, kind: str) -> bytes:
        """The body of a request that may be answered. Raises CallFailed."""
        wrong = self._refusal(environ, name, kind)
        # Also for a request that is refused: the answer is read only by a client that could send it all.
        data = self._body(environ, refused=wrong is not None)
        if wrong is not None:
            raise wrong
        return data

    def _body(self, environ: Environ, *, refused: bool) -> bytes:
        try:
            return read_body(environ, self.settings.max_body_bytes)
        except CallFailed:
            if refused:
                return b""
            raise

    def _refusal(self, environ: Environ, name: str | None, kind: str) -> CallFailed | None:
        """What is wrong before anything is read."""
        if name is None:
            return invalid(
                f"There is no service at {shown(environ.get('PATH_INFO', ''), 80)}.",
                hint="The services are /ProductTasks and /OrderTasks.",
                status="404 Not Found",
            )
        if environ["REQUEST_METHOD"] != "POST":
            return CallFailed(
                Code.REQUEST_INVALID,
                f"The method {shown(environ['REQUEST_METHOD'])} is not allowed.",
                hint="Send the message with POST; GET ?wsdl shows the contract.",
                status="405 Method Not Allowed",
                headers=(ALLOWED,),
            )
        if kind not in ("text/xml", "application/soap+xml", "application/xml"):
            said = (
                f"The Content-Type {shown(kind, 80)} is not one of SOAP."
                if kind
                else "The request has no Content-Type."
            )
            return invalid(said, hint=f"Send {SOAP_TYPES}.", status="415 Unsupported Media Type")
        return None


def application(settings: Settings, large: Large | None = None, large_bytes: int = 0) -> Gate:
    """For /ProductTasks and /OrderTasks, with or without .asmx. The store must be configured in the process."""
    return Gate(settings, large, large_bytes)
