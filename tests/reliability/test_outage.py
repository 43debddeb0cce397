"""R7: a shop that is away, in every way that shops are: nothing is lost, nobody knocks too often, the newest value
of each item is sent when it is back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest

from integrator.sync.drain import drain
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.reliability.proxy import Proxy
from tests.support.waiting import until

FAILURES = ["refuse", "silent", "reset", "html", "half", "500", "503", "429", "lost"]


@pytest.fixture
def cut(make_merchant: Callable[..., Merchant]) -> Iterator[tuple[Merchant, Proxy]]:
    """A merchant whose shop is behind a network that can be cut."""
    proxy = Proxy(0, silence=0.3)
    merchant = make_merchant(url=proxy.url)
    proxy.target = merchant.shop.server.server_port
    yield merchant, proxy
    proxy.close()


def fail(merchant: Merchant, proxy: Proxy, how: str) -> None:
    if how in ("500", "503"):
        merchant.shop.behave(fail_percent=100, fail_status=int(how))
    elif how == "429":
        merchant.shop.behave(throttle_next=1000, retry_after=60)
    elif how == "lost":
        merchant.shop.behave(lose_next=1000)
    else:
        proxy.become(how)  # type: ignore[arg-type]


@pytest.mark.parametrize("how", FAILURES)
def test_everything_waits_and_the_newest_is_sent_when_the_shop_is_back(cut: tuple[Merchant, Proxy], how: str) -> None:
    merchant, proxy = cut
    merchant.products([product(f"A{n}", 5) for n in range(20)])
    assert drain(*merchant.ids).state == "done"
    fail(merchant, proxy, how)
    for round_ in range(4):
        merchant.stock({f"A{n}": 10 * round_ + n for n in range(20)})
        merchant.products([product(f"N{round_}", 7)])
        assert drain(*merchant.ids).state == "paused"
        before = proxy.requests
        assert drain(*merchant.ids).state == "paused"  # it is not asked while the channel is paused
        assert proxy.requests == before
        if how == "lost":
            merchant.shop.behave(lose_next=1000)
        merchant.unpause()
    assert merchant.pending() > 0
    proxy.become("pass")
    merchant.shop.behave()
    writes = merchant.shop.writes
    for _ in range(8):
        merchant.unpause()
        if drain(*merchant.ids).state == "done" and merchant.pending() == 0:
            break
    found = {sku: int(one.quantity or 0) for sku, one in merchant.shop.products().items()}
    assert found == merchant.accepted
    assert len(merchant.shop.variants()) == len(found)  # what took effect without an answer was not made twice
    assert merchant.shop.writes - writes <= 20
    assert merchant.count("SELECT count(*) FROM issues WHERE account_id = :a AND state = 'open'") == 0
    assert merchant.count("SELECT failures FROM channels WHERE account_id = :a AND id = :c") == 0


def test_one_merchant_s_outage_is_not_another_s(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    """A worker runs: the circuit opens at once, few requests are made, others are served, and all drains by itself."""
    proxy = Proxy(0, silence=0.5)
    away, well = make_merchant(url=proxy.url), make_merchant()
    proxy.target = away.shop.server.server_port
    failures = "SELECT failures FROM channels WHERE account_id = :a AND id = :c"
    try:
        for one in (away, well):
            one.products([product("A")])
        make_worker()
        until(lambda: away.pending() + well.pending() + away.jobs() == 0, "both are up to date")
        proxy.become("silent")
        came = proxy.requests
        for quantity in range(10, 20):
            away.stock({"A": quantity})
            well.stock({"A": quantity})
            until(lambda: well.pending() == 0, "the other merchant's change")
        assert away.pending() == 1
        until(lambda: away.count(failures) >= 3, "the shop was tried again")
        # each is one request and a pause, however many changes and lanes wait; one more may be on its way
        requests, failed = proxy.requests - came, away.count(failures)
        assert requests <= failed + 1
        assert well.count(failures) == 0
        proxy.become("pass")
        until(lambda: away.pending() == 0, "the backlog is sent")
        assert away.shop.products()["A"].quantity == Decimal(19)
    finally:
        proxy.close()
