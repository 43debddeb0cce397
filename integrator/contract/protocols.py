"""Spyne's SOAP protocols, hardened: what is read is safe and what is wrong is said.

Spyne keeps the dispatch and the interface; replaced are its parser (DOCTYPE refused, nothing resolved or loaded, no
walk along `href`), the checks of envelope, header and body, and the decoding and encoding of messages, which
go through `deserialization_handlers` and `serialization_handlers` to the compiled readers and writers.
"""

from __future__ import annotations

import re
import threading
from typing import Any

from lxml import etree

from integrator.codes import Code
from integrator.contract import compat  # noqa: F401 - before Spyne
from integrator.contract.faults import (
    ENVELOPE_12,
    SOAP_11,
    SOAP_12,
    VERSIONS,
    CallFailed,
    SoapVersion,
    invalid,
    shown,
    too_much,
)
from integrator.contract.fields import NAMESPACE
from integrator.contract.readers import NIL, TRUE, request_reader
from integrator.contract.writers import response_writer

from spyne.protocol.soap import Soap11, Soap12  # isort: skip

PARSER: dict[str, Any] = {
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
}

# A tree takes some 120 bytes of memory for each element and 220 for each attribute, however short they are
# in the message. These are far above what any call within the other limits needs.
MAX_ELEMENTS = 2_000_000
MAX_ATTRIBUTES = 1_000_000

# What a charset or an XML declaration may say, and what libxml2 calls it.
ENCODINGS = {
    "utf-8": "UTF-8",
    "utf8": "UTF-8",
    "utf-16": "UTF-16",
    "utf16": "UTF-16",
    "unicode": "UTF-16",
    "utf-16le": "UTF-16LE",
    "utf-16be": "UTF-16BE",
    "us-ascii": "US-ASCII",
    "ascii": "US-ASCII",
    "iso-8859-1": "ISO-8859-1",
    "latin1": "ISO-8859-1",
    "iso-8859-15": "ISO-8859-15",
    "windows-1252": "WINDOWS-1252",
}
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_ATTRIBUTE = re.compile(rb"=[\x00 \t\r\n]*[\"']")
_DOCTYPE = re.compile(rb"<!DOCTYPE", re.IGNORECASE)

MAX_REQUEST_ID = 100
CREDENTIALS = f"{{{NAMESPACE}}}Credentials"
REQUEST_ID = f"{{{NAMESPACE}}}RequestId"
UNDERSTOOD = frozenset({CREDENTIALS, REQUEST_ID})


def _check_size_of_tree(data: bytes) -> None:
    elements = data.count(b"<") - data.count(b"</")
    if data.startswith(_BOMS[1:]) or b"\x00<" in data[:4] or b"<\x00" in data[:4]:  # UTF-16
        elements = data.count(b"<") - data.count(b"<\0/\0") - data.count(b"\0<\0/")
    if elements > MAX_ELEMENTS:
        raise too_much("Elements in the message", f"{elements:,}", f"{MAX_ELEMENTS:,}", "fixed")
    attributes = data.count(b"=")
    if attributes > MAX_ATTRIBUTES:
        # Texts have equals signs too, but hardly before a quotation mark: escaped HTML mostly writes &quot;.
        attributes = len(_ATTRIBUTE.findall(data))
        if attributes > MAX_ATTRIBUTES:
            raise too_much("Attributes in the message", f"{attributes:,}", f"{MAX_ATTRIBUTES:,}", "fixed")


def _encoding(data: bytes, charset: str | None) -> str | None:
    """What to tell the parser: None where the byte order mark or the XML declaration speaks for itself."""
    if charset:
        known = ENCODINGS.get(charset.strip().lower())
        if known is None:
            raise invalid(
                f"The charset {shown(charset)} is not supported.", hint="Send the message in UTF-8 or UTF-16."
            )
        if data.startswith(_BOMS):
            return None
        if known == "UTF-16":
            return "UTF-16BE" if data.startswith(b"\x00<") else "UTF-16LE"
        return known
    return None


def _syntax(error: etree.XMLSyntaxError) -> str:
    text = (error.msg or "not well-formed").split("\n")[0]
    return text if len(text) <= 200 else text[:200] + "..."


def _parse(data: bytes, encoding: str | None) -> Any:
    try:
        return etree.fromstring(data, etree.XMLParser(encoding=encoding, **PARSER))
    except etree.XMLSyntaxError as error:
        if _DOCTYPE.search(data, 0, 4096):
            return invalid("A DOCTYPE is not allowed in a SOAP message.", hint="Send the message without a DOCTYPE.")
        return invalid(f"The message is not well-formed XML: {_syntax(error)}.", hint="Send well-formed XML.")
    except (ValueError, LookupError) as error:
        return invalid(f"The message cannot be read as XML: {shown(str(error), 200)}.")
    except MemoryError:
        return too_much("Memory for the message", "more than there is", "what the process has", "fixed")


def parse(data: bytes, charset: str | None = None) -> Any:
    """The root element of a message, or CallFailed. Costs nothing that the size of the message does not bound.

    The parser runs in a thread that ends with it: libxml2's dictionary of names belongs to the thread and never
    shrinks, so in a thread of the web server messages full of invented names would fill the memory for good.
    """
    if not data.strip():
        raise invalid("The body of the request is empty.", hint="Send a SOAP envelope.")
    _check_size_of_tree(data)
    encoding = _encoding(data, charset)
    answer: list[Any] = []
    thread = threading.Thread(target=lambda: answer.append(_parse(data, encoding)), name="parse")
    thread.start()
    thread.join()
    root = answer[0] if answer else invalid("The message cannot be read.")
    if isinstance(root, CallFailed):
        raise root
    information = root.getroottree().docinfo
    if information.doctype or information.internalDTD is not None:
        raise invalid("A DOCTYPE is not allowed in a SOAP message.", hint="Send the message without a DOCTYPE.")
    declared = information.encoding
    if charset is None and declared and declared.lower() not in ENCODINGS:
        raise invalid(f"The encoding {shown(declared)} is not supported.", hint="Send the message in UTF-8 or UTF-16.")
    return root


def envelope_version(root: Any) -> SoapVersion | None:
    """The SOAP version that the envelope says it is."""
    tag: str = root.tag
    return VERSIONS.get(tag[1:].partition("}")[0]) if tag.endswith("}Envelope") else None


class _Hardened:
    """What both versions share; mixed into Spyne's protocol classes."""

    version: SoapVersion
    ns_soap_env: str

    def create_in_document(self, ctx: Any, charset: str | None = None) -> None:
        root = ctx.in_document if ctx.in_document is not None else parse(b"".join(ctx.in_string), charset)
        if envelope_version(root) is not self.version:
            tag = root.tag
            if tag.endswith("}Envelope"):
                found = shown(tag[1:].partition("}")[0], 80)
                raise invalid(
                    f"The envelope is of {found}; this is a message of SOAP {self.version.name}.",
                    hint=(
                        f"Content-Type text/xml goes with {SOAP_11.envelope}, application/soap+xml with {ENVELOPE_12}."
                    ),
                    fault_code="VersionMismatch",
                )
            raise invalid(
                f"The message is not a SOAP envelope: its root element is {shown(tag, 80)}.",
                hint=f"Send {{{self.version.envelope}}}Envelope.",
            )
        ctx.in_document = root

    def decompose_incoming_envelope(self, ctx: Any, message: Any = None) -> None:
        namespace = self.version.envelope
        headers, bodies = f"{{{namespace}}}Header", f"{{{namespace}}}Body"
        header: list[Any] | None = None
        body = None
        for part in ctx.in_document:
            if part.tag == headers:
                if header is not None or body is not None:
                    raise invalid("The Header of the envelope stands twice or after the Body.")
                header = list(part)
            elif part.tag == bodies:
                if body is not None:
                    raise invalid("The envelope has more than one Body.")
                body = part
            else:
                raise invalid(f"The envelope holds an element {shown(part.tag, 80)} beside Header and Body.")
        if body is None:
            raise invalid("The envelope has no Body.")
        children = list(body)
        if not children:
            raise invalid("The Body of the envelope is empty.", hint="Put the element of an operation into it.")
        if len(children) > 1:
            raise invalid(f"The Body has {len(children)} elements.", hint="Send one operation in one message.")
        must = f"{{{namespace}}}mustUnderstand"
        for entry in header or ():
            if entry.tag in UNDERSTOOD or entry.get(self.version.actor, "").strip() not in self.version.next_roles:
                continue
            if entry.get(must, "").strip() in TRUE:
                raise invalid(
                    f"The header {shown(entry.tag, 80)} must be understood, but this service does not know it.",
                    hint="Send the call without this header, or without mustUnderstand.",
                    fault_code="MustUnderstand",
                )
        ctx.in_header_doc = header or []
        ctx.in_body_doc = children[0]
        ctx.method_request_string = children[0].tag
        self.validate_body(ctx, message)

    def validate_body(self, ctx: Any, message: Any) -> None:
        """Only the operation; its content is judged item by item."""
        tag = ctx.method_request_string
        if tag in ctx.app.interface.service_method_map:
            return
        names = ", ".join(sorted(m.operation_name for m in ctx.app.interface.method_id_map.values()))
        local = tag.rpartition("}")[2]
        raise CallFailed(
            Code.OPERATION_UNKNOWN,
            f"There is no operation {shown(tag, 100)} in {ctx.app.name}.",
            hint=(
                f"Put the element into the namespace {NAMESPACE}."
                if f"{{{NAMESPACE}}}{local}" in ctx.app.interface.service_method_map
                else f"The operations are {names}."
            ),
        )

    def deserialize(self, ctx: Any, message: Any) -> None:
        ctx.in_object = self.deserialization_handlers[ctx.descriptor.in_message](  # type: ignore[attr-defined]
            ctx, ctx.descriptor.in_message, ctx.in_body_doc
        )

    def serialize(self, ctx: Any, message: Any) -> None:
        """Sets `ctx.out_string` to the content of the Body: the envelope is put around it at the end, because a
        stored answer can be asked for in the other SOAP version."""
        writer = self.serialization_handlers[ctx.descriptor.out_message]  # type: ignore[attr-defined]
        ctx.out_string = [writer(ctx.out_object[0])]

    def learn(self, service: Any) -> None:
        """Compiles the readers and writers of a service's messages."""
        for descriptor in service.public_methods.values():
            read = request_reader(descriptor.in_message)
            self.deserialization_handlers[descriptor.in_message] = (  # type: ignore[attr-defined]
                lambda ctx, cls, element, read=read: read(element, ctx.udc.reading)
            )
            self.serialization_handlers[descriptor.out_message] = response_writer(  # type: ignore[attr-defined]
                descriptor.out_message
            )


class HardSoap11(_Hardened, Soap11):  # type: ignore[misc]
    version = SOAP_11


class HardSoap12(_Hardened, Soap12):  # type: ignore[misc]
    version = SOAP_12


def header_text(header: list[Any], tag: str) -> str | None:
    """The text of a header entry; None where it is absent, nil or empty."""
    for entry in header:
        if entry.tag == tag:
            text = (entry.text or "").strip()
            if len(entry) == 0 and text and entry.get(NIL, "").strip() not in TRUE:
                return text
    return None


def header_fields(header: list[Any], tag: str) -> dict[str, str] | None:
    """The elements of a header entry by their local names; None where it is absent, nil or without elements."""
    for entry in header:
        if entry.tag == tag and len(entry):
            return {child.tag.rpartition("}")[2]: child.text or "" for child in entry}
    return None
