"""The contract that every connector passes, on shops of two versions, with and without what a shop may lack."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.connectors.magento.simulator import Features, MagentoShop
from tests.connectors.suite import ConnectorContract

SHOPS = {
    "2.4.7 with sources": ("2.4.7", Features()),
    "2.4.7 without sources, with input limits, without consumers": (
        "2.4.7", Features(msi=False, consumers=False, list_limit=20, page_limit=50),
    ),
    "2.4.9 Adobe Commerce, as a bearer": ("2.4.9", Features(commerce=True, bearer=True)),
}  # fmt: skip


class TestMagento(ConnectorContract):
    @pytest.fixture(params=SHOPS)
    def shop(self, request: pytest.FixtureRequest, engine: Engine, specs: Path) -> Iterator[MagentoShop]:
        version, features = SHOPS[request.param]
        shop = MagentoShop(specs, version, features)
        yield shop
        shop.close()
