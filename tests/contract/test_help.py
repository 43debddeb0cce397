"""The page that a browser sees: self-contained, everything escaped, a sample of each message that works as it is."""

from __future__ import annotations

import re
from html import unescape

import httpx
import pytest
from lxml import etree, html

from integrator.contract.help import page
from tests.contract.soap import Answer
from tests.contract.test_wsdl import OPERATIONS
from tests.support.service import Service

EVERY = [(service, operation) for service, operations in OPERATIONS.items() for operation in operations]


@pytest.mark.parametrize("service_name", OPERATIONS)
def test_a_plain_get_shows_the_operations(service: Service, service_name: str) -> None:
    answer = httpx.get(f"{service.url}/{service_name}")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    links = html.fromstring(answer.text).xpath("//table//a/@href")
    assert links == [f"{service.url}/{service_name}?op={name}" for name in OPERATIONS[service_name]]
    for link in links:
        assert httpx.get(link).status_code == 200


@pytest.mark.parametrize(("service_name", "operation"), EVERY)
def test_samples_can_be_sent_as_they_are(service: Service, service_name: str, operation: str) -> None:
    """Each request of the page, with credentials put in, is a call that the service takes; in both versions."""
    login = service.store()
    text = httpx.get(f"{service.url}/{service_name}?op={operation.lower()}").text
    messages = [unescape(m) for m in re.findall(r"<pre>(.*?)</pre>", text, re.S)]
    assert len(messages) == 4
    for request, answer in (messages[:2], messages[2:]):
        head, _, body = request.partition("\n\n")
        lines = head.splitlines()
        assert lines[0] == f"POST /{service_name} HTTP/1.1"
        headers = dict(line.split(": ", 1) for line in lines[1:])
        assert headers.pop("Host") == f"127.0.0.1:{service.port}"
        for name, value in (("YOUR-STORE", login.code), ("int_...", login.password)):
            body = body.replace(name, value)
        got = httpx.post(f"{service.url}/{service_name}", content=body.encode(), headers=headers)
        result = Answer(got.status_code, got.headers, got.content)
        assert got.status_code == 200, got.text
        assert result.result["CallId"]
        assert result.result.get("Warnings") == [], "the sample has an element that the service does not know"
        etree.fromstring(answer.partition("\n\n")[2].encode())


def test_an_unknown_operation_is_404_with_the_list(service: Service) -> None:
    answer = httpx.get(f"{service.url}/ProductTasks?op=<script>alert(1)</script>")
    assert answer.status_code == 404
    assert "<script" not in answer.text
    assert "UpdateInventory" in answer.text


def test_nothing_is_loaded_from_anywhere_and_nothing_runs(service: Service) -> None:
    for query in ("", "?op=UpdatePOSProducts"):
        answer = httpx.get(f"{service.url}/ProductTasks{query}")
        root = html.fromstring(answer.text)
        assert not root.xpath("//script|//link|//img|//iframe|//form|//@onclick|//@src")
        assert "url(" not in answer.text
        assert "@import" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_the_address_is_escaped() -> None:
    text = page("ProductTasks", 'http://x/"><script>alert(1)</script>', None)
    assert text is not None
    assert "<script" not in text


def test_every_field_of_a_request_is_explained() -> None:
    from integrator.contract.fields import members
    from integrator.contract.product_types import POSProduct

    text = page("ProductTasks", "http://x/ProductTasks", "UpdatePOSProducts") or ""
    for member in members(POSProduct):
        assert f"<code>{member.name}</code>" in text
