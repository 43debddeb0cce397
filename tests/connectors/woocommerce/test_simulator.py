"""The simulator against itself: it refuses what WooCommerce refuses, and notices what its version does not know."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from integrator.connectors.base import ConnectorError, Transient
from tests.connectors.shop import Line
from tests.connectors.woocommerce.conftest import Bench, Build
from tests.connectors.woocommerce.simulator import VERSIONS
from tests.connectors.woocommerce.simulator.specs import Violation

D = Decimal


def test_basic_over_plain_http_is_401(bench: Bench) -> None:
    known = bench.shop.credentials()
    answer = httpx.get(
        f"{bench.shop.url}/wp-json/wc/v3/products", auth=(known["consumer_key"], known["consumer_secret"])
    )
    assert (answer.status_code, answer.json()["code"]) == (401, "woocommerce_rest_cannot_view")


def test_a_signed_request_cannot_be_sent_twice(bench: Bench) -> None:
    from integrator.connectors.woocommerce import oauth

    known = bench.shop.credentials()
    url = f"{bench.shop.url}/wp-json/wc/v3/products"
    signed = dict(oauth.signed("GET", url, [], known["consumer_key"], known["consumer_secret"]))
    assert httpx.get(url, params=signed).status_code == 200
    assert httpx.get(url, params=signed).json()["message"].startswith("Invalid nonce")
    stale = dict(oauth.signed("GET", url, [], known["consumer_key"], known["consumer_secret"], timestamp=1))
    assert httpx.get(url, params=stale).json()["message"] == "Invalid timestamp."


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("wc/v3/products", {"per_page": 101}),
        ("wc/v3/products", {"status": "nonsense"}),
        ("wc/v3/orders", {"modified_after": "yesterday"}),
        ("wc/v3/orders", {"unknown": 1}),
    ],
)
def test_arguments_that_the_index_does_not_have_are_noticed(
    each: Bench, path: str, query: dict[str, str | int]
) -> None:
    with pytest.raises(ConnectorError):
        each.connector().client.get(path, query)
    assert len(each.state.violations) == 1
    each.state.violations.clear()


@pytest.mark.parametrize(
    "body",
    [
        {"create": [{"regular_price": 10}]},
        {"create": [{"nonsense": "x"}]},
        {"update": [{"stock_quantity": 1}]},
        {"create": [{"categories": [{"id": 1, "name": "read-only"}]}]},
        {"make": []},
    ],
)
def test_bodies_that_the_index_does_not_have_are_noticed(each: Bench, body: dict[str, list]) -> None:
    with pytest.raises(ConnectorError):
        each.connector().client.post("wc/v3/products/batch", body)
    assert len(each.state.violations) == 1
    each.state.violations.clear()


def test_answers_are_checked_against_the_schema_of_the_version(specs: Path) -> None:
    from tests.connectors.woocommerce.simulator.specs import specs as load

    for version in VERSIONS:
        known = load(specs, version)
        good = known.filled("/wc/v3/products", {"id": 1, "regular_price": "10"})
        known.check_answer("/wc/v3/products", good)
        for wrong in (
            {**good, "regular_price": 10},
            {**good, "id": "1"},
            {k: v for k, v in good.items() if k != "sku"},
        ):
            with pytest.raises(Violation):
                known.check_answer("/wc/v3/products", wrong)
    fields = [set(load(specs, version).fields("/wc/v3/products")) for version in VERSIONS]
    assert "brands" in fields[2] - fields[1]
    assert "global_unique_id" in fields[1] - fields[0]


def test_ten_a_page_unless_more_are_asked_for(bench: Bench) -> None:
    for number in range(12):
        bench.shop.add_product(f"P-{number}", "x")
    client = bench.connector().client
    assert len(client.get("wc/v3/products")) == 10
    assert len(client.get("wc/v3/products", {"page": 2})) == 2


def test_a_refund_above_the_total_is_a_500(each: Bench) -> None:
    each.shop.add_product("A", "x")
    order = each.shop.place_order([Line("A")])
    with pytest.raises(Transient, match="HTTP 500"):
        each.connector().client.post(f"wc/v3/orders/{order}/refunds", {"amount": "1000"})


def test_stock_goes_down_on_paid_orders_and_back_on_refunded_lines(each: Bench) -> None:
    each.shop.add_product("A", "x", quantity=10)
    each.shop.place_order([Line("A", 3)], paid=False)
    assert each.shop.products()["A"].quantity == 10
    order = each.shop.place_order([Line("A", 3)])
    assert each.shop.products()["A"].quantity == 7
    each.shop.refund(order, {"A": 1})
    assert each.shop.products()["A"].quantity == 8
    each.shop.refund(order, {"A": 1}, restock=False)
    assert each.shop.products()["A"].quantity == 8
    each.shop.refund(order, amount=D("0.50"))
    assert each.shop.products()["A"].quantity == 8
    other = each.shop.place_order([Line("A", 2)])
    each.shop.cancel(other)
    assert each.shop.products()["A"].quantity == 8


def test_errors_stay_inside_a_200_and_numbers_are_texts(each: Bench) -> None:
    client = each.connector().client
    body = {"create": [{"name": "A & B", "sku": "A", "regular_price": "10.50"}, {"name": "B", "sku": "a"}]}
    first, second = client.post("wc/v3/products/batch", body)["create"]
    assert (first["name"], first["regular_price"], type(first["id"])) == ("A &amp; B", "10.50", int)
    assert second["id"] == 0
    assert second["error"]["code"] == "product_invalid_sku"
    assert second["error"]["data"]["resource_id"] == first["id"]


def test_routes_and_features_are_those_of_the_version(build: Build) -> None:
    old, new = build("8.3.1", fulfilments=True), build("11.0.1", fulfilments=True)
    new.shop.add_product("A", "x")
    order = new.shop.place_order([Line("A")])
    assert new.connector().client.get(f"wc/v3/orders/{order}/fulfillments") == []
    for path in ("wc/v3/variations", "wc/v3/refunds", "wc/v3/orders/1/fulfillments"):
        with pytest.raises(ConnectorError, match="No route"):
            old.connector().client.get(path)
    new.connector().client.get("wc/v3/variations")


def test_a_variation_must_have_its_option_on_the_parent_first(bench: Bench) -> None:
    """The connector's tests rely on this being noticed."""
    parent = bench.shop.back_office.create(
        {"name": "P", "type": "variable", "attributes": [{"name": "Size", "variation": True, "options": ["S"]}]}
    )
    bench.shop.back_office.create_variation(parent["id"], {"attributes": [{"name": "Size", "option": "XL"}]})
    assert "no option 'XL'" in bench.state.violations[0]
    bench.state.violations.clear()
