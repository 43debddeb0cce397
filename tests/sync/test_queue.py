"""Wake-ups, the sweep and the other duties: what is put in line, and that nothing needs to be."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import Engine, text

from integrator.journal import retention
from integrator.store import engine as store_engine
from integrator.store.engine import begin
from integrator.sync import duties, jobs, queue
from integrator.sync.drain import drain
from integrator.sync.wake import wake
from tests.support.waiting import PATIENCE, until
from tests.sync.conftest import Stage, item, make_stage


def waiting() -> list[tuple[int, str]]:
    """(channel, kind) of the jobs in line, first the first."""
    with begin() as connection:
        rows = connection.execute(
            text("SELECT args FROM procrastinate_jobs WHERE status = 'todo' ORDER BY priority DESC, id")
        )
        return [(row.args["channel_id"], row.args["kind"]) for row in rows]


def fetch(worker: int = 0) -> dict[str, Any] | None:
    """As a worker does."""
    with begin() as connection:
        if not worker:
            worker = connection.execute(text("SELECT worker_id FROM procrastinate_register_worker_v1()")).scalar_one()
        row = connection.execute(
            text("SELECT * FROM procrastinate_fetch_job_v2(NULL, :worker)"), {"worker": worker}
        ).one()
        return dict(row._mapping) if row.id else None


def at_rest(stage: Stage) -> None:
    drain(*stage.ids)
    with begin() as connection:
        connection.execute(text('UPDATE channels SET sync = sync || \'{"webhooks_at": "2999-01-01"}\''))
        connection.execute(text("DELETE FROM procrastinate_jobs"))


def test_a_wake_up_puts_in_one_job_per_lane_and_no_second(stage: Stage) -> None:
    wake(stage.store.account_id, stage.store.store_id, ["content", "stock"])
    wake(stage.store.account_id, stage.store.store_id, ["stock"])
    assert waiting() == [(stage.channel_id, "stock"), (stage.channel_id, "content")]
    # one that runs does not stand for one that waits: it may have read before the change
    assert fetch() is not None
    wake(stage.store.account_id, stage.store.store_id, ["stock"])
    assert waiting() == [(stage.channel_id, "stock"), (stage.channel_id, "content")]


def test_a_wake_up_leaves_other_stores_and_paused_channels_alone(stage: Stage) -> None:
    other = make_stage()
    other.pulled(paused_until=datetime.now(UTC) + timedelta(hours=1))
    wake(other.store.account_id, other.store.store_id, ["stock"])
    wake(stage.store.account_id, other.store.store_id, ["stock"])
    assert waiting() == []


def test_a_wake_up_never_raises(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    url = store_engine.engine().url.render_as_string(hide_password=False)
    store_engine.configure("postgresql://nobody@/none?host=/nowhere")
    try:
        wake(stage.store.account_id, stage.store.store_id, ["stock"])
        wake(stage.store.account_id, stage.store.store_id, ["no such lane"])
    finally:
        store_engine.configure(url)
    assert caplog.text.count("A wake-up was lost") == 2


def test_one_job_of_a_channel_runs_at_a_time_and_stock_is_first(stage: Stage) -> None:
    other = make_stage()
    with begin() as connection:
        queue.defer(connection, *stage.ids, ["content", "pull"])
        queue.defer(connection, *other.ids, ["content"])
    first = fetch()
    assert first is not None
    assert (first["args"]["channel_id"], first["args"]["kind"]) == (stage.channel_id, "pull")
    with begin() as connection:
        queue.defer(connection, *stage.ids, ["stock"])
    second = fetch()
    assert second is not None
    assert (second["args"]["channel_id"], second["args"]["kind"]) == (other.channel_id, "content")
    assert fetch() is None  # stock waits for the one that runs, content for stock
    with begin() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs WHERE id = :id"), {"id": first["id"]})
    third = fetch()
    assert third is not None
    assert third["args"]["kind"] == "stock"


def test_the_sweep_finds_what_no_wake_up_told_of(stage: Stage) -> None:
    duties.sweep()
    at_rest(stage)
    assert duties.sweep() == 0
    stage.products(item("A"))
    assert duties.sweep() == 3
    assert duties.sweep() == 0  # they wait already
    assert [kind for _, kind in waiting()] == ["stock", "price", "content"]
    for _, kind in waiting():
        jobs.work(*stage.ids, kind)
    assert "A" in stage.shop.products


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        ("last_pull_at = now() - interval '5 minutes'", ["pull"]),
        ("last_pull_at = NULL", ["pull"]),
        ("last_pull_at = now() - interval '5 minutes', settings = settings || '{\"poll_seconds\": 600}'", []),
        ('sync = sync || \'{"look_at": "2026-01-01"}\'', ["pull"]),
        ('sync = sync || \'{"orders": ["1"]}\'', ["pull"]),
        ('sync = sync || \'{"reconciled_at": "2026-01-01"}\'', ["reconcile"]),
        ("created_at = now() - interval '2 days'", ["reconcile"]),
        ("last_pull_at = NULL, paused_until = now() + interval '1 minute'", []),
        ("last_pull_at = NULL, state = 'held'", []),
        ("state = 'needs_credentials', paused_until = now() - interval '1 second'", ["probe"]),
        ("state = 'needs_credentials', paused_until = now() + interval '1 minute'", []),
    ],
)
def test_what_the_sweep_looks_for(stage: Stage, change: str, kinds: list[str]) -> None:
    at_rest(stage)
    with begin() as connection:
        connection.execute(text(f"UPDATE channels SET {change}"))
    duties.sweep()
    assert [kind for _, kind in waiting()] == kinds


def test_channels_that_failed_wait_in_a_line_of_their_own(stage: Stage) -> None:
    stage.pulled(failures=1)
    wake(stage.store.account_id, stage.store.store_id, ["stock"])
    with begin() as connection:
        assert connection.execute(text("SELECT queue_name FROM procrastinate_jobs")).scalar_one() == queue.RECOVERING


def test_jobs_of_a_dead_worker_are_taken_back_and_lined_up_again(stage: Stage) -> None:
    stage.products(item("A"))
    with begin() as connection:
        queue.defer(connection, *stage.ids, ["stock", "content"])
    assert fetch() is not None
    assert duties.take_back() == 0
    with begin() as connection:
        connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '30 seconds'"))
        queue.defer(connection, *stage.ids, ["stock"])  # what procrastinate's own retry would stumble over
    assert duties.take_back() == 1
    assert fetch() is not None
    with begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM procrastinate_workers")).scalar_one() == 1


def test_a_duty_is_done_by_one_worker_and_not_too_often(engine: Engine) -> None:
    done = []
    duty = duties.Duty("test", 3600, run=lambda: done.append(1))
    threads = [threading.Thread(target=duties.do, args=(duty,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 1


def test_a_duty_that_fails_comes_again(engine: Engine) -> None:
    calls = []

    def fail() -> None:
        calls.append(time.monotonic())
        raise RuntimeError("no")

    stop = threading.Event()
    keeper = threading.Thread(target=duties.keep, args=(stop, (duties.Duty("test", 0.1, run=fail),)))
    keeper.start()
    until(lambda: len(calls) >= 2)
    stop.set()
    keeper.join(PATIENCE)
    assert not keeper.is_alive()


def test_a_sale_that_begins_and_ends_moves_the_price_where_the_shop_has_no_windows(stage: Stage) -> None:
    now = datetime.now(UTC)
    start, end = now + timedelta(hours=1), now + timedelta(hours=2)
    stage.products(item("A", SalePrice=Decimal("7.00"), SaleStart=start, SaleEnd=end), item("B"))
    drain(*stage.ids)
    assert stage.shop.products["A"].sale_price is None
    stage.shop.calls.clear()

    def beat(after: datetime, until: datetime) -> None:
        with begin() as connection:
            duties.boundaries(connection, after, until)
        from integrator.sync.lanes import push_once

        push_once(*stage.ids, "price", now=until + timedelta(seconds=1))

    beat(now, start - timedelta(seconds=1))
    assert stage.shop.calls == []
    beat(start - timedelta(seconds=1), start)
    assert stage.shop.products["A"].sale_price == Decimal("7.00")
    beat(start, end)
    assert stage.shop.products["A"].sale_price is None
    assert stage.shop.verbs("price") == [["A"], ["A"]]


def test_the_journal_is_cleaned_and_nothing_else(stage: Stage) -> None:
    with begin() as connection:
        a, c, s = stage.store.account_id, stage.channel_id, stage.store.store_id
        for days in (1, 20, 40):
            connection.execute(
                text(
                    "INSERT INTO attempts"
                    " (account_id, channel_id, purpose, method, url, outcome, milliseconds, started_at)"
                    " VALUES (:a, :c, 'x', 'GET', 'u', 'ok', 1, now() - make_interval(days => :d));"
                    " INSERT INTO calls (account_id, id, store_id, user_name, operation, started_at, answer)"
                    " VALUES (:a, gen_random_uuid(), :s, 'u', 'x', now() - make_interval(days => :d), 'x');"
                    " INSERT INTO issues (account_id, store_id, subject, subject_id, code, message, state, closed_at)"
                    " VALUES (:a, :s, 'product', 'A', 'X', 'x', 'resolved', now() - make_interval(days => :d))"
                ),
                {"a": a, "c": c, "s": s, "d": days},
            )
        connection.execute(
            text(
                "INSERT INTO issues (account_id, store_id, subject, subject_id, code, message, last_at)"
                " VALUES (:a, :s, 'product', 'B', 'X', 'x', now() - interval '400 days')"
            ),
            {"a": a, "s": s},
        )
    done = retention.clean(retention.Keep(attempts=14, calls=30, issues=30))
    assert {name: done[name] for name in ("attempts", "calls", "issues", "answers")} == {
        "attempts": 2, "calls": 1, "issues": 1, "answers": 1,
    }  # fmt: skip
    assert [one.subject_id for one in stage.issues()] == ["B"]


def test_a_job_for_a_channel_that_is_gone_is_no_error(stage: Stage) -> None:
    assert jobs.work(stage.store.account_id, 999, "stock") == "gone"
