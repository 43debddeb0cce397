"""Products, prices, stock and orders through the API, without the core around."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from integrator.connectors.base import OrderPage, Rejected
from integrator.connectors.hipcommerce.mapping import moment
from integrator.connectors.pushes import Outcome, ShipmentLine, ShipmentPush
from tests.connectors.hipcommerce.conftest import ApiBench, push
from tests.connectors.pushing import alone, style
from tests.connectors.shop import Line

D = Decimal


def stocked(bench: ApiBench, *skus: str) -> dict[str, Any]:
    pushes = [push(sku, quantity=50) for sku in skus]
    results = bench.connector().push_content(alone(*pushes))
    bench.calls()
    return {one.item_id: replace(one, remote=result.remote) for one, result in zip(pushes, results, strict=True)}


# -- the number of calls


def test_calls_for_a_thousand_items(bench: ApiBench) -> None:
    """100 a content batch with one look-up, 500 a price or stock batch; the core hands over as many."""
    items = [push(f"I-{n:04}", quantity=n) for n in range(100)]
    results = bench.connector().push_content(alone(*items))
    assert bench.calls().count("PUT /products:batch") == 1
    known = [replace(one, remote=result.remote) for one, result in zip(items, results, strict=True)]
    many = [replace(one, product_id=10_000 + n) for n in range(5) for one in known]
    bench.connector().push_stock(alone(*many))
    bench.connector().push_price(alone(*many))
    assert bench.calls() == ["PUT /inventory:batch", "PUT /prices:batch"]
    found = bench.connector().find([one.item_id for one in items])
    assert all(len(ones) == 1 for ones in found.values())
    assert bench.calls() == ["GET /products"]
    assert len(list(bench.connector().read_listings())) == 100
    assert bench.calls() == ["GET /products"]


def test_rows_per_location_are_cut_into_batches_and_an_item_stays_whole(bench: ApiBench) -> None:
    items = stocked(bench, *(f"I-{n:03}" for n in range(60)))
    bench.shop.catalogue.locations = ("main", *(f"L{n}" for n in range(1, 9)))
    places = {code: D(n) for n, code in enumerate(bench.shop.catalogue.locations)}
    pushes = [replace(one, stock=replace(one.stock, by_location=places)) for one in items.values()]
    results = bench.connector().push_stock(alone(*pushes))
    assert bench.calls() == ["PUT /inventory:batch"] * 2  # 540 rows
    assert {one.outcome for one in results} == {Outcome.ACCEPTED}
    assert len(results) == 60
    assert bench.shop.products()["I-059"].quantity == 36


def test_a_new_item_has_its_stock_where_the_map_says_and_nowhere_else(bench: ApiBench) -> None:
    bench.connector().push_content(alone(push("A", quantity=5, by_location={"outlet": D(5)})))
    shown = bench.shop.products()["A"]
    assert (shown.quantity, shown.by_location["outlet"]) == (5, 5)


def test_one_location_that_the_shop_does_not_have_is_the_items_fault(bench: ApiBench) -> None:
    items = stocked(bench, "A", "B")
    wrong = replace(items["A"], stock=replace(items["A"].stock, by_location={"main": D(1), "nowhere": D(2)}))
    results = {one.product_id: one for one in bench.connector().push_stock(alone(wrong, items["B"]))}
    assert results[wrong.product_id].outcome is Outcome.REJECTED
    assert results[wrong.product_id].code == "LOCATION_UNKNOWN"
    assert results[wrong.product_id].hint
    assert results[items["B"].product_id].outcome is Outcome.ACCEPTED


# -- matching


def test_skus_are_exact_also_in_case_and_with_every_character(bench: ApiBench) -> None:
    names = ["ab", "AB", "a b", "a/b", "a,b", "ä&b=c", "a%20b", "a+b", "🙂"]
    for name in names:
        bench.shop.add_product(name, f"Name {name}")
    found = bench.connector().find([*names, "Ab", "a"])
    assert {sku: [one.sku for one in ones] for sku, ones in found.items()} == {
        **{name: [name] for name in names}, "Ab": [], "a": []
    }  # fmt: skip


def test_an_item_whose_sku_the_merchant_changed_is_found_by_its_id(bench: ApiBench) -> None:
    stocked(bench, "A")
    bench.shop.variant("A")["sku"] = "SHOP-1"
    (one,) = bench.connector().find(["A"])["A"]
    assert one.sku == "SHOP-1"


def test_what_a_merchant_made_apart_stays_apart(bench: ApiBench) -> None:
    bench.shop.add_product("T-S", "Tee small")
    bench.shop.add_product("T-M", "Tee medium")
    tees = [push(f"T-{one}", options=(("Size", one),)) for one in "SML"]
    results = bench.connector().push_content([style("TEE", *tees)])
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 3
    found = bench.shop.products()
    assert len({one.parent for one in found.values()}) == 2  # L joins the first
    assert found["T-S"].name == "Tee small"


def test_two_children_with_the_same_options_are_said(bench: ApiBench) -> None:
    tees = [push("T-1", options=(("Size", "S"),)), push("T-2", options=(("Size", "S"),))]
    results = bench.connector().push_content([style("TEE", *tees)])
    assert [one.outcome for one in results] == [Outcome.ACCEPTED, Outcome.REJECTED]
    assert results[1].code == "OPTIONS_TAKEN"
    assert results[1].hint


def test_tiers_and_fractions_arrive(bench: ApiBench) -> None:
    items = stocked(bench, "A")
    one = push("A", price="9.9950", tiers=(("GOLD", D(10), D("8.5")),), remote=items["A"].remote)
    bench.connector().push_price(alone(one))
    half = replace(items["A"], stock=replace(items["A"].stock, quantity=D("2.5")))
    bench.connector().push_stock(alone(half))
    variant = bench.shop.variant("A")
    assert variant["price"] == "9.995"
    assert variant["price_tiers"] == [{"tier_code": "GOLD", "minimum_quantity": "10", "price": "8.5"}]
    assert bench.shop.products()["A"].quantity == D("2.5")


# -- orders


def pages(bench: ApiBench, progress: Any = None, page: int = 0) -> list[OrderPage]:
    connector = bench.connector()
    if page:
        connector.way.orders.size = page  # type: ignore[union-attr]
    return list(connector.pull_orders(progress or {}))


def test_a_poll_without_changes_is_three_calls(bench: ApiBench) -> None:
    stocked(bench, "A")
    first = pages(bench)
    assert bench.calls() == ["GET /orders", "GET /transactions", "GET /captures"]
    assert [one.orders for one in first] == [(), (), ()]


def test_an_order_with_events_is_read_in_five_calls_and_told_once(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A", 2)])
    bench.shop.ship(order)
    found = [one for page in pages(bench) for one in page.orders]
    assert [(one.order.remote_id, len(one.transactions), len(one.captures)) for one in found] == [(order, 1, 1)]
    assert sorted(bench.calls()) == ["GET /captures"] * 2 + ["GET /orders"] + ["GET /transactions"] * 2


def test_an_event_whose_order_does_not_say_that_it_changed_is_found(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A", 2)])
    old = bench.shop.orders.orders[order]["updated_at"]
    *_, last = pages(bench)
    long_ago = replace_time(old, -3600)
    bench.shop.ship(order)
    bench.shop.orders.orders[order]["updated_at"] = long_ago
    found = [one for page in pages(bench, last.progress) for one in page.orders]
    assert [len(one.transactions) for one in found] == [1]


def test_a_change_that_becomes_visible_late_is_within_the_overlap(bench: ApiBench) -> None:
    stocked(bench, "A")
    bench.shop.place_order([Line("A")])
    *_, last = pages(bench)
    late = bench.shop.place_order([Line("A")])
    order = bench.shop.orders.orders[late]
    order["updated_at"] = replace_time(last.progress["orders"]["since"], -240)
    for one in bench.shop.orders.of(late, "captures"):
        one["updated_at"] = order["updated_at"]
    assert late in [one.order.remote_id for page in pages(bench, last.progress) for one in page.orders]


def replace_time(value: str, seconds: float) -> str:
    from datetime import datetime

    return str(moment(datetime.fromisoformat(value) + timedelta(seconds=seconds)))


def test_a_long_list_goes_on_where_the_last_job_stopped(bench: ApiBench) -> None:
    """Also where everything changed within the overlap; and when the cursor is too old by then."""
    stocked(bench, "A")
    placed = [bench.shop.place_order([Line("A")]) for _ in range(9)]
    seen: list[str] = []
    progress: Any = {}
    for _ in range(3):
        connector = bench.connector()
        connector.way.orders.size = 3  # type: ignore[union-attr]
        page = next(connector.pull_orders(progress))
        seen += [one.order.remote_id for one in page.orders]
        progress = page.progress
    assert seen == placed
    bench.calls()
    stale = {"orders": {"since": progress["orders"]["since"], "cursor": "expired", "began": None}}
    again = [one.order.remote_id for page in pages(bench, stale, page=3) for one in page.orders]
    assert set(again) == set(placed)  # all within the overlap


def test_progress_is_the_newest_change_that_was_seen(bench: ApiBench) -> None:
    stocked(bench, "A")
    bench.shop.place_order([Line("A")])
    *_, last = pages(bench)
    assert last.progress["orders"] == {"since": bench.shop.orders.rows("orders")[-1]["updated_at"]}
    *_, again = pages(bench, last.progress)
    assert again.progress == last.progress


def test_orders_from_before_the_channel_are_left(bench: ApiBench) -> None:
    from datetime import UTC, datetime

    stocked(bench, "A")
    bench.shop.place_order([Line("A")], at=datetime(2020, 1, 1, tzinfo=UTC))
    new = bench.shop.place_order([Line("A")])
    connector = bench.connector(orders_since=datetime(2025, 1, 1, tzinfo=UTC))
    assert [one.order.remote_id for page in connector.pull_orders({}) for one in page.orders] == [new]


def test_an_order_that_is_broken_is_alone(bench: ApiBench) -> None:
    stocked(bench, "A")
    broken, well = bench.shop.place_order([Line("A")]), bench.shop.place_order([Line("A")])
    bench.shop.orders.orders[broken]["order_date"] = "yesterday"
    found = pages(bench)
    assert [one.order.remote_id for page in found for one in page.orders] == [well]
    assert [one.remote_id for page in found for one in page.problems] == [broken]
    with pytest.raises(Rejected, match="order_date is no time with a zone"):
        bench.connector().pull_order(broken)
    bench.shop.violations.clear()  # the answers were not the contract's, on purpose


def test_statuses_of_either_kind_can_be_chosen(bench: ApiBench) -> None:
    stocked(bench, "A")
    bench.shop.place_order([Line("A")], paid=False)
    for statuses, admitted in ((["pending"], True), (["Pending"], True), (["Paid"], False), ([], False)):
        connector = bench.connector(order_statuses=statuses)
        assert [one.admitted for page in connector.pull_orders({}) for one in page.orders] == [admitted]


# -- shipments and money


def shipment(order: str, units: int, **given: Any) -> ShipmentPush:
    return ShipmentPush("SH-1", order, (ShipmentLine(f"{order}-1", "A", "A", D(units)),), **given)


def test_a_shipment_again_is_the_first_one_whatever_the_key(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A", 3)])
    one = bench.connector().send_shipment(shipment(order, 2))
    two = bench.connector().send_shipment(shipment(order, 2, carrier="UPS"))  # another body, so another key
    assert one.remote_id == two.remote_id
    assert len(bench.shop.order(order)["shipments"]) == 1


def test_money_is_taken_in_parts_and_the_rest_with_the_last(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A", 3)], authorised=True)
    total = D(bench.shop.orders.orders[order]["grand_total"])
    one = bench.connector().send_shipment(shipment(order, 1, capture=True))
    assert one.captured
    assert 0 < bench.shop.order(order)["captured"] < total
    rest = replace(shipment(order, 2, capture=True, completes_order=True), shipment_id="SH-2")
    assert bench.connector().send_shipment(rest).captured
    assert bench.connector().send_shipment(rest).captured  # again takes nothing more
    assert bench.shop.order(order)["captured"] == total


def test_money_that_was_not_authorised_is_a_warning(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A")])
    found = bench.connector().send_shipment(shipment(order, 1, capture=True))
    assert (found.captured, bool(found.warning)) == (False, True)


def test_capture_by_itself(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A")], authorised=True)
    bench.connector().capture(order, D("2.00"))
    assert bench.shop.order(order)["captured"] == 2
    bench.connector().capture(order, None)
    assert bench.shop.order(order)["payment_status"] == "Paid"
    with pytest.raises(Rejected, match="no order"):
        bench.connector().capture("987", None)


def test_more_than_is_open_is_refused(bench: ApiBench) -> None:
    stocked(bench, "A")
    order = bench.shop.place_order([Line("A")])
    with pytest.raises(Rejected) as caught:
        bench.connector().send_shipment(shipment(order, 9))
    assert caught.value.code == "QUANTITY_EXCEEDS_OPEN"
