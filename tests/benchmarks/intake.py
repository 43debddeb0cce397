"""Rows 1 to 4: what the POS sends."""

from __future__ import annotations

import itertools
import json
import os
import re
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import psutil

from integrator.accounts import channels
from integrator.catalogue import marks
from integrator.store import engine as store_engine
from integrator.store.engine import begin
from tests.benchmarks import floors, peer
from tests.benchmarks.figures import Figure, interleaved, milliseconds
from tests.benchmarks.stack import Stack, call, stack
from tests.contract.soap import NS, envelope
from tests.support.service import StoreLogin

MANY = 10_000
PEER_SHARE = 10  # the obvious way gets every tenth item
DESCRIPTION = "<p>" + "A warm jacket for still, cold days, tested where it rains sideways. " * 8 + "</p>"


def ids(count: int) -> list[str]:
    return [f"I{number:06}" for number in range(count)]


def products(count: int, turn: int) -> str:
    """`count` products of about 1 kB; another turn changes every name and nothing else."""
    items = "".join(
        f"<POSProduct><ItemIntegrationId>{one}</ItemIntegrationId><Name>Jacket {one} turn {turn}</Name>"
        f"<ShortDescription>A warm jacket</ShortDescription><LongDescription>{escaped}</LongDescription>"
        f"<Brand>Nordvik</Brand><Category>Clothing/Jackets</Category><UPC>550406458429</UPC>"
        f"<Price>219.00</Price><Quantity>5</Quantity></POSProduct>"
        for one in ids(count)
    )
    return f"<Products>{items}</Products>"


escaped = DESCRIPTION.replace("<", "&lt;").replace(">", "&gt;")


def changes(kind: str, field: str, count: int, turn: int) -> str:
    items = "".join(
        f"<{kind}><ItemIntegrationId>{one}</ItemIntegrationId><{field}>{100 + turn}</{field}></{kind}>"
        for one in ids(count)
    )
    return f"<Items>{items}</Items>"


def add_channel(store: StoreLogin) -> int:
    """A channel that nobody works on: the worker is not running."""
    with begin() as connection:
        credentials = {"shop": "none", "key": "unused-unused-unused", "url": "http://127.0.0.1:9"}
        channel = channels.add_channel(connection, store.context, "sandbox", None, credentials, {})
        marks.list_all(connection, store.account_id, channel)
    return channel


@contextmanager
def catalogue(count: int) -> Iterator[tuple[Stack, StoreLogin]]:
    with stack() as running:
        store = running.service.store("BENCH")
        add_channel(store)
        for start in range(0, count, MANY):
            part = ids(count)[start : start + MANY]
            body = products(count, 0) if count <= MANY else _part(part, 0)
            running.post("/ProductTasks", call(store, "UpdatePOSProducts", body))
            running.expect(b"<Success>true</Success>")
        running.vacuum("products", "prices", "stocks", "listings", "lanes")
        yield running, store


def _part(part: list[str], turn: int) -> str:
    whole = products(1, turn)
    return (
        "<Products>"
        + "".join(whole[len("<Products>") : -len("</Products>")].replace("I000000", one) for one in part)
        + "</Products>"
    )


def empty(running: Stack, store: StoreLogin) -> float:
    """An empty authenticated call."""
    return running.post("/ProductTasks", call(store, "UpdateInventory"))


def alive(running: Stack) -> float:
    """An empty request through the same server."""
    started = time.perf_counter()
    running.http.get(f"{running.service.url}/health/live").raise_for_status()
    return time.perf_counter() - started


@dataclass(frozen=True)
class Change:
    """A call that changes `count` items; `body(count, turn)` differs from turn to turn."""

    operation: str
    table: str
    statement: str
    lane: str
    count: int
    body: Callable[[int, int], str]


def _against(running: Stack, store: StoreLogin, peer_url: str, change: Change) -> tuple[float, float, float]:
    """Medians of seconds: ours, the floor, the obvious way."""
    turns = itertools.count(1)

    def ours() -> float:
        content = call(store, change.operation, change.body(change.count, next(turns)))
        running.vacuum(change.table, "lanes")
        spent = running.post("/ProductTasks", content)
        running.expect(f"<Applied>{change.count}</Applied>".encode())
        return spent

    def floor() -> float:
        turn = next(turns)
        content = call(store, change.operation, change.body(change.count, turn))
        value: object = 200 + turn
        if change.lane == "content":
            value = json.dumps({"Name": f"Jacket {turn}", "LongDescription": DESCRIPTION, "Brand": "Nordvik"})
        running.vacuum(change.table, "lanes")
        written = floors.write(store, change.statement, change.lane, ids(change.count), [value] * change.count)
        return floors.parse(content) + alive(running) + written

    def obvious() -> float:
        # it works item by item, so a tenth of the items is a tenth of the time; all of them take minutes
        part = change.count // PEER_SHARE
        items = re.sub("<(/?)(Items|Products)>", r"<\1items>", change.body(part, next(turns)))
        call_ = f'<{change.operation} xmlns="{NS}"><account>{store.account_id}</account>{items}</{change.operation}>'
        running.vacuum(change.table, "lanes")
        spent = running.post("/", envelope(call_), peer_url)
        running.expect(f">{part}<".encode())
        return spent * PEER_SHARE

    mine, least, theirs = interleaved([ours, floor, obvious])
    return mine, least, theirs


def _figures(key: str, what: str, times: tuple[float, float, float], goals: tuple[str, str]) -> list[Figure]:
    mine, least, theirs = times
    return [
        Figure(key, what, milliseconds(mine), f"floor {milliseconds(least)}", mine / least, goals[0]),
        Figure(
            f"{key}-peer",
            f"{what}, against the obvious way",
            milliseconds(mine),
            f"peer {milliseconds(theirs)}",
            theirs / mine,
            goals[1],
        ),
    ]


def row1() -> Iterator[Figure]:
    """UpdateInventory and UpdatePricing, 10,000 items changed."""
    stock = partial(changes, "InventoryItem", "Quantity")
    price = partial(changes, "PricingItem", "Price")
    with catalogue(MANY) as (running, store), peer.serving(running.service.database) as url:
        for change in (
            Change("UpdateInventory", "stocks", floors.STOCK, "stock", MANY, stock),
            Change("UpdatePricing", "prices", floors.PRICE, "price", MANY, price),
        ):
            times = _against(running, store, url, change)
            yield from _figures(f"1-{change.operation}", f"{change.operation}, 10,000 changed", times, ("≤1.5", "≥8"))


def row2() -> Iterator[Figure]:
    """UpdatePOSProducts, 1,000 items of 1 kB changed; the memory of 10,000."""
    with catalogue(1_000) as (running, store), peer.serving(running.service.database) as url:
        change = Change("UpdatePOSProducts", "products", floors.CONTENT, "content", 1_000, products)
        times = _against(running, store, url, change)
        yield from _figures("2-UpdatePOSProducts", "UpdatePOSProducts, 1,000 of 1 kB changed", times, ("≤1.8", "≥5"))
        content = call(store, "UpdatePOSProducts", products(MANY, 99))
        before = _peak(running)
        running.post("/ProductTasks", content)
        grown = (_peak(running) - before) / 1e6
        what = "memory that 10,000 items of 1 kB in one call add"
        yield Figure("2-memory", what, f"{grown:,.0f} MB", "goal 150 MB", grown / 150, "≤1")


def _peak(running: Stack) -> float:
    """The largest resident size that a process of the service ever had, in bytes."""
    assert running.service.process is not None
    family = [
        psutil.Process(running.service.process.pid),
        *psutil.Process(running.service.process.pid).children(recursive=True),
    ]
    return max(
        float(line.split()[1]) * 1024
        for one in family
        for line in open(f"/proc/{one.pid}/status")
        if line.startswith("VmHWM")
    )


def row3() -> Iterator[Figure]:
    """A full resend of 50,000 unchanged products."""
    total = 50_000
    with catalogue(total) as (running, store):
        parts = [ids(total)[start : start + MANY] for start in range(0, total, MANY)]
        turn = 0

        def send(turn: int, expect: bytes) -> float:
            spent = 0.0
            for part in parts:
                content = call(store, "UpdatePOSProducts", _part(part, turn))
                spent += running.post("/ProductTasks", content)
                running.expect(expect)
            return spent

        def changed() -> float:
            nonlocal turn
            turn += 1
            return send(turn, b"<Applied>10000</Applied>")

        def unchanged() -> float:
            return send(turn, b"<Unchanged>10000</Unchanged>")

        slow, fast = interleaved([changed, unchanged])
        yield Figure(
            "3-resend",
            "50,000 unchanged products sent again",
            milliseconds(fast),
            f"changed {milliseconds(slow)}",
            fast / slow,
            "≤0.5",
        )
        before = _writes()
        unchanged()
        written = _writes() - before
        yield Figure(
            "3-writes",
            "rows of products, prices, stocks, lanes that it writes",
            f"{written}",
            "none",
            float(written),
            "≤0",
        )


def _writes() -> int:
    time.sleep(1.5)  # statistics arrive a second late
    with begin() as connection:
        cursor = store_engine.raw(connection).cursor()
        cursor.execute(
            "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables "
            "WHERE relname IN ('products', 'prices', 'stocks', 'listings', 'lanes')"
        )
        return int(cursor.fetchone()[0])


def row4() -> Iterator[Figure]:
    """One item a call; 50 clients at once."""
    with catalogue(1_000) as (running, store):
        turn = 0

        def one() -> float:
            nonlocal turn
            turn += 1
            return running.post(
                "/ProductTasks", call(store, "UpdateInventory", changes("InventoryItem", "Quantity", 1, turn))
            )

        single, nothing = interleaved(
            [
                lambda: statistics.median(one() for _ in range(40)),
                lambda: statistics.median(empty(running, store) for _ in range(40)),
            ]
        )
        yield Figure(
            "4-one",
            "one item a call",
            milliseconds(single),
            f"empty call {milliseconds(nothing)}",
            single / nothing,
            "≤2",
        )
        alone, together = _throughput(running, store, 1), _throughput(running, store, 50)
        cores = os.cpu_count() or 2
        yield Figure(
            "4-clients",
            f"50 clients at once, of {cores} × one client",
            f"{together:,.0f} calls/s",
            f"one {alone:,.0f} calls/s",
            together / (alone * cores),
            "≥0.8",
        )


def _throughput(running: Stack, store: StoreLogin, clients: int, seconds: float = 5) -> float:
    """Calls a second of one item each, each client on items of its own."""
    from tests.benchmarks.client import hammer

    with ThreadPoolExecutor(clients) as pool:
        counts = list(pool.map(lambda number: hammer(running.service.url, store, number, seconds), range(clients)))
    return sum(counts) / seconds
