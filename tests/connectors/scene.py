"""A store, its channel and the shop behind it: the sentences that the contract suite is made of.

Everything is real: the database, the core, the connector and, over HTTP, the shop.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from integrator.accounts import channels
from integrator.accounts.channels import ChannelRecord
from integrator.catalogue import intake, marks
from integrator.codes import ItemResult
from integrator.connectors.base import Capabilities, Connector
from integrator.orders import deliveries, shipments
from integrator.rows import Row
from integrator.store import tables as t
from integrator.store.engine import begin
from integrator.sync import circuit
from integrator.sync.drain import DrainReport, drain
from integrator.sync.lanes import push_once
from integrator.sync.resend import resend
from tests.connectors.shop import Shop, ShopProduct, ToDo
from tests.support.seed import codes, product, row, rows, seed_store, variant

__all__ = ["Scene", "product", "row", "variant"]

PATIENCE = 120.0  # seconds that a test waits for back-offs and quotas at most


class Scene:
    def __init__(self, shop: Shop, *, store: Mapping[str, Any] | None = None, **settings: Any) -> None:
        """`store`: its settings; the others are the channel's."""
        self.shop = shop
        with begin() as connection:
            self.store = seed_store(connection, **(store or {}))
            self.channel_id = channels.add_channel(
                connection, self.store, shop.platform, None, shop.credentials(), {**shop.settings(), **settings}
            )
            marks.list_all(connection, self.store.account_id, self.channel_id)

    @property
    def ids(self) -> tuple[int, int]:
        return self.store.account_id, self.channel_id

    def channel(self) -> ChannelRecord:
        with begin() as connection:
            return channels.load_channel(connection, *self.ids)

    @property
    def capabilities(self) -> Capabilities:
        return self.channel().capabilities

    @contextmanager
    def connector(self) -> Iterator[Connector]:
        found = channels.open_connector(self.channel(), lambda _: None)
        try:
            yield found
        finally:
            found.close()

    # -- the POS

    def _call(self, function: Callable[..., list[ItemResult]], items: tuple[Row, ...]) -> list[str]:
        with begin() as connection:
            return codes(function(connection, self.store, rows(*items), uuid.uuid4()))

    def products(self, *items: Row) -> list[str]:
        """UpdatePOSProducts; what happened to each."""
        return self._call(intake.update_products, items)

    def stock(self, **quantities: int) -> list[str]:
        """UpdateInventory; `_` stands for `-` in a SKU."""
        items = [row(sku.replace("_", "-"), Quantity=units) for sku, units in quantities.items()]
        return self._call(intake.update_inventory, tuple(items))

    def price(self, sku: str, **values: Any) -> list[str]:
        return self._call(intake.update_pricing, (row(sku, **values),))

    def new(self, kind: deliveries.Kind) -> list[dict[str, Any]]:
        """GetNewOrders, GetNewTransactions or GetNewCaptures."""
        with begin() as connection:
            return deliveries.get_new(connection, self.store, kind)[0]

    def confirm(self, kind: deliveries.Kind, public_id: str, **values: Any) -> str:
        with begin() as connection:
            found = deliveries.confirm(connection, self.store, kind, [Row(0, {"Id": public_id, **values})])
        return codes(found)[0]

    def save_shipment(self, shipment_id: str, order_id: str, lines: Mapping[str, int], **values: Any) -> str:
        """SaveShipments of one shipment; SKU -> units."""
        items = [{"ItemIntegrationId": sku, "Quantity": Decimal(units)} for sku, units in lines.items()]
        one = Row(0, {"ShipmentId": shipment_id, "OrderId": order_id, "Lines": items, **values})
        with begin() as connection:
            return codes(shipments.save_shipments(connection, self.store, [one], uuid.uuid4()))[0]

    # -- the workers

    def drain(self) -> DrainReport:
        """What is due now, once; back-offs and pauses are not waited for."""
        report = drain(*self.ids)
        if "NotImplementedError" in report.message or "ToDo" in report.message:
            raise ToDo(report.message)  # of a connector that is being written: not worth any patience
        return report

    def push(self) -> list[str]:
        """Each lane once, without reading orders where that was done just now; the lanes' states."""
        return [push_once(*self.ids, lane).state for lane in ("content", "price", "stock")]

    def sync(self) -> DrainReport:
        """Until nothing is due any more: pauses and back-offs are waited for, as long as PATIENCE."""
        deadline = time.monotonic() + PATIENCE
        while True:
            report = self.drain()
            wait = self._next_due()
            if wait is None:
                return report
            assert time.monotonic() + wait < deadline, f"it is still not settled: {report}, {self.issues()}"
            time.sleep(max(wait, 0.01))

    def _next_due(self) -> float | None:
        """Seconds until the next thing may be done, None when nothing waits."""
        account, channel = self.ids
        with begin() as connection:
            seconds = connection.execute(
                sa.text(
                    "WITH due AS (SELECT due_at FROM lanes WHERE account_id = :account AND channel_id = :channel"
                    "   AND pending AND due_at < now() + interval '1 year'"
                    "  UNION ALL SELECT due_at FROM shipments WHERE account_id = :account AND channel_id = :channel"
                    "   AND state = 'wanted'),"
                    " pause AS (SELECT paused_until FROM channels WHERE account_id = :account AND id = :channel)"
                    " SELECT extract(epoch FROM greatest(min(due_at), (SELECT paused_until FROM pause)) - now())"
                    " FROM due HAVING count(*) > 0"
                ),
                {"account": account, "channel": channel},
            ).scalar()
        return None if seconds is None else float(seconds)

    def resume(self) -> None:
        """The operator says: try now."""
        with begin() as connection:
            circuit.resume(connection, *self.ids)

    def resend(self) -> None:
        """The operator resends every open issue."""
        found = self.issues()
        with begin() as connection:
            resend(connection, found)

    # -- what is to be seen

    def shown(self, sku: str) -> ShopProduct:
        """The product as the shop holds it."""
        found = self.shop.products()
        assert sku in found, f"the shop has {sorted(found)}"
        return found[sku]

    def issues(self) -> list[dict[str, Any]]:
        """What is open."""
        with begin() as connection:
            query = sa.select(t.issues).where(
                t.issues.c.account_id == self.store.account_id, t.issues.c.state == "open"
            )
            return [dict(one) for one in connection.execute(query.order_by(t.issues.c.id)).mappings()]
