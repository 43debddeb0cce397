"""The connector of the sandbox shop: a platform like any other, spoken to over HTTP."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import Field, SecretStr, field_validator

from integrator.connectors.base import (
    Channel,
    CheckItem,
    CheckReport,
    Connector,
    Credentials,
    NeedsCredentials,
    OrderPage,
    OrderProblem,
    Rejected,
    WebhookEvent,
)
from integrator.connectors.http import Recorder
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
from integrator.connectors.sandbox import mapping
from integrator.connectors.sandbox.address import service_url, shop_url
from integrator.connectors.sandbox.capabilities import CAPABILITIES
from integrator.connectors.sandbox.client import Client, Json, NotFound

OVERLAP = timedelta(minutes=5)  # read again at every pull, in case changes became visible out of order
CLOCK_TOLERANCE = 60  # seconds
GONE = frozenset({"VARIANT_NOT_FOUND", "PRODUCT_NOT_FOUND"})  # deleted in the shop


class SandboxCredentials(Credentials):
    """Without any of them `integrator channel add STORE sandbox` makes a shop."""

    shop: str = Field(min_length=1, max_length=100, description="The shop's name")
    key: SecretStr = Field(description="The shop's key")
    url: str = Field(default="", description="Base URL of the service that has the shop; empty: this one")

    @field_validator("url")
    @classmethod
    def web_address(cls, value: str) -> str:
        if value and not value.startswith(("http://", "https://")):
            raise ValueError("write it with its scheme, as https://integrator.example.com")
        return value.rstrip("/")


class SandboxConnector(Connector):
    platform: ClassVar[str] = "sandbox"
    title: ClassVar[str] = "Sandbox shop"
    capabilities = CAPABILITIES
    credentials_model = SandboxCredentials

    def __init__(self, channel: Channel, recorder: Recorder) -> None:
        super().__init__(channel, recorder)
        chosen: SandboxCredentials = channel.credentials
        self.client = Client(channel, shop_url(chosen.shop, chosen.url), chosen.key.get_secret_value(), recorder)

    def close(self) -> None:
        self.client.close()

    @classmethod
    def prepare(cls, public_url: str, name: str) -> dict[str, Any]:
        """Make a shop, named after the channel; a name that is taken gets a suffix."""
        from integrator.connectors.sandbox.shop.documents import ShopError, add_shop
        from integrator.store.engine import begin

        plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:60] or "shop"
        for suffix in ("", *(f"-{secrets.token_hex(3)}" for _ in range(10))):
            try:
                with begin() as connection:
                    made = add_shop(connection, plain + suffix)
            except ShopError:
                continue
            # no URL: where the service is reached is a setting, and may change
            return {"shop": made.name, "key": made.key}
        raise Rejected(
            f"No free name for a sandbox shop like {plain!r} was found.", hint="Give the channel another name."
        )

    # -- how it stands

    def check(self) -> CheckReport:
        try:
            about = self.client.call("GET", "/")
        except NotFound as error:
            return CheckReport((CheckItem("shop", False, error.message, error.hint),))
        except NeedsCredentials as error:
            return CheckReport((CheckItem("key", False, error.message, error.hint),))
        clock = abs((datetime.now(UTC) - datetime.fromisoformat(about["time"])).total_seconds())
        counts = f"{about['products']} products, {about['variants']} variants, {about['orders']} orders"
        hook = about["webhook"] == self._webhook_url()
        return CheckReport((
            CheckItem("key", True, f"The key opens the shop {about['name']}."),
            CheckItem("version", True, f"Sandbox {about['version']}; {counts}; prices in {about['currency']}."),
            CheckItem(
                "clock", clock <= CLOCK_TOLERANCE, f"The shop's clock differs by {clock:.0f} s.",
                "" if clock <= CLOCK_TOLERANCE else "Set the clocks of both machines by NTP.",
            ),
            CheckItem(
                "webhook", True,
                "Order changes are announced." if hook else "Not registered: orders are found by polling.",
                "" if hook else "It is registered by the worker.",
            ),
        ))  # fmt: skip

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        found: dict[str, list[RemoteListing]] = {sku: [] for sku in skus}
        for one in self.client.find(list(found)):
            if one["sku"] in found:
                found[one["sku"]].append(mapping.listing(one))
        return found

    def read_listings(self) -> Iterator[RemoteListing]:
        return (mapping.listing(one) for one in self.client.variants())

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        results: list[PushResult] = []
        new = [one.item_id for style in styles for one in self._wanted(style) if one.is_new]
        found = self.find(new) if new else {}
        pushes: list[tuple[list[ListingPush], Json]] = []
        pos_fields = mapping.always_pos(self.channel.settings.field_rules)
        for style in styles:
            listings: list[ListingPush] = []
            linked: dict[int, str] = {}
            parents: list[str] = []
            for one in self._wanted(style):
                matches = found.get(one.item_id, ()) if one.is_new else ()
                if len(matches) > 1:
                    results.append(several(one, matches))
                    continue
                known = one.remote or (matches[0].remote if matches else {})
                if known:
                    linked[one.product_id] = known["variant"]
                    parents.append(known["product"])
                listings.append(one)
            parent = style.remote_parent or next(iter(parents), None)
            # by hand a merchant may have made one product for each of what is a style in the POS: they stay apart
            for own in dict.fromkeys([parent, *parents]):
                mine = [one for one in listings if self._parent(one, found, parent) == own]
                if mine:
                    publish_new = self.channel.settings.publish_new
                    pushes.append((mine, mapping.product_push(style, mine, own, linked, publish_new, pos_fields)))
        if pushes:
            answers = self.client.batch("/products/batch", "products", [body for _, body in pushes])
            for (listings, _), answer in zip(pushes, answers, strict=True):
                results += content_results(listings, answer)
        return results

    @staticmethod
    def _wanted(style: StylePush) -> list[ListingPush]:
        return [one for one in style.listings if one.product_id in style.wanted]

    @staticmethod
    def _parent(one: ListingPush, found: Mapping[str, Sequence[RemoteListing]], default: str | None) -> str | None:
        matches = found.get(one.item_id, ()) if one.is_new else ()
        return one.remote.get("product") or (matches[0].remote["product"] if matches else default)

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("/prices/batch", "prices", items, lambda one: mapping.price_fields(one.price))

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("/stock/batch", "stock", items, lambda one: mapping.stock_fields(one.stock))

    def _set(
        self, path: str, name: str, items: Sequence[StylePush], fields: Callable[[ListingPush], Json]
    ) -> list[PushResult]:
        listings = [one for style in items for one in self._wanted(style)]
        results = [
            PushResult(one.product_id, Outcome.RETRY, code="NOT_LISTED", message="The shop does not have it yet.")
            for one in listings
            if "variant" not in one.remote
        ]
        wanted = [(one, fields(one)) for one in listings if "variant" in one.remote]
        if wanted:
            bodies = [{"variant_id": int(one.remote["variant"])} | value for one, value in wanted]
            answers = self.client.batch(path, name, bodies)
            for (one, _), answer in zip(wanted, answers, strict=True):
                results.append(refused(one, answer["error"]) if "error" in answer else accepted(one))
        return results

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        seen = str(progress.get("modified_at", ""))
        since = (datetime.fromisoformat(seen) - OVERLAP).isoformat() if seen else ""
        after = ""
        while True:
            page = self.client.call(
                "GET", "/orders", modified_since=since, after=after, limit=self.capabilities.order_page
            )
            newest = max((one["modified_at"] for one in page["orders"]), key=datetime.fromisoformat, default=seen)
            if newest and (not seen or datetime.fromisoformat(newest) > datetime.fromisoformat(seen)):
                seen = newest
            orders: list[PulledOrder] = []
            problems: list[OrderProblem] = []
            for one in filter(self._taken, page["orders"]):
                try:
                    orders.append(mapping.pulled(one, self.channel.settings.order_statuses))
                except (KeyError, ValueError, ArithmeticError, TypeError) as error:
                    problems.append(unreadable(one, error))
            yield OrderPage(tuple(orders), {"modified_at": seen} if seen else {}, tuple(problems))
            after = page["next"]
            if not after:
                return

    def _taken(self, order: Json) -> bool:
        since = self.channel.settings.orders_since
        return since is None or datetime.fromisoformat(order["placed_at"]) >= since

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        try:
            found = self.client.call("GET", f"/orders/{remote_id}")
        except NotFound:
            return None
        return mapping.pulled(found, self.channel.settings.order_statuses)

    def send_shipment(self, shipment: ShipmentPush) -> ShipmentResult:
        notify = shipment.notify_customer
        notify = self.channel.settings.notify_customer if notify is None else notify
        where = f"/orders/{shipment.order_remote_id}"
        answer = self.client.call(
            "POST", f"{where}/fulfilments", mapping.fulfilment(shipment, notify), items=len(shipment.lines)
        )
        captured, warning = False, ""
        if shipment.capture:
            captured, warning = self._capture_for(shipment, where, answer)
        return ShipmentResult(remote_id=answer["fulfilment"]["id"], captured=captured, warning=warning)

    def _capture_for(self, shipment: ShipmentPush, where: str, answer: Json) -> tuple[bool, str]:
        """Take what this shipment is worth (the rest with the last one), once, whatever was interrupted."""
        order, event = mapping.pulled(answer["order"], ()), answer["fulfilment"]
        key = f"shipment:{shipment.shipment_id}"
        if any(one["key"] == key for one in answer["order"]["payments"]):
            return True, ""
        reserved = sum((one.amount for one in order.order.payments if one.kind == "Authorisation"), Decimal(0))
        taken = sum((one.amount for one in order.order.payments if one.kind == "Capture"), Decimal(0))
        worth = mapping.sale(answer["order"], event).grand_total
        left = reserved - taken - sum(
            (mapping.amount(one["amount"]) for one in answer["order"]["payments"] if one["kind"] == "void"), Decimal(0)
        )  # fmt: skip
        if left <= 0:
            return False, "Nothing was authorised that could be captured."
        amount = left if shipment.completes_order else min(worth, left)
        self.client.call("POST", f"{where}/payments", {"kind": "capture", "amount": mapping.text(amount), "key": key})
        return True, ""

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        body: Json = {"kind": "capture"} | ({} if amount is None else {"amount": mapping.text(amount)})
        self.client.call("POST", f"/orders/{order_remote_id}/payments", body)

    # -- webhooks

    def _webhook_url(self) -> str:
        return f"{self.channel.public_url or service_url()}{self.channel.webhook_path}"

    def register_webhooks(self) -> list[CheckItem]:
        url = self._webhook_url()
        body: Json = {"url": url, "secret": webhook_secret(self.channel)}
        try:
            self.client.call("PUT", "/webhook", body)
        except Rejected as error:
            return [CheckItem("webhook", False, error.message, error.hint)]
        return [CheckItem("webhook", True, f"Order changes are announced to {url}.")]

    @classmethod
    def read_webhook(cls, channel: Channel, headers: Mapping[str, str], body: bytes) -> WebhookEvent | None:
        from integrator.connectors.sandbox.shop.webhooks import verified

        given = {name.lower(): value for name, value in headers.items()}
        if not verified(webhook_secret(channel), given.get("x-sandbox-signature", ""), body, time.time()):
            raise Rejected("The webhook's signature is not this channel's.", code="WEBHOOK_FORGED")
        try:
            event = json.loads(body)
            return WebhookEvent(event["topic"], str(event["order_id"]), str(event["id"]))
        except (ValueError, KeyError, TypeError):
            raise Rejected("The webhook's body is not the shop's.", code="WEBHOOK_BROKEN") from None


def webhook_secret(channel: Channel) -> str:
    """Derived from the key, so that there is nothing to remember."""
    key = channel.credentials.key.get_secret_value().encode()
    return hmac.new(key, f"webhook:{channel.account_id}:{channel.id}".encode(), hashlib.sha256).hexdigest()


# -- results


def unreadable(order: Mapping[str, Any], error: Exception) -> OrderProblem:
    message = f"It is not what the API describes ({type(error).__name__}: {error})."
    return OrderProblem(str(order.get("id", "")), message, number=str(order.get("number", "")))


def accepted(one: ListingPush, remote: Mapping[str, str] | None = None, *, created: bool = False) -> PushResult:
    return PushResult(one.product_id, Outcome.ACCEPTED, remote=remote or {}, created=created)


def refused(one: ListingPush, error: Mapping[str, Any]) -> PushResult:
    """The shop's word on one item."""
    code = str(error.get("code", "refused")).upper()
    hints = {
        "SKU_TAKEN": "Remove the other product from the shop or give it another SKU, then resend this one.",
        "OPTIONS_TAKEN": "Give each variant of a style its own values.",
    }
    outcome = Outcome.CONFLICT if code == "SKU_TAKEN" else Outcome.REJECTED
    return PushResult(
        one.product_id,
        outcome,
        code="LISTING_MISSING" if code in GONE else code,
        message=str(error.get("message", "")),
        hint=hints.get(code, ""),
    )


def several(one: ListingPush, matches: Sequence[RemoteListing]) -> PushResult:
    where = ", ".join(f"{match.remote['variant']} ({match.name})" for match in matches)
    return PushResult(
        one.product_id,
        Outcome.CONFLICT,
        code="SKU_AMBIGUOUS",
        message=f"The shop has {len(matches)} products with the SKU {one.item_id!r}: {where}.",
        hint="Leave the SKU on one of them, then resend the item.",
    )


def content_results(listings: Sequence[ListingPush], answer: Json) -> list[PushResult]:
    """A result for each variant of one product of the batch."""
    if "variants" not in answer:
        return [refused(one, answer.get("error", {})) for one in listings]
    results = []
    for one, variant in zip(listings, answer["variants"], strict=True):
        refusal = variant.get("error")
        if refusal:
            results.append(refused(one, refusal))
        else:
            results.append(accepted(one, mapping.remote(variant), created=bool(variant.get("created"))))
    return results
