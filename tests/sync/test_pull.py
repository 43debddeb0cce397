"""Reading orders: progress never past what is stored, nothing held up by one bad order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text

from integrator.codes import Code
from integrator.connectors.base import OrderPage, OrderProblem, Rejected, Transient
from integrator.store.engine import begin
from integrator.sync import pull, resend
from integrator.sync.drain import drain
from integrator.sync.lanes import push_once
from integrator.sync.pull import pull_once
from tests.sync.conftest import Stage, item, make_stage, order


def orders(stage: Stage) -> list[str]:
    with begin() as connection:
        rows = connection.execute(
            text("SELECT remote_id FROM orders WHERE account_id = :a ORDER BY remote_id"), {"a": stage.store.account_id}
        )
        return list(rows.scalars())


def page(*remote_ids: str, problems: tuple[OrderProblem, ...] = ()) -> OrderPage:
    return OrderPage(tuple(order(one, {"A": 1}) for one in remote_ids), {}, problems)


def test_pages_are_stored_with_their_progress(stage: Stage) -> None:
    stage.shop.pages += [page("1", "2"), page("3")]
    report = pull_once(*stage.ids)
    assert (report.state, report.pages, report.new, report.more) == ("done", 2, 3, False)
    assert orders(stage) == ["1", "2", "3"]
    assert stage.channel().progress == {"read": 2}
    assert pull_once(*stage.ids).pages == 0


def test_a_failure_between_pages_keeps_what_was_stored(stage: Stage) -> None:
    stage.shop.pages += [page("1"), Transient("away", code="UNREACHABLE"), page("3")]
    stage.pulled(last_pull_at=None)
    assert pull_once(*stage.ids).state == "failed"
    channel = stage.channel()
    assert (channel.progress, channel.failures, channel.last_pull_at) == ({"read": 1}, 1, None)
    assert orders(stage) == ["1"]
    assert pull_once(*stage.ids).state == "paused"
    stage.shop.pages[1] = page("2")
    stage.unpause()
    assert pull_once(*stage.ids).new == 2
    assert orders(stage) == ["1", "2", "3"]


def test_progress_and_orders_are_one_transaction(stage: Stage) -> None:
    """The page's last statement fails: neither the orders nor the watermark are there."""
    stage.shop.pages.append(page("1"))
    with begin() as connection:
        connection.execute(
            text(
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$;"
                " CREATE TRIGGER refuse BEFORE UPDATE OF progress ON channels FOR EACH ROW EXECUTE FUNCTION refuse()"
            )
        )
    assert pull_once(*stage.ids).state == "failed"
    assert orders(stage) == []
    with begin() as connection:
        connection.execute(text("DROP TRIGGER refuse ON channels"))
    stage.unpause()
    assert pull_once(*stage.ids).new == 1


def test_a_long_backlog_is_several_jobs(stage: Stage) -> None:
    stage.shop.pages += [page(str(n)) for n in range(pull.PAGES_A_JOB + 2)]
    stage.pulled(last_pull_at=None)
    first = pull_once(*stage.ids)
    assert (first.pages, first.more) == (pull.PAGES_A_JOB, True)
    assert stage.channel().last_pull_at is None
    assert drain(*stage.ids).orders == 2
    assert len(orders(stage)) == pull.PAGES_A_JOB + 2


def test_an_order_that_cannot_be_read_is_an_issue_and_holds_up_nobody(stage: Stage) -> None:
    problem = OrderProblem("2", "The currency is missing.", number="1002")
    stage.shop.pages += [page("1", problems=(problem,)), page("3")]
    report = pull_once(*stage.ids)
    assert (report.new, report.problems) == (2, 1)
    (issue,) = [one for one in stage.issues() if one.purpose == "pull"]
    assert (issue.subject, issue.subject_id, issue.code) == ("order", f"{stage.channel_id}-2", Code.ORDER_UNREADABLE)
    assert issue.message == "Order 1002: The currency is missing."
    # mended in the shop, resent by an operator: read by itself, and the issue closes
    stage.shop.orders.append(order("2", {"A": 1}))
    with begin() as connection:
        resend.resend(connection, [issue._mapping])
    assert pull_once(*stage.ids).new == 1
    assert stage.shop.verbs("order") == [["2"]]
    assert orders(stage) == ["1", "2", "3"]
    assert not [one for one in stage.issues() if one.purpose == "pull"]
    pull_once(*stage.ids)
    assert len(stage.shop.verbs("order")) == 1


def test_a_shop_that_shows_no_orders_is_asked_again_at_the_next_poll(stage: Stage) -> None:
    stage.shop.pages.append(Rejected("No right to read orders.", hint="Give it."))
    stage.pulled(last_pull_at=None)
    assert pull_once(*stage.ids).state == "done"
    channel = stage.channel()
    assert channel.failures == 0
    assert channel.last_pull_at is not None
    (issue,) = stage.issues()
    assert (issue.subject, issue.purpose, issue.hint) == ("channel", "pull", "Give it.")
    stage.shop.pages.clear()
    pull_once(*stage.ids)
    assert not stage.issues()


def test_a_sale_makes_the_next_stock_push_go_out_even_if_it_wants_the_same_number(stage: Stage) -> None:
    """10 in the shop; it sells 1 and has 9; the POS counts 11, of which 1 is sold: 10 again, and the shop needs it."""
    stage.products(item("A", 10))
    drain(*stage.ids)
    stage.shop.products["A"].quantity = Decimal(9)
    stage.shop.pages.append(page("1"))
    pull_once(*stage.ids)
    stage.stock(A=11)
    push_once(*stage.ids, "stock")
    assert stage.shop.products["A"].quantity == 10


def test_a_webhook_during_a_pull_is_not_forgotten(stage: Stage) -> None:
    def webhook(verb: str, _: list[str]) -> None:
        with begin() as connection:
            pull.look_soon(connection, *stage.ids)

    with begin() as connection:
        pull.look_soon(connection, *stage.ids)
    pull_once(*stage.ids)
    assert "look_at" not in stage.channel().sync
    stage.shop.before.append(webhook)
    pull_once(*stage.ids)
    assert "look_at" in stage.channel().sync


@pytest.mark.parametrize("hours", [1, -1])
def test_a_clock_that_is_wrong_here_skips_nothing(stage: Stage, hours: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Times that decide are the database's; progress is the shop's."""
    stage.shop.pages += [page("1")]
    stage.products(item("A"))
    real = datetime

    class Wrong(datetime):
        @classmethod
        def now(cls, tz=None):  # type: ignore[no-untyped-def]
            return real.now(tz) + timedelta(hours=hours)

    for module in ("circuit", "lanes", "ship", "pull"):
        monkeypatch.setattr(f"integrator.sync.{module}.datetime", Wrong, raising=False)
    assert drain(*stage.ids).state == "done"
    assert orders(stage) == ["1"]
    assert stage.shop.products["A"].quantity == 4  # one is sold
    stage.shop.before.append(lambda *_: (_ for _ in ()).throw(Transient("away", code="UNREACHABLE")))
    stage.stock(A=9)
    assert drain(*stage.ids).state == "paused"
    assert timedelta(0) < stage.channel().paused_until - real.now(UTC) < timedelta(seconds=2)
    assert abs(stage.channel().last_pull_at - real.now(UTC)) < timedelta(minutes=1)


def test_channels_of_different_accounts_do_not_meet(stage: Stage) -> None:
    other = make_stage()
    stage.shop.pages.append(page("1"))
    other.shop.pages.append(page("1", "2"))
    pull_once(*stage.ids)
    pull_once(*other.ids)
    assert (orders(stage), orders(other)) == (["1"], ["1", "2"])
