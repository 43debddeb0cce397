"""A day of a shop, as the POS lives it: the ten operations on real input, each checked at the other end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from demo.pos import Pos
from demo.report import Report
from demo.service import DemoFailed
from demo.shopper import Shop

PATIENCE = 60.0  # seconds until a shop that does not follow is a failure
CALL_SIZE = 100  # small, so that there is something to watch; a POS would send 500 or more


@dataclass
class Day:
    pos: Pos
    shop: Shop
    report: Report
    products: list[dict[str, Any]]
    prices: dict[str, Decimal] = field(default_factory=dict)
    sales: dict[str, Decimal | None] = field(default_factory=dict)
    stock: dict[str, dict[str, Decimal]] = field(default_factory=dict)
    sold: dict[str, int] = field(default_factory=dict)  # web units that the POS did not count yet

    def __post_init__(self) -> None:
        self.online = {item["ItemIntegrationId"] for item in self.products if item["SellOnline"]}
        for item in self.products:
            key = item["ItemIntegrationId"]
            self.prices[key] = item["Price"]
            self.sales[key] = item.get("SalePrice")
            self.stock[key] = {one["LocationId"]: one["Quantity"] for one in item["LocationQuantities"]}

    # -- waiting for the shop

    def _until(self, text: str, total: int, count: Callable[[], int]) -> float:
        """Waits, with a bar, until the shop shows all; the seconds that took."""
        started, done = time.monotonic(), 0
        with self.report.bar(text, total) as bar:
            while (done := count()) < total:
                bar(done)
                if time.monotonic() - started > PATIENCE:
                    raise DemoFailed(f"{text}: {done} of {total} after {PATIENCE:.0f} seconds.")
                time.sleep(0.2)
            bar(done)
        return time.monotonic() - started

    def _right_stock(self, held: Mapping[str, Any], key: str) -> bool:
        wanted = sum(self.stock[key].values(), Decimal(0)) - self.sold.get(key, 0)
        return Decimal(held["quantity"]) == max(wanted, Decimal(0))

    def _right_price(self, held: Mapping[str, Any], key: str) -> bool:
        sale = held.get("sale_price")
        return Decimal(held["price"]) == self.prices[key] and (sale is None or Decimal(sale) == self.sales[key])

    # -- ProductTasks

    def _send(
        self, operation: str, call: Callable[[Sequence[dict[str, Any]]], Any], items: Sequence[dict[str, Any]]
    ) -> str:
        counts = {"Applied": 0, "Unchanged": 0, "Failed": 0}
        with self.report.bar(f"{operation}, {CALL_SIZE} a call", len(items)) as bar:
            for start in range(0, len(items), CALL_SIZE):
                part = items[start : start + CALL_SIZE]
                with self.report.timed(operation, len(part)):
                    answer = call(part)
                counts = {name: counts[name] + getattr(answer, name) for name in counts}
                bar(start + len(part))
        if counts["Failed"]:
            raise DemoFailed(f"{operation}: {counts['Failed']} items failed, the first: {answer.Results}")
        return f"{counts['Applied']} applied"

    def push_products(self) -> None:
        self.report.heading("The POS sends its catalogue")
        outcome = self._send("UpdatePOSProducts", self.pos.update_products, self.products)
        seconds = self._until("the shop shows what is sold online", len(self.online), lambda: len(self.shop.variants()))
        held = self.shop.variants()
        wrong = [
            key for key in self.online if not (self._right_price(held[key], key) and self._right_stock(held[key], key))
        ]
        styles = len({one["product_id"] for one in held.values()})
        self.report.line(
            f"{len(held)} items in {styles} products; the shop had them all {seconds:.1f} s after the last call"
        )
        again = self.pos.update_products(self.products)
        self.report.line(f"the whole catalogue sent again: {again.Unchanged} unchanged, nothing goes to the shop")
        ok = not wrong and again.Unchanged == len(self.products)
        self.report.judge(
            "UpdatePOSProducts", ok, f"{outcome}, all in the shop" if ok else f"wrong in the shop: {wrong[:5]}"
        )

    def update_stock(self) -> None:
        self.report.heading("Goods arrive and are sold over the counter")
        items = []
        for place, (key, quantities) in enumerate(self.stock.items()):
            quantities["MAIN"] += 10 + place % 7
            quantities["WAREHOUSE"] = max(quantities["WAREHOUSE"] - place % 3, Decimal(0))
            counted = [{"LocationId": name, "Quantity": quantities[name]} for name in ("MAIN", "WAREHOUSE")]
            items.append({"ItemIntegrationId": key, "LocationQuantities": counted})
        outcome = self._send("UpdateInventory", self.pos.update_inventory, items)

        def right() -> int:
            return sum(self._right_stock(one, key) for key, one in self.shop.variants().items())

        seconds = self._until("the shop shows the new quantities", len(self.online), right)
        self.report.line(f"every quantity is right {seconds:.1f} s after the last call (three locations added up)")
        self.report.judge("UpdateInventory", True, f"{outcome}, all right in the shop")

    def update_prices(self) -> None:
        self.report.heading("A sale begins")
        chosen = [key for place, key in enumerate(sorted(self.online)) if place % 9 == 0]
        for key in chosen:
            self.sales[key] = (self.prices[key] * Decimal("0.75")).quantize(Decimal("0.01"))
        begin = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        window = {"SaleStart": begin, "SaleEnd": begin + timedelta(days=14)}
        items = [
            {"ItemIntegrationId": key, "Price": self.prices[key], "SalePrice": self.sales[key], **window}
            for key in chosen
        ]
        outcome = self._send("UpdatePricing", self.pos.update_pricing, items)

        def right() -> int:
            held = self.shop.variants()
            return sum(held[key]["sale_price"] is not None and self._right_price(held[key], key) for key in chosen)

        seconds = self._until("the shop shows the sale prices", len(chosen), right)
        self.report.line(f"{len(chosen)} sale prices are in the shop {seconds:.1f} s after the last call")
        self.report.judge("UpdatePricing", True, f"{outcome}, all right in the shop")

    # -- OrderTasks

    def shoppers_order(self) -> None:
        """Four orders: one that the shop ships in two parcels and takes back in part, one that the POS ships,
        one that is only authorised, one that the POS will refuse."""
        self.report.heading("Shoppers order, the shop ships and takes something back")
        keys = [key for key in sorted(self.online) if sum(self.stock[key].values()) > 8]
        a, b, c, d, e = keys[3], keys[50], keys[120], keys[200], keys[300]
        self.parcels = self.shop.order(f"{a}=2", f"{b}=1")
        self.ours = self.shop.order(f"{c}=1", f"{a}=1")
        self.reserved = self.shop.order(f"{d}=3", payment="authorised")
        self.refused = self.shop.order(f"{e}=1")
        for key, units in ((a, 3), (b, 1), (c, 1), (d, 3), (e, 1)):
            self.sold[key] = units
        self.our_lines = {c: 1, a: 1}
        self.shop.ship(self.parcels, f"{a}=2", tracking="1Z-DEMO-1")
        self.shop.ship(self.parcels, f"{b}=1", tracking="1Z-DEMO-2")
        self.shop.refund(self.parcels, f"{a}=1")
        self.report.line(f"order {self.parcels}: paid, two parcels, one unit came back")
        self.report.line(f"order {self.ours}: paid, waits for the POS to ship it")
        self.report.line(f"order {self.reserved}: authorised only, three units")
        self.report.line(f"order {self.refused}: paid; the POS will refuse it")

    def _collect(self, kind: str, enough: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """GetNew until what was expected is there; the records by id."""
        operation, identity = f"GetNew{kind}", f"{kind.removesuffix('s')}Id"
        started, found = time.monotonic(), {}
        while not enough(found):
            with self.report.timed(operation, 0):
                found = {getattr(one, identity): one for one in self.pos.new(kind)}
            if time.monotonic() - started > PATIENCE:
                raise DemoFailed(f"{operation}: only {sorted(found)} after {PATIENCE:.0f} seconds.")
            time.sleep(0.2)
        self.report.rows[operation].items = len(found)
        self.report.judge(operation, True, f"{len(found)} new")
        return found

    def _confirm(self, kind: str, confirmations: list[dict[str, Any]], outcome: str) -> None:
        operation = f"Confirm{kind}"
        with self.report.timed(operation, len(confirmations)):
            answer = self.pos.confirm(kind, confirmations)
        left = {getattr(one, f"{kind.removesuffix('s')}Id") for one in self.pos.new(kind)}
        again = left & {one["Id"] for one in confirmations}
        ok = bool(answer.Success) and not again
        self.report.judge(operation, ok, outcome if ok else f"failed: {answer.Results or again}")

    def take_orders(self) -> None:
        self.report.heading("The POS fetches and confirms")
        orders = self._collect("Orders", lambda found: len(found) >= 4)
        confirmations = []
        for identity, order in orders.items():
            if order.OrderNumber == self.refused:
                confirmations.append({"Id": identity, "Success": False, "ErrorMessage": "Customer 1815 is blocked"})
                continue
            receipt = self.pos.book(identity)
            confirmations.append({"Id": identity, "PosReceiptNumber": receipt, "PosCustomerId": "C-1815"})
            self.report.line(f"order {order.OrderNumber}: {order.GrandTotal} {order.Currency}, booked as {receipt}")
        self.report.line(f"order {self.refused}: refused, because “Customer 1815 is blocked”")
        self._confirm("Orders", confirmations, f"{len(orders) - 1} confirmed, 1 rejected with its message")

    def take_transactions(self) -> None:
        found = self._collect("Transactions", lambda found: len(found) >= 3)
        kinds = sorted(one.Type for one in found.values())
        for identity, one in found.items():
            self.report.line(f"transaction {identity}: {one.Type} of {one.GrandTotal} {one.Currency}")
        if kinds != ["Return", "Sale", "Sale"]:
            self.report.judge("GetNewTransactions", False, f"expected two sales and a return, got {kinds}")
        done = [{"Id": identity, "PosReceiptNumber": self.pos.book(identity)} for identity in found]
        self._confirm("Transactions", done, f"{len(done)} confirmed")

    def take_captures(self) -> None:
        found = self._collect("Captures", lambda found: len(found) >= 4)
        taken = sum((one.Amount for one in found.values() if one.Type == "Capture"), Decimal(0))
        back = sum((one.Amount for one in found.values() if one.Type == "Refund"), Decimal(0))
        self.report.line(f"{len(found)} payment events: {taken} taken, {back} given back")
        done = [{"Id": identity, "PosReceiptNumber": self.pos.book(identity)} for identity in found]
        self._confirm("Captures", done, f"{len(done)} confirmed")

    def ship(self) -> None:
        self.report.heading("The POS ships an order")
        lines = [{"ItemIntegrationId": key, "Quantity": Decimal(units)} for key, units in self.our_lines.items()]
        shipment = {
            "ShipmentId": "S-1",
            "OrderNumber": self.ours,
            "Carrier": "DHL",
            "TrackingNumbers": ["JD014600003DEMO"],
            "Lines": lines,
        }
        with self.report.timed("SaveShipments", 1):
            answer = self.pos.save_shipments([shipment])
        if not answer.Success:
            raise DemoFailed(f"SaveShipments: {answer.Results}")

        def shipped() -> int:
            return int("JD014600003DEMO" in str(self.shop.shown_order(self.ours)["fulfilments"]))

        seconds = self._until("the shop shows the parcel", 1, shipped)
        twice = self.pos.save_shipments([shipment])
        again = len(self.shop.shown_order(self.ours)["fulfilments"])
        self.report.line(
            f"order {self.ours}: in the shop with its tracking number {seconds:.1f} s later; sent twice, shipped once"
        )
        ok = bool(twice.Success) and again == 1
        self.report.judge(
            "SaveShipments", ok, "1 shipped, the repeat recognised" if ok else f"{again} parcels in the shop"
        )
