"""The simulator as a `Shop` of the contract suite: what its merchant, its shoppers and its warehouse do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.connectors.magento.simulator.products import sale_end, sale_start
from tests.connectors.magento.simulator.server import Simulator
from tests.connectors.magento.simulator.state import Features, Json, Misbehaviour
from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct


class MagentoShop(Shop):
    platform = "magento"

    def __init__(self, folder: Path, version: str, features: Features | None = None, **server: Any) -> None:
        self.simulator = Simulator(folder, version, features=features, **server)
        self.state = self.simulator.state
        self.api = self.simulator.api
        self.back_office = self.api.products
        self.desk = self.api.desk
        self.url = self.simulator.url
        self.version = version

    def close(self) -> None:
        """Raises AssertionError when a request or an answer was not what the version knows."""
        self.simulator.close()
        assert not self.state.violations, "\n".join(self.state.violations)

    def credentials(self) -> dict[str, Any]:
        auth = self.simulator.auth
        signing = {
            "access_token_secret": auth.token_secret, "consumer_key": auth.consumer_key,
            "consumer_secret": auth.consumer_secret
        }  # fmt: skip
        return {"url": self.url, "access_token": auth.token, **({} if self.state.features.bearer else signing)}

    def settings(self) -> dict[str, Any]:
        """Tests do not wait for consumers that never come."""
        return {"async_patience_seconds": 0.4}

    # -- the back office

    def find(self, sku: str) -> Json:
        return next(one for one in self.state.products.values() if one["sku"] == sku)

    def products(self) -> dict[str, ShopProduct]:
        with self.state.lock:
            found = [one for one in self.state.products.values() if one["type"] != "configurable"]
            return {one["sku"]: self._product(one) for one in found}

    def parent(self, one: Json) -> Json | None:
        return next((other for other in self.state.products.values() if one["id"] in other["links"]), None)

    def _product(self, one: Json) -> ShopProduct:
        parent = self.parent(one)
        top = parent or one
        own = one["attributes"]
        quantity = one["stock"]["qty"]
        by_location = {}
        if self.state.features.msi:
            quantity = self.back_office.source_total(one["sku"]) - self.desk.reserved(one["sku"])
            by_location = {
                code: item["quantity"] for (sku, code), item in self.state.source_items.items() if sku == one["sku"]
            }
        options = {}
        for code in parent["axes"] if parent else ():
            attribute = self.state.attributes[code]
            options[attribute["label"]] = attribute["options"][int(own[code])]
        return ShopProduct(
            sku=one["sku"],
            name=top["name"],
            price=one["price"],
            sale_price=D(own["special_price"]) if own.get("special_price") else None,
            quantity=quantity,
            published=all(p["status"] == 1 and p["websites"] for p in (one, top)),
            description=top["attributes"].get("description", ""),
            sale_start=sale_start(own.get("special_from_date")),
            sale_end=sale_end(own.get("special_to_date")),
            options=options,
            parent=str(top["id"]),
            images=[entry["file"] for entry in one["media"]],
            categories=[self.back_office.category_path(key) for key in top["categories"]],
            by_location=by_location,
        )

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        """Also with a SKU that another one has: imports past the repository leave such ones."""
        with self.state.lock:
            key = self.state.number()
            self.state.products[key] = {
                "id": key, "sku": sku, "name": name, "price": price, "status": 1, "visibility": 4, "type": "simple",
                "weight": None,
                "websites": [1], "categories": [], "attributes": {"url_key": f"hand-{key}"}, "media": [],
                "stock": {"qty": D(quantity), "in": True}, "axes": [], "links": [], "created": self.state.stamp(),
                "updated": self.state.stamp(),
            }  # fmt: skip
            if self.state.features.msi:
                self.state.source_items[sku, "default"] = {
                    "sku": sku,
                    "source_code": "default",
                    "quantity": D(quantity),
                    "status": 1,
                }

    def edit(self, sku: str, **fields: Any) -> None:
        with self.state.lock:
            one = self.find(sku)
            top = self.parent(one) or one
            if "name" in fields:
                top["name"] = fields["name"]
            if "description" in fields:
                top["attributes"]["description"] = fields["description"]
            if "published" in fields:
                top["status"] = 1 if fields["published"] else 2
            if "price" in fields:
                one["price"] = D(fields["price"])
            if "quantity" in fields:
                one["stock"]["qty"] = D(fields["quantity"])
                if self.state.features.msi:
                    self.state.source_items[sku, "default"]["quantity"] = D(fields["quantity"])

    def delete(self, sku: str) -> None:
        with self.state.lock:
            del self.state.products[self.find(sku)["id"]]
            self.state.source_items = {key: one for key, one in self.state.source_items.items() if key[0] != sku}

    def locations(self) -> Sequence[str]:
        if not self.state.features.msi:
            raise NotImplementedError("a shop without MSI keeps one quantity per product")
        return self.state.sources

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
        if paid_by_gift_card and not self.api.specs.sync.knows("sales-data-order-extension-interface", "gift_cards"):
            raise NotImplementedError("gift cards are Adobe Commerce's; this is Open Source")
        who = shopper or Shopper("guest@example.com")
        with self.state.lock:
            bought = []
            for one in lines:
                product = self.find(one.sku)
                sale = product["attributes"].get("special_price")
                bought.append(
                    (
                        product,
                        one.quantity,
                        one.price if one.price is not None else D(sale or product["price"]),
                        one.gift_card,
                    )
                )
            order = self.desk.place(
                bought,
                who={"id": who.id, "email": who.email, "first": who.first_name, "last": who.last_name},
                state="processing" if authorised else "new" if paid else "pending_payment",
                method="braintree",
                authorised=authorised,
                shipping=shipping,
                discount=discount,
                tax_rate=tax_rate,
                off_by=total_off_by,
                gift_card=paid_by_gift_card,
                at=at or self.state.now(),
            )
            if paid and not authorised:
                self.desk.invoice(order, None, capture=True)
            return str(order["id"])

    def _order(self, order: str) -> Json:
        return self.state.orders[int(order)]

    def _units(self, order: Json, lines: Mapping[str, int]) -> dict[int, Decimal]:
        return {
            next(one["item_id"] for one in self.desk.top(order) if one["sku"] == sku): D(units)
            for sku, units in lines.items()
        }

    def pay(self, order: str) -> None:
        with self.state.lock:
            self.desk.invoice(self._order(order), None, capture=True)

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        with self.state.lock:
            found = self._order(order)
            tracks = [{"track_number": tracking, "title": "UPS", "carrier_code": "ups"}] if tracking else []
            units = None if lines is None else self._units(found, lines)
            return str(self.desk.ship(found, units, tracks=tracks, comment="", source="")["id"])

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        with self.state.lock:
            found = self._order(order)
            units = self._units(found, lines or {})
            return str(self.desk.refund(found, units, adjustment=amount or D(0), shipping=D(0), restock=restock)["id"])

    def cancel(self, order: str) -> None:
        with self.state.lock:
            self.desk.cancel(self._order(order))

    def order(self, order: str) -> Mapping[str, Any]:
        with self.state.lock:
            found = self._order(order)
            return {
                "status": found["state"],
                "captured": found["paid"],
                "shipments": [
                    {
                        "tracking": [track["track_number"] for track in one["tracks"]],
                        "lines": {row["sku"]: int(count) for row, count in one["items"]},
                    }
                    for one in self.state.shipments.values()
                    if one["order"] == found["id"]
                ],
            }

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
