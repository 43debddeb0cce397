"""Row 6: how much of each shop's quota is used, whether anything is refused, and with how few calls it is done.

All shops that tell a quota are driven at the same time, through 1, 4 and (with --full) 16 worker processes, each with
more to do than its quota allows. A share is what was asked from the first request until the last window began, of
what those windows allowed; at Shopify, whose bucket fills all the time, the points spent of those that there were.

The quotas are the platforms' own, at the shop's cheapest plan, as far as a run can be short:

    Shopify        2,000 points, 100 more each second; prices one by one, without bulk operations
    BigCommerce    50 requests in 10 s, in proportion to 150 in 30 s; new products
    HipCommerce    5 requests in 20 s: our contract leaves the quota to the shop, and tells the reset in whole seconds
    sandbox        2 requests in 5 s

Magento and WooCommerce tell no quota: there, as everywhere, calls are counted.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

from integrator.catalogue import intake
from integrator.connectors.hipcommerce.reference.server import Quota
from integrator.rows import Row
from integrator.store.engine import begin
from integrator.sync.drain import drain
from integrator.sync.wake import wake
from tests.benchmarks import shops
from tests.benchmarks.figures import Figure
from tests.benchmarks.shops import bench, clock, fill, merchant, ready, skus, until_sent, workers
from tests.connectors.shops import start
from tests.reliability.conftest import Merchant, product

SPECS = Path(os.environ.get("INTEGRATOR_SPECS", Path(__file__).parents[3] / "shared" / "specs"))
CALLS = 1_000  # stocks whose calls are counted
STOCK_A_CALL = {
    "bigcommerce": 2_000, "hipcommerce": 500, "magento": 500, "sandbox": 500, "shopify": 250, "woocommerce": 100,
}  # fmt: skip
NEARLY = 0.05  # seconds by which our clock may see a window begin before the shop's
ANY = 10**9


@dataclass
class Window:
    """A shop that allows so many requests in so many seconds."""

    one: Merchant
    allowed: int
    seconds: float
    limit: Callable[[], None]  # the shop has that quota from now on
    change: Callable[[int], None]  # the POS changes more than some windows allow to be sent

    def refused(self, since: datetime) -> int:
        return sum(status == 429 for _, status, _ in attempts(self.one, since))

    def share(self, since: datetime) -> tuple[float, str]:
        at = [moment.timestamp() for moment, status, _ in attempts(self.one, since) if status != 429]
        starts = at[:1]
        for moment in at:
            if moment >= starts[-1] + self.seconds - NEARLY:
                starts.append(moment)
        if len(starts) < 2:
            raise AssertionError(f"{self.one.shop.platform}: {len(at)} requests did not fill a window")
        used = sum(moment < starts[-1] for moment in at)
        possible = self.allowed * (starts[-1] - starts[0]) / self.seconds
        return used / possible, f"{used} requests in {starts[-1] - starts[0]:.2f} s, {len(starts) - 1} windows"

    @property
    def quota(self) -> str:
        return f"{self.allowed} requests in {self.seconds:g} s"


@dataclass
class Bucket:
    """Shopify's: so many points, and more each second."""

    one: Merchant
    maximum: float
    restore: float
    change: Callable[[int], None]
    before: tuple[float, int] = (0.0, 0)  # points spent, requests refused

    def limit(self) -> None:
        state = self.one.shop.state
        with state.lock:
            state.features.maximum, state.features.restore = self.maximum, self.restore
            state.available, state.filled_at = self.maximum, state.clock()
            self.before = state.spent, state.throttled

    def refused(self, since: datetime) -> int:
        return int(self.one.shop.state.throttled - self.before[1])

    def share(self, since: datetime) -> tuple[float, str]:
        at = [moment.timestamp() for moment, *_ in attempts(self.one, since)]
        spent = self.one.shop.state.spent - self.before[0]
        there = self.maximum + self.restore * (at[-1] - at[0])
        if spent < 1.5 * self.maximum:
            raise AssertionError(f"{spent} points did not empty the bucket")
        return spent / there, f"{spent:,.0f} points in {at[-1] - at[0]:.2f} s"

    @property
    def quota(self) -> str:
        return f"{self.maximum:,.0f} points, {self.restore:.0f} more a second"


def attempts(one: Merchant, since: datetime, purpose: str = "") -> list[Any]:
    """(started, status, items) of what was asked of the shop, whatever for unless `purpose` says."""
    which = f"AND purpose = '{purpose}'" if purpose else ""
    return one.rows(
        "SELECT started_at, status, items FROM attempts WHERE account_id = :a AND channel_id = :c "
        f"AND started_at >= '{since.isoformat()}' {which} ORDER BY started_at"
    )


def prices(one: Merchant, names: Sequence[str], price: Decimal) -> None:
    rows = [Row(n, {"ItemIntegrationId": sku, "Price": price}) for n, sku in enumerate(names)]
    with begin() as connection:
        intake.update_pricing(connection, one.store, rows, uuid4())
    wake(one.store.account_id, one.store.store_id, ["price"])


def row6() -> Iterator[Figure]:
    """How much of each shop's quota is used, and with how many calls."""
    with bench() as (running, closing):
        opened = _open(closing)
        yield from _fewest(opened)
        driven = [made(opened[name]) for name, made in DRIVEN.items() if name in opened]
        for number in (1, 4, 16) if shops.FULL else (1, 4):
            with workers(running, number):
                ready(number)
                since = clock(driven[0].one)
                for one in driven:
                    one.limit()
                for one in driven:
                    one.change(number)
                until_sent([one.one for one in driven])
                time.sleep(0.2)  # the journal of the last request
            for one in driven:
                yield from _used(one, number, since)


def _open(closing: ExitStack) -> dict[str, Merchant]:
    """Every shop whose contract the tests have, without a quota as yet."""
    opened = {}
    for name in STOCK_A_CALL:
        if name not in ("sandbox", "hipcommerce") and not SPECS.exists():
            continue  # the platforms' contracts are not part of the repository
        shop: Any = start(name, SPECS)
        closing.callback(shop.close)
        if name == "bigcommerce":
            shop.state.features.quota = ANY
        if name == "shopify":
            shop.state.features.maximum = shop.state.features.restore = shop.state.available = ANY
        chosen = {"bulk_from": ANY} if name == "shopify" else {}
        opened[name] = merchant(shop, **chosen)
    return opened


def _fewest(opened: dict[str, Merchant]) -> Iterator[Figure]:
    """The calls of a stock push, reads that it needs included, beside the writes that it cannot do without."""
    for name, one in opened.items():
        fill(one, {"sandbox": 3_500, "hipcommerce": 5_500}.get(name, CALLS))
        drain(*one.ids)
        for units in (55, 77):  # the first lets the connector learn what the shop can take
            one.stock(dict.fromkeys(skus(CALLS), units))
            since = clock(one)
            done = drain(*one.ids, only="stock")
            assert (done.state, done.accepted["stock"]) == ("done", CALLS), (name, done)
        asked = attempts(one, since, "stock")
        writes = sum(items > 0 for *_, items in asked)
        fewest = math.ceil(CALLS / STOCK_A_CALL[name])
        yield Figure(
            f"6-{name}-calls", f"calls that write: {name}, {CALLS:,} stocks, at most {STOCK_A_CALL[name]:,} a call",
            f"{writes} (and {len(asked) - writes} that read)", f"fewest {fewest}", writes / fewest, "≤1",
        )  # fmt: skip


def _sandbox(one: Merchant) -> Window:
    def limit() -> None:
        one.shop.behave(quota_requests=2, quota_seconds=5)

    return Window(one, 2, 5, limit, lambda turn: one.stock(dict.fromkeys(skus(3_500), 100 + turn)))


def _hipcommerce(one: Merchant) -> Window:
    shop: Any = one.shop

    def limit() -> None:
        shop.reference.quota = Quota(requests=5, seconds=20.0)

    return Window(one, 5, 20, limit, lambda turn: one.stock(dict.fromkeys(skus(5_500), 100 + turn)))


def _bigcommerce(one: Merchant) -> Window:
    state = cast(Any, one.shop).state

    def limit() -> None:
        with state.lock:
            state.features.quota, state.features.window = 50, 10.0
            state.windows.clear()

    def change(turn: int) -> None:
        one.products([product(f"N{turn:02}-{number:04}") for number in range(190)])

    return Window(one, 50, 10, limit, change)


def _shopify(one: Merchant) -> Bucket:
    def change(turn: int) -> None:
        prices(one, skus(500), Decimal(20 + turn))

    return Bucket(one, 2_000, 100, change)


DRIVEN: dict[str, Callable[[Merchant], Window | Bucket]] = {
    "sandbox": _sandbox, "hipcommerce": _hipcommerce, "bigcommerce": _bigcommerce, "shopify": _shopify,
}  # fmt: skip


def _used(driven: Window | Bucket, number: int, since: datetime) -> Iterator[Figure]:
    name, refused = driven.one.shop.platform, driven.refused(since)
    share, said = driven.share(since)
    what = f"{name}, {driven.quota}, {number} worker{'s' * (number > 1)}"
    yield Figure(f"6-{name}-{number}", f"share of the quota used: {what}", said, "all of it", share, "≥0.95")
    yield Figure(
        f"6-{name}-{number}-throttled",
        f"requests that were refused: {what}",
        f"{refused}",
        "none",
        float(refused),
        "≤0",
    )
