"""SaveShipments: stored once, never more than is open, told to the shop, and known again when the shop shows it."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine

from integrator.codes import Action, Code
from integrator.connectors.pushes import ShipmentPush, ShipmentResult
from integrator.orders import shipments, shipping
from integrator.store.engine import begin
from tests.orders.samples import NOON, World, add_channel, edited, line, make_world, pulled, refund, sale

D = Decimal


def shipment(world: World, number: str = "S1", lines: Any = None, **more: Any) -> dict[str, Any]:
    lines = {"1": 1} if lines is None else lines
    named = [{"LineId": line_id, "Quantity": D(units)} for line_id, units in lines.items()]
    return {"ShipmentId": number, "OrderId": world.public(), "Lines": named, **more}


def of_items(world: World, number: str, *lines: tuple[str, int | str]) -> dict[str, Any]:
    named = [{"ItemIntegrationId": item, "Quantity": D(units)} for item, units in lines]
    return {"ShipmentId": number, "OrderId": world.public(), "Lines": named}


def due(world: World, *, later: float = 0, limit: int = 50) -> list[tuple[int, ShipmentPush]]:
    with begin() as connection:
        return shipping.due(connection, world.channel, datetime.now(UTC) + timedelta(seconds=later), limit)


def sent(world: World, row_id: int, remote_id: str = "900", warning: str = "") -> None:
    with begin() as connection:
        shipments.sent(connection, world.channel, row_id, ShipmentResult(remote_id, warning=warning))


def failed(world: World, row_id: int, message: str = "the order is closed") -> None:
    with begin() as connection:
        shipments.failed(connection, world.channel, row_id, "", message)


@pytest.fixture
def world(world: World) -> World:
    """With an order of 3 A, 2 B and another 2 A."""
    world.ingest(pulled("1001", [line("1", "A", 3), line("2", "B", 2), line("3", "A", 2)]))
    return world


def codes(results: list[Any]) -> list[Any]:
    return [one.problem.code if one.problem else one.action for one in results]


# -- what is accepted


def test_accepted_when_stored_and_the_same_again_is_a_duplicate(world: World) -> None:
    one = shipment(world, Carrier="DHL", TrackingNumbers=["T1", "T2"], ShipDate=NOON)
    [result] = world.ship(one)
    assert (result.action, result.id) == (Action.ACCEPTED, "S1")
    for again in (
        one,
        {**one, "TrackingNumbers": ["T2", "T1"]},
        {**one, "OrderNumber": "#1001"},
        {**one, "TrackingUrl": None, "ShipMethod": ""},
        {**one, "Lines": [{"LineId": "1", "Quantity": D("1.000")}]},
    ):
        assert codes(world.ship(again)) == [Action.DUPLICATE]
    assert world.rows("SELECT count(*) AS n FROM shipments") == [{"n": 1}]


@pytest.mark.parametrize(
    "change",
    [
        {"Lines": [{"LineId": "1", "Quantity": D(2)}]},
        {"Lines": [{"LineId": "2", "Quantity": D(1)}]},
        {"TrackingNumbers": ["T3"]},
        {"Carrier": "UPS"},
        {"ShipDate": NOON},
        {"NotifyCustomer": False},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_same_id_with_another_content_is_refused(world: World, change: dict[str, Any]) -> None:
    world.ship(shipment(world))
    [result] = world.ship({**shipment(world), **change})
    assert (result.problem.code, result.problem.field) == (Code.SHIPMENT_CHANGED, "ShipmentId")


def test_the_same_shipment_id_on_another_order_is_another_shipment(world: World) -> None:
    world.ingest(pulled("1002", [line("1", "A")]))
    second = {**shipment(world), "OrderId": world.public("1002")}
    assert codes(world.ship(shipment(world), second)) == [Action.ACCEPTED, Action.ACCEPTED]


def test_by_order_number_and_what_happens_when_two_shops_have_it(world: World) -> None:
    by_number = {**shipment(world), "OrderNumber": "#1001"}
    del by_number["OrderId"]
    assert codes(world.ship(by_number)) == [Action.ACCEPTED]
    with begin() as connection:
        second = World(world.store, add_channel(connection, world.store, "second"))
    second.ingest(pulled("1001", [line("1", "A", 3)]))
    [result] = world.ship({**by_number, "ShipmentId": "S2"})
    assert (result.problem.code, result.problem.field) == (Code.VALUE_INVALID, "OrderNumber")
    assert world.public() in result.problem.message
    assert second.public() in result.problem.message
    assert codes(world.ship({**by_number, "OrderId": second.public()})) == [Action.ACCEPTED]


def test_several_lines_of_an_item_are_filled_in_their_order(world: World) -> None:
    assert codes(world.ship(of_items(world, "S1", ("A", 4)))) == [Action.ACCEPTED]
    [row] = world.rows("SELECT document FROM shipments")
    assert [(one["LineId"], one["Quantity"]) for one in row["document"]["Lines"]] == [("1", "3"), ("3", "1")]
    assert codes(world.ship(of_items(world, "S2", ("A", 1)), of_items(world, "S3", ("A", 1)))) == [
        Action.ACCEPTED,
        Code.QTY_EXCEEDS_OPEN,
    ]


def test_an_item_that_is_unknown_to_the_store_is_named_by_its_sku(world: World) -> None:
    world.ingest(pulled("1001", [line("1", "UNKNOWN")], modified_at=NOON + timedelta(hours=1)))
    assert codes(world.ship(of_items(world, "S1", ("UNKNOWN", 1)))) == [Action.ACCEPTED]


@pytest.mark.parametrize(
    ("sent", "code", "field"),
    [
        ({"ShipmentId": " "}, Code.VALUE_MISSING, "ShipmentId"),
        ({"OrderId": None}, Code.VALUE_MISSING, "OrderId"),
        ({"OrderId": "nobody"}, Code.RECORD_NOT_FOUND, "OrderId"),
        ({"OrderId": None, "OrderNumber": "#9"}, Code.RECORD_NOT_FOUND, "OrderNumber"),
        ({"OrderNumber": "#9"}, Code.VALUE_INVALID, "OrderNumber"),
        ({"Lines": []}, Code.SHIPMENT_EMPTY, "Lines"),
        ({"Lines": None}, Code.SHIPMENT_EMPTY, "Lines"),
        ({"Lines": [{"Quantity": D(1)}]}, Code.VALUE_MISSING, "Lines.LineId"),
        ({"Lines": [{"LineId": "1"}]}, Code.VALUE_MISSING, "Lines.Quantity"),
        ({"Lines": [{"LineId": "1", "Quantity": D(0)}]}, Code.VALUE_OUT_OF_RANGE, "Lines.Quantity"),
        ({"Lines": [{"LineId": "1", "Quantity": D(-1)}]}, Code.VALUE_OUT_OF_RANGE, "Lines.Quantity"),
        ({"Lines": [{"LineId": "9", "Quantity": D(1)}]}, Code.VALUE_INVALID, "Lines.LineId"),
        ({"Lines": [{"ItemIntegrationId": "C", "Quantity": D(1)}]}, Code.VALUE_INVALID, "Lines.ItemIntegrationId"),
        (
            {"Lines": [{"LineId": "1", "ItemIntegrationId": "B", "Quantity": D(1)}]},
            Code.VALUE_INVALID, "Lines.ItemIntegrationId",
        ),
        ({"Lines": [{"LineId": "2", "Quantity": D(3)}]}, Code.QTY_EXCEEDS_OPEN, "Lines.Quantity"),
        (
            {"Lines": [{"LineId": "2", "Quantity": D(2)}, {"LineId": "2", "Quantity": D(1)}]},
            Code.QTY_EXCEEDS_OPEN, "Lines.Quantity",
        ),
    ],
)  # fmt: skip
def test_what_is_refused_names_the_field_and_stores_nothing(
    world: World, sent: dict[str, Any], code: Code, field: str
) -> None:
    bad = {**shipment(world, "BAD"), **sent}
    good = shipment(world, "GOOD", {"1": 1})
    first, second = world.ship(bad, good)
    assert (first.problem.code, first.problem.field) == (code, field)
    assert first.problem.message
    assert first.problem.hint
    assert second.action == Action.ACCEPTED
    assert world.rows("SELECT shipment_id FROM shipments") == [{"shipment_id": "GOOD"}]


def test_another_stores_order_is_not_found(world: World) -> None:
    other = make_world("A", code="OTHER")
    assert codes(other.ship(shipment(world))) == [Code.RECORD_NOT_FOUND]


def test_what_is_open_leaves_out_cancelled_shipped_refunded_and_saved_units(world: World) -> None:
    first = pulled("1001", [line("1", "A", 10)], modified_at=NOON + timedelta(minutes=1))
    world.ingest(first)
    world.ship(shipment(world, "S1", {"1": 2}))
    world.ingest(
        edited(
            first,
            lines=(line("1", "A", 10, quantity_cancelled=D(1), quantity_shipped=D(3), quantity_returned=D(2)),),
            transactions=(refund(1, {"1": 1}, minutes=1), sale(1, {"1": 3}, minutes=2), refund(2, {"1": 1}, minutes=3)),
        )
    )
    # 10 - 1 cancelled - 1 refunded before it shipped - 3 shipped - 2 saved
    [result] = world.ship(shipment(world, "S2", {"1": 4}))
    assert result.problem.code == Code.QTY_EXCEEDS_OPEN
    assert "3 open = 10 ordered - 1 cancelled - 1 refunded - 5 shipped" in result.problem.message
    assert codes(world.ship(shipment(world, "S2", {"1": 3}))) == [Action.ACCEPTED]


def test_several_shipments_of_an_order_in_one_call(world: World) -> None:
    results = world.ship(
        shipment(world, "S1", {"1": 2}),
        shipment(world, "S2", {"1": 2}),
        shipment(world, "S3", {"1": 1}),
        shipment(world, "S1", {"1": 2}),
        shipment(world, "S3", {"1": 2}),
    )
    assert codes(results) == [
        Action.ACCEPTED, Code.QTY_EXCEEDS_OPEN, Action.ACCEPTED, Action.DUPLICATE, Code.SHIPMENT_CHANGED,
    ]  # fmt: skip


def test_calls_at_once_never_ship_a_unit_twice(world: World) -> None:
    barrier = threading.Barrier(6)

    def call(n: int) -> list[Any]:
        barrier.wait()
        return codes(world.ship(shipment(world, f"S{n}", {"2": 1, "1": 1}), shipment(world, "SAME", {"3": 1})))

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(call, range(6)))
    assert Counter(one[0] for one in answers) == {Action.ACCEPTED: 2, Code.QTY_EXCEEDS_OPEN: 4}
    assert Counter(one[1] for one in answers) == {Action.ACCEPTED: 1, Action.DUPLICATE: 5}


# -- on the way to the shop


def test_what_the_shop_is_told(world: World) -> None:
    world.ship(
        shipment(
            world, lines={"1": 3, "2": "1.5"}, Carrier="DHL", ShipMethod="Express", TrackingNumbers=["T1"],
            TrackingUrl="https://x.example/T1", ShipDate=NOON, NotifyCustomer=False,
        )
    )  # fmt: skip
    [(_, push)] = due(world)
    assert (push.shipment_id, push.order_remote_id, push.carrier, push.ship_method) == ("S1", "1001", "DHL", "Express")
    assert (push.tracking_numbers, push.tracking_url, push.ship_date) == (("T1",), "https://x.example/T1", NOON)
    assert [(one.line_id, one.item_id, one.sku, one.quantity) for one in push.lines] == [
        ("1", "A", "A", D(3)),
        ("2", "B", "B", D("1.5")),
    ]
    assert (push.notify_customer, push.completes_order, push.capture) == (False, False, False)


def test_money_is_taken_only_where_the_channel_is_set_to(world: World) -> None:
    world.ship(shipment(world))
    [(_, push)] = due(world.with_channel(capture_on_shipment=True, notify_customer=False))
    assert (push.capture, push.notify_customer) == (True, False)


def test_only_the_last_shipment_completes_the_order(world: World) -> None:
    world.ship(shipment(world, "S1", {"1": 3}), shipment(world, "S2", {"2": 2}), shipment(world, "S3", {"3": 2}))
    assert [push.completes_order for _, push in due(world)] == [False, False, True]


def test_it_completes_the_order_also_when_the_others_went_before_or_wait(world: World) -> None:
    world.ship(shipment(world, "S1", {"1": 3}), shipment(world, "S2", {"2": 2, "3": 2}))
    [(first, _)] = due(world, limit=1)
    with begin() as connection:
        shipments.retry(connection, world.channel, first, datetime.now(UTC) + timedelta(hours=1), "shop is down")
    [(second, push)] = due(world)
    assert not push.completes_order  # S1 is still to come
    sent(world, second)
    [(_, push)] = due(world, later=3700)
    assert (push.shipment_id, push.completes_order) == ("S1", True)


def test_what_was_handed_out_is_claimed_and_comes_again_when_the_worker_died(world: World) -> None:
    world.ship(shipment(world))
    [(row_id, push)] = due(world)
    assert due(world) == []
    assert due(world, later=61) == [(row_id, push)]
    sent(world, row_id)
    assert due(world, later=3600) == []


def test_two_workers_do_not_get_the_same(world: World, engine: Engine) -> None:
    world.ship(*(shipment(world, f"S{n}", {"1": 1}) for n in range(3)))
    with engine.connect() as one, engine.connect() as two, one.begin(), two.begin():
        first = shipping.due(one, world.channel, limit=1)
        second = shipping.due(two, world.channel)
    assert [push.shipment_id for _, push in [*first, *second]] == ["S0", "S1", "S2"]


def test_a_refusal_of_the_shop_is_an_issue_and_a_resend_goes_again(world: World) -> None:
    world.ship(shipment(world))
    [(row_id, _)] = due(world)
    failed(world, row_id)
    assert due(world, later=3600) == []
    [issue] = world.issues()
    name = f"{world.public()}/S1"
    assert (issue["subject"], issue["subject_id"], issue["channel_id"]) == ("shipment", name, world.channel.id)
    assert (issue["code"], issue["message"]) == ("SHIPMENT_REFUSED", "the order is closed")
    with begin() as connection:
        assert shipments.resend(connection, world.store.account_id, world.store.store_id, [name, "no/body"]) == 1
    [(row_id, _)] = due(world)
    sent(world, row_id, "901", warning="no carrier of that name")
    assert world.issues() == []
    [row] = world.rows("SELECT state, remote_id, message FROM shipments")
    assert row == {"state": "sent", "remote_id": "901", "message": "no carrier of that name"}


# -- when the shop shows it


def shipped(world: World, units: int, *events: Any) -> Any:
    return pulled(
        "1001",
        [line("1", "A", 3, quantity_shipped=D(units)), line("2", "B", 2), line("3", "A", 2)],
        modified_at=NOON + timedelta(minutes=5),
        transactions=events,
    )


@pytest.mark.parametrize("way", ["marker", "number", "on its way", "failed"])
@pytest.mark.parametrize("wanted", [False, True])
def test_the_mirror_of_a_pos_shipment_makes_a_transaction_only_where_the_store_asks(
    world: World, way: str, wanted: bool
) -> None:
    store = world.with_settings(transactions_for_pos_shipments=wanted)
    store.ship(shipment(store, lines={"1": 2}))
    [(row_id, _)] = due(store)
    event = sale(7, {"1": 2})
    if way == "marker":
        event = replace(event, pos_shipment_id="S1")
    elif way == "number":
        sent(store, row_id, "7")
    elif way == "failed":
        failed(store, row_id, "time-out, and then: already shipped")
    for _ in range(2):
        store.ingest(shipped(store, 2, event))
    assert store.new_ids("transaction") == ([store.public("shipment-7")] if wanted else [])
    [row] = store.rows("SELECT event_key, remote_id, mirrored_at IS NOT NULL AS mirrored, state FROM shipments")
    assert (row["event_key"], row["mirrored"]) == ("shipment-7", True)
    if way == "failed":
        assert row["state"] == "sent"
        assert store.issues() == []
    # it counts as shipped, once
    [result] = store.ship(shipment(store, "S2", {"1": 2}))
    assert "1 open = 3 ordered - 2 shipped" in result.problem.message


def test_a_shipment_that_the_shop_made_itself_is_a_transaction(world: World) -> None:
    """The same lines as a shipment of the POS that has arrived under another number."""
    world.ship(shipment(world, lines={"1": 1}))
    [(row_id, _)] = due(world)
    sent(world, row_id, "7")
    world.ingest(shipped(world, 2, sale(7, {"1": 1}), sale(8, {"1": 1})))
    assert world.new_ids("transaction") == [world.public("shipment-8")]


def test_one_event_is_the_mirror_of_one_shipment(world: World) -> None:
    world.ship(shipment(world, "S1", {"1": 1}), shipment(world, "S2", {"1": 1}))
    due(world)
    world.ingest(shipped(world, 3, sale(7, {"1": 1}), sale(8, {"1": 1}), sale(9, {"1": 1})))
    assert world.new_ids("transaction") == [world.public("shipment-9")]


def test_where_a_shop_only_knows_whole_orders_its_completion_contains_what_was_sent(world: World) -> None:
    world.ship(shipment(world, "S1", {"1": 3}), shipment(world, "S2", {"2": 2, "3": 2}))
    for row_id, _ in due(world):
        sent(world, row_id, "")
    done = [line("1", "A", 3), line("2", "B", 2), line("3", "A", 2)]
    world.ingest(
        pulled(
            "1001",
            [replace(one, quantity_shipped=one.quantity_ordered) for one in done],
            modified_at=NOON + timedelta(minutes=5),
            status="completed",
        )
    )
    assert world.rows("SELECT count(*) AS n FROM shipments WHERE mirrored_at IS NULL") == [{"n": 0}]
