"""The contract that every connector passes, on a store that holds each request against BigCommerce's documents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.connectors.bigcommerce.simulator import BigShop
from tests.connectors.suite import ConnectorContract


class TestBigCommerce(ConnectorContract):
    @pytest.fixture
    def shop(self, engine: Engine, specs: Path) -> Iterator[BigShop]:
        shop = BigShop(specs)
        yield shop
        shop.close()
