"""Answers and behaviour by WS-I Basic Profile 1.1, and by the schema of the description, for all ten operations."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from xml.sax.saxutils import escape

import httpx
import pytest
import zeep
from lxml import etree
from zeep.plugins import HistoryPlugin

from tests.interop.basic_profile import Wsdl
from tests.interop.basic_profile_messages import ENVELOPE, RULES, Answer, Rule
from tests.interop.seeding import Day
from tests.support.service import Service, StoreLogin

NAMESPACE = "urn:integrator:v1"

# One call of each operation: what it carries. {order} is the first order's id.
BODIES = {
    "UpdatePOSProducts": "<Products><POSProduct><ItemIntegrationId>A</ItemIntegrationId><Name>Täßchen</Name>"
    "<Price>1.5</Price></POSProduct><POSProduct><ItemIntegrationId/></POSProduct></Products>",
    "UpdateInventory": "<Items><InventoryItem><ItemIntegrationId>A</ItemIntegrationId><Quantity>3</Quantity>"
    "</InventoryItem></Items><ReturnAllResults>true</ReturnAllResults>",
    "UpdatePricing": "<Items/>",
    "GetNewOrders": "<MaxRecords>3</MaxRecords>",
    "GetNewTransactions": "",
    "GetNewCaptures": "",
    "ConfirmOrders": "<Confirmations><Confirmation><Id>{order}</Id></Confirmation>"
    "<Confirmation><Id>none</Id></Confirmation></Confirmations>",
    "ConfirmTransactions": "",
    "ConfirmCaptures": "",
    "SaveShipments": "<Shipments><Shipment><ShipmentId>S</ShipmentId><OrderId>{order}</OrderId><Lines><ShipmentLine>"
    "<LineId>1</LineId><Quantity>1</Quantity></ShipmentLine></Lines></Shipment></Shipments>",
}

# Calls that end in a Fault.
FAULTS = {
    "wrong password": ("GetNewOrders", ""),
    "value that concerns the whole call": ("GetNewOrders", "<MaxRecords>many</MaxRecords>"),
    "unknown operation": ("GetOldOrders", ""),
    "not XML": ("GetNewOrders", "<"),
}


def service_of(operation: str) -> str:
    return "ProductTasks" if operation.startswith("Update") else "OrderTasks"


def envelope(operation: str, body: str, store: StoreLogin, *, header: str = "", namespace: str = ENVELOPE) -> str:
    credentials = "".join(f"<{name}>{escape(value)}</{name}>" for name, value in store.credentials.items())
    return (
        f'<s:Envelope xmlns:s="{namespace}"><s:Header><Credentials xmlns="{NAMESPACE}">{credentials}</Credentials>'
        f'{header}</s:Header><s:Body><{operation} xmlns="{NAMESPACE}">{body}</{operation}></s:Body></s:Envelope>'
    )


def post(service: Service, name: str, content: str | bytes, action: str | None = "", **headers: str) -> httpx.Response:
    sent = {"Content-Type": "text/xml; charset=utf-8", **headers}
    if action is not None:
        sent["SOAPAction"] = action
    data = content.encode() if isinstance(content, str) else content
    return httpx.post(f"{service.url}/{name}", content=data, headers=sent, timeout=60)


def call(service: Service, operation: str, body: str, store: StoreLogin) -> Answer:
    action = f'"{NAMESPACE}/{operation}"'
    response = post(service, service_of(operation), envelope(operation, body, store), action)
    return Answer.of(response, f"{{{NAMESPACE}}}{operation}Response")


@pytest.fixture
def answers(service: Service, with_orders: Day) -> dict[str, Answer]:
    """What each operation and each kind of Fault answers."""
    login = with_orders.login
    order = with_orders.order_id("1")
    found = {name: call(service, name, body.replace("{order}", order), login) for name, body in BODIES.items()}
    for name, (operation, body) in FAULTS.items():
        caller = dataclasses.replace(login, password="wrong") if name == "wrong password" else login
        found[name] = call(service, operation, body, caller)
    return found


def test_all_answers_are_clean(answers: dict[str, Answer]) -> None:
    assert [name for name, answer in answers.items() if answer.faults] == list(FAULTS)
    violations = [
        f"{name}: {rule.number} ({rule.says}): {violation}"
        for name, answer in answers.items()
        for rule in RULES.values()
        for violation in rule.check(answer)
    ]
    assert violations == []


def test_all_answers_are_valid_by_the_schema_of_the_description(service: Service, answers: dict[str, Answer]) -> None:
    for name, answer in answers.items():
        served = Wsdl(httpx.get(f"{service.url}/{service_of(name)}?wsdl").content)
        schema = etree.XMLSchema(etree.fromstring(etree.tostring(served.find("w:types/x:schema")[0])))
        (content,) = answer.root.find(f"{{{ENVELOPE}}}Body")
        if answer.faults:
            (content,) = content.find("detail")
        schema.assertValid(etree.fromstring(etree.tostring(content)))


# -- each assertion sees what it is for

GOOD = Answer(
    200,
    {"content-type": "text/xml; charset=utf-8"},
    f'<?xml version="1.0" encoding="utf-8"?><s:Envelope xmlns:s="{ENVELOPE}"><s:Body><a:XResponse xmlns:a="urn:a"/>'
    "</s:Body></s:Envelope>".encode(),
    element="{urn:a}XResponse",
)
FAULT = dataclasses.replace(
    GOOD,
    status=500,
    body=(
        f'<s:Envelope xmlns:s="{ENVELOPE}"><s:Body><s:Fault><faultcode>s:Client</faultcode>'
        '<faultstring>no</faultstring><detail><a:XFault xmlns:a="urn:a"/></detail></s:Fault></s:Body></s:Envelope>'
    ).encode(),
)


def with_body(answer: Answer, old: str, new: str) -> Answer:
    changed = answer.body.decode().replace(old, new, 1)
    assert changed != answer.body.decode()
    return dataclasses.replace(answer, body=changed.encode())


MUTATIONS: dict[str, Callable[[], Answer]] = {
    "R1011": lambda: with_body(GOOD, "</s:Envelope>", '<a:B xmlns:a="urn:a"/></s:Envelope>'),
    "R1005": lambda: with_body(GOOD, "<s:Body", '<s:Body s:encodingStyle=""'),
    "R1006": lambda: with_body(GOOD, "<a:XResponse", '<a:XResponse s:encodingStyle=""'),
    "R1008": lambda: with_body(GOOD, "<s:Envelope", "<!DOCTYPE a><s:Envelope"),
    "R1009": lambda: with_body(GOOD, "<s:Body>", "<?a b?><s:Body>"),
    "R1012": lambda: with_body(GOOD, "utf-8", "iso-8859-1"),
    "R1013": lambda: with_body(GOOD, "<a:XResponse", '<a:XResponse s:mustUnderstand="true"'),
    "R1014": lambda: with_body(GOOD, '<a:XResponse xmlns:a="urn:a"/>', "<XResponse/>"),
    "R1032": lambda: with_body(GOOD, "<s:Envelope", '<s:Envelope s:encodingStyle=""'),
    "R1033": lambda: with_body(GOOD, "<s:Body", '<s:Body xmlns:xml="http://www.w3.org/XML/1998/namespace"'),
    "R2712": lambda: with_body(GOOD, "XResponse", "YResponse"),
    "R1000": lambda: with_body(FAULT, "<detail>", "<more/><detail>"),
    "R1001": lambda: with_body(FAULT, "<faultstring>", '<faultstring xmlns="urn:a">'),
    "R1004": lambda: with_body(FAULT, "s:Client", "s:Caller"),
    "R1031": lambda: with_body(FAULT, "s:Client", "s:Client.Credentials"),
    "R1018": lambda: dataclasses.replace(GOOD, headers={"content-type": "text/xml"}),
    "R1124": lambda: dataclasses.replace(GOOD, status=500),
    "R1111": lambda: dataclasses.replace(GOOD, status=202),
    "R1126": lambda: dataclasses.replace(FAULT, status=200),
    "R1141": lambda: dataclasses.replace(GOOD, http="HTTP/2"),
}


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.number)
def test_each_assertion_sees_what_it_is_for(rule: Rule) -> None:
    assert [*rule.check(GOOD), *rule.check(FAULT)] == []
    assert list(rule.check(MUTATIONS[rule.number]())) != []


# -- behaviour


def fault_code(response: httpx.Response) -> str:
    """The local name of the faultcode, and "" where there is no Fault."""
    found = etree.fromstring(response.content).find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault/faultcode")
    return "" if found is None else (found.text or "").rpartition(":")[2]


@pytest.fixture
def store(service: Service) -> StoreLogin:
    return service.store()


@pytest.mark.parametrize(
    "action", ['"urn:integrator:v1/GetNewOrders"', '""', '"urn:something:else"', "unquoted", "", None]
)
def test_r1127_the_soap_action_is_not_relied_upon(service: Service, store: StoreLogin, action: str | None) -> None:
    response = post(service, "OrderTasks", envelope("GetNewOrders", "", store), action)
    assert (response.status_code, fault_code(response)) == (200, "")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("declared", [True, False])
def test_r4001_r1010_a_byte_order_mark_and_a_declaration_are_accepted(
    service: Service, store: StoreLogin, encoding: str, declared: bool
) -> None:
    charset = encoding.removesuffix("-sig")
    text = f'<?xml version="1.0" encoding="{charset}"?>' if declared else ""
    content = (text + envelope("GetNewOrders", "", store)).encode(encoding)
    response = post(service, "OrderTasks", content, **{"Content-Type": f"text/xml; charset={charset}"})
    assert (response.status_code, fault_code(response)) == (200, "")


def test_r1015_another_document_than_an_envelope_is_a_fault(service: Service) -> None:
    response = post(service, "OrderTasks", '<a xmlns="urn:a"/>')
    assert (response.status_code, fault_code(response)) == (500, "Client")


UNKNOWN = '<a:Unknown xmlns:a="urn:a" s:mustUnderstand="{}"/>'


def test_r1027_a_mandatory_header_that_is_not_understood_is_a_fault_and_nothing_is_done(
    service: Service, store: StoreLogin
) -> None:
    body = BODIES["UpdatePOSProducts"]
    refused = post(service, "ProductTasks", envelope("UpdatePOSProducts", body, store, header=UNKNOWN.format(1)))
    assert (refused.status_code, fault_code(refused)) == (500, "MustUnderstand")
    done = post(service, "ProductTasks", envelope("UpdatePOSProducts", body, store, header=UNKNOWN.format(0)))
    assert b"<Action>" not in refused.content
    assert b"<Applied>1<" in re.sub(rb"<\w+:", b"<", done.content)  # it was not there yet


def test_r2725_the_order_of_the_checks(service: Service, store: StoreLogin) -> None:
    """VersionMismatch before MustUnderstand before Client."""
    unknown = UNKNOWN.format(1)
    wrong_version = envelope("Nonsense", "", store, header=unknown, namespace="urn:another:envelope")
    assert fault_code(post(service, "OrderTasks", wrong_version)) == "VersionMismatch"
    assert fault_code(post(service, "OrderTasks", envelope("Nonsense", "", store, header=unknown))) == "MustUnderstand"
    assert fault_code(post(service, "OrderTasks", envelope("Nonsense", "", store))) == "Client"


def test_r1114_another_method_than_post_is_405(service: Service) -> None:
    for method in ("PUT", "DELETE", "PATCH"):
        assert httpx.request(method, f"{service.url}/OrderTasks").status_code == 405


def test_r1115_another_media_type_is_415(service: Service, store: StoreLogin) -> None:
    content = envelope("GetNewOrders", "", store)
    assert post(service, "OrderTasks", content, **{"Content-Type": "application/json"}).status_code == 415


def test_r2744_r1109_a_proxy_sends_the_described_soap_action_in_quotes(service: Service, store: StoreLogin) -> None:
    history = HistoryPlugin()
    client = zeep.Client(f"{service.url}/OrderTasks?wsdl", plugins=[history])
    client.service.GetNewOrders(_soapheaders={"Credentials": store.credentials})
    assert history.last_sent["http_headers"]["SOAPAction"] == '"urn:integrator:v1/GetNewOrders"'
