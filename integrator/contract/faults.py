"""Faults, and the two SOAP versions in which they and the answers are written.

`CallFailed` is what anything on the way of a call raises to end it: one Fault, nothing applied. Fault codes are
plain `Client` and `Server` (`Sender` and `Receiver` in SOAP 1.2); the stable code of the catalogue stands in the
declared detail element, and in SOAP 1.2 also as the subcode.

Status: every Fault is a 500. In SOAP 1.1 the Basic Profile demands it; in SOAP 1.2 the binding would have 400 for
Sender, but a WCF proxy does not read the Fault of an answer with another status than 500, and ASMX and WCF services
send 500 too. Only what HTTP itself has a word for is 404, 405 or 415.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from integrator.codes import CATALOGUE, Code
from integrator.contract.fields import NAMESPACE

ENVELOPE_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ENVELOPE_12 = "http://www.w3.org/2003/05/soap-envelope"

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_SPECIAL = re.compile("[&<>\r]")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}


def xml_text(value: str) -> str:
    """The text as XML content: escaped, with U+FFFD for what XML cannot carry."""
    if not value.isprintable():
        value = _ILLEGAL.sub("\ufffd", value)
    if _SPECIAL.search(value):
        value = _SPECIAL.sub(lambda found: _ENTITIES[found.group()], value)
    return value


@dataclass(frozen=True, slots=True)
class SoapVersion:
    name: str
    envelope: str
    content_type: str
    next_roles: frozenset[str]  # the values of actor or role that mean us
    actor: str  # the attribute


SOAP_11 = SoapVersion(
    "1.1",
    ENVELOPE_11,
    "text/xml; charset=utf-8",
    frozenset({"", "http://schemas.xmlsoap.org/soap/actor/next"}),
    f"{{{ENVELOPE_11}}}actor",
)
SOAP_12 = SoapVersion(
    "1.2",
    ENVELOPE_12,
    "application/soap+xml; charset=utf-8",
    frozenset({"", f"{ENVELOPE_12}/role/next", f"{ENVELOPE_12}/role/ultimateReceiver"}),
    f"{{{ENVELOPE_12}}}role",
)
VERSIONS = {ENVELOPE_11: SOAP_11, ENVELOPE_12: SOAP_12}


class CallFailed(Exception):
    """The whole call fails with one Fault; nothing of it is applied.

    `server`: the fault is ours and the same call may be sent again later. `fault_code`: VersionMismatch or
    MustUnderstand, where SOAP has a word of its own. `status`: an HTTP status other than the version's own.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        hint: str = "",
        server: bool = False,
        fault_code: str = "",
        status: str = "",
        retry_after: int = 0,
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint or CATALOGUE[code].remedy
        self.server = server
        self.fault_code = fault_code
        self.status = status
        self.retry_after = retry_after
        self.headers = headers


def invalid(message: str, *, hint: str = "", status: str = "", fault_code: str = "") -> CallFailed:
    """The message is not a call that can be read."""
    return CallFailed(Code.REQUEST_INVALID, message, hint=hint, status=status, fault_code=fault_code)


def too_much(what: str, value: str, limit: str, setting: str) -> CallFailed:
    """Over a limit, which is named with its value and the value that was sent."""
    return CallFailed(
        Code.LIMIT_EXCEEDED,
        f"{what}: {value}, but the limit is {limit} ({setting}). Nothing was applied.",
    )


def unavailable(message: str) -> CallFailed:
    return CallFailed(Code.SERVICE_UNAVAILABLE, message, server=True, retry_after=30)


def shown(value: str, length: int = 40) -> str:
    """A value as messages quote it: in quotation marks, shortened."""
    return repr(value) if len(value) <= length else f"{value[:length]!r}... ({len(value):,} characters)"


def status_of(fault: CallFailed) -> str:
    return fault.status or "500 Internal Server Error"


def _detail(fault: CallFailed, call_id: UUID | None) -> str:
    parts = [
        f'<i:CallFault xmlns:i="{NAMESPACE}"><i:ErrorCode>{fault.code.value}</i:ErrorCode>'
        f"<i:ErrorMessage>{xml_text(fault.message)}</i:ErrorMessage><i:ErrorHint>{xml_text(fault.hint)}</i:ErrorHint>"
    ]
    if call_id is not None:
        parts.append(f"<i:CallId>{call_id}</i:CallId>")
    parts.append("</i:CallFault>")
    return "".join(parts)


def fault_envelope(fault: CallFailed, version: SoapVersion, call_id: UUID | None = None) -> bytes:
    """The whole reply that says the fault. A fault about the header carries no detail, as SOAP demands."""
    text = xml_text(fault.message)
    detail = _detail(fault, call_id)
    if version is SOAP_11:
        code = fault.fault_code or ("Server" if fault.server else "Client")
        if fault.fault_code:
            detail = ""
        body = (
            f"<s:Fault><faultcode>s:{code}</faultcode><faultstring>{text}</faultstring>"
            + (f"<detail>{detail}</detail>" if detail else "")
            + "</s:Fault>"
        )
        return envelope(body.encode(), version)
    code = fault.fault_code or ("Receiver" if fault.server else "Sender")
    subcode = ""
    if not fault.fault_code:
        subcode = f'<s:Subcode><s:Value xmlns:i="{NAMESPACE}">i:{fault.code.value}</s:Value></s:Subcode>'
    header = ""
    if code == "VersionMismatch":
        header = (
            '<s:Upgrade><s:SupportedEnvelope qname="s:Envelope"/>'
            f'<s:SupportedEnvelope xmlns:o="{ENVELOPE_11}" qname="o:Envelope"/></s:Upgrade>'
        )
    body = (
        f"<s:Fault><s:Code><s:Value>s:{code}</s:Value>{subcode}</s:Code>"
        f'<s:Reason><s:Text xml:lang="en">{text}</s:Text></s:Reason><s:Detail>{detail}</s:Detail></s:Fault>'
    )
    return envelope(body.encode(), version, header)


def envelope(body: bytes, version: SoapVersion, header: str = "") -> bytes:
    """The reply around what stands in its Body, which is never empty."""
    if not body:
        raise ValueError("a SOAP reply without content")
    return b"".join(
        (
            b'<?xml version="1.0" encoding="utf-8"?>\n<s:Envelope xmlns:s="',
            version.envelope.encode(),
            b'">',
            f"<s:Header>{header}</s:Header>".encode() if header else b"",
            b"<s:Body>",
            body,
            b"</s:Body></s:Envelope>",
        )
    )
