"""How it is going, in numbers: what `integrator status` and /metrics show. Set-based, on partial indices only.

`account_id` None means the whole service, for its operator.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

WORKER_ALIVE_SECONDS = 60  # a worker beats every ten seconds


@dataclass(frozen=True, slots=True)
class LaneCount:
    """`oldest`: since when the longest waiting one is wanted."""

    account_id: int
    channel_id: int
    lane: str
    pending: int
    failed: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class DeliveryCount:
    """Records that the POS has not confirmed yet; `due`: those that GetNew would give now."""

    account_id: int
    store_id: int
    kind: str
    waiting: int
    due: int
    rejected: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class IssueCount:
    account_id: int
    store_id: int
    channel_id: int  # 0: no channel
    open: int


@dataclass(frozen=True, slots=True)
class Workers:
    alive: int
    last_heartbeat: datetime | None
    jobs_waiting: int
    jobs_running: int


def _rows(connection: Connection, statement: str, account_id: int | None) -> Any:
    return connection.execute(text(statement), {"account_id": account_id})


def lanes(connection: Connection, account_id: int | None = None) -> list[LaneCount]:
    statement = """
        WITH waiting AS (
            SELECT account_id, channel_id, lane, count(*) AS pending, min(wanted_at) AS oldest
            FROM lanes WHERE pending AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)
            GROUP BY account_id, channel_id, lane
        ), refused AS (
            SELECT account_id, channel_id, lane, count(*) AS failed
            FROM lanes WHERE failed AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)
            GROUP BY account_id, channel_id, lane
        )
        SELECT account_id, channel_id, lane, coalesce(pending, 0), coalesce(failed, 0), oldest
        FROM waiting FULL JOIN refused USING (account_id, channel_id, lane)
        ORDER BY account_id, channel_id, lane
    """
    return [LaneCount(*row) for row in _rows(connection, statement, account_id)]


def deliveries(connection: Connection, account_id: int | None = None) -> list[DeliveryCount]:
    statement = """
        SELECT account_id, store_id, kind, count(*), count(*) FILTER (WHERE due_at <= now()),
               count(*) FILTER (WHERE state = 'rejected'), min(created_at)
        FROM deliveries
        WHERE state IN ('open', 'rejected') AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)
        GROUP BY account_id, store_id, kind ORDER BY account_id, store_id, kind
    """
    return [DeliveryCount(*row) for row in _rows(connection, statement, account_id)]


def issues(connection: Connection, account_id: int | None = None) -> list[IssueCount]:
    statement = """
        SELECT account_id, store_id, channel_id, count(*) FROM issues
        WHERE state = 'open' AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)
        GROUP BY account_id, store_id, channel_id ORDER BY account_id, store_id, channel_id
    """
    return [IssueCount(*row) for row in _rows(connection, statement, account_id)]


def shipments_waiting(connection: Connection, account_id: int | None = None) -> dict[int, int]:
    """By channel: shipments that the shop has not been told of."""
    statement = """
        SELECT channel_id, count(*) FROM shipments
        WHERE state = 'wanted' AND (CAST(:account_id AS bigint) IS NULL OR account_id = :account_id)
        GROUP BY channel_id
    """
    return {row[0]: row[1] for row in _rows(connection, statement, account_id)}


def workers(connection: Connection) -> Workers:
    statement = text(
        """
        SELECT count(*) FILTER (WHERE last_heartbeat > now() - make_interval(secs => :seconds)), max(last_heartbeat),
               (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'),
               (SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing')
        FROM procrastinate_workers
        """
    )
    return Workers(*connection.execute(statement, {"seconds": WORKER_ALIVE_SECONDS}).one())
