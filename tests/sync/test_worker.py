"""The worker role, running: how soon a change is sent, that channels take turns, that it ends when asked."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, text

from integrator.connectors.base import Transient
from integrator.store.engine import begin
from integrator.sync import worker
from integrator.sync.wake import wake
from tests.sync.conftest import Stage, item, make_stage


def until(condition: Callable[[], bool], seconds: float = 30) -> float:
    """Seconds until it holds."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "it did not come to pass"
        time.sleep(0.01)
    return time.monotonic() - started


@pytest.fixture
def running(engine: Engine) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(target=worker.run, kwargs={"threads": 4, "stop": stop})
    thread.start()
    yield
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


def test_a_change_is_sent_within_a_second(running: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    wake(*stage.ids[:1], stage.store.store_id, ["content"])
    until(lambda: "A" in stage.shop.products)
    until(lambda: len(stage.shop.verbs("stock")) == 1)  # what the new product waited with follows at once
    waits = []
    for quantity in range(20, 30):
        stage.stock(A=quantity)
        wake(stage.store.account_id, stage.store.store_id, ["stock"])
        waits.append(until(lambda wanted=quantity: stage.shop.products["A"].quantity == wanted))
    assert statistics.median(waits) < 0.5, waits
    assert max(waits) < 5, waits


def test_a_lost_wake_up_is_found_by_the_sweep(running: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    assert until(lambda: "A" in stage.shop.products) < 10


def test_many_batches_follow_each_other_without_waiting(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Jobs of one channel wait for each other; the next starts when one ends, not when somebody looks again."""
    monkeypatch.setattr(worker, "LOOK_EVERY", 60.0)
    request.getfixturevalue("running")
    stage = make_stage()
    stage.products(*(item(f"P{n}") for n in range(120)))  # 15 batches of 8
    wake(stage.store.account_id, stage.store.store_id, ["content"])
    until(lambda: len(stage.shop.products) == 120, 50)


def test_stock_overtakes_content_that_is_running(running: None) -> None:
    stage = make_stage()
    stage.products(item("A"))
    wake(stage.store.account_id, stage.store.store_id, ["content"])
    until(lambda: len(stage.shop.verbs("stock")) == 1)
    stage.products(*(item(f"P{n}") for n in range(400)))
    stage.shop.before.append(lambda verb, _: time.sleep(0.05) if verb == "content" else None)
    wake(stage.store.account_id, stage.store.store_id, ["content", "price", "stock"])
    until(lambda: len(stage.shop.products) > 50)
    stage.stock(A=77)
    wake(stage.store.account_id, stage.store.store_id, ["stock"])
    assert until(lambda: stage.shop.products["A"].quantity == 77) < 2
    assert len(stage.shop.products) < 401  # the content was not done yet


def test_shops_that_hang_do_not_take_the_others_places(running: None) -> None:
    hanging = [make_stage() for _ in range(8)]
    stage = make_stage()

    def hang(verb: str, _: list[str]) -> None:
        time.sleep(1.0)
        raise Transient("no answer", code="NO_ANSWER")

    for one in hanging:
        one.shop.before.append(hang)
        one.pulled(last_pull_at=None, failures=1)
    stage.products(item("A"))
    wake(stage.store.account_id, stage.store.store_id, ["content"])
    until(lambda: len(stage.shop.verbs("stock")) == 1)
    until(lambda: any(one.shop.calls for one in hanging))
    waits = []
    for quantity in range(20, 26):
        stage.stock(A=quantity)
        wake(stage.store.account_id, stage.store.store_id, ["stock"])
        waits.append(until(lambda wanted=quantity: stage.shop.products["A"].quantity == wanted))
    for one in hanging:
        one.pulled(state="held")
    assert statistics.median(waits) < 0.5, waits


@pytest.mark.slow
def test_two_hundred_busy_channels_take_turns(running: None) -> None:
    """Each has three content batches of a shop that takes 20 ms; whoever comes last waits no longer than its turn."""
    stages = [make_stage() for _ in range(200)]
    finished: dict[int, float] = {}
    for one in stages:
        one.products(*(item(f"P{n}") for n in range(24)))
        one.shop.before.append(lambda verb, _: time.sleep(0.02))
    started = time.monotonic()
    for one in stages:
        wake(one.store.account_id, one.store.store_id, ["content"])
    first_batches = []
    while len(finished) < len(stages):
        for one in stages:
            if one.channel_id not in finished and len(one.shop.products) == 24:
                finished[one.channel_id] = time.monotonic() - started
        if not first_batches and all(one.shop.products for one in stages):
            first_batches.append(time.monotonic() - started)
        assert time.monotonic() - started < 200
        time.sleep(0.05)
    times = sorted(finished.values())
    print(f"first batch of the last after {first_batches[0]:.1f} s; done after {times[0]:.1f} to {times[-1]:.1f} s")
    # in turns: nobody is done long before the others, and nobody starts when the others are done
    assert first_batches[0] < 0.7 * times[-1]
    assert times[0] > 0.3 * times[-1]
    with begin() as connection:
        left = connection.execute(text("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'")).scalar_one()
    assert left <= 5


def test_it_waits_for_a_database_that_goes_away(running: None, database: str) -> None:
    stage = make_stage()
    with begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    stage_works(stage)


def stage_works(stage: Stage) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            stage.products(item("A"))
            break
        except Exception:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    until(lambda: "A" in stage.shop.products)
