"""A store, and the connector on it without the core around."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import Channel
from integrator.connectors.bigcommerce import CONNECTOR
from integrator.connectors.bigcommerce.connector import BigCommerceConnector
from integrator.connectors.bigcommerce.settings import BigCredentials, BigSettings
from integrator.connectors.http import Attempt
from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    ListingPush,
    Price,
    Stock,
)
from integrator.settings import settings
from tests.connectors.bigcommerce.simulator import BigShop, Features

D = Decimal
_ids = itertools.count(1)


@pytest.fixture(autouse=True)
def https_address(service_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """BigCommerce delivers webhooks over https only."""
    monkeypatch.setenv("INTEGRATOR_PUBLIC_URL", "https://integrator.invalid")
    settings.cache_clear()


class Bench:
    """A store and connectors to it; `attempts` is what was asked."""

    def __init__(self, shop: BigShop) -> None:
        self.shop = shop
        self.state = shop.state
        self.attempts: list[Attempt] = []
        self.open: list[BigCommerceConnector] = []

    def channel(self, **given: Any) -> Channel:
        credentials = {**self.shop.credentials(), **given.pop("credentials", {})}
        return Channel(
            id=7,
            name="Test",
            credentials=BigCredentials(**credentials),
            settings=BigSettings(**given),
            public_url="https://integrator.invalid",
            account_id=3,
        )

    def connector(self, **given: Any) -> BigCommerceConnector:
        """A new one, as each job has."""
        made = CONNECTOR(self.channel(**given), self.attempts.append)
        self.open.append(made)
        return made

    def calls(self) -> list[str]:
        """The requests since the last time, as "PUT /v3/catalog/variants"."""
        found, self.state.requests[:] = list(self.state.requests), []
        return found


Build = Callable[..., Bench]


@pytest.fixture
def build(specs: Path) -> Iterator[Build]:
    """`build(**features)`"""
    made: list[Bench] = []

    def start(**features: Any) -> Bench:
        made.append(Bench(BigShop(specs, Features(**{"quota": 100_000, **features}))))
        return made[-1]

    yield start
    for one in made:
        for connector in one.open:
            connector.close()
        one.shop.close()


@pytest.fixture
def bench(build: Build) -> Bench:
    return build()


def push(item_id: str, *, price: str = "10", quantity: int = 1, new: bool = True, **given: Any) -> ListingPush:
    """A listing on its way. `remote`, `sent`, `fields`, `sale_price`... as ListingPush, Price and Content have them."""
    asked = {name: given.pop(name) for name in ("sale_price", "msrp", "tiers") if name in given}
    own = {name: given.pop(name) for name in ("remote", "sent", "fields") if name in given}
    places = given.pop("by_location", {})
    return ListingPush(
        product_id=given.pop("product_id", None) or next(_ids),
        item_id=item_id,
        wanted=1,
        remote=own.get("remote", {}),
        content=Content(name=given.pop("name", f"Item {item_id}"), **given),
        price=Price(D(price), **asked),
        stock=Stock(D(quantity), places),
        fields=own.get("fields", CONTENT_FIELDS if new else frozenset()),
        sent=own.get("sent"),
    )
