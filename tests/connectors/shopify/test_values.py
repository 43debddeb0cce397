"""Prices and stock: how many calls they take, and what happens when the shop has something else than we believe."""

from __future__ import annotations

import contextlib
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.base import UnknownOutcome
from integrator.connectors.pushes import Outcome
from integrator.connectors.shopify.values import Row, believed, idempotency_key
from tests.connectors.pushing import accepted, after, alone, style
from tests.connectors.shopify.conftest import (
    Bench,
    Build,
    Clock,
    D,
    push,
)


def listed(bench: Bench, count: int = 1, **given: object) -> list:
    """Products that the shop has, as the stock and price lanes hand them over."""
    items = [push(f"I-{n:03}", quantity=10, **given) for n in range(count)]
    made = accepted(bench.connector(bulk_from=10_000).push_content(alone(*items)))
    bench.calls()
    return [
        replace(after(one, result), sent={"Quantity": "10", "ByLocation": {}}, fields=frozenset())
        for one, result in zip(items, made, strict=True)
    ]


def wanting(one, units: int, wanted: int = 2):
    return replace(one, stock=replace(one.stock, quantity=D(units)), wanted=wanted)


# -- prices


def test_prices_are_one_call_for_each_product(bench: Bench) -> None:
    connector = bench.connector()
    variants = [push(f"V-{n}", options=(("Nr", str(n)),)) for n in range(30)]
    results = accepted(connector.push_content([style("S", *variants)]))
    bench.calls()
    there = [
        replace(after(one, result), price=replace(one.price, price=D(20)))
        for one, result in zip(variants, results, strict=True)
    ]
    accepted(connector.push_price([style("S", *there)]))
    assert bench.calls() == ["VariantsUpdate"]
    assert {one.price for one in bench.shop.products().values()} == {D(20)}


def test_many_prices_are_one_bulk_operation_with_a_result_each(bench: Bench) -> None:
    items = [replace(one, price=replace(one.price, price=D(20))) for one in listed(bench, 60)]
    bench.shop.misbehave(reject_sku="I-007")
    results = bench.connector().push_price(alone(*items))
    calls = bench.calls()
    assert calls.count("BulkRun") == 1
    assert "VariantsUpdate" not in calls
    assert len(calls) < 8
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 59
    assert results[7].outcome is Outcome.REJECTED
    assert bench.shop.products()["I-042"].price == 20


# -- stock


def test_ten_thousand_quantities_are_forty_calls(build: Build) -> None:
    bench = build(maximum=100_000)
    for number in range(100):
        bench.shop.add_product(f"I-{number}", "Product", quantity=1)
    # a hundred items at a hundred locations
    bench.state.locations |= {str(2_000 + copy): f"Shop {copy}" for copy in range(100)}
    places = {str(2_000 + copy): D(copy) for copy in range(100)}
    items = [
        push(
            v["sku"],
            by_location=places,
            remote={"product": v["product"], "variant": v["id"], "inventory_item": v["item"]},
        )
        for v in bench.state.variants.values()
    ]
    accepted(bench.connector(location_map={place: place for place in places}).push_stock(alone(*items)))
    assert bench.calls() == ["Stock"] * 40
    assert bench.shop.products()["I-5"].by_location["2042"] == 42


def test_stock_is_compared_with_what_we_left(bench: Bench) -> None:
    (one,) = listed(bench)
    accepted(bench.connector().push_stock(alone(wanting(one, 7))))
    assert bench.shop.products()["I-000"].quantity == 7


def test_what_we_never_knew_is_set_without_comparing(bench: Bench) -> None:
    bench.shop.add_product("A", "By hand", quantity=55)
    found = bench.connector().find(["A"])["A"]
    accepted(bench.connector().push_stock(alone(push("A", quantity=3, remote=found[0].remote, fields=frozenset()))))
    assert bench.shop.products()["A"].quantity == 3


def test_units_that_were_sold_just_now_wait_for_their_order(bench: Bench) -> None:
    one, other = listed(bench, 2)
    bench.shop.edit("I-000", quantity=8)  # two were sold a moment ago
    results = bench.connector().push_stock(alone(wanting(one, 9), wanting(other, 5)))
    assert [(r.outcome, r.code) for r in results] == [(Outcome.RETRY, "STOCK_IN_MOTION"), (Outcome.ACCEPTED, "")]
    assert bench.shop.products()["I-000"].quantity == 8  # not sold twice
    assert bench.shop.products()["I-001"].quantity == 5
    # the order was read: what we left says nothing any more, and the number contains it
    known = replace(wanting(one, 7, 3), sent={**(one.sent or {}), "stale": True})
    accepted(bench.connector().push_stock(alone(known)))
    assert bench.shop.products()["I-000"].quantity == 7


def test_what_somebody_changed_long_ago_is_the_poss_again(build: Build) -> None:
    clock = Clock()
    bench = build(clock)
    one, other = listed(bench, 2)
    bench.shop.edit("I-000", quantity=2)
    bench.shop.edit("I-001", quantity=99)
    clock.now += 600
    accepted(bench.connector().push_stock(alone(wanting(one, 9), wanting(other, 5))))
    assert bench.calls() == ["Shop", "Stock", "Levels", "Stock"]
    assert [bench.shop.products()[f"I-00{n}"].quantity for n in (0, 1)] == [9, 5]


def test_more_than_we_left_is_no_sale(bench: Bench) -> None:
    (one,) = listed(bench)
    bench.shop.edit("I-000", quantity=30)
    accepted(bench.connector().push_stock(alone(wanting(one, 9))))
    assert bench.shop.products()["I-000"].quantity == 9


def test_a_lost_answer_is_asked_for_with_the_same_key(bench: Bench) -> None:
    (one,) = listed(bench)
    bench.shop.misbehave(lose_next_answer=True, lose_mutation="Stock")
    with contextlib.suppress(UnknownOutcome):
        bench.connector().push_stock(alone(wanting(one, 7)))
    assert len(bench.state.idempotent) == 1
    accepted(bench.connector().push_stock(alone(wanting(one, 7))))
    assert len(bench.state.idempotent) == 1
    assert bench.shop.products()["I-000"].quantity == 7


def test_a_try_that_failed_is_made_under_a_new_key(bench: Bench) -> None:
    (one,) = listed(bench)
    bench.shop.edit("I-000", quantity=8)
    for _ in range(5):
        (result,) = bench.connector().push_stock(alone(wanting(one, 9)))
        assert result.code == "STOCK_IN_MOTION"


def test_one_bad_row_does_not_hold_up_the_others(bench: Bench) -> None:
    items = [wanting(one, 3) for one in listed(bench, 5)]
    bench.shop.misbehave(reject_sku="I-002")
    results = bench.connector().push_stock(alone(*items))
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 4
    assert results[2].outcome is Outcome.REJECTED
    bench.shop.misbehave()
    bench.shop.delete("I-004")
    results = bench.connector().push_stock(alone(*(wanting(one, 4, 3) for one in items)))
    assert (results[4].outcome, results[4].code) == (Outcome.REJECTED, "LISTING_MISSING")


def test_only_the_location_that_changed_is_written(bench: Bench) -> None:
    connector = bench.connector(location_map={"MAIN": "1001", "OUT": "1002"})
    one = push("A", by_location={"1001": D(3), "1002": D(2)})
    (result,) = accepted(connector.push_content(alone(one)))
    then = replace(
        after(one, result), stock=replace(one.stock, by_location={"1001": D(3), "1002": D(1)}),
        sent={"Quantity": "5", "ByLocation": {"1001": "3", "1002": "2"}},
    )  # fmt: skip
    bench.state.levels[bench.shop.find("A")["item"], "1001"]["quantity"] = 2  # sold there meanwhile
    accepted(connector.push_stock(alone(then)))
    assert bench.shop.products()["A"].by_location == {"1001": 2, "1002": 1}


# -- keys

rows = st.lists(
    st.tuples(
        st.integers(1, 99), st.integers(1, 9), st.sampled_from(["1", "2"]), st.integers(0, 50),
        st.none() | st.integers(0, 50),
    ),
    min_size=1, max_size=5,
)  # fmt: skip


def made(values: list) -> list[Row]:
    return [Row(push("X", product_id=p, wanted=w), place, units, before) for p, w, place, units, before in values]


@given(rows, rows)
def test_a_key_is_of_the_batch_and_its_versions(one: list, other: list) -> None:
    assert idempotency_key(made(one)) == idempotency_key(made(one))
    assert (idempotency_key(made(one)) == idempotency_key(made(other))) is (one == other)


def test_what_is_believed_is_what_was_accepted_last() -> None:
    assert believed(push("A"), "1", True) is None
    assert believed(push("A", sent={"Quantity": "4", "ByLocation": {}}), "1", True) == 4
    assert believed(push("A", sent={"Quantity": "4", "ByLocation": {}, "stale": True}), "1", True) is None
    assert believed(push("A", sent={"Quantity": "4", "ByLocation": {"1": "3"}}), "1", False) == 3
    assert believed(push("A", sent={"Quantity": "4", "ByLocation": {"1": "3"}}), "2", False) is None
