"""The three kinds of credentials: what is fetched, when it is renewed, and that nothing of it is lost."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from integrator.connectors.base import NeedsCredentials
from integrator.connectors.shopify.settings import ShopifyCredentials, shop_url
from tests.connectors.shopify.conftest import Bench, Build, Clock, Kept

DAY = 86_399


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("acme", "https://acme.myshopify.com"),
        (" Acme.myshopify.com/ ", "https://acme.myshopify.com"),
        ("https://admin.shopify.com/store/acme/products", "https://acme.myshopify.com"),
        ("https://acme.myshopify.com/admin", "https://acme.myshopify.com"),
        ("http://127.0.0.1:8091", "http://127.0.0.1:8091"),
    ],
)
def test_a_shop_is_named_in_many_ways(given: str, expected: str) -> None:
    assert shop_url(given) == expected


@pytest.mark.parametrize("given", ["", "https://admin.shopify.com/", "ftp://acme.myshopify.com"])
def test_what_names_no_shop_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="names no shop"):
        shop_url(given)


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        ({"access_token": "shpat_1"}, "token"),
        ({"access_token": "shpat_1", "client_secret": "s"}, "token"),
        ({"client_id": "c", "client_secret": "s"}, "client_credentials"),
        ({"access_token": "t", "refresh_token": "r", "client_id": "c", "client_secret": "s"}, "offline"),
    ],
)
def test_what_is_given_says_which_kind(given: dict[str, str], kind: str) -> None:
    assert ShopifyCredentials(shop="acme", **given).kind == kind


@pytest.mark.parametrize("given", [{}, {"client_id": "c"}, {"refresh_token": "r", "access_token": "t"}])
def test_half_of_a_kind_is_none(given: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        ShopifyCredentials(shop="acme", **given)


@pytest.fixture
def clock() -> Clock:
    return Clock()


def keep(bench: Bench, **given: Any) -> Kept:
    tokens = bench.shop.simulator.tokens
    app = {"shop": bench.shop.url, "client_id": tokens.client_id, "client_secret": tokens.client_secret}
    bench.kept = Kept(ShopifyCredentials(**{**app, **given}))
    return bench.kept


def test_client_credentials_are_exchanged_once_and_kept(build: Build, clock: Clock) -> None:
    bench = build(clock)
    kept = keep(bench)
    assert bench.connector().check().ok
    assert bench.connector().check().ok  # another job: it finds the token
    assert bench.shop.simulator.tokens.issued == 1
    assert len(kept.saved) == 1
    clock.now += DAY * 0.79
    assert bench.connector().check().ok
    assert bench.shop.simulator.tokens.issued == 1
    clock.now += DAY * 0.02  # four fifths of its life are over
    assert bench.connector().check().ok
    assert bench.shop.simulator.tokens.issued == 2


def test_a_token_that_was_taken_away_early_is_renewed_and_the_call_goes_on(build: Build, clock: Clock) -> None:
    bench = build(clock)
    keep(bench)
    connector = bench.connector()
    connector.check()
    bench.shop.simulator.tokens.alive.clear()
    assert connector.check().ok
    assert bench.shop.simulator.tokens.issued == 2


def test_wrong_client_credentials_say_what_to_do(build: Build, clock: Clock) -> None:
    bench = build(clock)
    keep(bench, client_secret="shpss_wrong")
    (item,) = bench.connector().check().items
    assert not item.ok
    assert "The client is unknown" in item.message
    assert "Dev Dashboard" in item.hint


def test_an_offline_token_is_refreshed_before_it_expires_and_its_pair_is_kept(build: Build, clock: Clock) -> None:
    bench = build(clock)
    token, refresh = bench.shop.simulator.tokens.offline()
    expires = bench.connector().client.now().timestamp() + 3600
    from datetime import UTC, datetime

    kept = keep(bench, access_token=token, refresh_token=refresh, expires_at=datetime.fromtimestamp(expires, UTC))
    assert bench.connector().check().ok
    assert bench.shop.simulator.tokens.issued == 0
    for round_ in range(1, 4):
        clock.now += 3600
        assert bench.connector().check().ok
        assert bench.shop.simulator.tokens.issued == round_
        assert kept.stored.refresh_token is not None
        assert kept.stored.refresh_token.get_secret_value() != refresh
        refresh = kept.stored.refresh_token.get_secret_value()
    assert [sorted(one) for one in kept.saved] == [["access_token", "expires_at", "refresh_token", "renew_at"]] * 3


def test_a_token_without_a_known_end_is_refreshed_at_once(build: Build, clock: Clock) -> None:
    bench = build(clock)
    token, refresh = bench.shop.simulator.tokens.offline()
    keep(bench, access_token=token, refresh_token=refresh)
    assert bench.connector().check().ok
    assert bench.shop.simulator.tokens.issued == 1


def test_two_processes_do_not_take_the_refresh_token_from_each_other(build: Build, clock: Clock) -> None:
    bench = build(clock)
    token, refresh = bench.shop.simulator.tokens.offline()
    keep(bench, access_token=token, refresh_token=refresh)
    one, other = bench.connector(), bench.connector()  # both have the old pair
    assert one.check().ok
    assert other.check().ok
    assert bench.shop.simulator.tokens.issued == 1
    clock.now += 3600
    assert other.check().ok
    assert one.check().ok
    assert bench.shop.simulator.tokens.issued == 2


def test_a_refresh_whose_answer_was_not_kept_is_made_again(build: Build, clock: Clock) -> None:
    """The process died between the answer and the write: the old refresh token is still good."""
    bench = build(clock)
    token, refresh = bench.shop.simulator.tokens.offline()
    kept = keep(bench, access_token=token, refresh_token=refresh)
    before = kept.stored
    bench.connector().client.tokens.renew()
    kept.stored = before
    assert bench.connector().check().ok


def test_a_refresh_token_that_is_over_stops_the_channel(build: Build, clock: Clock) -> None:
    bench = build(clock)
    keep(bench, access_token="shpat_gone", refresh_token="shprt_gone")
    with pytest.raises(NeedsCredentials) as caught:
        bench.connector().find(["A"])
    assert "Install the app" in caught.value.hint


def test_a_missing_scope_is_named_by_the_check_and_by_the_error(build: Build) -> None:
    bench = build(scopes="write_products,read_locations,read_orders")
    report = bench.connector().check()
    assert not report.ok
    bad = {one.name for one in report.items if not one.ok}
    assert "scope write_inventory" in bad
    assert "scope write_merchant_managed_fulfillment_orders" in bad
    assert "scope read_products" not in bad  # it comes with write_products
    with pytest.raises(NeedsCredentials) as caught:
        bench.connector().client.run("stock", {"input": STOCK, "key": "k"})
    assert caught.value.code == "MISSING_SCOPE"
    assert "write_inventory" in caught.value.hint


STOCK = {
    "name": "available", "reason": "correction",
    "quantities": [
        {"inventoryItemId": "gid://shopify/InventoryItem/1", "locationId": "gid://shopify/Location/1", "quantity": 1,
         "changeFromQuantity": None}
    ],
}  # fmt: skip


def test_another_version_is_alarming(build: Build) -> None:
    bench = build()
    connector = bench.connector()
    connector.check()
    connector.client.served_version = "2027-10"
    from integrator.connectors.shopify.checks import _version

    assert not _version(connector.client).ok


def test_customers_that_the_app_may_not_see_are_said(build: Build) -> None:
    report = build(customer_data=False).connector().check()
    (bad,) = [one for one in report.items if not one.ok]
    assert bad.name == "customer data"
    assert "Protected customer data" in bad.hint
