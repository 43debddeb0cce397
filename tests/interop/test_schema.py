"""The schema of the served descriptions is valid for validators that nobody here wrote, and says what it should."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import xmlschema
from lxml import etree

from tests.interop.basic_profile import Wsdl
from tests.interop.tools import need, run
from tests.support.service import Service

SERVICES = ("ProductTasks", "OrderTasks")


@pytest.fixture
def schema(running_service: Service, request: pytest.FixtureRequest) -> bytes:
    """The schema of a service, taken out of its description."""
    served = Wsdl(httpx.get(f"{running_service.url}/{request.param}?wsdl").content)
    (found,) = served.find("w:types/x:schema")
    return etree.tostring(found)


@pytest.mark.parametrize("schema", SERVICES, indirect=True)
@pytest.mark.parametrize("version", [xmlschema.XMLSchema10, xmlschema.XMLSchema11])
def test_the_schema_is_valid_for_xmlschema(schema: bytes, version: type[xmlschema.XMLSchema10]) -> None:
    assert "urn:integrator:v1" in version(schema.decode()).maps.namespaces
    with pytest.raises(xmlschema.XMLSchemaException):
        version(schema.replace(b"xs:dateTime", b"xs:datetime").decode())


@pytest.mark.interop
@pytest.mark.parametrize("schema", SERVICES, indirect=True)
def test_the_schema_is_valid_for_xmllint(schema: bytes, tmp_path: Path) -> None:
    need("xmllint")
    (tmp_path / "schema.xsd").write_bytes(schema)
    operation = "UpdateInventory" if b"UpdateInventory" in schema else "GetNewOrders"
    (tmp_path / "request.xml").write_text(f'<{operation} xmlns="urn:integrator:v1"/>')
    run("xmllint", "--noout", "--schema", "schema.xsd", "request.xml", cwd=tmp_path)
    (tmp_path / "schema.xsd").write_bytes(schema.replace(b"xs:dateTime", b"xs:datetime"))
    with pytest.raises(pytest.fail.Exception, match="failed to compile"):
        run("xmllint", "--noout", "--schema", "schema.xsd", "request.xml", cwd=tmp_path)


@pytest.mark.parametrize("schema", SERVICES, indirect=True)
def test_optional_values_of_requests_can_be_left_out_by_every_proxy(schema: bytes) -> None:
    """Without nillable and the DefaultValue annotation a WCF proxy sends 0, false and 0001-01-01 for what is unset."""
    tree = etree.fromstring(schema)
    ns = {"x": "http://www.w3.org/2001/XMLSchema", "m": "http://schemas.microsoft.com/2003/10/Serialization/"}
    requests = {
        "POSProduct", "InventoryItem", "PricingItem", "LocationQuantity", "PriceTier", "ProductImage", "Confirmation",
        "Shipment", "ShipmentLine",
    }  # fmt: skip
    of_requests = [
        *(e for name in requests for e in tree.iterfind(f"x:complexType[@name='{name}']/x:sequence/x:element", ns)),
        *(
            e
            for root in tree.iterfind("x:element", ns)
            if not root.get("name", "").endswith("Response")
            for e in root.iterfind("x:complexType/x:sequence/x:element", ns)
        ),
    ]
    enumerations = {f"tns:{e.get('name')}" for e in tree.iterfind("x:simpleType", ns)}
    values = {"xs:decimal", "xs:dateTime", "xs:boolean", "xs:int", "xs:long", *enumerations}
    optional = [e for e in of_requests if e.get("minOccurs") == "0" and e.get("type") in values]
    assert len(optional) > 5
    for element in optional:
        assert element.get("nillable") == "true", element.get("name")
        first = element.find("x:annotation", ns)[0]
        assert first.find("m:DefaultValue", ns).get("EmitDefaultValue") == "false", element.get("name")
    nillable = {e for e in tree.iter(f"{{{ns['x']}}}element") if e.get("nillable") == "true"}
    assert nillable == set(optional), "nothing else is nillable"
