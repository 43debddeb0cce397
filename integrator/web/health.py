"""Is this process alive, and can it do its work."""

from __future__ import annotations

from functools import cache

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from integrator.store import migrate
from integrator.store.engine import DatabaseUnavailable, begin


@cache
def expected_revision() -> str:
    return migrate.head()


def problems() -> dict[str, str]:
    """Per check "ok" or what is wrong, without anything that a stranger should not read."""
    checks = {"database": "ok", "migrations": "ok"}
    try:
        with begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '3s'"))
            found = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    except DatabaseUnavailable:
        return {"database": "cannot be reached", "migrations": "unknown"}
    except DBAPIError:  # there is no such table
        found = None
    if found != expected_revision():
        checks["migrations"] = f"at {found or 'none'}, needs {expected_revision()}: integrator db upgrade"
    return checks
