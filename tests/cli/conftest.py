from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import Command


@pytest.fixture
def integrator(database: str, tmp_path: Path) -> Command:
    """The command on a fresh database, in a folder of its own."""
    return Command(tmp_path, database)


@pytest.fixture
def berg(integrator: Command) -> Command:
    """The same with an account and a store BERG-1."""
    integrator("account", "add", "Bergmann Shoes")
    integrator("store", "add", "Bergmann Shoes", "Main street", "--code", "BERG-1", "--time-zone", "Europe/Berlin")
    return integrator
