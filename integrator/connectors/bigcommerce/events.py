"""What tells of departures, and what the POS left there. Pure functions.

What left is told by shipments; for all that is still open, by the order's being shipped or completed, since merchants
may set that by hand, and goods that are downloaded or picked up have no shipment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

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


def mark(shipment_id: str) -> str:
    return f"{MARK}{shipment_id}"


def marked(comments: Any) -> str:
    """The POS's ShipmentId, "" where a person made the shipment."""
    first = str(comments or "").split("\n", 1)[0].strip()
    return first.removeprefix(MARK).strip() if first.startswith(MARK) else ""


def numbers(value: Any) -> tuple[str, ...]:
    return tuple(one.strip() for one in str(value or "").split(",") if one.strip())
