"""The schema: up, down, and whether it is what the code expects. Alembic does the work."""

from __future__ import annotations

from pathlib import Path

import integrator
from integrator.store.engine import make_engine

PACKAGE = Path(integrator.__file__).parent


def migrations_folder() -> Path:
    """In a checkout `migrations/` beside the package; in an installed wheel inside it."""
    for folder in (PACKAGE.parent / "migrations", PACKAGE / "_data" / "migrations"):
        if (folder / "env.py").exists():
            return folder
    raise FileNotFoundError("The migrations are not installed.")


def _config() -> object:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()))
    return config


def _run(url: str, action: object) -> None:
    from sqlalchemy import text

    engine = make_engine(url)
    config = _config()
    try:
        with engine.connect() as connection:
            connection.execute(text("SET lock_timeout = '4s'; SET statement_timeout = '60s'"))
            # two starting services upgrade one after the other
            connection.execute(text("SELECT pg_advisory_lock(7418530)"))
            connection.commit()
            config.attributes["connection"] = connection  # type: ignore[attr-defined]
            action(config)  # type: ignore[operator]
            connection.commit()
    finally:
        engine.dispose()


def upgrade(url: str, revision: str = "head") -> None:
    from alembic import command

    _run(url, lambda config: command.upgrade(config, revision))


def downgrade(url: str, revision: str = "base") -> None:
    from alembic import command

    _run(url, lambda config: command.downgrade(config, revision))


def current(url: str) -> str | None:
    """The revision that the database is at."""
    from alembic.runtime.migration import MigrationContext

    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()


def known(revision: str) -> bool:
    """Whether the code has this revision; one that it has not was made by a newer version."""
    from alembic.script import ScriptDirectory

    folder = ScriptDirectory(str(migrations_folder()))
    return any(script.revision == revision for script in folder.walk_revisions())


def head() -> str | None:
    """The revision that the code expects."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(migrations_folder())).get_current_head()
