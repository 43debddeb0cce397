"""The simulator as a `Shop` of the contract suite: what its merchant, its shoppers and its warehouse do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct
from tests.connectors.shopify.simulator import webhooks
from tests.connectors.shopify.simulator.server import Simulator
from tests.connectors.shopify.simulator.state import Features, Json, Misbehaviour, gid


class ShopifyShop(Shop):
    platform = "shopify"

    def __init__(self, folder: Path, features: Features | None = None, **server: Any) -> None:
        self.simulator = Simulator(folder, features, **server)
        self.state = self.simulator.state
        self.catalogue = self.simulator.engine.products
        self.desk = self.simulator.engine.orders
        self.url = self.simulator.url

    def close(self) -> None:
        """Raises AssertionError when a request or an answer was not what the schema knows."""
        self.simulator.close()
        assert not self.state.violations, "\n".join(self.state.violations)

    def credentials(self) -> dict[str, Any]:
        tokens = self.simulator.tokens
        return {"shop": self.url, "access_token": tokens.static, "client_secret": tokens.client_secret}

    # -- the back office

    def find(self, sku: str) -> Json:
        return next(one for one in self.state.variants.values() if one["sku"] == sku)

    def product_of(self, sku: str) -> Json:
        return self.state.products[self.find(sku)["product"]]

    def products(self) -> dict[str, ShopProduct]:
        with self.state.lock:
            return {one["sku"]: self._product(one) for one in self.state.variants.values()}

    def _product(self, variant: Json) -> ShopProduct:
        product = self.state.products[variant["product"]]
        on_sale = variant["compare"] is not None and variant["compare"] > variant["price"]
        levels = {
            place: level["quantity"] for (item, place), level in self.state.levels.items() if item == variant["item"]
        }
        options = {
            name: value
            for (name, _), value in zip(product["options"], variant["values"], strict=True)
            if name != "Title"
        }
        collections = [self.state.collections[one]["title"] for one in product["collections"]]
        return ShopProduct(
            sku=variant["sku"],
            name=product["title"],
            price=variant["compare"] if on_sale else variant["price"],
            sale_price=variant["price"] if on_sale else None,
            quantity=D(sum(levels.values())) if variant["tracked"] else None,
            published=product["status"] == "ACTIVE" and "501" in product["publications"] and not variant["hidden"],
            description=product["description"],
            options=options,
            parent=product["id"],
            images=[one["source"] for one in product["media"]],
            categories=[*([product["type"]] if product["type"] else []), *collections],
            by_location={place: D(units) for place, units in levels.items()},
        )

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        with self.state.lock:
            self.catalogue.by_hand(sku, name, price, quantity)

    def edit(self, sku: str, **fields: Any) -> None:
        with self.state.lock:
            variant, product = self.find(sku), self.product_of(sku)
            if "name" in fields:
                product["title"] = fields["name"]
            if "description" in fields:
                product["description"] = fields["description"]
            if "published" in fields:
                product["status"] = "ACTIVE" if fields["published"] else "DRAFT"
                product["publications"] = {"501"} if fields["published"] else set()
            if "price" in fields:
                variant["price"], variant["compare"] = D(str(fields["price"])), None
            if "quantity" in fields:
                for place in [place for item, place in self.state.levels if item == variant["item"]][:1]:
                    self.desk.inventory.put(variant["item"], place, int(fields["quantity"]))

    def delete(self, sku: str) -> None:
        with self.state.lock:
            self.catalogue.delete(self.find(sku)["product"])

    def locations(self) -> Sequence[str]:
        return list(self.state.locations)

    def index(self) -> None:
        """The search index takes in what is new."""
        self.state.unindexed.clear()

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
        locations: Mapping[str, str] | None = None,
    ) -> str:
        who = shopper or Shopper("guest@example.com")
        customer = None
        if who.id is not None:
            customer = {
                "__typename": "Customer", "id": gid("Customer", who.id), "legacyResourceId": who.id,
                "firstName": who.first_name, "lastName": who.last_name,
                "defaultEmailAddress": {"emailAddress": who.email}, "defaultPhoneNumber": None,
            }  # fmt: skip
        address = {
            "firstName": who.first_name, "lastName": who.last_name, "company": None, "address1": "Hauptstraße 1",
            "address2": None, "city": "Köln", "province": None, "provinceCode": None, "zip": "50667",
            "country": "Germany", "countryCodeV2": "DE", "phone": "+49 221 1",
        }  # fmt: skip
        with self.state.lock:
            bought = []
            for one in lines:
                variant = self.find(one.sku)
                bought.append(
                    (variant, one.quantity, variant["price"] if one.price is None else one.price, one.gift_card)
                )
            order = self.desk.place(
                bought, customer=customer, address=address, email=who.email, shipping=shipping, discount=discount,
                tax_rate=tax_rate, total_off_by=total_off_by, gift_card=paid_by_gift_card, paid=paid,
                authorised=authorised, at=at or self.state.now(), locations=locations,
            )  # fmt: skip
            if at is not None:
                order["updated"] = self.state.now()
            return str(order["id"])

    def pay(self, order: str) -> None:
        with self.state.lock:
            found = self.state.orders[order]
            open_amount = self.desk.unsettled(found)
            if open_amount > 0:
                parent = next(one["id"] for one in found["transactions"] if one["kind"] == "AUTHORIZATION")
                self.desk.transaction(found, "CAPTURE", open_amount, "shopify_payments", self.state.now(), parent)
            else:
                rest = found["total"] - self.desk.paid(found)
                self.desk.transaction(found, "SALE", rest, "shopify_payments", self.state.now())
            self.desk.touch(found)

    @staticmethod
    def _line(order: Json, sku: str) -> Json:
        return next(one for one in order["lines"] if one["sku"] == sku)

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        with self.state.lock:
            found = self.state.orders[order]
            wanted = None if lines is None else {self._line(found, sku)["id"]: n for sku, n in lines.items()}
            taken: list[tuple[Json, int]] = []
            units: dict[str, int] = {}
            location = ""
            for fo in found["fulfillment_orders"]:
                for line in fo["lines"]:
                    count = line["remaining"] if wanted is None else min(wanted.get(line["line"], 0), line["remaining"])
                    if count:
                        taken.append((line, count))
                        units[line["line"]] = units.get(line["line"], 0) + count
                        location = location or fo["location"]
            made = self.desk.depart(found, taken, units, location, {"number": tracking} if tracking else {})
            return str(made["id"])

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        with self.state.lock:
            found = self.state.orders[order]
            units = {self._line(found, sku)["id"]: count for sku, count in (lines or {}).items()}
            return str(self.desk.refund(found, units, amount, restock)["id"])

    def cancel(self, order: str) -> None:
        with self.state.lock:
            found = self.state.orders[order]
            open_units = {
                one["id"]: one["current"] - self.desk.shipped(found, one["id"])
                for one in found["lines"]
                if one["current"] > self.desk.shipped(found, one["id"])
            }
            rest = self.desk.paid(found) - self.desk.given_back(found)
            found["cancelled"] = self.state.now()
            if self.desk.unsettled(found) > 0:
                self.desk.transaction(found, "VOID", self.desk.unsettled(found), "shopify_payments", self.state.now())
            self.desk.refund(found, open_units, rest, True)

    def order(self, order: str) -> Mapping[str, Any]:
        with self.state.lock:
            found = self.state.orders[order]
            return {
                "status": self.desk.fulfilment(found),
                "captured": self.desk.paid(found),
                "shipments": [{"tracking": one["tracking"], "lines": one["lines"]} for one in self.shipments(order)],
            }

    def shipments(self, order: str) -> list[Json]:
        """With what only this shop tells of them: the location, and whether the customer was notified."""
        with self.state.lock:
            found = self.state.orders[order]
            skus = {one["id"]: one["sku"] for one in found["lines"]}
            return [
                {
                    "tracking": one["numbers"],
                    "lines": {skus[line]: units for line, units in one["lines"].items()},
                    "location": one["location"],
                    "notified": one["notified"],
                }
                for one in found["fulfillments"]
            ]

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        """Of a payment: its body names the order."""
        with self.state.lock:
            assert any(one["topic"] == "ORDER_TRANSACTIONS_CREATE" for one in self.state.webhooks.values())
            transaction = self.state.orders[order]["transactions"][-1]
            content = {
                "id": int(transaction["id"]), "order_id": int(order),
                "admin_graphql_api_id": gid("OrderTransaction", transaction["id"]),
            }  # fmt: skip
            return webhooks.signed(self.simulator.tokens.client_secret, "order_transactions/create", content)

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
        lose_mutation: str = "",
    ) -> None:
        """`lose_mutation`: the operation whose answer is lost, else the next one's."""
        with self.state.lock:
            self.state.misbehaviour = Misbehaviour(
                fail_next=fail_next,
                status=status,
                lose_next=int(lose_next_answer),
                lose_mutation=lose_mutation,
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
