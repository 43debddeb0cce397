"""The contract that every connector passes, on a simulated shop that holds each request against Shopify's schema."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.connectors.shopify.simulator import ShopifyShop
from tests.connectors.suite import ConnectorContract


class TestShopify(ConnectorContract):
    @pytest.fixture
    def shop(self, engine: Engine, specs: Path) -> Iterator[ShopifyShop]:
        shop = ShopifyShop(specs)
        yield shop
        shop.close()
