from __future__ import annotations

import pytest
from sqlalchemy import Engine

from tests.orders.samples import World, make_world


@pytest.fixture
def world(engine: Engine) -> World:
    """A store with the items A, B and C, and one shop."""
    return make_world("A", "B", "C")
