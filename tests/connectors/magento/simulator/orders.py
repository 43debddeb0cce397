"""Orders, invoices, shipments and credit memos. Amounts are kept as Decimal and go out as JSON numbers.

Two rows per configurable line: the configurable product's with the money, the variant's without. Every amount stands
there twice, in the order's currency and (`base_...`) in the shop's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.connectors.magento.simulator.products import Products
from tests.connectors.magento.simulator.state import RATE, ApiError, D, Json, State, cents, number, stamp

OPEN_STATES = ("new", "pending_payment", "payment_review", "processing", "holded")
PAID, REFUNDED = 2, 2
INVALID_INVOICE = "Invoice Document Validation Error(s):"
INVALID_SHIPMENT = "Shipment Document Validation Error(s):"


def both(values: Mapping[str, Any]) -> Json:
    """Amounts in both currencies."""
    found: Json = {}
    for key, value in values.items():
        found[key] = number(value)
        found[f"base_{key}"] = number((D(value) * RATE).quantize(D("0.0001")))
    return found


class Desk:
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

    def top(self, order: Json) -> list[Json]:
        return [one for one in order["rows"] if one["parent_item_id"] is None]

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

    # -- on their way out

    def order_out(self, order: Json) -> Json:
        who = order["who"]
        extension: Json = {
            "shipping_assignments": [
                {"shipping": {"address": self._address(order, "shipping"), "method": "flatrate_flatrate"}, "items": []}
            ],
            "applied_taxes": [{"code": "VAT", "title": "VAT", "percent": number(order["tax_rate"] * 100),
            **both({"amount": order["tax"]})}],
            "item_applied_taxes": [
                {
                    "type": "product", "item_id": one["item_id"],
                    "applied_taxes": [{"code": "VAT", "title": "VAT", "percent": number(one["rate"]),
                    **both({"amount": one["tax"]})}],
                }
                for one in self.top(order)
            ],
            "payment_additional_info": [{"key": "method_title", "value": "Credit card"}],
        }  # fmt: skip
        if order["gift_card"]:
            amounts = both({"amount": order["gift_card"]})
            extension["gift_cards"] = [{"id": 1, "code": "GC-1", **amounts}]
            extension |= both({"gift_cards_amount": order["gift_card"]})
        found: Json = {
            "entity_id": order["id"], "increment_id": order["increment"], "state": order["state"],
            "status": {"new": "pending"}.get(order["state"], order["state"]), "created_at": order["created"],
            "updated_at": order["updated"],
            "customer_email": who["email"], "customer_is_guest": int(not who.get("id")), "order_currency_code": "EUR",
            "base_currency_code": "USD", "shipping_description": "Flat Rate - Fixed", "is_virtual": 0,
            "items": [self.row_out(order, one) for one in order["rows"]],
            "billing_address": self._address(order, "billing"),
            "payment": self._payment(order), "status_histories": [], "extension_attributes": extension,
            **both(
                {
                    "grand_total": order["grand"], "subtotal": order["subtotal"], "discount_amount": -order["discount"],
                    "shipping_amount": order["shipping"], "shipping_tax_amount": order["shipping_tax"],
                    "tax_amount": order["tax"],
                    "shipping_discount_amount": D(0),
                }
            ),
        }  # fmt: skip
        if who.get("id"):
            found |= {
                "customer_id": int(who["id"]),
                "customer_firstname": who["first"],
                "customer_lastname": who["last"],
            }
        if order["discount"]:
            found["coupon_code"] = "SAVE"
        if order["invoiced"]:  # what has not happened yet is not there at all
            found |= both(
                {
                    "total_invoiced": order["invoiced"],
                    "total_paid": order["paid"],
                    "total_due": order["grand"] - order["paid"],
                }
            )
        if order["refunded"]:
            found |= both({"total_refunded": order["refunded"]})
        return found

    def _address(self, order: Json, kind: str) -> Json:
        who = order["who"]
        return {
            "entity_id": order["id"], "parent_id": order["id"], "address_type": kind, "firstname": who["first"],
            "lastname": who["last"],
            "street": ["Hauptstraße 1", "Hinterhaus"], "city": "Köln", "region": "Nordrhein-Westfalen",
            "region_code": "NRW",
            "postcode": "50667", "country_id": "DE", "telephone": "+49 221 1", "email": who["email"],
        }  # fmt: skip

    def _payment(self, order: Json) -> Json:
        found: Json = {
            "method": order["method"], "account_status": "", "additional_information": ["Credit card"],
            "cc_last4": "4242", "cc_type": "VI",
            "entity_id": order["id"], "parent_id": order["id"], **both({"amount_ordered": order["grand"]}),
        }  # fmt: skip
        if order["authorised"]:
            found |= both({"amount_authorized": order["authorised"]})
        if order["paid"]:
            found |= {"last_trans_id": f"pay_{order['id']}", **both({"amount_paid": order["paid"]})}
        return found

    def row_out(self, order: Json, one: Json) -> Json:
        found: Json = {
            "item_id": one["item_id"], "order_id": order["id"], "product_id": one["product_id"], "sku": one["sku"],
            "name": one["name"],
            "product_type": one["type"], "created_at": order["created"], "updated_at": order["updated"],
            "tax_percent": number(one["rate"]), "is_virtual": 0,
            **{f"qty_{name}": number(one[name]) for name in ("ordered", "invoiced", "shipped", "refunded", "canceled")},
            **both(
                {
                    "price": one["price"], "original_price": one["price"], "row_total": one["total"],
                    "discount_amount": one["discount"], "tax_amount": one["tax"],
                    "price_incl_tax": one["price"] + (cents(one["tax"] / one["ordered"]) if one["ordered"] else D(0)),
                    "row_total_incl_tax": one["total"] + one["tax"],
                }
            ),
        }  # fmt: skip
        if one["parent_item_id"]:
            found["parent_item_id"] = one["parent_item_id"]
            found["parent_item"] = self.row_out(order, self.row(order, one["parent_item_id"]))
        return found

    def invoice_out(self, one: Json) -> Json:
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"I{one['id']}", "state": one["state"],
            "created_at": one["created"], "updated_at": one["updated"], "transaction_id": one["transaction"],
            "total_qty": number(sum((item["qty"] for item in one["items"]), D(0))), "order_currency_code": "EUR",
            "comments": [],
            "items": [
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": item["row"]["item_id"],
                    "sku": item["row"]["sku"],
                    "name": item["row"]["name"], "qty": number(item["qty"]),
                    **both({"price": item["row"]["price"], "row_total": item["total"], "tax_amount": item["tax"],
                    "discount_amount": item["discount"]}),
                }
                for place, item in enumerate(one["items"])
            ],
            **both({"grand_total": one["total"], "shipping_amount": one["shipping"],
            "shipping_tax_amount": one["shipping_tax"]}),
        }  # fmt: skip

    def shipment_out(self, one: Json) -> Json:
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"S{one['id']}",
            "created_at": one["created"],
            "updated_at": one["updated"], "extension_attributes": {"source_code": one["source"]},
            "total_qty": number(sum((count for _, count in one["items"]), D(0))),
            "items": [
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": row["item_id"], "sku": row["sku"],
                    "name": row["name"],
                    "qty": number(count), "product_id": row["product_id"],
                }
                for place, (row, count) in enumerate(one["items"])
            ],
            "tracks": [
                {
                    "entity_id": track["id"], "order_id": one["order"], "parent_id": one["id"], "weight": 0, "qty": 0,
                    "description": "",
                    "track_number": track["track_number"], "title": track["title"],
                    "carrier_code": track["carrier_code"],
                }
                for track in one["tracks"]
            ],
            "comments": [
                {"comment": text, "is_customer_notified": 0, "is_visible_on_front": 0, "parent_id": one["id"]}
                for text in one["comments"]
            ],
        }  # fmt: skip

    def creditmemo_out(self, one: Json) -> Json:
        items = []
        for place, item in enumerate(one["items"]):
            row = item["row"]
            items.append(
                {
                    "entity_id": place, "parent_id": one["id"], "order_item_id": row["item_id"], "sku": row["sku"],
                    "name": row["name"],
                    "qty": number(item["qty"]), "base_cost": 0,
                    **both({"price": row["price"], "row_total": item["total"], "tax_amount": item["tax"],
                    "discount_amount": item["discount"]}),
                }
            )  # fmt: skip
            child = next(
                (
                    other
                    for other in self.state.orders[one["order"]]["rows"]
                    if other["parent_item_id"] == row["item_id"]
                ),
                None,
            )
            if child:  # the variant's row stands there too, without money
                items.append(
                    {
                        "entity_id": 1000 + place, "parent_id": one["id"], "order_item_id": child["item_id"],
                        "sku": child["sku"],
                        "name": child["name"], "qty": number(item["qty"]), "base_cost": 0, "price": 0, "base_price": 0,
                    }
                )  # fmt: skip
        amounts = {
            "grand_total": one["total"], "adjustment_positive": one["adjustment"], "adjustment_negative": D(0),
            "shipping_amount": one["shipping"], "tax_amount": one["tax"],
        }  # fmt: skip
        return {
            "entity_id": one["id"], "order_id": one["order"], "increment_id": f"C{one['id']}", "state": one["state"],
            "created_at": one["created"], "updated_at": one["updated"], "order_currency_code": "EUR", "items": items,
            "comments": [],
            **both(amounts),
        }  # fmt: skip
