"""The database of a command: DATABASE_URL, or the embedded one, started if nobody runs it and left properly.

with transaction() as connection: ...
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from integrator.cli.output import Failed, output
from integrator.settings import settings
from integrator.store import engine as store_engine
from integrator.store import migrate
from integrator.store.embedded import Embedded

DATABASE = "integrator"


@contextmanager
def served() -> Iterator[tuple[str, Embedded | None]]:
    """The URL of the database, reachable or not, and the embedded server if it is that, as long as the block runs."""
    configured = settings().database_url
    if configured:
        yield configured, None
        return
    with Embedded(settings().data_dir) as server:
        yield server.create(DATABASE), server


@contextmanager
def located() -> Iterator[str]:
    """The URL of the database, reachable or not; the embedded one runs as long as the block."""
    with served() as (url, _server):
        yield url


def ensure_current(url: str, *, upgrade: bool) -> None:
    """The schema is what the code expects; else it is upgraded, or the command ends and says how."""
    found, expected = migrate.current(url), migrate.head()
    if found == expected:
        return
    if found is not None and not migrate.known(found):
        raise Failed(
            f"The database is at revision {found}, which this version of Integrator does not know.",
            hint="It was upgraded by a newer version: run that one, or restore a backup.",
        )
    if not upgrade:
        raise Failed(
            f"The database is at revision {found or 'none'}, this version of Integrator needs {expected}.",
            hint="Run: integrator db upgrade",
        )
    output().note("Bringing the database up to date ...")
    migrate.upgrade(url)


@contextmanager
def connected() -> Iterator[str]:
    """The store of this process is configured and its schema current; the URL.

    The embedded database is upgraded by whoever comes first, a server of its own only by `integrator db upgrade`.
    """
    with located() as url:
        ensure_current(url, upgrade=settings().database_url is None)
        store_engine.configure(url)
        try:
            yield url
        finally:
            store_engine.forget()


@contextmanager
def transaction() -> Iterator[Connection]:
    """One transaction of a command, committed at its end."""
    with connected(), store_engine.begin() as connection:
        yield connection
