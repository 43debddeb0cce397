"""The simulator as a `Shop` of the contract suite: what its merchant, its shoppers and its warehouse do."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct
from tests.connectors.woocommerce.simulator import webhooks
from tests.connectors.woocommerce.simulator.orders import _meta, cents
from tests.connectors.woocommerce.simulator.server import Simulator
from tests.connectors.woocommerce.simulator.state import Features, Json, Misbehaviour, escaped


class WooShop(Shop):
    platform = "woocommerce"

    def __init__(self, folder: Path, version: str, features: Features | None = None, **server: Any) -> None:
        self.simulator = Simulator(folder, version, features=features, **server)
        self.state = self.simulator.state
        self.back_office = self.simulator.api.products
        self.desk = self.simulator.api.orders
        self.url = self.simulator.url

    def close(self) -> None:
        """Raises AssertionError when a request or an answer was not what the version knows."""
        self.simulator.close()
        assert not self.state.violations, "\n".join(self.state.violations)

    def credentials(self) -> dict[str, Any]:
        return {"url": self.url, "consumer_key": self.simulator.key, "consumer_secret": self.simulator.secret}

    # -- the back office

    def find(self, sku: str) -> Json:
        return next(one for one in self.state.products.values() if one["sku"] == sku and one["status"] != "trash")

    def products(self) -> dict[str, ShopProduct]:
        with self.state.lock:
            return {one.sku: one for one in map(self._product, self._sellable())}

    def _sellable(self) -> list[Json]:
        return [
            one
            for one in self.state.products.values()
            if one["type"] not in ("variable", "grouped") and one["status"] != "trash"
        ]

    def _product(self, one: Json) -> ShopProduct:
        parent = self.state.products.get(one["parent_id"], one)
        quantity = self.back_office.quantity(one)
        known = self.state.terms.get("product_cat", {})
        images = parent["images"] if one is parent else [*([one["image"]] if one["image"] else []), *parent["images"]]
        return ShopProduct(
            sku=one["sku"],
            name=html.unescape(parent["name"]),
            price=D(one["regular_price"]) if one["regular_price"] else None,
            sale_price=D(one["sale_price"]) if one["sale_price"] else None,
            quantity=None if quantity is None else D(quantity),
            published=one["status"] == "publish" and parent["status"] == "publish",
            description=one["description"] or parent["description"],
            sale_start=one["date_on_sale_from"],
            sale_end=one["date_on_sale_to"],
            options={html.unescape(o["name"]): html.unescape(o["option"]) for o in one.get("options", [])},
            parent=str(parent["id"]),
            images=[image["from"] for image in images],
            categories=[self._path(known, number) for number in parent["categories"]],
        )

    @staticmethod
    def _path(known: dict[int, Json], number: int) -> str:
        names: list[str] = []
        while number:
            names.insert(0, html.unescape(known[number]["name"]))
            number = known[number]["parent"]
        return "/".join(names)

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        """Also with a SKU that another one has: requests at the same moment got past older versions' check."""
        with self.state.lock:
            made = self.back_office.create(
                {"name": name, "regular_price": str(price), "manage_stock": True, "stock_quantity": quantity}
            )
            made["sku"] = sku

    def edit(self, sku: str, **fields: Any) -> None:
        with self.state.lock:
            one = self.find(sku)
            parent = self.state.products.get(one["parent_id"], one)
            if "name" in fields:
                parent["name"] = escaped(fields["name"])
            if "description" in fields:
                parent["description"] = fields["description"]
            if "published" in fields:
                parent["status"] = "publish" if fields["published"] else "draft"
            if "price" in fields:
                one["regular_price"] = str(fields["price"])
            if "quantity" in fields:
                one["stock_quantity"] = int(fields["quantity"])
            one["date_modified"] = parent["date_modified"] = self.state.now()

    def delete(self, sku: str) -> None:
        with self.state.lock:
            self.back_office.delete(self.find(sku)["id"])

    # -- orders

    def place_order(
        self,
        lines: Sequence[Line],
        *,
        shopper: Shopper | None = None,
        paid: bool = True,
        authorised: bool = False,
        shipping: Decimal = SHIPPING,
        discount: Decimal = NOTHING,
        tax_rate: Decimal = TAX_RATE,
        total_off_by: Decimal = NOTHING,
        paid_by_gift_card: Decimal = NOTHING,
        at: datetime | None = None,
    ) -> str:
        who = shopper or Shopper("guest@example.com")
        with self.state.lock:
            bought = []
            for one in lines:
                product = self.find(one.sku)
                price = one.price if one.price is not None else D(product["sale_price"] or product["regular_price"])
                bought.append((product, one.quantity, price, one.gift_card))
            billing = {
                "first_name": who.first_name,
                "last_name": who.last_name,
                "company": "",
                "address_1": "Hauptstraße 1",
                "address_2": "",
                "city": "Köln",
                "state": "DE-NW",
                "postcode": "50667",
                "country": "DE",
                "email": who.email,
                "phone": "+49 221 1",
            }
            status = "on-hold" if authorised else "processing" if paid else "pending"
            order = self.desk.place(
                bought,
                customer_id=int(who.id or 0),
                billing=billing,
                status=status,
                paid=paid and not authorised,
                method=("stripe", "Credit card &amp; wallet"),
                transaction_id="pi_123" if authorised or paid else "",
                shipping=shipping,
                discount=discount,
                tax_rate=tax_rate,
                total_off_by=total_off_by,
                gift_card=paid_by_gift_card,
                at=at or self.state.now(),
            )
            return str(order["id"])

    def _order(self, order: str) -> Json:
        return self.state.orders[int(order)]

    def pay(self, order: str) -> None:
        with self.state.lock:
            self.desk.set_status(self._order(order), "processing")

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        with self.state.lock:
            found = self._order(order)
            units = (
                dict(self._open(found))
                if lines is None
                else {self._line(found, sku)["id"]: n for sku, n in lines.items()}
            )
            units = {line: number for line, number in units.items() if number}
            features = self.state.features
            if features.fulfilments and self.state.since(10, 1):
                meta = [
                    {"key": "_items", "value": [{"item_id": line, "qty": number} for line, number in units.items()]}
                ]
                if tracking:
                    meta.append({"key": "_tracking_number", "value": tracking})
                made = self.desk.fulfil(found, {"status": "fulfilled", "is_fulfilled": True, "meta_data": meta})
                return str(made["id"])
            if features.tracking:
                entries = [
                    {
                        "product": str(line["variation_id"] or line["product_id"]),
                        "item_id": str(line["id"]),
                        "qty": str(units[line["id"]]),
                    }
                    for line in found["line_items"]
                    if line["id"] in units
                ]
                entry = self.desk.track(found, {"tracking_number": tracking or f"T{self.state.number()}"}, entries)
                return str(entry["tracking_id"])
            if lines is not None and units != {line: n for line, n in self._open(found).items() if n}:
                raise NotImplementedError("a shop without fulfilments and tracking ships an order as a whole")
            self.desk.set_status(found, "completed")
            return str(found["id"])

    def _line(self, order: Json, sku: str) -> Json:
        return next(one for one in order["line_items"] if one["sku"] == sku)

    def _open(self, order: Json) -> dict[int, int]:
        gone: dict[int, int] = {}
        for one in self.shipments(order):
            for line, units in one["by_line"].items():
                gone[line] = gone.get(line, 0) + units
        return {one["id"]: one["quantity"] - gone.get(one["id"], 0) for one in order["line_items"]}

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        with self.state.lock:
            found = self._order(order)
            body: Json = {"api_restock": restock, "reason": "It came back"}
            if amount is not None:
                body["amount"] = str(amount)
            if lines is not None:
                body["line_items"] = [self._back(self._line(found, sku), units) for sku, units in lines.items()]
            return str(self.desk.refund(found, body)["id"])

    @staticmethod
    def _back(line: Json, units: int) -> Json:
        part = D(units) / line["quantity"]
        tax = [{"id": one["id"], "refund_total": float(cents(one["total"] * part))} for one in line["taxes"]]
        return {
            "id": line["id"],
            "quantity": units,
            "refund_total": float(cents(line["total"] * part)),
            "refund_tax": tax,
        }

    def cancel(self, order: str) -> None:
        with self.state.lock:
            self.desk.set_status(self._order(order), "cancelled")

    def shipments(self, order: Json) -> list[Json]:
        found: list[Json] = []
        for one in self.desk.fulfilments(order):
            lines = {item["item_id"]: int(item["qty"]) for item in _meta(one, "_items")}
            found.append({"tracking": _numbers(_meta(one, "_tracking_number")), "by_line": lines})
        if found:
            return found
        told = json.loads(_meta(order, "_integrator_shipments") or "{}")
        for one in told.values():
            lines = {int(line): int(D(units)) for line, units in one["lines"].items()}
            found.append({"tracking": one["tracking"], "by_line": lines})
        ours = {number for one in told.values() for number in one["tracking"]}
        for one in _meta(order, "_wc_shipment_tracking_items") or []:
            if one["tracking_number"] not in ours:
                lines = {int(item["item_id"]): int(item["qty"]) for item in one.get("products_list", [])}
                found.append({"tracking": [one["tracking_number"]], "by_line": lines})
        return found

    def order(self, order: str) -> Mapping[str, Any]:
        with self.state.lock:
            found = self._order(order)
            skus = {one["id"]: one["sku"] for one in found["line_items"]}
            return {
                "status": found["status"],
                "captured": found["total"] if found["date_paid"] else D(0),
                "shipments": [
                    {
                        "tracking": one["tracking"],
                        "lines": {skus[line]: units for line, units in one["by_line"].items()},
                    }
                    for one in self.shipments(found)
                ],
            }

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        with self.state.lock:
            hook = next(one for one in self.state.webhooks.values() if one["topic"] == "order.updated")
            return webhooks.signed(self.simulator.api, hook, "order.updated", int(order))

    # -- misbehaviour and measuring

    def misbehave(
        self,
        *,
        fail_next: int = 0,
        status: int = 500,
        lose_next_answer: bool = False,
        throttle_next: int = 0,
        retry_after: int = 1,
        reject_sku: str | None = None,
        revoke_credentials: bool = False,
    ) -> None:
        with self.state.lock:
            self.state.misbehaviour = Misbehaviour(
                fail_next=fail_next,
                status=status,
                lose_next=int(lose_next_answer),
                throttle_next=throttle_next,
                retry_after=retry_after,
                reject_sku=reject_sku,
                revoked=revoke_credentials,
            )

    @property
    def reads(self) -> int:
        return self.state.reads

    @property
    def writes(self) -> int:
        return self.state.writes

    def dump(self) -> str:
        """The shop's products as text, for a person who looks why a test failed."""
        return json.dumps(list(self.state.products.values()), default=str, indent=1, ensure_ascii=False)


def _numbers(value: Any) -> list[str]:
    return [one.strip() for one in str(value or "").split(",") if one.strip()]
