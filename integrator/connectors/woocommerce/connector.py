"""The WooCommerce connector: the port, made of the parts beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from integrator.connectors.base import (
    Channel,
    CheckItem,
    CheckReport,
    Connector,
    OrderPage,
    WebhookEvent,
)
from integrator.connectors.http import Recorder
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder
from integrator.connectors.woocommerce import webhooks
from integrator.connectors.woocommerce.batches import Batches
from integrator.connectors.woocommerce.bodies import Bodies
from integrator.connectors.woocommerce.capabilities import CAPABILITIES
from integrator.connectors.woocommerce.checks import check
from integrator.connectors.woocommerce.client import Client
from integrator.connectors.woocommerce.content import ContentPush
from integrator.connectors.woocommerce.facts import Facts
from integrator.connectors.woocommerce.lookup import Lookup
from integrator.connectors.woocommerce.mapping import listing
from integrator.connectors.woocommerce.pull import Orders
from integrator.connectors.woocommerce.settings import WooCredentials, WooSettings
from integrator.connectors.woocommerce.shipping import Shipping
from integrator.connectors.woocommerce.taxonomy import Taxonomy
from integrator.connectors.woocommerce.values import ValuePush


class WooCommerceConnector(Connector):
    """For shops 8.x to 11.x, through wc/v3."""

    platform: ClassVar[str] = "woocommerce"
    title: ClassVar[str] = "WooCommerce"
    capabilities = CAPABILITIES
    credentials_model = WooCredentials
    settings_model = WooSettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        self.settings: WooSettings = channel.settings
        self.client = Client(channel.credentials, self.settings, recorder)
        self.facts = Facts(self.client, self.settings)
        self.lookup = Lookup(self.client, self.facts)
        self.taxonomy = Taxonomy(self.client)
        self.batches = Batches(self.client, self.settings.batch_size, channel)
        self.orders = Orders(self.client, self.settings, self.capabilities.order_page)
        self.shipping = Shipping(self.client, self.facts, self.orders, self.settings)
        self.webhooks = webhooks.Webhooks(self.client, channel)

    def close(self) -> None:
        self.client.close()
        self.batches.close()

    def check(self) -> CheckReport:
        return check(self.client, self.facts, self.settings, self.shipping, self.webhooks)

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        found = self.lookup.by_sku(skus)
        return {sku: [listing(one) for one in matches] for sku, matches in found.items()}

    def read_listings(self) -> Iterator[RemoteListing]:
        return self.lookup.listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        bodies = Bodies(self.settings, self.facts, self.taxonomy)
        return ContentPush(bodies, self.lookup, self.batches).run(styles)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return ValuePush(self.settings, self.batches).prices(items)

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return ValuePush(self.settings, self.batches).stock(items)

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
