"""The waiting line of jobs, which is procrastinate's table in our own database.

A job says only "look at this channel": what is to be done is state (lanes, shipments, watermarks), so a job may
be lost, doubled or deleted at any time without losing work. That is why jobs are put in with one set-based
statement per wake-up or sweep, instead of one procrastinate call each: at most one job of a kind waits per
channel (`queueing_lock`), at most one runs per channel (`lock`), in the order of PRIORITIES.

Jobs with a lock are never scheduled for later: procrastinate would let a waiting one of a higher priority hold
up the others of its channel. What is due later is found by the sweep.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, text

from integrator.store.engine import begin

TASK = "integrator.channel"

# A channel that has just failed waits in a line of its own with a few threads, so that shops which hang
# cannot take all of them away from the shops that answer; so does reconciliation, which reads for minutes.
QUEUE, RECOVERING, BACKGROUND = "channels", "recovering", "background"

# Within a channel and over all: the higher goes first, equals in the order they came, which makes
# channels take turns because a job does one batch and lines up again.
PRIORITIES: dict[str, int] = {
    "stock": 60,
    "probe": 55,
    "ship": 50,
    "pull": 40,
    "price": 30,
    "content": 20,
    "webhooks": 10,
    "reconcile": 5,
}
KINDS = tuple(PRIORITIES)

INSERT = """
INSERT INTO procrastinate_jobs (queue_name, task_name, priority, lock, queueing_lock, args)
SELECT CASE WHEN wanted.kind = 'reconcile' THEN :background WHEN wanted.failures > 0 THEN :recovering
    ELSE :queue END, :task, wanted.priority,
    CASE wanted.kind WHEN 'reconcile' THEN 'reconcile:' ELSE 'channel:' END || wanted.channel_id,
    wanted.channel_id || ':' || wanted.kind,
    jsonb_build_object('account_id', wanted.account_id, 'channel_id', wanted.channel_id, 'kind', wanted.kind)
FROM wanted
WHERE NOT EXISTS (SELECT 1 FROM procrastinate_jobs job
                  WHERE job.status = 'todo' AND job.queueing_lock = wanted.channel_id || ':' || wanted.kind)
ORDER BY wanted.priority DESC, random()
ON CONFLICT (queueing_lock) WHERE status = 'todo' DO NOTHING
"""

PARAMETERS = {"queue": QUEUE, "recovering": RECOVERING, "background": BACKGROUND, "task": TASK}


def defer(connection: Connection, account_id: int, channel_id: int, kinds: Sequence[str]) -> int:
    """Let these kinds of work on a channel be looked at as soon as may be; how many jobs were put in."""
    if not kinds:
        return 0
    done = connection.execute(
        text(
            "WITH wanted AS (SELECT c.account_id, c.id AS channel_id, c.failures, k.kind, k.priority"  # noqa: S608
            " FROM channels c, unnest(CAST(:kinds AS text[]), CAST(:priorities AS int[])) AS k(kind, priority)"
            " WHERE c.account_id = :account_id AND c.id = :channel_id)" + INSERT
        ),
        {
            **PARAMETERS,
            "account_id": account_id,
            "channel_id": channel_id,
            "kinds": list(kinds),
            "priorities": [PRIORITIES[kind] for kind in kinds],
        },
    )
    return done.rowcount


def defer_now(account_id: int, channel_id: int, kinds: Sequence[str]) -> int:
    """The same in a transaction of its own, which need not survive a crash."""
    with begin() as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        return defer(connection, account_id, channel_id, kinds)
