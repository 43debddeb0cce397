"""The served descriptions are clean by WS-I Basic Profile 1.1, and each assertion sees what it is for."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from lxml import etree

from tests.interop.basic_profile import RULES, WSDL, Rule, Wsdl
from tests.interop.tools import need, run
from tests.support.service import Service

SERVICES = ("ProductTasks", "OrderTasks")
PUBLISHED = Path(__file__).parents[2] / "wsdl"


@pytest.fixture(scope="module")
def served(running_service: Service) -> dict[str, bytes]:
    return {name: httpx.get(f"{running_service.url}/{name}?wsdl").content for name in SERVICES}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.number)
def test_the_served_description_is_clean(served: dict[str, bytes], service: str, rule: Rule) -> None:
    assert list(rule.check(Wsdl(served[service]))) == [], f"{rule.number}: {rule.says}"


Mutation = Callable[[str], str]


def replace(*pairs: tuple[str, str]) -> Mutation:
    """Each pattern once, where it first stands (which is in the SOAP 1.1 binding)."""

    def mutate(text: str) -> str:
        for pattern, by in pairs:
            changed = re.sub(pattern, by, text, count=1, flags=re.DOTALL)
            assert changed != text, f"{pattern!r} is not there"
            text = changed
        return text

    return mutate


def rpc(*more: tuple[str, str]) -> Mutation:
    """The SOAP 1.1 binding in rpc style."""

    def mutate(text: str) -> str:
        tags = r"(<soap:(?:binding|operation) [^>]*)style=\"document\""
        return replace(*more)(re.sub(tags, r'\1style="rpc"', text))

    return mutate


def types_last(text: str) -> str:
    root = etree.fromstring(text.encode())
    root.append(root.find(f"{{{WSDL}}}types"))
    return etree.tostring(root, encoding="unicode")


def imported(attributes: str) -> Mutation:
    return replace(("<wsdl:types>", f"<wsdl:import {attributes}/><wsdl:types>"))


def in_schema(xml: str) -> Mutation:
    return replace(("</xs:schema>", f"{xml}</xs:schema>"))


SOAP_ENCODED = 'xmlns:e="http://schemas.xmlsoap.org/soap/encoding/"'
FIRST_PART = (
    r'(<wsdl:message name="UpdatePOSProductsSoapIn">\s*<wsdl:part name="parameters") element="tns:UpdatePOSProducts"/>'
)
TWO_PARTS = (FIRST_PART, r'\1 element="tns:UpdatePOSProducts"/><wsdl:part name="more" element="tns:UpdatePricing"/>')

MUTATIONS: dict[str, Mutation] = {
    "R4003": replace(("utf-8", "iso-8859-1")),
    "R4004": replace((r'version="1.0"', 'version="1.1"')),
    "R4005": replace(("<wsdl:definitions", '<wsdl:definitions xmlns:xml="http://www.w3.org/XML/1998/namespace"')),
    "R2028": replace((r'<wsdl:service name="ProductTasks">', "<wsdl:service>")),
    "R2029": replace((r'<soap:body use="literal"', '<soap:body use="plain"')),
    "R2001": imported('namespace="urn:x" location="types.xsd"'),
    "R2003": replace(("</wsdl:types>", '</wsdl:types><xs:import namespace="urn:x"/>')),
    "R2007": imported('namespace="urn:x" location=""'),
    "R2803": imported('namespace="x" location="x.wsdl"'),
    "R2022": replace(("</wsdl:types>", '</wsdl:types><wsdl:import namespace="urn:x" location="x.wsdl"/>')),
    "R2023": types_last,
    "R2026": replace(("<soap:binding ", '<soap:binding wsdl:required="true" ')),
    "R2101": replace((r'type="tns:ProductTasksSoap"', 'type="soap:ProductTasksSoap"')),
    "R2102": replace((r'type="xs:decimal"', 'type="wsdl:decimal"')),
    "R2105": replace((r'<xs:schema targetNamespace="[^"]*"', "<xs:schema")),
    "R2110": in_schema(
        f'<xs:complexType name="A"><xs:complexContent><xs:restriction {SOAP_ENCODED} base="e:Array"/>'
        "</xs:complexContent></xs:complexType>"
    ),
    "R2111": in_schema('<xs:attribute name="a" type="xs:string" wsdl:arrayType="xs:string[]"/>'),
    "R2112": replace((r'<xs:element name="Products"', '<xs:element name="ArrayOfProducts"')),
    "R2801": replace((r'type="xs:decimal"', 'type="xs:decimals"')),
    "R2206": replace((FIRST_PART, r'\1 element="tns:POSProduct"/>')),
    "R2306": replace((FIRST_PART, r'\1 element="tns:UpdatePOSProducts" type="xs:string"/>')),
    "R2303": replace((r"(<wsdl:input message=[^>]*/>)\s*(<wsdl:output message=[^>]*/>)", r"\2\1")),
    "R2304": replace((r'(<wsdl:portType.*?<wsdl:operation name=)"UpdateInventory"', r'\1"UpdatePricing"')),
    "R2305": replace(
        (r'(<wsdl:portType.*?<wsdl:operation name="UpdatePOSProducts")', r'\1 parameterOrder="x"'),
        (r'(<wsdl:message name="UpdatePOSProductsSoapOut">)', r'\1<wsdl:part name="a" element="tns:UpdatePricing"/>'),
    ),
    "R2401": replace((r"<soap:binding [^>]*/>", "")),
    "R2701": replace((r'<soap:binding transport="[^"]*"', "<soap:binding")),
    "R2702": replace((r'<soap:binding transport="[^"]*"', '<soap:binding transport="urn:smtp"')),
    "R2705": replace((r'(<soap:operation [^>]*)style="document"', r'\1style="rpc"')),
    "R2706": replace((r'<soap:body use="literal"', '<soap:body use="encoded"')),
    "R2723": replace((r'(<soap:fault [^>]*)use="literal"', r'\1use="encoded"')),
    "R2201": replace(("<soap:body ", '<soap:body parts="parameters more" ')),
    "R2210": replace(TWO_PARTS),
    "R2204": replace((FIRST_PART, r'\1 type="tns:POSProduct"/>')),
    "R2203": rpc(),
    "R2205": replace((r'(<wsdl:part name="Credentials") element=', r"\1 type=")),
    "R2209": replace(TWO_PARTS, ("<soap:body ", '<soap:body parts="parameters" ')),
    "R2710": replace((FIRST_PART, r'\1 element="tns:UpdatePricing"/>')),
    "R2711": replace((r'(<wsdl:port name=)"ProductTasksSoap"(.*?</wsdl:port>)', r'\1"Other"\2\1"ProductTasksSoap"\2')),
    "R2716": replace(("<soap:body ", '<soap:body namespace="urn:x" ')),
    "R2717": rpc(),
    "R2726": rpc(("<soap:header ", '<soap:header namespace="urn:x" ')),
    "R2718": replace((r"(<wsdl:binding [^>]*>\s*<soap:binding [^>]*>)\s*<wsdl:operation.*?</wsdl:operation>", r"\1")),
    "R2720": replace((r'(<soap:header [^>]*)part="Credentials"', r'\1part="Credentials RequestId"')),
    "R2749": replace((r'(<soap:header [^>]*)part="Credentials"', r'\1parts="Credentials"')),
    "R2721": replace((r'<soap:fault name="[^"]*"', "<soap:fault")),
    "R2754": replace((r'<soap:fault name="[^"]*"', '<soap:fault name="Other"')),
    "R2740": replace((r"(<wsdl:binding .*?)<wsdl:fault .*?</wsdl:fault>", r"\1")),
    "R2745": replace((r'(<soap:operation )soapAction="[^"]*"', r'\1soapAction=""')),
}


@pytest.mark.parametrize("number", sorted(RULES))
def test_each_assertion_sees_what_it_is_for(number: str) -> None:
    text = (PUBLISHED / "ProductTasks.wsdl").read_text(encoding="utf-8").replace("{location}", "http://localhost/x")
    assert list(RULES[number].check(Wsdl(text.encode()))) == []
    mutated = MUTATIONS[number](text)
    encoding = "iso-8859-1" if "iso-8859-1" in mutated[:60] else "utf-8"
    assert list(RULES[number].check(Wsdl(mutated.encode(encoding, "xmlcharrefreplace")))) != []


CHECKER = """
using System;
using System.Web.Services;
using System.Web.Services.Description;
static class Checker {
    static int Main(string[] files) {
        int found = 0;
        foreach (string file in files) {
            var violations = new BasicProfileViolationCollection();
            var description = ServiceDescription.Read(file);
            WebServicesInteroperability.CheckConformance(WsiProfiles.BasicProfile1_1, description, violations);
            foreach (BasicProfileViolation one in violations) {
                Console.WriteLine(one.NormativeStatement + " " + one.Details);
                found++;
            }
        }
        return found;
    }
}
"""


@pytest.mark.interop
def test_the_checker_of_mono_finds_the_descriptions_clean(served: dict[str, bytes], tmp_path: Path) -> None:
    """WebServicesInteroperability.CheckConformance, which .NET asks before it makes a proxy."""
    need("mcs", "mono")
    (tmp_path / "Checker.cs").write_text(CHECKER)
    run("mcs", "-r:System.Web.Services", "Checker.cs", cwd=tmp_path)
    for name, text in served.items():
        (tmp_path / f"{name}.wsdl").write_bytes(text)
    assert run("mono", "Checker.exe", *(f"{name}.wsdl" for name in served), cwd=tmp_path) == ""
    bad = served["ProductTasks"].replace(b'use="literal"', b'use="encoded"')
    (tmp_path / "bad.wsdl").write_bytes(bad)
    with pytest.raises(pytest.fail.Exception, match="R2706"):
        run("mono", "Checker.exe", "bad.wsdl", cwd=tmp_path)
