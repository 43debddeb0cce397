"""Wake-ups: called by whoever committed something that a shop should hear of.

A wake-up only makes it faster. It may be lost (the sweep finds the work within seconds), it may come twice (one
job of a kind waits per channel), and it never raises, because what it is about is already committed.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlalchemy import text

from integrator.store.engine import engine
from integrator.sync.queue import INSERT, PARAMETERS, PRIORITIES

logger = logging.getLogger(__name__)

# Both in one message: without a transaction around them they are one of their own.
WAKE = text(
    "SET LOCAL synchronous_commit = off; "  # noqa: S608 - constants
    "WITH wanted AS (SELECT c.account_id, c.id AS channel_id, c.failures, k.kind, k.priority"
    " FROM channels c, unnest(CAST(:kinds AS text[]), CAST(:priorities AS int[])) AS k(kind, priority)"
    " WHERE c.account_id = :account_id AND c.store_id = :store_id AND c.state = 'active'"
    " AND (c.paused_until IS NULL OR c.paused_until <= now()))" + INSERT
)


def wake(account_id: int, store_id: int, lanes: Sequence[str]) -> None:
    """Look at these lanes ("content", "price", "stock", "ship", "pull") of every channel of the store, now.

    Call it after the commit. Costs one short statement that does not wait for the disk.
    """
    if not lanes:
        return
    try:
        with engine().connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(
                WAKE,
                {
                    **PARAMETERS,
                    "account_id": account_id,
                    "store_id": store_id,
                    "kinds": list(lanes),
                    "priorities": [PRIORITIES[kind] for kind in lanes],
                },
            )
    except Exception:
        logger.warning("A wake-up was lost; the sweep finds the work.", exc_info=True)
