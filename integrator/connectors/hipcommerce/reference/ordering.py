"""The reference shop's orders: placed, paid, shipped, refunded, cancelled.

Orders, transactions and captures are kept in the contract's own form. Prices are without tax; whatever part of a line
is shipped or comes back, its amounts are shares whose sum is the line's amount to the cent.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrator.connectors.hipcommerce.reference.catalogue import ZERO, Catalogue, amount, plain, result

Json = dict[str, Any]
CENT = Decimal("0.01")
FIRST = 1_001


class Refused(Exception):
    """The shop does not do it; the code and the reason."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def cash(value: Decimal) -> str:
    rounded = cents(value)
    return format(rounded, "f") if rounded == value else plain(value)


def share(total: Decimal, whole: Decimal, before: Decimal, units: Decimal) -> Decimal:
    """The part of `total` that `units` of `whole` have, `before` of which were counted already."""
    return cents(total * (before + units) / whole) - cents(total * before / whole) if whole else ZERO


class Orders:
    def __init__(self, catalogue: Catalogue, currency: str = "EUR") -> None:
        self.catalogue = catalogue
        self.clock, self.lock = catalogue.clock, catalogue.lock
        self.currency = currency
        self.orders: dict[str, Json] = {}
        self.transactions: dict[str, Json] = {}
        self.captures: dict[str, Json] = {}
        self.reserved: dict[str, Decimal] = {}  # order id -> authorised and not taken yet
        self.captured_by: set[str] = set()  # keys of captures that were made through the API
        self.announce: Callable[[str], None] = lambda _: None  # the webhook, after every change

    # -- looking

    def of(self, order_id: str, kind: str) -> list[Json]:
        rows: dict[str, Json] = getattr(self, kind)
        return [one for one in rows.values() if one["order_id"] == order_id]

    def rows(self, kind: str, order_ids: Iterable[str] = ()) -> list[Json]:
        """In the order that lists have."""
        wanted = set(order_ids)
        identity = {"orders": "order_id", "transactions": "transaction_id", "captures": "capture_id"}[kind]
        with self.lock:
            rows: dict[str, Json] = getattr(self, kind)
            found = [dict(one) for one in rows.values() if not wanted or one["order_id"] in wanted]
        return sorted(found, key=lambda one: (one["updated_at"], one[identity]))

    def get(self, order_id: str) -> Json:
        if order_id not in self.orders:
            raise Refused("order_not_found", f"There is no order {order_id!r}.")
        return self.orders[order_id]

    def _line(self, order: Json, line_id: str) -> Json:
        for one in order["lines"]:
            if one["line_id"] == line_id:
                found: Json = one
                return found
        raise Refused("line_not_found", f"Order {order['order_number']} has no line {line_id!r}.")

    @staticmethod
    def open_units(line: Json) -> Decimal:
        return amount(line["quantity_ordered"]) - amount(line["quantity_shipped"]) - amount(line["quantity_cancelled"])

    # -- placing and paying

    def place(
        self,
        cart: Sequence[Json],
        *,
        customer: Json,
        shipping: Decimal = ZERO,
        discount: Decimal = ZERO,
        tax_rate: Decimal = ZERO,
        total_off_by: Decimal = ZERO,
        gift_card: Decimal = ZERO,
        placed_at: datetime | None = None,
    ) -> str:
        """`cart`: {sku, quantity, price?, gift_card?}. The order's id; nothing is paid yet."""
        with self.lock:
            identity = str(FIRST + len(self.orders))
            goods = [self._bought(one) for one in cart]
            worth = sum((units * price for _, _, units, price in goods), ZERO)
            discount, seen = min(discount, worth), ZERO
            lines: list[Json] = []
            for place, (row, variant, units, price) in enumerate(goods, 1):
                value = units * price
                reduced = share(discount, worth, seen, value)
                seen += value
                tax = ZERO if row.get("gift_card") else cents((value - reduced) * tax_rate)
                line = (f"{identity}-{place}", row, variant, units, price, reduced, tax, tax_rate)
                lines.append(self._order_line(*line))
                self.catalogue.sell(row["sku"], units)
            shipping_tax = cents(shipping * tax_rate)
            tax = sum((amount(one["tax_amount"]) for one in lines), shipping_tax)
            total = sum((amount(one["line_total"]) for one in lines), shipping + tax) + total_off_by
            gift_card = min(gift_card, total)
            now = self.clock.tick()
            address = {
                "first_name": customer.get("first_name", ""), "last_name": customer.get("last_name", ""),
                "street1": "12 Hill Road", "city": "London", "postal_code": "N1 1AA", "country_code": "GB",
                "email": customer.get("email", ""),
            }  # fmt: skip
            taxes = [{"name": "VAT", "rate": plain(tax_rate), "amount": cash(tax)}] if tax else []
            self.orders[identity] = {
                "order_id": identity, "order_number": f"#{identity}",
                "order_date": placed_at.isoformat() if placed_at else now, "updated_at": now, "cancelled_at": None,
                "status": "pending", "payment_status": "Pending", "currency": self.currency,
                "prices_include_tax": False, "customer": customer, "billing_address": address,
                "shipping_address": address, "lines": lines, "tax_lines": taxes,
                "discount_lines": [{"code": "", "amount": cash(discount)}] if discount else [],
                "shipping_lines": [{"method": "Standard", "code": "standard", "amount": cash(shipping),
                                    "tax_amount": cash(shipping_tax)}] if shipping else [],
                "fee_lines": [],
                "payments": [{"method": "gift_card", "kind": "GiftCard", "amount": cash(gift_card),
                              "reference": f"GC-{identity}"}] if gift_card else [],
                "gift_cards": [{"code": f"GC-{identity}", "amount": cash(gift_card)}] if gift_card else [],
                "subtotal": cash(worth), "discount_amount": cash(discount), "shipping_amount": cash(shipping),
                "tax_amount": cash(tax), "gift_card_amount": cash(gift_card), "rounding_amount": cash(total_off_by),
                "grand_total": cash(total), "customer_note": "", "custom_fields": [],
            }  # fmt: skip
            self._settle(identity)
            return identity

    def _bought(self, row: Json) -> tuple[Json, Json, Decimal, Decimal]:
        found = self.catalogue.by_sku(row["sku"])
        if not found:
            raise Refused("sku_not_found", f"The shop sells no {row['sku']!r}.")
        price = amount(row["price"] if row.get("price") is not None else found[0]["price"])
        return row, found[0], amount(row.get("quantity", 1)), price

    def _order_line(
        self, identity: str, row: Json, variant: Json, units: Decimal, price: Decimal, reduced: Decimal, tax: Decimal,
        rate: Decimal,
    ) -> Json:  # fmt: skip
        return {
            "line_id": identity, "sku": variant["sku"], "item_integration_id": variant["item_integration_id"] or "",
            "product_id": variant["product_id"], "variant_id": variant["variant_id"],
            "name": self.catalogue.products[variant["product_id"]]["name"],
            "line_type": "GiftCard" if row.get("gift_card") else "Item", "options": variant["options"],
            "quantity_ordered": plain(units), "quantity_cancelled": "0", "quantity_shipped": "0",
            "quantity_returned": "0", "unit_price": cash(price), "discount_amount": cash(reduced),
            "tax_amount": cash(tax),
            "tax_lines": [{"name": "VAT", "rate": plain(rate), "amount": cash(tax)}] if tax else [],
            "line_total": cash(cents(units * price) - reduced), "location_id": "",
        }  # fmt: skip

    def _settle(self, order_id: str) -> None:
        """Write the statuses that follow from what happened, and say that something did."""
        order = self.orders[order_id]
        taken, back = self._money(order_id, "Capture"), self._money(order_id, "Refund")
        due = amount(order["grand_total"]) - amount(order["gift_card_amount"])
        if back and back >= taken:
            payment = "Refunded"
        elif back:
            payment = "PartiallyRefunded"
        elif order["cancelled_at"]:
            payment = "Voided"
        elif taken >= due:
            payment = "Paid"
        elif taken:
            payment = "PartiallyPaid"
        else:
            payment = "Authorised" if self.reserved.get(order_id) else "Pending"
        open_left = any(self.open_units(one) > 0 for one in order["lines"])
        status = "cancelled" if order["cancelled_at"] else "open" if open_left else "completed"
        order |= {"payment_status": payment, "status": "pending" if payment == "Pending" else status}
        order["updated_at"] = self.clock.tick()
        self.announce(order_id)

    def _money(self, order_id: str, kind: str) -> Decimal:
        return sum((amount(one["amount"]) for one in self.of(order_id, "captures") if one["type"] == kind), ZERO)

    def authorise(self, order_id: str) -> None:
        with self.lock:
            order = self.get(order_id)
            due = amount(order["grand_total"]) - amount(order["gift_card_amount"])
            self.reserved[order_id] = due
            order["payments"].append(self._payment("Authorisation", due, f"auth_{order_id}"))
            self._settle(order_id)

    @staticmethod
    def _payment(kind: str, value: Decimal, reference: str) -> Json:
        return {"method": "card", "kind": kind, "amount": cash(value), "reference": reference, "card_type": "visa",
                "last4": "4242"}  # fmt: skip

    def take(self, order_id: str, value: Decimal | None = None, key: str = "") -> bool:
        """Take what is authorised, else what is due; False where there is nothing to take."""
        with self.lock:
            if key and key in self.captured_by:
                return True
            order = self.get(order_id)
            due = amount(order["grand_total"]) - amount(order["gift_card_amount"]) - self._money(order_id, "Capture")
            possible = self.reserved.get(order_id) or due
            value = possible if value is None else min(value, possible)
            if value <= 0 or order["cancelled_at"]:
                return False
            if self.reserved.get(order_id):
                self.reserved[order_id] -= value
            self._book(order, "Capture", value)
            if key:
                self.captured_by.add(key)
            self._settle(order_id)
            return True

    def _book(self, order: Json, kind: str, value: Decimal) -> None:
        order_id = order["order_id"]
        identity = f"{order_id}-P{len(self.of(order_id, 'captures')) + 1}"
        now = self.clock.tick()
        self.captures[identity] = {
            "capture_id": identity, "order_id": order_id, "type": kind, "capture_date": now, "updated_at": now,
            "amount": cash(value), "currency": order["currency"], "payment_method": "card",
            "payment_reference": f"pay_{identity}", "card_type": "visa", "last4": "4242",
        }  # fmt: skip
        order["payments"].append(self._payment(kind, value, f"pay_{identity}"))

    # -- shipping and giving back

    def ship(
        self, order_id: str, lines: Mapping[str, Decimal] | None = None, *, tracking: Sequence[str] = (),
        method: str = "", shipment_id: str = "",
    ) -> Json:  # fmt: skip
        """Line id -> units, None for all that is open. The order's shipping charge goes with the first."""
        with self.lock:
            order = self.get(order_id)
            for known in self.of(order_id, "transactions"):
                if shipment_id and known["shipment_id"] == shipment_id:
                    return known
            if order["cancelled_at"]:
                raise Refused("order_cancelled", f"Order {order['order_number']} is cancelled.")
            if order["payment_status"] == "Pending":
                raise Refused("order_unpaid", f"Order {order['order_number']} is not paid or authorised yet.")
            wanted = lines or {one["line_id"]: self.open_units(one) for one in order["lines"] if self.open_units(one)}
            for line_id, units in wanted.items():
                still = self.open_units(self._line(order, line_id))
                if not 0 < units <= still:
                    text = f"Line {line_id} has {plain(still)} open; {plain(units)} was sent."
                    raise Refused("quantity_exceeds_open", text)
            sales = [one for one in self.of(order_id, "transactions") if one["type"] == "Sale"]
            sent = [
                self._part(self._line(order, line_id), "quantity_shipped", units) for line_id, units in wanted.items()
            ]
            shipping = ZERO if sales else amount(order["shipping_amount"])
            shipping_tax = ZERO if sales else sum((amount(one["tax_amount"]) for one in order["shipping_lines"]), ZERO)
            rounding = ZERO if sales else amount(order["rounding_amount"])
            tax = sum((amount(one["tax_amount"]) for one in sent), shipping_tax)
            total = sum((amount(one["line_total"]) for one in sent), shipping + tax + rounding)
            return self._event(
                order, "Sale", sent, shipping_amount=cash(shipping), tax_amount=cash(tax), grand_total=cash(total),
                rounding_amount=cash(rounding), tracking_numbers=list(tracking), shipping_method=method,
                shipment_id=shipment_id,
            )  # fmt: skip

    def _part(self, line: Json, counted: str, units: Decimal) -> Json:
        """The line's amounts that belong to these units, which are counted."""
        whole, before = amount(line["quantity_ordered"]), amount(line[counted])
        amounts = {
            name: cash(share(amount(line[name]), whole, before, units))
            for name in ("discount_amount", "tax_amount", "line_total")
        }
        line[counted] = plain(before + units)
        names = ("line_id", "item_integration_id", "name", "unit_price")
        return {name: line[name] for name in names} | {"quantity": plain(units), "restocked": False} | amounts

    def _event(self, order: Json, kind: str, lines: list[Json], **amounts: Any) -> Json:
        order_id = order["order_id"]
        number = 1 + sum(1 for one in self.of(order_id, "transactions") if one["type"] == kind)
        identity = f"{order_id}-{kind[0]}{number}"
        now = self.clock.tick()
        self.transactions[identity] = {
            "transaction_id": identity, "order_id": order_id, "type": kind, "shipment_id": "",
            "transaction_number": f"#{identity}", "transaction_date": now, "updated_at": now,
            "currency": order["currency"], "lines": lines, "payments": [],
            "discount_amount": cash(sum((amount(one["discount_amount"]) for one in lines), ZERO)), **amounts,
        }  # fmt: skip
        self._settle(order_id)
        return self.transactions[identity]

    def refund(
        self, order_id: str, lines: Mapping[str, Decimal] | None = None, *, value: Decimal | None = None,
        restock: bool = True,
    ) -> Json:  # fmt: skip
        """With lines goods came back; without, money only."""
        with self.lock:
            order = self.get(order_id)
            back: list[Json] = []
            for line_id, units in (lines or {}).items():
                line = self._line(order, line_id)
                never = max(ZERO, units - amount(line["quantity_shipped"]) + amount(line["quantity_returned"]))
                counted = "quantity_returned" if not never else "quantity_cancelled"
                back.append(self._part(line, counted, units) | {"restocked": restock})
                if restock:
                    self.catalogue.sell(line["sku"], -units)
            tax = sum((amount(one["tax_amount"]) for one in back), ZERO)
            worth = sum((amount(one["line_total"]) for one in back), tax)
            total = worth if value is None else value
            taken = self._money(order_id, "Capture") - self._money(order_id, "Refund")
            if min(total, taken) > 0:
                self._book(order, "Refund", min(total, taken))
            return self._event(
                order, "Return", back, shipping_amount="0.00", tax_amount=cash(tax), grand_total=cash(total),
                adjustment_amount=cash(total - worth), rounding_amount="0.00", tracking_numbers=[],
                shipping_method="",
            )  # fmt: skip

    def cancel(self, order_id: str) -> None:
        """Before anything left; money that was taken goes back."""
        with self.lock:
            order = self.get(order_id)
            for line in order["lines"]:
                units = self.open_units(line)
                line["quantity_cancelled"] = plain(amount(line["quantity_cancelled"]) + units)
                self.catalogue.sell(line["sku"], -units)
            order["cancelled_at"] = self.clock.tick()
            taken = self._money(order_id, "Capture") - self._money(order_id, "Refund")
            if taken > 0:
                self._book(order, "Refund", taken)
            self.reserved.pop(order_id, None)
            self._settle(order_id)

    # -- what the POS says

    def put_shipment(self, given: Json) -> Json:
        """A shipment of the POS; repeated safely by its shipment_id."""
        key, order_id = given["shipment_id"], given["order_id"]
        with self.lock:
            try:
                order = self.get(order_id)
                known = any(one["shipment_id"] == key for one in self.of(order_id, "transactions"))
                made = self.ship(
                    order_id, {one["line_id"]: amount(one["quantity"]) for one in given["lines"]}, shipment_id=key,
                    tracking=given.get("tracking_numbers") or (), method=given.get("ship_method") or "",
                )  # fmt: skip
            except Refused as error:
                return result(key, 404 if error.code == "order_not_found" else 422, error.code, error.message)
            captured, warning = False, ""
            if given.get("capture"):
                complete = given.get("completes_order") or all(self.open_units(one) <= 0 for one in order["lines"])
                worth = None if complete else amount(made["grand_total"])
                mark = f"{order_id}:{key}"
                if self.reserved.get(order_id, ZERO) > 0 or mark in self.captured_by:
                    captured = self.take(order_id, worth, mark)
                if not captured:
                    warning = "Nothing was authorised that could be captured."
            status, code = (200, "known") if known else (201, "created")
            return result(key, status, code, transaction_id=made["transaction_id"], captured=captured, warning=warning)

    def put_capture(self, given: Json) -> Json:
        key, value = given["capture_key"], given.get("amount")
        with self.lock:
            try:
                done = self.take(given["order_id"], None if value is None else amount(value), key)
            except Refused as error:
                return result(key, 404, error.code, error.message)
        if done:
            return result(key, 200, "captured")
        return result(key, 422, "nothing_authorised", "Nothing was authorised that could be captured.")
