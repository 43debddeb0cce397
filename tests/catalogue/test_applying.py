"""The statement that applies stock and prices follows the rules of catalogue.merge, whatever is sent after whatever."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from integrator.catalogue import checks, merge
from integrator.catalogue.merge import Mark
from integrator.catalogue.values import Refused
from integrator.catalogue.writing import NO_MARK
from integrator.codes import Code
from integrator.rows import Row
from integrator.store import tables as t
from tests.catalogue.conftest import Pos, new_pos
from tests.support.seed import product

NAMES = ("A", "B", "C")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

few = st.sampled_from([Decimal(0), Decimal(1), Decimal("2.5"), Decimal(-3)])
amounts = st.sampled_from([Decimal(1), Decimal("2.50"), Decimal(9)])
moments = st.integers(0, 3).map(lambda days: NOON + timedelta(days=days))
marks = {"Version": st.integers(1, 4), "LastModified": moments}
locations = st.lists(
    st.fixed_dictionaries({"LocationId": st.sampled_from(["MAIN", "SIDE"]), "Quantity": st.none() | few}),
    max_size=2,
    unique_by=lambda one: one["LocationId"],
)
tiers = st.lists(
    st.fixed_dictionaries({"TierCode": st.sampled_from(["VIP", "STAFF"]), "Price": amounts}),
    max_size=2,
    unique_by=lambda one: one["TierCode"],
)
stock_fields = {"Quantity": st.none() | few, "LocationQuantities": st.none() | locations}
price_fields = {
    "Price": amounts, "SalePrice": st.none() | amounts,
    "SaleStart": st.none() | moments, "SaleEnd": st.none() | moments,
    "Msrp": st.none() | amounts, "Cost": st.none() | amounts,
    "PriceTiers": st.none() | tiers,
}  # fmt: skip


def calls(fields: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[list[dict[str, dict[str, Any]]]]:
    """Calls one after the other, each with some of the items; "X" is not known."""
    item = st.fixed_dictionaries({}, optional={**fields, **marks}).filter(lambda one: one.keys() - marks.keys())
    return st.lists(st.dictionaries(st.sampled_from([*NAMES, "X"]), item, min_size=1), min_size=1, max_size=6)


@dataclass
class Stored:
    """An aspect of an item as the rules have it."""

    values: Any
    mark: Mark = NO_MARK
    wanted: bool = False

    def apply(self, change: checks.Change, payload: dict[str, Any], rule: Any) -> str:
        sent = Mark(change.version, change.modified_at)
        if merge.superseded(self.mark, sent):
            return "Superseded"
        merged = rule(self.values, payload)
        if isinstance(merged, merge.Price):
            start, end = merged.sale_start, merged.sale_end
            if start is not None and end is not None and end < start:
                return str(Code.VALUE_OUT_OF_RANGE)
        self.mark = merge.marked(self.mark, sent)
        if merged == self.values:
            return "Unchanged"
        hidden = isinstance(merged, merge.Price) and merged._replace(cost=None) == self.values._replace(cost=None)
        self.wanted = self.wanted or not hidden
        self.values = merged
        return "Updated"


def play(engine: Engine, sent: list[dict[str, dict[str, Any]]], aspect: str) -> None:
    check, rule = (checks.inventory, merge.stock) if aspect == "stock" else (checks.pricing, merge.price)
    with engine.connect() as connection, connection.begin() as transaction:
        pos = new_pos(connection)
        pos.products(*[product(name, Quantity=1) for name in NAMES])
        pos.settle()
        first = merge.Stock(Decimal(1)) if aspect == "stock" else merge.Price(Decimal(10))
        model = {name: Stored(first) for name in NAMES}
        for items in sent:
            rows = [Row(0, {"ItemIntegrationId": name, **values}) for name, values in items.items()]
            expected = []
            for row in rows:
                name = row.values["ItemIntegrationId"]
                try:
                    change = check(0, row)
                except Refused as refused:  # an order of dates within the payload itself
                    expected.append(str(refused.problem.code))
                    continue
                payload = change.stock if aspect == "stock" else change.price
                assert payload is not None
                known = model.get(name)
                expected.append("ITEM_NOT_FOUND" if known is None else known.apply(change, payload, rule))
            said = pos.inventory(*rows) if aspect == "stock" else pos.pricing(*rows)
            assert said == expected, items
            assert_stored(pos, model, aspect)
        assert pos.pending() == {(name, aspect) for name, one in model.items() if one.wanted}
        transaction.rollback()


def assert_stored(pos: Pos, model: dict[str, Stored], aspect: str) -> None:
    for name, one in model.items():
        row = pos.stored(t.stocks if aspect == "stock" else t.prices, name)
        assert tuple(getattr(row, column) for column in one.values._fields) == tuple(one.values), name
        assert (row.version, row.modified_at) == one.mark, name


LONG = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LONG
@given(sent=calls(stock_fields))
def test_stock_is_applied_by_the_rules(engine: Engine, sent: list[dict[str, dict[str, Any]]]) -> None:
    play(engine, sent, "stock")


@LONG
@given(sent=calls(price_fields))
def test_prices_are_applied_by_the_rules(engine: Engine, sent: list[dict[str, dict[str, Any]]]) -> None:
    play(engine, sent, "price")


def test_the_call_that_changed_an_item_is_kept_when_only_its_version_moves(engine: Engine) -> None:
    with engine.begin() as connection:
        pos = new_pos(connection)
        pos.products(product("A", Quantity=1, Version=1))
        before = pos.stored(t.stocks, "A")
    with engine.begin() as connection:
        pos = Pos(connection, pos.store, pos.channel)
        assert pos.inventory(Row(0, {"ItemIntegrationId": "A", "Quantity": Decimal(1), "Version": 2})) == ["Unchanged"]
        after = pos.stored(t.stocks, "A")
        assert (after.version, after.call_id, after.changed_at) == (2, before.call_id, before.changed_at)


def test_items_of_another_store_are_not_found(engine: Engine) -> None:
    """Also of the same account: ids are a store's own."""
    with engine.begin() as connection:
        pos = new_pos(connection)
        other = new_pos(connection)
        pos.products(product("A", Quantity=1))
        pos.settle()
        assert other.inventory(Row(0, {"ItemIntegrationId": "A", "Quantity": Decimal(2)})) == ["ITEM_NOT_FOUND"]
        assert other.pricing(Row(0, {"ItemIntegrationId": "A", "Price": Decimal(2)})) == ["ITEM_NOT_FOUND"]
        assert pos.pending() == set()
        assert connection.execute(sa.select(t.stocks.c.quantity)).scalars().all() == [Decimal(1)]
