"""Row 9: costs while the database grows from 50,000 to 5,000,000 products."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator

from integrator.store import engine as store_engine
from integrator.store.engine import begin
from tests.benchmarks.figures import Figure, milliseconds
from tests.benchmarks.intake import catalogue, changes
from tests.benchmarks.stack import Stack, call
from tests.support.service import StoreLogin

SMALL = 50_000
FULL = False  # set by --full

# other merchants: accounts of 50,000 products with one channel each, everything accepted
OTHERS = """
INSERT INTO accounts (id, name) SELECT %(account)s, 'Other ' || %(account)s;
INSERT INTO stores (account_id, id, code, name) VALUES (%(account)s, %(account)s, 'other-' || %(account)s, 'Other');
INSERT INTO channels (account_id, id, store_id, platform, name, credentials, state)
VALUES (%(account)s, %(account)s, %(account)s, 'sandbox', 'other', '', 'held');
INSERT INTO products (account_id, id, store_id, item_id, content, hash)
SELECT %(account)s, %(account)s * 100000 + n, %(account)s, 'I' || lpad(n::text, 6, '0'),
       jsonb_build_object('Name', 'Jacket ' || n, 'Brand', 'Nordvik'), decode(md5(n::text), 'hex')
FROM generate_series(0, 49999) AS n;
INSERT INTO prices (account_id, product_id, price) SELECT account_id, id, 9.9
FROM products WHERE account_id = %(account)s;
INSERT INTO stocks (account_id, product_id, quantity) SELECT account_id, id, 5
FROM products WHERE account_id = %(account)s;
INSERT INTO listings (account_id, channel_id, product_id, state, remote)
SELECT account_id, %(account)s, id, 'linked', jsonb_build_object('product', id::text)
FROM products WHERE account_id = %(account)s;
INSERT INTO lanes (account_id, channel_id, lane, product_id, pending)
SELECT account_id, %(account)s, lane, id, false FROM products, unnest(ARRAY['content', 'price', 'stock']) AS lane
WHERE account_id = %(account)s;
"""
CLAIM = """
SELECT product_id FROM lanes WHERE account_id = %(account)s AND channel_id = %(channel)s AND lane = 'stock' AND pending
AND due_at <= now() ORDER BY due_at LIMIT 100
"""


def row9() -> Iterator[Figure]:
    """An update, a lane claim and a GetNew in a database of 50,000 and of 5,000,000 products."""
    large = 5_000_000 if FULL else 500_000
    with catalogue(SMALL) as (running, store):
        measures = _measures(running, store)
        for measure in measures.values():
            measure()  # what a process does the first time
        running.vacuum("products", "prices", "stocks", "listings", "lanes")
        before = {name: statistics.median(measure() for _ in range(7)) for name, measure in measures.items()}
        for account in range(1_000, 1_000 + large // 50_000 - 1):
            with begin() as connection:
                cursor = store_engine.raw(connection).cursor()
                cursor.execute(OTHERS, {"account": account})
        running.vacuum("products", "prices", "stocks", "listings", "lanes")
        for name, measure in measures.items():
            measure()  # the caches of before
            after = statistics.median(measure() for _ in range(7))
            yield Figure(
                f"9-{name}",
                f"{name} beside {large:,} products",
                milliseconds(after),
                f"beside 50,000 {milliseconds(before[name])}",
                after / before[name],
                "≤1.3",
            )


def _measures(running: Stack, store: StoreLogin) -> dict[str, Callable[[], float]]:
    turn = 0

    def update() -> float:
        nonlocal turn
        turn += 1
        spent = running.post(
            "/ProductTasks", call(store, "UpdateInventory", changes("InventoryItem", "Quantity", 1_000, turn))
        )
        running.expect(b"<Applied>1000</Applied>")
        return spent

    def claim() -> float:
        def once() -> float:
            with begin() as connection:
                cursor = store_engine.raw(connection).cursor()
                started = time.perf_counter()
                cursor.execute(CLAIM, {"account": store.account_id, "channel": 1})
                cursor.fetchall()
                return time.perf_counter() - started

        return statistics.median(once() for _ in range(20))

    def new() -> float:
        return statistics.median(running.post("/OrderTasks", call(store, "GetNewOrders")) for _ in range(20))

    return {"UpdateInventory of 1,000": update, "a lane claim": claim, "GetNewOrders": new}
