"""Marks on lanes: "this product is wanted on these lanes". State, not messages: ten marks are one push.

All writers of lanes take their rows in the order (channel_id, lane, product_id); see catalogue.applying for the one
that only does so as a rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection

from integrator.catalogue import batches

LANES = ("content", "price", "stock")

# The rows exist; ON CONFLICT writes them through their key in the order of the SELECT, which a join would not promise.
# `due_at` only moves when it has to: a lane that is due already is rewritten without touching its indices.
MARK = """
INSERT INTO lanes AS l (account_id, channel_id, lane, product_id)
SELECT %(account)s, k.channel_id, k.lane, k.product_id
FROM (
    SELECT c.id AS channel_id, w.lane, w.product_id
    FROM channels c
    CROSS JOIN (SELECT DISTINCT * FROM unnest(%(lanes)s::text[], %(products)s::bigint[]) AS w(lane, product_id)) AS w
    CROSS JOIN LATERAL (
        SELECT FROM lanes l WHERE l.account_id = %(account)s AND l.channel_id = c.id AND l.lane = w.lane
          AND l.product_id = w.product_id OFFSET 0) AS there
    WHERE c.account_id = %(account)s AND (%(channel)s::bigint IS NULL OR c.id = %(channel)s)
      AND (%(store)s::bigint IS NULL OR c.store_id = %(store)s)
) AS k
ORDER BY k.channel_id, k.lane, k.product_id
ON CONFLICT (account_id, channel_id, lane, product_id) DO UPDATE
SET pending = true, failed = false, attempts = 0, wanted = l.wanted + 1, wanted_at = now(),
    due_at = CASE WHEN l.pending AND l.due_at <= now() THEN l.due_at ELSE now() END
"""


def mark(connection: Connection, account_id: int, product_ids: Sequence[int], lanes: Sequence[str]) -> None:
    """Want these products on these lanes, now, on every channel that lists them."""
    mark_many(connection, account_id, dict.fromkeys(lanes, product_ids))


def mark_many(
    connection: Connection,
    account_id: int,
    products_by_lane: Mapping[str, Iterable[int]],
    channel_id: int | None = None,
    *,
    store_id: int | None = None,
) -> int:
    """Each lane with its own products, in one statement so that the locks keep their order; how many lanes.

    `channel_id`: only there; `store_id`: whose the products are, for speed.
    """
    lanes: list[str] = []
    products: list[int] = []
    for lane, product_ids in products_by_lane.items():
        chosen = list(product_ids)
        products += chosen
        lanes += [lane] * len(chosen)
    if not products:
        return 0
    return batches.run(
        connection,
        MARK,
        {
            "account": account_id,
            "store": store_id,
            "channel": channel_id,
            "lanes": batches.plain(lanes),
            "products": batches.plain(products),
        },
    )


# -- listings

LOCK = "SELECT pg_advisory_xact_lock{shared}(hashtextextended('integrator.catalogue:' || %(store)s::text, 0))"


def lock_catalogue(connection: Connection, store_id: int, *, shared: bool = False) -> None:
    """Whoever creates products, changes their styles, or lists a whole catalogue does so alone in a store.

    Taken before any row lock. `shared`: keeps those away without excluding its like. What UpdateInventory and
    UpdatePricing do to items that exist never waits for it.
    """
    batches.run(connection, LOCK.format(shared="_shared" if shared else ""), {"store": store_id})


LIST_PRODUCTS = """
INSERT INTO listings (account_id, channel_id, product_id)
SELECT %(account)s, c.id, p.id
FROM channels c CROSS JOIN unnest(%(products)s::bigint[]) AS p(id)
WHERE c.account_id = %(account)s AND c.store_id = %(store)s
ORDER BY c.id, p.id
"""

LANES_OF_PRODUCTS = """
INSERT INTO lanes (account_id, channel_id, lane, product_id)
SELECT %(account)s, c.id, k.lane, p.id
FROM channels c CROSS JOIN unnest(%(products)s::bigint[]) AS p(id)
CROSS JOIN (VALUES ('content'), ('price'), ('stock')) AS k(lane)
WHERE c.account_id = %(account)s AND c.store_id = %(store)s
ORDER BY c.id, k.lane, p.id
"""


def list_new(connection: Connection, account_id: int, store_id: int, product_ids: Sequence[int]) -> None:
    """Listings and lanes of products that were just created, on every channel of the store."""
    if not product_ids:
        return
    parameters = {"account": account_id, "store": store_id, "products": batches.plain(product_ids)}
    if batches.run(connection, LIST_PRODUCTS, parameters):
        batches.run(connection, LANES_OF_PRODUCTS, parameters)


LIST_ALL = """
INSERT INTO listings (account_id, channel_id, product_id)
SELECT c.account_id, c.id, p.id
FROM channels c JOIN products p ON p.account_id = c.account_id AND p.store_id = c.store_id
WHERE c.account_id = %(account)s AND c.id = %(channel)s
ORDER BY p.id
ON CONFLICT DO NOTHING
"""

ALL_LANES = """
INSERT INTO lanes (account_id, channel_id, lane, product_id)
SELECT l.account_id, l.channel_id, k.lane, l.product_id
FROM listings l CROSS JOIN (VALUES ('content'), ('price'), ('stock')) AS k(lane)
WHERE l.account_id = %(account)s AND l.channel_id = %(channel)s
ORDER BY k.lane, l.product_id
ON CONFLICT DO NOTHING
"""


def list_all(connection: Connection, account_id: int, channel_id: int) -> int:
    """Every product of the store on this channel, all lanes wanted; how many products were not listed before.

    For a new channel; called again it adds what is missing and leaves the rest alone.
    """
    parameters = {"account": account_id, "channel": channel_id}
    store = batches.fetch(
        connection, "SELECT store_id FROM channels WHERE account_id = %(account)s AND id = %(channel)s", parameters
    )
    if not store:
        raise LookupError(f"There is no channel {channel_id} in account {account_id}.")
    lock_catalogue(connection, store[0][0])
    new = batches.run(connection, LIST_ALL, parameters)
    batches.run(connection, ALL_LANES, parameters)
    return new


# -- sales that begin or end

SALE_BOUNDARIES = """
SELECT product_id FROM prices
WHERE account_id = %(account)s AND sale_start > %(after)s AND sale_start <= %(until)s AND sale_price IS NOT NULL
UNION
SELECT product_id FROM prices
WHERE account_id = %(account)s AND sale_end > %(after)s AND sale_end <= %(until)s AND sale_price IS NOT NULL
"""


def mark_boundaries(connection: Connection, account_id: int, channel_id: int, after: datetime, until: datetime) -> int:
    """Want the price lane of products whose sale began or ended in (after, until]; how many.

    For channels whose platform has no sale windows. Called with the last `until` as the next `after`, no
    boundary is missed, however seldom it is called.
    """
    parameters = {"account": account_id, "after": after, "until": until}
    products = [number for (number,) in batches.fetch(connection, SALE_BOUNDARIES, parameters)]
    return mark_many(connection, account_id, {"price": products}, channel_id)
