"""A shop of each version, and the connector on it without the core around."""

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
from integrator.connectors.woocommerce import CONNECTOR
from integrator.connectors.woocommerce.connector import WooCommerceConnector
from integrator.connectors.woocommerce.settings import WooCredentials, WooSettings
from tests.connectors.woocommerce.simulator import VERSIONS, Features, WooShop

D = Decimal
NEWEST = VERSIONS[-1]
_ids = itertools.count(1)


class Bench:
    """A shop and connectors to it; `attempts` is what was asked."""

    def __init__(self, shop: WooShop) -> None:
        self.shop = shop
        self.state = shop.state
        self.attempts: list[Attempt] = []
        self.open: list[WooCommerceConnector] = []
        self.memory: dict[str, Any] = {}

    def remember(self, memory: Mapping[str, Any]) -> None:
        """As the channel's keeper does."""
        self.memory = dict(memory)

    def channel(self, **settings: Any) -> Channel:
        return Channel(
            id=7,
            name="Test",
            credentials=WooCredentials(**self.shop.credentials()),
            settings=WooSettings(**settings),
            public_url="https://integrator.invalid",
            account_id=3,
            memory=self.memory,
            keeper=self,  # type: ignore[arg-type] # only what it learnt is kept here
        )

    def connector(self, **settings: Any) -> WooCommerceConnector:
        """A new one, as each job has: of an earlier one it knows what that left when it was closed."""
        made = CONNECTOR(self.channel(**settings), self.attempts.append)
        self.open.append(made)
        return made

    def calls(self) -> list[str]:
        """The requests since the last time, as "POST /wc/v3/products/batch"."""
        found, self.state.requests[:] = list(self.state.requests), []
        return found


Build = Callable[..., Bench]


@pytest.fixture
def build(specs: Path) -> Iterator[Build]:
    """`build(version, **features)`"""
    made: list[Bench] = []

    def start(version: str = NEWEST, **features: Any) -> Bench:
        made.append(Bench(WooShop(specs, version, Features(**features))))
        return made[-1]

    yield start
    for one in made:
        for connector in one.open:
            connector.close()
        one.shop.close()


@pytest.fixture
def bench(build: Build) -> Bench:
    return build()


@pytest.fixture(params=VERSIONS)
def each(request: pytest.FixtureRequest, build: Build) -> Bench:
    """The same test on every version."""
    return build(request.param)


def push(item_id: str, *, price: str = "10", quantity: int = 1, new: bool = True, **given: Any) -> ListingPush:
    """A listing on its way. `remote`, `sent`, `fields`, `sale`... as ListingPush and Content have them."""
    sale = {name: given.pop(name) for name in ("sale_price", "sale_start", "sale_end") if name in given}
    own = {name: given.pop(name) for name in ("remote", "sent", "fields") if name in given}
    return ListingPush(
        product_id=given.pop("product_id", None) or next(_ids),
        item_id=item_id,
        wanted=1,
        remote=own.get("remote", {}),
        content=Content(name=given.pop("name", f"Item {item_id}"), **given),
        price=Price(D(price), **sale),
        stock=Stock(D(quantity)),
        fields=own.get("fields", CONTENT_FIELDS if new else frozenset()),
        sent=own.get("sent"),
    )
