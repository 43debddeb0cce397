"""Web units that the POS's count does not contain yet: held back from the shops, released when it does."""

from __future__ import annotations

import uuid
from dataclasses import replace
from decimal import Decimal

import pytest

from integrator.orders import deliveries
from integrator.store.engine import begin
from tests.orders.samples import NOON, World, edited, line, pulled, refund, sale

D = Decimal


def shipped(units: int, ordered: int = 3, **more: object) -> object:
    return line("1", "A", ordered, quantity_shipped=D(units), **more)


def ship(world: World, number: str, units: int) -> None:
    [result] = world.ship(
        {"ShipmentId": number, "OrderId": world.public(), "Lines": [{"LineId": "1", "Quantity": D(units)}]}
    )
    assert result.success


def test_units_are_held_until_the_order_is_confirmed_and_counted(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3), line("2", "B", 1)])
    world.ingest(first)
    assert world.allocated() == {"1": 3, "2": 1}
    assert world.marked() == ["A", "B"]
    world.settle()
    world.count("A", "B")  # the POS does not know of the order yet: its count cannot contain it
    assert world.allocated() == {"1": 3, "2": 1}
    world.confirm(world.public())
    assert world.allocated() == {"1": 3, "2": 1}  # its last count is from before
    assert world.marked() == []
    world.count("A")
    assert world.allocated() == {"1": 0, "2": 1}
    world.count("A", "B")
    assert world.allocated() == {"1": 0, "2": 0}
    world.ingest(edited(first, customer_note="a change that moves no unit"))
    assert world.allocated() == {"1": 0, "2": 0}
    assert world.marked() == []


def test_a_rejected_order_holds_its_units(world: World) -> None:
    world.ingest(pulled("1001", [line("1", "A", 3)]))
    world.reject(world.public())
    world.count("A")
    assert world.allocated() == {"1": 3}


def test_the_unchanged_order_again_marks_nothing(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3)])
    world.ingest(first)
    world.settle()
    world.ingest(first)
    world.ingest(edited(first, status="on-hold"))
    assert world.marked() == []


def test_cancelled_units_are_freed_at_once(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3), line("2", "B", 2)])
    world.ingest(first)
    world.settle()
    world.ingest(edited(first, lines=(line("1", "A", 3, quantity_cancelled=D(1)), line("2", "B", 2))))
    assert (world.allocated(), world.marked()) == ({"1": 2, "2": 2}, ["A"])
    world.ingest(edited(first, later=2, cancelled_at=NOON, status="cancelled"))
    assert world.allocated() == {"1": 0, "2": 0}


def test_a_line_that_the_shop_took_out_is_freed(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3), line("2", "B", 2)])
    world.ingest(first)
    world.ingest(edited(first, lines=(line("2", "B", 2),)))
    assert world.allocated() == {"1": 0, "2": 2}
    [result] = world.ship({"ShipmentId": "S", "OrderId": world.public(), "Lines": [{"LineId": "1", "Quantity": D(1)}]})
    assert result.problem


def test_a_refund_before_shipping_frees_and_a_refund_after_it_does_not(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3)])
    world.ingest(first)
    world.ingest(
        edited(first, transactions=(refund(1, {"1": 1}, minutes=1),), lines=(shipped(0, quantity_returned=D(1)),))
    )
    assert world.allocated() == {"1": 2}
    later = (refund(1, {"1": 1}, minutes=1), sale(1, {"1": 2}, minutes=2), refund(2, {"1": 2}, minutes=3))
    world.ingest(edited(first, later=2, transactions=later, lines=(shipped(2, quantity_returned=D(3)),)))
    assert world.allocated() == {"1": 2}


def test_more_units_after_the_confirmation_are_held_until_they_are_known(world: World) -> None:
    store = world.with_settings(revisions_after_confirm=True)
    first = pulled("1001", [line("1", "A", 3)])
    store.ingest(first)
    store.confirm(store.public())
    store.count("A")
    store.ingest(edited(first, lines=(line("1", "A", 5),)))
    assert store.allocated() == {"1": 2}
    store.count("A")
    assert store.allocated() == {"1": 2}
    store.confirm(store.public())
    store.count("A")
    assert store.allocated() == {"1": 0}


def test_more_units_that_are_never_told_end_with_shipping_and_counting(world: World) -> None:
    first = pulled("1001", [line("1", "A", 3)])
    world.ingest(first)
    world.confirm(world.public())
    world.count("A")
    world.ingest(edited(first, lines=(line("1", "A", 5),)))
    assert world.allocated() == {"1": 2}
    world.ingest(edited(first, later=2, lines=(shipped(5, 5),), transactions=(sale(1, {"1": 5}),)))
    assert world.allocated() == {"1": 2}
    world.count("A")
    assert world.allocated() == {"1": 0}


def test_by_transactions_each_shipment_releases_its_own_units(world: World) -> None:
    store = world.with_settings(allocation="transaction_confirmed")
    first = pulled("1001", [line("1", "A", 3)])
    store.ingest(first)
    store.confirm(store.public())
    store.count("A")
    assert store.allocated() == {"1": 3}
    store.ingest(edited(first, lines=(shipped(1),), transactions=(sale(1, {"1": 1}),)))
    store.count("A")
    assert store.allocated() == {"1": 3}
    for _ in range(2):
        store.confirm(store.public("shipment-1"), kind="transaction")
        with begin() as connection:  # confirmed twice over does not count twice
            deliveries.offer_again(
                connection, store.store.account_id, store.store.store_id, "transaction", [store.public("shipment-1")]
            )
    store.count("A")
    assert store.allocated() == {"1": 2}
    store.ingest(edited(first, later=2, lines=(shipped(3),), transactions=(sale(1, {"1": 1}), sale(2, {"1": 2}))))
    store.confirm(store.public("shipment-2"), store.public("shipment-1"), kind="transaction")
    store.count("A")
    assert store.allocated() == {"1": 0}


def test_by_transactions_the_pos_knows_what_it_shipped_itself(world: World) -> None:
    store = world.with_settings(orders=False)  # auto: by transactions
    store.ingest(pulled("1001", [line("1", "A", 3)]))
    ship(store, "S1", 2)
    assert store.allocated() == {"1": 3}
    store.count("A")
    assert store.allocated() == {"1": 1}


def test_until_shipped(world: World) -> None:
    store = world.with_settings(allocation="shipped")
    first = pulled("1001", [line("1", "A", 3)])
    store.ingest(first)
    store.confirm(store.public())
    store.count("A")
    assert store.allocated() == {"1": 3}
    store.settle()
    ship(store, "S1", 1)
    assert (store.allocated(), store.marked()) == ({"1": 2}, ["A"])
    store.settle()
    store.ingest(edited(first, lines=(shipped(1),), transactions=(replace(sale(1, {"1": 1}), pos_shipment_id="S1"),)))
    assert (store.allocated(), store.marked()) == ({"1": 2}, [])
    store.ingest(edited(first, later=2, lines=(shipped(3),), transactions=(sale(1, {"1": 1}), sale(2, {"1": 2}))))
    assert store.allocated() == {"1": 0}


@pytest.mark.parametrize("settings", [{"allocation": "off"}])
def test_not_at_all(world: World, settings: dict[str, str]) -> None:
    store = world.with_settings(**settings)
    store.ingest(pulled("1001", [line("1", "A", 3)]))
    assert (store.allocated(), store.marked()) == ({"1": 0}, [])


def test_orders_from_before_the_queue_was_on_end_with_shipping(world: World) -> None:
    """They are never confirmed, so waiting for it would hold their units for ever."""
    first = pulled("1001", [line("1", "A", 3)])
    world.with_settings(orders=False, transactions=False).ingest(first)
    assert world.allocated() == {"1": 3}
    world.ingest(edited(first, lines=(shipped(3),)))
    assert world.allocated() == {"1": 0}


def test_a_line_that_turns_out_to_be_another_product_moves_its_units(world: World) -> None:
    first = pulled("1001", [line("1", "NEW", 3)])
    world.ingest(first)
    assert world.lines()["1"]["product_id"] is None
    with begin() as connection:
        connection.exec_driver_sql("UPDATE products SET item_id = 'NEW' WHERE item_id = 'C'")
    world.ingest(first)
    assert (world.allocated(), world.marked()) == ({"1": 3}, ["NEW"])


def test_the_pos_count_of_a_real_call_releases(world: World) -> None:
    """Through UpdateInventory, also where the count itself is unchanged."""
    from integrator.catalogue import intake
    from integrator.rows import Row

    def count(units: int) -> None:
        with begin() as connection:
            row = Row(0, {"ItemIntegrationId": "A", "Quantity": D(units)})
            [result] = intake.update_inventory(connection, world.store, [row], uuid.uuid4())
            assert result.success

    count(10)
    world.ingest(pulled("1001", [line("1", "A", 3)]))
    world.confirm(world.public())
    world.settle()
    count(10)
    assert (world.allocated(), world.marked()) == ({"1": 0}, ["A"])
