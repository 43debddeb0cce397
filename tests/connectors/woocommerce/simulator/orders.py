"""Orders, refunds, notes, fulfilments and tracking entries, with WooCommerce's rules for status, money and stock."""

from __future__ import annotations

import secrets
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.connectors.woocommerce.simulator.products import Products
from tests.connectors.woocommerce.simulator.state import (
    ApiError,
    Json,
    State,
    amount,
    both,
    escaped,
    local,
    updated_meta,
)

CENT = Decimal("0.01")
FINE = Decimal("0.000001")
TAX_RATE_ID = 3
STOCK_TAKEN = ("processing", "completed", "on-hold")
STOCK_GIVEN_BACK = ("cancelled", "pending")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


class Orders:
    def __init__(self, state: State, products: Products) -> None:
        self.state = state
        self.products = products

    def get(self, order_id: int) -> Json:
        order = self.state.orders.get(order_id)
        if order is None:
            raise ApiError(404, "woocommerce_rest_shop_order_invalid_id", "Invalid ID.")
        return order

    # -- placing

    def place(
        self,
        lines: list[tuple[Json, int, Decimal, bool]],  # product or variation, units, price, a gift card that is sold
        *,
        customer_id: int,
        billing: Json,
        status: str,
        paid: bool,
        method: tuple[str, str],
        transaction_id: str,
        shipping: Decimal,
        discount: Decimal,
        tax_rate: Decimal,
        total_off_by: Decimal,
        gift_card: Decimal,
        at: datetime,
    ) -> Json:
        state = self.state
        subtotals = [cents(price * units) for _, units, price, _ in lines]
        line_items: list[Json] = []
        left, rest = discount, sum(subtotals, Decimal(0))
        for (product, units, _, card), subtotal in zip(lines, subtotals, strict=True):
            share = cents(left * subtotal / rest) if rest else Decimal(0)
            left, rest = left - share, rest - subtotal
            total = subtotal - share
            tax, tax_before = total * tax_rate, subtotal * tax_rate
            variation = product["type"] == "variation"
            parent = state.products[product["parent_id"]] if variation else product
            meta = [
                {
                    "id": state.number(),
                    "key": one["name"].lower(),
                    "value": one["option"],
                    "display_key": one["name"],
                    "display_value": one["option"],
                }
                for one in product.get("options", [])
            ]
            if card:
                meta.append(
                    {
                        "id": state.number(),
                        "key": "_ywgc_recipients",
                        "value": ["a@example.com"],
                        "display_key": "_ywgc_recipients",
                        "display_value": "a@example.com",
                    }
                )
            name = parent["name"] + (
                " - " + ", ".join(one["option"] for one in product["options"]) if variation else ""
            )
            line_items.append(
                {
                    "id": state.number(),
                    "name": name,
                    "product_id": parent["id"],
                    "variation_id": product["id"] if variation else 0,
                    "quantity": units,
                    "tax_class": "",
                    "subtotal": subtotal,
                    "subtotal_tax": tax_before,
                    "total": total,
                    "total_tax": tax,
                    "taxes": [{"id": TAX_RATE_ID, "total": tax, "subtotal": tax_before}] if tax_rate else [],
                    "meta_data": meta,
                    "sku": product["sku"],
                    "parent_name": parent["name"] if variation else None,
                }
            )
        shipping_tax = shipping * tax_rate
        cart_tax = cents(sum((one["total_tax"] for one in line_items), Decimal(0)))
        total_tax = cart_tax + cents(shipping_tax)
        total = sum((one["total"] for one in line_items), Decimal(0)) + shipping + total_tax + total_off_by - gift_card
        number = state.number()
        order: Json = {
            "id": number,
            "parent_id": 0,
            "number": str(number),
            "order_key": f"wc_order_{secrets.token_hex(6)}",
            "created_via": "checkout",
            "version": ".".join(map(str, state.version)),
            "status": "pending",
            "currency": "EUR",
            "date_created": at,
            "date_modified": state.now(),
            "date_paid": None,
            "date_completed": None,
            "discount_total": discount,
            "discount_tax": cents(discount * tax_rate),
            "shipping_total": shipping,
            "shipping_tax": cents(shipping_tax),
            "cart_tax": cart_tax,
            "total_tax": total_tax,
            "total": total,
            "prices_include_tax": False,
            "customer_id": customer_id,
            "customer_note": "",
            "billing": billing,
            "shipping": {key: value for key, value in billing.items() if key != "email"},
            "payment_method": method[0],
            "payment_method_title": method[1],
            "transaction_id": transaction_id,
            "line_items": line_items,
            "fee_lines": [],
            "refunds": [],
            "meta_data": [],
            "tax_lines": [
                {
                    "id": state.number(),
                    "rate_code": "DE-MWST-1",
                    "rate_id": TAX_RATE_ID,
                    "label": "MwSt. &amp; Co",
                    "compound": False,
                    "tax_total": cart_tax,
                    "shipping_tax_total": cents(shipping_tax),
                    "rate_percent": float(tax_rate * 100),
                    "meta_data": [],
                }
            ]
            if tax_rate
            else [],
            "shipping_lines": [
                {
                    "id": state.number(),
                    "method_title": "Parcel",
                    "method_id": "flat_rate",
                    "instance_id": "1",
                    "total": shipping,
                    "total_tax": cents(shipping_tax),
                    "taxes": [{"id": TAX_RATE_ID, "total": cents(shipping_tax), "subtotal": ""}] if tax_rate else [],
                    "meta_data": [],
                }
            ],
            "coupon_lines": [
                {
                    "id": state.number(),
                    "code": "welcome",
                    "discount": discount,
                    "discount_tax": cents(discount * tax_rate),
                    "meta_data": [],
                    "discount_type": "fixed_cart",
                    "nominal_amount": float(discount),
                    "free_shipping": False,
                }
            ]
            if discount
            else [],
        }
        if gift_card:
            self.set_meta(order, "_ywgc_applied_gift_cards", {"GIFT-1234": float(gift_card)})
        state.orders[number] = order
        if paid:
            order["date_paid"] = at
        self.set_status(order, status, announce=False)
        self.changed(order, "order.created")
        return order

    def set_meta(self, order: Json, key: str, value: Any) -> None:
        order["meta_data"] = updated_meta(order["meta_data"], [{"key": key, "value": value}], self.state.number)

    def changed(self, order: Json, topic: str = "order.updated") -> None:
        order["date_modified"] = self.state.now()
        self.state.deliveries.append((topic, order["id"]))

    # -- what the API may change

    def update(self, order: Json, body: Json) -> None:
        if "meta_data" in body:
            order["meta_data"] = updated_meta(order["meta_data"], body["meta_data"], self.state.number)
        if "customer_note" in body:
            order["customer_note"] = body["customer_note"]
        if "transaction_id" in body:
            order["transaction_id"] = body["transaction_id"]
        if "status" in body:
            self.set_status(order, body["status"], announce=False)
        self.changed(order)

    def set_status(self, order: Json, status: str, *, announce: bool = True) -> None:
        """With what follows from it: the dates, the stock, and the gateway that takes its money with the status."""
        now = self.state.now()
        order["status"] = status
        if status in ("processing", "completed") and order["date_paid"] is None:
            order["date_paid"] = now
        if status == "completed" and order["date_completed"] is None:
            order["date_completed"] = now
        if status in STOCK_TAKEN:
            self._take_stock(order)
        if status in STOCK_GIVEN_BACK:
            self._give_stock_back(order)
        if announce:
            self.changed(order)

    def _product_of(self, line: Json) -> Json | None:
        return self.state.products.get(line["variation_id"] or line["product_id"])

    def _move_stock(self, product: Json, units: int) -> None:
        managed = self.products.manages_stock(product)
        if managed:
            holder = self.state.products[product["parent_id"]] if managed == "parent" else product
            holder["stock_quantity"] = (holder["stock_quantity"] or 0) + units
            holder["date_modified"] = self.state.now()

    def _take_stock(self, order: Json) -> None:
        for line in order["line_items"]:
            product = self._product_of(line)
            if product is None or _meta(line, "_reduced_stock") or not self.products.manages_stock(product):
                continue
            self._move_stock(product, -line["quantity"])
            self._line_meta(line, "_reduced_stock", str(line["quantity"]))

    def _give_stock_back(self, order: Json) -> None:
        for line in order["line_items"]:
            reduced, product = int(_meta(line, "_reduced_stock") or 0), self._product_of(line)
            if reduced and product is not None:
                self._move_stock(product, reduced)
                line["meta_data"] = [one for one in line["meta_data"] if one["key"] != "_reduced_stock"]

    def _line_meta(self, line: Json, key: str, value: str) -> None:
        line["meta_data"] = [one for one in line["meta_data"] if one["key"] != key]
        line["meta_data"].append(
            {"id": self.state.number(), "key": key, "value": value, "display_key": key, "display_value": value}
        )

    # -- refunds

    def refund(self, order: Json, body: Json) -> Json:
        """As wc_create_refund: `line_items` by order line with quantity, refund_total and refund_tax."""
        lines = body.get("line_items") or []
        total = sum(
            (
                Decimal(str(one.get("refund_total", 0)))
                + sum(Decimal(str(tax["refund_total"])) for tax in one.get("refund_tax", []))
            )
            for one in lines
        )
        value = Decimal(str(body["amount"])) if body.get("amount") is not None else Decimal(total)
        left = order["total"] - sum((one["amount"] for one in self.refunds(order)), Decimal(0))
        if value < 0 or value > left:
            raise ApiError(500, "woocommerce_rest_cannot_create_order_refund", "Invalid refund amount.")
        known = {one["id"]: one for one in order["line_items"]}
        items: list[Json] = []
        for one in lines:
            line = known[one["id"]]
            tax = sum((Decimal(str(each["refund_total"])) for each in one.get("refund_tax", [])), Decimal(0))
            back = Decimal(str(one.get("refund_total", 0)))
            items.append(
                {
                    **line,
                    "id": self.state.number(),
                    "quantity": -one.get("quantity", 0),
                    "subtotal": -back,
                    "total": -back,
                    "subtotal_tax": -tax,
                    "total_tax": -tax,
                    "taxes": [{"id": TAX_RATE_ID, "total": -tax, "subtotal": -tax}] if tax else [],
                    "meta_data": [
                        {
                            "id": self.state.number(),
                            "key": "_refunded_item_id",
                            "value": str(line["id"]),
                            "display_key": "_refunded_item_id",
                            "display_value": str(line["id"]),
                        }
                    ],
                }
            )
            product = self._product_of(line)
            reduced = int(_meta(line, "_reduced_stock") or 0)
            if body.get("api_restock", True) and one.get("quantity") and reduced and product is not None:
                self._move_stock(product, one["quantity"])
                self._line_meta(line, "_reduced_stock", str(reduced - one["quantity"]))
                before = int(_meta(line, "_restock_refunded_items") or 0)
                self._line_meta(line, "_restock_refunded_items", str(before + one["quantity"]))
        number = self.state.number()
        refund = {
            "id": number,
            "parent_id": order["id"],
            "date_created": self.state.now(),
            "amount": value,
            "reason": body.get("reason") or "",
            "refunded_by": 1,
            "refunded_payment": bool(body.get("api_refund", True)),
            "meta_data": [],
            "line_items": items,
            "shipping_lines": [],
            "tax_lines": [],
            "fee_lines": [],
        }
        self.state.refunds[number] = refund
        order["refunds"].append(number)
        if value == left:
            self.set_status(order, "refunded", announce=False)
        self.changed(order)
        return refund

    def refunds(self, order: Json) -> list[Json]:
        return [self.state.refunds[number] for number in order["refunds"]]

    # -- notes, fulfilments, tracking

    def note(self, order: Json, body: Json) -> Json:
        now = self.state.now()
        note = {
            "id": self.state.number(),
            "author": "system",
            "note": escaped(body["note"]),
            "customer_note": bool(body.get("customer_note")),
            **both("date_created", now),
        }
        self.state.notes.setdefault(order["id"], []).insert(0, note)
        return note

    def fulfil(self, order: Json, body: Json) -> Json:
        """As OrderFulfillmentsRestController and its data store take it."""
        meta = [{"id": self.state.number(), "key": one["key"], "value": one["value"]} for one in body["meta_data"]]
        items = next((one["value"] for one in meta if one["key"] == "_items"), None)
        if not items or not isinstance(items, list):
            raise ApiError(400, "0", "The fulfillment should contain at least one item.")
        for one in items:
            if (
                not isinstance(one.get("item_id"), int)
                or not isinstance(one.get("qty"), int | float)
                or one["qty"] <= 0
            ):
                raise ApiError(400, "0", "Invalid item.")
        fulfilled = body.get("status") == "fulfilled"
        now = self.state.now()
        wall = (local(now) or "").replace("T", " ")
        if fulfilled:
            meta.append({"id": self.state.number(), "key": "_date_fulfilled", "value": wall})
        number = self.state.number()
        made = {
            "id": number,
            "entity_type": "WC_Order",
            "entity_id": str(order["id"]),
            "status": body.get("status"),
            "is_fulfilled": fulfilled,
            "date_updated": wall,
            "date_deleted": None,
            "meta_data": meta,
        }
        self.state.fulfilments[number] = made
        shipped: dict[int, float] = {}
        for one in self.fulfilments(order):
            for item in _meta(one, "_items") or []:
                shipped[item["item_id"]] = shipped.get(item["item_id"], 0) + item["qty"]
        complete = all(shipped.get(line["id"], 0) >= line["quantity"] for line in order["line_items"])
        self.set_meta(order, "_fulfillment_status", "fulfilled" if complete else "partially_fulfilled")
        self.changed(order)
        return made

    def fulfilments(self, order: Json) -> list[Json]:
        return [one for one in self.state.fulfilments.values() if one["entity_id"] == str(order["id"])]

    def track(self, order: Json, body: Json, products: list[Json] | None = None) -> Json:
        now = self.state.now()
        shipped = (
            datetime.fromisoformat(body["date_shipped"]).replace(tzinfo=now.tzinfo) if body.get("date_shipped") else now
        )
        entry: Json = {
            "tracking_provider": body.get("tracking_provider", ""),
            "custom_tracking_provider": body.get("custom_tracking_provider", ""),
            "custom_tracking_link": body.get("custom_tracking_link", ""),
            "tracking_number": body["tracking_number"],
            "date_shipped": str(int(shipped.timestamp())),
            "tracking_id": secrets.token_hex(16),
        }
        if products is not None:
            entry["products_list"] = products
        known = _meta(order, "_wc_shipment_tracking_items") or []
        self.set_meta(order, "_wc_shipment_tracking_items", [*known, entry])
        self.changed(order)
        return entry

    # -- reading

    def json(self, order: Json, places: int) -> Json:
        def money(value: Decimal) -> str:
            return amount(value, places)

        value: Json = {
            **order,
            **both("date_created", order["date_created"]),
            **both("date_modified", order["date_modified"]),
            **both("date_paid", order["date_paid"]),
            **both("date_completed", order["date_completed"]),
            **{
                name: money(order[name])
                for name in (
                    "discount_total",
                    "discount_tax",
                    "shipping_total",
                    "shipping_tax",
                    "cart_tax",
                    "total",
                    "total_tax",
                )
            },
            "line_items": [self.line_json(one, places) for one in order["line_items"]],
            "tax_lines": [
                {**one, "tax_total": money(one["tax_total"]), "shipping_tax_total": money(one["shipping_tax_total"])}
                for one in order["tax_lines"]
            ],
            "shipping_lines": [
                {
                    **one,
                    "total": money(one["total"]),
                    "total_tax": money(one["total_tax"]),
                    "taxes": [{**tax, "total": money(tax["total"])} for tax in one["taxes"]],
                }
                for one in order["shipping_lines"]
            ],
            "fee_lines": [
                {**one, "total": money(one["total"]), "total_tax": money(one["total_tax"])}
                for one in order["fee_lines"]
            ],
            "coupon_lines": [
                {**one, "discount": money(one["discount"]), "discount_tax": money(one["discount_tax"])}
                for one in order["coupon_lines"]
            ],
            "refunds": [
                {"id": one["id"], "reason": one["reason"], "total": "-" + money(one["amount"])}
                for one in self.refunds(order)
            ],
            "payment_url": f"https://shop.test/checkout/order-pay/{order['id']}",
            "is_editable": order["status"] in ("pending", "on-hold"),
            "needs_payment": order["status"] == "pending",
            "needs_processing": True,
        }
        return value

    def line_json(self, line: Json, places: int) -> Json:
        """Amounts are texts, but `price` is a number."""
        units = line["quantity"]
        return {
            **line,
            **{name: amount(line[name], places) for name in ("subtotal", "subtotal_tax", "total", "total_tax")},
            "taxes": [
                {"id": one["id"], "total": plain(one["total"]), "subtotal": plain(one["subtotal"])}
                for one in line["taxes"]
            ],
            "price": float(line["total"] / units) if units else 0,
            "image": {"id": "", "src": ""},
        }

    def refund_json(self, refund: Json, places: int) -> Json:
        return {
            **refund,
            **both("date_created", refund["date_created"]),
            "amount": amount(refund["amount"], places),
            "line_items": [self.line_json(one, places) for one in refund["line_items"]],
        }


def plain(value: Decimal) -> str:
    """Tax amounts of lines come unrounded, without idle zeros."""
    text = format(value.quantize(FINE, ROUND_HALF_UP), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _meta(thing: Json, key: str) -> Any:
    return next((one["value"] for one in thing["meta_data"] if one["key"] == key), None)
