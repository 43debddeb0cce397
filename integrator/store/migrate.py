"""The schema: up, down, and whether it is what the code expects. Alembic does the work."""

from __future__ import annotations

import ast
import re
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
    """The revision that the database is at; None before the first migration."""
    from sqlalchemy import text

    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
                return None
            found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            return found
    finally:
        engine.dispose()


def revisions() -> dict[str, str | None]:
    """Revision -> the one before it, read from the files: every start asks, and loading Alembic takes a while."""
    found: dict[str, str | None] = {}
    for file in (migrations_folder() / "versions").glob("*.py"):
        values = dict(re.findall(r"^(revision|down_revision)\b[^=\n]*= *(.+)$", file.read_text("utf-8"), re.MULTILINE))
        found[ast.literal_eval(values["revision"])] = ast.literal_eval(values["down_revision"])
    return found


def known(revision: str) -> bool:
    """Whether the code has this revision; one that it has not was made by a newer version."""
    return revision in revisions()


def head() -> str:
    """The revision that the code expects."""
    found = revisions()
    (newest,) = found.keys() - set(found.values())
    return newest
