"""One job's hold on a channel: the lock that makes it the only writer, its connector, its journal.

The lock is an advisory lock of PostgreSQL on a connection of its own, which is in no transaction: it goes with
the process that held it, at once, and a worker that only seems dead (stopped, swapped out) still holds it, so
that nobody writes beside it. Procrastinate's lock keeps jobs of one channel in line; this one is what counts.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from integrator.accounts.channels import ChannelRecord, credentials, load_channel, open_connector
from integrator.connectors.base import Connector
from integrator.journal.attempts import Recorder, secrets_of
from integrator.store.engine import begin, engine

LOCK_SPACE = 0x494E54 << 40  # "INT": our corner of the advisory locks
LOOK_AGAIN = 0.05  # seconds


@contextmanager
def channel_lock(channel_id: int, wait: float = 0.0) -> Iterator[bool]:
    """True inside while this is the only writer of the channel; False when another still is after `wait` seconds."""
    key = LOCK_SPACE + channel_id
    connection = engine().connect().execution_options(isolation_level="AUTOCOMMIT")
    try:
        deadline = time.monotonic() + wait
        while True:
            held = bool(connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": key}).scalar())
            if held or time.monotonic() >= deadline:
                break
            time.sleep(LOOK_AGAIN)
        try:
            yield held
        finally:
            if held:
                try:
                    connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
                except SQLAlchemyError:
                    connection.invalidate()  # never back to the pool with the lock on it
    finally:
        connection.close()


def load(account_id: int, channel_id: int) -> tuple[ChannelRecord, datetime]:
    """The channel as it is now, and the database's clock, which is the one that counts."""
    with begin() as connection:
        record = load_channel(connection, account_id, channel_id)
        return record, clock(connection)


def clock(connection: Connection) -> datetime:
    """The time at which the transaction began, by the database."""
    now: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return now


@dataclass(slots=True)
class Work:
    """A channel that is being worked on."""

    channel: ChannelRecord
    connector: Connector
    recorder: Recorder

    @property
    def account_id(self) -> int:
        return self.channel.account_id


@contextmanager
def at_work(channel: ChannelRecord, purpose: str) -> Iterator[Work]:
    """With a connector of its own, closed at the end. Raises accounts.secrets.WrongKey."""
    recorder = Recorder(channel.account_id, channel.id, purpose, secrets_of(credentials(channel)))
    connector = open_connector(channel, recorder)
    try:
        yield Work(channel, connector, recorder)
    finally:
        connector.close()
