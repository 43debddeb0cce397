"""The sandbox: the contract that every connector passes, and what only this shop does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.connectors.sandbox import SandboxShop
from tests.connectors.suite import ConnectorContract


class TestSandbox(ConnectorContract):
    @pytest.fixture
    def shop(self, engine: Engine) -> Iterator[SandboxShop]:
        shop = SandboxShop()
        yield shop
        shop.close()
