"""Telling the shop about a shipment of the POS, and taking the money.

The POS's ShipmentId stands in the shipment's comments, so that a repetition finds the first one. A shipment goes to
one address: goods for several are several shipments. Whether the customer is mailed is the shop's own setting.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.bigcommerce import carriers, events
from integrator.connectors.bigcommerce.amounts import money
from integrator.connectors.bigcommerce.capabilities import TRACKING_CHARACTERS
from integrator.connectors.bigcommerce.client import Client
from integrator.connectors.bigcommerce.orders import (
    CANCELLED,
    COMPLETED,
    DECLINED,
    INCOMPLETE,
    REFUNDED,
    line_items,
    status_id,
)
from integrator.connectors.bigcommerce.pull import Orders
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import ShipmentPush, ShipmentResult

Json = dict[str, Any]
CLOSED = frozenset({INCOMPLETE, REFUNDED, CANCELLED, DECLINED})
CAPTURED = frozenset({"captured", "paid", "partially refunded", "refunded"})


def tracking_fields(shipment: ShipmentPush, settings: BigSettings) -> Json:
    """Number, carrier and address as the shop takes them; what does not fit goes to the comments."""
    joined = ", ".join(shipment.tracking_numbers)
    comments = events.mark(shipment.shipment_id)
    if len(joined) > TRACKING_CHARACTERS:
        comments += f"\nTracking numbers: {joined}"
        joined = shipment.tracking_numbers[0][:TRACKING_CHARACTERS]
    body: Json = {"comments": comments}
    if joined:
        body["tracking_number"] = joined
    if shipment.ship_method:
        body["shipping_method"] = shipment.ship_method
    known = carriers.code(shipment.carrier, settings.carriers) if shipment.carrier else ""
    if known:
        body["tracking_carrier"] = known
    elif shipment.carrier:
        body["shipping_provider"] = carriers.provider(shipment.carrier)
    if shipment.tracking_url:
        body["tracking_link"] = shipment.tracking_url
    return body


def by_address(order: Mapping[str, Any], shipment: ShipmentPush) -> dict[int, dict[int, int]]:
    """Units by order line, by the address that they go to; 0 for goods that are not sent.

    Raises Rejected for a line that the order does not have.
    """
    lines = {str(one["id"]): one for one in line_items(order)}
    found: dict[int, dict[int, int]] = {}
    for line in shipment.lines:
        known = lines.get(line.line_id)
        if known is None:
            raise Rejected(
                f"Order {order['id']} has no line {line.line_id}.",
                code="LINE_MISSING",
                hint="Check the shipment's lines.",
            )
        units = found.setdefault(int(known.get("order_address_id") or 0), {})
        units[int(known["id"])] = units.get(int(known["id"]), 0) + int(line.quantity)
    return found


class Shipping:
    def __init__(self, client: Client, orders: Orders, settings: BigSettings) -> None:
        self.client = client
        self.orders = orders
        self.settings = settings

    def send(self, shipment: ShipmentPush) -> ShipmentResult:
        order = self._order(shipment.order_remote_id)
        parcels = by_address(order, shipment)
        there = {
            int(one.get("order_address_id") or 0): str(one["id"])
            for one in self.orders.shipments(order["id"])
            if events.marked(one.get("comments")) == shipment.shipment_id
        }
        if not there and status_id(order) in CLOSED:
            raise Rejected(
                f"Order {order['id']} is {order.get('status')} in the shop; a shipment cannot be added.",
                code="ORDER_CLOSED",
                hint="Put the order back to awaiting fulfilment in the shop and resend, or dismiss the issue.",
            )
        warnings: list[str] = []
        made: list[str] = []
        for place, units in parcels.items():
            if place in there:
                made.append(there[place])
            elif place:
                made.append(self._make(order, place, units, shipment))
            else:
                warnings += self._handed_out(order, shipment, alone=len(parcels) == 1)
        captured = False
        if shipment.capture:
            captured, warning = self._captured(order)
            warnings += [warning] if warning else []
        if shipment.notify_customer is False:
            warnings.append("Whether the customer is mailed is decided by the shop's own settings.")
        return ShipmentResult(made[0] if made else f"order-{order['id']}", captured, " ".join(warnings))

    def _make(self, order: Json, place: int, units: Mapping[int, int], shipment: ShipmentPush) -> str:
        body = {
            "order_address_id": place,
            "items": [{"order_product_id": line, "quantity": number} for line, number in units.items()],
            **tracking_fields(shipment, self.settings),
        }
        answer = self.client.post(f"v2/orders/{order['id']}/shipments", body)
        return str(answer["id"])

    def _handed_out(self, order: Json, shipment: ShipmentPush, *, alone: bool) -> list[str]:
        """Goods that are picked up or downloaded have no shipment in BigCommerce; the order can be completed."""
        if not alone or not shipment.completes_order or not self.settings.complete_pickups:
            return ["Goods that are not sent have no shipment in BigCommerce; the shop was not told of them."]
        if status_id(order) != COMPLETED:
            self.client.put(f"v2/orders/{order['id']}", {"status_id": COMPLETED})
        return []

    def _order(self, remote_id: str) -> Json:
        order = self.orders.get(remote_id)
        if order is None:
            raise Rejected(
                f"The shop has no order {remote_id}.",
                code="ORDER_MISSING",
                hint="It was deleted there: dismiss the issue.",
            )
        return order

    # -- money

    def _captured(self, order: Json) -> tuple[bool, str]:
        """Whether the money is taken with this shipment, and what to tell when it is not."""
        status = str(order.get("payment_status") or "")
        if status in CAPTURED or status == "capture pending":
            return False, ""
        if status != "authorized":
            return False, f"Order {order['id']} has no authorised payment that could be taken."
        try:
            self._capture(order)
        except Rejected as error:  # the shipment stands, whatever becomes of the money
            return False, error.message
        failed = self._refused_by_gateway(order)
        return not failed, failed

    def capture(self, remote_id: str, amount: Decimal | None) -> None:
        """Asks the shop to take the money; it does so some moments later, and the next pulls look until it is done."""
        order = self._order(remote_id)
        status = str(order.get("payment_status") or "")
        if status in CAPTURED or status == "capture pending":
            return
        whole = money(order.get("total_inc_tax"))
        if amount is not None and amount != whole:
            raise Rejected(
                f"BigCommerce captures an order as a whole ({whole:f}), not {amount:f} of it.", code="CAPTURE_PARTIAL"
            )
        if status != "authorized":
            raise Rejected(
                f"Order {order['id']} has no authorised payment that could be taken.", code="CAPTURE_NOTHING"
            )
        self._capture(order)
        failed = self._refused_by_gateway(order)
        if failed:
            raise Rejected(failed, code="CAPTURE_FAILED", hint="See the order's payment in BigCommerce.")

    def _capture(self, order: Json) -> None:
        self.client.post(f"v3/orders/{order['id']}/payment_actions/capture")

    def _refused_by_gateway(self, order: Json) -> str:
        """What the gateway said, if it said it at once."""
        failed: Sequence[Json] = [
            one
            for one in self.orders.payments(order["id"])
            if one.get("event") == "capture" and one.get("status") == "error"
        ]
        return f"The payment gateway refused to capture order {order['id']}." if failed else ""
