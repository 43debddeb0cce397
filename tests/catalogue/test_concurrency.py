"""Calls that run at once, on real connections in real threads: they end as if one after the other."""

from __future__ import annotations

import random
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.catalogue import marks
from integrator.store import tables as t
from tests.catalogue.conftest import Pos, new_pos
from tests.support import seed
from tests.support.seed import product, row, variant

WAIT = 30  # seconds until a thread that should go on is given up


@pytest.fixture
def shop(engine: Engine) -> Pos:
    """A committed store; its `connection` is closed, take `Calls` instead."""
    with engine.begin() as connection:
        return new_pos(connection)


class Calls:
    """Each call in a transaction and a thread of its own."""

    def __init__(self, engine: Engine, shop: Pos) -> None:
        self.engine, self.shop = engine, shop
        self.pool = ThreadPoolExecutor(16)

    def run(self, call: str, *items: Any, hold: threading.Event | None = None) -> Future[list[str]]:
        """`hold`: the transaction stays open after the call until it is set."""
        started = threading.Event()

        def work() -> list[str]:
            with self.engine.begin() as connection:
                said: list[str] = getattr(Pos(connection, self.shop.store, self.shop.channel), call)(*items)
                started.set()
                if hold is not None:
                    assert hold.wait(WAIT)
            return said

        future = self.pool.submit(work)
        if hold is not None:
            assert started.wait(WAIT) or future.exception()
        return future

    def blocked(self, future: Future[list[str]]) -> bool:
        """Whether it waits for a lock, as PostgreSQL sees it."""
        for _ in range(200):
            if future.done():
                return False
            with self.engine.connect() as connection:
                waiting = connection.execute(
                    sa.text(
                        "SELECT count(*) FROM pg_stat_activity"
                        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
                    )
                ).scalar_one()
            if waiting:
                return True
            time.sleep(0.02)
        return False

    def look(self, look: Callable[[Pos], Any]) -> Any:
        with self.engine.begin() as connection:
            return look(Pos(connection, self.shop.store, self.shop.channel))


@pytest.fixture
def calls(engine: Engine, shop: Pos) -> Calls:
    return Calls(engine, shop)


def quantity(pos: Pos, item: str = "A") -> Any:
    return pos.stored(t.stocks, item).quantity


def test_a_count_that_comes_during_a_catalogue_call_wins(calls: Calls) -> None:
    calls.run("products", product("A", Quantity=1)).result(WAIT)
    go = threading.Event()
    first = calls.run("products", product("A", Name="new", Quantity=2), hold=go)
    second = calls.run("inventory", row("A", Quantity=3))
    assert calls.blocked(second)
    go.set()
    assert (first.result(WAIT), second.result(WAIT)) == (["Updated"], ["Updated"])
    assert calls.look(quantity) == 3


def test_a_count_is_never_undone_by_a_catalogue_call_that_was_computed_earlier(calls: Calls) -> None:
    """The POS computed its catalogue at version 5 and counted at version 6; the catalogue arrives late."""
    calls.run("products", product("A", Quantity=1, Version=4)).result(WAIT)
    go = threading.Event()
    counted = calls.run("inventory", row("A", Quantity=3, Version=6), hold=go)
    late = calls.run("products", product("A", Name="new", Quantity=2, Version=5))
    assert calls.blocked(late)
    go.set()
    assert (counted.result(WAIT), late.result(WAIT)) == (["Updated"], ["Updated"])
    assert calls.look(quantity) == 3
    assert calls.look(lambda pos: pos.stored(t.products, "A").content["Name"]) == "new"
    # and one that says nothing of stock does not even wait for the count
    go = threading.Event()
    counted = calls.run("inventory", row("A", Quantity=4), hold=go)
    assert calls.run("products", row("A", Name="newer")).result(WAIT) == ["Updated"]
    go.set()
    assert counted.result(WAIT) == ["Updated"]
    assert calls.look(quantity) == 4


def test_stock_and_prices_do_not_wait_for_each_other(calls: Calls) -> None:
    calls.run("products", product("A", Quantity=1)).result(WAIT)
    go = threading.Event()
    counted = calls.run("inventory", row("A", Quantity=3), hold=go)
    assert calls.run("pricing", row("A", Price="7")).result(WAIT) == ["Updated"]
    go.set()
    counted.result(WAIT)


def test_two_that_create_the_same_item_make_one(calls: Calls) -> None:
    go = threading.Event()
    first = calls.run("products", product("A", Name="first"), product("B"), hold=go)
    second = calls.run("products", product("A", Name="second"), product("C"))
    third = calls.run("inventory", row("A", Quantity=5), row("X", Quantity=1))
    assert calls.blocked(second)
    assert calls.blocked(third)
    go.set()
    assert first.result(WAIT) == ["Created", "Created"]
    assert second.result(WAIT) == ["Updated", "Created"]
    # it came while the item was being created, and found it
    assert third.result(WAIT) == ["Updated", "ITEM_NOT_FOUND"]
    assert calls.look(lambda pos: seed.product_ids(pos.connection, pos.store).keys()) == {"A", "B", "C"}
    assert calls.look(lambda pos: pos.stored(t.products, "A").content["Name"]) == "second"


def test_a_call_that_is_rolled_back_leaves_the_place_to_the_next(calls: Calls, engine: Engine) -> None:
    connection = engine.connect()
    transaction = connection.begin()
    pos = Pos(connection, calls.shop.store, calls.shop.channel)
    assert pos.products(variant("A", "S", options={"Size": "1"})) == ["Created"]
    second = calls.run("products", variant("B", "S", options={"Size": "1"}))
    assert calls.blocked(second)
    transaction.rollback()
    connection.close()
    assert second.result(WAIT) == ["Created"]


def test_two_that_want_the_same_place_in_a_style_get_it_once(calls: Calls) -> None:
    go = threading.Event()
    first = calls.run("products", variant("A", "S", options={"Size": "1"}), hold=go)
    second = calls.run("products", variant("B", "S", options={"Size": "1"}), product("C"))
    other_names = calls.run("products", variant("D", "S", options={"Colour": "1"}))
    assert calls.blocked(second)
    go.set()
    assert first.result(WAIT) == ["Created"]
    assert second.result(WAIT) == ["VARIANT_CONFLICT", "Created"]
    assert other_names.result(WAIT) == ["VARIANT_CONFLICT"]


def test_a_channel_that_is_added_meanwhile_lists_everything(calls: Calls, engine: Engine) -> None:
    calls.run("products", product("A")).result(WAIT)
    go = threading.Event()
    creating = calls.run("products", product("B"), hold=go)

    def add() -> list[str]:
        with engine.begin() as connection:
            channel = seed.seed_channel(connection, calls.shop.store)
            marks.list_all(connection, calls.shop.store.account_id, channel)
        return ["added"]

    adding = calls.pool.submit(add)
    assert calls.blocked(adding)
    later = calls.run("products", product("C"))
    go.set()
    assert (creating.result(WAIT), adding.result(WAIT), later.result(WAIT)) == (["Created"], ["added"], ["Created"])
    listed = calls.look(
        lambda pos: pos.connection.execute(
            sa.select(t.listings.c.channel_id, sa.func.count()).group_by(t.listings.c.channel_id)
        ).all()
    )
    assert sorted(count for _, count in listed) == [3, 3]


def cyclic(edges: dict[int, set[int]]) -> bool:
    state: dict[int, int] = {}

    def visit(node: int) -> bool:
        if state.get(node) == 1:
            return True
        if state.get(node) == 2:
            return False
        state[node] = 1
        found = any(visit(one) for one in edges.get(node, ()))
        state[node] = 2
        return found

    return any(visit(node) for node in list(edges))


@pytest.mark.parametrize("turn", range(3))
def test_random_calls_at_once_end_as_in_some_order_and_never_deadlock(calls: Calls, engine: Engine, turn: int) -> None:
    """Every call writes its own number into every item it names. The last writers must then fit one order of calls:
    no two calls may each be overwritten by the other."""
    chance = random.Random(turn)
    names = [f"I{number}" for number in range(12)]
    with engine.begin() as connection:
        seed.seed_channel(connection, calls.shop.store)
    calls.run("products", *[product(name, Quantity=0) for name in names[:8]]).result(WAIT)

    wrote: dict[str, dict[str, set[int]]] = {aspect: defaultdict(set) for aspect in ("stock", "price")}
    futures: list[Future[Any]] = []
    numbers = iter(range(1, 1000))
    plan: list[tuple[int, str, list[str]]] = []
    for _ in range(80):
        chosen = chance.sample(names, chance.randint(1, len(names)))
        plan.append((next(numbers), chance.choice(["products", "inventory", "inventory", "pricing", "mark"]), chosen))

    def work(number: int, call: str, chosen: list[str]) -> None:
        with engine.begin() as connection:
            pos = Pos(connection, calls.shop.store, calls.shop.channel)
            if call == "mark":  # as orders do, whose locks begin at the lanes
                ids = seed.product_ids(connection, pos.store)
                marks.mark(connection, pos.store.account_id, list(ids.values())[::-1], ["stock", "content"])
                return
            values: dict[str, Any] = {
                "products": {
                    "Name": f"n{number}",
                    "Price": str(number),
                    "Quantity": number,
                    "SellOnline": number % 2 == 0,
                },
                "inventory": {"Quantity": number},
                "pricing": {"Price": str(number)},
            }[call]
            said = getattr(pos, call)(*[row(name, **values) for name in chosen])
        for name, word in zip(chosen, said, strict=True):
            assert word in {"Created", "Updated", "ITEM_NOT_FOUND"}
            if word != "ITEM_NOT_FOUND":
                for aspect, field in (("stock", "Quantity"), ("price", "Price")):
                    if field in values:
                        wrote[aspect][name].add(number)

    futures = [calls.pool.submit(work, *one) for one in plan]
    for future in futures:
        future.result(WAIT)

    edges: dict[int, set[int]] = defaultdict(set)
    for aspect, table, column in (("stock", t.stocks, "quantity"), ("price", t.prices, "price")):
        for name, writers in wrote[aspect].items():
            last = int(getattr(calls.look(lambda pos, name=name, table=table: pos.stored(table, name)), column))
            assert last in writers, (aspect, name)
            for other in writers - {last}:
                edges[other].add(last)
    assert not cyclic(edges)
    # whatever is listed has its three lanes on both channels
    counts = calls.look(
        lambda pos: pos.connection.execute(
            sa.text("SELECT count(*), count(DISTINCT product_id), count(DISTINCT channel_id) FROM lanes")
        ).one()
    )
    assert counts[0] == counts[1] * 2 * 3


def test_a_wait_is_not_forever(calls: Calls, engine: Engine) -> None:
    """Whoever sets lock_timeout, as the web role may, gets an error instead of a thread that hangs."""
    calls.run("products", product("A", Quantity=1)).result(WAIT)
    go = threading.Event()
    holder = calls.run("inventory", row("A", Quantity=3), hold=go)
    with engine.connect() as connection:
        connection.execute(sa.text("SET LOCAL lock_timeout = '50ms'"))
        pos = Pos(connection, calls.shop.store, calls.shop.channel)
        with pytest.raises(sa.exc.OperationalError, match="lock timeout"):
            pos.inventory(row("A", Quantity=4))
    go.set()
    holder.result(WAIT)
    assert uuid.UUID(str(calls.look(lambda pos: pos.stored(t.stocks, "A").call_id)))
