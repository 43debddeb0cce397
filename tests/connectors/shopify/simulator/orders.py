"""Orders, fulfilment orders, fulfilments, refunds and payments, as the shop keeps and shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from tests.connectors.shopify.simulator.connection import connection, paged
from tests.connectors.shopify.simulator.inventory import Inventory
from tests.connectors.shopify.simulator.products import terms
from tests.connectors.shopify.simulator.state import (
    PRIMARY,
    Json,
    State,
    Violation,
    gid,
    metafield_of,
    number_of,
    refused,
    set_metafields,
    text,
)

D = Decimal
TAKEN = ("CAPTURE", "SALE")


def cents(value: Decimal) -> Decimal:
    return value.quantize(D("0.01"), ROUND_HALF_UP)


class Orders:
    def __init__(self, state: State, inventory: Inventory) -> None:
        self.state = state
        self.inventory = inventory

    # -- money

    def bag(self, amount: Decimal) -> Json:
        features = self.state.features
        shown = cents(amount * D(features.rate))
        return {
            "__typename": "MoneyBag",
            "shopMoney": {"__typename": "MoneyV2", "amount": f"{cents(amount):.2f}", "currencyCode": "EUR"},
            "presentmentMoney": {
                "__typename": "MoneyV2", "amount": f"{shown:.2f}", "currencyCode": features.presentment
            },
        }  # fmt: skip

    # -- placing

    def place(
        self,
        bought: Sequence[tuple[Json, int, Decimal, bool]],
        *,
        customer: Json | None,
        address: Json,
        email: str,
        shipping: Decimal,
        discount: Decimal,
        tax_rate: Decimal,
        total_off_by: Decimal,
        gift_card: Decimal,
        paid: bool,
        authorised: bool,
        at: datetime,
        locations: Mapping[str, str] | None = None,
    ) -> Json:
        """`locations`: SKU -> where it is sent from, else the primary one."""
        number = self.state.number()
        lines: list[Json] = []
        included = self.state.features.taxes_included
        left = discount
        for variant, units, price, is_gift_card in bought:
            product = self.state.products[variant["product"]]
            amount = price * units
            off = min(left, amount)
            left -= off
            net = amount - off
            tax = cents(net * tax_rate / (1 + tax_rate)) if included else cents(net * tax_rate)
            lines.append(
                {
                    "id": self.state.number(), "sku": variant["sku"], "name": product["title"], "quantity": units,
                    "current": units, "price": price, "off": off, "tax": tax, "gift": is_gift_card,
                    "variant": variant["id"], "refunded": 0,
                }
            )  # fmt: skip
            self.inventory.move(variant["item"], (locations or {}).get(variant["sku"], PRIMARY), -units)
        shipping_tax = cents(shipping * tax_rate / (1 + tax_rate)) if included else cents(shipping * tax_rate)
        tax = sum((one["tax"] for one in lines), D(0)) + shipping_tax
        total = sum((one["price"] * one["quantity"] - one["off"] for one in lines), D(0)) + shipping + total_off_by
        total += D(0) if included else tax
        order = {
            "id": number, "number": 1000 + len(self.state.orders) + 1, "created": at, "updated": at, "cancelled": None,
            "test": False, "email": email, "note": None, "customer": customer, "address": address, "lines": lines,
            "shipping": shipping, "shipping_tax": shipping_tax, "tax": tax, "rate": tax_rate, "total": total,
            "code": "WELCOME" if discount else None, "transactions": [], "fulfillments": [], "refunds": [],
            "fulfillment_orders": [], "attributes": [],
        }  # fmt: skip
        self.state.orders[number] = order
        by_location: dict[str, list[Json]] = {}
        for one in lines:
            by_location.setdefault((locations or {}).get(one["sku"], PRIMARY), []).append(one)
        for location, those in by_location.items():
            order["fulfillment_orders"].append(
                {
                    "id": self.state.number(), "location": location, "status": "OPEN",
                    "lines": [
                        {"id": self.state.number(), "line": one["id"], "remaining": one["quantity"]} for one in those
                    ],
                }
            )  # fmt: skip
        rest = total - gift_card
        if gift_card:
            self.transaction(order, "SALE", gift_card, "gift_card", at)
        if rest and authorised:
            self.transaction(order, "AUTHORIZATION", rest, "shopify_payments", at)
        elif rest and paid:
            self.transaction(order, "SALE", rest, "shopify_payments", at)
        return order

    def transaction(
        self, order: Json, kind: str, amount: Decimal, gateway: str, at: datetime, parent: str | None = None
    ) -> Json:
        made = {
            "id": self.state.number(), "kind": kind, "amount": amount, "gateway": gateway, "at": at, "parent": parent,
            "status": "SUCCESS",
        }  # fmt: skip
        order["transactions"].append(made)
        return made

    def touch(self, order: Json) -> None:
        order["updated"] = max(self.state.now(), order["updated"])

    # -- what follows from it

    @staticmethod
    def paid(order: Json) -> Decimal:
        return sum((one["amount"] for one in order["transactions"] if one["kind"] in TAKEN), D(0))

    @staticmethod
    def given_back(order: Json) -> Decimal:
        return sum((one["amount"] for one in order["transactions"] if one["kind"] == "REFUND"), D(0))

    @staticmethod
    def unsettled(order: Json) -> Decimal:
        reserved = sum((one["amount"] for one in order["transactions"] if one["kind"] == "AUTHORIZATION"), D(0))
        if any(one["kind"] == "VOID" for one in order["transactions"]):
            return D(0)
        return reserved - sum((one["amount"] for one in order["transactions"] if one["kind"] == "CAPTURE"), D(0))

    def financial(self, order: Json) -> str:
        paid, back = self.paid(order), self.given_back(order)
        if back:
            return "REFUNDED" if back >= paid else "PARTIALLY_REFUNDED"
        if any(one["kind"] == "VOID" for one in order["transactions"]) or (order["cancelled"] and not paid):
            return "VOIDED"
        if paid:
            return "PAID" if paid >= order["total"] else "PARTIALLY_PAID"
        return "AUTHORIZED" if self.unsettled(order) > 0 else "PENDING"

    @staticmethod
    def shipped(order: Json, line: str) -> int:
        made = [one for one in order["fulfillments"] if one["status"] == "SUCCESS"]
        return sum(units for one in made for where, units in one["lines"].items() if where == line)

    def fulfilment(self, order: Json) -> str:
        away = [self.shipped(order, one["id"]) for one in order["lines"]]
        if all(gone >= one["current"] for gone, one in zip(away, order["lines"], strict=True)) and any(away):
            return "FULFILLED"
        return "PARTIALLY_FULFILLED" if any(away) else "UNFULFILLED"

    # -- views

    def view(self, order: Json) -> Json:
        tax_lines = [self._tax("VAT", order["rate"], order["tax"])] if order["tax"] else []
        shipping = []
        if order["shipping"]:
            shipping.append(
                {
                    "__typename": "ShippingLine", "title": "Standard", "code": "standard",
                    "discountedPriceSet": self.bag(order["shipping"]),
                    "taxLines": self._taxes(order, order["shipping_tax"]),
                }
            )  # fmt: skip
        nothing = self.bag(D(0))
        subtotal = sum((one["price"] * one["quantity"] - one["off"] for one in order["lines"]), D(0))
        address = {"__typename": "MailingAddress", "id": gid("MailingAddress", order["id"]), **order["address"]}
        identity = gid("Order", order["id"])
        return {
            "__typename": "Order",
            "id": identity,
            "legacyResourceId": order["id"],
            "name": f"#{order['number']}",
            "number": order["number"],
            "createdAt": text(order["created"]),
            "updatedAt": text(order["updated"]),
            "processedAt": text(order["created"]),
            "cancelledAt": text(order["cancelled"]) if order["cancelled"] else None,
            "test": order["test"],
            "email": order["email"],
            "phone": None,
            "note": order["note"],
            "poNumber": None,
            "currencyCode": "EUR",
            "presentmentCurrencyCode": self.state.features.presentment,
            "taxesIncluded": self.state.features.taxes_included,
            "displayFinancialStatus": self.financial(order),
            "displayFulfillmentStatus": self.fulfilment(order),
            "capturable": self.unsettled(order) > 0,
            "totalPriceSet": self.bag(order["total"]),
            "subtotalPriceSet": self.bag(subtotal),
            "totalTaxSet": self.bag(order["tax"]),
            "totalTipReceivedSet": nothing,
            "currentTotalDutiesSet": None,
            "additionalFees": [],
            "totalCapturableSet": self.bag(self.unsettled(order)),
            "customAttributes": order["attributes"],
            "customer": order["customer"],
            "billingAddress": address,
            "shippingAddress": address,
            "taxLines": tax_lines,
            "shippingLines": paged(lambda: shipping, lambda one: one, shipping.index),
            "lineItems": paged(lambda: order["lines"], lambda one: self._line(order, one), lambda one: int(one["id"])),
            "transactions": lambda _, first=None, **__: [
                self._transaction(order, one) for one in order["transactions"][:first]
            ],
            "transactionsCount": {"__typename": "Count", "count": len(order["transactions"])},
            "fulfillments": lambda _, first=None, **__: [
                self._fulfilment(order, one) for one in order["fulfillments"][:first]
            ],
            "fulfillmentsCount": {"__typename": "Count", "count": len(order["fulfillments"])},
            "refunds": lambda _, first=None: [self._refund(order, one) for one in order["refunds"][:first]],
            "fulfillmentOrders": paged(
                lambda: order["fulfillment_orders"], lambda one: self._fulfillment_order(order, one),
                lambda one: int(one["id"]),
            ),
            "metafield": metafield_of(self.state, identity),
        }  # fmt: skip

    def _taxes(self, order: Json, amount: Decimal) -> list[Json]:
        return [self._tax("VAT", order["rate"], amount)] if amount else []

    def _tax(self, title: str, rate: Decimal, amount: Decimal) -> Json:
        return {"__typename": "TaxLine", "title": title, "rate": float(rate), "priceSet": self.bag(amount)}

    def _line(self, order: Json, line: Json) -> Json:
        variant = self.state.variants.get(line["variant"])
        code = {"__typename": "DiscountCodeApplication", "code": order["code"]}
        allocations = (
            [{"allocatedAmountSet": self.bag(line["off"]), "discountApplication": code}] if line["off"] else []
        )
        names = [name for name, _ in self.state.products[variant["product"]]["options"]] if variant else []
        return {
            "__typename": "LineItem",
            "id": gid("LineItem", line["id"]),
            "sku": line["sku"],
            "name": line["name"],
            "quantity": line["quantity"],
            "currentQuantity": line["current"],
            "unfulfilledQuantity": line["current"] - min(self.shipped(order, line["id"]), line["current"]),
            "isGiftCard": line["gift"],
            "variant": None
            if variant is None
            else {
                "__typename": "ProductVariant",
                "id": gid("ProductVariant", variant["id"]),
                "product": {"__typename": "Product", "id": gid("Product", variant["product"])},
                "selectedOptions": [{"name": n, "value": v} for n, v in zip(names, variant["values"], strict=True)],
            },
            "customAttributes": [],
            "originalUnitPriceSet": self.bag(line["price"]),
            "originalTotalSet": self.bag(line["price"] * line["quantity"]),
            "taxLines": lambda _, **__: [self._tax("VAT", order["rate"], line["tax"])] if line["tax"] else [],
            "discountAllocations": allocations,
        }

    def _line_of(self, order: Json, number: str) -> Json:
        return next(one for one in order["lines"] if one["id"] == number)

    def _transaction(self, order: Json, one: Json) -> Json:
        authorisation = one["kind"] == "AUTHORIZATION"
        by_card = one["gateway"] == "shopify_payments"
        details = {"__typename": "CardPaymentDetails", "company": "Visa", "number": "•••• •••• •••• 4242"}
        return {
            "__typename": "OrderTransaction",
            "id": gid("OrderTransaction", one["id"]),
            "kind": one["kind"],
            "status": one["status"],
            "gateway": one["gateway"],
            "formattedGateway": {"gift_card": "Gift Card"}.get(one["gateway"], "Shopify Payments"),
            "processedAt": text(one["at"]),
            "createdAt": text(one["at"]),
            "authorizationExpiresAt": None,
            "manuallyCapturable": authorisation and self.unsettled(order) > 0,
            "multiCapturable": authorisation and self.state.features.multi_capture,
            "amountSet": self.bag(one["amount"]),
            "totalUnsettledSet": self.bag(self.unsettled(order)) if authorisation else None,
            "parentTransaction": None
            if one["parent"] is None
            else {"__typename": "OrderTransaction", "id": gid("OrderTransaction", one["parent"])},
            "paymentDetails": details if by_card else None,
        }

    def _fulfilment(self, order: Json, one: Json) -> Json:
        lines = list(one["lines"].items())

        def view(pair: tuple[str, int]) -> Json:
            return {
                "__typename": "FulfillmentLineItem", "id": gid("FulfillmentLineItem", f"{one['id']}{pair[0]}"),
                "quantity": pair[1], "lineItem": self._line(order, self._line_of(order, pair[0])),
            }  # fmt: skip

        company, urls = one["tracking"].get("company"), one["tracking"].get("url")
        return {
            "__typename": "Fulfillment",
            "id": gid("Fulfillment", one["id"]),
            "name": f"#{order['number']}.{order['fulfillments'].index(one) + 1}",
            "status": one["status"],
            "createdAt": text(one["at"]),
            "updatedAt": text(one["at"]),
            "location": self.inventory.location_view(one["location"]),
            "trackingInfo": lambda _, **__: [{"company": company, "number": n, "url": urls} for n in one["numbers"]],
            "fulfillmentLineItems": paged(lambda: lines, view, lines.index),
        }

    def _refund(self, order: Json, one: Json) -> Json:
        def view(line: Json) -> Json:
            return {
                "__typename": "RefundLineItem", "quantity": line["quantity"], "restockType": line["restock"],
                "location": self.inventory.location_view(PRIMARY) if line["restock"] == "RETURN" else None,
                "lineItem": self._line(order, self._line_of(order, line["line"])),
                "subtotalSet": self.bag(line["subtotal"]), "totalTaxSet": self.bag(line["tax"]),
            }  # fmt: skip

        made = [t for t in order["transactions"] if t["id"] in one["transactions"]]
        return {
            "__typename": "Refund",
            "id": gid("Refund", one["id"]),
            "createdAt": text(one["at"]),
            "processedAt": text(one["at"]),
            "note": None,
            "totalRefundedSet": self.bag(one["total"]),
            "refundLineItems": paged(lambda: one["lines"], view, one["lines"].index),
            "refundShippingLines": paged(lambda: [], lambda x: x, lambda x: 0),
            "transactions": paged(lambda: made, lambda t: self._transaction(order, t), lambda t: int(t["id"])),
        }

    def _fulfillment_order(self, order: Json, one: Json) -> Json:
        def view(line: Json) -> Json:
            return {
                "__typename": "FulfillmentOrderLineItem", "id": gid("FulfillmentOrderLineItem", line["id"]),
                "remainingQuantity": line["remaining"],
                "lineItem": self._line(order, self._line_of(order, line["line"])),
            }  # fmt: skip

        actions = ["CREATE_FULFILLMENT"] if one["status"] in ("OPEN", "IN_PROGRESS") else []
        return {
            "__typename": "FulfillmentOrder",
            "id": gid("FulfillmentOrder", one["id"]),
            "status": one["status"],
            "supportedActions": [{"action": action} for action in actions],
            "assignedLocation": {"location": self.inventory.location_view(one["location"])},
            "lineItems": paged(lambda: one["lines"], view, lambda line: int(line["id"])),
        }

    # -- queries

    def list(self, _info: Any, first: int, after: str | None = None, query: str | None = None, **given: Any) -> Json:
        if given.get("sortKey") != "UPDATED_AT":
            raise Violation("orders are read by their time of change")
        found = list(self.state.orders.values())
        for name, how, value in terms(query or ""):
            if (name, how) != ("updated_at", ">="):
                raise Violation(f"orders has no search by {name}{how}")
            found = [one for one in found if text(one["updated"]) >= value]
        if "read_all_orders" not in self.state.features.scopes:
            found = [one for one in found if (self.state.now() - one["created"]).days < 60]
        return connection(found, self.view, first, after, lambda one: (text(one["updated"]), int(one["id"])))

    def one(self, _info: Any, id: str) -> Json | None:
        found = self.state.orders.get(number_of(id, "Order"))
        return self.view(found) if found else None

    def node(self, identity: str) -> Json | None:
        found = self.state.orders.get(identity.rsplit("/", 1)[-1])
        return self.view(found) if found else None

    def fulfillment(self, _info: Any, id: str) -> Json | None:
        number = number_of(id, "Fulfillment")
        for order in self.state.orders.values():
            for one in order["fulfillments"]:
                if one["id"] == number:
                    return self._fulfilment(order, one)
        return None

    def refund_by_id(self, _info: Any, id: str) -> Json | None:
        number = number_of(id, "Refund")
        for order in self.state.orders.values():
            for one in order["refunds"]:
                if one["id"] == number:
                    return self._refund(order, one)
        return None

    # -- shipping

    def fulfil(self, _info: Any, fulfillment: Json, message: str | None = None) -> Json:
        groups = fulfillment["lineItemsByFulfillmentOrder"]
        wanted = {number_of(one["fulfillmentOrderId"], "FulfillmentOrder"): one for one in groups}
        found = [
            (order, fo)
            for order in self.state.orders.values()
            for fo in order["fulfillment_orders"]
            if fo["id"] in wanted
        ]
        if len(found) != len(wanted):
            raise refused("", "Fulfillment order does not exist.", "fulfillment")
        if len({order["id"] for order, _ in found}) > 1 or len({fo["location"] for _, fo in found}) > 1:
            raise refused("", "All fulfillment orders must have the same order and assigned location.", "fulfillment")
        lines: dict[str, int] = {}
        taken: list[tuple[Json, int]] = []
        for _, fo in found:
            if fo["status"] not in ("OPEN", "IN_PROGRESS"):
                raise refused(
                    "", f"Fulfillment order {fo['id']} has an unfulfillable status = {fo['status']}.", "fulfillment"
                )
            given = wanted[fo["id"]].get("fulfillmentOrderLineItems")
            asked = {number_of(o["id"], "FulfillmentOrderLineItem"): o["quantity"] for o in given or []}
            for line in fo["lines"]:
                units = asked.pop(line["id"], 0 if given else line["remaining"])
                if units > line["remaining"]:
                    raise refused("", "Invalid fulfillment order line item quantity requested.", "fulfillment")
                if units:
                    taken.append((line, units))
                    lines[line["line"]] = lines.get(line["line"], 0) + units
            if asked:
                raise refused("", "Fulfillment order line item does not exist.", "fulfillment")
        if not lines:
            raise refused("", "At least one line item is required.", "fulfillment")
        order = found[0][0]
        made = self.depart(order, taken, lines, found[0][1]["location"], fulfillment.get("trackingInfo") or {})
        made["notified"] = bool(fulfillment.get("notifyCustomer"))
        return {"fulfillment": self._fulfilment(order, made)}

    def depart(
        self, order: Json, taken: Sequence[tuple[Json, int]], lines: dict[str, int], location: str, tracking: Json
    ) -> Json:
        for line, units in taken:
            line["remaining"] -= units
        for fo in order["fulfillment_orders"]:
            if fo["status"] in ("OPEN", "IN_PROGRESS"):
                left = sum(one["remaining"] for one in fo["lines"])
                fo["status"] = "CLOSED" if not left else fo["status"]
        numbers = list(tracking.get("numbers") or ([tracking["number"]] if tracking.get("number") else []))
        made = {
            "id": self.state.number(), "status": "SUCCESS", "at": self.state.now(), "lines": lines,
            "location": location, "tracking": tracking, "numbers": numbers, "notified": False,
        }  # fmt: skip
        order["fulfillments"].append(made)
        self.touch(order)
        return made

    def set_metafields(self, _info: Any, metafields: list[Json]) -> Json:
        for one in metafields:
            kind, number = one["ownerId"].split("/")[-2:]
            if kind == "Order" and number in self.state.orders:
                self.touch(self.state.orders[number])
            set_metafields(self.state, one["ownerId"], kind.upper(), [one], "metafields")
        return {"metafields": []}

    # -- money

    def capture(self, _info: Any, input: Json) -> Json:
        order = self.state.orders.get(number_of(input["id"], "Order"))
        if order is None:
            raise refused("", "Order does not exist", "id")
        features = self.state.features
        if features.presentment != "EUR" and not input.get("currency"):
            raise refused("", "Currency must be provided for multi-currency orders.", "currency")
        if input.get("currency") and input["currency"] != features.presentment:
            raise refused("", "Currency must match the presentment currency.", "currency")
        parent = number_of(input["parentTransactionId"], "OrderTransaction")
        if not any(one["id"] == parent and one["kind"] == "AUTHORIZATION" for one in order["transactions"]):
            raise refused("", "Parent transaction is not an authorization.", "parentTransactionId")
        amount = cents(D(str(input["amount"])) / D(features.rate))
        if amount > self.unsettled(order) or self.unsettled(order) <= 0:
            raise refused("", "Cannot capture more than the authorized amount.", "amount")
        if not features.multi_capture and any(one["kind"] == "CAPTURE" for one in order["transactions"]):
            raise refused("", "The authorization can be captured only once.", "parentTransactionId")
        made = self.transaction(order, "CAPTURE", amount, "shopify_payments", self.state.now(), parent)
        self.touch(order)
        return {"transaction": self._transaction(order, made)}

    def refund(self, order: Json, units: Mapping[str, int], amount: Decimal | None, restock: bool) -> Json:
        """Line id -> units. What has not left is cancelled, the rest came back."""
        lines: list[Json] = []
        for number, count in units.items():
            line = self._line_of(order, number)
            away = self.shipped(order, number) - line["refunded"]
            kind = "CANCEL" if away < count else "RETURN" if restock else "NO_RESTOCK"
            subtotal = cents((line["price"] * line["quantity"] - line["off"]) * count / line["quantity"])
            tax = cents(line["tax"] * count / line["quantity"])
            lines.append({"line": number, "quantity": count, "restock": kind, "subtotal": subtotal, "tax": tax})
            line["current"] -= count
            if kind == "CANCEL":
                self._close(order, number, count)
            else:
                line["refunded"] += count
            variant = self.state.variants.get(line["variant"])
            if kind != "NO_RESTOCK" and variant is not None:
                self.inventory.move(variant["item"], PRIMARY, count)
        included = self.state.features.taxes_included
        worth = sum((one["subtotal"] + (D(0) if included else one["tax"]) for one in lines), D(0))
        total = min(worth if amount is None else amount, self.paid(order) - self.given_back(order))
        made: list[str] = []
        if total:
            made.append(self.transaction(order, "REFUND", total, "shopify_payments", self.state.now())["id"])
        refund = {
            "id": self.state.number(),
            "at": self.state.now(),
            "lines": lines,
            "total": total,
            "transactions": made,
        }
        order["refunds"].append(refund)
        self.touch(order)
        return refund

    @staticmethod
    def _close(order: Json, number: str, count: int) -> None:
        for fo in order["fulfillment_orders"]:
            for line in fo["lines"]:
                if line["line"] == number:
                    line["remaining"] -= min(count, line["remaining"])
            if not any(line["remaining"] for line in fo["lines"]) and fo["status"] == "OPEN":
                fo["status"] = "CLOSED"
