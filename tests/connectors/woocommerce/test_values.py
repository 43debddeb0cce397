"""Prices and stock: how many calls, in which size, and what each item's answer means."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integrator.connectors.base import ConnectorError, Throttled
from integrator.connectors.pushes import ListingPush, Outcome, Price, Stock
from tests.connectors.pushing import accepted, alone, style
from tests.connectors.woocommerce.conftest import Bench, Build, push

D = Decimal


def stocked(bench: Bench, count: int) -> list[ListingPush]:
    """That many products, as an import made them."""
    made = []
    for number in range(count):
        bench.shop.add_product(f"I-{number:04}", "x")
        made.append(
            push(f"I-{number:04}", remote={"product": str(bench.shop.find(f"I-{number:04}")["id"])}, quantity=number)
        )
    bench.calls()
    return made


def test_the_stock_of_a_thousand_products_takes_eleven_calls_at_first(each: Bench) -> None:
    things = stocked(each, 1_000)
    accepted(each.connector().push_stock(alone(*things)))
    calls = each.calls()
    assert len(calls) == 11  # 50, 75, and nine of at most a hundred
    assert set(calls) == {"POST /wc/v3/products/batch"}
    assert [each.shop.find(f"I-{n:04}")["stock_quantity"] for n in (0, 1, 500, 999)] == [0, 1, 500, 999]


def test_the_next_job_begins_with_the_size_that_was_learnt(bench: Bench) -> None:
    things = stocked(bench, 1_000)
    first = bench.connector()
    accepted(first.push_stock(alone(*things)))
    first.close()
    bench.calls()
    accepted(bench.connector().push_stock(alone(*things)))
    assert len(bench.calls()) == 10  # each of a hundred
    accepted(bench.connector(batch_size=20).push_stock(alone(*things[:20])))  # a setting that was changed is meant
    assert len(bench.calls()) == 1
    assert bench.connector(batch_size=20).batches.size == 20


def test_a_memory_that_is_nonsense_is_no_harm(bench: Bench) -> None:
    for size in (0, 101, "many", None, True):
        bench.memory = {"batches": {"size": size, "from": 50}}
        assert bench.connector().batches.size == 50
    bench.memory = {"batches": "many"}
    assert bench.connector().batches.size == 50


def test_variations_take_one_call_for_each_parent(bench: Bench) -> None:
    styles = []
    for number in range(3):
        things = [push(f"S{number}-{size}", options=(("Size", size),)) for size in "SML"]
        made = accepted(bench.connector().push_content([style(f"S{number}", *things)]))
        styles.append(
            style(
                f"S{number}",
                *(replace(one, remote=done.remote, stock=Stock(D(5))) for one, done in zip(things, made, strict=True)),
            )
        )
    bench.calls()
    accepted(bench.connector().push_stock(styles))
    assert len(bench.calls()) == 3
    assert {one.quantity for one in bench.shop.products().values()} == {5}
    accepted(
        bench.connector().push_price(
            [
                replace(one, listings=tuple(replace(each, price=Price(D("7"))) for each in one.listings))
                for one in styles
            ]
        )
    )
    assert len(bench.calls()) == 3
    assert {one.price for one in bench.shop.products().values()} == {7}


def test_a_slow_host_gets_smaller_batches_until_it_answers(bench: Bench) -> None:
    things = stocked(bench, 120)
    bench.state.misbehaviour.most_items = 13
    accepted(bench.connector().push_stock(alone(*things)))
    assert bench.shop.find("I-0119")["stock_quantity"] == 119
    assert len(bench.calls()) < 25


def test_a_host_that_does_not_answer_at_all_is_given_up_soon(bench: Bench) -> None:
    things = stocked(bench, 100)
    bench.state.misbehaviour.lose_next = 1_000
    with pytest.raises(ConnectorError):
        bench.connector().push_stock(alone(*things))
    assert len(bench.calls()) <= 6


def test_what_was_done_before_the_shop_went_away_is_reported(bench: Bench) -> None:
    """Else a throttled shop would get the first items for ever."""
    things = stocked(bench, 200)
    connector = bench.connector()
    original = connector.client.post
    calls = 0

    def post(*given: object, **named: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise Throttled("wait", until=datetime.now(UTC) + timedelta(seconds=30))
        return original(*given, **named)

    connector.client.post = post  # type: ignore[method-assign]
    results = connector.push_stock(alone(*things))
    outcomes = [one.outcome for one in results]
    assert len(outcomes) == 200
    assert outcomes.count(Outcome.ACCEPTED) == 125  # fifty, and seventy-five
    assert outcomes.count(Outcome.RETRY) == 75
    calls = 10
    with pytest.raises(Throttled):
        connector.push_stock(alone(*things))


def test_one_bad_item_is_alone(each: Bench) -> None:
    things = stocked(each, 20)
    each.shop.misbehave(reject_sku="I-0007")
    each.shop.back_office.delete(int(things[11].remote["product"]))
    results = each.connector().push_stock(alone(*things))
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 18
    assert (results[7].outcome, results[7].code) == (Outcome.REJECTED, "WOOCOMMERCE_REST_INVALID_PRODUCT")
    assert (results[11].outcome, results[11].code) == (Outcome.REJECTED, "LISTING_MISSING")
    (waiting,) = each.connector().push_stock(alone(push("NEW")))
    assert waiting.outcome is Outcome.RETRY


def test_quantities_are_whole_and_never_below_zero(bench: Bench) -> None:
    things = [
        replace(one, stock=Stock(D(value))) for one, value in zip(stocked(bench, 3), ("2.9", "-4", "7"), strict=True)
    ]
    accepted(bench.connector().push_stock(alone(*things)))
    assert [bench.shop.find(one.item_id)["stock_quantity"] for one in things] == [2, 0, 7]


# -- whose stock it is


def test_stock_keeping_is_switched_on_where_it_is_off(each: Bench) -> None:
    (one,) = stocked(each, 1)
    each.shop.find("I-0000")["manage_stock"] = False
    accepted(each.connector().push_stock(alone(replace(one, stock=Stock(D(4))))))
    assert (each.shop.find("I-0000")["manage_stock"], each.shop.find("I-0000")["stock_quantity"]) == (True, 4)
    assert len(each.calls()) == 2


def test_stock_that_the_parent_keeps_is_asked_about_before_it_is_taken(each: Bench) -> None:
    things = [push(f"V-{size}", options=(("Size", size),)) for size in "SM"]
    made = accepted(each.connector().push_content([style("S", *things)]))
    things = [replace(one, remote=done.remote, stock=Stock(D(4))) for one, done in zip(things, made, strict=True)]
    parent = each.state.products[int(made[0].remote["product"])]
    parent |= {"manage_stock": True, "stock_quantity": 77}
    for sku in ("V-S", "V-M"):
        each.shop.find(sku)["manage_stock"] = False
    results = each.connector().push_stock([style("S", *things)])
    assert {(one.outcome, one.code) for one in results} == {(Outcome.REJECTED, "PARENT_STOCK")}
    assert "parent_stock" in results[0].hint
    assert parent["stock_quantity"] == 77
    accepted(each.connector(parent_stock="own").push_stock([style("S", *things)]))
    assert {one.quantity for one in each.shop.products().values()} == {4}


def test_a_shop_that_keeps_no_stock_says_where_to_switch_it_on(build: Build) -> None:
    bench = build(stock_management=False)
    (result,) = bench.connector().push_stock(alone(*stocked(bench, 1)))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "STOCK_MANAGEMENT_OFF")
    assert "Inventory" in result.hint


# -- prices


def test_a_sale_has_its_window_in_gmt_and_goes_with_it(each: Bench) -> None:
    (one,) = stocked(each, 1)
    start = datetime(2026, 3, 8, 7, 30, tzinfo=UTC)  # half past two in New York, which that night does not have
    end = start + timedelta(days=2)
    sale = replace(one, price=Price(D("20.00"), D("15.50"), start, end))
    accepted(each.connector().push_price(alone(sale)))
    shown = each.shop.products()["I-0000"]
    assert (shown.price, shown.sale_price, shown.sale_start, shown.sale_end) == (20, D("15.50"), start, end)
    accepted(each.connector().push_price(alone(replace(one, price=Price(D("20.00"))))))
    shown = each.shop.products()["I-0000"]
    assert (shown.sale_price, shown.sale_start, shown.sale_end) == (None, None, None)


def test_the_price_of_a_parent_is_not_believed(bench: Bench) -> None:
    """Setting it has no effect in WooCommerce, and no error either."""
    (made,) = accepted(bench.connector().push_content([style("S", push("V", options=(("Size", "S"),)))]))
    wrong = push("V", remote={"product": made.remote["product"]})
    (result,) = bench.connector().push_price(alone(wrong))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "PRICE_OF_PARENT")


# -- all listings


def test_listings_are_read_in_few_calls_where_the_version_can(each: Bench) -> None:
    for number in range(6):
        things = [push(f"S{number}-{size}", options=(("Size", size),)) for size in "SML"]
        each.connector().push_content([style(f"S{number}", *things)])
    each.shop.add_product("HAND", "By hand", price=D("3.50"), quantity=2)
    each.calls()
    found = {one.sku: one for one in each.connector().read_listings()}
    assert len(found) == 19
    assert (found["HAND"].price, found["HAND"].quantity, found["HAND"].published) == (D("3.50"), 2, True)
    assert set(found["S3-M"].remote) == {"product", "variation"}
    calls = each.calls()
    if each.state.since(10, 3):
        assert calls == ["GET /wc/v3/products", "GET /wc/v3/system_status", "GET /wc/v3/variations"]
    else:
        assert len(calls) == 1 + 1 + 6  # products, the version, each parent
    remote = {one.item_id: each.connector().find([one.item_id])[one.item_id][0].remote for one in [push("S3-M")]}
    assert remote["S3-M"] == found["S3-M"].remote


def test_listings_show_the_barcode_where_the_version_knows_one(each: Bench) -> None:
    codes = {"A": "4006381333931", "S-1": "036000291452", "S-2": "036000291469"}
    sizes = [push(sku, options=(("Size", sku),), upc=codes[sku]) for sku in ("S-1", "S-2")]
    each.connector().push_content([style("S", *sizes), *alone(push("A", upc=codes["A"]))])
    found = {one.sku: one.barcode for one in each.connector().read_listings()}
    assert found == (codes if each.state.since(9, 2) else dict.fromkeys(codes, ""))
