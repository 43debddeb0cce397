"""The worker role, running: what a change is sent by, that channels take turns, that it goes on whatever happens."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Engine, text

from integrator.connectors.base import Transient
from integrator.store.engine import DatabaseUnavailable, begin
from integrator.sync import queue, worker
from integrator.sync.wake import wake
from tests.support.waiting import PATIENCE, until
from tests.sync.conftest import Stage, item, make_stage

THREADS = 4
NEVER = 3600.0  # seconds


@contextmanager
def at_work() -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, kwargs={"threads": THREADS, "stop": stop})
    thread.start()
    try:
        until(lambda: listening() == 3, "the worker's three lines listen")
        yield
    finally:
        stop.set()
        thread.join(PATIENCE)
    assert not thread.is_alive()


@pytest.fixture
def running(engine: Engine) -> Iterator[None]:
    with at_work():
        yield


@pytest.fixture
def only_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker that does only what it is told of: nobody sweeps, and nobody looks for lost notifications."""
    monkeypatch.setattr(worker, "LOOK_EVERY", NEVER)
    with begin() as connection:
        connection.execute(text("INSERT INTO beats (duty, last_at) VALUES ('sweep', now() + interval '1 day')"))
    with at_work():
        yield


def one(statement: str) -> int:
    with begin() as connection:
        return int(connection.execute(text(statement)).scalar_one())


def listening() -> int:
    return one(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND state = 'idle' AND query LIKE 'LISTEN%#%'"
    )


def told(stage: Stage, *lanes: str) -> None:
    wake(stage.store.account_id, stage.store.store_id, lanes)


def quantity(stage: Stage, sku: str = "A") -> int:
    return int(stage.shop.products[sku].quantity)


def test_every_change_is_sent_by_its_wake_up(only_told: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    told(stage, "content")
    until(lambda: "A" in stage.shop.products)
    until(lambda: len(stage.shop.verbs("stock")) == 1)  # what the new product waited with follows at once
    for units in range(20, 30):
        stage.stock(A=units)
        told(stage, "stock")
        until(lambda units=units: quantity(stage) == units)
    assert len(stage.shop.verbs("stock")) == 11


def test_a_lost_wake_up_is_found_by_the_sweep(running: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    until(lambda: "A" in stage.shop.products)


def test_many_batches_follow_each_other_without_waiting(only_told: None) -> None:
    """Jobs of one channel wait for each other; the next starts when one ends, not when somebody looks again."""
    stage = make_stage()
    stage.products(*(item(f"P{n}") for n in range(120)))  # 15 batches of 8
    told(stage, "content")
    until(lambda: len(stage.shop.products) == 120)


def test_stock_overtakes_content_that_is_running(only_told: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    told(stage, "content")
    until(lambda: len(stage.shop.verbs("stock")) == 1)
    begun, go_on = threading.Event(), threading.Event()

    def hold_the_third(verb: str, _: list[str]) -> None:
        if verb == "content" and len(stage.shop.verbs("content")) == 1 + 3:
            begun.set()
            go_on.wait(PATIENCE)

    stage.shop.before.append(hold_the_third)
    stage.products(*(item(f"P{n}") for n in range(80)))  # 10 batches of 8
    told(stage, "content", "price", "stock")
    assert begun.wait(PATIENCE)
    stage.stock(A=77)
    told(stage, "stock")
    before = len(stage.shop.calls)
    go_on.set()
    until(lambda: len(stage.shop.products) == 81 and quantity(stage) == 77)
    pushes = [(verb, skus) for verb, skus in stage.shop.calls[before:] if verb in ("content", "price", "stock")]
    assert pushes[0][0] == "stock"  # the next thing that the shop hears
    assert "A" in pushes[0][1]
    assert len([verb for verb, _ in pushes if verb == "content"]) == 7  # the rest of the catalogue comes after it


def test_shops_that_hang_do_not_take_the_others_places(only_told: None) -> None:
    """Eight shops that failed before hang, which is twice as many as there are threads, while another's changes go."""
    hanging = [make_stage() for _ in range(8)]
    stage = make_stage()
    asked: list[int] = []
    give_up = threading.Event()

    def hang(verb: str, _: list[str]) -> None:
        asked.append(1)
        give_up.wait(PATIENCE)
        raise Transient("no answer", code="NO_ANSWER")

    try:
        for each in hanging:
            each.shop.before.append(hang)
            each.pulled(last_pull_at=None, failures=1)
            queue.defer_now(*each.ids, ["pull"])
        until(lambda: asked, "a shop hangs")
        stage.products(item("A"))
        told(stage, "content")
        until(lambda: len(stage.shop.verbs("stock")) == 1)
        for units in range(20, 26):
            stage.stock(A=units)
            told(stage, "stock")
            until(lambda units=units: quantity(stage) == units)
        assert (
            one("SELECT count(*) FROM channels WHERE failures <> 1 AND platform = 'scripted'") == 1
        )  # they still hang
        assert len(asked) <= max(1, THREADS // 4)
    finally:
        give_up.set()


@pytest.mark.slow
def test_two_hundred_busy_channels_take_turns(only_told: None) -> None:
    """Each has three content batches: nobody gets the next before everybody had this one."""
    stages = [make_stage() for _ in range(200)]
    order: list[int] = []
    lined_up = threading.Event()

    def note(channel_id: int) -> Callable[[str, list[str]], None]:
        def begins(verb: str, _: list[str]) -> None:
            if verb == "content":
                lined_up.wait(PATIENCE)
                order.append(channel_id)

        return begins

    for each in stages:
        each.products(*(item(f"P{n}") for n in range(24)))
        each.shop.before.append(note(each.channel_id))
    try:
        for each in stages:
            told(each, "content")
    finally:
        lined_up.set()
    until(lambda: all(len(each.shop.products) == 24 for each in stages), patience=2 * PATIENCE)
    assert Counter(order) == {each.channel_id: 3 for each in stages}
    turns = dict.fromkeys(Counter(order), 0)
    for channel_id in order:
        turns[channel_id] += 1
        leader = max(turns.values())
        # who is two turns behind was taken out of the line already, by one of the threads
        assert sum(leader - had >= 2 for had in turns.values()) <= THREADS, turns
    assert one("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") <= THREADS + 2


def test_it_waits_for_a_database_that_goes_away(running: None, database: str) -> None:
    stage = make_stage()
    with begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )

    def accepted() -> bool:
        try:
            stage.products(item("A"))
        except DatabaseUnavailable:  # of a connection in our own pool
            return False
        return True

    until(accepted)
    told(stage, "content")
    until(lambda: "A" in stage.shop.products)


def test_a_job_whose_end_cannot_be_noted_does_not_hold_up_its_channel(
    only_told: None, caplog: pytest.LogCaptureFixture
) -> None:
    """The database refuses to note it, and is well again before anybody else has noticed."""
    stage = make_stage()
    stage.products(item("A"))
    told(stage, "content")
    until(lambda: len(stage.shop.verbs("stock")) == 1)
    rename = "ALTER FUNCTION {0}(bigint, procrastinate_job_status, boolean) RENAME TO {1}"
    name = "procrastinate_finish_job_v1"
    with begin() as connection:
        connection.execute(text(rename.format(name, "away")))
    stage.stock(A=20)
    told(stage, "stock")
    until(lambda: "cannot be noted" in caplog.text)
    with begin() as connection:
        connection.execute(text(rename.format("away", name)))
    stage.stock(A=21)
    told(stage, "stock")
    until(lambda: quantity(stage) == 21)


def test_a_worker_that_was_taken_for_dead_goes_on_and_is_seen_alive(running: None) -> None:
    """As after a pause of the machine, in which others removed its registration. It waits for no shop that hangs."""
    hanging, stage = make_stage(), make_stage()
    asked: list[str] = []
    give_up = threading.Event()

    def hang(verb: str, _: list[str]) -> None:
        asked.append(verb)
        give_up.wait(PATIENCE)

    try:
        hanging.shop.before.append(hang)
        hanging.pulled(last_pull_at=None, failures=1)
        until(lambda: asked, "a shop hangs")
        with begin() as connection:
            connection.execute(text("DELETE FROM procrastinate_workers"))
        stage.products(item("A"))
        told(stage, "content")
        until(lambda: "A" in stage.shop.products)
        until(lambda: one("SELECT count(*) FROM procrastinate_workers") == 3, "all three lines are registered")
        assert not give_up.is_set()
    finally:
        give_up.set()
