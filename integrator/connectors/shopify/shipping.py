"""Telling the shop about a shipment of the POS, and taking the money.

Shopify knows what has to be shipped by fulfilment orders, one for each location; one call tells of one location. It
has no key for repeating a call. So before the first one is made, the order's own metafield notes which fulfilments
it had; whatever has these lines and was not there then is ours, however the answer was lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.pushes import ShipmentPush, ShipmentResult
from integrator.connectors.records import ZERO
from integrator.connectors.shopify.client import Client, TooCostly
from integrator.connectors.shopify.documents import ORDER_MARK
from integrator.connectors.shopify.errors import must_work, user_errors
from integrator.connectors.shopify.events import count, fulfilment_lines, marks, moment, nodes
from integrator.connectors.shopify.ids import gid, number
from integrator.connectors.shopify.mapping import amount as text_of
from integrator.connectors.shopify.mapping import decimal
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]

SHIPPABLE = frozenset({"OPEN", "IN_PROGRESS"})
ALIVE = frozenset({"SUCCESS", "PENDING", "OPEN"})
MOST_MARKS = 200  # shipments noted on one order
MARK_CHARACTERS = 60_000
LISTS = 10  # fulfilments and fulfilment orders of one order, in the first try
LINES = 50
RESERVED = frozenset({"AUTHORIZATION", "EMV_AUTHORIZATION"})


@dataclass(frozen=True, slots=True)
class Portion:
    """What leaves from one location: fulfilment order -> [(its line's id, the order line, units)]."""

    location: str
    by_order: Mapping[str, Sequence[tuple[str, str, int]]]

    def lines(self) -> dict[str, Decimal]:
        found: dict[str, Decimal] = {}
        for lines in self.by_order.values():
            for _, line, units in lines:
                found[line] = found.get(line, ZERO) + units
        return found


def plan(order: Mapping[str, Any], wanted: Mapping[str, Decimal]) -> tuple[list[Portion], dict[str, Decimal]]:
    """Which fulfilment orders the units are taken from, by location, and what finds none (order line -> units).

    A location that has all that is wanted goes before others, so that one parcel stays one shipment.
    """
    open_orders = [
        one
        for one in nodes(order.get("fulfillmentOrders"))
        if one.get("status") in SHIPPABLE
        and any(action.get("action") == "CREATE_FULFILLMENT" for action in one.get("supportedActions") or [])
    ]

    def place(one: Mapping[str, Any]) -> str:
        return number(((one.get("assignedLocation") or {}).get("location") or {}).get("id"))

    def covered(location: str) -> Decimal:
        here: dict[str, Decimal] = {}
        for one in open_orders:
            for line in nodes(one.get("lineItems")) if place(one) == location else ():
                key = number((line.get("lineItem") or {}).get("id"))
                here[key] = here.get(key, ZERO) + count(line.get("remainingQuantity"))
        return sum((min(units, here.get(line, ZERO)) for line, units in wanted.items()), ZERO)

    left = dict(wanted)
    portions: dict[str, dict[str, list[tuple[str, str, int]]]] = {}
    for one in sorted(open_orders, key=lambda one: (-covered(place(one)), int(number(one["id"])))):
        for line in nodes(one.get("lineItems")):
            key = number((line.get("lineItem") or {}).get("id"))
            units = min(left.get(key, ZERO), count(line.get("remainingQuantity")))
            if units > 0:
                left[key] -= units
                there = portions.setdefault(place(one), {})
                there.setdefault(number(one["id"]), []).append((number(line["id"]), key, int(units)))
    return [Portion(place, by) for place, by in portions.items()], {line: n for line, n in left.items() if n > 0}


class Shipping:
    def __init__(self, client: Client, settings: ShopifySettings) -> None:
        self.client = client
        self.settings = settings

    # -- shipments

    def send(self, shipment: ShipmentPush) -> ShipmentResult:
        order = self._order(shipment.order_remote_id)
        noted = marks(order)
        mark = dict(noted.get(shipment.shipment_id) or {})
        wanted: dict[str, Decimal] = {}
        for line in shipment.lines:
            wanted[line.line_id] = wanted.get(line.line_id, ZERO) + line.quantity
        if not mark:
            mark = {"before": [number(one["id"]) for one in order.get("fulfillments") or []], "made": [], "lines": {
                line: text_of(units) for line, units in wanted.items()
            }}  # fmt: skip
            self._check(order, wanted)
            self._note(order, noted, shipment.shipment_id, mark)
        made = self._found(order, noted, shipment.shipment_id, mark, wanted)
        left = dict(wanted)
        for one in made:
            for key, units in fulfilment_lines(one).items():
                left[key] = left.get(key, ZERO) - units
        left = {key: units for key, units in left.items() if units > 0}
        ids = [number(one["id"]) for one in made]
        if left:
            portions, missing = plan(order, left)
            if missing:
                raise self._missing(order, missing)
            for portion in portions:
                ids.append(self._fulfil(portion, shipment))
        if list(mark.get("made") or []) != ids:
            mark["made"] = ids
            self._note(order, noted, shipment.shipment_id, mark)
        captured, warning = self._captured_with(order, shipment) if shipment.capture else (False, "")
        return ShipmentResult(ids[0] if ids else shipment.shipment_id, captured, warning)

    def _order(self, remote_id: str) -> Json:
        first, lines = LISTS, LINES
        while True:
            variables = {"id": gid("Order", remote_id), "first": first, "lines": lines}
            try:
                order: Json | None = self.client.run("to_ship", variables, size=f"{first}x{lines}")["order"]
                break
            except TooCostly:
                if lines <= LISTS and first <= LISTS // 2:
                    raise
                first, lines = max(LISTS // 2, first // 2), max(LISTS, lines // 2)
        if order is None:
            raise Rejected(
                f"The shop has no order {remote_id}.",
                code="ORDER_MISSING",
                hint="It was deleted there: dismiss the issue.",
            )
        return order

    @staticmethod
    def _check(order: Json, wanted: Mapping[str, Decimal]) -> None:
        if order.get("cancelledAt"):
            raise Rejected(
                f"Order {order.get('name')} is cancelled in the shop; a shipment cannot be added.",
                code="ORDER_CLOSED",
                hint="Dismiss the issue, and take the goods back into stock.",
            )
        parts = [line for line, units in wanted.items() if units % 1]
        if parts:
            raise Rejected(
                f"Shopify ships whole units; the shipment has parts of a unit on line {parts[0]}.",
                code="QUANTITY_DECIMALS",
            )

    @staticmethod
    def _missing(order: Json, missing: Mapping[str, Decimal]) -> Rejected:
        lines = ", ".join(f"{units:f} of line {line}" for line, units in missing.items())
        states = sorted({str(one.get("status")) for one in nodes(order.get("fulfillmentOrders"))})
        return Rejected(
            f"Order {order.get('name')}: the shop has nothing open to ship for {lines} (its fulfilment orders:"
            f" {', '.join(states) or 'none'}).",
            code="NOTHING_TO_SHIP",
            hint="It may be shipped already, on hold, or with a fulfilment service: see the order in Shopify.",
        )

    def _found(
        self,
        order: Json,
        noted: Mapping[str, Any],
        shipment_id: str,
        mark: Mapping[str, Any],
        wanted: Mapping[str, Decimal],
    ) -> list[Json]:
        """The fulfilments that an earlier try made: those that are noted, and those that nobody else can have made."""
        before = set(map(str, mark.get("before") or ()))
        ours = set(map(str, mark.get("made") or ()))
        others = {str(made) for key, one in noted.items() if key != shipment_id for made in (*(one.get("made") or ()),)}
        found: list[Json] = []
        left = dict(wanted)
        for one in order.get("fulfillments") or []:
            identity = number(one["id"])
            if one.get("status") not in ALIVE:
                continue
            lines = fulfilment_lines(one)
            fits = bool(lines) and all(left.get(line, ZERO) >= units for line, units in lines.items())
            if identity in ours or (identity not in before and identity not in others and fits):
                found.append(one)
                for line, units in lines.items():
                    left[line] = left.get(line, ZERO) - units
        return found

    def _fulfil(self, portion: Portion, shipment: ShipmentPush) -> str:
        tracking: Json = {}
        if shipment.carrier:
            tracking["company"] = shipment.carrier
        if len(shipment.tracking_numbers) == 1:
            tracking["number"] = shipment.tracking_numbers[0]
        elif shipment.tracking_numbers:
            tracking["numbers"] = list(shipment.tracking_numbers)
        if shipment.tracking_url:
            tracking["url"] = shipment.tracking_url
        notify = self.settings.notify_customer if shipment.notify_customer is None else shipment.notify_customer
        body: Json = {
            "notifyCustomer": notify,
            "lineItemsByFulfillmentOrder": [
                {
                    "fulfillmentOrderId": gid("FulfillmentOrder", order),
                    "fulfillmentOrderLineItems": [
                        {"id": gid("FulfillmentOrderLineItem", line), "quantity": units} for line, _, units in lines
                    ],
                }
                for order, lines in portion.by_order.items()
            ],
        }
        if tracking:
            body["trackingInfo"] = tracking
        payload = self.client.run("fulfil", {"fulfillment": body}, items=1)["fulfillmentCreate"]
        must_work(payload, "The shipment", "SHIPMENT_REFUSED")
        return number(payload["fulfillment"]["id"])

    def _note(self, order: Json, noted: dict[str, Json] | Any, shipment_id: str, mark: Mapping[str, Any]) -> None:
        noted[shipment_id] = dict(mark)
        while len(noted) > MOST_MARKS or len(json.dumps(noted)) > MARK_CHARACTERS:
            oldest = next(iter(noted))
            if oldest == shipment_id:
                break
            del noted[oldest]
        value = json.dumps(noted, separators=(",", ":"))
        metafield = {
            "ownerId": order["id"], "namespace": ORDER_MARK[0], "key": ORDER_MARK[1], "type": "json", "value": value
        }  # fmt: skip
        payload = self.client.run("mark_order", {"metafields": [metafield]})["metafieldsSet"]
        must_work(payload, f"The note of shipment {shipment_id} on order {order.get('name')}")

    # -- money

    def _captured_with(self, order: Json, shipment: ShipmentPush) -> tuple[bool, str]:
        """Whether money is taken with this shipment, and what to tell when it is not. The shipment stands anyway."""
        if self.settings.capture_at == "last" and not shipment.completes_order:
            return False, ""
        try:
            return self._capture(number(order["id"]), None, shipment)
        except Rejected as error:
            return False, error.message

    def capture(self, remote_id: str, amount: Decimal | None) -> None:
        """`amount` in the shop's currency; None for all that is authorised. Nothing to do when nothing is open."""
        _, problem = self._capture(remote_id, amount, None)
        if problem:
            raise Rejected(f"Order {remote_id}: {problem}", code="CAPTURE_NOTHING")

    def _capture(self, remote_id: str, amount: Decimal | None, shipment: ShipmentPush | None) -> tuple[bool, str]:
        order = self.client.run("to_capture", {"id": gid("Order", remote_id)})["order"]
        if order is None:
            raise Rejected(f"The shop has no order {remote_id}.", code="ORDER_MISSING")
        if order.get("displayFinancialStatus") in ("PAID", "PARTIALLY_REFUNDED", "REFUNDED"):
            return False, ""
        authorisation = self._authorisation(order)
        if authorisation is None:
            return False, f"Order {order.get('name')} has no authorised payment that can be captured."
        if _expired(authorisation, self.client.now()):
            return (
                False,
                f"The authorisation of order {order.get('name')} expired at {authorisation['authorizationExpiresAt']}.",
            )
        open_amount = decimal(
            ((authorisation.get("totalUnsettledSet") or {}).get("presentmentMoney") or {}).get("amount")
        )
        if open_amount is None:
            open_amount = decimal(authorisation["amountSet"]["presentmentMoney"]["amount"]) or ZERO
        if not open_amount:
            return False, ""
        several = bool(authorisation.get("multiCapturable"))
        wanted = open_amount if amount is None else min(open_amount, self._presentment(order, amount))
        if amount is not None and wanted < open_amount and not several:
            # what is left would be lost to the merchant, so a part is taken only when somebody says exactly that
            shop = f"{open_amount:f} {order.get('presentmentCurrencyCode')}"
            raise Rejected(
                f"Order {order.get('name')}: this payment can be captured once, and {shop} are authorised.",
                code="CAPTURE_PARTIAL",
                hint="Capture the whole amount; several captures of a payment need Shopify Plus and Shopify Payments.",
            )
        body: Json = {
            "id": order["id"],
            "parentTransactionId": authorisation["id"],
            "amount": text_of(wanted),
            "currency": order["presentmentCurrencyCode"],
        }
        if several:
            body["finalCapture"] = wanted >= open_amount or bool(shipment and shipment.completes_order)
        payload = self.client.run("capture", {"input": body}, items=1)["orderCapture"]
        errors = user_errors(payload)
        if errors:
            said = "; ".join(one.message for one in errors)
            raise Rejected(f"Order {order.get('name')}: the shop does not capture: {said}", code="CAPTURE_REFUSED")
        status = str((payload.get("transaction") or {}).get("status"))
        if status not in ("SUCCESS", "PENDING"):
            return False, f"Order {order.get('name')}: the payment's capture ended as {status}."
        return True, ""

    @staticmethod
    def _authorisation(order: Json) -> Json | None:
        found = [
            one
            for one in order.get("transactions") or []
            if one.get("kind") in RESERVED
            and one.get("status") == "SUCCESS"
            and one.get("manuallyCapturable") is not False
        ]
        return found[-1] if found and order.get("capturable") is not False else None

    @staticmethod
    def _presentment(order: Json, amount: Decimal) -> Decimal:
        """An amount of the shop's currency in the one that the customer paid in, at the order's own rate."""
        shop = decimal(order["totalPriceSet"]["shopMoney"]["amount"]) or ZERO
        shown = decimal(order["totalPriceSet"]["presentmentMoney"]["amount"]) or ZERO
        if order.get("currencyCode") == order.get("presentmentCurrencyCode") or not shop:
            return amount
        return (amount * shown / shop).quantize(Decimal("0.01"))


def _expired(authorisation: Json, now: datetime) -> bool:
    end = moment(authorisation.get("authorizationExpiresAt"))
    return end is not None and end <= now
