"""The web role as customers meet it: real gunicorn, real PostgreSQL, a free port.

    def test_something(service):
        store = service.store()                       # an account, a store and a user of its own
        httpx.post(service.url + "/ProductTasks", auth=store.basic, content=...)

One server and one database serve the tests of a module; each test gets its own account and store, so tests
do not see each other's rows. `service.begin()` and everything that uses `integrator.store.engine.begin()` work
on the service's database. `start_service(**settings)` starts another one with other settings.
"""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg2
import pytest
from sqlalchemy import Connection

from integrator.accounts import admin
from integrator.accounts.context import StoreContext
from integrator.store import engine as store_engine
from tests.support.waiting import PATIENCE

_numbers = itertools.count(1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class StoreLogin:
    """A store with a user: the context for functions, the three values for calls."""

    context: StoreContext
    user_name: str
    password: str

    @property
    def code(self) -> str:
        return self.context.code

    @property
    def account_id(self) -> int:
        return self.context.account_id

    @property
    def store_id(self) -> int:
        return self.context.store_id

    @property
    def credentials(self) -> dict[str, str]:
        """For the SOAP header."""
        return {"StoreId": self.code, "UserName": self.user_name, "Password": self.password}

    @property
    def basic(self) -> tuple[str, str]:
        """For HTTP Basic."""
        return f"{self.code}/{self.user_name}", self.password


class Service:
    def __init__(self, database: str, folder: Path, **settings: Any) -> None:
        self.database = database
        self.folder = folder
        self.settings = settings
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"web-{self.port}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith("INTEGRATOR_") and k != "DATABASE_URL"}
        own = {
            "DATABASE_URL": self.database,
            "INTEGRATOR_DATA_DIR": str(self.folder / "data"),
            "INTEGRATOR_PORT": str(self.port),
            "INTEGRATOR_WEB_PROCESSES": "1",
            "INTEGRATOR_LOG_LEVEL": "INFO",
        }
        given = {f"INTEGRATOR_{name.upper()}": str(value) for name, value in self.settings.items()}
        return {**kept, **own, **given}

    def start(self) -> Service:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "integrator", "web"],
                env=self.environment(),
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the service ended at once:\n{self.text()}")
            try:
                if httpx.get(self.url + "/health/live", timeout=5).status_code == 200:
                    return self
            except httpx.HTTPError:
                time.sleep(0.05)
        raise AssertionError(f"the service does not answer:\n{self.text()}")

    def stop(self) -> int:
        """Its exit code."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        code = self.process.wait()
        self.process = None
        return code

    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    # -- what tests put in

    def begin(self) -> AbstractContextManager[Connection]:
        """One transaction on the service's database."""
        return store_engine.begin()

    def store(
        self,
        code: str | None = None,
        *,
        account: str | None = None,
        user: str = "pos",
        limited_to: str | None = None,
        settings: dict[str, Any] | None = None,
    ) -> StoreLogin:
        """A new account (unless the named one is there) with a store and a user."""
        name = account or f"Account {uuid.uuid4().hex[:8]}"
        with self.begin() as connection:
            found = [one.id for one in admin.list_accounts(connection) if one.name == name]
            account_id = found[0] if found else admin.add_account(connection, name)
            context = admin.add_store(connection, account_id, code, "Test store", settings)
            password = admin.add_user(connection, context, user, limited_to)
        return StoreLogin(context, user, password)

    def user(self, store: StoreLogin, name: str, limited_to: str | None = None) -> StoreLogin:
        """Another user of the store."""
        with self.begin() as connection:
            password = admin.add_user(connection, store.context, name, limited_to)
        return StoreLogin(store.context, name, password)


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(store_engine.libpq_url(url))
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


@pytest.fixture(scope="module")
def module_database(server: Callable[[str], str], template: str) -> Iterator[str]:
    """A fresh, migrated database for the tests of one module."""
    name = f"module_{os.getpid()}_{next(_numbers)}"
    _execute(server("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server(name)
    _execute(server("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="module")
def running_service(module_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    running = Service(module_database, tmp_path_factory.mktemp("service")).start()
    yield running
    running.stop()


@pytest.fixture
def service(running_service: Service) -> Iterator[Service]:
    """The module's service, with the store of this process on its database."""
    store_engine.configure(running_service.database)
    yield running_service
    store_engine.forget()


@pytest.fixture
def start_service(module_database: str, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """`start_service(max_items=5)`: another server on the module's database, with these settings."""
    running: list[Service] = []
    store_engine.configure(module_database)

    def start(**settings: Any) -> Service:
        running.append(Service(module_database, tmp_path, **settings).start())
        return running[-1]

    yield start
    for one in running:
        one.stop()
    store_engine.forget()
