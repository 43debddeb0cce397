"""The published WSDL files, written from the types: `python -m integrator.contract.wsdl` writes them into wsdl/.

The text is fixed: the same types give the same bytes. The files are served as they are, but for the address:
where they say `{location}`, the address by which the client reached the service is put in.

The style is what classic .NET proxies, svcutil, gSOAP, JAX-WS and Axis were seen to need: one part called
`parameters`, anonymous wrapper types, `ArrayOfT` with elements `T`, optional elements with minOccurs="0",
nillable only where a request has an optional value that is not text (below: `_DEFAULT`), distinct names for port
type, bindings and service, faults declared in the SOAP 1.1 binding only (Axis 1.4 refuses them in the other), no
global element that nothing uses.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from integrator.contract.common_types import CallFault, Credentials
from integrator.contract.fields import NAMESPACE, Member, array_item, is_array, is_model, members, type_doc
from integrator.contract.services import SERVICES

LOCATION = "{location}"
REQUEST_ID_DOC = (
    "Optional SOAP header, a text of the caller's own of at most 100 characters: the same RequestId within 24 hours "
    "with the same body is answered with the stored answer and done only once; with another body it is refused "
    "(REQUEST_ID_REUSED). For sending a call again whose answer was lost."
)
SERVICE_DOC = (
    " Credentials go into the SOAP header Credentials, or into HTTP Basic with the user name StoreId/UserName."
    " Faults are only for the whole call: Client (Sender) means do not send it again unchanged, Server (Receiver)"
    " send it again later; the detail is CallFault. Everything about one item is in the result of that item."
    " Every field says what its absence, xsi:nil and an empty element mean. The schema declares nillable where a"
    ' request has an optional number, time, boolean or unit; the service takes xsi:nil="true" on every'
    " optional element."
)

# First in the annotation of an optional value of a request, beside nillable: svcutil (.NET, DataContract) then makes
# `decimal?` whose null is left out of the message. Without it a proxy sends 0, false and 0001-01-01 for every value
# that the program never set, which would empty stocks and unpublish products. It is read only as the first child.
_DEFAULT = (
    '<xs:appinfo><DefaultValue xmlns="http://schemas.microsoft.com/2003/10/Serialization/"'
    ' EmitDefaultValue="false"/></xs:appinfo>'
)

_XSD_TYPES = {
    "string": "xs:string",
    "decimal": "xs:decimal",
    "boolean": "xs:boolean",
    "dateTime": "xs:dateTime",
    "int": "xs:int",
    "long": "xs:long",
}


@dataclass(frozen=True, slots=True)
class OperationInfo:
    """One operation, for the WSDL, the help page and the readers."""

    name: str
    doc: str
    request: Any
    response: Any


def operations_of(service: str) -> list[OperationInfo]:
    """In the order of their declaration."""
    methods = SERVICES[service].public_methods.values()
    return [
        OperationInfo(m.operation_name, " ".join((m.function.__doc__ or "").split()), m.in_message, m.out_message)
        for m in sorted(methods, key=lambda m: m.function.__code__.co_firstlineno)
    ]


def _documentation(text: str, indent: str, tag: str = "xs", *, nillable: bool = False) -> Iterator[str]:
    if not text:
        return
    if tag == "xs":
        yield f"{indent}<xs:annotation>"
        if nillable:
            yield f"{indent}  {_DEFAULT}"
        yield f"{indent}  <xs:documentation>{escape(text)}</xs:documentation>"
        yield f"{indent}</xs:annotation>"
    else:
        yield f"{indent}<wsdl:documentation>{escape(text)}</wsdl:documentation>"


def type_name(declared: Any) -> str:
    """The name by which an element refers to the type."""
    name = declared.get_type_name()
    if is_array(declared) or is_model(declared) or hasattr(declared, "integrator_values"):
        return f"tns:{name}"
    return _XSD_TYPES[name]


def _element(member: Member, indent: str) -> Iterator[str]:
    occurs = "" if member.required else ' minOccurs="0"'
    nillable = bool(member.type.Attributes.nillable)
    occurs += ' nillable="true"' if nillable else ""
    head = f'{indent}<xs:element name="{member.name}" type="{type_name(member.type)}"{occurs}'
    if not member.doc:
        yield head + "/>"
        return
    yield head + ">"
    yield from _documentation(member.doc, indent + "  ", nillable=nillable)
    yield f"{indent}</xs:element>"


def _sequence(model: Any, indent: str) -> Iterator[str]:
    fields = list(members(model))
    if not fields:
        yield f"{indent}<xs:sequence/>"
        return
    yield f"{indent}<xs:sequence>"
    for member in fields:
        yield from _element(member, indent + "  ")
    yield f"{indent}</xs:sequence>"


def _collect(model: Any, found: dict[str, Any]) -> None:
    """Every named type below a model, each before those that use it first need it, in order of first use."""
    for member in members(model):
        declared = member.type
        if not type_name(declared).startswith("tns:"):
            continue
        if declared.get_type_name() in found:
            continue
        found[declared.get_type_name()] = declared
        if is_array(declared):
            item = array_item(declared)[1]
            if is_model(item) and item.get_type_name() not in found:
                found[item.get_type_name()] = item
                _collect(item, found)
        elif is_model(declared):
            _collect(declared, found)


def _type(declared: Any, indent: str) -> Iterator[str]:
    name = declared.get_type_name()
    if is_array(declared):
        item_name, item = array_item(declared)
        yield f'{indent}<xs:complexType name="{name}">'
        yield f"{indent}  <xs:sequence>"
        yield (
            f'{indent}    <xs:element name="{item_name}" type="{type_name(item)}" minOccurs="0" maxOccurs="unbounded"/>'
        )
        yield f"{indent}  </xs:sequence>"
        yield f"{indent}</xs:complexType>"
    elif hasattr(declared, "integrator_values"):
        yield f'{indent}<xs:simpleType name="{name}">'
        yield from _documentation(type_doc(declared), indent + "  ")
        yield f'{indent}  <xs:restriction base="xs:string">'
        for value in declared.integrator_values:
            yield f'{indent}    <xs:enumeration value="{value}"/>'
        yield f"{indent}  </xs:restriction>"
        yield f"{indent}</xs:simpleType>"
    else:
        yield f'{indent}<xs:complexType name="{name}">'
        yield from _documentation(type_doc(declared), indent + "  ")
        yield from _sequence(declared, indent + "  ")
        yield f"{indent}</xs:complexType>"


def _schema(operations: list[OperationInfo]) -> Iterator[str]:
    indent = "      "
    found: dict[str, Any] = {}
    for operation in operations:
        for message, doc in ((operation.request, operation.doc), (operation.response, "")):
            _collect(message, found)
            yield f'{indent}<xs:element name="{message.get_type_name()}">'
            yield from _documentation(doc, indent + "  ")
            yield f"{indent}  <xs:complexType>"
            yield from _sequence(message, indent + "    ")
            yield f"{indent}  </xs:complexType>"
            yield f"{indent}</xs:element>"
    for element in (Credentials, CallFault):
        name = element.get_type_name()
        found[name] = element
        yield f'{indent}<xs:element name="{name}" type="tns:{name}"/>'
    yield f'{indent}<xs:element name="RequestId" type="tns:RequestId"/>'
    for declared in found.values():
        yield from _type(declared, indent)
    # With simple content, because classic .NET proxies make a header class of a complex type only.
    yield f'{indent}<xs:complexType name="RequestId">'
    yield from _documentation(REQUEST_ID_DOC, indent + "  ")
    yield f"{indent}  <xs:simpleContent>"
    yield f'{indent}    <xs:extension base="xs:string"/>'
    yield f"{indent}  </xs:simpleContent>"
    yield f"{indent}</xs:complexType>"


def _binding(name: str, soap: str, operations: list[OperationInfo]) -> Iterator[str]:
    twelve = soap == "soap12"
    yield f'  <wsdl:binding name="{name}Soap{"12" if twelve else ""}" type="tns:{name}Soap">'
    yield f'    <{soap}:binding transport="http://schemas.xmlsoap.org/soap/http" style="document"/>'
    for operation in operations:
        yield f'    <wsdl:operation name="{operation.name}">'
        yield f'      <{soap}:operation soapAction="{NAMESPACE}/{operation.name}" style="document"/>'
        yield "      <wsdl:input>"
        yield f'        <{soap}:body use="literal"/>'
        yield f'        <{soap}:header message="tns:CredentialsHeader" part="Credentials" use="literal"/>'
        yield f'        <{soap}:header message="tns:RequestIdHeader" part="RequestId" use="literal"/>'
        yield "      </wsdl:input>"
        yield "      <wsdl:output>"
        yield f'        <{soap}:body use="literal"/>'
        yield "      </wsdl:output>"
        if not twelve:
            yield '      <wsdl:fault name="CallFailed">'
            yield '        <soap:fault name="CallFailed" use="literal"/>'
            yield "      </wsdl:fault>"
        yield "    </wsdl:operation>"
    yield "  </wsdl:binding>"


def _lines(name: str) -> Iterator[str]:
    operations = operations_of(name)
    yield '<?xml version="1.0" encoding="utf-8"?>'
    yield f'<wsdl:definitions name="{name}" targetNamespace="{NAMESPACE}"'
    yield f'    xmlns:tns="{NAMESPACE}"'
    yield '    xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/"'
    yield '    xmlns:soap12="http://schemas.xmlsoap.org/wsdl/soap12/"'
    yield '    xmlns:wsdl="http://schemas.xmlsoap.org/wsdl/"'
    yield '    xmlns:xs="http://www.w3.org/2001/XMLSchema">'
    yield from _documentation(" ".join((SERVICES[name].__doc__ or "").split()) + SERVICE_DOC, "  ", "wsdl")
    yield "  <wsdl:types>"
    yield f'    <xs:schema targetNamespace="{NAMESPACE}" elementFormDefault="qualified">'
    yield from _schema(operations)
    yield "    </xs:schema>"
    yield "  </wsdl:types>"
    for operation in operations:
        for suffix, message in (("SoapIn", operation.request), ("SoapOut", operation.response)):
            yield f'  <wsdl:message name="{operation.name}{suffix}">'
            yield f'    <wsdl:part name="parameters" element="tns:{message.get_type_name()}"/>'
            yield "  </wsdl:message>"
    for message, part, element in (
        ("CredentialsHeader", "Credentials", "Credentials"),
        ("RequestIdHeader", "RequestId", "RequestId"),
        ("CallFailed", "fault", "CallFault"),
    ):
        yield f'  <wsdl:message name="{message}">'
        yield f'    <wsdl:part name="{part}" element="tns:{element}"/>'
        yield "  </wsdl:message>"
    yield f'  <wsdl:portType name="{name}Soap">'
    for operation in operations:
        yield f'    <wsdl:operation name="{operation.name}">'
        yield from _documentation(operation.doc, "      ", "wsdl")
        yield f'      <wsdl:input message="tns:{operation.name}SoapIn"/>'
        yield f'      <wsdl:output message="tns:{operation.name}SoapOut"/>'
        yield '      <wsdl:fault name="CallFailed" message="tns:CallFailed"/>'
        yield "    </wsdl:operation>"
    yield "  </wsdl:portType>"
    yield from _binding(name, "soap", operations)
    yield from _binding(name, "soap12", operations)
    yield f'  <wsdl:service name="{name}">'
    for suffix, soap in (("Soap", "soap"), ("Soap12", "soap12")):
        yield f'    <wsdl:port name="{name}{suffix}" binding="tns:{name}{suffix}">'
        yield f"      <{soap}:address location={quoteattr(LOCATION)}/>"
        yield "    </wsdl:port>"
    yield "  </wsdl:service>"
    yield "</wsdl:definitions>"


def text_of(name: str) -> str:
    """The WSDL of a service, with `{location}` where the address will stand."""
    return "\n".join(_lines(name)) + "\n"


def published(name: str) -> str:
    """The committed file, with LOCATION where the address has to stand."""
    return (folder() / f"{name}.wsdl").read_text(encoding="utf-8")


def attribute(value: str) -> str:
    """A value as it stands inside the quotation marks of an attribute."""
    return escape(value, {'"': "&quot;"})


def folder() -> Path:
    """Where the published files are: beside the package in a checkout, inside it when it is installed."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "_data" / "wsdl"
    return inside if inside.exists() else package.parent / "wsdl"


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else folder()
    for name in SERVICES:
        (target / f"{name}.wsdl").write_text(text_of(name), encoding="utf-8")
        print(target / f"{name}.wsdl")


if __name__ == "__main__":
    main()
