"""Orders, invoices, shipments and credit memos. Amounts are kept as Decimal and go out as JSON numbers.

Two rows per configurable line: the configurable product's with the money, the variant's without. Every amount stands
there twice, in the order's currency and (`base_...`) in the shop's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from tests.connectors.magento.simulator.documents import Documents
from tests.connectors.magento.simulator.products import Products
from tests.connectors.magento.simulator.state import ApiError, D, Json, State, cents, stamp

OPEN_STATES = ("new", "pending_payment", "payment_review", "processing", "holded")
PAID, REFUNDED = 2, 2
INVALID_INVOICE = "Invoice Document Validation Error(s):"
INVALID_SHIPMENT = "Shipment Document Validation Error(s):"


class Desk(Documents):
    def __init__(self, state: State, products: Products) -> None:
        self.state = state
        self.products = products

    # -- placing

    def place(
        self,
        bought: list[tuple[Json, int, Decimal, bool]],
        *,
        who: Json,
        state: str,
        method: str,
        authorised: bool,
        shipping: Decimal,
        discount: Decimal,
        tax_rate: Decimal,
        off_by: Decimal,
        gift_card: Decimal,
        at: datetime,
    ) -> Json:
        rows: list[Json] = []
        subtotal = sum((price * count for _, count, price, _ in bought), D(0))
        left = discount
        for place, (product, count, price, is_card) in enumerate(bought):
            total = price * count
            part = left if place == len(bought) - 1 else cents(discount * total / subtotal) if subtotal else D(0)
            left -= part
            tax = cents((total - part) * tax_rate)
            parent = next((one for one in self.state.products.values() if product["id"] in one["links"]), None)
            kind = "giftcard" if is_card else "configurable" if parent else "simple"
            row = self._row(product, parent or product, kind, count, price, part, tax, tax_rate)
            rows.append(row)
            if parent:
                child = self._row(product, product, "simple", count, D(0), D(0), D(0), D(0))
                child["parent_item_id"], child["name"] = row["item_id"], product["name"]
                rows.append(child)
            if not self.state.features.msi:
                product["stock"]["qty"] -= count
        shipping_tax = cents(shipping * tax_rate)
        tax = sum((one["tax"] for one in rows), D(0)) + shipping_tax
        grand = subtotal - discount + shipping + tax + off_by - gift_card
        key = self.state.number()
        order: Json = {
            "id": key, "increment": f"{key:09d}", "state": state, "created": stamp(at), "updated": self.state.stamp(),
            "rows": rows,
            "who": who, "method": method, "shipping": shipping, "shipping_tax": shipping_tax, "discount": discount,
            "tax": tax,
            "tax_rate": tax_rate, "subtotal": subtotal, "off_by": off_by, "grand": grand, "gift_card": gift_card,
            "authorised": grand if authorised else D(0), "paid": D(0), "invoiced": D(0), "refunded": D(0),
            "shipping_invoiced": False,
        }  # fmt: skip
        self.state.orders[key] = order
        return order

    def _row(
        self,
        sold: Json,
        product: Json,
        kind: str,
        count: int,
        price: Decimal,
        discount: Decimal,
        tax: Decimal,
        rate: Decimal,
    ) -> Json:
        return {
            "item_id": self.state.number(), "parent_item_id": None, "product_id": product["id"], "sku": sold["sku"],
            "name": product["name"], "type": kind, "ordered": D(count), "invoiced": D(0), "shipped": D(0),
            "refunded": D(0),
            "canceled": D(0), "price": price, "total": price * count, "discount": discount, "tax": tax,
            "rate": rate * 100,
        }  # fmt: skip

    def touch(self, order: Json) -> None:
        order["updated"] = self.state.stamp()

    def reserved(self, sku: str) -> Decimal:
        """Units that open orders keep from being offered."""
        if not self.state.features.msi:
            return D(0)
        found = D(0)
        for order in self.state.orders.values():
            if order["state"] in OPEN_STATES:
                for one in self.top(order):
                    if one["sku"] == sku:
                        found += (
                            one["ordered"]
                            - one["canceled"]
                            - one["shipped"]
                            - max(D(0), one["refunded"] - one["shipped"])
                        )
        return found

    def row(self, order: Json, item_id: int) -> Json:
        found = next((one for one in order["rows"] if one["item_id"] == item_id), None)
        if found is None:
            raise ApiError(400, "The order item %1 is not part of the order.", [item_id])
        return found

    def order(self, key: int) -> Json:
        if key not in self.state.orders:
            raise ApiError(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
        return self.state.orders[key]

    # -- invoices

    def invoice(self, order: Json, units: Mapping[int, Decimal] | None, *, capture: bool) -> Json:
        if order["state"] in ("canceled", "closed", "holded", "payment_review"):
            raise ApiError(
                400,
                "Invoice Document Validation Error(s):\nAn invoice cannot be created when an order has a status of %1",
                [order["state"]],
            )
        wanted = {one["item_id"]: one["ordered"] - one["invoiced"] - one["canceled"] for one in self.top(order)}
        if units:
            if any(units[key] > wanted.get(key, D(0)) for key in units):
                raise ApiError(
                    400,
                    f"{INVALID_INVOICE}\nThe quantity to invoice must not be greater than the unprocessed quantity.",
                )
            wanted = {key: D(value) for key, value in units.items()}
        wanted = {key: value for key, value in wanted.items() if value > 0}
        if not wanted:
            raise ApiError(
                400,
                f"{INVALID_INVOICE}\nThe invoice can't be created without products. Add products and try again.",
            )
        if capture and self.state.misbehaviour.refuse_capture:
            raise ApiError(400, "Could not save an invoice, see error log for details")
        items, total = [], D(0)
        for key, count in wanted.items():
            one = self.row(order, key)
            parts = self._parts(one, one["invoiced"], count)
            items.append({"row": one, "qty": count, **parts})
            total += parts["total"] - parts["discount"] + parts["tax"]
            one["invoiced"] += count
        shipping, shipping_tax = D(0), D(0)
        if not order["shipping_invoiced"]:
            order["shipping_invoiced"] = True
            shipping, shipping_tax = order["shipping"], order["shipping_tax"]
            total += shipping + shipping_tax
        done = all(one["invoiced"] >= one["ordered"] - one["canceled"] for one in self.top(order))
        if done:
            total = order["grand"] - order["invoiced"]
        order["invoiced"] += total
        order["paid"] += total
        if order["state"] in ("new", "pending_payment"):
            order["state"] = "processing"
        key = self.state.number()
        self.state.invoices[key] = {
            "id": key, "order": order["id"], "items": items, "total": total, "shipping": shipping,
            "shipping_tax": shipping_tax,
            "state": PAID, "created": self.state.stamp(), "updated": self.state.stamp(), "transaction": f"txn_{key}",
        }  # fmt: skip
        self._settle(order)
        return self.state.invoices[key]

    @staticmethod
    def _parts(one: Json, start: Decimal, count: Decimal) -> Json:
        """Amounts of some of a row's units; all parts add up to the row."""
        end, units = start + count, one["ordered"]
        return {
            name: cents(one[name] * end / units) - cents(one[name] * start / units)
            for name in ("total", "discount", "tax")
        }

    def _settle(self, order: Json) -> None:
        """Complete when everything is shipped and invoiced."""
        self.touch(order)
        shipped = all(
            one["shipped"] + max(D(0), one["refunded"] - one["shipped"]) >= one["ordered"] - one["canceled"]
            for one in self.top(order)
        )
        invoiced = all(one["invoiced"] >= one["ordered"] - one["canceled"] for one in self.top(order))
        if order["state"] == "processing" and shipped and invoiced:
            order["state"] = "complete"
        if order["state"] == "new" and any(one["shipped"] for one in order["rows"]):
            order["state"] = "processing"

    # -- shipments

    def ship(
        self, order: Json, units: Mapping[int, Decimal] | None, *, tracks: list[Json], comment: str, source: str
    ) -> Json:
        if order["state"] in ("canceled", "closed", "complete", "holded", "payment_review"):
            raise ApiError(
                400, "Shipment Document Validation Error(s):\nThe order does not allow a shipment to be created."
            )
        if source and source not in self.state.sources:
            raise ApiError(400, "Could not save a shipment, see error log for details")
        wanted = {
            one["item_id"]: one["ordered"] - one["canceled"] - max(one["shipped"], one["refunded"])
            for one in self.top(order)
        }
        if units:
            for key, count in units.items():
                if self.row(order, key)["parent_item_id"]:
                    raise ApiError(
                        400, "Shipment Document Validation Error(s):\nYou can't create a shipment without products."
                    )
                if count > wanted[key]:
                    raise ApiError(
                        400,
                        f"{INVALID_SHIPMENT}\nThe quantity to ship must not be greater than the unprocessed quantity.",
                    )
            wanted = {key: D(value) for key, value in units.items()}
        wanted = {key: value for key, value in wanted.items() if value > 0}
        if not wanted:
            raise ApiError(400, "Shipment Document Validation Error(s):\nYou can't create a shipment without products.")
        for key, count in wanted.items():
            one = self.row(order, key)
            one["shipped"] += count
            if self.state.features.msi:
                at = (one["sku"], source or "default")
                if at in self.state.source_items:
                    self.state.source_items[at]["quantity"] -= count
        key = self.state.number()
        made = {
            "id": key, "order": order["id"],
            "items": [(self.row(order, line), count) for line, count in wanted.items()],
            "tracks": [{"id": self.state.number(), **one} for one in tracks], "comments": [comment] if comment else [],
            "created": self.state.stamp(), "updated": self.state.stamp(), "source": source or "default",
        }  # fmt: skip
        self.state.shipments[key] = made
        self._settle(order)
        return made

    # -- credit memos

    def refund(
        self, order: Json, units: Mapping[int, Decimal], *, adjustment: Decimal, shipping: Decimal, restock: bool
    ) -> Json:
        items, total = [], adjustment + shipping
        for key, count in units.items():
            one = self.row(order, key)
            if one["refunded"] + count > one["invoiced"]:
                raise ApiError(400, 'The quantity to refund of "%1" is greater than what was invoiced.', [one["sku"]])
            parts = self._parts(one, one["refunded"], count)
            items.append({"row": one, "qty": count, **parts})
            total += parts["total"] - parts["discount"] + parts["tax"]
        if total > order["paid"] - order["refunded"] + D("0.05"):
            raise ApiError(
                400, "The most money available to refund is %1."
            )  # its parameter is missing in the real one too
        for item in items:
            one = item["row"]
            back = min(item["qty"], max(D(0), one["shipped"] - one["refunded"]))
            one["refunded"] += item["qty"]
            at = (one["sku"], "default")
            if restock and self.state.features.msi and at in self.state.source_items:
                self.state.source_items[at]["quantity"] += back
            elif restock and not self.state.features.msi:
                self.products.get(one["sku"])["stock"]["qty"] += item["qty"]
        total = min(total, order["paid"] - order["refunded"])
        order["refunded"] += total
        key = self.state.number()
        made = {
            "id": key, "order": order["id"], "items": items, "total": total, "adjustment": adjustment,
            "shipping": shipping,
            "state": REFUNDED, "created": self.state.stamp(), "updated": self.state.stamp(),
            "tax": sum((item["tax"] for item in items), D(0)),
        }  # fmt: skip
        self.state.creditmemos[key] = made
        if all(one["refunded"] >= one["ordered"] - one["canceled"] for one in self.top(order)):
            order["state"] = "closed"
        self._settle(order)
        return made

    def cancel(self, order: Json) -> None:
        """What is invoiced cannot be cancelled: it is given back as a whole."""
        if order["paid"]:
            units = {one["item_id"]: one["invoiced"] for one in self.top(order)}
            goods = sum((self._value(one) for one in self.top(order)), D(0))
            self.refund(order, units, adjustment=D(0), shipping=order["paid"] - goods, restock=True)
            return
        for one in order["rows"]:
            one["canceled"] = one["ordered"] - one["shipped"]
            if not self.state.features.msi and one["type"] == "simple":
                self.products.get(one["sku"])["stock"]["qty"] += one["canceled"]
        order["state"] = "canceled"
        self.touch(order)

    @staticmethod
    def _value(one: Json) -> Decimal:
        return D(one["total"] - one["discount"] + one["tax"])
