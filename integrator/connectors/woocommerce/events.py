"""What happened to an order: which units left when, which came back. Pure functions.

WooCommerce has no shipments of its own. What left is told by the best that the shop has: records of the
fulfilments feature, entries of a tracking extension, the marker that `send_shipment` leaves on the order, and,
for all that is still open then, the order's completion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO
from integrator.connectors.woocommerce.mapping import decimal, from_gmt

Json = Mapping[str, Any]

SHIPMENTS_META = "_integrator_shipments"  # on the order: what the POS shipped, by its ShipmentId
SHIPMENT_META = "_integrator_shipment_id"  # on a fulfilment: the POS's ShipmentId
TRACKING_META = "_wc_shipment_tracking_items"  # Shipment Tracking and Advanced Shipment Tracking
FULFILMENT_STATUS_META = "_fulfillment_status"  # there as soon as an order has a fulfilment


@dataclass(frozen=True, slots=True)
class Departure:
    """Goods that left. `lines` None: everything that was open then."""

    key: str
    at: datetime
    lines: Mapping[str, Decimal] | None
    remote_id: str = ""
    pos_shipment_id: str = ""
    tracking_numbers: tuple[str, ...] = ()
    carrier: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Refunded:
    """A refund, by the units of each order line that came back with it."""

    refund: Json
    at: datetime
    lines: Mapping[str, Decimal]


@dataclass(slots=True)
class Units:
    """The units of one line after all events."""

    ordered: Decimal
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    never_shipped: Decimal = ZERO  # refunded while they still stood in the shop


@dataclass(slots=True)
class History:
    """Departures with their actual lines, as (from, to) positions among the units of each line."""

    units: dict[str, Units]
    departures: list[tuple[Departure, dict[str, tuple[Decimal, Decimal]]]] = field(default_factory=list)
    refunds: list[Refunded] = field(default_factory=list)

    @property
    def all_gone(self) -> bool:
        return all(one.shipped + one.never_shipped >= one.ordered for one in self.units.values())


def meta(thing: Json, key: str) -> Any:
    """The newest value of a meta key; None when it is not there."""
    values = [one.get("value") for one in thing.get("meta_data") or [] if one.get("key") == key]
    return values[-1] if values else None


def quantity(value: Any) -> Decimal:
    return decimal(value) or ZERO


def pos_shipments(order: Json) -> dict[str, dict[str, Any]]:
    """What `send_shipment` noted on the order, by the POS's ShipmentId."""
    value = meta(order, SHIPMENTS_META)
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return {}
    if not isinstance(value, dict):
        return {}
    return {str(key): one for key, one in value.items() if isinstance(one, dict)}


def local_offset(order: Json, near: datetime) -> timedelta:
    """By how much the shop's clock on the wall is ahead of GMT, as the order's own times tell nearest to `near`."""
    best: tuple[timedelta, timedelta] = (timedelta.max, timedelta(0))
    for name in ("date_created", "date_paid", "date_completed", "date_modified"):
        local, absolute = from_gmt(order.get(name)), from_gmt(order.get(f"{name}_gmt"))
        if local is not None and absolute is not None:
            best = min(best, (abs(local - near), local - absolute))
    return best[1]


def from_local(order: Json, text: Any) -> datetime | None:
    """A time of the shop's wall clock, such as the fulfilments feature keeps."""
    wall = from_gmt(text)
    return None if wall is None else wall - local_offset(order, wall)


# -- departures


def of_fulfilments(order: Json, fulfilments: Iterable[Json], order_date: datetime) -> list[Departure]:
    found: list[Departure] = []
    for one in fulfilments:
        if not (one.get("is_fulfilled") or one.get("status") == "fulfilled") or one.get("date_deleted"):
            continue
        items = meta(one, "_items") or []
        lines: dict[str, Decimal] = {}
        for item in items if isinstance(items, list) else []:
            line = str(item.get("item_id"))
            lines[line] = lines.get(line, ZERO) + quantity(item.get("qty"))
        at = from_local(order, meta(one, "_date_fulfilled") or one.get("date_updated"))
        tracking = meta(one, "_tracking_number")
        number = one.get("id") or one.get("fulfillment_id")
        found.append(
            Departure(
                key=f"fulfillment-{number}",
                at=at or order_date,
                lines=lines,
                remote_id=str(number),
                pos_shipment_id=str(meta(one, SHIPMENT_META) or ""),
                tracking_numbers=split_numbers(tracking),
                carrier=str(meta(one, "_shipping_provider") or meta(one, "_shipment_provider") or ""),
                number=f"S{number}",
            )
        )
    return found


def of_pos(order: Json, order_date: datetime) -> list[Departure]:
    """What we told the shop by a tracking extension or a note."""
    return [
        Departure(
            key=f"pos-{order.get('id')}-{shipment}",
            at=from_gmt(one.get("at")) or order_date,
            lines={str(line): quantity(units) for line, units in (one.get("lines") or {}).items()},
            remote_id=str(one.get("remote_id") or shipment),
            pos_shipment_id=shipment,
            tracking_numbers=tuple(map(str, one.get("tracking") or ())),
            carrier=str(one.get("carrier") or ""),
            number=f"P{shipment}",
        )
        for shipment, one in pos_shipments(order).items()
    ]


def of_tracking(order: Json, order_date: datetime) -> list[Departure]:
    """Entries that the merchant made. One without products stands for all that is open at its date."""
    ours = {str(number) for one in pos_shipments(order).values() for number in one.get("tracking") or ()}
    entries = meta(order, TRACKING_META) or []
    if isinstance(entries, Mapping):
        entries = list(entries.values())
    found: list[Departure] = []
    for one in entries if isinstance(entries, list) else []:
        if not isinstance(one, Mapping) or str(one.get("tracking_number")) in ours:
            continue
        shipped = decimal(one.get("date_shipped"))
        at = datetime.fromtimestamp(int(shipped), UTC) if shipped else order_date
        identity = str(one.get("tracking_id") or one.get("tracking_number"))
        found.append(
            Departure(
                key=f"tracking-{identity}",
                at=max(at, order_date),  # only the day is known: not before the order
                lines=_products(one, order),
                remote_id=identity,
                tracking_numbers=split_numbers(one.get("tracking_number")),
                carrier=str(one.get("custom_tracking_provider") or one.get("tracking_provider") or ""),
                number=f"T{identity[:8]}",
            )
        )
    return found


def _products(entry: Json, order: Json) -> dict[str, Decimal] | None:
    """The lines of an entry of Advanced Shipment Tracking; None when it names none."""
    items = entry.get("products_list")
    if not isinstance(items, list) or not items:
        return None
    lines: dict[str, Decimal] = {}
    by_product = {
        str(line.get("variation_id") or line.get("product_id")): str(line["id"])
        for line in order.get("line_items") or []
    }
    for item in items:
        if not isinstance(item, Mapping):
            continue
        line = str(item.get("item_id") or by_product.get(str(item.get("product"))) or "")
        if line:
            lines[line] = lines.get(line, ZERO) + quantity(item.get("qty"))
    return lines or None


def of_completion(order: Json) -> list[Departure]:
    """A completed order has left as a whole, also where nobody kept records."""
    at = from_gmt(order.get("date_completed_gmt"))
    if order.get("status") != "completed" and at is None:
        return []
    if order.get("status") not in ("completed", "refunded"):  # put back to work after it was completed by mistake
        return []
    at = at or from_gmt(order.get("date_modified_gmt")) or from_gmt(order.get("date_created_gmt"))
    if at is None:
        return []
    return [Departure(f"completed-{order.get('id')}", at, None, remote_id=str(order.get("id")), number="S")]


def split_numbers(value: Any) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(value or "").split(",") if one.strip())


# -- refunds


def of_refund(order: Json, refund: Json) -> Refunded:
    """Units by order line: a refund's lines are copies whose meta names the line that they take back."""
    known = {str(line["id"]) for line in order.get("line_items") or []}
    lines: dict[str, Decimal] = {}
    for one in refund.get("line_items") or []:
        line = refunded_line(order, one)
        units = abs(quantity(one.get("quantity")))
        if line in known and units:
            lines[line] = lines.get(line, ZERO) + units
    at = from_gmt(refund.get("date_created_gmt")) or from_local(order, refund.get("date_created"))
    return Refunded(refund, at or datetime.fromtimestamp(0, UTC), lines)


def refunded_line(order: Json, line: Json) -> str:
    """The order line that a line of a refund takes back; by its product where an old version left no meta."""
    named = meta(line, "_refunded_item_id")
    if named:
        return str(named)
    same = [
        str(one["id"])
        for one in order.get("line_items") or []
        if (one.get("product_id"), one.get("variation_id")) == (line.get("product_id"), line.get("variation_id"))
    ]
    return same[0] if len(same) == 1 else ""


# -- putting them in order


def history(order: Json, departures: Sequence[Departure], refunds: Sequence[Refunded]) -> History:
    """Plays the events in the order of their times; at the same instant goods leave before they come back.

    No more leaves than was ordered, whoever says so; what was open when everything left is what nobody refunded.
    """
    done = History({str(line["id"]): Units(quantity(line.get("quantity"))) for line in order.get("line_items") or []})
    ordered: list[tuple[datetime, int, str, Departure | Refunded]] = [
        *((one.at, 0 if one.lines is not None else 1, one.key, one) for one in departures),
        *((one.at, 2, str(one.refund.get("id")), one) for one in refunds),
    ]
    for _, _, _, event in sorted(ordered, key=lambda one: one[:3]):
        if isinstance(event, Refunded):
            for line, units in event.lines.items():
                known = done.units[line]
                back = min(known.shipped - known.returned, units)
                known.returned += back
                known.never_shipped += units - back
            done.refunds.append(event)
            continue
        spans: dict[str, tuple[Decimal, Decimal]] = {}
        for line, known in done.units.items():
            left = known.ordered - known.shipped
            units = left - known.never_shipped if event.lines is None else event.lines.get(line, ZERO)
            units = max(ZERO, min(units, left))
            if units:
                spans[line] = (known.shipped, known.shipped + units)
                known.shipped += units
        if spans:
            done.departures.append((event, spans))
    return done


def departures_of(order: Json, fulfilments: Sequence[Json]) -> list[Departure]:
    """All departures of an order, each once: one that the POS caused may stand in two places."""
    order_date = from_gmt(order.get("date_created_gmt")) or datetime.fromtimestamp(0, UTC)
    recorded = of_fulfilments(order, fulfilments, order_date)
    told = {one.pos_shipment_id for one in recorded if one.pos_shipment_id}
    noted = [one for one in of_pos(order, order_date) if one.pos_shipment_id not in told]
    entries = [] if recorded else of_tracking(order, order_date)
    completion = of_completion(order)
    # What has a record of its own left before the completion that takes the rest, whatever day was noted for it.
    latest = completion[0].at if completion else datetime.max.replace(tzinfo=UTC)
    explicit = [replace(one, at=min(max(one.at, order_date), latest)) for one in (*recorded, *noted, *entries)]
    return [*explicit, *completion]
