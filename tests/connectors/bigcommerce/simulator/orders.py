"""Orders, shipments, payments and refunds as a store keeps them, and as V2 and V3 tell them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.connectors.bigcommerce.simulator.catalogue import DEFAULT_LOCATION, Catalogue
from tests.connectors.bigcommerce.simulator.state import ApiError, Json, State, amount, iso, rfc

D = Decimal
STATUSES = {
    0: "Incomplete", 1: "Pending", 2: "Shipped", 3: "Partially Shipped", 4: "Refunded", 5: "Cancelled", 6: "Declined",
    7: "Awaiting Payment", 8: "Awaiting Pickup", 9: "Awaiting Shipment", 10: "Completed", 11: "Awaiting Fulfillment",
    12: "Manual Verification Required", 13: "Disputed", 14: "Partially Refunded",
}  # fmt: skip
CENT = D("0.01")


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


class Desk:
    def __init__(self, state: State, catalogue: Catalogue) -> None:
        self.state = state
        self.catalogue = catalogue

    def get(self, order_id: int) -> Json:
        if order_id not in self.state.orders:
            raise ApiError(404, "The requested resource was not found.")
        return self.state.orders[order_id]

    def touch(self, order: Json) -> None:
        order["modified"] = self.state.now()

    # -- shoppers

    def place(
        self,
        bought: Sequence[tuple[Json | None, int, Decimal, str]],
        *,
        customer_id: int,
        billing: Json,
        status_id: int,
        payment_status: str,
        shipping: Decimal,
        discount: Decimal,
        tax_rate: Decimal,
        total_off_by: Decimal,
        gift_card: Decimal,
        at: datetime,
        addresses: int = 1,
        pickup: bool = False,
    ) -> Json:
        """`bought`: (variant, quantity, price without tax, type physical or giftcertificate)."""
        order_id = self.state.number()
        places = [self.state.number() for _ in range(addresses)]
        lines: list[Json] = []
        gross = sum((price * units for _, units, price, _ in bought), D(0))
        given = D(0)
        for n, (variant, units, price, kind) in enumerate(bought):
            product = self.state.products[variant["product_id"]] if variant else {"name": "Gift", "id": 0}
            whole = price * units
            part = discount - given if n == len(bought) - 1 else cents(discount * whole / gross) if gross else D(0)
            given += part
            tax = cents((whole - part) * tax_rate)
            lines.append(
                {
                    "id": self.state.number(), "order_id": order_id, "product_id": product["id"], "type": kind,
                    "variant_id": variant["id"] if variant else 0, "name": product["name"],
                    "sku": variant["sku"] if variant else "", "quantity": units, "quantity_shipped": 0,
                    "quantity_refunded": 0, "price": price, "total": whole, "tax": tax, "discount": part,
                    "order_address_id": 0 if pickup or kind == "giftcertificate" else places[n % addresses],
                    "product_options": [
                        {"id": v["id"], "display_name": v["option_display_name"], "display_value": v["label"]}
                        for v in (variant["option_values"] if variant else [])
                    ],
                }
            )  # fmt: skip
        shipping_tax = cents(shipping * tax_rate)
        tax = sum((one["tax"] for one in lines), shipping_tax)
        total = gross - discount + shipping + tax + total_off_by
        order: Json = {
            "id": order_id, "status_id": status_id, "payment_status": payment_status, "customer_id": customer_id,
            "billing": billing, "lines": lines, "places": places, "pickup": pickup, "shipping": shipping,
            "discount": discount, "tax": tax, "shipping_tax": shipping_tax, "tax_rate": tax_rate, "total": total,
            "gift_card": gift_card,
            "created": at, "modified": self.state.now(), "shipped_at": None, "shipments": [], "transactions": [],
            "coupons": [], "fees": [],
        }  # fmt: skip
        self.state.orders[order_id] = order
        if gift_card:
            extra = {"gift_certificate": {"code": "GC-1", "original_balance": 50.0, "remaining_balance": 42.0}}
            self._transaction(order, "purchase", gift_card, "gift_certificate", "giftcertificate", extra)
        if payment_status == "captured":
            self._transaction(order, "purchase", total - gift_card)
        elif payment_status == "authorized":
            self._transaction(order, "authorization", total - gift_card)
        if status_id not in (0, 5, 6):
            self._move_stock(order, -1)
        return order

    def _transaction(
        self,
        order: Json,
        event: str,
        value: Decimal,
        method: str = "credit_card",
        gateway: str = "stripe",
        extra: Json | None = None,
        status: str = "ok",
    ) -> Json:
        number = self.state.number()
        card = {
            "card_type": "visa",
            "card_iin": "",
            "card_last4": "4242",
            "card_expiry_month": 4,
            "card_expiry_year": 2030,
        }
        made = {
            "id": number, "order_id": str(order["id"]), "event": event, "method": method, "gateway": gateway,
            "amount": float(value), "currency": "EUR", "status": status, "test": False, "fraud_review": False,
            "gateway_transaction_id": f"pi_{number}", "date_created": iso(self.state.now()),
            **({"credit_card": card} if method == "credit_card" else {}), **(extra or {}),
        }  # fmt: skip
        order["transactions"].append(made)
        return made

    def _move_stock(self, order: Json, way: int, lines: dict[int, int] | None = None) -> None:
        for line in order["lines"]:
            units = line["quantity"] if lines is None else lines.get(line["id"], 0)
            key = (line["variant_id"], DEFAULT_LOCATION)
            if key in self.state.stock:
                self.state.stock[key] += way * units

    def pay(self, order: Json) -> None:
        held = order["payment_status"] == "authorized"
        self._transaction(order, "capture" if held else "purchase", order["total"] - order["gift_card"])
        order["payment_status"] = "captured"
        if order["status_id"] in (0, 1, 7):
            order["status_id"] = 11
        self.touch(order)

    # -- the warehouse

    def open_units(self, order: Json) -> dict[int, int]:
        return {
            one["id"]: one["quantity"] - one["quantity_shipped"] - one["quantity_refunded"] for one in order["lines"]
        }

    def ship(self, order: Json, body: Json) -> Json:
        place = body.get("order_address_id")
        if place not in order["places"] or order["pickup"]:
            raise ApiError(400, "The field 'order_address_id' is invalid.")
        by_id = {one["id"]: one for one in order["lines"]}
        if not body.get("items"):
            raise ApiError(400, "The field 'items' is required.")
        for item in body["items"]:
            line = by_id.get(item["order_product_id"])
            if line is None or line["order_address_id"] != place:
                raise ApiError(400, "The order product does not belong to this address.")
            if line["quantity_shipped"] + item["quantity"] > line["quantity"]:
                raise ApiError(400, "The quantity is greater than what can be shipped.")
        for item in body["items"]:
            by_id[item["order_product_id"]]["quantity_shipped"] += item["quantity"]
        shipment: Json = {
            "id": self.state.number(), "order_id": order["id"], "customer_id": order["customer_id"],
            "order_address_id": place, "date_created": rfc(self.state.now()),
            "tracking_number": body.get("tracking_number", ""), "tracking_carrier": body.get("tracking_carrier", ""),
            "tracking_link": body.get("tracking_link", ""), "shipping_method": body.get("shipping_method", ""),
            "shipping_provider": body.get("shipping_provider", ""), "comments": body.get("comments", ""),
            "shipping_provider_display_name": "", "generated_tracking_link": "", "merchant_shipping_cost": "0.0000",
            "billing_address": order["billing"], "shipping_address": order["billing"],
            "items": [
                {
                    "order_product_id": item["order_product_id"], "quantity": item["quantity"],
                    "product_id": by_id[item["order_product_id"]]["product_id"],
                }
                for item in body["items"]
            ],
        }  # fmt: skip
        order["shipments"].append(shipment)
        done = all(one["quantity_shipped"] >= one["quantity"] for one in order["lines"] if one["order_address_id"])
        order["status_id"] = 2 if done else 3
        if done:
            order["shipped_at"] = self.state.now()
        self.touch(order)
        return shipment

    def set_status(self, order: Json, status_id: int) -> None:
        if status_id in (5, 6) and order["status_id"] not in (5, 6):
            self._move_stock(order, 1, self.open_units(order))
        order["status_id"] = status_id
        self.touch(order)

    # -- money

    def capture(self, order: Json) -> None:
        """Accepted now, done by the gateway some moments later."""
        if order["payment_status"] != "authorized":
            raise ApiError(422, "The payment cannot be captured")
        order["payment_status"] = "capture pending"
        self.state.captures[order["id"]] = self.state.features.capture_takes
        self.touch(order)

    def tick(self) -> None:
        """Each request lets the gateways work a little."""
        for order_id in list(self.state.captures):
            self.state.captures[order_id] -= 1
            if self.state.captures[order_id] > 0:
                continue
            del self.state.captures[order_id]
            order = self.state.orders[order_id]
            failed = self.state.features.capture_fails
            value = order["total"] - order["gift_card"]
            self._transaction(order, "capture", value, status="error" if failed else "ok")
            order["payment_status"] = "authorized" if failed else "captured"
            self.touch(order)

    def refund(self, order: Json, lines: dict[int, int], value: Decimal | None, *, restock: bool) -> Json:
        items: list[Json] = []
        tax = D(0)
        asked = D(0)
        for line in order["lines"]:
            units = lines.get(line["id"], 0)
            if not units:
                continue
            part = cents((line["total"] - line["discount"]) * units / line["quantity"])
            tax += cents(line["tax"] * units / line["quantity"])
            asked += part
            line["quantity_refunded"] += units
            items.append({"item_type": "PRODUCT", "item_id": line["id"], "quantity": units, "reason": "",
                          "requested_amount": float(part)})  # fmt: skip
        if value is not None:
            items.append({"item_type": "ORDER", "item_id": order["id"], "reason": "", "requested_amount": float(value)})
            asked += value
        total = asked + tax
        transaction = self._transaction(order, "refund", total)
        refund = {
            "id": self.state.number(), "order_id": order["id"], "user_id": 1, "created": iso(self.state.now()),
            "reason": "It came back", "total_amount": float(total), "total_tax": float(tax), "items": items,
            "payments": [
                {
                    "id": self.state.number(), "provider_id": "stripe", "amount": float(total), "offline": False,
                    "is_declined": False, "declined_message": "", "transaction_id": str(transaction["id"]),
                }
            ],
        }  # fmt: skip
        self.state.refunds[refund["id"]] = refund
        given = sum(
            D(str(one["total_amount"])) for one in self.state.refunds.values() if one["order_id"] == order["id"]
        )
        whole = given >= order["total"]
        order["payment_status"] = "refunded" if whole else "partially refunded"
        if whole:
            order["status_id"] = 4
        if restock:
            self._move_stock(order, 1, lines)
        self.touch(order)
        return refund

    # -- as they are answered

    def shown(self, order: Json, include: Sequence[str] = ()) -> Json:
        inclusive = self.state.features.tax_inclusive
        gross = sum((one["total"] for one in order["lines"]), D(0))
        tax = order["tax"]
        goods_tax = tax - order["shipping_tax"]
        body: Json = {
            "id": order["id"], "status_id": order["status_id"], "status": STATUSES[order["status_id"]],
            "payment_status": order["payment_status"], "payment_method": "Credit Card",
            "customer_id": order["customer_id"],
            "payment_provider_id": f"pi_{order['id']}" if order["transactions"] else "",
            "date_created": rfc(order["created"]), "date_modified": rfc(order["modified"]),
            "date_shipped": rfc(order["shipped_at"]), "customer_message": "", "staff_notes": "",
            "currency_code": "EUR", "default_currency_code": "EUR", "store_default_currency_code": "EUR",
            "subtotal_ex_tax": amount(gross), "subtotal_inc_tax": amount(gross + goods_tax),
            "subtotal_tax": amount(goods_tax),
            "shipping_cost_ex_tax": amount(order["shipping"]),
            "shipping_cost_inc_tax": amount(order["shipping"] + order["shipping_tax"]),
            "shipping_cost_tax": amount(order["shipping_tax"]), "handling_cost_ex_tax": "0.0000",
            "handling_cost_inc_tax": "0.0000",
            "handling_cost_tax": "0.0000", "wrapping_cost_ex_tax": "0.0000", "wrapping_cost_inc_tax": "0.0000",
            "wrapping_cost_tax": "0.0000", "total_ex_tax": amount(order["total"] - tax),
            "total_inc_tax": amount(order["total"]), "total_tax": amount(tax),
            "discount_amount": amount(order["discount"] - self._by_coupons(order)),
            "coupon_discount": amount(self._by_coupons(order)),
            "gift_certificate_amount": amount(order["gift_card"]), "store_credit_amount": "0.0000",
            "refunded_amount": "0.0000", "is_tax_inclusive_pricing": inclusive, "is_deleted": False, "channel_id": 1,
            "items_total": sum(one["quantity"] for one in order["lines"]),
            "items_shipped": sum(one["quantity_shipped"] for one in order["lines"]), "order_is_digital": False,
            "shipping_address_count": len(order["places"]), "external_id": None, "external_order_id": "",
            "billing_address": {**order["billing"], "form_fields": []},
        }  # fmt: skip
        where = f"/orders/{order['id']}"
        for name in ("products", "shipping_addresses", "coupons"):
            body[name] = {"url": f"https://store.invalid/v2{where}/{name}", "resource": f"{where}/{name}"}
        stub = {"url": f"https://store.invalid/v2{where}/consignments", "resource": f"{where}/consignments"}
        body["consignments"] = self._consignments(order) if "consignments" in include else stub
        stub = {"url": f"https://store.invalid/v2{where}/fees", "resource": f"{where}/fees"}
        body["fees"] = order["fees"] if "fees" in include else stub
        return body

    @staticmethod
    def _by_coupons(order: Json) -> Decimal:
        return sum((one["discount"] for one in order["coupons"]), D(0))

    def _consignments(self, order: Json) -> Json:
        mailed = [one for one in order["lines"] if one["type"] == "giftcertificate"]
        goods = [one for one in order["lines"] if one["type"] != "giftcertificate"]
        billing = order["billing"]
        address = {name: value for name, value in billing.items() if name != "form_fields"}
        shipping = [
            {
                "id": place, **address, "form_fields": [],
                "line_items": [self._line(one) for one in goods if one["order_address_id"] == place],
                "items_total": 1, "items_shipped": 0, "shipping_method": "Flat rate",
                "base_cost": float(order["shipping"] if n == 0 else 0),
                "cost_ex_tax": float(order["shipping"] if n == 0 else 0),
                "cost_inc_tax": float(order["shipping"] + order["shipping_tax"] if n == 0 else 0),
                "cost_tax": float(order["shipping_tax"] if n == 0 else 0), "cost_tax_class_id": 2,
                "base_handling_cost": 0.0, "handling_cost_ex_tax": 0.0, "handling_cost_inc_tax": 0.0,
                "handling_cost_tax": 0.0, "shipping_zone_id": 1, "shipping_zone_name": "Germany",
            }
            for n, place in enumerate(order["places"])
        ]  # fmt: skip
        pickups = [
            {
                "id": order["places"][0], "pickup_method_id": 1, "pickup_method_display_name": "Collect in store",
                "collection_instructions": "", "collection_time_description": "",
                "location": {
                    "id": 7, "name": "Outlet", "code": "OUT", "address_line_1": "Markt 1", "address_line_2": "",
                    "city": "Köln", "state": "", "postal_code": "50667", "country_alpha2": "DE", "email": "",
                    "phone": "",
                },
                "line_items": [self._line(one) for one in goods],
            }
        ]  # fmt: skip
        certificates = [{"recipient_email": "friend@example.com", "line_items": [self._line(one) for one in mailed]}]
        return {
            "shipping": [] if order["pickup"] else shipping,
            "pickups": pickups if order["pickup"] else [],
            "downloads": [],
            "email": {"gift_certificates": certificates if mailed else []},
        }

    def _line(self, line: Json) -> Json:
        inclusive = self.state.features.tax_inclusive
        tax_each = line["tax"] / line["quantity"]
        with_tax = line["total"] + line["tax"]
        factor = with_tax / line["total"] if inclusive and line["total"] else D(1)
        coupons = [
            {
                "id": "total-coupon",
                "amount": amount(line["discount"] * factor),
                "name": "",
                "code": None,
                "target": "order",
            }
        ]
        return {
            "id": line["id"], "order_id": line["order_id"], "product_id": line["product_id"],
            "variant_id": line["variant_id"], "order_address_id": line["order_address_id"], "order_pickup_method_id": 0,
            "name": line["name"], "name_customer": line["name"], "name_merchant": line["name"], "sku": line["sku"],
            "type": line["type"], "base_price": amount(line["price"]), "price_ex_tax": amount(line["price"]),
            "price_inc_tax": amount(line["price"] + tax_each), "price_tax": amount(tax_each),
            "base_total": amount(line["total"]), "total_ex_tax": amount(line["total"]),
            "total_inc_tax": amount(with_tax), "total_tax": amount(line["tax"]), "quantity": line["quantity"],
            "quantity_shipped": line["quantity_shipped"], "quantity_refunded": line["quantity_refunded"],
            "is_refunded": line["quantity_refunded"] >= line["quantity"], "refund_amount": "0.0000",
            "applied_discounts": coupons if line["discount"] else [], "weight": 0,
            "product_options": line["product_options"], "brand": "", "upc": "",
        }  # fmt: skip

    def taxes(self, order: Json) -> list[Json]:
        found: list[Json] = []
        charged = [(one, "item") for one in order["lines"]]
        place = order["places"][0]
        charged.append(({"id": place, "order_address_id": place, "tax": order["shipping_tax"]}, "shipping"))
        for line, kind in charged:
            if line["tax"]:
                found.append({
                    "id": line["id"] + 1, "order_id": order["id"], "order_address_id": line["order_address_id"],
                    "tax_rate_id": 1, "sales_tax_id": "1", "tax_class_id": 0, "name": "VAT", "class": "Default",
                    "rate": amount(order["tax_rate"] * 100), "priority": 1, "priority_amount": amount(line["tax"]),
                    "line_amount": amount(line["tax"]), "order_product_id": str(line["id"]) if kind == "item" else "",
                    "line_item_type": kind,
                })  # fmt: skip
        return found

    def coupons(self, order: Json) -> list[Json]:
        return [
            {
                "id": one["id"], "coupon_id": one["id"], "order_id": order["id"], "code": one["code"],
                "amount": amount(one["discount"]), "type": 2, "discount": float(one["discount"]),
            }
            for one in order["coupons"]
        ]  # fmt: skip

    def statuses(self) -> list[Json]:
        return [
            {
                "id": number, "name": name, "system_label": name, "system_description": "",
                "custom_label": "Being packed" if number == 11 else name,
            }
            for number, name in STATUSES.items()
        ]  # fmt: skip


def matches(order: Json, values: dict[str, Any]) -> bool:
    return (
        ("min_date_modified" not in values or order["modified"] >= values["min_date_modified"])
        and ("min_date_created" not in values or order["created"] >= values["min_date_created"])
        and ("status_id" not in values or order["status_id"] == values["status_id"])
    )
