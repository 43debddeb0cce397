"""Keeps `known` and `allocated` of order lines: which sold units the POS knows of, and which its count misses.

`refresh` computes both from what is stored, by the rules in rules.LineUnits; it may run as often as one likes.
What a stock count releases is catalogue.allocation's work.

Locks, always in this order, so that whoever works on orders at once cannot deadlock: orders by id, deliveries by
id, shipments by id, order_lines by (order_id, line_id), customers by web_id, issues, lanes.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from decimal import Decimal

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.connectors.records import ZERO
from integrator.orders.rules import LineUnits, allocation_mode

LINES = sa.text(
    """
    SELECT order_id, line_id, line_type, product_id, ordered, cancelled, refunded, shipped, known, counted, allocated
      FROM order_lines
     WHERE account_id = :account AND order_id = ANY(CAST(:orders AS bigint[]))
     ORDER BY order_id, line_id
       FOR UPDATE
    """
)

# the POS's own shipments per line: all of them, and those that the shop's quantities do not contain yet
SAVED = sa.text(
    """
    SELECT s.order_id, x ->> 'LineId' AS line_id, sum((x ->> 'Quantity')::numeric) AS saved,
           coalesce(sum((x ->> 'Quantity')::numeric) FILTER (WHERE s.mirrored_at IS NULL), 0) AS unmirrored
      FROM shipments s CROSS JOIN jsonb_array_elements(s.document -> 'Lines') x
     WHERE s.account_id = :account AND s.order_id = ANY(CAST(:orders AS bigint[]))
     GROUP BY 1, 2
    """
)

ANSWERED = sa.text(
    """
    SELECT o.id, d.state
      FROM orders o
      JOIN deliveries d ON d.account_id = o.account_id AND d.store_id = o.store_id AND d.kind = 'order'
                       AND d.public_id = o.public_id
     WHERE o.account_id = :account AND o.id = ANY(CAST(:orders AS bigint[]))
    """
)

# units that a sale told the POS of. A sale from before the queue was switched on has no delivery and never will
TOLD = sa.text(
    """
    SELECT t.order_id, x ->> 'LineId' AS line_id, sum((x ->> 'Quantity')::numeric) AS units
      FROM transactions t
      LEFT JOIN deliveries d ON d.account_id = t.account_id AND d.store_id = t.store_id
                            AND d.kind = 'transaction' AND d.public_id = t.public_id
     CROSS JOIN jsonb_array_elements(t.document -> 'Lines') x
     WHERE t.account_id = :account AND t.order_id = ANY(CAST(:orders AS bigint[])) AND t.type = 'Sale'
       AND (d.id IS NULL OR d.state = 'confirmed')
     GROUP BY 1, 2
    """
)

WRITE = sa.text(
    """
    UPDATE order_lines l
       SET known = r.known, allocated = r.allocated,
           known_at = CASE WHEN r.known > l.known THEN clock_timestamp() ELSE l.known_at END
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS r(order_id bigint, line_id text, known numeric, allocated numeric)
     WHERE l.account_id = :account AND l.order_id = r.order_id AND l.line_id = r.line_id
    """
)

Units = dict[tuple[int, str], Decimal]


def refresh(
    connection: Connection,
    store: StoreContext,
    order_ids: Collection[int],
    *,
    just_confirmed: Collection[int] = (),
) -> set[int]:
    """Bring the lines of these orders up to date; the products whose allocation changed.

    `just_confirmed`: orders whose current revision the POS has confirmed in this transaction.
    """
    if not order_ids:
        return set()
    parameters = {"account": store.account_id, "orders": sorted(order_ids)}
    lines = connection.execute(LINES, parameters).all()
    mode = allocation_mode(store.settings)
    states = {row.id: row.state for row in connection.execute(ANSWERED, parameters)}
    saved: Units = {}
    unmirrored: Units = {}
    for row in connection.execute(SAVED, parameters):
        saved[row.order_id, row.line_id] = row.saved
        unmirrored[row.order_id, row.line_id] = row.unmirrored
    told: Units = {}
    if mode == "transaction_confirmed":
        told = {(row.order_id, row.line_id): row.units for row in connection.execute(TOLD, parameters)}
    changes, products = [], set()
    for line in lines:
        key = (line.order_id, line.line_id)
        # an order from before the queue was switched on is never confirmed: shipping is its end
        own_mode = "shipped" if mode == "order_confirmed" and line.order_id not in states else mode
        shipped = line.shipped + unmirrored.get(key, ZERO)
        units = LineUnits(line.ordered, line.cancelled, line.refunded, shipped, line.known, line.counted)
        known = line.known
        if own_mode == "order_confirmed":
            known = max(known, saved.get(key, ZERO))
            if line.order_id in just_confirmed:
                known = max(known, units.sold)
            elif states[line.order_id] == "confirmed":
                known = max(known, min(units.sold, shipped))  # a change that is not offered ends with shipping
        elif own_mode == "transaction_confirmed":
            own = ZERO if store.settings.transactions_for_pos_shipments else saved.get(key, ZERO)
            known = max(known, told.get(key, ZERO) + own)
        known = min(known, line.ordered)
        allocated = units.allocated(own_mode) if line.line_type == "Item" else ZERO
        if known != line.known or allocated != line.allocated:
            changes.append(
                {"order_id": line.order_id, "line_id": line.line_id, "known": str(known), "allocated": str(allocated)}
            )
        if allocated != line.allocated and line.product_id is not None:
            products.add(line.product_id)
    if changes:
        connection.execute(WRITE, {"account": store.account_id, "rows": json.dumps(changes)})
    return products
