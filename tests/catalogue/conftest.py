"""A store with one channel, and the three calls as a POS makes them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from integrator.accounts.context import StoreContext
from integrator.catalogue.intake import update_inventory, update_pricing, update_products
from integrator.codes import ItemResult
from integrator.rows import Row
from integrator.store import tables as t
from tests.support import seed


@dataclass
class Pos:
    """A POS on one connection. Each call answers with its results; `said` is one word for each of them."""

    connection: Connection
    store: StoreContext
    channel: int
    results: list[ItemResult] | None = None

    def _call(self, function: Callable[..., list[ItemResult]], items: tuple[Row, ...]) -> list[str]:
        self.results = function(self.connection, self.store, seed.rows(*items), uuid.uuid4())
        assert [one.index for one in self.results] == list(range(len(items)))
        return seed.codes(self.results)

    def products(self, *items: Row) -> list[str]:
        return self._call(update_products, items)

    def inventory(self, *items: Row) -> list[str]:
        return self._call(update_inventory, items)

    def pricing(self, *items: Row) -> list[str]:
        return self._call(update_pricing, items)

    def problem(self, index: int = 0) -> tuple[str, str]:
        """(code, field) of an item that failed; its message and hint must be there."""
        assert self.results is not None
        found = self.results[index].problem
        assert found is not None
        assert found.message
        assert found.hint
        return str(found.code), found.field

    def settle(self) -> None:
        seed.settle(self.connection, self.store)

    def pending(self) -> set[tuple[str, str]]:
        return seed.pending(self.connection, self.store)

    def stored(self, table: sa.Table, item_id: str) -> Any:
        """The row of an aspect."""
        product = (
            self.connection.execute(
                sa.select(t.products).where(
                    t.products.c.account_id == self.store.account_id,
                    t.products.c.store_id == self.store.store_id,
                    t.products.c.item_id == item_id,
                )
            )
        ).one()
        if table is t.products:
            return product
        return self.connection.execute(sa.select(table).where(table.c.product_id == product.id)).one()


def new_pos(connection: Connection, **settings: Any) -> Pos:
    store = seed.seed_store(connection, **settings)
    return Pos(connection, store, seed.seed_channel(connection, store))


@pytest.fixture
def pos(engine: Engine) -> Iterator[Pos]:
    with engine.begin() as connection:
        yield new_pos(connection)
