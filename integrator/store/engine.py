"""The one place that opens connections: an engine per process, a transaction per unit of work.

    with begin() as connection: ...

An unreachable database is one exception, `DatabaseUnavailable`, whatever the driver called it, so that the
web role can answer "send it again later".
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg2.errors
import psycopg2.extras
from sqlalchemy import Connection, Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

psycopg2.extras.register_uuid()  # type: ignore[no-untyped-call]

logger = logging.getLogger(__name__)

TRIES = 5  # of a transaction that ends in a deadlock

Result = TypeVar("Result")


class DatabaseUnavailable(Exception):
    """The database cannot be reached, is starting or stopping, or ended our connection."""


class Deadlock(DatabaseUnavailable):
    """PostgreSQL ended this transaction so that another one could go on. It may be run again: see `again`."""


def sqlalchemy_url(url: str) -> str:
    """Any postgres:// or postgresql:// URL, for psycopg2."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    return parsed.set(drivername="postgresql+psycopg2").render_as_string(hide_password=False)


def libpq_url(url: str) -> str:
    """The same URL for libpq (procrastinate, pg_dump)."""
    return make_url(sqlalchemy_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def make_engine(url: str, **options: Any) -> Engine:
    defaults: dict[str, Any] = {
        "pool_size": 5,
        "max_overflow": 10,
        "pool_timeout": 5,
        "pool_pre_ping": False,  # a dead connection is one retryable fault; a ping would cost every call
        "connect_args": {"connect_timeout": 5, "application_name": "integrator"},
    }
    return create_engine(sqlalchemy_url(url), **{**defaults, **options})


_engine: Engine | None = None


def configure(url: str, **options: Any) -> Engine:
    """Sets the engine of this process. Called once, when a role starts (after a fork, in each child)."""
    global _engine  # noqa: PLW0603 - one engine a process is the point
    if _engine is not None:
        _engine.dispose()
    _engine = make_engine(url, **options)
    return _engine


def configured() -> bool:
    return _engine is not None


def forget() -> None:
    """Closes the engine of this process, before it forks."""
    global _engine  # noqa: PLW0603
    if _engine is not None:
        _engine.dispose()
    _engine = None


def engine() -> Engine:
    if _engine is None:
        raise RuntimeError("The store is not configured: call store.engine.configure(url) when the role starts.")
    return _engine


def _unavailable(error: DBAPIError) -> bool:
    return isinstance(error, OperationalError | InterfaceError) or error.connection_invalidated


@contextmanager
def begin() -> Iterator[Connection]:
    """One transaction: committed at the end, rolled back by any exception."""
    try:
        with engine().begin() as connection:
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, psycopg2.errors.DeadlockDetected):
            raise Deadlock(str(error.orig)) from error
        if _unavailable(error):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise
    except PoolTimeout as error:
        raise DatabaseUnavailable("all connections of this process are in use") from error


def again(work: Callable[[Connection], Result]) -> Result:
    """`work` in one transaction; from its start again where PostgreSQL ended it because of a deadlock.

    For work that has no effect but in the database. Raises Deadlock when it happens time after time.
    """
    for _ in range(TRIES - 1):
        try:
            with begin() as connection:
                return work(connection)
        except Deadlock:
            logger.info("deadlock; the transaction is run again")
    with begin() as connection:
        return work(connection)


def raw(connection: Connection) -> Any:
    """The psycopg2 connection under it, for COPY and execute_values inside the same transaction."""
    return connection.connection.driver_connection
