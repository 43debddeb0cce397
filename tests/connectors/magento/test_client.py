"""The client: signing in two forms, limits found and kept to, and every kind of answer in its class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from integrator.connectors.base import ConnectorError, NeedsCredentials, Throttled, Transient, UnknownOutcome
from integrator.connectors.magento import oauth
from integrator.connectors.magento.client import Filter, NoRoute, NotFound, Search, filled, path_part
from integrator.connectors.magento.settings import MagentoCredentials, base_url
from integrator.connectors.pushes import Outcome
from tests.connectors.magento.conftest import Bench, Build, push
from tests.connectors.pushing import accepted, alone


@pytest.mark.parametrize(
    ("given_url", "base"),
    [
        ("https://shop.example/", "https://shop.example"),
        ("shop.example", "https://shop.example"),
        (" http://shop.example:8080/shop/ ", "http://shop.example:8080/shop"),
        ("https://shop.example:443/rest/all/V1/orders", "https://shop.example"),
        ("https://shop.example/index.php/admin/dashboard", "https://shop.example"),
    ],
)
def test_an_address_in_any_form_becomes_the_base(given_url: str, base: str) -> None:
    assert base_url(given_url) == base == base_url(base)


@pytest.mark.parametrize("text", ["", "https://", "ftp://shop.example"])
def test_what_is_no_address_is_refused_with_the_form_it_should_have(text: str) -> None:
    with pytest.raises(ValueError, match=r"https://shop\.example"):
        base_url(text)


# -- keys


def test_a_signature_is_the_one_of_the_specification() -> None:
    """Computed apart from us, with `openssl dgst -sha256 -hmac` over the base string of RFC 5849."""
    keys = oauth.Keys("ck", "cs", "tk", "ts")
    made = oauth.header(
        "GET", "https://shop.test/rest/all/V1/orders", [("searchCriteria[pageSize]", "1")], keys,
        timestamp=1700000000, nonce="abc",
    )  # fmt: skip
    assert f'oauth_signature="{oauth.encode("mmVuLtZF0MHnTtzInGviAmQ5jNc8I53wDBgcq0ymblA=")}"' in made


def test_three_keys_of_four_are_refused_when_the_channel_is_added() -> None:
    with pytest.raises(ValidationError, match="belong together"):
        MagentoCredentials(url="shop.example", access_token="t", consumer_key="k")
    assert MagentoCredentials(url="shop.example", access_token="t").consumer_key.get_secret_value() == ""


@pytest.mark.parametrize("wrong", ["consumer_key", "consumer_secret", "access_token", "access_token_secret"])
def test_each_wrong_key_is_credentials(bench: Bench, wrong: str) -> None:
    connector = bench.connector({**bench.shop.credentials(), wrong: "wrong"})
    with pytest.raises(NeedsCredentials) as caught:
        connector.pull_order("1")
    assert "Integrations" in caught.value.hint
    assert not connector.check().ok


def test_a_bearer_is_an_option_and_where_it_is_off_the_hint_says_so(build: Build) -> None:
    alone_token = {"access_token": "t" * 32}
    on, off = build(bearer=True), build()
    accepted(on.connector().push_content(alone(push("A"))))
    with pytest.raises(NeedsCredentials) as caught:
        off.connector({"url": off.shop.url, **alone_token}).pull_order("1")
    assert caught.value.code == "SCOPE_MISSING"


@pytest.mark.parametrize("sku", ["A/B", "A B", "A+B&C", "50%", "Ä,Ö", "a:b=c@d"])
@pytest.mark.parametrize("version", ["2.4.7", "2.4.9"])
def test_skus_with_slashes_and_blanks_are_signed_as_the_version_does(build: Build, version: str, sku: str) -> None:
    """Without sources the SKU stands in the path; older versions sign it unescaped."""
    bench = build(version, msi=False)
    (one,) = bench.made(push(sku, quantity=1))
    accepted(bench.connector().push_stock(alone(one)))
    connector = bench.connector()
    found = connector.find([sku])[sku]
    assert [listing.sku for listing in found] == [sku]
    assert bench.shop.products()[sku].quantity == 1


def test_what_is_learnt_of_the_signature_is_kept_for_the_job(build: Build) -> None:
    bench = build("2.4.7", msi=False)
    listings = bench.made(push("A/1"), push("A/2"))
    accepted(bench.connector().push_stock(alone(*listings)))
    assert len([one for one in bench.calls() if one.startswith("PUT")]) == 3  # the first one twice


def test_secrets_are_not_in_the_journal(bench: Bench) -> None:
    bench.connector().check()
    auth = bench.shop.simulator.auth
    text = "".join(f"{one.url} {one.request} {one.answer}" for one in bench.attempts)
    assert bench.attempts
    assert not any(one in text for one in (auth.consumer_secret, auth.token, auth.token_secret))


@pytest.mark.parametrize(
    "resource",
    [
        "Magento_Sales::ship",
        "Magento_Sales::sales_creditmemo",
        "Magento_Catalog::catalog",
        "Magento_InventoryApi::source",
    ],
)
def test_a_missing_resource_is_named(build: Build, resource: str) -> None:
    report = build(denied=frozenset({resource})).connector().check()
    assert not report.ok
    (wrong,) = [one for one in report.items if not one.ok]
    assert resource in wrong.message
    assert resource in wrong.hint


def test_a_check_writes_nothing(each: Bench) -> None:
    before = (dict(each.state.products), dict(each.state.source_items))
    assert each.connector().check().ok
    assert (each.state.products, each.state.source_items) == before


def test_a_clock_that_is_off_is_found(bench: Bench) -> None:
    bench.state.ahead = timedelta(minutes=3)
    wrong = [one for one in bench.connector().check().items if not one.ok]
    assert [one.name for one in wrong] == ["clock"]


# -- answers


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ({"message": "Invalid %1 of %2", "parameters": ["id", 7]}, "Invalid id of 7"),
        ({"message": "No %fieldName = %fieldValue", "parameters": {"fieldName": "id", "fieldValue": 7}}, "No id = 7"),
        ({"message": "Invalid %fieldName = %fieldValue.", "parameters": ["SKU", "A"]}, "Invalid SKU = A."),
        ({"message": "The most money available to refund is %1."}, "The most money available to refund is …."),
        ({"message": "Two", "errors": [{"message": "%1 is wrong", "parameters": ["a"]}]}, "Two a is wrong"),
        ({"message": "100% sure"}, "100% sure"),
    ],
)
def test_messages_are_filled(error: dict[str, Any], text: str) -> None:
    assert filled(error) == text


@given(
    st.dictionaries(st.sampled_from(["message", "parameters", "errors"]), st.text() | st.lists(st.text()) | st.none())
)
def test_no_message_is_too_odd_to_be_read(error: dict[str, Any]) -> None:
    assert isinstance(filled(error), str)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [(403, Transient, "BLOCKED"), (404, Transient, "NO_API"), (401, NeedsCredentials, "SITE_PASSWORD"),
     (200, Transient, "BROKEN_ANSWER"), (302, NeedsCredentials, "REDIRECTED"), (503, Transient, "HTTP_503")],
)  # fmt: skip
def test_pages_of_html_are_never_answers(bench: Bench, status: int, kind: type[ConnectorError], code: str) -> None:
    client = bench.connector().client
    bench.state.misbehaviour.html_next, bench.state.misbehaviour.html_status = 1, status
    with pytest.raises(kind) as caught:
        client.get("V1/store/websites")
    assert caught.value.code == code
    client.get("V1/store/websites")  # and it goes on


def test_waiting_failing_and_silence_have_their_classes(bench: Bench) -> None:
    client = bench.connector().client
    bench.shop.misbehave(throttle_next=1, retry_after=30)
    with pytest.raises(Throttled) as waits:
        client.get("V1/store/websites")
    assert waits.value.until is not None
    assert timedelta(seconds=20) < waits.value.until - datetime.now(UTC) < timedelta(seconds=40)
    bench.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        client.post("V1/products/base-prices", {"prices": []})
    with pytest.raises(NoRoute):
        client.get("V1/nothing/like/this")
    with pytest.raises(NotFound):
        client.get("V1/orders/987654")


def test_a_product_without_sku_is_a_plain_text_that_nobody_takes_for_an_answer(bench: Bench) -> None:
    with pytest.raises(Transient) as caught:
        bench.connector().client.post("V1/products", {"product": {"sku": "", "name": "x"}})
    assert caught.value.code == "HTTP_500"


def test_a_shop_that_is_busy_with_itself_is_tried_again(bench: Bench) -> None:
    bench.state.misbehaviour.deadlock_next = 1
    (result,) = bench.connector().push_content(alone(push("A")))
    assert (result.outcome, result.code) == (Outcome.RETRY, "SHOP_BUSY")


# -- limits


def test_the_page_limit_is_learnt_once(build: Build) -> None:
    bench = build(page_limit=30)
    for n in range(70):
        bench.shop.add_product(f"S-{n:02}", f"Item {n}")
    assert len(list(bench.connector().read_listings())) == 70
    assert bench.connector().client.limits.page == 30
    bench.calls()
    assert len(list(bench.connector().read_listings())) == 70
    assert len([one for one in bench.calls() if one.endswith("/V1/products")]) == 3


def test_the_last_page_is_not_taken_twice(bench: Bench) -> None:
    for n in range(7):
        bench.shop.add_product(f"S-{n}", f"Item {n}")
    found = list(bench.connector().client.all("V1/products", Search(size=3, sort=("entity_id",))))
    assert [one["sku"] for one in found] == [f"S-{n}" for n in range(7)]
    found = list(bench.connector().client.by_id("V1/products", Search(size=7), "id"))
    assert len(found) == 7


def test_filters_with_every_sign_find_what_they_name(each: Bench) -> None:
    for sku in ("a,b", "a", "b", "x&y=z", "100%", "ü ö", "1+1"):
        each.shop.add_product(sku, sku)
        page = each.connector().client.search("V1/products", Search(((Filter("sku", sku),),)))
        assert [one["sku"] for one in page.items] == [sku]
        assert each.connector().find([sku, "a", "b"])[sku][0].sku == sku


@given(st.text())
def test_a_path_part_is_one_part(text: str) -> None:
    assert "/" not in path_part(text)
    assert "?" not in path_part(text)


def test_a_host_with_a_quota_is_waited_for(build: Build) -> None:
    """Nothing tells a quota before it is used up: one refusal, with the time to come back, and no second one."""
    bench = build(quota=(20, 3600.0))
    connector = bench.connector()
    for n in range(20):
        connector.client.get("V1/store/websites")
        assert bench.state.refused == 0, n
    with pytest.raises(Throttled) as caught:
        connector.client.get("V1/store/websites")
    assert bench.state.refused == 1
    assert caught.value.until is not None
