"""The sandbox shop as a `Shop` of the contract suite: its own application, served on a free port."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Response

from integrator.connectors.sandbox.shop import api, create_app, documents, orders, products, webhooks
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters
from integrator.store.engine import begin
from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct


class Quiet(WSGIRequestHandler):
    def log(self, type: str, message: str, *args: Any) -> None:
        """Requests are counted by the shop; nobody reads them here."""


class SandboxShop(Shop):
    platform = "sandbox"

    def __init__(self, name: str = "suite") -> None:
        with begin() as connection:
            self.row = documents.add_shop(connection, name)
        self.name = name
        app = DispatcherMiddleware(Response("no", 404), {"/sandbox": create_app()})
        self.server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def credentials(self) -> dict[str, Any]:
        return {"shop": self.name, "key": self.row.key, "url": self.url}

    # -- the back office

    def variants(self) -> list[dict[str, Any]]:
        with begin() as connection:
            return products.variants(connection, self.name, after=0, limit=100_000)

    def variant(self, sku: str) -> dict[str, Any]:
        return next(one for one in self.variants() if one["sku"] == sku)

    def products(self) -> dict[str, ShopProduct]:
        found = {}
        for one in self.variants():
            with begin() as connection:
                product = products.product(connection, self.name, one["product_id"])
            found[one["sku"]] = ShopProduct(
                sku=one["sku"],
                name=one["name"],
                price=D(one["price"]),
                sale_price=None if one["sale_price"] is None else D(one["sale_price"]),
                quantity=D(one["quantity"]),
                published=one["published"],
                description=product["long_description"],
                sale_start=_moment(one["sale_start"]),
                sale_end=_moment(one["sale_end"]),
                options={option["name"]: option["value"] for option in one["options"]},
                parent=str(one["product_id"]),
                images=[image["url"] for image in product["images"]],
                categories=["/".join(product["category"])] if product["category"] else [],
                by_location={place: D(units) for place, units in one["by_location"].items()},
            )
        return found

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        with begin() as connection:
            products.add_by_hand(connection, self.name, name, sku, price=price, quantity=D(quantity))

    def edit(self, sku: str, **fields: Any) -> None:
        one = self.variant(sku)
        names = {"name": "name", "description": "long_description", "published": "published"}
        with begin() as connection:
            products.edit(
                connection,
                self.name,
                one["product_id"],
                {names[name]: value for name, value in fields.items() if name in names},
            )
            if "price" in fields:
                item = {"variant_id": one["id"], "price": str(fields["price"])}
                products.set_prices(connection, self.name, [item])
            if "quantity" in fields:
                item = {"variant_id": one["id"], "quantity": str(fields["quantity"])}
                products.set_stock(connection, self.name, [item])

    def delete(self, sku: str) -> None:
        with begin() as connection:
            products.delete(connection, self.name, self.variant(sku)["product_id"])

    def locations(self) -> Sequence[str]:
        return "hall-1", "hall-2"

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
        order: dict[str, Any] = {
            "lines": [
                {"sku": one.sku, "quantity": str(one.quantity), "gift_card": one.gift_card}
                | ({} if one.price is None else {"price": str(one.price)})
                for one in lines
            ],
            "customer": {
                "id": who.id,
                "email": who.email,
                "first_name": who.first_name,
                "last_name": who.last_name,
            },
            "shipping": str(shipping),
            "discount": str(discount),
            "tax_rate": str(tax_rate),
            "total_off_by": str(total_off_by),
            "gift_card": str(paid_by_gift_card),
            "payment": "authorised" if authorised else "paid" if paid else "none",
        }
        if at is not None:
            order["placed_at"] = at.isoformat()
        return str(orders.place(self.name, order)["id"])

    def pay(self, order: str) -> None:
        orders.pay(self.name, int(order), {"kind": "capture"})

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        body: dict[str, Any] = {"tracking_numbers": [tracking] if tracking else []}
        if lines is not None:
            body["lines"] = self._by_line(order, lines)
        return str(orders.ship(self.name, int(order), body)["fulfilment"]["id"])

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        body: dict[str, Any] = {"restock": restock}
        if lines is not None:
            body["lines"] = self._by_line(order, lines)
        if amount is not None:
            body["amount"] = str(amount)
        return str(orders.refund(self.name, int(order), body)["refund"]["id"])

    def _by_line(self, order: str, lines: Mapping[str, int]) -> dict[str, str]:
        ids = {one["sku"]: one["id"] for one in orders.order(self.name, int(order))["lines"]}
        return {ids[sku]: str(units) for sku, units in lines.items()}

    def cancel(self, order: str) -> None:
        orders.cancel(self.name, int(order))

    def order(self, order: str) -> Mapping[str, Any]:
        found = orders.order(self.name, int(order))
        skus = {one["id"]: one["sku"] for one in found["lines"]}
        return {
            "status": found["status"],
            "payment_status": found["payment_status"],
            "captured": sum((D(one["amount"]) for one in found["payments"] if one["kind"] == "capture"), D(0)),
            "shipments": [
                {
                    "tracking": one["tracking_numbers"],
                    "lines": {skus[line["line_id"]]: int(D(line["quantity"])) for line in one["lines"]},
                }
                for one in found["fulfilments"]
            ],
        }

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        with begin() as connection:
            row = documents.shop(connection, self.name)
        assert row is not None
        body = json.dumps({"id": 1, "topic": "order.updated", "order_id": int(order), "shop": self.name}).encode()
        signed = webhooks.signature(row.profile["webhook"]["secret"], body, int(time.time()))
        return {"X-Sandbox-Topic": "order.updated", "X-Sandbox-Signature": signed}, body

    # -- misbehaviour

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
        self.behave(
            fail_next=fail_next,
            fail_status=status,
            lose_next=int(lose_next_answer),
            throttle_next=throttle_next,
            retry_after=retry_after,
            reject_sku=reject_sku or "",
            revoked=revoke_credentials,
        )

    def behave(self, **how: Any) -> None:
        """The shop's own words for it."""
        api.misbehave(self.name, Behaviour(**how))

    # -- measuring

    def _counters(self) -> Counters:
        with begin() as connection:
            row = documents.shop(connection, self.name)
        assert row is not None
        return Counters(**row.counters)

    @property
    def reads(self) -> int:
        return self._counters().reads

    @property
    def writes(self) -> int:
        return self._counters().writes


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
