"""Reading the journal of the POS's calls; the contract writes it."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.store.tables import call_failures, calls

HIDDEN = ("answer", "body_digest")


def listed(
    connection: Connection,
    account_id: int,
    store_id: int,
    *,
    operation: str | None = None,
    failed_only: bool = False,
    item_id: str | None = None,
    since: datetime | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Newest first. `item_id`: only calls in which this item or record failed."""
    statement = sa.select(*(column for column in calls.c if column.name not in HIDDEN)).where(
        calls.c.account_id == account_id, calls.c.store_id == store_id
    )
    if operation is not None:
        statement = statement.where(calls.c.operation == operation)
    if failed_only:
        statement = statement.where(sa.or_(calls.c.failed > 0, calls.c.error_code.is_not(None)))
    if since is not None:
        statement = statement.where(calls.c.started_at >= since)
    if item_id is not None:
        concerned = sa.select(call_failures.c.call_id).where(
            call_failures.c.account_id == account_id,
            call_failures.c.store_id == store_id,
            call_failures.c.subject_id == item_id,
        )
        statement = statement.where(calls.c.id.in_(concerned))
    rows = connection.execute(statement.order_by(calls.c.started_at.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def shown(connection: Connection, call_id: UUID, account_id: int | None = None) -> dict[str, Any] | None:
    """One call with the items that failed in it. `account_id` None: the operator's look over all accounts."""
    condition = [calls.c.id == call_id]
    if account_id is not None:
        condition.append(calls.c.account_id == account_id)
    row = connection.execute(
        sa.select(*(column for column in calls.c if column.name not in HIDDEN)).where(*condition)
    ).first()
    if row is None:
        return None
    failures = connection.execute(
        sa.select(
            call_failures.c.index,
            call_failures.c.subject_id,
            call_failures.c.code,
            call_failures.c.field,
            call_failures.c.message,
        )
        .where(call_failures.c.account_id == row.account_id, call_failures.c.call_id == call_id)
        .order_by(call_failures.c.index)
    )
    return {**row._mapping, "failures": [dict(one._mapping) for one in failures]}
