"""The BigCommerce connector: the port, made of the parts beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from integrator.connectors.base import Channel, CheckItem, CheckReport, Connector, OrderPage, WebhookEvent
from integrator.connectors.bigcommerce import webhooks
from integrator.connectors.bigcommerce.capabilities import CAPABILITIES
from integrator.connectors.bigcommerce.checks import check
from integrator.connectors.bigcommerce.client import Client
from integrator.connectors.bigcommerce.content import ContentPush
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.lookup import Lookup
from integrator.connectors.bigcommerce.pull import Orders
from integrator.connectors.bigcommerce.settings import BigCredentials, BigSettings
from integrator.connectors.bigcommerce.shipping import Shipping
from integrator.connectors.bigcommerce.values import ValuePush
from integrator.connectors.http import Recorder
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder


class BigCommerceConnector(Connector):
    """V3 catalogue, inventory and payments, V2 orders."""

    platform: ClassVar[str] = "bigcommerce"
    title: ClassVar[str] = "BigCommerce"
    capabilities = CAPABILITIES
    credentials_model = BigCredentials
    settings_model = BigSettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        self.settings: BigSettings = channel.settings
        self.client = Client(channel.credentials, self.settings, recorder)
        self.facts = Facts(self.client, self.settings)
        self.lookup = Lookup(self.client)
        self.orders = Orders(self.client, self.settings, self.facts, self.capabilities.order_page)
        self.shipping = Shipping(self.client, self.orders, self.settings)
        self.webhooks = webhooks.Webhooks(self.client, channel)

    def close(self) -> None:
        self.client.close()

    def check(self) -> CheckReport:
        return check(self.client, self.facts, self.settings, self.webhooks)

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        found = self.lookup.by_sku(skus)
        return {sku: [match.listing for match in one.exact] for sku, one in found.items()}

    def read_listings(self) -> Iterator[RemoteListing]:
        return self.lookup.listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        return ContentPush(self.client, self.settings, self.facts, self.lookup).run(styles)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return ValuePush(self.client, self.settings, self.facts, self.lookup).prices(items)

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return ValuePush(self.client, self.settings, self.facts, self.lookup).stock(items)

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        return self.orders.changed(progress)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        order = self.orders.get(remote_id)
        return None if order is None else self.orders.pulled(order)

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
