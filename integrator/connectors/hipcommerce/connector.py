"""The port of a HipCommerce channel: through the shop's API, or through files where it has none."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from integrator.connectors.base import (
    Channel,
    CheckItem,
    CheckReport,
    Connector,
    OrderPage,
    Rejected,
    WebhookEvent,
)
from integrator.connectors.hipcommerce import signing
from integrator.connectors.hipcommerce.api import Api
from integrator.connectors.hipcommerce.capabilities import CAPABILITIES
from integrator.connectors.hipcommerce.files.channel import Files
from integrator.connectors.hipcommerce.settings import HipCommerceCredentials, HipCommerceSettings
from integrator.connectors.http import Recorder
from integrator.connectors.pushes import PushResult, RemoteListing, ShipmentPush, ShipmentResult, StylePush
from integrator.connectors.records import PulledOrder


class HipCommerceConnector(Connector):
    platform: ClassVar[str] = "hipcommerce"
    title: ClassVar[str] = "HipCommerce"
    capabilities = CAPABILITIES
    credentials_model = HipCommerceCredentials
    settings_model = HipCommerceSettings

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        credentials: HipCommerceCredentials = channel.credentials
        self.way: Api | Files
        if credentials.mode == "api":
            self.way = Api(channel, recorder, self.capabilities.order_page)
        else:
            self.way = Files(channel, recorder, self.capabilities.order_page)

    def close(self) -> None:
        self.way.close()

    def check(self) -> CheckReport:
        return CheckReport(tuple(self.way.check()))

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        return self.way.find(skus)

    def read_listings(self) -> Iterator[RemoteListing]:
        return self.way.read_listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        return self.way.push_content(styles)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self.way.push_price(items)

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self.way.push_stock(items)

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        return self.way.pull_orders(progress)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        return self.way.pull_order(remote_id)

    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        return self.way.send_shipment(shipment)

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        self.way.capture(order_remote_id, amount)

    def register_webhooks(self) -> list[CheckItem]:
        return self.way.register_webhooks()

    @classmethod
    def read_webhook(cls, channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        credentials: HipCommerceCredentials = channel.credentials
        if credentials.mode != "api":
            raise Rejected("The channel exchanges files; it has no webhooks.", code="WEBHOOK_FORGED")
        secret = signing.webhook_secret(credentials.secret.get_secret_value(), channel.account_id, channel.id)
        if not signing.webhook_signed(secret, headers, body, time.time()):
            raise Rejected("The webhook's signature is not this channel's.", code="WEBHOOK_FORGED")
        try:
            event = json.loads(body)
            topic, order = str(event["type"]), str(event["data"].get("order_id") or "")
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Rejected("The webhook's body is not the contract's.", code="WEBHOOK_BROKEN") from None
        given = {name.lower(): value for name, value in headers.items()}
        return WebhookEvent(topic, order, given.get("webhook-id", ""))
