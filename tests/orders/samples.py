"""Orders as a connector hands them up, and a world to put them into."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts import admin
from integrator.accounts.channels import ChannelRecord
from integrator.accounts.context import StoreContext
from integrator.accounts.settings import StoreSettings
from integrator.connectors.base import Capabilities, ChannelSettings
from integrator.connectors.records import (
    Address,
    Capture,
    Customer,
    Order,
    OrderLine,
    PulledOrder,
    Transaction,
    TransactionLine,
)
from integrator.orders import deliveries, ingest, shipments
from integrator.rows import Row
from integrator.store.engine import begin
from integrator.store.tables import channels

D = Decimal
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CAPABILITIES = Capabilities(
    content_batch=10, price_batch=10, stock_batch=10, sale_windows=True, locations=False, drafts=True
)


def line(line_id: str, sku: str, quantity: int | str = 1, price: str = "10.00", **more: Any) -> OrderLine:
    units = D(quantity)
    values: dict[str, Any] = {
        "line_id": line_id, "sku": sku, "name": f"The {sku}", "quantity_ordered": units, "unit_price": D(price),
        "line_total": units * D(price),
    }  # fmt: skip
    return OrderLine(**{**values, **more})


def order(remote_id: str = "1001", lines: Sequence[OrderLine] = (), **more: Any) -> Order:
    lines = tuple(lines) or (line("1", "A"),)
    total = sum((one.line_total for one in lines), D(0))
    values: dict[str, Any] = {
        "remote_id": remote_id, "order_number": f"#{remote_id}", "order_date": NOON, "modified_at": NOON,
        "status": "processing", "payment_status": "Paid", "currency": "EUR", "lines": lines,
        "customer": Customer(email="ada@example.com", first_name="Ada", last_name="Lovelace"),
        "billing_address": Address(email="ada@example.com"), "shipping_address": Address(city="London"),
        "subtotal": total, "grand_total": total,
    }  # fmt: skip
    return Order(**{**values, **more})


def pulled(remote_id: str = "1001", lines: Sequence[OrderLine] = (), **more: Any) -> PulledOrder:
    events = {name: more.pop(name) for name in ("transactions", "captures", "admitted") if name in more}
    return PulledOrder(order(remote_id, lines, **more), **events)


def edited(one: PulledOrder, *, later: int = 1, **more: Any) -> PulledOrder:
    """The same order, changed `later` seconds after."""
    events = {name: more.pop(name) for name in ("transactions", "captures", "admitted") if name in more}
    moved = one.order.modified_at + timedelta(seconds=later)
    return replace(one, order=replace(one.order, modified_at=moved, **more), **events)


def event(key: str, lines: dict[str, int | str], *, type: str = "Sale", minutes: int = 10, **more: Any) -> Transaction:
    made = tuple(TransactionLine(line_id, D(units), line_total=D(units) * 10) for line_id, units in lines.items())
    values: dict[str, Any] = {
        "key": key, "type": type, "transaction_number": key.upper(), "currency": "EUR", "lines": made,
        "transaction_date": NOON + timedelta(minutes=minutes), "remote_id": key.rpartition("-")[2],
        "grand_total": sum((one.line_total for one in made), D(0)),
    }  # fmt: skip
    return Transaction(**{**values, **more})


def sale(number: int, lines: dict[str, int | str], **more: Any) -> Transaction:
    return event(f"shipment-{number}", lines, minutes=more.pop("minutes", number), **more)


def refund(number: int, lines: dict[str, int | str], **more: Any) -> Transaction:
    return event(f"refund-{number}", lines, type="Return", minutes=more.pop("minutes", number + 100), **more)


def payment(number: int, amount: str = "10.00", type: str = "Capture") -> Capture:
    return Capture(f"capture-{number}", type, NOON, D(amount), "EUR", "card", f"ref-{number}", "Visa", "4242")


@dataclass
class World:
    """One store with one channel; every verb is one transaction of its own."""

    store: StoreContext
    channel: ChannelRecord

    def with_settings(self, **settings: Any) -> World:
        """The same store, as it is after an operator changed its settings."""
        changed = StoreSettings.model_validate({**self.store.settings.model_dump(), **settings})
        store = replace(self.store, settings=changed)
        return World(store, replace(self.channel, store=store))

    def with_channel(self, **settings: Any) -> World:
        merged = ChannelSettings.model_validate({**self.channel.settings.model_dump(), **settings})
        return World(self.store, replace(self.channel, settings=merged))

    def ingest(self, *page: PulledOrder) -> ingest.IngestReport:
        with begin() as connection:
            return ingest.ingest(connection, self.channel, page)

    def new(self, kind: deliveries.Kind = "order", limit: int | None = None) -> list[dict[str, Any]]:
        with begin() as connection:
            return deliveries.get_new(connection, self.store, kind, limit)[0]

    def new_ids(self, kind: deliveries.Kind = "order") -> list[str]:
        return [one[f"{kind.capitalize()}Id"] for one in self.new(kind)]

    def confirm(self, *confirmations: dict[str, Any] | str, kind: deliveries.Kind = "order") -> list[Any]:
        rows = [Row(n, {"Id": one} if isinstance(one, str) else one) for n, one in enumerate(confirmations)]
        with begin() as connection:
            return deliveries.confirm(connection, self.store, kind, rows)

    def reject(self, public_id: str, message: str = "no such item", kind: deliveries.Kind = "order") -> Any:
        return self.confirm({"Id": public_id, "Success": False, "ErrorMessage": message}, kind=kind)[0]

    def ship(self, *sent: dict[str, Any]) -> list[Any]:
        with begin() as connection:
            return shipments.save_shipments(
                connection, self.store, [Row(n, one) for n, one in enumerate(sent)], uuid.uuid4()
            )

    def public(self, remote_id: str = "1001") -> str:
        return f"{self.channel.id}-{remote_id}"

    def rows(self, statement: str, **parameters: Any) -> list[dict[str, Any]]:
        with begin() as connection:
            return [dict(row) for row in connection.execute(sa.text(statement), parameters).mappings()]

    def lines(self, remote_id: str = "1001") -> dict[str, dict[str, Any]]:
        found = self.rows(
            "SELECT l.* FROM order_lines l JOIN orders o ON o.id = l.order_id WHERE o.public_id = :id",
            id=self.public(remote_id),
        )
        return {row["line_id"]: row for row in found}

    def allocated(self, remote_id: str = "1001") -> dict[str, int]:
        return {line_id: int(row["allocated"]) for line_id, row in self.lines(remote_id).items()}

    def count(self, *item_ids: str) -> None:
        """The POS sends its stock count of these items."""
        from integrator.catalogue.allocation import release

        with begin() as connection:
            products = connection.execute(
                sa.text("SELECT id FROM products WHERE store_id = :store AND item_id = ANY(:ids)"),
                {"store": self.store.store_id, "ids": list(item_ids)},
            ).scalars()
            release(connection, self.store.account_id, list(products))

    def issues(self, state: str = "open") -> list[dict[str, Any]]:
        return self.rows("SELECT * FROM issues WHERE state = :state ORDER BY id", state=state)

    def marked(self) -> list[str]:
        """Items whose stock lane wants a push."""
        found = self.rows(
            "SELECT p.item_id FROM lanes l JOIN products p ON p.id = l.product_id"
            " WHERE l.lane = 'stock' AND l.pending AND l.channel_id = :channel ORDER BY 1",
            channel=self.channel.id,
        )
        return [row["item_id"] for row in found]

    def settle(self) -> None:
        """All lanes as if everything had been pushed."""
        with begin() as connection:
            connection.execute(sa.text("UPDATE lanes SET pending = false"))


def add_channel(
    connection: Connection, store: StoreContext, name: str = "shop", platform: str = "sandbox"
) -> ChannelRecord:
    """A channel without a shop behind it: orders only need its number and its settings."""
    settings = ChannelSettings()
    number = connection.execute(
        channels.insert()
        .values(
            account_id=store.account_id, store_id=store.store_id, platform=platform, name=name, credentials=b"",
            settings=settings.model_dump(mode="json"),
        )
        .returning(channels.c.id)
    ).scalar_one()  # fmt: skip
    return ChannelRecord(
        id=number, account_id=store.account_id, store_id=store.store_id, store=store, platform=platform, name=name,
        settings=settings, capabilities=CAPABILITIES, state="active", state_reason="", failures=0, paused_until=None,
        progress={}, last_pull_at=None, last_success_at=None, created_at=NOON,
    )  # fmt: skip


def add_products(connection: Connection, channel: ChannelRecord, *item_ids: str) -> None:
    """Products of the store, listed on the channel as "product" p-<item>, nothing pending."""
    for item_id in item_ids:
        connection.execute(
            sa.text(
                """
                WITH p AS (INSERT INTO products (account_id, store_id, item_id) VALUES (:account, :store, :item)
                           RETURNING id),
                     s AS (INSERT INTO stocks (account_id, product_id) SELECT :account, id FROM p),
                     c AS (INSERT INTO prices (account_id, product_id, price) SELECT :account, id, 10 FROM p),
                     l AS (INSERT INTO listings (account_id, channel_id, product_id, remote, state)
                           SELECT :account, :channel, id,
                                  jsonb_build_object('product', CAST(:remote AS text), 'inventory', '9'), 'linked'
                             FROM p RETURNING product_id)
                SELECT 1
                """
            ),
            {"account": channel.account_id, "store": channel.store_id, "channel": channel.id, "item": item_id,
             "remote": f"p-{item_id}"},
        )  # fmt: skip
    connection.execute(
        sa.text(
            "INSERT INTO lanes (account_id, channel_id, lane, product_id, pending)"
            " SELECT account_id, channel_id, 'stock', product_id, false FROM listings ON CONFLICT DO NOTHING"
        )
    )


def make_world(*item_ids: str, code: str = "SHOP", **settings: Any) -> World:
    with begin() as connection:
        account = admin.add_account(connection, f"Account of {code}")
        store = admin.add_store(connection, account, code, code, settings)
        channel = add_channel(connection, store)
        add_products(connection, channel, *item_ids)
    return World(store, channel)
