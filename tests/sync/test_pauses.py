"""Paused channels: when they go on, who sees to it, and that an announced quota needs no refusal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from integrator.accounts.channels import add_channel
from integrator.catalogue import marks
from integrator.connectors.base import Throttled
from integrator.journal import attempts
from integrator.store.engine import begin
from integrator.sync import duties, jobs, pauses, worker
from integrator.sync.drain import drain
from integrator.sync.lanes import push_once
from integrator.sync.wake import wake
from tests.connectors.sandbox import SandboxShop
from tests.support.seed import seed_store
from tests.support.waiting import until
from tests.sync.conftest import Stage, item, make_stage
from tests.sync.test_queue import at_rest, waiting


def paused_for(stage: Stage, seconds: float) -> None:
    with begin() as connection:
        connection.execute(
            text("UPDATE channels SET paused_until = clock_timestamp() + make_interval(secs => :s) WHERE id = :c"),
            {"s": seconds, "c": stage.channel_id},
        )


@pytest.fixture
def due(stage: Stage) -> Stage:
    """Its stock is due, and nothing is in line."""
    stage.products(item("A"))
    at_rest(stage)
    stage.stock(A=7)
    return stage


def test_the_end_of_a_pause_puts_in_what_is_due_and_once(due: Stage) -> None:
    paused_for(due, 40)
    after, seconds = pauses.look()
    assert seconds is not None
    assert 35 < seconds <= 40
    assert waiting() == []
    paused_for(due, 0)  # the pause ends
    after, seconds = pauses.look(after)
    assert seconds is None
    assert waiting() == [(due.channel_id, "stock")]
    with begin() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    pauses.look(after)
    assert waiting() == []


def test_the_next_end_is_the_soonest_and_other_channels_are_left_alone(due: Stage) -> None:
    other, never = make_stage(), make_stage()
    after, _ = pauses.look()
    paused_for(due, 0)
    paused_for(other, 30)
    other.products(item("A"))
    never.products(item("A"))
    _, seconds = pauses.look(after)
    assert seconds is not None
    assert 25 < seconds <= 30
    assert {channel for channel, _ in waiting()} == {due.channel_id}


def test_several_workers_see_the_same_end_and_put_in_one_job(due: Stage) -> None:
    first, _ = pauses.look()
    second, _ = pauses.look()
    paused_for(due, 0)
    pauses.look(first)
    pauses.look(second)
    assert waiting() == [(due.channel_id, "stock")]


def test_a_worker_that_is_killed_takes_no_end_of_a_pause_with_it(due: Stage) -> None:
    pauses.look()  # of the worker that is killed before the pause ends
    other, _ = pauses.look()
    paused_for(due, 0)
    pauses.look(other)
    assert waiting() == [(due.channel_id, "stock")]
    with begin() as connection:  # and were there no other, or were its job lost: the sweep
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    pauses.look()  # a worker that starts later knows nothing of it
    assert waiting() == []
    duties.sweep()
    assert waiting() == [(due.channel_id, "stock")]


def test_a_channel_without_credentials_is_probed_when_its_pause_ends(due: Stage) -> None:
    after, _ = pauses.look()
    due.pulled(state="needs_credentials")
    paused_for(due, 0)
    pauses.look(after)
    assert waiting() == [(due.channel_id, "probe")]


def test_what_ended_while_the_database_was_away_is_found_then(due: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stop, seen = threading.Event(), list[datetime | None]()
    real = pauses.look

    def look(after: datetime | None = None) -> tuple[datetime, float | None]:
        seen.append(after)
        if len(seen) == 1:
            return real(after)
        if len(seen) == 2:
            paused_for(due, 0)
            raise RuntimeError("the database is away")
        stop.set()
        return real(after)

    monkeypatch.setattr(pauses, "look", look)
    monkeypatch.setattr(pauses, "LOOK_EVERY", 0.01)
    pauses.keep(stop)
    assert seen[1] == seen[2]
    assert waiting() == [(due.channel_id, "stock")]


def test_a_throttled_push_that_asked_nothing_writes_nothing_to_the_lanes(due: Stage) -> None:
    """The client knew that no request was left: the items took no part in any."""
    until_ = datetime.now(UTC) + timedelta(minutes=1)

    def versions() -> list[Any]:
        with begin() as connection:
            return list(connection.execute(text("SELECT xmin::text, ctid::text FROM lanes ORDER BY 2")).all())

    before = versions()
    due.shop.closed = Throttled("used up", until=until_)
    assert push_once(*due.ids, "stock").state == "failed"
    assert versions() == before
    assert due.channel().paused_until > datetime.now(UTC) + timedelta(seconds=30)


def test_orders_that_are_read_before_stock_are_journalled_as_what_they_are(due: Stage) -> None:
    due.pulled(last_pull_at=None)
    assert jobs.work(*due.ids, "stock") == "done"
    with begin() as connection:
        newest = attempts.listed(connection, due.store.account_id, limit=2)
    assert [(one["url"], one["purpose"]) for one in newest] == [
        ("http://scripted/stock", "stock"), ("http://scripted/pull", "pull"),
    ]  # fmt: skip


# -- with a worker, and without the sweep


@pytest.fixture
def without_sweep(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(duties, "keep", lambda stop: stop.wait())
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, kwargs={"threads": 2, "stop": stop})
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_pause_ends_by_itself(without_sweep: None) -> None:
    stage = make_stage()
    moment = datetime.now(UTC) + timedelta(seconds=1.5)
    asked: list[datetime] = []

    def once(verb: str, _: list[str]) -> None:
        asked.append(datetime.now(UTC))
        if len(asked) == 1:
            raise Throttled("wait", until=moment)

    stage.products(item("A"))
    stage.shop.before.append(once)
    wake(stage.store.account_id, stage.store.store_id, ["content"])
    until(lambda: "A" in stage.shop.products)
    assert asked[0] < moment <= asked[1]


def test_an_announced_quota_is_worked_through_and_nothing_is_refused(without_sweep: None) -> None:
    """More requests than a window has: each goes in the next window, and none is sent to be turned away."""
    shop = SandboxShop("announced")
    try:
        with begin() as connection:
            store = seed_store(connection)
            channel = add_channel(connection, store, "sandbox", shop.name, shop.credentials(), {})
            marks.list_all(connection, store.account_id, channel)
        stage = Stage(store, channel, shop)
        stage.products(*(item(f"P{n}") for n in range(5)))
        drain(*stage.ids)
        shop.behave(quota_requests=1, quota_seconds=2)
        before = shop._counters()
        stage.products(*(item(f"P{n}", 50 + n, "19.90") for n in range(5)))
        wake(store.account_id, store.store_id, ["price", "stock"])
        until(lambda: not any(one.pending for lane in ("price", "stock") for one in stage.lanes(lane).values()))
        after = shop._counters()
        assert after.refused == before.refused
        assert after.writes - before.writes == 2  # one a lane, each in a window of its own
    finally:
        shop.close()
