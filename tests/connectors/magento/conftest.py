"""A shop of each version, and the connector on it without the core around."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import Channel
from integrator.connectors.http import Attempt
from integrator.connectors.magento import CONNECTOR, bulk, client
from integrator.connectors.magento.connector import MagentoConnector
from integrator.connectors.magento.settings import MagentoCredentials, MagentoSettings
from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    ListingPush,
    Price,
    PushResult,
    Stock,
)
from tests.connectors.magento.simulator import VERSIONS, Features, MagentoShop
from tests.connectors.pushing import accepted, alone

D = Decimal
NEWEST = VERSIONS[-1]
_ids = itertools.count(1)


@pytest.fixture(autouse=True)
def nothing_learnt() -> None:
    """Ports are used again, and what was learnt of the shop before is not true of this one."""
    bulk.HEALTH.clear()
    client.LEARNT.clear()


class Bench:
    """A shop and connectors to it; `attempts` is what was asked."""

    def __init__(self, shop: MagentoShop) -> None:
        self.shop = shop
        self.state = shop.state
        self.attempts: list[Attempt] = []
        self.open: list[MagentoConnector] = []

    def connector(self, credentials: dict[str, Any] | None = None, **settings: Any) -> MagentoConnector:
        """A new one, as each job has: nothing of an earlier one is known to it."""
        channel = Channel(
            id=7,
            name="Test",
            credentials=MagentoCredentials(**(credentials or self.shop.credentials())),
            settings=MagentoSettings(**{**self.shop.settings(), **settings}),
            account_id=3,
        )
        made = CONNECTOR(channel, self.attempts.append)
        self.open.append(made)
        return made

    def calls(self) -> list[str]:
        """The requests since the last time, as "POST /V1/products"."""
        found, self.state.requests[:] = list(self.state.requests), []
        return found

    def made(self, *listings: ListingPush, **settings: Any) -> list[ListingPush]:
        """The listings as they are at their next push, once the shop has them."""
        results = accepted(self.connector(**settings).push_content(alone(*listings)))
        self.calls()
        return [after(one, result) for one, result in zip(listings, results, strict=True)]


Build = Callable[..., Bench]


@pytest.fixture
def build(specs: Path) -> Iterator[Build]:
    """`build(version, **features)`"""
    made: list[Bench] = []

    def start(version: str = NEWEST, **features: Any) -> Bench:
        made.append(Bench(MagentoShop(specs, version, Features(**features))))
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
    names = ("sale_price", "sale_start", "sale_end", "tiers", "msrp")
    prices = {name: given.pop(name) for name in names if name in given}
    own = {name: given.pop(name) for name in ("remote", "sent", "fields") if name in given}
    return ListingPush(
        product_id=given.pop("product_id", None) or next(_ids),
        item_id=item_id,
        wanted=1,
        remote=own.get("remote", {}),
        content=Content(name=given.pop("name", f"Item {item_id}"), **given),
        price=Price(D(price), **prices),
        stock=Stock(D(quantity)),
        fields=own.get("fields", CONTENT_FIELDS if new else frozenset()),
        sent=own.get("sent"),
    )


def after(one: ListingPush, result: PushResult, **given: Any) -> ListingPush:
    """The same listing at its next push, with what the first one gave to remember."""
    kept = {"remote": {**one.remote, **result.remote}, "sent": dict(result.sent or {}), "fields": frozenset[str]()}
    return replace(one, **{**kept, **given})
