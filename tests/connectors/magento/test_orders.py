"""Orders, what happened to them, and shipments: what is peculiar to Magento."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrator.connectors.base import Rejected, UnknownOutcome
from integrator.connectors.magento import pull
from integrator.connectors.pushes import ShipmentLine, ShipmentPush
from integrator.connectors.records import PulledOrder
from tests.connectors.magento.conftest import (
    Bench,
    Build,
    D,
    push,
)
from tests.connectors.pushing import accepted, alone, style
from tests.connectors.shop import Line


def pulled(bench: Bench, order: str, **settings: Any) -> PulledOrder:
    found = bench.connector(**settings).pull_order(order)
    assert found is not None
    return found


def shipment(order: PulledOrder, units: dict[str, int], number: str = "SH-1", **given: Any) -> ShipmentPush:
    lines = {one.sku: one.line_id for one in order.order.lines}
    return ShipmentPush(
        shipment_id=number,
        order_remote_id=order.order.remote_id,
        lines=tuple(ShipmentLine(lines[sku], sku, sku, Decimal(count)) for sku, count in units.items()),
        **given,
    )


@pytest.fixture
def stocked(each: Bench) -> Bench:
    """A simple product and two variants, that can be bought."""
    red, blue = (push(f"V-{name}", price="20", quantity=50, options=(("Colour", name),)) for name in ("Red", "Blue"))
    connector = each.connector(publish_new=True)
    accepted(connector.push_content([*alone(push("A", quantity=50)), style("S", red, blue)]))
    each.calls()
    return each


# -- what an order is


def test_a_configurable_product_is_one_line_with_the_variants_sku(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("V-Red", 2), Line("A", 1)], discount=D("5.00"))
    rows = stocked.state.orders[int(placed)]["rows"]
    assert [one["type"] for one in rows] == ["configurable", "simple", "simple"]
    first, second = pulled(stocked, placed).order.lines
    assert (first.sku, first.unit_price, first.quantity_ordered, first.line_id) == (
        "V-Red",
        20,
        2,
        str(rows[0]["item_id"]),
    )
    assert first.remote == {"product": str(stocked.shop.find("V-Red")["id"])}
    assert (first.line_total, first.discount_amount, second.line_total) == (36, 4, 9)


def test_money_is_the_orders_and_not_the_shops(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 1)], shipping=D(5), tax_rate=D("0.2"))
    found = pulled(stocked, placed)
    assert (found.order.currency, found.order.grand_total, found.order.tax_amount) == ("EUR", 18, 3)
    assert [(one.type, one.amount, one.currency) for one in found.captures] == [("Capture", 18, "EUR")]
    assert stocked.shop.desk.order_out(stocked.state.orders[int(placed)])["base_grand_total"] == 22.5


def test_floats_are_no_amounts_to_calculate_with(stocked: Bench) -> None:
    placed = stocked.shop.place_order(
        [Line("A", 3, price=D("0.1")), Line("V-Red", 7, price=D("1.1"))], tax_rate=D("0.077")
    )
    found = pulled(stocked, placed).order
    assert sum(one.line_total for one in found.lines) + found.shipping_amount + found.tax_amount == found.grand_total
    assert found.rounding_amount == 0


@pytest.mark.parametrize(
    ("state", "method", "taken"),
    [
        ("pending_payment", "braintree", False),
        ("new", "checkmo", False),
        ("new", "cashondelivery", True),
        ("payment_review", "braintree", False),
    ],
)
def test_which_unpaid_orders_are_taken(stocked: Bench, state: str, method: str, taken: bool) -> None:
    placed = stocked.shop.place_order([Line("A")], paid=False)
    stocked.state.orders[int(placed)] |= {"state": state, "method": method}
    assert pulled(stocked, placed).admitted is taken


def test_the_statuses_of_the_channel_decide_where_it_has_any(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], paid=False)
    assert pulled(stocked, placed, order_statuses=["pending_payment"]).admitted
    assert not pulled(stocked, stocked.shop.place_order([Line("A")]), order_statuses=["complete"]).admitted


def test_what_is_paid_and_given_back_before_it_left_is_cancelled(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    stocked.shop.cancel(placed)
    found = pulled(stocked, placed)
    assert found.order.status == "closed"
    assert found.order.cancelled_at is not None
    assert [one.type for one in found.transactions] == ["Return"]


def test_parts_of_an_order_add_up_to_it(stocked: Bench) -> None:
    shop = stocked.shop
    placed = shop.place_order(
        [Line("V-Red", 3, price=D("3.33")), Line("A", 1, price=D("0.01"))], discount=D("1.00"), total_off_by=D("0.02")
    )
    shop.ship(placed, {"V-Red": 1})
    shop.ship(placed, {"V-Red": 2, "A": 1})
    found = pulled(stocked, placed)
    assert sum(one.grand_total for one in found.transactions) == found.order.grand_total
    assert found.order.rounding_amount == D("0.02")
    shop.refund(placed, {"V-Red": 1})
    shop.refund(placed, amount=D("1.50"))
    goods, only_money = [one for one in pulled(stocked, placed).transactions if one.type == "Return"]
    assert [(line.line_id, line.quantity) for line in goods.lines] == [(found.order.lines[0].line_id, 1)]
    assert (only_money.lines, only_money.adjustment_amount, only_money.grand_total) == ((), D("1.50"), D("1.50"))


# -- reading


def collected(bench: Bench, progress: dict[str, Any], **settings: Any) -> tuple[list[PulledOrder], dict[str, Any]]:
    found: list[PulledOrder] = []
    for page in bench.connector(**settings).pull_orders(progress):
        found += page.orders
        assert page.problems == ()
        progress = dict(page.progress)
    return found, progress


def test_a_quiet_poll_is_one_call_for_each_list(stocked: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "SETTLED", timedelta(0))
    placed = stocked.shop.place_order([Line("A")])
    stocked.shop.ship(placed)
    found, progress = collected(stocked, {})
    assert [one.order.remote_id for one in found] == [placed]
    stocked.calls()
    found, progress = collected(stocked, progress)
    assert found == []
    assert stocked.calls() == [f"GET /V1/{kind}" for kind in ("orders", "shipments", "invoices", "creditmemos")]


def test_a_tracking_number_that_comes_later_is_seen(stocked: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It changes the shipment, and not the order."""
    monkeypatch.setattr(pull, "SETTLED", timedelta(0))
    placed = stocked.shop.place_order([Line("A")])
    made = stocked.state.shipments[int(stocked.shop.ship(placed))]
    _, progress = collected(stocked, {})
    assert collected(stocked, progress)[0] == []
    made["tracks"].append({"id": 1, "track_number": "1Z9", "title": "UPS", "carrier_code": "ups"})
    stocked.state.ahead = timedelta(seconds=2)
    made["updated"] = stocked.state.stamp()
    ((found,), progress) = collected(stocked, progress)
    assert [one.tracking_numbers for one in found.transactions] == [("1Z9",)]
    assert collected(stocked, progress)[0] == []


def test_an_invoice_that_is_paid_later_is_a_capture_then(stocked: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pull, "SETTLED", timedelta(0))
    placed = stocked.shop.place_order([Line("A")])
    (invoice,) = stocked.state.invoices.values()
    invoice["state"] = 1
    found, progress = collected(stocked, {})
    assert found[0].captures == ()
    stocked.state.ahead = timedelta(seconds=2)
    invoice |= {"state": 2, "updated": stocked.state.stamp()}
    ((again,), _) = collected(stocked, progress)
    assert (again.order.remote_id, len(again.captures)) == (placed, 1)


def test_more_orders_of_one_second_than_a_page_has(stocked: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    placed = [stocked.shop.place_order([Line("A")]) for _ in range(11)]
    for order in stocked.state.orders.values():
        order["updated"] = "2026-11-01 12:00:00"
    connector = stocked.connector()
    connector.orders.size = 4
    found = [one.order.remote_id for page in connector.orders.changed({}) for one in page.orders]
    assert sorted(found) == sorted(placed)


def test_an_order_that_cannot_be_read_does_not_stop_the_others(bench: Bench) -> None:
    accepted(bench.connector().push_content(alone(push("A", quantity=50))))
    placed = [bench.shop.place_order([Line("A")]) for _ in range(3)]
    bench.state.orders[int(placed[1])] |= {"created": "", "updated": "tomorrow"}
    pages = list(bench.connector().pull_orders({}))
    assert sorted(one.order.remote_id for page in pages for one in page.orders) == sorted([placed[0], placed[2]])
    assert [problem.remote_id for page in pages for problem in page.problems] == [placed[1]]


# -- shipments


def test_a_shipment_names_the_configurable_products_row(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("V-Red", 2), Line("A", 1)])
    order = pulled(stocked, placed)
    sent = stocked.connector().send_shipment(
        shipment(order, {"V-Red": 1, "A": 1}, carrier="UPS Ground", tracking_numbers=("1Z1", "1Z2", "1Z1"))
    )
    assert stocked.shop.order(placed)["shipments"] == [{"tracking": ["1Z1", "1Z2"], "lines": {"V-Red": 1, "A": 1}}]
    made = stocked.state.shipments[int(sent.remote_id)]
    assert [one["carrier_code"] for one in made["tracks"]] == ["ups", "ups"]
    (sale,) = pulled(stocked, placed).transactions
    assert (sale.pos_shipment_id, sale.remote_id, sale.tracking_numbers) == ("SH-1", sent.remote_id, ("1Z1", "1Z2"))


def test_a_shipment_is_found_again_also_without_its_mark(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    order = pulled(stocked, placed)
    stocked.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        stocked.connector().send_shipment(shipment(order, {"A": 2}))
    again = stocked.connector().send_shipment(shipment(order, {"A": 2}))
    assert list(stocked.state.shipments) == [int(again.remote_id)]
    stocked.state.shipments[int(again.remote_id)]["comments"] = []
    assert stocked.connector().send_shipment(shipment(order, {"A": 2})).remote_id == again.remote_id
    with pytest.raises(Rejected):
        stocked.connector().send_shipment(shipment(order, {"A": 1}, "SH-2"))


def test_two_equal_shipments_are_two(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    order = pulled(stocked, placed)
    for number in ("SH-1", "SH-2", "SH-1", "SH-2"):
        stocked.connector().send_shipment(shipment(order, {"A": 1}, number))
    assert len(stocked.state.shipments) == 2


@pytest.mark.parametrize(
    ("state", "code"), [("canceled", "ORDER_CLOSED"), ("closed", "ORDER_CLOSED"), ("holded", "ORDER_ON_HOLD")]
)
def test_what_cannot_be_shipped_says_why(stocked: Bench, state: str, code: str) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    order = pulled(stocked, placed)
    stocked.state.orders[int(placed)]["state"] = state
    with pytest.raises(Rejected) as caught:
        stocked.connector().send_shipment(shipment(order, {"A": 1}))
    assert caught.value.code == code
    assert caught.value.hint


def test_more_than_is_open_is_refused_with_the_number(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    order = pulled(stocked, placed)
    stocked.shop.refund(placed, {"A": 1})
    with pytest.raises(Rejected, match="1 are open") as caught:
        stocked.connector().send_shipment(shipment(order, {"A": 2}))
    assert caught.value.code == "QTY_EXCEEDS_OPEN"


# -- money with the shipment


def test_money_is_taken_for_what_leaves_and_before_it_leaves(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("V-Red", 2), Line("A", 1)], authorised=True)
    order = pulled(stocked, placed)
    assert order.order.payment_status == "Authorised"
    stocked.calls()
    first = stocked.connector().send_shipment(shipment(order, {"V-Red": 1}, capture=True))
    calls = [one for one in stocked.calls() if one.startswith("POST")]
    assert calls == [f"POST /V1/order/{placed}/invoice", f"POST /V1/order/{placed}/ship"]
    assert first.captured
    # one V-Red and the shipping, each with tax
    assert stocked.shop.order(placed)["captured"] == D("29.75")
    stocked.connector().send_shipment(shipment(order, {"V-Red": 1, "A": 1}, "SH-2", capture=True))
    assert stocked.shop.order(placed)["captured"] == order.order.grand_total
    assert len(pulled(stocked, placed).captures) == 2


def test_what_cannot_be_paid_does_not_leave(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 1)], authorised=True)
    order = pulled(stocked, placed)
    stocked.state.misbehaviour.refuse_capture = True
    with pytest.raises(Rejected) as caught:
        stocked.connector().send_shipment(shipment(order, {"A": 1}, capture=True))
    assert caught.value.code == "CAPTURE_FAILED"
    assert stocked.state.shipments == {}
    stocked.state.misbehaviour.refuse_capture = False
    assert stocked.connector().send_shipment(shipment(order, {"A": 1}, capture=True)).captured


def test_money_is_taken_once_whatever_is_repeated(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)], authorised=True)
    order = pulled(stocked, placed)
    stocked.shop.misbehave(lose_next_answer=True)  # of the invoice
    with pytest.raises(UnknownOutcome):
        stocked.connector().send_shipment(shipment(order, {"A": 1}, capture=True))
    stocked.connector().send_shipment(shipment(order, {"A": 1}, capture=True))
    assert [one["items"][0]["qty"] for one in stocked.state.invoices.values()] == [1]
    assert len(stocked.state.shipments) == 1


def test_methods_without_a_gateway_are_left_to_the_merchant(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 1)], paid=False)
    stocked.state.orders[int(placed)] |= {"state": "new", "method": "cashondelivery"}
    result = stocked.connector().send_shipment(shipment(pulled(stocked, placed), {"A": 1}, capture=True))
    assert (result.captured, bool(result.warning)) == (False, True)
    assert stocked.state.invoices == {}


def test_a_capture_takes_all_of_it(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)], authorised=True)
    connector = stocked.connector()
    with pytest.raises(Rejected, match="units and not amounts"):
        connector.capture(placed, D("1.00"))
    connector.capture(placed, None)
    connector.capture(placed, None)
    assert len(stocked.state.invoices) == 1
    assert stocked.shop.order(placed)["captured"] == pulled(stocked, placed).order.grand_total


def test_an_open_invoice_is_captured_and_not_doubled(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    order = stocked.state.orders[int(placed)]
    (invoice,) = stocked.state.invoices.values()
    invoice["state"], order["paid"] = 1, D(0)
    result = stocked.connector().send_shipment(shipment(pulled(stocked, placed), {"A": 2}, capture=True))
    assert result.captured
    assert (invoice["state"], len(stocked.state.invoices)) == (2, 1)


def test_a_shipment_leaves_from_the_source_of_the_channel(build: Build) -> None:
    bench = build()
    accepted(bench.connector(source="outlet").push_content(alone(push("A", quantity=5))))
    placed = bench.shop.place_order([Line("A", 2)])
    bench.connector(ship_source="outlet").send_shipment(shipment(pulled(bench, placed), {"A": 2}))
    assert bench.shop.products()["A"].by_location == {"outlet": 3}
