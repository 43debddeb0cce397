"""Orders, what happened to them, and how many calls it takes to see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.bigcommerce import orders as mapping
from integrator.connectors.bigcommerce.amounts import discounts, moment, spread
from integrator.connectors.records import PulledOrder
from tests.connectors.appending import check_appending, sales
from tests.connectors.bigcommerce.conftest import Bench, Build
from tests.connectors.bigcommerce.simulator.orders import rfc
from tests.connectors.shop import Line

D = Decimal
AGO = datetime.now(UTC) - timedelta(hours=2)


@pytest.fixture
def stocked(bench: Bench) -> Bench:
    for sku in ("A", "B"):
        bench.shop.add_product(sku, f"Product {sku}", price=D(10), quantity=50)
    return bench


def pull(
    bench: Bench, progress: dict[str, Any] | None = None, **settings: Any
) -> tuple[list[PulledOrder], dict[str, Any]]:
    found: list[PulledOrder] = []
    known = progress or {}
    for page in bench.connector(**settings).pull_orders(known):
        assert page.problems == ()
        found += page.orders
        known = dict(page.progress)
    return found, known


def settle(bench: Bench) -> None:
    """What was written now is some minutes old."""
    for one in bench.state.orders.values():
        one["modified"] -= timedelta(minutes=3)


def test_a_page_of_orders_is_one_call(stocked: Bench) -> None:
    for _ in range(5):
        stocked.shop.place_order([Line("A", 2), Line("B")], paid=False, tax_rate=D(0))
    stocked.calls()
    found, _ = pull(stocked)
    assert len(found) == 5
    assert [len(one.order.lines) for one in found] == [2] * 5
    assert sorted(stocked.calls()) == [
        "GET /v2/order_statuses",
        "GET /v2/orders",
        "GET /v3/orders/payment_actions/refunds",
    ]


def test_what_an_order_does_not_have_is_not_asked_for(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], tax_rate=D(0))
    stocked.calls()
    pull(stocked)
    asked = [one for one in stocked.calls() if f"/{placed}/" in one]
    assert asked == [f"GET /v3/orders/{placed}/transactions"]


def test_orders_that_did_not_change_are_not_read_again(stocked: Bench) -> None:
    stocked.shop.place_order([Line("A")])
    settle(stocked)
    found, progress = pull(stocked)
    assert len(found) == 1
    stocked.calls()
    found, _ = pull(stocked, progress)
    assert found == []
    assert stocked.calls() == ["GET /v2/orders", "GET /v3/orders/payment_actions/refunds"]


def test_a_checkout_that_was_left_is_no_order(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], paid=False)
    stocked.state.orders[int(placed)]["status_id"] = 0
    assert pull(stocked)[0] == []
    assert pull(stocked, order_statuses=["Incomplete"])[0] == []


def test_statuses_by_their_own_name_and_by_the_merchant_s(stocked: Bench) -> None:
    stocked.shop.place_order([Line("A")])
    (one,), _ = pull(stocked, order_statuses=["being packed"])
    assert one.admitted
    assert one.order.status == "Awaiting Fulfillment"  # whatever the merchant calls it
    assert not pull(stocked, order_statuses=["Shipped"])[0][0].admitted
    assert pull(stocked, order_statuses=["11"])[0][0].admitted


def test_a_refund_is_seen_although_the_order_s_time_did_not_move(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 2)])
    settle(stocked)
    _, progress = pull(stocked)
    order = stocked.state.orders[int(placed)]
    before = order["modified"]
    stocked.shop.refund(placed, {"A": 1})
    order["modified"] = before
    (one,), _ = pull(stocked, progress)
    (back,) = [t for t in one.transactions if t.type == "Return"]
    assert [line.quantity for line in back.lines] == [1]
    assert back.tax_amount == D("1.90")
    assert back.grand_total == D("11.90")


def test_a_capture_at_the_gateway_is_looked_at_until_it_is_done(stocked: Bench) -> None:
    stocked.state.features.capture_takes = 40
    placed = stocked.shop.place_order([Line("A")], authorised=True)
    settle(stocked)
    connector = stocked.connector()
    connector.capture(placed, None)
    order = stocked.state.orders[int(placed)]
    order["modified"] -= timedelta(minutes=3)
    found, progress = pull(stocked)
    assert (found[0].order.payment_status, found[0].captures) == ("Authorised", ())
    assert progress["pending"] == [placed]
    before = order["modified"]
    while stocked.state.captures:
        stocked.shop.desk.tick()
    order["modified"] = before  # the shop need not move its time for it
    (one,), progress = pull(stocked, progress)
    assert one.order.payment_status == "Paid"
    assert [c.amount for c in one.captures] == [one.order.grand_total]
    assert progress["pending"] == []


def test_an_order_of_a_thousand_hands_is_told_as_it_is(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A", 3), Line("B", 1)], discount=D("2.00"), addresses=2)
    order = stocked.state.orders[int(placed)]
    order["fees"] = [
        {"id": 1, "type": "custom_fee", "display_name_customer": "Gift note", "display_name_merchant": "Note",
         "source": "AA", "base_cost": "1.5000", "cost_ex_tax": "1.5000", "cost_inc_tax": "1.5000", "cost_tax": "0.0000"}
    ]  # fmt: skip
    order["coupons"] = [{"id": 3, "code": "SUMMER", "discount": D("2.00")}]
    order["total"] += D("1.5")
    (one,), _ = pull(stocked)
    record = one.order
    assert [(d.code, d.amount) for d in record.discount_lines] == [("SUMMER", 2)]
    assert [(f.name, f.amount) for f in record.fee_lines] == [("Gift note", D("1.50"))]
    assert [(t.name, t.rate) for t in record.tax_lines] == [("VAT", D(19))]
    assert record.rounding_amount == 0
    parts = sum(line.line_total for line in record.lines) + record.shipping_amount + record.tax_amount
    assert parts + D("1.50") == record.grand_total
    assert [line.discount_amount for line in record.lines] == [D("1.50"), D("0.50")]
    assert (record.payments[0].card_type, record.payments[0].last4) == ("visa", "4242")


def test_prices_with_tax_inside(build: Build) -> None:
    bench = build(tax_inclusive=True)
    bench.shop.add_product("A", "Product A", price=D(10), quantity=5)
    placed = bench.shop.place_order([Line("A", 2)], discount=D("2.00"), shipping=D(0))
    (one,), _ = pull(bench)
    assert one.order.prices_include_tax
    assert one.order.lines[0].discount_amount == D("2.00")
    assert one.order.rounding_amount == 0
    bench.shop.refund(placed, {"A": 1})
    (one,), _ = pull(bench)
    (back,) = [t for t in one.transactions if t.type == "Return"]
    assert back.rounding_amount == back.adjustment_amount == 0


@pytest.mark.parametrize("minutes", [(0, 0, 0), (30, 20, 10), (10, 30, 20)])
def test_sales_that_were_told_never_change(stocked: Bench, minutes: tuple[int, ...]) -> None:
    """Shipments of one second, of clocks that were put back, and with numbers that pass from 9 to 10."""
    placed = stocked.shop.place_order([Line("A", 3), Line("B", 3)], discount=D("1.00"), total_off_by=D("0.02"))
    order = stocked.state.orders[int(placed)]
    looks = [pull(stocked)[0][0]]
    for n, (number, parcel) in enumerate([(9, {"A": 1}), (10, {"A": 1, "B": 2}), (100, {"A": 1, "B": 1})]):
        stocked.shop.ship(placed, parcel)
        order["shipments"][-1] |= {"id": number, "date_created": rfc(AGO + timedelta(minutes=minutes[n]))}
        looks.append(pull(stocked)[0][0])
        if n == 0:
            stocked.shop.refund(placed, {"A": 1})
            looks.append(pull(stocked)[0][0])
    found = check_appending(looks)
    assert [one.key for one in sales(found)] == ["shipment-9", "shipment-10", "shipment-100"]
    assert [one.rounding_amount for one in sales(found)] == [D("0.02"), 0, 0]


def test_what_is_told_as_picked_up_stays_so_when_some_of_it_comes_back(stocked: Bench) -> None:
    """The shop does not say when it was picked up, and the order's time of change moves with the refund."""
    placed = stocked.shop.place_order([Line("A", 2)], shipping=D(0), pickup=True)
    stocked.shop.desk.set_status(stocked.state.orders[int(placed)], 10)
    looks = [pull(stocked)[0][0]]
    stocked.shop.refund(placed, {"A": 1})
    looks.append(pull(stocked)[0][0])
    (sale,) = sales(looks[1])
    assert (sale.key, sale.lines) == (sales(looks[0])[0].key, sales(looks[0])[0].lines)
    assert [(one.quantity_shipped, one.quantity_returned) for one in looks[1].order.lines] == [(2, 1)]


def test_goods_that_are_picked_up(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")], shipping=D(0), pickup=True)
    (one,), _ = pull(stocked)
    assert one.order.shipping_address.city == "Köln"
    assert one.order.shipping_lines[0].method == "Collect in store"
    stocked.shop.desk.set_status(stocked.state.orders[int(placed)], 10)
    (one,), _ = pull(stocked)
    (sale,) = one.transactions
    assert sale.key == f"completed-{placed}"
    assert sale.grand_total == one.order.grand_total


def test_cash_has_no_transaction_and_is_a_capture_all_the_same(stocked: Bench) -> None:
    placed = stocked.shop.place_order([Line("A")])
    order = stocked.state.orders[int(placed)]
    order |= {"transactions": [], "payment_status": "paid"}
    (one,), _ = pull(stocked)
    assert [c.key for c in one.captures] == [f"capture-order-{placed}"]
    assert one.captures[0].amount == one.order.grand_total


def test_an_order_that_cannot_be_read_stops_no_other(stocked: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = (stocked.shop.place_order([Line("A")]) for _ in range(2))
    real = mapping.map_order

    def broken(order: Any, *rest: Any) -> Any:
        if str(order["id"]) == first:
            raise ValueError("it has no date")
        return real(order, *rest)

    monkeypatch.setattr("integrator.connectors.bigcommerce.transactions.map_order", broken)
    pages = list(stocked.connector().pull_orders({}))
    assert [one.order.remote_id for page in pages for one in page.orders] == [second]
    assert [one.remote_id for page in pages for one in page.problems] == [first]


@pytest.mark.parametrize(
    "text", ["Sun, 25 Oct 2026 01:30:00 +0000", "2026-10-25T01:30:00Z", "2026-10-25T03:30:00+02:00"]
)
def test_times_of_both_versions(text: str) -> None:
    assert moment(text) == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", None, 7, "yesterday"])
def test_what_is_no_time(text: Any) -> None:
    assert moment(text) is None


cents = st.decimals(min_value=0, max_value=10_000, places=2)


@given(cents, st.lists(cents, min_size=1, max_size=8))
def test_shares_add_up_to_the_cent(amount: Decimal, weights: list[Decimal]) -> None:
    parts = spread(amount, weights)
    assert sum(parts) == amount
    if sum(weights):
        assert all(part == 0 for part, weight in zip(parts, weights, strict=True) if not weight)


@given(cents, cents, st.lists(st.tuples(cents, cents), min_size=1, max_size=6), st.booleans())
def test_discounts_of_lines_never_exceed_them_and_cover_the_order_s(
    by_order: Decimal, coupons: Decimal, prices: Sequence[tuple[Decimal, Decimal]], own: bool
) -> None:
    lines = [
        {"total_ex_tax": str(gross), "applied_discounts": [{"amount": str(min(part, gross))}] if own else []}
        for gross, part in prices
    ]
    order = {"discount_amount": str(by_order), "coupon_discount": str(coupons)}
    found = discounts(order, lines)
    assert all(D(0) <= part <= gross + D("0.01") for part, (gross, _) in zip(found, prices, strict=True))
    if not own:
        wanted = min(by_order + coupons, sum((gross for gross, _ in prices), D(0)))
        assert abs(sum(found) - wanted) <= D("0.01") * len(lines)
