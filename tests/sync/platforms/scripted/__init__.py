"""A platform for tests of the core: a shop in memory that does as a test says, and counts.

shop = scripted.shop("one")
shop.before.append(lambda verb, skus: ...)    # may raise what a client would
shop.answers["B"] = PushResult(...)           # instead of accepting that SKU
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import SecretStr

from integrator.connectors.base import (
    Capabilities,
    ChannelSettings,
    CheckItem,
    CheckReport,
    Connector,
    Credentials,
    NeedsCredentials,
    OrderPage,
    Rejected,
    WebhookEvent,
)
from integrator.connectors.http import Attempt
from integrator.connectors.pushes import (
    ListingPush,
    Outcome,
    PushResult,
    RemoteListing,
    ShipmentPush,
    ShipmentResult,
    StylePush,
)
from integrator.connectors.records import PulledOrder

Before = Callable[[str, list[str]], None]


@dataclass
class Product:
    id: str
    price: Decimal
    sale_price: Decimal | None
    quantity: Decimal
    name: str


@dataclass
class Shop:
    products: dict[str, Product] = field(default_factory=dict)
    orders: list[PulledOrder] = field(default_factory=list)
    pages: list[OrderPage | Exception] = field(default_factory=list)
    shipments: list[ShipmentPush] = field(default_factory=list)
    before: list[Before] = field(default_factory=list)
    after: list[Before] = field(default_factory=list)
    answers: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    calls: list[tuple[str, list[str]]] = field(default_factory=list)
    closed: Exception | None = None  # raised before anything is asked, as by a client that knows the quota
    credentials_ok: bool = True
    says_created: bool = False
    webhook_problem: str = ""
    shipment_answer: ShipmentResult | None = None
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def verbs(self, verb: str) -> list[list[str]]:
        return [skus for name, skus in self.calls if name == verb]


SHOPS: dict[str, Shop] = {}


def shop(name: str) -> Shop:
    return SHOPS.setdefault(name, Shop())


class ScriptedCredentials(Credentials):
    shop: str
    key: SecretStr = SecretStr("scripted-secret")


class ScriptedSettings(ChannelSettings):
    pass


class Scripted(Connector):
    platform = "scripted"
    title = "Scripted"
    capabilities = Capabilities(
        content_batch=8, price_batch=16, stock_batch=16, sale_windows=False, locations=False, drafts=True
    )
    credentials_model = ScriptedCredentials
    settings_model = ScriptedSettings

    @property
    def shop(self) -> Shop:
        return shop(self.channel.credentials.shop)

    def _call(self, verb: str, skus: Sequence[str]) -> None:
        one = self.shop
        if one.closed is not None:
            raise one.closed
        one.calls.append((verb, list(skus)))
        self.recorder(Attempt("POST", f"http://scripted/{verb}", datetime.now(UTC), 1, 200, "ok", items=len(skus)))
        if not one.credentials_ok and verb != "check":
            raise NeedsCredentials("The key is revoked.", hint="Make a new key.")
        for rule in one.before:
            rule(verb, list(skus))

    def _after(self, verb: str, skus: list[str]) -> None:
        for rule in self.shop.after:
            rule(verb, skus)

    def check(self) -> CheckReport:
        self._call("check", [])
        return CheckReport((CheckItem("key", self.shop.credentials_ok, "It is revoked.", "Make a new key."),))

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        self._call("find", skus)
        return {sku: [self._listing(sku)] for sku in skus if sku in self.shop.products}

    def _listing(self, sku: str) -> RemoteListing:
        one = self.shop.products[sku]
        return RemoteListing({"product": one.id}, sku, one.name, one.price, one.sale_price, one.quantity, True)

    def read_listings(self) -> Iterator[RemoteListing]:
        self._call("read_listings", [])
        for sku in list(self.shop.products):
            yield self._listing(sku)

    def _push(self, verb: str, styles: Sequence[StylePush], apply: Callable[[ListingPush], None]) -> list[PushResult]:
        wanted = [one for style in styles for one in style.listings if one.product_id in style.wanted]
        skus = [one.item_id for one in wanted]
        self._call(verb, skus)
        results = []
        for one in wanted:
            outcome = self.shop.answers.get((verb, one.item_id), Outcome.ACCEPTED)
            if outcome is Outcome.ACCEPTED:
                new = one.item_id not in self.shop.products
                apply(one)
                ids = {"product": self.shop.products[one.item_id].id}
                results.append(PushResult(one.product_id, outcome, remote=ids, created=new and self.shop.says_created))
            else:
                results.append(PushResult(one.product_id, outcome, message=f"{one.item_id} is not wanted here."))
        self._after(verb, skus)
        return results

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        def apply(one: ListingPush) -> None:
            known = self.shop.products.get(one.item_id)
            if known is None:
                self.shop.products[one.item_id] = Product(
                    str(next(self.shop.ids)),
                    one.price.price,
                    one.price.sale_price,
                    one.stock.quantity,
                    one.content.name,
                )
            else:
                known.name = one.content.name

        return self._push("content", styles, apply)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        def apply(one: ListingPush) -> None:
            product = self.shop.products[one.item_id]
            product.price, product.sale_price = one.price.price, one.price.sale_price

        return self._push("price", items, apply)

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        def apply(one: ListingPush) -> None:
            self.shop.products[one.item_id].quantity = one.stock.quantity

        return self._push("stock", items, apply)

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        self._call("pull", [])
        read = int(progress.get("read", 0))
        for number, page in enumerate(self.shop.pages[read:], read + 1):
            if isinstance(page, Exception):
                raise page
            yield OrderPage(page.orders, {"read": number}, page.problems)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        self._call("order", [remote_id])
        return next((one for one in self.shop.orders if one.order.remote_id == remote_id), None)

    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        self._call("ship", [shipment.shipment_id])
        self.shop.shipments.append(shipment)
        self._after("ship", [shipment.shipment_id])
        return self.shop.shipment_answer or ShipmentResult(str(len(self.shop.shipments)))

    def register_webhooks(self) -> list[CheckItem]:
        self._call("webhooks", [])
        return [CheckItem("orders", not self.shop.webhook_problem, self.shop.webhook_problem)]

    @classmethod
    def read_webhook(cls, channel: Any, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        if headers.get("X-Signature") != channel.credentials.key.get_secret_value():
            raise Rejected("The signature is wrong.")
        return WebhookEvent("order", order_id=body.decode() or "") if body != b"ping" else None


CONNECTOR = Scripted
