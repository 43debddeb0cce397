"""Orders as the POS gets them: lines, money, refunds, edits, several locations, long orders; pages and their cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from integrator.connectors.records import PulledOrder
from tests.connectors.appending import check_appending, sales
from tests.connectors.shop import Line, Shopper
from tests.connectors.shopify.conftest import Bench, Build, Clock, D
from tests.connectors.shopify.simulator.state import OUTLET, PRIMARY


def total(values: Any) -> D:
    return sum(values, D(0))


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    for sku in "ABC":
        bench.shop.add_product(sku, f"Product {sku}", price=D("10.00"), quantity=100)
    return bench


def pulled(bench: Bench, order: str) -> PulledOrder:
    found = bench.connector().pull_order(order)
    assert found is not None
    return found


def test_an_order_adds_up(stocked: Bench) -> None:
    placed = stocked.shop.place_order(
        [Line("A", 3, price=D("3.33")), Line("B")], discount=D("1.00"), tax_rate=D("0.07")
    )
    order = pulled(stocked, placed).order
    assert order.rounding_amount == 0
    assert order.discount_lines[0].code == "WELCOME"
    assert total(one.line_total for one in order.lines) + order.shipping_amount + order.tax_amount == order.grand_total
    assert [one.rate for one in order.tax_lines] == [D("7.00")]
    assert (order.payments[0].kind, order.payments[0].card_type, order.payments[0].last4) == ("Capture", "Visa", "4242")
    assert order.lines[0].remote == {
        "product": stocked.shop.product_of("A")["id"], "variant": stocked.shop.find("A")["id"]
    }  # fmt: skip


def test_prices_that_include_tax_are_told_as_they_are(build: Build) -> None:
    bench = build(taxes_included=True)
    bench.shop.add_product("A", "Product", price=D("11.90"), quantity=5)
    placed = bench.shop.place_order([Line("A", 2)])
    bench.shop.ship(placed, {"A": 1})
    bench.shop.ship(placed)
    bench.shop.refund(placed, {"A": 1})
    found = pulled(bench, placed)
    assert found.order.prices_include_tax
    assert found.order.lines[0].line_total == D("23.80")
    assert found.order.lines[0].tax_amount == D("3.80")
    assert found.order.rounding_amount == 0
    sales = [one for one in found.transactions if one.type == "Sale"]
    assert total(one.grand_total for one in sales) == found.order.grand_total
    (back,) = [one for one in found.transactions if one.type == "Return"]
    assert (back.grand_total, back.adjustment_amount, back.rounding_amount) == (D("11.90"), 0, 0)


def test_amounts_are_in_the_shops_currency_whatever_the_customer_paid_in(build: Build) -> None:
    bench = build(presentment="USD", rate="1.1")
    bench.shop.add_product("A", "Product", price=D("10.00"), quantity=5)
    placed = bench.shop.place_order([Line("A")], shipping=D(0), tax_rate=D(0))
    found = pulled(bench, placed)
    assert (found.order.currency, found.order.grand_total, found.captures[0].amount) == ("EUR", D("10.00"), D("10.00"))


def test_units_that_were_refunded_before_they_left_are_cancelled_and_no_return(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 3)])
    stocked.shop.refund(placed, {"A": 1})
    stocked.shop.ship(placed)
    stocked.shop.refund(placed, {"A": 1}, restock=False)
    found = pulled(stocked, placed)
    (line,) = found.order.lines
    assert (line.quantity_cancelled, line.quantity_shipped, line.quantity_returned) == (1, 2, 1)
    (back,) = [one for one in found.transactions if one.type == "Return"]
    assert [(one.quantity, one.restocked) for one in back.lines] == [(1, False)]
    assert sorted(one.type for one in found.captures) == ["Capture", "Refund", "Refund"]


@pytest.mark.parametrize("minutes", [(0, 0, 0), (30, 20, 10), (10, 30, 20)])
def test_sales_that_were_told_never_change(stocked: Bench, minutes: tuple[int, ...]) -> None:
    """Fulfilments of one second, or of clocks that went back; the rounding is told once, whoever ends the order."""
    placed = stocked.shop.place_order([Line("A", 3), Line("B", 3)], discount=D("1.00"), total_off_by=D("0.02"))
    order = stocked.state.orders[placed]
    noon = order["created"]
    looks = [pulled(stocked, placed)]
    for minute, parcel in zip(minutes, [{"A": 1}, {"A": 1, "B": 2}, {"B": 1}], strict=True):
        stocked.shop.ship(placed, parcel)
        order["fulfillments"][-1]["at"] = noon + timedelta(minutes=minute)
        looks.append(pulled(stocked, placed))
    stocked.shop.refund(placed, {"A": 1})  # the last unit never leaves
    looks.append(pulled(stocked, placed))
    found = check_appending(looks)
    assert [one.rounding_amount for one in sales(found)] == [D("0.02"), 0, 0]


def test_an_edit_that_takes_units_out_cancels_them(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 3), Line("B")])
    order = stocked.state.orders[placed]
    order["lines"][0]["current"] = 1
    (first, second) = pulled(stocked, placed).order.lines
    assert (first.quantity_cancelled, second.quantity_cancelled) == (2, 0)


def test_a_long_order_is_read_to_its_end(bench: Bench) -> None:
    for number in range(70):
        bench.shop.add_product(f"P-{number}", f"Product {number}", price=D("1.00"), quantity=5)
    placed = bench.shop.place_order([Line(f"P-{number}", 2) for number in range(70)])
    bench.shop.ship(placed)
    for number in range(8):
        bench.shop.refund(placed, {f"P-{number}": 1})
    bench.shop.refund(placed, {f"P-{number}": 1 for number in range(10, 30)})
    found = pulled(bench, placed)
    assert len(found.order.lines) == 70
    (sale,) = [one for one in found.transactions if one.type == "Sale"]
    assert len(sale.lines) == 70
    backs = [one for one in found.transactions if one.type == "Return"]
    assert sorted(len(one.lines) for one in backs) == [1] * 8 + [20]


def test_what_leaves_from_two_places_is_one_sale_where_the_pos_shipped_it_as_one(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A"), Line("B")], locations={"A": PRIMARY, "B": OUTLET})
    for sku in ("A", "B"):
        stocked.shop.ship(placed, {sku: 1})
    assert len([one for one in pulled(stocked, placed).transactions if one.type == "Sale"]) == 2


def test_test_orders_are_not_taken_unless_the_channel_says_so(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    stocked.state.orders[placed]["test"] = True
    assert not pulled(stocked, placed).admitted
    found = stocked.connector(test_orders=True).pull_order(placed)
    assert found is not None
    assert found.admitted


def test_a_page_of_orders_costs_few_calls_and_nothing_is_read_twice(build: Build) -> None:
    clock = Clock()
    bench = build(clock, maximum=100_000)
    bench.shop.add_product("A", "Product", price=D("10.00"), quantity=1_000)
    for _ in range(50):
        bench.shop.place_order([Line("A")], shopper=Shopper("a@example.com", id="9"))
        clock.now += 1
    clock.now += 60
    connector = bench.connector()
    pages = list(connector.pull_orders({}))
    assert sum(len(one.orders) for one in pages) == 50
    calls = bench.calls()
    assert calls.count("Orders") == 2
    assert calls.count("OrdersById") <= 20
    assert bench.state.throttled == 0
    assert list(bench.connector().pull_orders(pages[-1].progress)) == []
    assert bench.calls() == ["Orders", "Orders"]  # what changed within the overlap, and none of it is read again
    first = next(iter(bench.state.orders))
    clock.now += 30
    bench.shop.ship(first)
    (page,) = bench.connector().pull_orders(pages[-1].progress)
    assert [one.order.remote_id for one in page.orders] == [first]


def test_an_order_that_changes_twice_within_a_second_is_read_twice(build: Build) -> None:
    clock = Clock()
    bench = build(clock)
    bench.shop.add_product("A", "Product", price=D("10.00"), quantity=10)
    placed = bench.shop.place_order([Line("A", 2)])
    (page,) = bench.connector().pull_orders({})
    bench.shop.ship(placed, {"A": 1})  # in the same second
    (again,) = bench.connector().pull_orders(page.progress)
    assert len(again.orders[0].transactions) == 1


def test_an_order_that_cannot_be_read_is_said_and_the_others_go_on(stocked: Bench) -> None:
    bad, good = (stocked.shop.place_order([Line("A")]) for _ in range(2))
    connector = stocked.connector()
    read = connector.orders.pulled

    def broken(order: Any) -> PulledOrder:
        if order["legacyResourceId"] == bad:
            order = {**order, "processedAt": None, "createdAt": None, "updatedAt": None}
        return read(order)

    connector.orders.pulled = broken  # type: ignore[method-assign]
    (page,) = connector.pull_orders({})
    assert [one.order.remote_id for one in page.orders] == [good]
    assert [one.remote_id for one in page.problems] == [bad]


def test_times_have_a_zone(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    order = pulled(stocked, placed).order
    assert order.order_date.utcoffset() == timedelta(0)
