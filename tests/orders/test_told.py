"""What a shop rewrites of its past after the POS was told: no unit and no charge comes twice, and none is lost."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from integrator.connectors.records import PulledOrder, Transaction
from tests.orders.samples import World, edited, line, pulled, sale

D = Decimal


def told(world: World) -> list[tuple[str, int, str]]:
    """Each sale that was told: its key, its units, its shipping."""
    prefix = world.public("")
    return [
        (
            one["TransactionId"].removeprefix(prefix),
            sum(int(D(each["Quantity"])) for each in one["Lines"]),
            f"{D(one['ShippingAmount']):f}",
        )
        for one in world.new("transaction")
    ]


def total(world: World) -> Decimal:
    return sum((D(one["GrandTotal"]) for one in world.new("transaction")), D(0))


def first(key: int, units: int) -> Transaction:
    """The sale that carries the shipping."""
    return sale(key, {"1": units}, shipping_amount=D(5), grand_total=D(5 + 10 * units))


def order(units: int = 3) -> PulledOrder:
    return pulled("1001", [line("1", "A", units)], shipping_amount=D(5), grand_total=D(10 * units + 5))


def test_a_parcel_that_is_written_down_after_the_order_was_told_as_sent_is_no_second_sale(world: World) -> None:
    one = order()
    world.ingest(edited(one, transactions=(first(9, 3),)))
    later = edited(one, later=2, transactions=(first(1, 1), sale(9, {"1": 2})))
    for _ in range(2):
        assert world.ingest(later).transactions == 0
    assert told(world) == [("shipment-9", 3, "5")]


def test_a_parcel_that_is_deleted_and_made_again_is_told_once(world: World) -> None:
    one = order()
    world.ingest(edited(one, transactions=(first(1, 2),)))
    world.ingest(edited(one, later=2, transactions=(first(2, 2),)))
    assert told(world) == [("shipment-1", 2, "5")]
    world.ingest(edited(one, later=3, transactions=(first(2, 2), sale(3, {"1": 1}))))
    assert told(world) == [("shipment-1", 2, "5"), ("shipment-3", 1, "0")]
    assert total(world) == 35


def test_a_sale_that_is_told_in_part_brings_the_rest(world: World) -> None:
    one = order()
    world.ingest(edited(one, transactions=(first(1, 1),)))
    world.ingest(edited(one, later=2, transactions=(first(2, 3),)))
    assert told(world) == [("shipment-1", 1, "5"), ("shipment-2", 2, "0")]
    assert total(world) == 35


def test_a_parcel_that_a_shop_puts_before_one_that_was_told_does_not_bring_the_shipping_again(world: World) -> None:
    one = order(2)
    world.ingest(edited(one, transactions=(first(1, 1),)))
    world.ingest(edited(one, later=2, transactions=(first(2, 1), sale(1, {"1": 1}))))
    assert sorted(told(world)) == [("shipment-1", 1, "5"), ("shipment-2", 1, "0")]
    assert total(world) == 25


def test_shipping_that_was_not_told_comes_with_the_next_sale(world: World) -> None:
    """An order whose charges were entered after its first parcel had left."""
    one = order(2)
    world.ingest(edited(one, transactions=(sale(1, {"1": 1}),)))
    world.ingest(edited(one, later=2, transactions=(first(1, 1), sale(2, {"1": 1}))))
    assert told(world) == [("shipment-1", 1, "0"), ("shipment-2", 1, "5")]
    assert total(world) == 25


def test_what_the_pos_shipped_itself_counts_as_told(world: World) -> None:
    """Its first parcel carries the shipping, which the POS booked; the shop makes its own one anew."""
    one = order()
    world.ingest(one)
    shipment = {"ShipmentId": "S1", "OrderId": world.public(), "Lines": [{"LineId": "1", "Quantity": D(1)}]}
    assert world.ship(shipment)[0].action == "Accepted"
    ours = replace(first(1, 1), pos_shipment_id="S1")
    world.ingest(edited(one, later=2, transactions=(ours, sale(2, {"1": 2}))))
    world.ingest(edited(one, later=3, transactions=(ours, sale(3, {"1": 2}))))
    assert told(world) == [("shipment-2", 2, "0")]


def test_more_than_was_ordered_is_told_where_the_shop_says_it_and_nothing_was_rewritten(world: World) -> None:
    one = order(1)
    world.ingest(edited(one, transactions=(first(1, 1),)))
    world.ingest(edited(one, later=2, transactions=(first(1, 1), sale(2, {"1": 1}))))
    assert told(world) == [("shipment-1", 1, "5"), ("shipment-2", 1, "0")]
