"""What happened to an order: which units left when, which came back. Pure functions.

WooCommerce has no shipments of its own. What left is told by the best that the shop has: records of the
fulfilments feature, entries of a tracking extension, the marker that `send_shipment` leaves on the order, and,
for all that is still open then, the order's completion.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO
from integrator.connectors.sales import Departure, History, Refund, RefundLine, play, together
from integrator.connectors.woocommerce.mapping import decimal, from_gmt

Json = Mapping[str, Any]

SHIPMENTS_META = "_integrator_shipments"  # on the order: what the POS shipped, by its ShipmentId
SHIPMENT_META = "_integrator_shipment_id"  # on a fulfilment: the POS's ShipmentId
TRACKING_META = "_wc_shipment_tracking_items"  # Shipment Tracking and Advanced Shipment Tracking
FULFILMENT_STATUS_META = "_fulfillment_status"  # there as soon as an order has a fulfilment


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
    """In the order of their numbers."""
    found: list[Departure] = []
    for number, one in sorted(((int(one.get("id") or one.get("fulfillment_id") or 0), one) for one in fulfilments),
                              key=lambda pair: pair[0]):  # fmt: skip
        if not (one.get("is_fulfilled") or one.get("status") == "fulfilled") or one.get("date_deleted"):
            continue
        items = meta(one, "_items") or []
        lines: dict[str, Decimal] = {}
        for item in items if isinstance(items, list) else []:
            line = str(item.get("item_id"))
            lines[line] = lines.get(line, ZERO) + quantity(item.get("qty"))
        left = from_local(order, meta(one, "_date_fulfilled"))
        at = left or from_local(order, one.get("date_updated")) or order_date
        found.append(
            Departure(
                key=f"fulfillment-{number}",
                at=max(at, order_date),
                lines=lines,
                remote_id=str(number),
                pos_shipment_id=str(meta(one, SHIPMENT_META) or ""),
                tracking_numbers=split_numbers(meta(one, "_tracking_number")),
                method=str(meta(one, "_shipping_provider") or meta(one, "_shipment_provider") or ""),
                number=f"S{number}",
                placed=left or order_date,  # the other time moves when the record is edited
            )
        )
    return found


def of_pos(order: Json, order_date: datetime) -> list[Departure]:
    """What we told the shop by a tracking extension or a note, in the order in which we did."""
    return [
        Departure(
            key=f"pos-{order.get('id')}-{shipment}",
            at=max(from_gmt(one.get("at")) or order_date, order_date),
            lines={str(line): quantity(units) for line, units in (one.get("lines") or {}).items()},
            remote_id=str(one.get("remote_id") or shipment),
            pos_shipment_id=shipment,
            tracking_numbers=tuple(map(str, one.get("tracking") or ())),
            method=str(one.get("carrier") or ""),
            number=f"P{shipment}",
            placed=from_gmt(one.get("noted")),
        )
        for shipment, one in pos_shipments(order).items()
    ]


def tracking_entries(order: Json) -> list[Json]:
    """As the extension keeps them: the last one was added last."""
    entries = meta(order, TRACKING_META) or []
    if isinstance(entries, Mapping):
        entries = list(entries.values())
    return [one for one in entries if isinstance(one, Mapping)] if isinstance(entries, list) else []


def of_tracking(order: Json, order_date: datetime) -> list[Departure | None]:
    """Entries that the merchant made. One without products stands for all that is open at its date.

    None in the place of an entry that is ours.
    """
    ours = {str(number) for one in pos_shipments(order).values() for number in one.get("tracking") or ()}
    found: list[Departure | None] = []
    for one in tracking_entries(order):
        if str(one.get("tracking_number")) in ours:
            found.append(None)
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
                method=str(one.get("custom_tracking_provider") or one.get("tracking_provider") or ""),
                number=f"T{identity[:8]}",
            )
        )
    return found


def of_entries(order: Json, order_date: datetime, told: Iterable[str]) -> list[Departure]:
    """The merchant's entries and what we told the shop, in the order of recording. `told`: shipments that have a
    fulfilment, which says the same."""
    theirs = of_tracking(order, order_date)
    placed = [(place, 1, one) for place, one in enumerate(theirs) if one is not None]
    notes = pos_shipments(order)
    skipped = set(told)
    for one in of_pos(order, order_date):
        if one.pos_shipment_id not in skipped:
            placed.append((_place(order, notes[one.pos_shipment_id], one, theirs), 0, one))
    return [one for _, _, one in sorted(placed, key=lambda entry: entry[:2])]


def _place(order: Json, note: Json, ours: Departure, theirs: Sequence[Departure | None]) -> int:
    """Before which of the extension's entries our note was made."""
    if isinstance(note.get("after"), int):
        return int(note["after"])
    for place, entry in enumerate(tracking_entries(order)):
        if str(entry.get("tracking_number")) in ours.tracking_numbers:
            return place
    later = (place for place, one in enumerate(theirs) if one is not None and one.at > ours.at)
    return next(later, len(theirs))


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
    created = from_gmt(order.get("date_created_gmt"))
    told = at or from_gmt(order.get("date_modified_gmt")) or created
    if told is None:
        return []
    # without a time of its own it is placed by one that does not move
    key, number = f"completed-{order.get('id')}", str(order.get("id"))
    return [Departure(key, told, None, remote_id=number, number="S", placed=at or created)]


def split_numbers(value: Any) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(value or "").split(",") if one.strip())


# -- refunds


def of_refund(order: Json, refund: Json) -> Refund:
    """Units by order line: a refund's lines are copies whose meta names the line that they take back."""
    known = {str(line["id"]) for line in order.get("line_items") or []}
    lines: dict[str, Decimal] = {}
    for one in refund.get("line_items") or []:
        line = refunded_line(order, one)
        units = abs(quantity(one.get("quantity")))
        if line in known and units:
            lines[line] = lines.get(line, ZERO) + units
    at = from_gmt(refund.get("date_created_gmt")) or from_local(order, refund.get("date_created"))
    return Refund(
        at or datetime.fromtimestamp(0, UTC), tuple(RefundLine(line, units) for line, units in lines.items()), refund
    )


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


def departures_of(order: Json, fulfilments: Sequence[Json]) -> list[Departure]:
    """All departures of an order, each once, as they were recorded: one that the POS caused may stand in two places.

    What the merchant writes down after the order was completed moves nothing more: it had left by then. What the POS
    caused left before, whatever date the POS gave it.
    """
    order_date = from_gmt(order.get("date_created_gmt")) or datetime.fromtimestamp(0, UTC)
    recorded = of_fulfilments(order, fulfilments, order_date)
    told = {one.pos_shipment_id for one in recorded if one.pos_shipment_id}
    entries = of_entries(order, order_date, told)
    if recorded:  # the extension's entries would tell of the same parcels
        entries = [one for one in entries if one.pos_shipment_id]
    completion = of_completion(order)
    if completion:
        latest = completion[0].placed or completion[0].at
        recorded, entries = ([_before(one, latest) for one in those] for those in (recorded, entries))
    return together(recorded, entries, completion)


def _before(one: Departure, latest: datetime) -> Departure:
    return replace(one, placed=min(one.placed or one.at, latest)) if one.pos_shipment_id else one


def history(order: Json, fulfilments: Sequence[Json], refunds: Sequence[Json]) -> History:
    """`refunds`: in any order; their numbers tell which came first."""
    ordered = {str(line["id"]): quantity(line.get("quantity")) for line in order.get("line_items") or []}
    back = [of_refund(order, one) for one in sorted(refunds, key=lambda one: int(one["id"]))]
    return play(ordered, departures_of(order, fulfilments), back)
