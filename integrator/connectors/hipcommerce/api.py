"""The channel's work through the shop's API."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.base import (
    Channel,
    CheckItem,
    ConnectorError,
    NeedsCredentials,
    OrderPage,
    Rejected,
    Transient,
)
from integrator.connectors.hipcommerce import mapping, orders, results, signing
from integrator.connectors.hipcommerce.capabilities import FILTER, LISTINGS, PRODUCTS, STOCK
from integrator.connectors.hipcommerce.client import Client, Json
from integrator.connectors.hipcommerce.pull import Orders
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

NEEDED = ("products.read", "products.write", "orders.read", "shipments.write")
OPTIONAL = {
    "captures.write": "Money cannot be taken through the channel.",
    "webhooks.write": "Orders are found by polling.",
}
VERSION = "1."


def wanted(style: StylePush) -> list[ListingPush]:
    return [one for one in style.listings if one.product_id in style.wanted]


class Api:
    def __init__(self, channel: Channel, recorder: Recorder, page: int) -> None:
        self.channel = channel
        self.client = Client(channel, recorder)
        self.orders = Orders(self.client, channel.settings, page)

    def close(self) -> None:
        self.client.close()

    def key(self, what: str, body: Any, versions: Sequence[tuple[int, int]] = ()) -> str:
        """The same for the same batch, whoever sends it again; another once anything of it is wanted anew."""
        text = json.dumps([self.channel.account_id, self.channel.id, what, versions, body], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    # -- how it stands

    def check(self) -> list[CheckItem]:
        try:
            about = self.client.call("GET", "/status")
        except (NeedsCredentials, Rejected, Transient) as error:
            if isinstance(error, Transient) and error.code != "ANSWER_BROKEN":
                raise
            hint = error.hint or "Check the channel's url, key id and secret."
            return [CheckItem("key" if isinstance(error, NeedsCredentials) else "address", False, error.message, hint)]
        version, scopes = str(about.get("version")), set(about.get("scopes") or ())
        items = [
            CheckItem("key", True, f"The key opens {about.get('name')}; prices in {about.get('currency')}."),
            CheckItem(
                "version", version.startswith(VERSION), f"The shop speaks version {version} of the contract.",
                "" if version.startswith(VERSION) else "This connector speaks version 1: update Integrator.",
            ),
            *(
                CheckItem("scope", one in scopes, f"{one}: {'given' if one in scopes else 'missing'}.",
                          "" if one in scopes else f"Let the shop give the key the scope {one}.")
                for one in NEEDED
            ),
            *(
                CheckItem("scope", True, f"{one}: missing. {text}")
                for one, text in OPTIONAL.items() if one not in scopes
            ),
            self._clock(about),
            *self._locations(about),
        ]  # fmt: skip
        hook = about.get("webhook") or {}
        announced = hook.get("url") == self._webhook_url() and hook.get("active")
        said = "Order changes are announced." if announced else "Not registered or asleep: orders are found by polling."
        return [*items, CheckItem("webhook", True, said, "" if announced else "The worker registers it.")]

    def _clock(self, about: Json) -> CheckItem:
        try:
            off = abs((datetime.now(UTC) - datetime.fromisoformat(str(about["time"]))).total_seconds())
        except (KeyError, ValueError, TypeError):
            return CheckItem("clock", False, "The shop does not say its time.", "Its /status must have `time`.")
        well = off <= signing.TOLERANCE / 2
        hint = "" if well else "Set the clocks of both machines by NTP: from 5 minutes on calls are refused."
        return CheckItem("clock", well, f"The shop's clock differs by {off:.0f} s.", hint)

    def _locations(self, about: Json) -> list[CheckItem]:
        known = [str(one.get("location_code")) for one in about.get("locations") or ()]
        unknown = sorted(set(self.channel.settings.location_map.values()) - set(known))
        if unknown:
            hint = f"Correct location_map; the shop has: {', '.join(known) or 'no locations'}."
            return [CheckItem("locations", False, f"The shop has no location {', '.join(unknown)}.", hint)]
        return [CheckItem("locations", True, f"The shop's locations: {', '.join(known) or 'none'}.")]

    # -- products

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        """By SKU, and by item id where the shop keeps another SKU beside it."""
        found: dict[str, dict[str, RemoteListing]] = {sku: {} for sku in skus}
        for one in self.client.filtered("/products", "sku", skus, most=FILTER, limit=LISTINGS):
            if one.get("sku") in found:
                found[one["sku"]][str(one.get("variant_id"))] = mapping.listing(one)
        missing = [sku for sku, ones in found.items() if not ones]
        for one in self.client.filtered("/products", "item_integration_id", missing, most=FILTER, limit=LISTINGS):
            if one.get("item_integration_id") in found:
                found[one["item_integration_id"]][str(one.get("variant_id"))] = mapping.listing(one)
        return {sku: list(ones.values()) for sku, ones in found.items()}

    def read_listings(self) -> Iterator[RemoteListing]:
        for page, _ in self.client.pages("/products", [("limit", str(LISTINGS))]):
            yield from map(mapping.listing, page)

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        done: list[PushResult] = []
        new = [one.item_id for style in styles for one in wanted(style) if one.is_new]
        found = self.find(new) if new else {}
        pushes: list[tuple[list[ListingPush], Json]] = []
        for style in styles:
            linked: dict[int, str] = {}
            parents: dict[int, str | None] = {}
            for one in wanted(style):
                matches = found.get(one.item_id, ()) if one.is_new else ()
                if len(matches) > 1:
                    done.append(results.several(one, matches))
                    continue
                known = one.remote or (matches[0].remote if matches else {})
                if known:
                    linked[one.product_id] = known.get("variant", "")
                parents[one.product_id] = known.get("product")
            default = style.remote_parent or next((one for one in parents.values() if one), None)
            # by hand a merchant may have made one product for each of what is a style in the POS: they stay apart
            for own in dict.fromkeys(parent or default for parent in parents.values()):
                mine = [
                    one for one in wanted(style)
                    if one.product_id in parents and (parents[one.product_id] or default) == own
                ]  # fmt: skip
                known_here = {one.product_id: linked[one.product_id] for one in mine if one.product_id in linked}
                settings = self.channel.settings
                pos_fields = mapping.always_pos(settings.field_rules)
                body = mapping.product(style, mine, own, known_here, settings.publish_new, pos_fields)
                pushes.append((mine, body))
        for start in range(0, len(pushes), PRODUCTS):
            done += self._send_products(pushes[start : start + PRODUCTS])
        return done

    def _send_products(self, pushes: Sequence[tuple[list[ListingPush], Json]]) -> list[PushResult]:
        listings = [one for mine, _ in pushes for one in mine]
        bodies = [body for _, body in pushes]
        key = self.key("products", bodies, [(one.product_id, one.wanted) for one in listings])
        answers = self.client.batch("/products:batch", "products", bodies, len(listings), key)
        return [results.result(one, answer) for one, answer in zip(listings, answers, strict=True)]

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("prices", items, lambda one: [mapping.price_row(one)])

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("inventory", items, mapping.inventory_rows)

    def _set(
        self, name: str, items: Sequence[StylePush], rows_of: Callable[[ListingPush], list[Json]]
    ) -> list[PushResult]:
        """In as few calls as STOCK rows each allow; an item's rows stay together."""
        listings = [one for style in items for one in wanted(style)]
        done = [results.not_listed(one) for one in listings if one.is_new]
        group: list[tuple[ListingPush, list[Json]]] = []
        size = 0
        for one in (one for one in listings if not one.is_new):
            rows = rows_of(one)
            if group and size + len(rows) > STOCK:
                done += self._send_rows(name, group)
                group, size = [], 0
            group.append((one, rows))
            size += len(rows)
        return done + (self._send_rows(name, group) if group else [])

    def _send_rows(self, name: str, group: Sequence[tuple[ListingPush, list[Json]]]) -> list[PushResult]:
        rows = [row for _, own in group for row in own]
        key = self.key(name, rows, [(one.product_id, one.wanted) for one, _ in group])
        answers = iter(self.client.batch(f"/{name}:batch", name, rows, len(rows), key))
        return [results.worst([results.result(one, next(answers)) for _ in own]) for one, own in group]

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        return self.orders.changed(progress)

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        try:
            return self.orders.get(remote_id)
        except orders.READABLE as error:
            message = f"It is not what the contract says ({error})."
            raise Rejected(message, code="ORDER_UNREADABLE", hint="The shop's developers must correct it.") from error

    def send_shipment(self, push: ShipmentPush) -> ShipmentResult:
        notify = push.notify_customer
        notify = self.channel.settings.notify_customer if notify is None else notify
        body = mapping.shipment(push, notify)
        (answer,) = self.client.batch("/shipments:batch", "shipments", [body], 1, self.key("shipments", body))
        raise_refusal(answer)
        return ShipmentResult(
            remote_id=str(answer.get("transaction_id") or push.shipment_id),
            captured=answer.get("captured") is True,
            warning=str(answer.get("warning") or ""),
        )

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        """Each call takes money once; a repetition after an unknown outcome within the same minute takes none."""
        stamp = int(self.client.clock()) // 60
        body = {"order_id": order_remote_id, "amount": None if amount is None else mapping.number(amount)}
        key = self.key("capture", [body, stamp])
        row = {"capture_key": key} | body
        (answer,) = self.client.batch("/captures:batch", "captures", [row], 1, self.key("captures", row))
        raise_refusal(answer)

    # -- webhooks

    def _webhook_url(self) -> str:
        base = self.channel.public_url.rstrip("/")
        return f"{base}{self.channel.webhook_path}" if base else ""

    def register_webhooks(self) -> list[CheckItem]:
        url = self._webhook_url()
        if not url:
            return []
        secret = signing.webhook_secret(self.client.secret, self.channel.account_id, self.channel.id)
        try:
            answer = self.client.call("PUT", "/webhook", {"url": url, "secret": secret})
        except NeedsCredentials as error:
            if error.code != "SCOPE_MISSING":
                raise
            # a shop without webhooks: orders are found by polling, which is no fault
            return [CheckItem("webhook", True, "The shop announces nothing; orders are found by polling.")]
        except Rejected as error:
            return [CheckItem("webhook", False, error.message, error.hint)]
        well = answer.get("url") == url and answer.get("active") is True
        said = f"Order changes are announced to {url}." if well else f"The shop did not take the webhook: {answer}."
        return [CheckItem("webhook", well, said, "" if well else "The shop's developers must correct it.")]


def raise_refusal(answer: Mapping[str, Any]) -> None:
    status = int(answer.get("status") or results.SERVER)
    if status < 300:
        return
    said = results.said(answer)
    code = str(answer.get("code") or "refused").upper()
    kind: type[ConnectorError] = Transient if results.outcome(status) is Outcome.RETRY else Rejected
    raise kind(said["message"], code=code)
