"""The published files: made from the types, in the style that clients need, documented to the last field."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
import xmlschema
from lxml import etree

from integrator.contract import wsdl
from integrator.contract.faults import SOAP_11, SOAP_12
from integrator.contract.samples import sample_answer, sample_request

ROOT = Path(__file__).parents[2]
SERVICES = ["ProductTasks", "OrderTasks"]
XS, W = "{http://www.w3.org/2001/XMLSchema}", "{http://schemas.xmlsoap.org/wsdl/}"
S11, S12 = "{http://schemas.xmlsoap.org/wsdl/soap/}", "{http://schemas.xmlsoap.org/wsdl/soap12/}"
NS = "urn:integrator:v1"
OPERATIONS = {
    "ProductTasks": ["UpdatePOSProducts", "UpdateInventory", "UpdatePricing"],
    "OrderTasks": [
        "GetNewOrders", "GetNewTransactions", "GetNewCaptures",
        "ConfirmOrders", "ConfirmTransactions", "ConfirmCaptures", "SaveShipments",
    ],
}  # fmt: skip


def committed(name: str) -> str:
    return (ROOT / "wsdl" / f"{name}.wsdl").read_text(encoding="utf-8")


def tree(name: str) -> Any:
    return etree.fromstring(committed(name).encode())


def schema(name: str) -> Any:
    (found,) = tree(name).iter(f"{XS}schema")
    return found


@pytest.mark.parametrize("name", SERVICES)
def test_the_committed_file_is_what_the_types_say(name: str) -> None:
    assert committed(name) == wsdl.text_of(name), "run: python -m integrator.contract.wsdl"


@pytest.mark.parametrize("name", SERVICES)
def test_the_address_stands_only_where_it_is_replaced(name: str) -> None:
    places = [e.get("location") for e in tree(name).iter(f"{S11}address", f"{S12}address")]
    assert places == [wsdl.LOCATION] * 2
    assert committed(name).count(wsdl.LOCATION) == 2


@pytest.mark.parametrize("name", SERVICES)
def test_the_schema_is_valid(name: str) -> None:
    text = etree.tostring(schema(name))
    etree.XMLSchema(etree.fromstring(text))
    xmlschema.XMLSchema(io.BytesIO(text))


@pytest.mark.parametrize("name", SERVICES)
def test_everything_is_documented(name: str) -> None:
    def documented(element: Any) -> bool:
        text = element.findtext(f"{XS}annotation/{XS}documentation") or element.findtext(f"{W}documentation") or ""
        return len(text) > 3

    root = tree(name)
    assert documented(root)
    for operation in root.iterfind(f"{W}portType/{W}operation"):
        assert documented(operation), operation.get("name")
    for kind in schema(name):
        named = kind.get("name")
        if kind.tag in (f"{XS}complexType", f"{XS}simpleType") and not named.startswith("ArrayOf"):
            assert documented(kind), named
        if not named.startswith("ArrayOf"):
            for field in kind.iter(f"{XS}element"):
                assert field is kind or documented(field), f"{named}/{field.get('name')}"


@pytest.mark.parametrize("name", SERVICES)
def test_fields_of_requests_say_what_nil_and_empty_mean(name: str) -> None:
    for kind in schema(name):
        if kind.get("name") not in (
            "POSProduct",
            "InventoryItem",
            "PricingItem",
            "Confirmation",
            "Shipment",
            "ShipmentLine",
        ):
            continue
        for field in kind.iter(f"{XS}element"):
            text = field.findtext(f"{XS}annotation/{XS}documentation") or ""
            assert "Nil" in text or "nil" in text or field.get("name") == "Lines", (
                f"{kind.get('name')}/{field.get('name')}"
            )


@pytest.mark.parametrize("name", SERVICES)
def test_style(name: str) -> None:
    root = tree(name)
    for message in root.iterfind(f"{W}message"):
        (part,) = message
        if message.get("name").endswith(("SoapIn", "SoapOut")):
            assert part.get("name") == "parameters"
        assert part.get("type") is None
    (port_type,) = root.findall(f"{W}portType")
    assert [o.get("name") for o in port_type.iterfind(f"{W}operation")] == OPERATIONS[name]
    assert not list(root.iter("{*}operation/@parameterOrder"))
    (service,) = root.findall(f"{W}service")
    names = [service.get("name"), port_type.get("name")]
    names += [b.get("name") for b in root.iterfind(f"{W}binding")]
    assert names == [name, f"{name}Soap", f"{name}Soap", f"{name}Soap12"]
    assert [p.get("name") for p in service] == [f"{name}Soap", f"{name}Soap12"]
    assert [p.get("binding") for p in service] == [f"tns:{name}Soap", f"tns:{name}Soap12"]
    for binding, soap in zip(root.iterfind(f"{W}binding"), (S11, S12), strict=True):
        for operation in binding.iterfind(f"{W}operation"):
            assert operation.find(f"{soap}operation").get("soapAction") == f"{NS}/{operation.get('name')}"
            assert [h.get("part") for h in operation.iter(f"{soap}header")] == ["Credentials", "RequestId"]
            faults = operation.findall(f"{W}fault")
            assert len(faults) == (1 if soap == S11 else 0)
            assert {b.get("use") for b in operation.iter(f"{soap}body", f"{soap}header", f"{soap}fault")} == {"literal"}
    assert [c.tag.rpartition("}")[2] for c in root if c.tag.startswith(W)] == sorted(
        (c.tag.rpartition("}")[2] for c in root if c.tag.startswith(W)),
        key=["documentation", "types", "message", "portType", "binding", "service"].index,
    )


@pytest.mark.parametrize("name", SERVICES)
def test_schema_style(name: str) -> None:
    found = schema(name)
    assert found.get("elementFormDefault") == "qualified"
    used = {f"{o}{suffix}" for o in OPERATIONS[name] for suffix in ("", "Response")}
    used |= {"Credentials", "RequestId", "CallFault"}
    assert {e.get("name") for e in found.iterfind(f"{XS}element")} == used
    for operation in OPERATIONS[name]:
        for suffix in ("", "Response"):
            (wrapper,) = [e for e in found.iterfind(f"{XS}element") if e.get("name") == operation + suffix]
            assert wrapper.get("type") is None
            assert wrapper.find(f"{XS}complexType").get("name") is None
        (result,) = [e for e in found.iter(f"{XS}element") if e.get("name") == f"{operation}Result"]
        assert result is not None
    types = {t.get("name") for t in found if t.tag != f"{XS}element"}
    referred = {(e.get("type") or "").removeprefix("tns:") for e in found.iter(f"{XS}element")}
    assert types == {t for t in referred if t and ":" not in t}, "a type that nothing uses, or one that is missing"
    for array in found.iterfind(f"{XS}complexType"):
        if array.get("name").startswith("ArrayOf"):
            (item,) = array.iter(f"{XS}element")
            assert item.get("name") == array.get("name").removeprefix("ArrayOf")
            assert item.attrib.get("nillable") is None
            assert (item.get("minOccurs"), item.get("maxOccurs")) == ("0", "unbounded")
    for element in found.iter(f"{XS}element"):
        assert element.get("name")[0].isupper()
        if element.get("nillable") == "true":
            # A .NET proxy of either kind can leave the value out; text and arrays need no such help.
            assert element.get("minOccurs") == "0"
            assert element.get("type") not in ("xs:string", None)
            assert not element.get("type").startswith("tns:ArrayOf")
            assert element.find(f"{XS}annotation")[0].tag == f"{XS}appinfo"


@pytest.mark.parametrize("name", SERVICES)
def test_answers_have_nothing_nillable(name: str) -> None:
    for kind in schema(name):
        if kind.get("name") in ("Order", "OrderLine", "Transaction", "Capture", "CallResult", "ItemResult", "Payment"):
            assert not kind.xpath(".//*[@nillable]")


@pytest.mark.parametrize(
    ("service", "operation"),
    [(s, o) for s in SERVICES for o in wsdl.operations_of(s)],
    ids=lambda v: getattr(v, "name", v),
)
def test_sample_messages_follow_the_schema(service: str, operation: wsdl.OperationInfo) -> None:
    validator = etree.XMLSchema(etree.fromstring(etree.tostring(schema(service))))
    for version in (SOAP_11, SOAP_12):
        for text in (sample_request(operation, version), sample_answer(operation, version)):
            body = etree.fromstring(text.encode()).find(f"{{{version.envelope}}}Body")
            validator.assertValid(etree.fromstring(etree.tostring(body[0])))
