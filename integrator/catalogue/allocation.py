"""Units that are sold on the web and that the POS's count does not contain yet.

They stand in `order_lines.allocated` (see store/tables/orders.py); orders.ingest writes them, and the published
quantity is reduced by them. The first stock count that arrives after the POS got to know of the sale contains
it, and releases them.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.catalogue import batches

RELEASABLE = """
SELECT DISTINCT p.item_id, p.id
FROM order_lines l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
WHERE l.account_id = %(account)s AND l.allocated > 0 AND l.counted < l.known AND l.known_at < now()
  AND p.store_id = %(store)s
"""

# Locked in the order that orders.ingest takes them in; both take lanes only afterwards.
RELEASE = """
WITH locked AS (
    SELECT account_id, order_id, line_id FROM order_lines
    WHERE account_id = %(account)s AND product_id = ANY(%(products)s::bigint[])
      AND allocated > 0 AND counted < known AND known_at < now()
    ORDER BY order_id, line_id FOR UPDATE
)
UPDATE order_lines l
SET counted = l.known, allocated = greatest(l.ordered - l.cancelled - l.refunded - l.known, 0)
FROM locked k WHERE (l.account_id, l.order_id, l.line_id) = (k.account_id, k.order_id, k.line_id)
RETURNING l.product_id
"""

ALLOCATED = """
SELECT product_id, sum(allocated) FROM order_lines
WHERE account_id = %(account)s AND product_id = ANY(%(products)s::bigint[]) AND allocated > 0
GROUP BY product_id
"""


def releasable(connection: Connection, store: StoreContext) -> dict[str, int]:
    """Item id -> product id of the store's products that a count in this transaction would release units of.

    One look at the partial index of what is allocated: a few rows, usually none, however large a call is.
    """
    parameters = {"account": store.account_id, "store": store.store_id}
    return dict(batches.fetch(connection, RELEASABLE, parameters))


def release(connection: Connection, account_id: int, product_ids: Sequence[int]) -> list[int]:
    """The POS counted these products; the ids of those whose published quantity changes by it."""
    if not product_ids:
        return []
    found = batches.fetch(
        connection,
        RELEASE,
        {"account": account_id, "products": batches.plain(product_ids)},
    )
    return sorted({product_id for (product_id,) in found})


def allocated(connection: Connection, account_id: int, product_ids: Sequence[int]) -> dict[int, Decimal]:
    """Units per product, of those that have any."""
    if not product_ids:
        return {}
    parameters = {"account": account_id, "products": batches.plain(product_ids)}
    return {number: Decimal(units) for number, units in batches.fetch(connection, ALLOCATED, parameters)}
