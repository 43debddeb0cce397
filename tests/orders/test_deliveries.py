"""GetNew and Confirm: every record until it is confirmed, and never again after that."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.accounts import admin, channels
from integrator.accounts.settings import DAY, HOUR, MINUTE
from integrator.codes import Action, Code
from integrator.connectors.records import Customer
from integrator.orders import deliveries, ingest
from integrator.rows import Row
from integrator.store.engine import begin
from tests.orders.samples import NOON, World, add_channel, line, make_world, payment, pulled, sale


def delivery(world: World, public_id: str) -> dict[str, Any]:
    [row] = world.rows("SELECT * FROM deliveries WHERE public_id = :id", id=public_id)
    return row


def age(world: World, **by: float) -> None:
    """As if that much time had passed."""
    with begin() as connection:
        connection.execute(
            sa.text(
                "UPDATE deliveries SET due_at = due_at - CAST(:by AS interval),"
                " first_rejected_at = first_rejected_at - CAST(:by AS interval)"
            ),
            {"by": timedelta(**by)},
        )


# -- reading


def test_oldest_first_whatever_order_they_came_in(world: World) -> None:
    for n, day in [(1, 5), (2, 3), (3, 4)]:
        world.ingest(pulled(str(n), order_date=NOON + timedelta(days=day)))
    assert world.new_ids() == [world.public("2"), world.public("3"), world.public("1")]


def test_reading_changes_nothing(world: World) -> None:
    world.ingest(*(pulled(str(n)) for n in range(5)))
    tables = ("deliveries", "orders", "customers", "order_lines")
    before = [world.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]
    assert world.new() == world.new() == world.new()
    assert [world.rows(f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables] == before


def test_more_available_says_whether_there_are_more(world: World) -> None:
    world.ingest(*(pulled(str(n)) for n in range(5)))
    with begin() as connection:
        for limit, expected in {1: (1, True), 4: (4, True), 5: (5, False), 6: (5, False), 0: (1, True)}.items():
            records, more = deliveries.get_new(connection, world.store, "order", limit)
            assert (len(records), more) == expected
        small = world.with_settings(max_records=2).store
        assert len(deliveries.get_new(connection, small, "order", 1000)[0]) == 2
        assert len(deliveries.get_new(connection, small, "order")[0]) == 2


def test_a_store_sees_only_its_own(world: World) -> None:
    other = make_world("A", code="OTHER")
    world.ingest(pulled("1001"))
    assert other.new() == []
    [result] = other.confirm(world.public())
    assert result.problem.code == Code.RECORD_NOT_FOUND
    assert world.public() in result.problem.message
    assert world.new_ids() == [world.public()]
    with begin() as connection:  # also within one account
        store = admin.add_store(connection, world.store.account_id, "SISTER", "Sister")
        sister = World(store, add_channel(connection, store, "sister"))
    assert sister.new() == []
    assert sister.confirm(world.public())[0].problem.code == Code.RECORD_NOT_FOUND
    sister.ingest(pulled("1001"))
    assert (sister.new_ids(), world.new_ids()) == ([sister.public()], [world.public()])


def test_two_transactions_that_commit_in_reverse_order_are_both_delivered(world: World, engine: Engine) -> None:
    """The earlier number becomes visible after the later one was read and confirmed: no cursor may skip it."""
    slow, quick = engine.connect(), engine.connect()
    try:
        with slow.begin(), quick.begin() as sooner:
            # of different customers and items: what they share, the later one waits for
            first = pulled("first", [line("1", "A")], customer=Customer(email="a@example.com"))
            second = pulled("second", [line("1", "B")], customer=Customer(email="b@example.com"))
            ingest.ingest(slow, world.channel, [first])
            ingest.ingest(quick, world.channel, [second])
            numbers = [one.execute(sa.text("SELECT max(id) FROM deliveries")).scalar_one() for one in (slow, quick)]
            assert numbers[0] < numbers[1]
            sooner.commit()
            assert world.new_ids() == [world.public("second")]
            world.confirm(world.public("second"))
            assert world.new_ids() == []
        assert world.new_ids() == [world.public("first")]
    finally:
        slow.close()
        quick.close()


@pytest.mark.parametrize("limit", [4, 5, 6, 7, None])
def test_pages_leave_nothing_out_and_repeat_nothing(
    world: World, limit: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where several records have the same moment."""
    monkeypatch.setattr(deliveries, "PAGE_RECORDS", 3)
    days = [5, 3, 3, 3, 3, 1]
    world.ingest(*(pulled(str(n), order_date=NOON + timedelta(days=day)) for n, day in enumerate(days)))
    with begin() as connection:
        found, more = deliveries.get_new(connection, world.store, "order", limit)
    expected = [world.public(str(n)) for n in (5, 1, 2, 3, 4, 0)][:limit]
    assert ([one["OrderId"] for one in found], more) == (expected, limit is not None and limit < 6)


def test_an_answer_of_huge_records_ends_early_and_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deliveries, "MOST_CHARACTERS", 20_000)
    world.ingest(*(pulled(str(n), customer_note="x" * 9_000) for n in range(5)))
    seen = []
    for expected in (2, 2, 1):
        with begin() as connection:
            found, more = deliveries.get_new(connection, world.store, "order")
        seen += [one["OrderId"] for one in found]
        assert (len(found), more) == (expected, len(seen) < 5)
        world.confirm(*seen[-expected:])
    assert seen == [world.public(str(n)) for n in range(5)]
    world.ingest(pulled("9", customer_note="x" * 30_000))  # a single one is answered however large it is
    assert world.new_ids() == [world.public("9")]


def test_deliveries_without_their_record_hold_up_nothing(world: World) -> None:
    world.ingest(*(pulled(str(n), order_date=NOON + timedelta(days=n)) for n in range(6)))
    with begin() as connection:
        connection.execute(sa.text("DELETE FROM orders WHERE remote_id < '3'"))
        for limit, expected in {1: (["3"], True), 2: (["3", "4"], True), 3: (["3", "4", "5"], False)}.items():
            found, more = deliveries.get_new(connection, world.store, "order", limit)
            assert ([one["OrderId"] for one in found], more) == (
                [world.public(one) for one in expected[0]],
                expected[1],
            )


def test_a_channel_that_is_removed_takes_along_what_the_pos_has_not_read(world: World) -> None:
    """And only what is its own: the other's records have numbers in the same range."""
    with begin() as connection:
        other = World(world.store, add_channel(connection, world.store, "other"))
    for one in (world, other):
        one.ingest(pulled("1", transactions=(sale(1, {"1": 1}),), captures=(payment(1),)))
    with begin() as connection:
        channels.remove_channel(connection, world.channel)
        left = connection.execute(sa.text("SELECT kind, public_id FROM deliveries ORDER BY kind")).all()
    assert [tuple(one) for one in left] == [
        (kind, other.new_ids(kind)[0]) for kind in ("capture", "order", "transaction")
    ]


def test_the_partial_index_serves_it(world: World) -> None:
    """A hundred thousand confirmed records cost nothing: the plan reads the index of what is open, in its order."""
    world.ingest(*(pulled(str(n)) for n in range(20)))
    with begin() as connection:
        connection.execute(
            sa.text(
                """
                INSERT INTO deliveries (account_id, store_id, kind, record_id, public_id, occurred_at, state)
                SELECT account_id, store_id, kind, -n, 'old-' || n, now() - n * interval '1 minute', 'confirmed'
                  FROM (SELECT * FROM deliveries LIMIT 1) d, generate_series(1, 100000) n
                """
            )
        )
    with begin() as connection:
        connection.execute(sa.text("ANALYZE deliveries"))
        parameters = {
            "account": world.store.account_id,
            "store": world.store.store_id,
            "kind": "order",
            "limit": 101,
            **deliveries.START,
        }
        plan = connection.execute(
            sa.text("EXPLAIN (FORMAT JSON, ANALYZE) " + deliveries.NEW["order"]), parameters
        ).scalar_one()
    text = json.dumps(plan)
    assert "ix_deliveries_new" in text
    nodes = list(walk(plan[0]["Plan"]))
    on_deliveries = [node for node in nodes if node.get("Relation Name") == "deliveries"]
    assert [node["Node Type"] for node in on_deliveries] == ["Index Scan"]
    assert on_deliveries[0]["Index Name"] == "ix_deliveries_new"
    assert on_deliveries[0]["Actual Rows"] == 20
    assert plan[0]["Execution Time"] < 100  # milliseconds; it takes one


def walk(node: dict[str, Any]) -> Any:
    yield node
    for below in node.get("Plans", []):
        yield from walk(below)


# -- confirming


@pytest.mark.parametrize("kind", ["order", "transaction", "capture"])
def test_confirmed_once_is_closed_for_ever(world: World, kind: deliveries.Kind) -> None:
    page = [pulled("1", transactions=(sale(1, {"1": 1}),), captures=(payment(1),)), pulled("2")]
    world.ingest(*page)
    [public_id] = world.new_ids(kind)[:1]
    [first] = world.confirm({"Id": public_id, "PosReceiptNumber": "R-1"}, kind=kind)
    assert (first.success, first.action, first.id) == (True, Action.CONFIRMED, public_id)
    assert public_id not in world.new_ids(kind)
    [again] = world.confirm({"Id": public_id, "PosReceiptNumber": "R-2"}, kind=kind)
    assert (again.success, again.action) == (True, Action.DUPLICATE)
    assert delivery(world, public_id)["receipt_number"] == "R-1"
    world.ingest(*page)
    assert public_id not in world.new_ids(kind)


def test_the_kinds_have_their_own_ids(world: World) -> None:
    world.ingest(pulled("1", transactions=(sale(1, {"1": 1}),)))
    [result] = world.confirm(world.public("1"), kind="transaction")
    assert result.problem.code == Code.RECORD_NOT_FOUND


def test_each_row_has_its_own_answer_and_the_good_ones_are_applied(world: World) -> None:
    world.ingest(*(pulled(str(n)) for n in range(1, 5)))
    results = world.confirm(
        world.public("1"),
        {"Id": world.public("2"), "Success": False},
        {"Id": "nobody"},
        {"Id": ""},
        {},
        {"Id": world.public("3"), "Success": False, "ErrorMessage": "  "},
        {"Id": world.public("4"), "Success": False, "ErrorMessage": "Item C is unknown"},
        world.public("1"),
    )
    assert [(one.index, one.action, one.problem and (one.problem.code, one.problem.field)) for one in results] == [
        (0, Action.CONFIRMED, None),
        (1, None, (Code.VALUE_MISSING, "ErrorMessage")),
        (2, None, (Code.RECORD_NOT_FOUND, "Id")),
        (3, None, (Code.VALUE_MISSING, "Id")),
        (4, None, (Code.VALUE_MISSING, "Id")),
        (5, None, (Code.VALUE_MISSING, "ErrorMessage")),
        (6, Action.REJECTED, None),
        (7, Action.DUPLICATE, None),
    ]
    assert world.new_ids() == [world.public("2"), world.public("3")]


def test_what_the_reader_refused_is_answered_and_goes_no_further(world: World) -> None:
    world.ingest(pulled("1"))
    problem = deliveries.Problem(Code.VALUE_INVALID, "Success is 'perhaps'.", "Success")
    with begin() as connection:
        [result] = deliveries.confirm(
            connection, world.store, "order", [Row(0, {"Id": world.public("1")}, problem, ["a word"])]
        )
    assert (result.problem, result.warnings, result.id) == (problem, ["a word"], world.public("1"))
    assert world.new_ids() == [world.public("1")]


def test_a_rejection_is_an_issue_with_the_message_of_the_pos_and_a_confirmation_closes_it(world: World) -> None:
    world.ingest(pulled("1"))
    assert world.reject(world.public("1"), "Customer is blocked").action == Action.REJECTED
    [issue] = world.issues()
    assert (issue["subject"], issue["subject_id"], issue["code"], issue["message"], issue["purpose"]) == (
        "order", world.public("1"), "REJECTED_BY_POS", "Customer is blocked", "delivery",
    )  # fmt: skip
    age(world, minutes=16)
    world.reject(world.public("1"), "Still blocked")
    [issue] = world.issues()
    assert (issue["attempts"], issue["message"]) == (2, "Still blocked")
    [result] = world.confirm(world.public("1"))  # without having been offered again
    assert result.action == Action.CONFIRMED
    assert (world.issues(), len(world.issues("resolved"))) == ([], 1)
    row = delivery(world, world.public("1"))
    assert (row["state"], row["message"]) == ("confirmed", "")


def test_a_confirmed_record_cannot_be_rejected(world: World) -> None:
    world.ingest(pulled("1"))
    world.confirm({"Id": world.public("1"), "PosReceiptNumber": "R-1"})
    result = world.reject(world.public("1"))
    assert result.problem.code == Code.ALREADY_CONFIRMED
    assert "'R-1'" in result.problem.message
    assert world.new_ids() == []


def test_the_back_off_and_its_end(world: World) -> None:
    """15 minutes, 1 hour, 4 hours, then daily; after 15 days it is set aside and the issue stays."""
    world.ingest(pulled("1"))
    public_id = world.public("1")
    for wait in [15 * MINUTE, HOUR, 4 * HOUR, *[DAY] * 14]:
        assert world.new_ids() == [public_id]
        world.reject(public_id)
        assert delivery(world, public_id)["state"] == "rejected"
        age(world, seconds=wait - 60)
        assert world.new_ids() == []
        age(world, seconds=61)
    assert world.new_ids() == [public_id]
    world.reject(public_id)
    assert delivery(world, public_id)["state"] == "set_aside"
    age(world, days=30)
    assert world.new_ids() == []
    assert len(world.issues()) == 1
    assert world.confirm(public_id)[0].action == Action.CONFIRMED  # still possible
    assert world.issues() == []


def test_the_same_rejection_again_before_the_record_came_again_is_a_repeat(world: World) -> None:
    world.ingest(pulled("1"))
    world.reject(world.public("1"), "no")
    due = delivery(world, world.public("1"))["due_at"]
    assert world.reject(world.public("1"), "no").action == Action.REJECTED
    row = delivery(world, world.public("1"))
    assert (row["rejections"], row["due_at"]) == (1, due)


def test_500_rejected_records_do_not_hold_up_the_501st(world: World) -> None:
    world.ingest(*(pulled(str(n), order_date=NOON + timedelta(minutes=n)) for n in range(501)))
    small = world.with_settings(max_records=100)
    for _ in range(5):
        page = small.new_ids()
        assert len(page) == 100
        results = small.confirm(*({"Id": one, "Success": False, "ErrorMessage": f"cannot take {one}"} for one in page))
        assert {one.action for one in results} == {Action.REJECTED}
    assert small.new_ids() == [world.public("500")]


def test_a_revision_that_the_pos_has_not_read_stays_offered_when_it_says_what_it_read(world: World) -> None:
    from tests.orders.samples import edited

    first = pulled("1")
    world.ingest(first)
    world.ingest(edited(first, customer_note="to the back door"))
    [result] = world.confirm({"Id": world.public("1"), "Revision": 1, "PosReceiptNumber": "R-1"})
    assert result.action == Action.CONFIRMED
    assert [one["Revision"] for one in world.new()] == [2]
    world.confirm({"Id": world.public("1"), "Revision": 2})
    assert world.new() == []


def test_confirmations_at_once_are_one(world: World) -> None:
    world.ingest(*(pulled(str(n)) for n in range(30)))
    ids = world.new_ids()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda ids: world.confirm(*ids), [ids, ids[::-1], ids, ids[::-1]]))
    actions = [one.action for answer in answers for one in answer]
    assert (actions.count(Action.CONFIRMED), actions.count(Action.DUPLICATE)) == (30, 90)


def test_confirming_ten_thousand_is_set_based(world: World) -> None:
    world.ingest(pulled("1"))
    with begin() as connection:
        connection.execute(
            sa.text(
                """
                INSERT INTO deliveries (account_id, store_id, kind, record_id, public_id, occurred_at)
                SELECT account_id, store_id, 'capture', -n, 'c-' || n, now()
                  FROM deliveries, generate_series(1, 10000) n
                """
            )
        )
    started = datetime.now(UTC)
    results = world.confirm(*(f"c-{n}" for n in range(1, 10001)), kind="capture")
    assert {one.action for one in results} == {Action.CONFIRMED}
    assert datetime.now(UTC) - started < timedelta(seconds=10)


# -- the operator


def offer_again(world: World, *public_ids: str, kind: deliveries.Kind = "order") -> int:
    with begin() as connection:
        return deliveries.offer_again(connection, world.store.account_id, world.store.store_id, kind, public_ids)


def test_an_operator_offers_again_what_was_rejected_set_aside_or_confirmed(world: World) -> None:
    world.ingest(*(pulled(str(n)) for n in range(1, 4)))
    world.confirm(world.public("1"))
    world.reject(world.public("2"))
    with begin() as connection:
        deliveries.set_aside(
            connection, world.store.account_id, world.store.store_id, "order", [world.public("3"), world.public("1")]
        )
    assert world.new_ids() == []
    assert offer_again(world, *(world.public(str(n)) for n in range(1, 4)), "nobody") == 3
    assert world.new_ids() == [world.public(str(n)) for n in range(1, 4)]
    assert world.confirm(world.public("1"))[0].action == Action.CONFIRMED
    # the back-off starts from the beginning
    world.reject(world.public("2"))
    assert delivery(world, world.public("2"))["rejections"] == 1


def test_an_operator_offers_what_was_stored_while_the_queue_was_off(world: World) -> None:
    world.with_settings(transactions=False).ingest(pulled("1", transactions=(sale(1, {"1": 1}),)))
    assert world.new("transaction") == []
    assert offer_again(world, world.public("shipment-1"), kind="transaction") == 1
    assert world.new_ids("transaction") == [world.public("shipment-1")]


def test_an_operator_cannot_offer_another_stores_records(world: World) -> None:
    other = make_world("A", code="OTHER")
    world.ingest(pulled("1"))
    world.confirm(world.public("1"))
    assert offer_again(other, world.public("1")) == 0
    assert world.new_ids() == []
