"""WS-I Basic Profile 1.1 (2006-04-10), the assertions about a service description: one function each.

A function takes a description and yields a sentence for each violation. `RULES` holds all of them by number, the
number and what it says (in our words) beside it. The profile knows SOAP 1.1 only: `wsdl.bindings` are the SOAP 1.1
bindings, and the SOAP 1.2 port is an addition of which it says nothing.

Not asserted, because they say what somebody MAY do, or concern messages (see basic_profile_messages) or consumers,
or cannot be seen in one document without imports (R2002, R2004, R2005, R2008-R2011); one is departed from:
R2738 wants every described header in every request, but Credentials may be replaced by HTTP Basic and RequestId be
left out. They stay described, because proxies bind only what is described.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import xmlschema
from lxml import etree

WSDL = "http://schemas.xmlsoap.org/wsdl/"
SOAP = "http://schemas.xmlsoap.org/wsdl/soap/"
XSD = "http://www.w3.org/2001/XMLSchema"
ENCODING = "http://schemas.xmlsoap.org/soap/encoding/"
NS = {"w": WSDL, "s": SOAP, "x": XSD}
PARTS_OF_SOAP = ("body", "header", "headerfault", "fault")

Element = etree._Element
Violations = Iterator[str]


@dataclass(frozen=True)
class Rule:
    number: str
    says: str
    check: Callable[[Wsdl], Violations]


RULES: dict[str, Rule] = {}


def rule(number: str, says: str) -> Callable[[Callable[[Wsdl], Violations]], Callable[[Wsdl], Violations]]:
    def add(check: Callable[[Wsdl], Violations]) -> Callable[[Wsdl], Violations]:
        RULES[number] = Rule(number, says, check)
        return check

    return add


class Wsdl:
    """A service description as a tree, with the look-ups that the assertions share."""

    def __init__(self, source: bytes) -> None:
        self.source = source
        self.root = etree.fromstring(source)

    def find(self, path: str, start: Element | None = None) -> list[Element]:
        found = (self.root if start is None else start).xpath(path, namespaces=NS)
        return list(found)

    @property
    def bindings(self) -> list[Element]:
        return self.find("w:binding[s:binding or not(*[local-name()='binding'])]")

    def soap(self, binding: Element, *names: str) -> list[Element]:
        """soap:body, soap:header ... anywhere below a binding."""
        return [e for e in binding.iter(etree.Element) if e.tag in {f"{{{SOAP}}}{name}" for name in names}]

    def name_of(self, element: Element, attribute: str) -> tuple[str, str]:
        """(namespace, local name) that a QName attribute refers to."""
        prefix, _, local = element.get(attribute, "").rpartition(":")
        return element.nsmap.get(prefix or None) or "", local

    def refers(self, element: Element, attribute: str, kind: str) -> Element | None:
        """The message, portType or binding of this document that a QName attribute refers to."""
        namespace, local = self.name_of(element, attribute)
        if namespace != self.root.get("targetNamespace"):
            return None
        return next((e for e in self.find(f"w:{kind}") if e.get("name") == local), None)

    def style(self, binding: Element, operation: Element | None = None) -> str:
        declared = [] if operation is None else operation.findall("s:operation", NS)
        declared += binding.findall("s:binding", NS)
        return next((e.get("style", "") for e in declared if e.get("style")), "document")

    def abstract(self, binding: Element, operation: Element) -> Element | None:
        """The operation of the portType that an operation of the binding belongs to."""
        port_type = self.refers(binding, "type", "portType")
        found = [] if port_type is None else port_type.findall("w:operation", NS)
        return next((o for o in found if o.get("name") == operation.get("name")), None)

    def body_parts(self, binding: Element) -> Iterator[tuple[Element, list[Element]]]:
        """Each soap:body with the parts of its message that go into the body."""
        for body in self.soap(binding, "body"):
            direction = etree.QName(body.getparent()).localname
            abstract = self.abstract(binding, body.getparent().getparent())
            carrier = None if abstract is None else abstract.find(f"w:{direction}", NS)
            message = None if carrier is None else self.refers(carrier, "message", "message")
            if message is None:
                continue
            parts = message.findall("w:part", NS)
            if body.get("parts") is not None:
                parts = [p for p in parts if p.get("name") in body.get("parts", "").split()]
            yield body, parts


def where(element: Element) -> str:
    """The element with the names above it."""
    names = [e.get("name") for e in (element, *element.iterancestors()) if e.get("name")]
    return f"{etree.QName(element).localname} in {'/'.join(reversed(names))}"


def each(elements: list[Element], bad: Callable[[Element], bool]) -> Violations:
    return (where(e) for e in elements if bad(e))


# -- the document


@rule("R4003", "A description is in UTF-8 or UTF-16.")
def r4003(wsdl: Wsdl) -> Violations:
    encoding = wsdl.root.getroottree().docinfo.encoding or "UTF-8"
    if encoding.upper() not in {"UTF-8", "UTF-16"}:
        yield encoding


@rule("R4004", "A description is XML 1.0.")
def r4004(wsdl: Wsdl) -> Violations:
    if wsdl.root.getroottree().docinfo.xml_version != "1.0":
        yield str(wsdl.root.getroottree().docinfo.xml_version)


@rule("R4005", "A description should not declare the prefix xml.")
def r4005(wsdl: Wsdl) -> Violations:
    if b"xmlns:xml=" in wsdl.source:
        yield "xmlns:xml"


@cache
def published_schema(name: str) -> xmlschema.XMLSchema:
    """The schemas of 2003-02-11, which the library xmlschema carries."""
    return xmlschema.XMLSchema(Path(xmlschema.__file__).parent / "schemas" / "WSDL" / name)


@rule("R2028", "What is of the WSDL namespace is valid by its schema of 2003-02-11.")
def r2028(wsdl: Wsdl) -> Violations:
    return (f"{e.path}: {e.reason}" for e in published_schema("wsdl.xsd").iter_errors(wsdl.root))


@rule("R2029", "What is of the SOAP binding's namespace is valid by its schema of 2003-02-11.")
def r2029(wsdl: Wsdl) -> Violations:
    schema = published_schema("wsdl-soap.xsd")
    for element in wsdl.root.iter(f"{{{SOAP}}}*"):
        name = etree.QName(element).localname
        errors = schema.elements[name].iter_errors(element, namespaces={k or "": v for k, v in element.nsmap.items()})
        yield from (f"{where(element)}: {e.reason}" for e in errors)


@rule("R2001", "wsdl:import is only for descriptions.")
def r2001(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("w:import"), lambda e: e.get("location", "").endswith(".xsd"))


@rule("R2003", "The import of XML Schema stands only inside a schema of the types section.")
def r2003(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("//x:import[not(parent::x:schema/parent::w:types)]"), lambda _: True)


@rule("R2007", "wsdl:import has a location that is not empty.")
def r2007(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("w:import"), lambda e: not e.get("location"))


@rule("R2803", "The namespace of a wsdl:import is not a relative URI.")
def r2803(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("w:import"), lambda e: ":" not in e.get("namespace", ""))


@rule("R2022", "wsdl:import stands before everything but documentation.")
def r2022(wsdl: Wsdl) -> Violations:
    before = "not(self::w:documentation or self::w:import)"
    return each(wsdl.find(f"w:import[preceding-sibling::w:*[{before}]]"), lambda _: True)


@rule("R2023", "wsdl:types stands before everything but documentation and imports.")
def r2023(wsdl: Wsdl) -> Violations:
    before = "not(self::w:documentation or self::w:import or self::w:types)"
    return each(wsdl.find(f"w:types[preceding-sibling::w:*[{before}]]"), lambda _: True)


@rule("R2026", "Extensions should not be required.")
def r2026(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("//*[@w:required]"), lambda e: e.get(f"{{{WSDL}}}required") in {"true", "1"})


# -- names and types


@rule("R2101", "References to parts of the description stay inside it, or inside what it imports.")
def r2101(wsdl: Wsdl) -> Violations:
    for element in wsdl.root.iter(f"{{{WSDL}}}*", f"{{{SOAP}}}*"):
        kinds = {"message": "message", "binding": "binding"} | ({"type": "portType"} if is_binding(element) else {})
        for attribute, kind in kinds.items():
            if element.get(attribute) is not None and wsdl.refers(element, attribute, kind) is None:
                yield f"{where(element)}: {attribute}={element.get(attribute)}"


def is_binding(element: Element) -> bool:
    return bool(element.tag == f"{{{WSDL}}}binding")


@rule("R2102", "References to types and elements use a namespace that a schema of the description defines or imports.")
def r2102(wsdl: Wsdl) -> Violations:
    known = {e.get("targetNamespace") for e in wsdl.find("w:types/x:schema")} | {XSD}
    known |= {e.get("namespace") for e in wsdl.find("w:types/x:schema/x:import")}
    for element in [*wsdl.find("w:message/w:part"), *wsdl.root.iter(f"{{{XSD}}}*")]:
        for attribute in ("type", "element", "base", "ref"):
            if element.get(attribute) is not None and wsdl.name_of(element, attribute)[0] not in known:
                yield f"{where(element)}: {attribute}={element.get(attribute)}"


@rule("R2105", "Every schema has a target namespace, unless it only imports.")
def r2105(wsdl: Wsdl) -> Violations:
    own = wsdl.find("w:types/x:schema[*[not(self::x:import or self::x:annotation)]]")
    return each(own, lambda e: not e.get("targetNamespace"))


@rule("R2110", "Nothing extends or restricts the array of SOAP's encoding.")
def r2110(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("//x:extension | //x:restriction"), lambda e: wsdl.name_of(e, "base") == (ENCODING, "Array"))


@rule("R2111", "No type uses wsdl:arrayType.")
def r2111(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("//*[@w:arrayType]"), lambda _: True)


@rule("R2112", "Elements should not be called ArrayOfXXX.")
def r2112(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("//x:element"), lambda e: e.get("name", "").startswith("ArrayOf"))


@rule("R2801", "The types are of XML Schema 1.0.")
def r2801(wsdl: Wsdl) -> Violations:
    foreign = wsdl.find("w:types/*[not(self::x:schema)]")
    yield from each(foreign, lambda e: etree.QName(e).localname == "schema")
    for schema in wsdl.find("w:types/x:schema"):
        alone = etree.fromstring(etree.tostring(schema))
        try:
            etree.XMLSchema(alone)
        except etree.XMLSchemaParseError as error:
            yield str(error)


# -- messages and port types


@rule("R2206", "A part with an element refers to a global element.")
def r2206(wsdl: Wsdl) -> Violations:
    known = {
        (schema.get("targetNamespace"), e.get("name"))
        for schema in wsdl.find("w:types/x:schema")
        for e in schema.findall("x:element", NS)
    }
    return each(wsdl.find("w:message/w:part[@element]"), lambda e: wsdl.name_of(e, "element") not in known)


@rule("R2306", "A part has a type or an element, not both.")
def r2306(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("w:message/w:part[@element and @type]"), lambda _: True)


@rule("R2303", "No operation begins at the server: no solicit-response, no notification.")
def r2303(wsdl: Wsdl) -> Violations:
    starts = wsdl.find("w:portType/w:operation[w:output[not(preceding-sibling::w:input)]]")
    return each(starts, lambda _: True)


@rule("R2304", "The operations of a port type have different names.")
def r2304(wsdl: Wsdl) -> Violations:
    for port_type in wsdl.find("w:portType"):
        names = Counter(o.get("name") for o in port_type.findall("w:operation", NS))
        yield from (f"{name} in {port_type.get('name')}" for name, count in names.items() if count > 1)


@rule("R2305", "parameterOrder leaves out at most one part of the answer.")
def r2305(wsdl: Wsdl) -> Violations:
    for operation in wsdl.find("w:portType/w:operation[@parameterOrder][w:output]"):
        message = wsdl.refers(operation.find("w:output", NS), "message", "message")
        parts = [] if message is None else [p.get("name") for p in message.findall("w:part", NS)]
        if len(set(parts) - set(operation.get("parameterOrder", "").split())) > 1:
            yield where(operation)


# -- bindings


@rule("R2401", "A binding uses the SOAP binding of WSDL 1.1.")
def r2401(wsdl: Wsdl) -> Violations:
    return each(wsdl.bindings, lambda e: e.find("s:binding", NS) is None)


@rule("R2701", "soap:binding says its transport.")
def r2701(wsdl: Wsdl) -> Violations:
    return each(wsdl.find("w:binding/s:binding"), lambda e: e.get("transport") is None)


@rule("R2702", "The transport is HTTP.")
def r2702(wsdl: Wsdl) -> Violations:
    return each(
        wsdl.find("w:binding/s:binding"), lambda e: e.get("transport") != "http://schemas.xmlsoap.org/soap/http"
    )


@rule("R2705", "A binding is document-literal or rpc-literal, the same for all of its operations.")
def r2705(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        styles = {wsdl.style(binding, o) for o in binding.findall("w:operation", NS)} or {wsdl.style(binding)}
        if len(styles) > 1 or not styles <= {"document", "rpc"}:
            yield f"{where(binding)}: {', '.join(sorted(styles))}"


@rule("R2706", "What is bound is literal.")
def r2706(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        yield from each(wsdl.soap(binding, *PARTS_OF_SOAP), lambda e: e.get("use", "literal") != "literal")


@rule("R2723", "A soap:fault, where it says its use, is literal.")
def r2723(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        yield from each(wsdl.soap(binding, "fault"), lambda e: e.get("use", "literal") != "literal")


@rule("R2201", "A soap:body of a document-literal binding names at most one part.")
def r2201(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "document":
            yield from each(wsdl.soap(binding, "body"), lambda e: len(e.get("parts", "").split()) > 1)


@rule("R2210", "Where soap:body of a document-literal binding names no part, the message has at most one.")
def r2210(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "document":
            bare = [(body, parts) for body, parts in wsdl.body_parts(binding) if body.get("parts") is None]
            yield from (where(body) for body, parts in bare if len(parts) > 1)


@rule("R2204", "The body of a document-literal binding consists of parts with an element.")
def r2204(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "document":
            yield from (where(p) for _, parts in wsdl.body_parts(binding) for p in parts if p.get("element") is None)


@rule("R2203", "The body of an rpc-literal binding consists of parts with a type.")
def r2203(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "rpc":
            yield from (where(p) for _, parts in wsdl.body_parts(binding) for p in parts if p.get("type") is None)


@rule("R2205", "Headers and faults are bound to parts with an element.")
def r2205(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        for header in wsdl.soap(binding, "header", "headerfault"):
            message = wsdl.refers(header, "message", "message")
            parts = [] if message is None else message.findall("w:part", NS)
            if not any(p.get("name") == header.get("part") and p.get("element") for p in parts):
                yield where(header)
        for fault in wsdl.soap(binding, "fault"):
            abstract = wsdl.abstract(binding, fault.getparent().getparent())
            named = [] if abstract is None else abstract.findall("w:fault", NS)
            carrier = next((f for f in named if f.get("name") == fault.get("name")), None)
            message = None if carrier is None else wsdl.refers(carrier, "message", "message")
            if message is None or any(p.get("element") is None for p in message.findall("w:part", NS)):
                yield where(fault)


@rule("R2209", "Every part of a message should be bound.")
def r2209(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        bound = {p for _, parts in wsdl.body_parts(binding) for p in parts}
        for header in wsdl.soap(binding, "header"):
            message = wsdl.refers(header, "message", "message")
            parts = [] if message is None else message.findall("w:part", NS)
            bound |= {p for p in parts if p.get("name") == header.get("part")}
        for operation in binding.findall("w:operation", NS):
            abstract = wsdl.abstract(binding, operation)
            for carrier in [] if abstract is None else wsdl.find("w:input | w:output", abstract):
                message = wsdl.refers(carrier, "message", "message")
                parts = [] if message is None else message.findall("w:part", NS)
                yield from (where(p) for p in parts if p not in bound)


@rule("R2710", "The operations of a binding differ on the wire: document-literal ones in the element of the body.")
def r2710(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) != "document":
            continue
        signatures = Counter(
            tuple(wsdl.name_of(p, "element") for p in parts)
            for body, parts in wsdl.body_parts(binding)
            if body.getparent().tag == f"{{{WSDL}}}input"
        )
        yield from (f"{names} in {binding.get('name')}" for names, count in signatures.items() if count > 1)


@rule("R2711", "Two ports should not have the same soap:address.")
def r2711(wsdl: Wsdl) -> Violations:
    addresses = Counter(e.get("location") for e in wsdl.find("w:service/w:port/s:address"))
    yield from (str(address) for address, count in addresses.items() if count > 1)


@rule("R2716", "In a document-literal binding soap:body, soap:header and soap:fault have no namespace.")
def r2716(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "document":
            yield from each(wsdl.soap(binding, *PARTS_OF_SOAP), lambda e: e.get("namespace") is not None)


@rule("R2717", "In an rpc-literal binding soap:body has a namespace, an absolute URI.")
def r2717(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "rpc":
            yield from each(wsdl.soap(binding, "body"), lambda e: ":" not in e.get("namespace", ""))


@rule("R2726", "In an rpc-literal binding soap:header and soap:fault have no namespace.")
def r2726(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        if wsdl.style(binding) == "rpc":
            others = wsdl.soap(binding, "header", "headerfault", "fault")
            yield from each(others, lambda e: e.get("namespace") is not None)


@rule("R2718", "A binding has the operations of its port type, all and no others.")
def r2718(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        port_type = wsdl.refers(binding, "type", "portType")
        of_type = set() if port_type is None else {o.get("name") for o in port_type.findall("w:operation", NS)}
        bound = {o.get("name") for o in binding.findall("w:operation", NS)}
        yield from (f"{name} in {binding.get('name')}" for name in sorted(of_type ^ bound))


@rule("R2720", "soap:header names its part with the attribute part, a name token.")
def r2720(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        headers = wsdl.soap(binding, "header", "headerfault")
        yield from each(headers, lambda e: not e.get("part") or " " in e.get("part", ""))


@rule("R2749", "soap:header does not use the attribute parts.")
def r2749(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        yield from each(wsdl.soap(binding, "header", "headerfault"), lambda e: e.get("parts") is not None)


@rule("R2721", "soap:fault has a name.")
def r2721(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        yield from each(wsdl.soap(binding, "fault"), lambda e: not e.get("name"))


@rule("R2754", "The name of soap:fault is that of the wsdl:fault around it.")
def r2754(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        yield from each(wsdl.soap(binding, "fault"), lambda e: e.get("name") != e.getparent().get("name"))


@rule("R2740", "Every fault of the port type should have its soap:fault.")
def r2740(wsdl: Wsdl) -> Violations:
    for binding in wsdl.bindings:
        for operation in binding.findall("w:operation", NS):
            abstract = wsdl.abstract(binding, operation)
            known = set() if abstract is None else {f.get("name") for f in abstract.findall("w:fault", NS)}
            bound = {f.get("name") for f in operation.findall("w:fault", NS) if f.find("s:fault", NS) is not None}
            yield from (f"{name} of {where(operation)}" for name in sorted(known - bound))


@rule("R2745", "soapAction, which the header of a request must repeat, is there for every operation and its own.")
def r2745(wsdl: Wsdl) -> Violations:
    """The profile allows it to be empty; this contract promises `urn:integrator:v1/<Operation>`."""
    for binding in wsdl.bindings:
        for operation in binding.findall("w:operation", NS):
            promised = f"{wsdl.root.get('targetNamespace')}/{operation.get('name')}"
            actions = [e.get("soapAction") for e in operation.findall("s:operation", NS)]
            if actions != [promised]:
                yield f"{where(operation)}: {actions}"
