"""The regular duties of the worker role, and the beat that lets one worker of many do each.

They run in a thread of their own and not as jobs, so that no number of shops that hang can keep the sweep, or the
return of a dead worker's jobs, waiting for a free place.

    sweep       5 s     a job for every channel on which something is due; whatever wake-up or end of a pause was lost
    take back   2 s     jobs of workers that died; the sweep after it lines their channels up again
    boundaries  20 s    sales that begin or end, where the platform has no sale windows
    clean up    1 h     the journal
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, text

from integrator.accounts.channels import list_channels
from integrator.catalogue import marks
from integrator.connectors import registry
from integrator.journal import retention
from integrator.settings import settings
from integrator.store.engine import DatabaseUnavailable, begin
from integrator.sync import queue
from integrator.sync.queue import INSERT, PARAMETERS, PRIORITIES

logger = logging.getLogger(__name__)

TAKE_BACK_EVERY = 2.0  # seconds; with worker_dead_after's 20 a job is taken back within half a minute

_LANE = """
    SELECT '{lane}' AS kind WHERE EXISTS (SELECT 1 FROM lanes l WHERE l.account_id = c.account_id
        AND l.channel_id = c.id AND l.lane = '{lane}' AND l.pending AND l.due_at <= now())"""

SWEEP = text(
    "WITH wanted AS (SELECT c.account_id, c.id AS channel_id, c.failures, d.kind, p.priority FROM channels c"  # noqa: S608 - constants
    " JOIN stores s ON s.account_id = c.account_id AND s.id = c.store_id CROSS JOIN LATERAL ("
    + " UNION ALL ".join(_LANE.format(lane=lane) for lane in ("stock", "price", "content"))
    + """
    UNION ALL SELECT 'ship' WHERE EXISTS (SELECT 1 FROM shipments h WHERE h.account_id = c.account_id
        AND h.channel_id = c.id AND h.state = 'wanted' AND h.due_at <= now())
    UNION ALL SELECT 'pull' WHERE c.last_pull_at IS NULL OR c.sync ? 'look_at' OR c.sync #> '{orders,0}' IS NOT NULL
        OR c.last_pull_at <= now() - make_interval(secs => coalesce((c.settings ->> 'poll_seconds')::float8, 120))
    UNION ALL SELECT 'webhooks' WHERE c.platform = ANY(:with_webhooks)
        AND coalesce((c.sync ->> 'webhooks_at')::timestamptz < now() - interval '1 day', true)
    UNION ALL SELECT 'reconcile' WHERE
        -- at night where the store is, else as soon as a night was missed
        (coalesce((c.sync ->> 'reconciled_at')::timestamptz, c.created_at) < now() - interval '20 hours'
         AND (now() AT TIME ZONE coalesce(s.settings ->> 'time_zone', 'UTC'))::time BETWEEN '01:00' AND '05:00')
        OR coalesce((c.sync ->> 'reconciled_at')::timestamptz, c.created_at) < now() - interval '28 hours'
    ) d JOIN unnest(CAST(:kinds AS text[]), CAST(:priorities AS int[])) AS p(kind, priority) ON p.kind = d.kind
    WHERE c.state = 'active' AND (c.paused_until IS NULL OR c.paused_until <= now())
        AND (CAST(:ended_after AS timestamptz) IS NULL OR c.paused_until > :ended_after)
    UNION ALL
    SELECT c.account_id, c.id, 0, 'probe', :probe FROM channels c
    WHERE c.state = 'needs_credentials' AND coalesce(c.paused_until <= now(), true)
        AND (CAST(:ended_after AS timestamptz) IS NULL OR c.paused_until > :ended_after))"""
    + INSERT
)

# The job itself says nothing that is not in the channel's state, so it need not be run again: the sweep puts
# in a new one. Procrastinate's own way, back to "todo", would meet the one that waits already.
TAKE_BACK = text(
    "DELETE FROM procrastinate_jobs j WHERE j.status = 'doing' AND NOT EXISTS (SELECT 1 FROM procrastinate_workers w"
    " WHERE w.id = j.worker_id AND w.last_heartbeat >= now() - make_interval(secs => :dead_after))"
    " RETURNING j.id, j.args"
)


def sweep() -> int:
    """A job for every channel on which something is due; how many were put in."""
    with begin() as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        return put_in(connection)


def put_in(connection: Connection, ended_after: datetime | None = None) -> int:
    """The same in the caller's transaction, or only for the channels whose pause has ended after that moment."""
    return connection.execute(
        SWEEP,
        {
            **PARAMETERS,
            "kinds": list(PRIORITIES),
            "priorities": list(PRIORITIES.values()),
            "probe": PRIORITIES["probe"],
            "with_webhooks": _with_webhooks(public=bool(settings().public_url)),
            "ended_after": ended_after,
        },
    ).rowcount


def take_back() -> int:
    """Free the channels that a dead worker was at work on."""
    dead_after = settings().worker_dead_after
    with begin() as connection:
        rows = connection.execute(TAKE_BACK, {"dead_after": dead_after}).all()
        connection.execute(
            text("DELETE FROM procrastinate_workers WHERE last_heartbeat < now() - make_interval(secs => :dead_after)"),
            {"dead_after": dead_after},
        )
    for row in rows:
        logger.warning("Job %d of a dead worker is taken back: %s", row.id, row.args)
    if rows:
        sweep()
    return len(rows)


def boundaries(connection: Connection, after: datetime | None, until: datetime) -> None:
    """Want the price lanes of what went on or off sale; in the beat's own transaction, so that none is missed."""
    after = after or until - timedelta(days=1)
    accounts = connection.execute(
        text(
            "SELECT a.id FROM accounts a WHERE EXISTS (SELECT 1 FROM prices r WHERE r.account_id = a.id"
            " AND r.sale_start > :after AND r.sale_start <= :until) OR EXISTS (SELECT 1 FROM prices r"
            " WHERE r.account_id = a.id AND r.sale_end > :after AND r.sale_end <= :until) ORDER BY a.id"
        ),
        {"after": after, "until": until},
    ).scalars()
    for account_id in accounts.all():
        for channel in list_channels(connection, account_id):
            if channel.capabilities.sale_windows:
                continue
            if marks.mark_boundaries(connection, account_id, channel.id, after, until):
                queue.defer(connection, account_id, channel.id, ["price"])


def clean_up() -> None:
    """The journal, by the settings."""
    chosen = settings()
    done = retention.clean(retention.Keep(chosen.keep_attempts_days, chosen.keep_calls_days, chosen.keep_issues_days))
    logger.info("Cleaned up: %s", done)


@cache
def _with_webhooks(*, public: bool) -> list[str]:
    """Platforms whose shops can tell us of changes; `public`: whether they know an address to tell it to."""
    found = []
    for name in registry.platforms():
        try:
            capabilities = registry.connector(name).capabilities
        except Exception:  # one broken platform package is not everybody's trouble
            logger.exception("The platform %s cannot be loaded.", name)
            continue
        if capabilities.webhooks and (public or capabilities.local_webhooks):
            found.append(name)
    return found


# -- the beat


@dataclass(frozen=True, slots=True)
class Duty:
    """`run` after the beat is committed, or `within` its transaction with (connection, last time, now)."""

    name: str
    every: float  # seconds
    run: Callable[[], object] | None = None
    within: Callable[[Connection, datetime | None, datetime], None] | None = None


DUTIES = (
    Duty("take back", TAKE_BACK_EVERY, take_back),
    Duty("sweep", 5, sweep),
    Duty("boundaries", 20, within=boundaries),
    Duty("clean up", 3600, clean_up),
)


def do(duty: Duty) -> bool:
    """Do it if it is due and no other worker is at it; whether it was done."""
    with begin() as connection:
        connection.execute(
            text("INSERT INTO beats (duty, last_at) VALUES (:duty, '-infinity') ON CONFLICT DO NOTHING"),
            {"duty": duty.name},
        )
        row = connection.execute(
            text(
                "SELECT CASE WHEN isfinite(last_at) THEN last_at END AS last_at, now() AS now FROM beats"
                " WHERE duty = :duty AND last_at <= now() - make_interval(secs => :every) FOR UPDATE SKIP LOCKED"
            ),
            {"duty": duty.name, "every": duty.every},
        ).first()
        if row is None:
            return False
        connection.execute(
            text("UPDATE beats SET last_at = :now WHERE duty = :duty"), {"now": row.now, "duty": duty.name}
        )
        if duty.within is not None:
            duty.within(connection, row.last_at, row.now)
    if duty.run is not None:
        duty.run()
    return True


def keep(stop: threading.Event, duties: tuple[Duty, ...] = DUTIES) -> None:
    """Until `stop`; a duty that fails is logged and comes again, whatever the reason."""
    while not stop.is_set():
        for duty in duties:
            try:
                do(duty)
            except DatabaseUnavailable as error:
                logger.warning("The database cannot be reached (%s): %s waits.", error, duty.name)
            except Exception:
                logger.exception("The duty %s failed.", duty.name)
            if stop.is_set():
                return
        stop.wait(1.0)
