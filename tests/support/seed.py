"""Rows that tests start from, written straight into the tables: no password, no credentials worth having.

store = seed_store(connection)
channel = seed_channel(connection, store)
ids = seed_products(connection, store, [product("A", Name="Mug", Price="9.90", Quantity=3)])
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert, select

from integrator.accounts.channels import ChannelRecord, load_channel
from integrator.accounts.context import StoreContext
from integrator.accounts.settings import StoreSettings
from integrator.codes import ItemResult
from integrator.connectors.base import Capabilities, ChannelSettings
from integrator.rows import Row
from integrator.store import tables as t

_numbers = itertools.count(1)

CAPABILITIES = Capabilities(
    content_batch=50, price_batch=100, stock_batch=100, sale_windows=True, locations=False, drafts=True
)

DECIMALS = {
    "Price", "Msrp", "Cost", "SalePrice", "Quantity", "Weight", "Length", "Width", "Height", "MinimumQuantity",
}  # fmt: skip
TIMES = {"SaleStart", "SaleEnd", "LastModified"}


def seed_store(
    connection: Connection, *, account_id: int | None = None, code: str | None = None, **settings: Any
) -> StoreContext:
    """An account (unless one is given) with a store; `settings` are StoreSettings."""
    number = next(_numbers)
    chosen = StoreSettings(**settings)
    if account_id is None:
        account_id = connection.execute(
            insert(t.accounts).values(name=f"Account {number} {uuid.uuid4().hex[:6]}").returning(t.accounts.c.id)
        ).scalar_one()
    code = code or f"store-{number}-{uuid.uuid4().hex[:6]}"
    store_id = connection.execute(
        insert(t.stores)
        .values(account_id=account_id, code=code, name=f"Store {number}", settings=chosen.model_dump(mode="json"))
        .returning(t.stores.c.id)
    ).scalar_one()
    return StoreContext(account_id, store_id, code, chosen, user_name="test")


def seed_channel(
    connection: Connection,
    store: StoreContext,
    platform: str = "sandbox",
    *,
    name: str | None = None,
    credentials: bytes = b"none",
    settings: Mapping[str, Any] | None = None,
) -> int:
    """A channel of the store without anything listed on it; its credentials open nothing."""
    number: int = connection.execute(
        insert(t.channels)
        .values(
            account_id=store.account_id, store_id=store.store_id, platform=platform, credentials=credentials,
            name=name or f"Channel {next(_numbers)} {uuid.uuid4().hex[:6]}", settings=dict(settings or {}),
        )
        .returning(t.channels.c.id)
    ).scalar_one()  # fmt: skip
    return number


def channel_record(
    connection: Connection,
    store: StoreContext,
    channel_id: int,
    *,
    settings: ChannelSettings | None = None,
    **capabilities: Any,
) -> ChannelRecord:
    """The channel as it is loaded, with settings and capabilities of the test's choice."""
    return replace(
        load_channel(connection, store.account_id, channel_id),
        settings=settings or ChannelSettings(),
        capabilities=replace(CAPABILITIES, **capabilities),
    )


def seed_location(
    connection: Connection, store: StoreContext, code: str, *, position: int = 1, enabled: bool = True
) -> None:
    connection.execute(
        insert(t.locations).values(
            account_id=store.account_id, store_id=store.store_id, code=code, position=position, enabled=enabled
        )
    )


def _typed(values: Mapping[str, Any]) -> dict[str, Any]:
    typed: dict[str, Any] = {}
    for name, value in values.items():
        if name in DECIMALS and isinstance(value, int | str) and value != "":
            typed[name] = Decimal(value)
        elif name in TIMES and isinstance(value, str) and value:
            typed[name] = datetime.fromisoformat(value).astimezone(UTC)
        elif isinstance(value, list):
            typed[name] = [_typed(one) if isinstance(one, Mapping) else one for one in value]
        else:
            typed[name] = value
    return typed


def midnight(day: int) -> str:
    """Of a day in November 2026, in UTC."""
    return f"2026-11-{day:02}T00:00:00+00:00"


def row(item_id: str | None = None, *, index: int = 0, **values: Any) -> Row:
    """A Row as the contract hands it over: numbers and times may be given as text."""
    named = {} if item_id is None else {"ItemIntegrationId": item_id}
    return Row(index, _typed({**named, **values}))


def rows(*items: Row) -> list[Row]:
    """The rows of one call, numbered."""
    for index, one in enumerate(items):
        one.index = index
    return list(items)


def product(item_id: str, *, index: int = 0, **values: Any) -> Row:
    """A row that creates a product: a name and a price unless given."""
    return row(item_id, index=index, **{"Name": f"Product {item_id}", "Price": "10", **values})


def variant(item_id: str, style: str, *, index: int = 0, options: Mapping[str, str], **values: Any) -> Row:
    """A row that creates a variant of a style."""
    axes = [{"Name": name, "Value": value} for name, value in options.items()]
    return product(item_id, index=index, StyleId=style, Options=axes, **values)


def seed_products(connection: Connection, store: StoreContext, items: Iterable[Row]) -> dict[str, int]:
    """Through the intake, as a POS would; the product ids by item id. Listed on every channel of the store."""
    from integrator.catalogue.intake import update_products

    failed = [r for r in update_products(connection, store, rows(*items), uuid.uuid4()) if not r.success]
    assert not failed, failed
    return product_ids(connection, store)


def product_ids(connection: Connection, store: StoreContext) -> dict[str, int]:
    found = connection.execute(
        select(t.products.c.item_id, t.products.c.id).where(
            t.products.c.account_id == store.account_id, t.products.c.store_id == store.store_id
        )
    )
    return {one.item_id: one.id for one in found}


def link(connection: Connection, store: StoreContext, channel_id: int, product_id: int, **remote: str) -> None:
    """The shop has the product under these ids."""
    connection.execute(
        t.listings.update()
        .where(
            t.listings.c.account_id == store.account_id,
            t.listings.c.channel_id == channel_id,
            t.listings.c.product_id == product_id,
        )
        .values(remote=remote, state="linked", linked_at=datetime.now(UTC))
    )


def settle(connection: Connection, store: StoreContext) -> None:
    """Everything wanted was accepted: no lane is pending."""
    connection.execute(
        t.lanes.update()
        .where(t.lanes.c.account_id == store.account_id)
        .values(pending=False, failed=False, accepted_at=datetime.now(UTC))
    )


def pending(connection: Connection, store: StoreContext) -> set[tuple[str, str]]:
    """(item id, lane) of what is wanted and not yet accepted, on any channel."""
    found = connection.execute(
        select(t.products.c.item_id, t.lanes.c.lane)
        .join(
            t.lanes,
            (t.lanes.c.account_id == t.products.c.account_id) & (t.lanes.c.product_id == t.products.c.id),
        )
        .where(t.products.c.account_id == store.account_id, t.products.c.store_id == store.store_id, t.lanes.c.pending)
    )
    return {(item_id, lane) for item_id, lane in found}


def codes(results: Iterable[ItemResult]) -> list[str]:
    """What happened, one word an item: its action, or the code of its problem."""
    return [str(one.problem.code) if one.problem else str(one.action) for one in results]
