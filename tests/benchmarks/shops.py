"""Rows 7 and 10: what the shops get, and how merchants and workers get on beside each other.

Shops are the sandbox and the simulators, on real ports; workers are processes as in production. Smaller sizes than the
goals name, unless FULL: each row then takes at most three minutes on an idle machine, and says what was run.
"""

from __future__ import annotations

import math
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import text

from integrator.accounts.channels import add_channel
from integrator.catalogue import marks
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync.drain import drain
from integrator.sync.wake import wake
from tests.benchmarks.figures import Figure, milliseconds
from tests.benchmarks.intake import MANY, changes, products
from tests.benchmarks.intake import add_channel as add_idle_channel
from tests.benchmarks.stack import Stack, call, stack
from tests.connectors.sandbox import SandboxShop
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.seed import seed_store

FULL = False  # set by --full
LATENCY = 1_000  # ms of the shops of row 10: with less the two cores are busy, and not the workers
LINES = 3  # a worker process registers so many times (sync.worker)


@contextmanager
def bench() -> Iterator[tuple[Stack, ExitStack]]:
    """The stack, with a key of this process for the shops' credentials, and what is closed at its end."""
    before = dict(os.environ)
    os.environ["INTEGRATOR_SECRET_KEY"] = Fernet.generate_key().decode()
    os.environ["INTEGRATOR_WEB_THREADS"] = "64"  # the sandbox shops here may be slow, each in a thread
    settings.cache_clear()
    try:
        with stack() as running, ExitStack() as closing:
            yield running, closing
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.cache_clear()


def merchant(shop: Any, **chosen: Any) -> Merchant:
    with begin() as connection:
        store = seed_store(connection)
        channel = add_channel(connection, store, shop.platform, None, shop.credentials(), {**shop.settings(), **chosen})
        marks.list_all(connection, store.account_id, channel)
    return Merchant(store, channel, shop)


def sandbox(closing: ExitStack, name: str) -> SandboxShop:
    shop = SandboxShop(name)
    closing.callback(shop.close)
    return shop


@contextmanager
def workers(running: Stack, number: int, **environment: str) -> Iterator[None]:
    made = []
    try:
        for place in range(number):
            folder = running.service.folder / f"worker-{time.monotonic_ns()}-{place}"
            folder.mkdir()
            made.append(WorkerProcess(running.service.database, folder, **environment).start())
        yield
    finally:
        for one in made:
            one.stop()


def ready(number: int, seconds: float = 60) -> None:
    """Until so many worker processes look for jobs, and have done what there was."""
    quiet = 0
    deadline = time.monotonic() + seconds
    while quiet < 3:
        if time.monotonic() > deadline:
            raise AssertionError(f"{number} workers did not stand idle in {seconds} s")
        time.sleep(0.2)
        with begin() as connection:
            stand, busy = connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM procrastinate_workers), (SELECT count(*) FROM procrastinate_jobs"
                    " WHERE status IN ('todo', 'doing'))"
                )
            ).one()
        quiet = quiet + 1 if stand == LINES * number and busy == 0 else 0


def skus(count: int) -> list[str]:
    return [f"S{number:06}" for number in range(count)]


@contextmanager
def paused(merchants: Sequence[Merchant]) -> Iterator[None]:
    """Nothing is sent to them inside."""
    ids = [one.channel_id for one in merchants]
    for until in ("2999-01-01", None):
        with begin() as connection:
            connection.execute(
                text("UPDATE channels SET paused_until = CAST(:until AS timestamptz) WHERE id = ANY(:ids)"),
                {"until": until, "ids": ids},
            )
        if until:
            yield


def fill(one: Merchant, count: int) -> None:
    names = skus(count)
    for start in range(0, count, MANY):
        one.products([product(sku) for sku in names[start : start + MANY]])


def until_sent(merchants: Sequence[Merchant], seconds: float = 170) -> float:
    started = time.monotonic()
    while any(one.pending() for one in merchants):
        if time.monotonic() - started > seconds:
            raise AssertionError(f"not sent after {seconds} s: {[one.pending() for one in merchants]} lanes")
        time.sleep(0.05)
    return time.monotonic() - started


def clock(one: Merchant) -> datetime:
    found: datetime = one.rows("SELECT clock_timestamp(), :a, :c")[0][0]
    return found


def row7() -> Iterator[Figure]:
    """From an accepted stock to the shop, while the whole content of the same store is being sent."""
    total, seconds = (50_000, 120) if FULL else (10_000, 40)
    with bench() as (running, closing):
        one = merchant(sandbox(closing, "busy"))
        fill(one, 500)
        drain(*one.ids)
        with workers(running, 1):
            fill(one, total)
            busy = (
                "SELECT count(*) FROM lanes WHERE account_id = :a AND channel_id = :c AND lane = 'content' AND pending"
            )
            waits = []
            until = time.monotonic() + seconds
            for place in range(500):
                if time.monotonic() > until or one.count(busy) == 0:
                    break
                waits.append(_wait(one, skus(500)[place], 1_000 + place))
                time.sleep(0.2)
            left = one.count(busy)
        if len(waits) < 10:
            raise AssertionError(f"only {len(waits)} stocks were sent before the content was")
        waits.sort()
        size = f"{total:,} products, {len(waits)} stocks, {left:,} contents still waiting at the end"
        for share, goal in ((50, 1.0), (95, 5.0)):
            value = waits[min(len(waits) - 1, len(waits) * share // 100)]
            yield Figure(
                f"7-p{share}", f"stock accepted until the shop has taken it, p{share} ({size})", milliseconds(value),
                f"goal {goal:.0f} s", value / goal, "≤1",
            )  # fmt: skip


def _wait(one: Merchant, sku: str, units: int) -> float:
    """Seconds from the commit to the shop's acceptance, which is somewhat later than its getting the request."""
    one.stock({sku: units})
    started = time.monotonic()
    pending = (
        "SELECT count(*) FROM lanes l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id "
        f"WHERE l.account_id = :a AND l.channel_id = :c AND l.lane = 'stock' AND l.pending AND p.item_id = '{sku}'"
    )
    while one.count(pending):
        if time.monotonic() - started > 60:
            raise AssertionError(f"the stock of {sku} did not arrive in 60 s")
        time.sleep(0.02)
    return time.monotonic() - started


def row10() -> Iterator[Figure]:
    """Two worker processes against one; and what a thousand merchants would need."""
    shops, total = (16, 5_000) if FULL else (16, 1_000)
    with bench() as (running, closing):
        merchants = [merchant(sandbox(closing, f"shop-{number}")) for number in range(shops)]
        for one in merchants:
            fill(one, total)
            drain(*one.ids)
            one.shop.behave(latency_ms=LATENCY)
        spent: dict[int, list[float]] = {1: [], 2: []}
        for turn in range(5):
            for number in (1, 2):
                with workers(running, number):
                    ready(number)
                    with paused(merchants):
                        for one in merchants:
                            one.stock(dict.fromkeys(skus(total), 100 + turn * 10 + number))
                    for one in merchants:
                        wake(one.store.account_id, one.store.store_id, ["stock"])
                    spent[number].append(until_sent(merchants))
        alone, both = statistics.median(spent[1]), statistics.median(spent[2])
        size = f"{shops} shops that answer after {LATENCY / 1000:g} s, {total:,} stocks each"
        what = f"two worker processes (of 4 threads) against one: {size}"
        yield Figure("10-workers", what, milliseconds(both), f"one {milliseconds(alone)}", alone / both, "≥1.8")
        yield from _sizing(running, merchants)


def _sizing(running: Stack, merchants: Sequence[Merchant]) -> Iterator[Figure]:
    """A thousand accounts, each with 50,000 products on three channels, from the processor time measured here: every
    product's stock twice a day, every price once a day, in twelve hours; a machine has this one's cores."""
    one = merchants[0]
    one.shop.behave(latency_ms=0)
    store = running.service.store("SIZE")
    for _ in range(3):
        add_idle_channel(store)
    running.post("/ProductTasks", call(store, "UpdatePOSProducts", products(MANY, 0)))
    taken = statistics.median(
        running.post("/ProductTasks", call(store, "UpdateInventory", changes("InventoryItem", "Quantity", MANY, turn)))
        for turn in range(3)
    )
    intake = taken / MANY  # seconds an item, marks on three channels included
    count = len(skus(1_000))
    pushes = []
    for turn in range(3):
        one.stock(dict.fromkeys(skus(count), 900 + turn))
        started = time.perf_counter()
        drain(*one.ids, only="stock")
        pushes.append((time.perf_counter() - started) / count)
    push = statistics.median(pushes)  # seconds a listing, the shop's own work included
    items = 1_000 * 50_000 * 3  # a day: stock twice, price once
    hours = {"taking in": items * intake / 3600, "sending to shops": items * 3 * push / 3600}
    machines = sum(hours.values()) / 12 / (os.cpu_count() or 1)
    hot = max(hours, key=lambda name: hours[name])
    what = (
        f"1,000 accounts × 50,000 products × 3 channels: machines of {os.cpu_count()} cores "
        f"for a day's changes in 12 h; "
        f"hot spot: {hot} ({intake * 1e6:,.0f} µs an item taken in, {push * 1e6:,.0f} µs a listing sent)"
    )
    yield Figure("10-sizing", what, f"{math.ceil(machines)} machines", "simulated", machines, "≤1000000 (no goal)")
