"""What an operator sees of orders: lists, one order with all that belongs to it, shipments, customers.

Everything is plain rows (dicts) in the words of the contract and of architecture.md. Reading only.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.journal import issues

Rows = list[dict[str, Any]]

# how a delivery reads; a record without one was stored while its queue was off
STATE = "coalesce(d.state, 'not offered')"


def _rows(connection: Connection, statement: str, **parameters: Any) -> Rows:
    return [dict(row) for row in connection.execute(sa.text(statement), parameters).mappings()]


def listed(
    connection: Connection,
    *,
    account_id: int | None = None,
    store_id: int | None = None,
    channel_id: int | None = None,
    state: str | None = None,
    search: str | None = None,
    customer: tuple[int, str] | None = None,
    limit: int = 100,
) -> Rows:
    """Orders, newest first. `state`: how the order stands towards the POS; `search`: part of number, id or e-mail.
    `customer`: of this shop customer (channel, the shop's id)."""
    return _rows(
        connection,
        f"""
        SELECT o.public_id AS order_id, o.number, s.code AS store, c.name AS channel, o.placed_at, o.status,
               o.payment_status, o.document ->> 'GrandTotal' AS total, o.document ->> 'Currency' AS currency,
               o.revision, {STATE} AS state, d.message, d.receipt_number
          FROM orders o
          JOIN stores s ON s.account_id = o.account_id AND s.id = o.store_id
          JOIN channels c ON c.account_id = o.account_id AND c.id = o.channel_id
          LEFT JOIN deliveries d ON d.account_id = o.account_id AND d.store_id = o.store_id AND d.kind = 'order'
                                AND d.public_id = o.public_id
         WHERE (CAST(:account AS bigint) IS NULL OR o.account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR o.store_id = :store)
           AND (CAST(:channel AS bigint) IS NULL OR o.channel_id = :channel)
           AND (CAST(:customer AS text) IS NULL OR o.web_customer_id = :customer)
           AND (CAST(:state AS text) IS NULL OR {STATE} = :state)
           AND (CAST(:search AS text) IS NULL OR position(lower(:search) IN lower(
                concat_ws(' ', o.number, o.public_id, o.document #>> '{{Customer,Email}}'))) > 0)
         ORDER BY o.placed_at DESC, o.id DESC
         LIMIT :limit
        """,  # noqa: S608 - constants
        account=account_id, store=store_id, channel=customer[0] if customer else channel_id, state=state,
        search=search, customer=customer[1] if customer else None, limit=limit,
    )  # fmt: skip


def found(connection: Connection, name: str, *, account_id: int | None = None, store_id: int | None = None) -> Rows:
    """The orders that this OrderId, or this OrderNumber (with or without its #), names."""
    return _rows(
        connection,
        """
        SELECT o.account_id, o.store_id, o.channel_id, o.id, o.public_id, o.number, s.code AS store
          FROM orders o JOIN stores s ON s.account_id = o.account_id AND s.id = o.store_id
         WHERE (o.public_id = :name OR o.number = :name OR o.number = '#' || :name)
           AND (CAST(:account AS bigint) IS NULL OR o.account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR o.store_id = :store)
         ORDER BY o.account_id, o.id
        """,
        name=name,
        account=account_id,
        store=store_id,
    )


def found_record(
    connection: Connection, kind: str, public_id: str, *, account_id: int | None = None, store_id: int | None = None
) -> Rows:
    """The transactions or captures with this id."""
    table = {"transaction": "transactions", "capture": "captures"}[kind]
    return _rows(
        connection,
        f"""
        SELECT account_id, store_id, public_id FROM {table}
         WHERE public_id = :name AND (CAST(:account AS bigint) IS NULL OR account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR store_id = :store)
        """,  # noqa: S608 - ours
        name=public_id,
        account=account_id,
        store=store_id,
    )


RECORDS = """
    SELECT t.public_id AS id, t.type, t.occurred_at, t.document ->> :amount AS amount, {state} AS state, d.message,
           d.receipt_number, d.rejections, d.due_at, d.answered_at
      FROM {table} t
      LEFT JOIN deliveries d ON d.account_id = t.account_id AND d.store_id = t.store_id AND d.kind = :kind
                            AND d.public_id = t.public_id
     WHERE t.account_id = :account AND t.order_id = :order
     ORDER BY t.occurred_at, t.id
"""


def show(connection: Connection, order: Mapping[str, Any]) -> dict[str, Any]:
    """All of one order of `found`: the document, lines, deliveries, transactions, captures, shipments, issues."""
    account, number = order["account_id"], order["id"]
    [head] = _rows(
        connection,
        f"""
        SELECT o.public_id AS order_id, o.number, s.code AS store, c.name AS channel, c.platform, o.placed_at,
               o.modified_at, o.cancelled_at, o.created_at AS stored_at, o.status, o.payment_status, o.revision,
               o.web_customer_id, k.pos_id AS pos_customer_id, o.document, {STATE} AS state,
               d.revision AS delivered_revision, d.message, d.receipt_number, d.rejections, d.due_at, d.answered_at
          FROM orders o
          JOIN stores s ON s.account_id = o.account_id AND s.id = o.store_id
          JOIN channels c ON c.account_id = o.account_id AND c.id = o.channel_id
          LEFT JOIN customers k ON k.account_id = o.account_id AND k.channel_id = o.channel_id
                               AND k.web_id = o.web_customer_id
          LEFT JOIN deliveries d ON d.account_id = o.account_id AND d.store_id = o.store_id AND d.kind = 'order'
                                AND d.public_id = o.public_id
         WHERE o.account_id = :account AND o.id = :order
        """,  # noqa: S608 - constants
        account=account,
        order=number,
    )
    lines = _rows(
        connection,
        """
        SELECT line_id, item_id, sku, line_type, ordered, cancelled, refunded, shipped, returned, allocated, known_at
          FROM order_lines WHERE account_id = :account AND order_id = :order ORDER BY position, line_id
        """,
        account=account,
        order=number,
    )
    names = {one["LineId"]: one.get("Name", "") for one in head["document"].get("Lines", [])}
    for line in lines:
        line["name"] = names.get(line["line_id"], "")
    records = {
        kind: _rows(
            connection,
            RECORDS.format(table=table, state=STATE),
            kind=kind,
            amount=amount,
            account=account,
            order=number,
        )
        for kind, table, amount in (
            ("transaction", "transactions", "GrandTotal"),
            ("capture", "captures", "Amount"),
        )
    }
    saved = shipments(connection, account_id=account, order_id=number, limit=1000)
    subjects = {
        "order": [head["order_id"]],
        "transaction": [one["id"] for one in records["transaction"]],
        "capture": [one["id"] for one in records["capture"]],
        "shipment": [one["id"] for one in saved],
    }
    open_issues = [
        one
        for subject, ids in subjects.items()
        for public_id in ids
        for one in issues.listed(connection, account, store_id=order["store_id"], subject=subject, subject_id=public_id)
    ]
    return {
        **head,
        "lines": lines,
        "transactions": records["transaction"],
        "captures": records["capture"],
        "shipments": saved,
        "issues": open_issues,
    }


def shipments(
    connection: Connection,
    *,
    account_id: int | None = None,
    store_id: int | None = None,
    channel_id: int | None = None,
    order_id: int | None = None,
    state: str | None = None,
    limit: int = 100,
) -> Rows:
    """Shipments that the POS saved, newest first; `id` is "<OrderId>/<ShipmentId>"."""
    return _rows(
        connection,
        """
        SELECT o.public_id || '/' || s.shipment_id AS id, s.shipment_id, o.public_id AS order_id, o.number,
               t.code AS store, c.name AS channel, s.state, s.created_at, s.sent_at, s.mirrored_at, s.remote_id,
               s.attempts, s.due_at, s.message, s.call_id, s.document
          FROM shipments s
          JOIN orders o ON o.account_id = s.account_id AND o.id = s.order_id
          JOIN stores t ON t.account_id = s.account_id AND t.id = s.store_id
          JOIN channels c ON c.account_id = s.account_id AND c.id = s.channel_id
         WHERE (CAST(:account AS bigint) IS NULL OR s.account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR s.store_id = :store)
           AND (CAST(:channel AS bigint) IS NULL OR s.channel_id = :channel)
           AND (CAST(:order AS bigint) IS NULL OR s.order_id = :order)
           AND (CAST(:state AS text) IS NULL OR s.state = :state)
         ORDER BY s.id DESC
         LIMIT :limit
        """,
        account=account_id, store=store_id, channel=channel_id, order=order_id, state=state, limit=limit,
    )  # fmt: skip


def found_shipments(
    connection: Connection, name: str, *, account_id: int | None = None, store_id: int | None = None
) -> Rows:
    """The shipments that "<OrderId>/<ShipmentId>", or a ShipmentId alone, names."""
    return _rows(
        connection,
        """
        SELECT s.account_id, s.store_id, s.channel_id, s.order_id, o.public_id || '/' || s.shipment_id AS id
          FROM shipments s JOIN orders o ON o.account_id = s.account_id AND o.id = s.order_id
         WHERE (s.shipment_id = :name OR o.public_id || '/' || s.shipment_id = :name)
           AND (CAST(:account AS bigint) IS NULL OR s.account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR s.store_id = :store)
         ORDER BY s.id
        """,
        name=name,
        account=account_id,
        store=store_id,
    )


def customers(
    connection: Connection,
    *,
    account_id: int | None = None,
    store_id: int | None = None,
    search: str | None = None,
    limit: int = 100,
) -> Rows:
    """Shop customers, newest first, with the POS's ids and how many orders they have placed."""
    return _rows(
        connection,
        """
        SELECT k.channel_id, k.web_id, k.email, k.pos_id, s.code AS store, c.name AS channel, k.created_at,
               (SELECT count(*) FROM orders o WHERE o.account_id = k.account_id AND o.channel_id = k.channel_id
                   AND o.web_customer_id = k.web_id) AS orders
          FROM customers k
          JOIN stores s ON s.account_id = k.account_id AND s.id = k.store_id
          JOIN channels c ON c.account_id = k.account_id AND c.id = k.channel_id
         WHERE (CAST(:account AS bigint) IS NULL OR k.account_id = :account)
           AND (CAST(:store AS bigint) IS NULL OR k.store_id = :store)
           AND (CAST(:search AS text) IS NULL
                OR position(lower(:search) IN lower(concat_ws(' ', k.web_id, k.email, k.pos_id))) > 0)
         ORDER BY k.created_at DESC, k.web_id
         LIMIT :limit
        """,
        account=account_id,
        store=store_id,
        search=search,
        limit=limit,
    )
