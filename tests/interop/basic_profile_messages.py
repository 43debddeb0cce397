"""WS-I Basic Profile 1.1 (2006-04-10), the assertions about an answer: one function each, as in basic_profile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from email.message import Message

import httpx
from lxml import etree

ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
S = f"{{{ENVELOPE}}}"
CODES = {"VersionMismatch", "MustUnderstand", "Client", "Server"}

Element = etree._Element
Violations = Iterator[str]


@dataclass(frozen=True)
class Answer:
    """One HTTP answer that carries an envelope of SOAP 1.1. `element`: what the description promises in the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    http: str = "HTTP/1.1"
    element: str = ""

    @classmethod
    def of(cls, response: httpx.Response, element: str) -> Answer:
        return cls(response.status_code, response.headers, response.content, response.http_version, element)

    @property
    def root(self) -> Element:
        return etree.fromstring(self.body)

    @property
    def faults(self) -> list[Element]:
        return list(self.root.iter(f"{S}Fault"))

    def content_type(self) -> Message:
        message = Message()
        message["Content-Type"] = self.headers.get("content-type", "")
        return message


@dataclass(frozen=True)
class Rule:
    number: str
    says: str
    check: Callable[[Answer], Violations]


RULES: dict[str, Rule] = {}


def rule(number: str, says: str) -> Callable[[Callable[[Answer], Violations]], Callable[[Answer], Violations]]:
    def add(check: Callable[[Answer], Violations]) -> Callable[[Answer], Violations]:
        RULES[number] = Rule(number, says, check)
        return check

    return add


# -- the envelope


@rule("R1011", "Nothing follows the body.")
def r1011(answer: Answer) -> Violations:
    return (str(e.tag) for e in answer.root.xpath("s:Body/following-sibling::*", namespaces={"s": ENVELOPE}))


@rule("R1005", "The elements of SOAP have no encodingStyle.")
def r1005(answer: Answer) -> Violations:
    return (str(e.tag) for e in answer.root.iter(f"{S}*") if e.get(f"{S}encodingStyle") is not None)


@rule("R1006", "The children of the body have no encodingStyle.")
def r1006(answer: Answer) -> Violations:
    return (str(e.tag) for e in answer.root.iterfind(f"{S}Body/*") if e.get(f"{S}encodingStyle") is not None)


@rule("R1008", "There is no document type declaration.")
def r1008(answer: Answer) -> Violations:
    if answer.root.getroottree().docinfo.doctype:
        yield answer.root.getroottree().docinfo.doctype


@rule("R1009", "There are no processing instructions.")
def r1009(answer: Answer) -> Violations:
    tree = answer.root.getroottree()
    return (str(e) for e in tree.xpath("//processing-instruction()"))


@rule("R1012", "The envelope is in UTF-8 or UTF-16.")
def r1012(answer: Answer) -> Violations:
    encoding = answer.root.getroottree().docinfo.encoding or "UTF-8"
    if encoding.upper() not in {"UTF-8", "UTF-16"}:
        yield encoding


@rule("R1013", "mustUnderstand is 0 or 1.")
def r1013(answer: Answer) -> Violations:
    values = (e.get(f"{S}mustUnderstand") for e in answer.root.iter(etree.Element))
    return (value for value in values if value is not None and value not in {"0", "1"})


@rule("R1014", "The children of the body are in a namespace.")
def r1014(answer: Answer) -> Violations:
    return (str(e.tag) for e in answer.root.iterfind(f"{S}Body/*") if not etree.QName(e).namespace)


@rule("R1032", "Envelope, Header and Body have no attributes of SOAP's namespace.")
def r1032(answer: Answer) -> Violations:
    for element in answer.root.iter(f"{S}Envelope", f"{S}Header", f"{S}Body"):
        yield from (str(name) for name in element.attrib if str(name).startswith(S))


@rule("R1033", "The envelope should not declare the prefix xml.")
def r1033(answer: Answer) -> Violations:
    if b"xmlns:xml=" in answer.body:
        yield "xmlns:xml"


@rule("R2712", "The body's one child is the element that the description promises, or a Fault.")
def r2712(answer: Answer) -> Violations:
    children = [e.tag for e in answer.root.iterfind(f"{S}Body/*")]
    if children not in ([answer.element], [f"{S}Fault"]):
        yield str(children)


# -- faults


@rule("R1000", "A Fault has only faultcode, faultstring, faultactor and detail.")
def r1000(answer: Answer) -> Violations:
    allowed = {"faultcode", "faultstring", "faultactor", "detail"}
    return (str(e.tag) for fault in answer.faults for e in fault if etree.QName(e).localname not in allowed)


@rule("R1001", "The children of a Fault are in no namespace.")
def r1001(answer: Answer) -> Violations:
    return (str(e.tag) for fault in answer.faults for e in fault if etree.QName(e).namespace)


def _codes(answer: Answer) -> Iterator[tuple[str, str]]:
    for fault in answer.faults:
        code = fault.find("faultcode")
        if code is not None:
            prefix, _, local = (code.text or "").strip().rpartition(":")
            yield code.nsmap.get(prefix or None) or "", local


@rule("R1004", "A faultcode should be one of SOAP's four, or a name in a namespace of the service.")
def r1004(answer: Answer) -> Violations:
    for namespace, local in _codes(answer):
        if not namespace or (namespace == ENVELOPE and local.partition(".")[0] not in CODES):
            yield f"{{{namespace}}}{local}"


@rule("R1031", "A faultcode should not be refined with a dot.")
def r1031(answer: Answer) -> Violations:
    return (local for _, local in _codes(answer) if "." in local)


# -- HTTP


@rule("R1018", "The media type says the encoding with charset.")
def r1018(answer: Answer) -> Violations:
    charset = answer.content_type().get_param("charset")
    written = answer.root.getroottree().docinfo.encoding or "UTF-8"
    if answer.content_type().get_content_type() != "text/xml" or str(charset).upper() != written.upper():
        yield answer.headers.get("content-type", "")


@rule("R1124", "What succeeded has a status of 2xx.")
def r1124(answer: Answer) -> Violations:
    if not answer.faults and not 200 <= answer.status < 300:
        yield str(answer.status)


@rule("R1111", "An envelope that is no Fault should have the status 200.")
def r1111(answer: Answer) -> Violations:
    if not answer.faults and answer.status != 200:
        yield str(answer.status)


@rule("R1126", "A Fault has the status 500.")
def r1126(answer: Answer) -> Violations:
    if answer.faults and answer.status != 500:
        yield str(answer.status)


@rule("R1141", "Messages go over HTTP 1.1 or 1.0.")
def r1141(answer: Answer) -> Violations:
    if answer.http not in {"HTTP/1.1", "HTTP/1.0"}:
        yield answer.http
