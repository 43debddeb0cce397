"""A lane's batch: what is sent, what is recorded, where each kind of error ends."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import text

from integrator.codes import Code
from integrator.connectors.base import Rejected, Throttled, Transient, UnknownOutcome
from integrator.connectors.pushes import Outcome
from integrator.store.engine import begin
from integrator.sync import lanes
from integrator.sync.drain import drain
from integrator.sync.lanes import push_once
from tests.sync.conftest import Stage, item

LANES = ("content", "price", "stock")


def raising(error: Exception, verb: str, sku: str | None = None, times: int | None = None):
    """A rule that raises for a verb, for batches with the SKU, so many times."""
    left = [times]

    def rule(called: str, skus: list[str]) -> None:
        if called == verb and (sku is None or sku in skus) and left[0] != 0:
            if left[0] is not None:
                left[0] -= 1
            raise error

    return rule


def settled(stage: Stage) -> None:
    assert drain(*stage.ids).state == "done"
    stage.shop.calls.clear()


# -- what is sent


def test_new_products_are_created_and_then_everything_is_at_rest(stage: Stage) -> None:
    stage.products(item("A", 5), item("B", 7, "12.50"))
    assert drain(*stage.ids).state == "done"
    assert {sku: (one.quantity, one.price) for sku, one in stage.shop.products.items()} == {
        "A": (5, Decimal("9.90")), "B": (7, Decimal("12.50")),
    }  # fmt: skip
    for lane in LANES:
        for row in stage.lanes(lane).values():
            assert (row.pending, row.failed, row.attempts) == (False, False, 0)
            assert row.accepted_at is not None
            assert row.attempt_id is not None
            assert row.listing_state == "linked"
    assert stage.lanes("stock")["A"].sent["Quantity"] == "5"
    assert stage.lanes("price")["B"].sent["Price"] == "12.5"
    assert stage.lanes("content")["A"].remote == {"product": stage.shop.products["A"].id}
    stage.shop.calls.clear()
    assert drain(*stage.ids).batches == 0
    assert not [call for call in stage.shop.calls if call[0] != "pull"]


def test_price_and_stock_wait_for_the_product_without_noise(stage: Stage) -> None:
    stage.products(item("A"))
    report = push_once(*stage.ids, "stock")
    assert (report.state, report.claimed, report.waiting, report.calls) == ("done", 0, 1, 0)
    assert push_once(*stage.ids, "stock").state == "idle"  # no busy loop
    assert stage.lanes("stock")["A"].pending
    assert not stage.issues()
    push_once(*stage.ids, "content")
    assert push_once(*stage.ids, "stock").accepted == 1


def test_what_creation_carried_is_not_pushed_again(stage: Stage) -> None:
    stage.shop.says_created = True
    stage.products(item("A", 5), item("B", 7))
    stage.shop.after.append(lambda verb, _: stage.stock(B=8) if verb == "content" else None)
    push_once(*stage.ids, "content")
    assert {sku: row.pending for sku, row in stage.lanes("stock").items()} == {"A": False, "B": True}
    assert stage.lanes("price")["B"].sent["Price"] == "9.9"
    drain(*stage.ids)
    assert stage.shop.verbs("stock") == [["B"]]
    assert stage.shop.verbs("price") == []
    assert stage.shop.products["B"].quantity == 8


def test_a_change_while_the_batch_is_read_is_not_lost(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """`wanted` and values are of one snapshot: else the old value would be recorded as the new one's."""
    stage.shop.says_created = True
    stage.products(item("A", 5))
    real = lanes.load_listings

    def slowly(*arguments: Any) -> Any:
        loaded = real(*arguments)
        stage.stock(A=6)
        return loaded

    monkeypatch.setattr(lanes, "load_listings", slowly)
    push_once(*stage.ids, "content")
    monkeypatch.undo()
    assert stage.lanes("stock")["A"].pending
    push_once(*stage.ids, "stock")
    assert stage.shop.products["A"].quantity == 6


def test_ten_updates_before_a_push_are_one_push_of_the_newest(stage: Stage) -> None:
    stage.products(item("A"))
    settled(stage)
    for n in range(10):
        stage.stock(A=n)
    drain(*stage.ids)
    assert stage.shop.verbs("stock") == [["A"]]
    assert stage.shop.products["A"].quantity == 9


def test_what_the_shop_holds_already_costs_no_call(stage: Stage) -> None:
    stage.products(item("A", 5), item("B", 5))
    settled(stage)
    stage.stock(A=6)
    stage.stock(A=5, B=4)
    report = push_once(*stage.ids, "stock")
    assert (report.unchanged, report.accepted) == (1, 1)
    assert stage.shop.verbs("stock") == [["B"]]
    assert not stage.lanes("stock")["A"].pending


def test_a_change_during_the_call_is_pushed_next(stage: Stage) -> None:
    stage.products(item("A", 5))
    settled(stage)
    stage.stock(A=6)
    stage.shop.before.append(lambda verb, _: stage.stock(A=7) if verb == "stock" else None)
    first = push_once(*stage.ids, "stock")
    stage.shop.before.clear()
    assert first.more
    assert stage.shop.products["A"].quantity == 6
    row = stage.lanes("stock")["A"]
    assert row.pending
    assert row.sent["Quantity"] == "6"
    push_once(*stage.ids, "stock")
    assert stage.shop.products["A"].quantity == 7
    assert not stage.lanes("stock")["A"].pending


def test_no_transaction_is_open_while_the_shop_is_called(stage: Stage) -> None:
    stage.products(item("A"))
    seen: list[int] = []

    def look(verb: str, _: list[str]) -> None:
        with begin() as connection:
            seen.append(
                connection.execute(
                    text(
                        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                        " AND state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
                    )
                ).scalar_one()
            )

    stage.shop.before.append(look)
    drain(*stage.ids)
    assert seen
    assert set(seen) == {0}


def test_content_batches_count_styles(stage: Stage) -> None:
    rows = [
        item(
            f"S{style}-{size}",
            StyleId=f"S{style}",
            StyleName=f"Style {style}",
            Options=[{"Name": "Size", "Value": size}],
        )
        for style in range(10)
        for size in ("S", "M", "L")
    ]
    stage.products(*rows)
    first = push_once(*stage.ids, "content")
    assert (first.accepted, first.more) == (24, True)  # eight styles of three
    second = push_once(*stage.ids, "content")
    assert (second.accepted, second.more) == (6, False)


def test_what_is_not_for_sale_is_not_made_but_taken_down_where_it_is(stage: Stage) -> None:
    stage.products(item("A", SellOnline=False), item("B", SellOnline=False))
    stage.shop.products["B"] = type(
        "P", (), {"id": "77", "price": Decimal(1), "sale_price": None, "quantity": Decimal(9), "name": "B"}
    )()
    assert drain(*stage.ids).state == "done"
    assert set(stage.shop.products) == {"B"}
    assert stage.shop.products["B"].quantity == 0
    assert stage.lanes("content")["B"].remote == {"product": "77"}


# -- refusals


@pytest.mark.parametrize(
    ("outcome", "code", "state"),
    [(Outcome.REJECTED, Code.REFUSED_BY_SHOP, "new"), (Outcome.CONFLICT, Code.SKU_CONFLICT, "conflict")],
)
def test_a_refused_item_is_an_issue_and_is_not_tried_again(
    stage: Stage, outcome: Outcome, code: Code, state: str
) -> None:
    stage.products(item("A"), item("B"))
    stage.shop.answers["content", "B"] = outcome
    drain(*stage.ids)
    assert set(stage.shop.products) == {"A"}
    (issue,) = stage.issues()
    assert (issue.subject, issue.subject_id, issue.purpose, issue.code) == ("product", "B", "content", code)
    assert "B is not wanted here" in issue.message
    assert issue.hint
    row = stage.lanes("content")["B"]
    assert (row.pending, row.failed, row.listing_state) == (False, True, state)
    stage.shop.calls.clear()
    assert drain(*stage.ids).batches == 0
    # something changes: it is tried again, and success closes the issue
    del stage.shop.answers["content", "B"]
    stage.products(item("B", Name="Better"))
    drain(*stage.ids)
    assert set(stage.shop.products) == {"A", "B"}
    assert not stage.issues()
    assert stage.issues("resolved")[0].id == issue.id


def test_a_batch_that_fails_as_a_whole_loses_only_the_bad_item(stage: Stage) -> None:
    stage.products(*(item(f"P{n}") for n in range(8)))
    stage.shop.before.append(raising(Rejected("Bad price.", code="BAD", hint="Mend it."), "content", "P5"))
    report = push_once(*stage.ids, "content")
    assert (report.accepted, report.rejected, report.calls) == (7, 1, 7)
    (issue,) = stage.issues()
    assert (issue.subject_id, issue.code, issue.message, issue.hint) == ("P5", "BAD", "Bad price.", "Mend it.")


def test_an_item_that_makes_the_shop_fail_waits_alone(stage: Stage) -> None:
    stage.products(*(item(f"P{n}") for n in range(8)))
    stage.shop.before.append(raising(Transient("crash", code="HTTP_500"), "content", "P0"))
    report = push_once(*stage.ids, "content")
    assert (report.state, report.accepted, report.retried) == ("done", 7, 1)
    row = stage.lanes("content")["P0"]
    assert row.pending
    assert row.due_at > datetime.now(UTC)
    assert stage.channel().failures == 0
    for _ in range(4):
        stage.unpause()
        push_once(*stage.ids, "content")
    (issue,) = stage.issues()
    assert (issue.subject_id, issue.code) == ("P0", "HTTP_500")
    stage.shop.before.clear()
    stage.unpause()
    drain(*stage.ids)
    assert not stage.issues()


# -- the shop as a whole


def test_an_outage_pauses_the_channel_ever_longer_and_nothing_is_lost(stage: Stage) -> None:
    stage.products(*(item(f"P{n}") for n in range(8)))
    stage.shop.before.append(raising(Transient("The shop cannot be reached.", code="UNREACHABLE"), "content"))
    waits = []
    for round_ in range(1, 5):
        before = datetime.now(UTC)
        assert push_once(*stage.ids, "content").state == "failed"
        assert push_once(*stage.ids, "content").state == "paused"  # others find it closed
        channel = stage.channel()
        assert channel.failures == round_
        waits.append((channel.paused_until - before).total_seconds())
        assert len(stage.issues()) == (round_ >= 3)
        stage.unpause()
    assert waits[3] > waits[0]
    assert len(stage.shop.verbs("content")) == 4
    assert [len(skus) for skus in stage.shop.verbs("content")] == [8, 4, 2, 1]  # the first after it is small
    (issue,) = stage.issues()
    assert (issue.subject, issue.code, issue.attempts) == ("channel", Code.SHOP_UNREACHABLE, 2)
    stage.shop.before.clear()
    drain(*stage.ids)
    assert len(stage.shop.products) == 8
    channel = stage.channel()
    assert (channel.failures, channel.paused_until, channel.sync["batch"]) == (0, None, {})
    assert not stage.issues()


def test_throttling_is_waiting_and_not_a_failure(stage: Stage) -> None:
    stage.products(item("A"))
    until = datetime.now(UTC) + timedelta(seconds=30)
    stage.shop.before.append(raising(Throttled("Wait.", until=until), "content"))
    assert push_once(*stage.ids, "content").state == "failed"
    channel = stage.channel()
    assert (channel.failures, channel.state) == (0, "active")
    assert until <= channel.paused_until < until + timedelta(seconds=2)
    assert not stage.issues()
    assert push_once(*stage.ids, "content").state == "paused"
    assert push_once(*stage.ids, "content", now=until + timedelta(seconds=3)).state == "failed"
    assert stage.lanes("content")["A"].attempts == 0


def test_refused_credentials_stop_the_channel_at_once(stage: Stage) -> None:
    stage.products(item("A"))
    stage.shop.credentials_ok = False
    for lane in (*LANES, *LANES):
        push_once(*stage.ids, lane)
    assert len([verb for verb, _ in stage.shop.calls]) == 1  # no storm
    assert stage.channel().state == "needs_credentials"
    (issue,) = stage.issues()
    assert (issue.subject, issue.code, issue.hint) == ("channel", Code.NEEDS_CREDENTIALS, "Make a new key.")


def test_an_unknown_outcome_is_read_before_it_is_written_again(stage: Stage) -> None:
    stage.products(item("A"), item("B"))
    stage.shop.after.append(raising(UnknownOutcome("No answer.", code="NO_ANSWER"), "content", times=1))
    assert push_once(*stage.ids, "content").state == "failed"
    assert stage.shop.verbs("find") == [["A", "B"]]
    rows = stage.lanes("content")
    assert {sku: row.remote for sku, row in rows.items()} == {
        "A": {"product": stage.shop.products["A"].id}, "B": {"product": stage.shop.products["B"].id},
    }  # fmt: skip
    assert all(row.pending for row in rows.values())
    stage.unpause()
    assert drain(*stage.ids).state == "done"
    assert len(stage.shop.products) == 2
    assert not stage.issues()


def test_a_batch_that_the_shop_cannot_finish_in_time_gets_smaller(stage: Stage) -> None:
    stage.products(*(item(f"P{n}") for n in range(20)))

    def slow(verb: str, skus: list[str]) -> None:
        if verb == "content" and len(skus) > 2:
            raise UnknownOutcome("No answer.", code="NO_ANSWER")

    stage.shop.before.append(slow)
    for _ in range(60):
        drain(*stage.ids)
        stage.unpause()
    assert len(stage.shop.products) == 20


def test_a_broken_connector_does_not_crash_in_a_circle(stage: Stage) -> None:
    stage.products(item("A"))
    stage.shop.before.append(raising(ZeroDivisionError("oops"), "pull"))
    stage.pulled(last_pull_at=None)
    for _ in range(3):
        stage.unpause()
        push_once(*stage.ids, "stock")
    assert stage.channel().paused_until > datetime.now(UTC)
    assert "ZeroDivisionError" in stage.issues()[0].message


# -- the order of things


def test_orders_are_read_before_stock_is_pushed(stage: Stage) -> None:
    stage.products(item("A"))
    settled(stage)
    stage.stock(A=6)
    push_once(*stage.ids, "stock")
    assert [verb for verb, _ in stage.shop.calls] == ["stock"]  # the last pull was just now
    stage.pulled(last_pull_at=datetime.now(UTC) - timedelta(minutes=2))
    stage.stock(A=7)
    push_once(*stage.ids, "stock")
    assert [verb for verb, _ in stage.shop.calls] == ["stock", "pull", "stock"]


def test_stock_is_not_held_up_by_a_shop_that_shows_no_orders(stage: Stage) -> None:
    stage.products(item("A"))
    settled(stage)
    stage.shop.before.append(raising(Rejected("No right to read orders."), "pull"))
    stage.pulled(last_pull_at=None)
    stage.stock(A=7)
    assert push_once(*stage.ids, "stock").accepted == 1
    (issue,) = stage.issues()
    assert (issue.subject, issue.purpose, issue.code) == ("channel", "pull", Code.SHOP_REFUSES)


def test_a_held_channel_is_left_alone(stage: Stage) -> None:
    stage.products(item("A"))
    stage.pulled(state="held")
    assert push_once(*stage.ids, "content").state == "paused"
    assert not stage.shop.calls


def test_two_writers_of_a_channel_never_meet(stage: Stage) -> None:
    stage.products(item("A"))
    seen = []
    stage.shop.before.append(
        lambda verb, _: seen.append(push_once(*stage.ids, "content", wait=0).state) if verb == "content" else None
    )
    push_once(*stage.ids, "content")
    assert seen == ["busy"]
    assert push_once(*stage.ids, "stock").accepted == 1  # the lock is gone


def test_an_unknown_lane_is_refused(stage: Stage) -> None:
    with pytest.raises(ValueError, match="no lane 'prices'"):
        push_once(*stage.ids, "prices")
