"""What is killed, cut off and counted: a sandbox shop on a real port, a store of its own, worker processes.

The shop runs in the test's process and keeps its state in the database, so that what a killed worker had sent
takes effect or not as at any other shop.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from integrator.accounts.channels import add_channel
from integrator.accounts.context import StoreContext
from integrator.catalogue import intake, marks
from integrator.codes import ItemResult
from integrator.rows import Row
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync.wake import wake
from tests.connectors.sandbox import SandboxShop
from tests.support.seed import seed_store
from tests.support.waiting import PATIENCE


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INTEGRATOR_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    yield
    settings.cache_clear()


@dataclass
class Merchant:
    """A store with a channel on a sandbox shop, and what its POS was told: "accepted"."""

    store: StoreContext
    channel_id: int
    shop: SandboxShop
    accepted: dict[str, int] = field(default_factory=dict)  # SKU -> the quantity that was last accepted

    @property
    def ids(self) -> tuple[int, int]:
        return self.store.account_id, self.channel_id

    def products(self, rows: Sequence[dict[str, Any]]) -> list[ItemResult]:
        """An UpdatePOSProducts: committed, then the wake-up."""
        with begin() as connection:
            results = intake.update_products(
                connection, self.store, [Row(n, values) for n, values in enumerate(rows)], uuid4()
            )
        wake(self.store.account_id, self.store.store_id, ["content", "price", "stock"])
        self.accepted.update({str(row["ItemIntegrationId"]): int(row["Quantity"]) for row in rows})
        return results

    def stock(self, quantities: dict[str, int]) -> None:
        """An UpdateInventory, likewise."""
        rows = [
            Row(n, {"ItemIntegrationId": sku, "Quantity": Decimal(units)})
            for n, (sku, units) in enumerate(quantities.items())
        ]
        with begin() as connection:
            results = intake.update_inventory(connection, self.store, rows, uuid4())
        assert all(one.success for one in results)
        wake(self.store.account_id, self.store.store_id, ["stock"])
        self.accepted.update(quantities)

    def pending(self) -> int:
        """Lanes that are wanted and not accepted."""
        return self.count("SELECT count(*) FROM lanes WHERE account_id = :a AND channel_id = :c AND pending")

    def count(self, statement: str) -> int:
        with begin() as connection:
            return int(
                connection.execute(text(statement), {"a": self.store.account_id, "c": self.channel_id}).scalar_one()
            )

    def rows(self, statement: str) -> list[Any]:
        with begin() as connection:
            return list(connection.execute(text(statement), {"a": self.store.account_id, "c": self.channel_id}))

    def jobs(self) -> int:
        """Jobs that run or wait, of whatever channel."""
        return self.count("SELECT count(*) FROM procrastinate_jobs")

    def running(self) -> bool:
        return self.count("SELECT count(*) FROM procrastinate_jobs WHERE status = 'doing'") > 0

    def unpause(self) -> None:
        with begin() as connection:
            connection.execute(text("UPDATE channels SET paused_until = NULL WHERE id = :c"), {"c": self.channel_id})
            connection.execute(
                text("UPDATE lanes SET due_at = now() WHERE channel_id = :c AND pending AND due_at < '2200-01-01'"),
                {"c": self.channel_id},
            )


def product(sku: str, quantity: int = 5, price: str = "9.90", **more: Any) -> dict[str, Any]:
    values = {"ItemIntegrationId": sku, "Name": f"Item {sku}", "Price": Decimal(price), "Quantity": Decimal(quantity)}
    return {**values, **more}


@pytest.fixture
def make_merchant(engine: Engine) -> Iterator[Callable[..., Merchant]]:
    shops: list[SandboxShop] = []

    def make(*, url: str = "", store: dict[str, Any] | None = None, **channel_settings: Any) -> Merchant:
        shop = SandboxShop(f"shop-{len(shops)}")
        shops.append(shop)
        credentials = {**shop.credentials(), **({"url": url} if url else {})}
        with begin() as connection:
            context = seed_store(connection, **(store or {}))
            channel_id = add_channel(connection, context, "sandbox", shop.name, credentials, channel_settings)
            marks.list_all(connection, context.account_id, channel_id)
        return Merchant(context, channel_id, shop)

    yield make
    for one in shops:
        one.close()


class WorkerProcess:
    """`integrator worker` as it runs in production, in a session of its own."""

    def __init__(self, database: str, folder: Path, **environment: str) -> None:
        self.database, self.folder, self.environment = database, folder, environment
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "worker.log"

    def start(self) -> WorkerProcess:
        key = settings().secret_key
        assert key is not None
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "DATABASE_URL": self.database,
            "INTEGRATOR_SECRET_KEY": key.get_secret_value(),
            "INTEGRATOR_WORKER_THREADS": "4",
            **self.environment,
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "integrator", "worker"],
                env=environment, stdout=log, stderr=log, cwd=self.folder, start_new_session=True,
            )  # fmt: skip
        return self

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """-9: nothing of it gets to say good-bye."""
        self.signal(signal.SIGKILL)
        assert self.process is not None
        self.process.wait()

    def stop(self) -> int:
        if self.process is None or self.process.poll() is not None:
            return 0 if self.process is None else int(self.process.returncode)
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""


@pytest.fixture
def make_worker(database: str, engine: Engine, tmp_path: Path) -> Iterator[Callable[..., WorkerProcess]]:
    made: list[WorkerProcess] = []

    def make(**environment: str) -> WorkerProcess:
        folder = tmp_path / f"worker-{len(made)}"
        folder.mkdir()
        made.append(WorkerProcess(database, folder, **environment).start())
        return made[-1]

    yield make
    for one in made:
        if one.process is not None and one.process.poll() is None:
            one.signal(signal.SIGCONT)
        one.stop()
