"""Once published, the contract only grows: the committed files against those of the last released version, and the
comparer itself against copies that were changed in every way that would break a client."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.compare import differences

ROOT = Path(__file__).parents[2]
RELEASED = Path(__file__).parent / "released"
PRODUCTS = (RELEASED / "ProductTasks.wsdl").read_text()


@pytest.mark.parametrize("name", ["ProductTasks", "OrderTasks"])
def test_only_additions_since_the_last_release(name: str) -> None:
    released = (RELEASED / f"{name}.wsdl").read_text()
    assert differences(released, (ROOT / "wsdl" / f"{name}.wsdl").read_text()) == []


BRAND = '<xs:element name="Brand" type="xs:string" minOccurs="0">'
UNIT = '<xs:enumeration value="lb"/>'


def changed(old: str, new: str, count: int = 1) -> str:
    assert old in PRODUCTS, old
    return PRODUCTS.replace(old, new, count)


def inside(type_name: str, old: str, new: str) -> str:
    start = PRODUCTS.index(f'<xs:complexType name="{type_name}">')
    end = PRODUCTS.index("</xs:complexType>", start)
    part = PRODUCTS[start:end]
    assert old in part, old
    return PRODUCTS[:start] + part.replace(old, new, 1) + PRODUCTS[end:]


def appended(type_name: str, element: str) -> str:
    return inside(type_name, "        </xs:sequence>", f"          {element}\n        </xs:sequence>")


BREAKING = {
    "a field removed": changed(BRAND, BRAND.replace("Brand", "Marke")),
    "a field retyped": changed(BRAND, BRAND.replace("xs:string", "xs:decimal")),
    "a field made required": changed(BRAND, BRAND.replace(' minOccurs="0"', "")),
    "a field made a list": changed(BRAND, BRAND.replace('minOccurs="0"', 'minOccurs="0" maxOccurs="unbounded"')),
    "a field made nillable": changed(BRAND, BRAND.replace('minOccurs="0"', 'minOccurs="0" nillable="true"')),
    "a required field made optional": inside(
        "CallResult",
        '<xs:element name="Received" type="xs:int">',
        '<xs:element name="Received" type="xs:int" minOccurs="0">',
    ),
    "a new field that is required": appended("POSProduct", '<xs:element name="Extra" type="xs:string"/>'),
    "a new field in the middle": changed(BRAND, '<xs:element name="Extra" type="xs:string" minOccurs="0"/>' + BRAND),
    "the items of an array renamed": inside("ArrayOfTag", 'name="Tag"', 'name="string"'),
    "the items of an array limited": inside("ArrayOfTag", 'maxOccurs="unbounded"', 'maxOccurs="10"'),
    "a type removed": changed(
        PRODUCTS[PRODUCTS.index('<xs:complexType name="PriceTier">') :].split("</xs:complexType>")[0]
        + "</xs:complexType>",
        "",
    ),
    "a value of an enumeration removed": changed(UNIT, ""),
    "a facet added": changed(UNIT, UNIT + '<xs:maxLength value="2"/>'),
    "an operation removed": changed('<wsdl:operation name="UpdatePricing">', '<wsdl:operation name="UpdatePrices">'),
    "a request element renamed": changed('<xs:element name="UpdatePricing">', '<xs:element name="UpdatePrices">'),
    "a part renamed": changed('name="parameters"', 'name="body"'),
    "a message retargeted": changed(
        '<wsdl:part name="parameters" element="tns:UpdatePricing"/>',
        '<wsdl:part name="parameters" element="tns:UpdateInventory"/>',
    ),
    "another soapAction": changed("urn:integrator:v1/UpdatePricing", "urn:integrator:v1/Pricing"),
    "a header no longer bound": changed(
        '<soap:header message="tns:RequestIdHeader" part="RequestId" use="literal"/>', ""
    ),
    "a fault no longer declared": changed('<wsdl:fault name="CallFailed" message="tns:CallFailed"/>', ""),
    "a port renamed": changed('<wsdl:port name="ProductTasksSoap12"', '<wsdl:port name="ProductTasks12"'),
    "another namespace": PRODUCTS.replace("urn:integrator:v1", "urn:integrator:v2"),
    "unqualified elements": changed('elementFormDefault="qualified"', 'elementFormDefault="unqualified"'),
    "rpc style": changed('style="document"', 'style="rpc"'),
}


@pytest.mark.parametrize("change", BREAKING)
def test_the_comparer_finds(change: str) -> None:
    assert differences(PRODUCTS, BREAKING[change]) != []


COMPATIBLE = {
    "nothing": PRODUCTS,
    "a new optional field at the end": appended(
        "POSProduct", '<xs:element name="Extra" type="xs:string" minOccurs="0"/>'
    ),
    "a new type": changed(
        '<xs:complexType name="PriceTier">',
        '<xs:complexType name="New"><xs:sequence/></xs:complexType><xs:complexType name="PriceTier">',
    ),
    "a new unit, which only requests use": changed(UNIT, UNIT + '<xs:enumeration value="st"/>'),
    "other documentation": PRODUCTS.replace("Creates or updates products.", "Writes products."),
    "another prefix": PRODUCTS.replace("xs:", "xsd:").replace("xmlns:xs=", "xmlns:xsd="),
    "another address": PRODUCTS.replace("{location}", "https://example.com/ProductTasks"),
}


@pytest.mark.parametrize("change", COMPATIBLE)
def test_the_comparer_passes(change: str) -> None:
    assert differences(PRODUCTS, COMPATIBLE[change]) == []
