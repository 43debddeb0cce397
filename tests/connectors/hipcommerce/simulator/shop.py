"""The reference server as a `Shop` of the contract suite.

The reference refuses every request that is not what openapi.yaml says; here every answer is checked as well. What is
wrong on either side is in `violations`, which the tests expect to be empty.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from integrator.connectors.hipcommerce.reference.catalogue import result
from integrator.connectors.hipcommerce.reference.server import Answer, Problem, Quota, Reference, Request, Server
from integrator.connectors.hipcommerce.settings import BASE_PATH
from tests.connectors.shop import NOTHING, PRICE, SHIPPING, TAX_RATE, D, Line, Shop, Shopper, ShopProduct

OWN_DOING = frozenset({"request_invalid", "idempotency_key_reused", "nonce_used", "not_found"})


class HipShop(Shop):
    platform = "hipcommerce"

    def __init__(self, *, quota: Quota | None = None, port: int = 0, host: str = "127.0.0.1", **options: Any) -> None:
        self.reference = Reference(quota=quota or Quota(requests=0), **options)
        self.reference.webhooks_sent = False
        self.catalogue, self.orders = self.reference.catalogue, self.reference.orders
        self.catalogue.refuse = self._refuse
        self.requests: list[str] = []
        self.refused: list[str] = []  # codes of problems that were answered
        self.violations: list[str] = []
        self._reads = self._writes = 0
        self.misbehave()
        self.server = Server(self.handle, host, port).start()
        self.url = self.server.url

    def close(self) -> None:
        self.server.stop()
        assert self.violations == []

    def credentials(self) -> dict[str, Any]:
        return {"url": self.url, "key_id": self.reference.key_id, "secret": self.reference.secret}

    # -- HTTP

    def handle(self, request: Request) -> Answer | None:
        writes = request.method == "PUT"
        path = urlsplit(request.target).path.removeprefix(BASE_PATH)
        self.requests.append(f"{request.method} {path}")
        problem = self._misbehaviour()
        if problem is not None:
            wait = problem.body.pop("retry_after", None)
            answer = Answer(problem.status, problem.body, {"Retry-After": str(wait)} if wait is not None else {})
        else:
            answer = self.reference.handle(request)
            if answer.status < 400:
                self._reads, self._writes = self._reads + (not writes), self._writes + writes
        self._check(request, path, answer)
        if answer.status >= 400:
            self.refused.append(answer.body["code"])
            if answer.body["code"] in OWN_DOING:
                self.violations.append(f"{request.method} {request.target}: {json.dumps(answer.body)}")
        elif writes and self.lose_next:
            self.lose_next = False
            return None
        return answer

    def _misbehaviour(self) -> Problem | None:
        if self.revoked:
            return Problem(401, "key_unknown", "There is no such key.")
        if self.throttle_next:
            self.throttle_next -= 1
            return Problem(429, "rate_limited", "Too many requests.", retry_after=self.retry_after)
        if self.fail_next:
            self.fail_next -= 1
            more = {"retry_after": 1} if self.status == 503 else {}
            return Problem(self.status, "unavailable", "The shop is not well.", **more)
        return None

    def _check(self, request: Request, path: str, answer: Answer) -> None:
        kind = "application/problem+json" if answer.status >= 400 else "application/json"
        headers = {"content-type": kind} | {name.lower(): value for name, value in answer.headers.items()}
        body = json.loads(json.dumps(answer.body))
        errors = self.reference.document.answer_errors(request.method, path, answer.status, headers, body)
        self.violations += [f"answer to {request.method} {path}: {one}" for one in errors]

    def _refuse(self, item_id: str) -> dict[str, Any] | None:
        if item_id == self.reject_sku:
            return result(item_id, 422, "refused", f"The shop does not want {item_id!r}.")
        return None

    # -- the back office

    def variant(self, sku: str) -> dict[str, Any]:
        return self.catalogue.by_sku(sku)[0]

    def products(self) -> dict[str, ShopProduct]:
        found = {}
        for one in self.catalogue.variants.values():
            product = self.catalogue.products[one["product_id"]]
            found[one["sku"]] = ShopProduct(
                sku=one["sku"],
                name=product["name"],
                price=_amount(one["price"]),
                sale_price=_amount(one["sale_price"]),
                quantity=self.catalogue.quantity(one),
                published=product["published"] and not one["hidden"],
                description=product["long_description"],
                sale_start=_moment(one["sale_from"]),
                sale_end=_moment(one["sale_to"]),
                options={option["name"]: option["value"] for option in one["options"]},
                parent=one["product_id"],
                images=[image["url"] for image in product["images"]],
                categories=["/".join(product["category"])] if product["category"] else [],
                by_location=dict(one["stock"]),
            )
        return found

    def add_product(self, sku: str, name: str, *, price: Decimal = PRICE, quantity: int = 0) -> None:
        self.catalogue.add_by_hand(name, sku, price=str(price), quantity=str(quantity))

    def edit(self, sku: str, **fields: Any) -> None:
        variant = self.variant(sku)
        product = self.catalogue.products[variant["product_id"]]
        names = {"name": "name", "description": "long_description", "published": "published"}
        product |= {names[name]: value for name, value in fields.items() if name in names}
        if "price" in fields:
            variant["price"] = str(fields["price"])
        if "quantity" in fields:
            self.catalogue.set_stock(variant, fields["quantity"])

    def delete(self, sku: str) -> None:
        self.catalogue.remove(self.variant(sku)["variant_id"])

    def locations(self) -> Sequence[str]:
        return self.catalogue.locations

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
        cart = [
            {"sku": one.sku, "quantity": one.quantity, "price": one.price, "gift_card": one.gift_card} for one in lines
        ]
        customer = {
            "web_customer_id": who.id or "", "is_guest": who.id is None, "email": who.email,
            "first_name": who.first_name, "last_name": who.last_name,
        }  # fmt: skip
        order = self.orders.place(
            cart, customer=customer, shipping=shipping, discount=discount, tax_rate=tax_rate,
            total_off_by=total_off_by, gift_card=paid_by_gift_card, placed_at=at,
        )  # fmt: skip
        if authorised:
            self.orders.authorise(order)
        elif paid:
            self.orders.take(order)
        return order

    def pay(self, order: str) -> None:
        self.orders.take(order)

    def ship(self, order: str, lines: Mapping[str, int] | None = None, *, tracking: str = "") -> str:
        made = self.orders.ship(order, self._by_line(order, lines), tracking=[tracking] if tracking else [])
        return str(made["transaction_id"])

    def refund(
        self, order: str, lines: Mapping[str, int] | None = None, *, amount: Decimal | None = None, restock: bool = True
    ) -> str:
        made = self.orders.refund(order, self._by_line(order, lines), value=amount, restock=restock)
        return str(made["transaction_id"])

    def _by_line(self, order: str, lines: Mapping[str, int] | None) -> dict[str, Decimal] | None:
        if lines is None:
            return None
        ids = {one["sku"]: one["line_id"] for one in self.orders.get(order)["lines"]}
        return {ids[sku]: D(units) for sku, units in lines.items()}

    def cancel(self, order: str) -> None:
        self.orders.cancel(order)

    def order(self, order: str) -> Mapping[str, Any]:
        found = self.orders.get(order)
        skus = {one["line_id"]: one["sku"] for one in found["lines"]}
        sales = [one for one in self.orders.of(order, "transactions") if one["type"] == "Sale"]
        return {
            "status": found["status"],
            "payment_status": found["payment_status"],
            "captured": self.orders._money(order, "Capture"),
            "shipments": [
                {
                    "tracking": one["tracking_numbers"],
                    "lines": {skus[line["line_id"]]: int(D(line["quantity"])) for line in one["lines"]},
                }
                for one in sales
            ],
        }

    def webhook(self, order: str) -> tuple[dict[str, str], bytes]:
        return self.reference.event(order)

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
        self.fail_next, self.status = fail_next, status
        self.throttle_next, self.retry_after = throttle_next, retry_after
        self.lose_next, self.reject_sku, self.revoked = lose_next_answer, reject_sku, revoke_credentials

    @property
    def reads(self) -> int:
        return self._reads

    @property
    def writes(self) -> int:
        return self._writes


def _amount(value: Any) -> Decimal | None:
    return None if value in (None, "") else D(str(value))


def _moment(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None
