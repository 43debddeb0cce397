"""What left, what came back, and which money belongs to what left: the rules that all platforms share. Pure functions.

A shop is read anew each time, and everything that happened to an order is derived from what it shows then. What the
POS was told stays told. So the rule here is *appending*: whatever happens to the order next, the sales of what has
left have the same keys, lines and amounts as before.

- Departures keep the order in which the shop **recorded** them (`Departure`s come in that order), whatever dates they
  carry: people note the day, and note it late. A departure takes its place among the refunds by its date, which for
  this never counts as earlier than that of the departure before it. The date that is told is the shop's own.
- No more leaves than was ordered, whoever says so.
- What belongs to the order and to no line (shipping, fees, their tax, rounding) goes with the **first** departure, and
  so is told once, also when the last units are given back instead of sent.
- Gift cards pay for the departures one after the other until they are used up.
- The amounts of a line are shared over its units by their position (`share`), so that they add up to the line's.

The sales of an order that has left as a whole add up to `GrandTotal` (with the gift cards where these lowered it).

Not to be had from a shop's present state, and made good by the core (`integrator.orders.told`) against what it stored:
departures that are deleted or changed after they were told, and refunds that are dated before a departure of
"everything that is open" and were made after it.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrator.connectors.records import ZERO, Order, OrderLine, Payment, Transaction, TransactionLine

CENT = Decimal("0.01")

Tenders = Callable[[Decimal, Decimal], Iterable[Payment]]  # (by gift card, the rest) -> what paid for a sale
Span = tuple[Decimal, Decimal]  # from, to: positions among the units of a line


@dataclass(frozen=True, slots=True)
class Departure:
    """Goods that left together. `lines`: units by line id; None: everything that was open.

    `at` is told. `placed` stands for it among the other events where the shop does not know or says later when the
    goods left. `number` is what the transaction's number ends in. `method`: how it was sent, "" as the order says.
    """

    key: str
    at: datetime
    lines: Mapping[str, Decimal] | None
    remote_id: str = ""
    pos_shipment_id: str = ""
    tracking_numbers: tuple[str, ...] = ()
    method: str = ""
    number: str = ""
    location: str = ""
    placed: datetime | None = None


@dataclass(frozen=True, slots=True)
class RefundLine:
    """`came_back`: whether the goods did; None where the shop does not say: as many as had left by then."""

    line_id: str
    units: Decimal
    came_back: bool | None = None


@dataclass(frozen=True, slots=True)
class Refund:
    """`document`: the refund as the shop tells it."""

    at: datetime
    lines: tuple[RefundLine, ...]
    document: Mapping[str, Any]


@dataclass(slots=True)
class Units:
    """The units of one line after all events."""

    ordered: Decimal
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    never_shipped: Decimal = ZERO  # refunded while they still stood in the shop


@dataclass(slots=True)
class History:
    """What happened, in its order. `refunds`: each with the units that came back, for each of its lines.

    `closed`: everything has left; what is recorded after that moves nothing.
    """

    units: dict[str, Units]
    departures: list[tuple[Departure, dict[str, Span]]] = field(default_factory=list)
    refunds: list[tuple[Refund, tuple[Decimal, ...]]] = field(default_factory=list)
    closed: bool = False


def total(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


# -- in which order


def _times(moments: Iterable[datetime]) -> list[datetime]:
    """Each as it is, and never before the one that was recorded before it."""
    found: list[datetime] = []
    for one in moments:
        found.append(max(one, found[-1]) if found else one)
    return found


def _placed(departures: Sequence[Departure]) -> list[tuple[datetime, Departure]]:
    return list(zip(_times(one.placed or one.at for one in departures), departures, strict=True))


def together(*lists: Sequence[Departure]) -> list[Departure]:
    """Lists of different records, each in the order of recording, as one; at the same time the first list's go first.

    Between two lists nothing but dates tells what was recorded first.
    """
    return [one for _, one in heapq.merge(*map(_placed, lists), key=lambda one: one[0])]


def play(ordered: Mapping[str, Decimal], departures: Sequence[Departure], refunds: Sequence[Refund]) -> History:
    """`ordered`: units by line id. Both lists in the order in which the shop recorded them.

    At the same instant goods leave before they come back.
    """
    done = History({line: Units(units) for line, units in ordered.items()})
    events: list[tuple[datetime, Departure | Refund]] = [
        *_placed(departures),
        *zip(_times(one.at for one in refunds), refunds, strict=True),
    ]
    for _, event in sorted(events, key=lambda one: one[0]):  # stable: the lists' order, departures first
        if isinstance(event, Departure):
            _leave(done, event)
        else:
            done.refunds.append((event, tuple(_come_back(done, one) for one in event.lines)))
    return done


def _leave(done: History, event: Departure) -> None:
    if done.closed:
        _note_numbers(done, event)
        return
    spans: dict[str, Span] = {}
    for line, known in done.units.items():
        left = known.ordered - known.shipped
        units = left - known.never_shipped if event.lines is None else event.lines.get(line, ZERO)
        units = max(ZERO, min(units, left))
        if units:
            spans[line] = (known.shipped, known.shipped + units)
            known.shipped += units
    done.closed = event.lines is None
    if spans:
        done.departures.append((event, spans))


def _note_numbers(done: History, event: Departure) -> None:
    """Tracking numbers that were written down after everything had left are those of what left last."""
    if event.tracking_numbers and done.departures and done.departures[-1][0].lines is None:
        last, spans = done.departures[-1]
        numbers = tuple(dict.fromkeys((*last.tracking_numbers, *event.tracking_numbers)))
        done.departures[-1] = (replace(last, tracking_numbers=numbers), spans)


def _come_back(done: History, one: RefundLine) -> Decimal:
    """The units that came back; the rest of the line never leaves."""
    known = done.units.get(one.line_id)
    if known is None:
        return ZERO
    away = max(ZERO, known.shipped - known.returned)
    back = min(one.units, away) if one.came_back is None else one.units if one.came_back else ZERO
    known.returned += back
    known.never_shipped += one.units - back
    return back


# -- which money


def share(amount: Decimal, start: Decimal, end: Decimal, units: Decimal) -> Decimal:
    """The part of a line's amount that belongs to its units from `start` to `end`, out of `units`.

    Parts that follow one another add up to the amount exactly. They are whole cents, but for the one that completes
    the amount, which also has what the amount has beyond cents; and none has the opposite sign of the amount.
    """
    if not units:
        return amount
    return _upto(amount, end, units) - _upto(amount, start, units)


def _upto(amount: Decimal, place: Decimal, units: Decimal) -> Decimal:
    if place >= units:
        return amount
    # half a cent more than there is would leave less than nothing for the last unit
    part = min((abs(amount) * place / units).quantize(CENT, ROUND_HALF_UP), abs(amount))
    return part.copy_sign(amount) if part else part


def sales(
    record: Order, done: History, tenders: Tenders, *, prefix: str = "", tax_inside: bool = False
) -> list[Transaction]:
    """One for each departure. `prefix`: of the transactions' numbers. `tax_inside`: totals of lines contain tax."""
    by_id = {one.line_id: one for one in record.lines}
    other_tax = record.tax_amount - total(one.tax_amount for one in record.lines)
    fees = total(one.amount for one in record.fee_lines)
    method = ", ".join(dict.fromkeys(one.method for one in record.shipping_lines if one.method))
    cards_left = record.gift_card_amount
    found: list[Transaction] = []
    for departure, spans in done.departures:
        lines = tuple(_sale_line(by_id[line], span, departure.location) for line, span in spans.items())
        tax = total(one.tax_amount for one in lines)
        shipping = adjustment = rounding = ZERO
        if not found:
            tax += other_tax
            shipping, adjustment, rounding = record.shipping_amount, fees, record.rounding_amount
        grand = total(one.line_total for one in lines) + shipping + adjustment + rounding
        grand += ZERO if tax_inside else tax
        by_card = max(ZERO, min(cards_left, grand))
        cards_left -= by_card
        found.append(
            Transaction(
                key=departure.key,
                type="Sale",
                transaction_number=f"{prefix}{departure.number}",
                transaction_date=departure.at,
                currency=record.currency,
                lines=lines,
                grand_total=grand,
                shipping_amount=shipping,
                tax_amount=tax,
                discount_amount=total(one.discount_amount for one in lines),
                adjustment_amount=adjustment,
                rounding_amount=rounding,
                payments=tuple(tenders(by_card, grand - by_card)),
                shipping_method=departure.method or method,
                tracking_numbers=departure.tracking_numbers,
                remote_id=departure.remote_id,
                pos_shipment_id=departure.pos_shipment_id,
            )
        )
    return found


def left_over(rest: Decimal, lines: Sequence[TransactionLine]) -> tuple[Decimal, Decimal]:
    """What the parts of a refund leave of its amount, as (adjustment, rounding): a cent for each part is rounding.

    Without lines it is money only, and nothing to round.
    """
    return (ZERO, rest) if lines and abs(rest) <= CENT * (len(lines) + 1) else (rest, ZERO)


def _sale_line(line: OrderLine, span: Span, location: str) -> TransactionLine:
    start, end = span
    units = line.quantity_ordered
    return TransactionLine(
        line_id=line.line_id,
        quantity=end - start,
        name=line.name,
        unit_price=line.unit_price,
        discount_amount=share(line.discount_amount, start, end, units),
        tax_amount=share(line.tax_amount, start, end, units),
        line_total=share(line.line_total, start, end, units),
        location_id=location,
    )
