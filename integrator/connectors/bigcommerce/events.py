"""What happened to an order: which units left when, which came back. Pure functions.

What left is told by shipments; for all that is still open, by the order's being shipped or completed, since merchants
may set that by hand, and goods that are downloaded or picked up have no shipment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO

Json = Mapping[str, Any]
MARK = "Integrator shipment "  # in a shipment's comments: what the POS shipped, by its ShipmentId


@dataclass(frozen=True, slots=True)
class Details:
    """What the shop tells of an order in further calls, as far as the order needs it."""

    shipments: Sequence[Json] = ()
    refunds: Sequence[Json] = ()  # oldest first
    transactions: Sequence[Json] = ()
    coupons: Sequence[Json] = ()
    taxes: Sequence[Json] = ()


@dataclass(slots=True)
class Units:
    ordered: Decimal
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    never_shipped: Decimal = ZERO  # refunded before they left


@dataclass(frozen=True, slots=True)
class Departure:
    """Goods that left. `lines` None: all that was open."""

    key: str
    at: datetime
    lines: Mapping[str, Decimal] | None
    remote_id: str = ""
    pos_shipment_id: str = ""
    tracking_numbers: tuple[str, ...] = ()
    method: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Return:
    refund: Json
    at: datetime
    lines: Mapping[str, Decimal]


@dataclass(slots=True)
class History:
    units: dict[str, Units]
    departures: list[tuple[Departure, dict[str, tuple[Decimal, Decimal]]]] = field(default_factory=list)
    returns: list[Return] = field(default_factory=list)

    @property
    def all_gone(self) -> bool:
        return all(one.shipped + one.never_shipped >= one.ordered for one in self.units.values())


def mark(shipment_id: str) -> str:
    return f"{MARK}{shipment_id}"


def marked(comments: Any) -> str:
    """The POS's ShipmentId, "" where a person made the shipment."""
    first = str(comments or "").split("\n", 1)[0].strip()
    return first.removeprefix(MARK).strip() if first.startswith(MARK) else ""


def numbers(value: Any) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(value or "").split(",") if one.strip())


def history(ordered: Mapping[str, Decimal], departures: Sequence[Departure], returns: Sequence[Return]) -> History:
    """Plays the events in the order of their times; at the same instant goods leave before they come back.

    No more leaves than was ordered, whoever says so; what was open when everything left is what nobody refunded.
    """
    done = History({line: Units(units) for line, units in ordered.items()})
    events: list[tuple[datetime, int, str, Departure | Return]] = [
        *((one.at, 0 if one.lines is not None else 1, one.key, one) for one in departures),
        *((one.at, 2, str(one.refund.get("id")), one) for one in returns),
    ]
    for _, _, _, event in sorted(events, key=lambda one: one[:3]):
        if isinstance(event, Return):
            for line, units in event.lines.items():
                known = done.units.get(line)
                if known is None:
                    continue
                back = min(known.shipped - known.returned, units)
                known.returned += back
                known.never_shipped += units - back
            done.returns.append(event)
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
