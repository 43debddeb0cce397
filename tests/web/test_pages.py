"""What stands beside the SOAP services: pages, health, metrics, headers, the dispatch by path."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from integrator import __version__
from integrator.accounts import channels
from integrator.settings import Settings
from integrator.store import engine as store_engine
from integrator.web.app import application, soap_service
from tests.support.service import Service

ENVELOPE = (
    '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
    '<GetNewOrders xmlns="urn:integrator:v1"/></s:Body></s:Envelope>'
)


def post(service: Service, path: str, body: str = ENVELOPE, **options: Any) -> httpx.Response:
    return httpx.post(service.url + path, content=body, headers={"Content-Type": "text/xml"}, **options)


# -- health


def test_live_and_ready(service: Service) -> None:
    assert httpx.get(service.url + "/health/live").json() == {"status": "live", "version": __version__}
    answer = httpx.get(service.url + "/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"] == {"database": "ok", "migrations": "ok"}


def test_not_ready_while_the_schema_is_another(service: Service) -> None:
    with service.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    try:
        answer = httpx.get(service.url + "/health/ready")
        assert answer.status_code == 503
        assert "integrator db upgrade" in answer.json()["checks"]["migrations"]
        assert "not ready" in httpx.get(service.url + "/").text
        assert httpx.get(service.url + "/health/live").status_code == 200
    finally:
        with service.begin() as connection:
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))


class Call:
    """The application in this process, for what needs a broken surrounding."""

    def __init__(self, database: str, **settings: Any) -> None:
        store_engine.configure(database)
        self.client = httpx.Client(
            transport=httpx.WSGITransport(application(Settings(database_url=database, **settings))),
            base_url="http://test",
        )


def test_without_a_database_it_lives_says_so_and_asks_to_come_again() -> None:
    call = Call("postgresql://nobody:sesame@127.0.0.1:1/nothing")
    try:
        assert call.client.get("/health/live").status_code == 200
        ready = call.client.get("/health/ready")
        assert ready.status_code == 503
        assert ready.json()["checks"]["database"] == "cannot be reached"
        assert "sesame" not in ready.text
        assert call.client.get("/").status_code == 200
        assert "integrator_database_up 0.0" in call.client.get("/metrics").text
    finally:
        store_engine.forget()


# -- pages


def test_the_landing_page_leads_to_everything_and_loads_nothing_from_elsewhere(service: Service) -> None:
    page = httpx.get(service.url + "/")
    assert page.status_code == 200
    assert __version__ in page.text
    links = re.findall(r'href="([^"]+)"', page.text)
    for path in ("/ProductTasks", "/ProductTasks?wsdl", "/OrderTasks", "/OrderTasks?wsdl", "/health/ready", "/metrics"):
        assert service.url + path in links
    for link in links:
        if link.startswith("http"):
            assert httpx.get(link).status_code == 200, link
    assert not re.search(r"<script|src=|@import|url\(", page.text)


def test_pages_use_the_public_address(start_service: Callable[..., Service]) -> None:
    service = start_service(public_url="https://pos.example.com/integrator/")
    page = httpx.get(service.url + "/")
    assert 'href="https://pos.example.com/integrator/OrderTasks?wsdl"' in page.text
    assert page.headers["Strict-Transport-Security"].startswith("max-age=")


def test_forwarded_headers_count_only_when_the_proxy_is_trusted(
    service: Service, start_service: Callable[..., Service]
) -> None:
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "pos.example.com", "X-Forwarded-Prefix": "/pos"}
    assert "pos.example.com" not in httpx.get(service.url + "/", headers=forwarded).text
    trusting = start_service(trust_proxy=True)
    assert 'href="https://pos.example.com/pos/OrderTasks?wsdl"' in httpx.get(trusting.url + "/", headers=forwarded).text


@pytest.mark.parametrize(
    "path", ["/", "/health/live", "/nothing", "/ProductTasks", "/ProductTasks?wsdl", "/sandbox/x/"]
)
def test_every_answer_has_the_security_headers(service: Service, path: str) -> None:
    headers = httpx.get(service.url + path).headers
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Referrer-Policy"]
    assert "Python" not in headers.get("Server", "")
    if not path.endswith("wsdl"):
        assert "default-src 'none'" in headers["Content-Security-Policy"] or path.startswith("/sandbox")


@pytest.mark.parametrize("path", ["/nothing", "/<script>alert(1)</script>", "/ProductTask", "/health", "/metrics/x"])
def test_what_is_not_there_says_where_the_services_are(service: Service, path: str) -> None:
    answer = httpx.get(service.url + path)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert "/ProductTasks" in answer.text


def test_a_wrong_method_is_refused(service: Service) -> None:
    assert httpx.delete(service.url + "/").status_code == 405
    assert httpx.post(service.url + "/health/live").status_code == 405


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/ProductTasks", "ProductTasks"),
        ("/producttasks.ASMX", "ProductTasks"),
        ("/OrderTasks/", "OrderTasks"),
        ("/OrderTasks.asmx/GetNewOrders", "OrderTasks"),
        ("/", None),
        ("/OrderTasksX", None),
        ("/sandbox/OrderTasks", None),
    ],
)
def test_the_first_part_of_the_path_decides(path: str, service: str | None) -> None:
    assert soap_service(path) == service


def test_soap_is_answered_with_soap_on_every_path_of_the_services(service: Service) -> None:
    for path in ("/OrderTasks", "/ordertasks.asmx"):
        answer = post(service, path)
        assert answer.status_code == 500
        assert "NOT_AUTHORISED" in answer.text
        assert "Envelope" in answer.text


def test_an_error_nobody_expected_is_a_reference_and_no_traceback(
    database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    call = Call(database)
    try:
        store_engine.forget()  # a mistake in the set-up: not one of the errors that are answered for
        answer = call.client.get("/")
        assert answer.status_code == 500
        assert "Traceback" not in answer.text
        reference = re.search(r"reference (\w{12})", answer.text)
        assert reference
        assert any(getattr(record, "reference", "") == reference[1] for record in caplog.records)
    finally:
        store_engine.forget()


# -- metrics


def test_metrics_count_requests_calls_and_what_waits(start_service: Callable[..., Service]) -> None:
    service = start_service()
    store = service.store()
    with service.begin() as connection:
        number = channels.add_channel(connection, store.context, "sandbox", None, {"shop": "x", "key": "y"})
        connection.execute(
            sa.text("INSERT INTO products (account_id, store_id, item_id) VALUES (:a, :s, 'A')"),
            {"a": store.account_id, "s": store.store_id},
        )
        connection.execute(
            sa.text(
                "INSERT INTO listings (account_id, channel_id, product_id) SELECT account_id, :c, id FROM products"
                " WHERE account_id = :a"
            ),
            {"a": store.account_id, "c": number},
        )
        connection.execute(
            sa.text(
                "INSERT INTO lanes (account_id, channel_id, lane, product_id) SELECT account_id, :c, 'stock', id"
                " FROM products WHERE account_id = :a"
            ),
            {"a": store.account_id, "c": number},
        )
    assert post(service, "/OrderTasks", auth=store.basic).status_code == 200
    assert post(service, "/OrderTasks").status_code == 500
    text = httpx.get(service.url + "/metrics").text
    assert 'integrator_calls_total{operation="GetNewOrders",outcome="ok"} 1.0' in text
    assert 'integrator_calls_total{operation="GetNewOrders",outcome="fault"}' in text
    assert 'integrator_requests_total{part="OrderTasks",status="200"} 1.0' in text
    assert f'integrator_lane_pending{{channel="{number}",lane="stock"}} 1.0' in text
    assert "integrator_database_up 1.0" in text
    assert "integrator_workers_alive 0.0" in text


def test_metrics_of_all_processes_are_added_up(start_service: Callable[..., Service]) -> None:
    service = start_service(web_processes=2)
    for _ in range(40):  # each on a connection of its own, so both processes get some
        httpx.get(service.url + "/robots.txt")
    text = httpx.get(service.url + "/metrics").text
    found = re.search(r'integrator_requests_total{part="pages",status="200"} ([0-9.]+)', text)
    assert found
    assert float(found[1]) >= 40


def test_metrics_are_not_for_strangers(service: Service, start_service: Callable[..., Service]) -> None:
    through_proxy = httpx.get(service.url + "/metrics", headers={"X-Forwarded-For": "203.0.113.5"})
    assert through_proxy.status_code == 403
    guarded = start_service(metrics_token="sesame-open")
    assert httpx.get(guarded.url + "/metrics").status_code == 403
    assert httpx.get(guarded.url + "/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 403
    allowed = {"Authorization": "Bearer sesame-open", "X-Forwarded-For": "203.0.113.5"}
    assert httpx.get(guarded.url + "/metrics", headers=allowed).status_code == 200


# -- logs


def test_every_line_of_the_log_is_json_and_holds_no_password(service: Service) -> None:
    store = service.store()
    httpx.get(service.url + f"/?password={store.password}")
    post(service, "/OrderTasks", auth=(store.basic[0], store.password + "x"))
    broken = ENVELOPE.replace("<s:Body>", f"<s:Header><Password>{store.password}</Password></s:Header><s:Body>&")
    post(service, "/OrderTasks", broken)
    lines = service.text().splitlines()
    assert len(lines) > 3
    for line in lines:
        if not line.startswith("Integrator listens"):
            assert {"event", "level", "timestamp", "role"} <= json.loads(line).keys()
    assert store.password not in service.text()
