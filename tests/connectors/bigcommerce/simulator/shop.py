"""The simulator as a `Shop` of the contract suite: what its merchant, its shoppers and its warehouse do."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.bigcommerce.simulator.server import Simulator
from tests.connectors.bigcommerce.simulator.state import Features, Json, Misbehaviour
from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct


class BigShop(Shop):
    platform = "bigcommerce"

    def __init__(self, folder: Path, features: Features | None = None, **server: Any) -> None:
        self.simulator = Simulator(folder, features=features, **server)
        self.state = self.simulator.state
        self.back_office = self.simulator.api.catalogue
        self.desk = self.simulator.api.desk

    def close(self) -> None:
        """Raises AssertionError when a request or an answer was not what the documents know."""
        self.simulator.close()
        assert not self.state.violations, "\n".join(self.state.violations)

    def credentials(self) -> dict[str, Any]:
        return {
            "api_path": self.simulator.api_path,
            "access_token": self.simulator.token,
            "client_secret": self.simulator.client_secret,
        }

    # -- the back office

    def variant(self, sku: str) -> Json:
        return next(one for one in self.state.variants.values() if one["sku"] == sku)

    def product(self, sku: str) -> Json:
        return self.state.products[self.variant(sku)["product_id"]]

    def products(self) -> dict[str, ShopProduct]:
        with self.state.lock:
            return {one["sku"]: self._product(one) for one in self.state.variants.values()}

    def _product(self, variant: Json) -> ShopProduct:
        product = self.state.products[variant["product_id"]]
        base = product["base_variant_id"] == variant["id"]

        def own(name: str) -> Decimal | None:
            value = product[name] if base or variant[name] is None else variant[name]
            return D(str(value)) if value or name == "price" else None

        tracked = product["inventory_tracking"] == ("product" if base else "variant")
        places = {
            str(place): D(units) for (number, place), units in self.state.stock.items() if number == variant["id"]
        }
        pictures = sorted(product["images"], key=lambda one: (one["sort_order"], one["id"]))
        own_picture = [variant["image_url"]] if variant["image_url"] else []
        return ShopProduct(
            sku=variant["sku"],
            name=product["name"],
            price=own("price"),
            sale_price=own("sale_price"),
            quantity=D(self.back_office.level(variant["id"])) if tracked else None,
            published=product["is_visible"] and not variant["purchasing_disabled"],
            description=product["description"],
            options={one["option_display_name"]: one["label"] for one in variant["option_values"]},
            parent=str(product["id"]),
            images=[*own_picture, *(one["from"] for one in pictures)],
            categories=[self._path(number) for number in product["categories"]],
            by_location=places,
        )

    def _path(self, number: int) -> str:
        names: list[str] = []
        while number:
            names.insert(0, self.state.categories[number]["name"])
            number = self.state.categories[number]["parent_id"]
        return "/".join(names)

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        with self.state.lock:
            if self.back_office._held(sku):
                raise NotImplementedError("BigCommerce lets no two products have one SKU")
            self.back_office.create(
                {
                    "name": name, "type": "physical", "weight": 1, "price": price, "sku": sku, "is_visible": True,
                    "inventory_tracking": "product", "inventory_level": quantity,
                }
            )  # fmt: skip

    def edit(self, sku: str, **fields: Any) -> None:
        with self.state.lock:
            variant, product = self.variant(sku), self.product(sku)
            base = product["base_variant_id"] == variant["id"]
            names = {"name": "name", "description": "description", "published": "is_visible"}
            for given, name in names.items():
                if given in fields:
                    product[name] = fields[given]
            if "price" in fields:
                (product if base else variant)["price"] = fields["price"]
            if "quantity" in fields:
                self.state.stock[variant["id"], 1] = int(fields["quantity"])

    def delete(self, sku: str) -> None:
        with self.state.lock:
            self.back_office.delete(self.product(sku)["id"])

    def locations(self) -> Sequence[str]:
        return [str(place) for place, _ in self.state.features.locations]

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
        **further: Any,
    ) -> str:
        who = shopper or Shopper("guest@example.com")
        with self.state.lock:
            bought = []
            for one in lines:
                known = self._product(self.variant(one.sku))
                price = one.price if one.price is not None else known.sale_price or known.price or D(0)
                bought.append(
                    (self.variant(one.sku), one.quantity, price, "giftcertificate" if one.gift_card else "physical")
                )
            billing = {
                "first_name": who.first_name, "last_name": who.last_name, "company": "", "street_1": "Hauptstraße 1",
                "street_2": "", "city": "Köln", "state": "Nordrhein-Westfalen", "zip": "50667", "country": "Germany",
                "country_iso2": "DE", "phone": "+49 221 1", "email": who.email,
            }  # fmt: skip
            status = "authorized" if authorised else "captured" if paid else "pending"
            order = self.desk.place(
                bought,
                customer_id=int(who.id or 0),
                billing=billing,
                status_id=11 if paid or authorised else 7,
                payment_status=status,
                shipping=shipping,
                discount=discount,
                tax_rate=tax_rate,
                total_off_by=total_off_by,
                gift_card=paid_by_gift_card,
                at=at or self.state.now(),
                **further,
            )
            return str(order["id"])

    def _order(self, order: str) -> Json:
        return self.state.orders[int(order)]

    def pay(self, order: str) -> None:
        with self.state.lock:
            self.desk.pay(self._order(order))

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        with self.state.lock:
            found = self._order(order)
            units = (
                self.desk.open_units(found)
                if lines is None
                else {self._line(found, sku)["id"]: number for sku, number in lines.items()}
            )
            last = ""
            for place in found["places"]:
                here = {one["id"] for one in found["lines"] if one["order_address_id"] == place}
                items = [
                    {"order_product_id": line, "quantity": number}
                    for line, number in units.items()
                    if number and line in here
                ]
                if items:
                    body = {"order_address_id": place, "items": items, "tracking_number": tracking}
                    last = str(self.desk.ship(found, body)["id"])
            return last

    @staticmethod
    def _line(order: Json, sku: str) -> Json:
        return next(one for one in order["lines"] if one["sku"] == sku)

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        with self.state.lock:
            found = self._order(order)
            units = {self._line(found, sku)["id"]: number for sku, number in (lines or {}).items()}
            return str(self.desk.refund(found, units, amount, restock=restock)["id"])

    def cancel(self, order: str) -> None:
        with self.state.lock:
            self.desk.set_status(self._order(order), 5)

    def order(self, order: str) -> Mapping[str, Any]:
        with self.state.lock:
            found = self._order(order)
            skus = {one["id"]: one["sku"] for one in found["lines"]}
            return {
                "status": found["status_id"],
                "captured": sum(
                    D(str(one["amount"])).quantize(D("0.01"))
                    for one in found["transactions"]
                    if one["event"] in ("purchase", "capture") and one["status"] == "ok"
                ),
                "shipments": [
                    {
                        "tracking": [part.strip() for part in one["tracking_number"].split(",") if part.strip()],
                        "lines": {skus[item["order_product_id"]]: item["quantity"] for item in one["items"]},
                    }
                    for one in found["shipments"]
                ],
            }

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        """As BigCommerce sends it: the webhook's own headers, and a signature by the Standard Webhooks scheme."""
        import base64
        import hashlib
        import hmac

        with self.state.lock:
            hook = next(one for one in self.state.webhooks.values() if one["scope"] == "store/order/updated")
        content = {
            "scope": "store/order/updated", "store_id": "1025646", "data": {"type": "order", "id": int(order)},
            "hash": "dd70c0976e06b67aaf671e73f49dcb79230ebf9d", "created_at": int(time.time()),
            "producer": "stores/simulated",
        }  # fmt: skip
        body = json.dumps(content).encode()
        message, stamp = f"msg_{self.state.number()}", str(int(time.time()))
        signed = f"{message}.{stamp}.".encode() + body
        digest = hmac.new(self.simulator.client_secret.encode(), signed, hashlib.sha256).digest()
        headers = {
            **hook["headers"], "webhook-id": message, "webhook-timestamp": stamp,
            "webhook-signature": "v1," + base64.b64encode(digest).decode(), "Content-Type": "application/json",
        }  # fmt: skip
        return headers, body

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
