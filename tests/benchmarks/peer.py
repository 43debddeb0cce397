"""The obvious way, as the peer: Spyne reads and writes the messages, the SQLAlchemy ORM the rows, one by one.

It does less than the service (no journal, no checks, no versions, no location merge), and is served by the same
gunicorn with as many processes. Orders it writes as the contract's own types: the same elements with the same values.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from integrator.contract import compat
from integrator.contract.order_types import Order, OrdersResult
from integrator.store import tables as t
from tests.contract.native import builder
from tests.support.service import free_port

compat.install()

from spyne import Application, Array, ComplexModel, Decimal, Integer, ServiceBase, Unicode, rpc  # noqa: E402
from spyne.protocol.soap import Soap11  # noqa: E402
from spyne.server.wsgi import WsgiApplication  # noqa: E402
from sqlalchemy import create_engine, select  # noqa: E402
from sqlalchemy.orm import DeclarativeBase, Session  # noqa: E402

NS = "urn:integrator:v1"


class Base(DeclarativeBase):
    metadata = t.metadata


class Product(Base):
    __table__ = t.products


class Stock(Base):
    __table__ = t.stocks


class Price(Base):
    __table__ = t.prices


class Lane(Base):
    __table__ = t.lanes


class OrderRow(Base):
    __table__ = t.orders


class DeliveryRow(Base):
    __table__ = t.deliveries


class InventoryItem(ComplexModel):
    __namespace__ = NS
    ItemIntegrationId = Unicode
    Quantity = Decimal


class PricingItem(ComplexModel):
    __namespace__ = NS
    ItemIntegrationId = Unicode
    Price = Decimal


class POSProduct(ComplexModel):
    __namespace__ = NS
    ItemIntegrationId = Unicode
    Name = Unicode
    ShortDescription = Unicode
    LongDescription = Unicode
    Brand = Unicode
    Category = Unicode
    UPC = Unicode
    Price = Decimal
    Quantity = Decimal


ENGINE = create_engine(os.environ.get("BENCH_DATABASE", "postgresql+psycopg2://"))


def _pending(session: Session, account: int, product: int, lane: str) -> None:
    for row in session.scalars(
        select(Lane).where(Lane.account_id == account, Lane.product_id == product, Lane.lane == lane)
    ):
        row.pending, row.wanted = True, row.wanted + 1


def _each(account: int, items: list, change) -> int:  # type: ignore[no-untyped-def,type-arg]
    with Session(ENGINE) as session:
        for item in items:
            product = session.scalars(
                select(Product).where(Product.account_id == account, Product.item_id == item.ItemIntegrationId)
            ).one()
            _pending(session, account, product.id, change(session, product, item))
        session.commit()
    return len(items)


class Peer(ServiceBase):
    @rpc(Integer, Array(InventoryItem), _returns=Integer)
    def UpdateInventory(ctx, account, items):  # type: ignore[no-untyped-def]
        def change(session, product, item):  # type: ignore[no-untyped-def]
            session.get(Stock, (account, product.id)).quantity = item.Quantity
            return "stock"

        return _each(account, items, change)

    @rpc(Integer, Array(PricingItem), _returns=Integer)
    def UpdatePricing(ctx, account, items):  # type: ignore[no-untyped-def]
        def change(session, product, item):  # type: ignore[no-untyped-def]
            session.get(Price, (account, product.id)).price = item.Price
            return "price"

        return _each(account, items, change)

    @rpc(Integer, Array(POSProduct), _returns=Integer)
    def UpdatePOSProducts(ctx, account, items):  # type: ignore[no-untyped-def]
        def change(session, product, item):  # type: ignore[no-untyped-def]
            product.content = {
                name: getattr(item, name)
                for name in ("Name", "ShortDescription", "LongDescription", "Brand", "Category", "UPC")
            }
            return "content"

        return _each(account, items, change)

    @rpc(Integer, Integer, _returns=OrdersResult)
    def GetNewOrders(ctx, account, most):  # type: ignore[no-untyped-def]
        with Session(ENGINE) as session:
            found = session.scalars(
                select(OrderRow)
                .join(
                    DeliveryRow,
                    (DeliveryRow.account_id == OrderRow.account_id) & (DeliveryRow.record_id == OrderRow.id),
                )
                .where(OrderRow.account_id == account, DeliveryRow.state.in_(("open", "rejected")))
                .order_by(DeliveryRow.occurred_at)
                .limit(most)
            ).all()
            orders = [builder(Order)(one.document) for one in found]
        return OrdersResult(
            Success=True,
            CallId=str(uuid.uuid4()),
            MoreAvailable=False,
            Warnings=[f"Order {one.OrderNumber}: {warning}" for one in orders for warning in one.Warnings],
            Orders=orders,
        )


application = WsgiApplication(
    Application([Peer], tns=NS, in_protocol=Soap11(), out_protocol=Soap11()), max_content_length=1 << 30
)


@contextmanager
def serving(database: str) -> Iterator[str]:
    """The peer behind gunicorn; its URL."""
    from integrator.store.engine import sqlalchemy_url

    port = free_port()
    command = [
        sys.executable,
        "-m",
        "gunicorn",
        "--workers",
        str(os.cpu_count() or 2),
        "--bind",
        f"127.0.0.1:{port}",
        "--timeout",
        "900",
        "--log-level",
        "error",
        "--no-control-socket",
        "tests.benchmarks.peer:application",
    ]
    process = subprocess.Popen(command, env={**os.environ, "BENCH_DATABASE": sqlalchemy_url(database)})
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                if httpx.get(url + "/?wsdl", timeout=5).status_code == 200:
                    break
            except httpx.HTTPError:
                time.sleep(0.1)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
