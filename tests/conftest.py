"""One real PostgreSQL for the whole run, one fresh database for every test that asks for it.

TEST_DATABASE_URL names a server to use instead of the embedded one (its user must be able to create
databases).
"""

from __future__ import annotations

import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from sqlalchemy import Engine, make_url

from integrator.settings import settings
from integrator.store import engine as store_engine
from integrator.store import migrate
from integrator.store.embedded import Embedded
from tests.support.service import module_database, running_service, service, start_service  # noqa: F401 - fixtures

_numbers = itertools.count(1)


@pytest.fixture(scope="session", autouse=True)
def own_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads the settings, the database or the key of the machine that it runs on."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("INTEGRATOR_") or name == "DATABASE_URL"]:
            if name != "INTEGRATOR_SPECS":
                patch.delenv(name)
        patch.setenv("INTEGRATOR_DATA_DIR", str(tmp_path_factory.mktemp("data")))
        settings.cache_clear()
        yield
        settings.cache_clear()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], str]]:
    """`server(name)` is the URL of a database of that name; making it is the caller's work."""
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield lambda name: make_url(given).set(database=name).render_as_string(hide_password=False)
        return
    embedded = Embedded(tmp_path_factory.mktemp("postgresql")).start()
    try:
        yield embedded.url
    finally:
        embedded.remove()


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(store_engine.libpq_url(url))
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


@pytest.fixture(scope="session")
def template(server: Callable[[str], str]) -> Iterator[str]:
    """The name of a migrated database that the fresh ones are copied from."""
    name = f"template_{uuid.uuid4().hex[:8]}"
    _execute(server("postgres"), f"CREATE DATABASE {name}")
    migrate.upgrade(server(name))
    yield name
    _execute(server("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(server: Callable[[str], str], template: str) -> Iterator[str]:
    """The URL of a fresh, migrated database."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    _execute(server("postgres"), f"CREATE DATABASE {name} TEMPLATE {template}")
    yield server(name)
    _execute(server("postgres"), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def engine(database: str) -> Iterator[Engine]:
    """The store of this process, on a fresh database."""
    yield store_engine.configure(database)
    store_engine.engine().dispose()


@pytest.fixture
def specs() -> Path:
    """The platforms' own contracts, which are not part of the repository."""
    folder = Path(os.environ.get("INTEGRATOR_SPECS", Path(__file__).parents[2] / "shared" / "specs"))
    if not folder.exists():
        reason = f"the platforms' contracts are not at {folder} (INTEGRATOR_SPECS names another folder)"
        pytest.fail(reason) if os.environ.get("REQUIRE_ALL") else pytest.skip(reason)
    return folder
