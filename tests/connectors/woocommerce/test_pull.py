"""Pulling changed orders over HTTP: nothing missed, nothing read twice for nothing, the watermark never too far."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrator.connectors.woocommerce.connector import WooCommerceConnector
from tests.connectors.shop import Line
from tests.connectors.woocommerce.conftest import Bench, Build

D = Decimal


def stocked(bench: Bench) -> None:
    bench.shop.add_product("A", "Thing", price=D("10.00"), quantity=10_000)


def pull(connector: WooCommerceConnector, progress: dict[str, Any] | None = None) -> tuple[list[str], dict[str, Any]]:
    """Ids in the order they came, and the progress after the last page."""
    found: list[str] = []
    known: dict[str, Any] = progress or {}
    for page in connector.pull_orders(known):
        assert page.problems == ()
        found += [one.order.remote_id for one in page.orders]
        known = dict(page.progress)
    return found, known


def age(bench: Bench, order: str, **ago: float) -> None:
    bench.state.orders[int(order)]["date_modified"] -= timedelta(**ago)


def test_orders_come_in_the_order_of_their_changes_and_unchanged_ones_once(each: Bench) -> None:
    stocked(each)
    placed = [each.shop.place_order([Line("A")]) for _ in range(5)]
    for position, one in enumerate(placed):
        age(each, one, minutes=30 - position)
    found, progress = pull(each.connector())
    assert found == placed
    each.calls()
    again, progress = pull(each.connector(), progress)
    assert again == []
    assert each.calls() == ["GET /wc/v3/orders"]
    each.shop.refund(placed[1], amount=D("1.00"))
    found, progress = pull(each.connector(), progress)
    assert found == [placed[1]]


def test_the_watermark_is_the_newest_change_seen_and_not_the_clock(bench: Bench) -> None:
    stocked(bench)
    order = bench.shop.place_order([Line("A")])
    age(bench, order, hours=3)
    _, progress = pull(bench.connector())
    assert progress["modified"] == bench.state.orders[int(order)]["date_modified"].strftime("%Y-%m-%dT%H:%M:%S")
    # one that becomes visible late, a few minutes before the newest one
    late = bench.shop.place_order([Line("A")])
    age(bench, late, hours=3, minutes=4)
    assert pull(bench.connector(), progress)[0] == [late]


def test_a_change_within_the_same_second_is_not_overlooked(bench: Bench) -> None:
    """Times are whole seconds: what is younger than that is read again."""
    stocked(bench)
    order = bench.shop.place_order([Line("A")])
    _, progress = pull(bench.connector())
    stamp = bench.state.orders[int(order)]["date_modified"]
    bench.shop.refund(order, amount=D("1.00"))
    bench.state.orders[int(order)]["date_modified"] = stamp
    (page,) = bench.connector().pull_orders(progress)
    assert [one.type for one in page.orders[0].transactions] == ["Return"]


@pytest.mark.parametrize("same_second", [True, False])
def test_nothing_is_missed_while_orders_change_between_pages(bench: Bench, same_second: bool) -> None:
    stocked(bench)
    placed = [bench.shop.place_order([Line("A")]) for _ in range(260)]
    for position, one in enumerate(placed):
        bench.state.orders[int(one)]["date_modified"] = datetime.now(UTC).replace(microsecond=0) - timedelta(
            seconds=60 if same_second else 600 - position
        )
    seen: list[str] = []
    for number, page in enumerate(bench.connector().pull_orders({})):
        seen += [one.order.remote_id for one in page.orders]
        for moved in placed[number * 3 : number * 3 + 3]:  # these move to the end, and pull the others up
            if number < 4:
                bench.shop.refund(moved, amount=D("1.00"))
    assert set(seen) == set(placed)


def test_an_order_that_cannot_be_read_does_not_hold_up_the_others(bench: Bench) -> None:
    stocked(bench)
    placed = [bench.shop.place_order([Line("A")]) for _ in range(3)]
    connector = bench.connector()
    original = connector.client.page

    def page(path: str, query: Any) -> Any:
        found = original(path, query)
        for one in found.items:
            if str(one["id"]) == placed[1]:
                one["line_items"] = [{"quantity": 1}]
        return found

    connector.client.page = page  # type: ignore[method-assign]
    (first,) = connector.pull_orders({})
    assert [one.order.remote_id for one in first.orders] == [placed[0], placed[2]]
    assert [one.remote_id for one in first.problems] == [placed[1]]
    assert first.problems[0].message


def test_refunds_of_a_page_take_one_call_where_the_version_can(each: Bench) -> None:
    stocked(each)
    placed = [each.shop.place_order([Line("A", 2)]) for _ in range(5)]
    for one in placed:
        each.shop.refund(one, {"A": 1})
    each.calls()
    (page,) = each.connector().pull_orders({})
    assert [[x.type for x in one.transactions] for one in page.orders] == [["Return"]] * 5
    calls = each.calls()
    assert len(calls) == (2 if each.state.since(9, 0) else 7)


def test_orders_since_a_day_and_by_number(each: Bench) -> None:
    stocked(each)
    old = each.shop.place_order([Line("A")], at=datetime(2026, 1, 1, tzinfo=UTC))
    new = each.shop.place_order([Line("A")])
    since = datetime(2026, 2, 1, tzinfo=UTC)
    assert pull(each.connector(orders_since=since))[0] == [new]
    found = each.connector(orders_since=since).pull_order(old)
    assert found is not None
    assert not found.admitted
    assert each.connector().pull_order("4711") is None


def test_gmt_is_asked_for_and_site_time_is_not_believed(bench: Bench) -> None:
    """The site is in New York: read as local time, what changed in the last hours would be missed."""
    stocked(bench)
    order = bench.shop.place_order([Line("A")])
    age(bench, order, minutes=90)
    _, progress = pull(bench.connector())
    newer = bench.shop.place_order([Line("A")])
    age(bench, newer, minutes=50)
    assert pull(bench.connector(), progress)[0] == [newer]


def test_fulfilments_are_asked_for_only_where_there_are_some(build: Build) -> None:
    bench = build("11.0.1", fulfilments=True)
    stocked(bench)
    shipped = bench.shop.place_order([Line("A", 2)])
    bench.shop.place_order([Line("A", 2)])
    bench.shop.ship(shipped, {"A": 1}, tracking="1Z")
    bench.calls()
    (page,) = bench.connector().pull_orders({})
    assert bench.calls() == ["GET /wc/v3/orders", f"GET /wc/v3/orders/{shipped}/fulfillments"]
    by_id = {one.order.remote_id: one for one in page.orders}
    assert [one.tracking_numbers for one in by_id[shipped].transactions] == [("1Z",)]
    bench.state.features.fulfilments = False  # switched off with orders that have some
    assert bench.connector().pull_order(shipped).transactions == ()  # type: ignore[union-attr]


def test_the_numbers_of_the_simulated_shop_are_those_of_the_order(each: Bench) -> None:
    stocked(each)
    order = each.shop.place_order(
        [Line("A", 3, price=D("3.33"))],
        shipping=D("4.90"),
        discount=D("1.00"),
        tax_rate=D("0.19"),
        total_off_by=D("0.02"),
    )
    found = each.connector().pull_order(order)
    assert found is not None
    value = found.order
    assert (value.discount_amount, value.shipping_amount, value.rounding_amount) == (1, D("4.90"), D("0.02"))
    explained = sum((one.line_total for one in value.lines), D(0)) + value.shipping_amount + value.tax_amount
    assert explained + value.rounding_amount == value.grand_total
    assert [(one.name, one.rate) for one in value.tax_lines] == [("MwSt. & Co", 19)]
