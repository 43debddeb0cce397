"""The contract that every connector passes, on three versions of WooCommerce, each with another way to ship."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.connectors.suite import ConnectorContract
from tests.connectors.woocommerce.simulator import Features, WooShop

SHOPS = {
    "8.3.1": Features(),  # shipments as notes
    "9.4.3": Features(tracking=True),  # with a tracking extension
    "11.0.1": Features(fulfilments=True),  # with the core's fulfilments
}


class TestWooCommerce(ConnectorContract):
    @pytest.fixture(params=SHOPS)
    def shop(self, request: pytest.FixtureRequest, engine: Engine, specs: Path) -> Iterator[WooShop]:
        shop = WooShop(specs, request.param, SHOPS[request.param])
        yield shop
        shop.close()
