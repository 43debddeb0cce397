"""Shipments of the POS, and taking the money."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from integrator.connectors.base import Rejected, UnknownOutcome
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.bigcommerce.shipping import tracking_fields
from integrator.connectors.pushes import ShipmentLine, ShipmentPush
from tests.connectors.bigcommerce.conftest import Bench
from tests.connectors.shop import Line

D = Decimal


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    for sku in ("A", "B"):
        bench.shop.add_product(sku, f"Product {sku}", price=D(10), quantity=50)
    return bench


def shipment(bench: Bench, placed: str, lines: dict[str, int], **given: Any) -> ShipmentPush:
    ids = {one["sku"]: str(one["id"]) for one in bench.state.orders[int(placed)]["lines"]}
    items = tuple(ShipmentLine(ids[sku], sku, sku, D(units)) for sku, units in lines.items())
    return ShipmentPush(given.pop("shipment_id", "SH-1"), placed, items, **given)


def test_goods_for_two_addresses_are_two_shipments(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2), Line("B")], addresses=2)
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2, "B": 1}, tracking_numbers=("1Z",)))
    made = stocked.state.orders[int(placed)]["shipments"]
    assert len({one["order_address_id"] for one in made}) == 2
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2, "B": 1}, tracking_numbers=("1Z",)))
    assert len(made) == 2


def test_a_shipment_that_was_interrupted_between_two_addresses_is_finished(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2), Line("B")], addresses=2)
    stocked.state.misbehaviour.lose_next = 1
    with pytest.raises(UnknownOutcome):
        stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2, "B": 1}))
    made = stocked.state.orders[int(placed)]["shipments"]
    assert len(made) == 1
    stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2, "B": 1}))
    assert len(made) == 2


def test_the_shipment_of_the_pos_is_known_when_it_is_pulled(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 2}, tracking_numbers=("1Z", "2Z")))
    found = stocked.connector().pull_order(placed)
    assert found is not None
    (sale,) = found.transactions
    assert (sale.pos_shipment_id, sale.key, sale.tracking_numbers) == (
        "SH-1",
        f"shipment-{result.remote_id}",
        ("1Z", "2Z"),
    )


@pytest.mark.parametrize(
    ("carrier", "field", "value"),
    [
        ("UPS", "tracking_carrier", "ups"),
        ("Fed-Ex Ground", "shipping_provider", "Fed-Ex Ground"),
        ("FedEx®", "tracking_carrier", "fedex"),
        ("Royal Mail", "shipping_provider", "royalmail"),
        ("Our own van", "shipping_provider", "Our own van"),
        ("Kurier", "tracking_carrier", "dpd-poland"),
    ],
)
def test_carriers(carrier: str, field: str, value: str) -> None:
    settings = BigSettings(carriers={"kurier": "dpd-poland"})
    body = tracking_fields(ShipmentPush("S", "1", (), carrier=carrier, tracking_url="https://t.example/1"), settings)
    assert body[field] == value
    assert body["tracking_link"] == "https://t.example/1"
    assert len({"tracking_carrier", "shipping_provider"} & set(body)) == 1


def test_numbers_that_do_not_fit_go_to_the_comments() -> None:
    numbers = tuple(f"{n}" * 20 for n in range(1, 4))
    body = tracking_fields(ShipmentPush("S", "1", (), tracking_numbers=numbers), BigSettings())
    assert body["tracking_number"] == numbers[0]
    assert all(one in body["comments"] for one in numbers)


def test_a_closed_order_takes_no_shipment(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    stocked.shop.cancel(placed)
    with pytest.raises(Rejected) as caught:
        stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}))
    assert caught.value.code == "ORDER_CLOSED"
    assert caught.value.hint


def test_goods_that_are_picked_up_complete_the_order(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], pickup=True)
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, completes_order=True))
    assert stocked.state.orders[int(placed)]["status_id"] == 10
    assert result.warning == ""


def test_money_is_taken_as_a_whole_and_later(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)], authorised=True)
    with pytest.raises(Rejected, match="as a whole"):
        stocked.connector().capture(placed, D("1.00"))
    stocked.connector().capture(placed, None)
    stocked.connector().capture(placed, None)  # again does nothing
    assert stocked.calls().count(f"POST /v3/orders/{placed}/payment_actions/capture") == 1


def test_a_gateway_that_refuses_is_told_and_the_shipment_stands(stocked: Bench) -> None:
    stocked.state.features.capture_fails = True
    stocked.state.features.capture_takes = 1
    placed = stocked.shop.place_order([Line("A")], authorised=True)
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, capture=True))
    assert not result.captured
    assert "refused" in result.warning
    assert len(stocked.state.orders[int(placed)]["shipments"]) == 1


def test_an_order_without_an_authorisation_has_nothing_to_take(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], paid=False)
    with pytest.raises(Rejected) as caught:
        stocked.connector().capture(placed, None)
    assert caught.value.code == "CAPTURE_NOTHING"


def test_whether_the_customer_is_mailed_is_the_shop_s(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    result = stocked.connector().send_shipment(shipment(stocked, placed, {"A": 1}, notify_customer=False))
    assert "shop's own settings" in result.warning
