"""Whatever a shop rewrites of its past: no unit and no charge is told twice, and nothing is lost."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.records import Order, Payment, Transaction
from integrator.connectors.sales import Departure, play, sales
from integrator.orders.told import body_of, settled
from tests.unit.test_sales import NOON, orders

D = Decimal


def tenders(by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("card", "GiftCard", by_card)] if by_card else []
    return [*found, Payment("money", "Capture", rest)] if rest else found


@dataclass
class Pos:
    """What a POS was told of one order."""

    order: Order
    inside: bool = False
    told: dict[str, Transaction] = field(default_factory=dict)

    def sync(self, *departures: Departure) -> list[Transaction]:
        done = play({one.line_id: one.quantity_ordered for one in self.order.lines}, departures, [])
        before = {line: self.units(line) for line in done.units}
        derived = sales(self.order, done, tenders, tax_inside=self.inside)
        new = {one.key for one in derived} - set(self.told)
        stored = {key: body_of(one) for key, one in self.told.items()}
        found = settled(self.order, derived, new, stored)
        assert {one.key for one in found} <= new
        self.told |= {one.key: one for one in found}
        for line, units in done.units.items():  # what has left, unless more was told already
            assert before[line] <= self.units(line) <= max(before[line], units.shipped)
        return found

    def sum(self, name: str) -> Any:
        return sum((getattr(one, name) for one in self.told.values()), D(0))

    def units(self, line: str) -> Decimal:
        return sum((x.quantity for one in self.told.values() for x in one.lines if x.line_id == line), D(0))

    def paid(self, kind: str) -> Decimal:
        return sum((x.amount for one in self.told.values() for x in one.payments if x.kind == kind), D(0))


@st.composite
def pasts(draw: st.DrawFn, order: Order) -> list[list[Departure]]:
    """The shop's list of departures at each look: some are added anywhere, some are gone, some have lost units."""
    units = st.dictionaries(st.sampled_from([one.line_id for one in order.lines]), st.integers(1, 3).map(D))
    now: list[Departure] = []
    found = []
    for number in range(draw(st.integers(1, 6))):
        what = draw(st.sampled_from(["add", "add", "insert", "delete", "shrink"]))
        if what in ("delete", "shrink") and now:
            place = draw(st.integers(0, len(now) - 1))
            fewer = {line: n - 1 for line, n in (now[place].lines or {}).items()}
            kept = [replace(now[place], lines=fewer)] if what == "shrink" else []
            now = [*now[:place], *kept, *now[place + 1 :]]
        else:
            place = draw(st.integers(0, len(now))) if what == "insert" else len(now)
            now = [*now[:place], Departure(f"d-{number}", NOON, draw(units)), *now[place:]]
        found.append(now)
    return found


@given(st.data(), orders(), st.booleans())
def test_no_past_that_is_rewritten_doubles_or_loses_money(data: st.DataObject, order: Order, inside: bool) -> None:
    if inside:
        order = replace(order, grand_total=order.grand_total - order.tax_amount)
    pos = Pos(order, inside)
    shop: list[Departure] = []
    for shop in data.draw(pasts(order)):
        pos.sync(*shop)
        before = dict(pos.told)
        assert pos.sync(*shop) == []
        assert pos.told == before
        for line in order.lines:
            assert pos.units(line.line_id) <= line.quantity_ordered
        if pos.told:
            assert pos.sum("shipping_amount") == order.shipping_amount
    pos.sync(*shop, Departure("rest", NOON, None))
    for line in order.lines:
        assert pos.units(line.line_id) == line.quantity_ordered
    for name in ("grand_total", "shipping_amount", "tax_amount", "rounding_amount"):
        assert pos.sum(name) == getattr(order, name)
    assert pos.sum("adjustment_amount") == order.fee_lines[0].amount
    for one in pos.told.values():
        if any(each.kind == "Capture" for each in one.payments):
            assert sum(each.amount for each in one.payments) == one.grand_total
    if all(one.grand_total >= 0 for one in pos.told.values()):
        assert pos.paid("GiftCard") <= order.gift_card_amount
