"""What happened to an order: which units left when, which came back, which never will leave. Pure functions.

A fulfilment with the status SUCCESS is goods that left. A refund's lines say what became of the goods: RETURN came
back, CANCEL never left; NO_RESTOCK came back as far as it had left and was not put into stock again. One shipment of
the POS that the shop keeps as several fulfilments, one for each location, is one event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO
from integrator.connectors.sales import Departure, History, Refund, RefundLine, play
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.mapping import decimal

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class MoneyBack:
    """A line of a refund, or the part of it that came back or never left."""

    line_id: str
    units: Decimal
    subtotal: Decimal
    tax: Decimal
    restock: str
    location: str


@dataclass(frozen=True, slots=True)
class GivenBack:
    """A refund. `came_back`: its lines with what had left; the rest of them never leaves."""

    id: str
    at: datetime
    total: Decimal
    shipping: Decimal
    shipping_tax: Decimal
    came_back: tuple[MoneyBack, ...]
    cancelled: tuple[MoneyBack, ...]
    transactions: tuple[Json, ...]


def moment(value: Any) -> datetime | None:
    if not isinstance(value, str) or not value:
        return None
    try:
        found = datetime.fromisoformat(value.replace("Z", "+00:00"))
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def nodes(connection: Any) -> list[Json]:
    return list((connection or {}).get("nodes") or [])


def money(bag: Any) -> Decimal:
    """In the shop's currency, which is the POS's."""
    return decimal(((bag or {}).get("shopMoney") or {}).get("amount")) or ZERO


def count(value: Any) -> Decimal:
    return decimal(value) or ZERO


# -- what the POS shipped


def marks(order: Json) -> dict[str, Json]:
    """What `send_shipment` noted on the order, by the POS's ShipmentId."""
    value = (order.get("shipments") or {}).get("value")
    try:
        found = json.loads(value) if isinstance(value, str) else None
    except ValueError:
        found = None
    if not isinstance(found, dict):
        return {}
    return {str(key): one for key, one in found.items() if isinstance(one, dict)}


def mark_owners(order: Json) -> dict[str, str]:
    """Fulfilment id -> the POS's ShipmentId."""
    return {str(made): shipment for shipment, one in marks(order).items() for made in one.get("made") or ()}


# -- departures


def fulfilment_lines(fulfilment: Json) -> dict[str, Decimal]:
    lines: dict[str, Decimal] = {}
    for one in nodes(fulfilment.get("fulfillmentLineItems")):
        line = number((one.get("lineItem") or {}).get("id"))
        lines[line] = lines.get(line, ZERO) + count(one.get("quantity"))
    return lines


def departures(order: Json) -> list[Departure]:
    """In the order of their numbers."""
    owners = mark_owners(order)
    order_date = moment(order.get("processedAt")) or moment(order.get("createdAt")) or datetime.fromtimestamp(0, UTC)
    found: list[Departure] = []
    together: dict[str, int] = {}
    for one in sorted(order.get("fulfillments") or [], key=lambda one: int(number(one["id"]))):
        if one.get("status") != "SUCCESS":
            continue
        identity = number(one["id"])
        owner = owners.get(identity, "")
        tracking = [info for info in one.get("trackingInfo") or [] if info]
        made = Departure(
            key=f"fulfillment-{identity}",
            at=moment(one.get("createdAt")) or order_date,
            lines=fulfilment_lines(one),
            remote_id=identity,
            pos_shipment_id=owner,
            tracking_numbers=tuple(dict.fromkeys(str(info["number"]) for info in tracking if info.get("number"))),
            method=next((str(info["company"]) for info in tracking if info.get("company")), ""),
            number=str(one.get("name") or "").rpartition(".")[2] or identity,
            location=number((one.get("location") or {}).get("id")),
        )
        if owner and owner in together:
            found[together[owner]] = joined(found[together[owner]], made)
            continue
        if owner:
            together[owner] = len(found)
        found.append(made)
    return found


def joined(one: Departure, other: Departure) -> Departure:
    lines = dict(one.lines or {})
    for line, units in (other.lines or {}).items():
        lines[line] = lines.get(line, ZERO) + units
    return replace(
        one,
        lines=lines,
        tracking_numbers=tuple(dict.fromkeys((*one.tracking_numbers, *other.tracking_numbers))),
        method=one.method or other.method,
        location=one.location if one.location == other.location else "",
    )


# -- putting them in order

CAME_BACK = {"RETURN": True, "CANCEL": False}  # the other types do not say it


def refund_lines(refund: Json) -> list[Json]:
    return [one for one in nodes(refund.get("refundLineItems")) if count(one.get("quantity"))]


def history(order: Json) -> History:
    lines = nodes(order.get("lineItems"))
    refunds = sorted((one for one in order.get("refunds") or [] if one), key=lambda one: int(number(one["id"])))
    done = play(
        {number(line["id"]): count(line.get("quantity")) for line in lines},
        departures(order),
        [Refund(_refunded_at(one), tuple(map(_refund_line, refund_lines(one))), one) for one in refunds],
    )
    # what somebody took out of the order by editing it: no refund tells of that
    for line in lines:
        units = done.units[number(line["id"])]
        removed = units.ordered - count(line.get("currentQuantity", line.get("quantity")))
        units.never_shipped = max(units.never_shipped, min(removed - units.returned, units.ordered - units.shipped))
    return done


def _refunded_at(refund: Json) -> datetime:
    found = moment(refund.get("createdAt")) or moment(refund.get("processedAt"))
    return found or datetime.fromtimestamp(0, UTC)


def _refund_line(line: Json) -> RefundLine:
    came_back = CAME_BACK.get(str(line.get("restockType") or ""))
    return RefundLine(number((line.get("lineItem") or {}).get("id")), count(line.get("quantity")), came_back)


def given_back(done: History) -> list[GivenBack]:
    """Each refund with what came back and what never left, and the money of either."""
    found: list[GivenBack] = []
    for refund, back in done.refunds:
        document = refund.document
        came_back: list[MoneyBack] = []
        cancelled: list[MoneyBack] = []
        for one, line, returned in zip(refund_lines(document), refund.lines, back, strict=True):
            if line.line_id not in done.units:
                continue
            subtotal, tax = money(one.get("subtotalSet")), money(one.get("totalTaxSet"))
            location = number((one.get("location") or {}).get("id"))
            restock = str(one.get("restockType") or "")
            for part, where in ((returned, came_back), (line.units - returned, cancelled)):
                if part:
                    of_it = part / line.units
                    where.append(MoneyBack(line.line_id, part, subtotal * of_it, tax * of_it, restock, location))
        shipping = nodes(document.get("refundShippingLines"))
        found.append(
            GivenBack(
                id=number(document["id"]),
                at=refund.at,
                total=money(document.get("totalRefundedSet")),
                shipping=sum((money(one.get("subtotalAmountSet")) for one in shipping), ZERO),
                shipping_tax=sum((money(one.get("taxAmountSet")) for one in shipping), ZERO),
                came_back=tuple(came_back),
                cancelled=tuple(cancelled),
                transactions=tuple(nodes(document.get("transactions"))),
            )
        )
    return found
