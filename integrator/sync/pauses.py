"""A paused channel goes on at the moment when its pause ends, not when the sweep comes round.

Every worker looks for itself, in a thread of its own, at what the database says (`channels.paused_until`) and sleeps
until the next pause ends. So nothing is lost with a worker that is killed: the others look too, of several that put in
the same job one is taken, and what all of them missed is found by the sweep.
"""

from __future__ import annotations

import logging
import threading
from datetime import datetime

from sqlalchemy import text

from integrator.store.engine import DatabaseUnavailable, begin
from integrator.sync import duties

logger = logging.getLogger(__name__)

LOOK_EVERY = 0.5  # seconds: what is paused meanwhile and sooner over is late by so much at most
AFTER = 0.002  # seconds slept beyond the end of a pause, so that it has ended by the database's clock too

LOOK = text(
    "SELECT now() AS now, count(*) FILTER (WHERE paused_until <= now()) AS ended,"
    " extract(epoch FROM min(paused_until) FILTER (WHERE paused_until > now()) - clock_timestamp())::float8 AS seconds"
    " FROM channels WHERE paused_until > coalesce(CAST(:after AS timestamptz), now())"
)


def look(after: datetime | None = None) -> tuple[datetime, float | None]:
    """A job for everything that is due on the channels whose pause has ended after that moment.

    The moment of this look, which is the next one's `after`, and the seconds until the next pause ends; None when no
    channel is paused.
    """
    with begin() as connection:
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        found = connection.execute(LOOK, {"after": after}).one()
        if found.ended:
            duties.put_in(connection, ended_after=after)
    return found.now, found.seconds


def keep(stop: threading.Event) -> None:
    """Until `stop`. What ended while the database could not be reached is found by the look after that."""
    after: datetime | None = None
    while not stop.is_set():
        wait = LOOK_EVERY
        try:
            after, seconds = look(after)
        except DatabaseUnavailable as error:
            logger.warning("The database cannot be reached (%s): channels stay paused.", error)
            wait = 1.0
        except Exception:
            logger.exception("The look at the paused channels failed.")
            wait = 1.0
        else:
            if seconds is not None:
                wait = min(wait, max(0.0, seconds) + AFTER)
        stop.wait(wait)
