"""The floors: what the least possible program would cost. Parsing is libxml2 over the same bytes, writing the best
bare SQL for the same rows and the same lane marks; neither checks anything nor answers anybody."""

from __future__ import annotations

import io
import time
import uuid
from typing import Any

from lxml import etree
from sqlalchemy import Connection

from integrator.store import engine as store_engine
from integrator.store.engine import begin
from tests.support.service import StoreLogin

STOCK = """
UPDATE stocks s SET quantity = u.quantity, quantities = '{}', hash = decode(u.hash, 'hex'), version = NULL,
    modified_at = NULL, changed_at = now(), call_id = %(call)s
FROM unnest(%(items)s::text[], %(values)s::numeric[], %(hashes)s::text[]) AS u(item_id, quantity, hash)
CROSS JOIN LATERAL (SELECT id FROM products p WHERE p.account_id = %(account)s AND p.store_id = %(store)s
                    AND p.item_id = u.item_id OFFSET 0) p
WHERE s.account_id = %(account)s AND s.product_id = p.id RETURNING s.product_id
"""
PRICE = STOCK.replace("stocks s", "prices s").replace(
    "quantity = u.quantity, quantities = '{}'",
    "price = u.quantity, sale_price = NULL, sale_start = NULL, sale_end = NULL",
)
CONTENT = """
UPDATE products s SET content = u.content::jsonb, hash = decode(u.hash, 'hex'), version = NULL, modified_at = NULL,
    changed_at = now(), call_id = %(call)s
FROM unnest(%(items)s::text[], %(values)s::text[], %(hashes)s::text[]) AS u(item_id, content, hash)
WHERE s.account_id = %(account)s AND s.store_id = %(store)s AND s.item_id = u.item_id RETURNING s.id
"""
LANES = """
UPDATE lanes l SET pending = true, failed = false, attempts = 0, wanted = wanted + 1, wanted_at = now(),
    due_at = CASE WHEN l.pending AND l.due_at <= now() THEN l.due_at ELSE now() END
FROM unnest(%(products)s::bigint[]) AS u(product_id)
WHERE l.account_id = %(account)s AND l.lane = ANY(%(lanes)s) AND l.product_id = u.product_id
"""


def parse(content: bytes) -> float:
    started = time.perf_counter()
    for _event, element in etree.iterparse(io.BytesIO(content), events=("end",)):
        element.text
    return time.perf_counter() - started


def write(store: StoreLogin, statement: str, lane: str, items: list[str], values: list[Any]) -> float:
    """One transaction, committed; seconds."""
    common = {"account": store.account_id, "store": store.store_id, "call": uuid.uuid4()}
    hashes = [uuid.uuid4().hex for _ in items]
    started = time.perf_counter()
    with begin() as connection:
        cursor = _cursor(connection)
        cursor.execute(statement, {**common, "items": items, "values": values, "hashes": hashes})
        found = [number for (number,) in cursor.fetchall()]
        cursor.execute(LANES, {**common, "products": found, "lanes": [lane]})
        cursor.close()
    if len(found) != len(items):
        raise AssertionError(f"the floor wrote {len(found)} of {len(items)} rows")
    return time.perf_counter() - started


def _cursor(connection: Connection) -> Any:
    return store_engine.raw(connection).cursor()
