"""The restore drill: what shops and POS have is not sent again, what came later is found again."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.accounts import admin
from integrator.catalogue import intake
from integrator.connectors.sandbox.shop import documents
from integrator.orders import deliveries, shipments
from integrator.rows import Row
from integrator.store import backup
from integrator.store.engine import make_engine
from integrator.store.tables import sandbox_shops
from tests.support.command import Command
from tests.support.service import Service

pytestmark = pytest.mark.slow


@pytest.fixture
def shop(server: Callable[[str], str], template: str, tmp_path: Path) -> Iterator[Service]:
    """A sandbox shop on a service and a database of its own, as a real shop would be."""
    name = f"shop_{os.getpid()}"
    connection = psycopg2.connect(server("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    running = Service(server(name), tmp_path).start()
    yield running
    running.stop()
    connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    connection.close()


class Drill:
    def __init__(self, integrator: Command, engine: Engine, shop: Service) -> None:
        self.integrator, self.engine = integrator, engine
        self.shop = Command(shop.folder, shop.database)
        self.shop_engine = make_engine(shop.database)
        with self.shop_engine.begin() as connection:
            key = documents.add_shop(connection, "blue").key
        login = ("--shop", "blue", "--key", key, "--url", shop.url)
        self.channel = str(integrator("channel", "add", "BERG-1", "sandbox", *login, "--json").data["id"])
        with engine.begin() as connection:
            self.store = admin.find_store(connection, "BERG-1")

    def products(self, quantity: int) -> None:
        rows = [
            Row(
                i,
                {"ItemIntegrationId": f"A{i}", "Name": "Mug", "Price": Decimal("9.90"), "Quantity": Decimal(quantity)},
            )
            for i in range(20)
        ]
        with self.engine.begin() as connection:
            results = intake.update_products(connection, self.store, rows, uuid4())
        assert all(one.success for one in results)

    def sync(self) -> Any:
        return self.integrator("sync", self.channel, "--wait", "--json").data

    def order(self) -> None:
        self.shop("sandbox", "order", "blue", "--line", "A1=2", "--payment", "paid")

    def waiting(self, kind: str = "order") -> list[str]:
        with self.engine.begin() as connection:
            documents, _ = deliveries.get_new(connection, self.store, kind, 100)  # type: ignore[arg-type]
        return [one["OrderId"] for one in documents]

    def confirm(self, public_id: str) -> None:
        with self.engine.begin() as connection:
            row = Row(0, {"Id": public_id, "Success": True})
            assert deliveries.confirm(connection, self.store, "order", [row])[0].success

    def ship(self, public_id: str) -> None:
        row = Row(
            0,
            {"ShipmentId": "S1", "OrderId": public_id, "Lines": [{"ItemIntegrationId": "A1", "Quantity": Decimal(2)}]},
        )
        with self.engine.begin() as connection:
            result = shipments.save_shipments(connection, self.store, [row], uuid4())[0]
        assert result.success, result

    def writes(self) -> int:
        with self.shop_engine.begin() as connection:
            counters = connection.execute(sa.select(sandbox_shops.c.counters)).scalar_one()
        return int(counters["writes"])

    def close(self) -> None:
        self.shop_engine.dispose()
        self.engine.dispose()


@pytest.fixture
def drill(berg: Command, database: str, shop: Service) -> Iterator[Drill]:
    made = Drill(berg, make_engine(database), shop)
    yield made
    made.close()


def test_after_a_restore_nothing_is_sent_that_the_shop_already_has(drill: Drill) -> None:
    integrator = drill.integrator
    drill.products(quantity=50)
    drill.sync()
    drill.order()
    drill.order()
    drill.sync()
    first, second = drill.waiting()
    drill.confirm(first)
    drill.ship(first)
    drill.sync()
    assert drill.writes() > 0

    saved = integrator("db", "backup", "saved.dump", "--json").data
    assert stat.S_IMODE((integrator.folder / "saved.dump").stat().st_mode) == 0o600
    assert (saved["products"], saved["orders"]) == (20, 2)

    drill.products(quantity=30)  # after the backup: the shop hears of it, the backup does not
    drill.order()
    drill.sync()
    later = drill.waiting()[-1]
    drill.engine.dispose()
    before = drill.writes()

    assert "20 products" in integrator("db", "restore", "saved.dump", code=1).err
    restored = integrator("db", "restore", "saved.dump", "--force", "--json").data
    assert (restored["products"], restored["orders"]) == (20, 2)
    assert drill.waiting() == [second]  # the first stays confirmed

    report = drill.sync()
    # the order that came after the backup is read again, under the same id; it takes two units of A1, which is
    # one new quantity for the shop and the only thing that is written
    assert drill.waiting() == [second, later]
    assert report["shipments"] == 0
    assert drill.writes() - before <= 1
    assert len(drill.shop("sandbox", "orders", "blue", "--json").data) == 3

    before = drill.writes()
    drill.sync()
    assert drill.writes() == before

    drill.products(quantity=30)  # the POS sends again what was lost
    drill.sync()
    assert drill.writes() > before


def test_a_restore_can_hold_every_channel(drill: Drill) -> None:
    drill.integrator("db", "backup", "saved.dump")
    drill.engine.dispose()
    drill.integrator("db", "restore", "saved.dump", "--force", "--hold")
    state = drill.integrator("channel", "show", drill.channel, "--json").data
    assert (state["state"], state["state_reason"]) == ("held", "restored from saved.dump")


def test_a_restore_into_an_empty_database_needs_no_force(berg: Command, server: Callable[[str], str]) -> None:
    berg("db", "backup", "saved.dump")
    name = f"fresh_{os.getpid()}"
    connection = psycopg2.connect(server("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    try:
        fresh = Command(berg.folder, server(name))
        assert fresh("db", "backup", "empty.dump", code=3).err
        assert not (berg.folder / "empty.dump").exists()
        fresh("db", "restore", "saved.dump")
        assert fresh("store", "list", "--json").data[0]["code"] == "BERG-1"
        fresh("db", "check")
    finally:
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.close()


def test_a_restore_that_fails_changes_nothing(berg: Command) -> None:
    berg("db", "backup", "saved.dump")
    whole = (berg.folder / "saved.dump").read_bytes()
    (berg.folder / "cut.dump").write_bytes(whole[: len(whole) * 2 // 3])
    (berg.folder / "other.dump").write_text("SELECT 1;")
    for name in ("cut.dump", "other.dump"):
        berg("db", "restore", name, "--force", code=1)
        assert berg("store", "list", "--json").data[0]["code"] == "BERG-1"
    berg("db", "restore", "missing.dump", code=2)


def test_a_database_in_use_is_not_replaced(berg: Command, database: str) -> None:
    berg("db", "backup", "saved.dump")
    engine = make_engine(database)
    with engine.connect() as connection:
        connection.execute(sa.text("SELECT 1"))
        assert "in use" in berg("db", "restore", "saved.dump", "--force", code=1).err
    engine.dispose()


def test_other_tables_in_the_database_stay(berg: Command, database: str) -> None:
    berg("db", "backup", "saved.dump")
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE somebody_else AS SELECT 42 AS x"))
    engine.dispose()
    berg("db", "restore", "saved.dump", "--force")
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT x FROM somebody_else")).scalar() == 42
    engine.dispose()


def test_what_others_had_in_the_database_does_not_hinder_a_restore(berg: Command, database: str) -> None:
    """A backup holds the whole database; only what is ours is put back."""
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE somebody_else AS SELECT 42 AS x"))
        connection.execute(sa.text("CREATE FUNCTION theirs() RETURNS int LANGUAGE sql AS 'SELECT 1'"))
    berg("db", "backup", "saved.dump")
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE somebody_else SET x = 43"))
        before = _schema(connection)
    engine.dispose()
    berg("db", "restore", "saved.dump", "--force")
    with engine.begin() as connection:
        assert connection.execute(sa.text("SELECT x FROM somebody_else")).scalar() == 43
        assert _schema(connection) == before
    engine.dispose()


def _schema(connection: sa.Connection) -> set[str]:
    """Names of all tables, indices, sequences, constraints, triggers and functions."""
    names = "SELECT relname FROM pg_class UNION SELECT conname FROM pg_constraint UNION SELECT tgname FROM pg_trigger"
    names += " WHERE NOT tgisinternal UNION SELECT proname FROM pg_proc"
    # names of generated triggers and toast tables carry numbers of their own
    return {name for name in connection.scalars(sa.text(names)) if "toast" not in name}


def test_without_the_programs_it_says_what_to_install(
    berg: Command, database: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("integrator.store.backup.binaries", lambda: tmp_path)
    with pytest.raises(backup.BackupError, match=r"pg_dump of version \d+ or newer.*integrator\[embedded\]"):
        backup.write(database, tmp_path / "x.dump")


def test_the_password_is_in_no_argument(database: str, tmp_path: Path) -> None:
    """Every user of a machine sees the arguments of all programs."""
    folder = tmp_path / "bin"
    folder.mkdir()
    seen = tmp_path / "seen"
    says = f"open({str(seen)!r}, 'w').write(repr(sys.argv) + os.environ['PGPASSWORD'])"
    (folder / "pg_dump").write_text(f"#!{sys.executable}\nimport os, sys\n{says}\n")
    (folder / "pg_dump").chmod(0o755)
    backup._run(folder, "pg_dump", ["--version"], "postgresql://me:ses%40me@host/db")
    text = seen.read_text()
    assert "ses%40me" not in text
    assert text.endswith("ses@me")
    assert "me@host/db" in text


def test_subprocess_is_the_command_of_the_path(berg: Command) -> None:
    """`integrator` and `python -m integrator` are the same."""
    script = Path(sys.executable).parent / "integrator"
    done = subprocess.run([script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == berg("--version").out


def test_a_backup_replaces_an_earlier_one_and_no_other_file(berg: Command) -> None:
    berg("db", "backup", "b.dump")
    berg("db", "backup", "b.dump")
    (berg.folder / "notes.txt").write_text("mine")
    assert "notes.txt is there and is not a backup" in berg("db", "backup", "notes.txt", code=1).err
    assert (berg.folder / "notes.txt").read_text() == "mine"
