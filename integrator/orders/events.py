"""Transactions and captures: one immutable record for each event, under the same key whenever it is derived."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.records import ZERO, Capture, PulledOrder, Transaction
from integrator.orders import documents
from integrator.orders.stored import Stored, keys, offer
from integrator.orders.told import settled


def _existing(connection: Connection, channel: ChannelRecord, table: str, public_ids: Sequence[str]) -> set[str]:
    statement = sa.text(
        f"SELECT public_id FROM {table} WHERE account_id = :account AND store_id = :store"  # noqa: S608 - ours
        " AND public_id = ANY(CAST(:ids AS text[]))"
    )
    return set(connection.execute(statement, {**keys(channel), "ids": list(public_ids)}).scalars())


def _record(
    connection: Connection, channel: ChannelRecord, kind: str, rows: Sequence[Mapping[str, Any]], queue: bool
) -> dict[str, int]:
    """Store immutable records and offer them; the public ids that are new, with their order."""
    if not rows:
        return {}
    table = {"transaction": "transactions", "capture": "captures"}[kind]
    made = connection.execute(
        sa.text(
            f"""
            INSERT INTO {table} (account_id, store_id, channel_id, order_id, public_id, type, occurred_at, document)
            SELECT :account, :store, :channel, r.order_id, r.public_id, r.type, r.occurred_at, r.document
              FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                   AS r(order_id bigint, public_id text, type text, occurred_at timestamptz, document jsonb)
             ORDER BY r.public_id
                ON CONFLICT DO NOTHING
            RETURNING id, public_id, occurred_at, order_id
            """  # noqa: S608 - a constant
        ),
        {**keys(channel), "rows": json.dumps(rows)},
    ).all()
    if queue:
        offer(
            connection, channel.account_id, channel.store_id, kind, [(r.id, r.public_id, r.occurred_at) for r in made]
        )
    return {row.public_id: row.order_id for row in made}


def store_transactions(
    connection: Connection,
    channel: ChannelRecord,
    events: Mapping[str, PulledOrder],
    stored: Mapping[str, Stored],
    mirrored: Collection[tuple[int, str]],
) -> dict[str, int]:
    settings = channel.store.settings
    ids = {
        (key, one.key): documents.public_id(channel.id, one.key)
        for key, pulled in events.items()
        for one in pulled.transactions
        if settings.transactions_for_pos_shipments or (stored[key].id, one.key) not in mirrored
    }
    if not ids:
        return {}
    existing = _existing(connection, channel, "transactions", sorted(ids.values()))
    new = {
        key: {one.key for one in pulled.transactions if (key, one.key) in ids and ids[key, one.key] not in existing}
        for key, pulled in events.items()
    }
    derived = {key: [one for one in pulled.transactions if one.type == "Sale"] for key, pulled in events.items()}
    selling = [key for key, sales in derived.items() if any(one.key in new[key] for one in sales)]
    told = _told_sales(connection, channel, [stored[key].id for key in selling])
    rows = []
    for key, pulled in events.items():
        sales = {
            one.key: one for one in settled(pulled.order, derived[key], new[key], told.get(stored[key].id, {}))
        }  # fmt: skip
        charged = ZERO
        for one in sorted(pulled.transactions, key=lambda t: (t.transaction_date, t.key)):
            record = one if one.type != "Sale" else sales.get(one.key)
            if one.key in new[key] and record is not None:
                rows.append(_transaction_row(record, ids[key, one.key], stored[key], charged > 0))
            if one.type == "Sale":
                charged += one.shipping_amount
    return _record(connection, channel, "transaction", rows, settings.transactions)


def _told_sales(
    connection: Connection, channel: ChannelRecord, order_ids: Sequence[int]
) -> dict[int, dict[str, dict[str, Any]]]:
    """The documents of the sales that were told, by order and key. The caller holds the orders' locks."""
    found: dict[int, dict[str, dict[str, Any]]] = {}
    if not order_ids:
        return found
    rows = connection.execute(
        sa.text(
            """
            SELECT order_id, public_id, document FROM transactions
             WHERE account_id = :account AND order_id = ANY(CAST(:orders AS bigint[])) AND type = 'Sale'
             ORDER BY id
            """
        ),
        {"account": channel.account_id, "orders": list(order_ids)},
    )
    prefix = documents.public_id(channel.id, "")
    for row in rows:
        found.setdefault(row.order_id, {})[row.public_id.removeprefix(prefix)] = row.document
    return found


def _transaction_row(one: Transaction, public_id: str, order: Stored, charged: bool) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "public_id": public_id,
        "type": one.type,
        "occurred_at": one.transaction_date.isoformat(),
        "document": documents.transaction_document(public_id, one, order.body, charged),
    }


def store_captures(
    connection: Connection, channel: ChannelRecord, events: Mapping[str, PulledOrder], stored: Mapping[str, Stored]
) -> int:
    ids: dict[str, tuple[str, Capture]] = {
        documents.public_id(channel.id, one.key): (key, one)
        for key, pulled in events.items()
        for one in pulled.captures
    }
    if not ids:
        return 0
    existing = _existing(connection, channel, "captures", sorted(ids))
    rows = [
        {
            "order_id": stored[key].id,
            "public_id": public_id,
            "type": one.type,
            "occurred_at": one.capture_date.isoformat(),
            "document": documents.capture_document(public_id, one, stored[key].body),
        }
        for public_id, (key, one) in ids.items()
        if public_id not in existing
    ]
    return len(_record(connection, channel, "capture", rows, channel.store.settings.captures))
