"""A store with a channel on the scripted platform, which is found like any other: as a package on
`integrator.connectors`'s path."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

import integrator.connectors
from integrator.accounts.channels import add_channel
from integrator.accounts.context import StoreContext
from integrator.catalogue import intake, marks
from integrator.connectors import registry
from integrator.connectors.records import Address, Customer, Order, OrderLine, PulledOrder
from integrator.rows import Row
from integrator.settings import settings
from integrator.store.engine import begin
from tests.support.seed import seed_store

PLATFORMS = str(Path(__file__).parent / "platforms")
if PLATFORMS not in integrator.connectors.__path__:
    integrator.connectors.__path__.append(PLATFORMS)
registry.platforms.cache_clear()

from integrator.connectors import scripted  # type: ignore[attr-defined]  # noqa: E402

_names = itertools.count(1)


@pytest.fixture(autouse=True)
def secret_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INTEGRATOR_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    yield
    settings.cache_clear()


def item(sku: str, quantity: int = 5, price: str = "9.90", **more: Any) -> Row:
    values = {"ItemIntegrationId": sku, "Name": f"Item {sku}", "Price": Decimal(price), "Quantity": Decimal(quantity)}
    return Row(0, {**values, **more})


@dataclass
class Stage:
    """A store, its channel, its shop, and the sentences that tests are made of."""

    store: StoreContext
    channel_id: int
    shop: Any

    @property
    def ids(self) -> tuple[int, int]:
        return self.store.account_id, self.channel_id

    def products(self, *rows: Row) -> None:
        with begin() as connection:
            results = intake.update_products(connection, self.store, _numbered(rows), uuid4())
        assert all(one.success for one in results), results

    def stock(self, **quantities: int) -> None:
        rows = [Row(0, {"ItemIntegrationId": sku, "Quantity": Decimal(n)}) for sku, n in quantities.items()]
        with begin() as connection:
            results = intake.update_inventory(connection, self.store, _numbered(rows), uuid4())
        assert all(one.success for one in results), results

    def price(self, sku: str, price: str, **more: Any) -> None:
        with begin() as connection:
            row = Row(0, {"ItemIntegrationId": sku, "Price": Decimal(price), **more})
            results = intake.update_pricing(connection, self.store, [row], uuid4())
        assert all(one.success for one in results), results

    def lanes(self, lane: str) -> dict[str, Any]:
        """Rows of a lane by SKU."""
        with begin() as connection:
            rows = connection.execute(
                text(
                    "SELECT p.item_id, l.*, r.remote, r.state AS listing_state FROM lanes l"
                    " JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
                    " JOIN listings r ON r.account_id = l.account_id AND r.channel_id = l.channel_id"
                    " AND r.product_id = l.product_id"
                    " WHERE l.account_id = :a AND l.channel_id = :c AND l.lane = :lane"
                ),
                {"a": self.store.account_id, "c": self.channel_id, "lane": lane},
            )
            return {row.item_id: row for row in rows}

    def issues(self, state: str = "open") -> list[Any]:
        with begin() as connection:
            return connection.execute(
                text("SELECT * FROM issues WHERE account_id = :a AND state = :s ORDER BY id"),
                {"a": self.store.account_id, "s": state},
            ).all()

    def channel(self) -> Any:
        with begin() as connection:
            return connection.execute(
                text("SELECT * FROM channels WHERE account_id = :a AND id = :c"),
                {"a": self.store.account_id, "c": self.channel_id},
            ).one()

    def unpause(self) -> None:
        """As if the pause, and the back-off of every item, were over."""
        with begin() as connection:
            connection.execute(
                text("UPDATE channels SET paused_until = NULL WHERE account_id = :a AND id = :c"),
                {"a": self.store.account_id, "c": self.channel_id},
            )
            connection.execute(
                text(
                    "UPDATE lanes SET due_at = now() WHERE account_id = :a AND channel_id = :c AND pending"
                    " AND due_at < now() + interval '1 day'"
                ),
                {"a": self.store.account_id, "c": self.channel_id},
            )

    def pulled(self, **values: Any) -> None:
        with begin() as connection:
            assignments = ", ".join(f"{name} = :{name}" for name in values)
            connection.execute(
                text(f"UPDATE channels SET {assignments} WHERE account_id = :a AND id = :c"),
                {"a": self.store.account_id, "c": self.channel_id, **values},
            )


def _numbered(rows: Any) -> list[Row]:
    return [Row(number, row.values) for number, row in enumerate(rows)]


def make_stage(**settings_: Any) -> Stage:
    name = f"shop-{next(_names)}-{uuid4().hex[:6]}"
    with begin() as connection:
        store = seed_store(connection)
        channel_id = add_channel(connection, store, "scripted", name, {"shop": name}, settings_)
        marks.list_all(connection, store.account_id, channel_id)
        connection.execute(
            text("UPDATE channels SET last_pull_at = now() WHERE id = :id"), {"id": channel_id}
        )  # the first stock push need not pull
    return Stage(store, channel_id, scripted.shop(name))


@pytest.fixture
def stage(engine: Engine) -> Stage:
    return make_stage()


def order(
    remote_id: str, lines: dict[str, int], *, at: datetime | None = None, status: str = "processing", **more: Any
) -> PulledOrder:
    at = at or datetime.now(UTC)
    return PulledOrder(
        Order(
            remote_id=remote_id, order_number=f"#{remote_id}", order_date=at, modified_at=at, status=status,
            payment_status="Paid", currency="EUR", customer=Customer(email="ada@example.com"),
            billing_address=Address(), shipping_address=Address(), grand_total=Decimal(sum(lines.values())),
            lines=tuple(
                OrderLine(str(n), sku, sku, Decimal(units), Decimal(1), Decimal(units))
                for n, (sku, units) in enumerate(lines.items(), 1)
            ),
            **more,
        )
    )  # fmt: skip
