"""Telling the shop about a shipment of the POS, by the best of the three ways that it has, and taking the money.

    fulfillments   a record of the fulfilments feature: lines, carrier, number; the customer is told by the shop
    tracking       an entry of Shipment Tracking or Advanced Shipment Tracking
    note           a note on the order, which goes to the customer

In each the POS's ShipmentId is left at the order, so that a repetition finds the first one. An order is completed
only with the shipment after which nothing is open.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any, Literal

from integrator.connectors.base import NeedsCredentials, Rejected
from integrator.connectors.pushes import ShipmentPush, ShipmentResult
from integrator.connectors.woocommerce import events
from integrator.connectors.woocommerce.client import Client, NoRoute
from integrator.connectors.woocommerce.events import (
    SHIPMENT_META,
    SHIPMENTS_META,
    meta,
    pos_shipments,
    tracking_entries,
)
from integrator.connectors.woocommerce.facts import Facts
from integrator.connectors.woocommerce.mapping import gmt, text
from integrator.connectors.woocommerce.orders import is_authorised, is_paid
from integrator.connectors.woocommerce.pull import Orders, fulfilments
from integrator.connectors.woocommerce.settings import WooSettings

Json = dict[str, Any]
Way = Literal["fulfillments", "tracking", "note"]

TRACKING_NAMESPACES = ("wc-shipment-tracking/v3", "wc-ast/v3")
FULFILMENTS_SINCE = (10, 1)
CLOSED = frozenset({"cancelled", "refunded", "failed", "trash"})


class Shipping:
    def __init__(self, client: Client, facts: Facts, orders: Orders, settings: WooSettings) -> None:
        self.client = client
        self.facts = facts
        self.orders = orders
        self.settings = settings

    # -- shipments

    def send(self, shipment: ShipmentPush) -> ShipmentResult:
        order = self._order(shipment.order_remote_id)
        noted = pos_shipments(order).get(shipment.shipment_id)
        status = str(order.get("status"))
        if noted is None and status in CLOSED:
            raise Rejected(
                f"Order {order.get('number')} is {status} in the shop; a shipment cannot be added.",
                code="ORDER_CLOSED",
                hint="Put the order back to processing in the shop and resend, or dismiss the issue.",
            )
        change: Json = {}
        if noted is not None:
            remote_id = str(noted.get("remote_id") or shipment.shipment_id)
        else:
            remote_id = self._tell(order, shipment)
            if not remote_id.startswith("fulfillment:"):
                # as text: PHP makes a list of an object whose keys are 0, 1, 2
                value = json.dumps(self._noted(order, shipment, remote_id), ensure_ascii=False)
                change["meta_data"] = [{"key": SHIPMENTS_META, "value": value}]
            remote_id = remote_id.removeprefix("fulfillment:")
        if shipment.completes_order and self.settings.complete_orders and status not in CLOSED | {"completed"}:
            change["status"] = "completed"
        captured, warning = self._captured_by(order, shipment, change) if shipment.capture else (False, "")
        if change:
            self.client.put(f"wc/v3/orders/{order['id']}", change)
        return ShipmentResult(remote_id, captured, warning)

    def _order(self, remote_id: str) -> Json:
        order = self.orders.get(remote_id)
        if order is None:
            raise Rejected(
                f"The shop has no order {remote_id}.",
                code="ORDER_MISSING",
                hint="It was deleted there: dismiss the issue.",
            )
        return order

    def way(self, order_id: int | None = None) -> Way:
        """The best way that the shop has. With an order the fulfilments feature is tried on it."""
        if self.settings.shipments != "auto":
            return self.settings.shipments
        version = self.facts.version
        if order_id is not None and (version is None or version >= FULFILMENTS_SINCE):
            try:
                fulfilments(self.client, order_id)
                return "fulfillments"
            except NoRoute:
                pass
        elif "fulfillments" in ((self.facts.system_status.get("settings") or {}).get("enabled_features") or ()):
            return "fulfillments"
        return "tracking" if self.tracking_namespace() else "note"

    def tracking_namespace(self) -> str | None:
        try:
            known = self.facts.site.namespaces
        except (Rejected, NeedsCredentials):  # the index is closed; the extension's own route may still be open
            return None
        return next((one for one in TRACKING_NAMESPACES if one in known), None)

    def _tell(self, order: Json, shipment: ShipmentPush) -> str:
        """The shop's id of the shipment, found or made."""
        order_id = int(order["id"])
        way = self.settings.shipments if self.settings.shipments != "auto" else None
        if way in (None, "fulfillments") and (way or self.facts.version is None or self.facts.since(FULFILMENTS_SINCE)):
            try:
                known = fulfilments(self.client, order_id)
            except NoRoute:
                if way:
                    raise
            else:
                return f"fulfillment:{self._fulfilment(order_id, shipment, known)}"
        if way in (None, "tracking") and shipment.tracking_numbers:
            namespace = self.tracking_namespace() or (TRACKING_NAMESPACES[0] if way else None)
            if namespace:
                return self._tracking(namespace, order, shipment)
        return self._note(order, shipment)

    def _notify(self, shipment: ShipmentPush) -> bool:
        return self.settings.notify_customer if shipment.notify_customer is None else shipment.notify_customer

    # -- (a) the fulfilments feature

    def _fulfilment(self, order_id: int, shipment: ShipmentPush, known: list[Json]) -> str:
        for one in known:
            if str(meta(one, SHIPMENT_META)) == shipment.shipment_id:
                return str(one.get("id") or one.get("fulfillment_id"))
        items: dict[int, int | float] = {}
        for line in shipment.lines:
            units = float(line.quantity) if line.quantity % 1 else int(line.quantity)
            items[int(line.line_id)] = items.get(int(line.line_id), 0) + units
        values: dict[str, Any] = {
            "_items": [{"item_id": line, "qty": units} for line, units in items.items()],
            SHIPMENT_META: shipment.shipment_id,
        }
        if shipment.tracking_numbers:
            values["_tracking_number"] = ", ".join(shipment.tracking_numbers)
        if shipment.carrier:
            slug = re.sub(r"[^a-z0-9]+", "-", shipment.carrier.lower()).strip("-")
            # the key of the carrier was renamed between versions; the other one is not looked at
            values |= {"_shipping_provider": slug, "_shipment_provider": slug, "_provider_name": shipment.carrier}
        if shipment.tracking_url:
            values["_tracking_url"] = shipment.tracking_url
        body = {
            "status": "fulfilled",
            "is_fulfilled": True,
            "meta_data": [{"id": 0, "key": key, "value": value} for key, value in values.items()],
        }
        notify = {"notify_customer": self._notify(shipment)}
        made = self.client.post(f"wc/v3/orders/{order_id}/fulfillments", body, notify)
        made = made.get("fulfillment", made)
        return str(made.get("id") or made.get("fulfillment_id"))

    # -- (b) a tracking extension

    def _tracking(self, namespace: str, order: Json, shipment: ShipmentPush) -> str:
        """One entry for each number; what a first try left behind is recognised by its number."""
        route = f"{namespace}/orders/{order['id']}/shipment-trackings"
        there = {str(one.get("tracking_number")): str(one.get("tracking_id")) for one in tracking_entries(order)}
        first = ""
        for number in shipment.tracking_numbers:
            identity = there.get(number)
            if identity is None:
                body: Json = {"tracking_number": number, **self._carrier(namespace, shipment)}
                if shipment.ship_date:
                    body["date_shipped"] = self._day(shipment.ship_date)
                made = self.client.post(route, body)
                identity = str(made.get("tracking_id") or number)
            first = first or identity
        return first

    def _carrier(self, namespace: str, shipment: ShipmentPush) -> Json:
        """By the extension's own name, which makes it a link; else in the POS's words, with the POS's link."""
        known = next((one for one in self._carriers(namespace) if one.casefold() == shipment.carrier.casefold()), None)
        if known and not shipment.tracking_url:
            return {"tracking_provider": known}
        return {
            "custom_tracking_provider": shipment.carrier or shipment.ship_method or "Carrier",
            "custom_tracking_link": shipment.tracking_url,
        }

    def _carriers(self, namespace: str) -> list[str]:
        """Names in groups by region, or a list of descriptions, as the extension has it."""
        try:
            listed = self.client.get(f"{namespace}/shipment-trackings/providers")
        except (Rejected, NeedsCredentials):
            return []
        groups = listed.values() if isinstance(listed, dict) else listed
        names: list[str] = []
        for one in groups:
            if isinstance(one, dict):
                names += [str(one["provider_name"])] if "provider_name" in one else map(str, one)
        return names

    def _day(self, moment: datetime) -> str:
        """The day in the shop's zone, where it tells it."""
        try:
            zone = self.facts.site.zone
        except (Rejected, NeedsCredentials):
            zone = None
        return moment.astimezone(zone or UTC).strftime("%Y-%m-%d")

    # -- (c) a note

    def _note(self, order: Json, shipment: ShipmentPush) -> str:
        """The words end in the ShipmentId, by which a note of a first try is found."""
        route = f"wc/v3/orders/{order['id']}/notes"
        mark = f"[{shipment.shipment_id}]"
        for one in self.client.get(route, {"type": "any"}):
            if str(text(one.get("note"))).rstrip().endswith(mark):
                return f"note-{one['id']}"
        names = {str(one["id"]): text(one.get("name")) for one in order.get("line_items") or []}
        goods = ", ".join(
            f"{line.quantity.normalize():f} × {names.get(line.line_id, line.sku)}" for line in shipment.lines
        )
        how = " ".join(part for part in (shipment.carrier, shipment.ship_method) if part)
        numbers = ", ".join(shipment.tracking_numbers)
        parts = [f"Shipped: {goods}"]
        if how or numbers:
            parts.append(f"With {how or 'tracking number'}" + (f": {numbers}" if numbers else ""))
        if shipment.tracking_url:
            parts.append(shipment.tracking_url)
        note = ". ".join(parts) + f" {mark}"
        made = self.client.post(route, {"note": note, "customer_note": self._notify(shipment)})
        return f"note-{made['id']}"

    @staticmethod
    def _noted(order: Json, shipment: ShipmentPush, remote_id: str) -> Json:
        """The marker with this shipment added; also what tells the pull which units left with it."""
        lines: dict[str, str] = {}
        for line in shipment.lines:
            units = events.quantity(lines.get(line.line_id)) + line.quantity
            lines[line.line_id] = format(units, "f")
        entry = {
            "remote_id": remote_id,
            "at": gmt(shipment.ship_date or datetime.now(UTC)),
            "lines": lines,
            "tracking": list(shipment.tracking_numbers),
            "carrier": shipment.carrier,
            # when this is written, whatever date the POS gave: by the clock, and by the entries, which have days only
            "noted": gmt(datetime.now(UTC)),
            "after": len(tracking_entries(order)),
        }
        return {**pos_shipments(order), shipment.shipment_id: entry}

    # -- money

    def _captured_by(self, order: Json, shipment: ShipmentPush, change: Json) -> tuple[bool, str]:
        """Whether the money is taken with this shipment, and what to tell when it is not."""
        if is_paid(order):
            return False, ""
        gateway = str(order.get("payment_method") or "")
        strategy = self.settings.capture_strategy(gateway)
        if strategy == "none":
            return False, f"The gateway {gateway!r} does not let its payments be captured: take the money in the shop."
        if not is_authorised(order, self.settings):
            return False, f"Order {order.get('number')} has no authorised payment that could be taken."
        if strategy == "woopayments":
            try:
                self._woopayments(order)
            except Rejected as error:  # the shipment stands, whatever becomes of the money
                return False, error.message
            return True, ""
        # Gateways that capture by status do it on processing as well as on completed.
        change.setdefault("status", "processing")
        return True, ""

    def capture(self, remote_id: str, amount: Any) -> None:
        order = self._order(remote_id)
        if is_paid(order):
            return
        total = events.quantity(order.get("total"))
        if amount is not None and amount != total:
            raise Rejected(
                f"WooCommerce captures an order as a whole ({total:f}), not {amount:f} of it.", code="CAPTURE_PARTIAL"
            )
        gateway = str(order.get("payment_method") or "")
        strategy = self.settings.capture_strategy(gateway)
        if strategy == "none":
            raise Rejected(
                f"Payments of the gateway {gateway!r} cannot be captured from here.",
                code="CAPTURE_UNSUPPORTED",
                hint="Take the money in the shop, or set the channel's capture_strategies for this gateway.",
            )
        if strategy == "woopayments":
            self._woopayments(order)
        elif not is_authorised(order, self.settings):
            raise Rejected(
                f"Order {order.get('number')} has no authorised payment that could be taken.", code="CAPTURE_NOTHING"
            )
        else:
            self.client.put(f"wc/v3/orders/{order['id']}", {"status": "processing"})

    def _woopayments(self, order: Json) -> None:
        intent = str(meta(order, "_intent_id") or order.get("transaction_id") or "")
        if not intent:
            raise Rejected(
                f"Order {order.get('number')} has no payment to capture.",
                code="CAPTURE_NOTHING",
                hint="See the order's payment in WooPayments.",
            )
        route = f"wc/v3/payments/orders/{order['id']}/capture_authorization"
        self.client.post(route, {"payment_intent_id": intent})
