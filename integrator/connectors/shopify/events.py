"""What happened to an order: which units left when, which came back, which never will leave. Pure functions.

A fulfilment with the status SUCCESS is goods that left. A refund's lines say what became of the goods: RETURN came
back, CANCEL never left; NO_RESTOCK came back as far as it had left and was not put into stock again. One shipment of
the POS that the shop keeps as several fulfilments, one for each location, is one event.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.mapping import decimal

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Departure:
    """Goods that left together."""

    key: str
    at: datetime
    lines: Mapping[str, Decimal]
    remote_id: str
    pos_shipment_id: str = ""
    tracking_numbers: tuple[str, ...] = ()
    carrier: str = ""
    number: str = ""
    location: str = ""


@dataclass(frozen=True, slots=True)
class RefundLine:
    line_id: str
    units: Decimal
    subtotal: Decimal
    tax: Decimal
    restock: str
    location: str


@dataclass(frozen=True, slots=True)
class Refund:
    """`came_back`: its lines with what had left; the rest of them never leaves."""

    id: str
    at: datetime
    total: Decimal
    shipping: Decimal
    shipping_tax: Decimal
    came_back: tuple[RefundLine, ...]
    cancelled: tuple[RefundLine, ...]
    transactions: tuple[Json, ...]


@dataclass(slots=True)
class Units:
    """The units of one line after all events."""

    ordered: Decimal
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    cancelled: Decimal = ZERO


@dataclass(slots=True)
class History:
    """Departures with their lines, as (from, to) positions among the units of each line."""

    units: dict[str, Units]
    departures: list[tuple[Departure, dict[str, tuple[Decimal, Decimal]]]] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=list)

    @property
    def all_gone(self) -> bool:
        return all(one.shipped + one.cancelled >= one.ordered for one in self.units.values())


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
    owners = mark_owners(order)
    order_date = moment(order.get("processedAt")) or moment(order.get("createdAt")) or datetime.fromtimestamp(0, UTC)
    found: list[Departure] = []
    together: dict[str, int] = {}
    for one in sorted(
        order.get("fulfillments") or [], key=lambda one: (str(one.get("createdAt")), int(number(one["id"])))
    ):
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
            carrier=next((str(info["company"]) for info in tracking if info.get("company")), ""),
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
    lines = dict(one.lines)
    for line, units in other.lines.items():
        lines[line] = lines.get(line, ZERO) + units
    return Departure(
        one.key, one.at, lines, one.remote_id, one.pos_shipment_id,
        tuple(dict.fromkeys((*one.tracking_numbers, *other.tracking_numbers))), one.carrier or other.carrier,
        one.number, one.location if one.location == other.location else "",
    )  # fmt: skip


# -- putting them in order


def history(order: Json) -> History:
    """Plays the events in the order of their times; at the same instant goods leave before they come back."""
    lines = nodes(order.get("lineItems"))
    done = History({number(line["id"]): Units(count(line.get("quantity"))) for line in lines})
    refunds = [one for one in order.get("refunds") or [] if one]
    events: list[tuple[datetime, int, int, Any]] = [
        *((one.at, 0, int(one.remote_id), one) for one in departures(order)),
        *((_refunded_at(one), 1, int(number(one["id"])), one) for one in refunds),
    ]
    for _, _, _, event in sorted(events, key=lambda one: one[:3]):
        if isinstance(event, Departure):
            _depart(done, event)
        else:
            done.refunds.append(_refund(done, event))
    # what somebody took out of the order by editing it: no refund tells of that
    for line in lines:
        units = done.units[number(line["id"])]
        removed = units.ordered - count(line.get("currentQuantity", line.get("quantity")))
        units.cancelled = max(units.cancelled, min(removed - units.returned, units.ordered - units.shipped))
    return done


def _refunded_at(refund: Json) -> datetime:
    found = moment(refund.get("createdAt")) or moment(refund.get("processedAt"))
    return found or datetime.fromtimestamp(0, UTC)


def _depart(done: History, event: Departure) -> None:
    spans: dict[str, tuple[Decimal, Decimal]] = {}
    for line, units in event.lines.items():
        known = done.units.get(line)
        if known is None:
            continue
        taken = max(ZERO, min(units, known.ordered - known.shipped))
        if taken:
            spans[line] = (known.shipped, known.shipped + taken)
            known.shipped += taken
    if spans:
        done.departures.append((event, spans))


def _refund(done: History, refund: Json) -> Refund:
    came_back: list[RefundLine] = []
    cancelled: list[RefundLine] = []
    for one in nodes(refund.get("refundLineItems")):
        line = number((one.get("lineItem") or {}).get("id"))
        units, restock = count(one.get("quantity")), str(one.get("restockType") or "")
        known = done.units.get(line)
        if known is None or not units:
            continue
        away = max(ZERO, known.shipped - known.returned)
        back = ZERO if restock == "CANCEL" else units if restock == "RETURN" else min(units, away)
        subtotal, tax = money(one.get("subtotalSet")), money(one.get("totalTaxSet"))
        location = number((one.get("location") or {}).get("id"))
        for part, where in ((back, came_back), (units - back, cancelled)):
            if part:
                share = part / units
                where.append(RefundLine(line, part, subtotal * share, tax * share, restock, location))
        known.returned += back
        known.cancelled += units - back
    shipping = nodes(refund.get("refundShippingLines"))
    return Refund(
        id=number(refund["id"]),
        at=_refunded_at(refund),
        total=money(refund.get("totalRefundedSet")),
        shipping=sum((money(one.get("subtotalAmountSet")) for one in shipping), ZERO),
        shipping_tax=sum((money(one.get("taxAmountSet")) for one in shipping), ZERO),
        came_back=tuple(came_back),
        cancelled=tuple(cancelled),
        transactions=tuple(nodes(refund.get("transactions"))),
    )


def open_units(order_lines: Sequence[Json], done: History) -> Decimal:
    return sum((one.ordered - one.shipped - one.cancelled for one in done.units.values()), ZERO)
