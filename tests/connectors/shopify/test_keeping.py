"""What outlives a job, with the whole core and its database: renewed tokens, the quota, items that wait for a day."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.accounts import channels
from integrator.connectors.shopify.client import next_day
from integrator.connectors.shopify.settings import ShopifyCredentials
from integrator.store.engine import begin
from tests.connectors.scene import Scene, product
from tests.connectors.shopify.simulator import Features, ShopifyShop


class AppShop(ShopifyShop):
    """One whose app uses the client credentials grant, or expiring tokens."""

    offline: tuple[str, str] | None = None

    def credentials(self) -> dict[str, Any]:
        tokens = self.simulator.tokens
        app = {"shop": self.url, "client_id": tokens.client_id, "client_secret": tokens.client_secret}
        if self.offline is not None:
            app |= {"access_token": self.offline[0], "refresh_token": self.offline[1]}
        return app


@pytest.fixture
def shop(engine: Engine, specs: Path) -> Iterator[AppShop]:
    shop = AppShop(specs, Features())
    yield shop
    shop.close()


def stored(scene: Scene) -> ShopifyCredentials:
    found = channels.credentials(scene.channel())
    assert isinstance(found, ShopifyCredentials)
    return found


def test_one_token_serves_many_jobs(shop: AppShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Quantity=3))
    scene.sync()
    scene.stock(A=4)
    scene.sync()
    assert shop.simulator.tokens.issued == 1
    found = stored(scene)
    assert found.issued_token is not None
    assert found.renew_at is not None
    assert found.renew_at > datetime.now(UTC) + timedelta(hours=18)
    with begin() as connection:
        raw = connection.execute(sa.text("SELECT credentials FROM channels")).scalar_one()
    assert found.issued_token.get_secret_value().encode() not in bytes(raw)


def test_a_refreshed_pair_is_stored_and_used_by_the_next_job(shop: AppShop) -> None:
    shop.offline = shop.simulator.tokens.offline()
    scene = Scene(shop)
    scene.products(product("A", Quantity=3))
    scene.sync()
    found = stored(scene)
    assert found.refresh_token is not None
    assert found.refresh_token.get_secret_value() != shop.offline[1]
    scene.stock(A=4)
    scene.sync()
    assert shop.simulator.tokens.issued == 1
    assert scene.shown("A").quantity == 4


def test_the_quota_is_known_to_the_next_job(shop: AppShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Quantity=3))
    scene.sync()
    budget = scene.channel().memory["budget"]
    assert budget["restore"] == shop.state.features.restore
    assert "stock:1" not in budget["costs"]  # the creation carried it
    assert any(name.startswith("product_set") for name in budget["costs"])


def test_new_variants_wait_for_the_day_and_nothing_else_does(shop: AppShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Quantity=3))
    scene.sync()
    shop.state.features.variants_left_today = 0
    scene.products(product("B", Quantity=1))
    scene.stock(A=9)
    scene.drain()
    assert scene.shown("A").quantity == 9
    assert "B" not in shop.products()
    assert scene.channel().state == "active"
    assert scene.channel().paused_until is None
    with begin() as connection:
        due = connection.execute(
            sa.text(
                "SELECT l.due_at FROM lanes l JOIN products p ON p.id = l.product_id"
                " WHERE p.item_id = 'B' AND l.lane = 'content'"
            )
        ).scalar_one()
    assert abs(due - next_day(datetime.now(UTC))) < timedelta(minutes=1)
