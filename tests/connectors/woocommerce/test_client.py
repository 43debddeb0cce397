"""The client: keys in three forms, addresses, pages, and every kind of answer in its class."""

from __future__ import annotations

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import assume, given
from hypothesis import strategies as st

from integrator.connectors.base import ConnectorError, NeedsCredentials, Rejected, Throttled, Transient, UnknownOutcome
from integrator.connectors.http import USER_AGENT, trusted
from integrator.connectors.woocommerce import oauth
from integrator.connectors.woocommerce.client import Client, NoRoute, NotFound, TooLarge, chunks, parse
from integrator.connectors.woocommerce.settings import WooCredentials, WooSettings, base_url
from tests.connectors.pushing import alone
from tests.connectors.woocommerce.conftest import Bench, Build, push
from tests.connectors.woocommerce.simulator import Features, WooShop


def client(shop: WooShop, *, key: str = "", secret: str = "", **settings: object) -> Client:
    known = shop.credentials()
    credentials = WooCredentials(
        url=known["url"],
        consumer_key=key or known["consumer_key"],
        consumer_secret=secret or known["consumer_secret"],
    )
    return Client(credentials, WooSettings(**settings), lambda attempt: None)


# -- addresses


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("shop.example", "https://shop.example"),
        (" http://shop.example:8080/wp/ ", "http://shop.example:8080/wp"),
        ("https://shop.example:443/", "https://shop.example"),
        ("http://shop.example:80", "http://shop.example"),
        ("https://shop.example/wp-json/wc/v3", "https://shop.example"),
        ("https://shop.example/fr/wp-admin/admin.php?page=wc-settings", "https://shop.example/fr"),
        ("https://müller.example", "https://müller.example"),
    ],
)
def test_an_address_in_any_form_becomes_the_base(given_url: str, base: str) -> None:
    assert base_url(given_url) == base
    assert base_url(base) == base


@pytest.mark.parametrize("text", ["", "https://", "ftp://shop.example", "file:///etc/passwd"])
def test_what_is_no_address_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match=r"https://shop\.example"):
        base_url(text)


# -- keys


def test_over_plain_http_requests_are_signed_and_basic_is_refused(bench: Bench) -> None:
    made = client(bench.shop)
    assert made.get("wc/v3/products", {"sku": "a b,ä&c", "_fields": "id"}) == []
    made.post("wc/v3/products/batch", {"update": []})
    with pytest.raises(NeedsCredentials, match="signature"):
        client(bench.shop, secret="cs_wrong").get("wc/v3/products")
    with pytest.raises(NeedsCredentials, match="Consumer key"):
        client(bench.shop, key="ck_wrong").get("wc/v3/products")


def test_a_signature_is_the_one_of_the_specification() -> None:
    """Computed apart from us, with `openssl dgst -sha256 -hmac` over the base string of RFC 5849."""
    parameters = oauth.signed(
        "GET",
        "http://shop.test/wp-json/wc/v3/orders",
        [("status", "any"), ("after", "2026-01-01T00:00:00")],
        "ck_1",
        "cs_2",
        timestamp=1700000000,
        nonce="abc",
    )
    assert dict(parameters)["oauth_signature"] == "mHxInwVz+kBXAMmB4ZlyLuGWUudeH9UyqtM60hh/4y4="


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    """A certificate for localhost that this process trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = (
        builder.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
    )
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
    certificate = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(
        key, hashes.SHA256()
    )
    bundle, secret = tmp_path / "certificate.pem", tmp_path / "key.pem"
    bundle.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(bundle, secret)
    trusted.cache_clear()  # the certificates are read once a process
    yield context
    trusted.cache_clear()


def test_over_https_the_keys_are_basic(specs: Path, tls: ssl.SSLContext) -> None:
    shop = WooShop(specs, "11.0.1", tls=tls)
    made = client(shop)
    made.get("wc/v3/products")
    assert made.auth == "header"
    assert len(shop.state.requests) == 1
    with pytest.raises(NeedsCredentials, match="secret is invalid"):
        client(shop, secret="cs_wrong").get("wc/v3/products")
    shop.close()


def test_a_host_that_drops_the_header_gets_the_keys_in_the_query(specs: Path, tls: ssl.SSLContext) -> None:
    shop = WooShop(specs, "11.0.1", Features(drop_authorization=True), tls=tls)
    made = client(shop)
    made.get("wc/v3/products")
    made.get("wc/v3/products")
    assert made.auth == "query"
    assert len(shop.state.requests) == 3  # the first one twice
    with pytest.raises(NeedsCredentials):
        client(shop, auth="header").get("wc/v3/products")
    client(shop, auth="query").get("wc/v3/products")
    shop.close()


def test_a_shop_that_does_not_know_it_is_reached_over_https_gets_signatures(specs: Path, tls: ssl.SSLContext) -> None:
    shop = WooShop(specs, "11.0.1", Features(unaware_of_https=True), tls=tls)
    made = client(shop)
    made.get("wc/v3/products")
    made.post("wc/v3/products/batch", {"update": []})
    assert made.auth == "signature"
    assert len(shop.state.requests) == 4  # the first one in three ways
    client(shop, auth="signature").get("wc/v3/products")
    shop.close()


def test_secrets_are_not_in_the_journal(specs: Path, tls: ssl.SSLContext) -> None:
    shop = WooShop(specs, "11.0.1", tls=tls)
    urls: list[str] = []
    credentials = WooCredentials(**shop.credentials())
    made = Client(credentials, WooSettings(auth="query"), lambda attempt: urls.append(attempt.url))
    made.get("wc/v3/products")
    assert urls
    assert not any(shop.simulator.secret in url or shop.simulator.key in url for url in urls)
    assert shop.simulator.secret not in repr(credentials)
    shop.close()


def test_a_read_only_key_may_read_and_says_what_it_lacks(build: Build) -> None:
    bench = build(permissions="read")
    made = client(bench.shop)
    made.get("wc/v3/products")
    with pytest.raises(NeedsCredentials, match="write permissions") as caught:
        made.post("wc/v3/products/batch", {"update": []})
    assert "Read/Write" in caught.value.hint


def test_reads_are_never_the_same_url_twice_and_say_who_asks(bench: Bench) -> None:
    made = bench.connector()
    made.client.get("wc/v3/products")
    made.client.get("wc/v3/products")
    first, second = (attempt.url for attempt in bench.attempts)
    assert first.split("oauth_consumer_key")[0] != second.split("oauth_consumer_key")[0]
    assert made.client.http.client.headers["User-Agent"] == USER_AGENT


# -- answers


def test_json_is_found_in_what_stands_around_it() -> None:
    notice = '<br />\n<b>Warning</b>: Undefined array key "x" in {/plugin/[a].php} on line 3<br />\n'
    assert parse('\ufeff{"a": 1.10}') == {"a": Decimal("1.10")}
    assert parse(notice + '[{"id": 7, "name": "x"}]') == [{"id": 7, "name": "x"}]
    assert parse('{"id": 7}\n<!-- Cached by a plugin -->') == {"id": 7}
    for page in ("<!DOCTYPE html><html><body>{}</body></html>", "", "Service unavailable"):
        with pytest.raises(ValueError):
            parse(page)


@given(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_noise_around_an_answer_never_changes_it(noise: str, value: object) -> None:
    """Whatever a plugin prints, also JSON, as long as it is shorter than the answer."""
    assume("<html" not in noise.lower())
    assume("<!doctype" not in noise.lower())
    answer = {"data": value, "padding": "x" * (len(noise) + 10)}
    assert parse(noise + json.dumps(answer)) == answer
    assert parse(json.dumps(answer) + noise) == answer


def test_a_shop_with_notices_works(build: Build) -> None:
    bench = build(noise="\ufeff<br />\n<b>Deprecated</b>: Function [x] in {y} on line 3<br />\n")
    assert bench.connector().push_content(alone(push("A")))[0].remote["product"]


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (403, Transient, "BLOCKED"),
        (404, Transient, "NO_API"),
        (413, TooLarge, "TOO_LARGE"),
        (401, NeedsCredentials, "SITE_PASSWORD"),
        (503, Transient, "HTTP_503"),
        (200, Transient, "HTML_ANSWER"),
        (302, NeedsCredentials, "REDIRECTED"),
    ],
)
def test_pages_of_html_are_never_answers(bench: Bench, status: int, kind: type[ConnectorError], code: str) -> None:
    made = client(bench.shop)
    bench.state.misbehaviour.html_next, bench.state.misbehaviour.html_status = 1, status
    with pytest.raises(kind) as caught:
        made.get("wc/v3/products")
    assert caught.value.code == code
    assert caught.value.message
    made.get("wc/v3/products")  # and it goes on


def test_waiting_failing_and_silence_have_their_classes(bench: Bench) -> None:
    made = client(bench.shop)
    bench.shop.misbehave(throttle_next=1, retry_after=30)
    with pytest.raises(Throttled) as waits:
        made.get("wc/v3/products")
    assert waits.value.until is not None
    assert timedelta(seconds=20) < waits.value.until - datetime.now(UTC) < timedelta(seconds=40)
    bench.shop.misbehave(fail_next=1, status=500)
    with pytest.raises(Transient):
        made.post("wc/v3/products/batch", {"update": []})
    bench.shop.misbehave(fail_next=1, status=504)
    with pytest.raises(UnknownOutcome):
        made.post("wc/v3/products/batch", {"update": []})
    bench.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        made.post("wc/v3/products/batch", {"update": []})
    gone = WooCredentials(url="http://127.0.0.1:9", consumer_key="ck", consumer_secret="cs")
    with pytest.raises(Transient) as away:
        Client(gone, WooSettings(), lambda attempt: None).get("wc/v3/products")
    assert away.value.code == "UNREACHABLE"


def test_missing_routes_and_missing_things_are_told_apart(bench: Bench) -> None:
    made = client(bench.shop)
    with pytest.raises(NoRoute):
        made.get("wc/v3/orders/1/fulfillments")
    with pytest.raises(NotFound):
        made.get("wc/v3/orders/987654321")
    with pytest.raises(TooLarge):
        made.post("wc/v3/products/batch", {"update": [{"id": 1}] * 101})
    with pytest.raises(Rejected, match="no argument"):
        made.get("wc/v3/products", {"nonsense": 1})
    bench.state.violations.clear()


# -- pages


def test_a_list_is_read_to_its_end_by_the_headers(bench: Bench) -> None:
    for number in range(230):
        bench.shop.add_product(f"P-{number:03}", "x")
    made = client(bench.shop)
    assert made.page("wc/v3/products", {}).total == 230
    assert len(list(made.all("wc/v3/products", {"orderby": "id", "order": "asc"}))) == 230


@pytest.mark.parametrize("deleted", [1, 30, 95])
def test_a_list_by_id_is_complete_while_things_are_deleted_between_pages(bench: Bench, deleted: int) -> None:
    for number in range(260):
        bench.shop.add_product(f"P-{number:03}", "x")
    ids = sorted(bench.state.products)
    found: list[int] = []
    for one in client(bench.shop).by_id("wc/v3/products", {"status": "any"}):
        found.append(one["id"])
        if len(found) == 100:  # the first page was read: some of it goes
            for number in ids[:deleted]:
                bench.shop.back_office.delete(number)
    assert found == ids


@given(st.lists(st.text(min_size=1, max_size=80), max_size=60), st.integers(1, 50))
def test_chunks_lose_nothing_and_fit(values: list[str], most: int) -> None:
    parts = list(chunks(values, most))
    assert [one for part in parts for one in part] == values
    assert all(0 < len(part) <= most for part in parts)
    assert all(len(part) == 1 or sum(len(oauth.encode(one)) + 3 for one in part) <= 1_500 for part in parts)
