"""Sales and returns as all platforms derive them: they add up, and what was told once never changes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.records import (
    Address,
    Customer,
    FeeLine,
    Order,
    OrderLine,
    Payment,
    ShippingLine,
    Transaction,
)
from integrator.connectors.sales import Departure, History, Refund, RefundLine, play, sales, share, together

D = Decimal
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)

cents = st.decimals("0", "500", places=2)
days = st.integers(-2, 4).map(lambda n: NOON + timedelta(days=n))  # few, so that many are equal


# -- orders and what happens to them

Event = Departure | Refund


@st.composite
def orders(draw: st.DrawFn) -> Order:
    """Amounts with up to four places, a total that the parts explain but for the rounding."""
    fine = st.decimals("0", "500", places=4)
    lines = tuple(
        OrderLine(
            str(n), f"SKU-{n}", f"Item {n}", D(draw(st.integers(1, 6))), draw(cents), draw(cents | fine),
            discount_amount=draw(cents), tax_amount=draw(cents | fine),
        )
        for n in range(draw(st.integers(1, 3)))
    )  # fmt: skip
    shipping, fee, shipping_tax, rounding = draw(cents), draw(cents), draw(cents), draw(st.decimals(-1, 1, places=2))
    tax = sum((one.tax_amount for one in lines), shipping_tax)
    return Order(
        remote_id="1", order_number="1", order_date=NOON, modified_at=NOON, status="", payment_status="Paid",
        currency="EUR", lines=lines, customer=Customer(), billing_address=Address(), shipping_address=Address(),
        grand_total=sum((one.line_total for one in lines), tax + shipping + fee + rounding),
        shipping_amount=shipping, tax_amount=tax, gift_card_amount=draw(cents), rounding_amount=rounding,
        shipping_lines=(ShippingLine("Parcel", "", shipping, shipping_tax),), fee_lines=(FeeLine("Wrap", fee),),
    )  # fmt: skip


@st.composite
def happenings(draw: st.DrawFn, order: Order, *, everything: bool = False) -> list[Event]:
    """Departures and refunds in the order in which the shop recorded them; their dates are anything.

    `everything`: departures of all that is open are among them; refunds then have the time of their making.
    """
    units = st.dictionaries(st.sampled_from([one.line_id for one in order.lines]), st.integers(0, 4).map(D))
    found: list[Event] = []
    now = NOON
    for number in range(draw(st.integers(0, 7))):
        at, lines = draw(days), draw(units)
        if draw(st.booleans()):
            found.append(Departure(f"d-{number}", at, None if everything and draw(st.booleans()) else lines))
            now = max(now, at)
        else:
            now = max(now, at) if everything else at
            found.append(Refund(now, tuple(RefundLine(*one) for one in lines.items()), {"id": number}))
    return found


def played(order: Order, events: Sequence[Event]) -> History:
    return play(
        {one.line_id: one.quantity_ordered for one in order.lines},
        [one for one in events if isinstance(one, Departure)],
        [one for one in events if isinstance(one, Refund)],
    )


def tenders(by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("card", "GiftCard", by_card)] if by_card else []
    return [*found, Payment("money", "Capture", rest)] if rest else found


def told(order: Order, events: Sequence[Event], *, tax_inside: bool = False) -> list[Transaction]:
    return sales(order, played(order, events), tenders, tax_inside=tax_inside)


def by_card(found: Sequence[Transaction]) -> Decimal:
    return sum((one.amount for sale in found for one in sale.payments if one.kind == "GiftCard"), D(0))


# -- appending


@given(st.data(), orders(), st.booleans())
def test_what_was_told_never_changes_whatever_happens_next(data: st.DataObject, order: Order, inside: bool) -> None:
    """Whatever dates departures and refunds carry that are recorded later."""
    events = data.draw(happenings(order))
    before: list[Transaction] = []
    for upto in range(len(events) + 1):
        after = told(order, events[:upto], tax_inside=inside)
        assert after[: len(before)] == before
        before = after


@given(st.data(), orders())
def test_what_left_as_all_that_was_open_never_changes_either(data: st.DataObject, order: Order) -> None:
    """But for its tracking numbers, and as long as a refund does not claim to be from before it."""
    events = data.draw(happenings(order, everything=True))
    before: list[Transaction] = []
    for upto in range(len(events) + 1):
        after = told(order, events[:upto])
        assert after[: len(before)] == before
        before = after


@given(st.data(), orders())
def test_equal_times_keep_the_order_of_recording(data: st.DataObject, order: Order) -> None:
    events = data.draw(happenings(order))
    recorded = [one.key for one in events if isinstance(one, Departure)]
    found = [departure.key for departure, _ in played(order, events).departures]
    assert found == [key for key in recorded if key in found]
    refunds = [one.document["id"] for one in events if isinstance(one, Refund)]
    assert [one.document["id"] for one, _ in played(order, events).refunds] == refunds


def test_a_date_that_was_noted_late_is_told_and_changes_nothing_else() -> None:
    line = OrderLine("1", "A", "A", D(2), D(10), D(20))
    order = make(line, shipping_amount=D(5), grand_total=D(25))
    first = Departure("first", NOON, {"1": D(1)})
    backdated = Departure("backdated", NOON - timedelta(days=3), {"1": D(1)})
    found = told(order, [first, backdated])
    assert [(one.key, one.grand_total, one.shipping_amount) for one in found] == [
        ("first", 15, 5),
        ("backdated", 10, 0),
    ]
    assert found[1].transaction_date == NOON - timedelta(days=3)


def make(*lines: OrderLine, **amounts: Decimal) -> Order:
    return Order(
        remote_id="1", order_number="1", order_date=NOON, modified_at=NOON, status="", payment_status="Paid",
        currency="EUR", lines=lines, customer=Customer(), billing_address=Address(), shipping_address=Address(),
        **amounts,
    )  # type: ignore[arg-type]  # fmt: skip


def test_lists_of_different_records_keep_their_own_order() -> None:
    def departure(key: str, day: int) -> Departure:
        return Departure(key, NOON + timedelta(days=day), {})

    found = together([departure("a", 5), departure("b", 1)], [departure("c", 5), departure("d", 6)], [])
    assert [one.key for one in found] == ["a", "b", "c", "d"]


@pytest.mark.parametrize("shipped", [True, False])
def test_rounding_is_told_once_also_when_the_last_units_are_given_back(shipped: bool) -> None:
    order = make(
        OrderLine("1", "A", "A", D(2), D(10), D(20)), rounding_amount=D("0.02"), grand_total=D("20.02")
    )  # fmt: skip
    first = Departure("first", NOON, {"1": D(1)})
    rest: Event = (
        Departure("last", NOON, {"1": D(1)}) if shipped else Refund(NOON, (RefundLine("1", D(1), False),), {"id": 1})
    )
    for events in ([first], [first, rest]):
        assert next(one.rounding_amount for one in told(order, events)) == D("0.02")
        assert sum(one.rounding_amount for one in told(order, events)) == D("0.02")


# -- adding up


@given(st.data(), orders(), st.booleans())
def test_the_sales_of_an_order_that_has_left_add_up_to_it(data: st.DataObject, order: Order, inside: bool) -> None:
    if inside:
        order = make_inside(order)
    events = [one for one in data.draw(happenings(order)) if isinstance(one, Departure)]
    found = told(order, [*events, Departure("rest", NOON, None)], tax_inside=inside)
    assert sum(one.grand_total for one in found) == order.grand_total
    assert by_card(found) == min(max(D(0), order.gift_card_amount), order.grand_total) or any(
        one.grand_total < 0 for one in found
    )
    for name in ("shipping_amount", "tax_amount", "rounding_amount"):
        assert sum(getattr(one, name) for one in found) == getattr(order, name)
        assert name == "tax_amount" or [getattr(one, name) for one in found[1:]] == [0] * (len(found) - 1)
    assert sum(one.adjustment_amount for one in found) == sum(one.amount for one in order.fee_lines)
    for line in order.lines:
        parts = [part for one in found for part in one.lines if part.line_id == line.line_id]
        assert sum(part.quantity for part in parts) == line.quantity_ordered
        for name in ("line_total", "tax_amount", "discount_amount"):
            assert sum(getattr(part, name) for part in parts) == getattr(line, name)
            assert all(getattr(part, name) >= 0 for part in parts)


def make_inside(order: Order) -> Order:
    """The same where its prices contain the tax."""
    values = {name: getattr(order, name) for name in Order.__slots__}
    return Order(**{**values, "grand_total": order.grand_total - order.tax_amount})


@given(st.data(), orders(), st.booleans())
def test_no_more_leaves_than_was_ordered_and_no_more_comes_back_than_left(
    data: st.DataObject, order: Order, everything: bool
) -> None:
    done = played(order, data.draw(happenings(order, everything=everything)))
    for line in order.lines:
        known = done.units[line.line_id]
        assert 0 <= known.returned <= known.shipped <= line.quantity_ordered
        spans = [spans[line.line_id] for _, spans in done.departures if line.line_id in spans]
        assert [start for start, _ in spans] == [D(0), *(end for _, end in spans)][: len(spans)]  # no gaps
        assert known.shipped == (spans[-1][1] if spans else 0)
    assert all(spans for _, spans in done.departures)


def test_after_everything_has_left_nothing_leaves_and_numbers_are_noted() -> None:
    """Also not what was refunded before: the extension's entry of the whole order does not know of that."""
    order = make(OrderLine("1", "A", "A", D(3), D(10), D(30)), grand_total=D(30))
    found = told(
        order,
        [
            Refund(NOON, (RefundLine("1", D(1)),), {"id": 1}),
            Departure("completed", NOON + timedelta(days=1), None, tracking_numbers=("T1",)),
            Departure("entry", NOON + timedelta(days=2), {"1": D(3)}, tracking_numbers=("T1", "T2")),
        ],
    )
    assert [(one.key, one.lines[0].quantity, one.tracking_numbers) for one in found] == [("completed", 2, ("T1", "T2"))]


# -- shares


@given(
    st.decimals("-999", "999", places=4) | st.decimals("-999", "999", places=2),
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
)
def test_parts_of_an_amount_add_up_to_it_and_have_its_sign(amount: Decimal, parts: list[int]) -> None:
    cuts = [D(0), *map(D, itertools.accumulate(parts))]
    found = [share(amount, a, b, cuts[-1]) for a, b in itertools.pairwise(cuts)]
    assert sum(found) == amount
    assert all(part * amount >= 0 for part in found)
    assert len([part for part in found if part != part.quantize(D("0.01"))]) <= 1


@pytest.mark.parametrize(
    ("amount", "units", "parts"),
    [
        ("20.00", 3, ["6.67", "6.66", "6.67"]),
        ("0.01", 3, ["0.00", "0.01", "0.00"]),
        ("-0.05", 2, ["-0.03", "-0.02"]),
        ("8.4034", 2, ["4.20", "4.2034"]),
        ("0.0051", 2, ["0.00", "0.0051"]),
    ],
)
def test_parts_of_single_units(amount: str, units: int, parts: list[str]) -> None:
    found = [share(D(amount), D(n), D(n + 1), D(units)) for n in range(units)]
    assert found == [D(one) for one in parts]


def test_a_rounded_part_is_never_more_than_there_is() -> None:
    """0.0051 of a hundred units: 99 of them would have half a cent and more, which is a whole one."""
    assert share(D("0.0051"), D(99), D(100), D(100)) == 0
    assert share(D("0.0051"), D(0), D(99), D(100)) == D("0.0051")
