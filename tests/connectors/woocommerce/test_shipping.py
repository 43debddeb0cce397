"""Shipments in the three ways, money, and what repetitions do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrator.connectors.base import Rejected, UnknownOutcome
from integrator.connectors.pushes import ShipmentLine, ShipmentPush
from tests.connectors.appending import check_appending, sales
from tests.connectors.shop import Line
from tests.connectors.woocommerce.conftest import Bench, Build

D = Decimal
WAYS = {
    "fulfilments": ("11.0.1", {"fulfilments": True}),
    "tracking": ("9.4.3", {"tracking": True}),
    "note": ("8.3.1", {}),
    "note of a new shop": ("11.0.1", {}),
}


@pytest.fixture(params=WAYS)
def shop(request: pytest.FixtureRequest, build: Build) -> Bench:
    version, features = WAYS[request.param]
    return build(version, **features)


def placed(bench: Bench, **how: Any) -> str:
    for sku in ("A", "B"):
        if sku not in bench.shop.products():
            bench.shop.add_product(sku, f"Thing {sku}", price=D("10.00"), quantity=100)
    return bench.shop.place_order([Line("A", 2), Line("B", 1)], **how)


def shipment(bench: Bench, order: str, number: str, lines: dict[str, int], **given: Any) -> ShipmentPush:
    known = {one["sku"]: one for one in bench.state.orders[int(order)]["line_items"]}
    return ShipmentPush(
        shipment_id=number,
        order_remote_id=order,
        lines=tuple(ShipmentLine(str(known[sku]["id"]), sku, sku, D(units)) for sku, units in lines.items()),
        **{"carrier": "UPS", "tracking_numbers": (f"1Z-{number}",), **given},
    )


def test_an_order_is_completed_with_its_last_part(shop: Bench) -> None:
    order = placed(shop)
    shop.connector().send_shipment(shipment(shop, order, "SH-1", {"A": 1}))
    assert shop.shop.order(order)["status"] == "processing"
    shop.connector().send_shipment(shipment(shop, order, "SH-2", {"A": 1, "B": 1}, completes_order=True))
    told = shop.shop.order(order)
    assert told["status"] == "completed"
    assert told["shipments"] == [
        {"tracking": ["1Z-SH-1"], "lines": {"A": 1}},
        {"tracking": ["1Z-SH-2"], "lines": {"A": 1, "B": 1}},
    ]
    found = shop.connector().pull_order(order)
    assert found is not None
    assert [one.pos_shipment_id for one in found.transactions] == ["SH-1", "SH-2"]
    assert sum(one.grand_total for one in found.transactions) == found.order.grand_total


def test_repeating_a_shipment_changes_nothing(shop: Bench) -> None:
    order = placed(shop)
    one = shipment(shop, order, "SH-1", {"A": 2, "B": 1}, completes_order=True)
    first = shop.connector().send_shipment(one)
    writes = shop.shop.writes
    second = shop.connector().send_shipment(one)
    assert second.remote_id == first.remote_id
    assert shop.shop.writes == writes
    assert len(shop.shop.order(order)["shipments"]) == 1


@pytest.mark.parametrize("lost", [1, 2])
def test_a_shipment_whose_answer_is_lost_is_found_again(shop: Bench, lost: int) -> None:
    """Whichever of its writes it was."""
    order = placed(shop)
    one = shipment(shop, order, "SH-1", {"A": 2, "B": 1}, completes_order=True)
    connector = shop.connector()
    original = connector.client._send
    writes = 0

    def send(method: str, *given: Any, **named: Any) -> Any:
        nonlocal writes
        if method != "GET":
            writes += 1
            shop.shop.misbehave(lose_next_answer=writes == lost)
        return original(method, *given, **named)

    connector.client._send = send  # type: ignore[method-assign]
    with pytest.raises(UnknownOutcome):
        connector.send_shipment(one)
    shop.shop.misbehave()
    shop.connector().send_shipment(one)
    told = shop.shop.order(order)
    assert (told["status"], len(told["shipments"])) == ("completed", 1)
    assert sum(len(notes) for notes in shop.state.notes.values()) <= 1
    meta = {one["key"]: one["value"] for one in shop.state.orders[int(order)]["meta_data"]}
    assert len(meta.get("_wc_shipment_tracking_items", [])) <= 1


def test_the_shop_mails_the_customer_only_where_it_should(build: Build) -> None:
    bench = build("8.3.1")
    order = placed(bench)
    bench.connector().send_shipment(shipment(bench, order, "SH-1", {"A": 1}, notify_customer=False))
    bench.connector().send_shipment(shipment(bench, order, "SH-2", {"A": 1}, tracking_url="https://ups.test/1Z"))
    bench.connector(notify_customer=False).send_shipment(shipment(bench, order, "SH-3", {"B": 1}))
    third, second, first = bench.state.notes[int(order)]
    assert [one["customer_note"] for one in (first, second, third)] == [False, True, False]
    assert second["note"] == "Shipped: 1 × Thing A. With UPS: 1Z-SH-2. https://ups.test/1Z [SH-2]"


def test_a_fulfilment_has_both_names_of_the_carrier(build: Build) -> None:
    bench = build("11.0.1", fulfilments=True)
    order = placed(bench)
    bench.connector().send_shipment(
        shipment(
            bench,
            order,
            "SH-1",
            {"A": 2},
            carrier="Royal Mail",
            tracking_numbers=("T1", "T2"),
            tracking_url="https://x.test",
        )
    )
    (record,) = bench.state.fulfilments.values()
    meta = {one["key"]: one["value"] for one in record["meta_data"]}
    assert (meta["_shipping_provider"], meta["_shipment_provider"], meta["_provider_name"]) == (
        "royal-mail",
        "royal-mail",
        "Royal Mail",
    )
    assert (meta["_tracking_number"], meta["_tracking_url"]) == ("T1, T2", "https://x.test")
    assert meta["_items"][0]["qty"] == 2


def test_a_shipment_without_a_number_is_a_note_where_only_numbers_can_be_tracked(build: Build) -> None:
    bench = build("9.4.3", tracking=True)
    order = placed(bench)
    bench.connector().send_shipment(
        shipment(bench, order, "SH-1", {"A": 1}, tracking_numbers=(), ship_date=datetime(2026, 6, 1, tzinfo=UTC))
    )
    assert bench.shop.order(order)["shipments"] == [{"tracking": [], "lines": {"A": 1}}]
    assert len(bench.state.notes[int(order)]) == 1


@pytest.mark.parametrize(
    ("carrier", "url", "entry"),
    [
        ("ups", "", ("UPS", "", "")),
        ("Sam's van", "", ("", "Sam's van", "")),
        ("UPS", "https://x.test/1", ("", "UPS", "https://x.test/1")),
        ("", "", ("", "Carrier", "")),
    ],
)
def test_a_tracking_extension_gets_the_carrier_by_its_own_name(
    build: Build, carrier: str, url: str, entry: tuple[str, str, str]
) -> None:
    bench = build("9.4.3", tracking=True)
    order = placed(bench)
    bench.connector().send_shipment(shipment(bench, order, "SH-1", {"A": 1}, carrier=carrier, tracking_url=url))
    meta = {one["key"]: one["value"] for one in bench.state.orders[int(order)]["meta_data"]}
    (made,) = meta["_wc_shipment_tracking_items"]
    assert (made["tracking_provider"], made["custom_tracking_provider"], made["custom_tracking_link"]) == entry


@pytest.mark.parametrize("numbers", [("0",), ("0", "1"), ("1001",)])
def test_shipment_ids_that_are_numbers_are_kept(build: Build, numbers: tuple[str, ...]) -> None:
    """PHP would make a list of them."""
    bench = build("8.3.1")
    order = placed(bench)
    for number in numbers:
        bench.connector().send_shipment(shipment(bench, order, number, {"A": 1}))
    found = bench.connector().pull_order(order)
    assert found is not None
    assert [one.pos_shipment_id for one in found.transactions] == list(numbers)
    meta = {one["key"]: one["value"] for one in bench.state.orders[int(order)]["meta_data"]}
    assert isinstance(meta["_integrator_shipments"], str)


def test_a_shipment_with_the_date_of_tomorrow_keeps_its_place_among_the_shop_s_own(build: Build) -> None:
    """Entries have days and random ids; which came first is known from the marker."""
    bench = build("9.4.3", tracking=True)
    order = placed(bench)
    looks = []

    def look() -> None:
        found = bench.connector().pull_order(order)
        assert found is not None
        looks.append(found)

    bench.shop.ship(order, {"A": 1}, tracking="1Z1")
    look()
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    sent = shipment(bench, order, "SH-1", {"A": 1}, tracking_numbers=(), ship_date=tomorrow)
    bench.connector().send_shipment(sent)
    look()
    bench.shop.ship(order, {"B": 1}, tracking="1Z2")
    look()
    assert [one.pos_shipment_id for one in sales(check_appending(looks))] == ["", "SH-1", ""]


def test_the_way_can_be_chosen(build: Build) -> None:
    bench = build("11.0.1", fulfilments=True, tracking=True)
    order = placed(bench)
    bench.connector(shipments="note").send_shipment(shipment(bench, order, "SH-1", {"A": 1}))
    assert (len(bench.state.notes[int(order)]), bench.state.fulfilments) == (1, {})
    bench.connector(shipments="tracking").send_shipment(shipment(bench, order, "SH-2", {"A": 1}))
    assert bench.state.fulfilments == {}
    bench.state.features.fulfilments = False
    with pytest.raises(Rejected):
        bench.connector(shipments="fulfillments").send_shipment(shipment(bench, order, "SH-3", {"B": 1}))


def test_what_cannot_be_shipped_says_why(shop: Bench) -> None:
    order = placed(shop)
    shop.shop.cancel(order)
    with pytest.raises(Rejected, match="cancelled") as closed:
        shop.connector().send_shipment(shipment(shop, order, "SH-1", {"A": 1}))
    assert closed.value.hint
    gone = shipment(shop, order, "SH-2", {"A": 1})
    del shop.state.orders[int(order)]
    with pytest.raises(Rejected, match="has no order"):
        shop.connector().send_shipment(gone)


def test_an_order_is_left_uncompleted_where_the_channel_says_so(bench: Bench) -> None:
    order = placed(bench)
    bench.connector(complete_orders=False).send_shipment(
        shipment(bench, order, "SH-1", {"A": 2, "B": 1}, completes_order=True)
    )
    assert bench.shop.order(order)["status"] == "processing"


# -- money


def test_money_is_taken_by_the_gateways_strategy(build: Build) -> None:
    bench = build("11.0.1", woopayments=True)
    by_status = placed(bench, authorised=True)
    sent = bench.connector().send_shipment(shipment(bench, by_status, "SH-1", {"A": 1}, capture=True))
    assert (sent.captured, bench.shop.order(by_status)["status"]) == (True, "processing")

    by_call = placed(bench, authorised=True)
    bench.state.orders[int(by_call)]["payment_method"] = "woocommerce_payments"
    sent = bench.connector().send_shipment(shipment(bench, by_call, "SH-2", {"A": 1}, capture=True))
    assert sent.captured
    assert f"POST /wc/v3/payments/orders/{by_call}/capture_authorization" in bench.calls()

    not_at_all = placed(bench, authorised=True)
    settings = {"capture_strategies": {"stripe": "none"}}
    sent = bench.connector(**settings).send_shipment(shipment(bench, not_at_all, "SH-3", {"A": 1}, capture=True))
    assert (sent.captured, bench.shop.order(not_at_all)["captured"]) == (False, 0)
    assert "stripe" in sent.warning
    with pytest.raises(Rejected, match="stripe"):
        bench.connector(**settings).capture(not_at_all, None)


def test_a_payment_that_the_gateway_refuses_does_not_undo_the_shipment(build: Build) -> None:
    bench = build("11.0.1", woopayments=True)
    order = placed(bench, authorised=True)
    bench.state.orders[int(order)] |= {"payment_method": "woocommerce_payments"}
    bench.state.orders[int(order)]["meta_data"] = [{"id": 1, "key": "_intent_id", "value": "pi_other"}]
    sent = bench.connector().send_shipment(shipment(bench, order, "SH-1", {"A": 1}, capture=True))
    assert not sent.captured
    assert "cannot be captured" in sent.warning
    assert len(bench.shop.order(order)["shipments"]) == 1


def test_an_unpaid_order_is_not_called_paid_by_a_shipment(bench: Bench) -> None:
    """A bank transfer that did not come yet is on hold too, and nothing of it can be taken."""
    order = placed(bench, authorised=True)
    bench.state.orders[int(order)] |= {"payment_method": "bacs", "transaction_id": ""}
    sent = bench.connector().send_shipment(shipment(bench, order, "SH-1", {"A": 1}, capture=True))
    assert (sent.captured, bench.shop.order(order)["status"]) == (False, "on-hold")
    assert sent.warning


def test_captures_by_themselves(bench: Bench) -> None:
    order = placed(bench, authorised=True)
    with pytest.raises(Rejected, match="as a whole"):
        bench.connector().capture(order, D("1.00"))
    bench.connector().capture(order, None)
    assert bench.shop.order(order)["captured"] > 0
    writes = bench.shop.writes
    bench.connector().capture(order, None)
    assert bench.shop.writes == writes
