"""How fast the hot path is, against bare SQL that writes the same rows. Numbers are printed with -s."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

import pytest
from sqlalchemy import Engine

from integrator.accounts.context import StoreContext
from integrator.catalogue import batches
from integrator.catalogue.intake import update_inventory, update_products
from integrator.rows import Row
from tests.support.seed import codes, product, row, rows, seed_channel, seed_products, seed_store, settle

ITEMS = 10_000

# what a program would do that knows the new values and asks nothing: ids to products, stock, lanes
BARE_STOCKS = """
UPDATE stocks s SET quantity = u.quantity, quantities = '{}', hash = decode(u.hash, 'hex'), version = NULL,
    modified_at = NULL, changed_at = now(), call_id = %(call)s
FROM unnest(%(items)s::text[], %(quantities)s::numeric[], %(hashes)s::text[]) AS u(item_id, quantity, hash)
CROSS JOIN LATERAL (SELECT id FROM products p WHERE p.account_id = %(account)s AND p.store_id = %(store)s
                    AND p.item_id = u.item_id OFFSET 0) p
WHERE s.account_id = %(account)s AND s.product_id = p.id
RETURNING s.product_id
"""
BARE_LANES = """
UPDATE lanes l SET pending = true, failed = false, attempts = 0, wanted = wanted + 1, wanted_at = now(), due_at = now()
FROM unnest(%(products)s::bigint[]) AS u(product_id)
WHERE l.account_id = %(account)s AND l.lane = 'stock' AND l.product_id = u.product_id
"""


def bare(engine: Engine, store: StoreContext, quantity: int) -> float:
    items = batches.texts(f"I{number:06}" for number in range(ITEMS))
    quantities = batches.plain([quantity] * ITEMS)
    hashes = batches.plain([uuid.uuid4().hex] * ITEMS)
    base = {"account": store.account_id, "store": store.store_id, "call": uuid.uuid4()}
    started = time.perf_counter()
    with engine.begin() as connection:
        found = batches.fetch(
            connection, BARE_STOCKS, {**base, "items": items, "quantities": quantities, "hashes": hashes}
        )
        batches.run(connection, BARE_LANES, {**base, "products": batches.plain([number for (number,) in found])})
    return time.perf_counter() - started


def timed(engine: Engine, store: StoreContext, call: Callable[..., object], given: list[Row], action: str) -> float:
    started = time.perf_counter()
    with engine.begin() as connection:
        results = call(connection, store, given, uuid.uuid4())
    spent = time.perf_counter() - started
    assert set(codes(results)) == {action}  # type: ignore[arg-type]
    return spent


def tidy(engine: Engine, store: StoreContext) -> None:
    """Everything accepted, nothing dead: the same start for each measurement."""
    with engine.begin() as connection:
        settle(connection, store)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("VACUUM ANALYZE stocks, lanes, products")


def stock(quantity: int) -> list[Row]:
    return rows(*[row(f"I{number:06}", Quantity=quantity) for number in range(ITEMS)])


@pytest.mark.slow
def test_ten_thousand_stock_changes_cost_little_more_than_bare_sql(engine: Engine) -> None:
    with engine.begin() as connection:
        store = seed_store(connection)
        seed_channel(connection, store)
        started = time.perf_counter()
        seed_products(connection, store, [product(f"I{number:06}", Quantity=1) for number in range(ITEMS)])
    created = time.perf_counter() - started
    ours, theirs = [], []
    for turn in range(4):
        tidy(engine, store)
        theirs.append(bare(engine, store, 100 + turn))
        tidy(engine, store)
        ours.append(timed(engine, store, update_inventory, stock(200 + turn), "Updated"))
    unchanged = timed(engine, store, update_inventory, stock(203), "Unchanged")
    print(f"\n10,000 created {created:.3f} s; stock: bare {min(theirs):.3f} s, ours {min(ours):.3f} s "
          f"({min(ours) / min(theirs):.2f} times), unchanged {unchanged:.3f} s")  # fmt: skip
    # on a machine that does nothing else: 0.3 s, 2.3 times, 1.0 s, 0.1 s
    assert min(ours) < 5 * min(theirs)
    assert unchanged < min(ours)
    assert min(ours) < 3.0
    assert created < 20.0


@pytest.mark.slow
def test_a_new_catalogue_does_not_cost_more_for_each_item_than_a_small_one(engine: Engine) -> None:
    """Once it took ten times as long for each: the plans of a table that was never analysed."""

    def catalogue(prefix: str, size: int) -> list[Row]:
        return rows(*[product(f"{prefix}{number:06}", Quantity=1) for number in range(size)])

    with engine.begin() as connection:
        store = seed_store(connection)
        seed_channel(connection, store)
    small = timed(engine, store, update_products, catalogue("S", 1_000), "Created")
    large = timed(engine, store, update_products, catalogue("L", ITEMS), "Created")
    assert large < 30 * small
