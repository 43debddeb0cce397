"""Shipments by location, each once whatever becomes of the answer; money with them or without."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.base import Rejected, UnknownOutcome
from integrator.connectors.pushes import ShipmentLine, ShipmentPush
from integrator.connectors.shopify.shipping import plan
from tests.connectors.shop import Line
from tests.connectors.shopify.conftest import Bench, Build, D
from tests.connectors.shopify.simulator.state import OUTLET, PRIMARY


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    for sku in "AB":
        bench.shop.add_product(sku, f"Product {sku}", price=D("10.00"), quantity=100)
    return bench


def shipment(bench: Bench, order: str, lines: dict[str, int], number: str = "SH-1", **given_: Any) -> ShipmentPush:
    known = {one["sku"]: one["id"] for one in bench.state.orders[order]["lines"]}
    made = tuple(ShipmentLine(known[sku], sku, sku, D(units)) for sku, units in lines.items())
    return ShipmentPush(number, order, made, **given_)


def sent(bench: Bench, order: str) -> list[dict[str, Any]]:
    return bench.shop.shipments(order)


def test_a_shipment_with_everything(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2), Line("B")])
    push = shipment(
        stocked, placed, {"A": 1}, tracking_numbers=("1Z-1", "1Z-2"), carrier="UPS", notify_customer=False,
        tracking_url="https://ups.example/1Z-1",
    )  # fmt: skip
    result = stocked.connector().send_shipment(push)
    (one,) = sent(stocked, placed)
    assert (one["tracking"], one["lines"], one["notified"]) == (["1Z-1", "1Z-2"], {"A": 1}, False)
    assert result.remote_id == stocked.state.orders[placed]["fulfillments"][0]["id"]
    assert stocked.calls().count("Fulfil") == 1
    stocked.connector().send_shipment(push)  # again
    assert len(sent(stocked, placed)) == 1
    assert "Fulfil" not in stocked.calls()


def test_one_call_for_each_location_and_one_event_for_the_pos(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A"), Line("B")], locations={"A": PRIMARY, "B": OUTLET})
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1, "B": 1}, tracking_numbers=("1Z",)))
    assert sorted((one["location"], tuple(one["lines"])) for one in sent(stocked, placed)) == [
        (PRIMARY, ("A",)), (OUTLET, ("B",))
    ]  # fmt: skip
    found = stocked.connector().pull_order(placed)
    assert found is not None
    (sale,) = found.transactions
    assert (sale.pos_shipment_id, len(sale.lines), sale.grand_total) == ("SH-1", 2, found.order.grand_total)


@pytest.mark.parametrize("mutation", ["MarkOrder", "Fulfil"])
def test_a_lost_answer_makes_no_second_shipment(stocked: Bench, mutation: str) -> None:
    """Two equal shipments of one order: each is told once, and the second is not taken for the first."""
    placed = stocked.shop.place_order([Line("A", 4)])
    for number in ("SH-1", "SH-2"):
        stocked.shop.misbehave(lose_next_answer=True, lose_mutation=mutation)
        with pytest.raises(UnknownOutcome):
            stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, number))
        stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, number))
    assert [one["lines"] for one in sent(stocked, placed)] == [{"A": 1}, {"A": 1}]
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2}, "SH-3"))
    assert len(sent(stocked, placed)) == 3


def test_between_two_locations_the_answer_is_lost(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A"), Line("B")], locations={"A": PRIMARY, "B": OUTLET})
    stocked.shop.misbehave(lose_next_answer=True, lose_mutation="Fulfil")
    push = shipment(stocked, placed, {"A": 1, "B": 1})
    with pytest.raises(UnknownOutcome):
        stocked.connector().send_shipment(push)
    stocked.connector().send_shipment(push)
    assert len(sent(stocked, placed)) == 2
    assert stocked.calls().count("Fulfil") == 2


def test_what_the_merchant_shipped_meanwhile_is_not_taken_for_ours(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    stocked.shop.ship(placed, {"A": 1})
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}))
    assert len(sent(stocked, placed)) == 2


@pytest.mark.parametrize(("change", "code"), [("cancel", "ORDER_CLOSED"), ("ship", "NOTHING_TO_SHIP")])
def test_what_cannot_be_shipped_is_refused_with_the_reason(stocked: Bench, change: str, code: str) -> None:
    placed = stocked.shop.place_order([Line("A")])
    getattr(stocked.shop, change)(placed)
    with pytest.raises(Rejected) as caught:
        stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}))
    assert caught.value.code == code
    assert caught.value.hint


def test_an_order_on_hold_is_said(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    stocked.state.orders[placed]["fulfillment_orders"][0]["status"] = "ON_HOLD"
    with pytest.raises(Rejected, match="ON_HOLD"):
        stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}))


def test_an_order_that_is_not_there(stocked: Bench) -> None:
    with pytest.raises(Rejected) as caught:
        stocked.connector().send_shipment(ShipmentPush("SH-1", "999", (ShipmentLine("1", "A", "A", D(1)),)))
    assert caught.value.code == "ORDER_MISSING"


@given(
    st.lists(
        st.tuples(st.sampled_from("12"), st.dictionaries(st.sampled_from("abc"), st.integers(0, 5), min_size=1)),
        max_size=4,
    ),
    st.dictionaries(st.sampled_from("abc"), st.integers(1, 6), min_size=1),
)
def test_a_plan_takes_what_is_there_and_says_what_is_missing(orders: list, wanted: dict[str, int]) -> None:
    nodes = [
        {
            "id": f"gid://shopify/FulfillmentOrder/{n}", "status": "OPEN",
            "supportedActions": [{"action": "CREATE_FULFILLMENT"}],
            "assignedLocation": {"location": {"id": f"gid://shopify/Location/{place}"}},
            "lineItems": {"nodes": [
                {"id": f"gid://shopify/FulfillmentOrderLineItem/{n}{line}", "remainingQuantity": units,
                 "lineItem": {"id": f"gid://shopify/LineItem/{line}"}}
                for line, units in lines.items()
            ]},
        }
        for n, (place, lines) in enumerate(orders)
    ]  # fmt: skip
    portions, missing = plan({"fulfillmentOrders": {"nodes": nodes}}, {line: D(n) for line, n in wanted.items()})
    for line, units in wanted.items():
        taken = sum((one.lines().get(line, D(0)) for one in portions), D(0))
        there = sum(lines.get(line, 0) for _, lines in orders)
        assert taken == min(units, there)
        assert missing.get(line, D(0)) == units - taken
    assert len({one.location for one in portions}) == len(portions)


# -- money


def test_money_is_taken_with_the_first_shipment(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)], authorised=True)
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, capture=True))
    order = stocked.state.orders[placed]
    assert result.captured
    assert stocked.shop.order(placed)["captured"] == order["total"]
    again = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, "SH-2", capture=True))
    assert (again.captured, again.warning) == (False, "")


def test_money_is_taken_with_the_last_shipment_where_the_channel_says_so(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)], authorised=True)
    connector = stocked.connector(capture_at="last")
    assert not connector.send_shipment(shipment(stocked, placed, {"A": 1}, capture=True)).captured
    assert stocked.shop.order(placed)["captured"] == 0
    last = shipment(stocked, placed, {"A": 1}, "SH-2", capture=True, completes_order=True)
    assert connector.send_shipment(last).captured


def test_the_customers_currency_is_named_when_it_is_another(build: Build) -> None:
    bench = build(presentment="USD", rate="1.1")
    bench.shop.add_product("A", "Product", price=D("10.00"), quantity=5)
    placed = bench.shop.place_order([Line("A")], authorised=True)
    bench.connector().capture(placed, None)
    assert bench.shop.order(placed)["captured"] == bench.state.orders[placed]["total"]


def test_a_part_is_captured_only_where_more_can_follow(build: Build) -> None:
    bench = build(multi_capture=True)
    bench.shop.add_product("A", "Product", price=D("10.00"), quantity=5)
    placed = bench.shop.place_order([Line("A", 2)], authorised=True, shipping=D(0), tax_rate=D(0))
    bench.connector().capture(placed, D("5.00"))
    bench.connector().capture(placed, D("15.00"))
    assert bench.shop.order(placed)["captured"] == 20
    bench.connector().capture(placed, None)  # nothing is open any more
    once = build()
    once.shop.add_product("A", "Product", price=D("10.00"), quantity=5)
    placed = once.shop.place_order([Line("A", 2)], authorised=True)
    with pytest.raises(Rejected) as caught:
        once.connector().capture(placed, D("5.00"))
    assert caught.value.code == "CAPTURE_PARTIAL"


def test_where_nothing_is_authorised_the_shipment_stands_and_says_so(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], paid=False)
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, capture=True))
    assert not result.captured
    assert "no authorised payment" in result.warning
    assert len(sent(stocked, placed)) == 1
