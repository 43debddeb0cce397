"""The rules of orders as properties."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.accounts.settings import StoreSettings
from integrator.connectors.records import FeeLine, TransactionLine
from integrator.orders import rules
from integrator.orders.rules import LineUnits
from tests.orders.samples import NOON, event, line, order

D = Decimal
units = st.decimals(0, 50, places=1)
cents = st.decimals("0", "500", places=2)
small = st.decimals("-0.05", "0.05", places=2)


# -- amounts


@given(prices=st.lists(cents, min_size=1, max_size=4), shipping=cents, tax=cents, discount=cents, fee=cents, off=small,
       tax_inside=st.booleans(), card=cents, card_lowers=st.booleans())  # fmt: skip
def test_the_remainder_is_never_more_than_what_the_total_is_off_by(
    prices: list[Decimal], shipping: Decimal, tax: Decimal, discount: Decimal, fee: Decimal, off: Decimal,
    tax_inside: bool, card: Decimal, card_lowers: bool,
) -> None:  # fmt: skip
    """Whether the platform counts tax inside the prices and lets a gift card lower the total, or not."""
    subtotal = sum(prices, D(0))
    total = subtotal - discount + shipping + fee + off
    total += D(0) if tax_inside else tax
    total -= card if card_lowers else D(0)
    made = order(
        lines=[line(str(n), "A", 1, str(price)) for n, price in enumerate(prices)],
        subtotal=subtotal, discount_amount=discount, shipping_amount=shipping, tax_amount=tax, gift_card_amount=card,
        fee_lines=(FeeLine("wrapping", fee),) if fee else (), grand_total=total,
    )  # fmt: skip
    assert abs(rules.order_remainder(made)) <= abs(off)
    completed = rules.completed(made)
    assert replace(completed, rounding_amount=D(0)) == made  # no other amount is touched


@given(st.decimals("-1", "1", places=2).filter(bool))
def test_a_rounding_amount_that_the_platform_states_is_kept(stated: Decimal) -> None:
    assert rules.completed(order(rounding_amount=stated)).rounding_amount == stated


@given(lines=st.lists(cents, max_size=3), shipping=cents, tax=cents, adjustment=cents, off=small, inside=st.booleans())
def test_the_remainder_of_a_transaction(
    lines: list[Decimal], shipping: Decimal, tax: Decimal, adjustment: Decimal, off: Decimal, inside: bool
) -> None:
    total = sum(lines, shipping + adjustment + off + (D(0) if inside else tax))
    made = replace(
        event("shipment-1", {}),
        lines=tuple(TransactionLine(str(n), D(1), line_total=one) for n, one in enumerate(lines)),
        shipping_amount=shipping, tax_amount=tax, adjustment_amount=adjustment, grand_total=total,
    )  # fmt: skip
    assert abs(rules.transaction_remainder(made)) <= abs(off)


# -- units


@given(ordered=units, cancelled=units, refunded=units, shipped=units, known=units, counted=units)
def test_units_never_go_below_nothing_or_above_what_was_ordered(**values: Decimal) -> None:
    line_units = LineUnits(**values)
    assert 0 <= line_units.open <= line_units.sold <= line_units.ordered
    for mode in ("order_confirmed", "transaction_confirmed", "shipped", "off"):
        assert 0 <= line_units.allocated(mode) <= line_units.sold


events = st.lists(st.tuples(st.sampled_from(["Sale", "Return"]), st.integers(1, 5), st.integers(0, 20)), max_size=8)


@given(events)
def test_refunded_before_shipping_balances(history: list[tuple[str, int, int]]) -> None:
    """Sold = what stays away + what came back + nothing else; and the order of the list does not matter."""
    made = [
        event(f"e-{n}", {"1": quantity}, type=kind, minutes=minute)
        for n, (kind, quantity, minute) in enumerate(history)
    ]
    refunded = rules.refunded_before_shipping(made).get("1", D(0))
    returned = sum((one.lines[0].quantity for one in made if one.type == "Return"), D(0))
    out = sum((one.lines[0].quantity for one in made if one.type == "Sale"), D(0))
    assert max(D(0), returned - out) <= refunded <= returned
    assert rules.refunded_before_shipping(made[::-1]) == rules.refunded_before_shipping(made)


@pytest.mark.parametrize(
    ("history", "expected"),
    [
        ([("Return", 1, 1)], 1),
        ([("Sale", 2, 1), ("Return", 1, 2)], 0),
        ([("Return", 1, 1), ("Sale", 1, 2)], 1),
        ([("Sale", 1, 1), ("Return", 1, 1)], 0),  # at the same instant goods leave first
        ([("Sale", 1, 1), ("Return", 3, 2)], 2),
    ],
)
def test_what_left_comes_back_first(history: list[tuple[str, int, int]], expected: int) -> None:
    made = [event(f"e-{n}", {"1": units}, type=kind, minutes=at) for n, (kind, units, at) in enumerate(history)]
    assert rules.refunded_before_shipping(made).get("1", D(0)) == expected


@pytest.mark.parametrize(
    ("cancelled", "returned", "refunded"),
    [
        (0, 1, 1),  # the platform counts it as returned
        (0, 0, 1),  # it does not count it at all
        (1, 0, 0),  # it counts it as cancelled
        (1, 1, 1),  # another unit is cancelled
        (2, 0, 0),
    ],
)
def test_a_unit_refunded_before_it_left_is_taken_off_once(cancelled: int, returned: int, refunded: int) -> None:
    made = order(lines=[line("1", "A", 3, quantity_cancelled=D(cancelled), quantity_returned=D(returned))])
    assert rules.refunded_units(made, [event("e", {"1": 1}, type="Return")]) == {"1": D(refunded)}


@pytest.mark.parametrize(
    ("settings", "mode"),
    [
        ({}, "order_confirmed"),
        ({"orders": False}, "transaction_confirmed"),
        ({"orders": False, "transactions": False}, "shipped"),
        ({"allocation": "transaction_confirmed"}, "transaction_confirmed"),
        ({"allocation": "order_confirmed", "orders": False}, "shipped"),
        ({"allocation": "transaction_confirmed", "transactions": False}, "shipped"),
        ({"allocation": "shipped"}, "shipped"),
        ({"allocation": "off"}, "off"),
    ],
)
def test_how_a_store_allocates(settings: dict[str, object], mode: str) -> None:
    assert rules.allocation_mode(StoreSettings.model_validate(settings)) == mode


def test_a_cancelled_order_has_nothing_open() -> None:
    made = order(lines=[line("1", "A", 3, quantity_shipped=D(1))], cancelled_at=NOON)
    assert rules.completed(made).lines[0].quantity_cancelled == 2


# -- offering again


@given(st.lists(st.integers(1, 200_000), min_size=1, max_size=6), st.integers(0, 30), st.integers(1, 60))
def test_the_next_offer_is_later_and_never_after_the_end(steps: list[int], days: int, rejections: int) -> None:
    settings = StoreSettings(offer_again_after=steps, offer_again_days=days)
    first = datetime(2026, 1, 1, tzinfo=UTC)
    now = first + timedelta(hours=rejections)
    due = rules.next_offer(settings, rejections, first, now)
    wait = timedelta(seconds=steps[min(rejections - 1, len(steps) - 1)])
    if due is None:
        assert now + wait > first + timedelta(days=days)
    else:
        assert due == now + wait
        assert due <= first + timedelta(days=days)


# -- what changed


def test_progress_is_not_substance() -> None:
    body = {
        "Status": "processing",
        "Revision": 1,
        "GrandTotal": "5",
        "Lines": [{"LineId": "1", "QuantityShipped": "0"}],
    }
    moved = {**body, "Status": "completed", "Revision": 2, "Lines": [{"LineId": "1", "QuantityShipped": "1"}]}
    assert rules.substance(body) == rules.substance(moved)
    assert rules.digest(body) != rules.digest(moved)
    cancelled = {**body, "Lines": [{"LineId": "1", "QuantityShipped": "0", "QuantityCancelled": "1"}]}
    assert rules.substance(body) != rules.substance(cancelled)


@given(
    st.dictionaries(
        st.text(max_size=5), st.lists(st.text(st.characters(exclude_categories=()), max_size=8), max_size=3), max_size=3
    )
)
def test_a_clean_document_can_be_kept(body: dict[str, list[str]]) -> None:
    for texts in rules.clean(body).values():
        for text in texts:
            assert "\x00" not in text
            text.encode("utf-8")
