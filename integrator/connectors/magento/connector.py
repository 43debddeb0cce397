"""The Magento connector: the port, made of the parts beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from integrator.connectors.base import Channel, CheckReport, Connector, OrderPage
from integrator.connectors.http import Recorder
from integrator.connectors.magento.attributes import Attributes
from integrator.connectors.magento.bodies import Bodies
from integrator.connectors.magento.bulk import Bulk
from integrator.connectors.magento.capabilities import CAPABILITIES
from integrator.connectors.magento.categories import Categories
from integrator.connectors.magento.checks import check
from integrator.connectors.magento.client import Client
from integrator.connectors.magento.content import ContentPush
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.images import Images
from integrator.connectors.magento.lookup import Lookup
from integrator.connectors.magento.prices import PricePush
from integrator.connectors.magento.pull import Orders
from integrator.connectors.magento.quantities import Quantities
from integrator.connectors.magento.saving import Saver
from integrator.connectors.magento.settings import MagentoCredentials, MagentoSettings
from integrator.connectors.magento.shipping import Shipping
from integrator.connectors.magento.stock import StockPush
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder


class MagentoConnector(Connector):
    """For Magento Open Source and Adobe Commerce 2.4.6 to 2.4.9, through REST V1."""

    platform: ClassVar[str] = "magento"
    title: ClassVar[str] = "Magento / Adobe Commerce"
    capabilities = CAPABILITIES
    credentials_model = MagentoCredentials
    settings_model = MagentoSettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        self.settings: MagentoSettings = channel.settings
        self.client = Client(channel.credentials, self.settings, recorder)
        self.facts = Facts(self.client, self.settings)
        self.quantities = Quantities(self.client, self.facts, self.settings)
        self.lookup = Lookup(self.client, self.facts, self.quantities)
        self.attributes = Attributes(self.client, self.facts, self.settings)
        self.categories = Categories(self.client, self.facts, self.settings)
        self.images = Images(self.settings.private_image_hosts)
        self.bulk = Bulk(self.client, self.settings)
        self.orders = Orders(self.client, self.settings, self.capabilities.order_page)
        self.shipping = Shipping(self.client, self.orders, self.settings)

    def close(self) -> None:
        self.client.close()

    def check(self) -> CheckReport:
        return check(self.client, self.facts, self.settings)

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        return self.lookup.find(skus)

    def read_listings(self) -> Iterator[RemoteListing]:
        return self.lookup.listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        bodies = Bodies(self.settings, self.facts, self.attributes, self.categories, self.images)
        return ContentPush(self.client, bodies, self.lookup, self._saver(), self._stock()).run(styles)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return PricePush(self.client, self.facts, self.lookup, self._saver(), self.settings).run(items)

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._stock().run(items)

    def _saver(self) -> Saver:
        return Saver(self.client, self.bulk, self.lookup)

    def _stock(self) -> StockPush:
        """Reservations are read anew for each push: they change with every order."""
        quantities = Quantities(self.client, self.facts, self.settings)
        return StockPush(self.client, self.facts, self.lookup, quantities, self.settings)

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        orders = Orders(self.client, self.settings, self.capabilities.order_page)
        return orders.changed(progress)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        order = self.orders.get(remote_id)
        return None if order is None else self.orders.pulled(order)

    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        return self.shipping.send(shipment)

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        self.shipping.capture(order_remote_id, amount)
