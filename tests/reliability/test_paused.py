"""A worker that stands still, as on a machine that was paused: it only seems dead, and it comes back."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from sqlalchemy import text

from integrator.store.engine import begin
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.waiting import until

ALIVE = "SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - interval '20 seconds'"


def an_hour_passes() -> None:
    """For whoever looks at the workers' signs of life."""
    with begin() as connection:
        connection.execute(text("UPDATE procrastinate_workers SET last_heartbeat = last_heartbeat - interval '1 hour'"))


@pytest.mark.slow
@pytest.mark.parametrize("alone", [True, False], ids=["alone", "with a successor"])
def test_a_worker_that_only_seems_dead_goes_on_and_nothing_is_written_twice(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess], alone: bool
) -> None:
    """It is stopped in the middle of a call. Its job is taken back, its lock on the channel is not; when it comes back
    it does its work as before."""
    merchant = make_merchant(poll_seconds=3600)
    first = make_worker()
    merchant.products([product("A")])
    until(lambda: merchant.pending() + merchant.jobs() == 0, "the product is in the shop")
    merchant.shop.behave(latency_ms=3_000)
    writes = merchant.shop.writes
    merchant.stock({"A": 77})
    until(lambda: merchant.shop.writes > writes, "the shop is at it")
    first.signal(signal.SIGSTOP)
    merchant.shop.behave()
    an_hour_passes()
    merchant.stock({"A": 78})
    if not alone:
        second = make_worker()
        until(lambda: "is taken back" in second.text(), "the job is taken back")
        until(
            lambda: merchant.jobs() == 0,
            "the second took the job of the 78 and came no further than the channel's lock",
        )
        assert merchant.shop.writes == writes + 1  # nobody beside the one that holds it
    first.signal(signal.SIGCONT)
    until(lambda: merchant.pending() == 0, "the change is in the shop")
    assert merchant.shop.products()["A"].quantity == 78
    if not alone:
        assert second.stop() == 0
    merchant.stock({"A": 79})
    until(lambda: merchant.pending() + merchant.jobs() == 0, "the first goes on by itself")
    assert merchant.shop.products()["A"].quantity == 79
    assert merchant.shop.writes == writes + 3  # 77, 78 and 79
    until(lambda: merchant.count(ALIVE) == 3, "its three lines are seen alive again")
    assert "lost its database" not in first.text()
