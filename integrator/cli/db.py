"""`integrator db`: the database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer

from integrator.cli.database import located
from integrator.cli.output import Exit, Failed, output
from integrator.settings import masked, settings
from integrator.store import backup as files
from integrator.store import engine as store_engine
from integrator.store import migrate

app = typer.Typer(help="The database: upgrade, check, backup, restore.")


@app.command()
def upgrade() -> None:
    """Bring the schema up to what this version needs. Safe to run at every start, by several machines at once."""
    with located() as url:
        before = migrate.current(url)
        if before is not None and not migrate.known(before):
            raise Failed(
                f"The database is at revision {before}, which this version of Integrator does not know.",
                hint="It was upgraded by a newer version: run that one, or restore a backup.",
            )
        migrate.upgrade(url)
        after = migrate.current(url)
    if before == after:
        output().done(f"The database is current ({after}).", revision=after, upgraded=False)
    else:
        output().done(f"The database is at {after} now, it was at {before or 'none'}.", revision=after, upgraded=True)


@app.command()
def check() -> None:
    """Whether the database is reachable, new enough and current. Exit code 0 if it is, else 1 (4: unreachable)."""
    checks: list[dict[str, Any]] = []
    with located() as url:
        engine = store_engine.configure(url)
        with store_engine.begin() as connection:
            version = connection.execute(sa.text("SHOW server_version_num")).scalar_one()
            shown = connection.execute(sa.text("SHOW server_version")).scalar_one()
            encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
        found, expected = migrate.current(url), migrate.head()
        engine.dispose()
    address = masked("database_url", settings().database_url) or f"embedded, in {settings().data_dir.resolve()}"
    checks.append({"check": "address", "ok": True, "found": address, "hint": ""})
    new = int(version) >= 150_000
    checks.append(
        {"check": "version", "ok": new, "found": f"PostgreSQL {shown}", "hint": "" if new else "15 or newer."}
    )
    utf8 = encoding == "UTF8"
    checks.append({"check": "encoding", "ok": utf8, "found": encoding, "hint": "" if utf8 else "Make it with UTF8."})
    current = found == expected
    checks.append(
        {
            "check": "schema",
            "ok": current,
            "found": found or "none",
            "hint": "" if current else f"This version needs {expected}: integrator db upgrade",
        }
    )
    well = all(row["ok"] for row in checks)
    output().table(checks, data={"ok": well, "checks": checks})
    if not well:
        raise typer.Exit(Exit.FAILED)


@app.command()
def backup(
    file: Annotated[
        Path | None, typer.Argument(help="Where to write it; default: integrator-<time>.dump here.")
    ] = None,
) -> None:
    """Write a consistent backup while the service runs (pg_dump, readable by you only).

    The keys that open the shops' credentials are not in it: keep INTEGRATOR_SECRET_KEY, or secret.key of the data
    folder, elsewhere.

    Example: integrator db backup /backups/integrator.dump
    """
    target = file or Path(f"integrator-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.dump")
    out = output()
    with located() as url, out.progress("Writing the backup"):
        found = files.contents(url)
        if found.revision is None:
            raise Failed("There is nothing to back up: the database is empty.", code=Exit.NOT_FOUND)
        size = files.write(url, target)
    out.done(
        f"{target} has {size / 1_048_576:.1f} MB: {_counts(found)}.",
        file=target.resolve(),
        bytes=size,
        revision=found.revision,
        accounts=found.accounts,
        products=found.products,
        orders=found.orders,
    )
    if settings().secret_key is None:
        from integrator.accounts.secrets import key_file

        if key_file().exists():
            out.note(f"Keep {key_file()} too: without it the shops' credentials in the backup cannot be read.")


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="A file of integrator db backup.")],
    force: Annotated[bool, typer.Option("--force", help="Replace what the database has.")] = False,
    hold: Annotated[
        bool, typer.Option("--hold", help="Hold every channel, so that nothing is sent before you looked.")
    ] = False,
) -> None:
    """Put a backup in place of what the database has, in one transaction, and bring it up to date.

    Stop web and worker first. What shops and POS had accepted when the backup was made is not sent again; orders
    that came after it are read again from the shops, under the same ids. What the POS sent after it is lost until
    the POS sends it again.

    Example: integrator db restore /backups/integrator.dump --force
    """
    out = output()
    with located() as url:
        before = files.contents(url)
        if before.connections:
            raise Failed(
                f"The database is in use by {before.connections} connections of Integrator.",
                hint="Stop web and worker (or integrator serve) first.",
            )
        if not before.empty and not force:
            raise Failed(
                f"The database has {_counts(before)}, which the backup would replace.",
                hint="Take a backup of it first, then repeat with --force.",
            )
        with out.progress("Restoring"):
            files.read(url, file)
            migrate.upgrade(url)
        after = files.contents(url)
        if hold:
            _hold_all(url, file)
    out.done(
        f"The database is as {file} has it: {_counts(after)}."
        + (" Every channel is held; go on with: integrator channel resume CHANNEL" if hold else ""),
        revision=after.revision,
        accounts=after.accounts,
        products=after.products,
        orders=after.orders,
        held=hold,
    )


def _counts(found: files.Contents) -> str:
    return f"{found.accounts} accounts, {found.products} products and {found.orders} orders"


def _hold_all(url: str, file: Path) -> None:
    from integrator.accounts import channels

    engine = store_engine.configure(url)
    with store_engine.begin() as connection:
        for record in channels.list_channels(connection):
            if record.state == channels.ACTIVE:
                channels.hold(connection, record, f"restored from {file.name}")
    engine.dispose()
