"""What the modules that write orders share: an order as the database has it, and its way into the queues."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord


@dataclass(slots=True)
class Stored:
    """An order as the database has it. `body` is its current document."""

    id: int
    public_id: str
    revision: int
    body: dict[str, Any]
    hash: bytes
    modified_at: Any


def keys(channel: ChannelRecord) -> dict[str, Any]:
    return {"account": channel.account_id, "store": channel.store_id, "channel": channel.id}


def offer(
    connection: Connection, account_id: int, store_id: int, kind: str, records: Sequence[tuple[int, str, Any]]
) -> None:
    """Open deliveries for records (number, public id, when) that have none yet."""
    if not records:
        return
    rows = [{"id": i, "public_id": p, "occurred_at": t.isoformat()} for i, p, t in sorted(records)]
    connection.execute(
        sa.text(
            """
            INSERT INTO deliveries (account_id, store_id, kind, record_id, public_id, occurred_at)
            SELECT :account, :store, :kind, r.id, r.public_id, r.occurred_at
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, public_id text, occurred_at timestamptz)
             ORDER BY r.id
                ON CONFLICT DO NOTHING
            """
        ),
        {"account": account_id, "store": store_id, "kind": kind, "rows": json.dumps(rows)},
    )
