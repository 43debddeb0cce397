from __future__ import annotations

import uuid

from sqlalchemy import Engine

from integrator.catalogue.intake import update_inventory, update_pricing, update_products
from tests.support.seed import codes, pending, product, row, rows, seed_channel, seed_store, settle


def test_smoke(engine: Engine) -> None:
    with engine.begin() as c:
        store = seed_store(c)
        seed_channel(c, store)
        r = update_products(c, store, rows(product("A", Quantity=3), product("B")), uuid.uuid4())
        assert codes(r) == ["Created", "Created"]
        settle(c, store)
        r = update_products(c, store, rows(product("A", Quantity=3), product("B")), uuid.uuid4())
        assert codes(r) == ["Unchanged", "Unchanged"]
        assert pending(c, store) == set()
        r = update_inventory(c, store, rows(row("A", Quantity=4), row("C", Quantity=1)), uuid.uuid4())
        assert codes(r) == ["Updated", "ITEM_NOT_FOUND"]
        assert pending(c, store) == {("A", "stock")}
        r = update_pricing(c, store, rows(row("A", SalePrice="4"), row("B", Cost="1")), uuid.uuid4())
        assert codes(r) == ["Updated", "Updated"]
        assert pending(c, store) == {("A", "stock"), ("A", "price")}
