"""Telling the shop about a shipment of the POS, and taking the money before it leaves.

Neither call of Magento may simply be repeated. A shipment carries the POS's ShipmentId in its comment, so that a
repetition finds the first one; an invoice is made only of what is not yet invoiced of the units that leave.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.magento.client import Client, Filter, Search
from integrator.connectors.magento.events import by_line, mark, marked
from integrator.connectors.magento.mapping import text
from integrator.connectors.magento.orders import method, money, paid, quantity, rows
from integrator.connectors.magento.pull import Orders
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.pushes import ShipmentPush, ShipmentResult
from integrator.connectors.records import ZERO

Json = dict[str, Any]

CLOSED = frozenset({"canceled", "closed"})
WAITING = frozenset({"holded", "payment_review"})
CARRIERS = ("ups", "usps", "fedex", "dhl")
INVOICE_OPEN = 1


class Shipping:
    def __init__(self, client: Client, orders: Orders, settings: MagentoSettings) -> None:
        self.client = client
        self.orders = orders
        self.settings = settings

    # -- shipments

    def send(self, shipment: ShipmentPush) -> ShipmentResult:
        order = self._order(shipment.order_remote_id)
        wanted = lines_of(shipment)
        known = self._sent_before(order, shipment, wanted)
        if known is not None:
            return ShipmentResult(known)
        self._check(order, shipment, wanted)
        captured, warning = self._captured(order, wanted) if shipment.capture else (False, "")
        made = self.client.post(f"V1/order/{order['entity_id']}/ship", self._body(shipment, wanted))
        return ShipmentResult(str(made), captured, warning)

    def _order(self, remote_id: str) -> Json:
        order = self.orders.get(remote_id)
        if order is None:
            raise Rejected(
                f"The shop has no order {remote_id}.",
                code="ORDER_MISSING",
                hint="It was deleted there: dismiss the issue.",
            )
        return order

    def _sent_before(self, order: Json, shipment: ShipmentPush, wanted: Mapping[str, Decimal]) -> str | None:
        """The number of the shipment that an earlier try made: by its mark; where the mark was edited away, the one
        with the same lines and tracking numbers that leaves nothing open for this one."""
        if not any(quantity(row.money.get("qty_shipped")) for row in rows(order)):
            return None
        group = (Filter("order_id", str(order["entity_id"])),)
        there = list(self.client.by_id("V1/shipments", Search((group,)), "entity_id"))
        for one in there:
            if marked(one) == marked({"comments": [{"comment": mark(shipment.shipment_id)}]}):
                return str(one["entity_id"])
        if self._is_open(order, wanted):
            return None
        numbers = sorted(shipment.tracking_numbers)
        for one in there:
            tracks = sorted(str(track.get("track_number")) for track in one.get("tracks") or [])
            same = {line: units for line, units in by_line(one).items() if units} == dict(wanted)
            if same and not marked(one) and tracks == numbers:
                return str(one["entity_id"])
        return None

    @staticmethod
    def _is_open(order: Json, wanted: Mapping[str, Decimal]) -> bool:
        return all(units <= open_units(order).get(line, ZERO) for line, units in wanted.items())

    def _check(self, order: Json, shipment: ShipmentPush, wanted: Mapping[str, Decimal]) -> None:
        number, state = order.get("increment_id"), str(order.get("state"))
        if state in CLOSED:
            raise Rejected(
                f"Order {number} is {state} in the shop; a shipment cannot be added.",
                code="ORDER_CLOSED",
                hint="Cancel the shipment in the POS, or dismiss the issue.",
            )
        if state in WAITING:
            raise Rejected(
                f"Order {number} is on hold in the shop ({order.get('status')}).",
                code="ORDER_ON_HOLD",
                hint="Release the order in the shop; then resend the issue.",
            )
        for line, units in wanted.items():
            left = open_units(order).get(line, ZERO)
            if units > left:
                name = next((text(row.money.get("name")) for row in rows(order) if row.line_id == line), line)
                raise Rejected(
                    f"Order {number}: {units:f} of {name!r} cannot be shipped; {left:f} are open in the shop.",
                    code="QTY_EXCEEDS_OPEN",
                    hint="Units were shipped, cancelled or refunded in the shop: correct the shipment in the POS.",
                )

    def _body(self, shipment: ShipmentPush, wanted: Mapping[str, Decimal]) -> Json:
        how = " ".join(part for part in (shipment.carrier, shipment.ship_method) if part)
        words = [f"Shipment {shipment.shipment_id} of the POS"]
        words += [shipment.ship_date.strftime("of %Y-%m-%d")] if shipment.ship_date else []
        words += [how] if how else []
        words += [shipment.tracking_url] if shipment.tracking_url else []
        body: Json = {
            "items": items_of(wanted),
            "notify": shipment.notify_customer is not False,
            "appendComment": False,
            "comment": {"comment": f"{', '.join(words)} {mark(shipment.shipment_id)}", "is_visible_on_front": 0},
            "tracks": [
                {"track_number": number, "title": how or "Carrier", "carrier_code": self._carrier(shipment.carrier)}
                for number in dict.fromkeys(shipment.tracking_numbers)
            ],
        }
        if self.settings.ship_source:
            body["arguments"] = {"extension_attributes": {"source_code": self.settings.ship_source}}
        return body

    def _carrier(self, name: str) -> str:
        known = {key.casefold(): code for key, code in self.settings.carriers.items()}
        plain = re.sub(r"[^a-z]", "", name.lower())
        return known.get(name.casefold()) or next((code for code in CARRIERS if plain.startswith(code)), "custom")

    # -- money

    def _captured(self, order: Json, wanted: Mapping[str, Decimal]) -> tuple[bool, str]:
        """Whether money was taken for these units, and what to tell when it was not. Raises Rejected where the
        shop refuses: what cannot be paid must not leave."""
        code, title = method(order)
        if code in self.settings.offline_methods and not fully_invoiced(order):
            return False, f"The money of {title!r} cannot be taken from here: make the invoice when it is paid."
        lines = self._uninvoiced(order, wanted)
        waiting = self._open_invoices(order) if money(order.get("total_invoiced")) > paid(order) else []
        for one in waiting:
            self._take(f"V1/invoices/{one['entity_id']}/capture", {}, order)
        if lines:
            body = {"capture": True, "items": items_of(lines), "notify": False}
            self._take(f"V1/order/{order['entity_id']}/invoice", body, order)
        return bool(lines or waiting), ""

    @staticmethod
    def _uninvoiced(order: Json, wanted: Mapping[str, Decimal]) -> dict[str, Decimal]:
        """What has to be invoiced so that everything that left, with these units, is."""
        found: dict[str, Decimal] = {}
        for row in rows(order):
            units = wanted.get(row.line_id, ZERO)
            invoiced, shipped = quantity(row.money.get("qty_invoiced")), quantity(row.money.get("qty_shipped"))
            left = quantity(row.money.get("qty_ordered")) - quantity(row.money.get("qty_canceled")) - invoiced
            lacking = min(left, shipped + units - invoiced) if units else ZERO
            if lacking > 0:
                found[row.line_id] = lacking
        return found

    def _open_invoices(self, order: Json) -> Sequence[Json]:
        group = (Filter("order_id", str(order["entity_id"])),)
        found = self.client.by_id("V1/invoices", Search((group,)), "entity_id")
        return [one for one in found if int(one.get("state") or 0) == INVOICE_OPEN]

    def _take(self, path: str, body: Json, order: Json) -> None:
        try:
            self.client.post(path, body)
        except Rejected as error:
            raise Rejected(
                f"Order {order.get('increment_id')}: the money could not be taken, so nothing was shipped. "
                f"{error.message}",
                code="CAPTURE_FAILED",
                hint="See the order's payment (var/log/exception.log has the gateway's reason); then resend the issue.",
            ) from error

    def capture(self, remote_id: str, amount: Decimal | None) -> None:
        """All that is not invoiced, at once. Magento invoices units, not amounts."""
        order = self._order(remote_id)
        open_invoices = self._open_invoices(order) if money(order.get("total_invoiced")) > paid(order) else []
        if fully_invoiced(order) and not open_invoices:
            return
        due = money(order.get("grand_total")) - paid(order)
        if amount is not None and amount != due:
            raise Rejected(
                f"Order {order.get('increment_id')}: Magento captures units and not amounts; "
                f"{due:f} are due, not {amount:f}.",
                code="CAPTURE_PARTIAL",
                hint="Capture with the shipment of the units, or the whole.",
            )
        for one in open_invoices:
            self._take(f"V1/invoices/{one['entity_id']}/capture", {}, order)
        if not fully_invoiced(order):
            self._take(f"V1/order/{order['entity_id']}/invoice", {"capture": True, "notify": False}, order)


def lines_of(shipment: ShipmentPush) -> dict[str, Decimal]:
    """Units by the number of the order's row; of a configurable product that is its own row, not the variant's."""
    found: dict[str, Decimal] = {}
    for one in shipment.lines:
        found[one.line_id] = found.get(one.line_id, ZERO) + quantity(one.quantity)
    return found


def items_of(lines: Mapping[str, Decimal]) -> list[Json]:
    return [{"order_item_id": int(line), "qty": units} for line, units in lines.items()]


def open_units(order: Mapping[str, Any]) -> dict[str, Decimal]:
    """What can still be shipped of each line."""
    found: dict[str, Decimal] = {}
    for row in rows(order):
        shipped, refunded = quantity(row.money.get("qty_shipped")), quantity(row.money.get("qty_refunded"))
        left = quantity(row.money.get("qty_ordered")) - quantity(row.money.get("qty_canceled"))
        found[row.line_id] = left - max(shipped, refunded)
    return found


def fully_invoiced(order: Mapping[str, Any]) -> bool:
    return all(
        quantity(row.money.get("qty_invoiced")) + quantity(row.money.get("qty_canceled"))
        >= quantity(row.money.get("qty_ordered"))
        for row in rows(order)
    )
