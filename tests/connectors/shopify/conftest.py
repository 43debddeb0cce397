"""A shop, and the connector on it without the core around."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import Channel
from integrator.connectors.http import Attempt
from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    ListingPush,
    Price,
    Stock,
)
from integrator.connectors.shopify import CONNECTOR
from integrator.connectors.shopify.connector import ShopifyConnector
from integrator.connectors.shopify.settings import ShopifyCredentials, ShopifySettings
from tests.connectors.shopify.simulator import Features, ShopifyShop

D = Decimal
_ids = itertools.count(1)


class Clock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waited = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.waited += seconds


class Kept:
    """What a channel keeps, without a database."""

    def __init__(self, credentials: ShopifyCredentials) -> None:
        self.stored = credentials
        self.memory: dict[str, Any] = {}
        self.saved: list[dict[str, Any]] = []

    def credentials(self) -> ShopifyCredentials:
        return self.stored

    def save_credentials(self, changed: Mapping[str, Any]) -> None:
        self.saved.append(dict(changed))
        known = {name: getattr(self.stored, name) for name in ShopifyCredentials.model_fields}
        self.stored = ShopifyCredentials.model_validate({**known, **changed})

    def remember(self, memory: Mapping[str, Any]) -> None:
        self.memory = dict(memory)


class Bench:
    """A shop and connectors to it; `attempts` is what was asked."""

    def __init__(self, shop: ShopifyShop, clock: Clock | None = None) -> None:
        self.shop = shop
        self.state = shop.state
        self.clock = clock
        self.attempts: list[Attempt] = []
        self.open: list[ShopifyConnector] = []
        self.kept = Kept(ShopifyCredentials(**shop.credentials()))

    def channel(self, **settings: Any) -> Channel:
        return Channel(
            id=7,
            name="Test",
            credentials=self.kept.stored,
            settings=ShopifySettings(**settings),
            public_url="https://integrator.invalid",
            account_id=3,
            memory=self.kept.memory,
            keeper=self.kept,
        )

    def connector(self, **settings: Any) -> ShopifyConnector:
        """A new one, as each job has: nothing of an earlier one is known to it but what was kept."""
        made = CONNECTOR(self.channel(**settings), self.attempts.append)
        if self.clock is not None:
            made.client.clock, made.client.sleep = self.clock, self.clock.sleep
        self.open.append(made)
        return made

    def calls(self) -> list[str]:
        """The operations since the last time, in their order."""
        found, self.state.requests[:] = list(self.state.requests), []
        return found


Build = Callable[..., Bench]


@pytest.fixture
def build(specs: Path) -> Iterator[Build]:
    """`build(clock=..., **features)`"""
    made: list[Bench] = []

    def start(clock: Clock | None = None, **features: Any) -> Bench:
        server = {"clock": clock} if clock else {}
        made.append(Bench(ShopifyShop(specs, Features(**features), **server), clock))
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
    sale = {name: given.pop(name) for name in ("sale_price", "sale_start", "sale_end") if name in given}
    own = {name: given.pop(name) for name in ("remote", "sent", "fields", "wanted", "by_location") if name in given}
    return ListingPush(
        product_id=given.pop("product_id", None) or next(_ids),
        item_id=item_id,
        wanted=own.get("wanted", 1),
        remote=own.get("remote", {}),
        content=Content(name=given.pop("name", f"Item {item_id}"), **given),
        price=Price(D(price), **sale),
        stock=Stock(D(quantity), own.get("by_location", {})),
        fields=own.get("fields", CONTENT_FIELDS if new else frozenset()),
        sent=own.get("sent"),
    )
