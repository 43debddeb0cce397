"""contract.md, section 1, sentence by sentence, over the wire."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from lxml import etree

from integrator.contract import wsdl
from integrator.store.tables import calls, products, stocks
from tests.contract.soap import NS, S11, S12, Answer, Soap, credentials, envelope
from tests.contract.test_wsdl import OPERATIONS, committed
from tests.support.service import Service, StoreLogin

EMPTY = f'<UpdateInventory xmlns="{NS}"><Items/></UpdateInventory>'


@pytest.fixture
def login(service: Service) -> StoreLogin:
    return service.store()


@pytest.fixture
def soap(service: Service, login: StoreLogin) -> Soap:
    return Soap(service.url, login)


def make(soap: Soap, *names: str) -> None:
    items = [f"<ItemIntegrationId>{n}</ItemIntegrationId><Name>{n}</Name><Price>10</Price>" for n in names]
    assert soap.products(*items).result["Success"] == "true"


def stock_of(service: Service, login: StoreLogin, name: str) -> Any:
    with service.begin() as connection:
        return connection.execute(
            sa.select(stocks.c.quantity)
            .join(products, (products.c.account_id == stocks.c.account_id) & (products.c.id == stocks.c.product_id))
            .where(products.c.account_id == login.account_id, products.c.item_id == name)
        ).scalar()


# ---- endpoints


PATHS = ["/{s}", "/{s}.asmx", "/{S}", "/{S}.ASMX", "/{s}/", "/{s}.asmx/"]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("path", PATHS)
def test_paths(service: Service, login: StoreLogin, name: str, path: str) -> None:
    url = path.format(s=name, S=name.lower())
    operation = OPERATIONS[name][1]
    body = envelope(f'<{operation} xmlns="{NS}"/>', credentials(login))
    answer = Soap(service.url, login).post(url.lstrip("/"), body)
    assert answer.result["Success"] == "true"
    assert httpx.get(service.url + url + "?wsdl").status_code == 200


@pytest.mark.parametrize("query", ["?wsdl", "?WSDL", "?Wsdl", "?singleWsdl", "?SINGLEWSDL", "?wsdl=", "?wsdl&x=1"])
def test_the_wsdl_is_the_committed_file_byte_for_byte_but_for_the_location(service: Service, query: str) -> None:
    for name in OPERATIONS:
        answer = httpx.get(f"{service.url}/{name}{query}")
        assert answer.headers["content-type"] == "text/xml; charset=utf-8"
        assert answer.content == committed(name).replace(wsdl.LOCATION, f"{service.url}/{name}").encode()


def test_head_says_what_get_would(service: Service) -> None:
    for target in ("/ProductTasks?wsdl", "/OrderTasks"):
        got, headed = httpx.get(service.url + target), httpx.head(service.url + target)
        assert headed.status_code == 200
        assert headed.content == b""
        assert headed.headers["content-type"] == got.headers["content-type"]


def test_other_methods_get_405_with_a_fault(service: Service) -> None:
    answer = httpx.put(f"{service.url}/ProductTasks", content=b"x", headers={"Content-Type": "text/xml"})
    assert answer.status_code == 405
    assert set(answer.headers["allow"].replace(" ", "").split(",")) == {"GET", "HEAD", "POST"}
    assert Answer(405, answer.headers, answer.content).fault["ErrorCode"] == "REQUEST_INVALID"


# ---- protocol


@pytest.mark.parametrize(("ns", "kind"), [(S11, "text/xml"), (S12, "application/soap+xml")])
def test_both_soap_versions(service: Service, login: StoreLogin, ns: str, kind: str) -> None:
    soap = Soap(service.url, login, ns)
    answer = soap.call("UpdateInventory")
    assert (answer.status, answer.version) == (200, ns)
    assert answer.headers["content-type"] == f"{kind}; charset=utf-8"
    failed = soap.call("UpdateInventory", header="")
    assert (failed.status, failed.version) == (500, ns), "WCF reads a Fault only from a 500"
    assert failed.fault["code"] == ("Client" if ns == S11 else "Sender")
    assert failed.fault["ErrorCode"] == "NOT_AUTHORISED"


def test_application_xml_is_taken_by_its_envelope(soap: Soap, login: StoreLogin) -> None:
    for ns in (S11, S12):
        answer = soap.post("ProductTasks", envelope(EMPTY, credentials(login), ns), "application/xml")
        assert answer.version == ns
        assert answer.result["Success"] == "true"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso-8859-1"])
@pytest.mark.parametrize("say", ["charset", "declaration", "both"])
def test_encodings_in_utf8_out(service: Service, soap: Soap, login: StoreLogin, encoding: str, say: str) -> None:
    name = "Kaffee-Ä-é" if encoding == "iso-8859-1" else "Ünïcødé 日本 🎁"
    item = f"<ItemIntegrationId>{name}</ItemIntegrationId><Name>x</Name><Price>1</Price>"
    inner = f"<Products><POSProduct>{item}</POSProduct></Products>"
    text = envelope(
        f'<UpdatePOSProducts xmlns="{NS}">{inner}<ReturnAllResults>1</ReturnAllResults></UpdatePOSProducts>',
        credentials(login),
    ).decode()
    declared = {"utf-16-le": "utf-16", "utf-16-be": "utf-16"}.get(encoding, encoding)
    text = text.replace('encoding="utf-8"', f'encoding="{declared}"' if say != "charset" or encoding != "utf-8" else "")
    data = text.encode(encoding)
    if encoding == "utf-16-le":
        data = b"\xff\xfe" + data
    if encoding == "utf-16-be":
        data = b"\xfe\xff" + data
    answer = soap.post("ProductTasks", data, "text/xml" if say == "declaration" else f"text/xml; charset={declared}")
    assert answer.items()[0]["Id"] == name
    assert b'encoding="utf-8"' in answer.content[:60]
    answer.content.decode("utf-8")


def test_gzip_in_and_out(service: Service, login: StoreLogin) -> None:
    body = envelope(EMPTY, credentials(login))
    headers = {"Content-Type": "text/xml", "Content-Encoding": "gzip", "Accept-Encoding": "identity"}
    plain = httpx.post(f"{service.url}/ProductTasks", content=gzip.compress(body), headers=headers)
    assert plain.status_code == 200
    assert "content-encoding" not in plain.headers
    soap = Soap(service.url, login)
    items = "".join("<InventoryItem/>" for _ in range(100))
    large = envelope(f'<UpdateInventory xmlns="{NS}"><Items>{items}</Items></UpdateInventory>', credentials(login))
    answer = soap.post("ProductTasks", large, Accept_Encoding="gzip")
    assert answer.headers["content-encoding"] == "gzip"
    assert "accept-encoding" in answer.headers["vary"].lower()
    assert answer.result["Failed"] == "100"
    assert "content-encoding" not in soap.post("ProductTasks", large, Accept_Encoding="gzip;q=0").headers


@pytest.mark.parametrize(
    "action", [None, '""', '"urn:integrator:v1/UpdateInventory"', "UpdateInventory", '"urn:x/Wrong"']
)
def test_the_body_element_decides_not_the_soap_action(soap: Soap, login: StoreLogin, action: str | None) -> None:
    more = {} if action is None else {"SOAPAction": action}
    assert soap.post("ProductTasks", envelope(EMPTY, credentials(login)), **more).result["Success"] == "true"


# ---- credentials


def test_credentials_in_the_header_or_by_basic(service: Service, login: StoreLogin) -> None:
    def status(header: str, auth: tuple[str, str] | None) -> int:
        return httpx.post(
            f"{service.url}/ProductTasks",
            content=envelope(EMPTY, header),
            headers={"Content-Type": "text/xml"},
            auth=auth,
        ).status_code

    good, bad = credentials(login), credentials(login).replace(login.password, "wrong")
    assert status(good, None) == 200
    assert status("", login.basic) == 200
    assert status(good, ("x/y", "z")) == 200, "the header wins"
    assert status(bad, login.basic) == 500, "the header wins"
    assert status("", None) == 500
    assert status("", (login.code, login.password)) == 500
    assert status(f'<Credentials xmlns="{NS}" xsi:nil="true"/>', login.basic) == 200, "a nil header is none"


@pytest.mark.parametrize("part", ["StoreId", "UserName", "Password"])
def test_wrong_credentials_are_one_fault_that_does_not_say_which(soap: Soap, login: StoreLogin, part: str) -> None:
    value = login.credentials[part]
    answer = soap.call("UpdateInventory", header=credentials(login).replace(f">{value}<", ">Wrong<"))
    assert answer.fault["code"] == "Client"
    assert answer.fault["ErrorCode"] == "NOT_AUTHORISED"
    assert answer.fault["text"] == "The credentials are wrong, revoked, or not allowed for this service."
    assert answer.fault["ErrorHint"]
    assert len(answer.fault["CallId"]) == 36


def test_header_elements_in_any_namespace_form(soap: Soap, login: StoreLogin) -> None:
    values = "".join(f'<{k} xmlns="">{v}</{k}>' for k, v in login.credentials.items())
    header = f'<c:Credentials xmlns:c="{NS}" s:mustUnderstand="1">{values}</c:Credentials>'
    assert soap.call("UpdateInventory", header=header).result["Success"] == "true"


def test_a_user_limited_to_one_service(service: Service, login: StoreLogin) -> None:
    only = Soap(service.url, service.user(login, "stock", "ProductTasks"))
    assert only.call("UpdateInventory").result["Success"] == "true"
    assert only.call("GetNewOrders").fault["ErrorCode"] == "NOT_AUTHORISED"


def test_a_store_sees_only_its_own(service: Service) -> None:
    one, other = service.store(), service.store()
    make(Soap(service.url, one), "A")
    assert (
        Soap(service.url, other)
        .inventory("<ItemIntegrationId>A</ItemIntegrationId><Quantity>1</Quantity>")
        .items()[0]["ErrorCode"]
        == "ITEM_NOT_FOUND"
    )


# ---- RequestId


def test_the_same_request_id_replays_the_stored_answer(service: Service, soap: Soap, login: StoreLogin) -> None:
    make(soap, "A")
    item = "<ItemIntegrationId>A</ItemIntegrationId><Quantity>5</Quantity>"
    first = soap.inventory(item, request_id="r-1")
    assert first.items()[0]["Action"] == "Updated"
    soap.inventory("<ItemIntegrationId>A</ItemIntegrationId><Quantity>9</Quantity>")
    again = soap.inventory(item, request_id="r-1")
    assert again.content == first.content
    assert again.headers["x-integrator-replayed"] == "true"
    assert stock_of(service, login, "A") == 9, "the repetition did nothing"


def test_a_replay_does_not_look_at_soap_version_header_and_encoding(service: Service, login: StoreLogin) -> None:
    first = Soap(service.url, login).call("UpdateInventory", "<Items/>", request_id="r")
    header = f'<RequestId xmlns="{NS}">r</RequestId>'
    message = envelope(f'<UpdateInventory xmlns="{NS}"><Items /></UpdateInventory>', header, S12).decode()
    again = httpx.post(
        f"{service.url}/ProductTasks",
        content=message.replace("utf-8", "utf-16").encode("utf-16"),
        headers={"Content-Type": "application/soap+xml"},
        auth=login.basic,
    )
    answer = Answer(again.status_code, again.headers, again.content)
    assert answer.version == S12
    assert answer.headers["x-integrator-replayed"] == "true"
    assert answer.result == first.result


def test_another_body_under_the_same_request_id_is_refused(service: Service, soap: Soap, login: StoreLogin) -> None:
    make(soap, "A")
    soap.inventory("<ItemIntegrationId>A</ItemIntegrationId><Quantity>5</Quantity>", request_id="r")
    other = soap.inventory("<ItemIntegrationId>A</ItemIntegrationId><Quantity>6</Quantity>", request_id="r")
    assert other.fault["ErrorCode"] == "REQUEST_ID_REUSED"
    assert other.fault["code"] == "Client"
    assert "'r'" in other.fault["text"]
    assert stock_of(service, login, "A") == 5
    assert soap.call("UpdatePricing", "<Items/>", request_id="r").fault["ErrorCode"] == "REQUEST_ID_REUSED"


def test_a_request_id_belongs_to_its_store(service: Service, soap: Soap) -> None:
    other = Soap(service.url, service.store())
    one = soap.call("UpdateInventory", "<Items/>", request_id="shared")
    two = other.call("UpdateInventory", request_id="shared")
    assert one.result["CallId"] != two.result["CallId"]


def test_a_request_id_is_free_again_after_24_hours(service: Service, soap: Soap, login: StoreLogin) -> None:
    first = soap.call("UpdateInventory", "<Items/>", request_id="old")
    with service.begin() as connection:
        connection.execute(
            sa.update(calls)
            .where(calls.c.account_id == login.account_id)
            .values(started_at=sa.func.now() - sa.text("interval '24 hours 1 second'"))
        )
    assert soap.call("UpdatePricing", "<Items/>", request_id="old").result["CallId"] != first.result["CallId"]


def test_a_failed_call_does_not_use_up_its_request_id(soap: Soap) -> None:
    item = "<InventoryItem/>" * 10_001
    assert soap.call("UpdateInventory", f"<Items>{item}</Items>", request_id="x").fault["ErrorCode"] == "LIMIT_EXCEEDED"
    assert soap.call("UpdateInventory", "<Items/>", request_id="x").result["Success"] == "true"


def test_concurrent_duplicates_happen_once(service: Service, soap: Soap, login: StoreLogin) -> None:
    """The first is kept in the middle of its work until the others have come."""
    make(soap, "A")
    item = "<ItemIntegrationId>A</ItemIntegrationId><Quantity>7</Quantity>"
    with ThreadPoolExecutor(3) as pool:
        with service.begin() as connection:
            connection.execute(
                sa.select(products.c.id).where(products.c.account_id == login.account_id).with_for_update()
            )
            connection.execute(sa.select(stocks).where(stocks.c.account_id == login.account_id).with_for_update())
            coming = [pool.submit(Soap(service.url, login).inventory, item, request_id="once") for _ in range(3)]
            time.sleep(1.5)
            assert not any(one.done() for one in coming)
        answers = [one.result() for one in coming]
    assert {a.content for a in answers} == {answers[0].content}
    assert answers[0].items()[0]["Action"] == "Updated"
    assert sum(a.headers.get("x-integrator-replayed") is None for a in answers) == 1
    with service.begin() as connection:
        rows = connection.execute(
            sa.select(calls.c.id).where(calls.c.account_id == login.account_id, calls.c.request_id == "once")
        ).all()
    assert len(rows) == 1


@pytest.mark.parametrize(
    "header", ["<RequestId xmlns='urn:integrator:v1'/>", "<RequestId xmlns='urn:integrator:v1' xsi:nil='true'/>"]
)
def test_an_empty_or_nil_request_id_is_none(soap: Soap, login: StoreLogin, header: str) -> None:
    ids = {soap.call("UpdateInventory", header=credentials(login) + header).result["CallId"] for _ in range(2)}
    assert len(ids) == 2


# ---- limits


def test_limits_name_limit_and_value_and_apply_nothing(start_service: Callable[..., Service]) -> None:
    service = start_service(max_items=3, max_body_bytes=20_000)
    login = service.store()
    soap = Soap(service.url, login)
    make(soap, "A")
    four = ["<ItemIntegrationId>A</ItemIntegrationId><Quantity>5</Quantity>"] * 4
    fault = soap.inventory(*four).fault
    assert fault["ErrorCode"] == "LIMIT_EXCEEDED"
    assert fault["code"] == "Client"
    assert "Items: 4, but the limit is 3" in fault["text"]
    assert "INTEGRATOR_MAX_ITEMS" in fault["text"]
    assert soap.inventory(*four[:3]).result["Received"] == "3"
    large = soap.inventory(f"<ItemIntegrationId>A</ItemIntegrationId><Quantity>6{' ' * 20_000}</Quantity>").fault
    assert large["ErrorCode"] == "LIMIT_EXCEEDED"
    assert "20,000 bytes" in large["text"]
    assert "INTEGRATOR_MAX_BODY_BYTES" in large["text"]
    packed = gzip.compress(envelope(EMPTY + " " * 30_000, credentials(login)))
    assert soap.post("ProductTasks", packed, Content_Encoding="gzip").fault["ErrorCode"] == "LIMIT_EXCEEDED"
    assert stock_of(service, login, "A") == 5
    with service.begin() as connection:
        codes = (
            connection.execute(sa.select(calls.c.error_code).where(calls.c.account_id == login.account_id))
            .scalars()
            .all()
        )
    assert "LIMIT_EXCEEDED" in codes


# ---- location


def locations(url: str, **headers: str) -> set[str]:
    text = httpx.get(url, headers={k.replace("_", "-"): v for k, v in headers.items()}).content
    return {e.get("location") for e in etree.fromstring(text).iter("{*}address")}


def test_location_is_the_requests_own_host(service: Service) -> None:
    assert locations(f"{service.url}/OrderTasks?wsdl") == {f"{service.url}/OrderTasks"}
    assert locations(f"{service.url}/OrderTasks.asmx?wsdl", Host="pos.example.com") == {
        "http://pos.example.com/OrderTasks"
    }
    assert locations(f"{service.url}/OrderTasks?wsdl", Host="[::1]:8000") == {"http://[::1]:8000/OrderTasks"}
    own = f"http://127.0.0.1:{service.port}/OrderTasks"
    for evil in ('a"/><x', "a b", "evil.com/path", "user@evil.com", "a:b:c", ""):
        assert locations(f"{service.url}/OrderTasks?wsdl", Host=evil) == {own}, evil
    assert locations(f"{service.url}/OrderTasks?wsdl") == {own}, "nothing is remembered"


def test_forwarded_headers_count_only_when_the_proxy_is_trusted(
    service: Service, start_service: Callable[..., Service]
) -> None:
    headers = {"X_Forwarded_Proto": "https", "X_Forwarded_Host": "api.example.com", "X_Forwarded_Prefix": "/pos/"}
    assert locations(f"{service.url}/OrderTasks?wsdl", **headers) == {f"{service.url}/OrderTasks"}
    trusting = start_service(trust_proxy=True)
    assert locations(f"{trusting.url}/OrderTasks?wsdl", **headers) == {"https://api.example.com/pos/OrderTasks"}
    two = {"X_Forwarded_Proto": "https, http", "X_Forwarded_Host": "a.example.com:443, b.example.com"}
    assert locations(f"{trusting.url}/OrderTasks?wsdl", **two) == {"https://a.example.com/OrderTasks"}
    evil = {"X_Forwarded_Host": 'x"><', "X_Forwarded_Proto": "javascript", "X_Forwarded_Prefix": "//evil"}
    assert locations(f"{trusting.url}/OrderTasks?wsdl", **evil) == {f"{trusting.url}/OrderTasks"}


def test_the_public_url_wins(start_service: Callable[..., Service]) -> None:
    service = start_service(public_url="https://pos.example.com/api/", trust_proxy=True)
    found = locations(f"{service.url}/ProductTasks?wsdl", X_Forwarded_Host="other.example.com")
    assert found == {"https://pos.example.com/api/ProductTasks"}


# ---- logs


def test_every_line_of_the_log_has_the_call_id_and_no_secret(service: Service, soap: Soap, login: StoreLogin) -> None:
    before = len(service.text())
    answer = soap.inventory("<ItemIntegrationId>nope</ItemIntegrationId>")
    failed = soap.call("UpdateInventory", header=credentials(login).replace(login.password, "wrong-password-1234"))
    text = service.text()[before:]
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for call_id in (answer.result["CallId"], failed.fault["CallId"]):
        assert any(line.get("call_id") == call_id for line in lines)
    for line in lines:
        if str(line.get("logger", "")).startswith("integrator.contract"):
            assert line["call_id"]
    assert login.password not in text
    assert "wrong-password-1234" not in text
