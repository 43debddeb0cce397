"""The Shopify connector: the port, made of the parts beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from integrator.connectors.base import Channel, CheckItem, CheckReport, Connector, OrderPage, Rejected, WebhookEvent
from integrator.connectors.http import Recorder
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder
from integrator.connectors.shopify import mapping, webhooks
from integrator.connectors.shopify.capabilities import CAPABILITIES
from integrator.connectors.shopify.checks import check
from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.content import ContentPush
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.lookup import Lookup
from integrator.connectors.shopify.pull import Orders
from integrator.connectors.shopify.settings import ShopifyCredentials, ShopifySettings
from integrator.connectors.shopify.shipping import Shipping
from integrator.connectors.shopify.values import PricePush, StockPush


class ShopifyConnector(Connector):
    """Through the GraphQL Admin API, of the version in capabilities.py."""

    platform: ClassVar[str] = "shopify"
    title: ClassVar[str] = "Shopify"
    capabilities = CAPABILITIES
    credentials_model = ShopifyCredentials
    settings_model = ShopifySettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        self.settings: ShopifySettings = channel.settings
        self.client = Client(
            channel.credentials,
            recorder,
            timeout=float(self.settings.timeout_seconds),
            memory=channel.memory,
            keeper=channel.keeper,
        )
        self.facts = Facts(self.client, self.settings)
        self.lookup = Lookup(self.client, self.facts)
        self.orders = Orders(self.client, self.settings, self.capabilities.order_page)
        self.shipping = Shipping(self.client, self.settings)
        self.webhooks = webhooks.Webhooks(self.client, channel)

    def close(self) -> None:
        self.client.close()

    def check(self) -> CheckReport:
        return check(self.client, self.facts, self.settings, self.channel.credentials, self.webhooks)

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        found = self.lookup.by_sku(skus)
        return {sku: [mapping.listing(one) for one in matches] for sku, matches in found.items()}

    def read_listings(self) -> Iterator[RemoteListing]:
        return self.lookup.listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        return ContentPush(self.client, self.facts, self.lookup, self.settings).run(styles)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return PricePush(self.client, self.settings, items).run()

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return StockPush(self.client, self.facts, items, self.channel.account_id, self.channel.id).run()

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        return self.orders.changed(progress)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        order = self.orders.get(remote_id)
        if order is None:
            return None
        try:
            return self.orders.pulled(order)
        except (ValueError, KeyError, TypeError, ArithmeticError) as error:
            raise Rejected(f"It cannot be read: {type(error).__name__}: {error}", code="ORDER_UNREADABLE") from error

    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        return self.shipping.send(shipment)

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        self.shipping.capture(order_remote_id, amount)

    # -- webhooks

    def register_webhooks(self) -> list[CheckItem]:
        return self.webhooks.register()

    @classmethod
    def read_webhook(cls, channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        return webhooks.read(channel, headers, body)
