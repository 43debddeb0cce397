"""`scripts/demo --platforms all`: one POS, five shops side by side, a row for each.

The shops are the simulators of the tests: real HTTP servers that keep state, have their platform's quota and
peculiarities, and check every request and every answer against the platform's own contract. Those contracts are
not part of the repository (CONTRIBUTING says where they are looked for); without them only HipCommerce can be shown.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.table import Table

from demo.catalogue import read
from demo.pos import Pos
from demo.report import Report
from demo.service import DemoFailed, Service

PATIENCE = 900.0  # seconds; Shopify's quota alone takes a while for a first load
CALL_SIZE = 500
PLATFORMS = ("woocommerce", "magento", "shopify", "bigcommerce", "hipcommerce")
OUR_OWN = "hipcommerce"  # its contract is in the repository


@dataclass
class Row:
    """What happened in one shop; seconds from the last call of the POS until the shop was right."""

    platform: str
    shop: Any
    seconds: dict[str, float] = field(default_factory=dict)
    problem: str = ""
    parcels: str = ""  # the order that the shop ships and takes back in part
    ours: str = ""  # the order that the POS ships, and its OrderId
    ours_id: str = ""
    records: dict[str, int] = field(default_factory=dict)
    shipped: bool = False

    @property
    def ok(self) -> bool:
        return not self.problem and self.shipped and self.records == {"Orders": 2, "Transactions": 2, "Captures": 3}


class Side:
    """The five shops, the POS, and what the POS believes."""

    def __init__(self, service: Service, report: Report, pos: Pos) -> None:
        self.service, self.report, self.pos = service, report, pos
        self.items = [one for one in read() if one["SellOnline"]]
        self.prices = {one["ItemIntegrationId"]: one["Price"] for one in self.items}
        self.stock = {
            one["ItemIntegrationId"]: sum((each["Quantity"] for each in one["LocationQuantities"]), Decimal(0))
            for one in self.items
        }
        self.sales: dict[str, Decimal] = {}
        self.platforms: dict[str, str] = {}  # OrderId -> platform, because a capture only names its order
        self.rows: list[Row] = []

    def open_shops(self) -> None:
        specs = Path(os.environ.get("INTEGRATOR_SPECS", Path(__file__).resolve().parents[3] / "shared" / "specs"))
        from tests.connectors.shops import start

        for platform in PLATFORMS:
            if platform != OUR_OWN and not specs.exists():
                self.report.line(f"{platform}: left out, its contract is not at {specs}", good=False)
                continue
            shop = start(platform, specs)
            options = [
                f"--set={key}={_text(value)}" for key, value in {**shop.credentials(), **shop.settings()}.items()
            ]
            # a platform asks every two minutes by default, and webhooks need https: too slow to watch
            self.service.integrator("channel", "add", "MAIN", platform, "--poll-seconds=10", *options)
            self.rows.append(Row(platform, shop))
            self.report.line(f"{platform}: a simulated shop, added and its credentials tried")

    # -- waiting for all shops

    def _each(self, text: str, right: Callable[[Row], int], total: int) -> None:
        """Waits until `right` counts `total` in each shop; a shop that does not get there has a problem."""
        started, waiting = time.monotonic(), [row for row in self.rows if not row.problem]
        best = {row.platform: 0 for row in waiting}
        with self.report.bar(f"{text}, {len(waiting)} shops", total * len(waiting)) as bar:
            while waiting and time.monotonic() - started < PATIENCE:
                for row in list(waiting):
                    best[row.platform] = right(row)
                    if best[row.platform] >= total:
                        row.seconds[text] = time.monotonic() - started
                        waiting.remove(row)
                bar(sum(best.values()))
                time.sleep(0.5)
        for row in waiting:
            row.problem = f"{text}: {best[row.platform]} of {total}"

    def _send(self, operation: Callable[[list[dict[str, Any]]], Any], items: list[dict[str, Any]]) -> None:
        for start in range(0, len(items), CALL_SIZE):
            answer = operation(items[start : start + CALL_SIZE])
            if answer.Failed:
                raise DemoFailed(f"{answer.Failed} items failed, the first: {answer.Results}")

    # -- the day

    def push_products(self) -> None:
        self.report.heading("The POS sends its catalogue once; five shops follow")
        self._send(self.pos.update_products, self.items)

        def right(row: Row) -> int:
            held = holds(row)
            return sum(key in held and held[key].price == price for key, price in self.prices.items())

        self._each("products", right, len(self.items))

    def update_stock(self) -> None:
        for place, key in enumerate(self.stock):
            self.stock[key] = Decimal(9 + place % 31)
        nothing = [{"LocationId": name, "Quantity": Decimal(0)} for name in ("OUTLET", "WAREHOUSE")]
        self._send(self.pos.update_inventory, [
            {"ItemIntegrationId": key, "LocationQuantities": [{"LocationId": "MAIN", "Quantity": units}, *nothing]}
            for key, units in self.stock.items()
        ])  # fmt: skip

        def right(row: Row) -> int:
            held = holds(row)
            return sum(key in held and held[key].quantity == units for key, units in self.stock.items())

        self._each("stock", right, len(self.items))

    def update_prices(self) -> None:
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        window = {"SaleStart": begin, "SaleEnd": begin + timedelta(days=14)}
        for key in sorted(self.prices)[::9]:
            self.sales[key] = (self.prices[key] * Decimal("0.75")).quantize(Decimal("0.01"))
        self._send(self.pos.update_pricing, [
            {"ItemIntegrationId": key, "Price": self.prices[key], "SalePrice": sale, **window}
            for key, sale in self.sales.items()
        ])  # fmt: skip

        def right(row: Row) -> int:
            held = holds(row)
            return sum(key in held and held[key].sale_price == sale for key, sale in self.sales.items())

        self._each("sale prices", right, len(self.sales))

    def orders(self) -> None:
        self.report.heading("Every shop sells, ships and takes something back; the POS ships one order")
        from tests.connectors.shop import Line

        first, second = sorted(self.prices)[3], sorted(self.prices)[50]
        for row in self.rows:
            if not row.problem:
                row.parcels = row.shop.place_order([Line(first, 2)])
                row.ours = row.shop.place_order([Line(second, 1)])
                row.shop.ship(row.parcels, tracking="1Z-DEMO-1")
                row.shop.refund(row.parcels, {first: 1})
        self._collect("Orders", 2)
        self._collect("Transactions", 2)
        self._collect("Captures", 3)

    def _collect(self, kind: str, each: int) -> None:
        """GetNew and Confirm until every shop's records are there."""
        started, identity = time.monotonic(), f"{kind.removesuffix('s')}Id"
        counts = {row.platform: 0 for row in self.rows if not row.problem}
        with self.report.bar(f"GetNew{kind}, Confirm{kind}", each * len(counts)) as bar:
            while any(found < each for found in counts.values()) and time.monotonic() - started < PATIENCE:
                new = list(self.pos.new(kind))
                for one in new:
                    counts[self.platforms[one.OrderId] if kind == "Captures" else one.Platform] += 1
                    if kind == "Orders":
                        self._remember(one)
                if new:
                    done = [
                        {"Id": getattr(one, identity), "PosReceiptNumber": self.pos.book(getattr(one, identity))}
                        for one in new
                    ]
                    if not self.pos.confirm(kind, done).Success:
                        raise DemoFailed(f"Confirm{kind} failed")
                bar(sum(counts.values()))
                time.sleep(0.5)
        for row in self.rows:
            row.records[kind] = counts.get(row.platform, 0)

    def _remember(self, order: Any) -> None:
        self.platforms[order.OrderId] = order.Platform
        row = next(one for one in self.rows if one.platform == order.Platform)
        if sum(line.QuantityOrdered for line in order.Lines.OrderLine) == 1:
            row.ours_id = order.OrderId

    def ship(self) -> None:
        key = sorted(self.prices)[50]
        for row in self.rows:
            if row.problem:
                continue
            answer = self.pos.save_shipments([
                {"ShipmentId": f"S-{row.platform}", "OrderId": row.ours_id, "TrackingNumbers": ["JD014600003DEMO"],
                 "Lines": [{"ItemIntegrationId": key, "Quantity": Decimal(1)}]}
            ])  # fmt: skip
            if not answer.Success:
                row.problem = f"SaveShipments: {answer.Results}"
        self._each("shipment", lambda row: int("JD014600003DEMO" in str(row.shop.order(row.ours)["shipments"])), 1)
        for row in self.rows:
            row.shipped = "shipment" in row.seconds

    def table(self) -> None:
        table = Table(title="Five shops, one POS", title_justify="left", title_style="bold")
        for name in ("Platform", "Items", "Stock", "Sales", "Ord.", "Tra.", "Cap.", "Ship", "Calls", ""):
            table.add_column(name, justify="left" if name in ("Platform", "") else "right", no_wrap=name == "Platform")
        for row in self.rows:
            steps = [
                f"{row.seconds[name]:.0f} s" if name in row.seconds else "–"
                for name in ("products", "stock", "sale prices")
            ]
            records = [str(row.records.get(kind, 0)) for kind in ("Orders", "Transactions", "Captures")]
            shipped = f"{row.seconds['shipment']:.0f} s" if row.shipped else "–"
            mark = "[green]✓[/]" if row.ok else "[red]✗[/]"
            table.add_row(row.platform, *steps, *records, shipped, str(row.shop.reads + row.shop.writes), mark)
        self.report.console.print()
        self.report.console.print(table)
        self.report.console.print(
            "  Seconds from the POS's last call until the shop was right; records that came once and were confirmed."
        )
        for row in self.rows:
            if not row.ok:
                self.report.line(f"{row.platform}: {row.problem or f'records are missing: {row.records}'}", good=False)


def holds(row: Row) -> dict[str, Any]:
    """What the shop holds. Its server goes on while it is read; a change in the middle means: read again."""
    while True:
        try:
            found: dict[str, Any] = row.shop.products()
        except RuntimeError:
            continue
        return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)


def side_by_side(service: Service, report: Report, pos: Pos) -> bool:
    """Whether every platform did what it should."""
    side = Side(service, report, pos)
    report.heading("Five simulated shops")
    side.open_shops()
    try:
        for step in (side.push_products, side.update_stock, side.update_prices, side.orders, side.ship):
            step()
    finally:
        side.table()
        for row in side.rows:
            row.shop.close()
    return len(side.rows) == len(PLATFORMS) and all(row.ok for row in side.rows)
