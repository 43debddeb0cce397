"""The lines of orders and the customers who placed them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.records import ZERO, Order, PulledOrder
from integrator.orders import allocation, documents, rules
from integrator.orders.items import Item, Wanted, wanted
from integrator.orders.stored import Stored, keys

UPSERT_LINES = sa.text(
    """
    INSERT INTO order_lines AS l (account_id, store_id, order_id, line_id, position, item_id, product_id, sku,
                                  line_type, ordered, cancelled, shipped, returned, refunded)
    SELECT :account, :store, r.order_id, r.line_id, r.position, r.item_id, r.product_id, r.sku,
           r.line_type, r.ordered, r.cancelled, r.shipped, r.returned, r.refunded
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS r(order_id bigint, line_id text, position int, item_id text, product_id bigint, sku text,
                line_type text, ordered numeric, cancelled numeric, shipped numeric, returned numeric, refunded numeric)
     ORDER BY r.order_id, r.line_id
        ON CONFLICT (account_id, order_id, line_id) DO UPDATE
       SET position = excluded.position, item_id = excluded.item_id, product_id = excluded.product_id,
           sku = excluded.sku, line_type = excluded.line_type, ordered = excluded.ordered,
           cancelled = excluded.cancelled, shipped = excluded.shipped, returned = excluded.returned,
           refunded = excluded.refunded
    """
)


def store_lines(
    connection: Connection,
    channel: ChannelRecord,
    touched: Mapping[str, tuple[PulledOrder, Order]],
    stored: Mapping[str, Stored],
    found: Mapping[Wanted, Item],
) -> set[int]:
    """Write the lines; the products of lines that became another product while units were allocated."""
    parameters = {"account": channel.account_id, "orders": sorted(stored[key].id for key in touched)}
    before = {
        (row.order_id, row.line_id): row.product_id
        for row in connection.execute(allocation.LINES, parameters)
        if row.allocated
    }
    rows, kept, moved = [], [], set()
    for key, (pulled, order) in touched.items():
        refunded = rules.refunded_units(order, pulled.transactions)
        order_id = stored[key].id
        for position, line in enumerate(order.lines):
            item = found.get(wanted(line))
            product = item.product_id if item else None
            line_id = rules.clean(line.line_id)
            kept.append({"order_id": order_id, "line_id": line_id})
            old = before.get((order_id, line_id), product)
            if old != product:
                moved |= {one for one in (old, product) if one is not None}
            rows.append(
                {
                    "order_id": order_id,
                    "line_id": line_id,
                    "position": position,
                    "item_id": item.item_id if item else "",
                    "product_id": product,
                    "sku": rules.clean(line.sku),
                    "line_type": line.line_type,
                    "ordered": str(line.quantity_ordered),
                    "cancelled": str(line.quantity_cancelled),
                    "shipped": str(line.quantity_shipped),
                    "returned": str(line.quantity_returned),
                    "refunded": str(refunded.get(line.line_id, ZERO)),
                }
            )
    connection.execute(UPSERT_LINES, {**keys(channel), "rows": json.dumps(rows)})
    # a line that the shop took out of the order is cancelled as a whole
    connection.execute(
        sa.text(
            """
            UPDATE order_lines l SET cancelled = l.ordered
             WHERE l.account_id = :account AND l.order_id = ANY(CAST(:orders AS bigint[])) AND l.cancelled < l.ordered
               AND NOT EXISTS (SELECT FROM jsonb_to_recordset(CAST(:kept AS jsonb)) AS r(order_id bigint, line_id text)
                                WHERE r.order_id = l.order_id AND r.line_id = l.line_id)
            """
        ),
        {**parameters, "kept": json.dumps(kept)},
    )
    return moved


def store_customers(connection: Connection, channel: ChannelRecord, orders: Sequence[Order]) -> None:
    """Remember who bought; what the POS calls them stays."""
    rows = {
        key: {"web_id": key, "email": rules.clean(order.customer.email)}
        for order in orders
        if (key := rules.clean(documents.customer_key(order)))
    }
    if not rows:
        return
    connection.execute(
        sa.text(
            """
            INSERT INTO customers AS c (account_id, channel_id, web_id, store_id, email)
            SELECT :account, :channel, r.web_id, :store, r.email
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(web_id text, email text)
             ORDER BY r.web_id
                ON CONFLICT (account_id, channel_id, web_id) DO UPDATE SET email = excluded.email
             WHERE c.email <> excluded.email AND excluded.email <> ''
            """
        ),
        {**keys(channel), "rows": json.dumps([rows[key] for key in sorted(rows)])},
    )
