"""From pulled orders to records: once each, whatever repeats, and with the POS's own item ids."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import Engine

from integrator.connectors.records import Customer, TransactionLine
from integrator.orders import ingest
from integrator.store.engine import begin
from tests.orders.samples import (
    NOON,
    World,
    add_channel,
    edited,
    line,
    make_world,
    payment,
    pulled,
    refund,
    sale,
)

D = Decimal


def test_an_order_becomes_one_record_with_its_lines(world: World) -> None:
    report = world.ingest(pulled("1001", [line("1", "A", 2), line("2", "B")]))
    assert (report.new, report.changed) == (1, 0)
    [body] = world.new()
    assert body["OrderId"] == f"{world.channel.id}-1001"
    assert (body["OrderNumber"], body["ChannelId"], body["Platform"], body["Revision"]) == (
        "#1001", str(world.channel.id), "sandbox", 1,
    )  # fmt: skip
    assert [(one["LineId"], one["ItemIntegrationId"], one["QuantityOrdered"]) for one in body["Lines"]] == [
        ("1", "A", "2"),
        ("2", "B", "1"),
    ]
    assert body["OrderDate"] == "2026-11-20T12:00:00Z"
    assert "Warnings" not in body


def test_the_same_page_again_changes_nothing(world: World) -> None:
    page = [
        pulled("1001", [line("1", "A", 2)], transactions=(sale(1, {"1": 2}),), captures=(payment(1),)),
        pulled("1002", [line("1", "B")]),
    ]
    first = world.ingest(*page)
    assert (first.new, first.transactions, first.captures) == (2, 1, 1)
    before = {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES}
    again = world.ingest(*page)
    assert (again.new, again.changed, again.transactions, again.captures, again.failed) == (0, 0, 0, 0, 0)
    assert {table: world.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in TABLES} == before


TABLES = ("orders", "order_lines", "transactions", "captures", "deliveries", "customers", "issues", "shipments")


def test_two_ingests_of_one_page_at_once_make_one_record(world: World) -> None:
    page = [
        pulled(str(n), [line("1", "A"), line("2", "B")], transactions=(sale(n, {"1": 1}),), captures=(payment(n),))
        for n in range(1, 41)
    ]
    barrier = threading.Barrier(4)

    def once(shift: int) -> ingest.IngestReport:
        barrier.wait()
        return world.ingest(*page[shift:], *page[:shift])

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(once, [0, 7, 20, 33]))
    assert sum(one.new for one in reports) == 40
    assert sum(one.transactions for one in reports) == 40
    assert sum(one.captures for one in reports) == 40
    for table, expected in {
        "orders": 40,
        "order_lines": 80,
        "transactions": 40,
        "captures": 40,
        "deliveries": 120,
    }.items():
        assert world.rows(f"SELECT count(*) AS n FROM {table}") == [{"n": expected}]


def test_whoever_comes_second_with_a_new_order_adds_what_it_knows_more(world: World, engine: Engine) -> None:
    """A webhook's read and a page's, both before the order is known: the later state must not get lost."""
    first = pulled("1001", transactions=(sale(1, {"1": 1}),))
    later = edited(first, status="completed", transactions=(*first.transactions, refund(1, {"1": 1})))
    with engine.connect() as slow, slow.begin(), ThreadPoolExecutor(1) as pool:
        ingest.ingest(slow, world.channel, [first])
        second = pool.submit(world.ingest, later)
        while not world.rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'"):
            assert not second.done()
        slow.commit()
        report = second.result()
    assert (report.new, report.changed, report.transactions) == (0, 1, 1)
    assert [(one["Status"], one["Revision"]) for one in world.new()] == [("completed", 2)]
    assert len(world.new("transaction")) == 2


def test_a_record_is_invisible_until_its_work_is_committed_with_it(world: World) -> None:
    """Somebody else's commit in the middle of a page does not make half an order."""
    with begin() as connection:
        ingest.ingest(connection, world.channel, [pulled("1001", transactions=(sale(1, {"1": 1}),))])
        assert world.new() == []
        assert world.new("transaction") == []
    assert len(world.new()) == len(world.new("transaction")) == 1


# -- which item it is


def test_the_listing_names_the_item_even_when_the_shop_renamed_the_sku(world: World) -> None:
    world.ingest(pulled("1001", [line("1", "RENAMED", remote={"product": "p-B"})]))
    [body] = world.new()
    assert body["Lines"][0]["ItemIntegrationId"] == "B"
    assert world.issues() == []


def test_a_listing_that_fits_several_products_says_nothing_and_the_sku_decides(world: World) -> None:
    with begin() as connection:
        connection.exec_driver_sql(
            """UPDATE listings SET remote = '{"product": "p-A", "variant": "1"}' WHERE remote->>'product' = 'p-A'"""
        )
        connection.exec_driver_sql(
            """UPDATE listings SET remote = '{"product": "p-A", "variant": "2"}' WHERE remote->>'product' = 'p-B'"""
        )
    world.ingest(
        pulled(
            "1001",
            [
                line("1", "C", remote={"product": "p-A"}),
                line("2", "?", remote={"product": "p-A", "variant": "2"}),
                line("3", "?", remote={"product": "p-A"}),
            ],
        )
    )
    [body] = world.new()
    assert [one["ItemIntegrationId"] for one in body["Lines"]] == ["C", "B", ""]


def test_a_sku_fits_only_exactly_and_only_in_its_own_store(world: World) -> None:
    other = make_world("X", code="OTHER")
    world.ingest(pulled("1001", [line("1", "a"), line("2", " A"), line("3", "X"), line("4", "A")]))
    assert other.channel.id != world.channel.id
    [body] = world.new()
    assert [one["ItemIntegrationId"] for one in body["Lines"]] == ["", "", "", "A"]


def test_an_unknown_sku_is_delivered_empty_with_a_warning_and_an_issue_that_closes(world: World) -> None:
    first = pulled("1001", [line("1", "NEW"), line("2", "A")], transactions=(sale(1, {"1": 1}),))
    world.ingest(first)
    [body] = world.new()
    assert [one["ItemIntegrationId"] for one in body["Lines"]] == ["", "A"]
    assert body["Warnings"] == [
        "Line 1 (The NEW): the shop's SKU 'NEW' is not the ItemIntegrationId of an item of this store."
    ]
    assert world.new("transaction")[0]["Warnings"] == body["Warnings"]
    [issue] = world.issues()
    assert (issue["subject"], issue["subject_id"], issue["code"]) == ("order", world.public(), "SKU_UNKNOWN")

    with begin() as connection:  # the POS sends the item, and the order is read again
        connection.exec_driver_sql("UPDATE products SET item_id = 'NEW' WHERE item_id = 'C'")
    world.ingest(first)
    [body] = world.new()
    assert body["Lines"][0]["ItemIntegrationId"] == "NEW"
    assert (body["Revision"], "Warnings" in body) == (2, False)
    assert world.issues() == []


def test_gift_cards_and_fees_need_no_item(world: World) -> None:
    world.ingest(
        pulled(
            "1001", [line("1", "", name="Card", line_type="GiftCard"), line("2", "", name="Wrapping", line_type="Fee")]
        )
    )
    [body] = world.new()
    assert [one["LineType"] for one in body["Lines"]] == ["GiftCard", "Fee"]
    assert world.issues() == []
    assert world.allocated() == {"1": 0, "2": 0}


# -- which orders are taken


def test_an_order_that_is_not_admitted_is_not_stored_until_it_is(world: World) -> None:
    waiting = pulled(
        "1001", status="pending", admitted=False, transactions=(sale(1, {"1": 1}),), captures=(payment(1),)
    )
    world.ingest(waiting)
    for table in ("orders", "transactions", "captures", "customers"):
        assert world.rows(f"SELECT count(*) AS n FROM {table}") == [{"n": 0}]
    assert world.ingest(edited(waiting, status="processing", admitted=True)).new == 1
    # what is known is followed, whatever becomes of it
    assert world.ingest(edited(waiting, later=2, status="failed", admitted=False)).changed == 1
    assert world.new()[0]["Status"] == "failed"


def test_orders_from_before_the_channel_starts_are_not_taken(world: World) -> None:
    late = world.with_channel(orders_since=NOON)
    assert late.ingest(pulled("1", order_date=NOON - timedelta(seconds=1)), pulled("2")).new == 1
    assert late.new_ids() == [world.public("2")]


def test_one_order_that_cannot_be_stored_does_not_hold_up_the_others(world: World) -> None:
    huge = pulled("2", [line("1", "A", "9" * 30)])
    doubled = pulled("3", [line("1", "A"), line("1", "B")])
    report = world.ingest(pulled("1"), huge, doubled, pulled("4", customer_note="a\x00b\ud800"))
    assert (report.new, report.failed) == (2, 2)
    assert world.new_ids() == [world.public("1"), world.public("4")]
    assert [(one["subject_id"], one["code"]) for one in world.issues()] == [
        (world.public("2"), "ORDER_UNREADABLE"),
        (world.public("3"), "ORDER_UNREADABLE"),
    ]
    world.ingest(pulled("2", [line("1", "A")]))  # corrected in the shop
    assert [one["subject_id"] for one in world.issues()] == [world.public("3")]


# -- revisions


def test_a_change_before_the_confirmation_is_the_same_record_with_a_higher_revision(world: World) -> None:
    first = pulled("1001", [line("1", "A", 2)])
    world.ingest(first)
    assert world.ingest(edited(first, lines=(line("1", "A", 3),))).changed == 1
    [body] = world.new()
    assert (body["OrderId"], body["Revision"], body["Lines"][0]["QuantityOrdered"]) == (world.public(), 2, "3")


def test_what_was_read_earlier_does_not_undo_what_was_read_later(world: World) -> None:
    first = pulled("1001", [line("1", "A", 2)])
    world.ingest(edited(first, lines=(line("1", "A", 3),)))
    assert world.ingest(first).changed == 0
    assert world.new()[0]["Lines"][0]["QuantityOrdered"] == "3"


def test_within_a_page_the_newest_state_of_an_order_counts(world: World) -> None:
    first = pulled("1001", [line("1", "A", 2)])
    report = world.ingest(edited(first, status="completed"), first)
    assert report.new == 1
    assert world.new()[0]["Status"] == "completed"


@pytest.mark.parametrize("wanted", [False, True])
def test_a_change_after_the_confirmation_comes_only_where_the_store_wants_it(world: World, wanted: bool) -> None:
    store = world.with_settings(revisions_after_confirm=wanted)
    first = pulled("1001", [line("1", "A", 2)])
    store.ingest(first)
    store.confirm({"Id": store.public(), "PosReceiptNumber": "R-1"})
    store.ingest(edited(first, lines=(line("1", "A", 3),)))
    assert [one["Revision"] for one in store.new()] == ([2] if wanted else [])
    if wanted:
        assert store.confirm(store.public())[0].action == "Confirmed"
        assert store.new() == []
        assert store.rows("SELECT receipt_number FROM deliveries") == [{"receipt_number": "R-1"}]


def test_a_cancellation_after_the_confirmation_is_a_revision(world: World) -> None:
    store = world.with_settings(revisions_after_confirm=True)
    first = pulled("1001", [line("1", "A", 2)])
    store.ingest(first)
    store.confirm(store.public())
    store.ingest(edited(first, status="cancelled", cancelled_at=NOON))
    [body] = store.new()
    assert (body["Status"], body["Revision"], body["Lines"][0]["QuantityCancelled"]) == ("cancelled", 2, "2")


def test_shipping_and_refunding_a_confirmed_order_does_not_offer_it_again(world: World) -> None:
    """Transactions tell of that; nobody is to book the order twice."""
    store = world.with_settings(revisions_after_confirm=True)
    first = pulled("1001", [line("1", "A", 2)])
    store.ingest(first)
    store.confirm(store.public())
    report = store.ingest(
        edited(
            first,
            status="completed",
            payment_status="PartiallyRefunded",
            lines=(line("1", "A", 2, quantity_shipped=D(2), quantity_returned=D(1)),),
            transactions=(sale(1, {"1": 2}), refund(1, {"1": 1})),
        )
    )
    assert (report.changed, report.transactions) == (1, 2)
    assert store.new() == []


def test_a_rejected_order_that_changes_comes_at_once(world: World) -> None:
    first = pulled("1001")
    world.ingest(first)
    world.reject(world.public(), "no address")
    assert world.new() == []
    world.ingest(edited(first, customer_note="now with an address"))
    assert [one["Revision"] for one in world.new()] == [2]


# -- transactions and captures


def test_two_lines_two_shipments_and_two_returns_are_four_transactions(world: World) -> None:
    lines = [line("1", "A", 2), line("2", "B", 1)]
    steps = [
        (),
        (sale(1, {"1": 2}, shipping_amount=D(5), grand_total=D(25)),),
        (sale(1, {"1": 2}, shipping_amount=D(5), grand_total=D(25)), sale(2, {"2": 1})),
        (sale(1, {"1": 2}, shipping_amount=D(5), grand_total=D(25)), sale(2, {"2": 1}), refund(1, {"1": 1})),
        (
            sale(1, {"1": 2}, shipping_amount=D(5), grand_total=D(25)),
            sale(2, {"2": 1}),
            refund(1, {"1": 1}),
            refund(2, {"2": 1}),
        ),
    ]
    for n, transactions in enumerate(steps):
        for _ in range(2):
            world.ingest(edited(pulled("1001", lines), later=n, transactions=transactions))
    bodies = world.new("transaction")
    assert [(one["TransactionId"], one["Type"]) for one in bodies] == [
        (world.public("shipment-1"), "Sale"),
        (world.public("shipment-2"), "Sale"),
        (world.public("refund-1"), "Return"),
        (world.public("refund-2"), "Return"),
    ]
    assert [one["ShippingAmount"] for one in bodies] == ["5", "0", "0", "0"]
    assert {one["OrderId"] for one in bodies} == {world.public()}
    assert bodies[0]["Customer"]["Email"] == "ada@example.com"
    assert (bodies[0]["Lines"][0]["ItemIntegrationId"], bodies[0]["Lines"][0]["Name"]) == ("A", "The A")
    assert len(world.new()) == 1


def test_a_transaction_never_changes_once_it_is_stored(world: World) -> None:
    first = pulled("1001", transactions=(sale(1, {"1": 1}),))
    world.ingest(first)
    before = world.new("transaction")
    changed = replace(sale(1, {"1": 1}), grand_total=D(99), transaction_number="OTHER")
    assert world.ingest(edited(first, transactions=(changed,))).transactions == 0
    assert world.new("transaction") == before


def test_a_refund_of_money_has_no_lines(world: World) -> None:
    money = refund(1, {}, adjustment_amount=D("4.50"), grand_total=D("4.50"))
    world.ingest(pulled("1001", transactions=(money,)))
    [body] = world.new("transaction")
    assert (body["Lines"], body["AdjustmentAmount"], body["RoundingAmount"]) == ([], "4.50", "0.00")


def test_a_shipping_charge_that_comes_twice_is_said(world: World) -> None:
    twice = (sale(1, {"1": 1}, shipping_amount=D(5)), sale(2, {"1": 1}, shipping_amount=D(5)))
    world.ingest(pulled("1001", [line("1", "A", 2)], transactions=twice))
    first, second = world.new("transaction")
    assert "Warnings" not in first
    assert "shipping of 5" in second["Warnings"][0]


def test_captures_are_one_per_payment_event_and_name_their_order(world: World) -> None:
    first = pulled("1001", captures=(payment(1, "6.00"),))
    world.ingest(first)
    world.ingest(edited(first, captures=(payment(1, "6.00"), payment(2, "4.00"), payment(3, "2.00", "Refund"))))
    bodies = world.new("capture")
    assert [(one["CaptureId"], one["Type"], one["Amount"]) for one in bodies] == [
        (world.public("capture-1"), "Capture", "6.00"),
        (world.public("capture-2"), "Capture", "4.00"),
        (world.public("capture-3"), "Refund", "2.00"),
    ]
    assert bodies[0]["OrderNumber"] == "#1001"
    assert (bodies[0]["CardType"], bodies[0]["Last4"]) == ("Visa", "4242")


def test_queues_that_are_off_make_records_but_offer_nothing_later_either(world: World) -> None:
    quiet = world.with_settings(orders=False, transactions=False, captures=False)
    first = pulled("1001", transactions=(sale(1, {"1": 1}),), captures=(payment(1),))
    report = quiet.ingest(first)
    assert (report.new, report.transactions, report.captures) == (1, 1, 1)
    # switched on later: history stays where it is, what is new comes
    world.ingest(first, pulled("1002", transactions=(sale(2, {"1": 1}),), captures=(payment(2),)))
    assert world.new_ids() == [world.public("1002")]
    assert world.new_ids("transaction") == [world.public("shipment-2")]
    assert world.new_ids("capture") == [world.public("capture-2")]


# -- amounts


@pytest.mark.parametrize(
    ("given", "expected"),
    [(D(0), "-0.02"), (D("-0.02"), "-0.02")],
    ids=["left open by the connector", "stated by the connector"],
)
def test_what_the_parts_do_not_explain_is_the_rounding_amount(world: World, given: Decimal, expected: str) -> None:
    world.ingest(
        pulled(
            "1001",
            [line("1", "A", 3, "9.99")],
            shipping_amount=D("5.00"), tax_amount=D("6.64"), discount_amount=D("2.00"), subtotal=D("29.97"),
            rounding_amount=given, grand_total=D("39.59"),
        )
    )  # fmt: skip
    [body] = world.new()
    assert (D(body["RoundingAmount"]), body["GrandTotal"]) == (D(expected), "39.59")


# -- customers


def test_the_pos_id_of_a_customer_comes_with_every_later_record(world: World) -> None:
    known = Customer(web_customer_id="77", is_guest=False, email="ada@example.com")
    world.ingest(pulled("1", customer=known))
    assert world.new()[0]["Customer"]["PosCustomerId"] == ""
    world.confirm({"Id": world.public("1"), "PosCustomerId": "POS-9"})
    moved = replace(known, email="ada@new.example")
    world.ingest(
        pulled("2", customer=moved, transactions=(sale(1, {"1": 1}),)),
        pulled("3", customer=replace(known, web_customer_id="78")),
    )
    by_id = {one["OrderId"]: one["Customer"]["PosCustomerId"] for one in world.new()}
    assert by_id == {world.public("2"): "POS-9", world.public("3"): ""}
    assert world.new("transaction")[0]["Customer"]["PosCustomerId"] == "POS-9"


def test_a_guest_is_known_by_the_address_and_records_stored_before_get_the_id_too(world: World) -> None:
    guest = Customer(email="Ada@Example.com")
    world.ingest(pulled("1", customer=guest), pulled("2", customer=replace(guest, email=" ada@example.com ")))
    world.confirm({"Id": world.public("1"), "PosCustomerId": "POS-1"})
    assert world.new()[0]["Customer"]["PosCustomerId"] == "POS-1"


def test_customers_of_two_shops_are_not_mixed_up(world: World, engine: Engine) -> None:
    with begin() as connection:
        second = World(world.store, add_channel(connection, world.store, "second"))
    someone = Customer(web_customer_id="77", is_guest=False)
    world.ingest(pulled("1", customer=someone))
    second.ingest(pulled("1", customer=someone))
    world.confirm({"Id": world.public("1"), "PosCustomerId": "POS-9"})
    [body] = world.new()
    assert (body["ChannelId"], body["Customer"]["PosCustomerId"]) == (str(second.channel.id), "")


def test_a_transaction_line_of_a_line_that_the_order_lost_is_kept(world: World) -> None:
    gone = replace(sale(1, {}), lines=(TransactionLine("9", D(1), name="Gone", item_integration_id="C"),))
    world.ingest(pulled("1001", transactions=(gone,)))
    assert world.new("transaction")[0]["Lines"][0]["ItemIntegrationId"] == "C"
