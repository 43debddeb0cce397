from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, Engine

from integrator import settings as service
from integrator.accounts import admin
from integrator.accounts.context import StoreContext
from integrator.store.engine import begin


@pytest.fixture
def data_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data folder of the test's own, and no key from the environment."""
    monkeypatch.setenv("INTEGRATOR_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("INTEGRATOR_SECRET_KEY", raising=False)
    service.settings.cache_clear()
    yield tmp_path / "data"
    service.settings.cache_clear()


@pytest.fixture
def connection(engine: Engine, data_dir: Path) -> Iterator[Connection]:
    with begin() as connection:
        yield connection


@pytest.fixture
def store(connection: Connection) -> StoreContext:
    account = admin.add_account(connection, "Bergmann Shoes")
    return admin.add_store(connection, account, "BERG-1", "Main street", {"time_zone": "Europe/Berlin"})
