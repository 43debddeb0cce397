"""Backup and restore with PostgreSQL's own pg_dump, pg_restore and psql.

The programs come from the PATH or from the embedded PostgreSQL, whichever is as new as the server. A backup is
one file in pg_dump's custom format, readable by its owner only. A restore is one transaction: it takes place as
a whole, or the database stays as it was.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from integrator.store.embedded import EmbeddedError, binaries
from integrator.store.engine import libpq_url, make_engine
from integrator.store.tables import metadata

# pg_restore and psql read this instead of an argument that every user of the machine could see
_PASSWORD = re.compile(r"^(postgresql://[^:/@]*):([^@]*)@")

# Removes what is ours and nothing else: the database may have other tenants.
_CLEAR = """
SET client_min_messages = warning;
DO $clear$
DECLARE one record;
BEGIN
  FOR one IN SELECT c.oid::regclass AS name FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
      AND (c.relname IN ({tables}) OR c.relname LIKE 'procrastinate\\_%')
  LOOP EXECUTE format('DROP TABLE IF EXISTS %s CASCADE', one.name); END LOOP;
  FOR one IN SELECT p.oid::regprocedure AS name FROM pg_proc p
    WHERE p.pronamespace = current_schema()::regnamespace AND p.proname LIKE 'procrastinate\\_%'
  LOOP EXECUTE format('DROP FUNCTION IF EXISTS %s CASCADE', one.name); END LOOP;
  FOR one IN SELECT t.oid::regtype AS name FROM pg_type t
    WHERE t.typnamespace = current_schema()::regnamespace AND t.typname LIKE 'procrastinate\\_%'
      AND t.typtype IN ('e', 'c')
  LOOP EXECUTE format('DROP TYPE IF EXISTS %s CASCADE', one.name); END LOOP;
END $clear$;
"""


class BackupError(Exception):
    """The message says what went wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What stands in the database: to be compared before and after, and to warn before it is replaced."""

    revision: str | None
    accounts: int
    products: int
    orders: int
    connections: int  # of other Integrator processes

    @property
    def empty(self) -> bool:
        return self.accounts == 0


def contents(url: str) -> Contents:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            revision = None
            counts = {"accounts": 0, "products": 0, "orders": 0}
            if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar():
                revision = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
            for table in counts:
                if connection.execute(text("SELECT to_regclass(:name)"), {"name": table}).scalar():
                    counts[table] = connection.execute(text(f"SELECT count(*) FROM {table}")).scalar_one()  # noqa: S608 - our names
            others = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND application_name LIKE 'integrator%' AND pid <> pg_backend_pid()"
                )
            ).scalar_one()
    finally:
        engine.dispose()
    return Contents(revision, counts["accounts"], counts["products"], counts["orders"], others)


def _server_major(url: str) -> int:
    engine = make_engine(url)
    try:
        with engine.connect() as connection:
            return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10_000
    finally:
        engine.dispose()


def _version(program: Path) -> int:
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"(\d+)(?:\.|\s|$|devel|beta|rc)", done.stdout)
    return int(found[1]) if found else 0


def programs(url: str) -> Path:
    """A folder with pg_dump, pg_restore and psql that are at least as new as the server."""
    major = _server_major(url)
    folders = [Path(found).parent for found in (shutil.which("pg_dump"), shutil.which("pg_restore")) if found]
    with contextlib.suppress(EmbeddedError):
        folders.append(binaries() / "bin")
    seen = []
    for folder in folders:
        if all((folder / name).exists() for name in ("pg_dump", "pg_restore", "psql")):
            version = _version(folder / "pg_dump")
            if version >= major:
                return folder
            seen.append(f"{folder} has version {version}")
    found = f" ({'; '.join(seen)})" if seen else ""
    raise BackupError(
        f"There is no pg_dump of version {major} or newer{found}: install PostgreSQL's client programs of version "
        f"{major}, or the embedded ones with pip install 'integrator[embedded]'."
    )


def _run(folder: Path, program: str, arguments: Sequence[str], url: str) -> None:
    """Raises BackupError with what the program said."""
    address, environment = libpq_url(url), dict(os.environ)
    if found := _PASSWORD.match(address):
        from urllib.parse import unquote

        environment["PGPASSWORD"] = unquote(found[2])
        address = _PASSWORD.sub(r"\1@", address)
    done = subprocess.run(
        [str(folder / program), *arguments, f"--dbname={address}"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise BackupError(f"{program} failed: {done.stderr.strip()[-1500:] or f'exit code {done.returncode}'}")


def _replaceable(target: Path) -> bool:
    """An earlier backup, or nothing yet."""
    if not target.is_file():
        return False
    with target.open("rb") as file:
        return file.read(5) in (b"PGDMP", b"")


def write(url: str, target: Path) -> int:
    """One consistent backup while the service runs; its bytes. Whole or not at all, mode 0600."""
    if target.exists() and not _replaceable(target):
        raise BackupError(f"{target} is there and is not a backup: it stays as it is. Name another file.")
    folder = programs(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}-")
    os.close(handle)
    try:
        _run(folder, "pg_dump", ["--format=custom", "--no-owner", "--no-privileges", f"--file={name}"], url)
        os.replace(name, target)
    finally:
        if os.path.exists(name):
            os.unlink(name)
    return target.stat().st_size


def _ours() -> frozenset[str]:
    """Names of our tables with their indices and sequences. Procrastinate's are told by how they begin."""
    tables = metadata.tables.values()
    indices = {str(index.name) for table in tables for index in table.indexes}
    return frozenset({"alembic_version", *indices, *metadata.tables, *(f"{name}_id_seq" for name in metadata.tables)})


def _select(entries: str) -> str:
    """Of `pg_restore --list` the lines that are ours: a database may have held other things when it was backed up."""
    names = _ours()

    def ours(line: str) -> bool:
        return any(word in names or word.startswith(("procrastinate_", "idx_procrastinate_")) for word in line.split())

    return "\n".join(line for line in entries.splitlines() if not line.startswith(";") and ours(line))


def read(url: str, source: Path) -> None:
    """Replace everything of ours in the database with the backup, in one transaction."""
    folder = programs(url)
    tables = ", ".join(f"'{name}'" for name in (*metadata.tables, "alembic_version"))
    with tempfile.TemporaryDirectory(prefix="integrator-restore-") as work:
        clear, script, chosen = (Path(work) / name for name in ("clear.sql", "restore.sql", "chosen.txt"))
        clear.write_text(_CLEAR.format(tables=tables))

        def unpack(*arguments: str) -> str:
            command = [str(folder / "pg_restore"), *arguments, str(source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                raise BackupError(f"{source} is not a backup that can be read: {done.stderr.strip()[-500:]}")
            return done.stdout

        chosen.write_text(_select(unpack("--list")))
        unpack("--no-owner", "--no-privileges", f"--use-list={chosen}", f"--file={script}")
        arguments = ["--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--output=/dev/null"]
        _run(folder, "psql", [*arguments, f"--file={clear}", f"--file={script}"], url)
