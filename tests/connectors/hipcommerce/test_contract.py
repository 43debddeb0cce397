"""The contract that every connector passes, on the reference server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.connectors.hipcommerce.simulator import HipShop
from tests.connectors.suite import ConnectorContract


class TestHipCommerce(ConnectorContract):
    @pytest.fixture
    def shop(self, engine: Engine) -> Iterator[HipShop]:
        shop = HipShop()
        yield shop
        shop.close()
