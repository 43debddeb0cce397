"""What an operator sees of orders and does with them, through the command."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import Engine

from integrator.orders import shipments
from integrator.store.engine import begin
from tests.orders.samples import World, add_channel, edited, line, payment, pulled, sale
from tests.support.command import Command

D = Decimal


@pytest.fixture
def integrator(database: str, engine: Engine, tmp_path: Path) -> Command:
    return Command(tmp_path, database)


@pytest.fixture
def world(world: World) -> World:
    """Order #1003 of 2 A and an unknown item: changed once, rejected, half shipped by the POS, refused by the shop."""
    first = pulled("1003", [line("1", "A", 2), line("2", "?")], captures=(payment(1, "30.00"),))
    world.ingest(first)
    world.ingest(edited(first, customer_note="please hurry", transactions=(sale(7, {"2": 1}),)))
    world.confirm({"Id": world.public("1003"), "PosCustomerId": "POS-9"}, kind="order")
    with begin() as connection:
        from integrator.orders.deliveries import offer_again

        offer_again(connection, world.store.account_id, world.store.store_id, "order", [world.public("1003")])
    world.reject(world.public("1003"), "Item ? is unknown")
    world.confirm({"Id": world.public("shipment-7"), "PosReceiptNumber": "R-55"}, kind="transaction")
    world.ship(
        {
            "ShipmentId": "S1", "OrderId": world.public("1003"), "TrackingNumbers": ["T-1"],
            "Lines": [{"LineId": "1", "Quantity": D(1)}],
        }
    )  # fmt: skip
    with begin() as connection:
        [(row_id, _)] = shipments.due(connection, world.channel)
        shipments.failed(connection, world.channel, row_id, "", "The order is on hold.")
    return world


def test_an_order_with_all_that_belongs_to_it(world: World, integrator: Command) -> None:
    shown = integrator("order", "show", "1003").out
    for text in (
        "#1003", "POS-9", "Item ? is unknown", "shipment-7", "R-55", "capture-1", "30.00", "T-1",
        "The order is on hold.",
        "SKU_UNKNOWN", "REJECTED_BY_POS", "SHIPMENT_REFUSED", "offered again in 15 min",
    ):  # fmt: skip
        assert text in shown, text
    about = integrator("order", "show", world.public("1003"), "--json").data
    assert (about["revision"], about["state"], about["message"]) == (2, "rejected", "Item ? is unknown")
    assert [(one["item_id"], D(one["ordered"]), D(one["allocated"])) for one in about["lines"]] == [
        ("A", 2, 2),
        ("", 1, 1),
    ]
    assert [(one["id"], one["state"], one["receipt_number"]) for one in about["transactions"]] == [
        (world.public("shipment-7"), "confirmed", "R-55")
    ]
    assert [(one["state"], one["amount"]) for one in about["captures"]] == [("open", "30.00")]
    assert [(one["shipment_id"], one["state"]) for one in about["shipments"]] == [("S1", "failed")]
    assert {one["code"] for one in about["issues"]} == {"SKU_UNKNOWN", "REJECTED_BY_POS", "SHIPMENT_REFUSED"}


def test_the_list(world: World, integrator: Command) -> None:
    world.ingest(pulled("1004"))
    rows = integrator("order", "list", "--json").data
    assert {(one["number"], one["state"]) for one in rows} == {("#1003", "rejected"), ("#1004", "open")}
    for arguments, expected in {
        ("--state", "open"): ["#1004"],
        ("--search", "1003"): ["#1003"],
        ("--search", "ADA@"): ["#1003", "#1004"],
        ("--store", "SHOP", "--limit", "1"): None,
        ("--channel", "shop", "--state", "confirmed"): [],
    }.items():
        found = [one["number"] for one in integrator("order", "list", *arguments, "--json").data]
        assert len(found) == 1 if expected is None else sorted(found) == expected
    assert "Item ? is unknown" in integrator("order", "list").out


def test_resending_an_order_a_transaction_and_a_capture(world: World, integrator: Command) -> None:
    assert world.new() == []
    told = integrator("order", "resend", "1003", "--json").data
    assert (told["kind"], told["id"]) == ("order", world.public("1003"))
    assert world.new_ids() == [world.public("1003")]
    assert world.new_ids("transaction") == []
    assert "transaction" in integrator("order", "resend", world.public("shipment-7")).out
    assert world.new_ids("transaction") == [world.public("shipment-7")]
    world.confirm(world.public("capture-1"), kind="capture")
    integrator("order", "resend", world.public("capture-1"))
    assert world.new_ids("capture") == [world.public("capture-1")]


def test_what_does_not_exist_and_what_is_not_clear(world: World, integrator: Command) -> None:
    for arguments in (
        ("order", "show", "9"),
        ("order", "resend", "9"),
        ("shipment", "show", "9"),
        ("customer", "show", "9"),
    ):
        failed = integrator(*arguments, "--json", code=3)
        assert "'9'" in failed.error["message"]
        assert failed.error["hint"]
    with begin() as connection:
        second = World(world.store, add_channel(connection, world.store, "second"))
    second.ingest(pulled("1003"))
    failed = integrator("order", "show", "1003", "--json", code=2)
    assert world.public("1003") in failed.error["message"]
    assert second.public("1003") in failed.error["message"]
    assert integrator("order", "show", second.public("1003"), "--json").data["channel"] == "second"


def test_shipments(world: World, integrator: Command) -> None:
    [row] = integrator("shipment", "list", "--json").data
    assert (row["id"], row["state"], row["message"]) == (
        f"{world.public('1003')}/S1",
        "failed",
        "The order is on hold.",
    )
    assert integrator("shipment", "list", "--state", "sent", "--json").data == []
    assert "refused: The order is on hold." in integrator("shipment", "list").out
    assert "1 x A" in integrator("shipment", "show", "S1").out
    assert integrator("shipment", "show", row["id"], "--json").data["document"]["TrackingNumbers"] == ["T-1"]
    integrator("shipment", "resend", "S1")
    with begin() as connection:
        assert [push.shipment_id for _, push in shipments.due(connection, world.channel)] == ["S1"]


def test_customers(world: World, integrator: Command) -> None:
    [row] = integrator("customer", "list", "--json").data
    assert (row["email"], row["pos_id"], row["orders"]) == ("ada@example.com", "POS-9", 1)
    assert integrator("customer", "list", "--search", "nobody", "--json").data == []
    for name in ("Ada@example.com", "POS-9"):
        [about] = integrator("customer", "show", name, "--json").data
        assert [one["number"] for one in about["placed"]] == ["#1003"]
    assert "#1003" in integrator("customer", "show", "POS-9").out
