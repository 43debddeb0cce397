"""Prices and stock: how many calls they take, and what the shop then holds."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.bigcommerce.mapping import stock_rows
from integrator.connectors.bigcommerce.pricelists import tier_record
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import ListingPush, Outcome, Price, Stock
from tests.connectors.bigcommerce.conftest import Bench, push
from tests.connectors.pushing import accepted, after, alone, style

D = Decimal
ABSOLUTE = "PUT /v3/inventory/adjustments/absolute"


def shelf(bench: Bench, count: int) -> list[ListingPush]:
    """Products that the shop has, put there without calls."""
    found = []
    for n in range(count):
        product, _ = bench.shop.back_office.create(
            {"name": f"P {n}", "sku": f"I-{n:05}", "price": D(10), "weight": 1, "inventory_tracking": "product"}
        )
        ids = {"product": str(product["id"]), "variant": str(product["base_variant_id"]), "kind": "simple"}
        found.append(push(f"I-{n:05}", quantity=n % 90, new=False, remote=ids))
    return found


def shelf_fast(bench: Bench, count: int) -> list[ListingPush]:
    """The same without the shop's own checks of names and SKUs, for many."""
    bench.shop.back_office._check_name = lambda *_: None  # type: ignore[method-assign]
    bench.shop.back_office._check_sku = lambda *_: None  # type: ignore[method-assign]
    return shelf(bench, count)


def test_stock_of_ten_thousand_takes_five_calls(bench: Bench) -> None:
    items = shelf_fast(bench, 10_000)
    connector = bench.connector(stock_location=1)
    for start in range(0, 10_000, connector.capabilities.stock_batch):
        accepted(connector.push_stock(alone(*items[start : start + connector.capabilities.stock_batch])))
    assert bench.calls() == [ABSOLUTE] * 5
    assert sum(bench.state.stock.values()) == sum(n % 90 for n in range(10_000))


def test_prices_go_fifty_a_call(bench: Bench) -> None:
    items = [replace(one, price=Price(D("12.34"))) for one in shelf_fast(bench, 500)]
    accepted(bench.connector().push_price(alone(*items)))
    assert bench.calls() == ["PUT /v3/catalog/variants"] * 10
    assert {one.price for one in bench.shop.products().values()} == {D("12.34")}


def test_the_default_location_is_asked_once(bench: Bench) -> None:
    items = shelf(bench, 3)
    accepted(bench.connector().push_stock(alone(*items)))
    assert bench.calls() == ["GET /v3/inventory/locations", ABSOLUTE]


def test_rows_are_grouped_by_location(bench: Bench) -> None:
    items = [replace(one, stock=Stock(D(5), {"7": D(2), "1": D(3)})) for one in shelf(bench, 4)]
    accepted(bench.connector().push_stock(alone(*items)))
    assert bench.calls() == [ABSOLUTE]
    assert bench.shop.products()["I-00002"].by_location == {"1": 3, "7": 2}


def test_a_product_that_keeps_no_stock_is_made_to(bench: Bench) -> None:
    items = shelf(bench, 3)
    bench.shop.product("I-00001")["inventory_tracking"] = "none"
    accepted(bench.connector().push_stock(alone(*items)))
    assert bench.shop.products()["I-00001"].quantity == 1


def test_stock_that_the_whole_product_keeps_is_a_matter_for_a_person(bench: Bench) -> None:
    variants = [push(f"V-{n}", options=(("Size", str(n)),)) for n in range(2)]
    results = accepted(bench.connector().push_content([style("S", *variants)]))
    bench.shop.product("V-0")["inventory_tracking"] = "product"
    known = [after(one, result) for one, result in zip(variants, results, strict=True)]
    answers = bench.connector().push_stock([style("S", *known)])
    assert {(one.outcome, one.code) for one in answers} == {(Outcome.REJECTED, "PARENT_STOCK")}


def test_a_variant_is_addressed_by_its_id_and_a_product_by_its_own(bench: Bench) -> None:
    one = push("V-1", quantity=2, options=(("Size", "S"),))
    (result,) = accepted(bench.connector().push_content([style("S", one)]))
    (simple,) = shelf(bench, 1)
    known = replace(after(one, result), stock=Stock(D(8)))
    accepted(bench.connector().push_stock([style("S", known), *alone(replace(simple, stock=Stock(D(9))))]))
    shown = bench.shop.products()
    assert (shown["V-1"].quantity, shown["I-00000"].quantity) == (8, 9)


def test_the_bad_row_of_a_thousand_costs_few_calls(bench: Bench) -> None:
    items = shelf_fast(bench, 1_000)
    bench.shop.delete("I-00500")
    answers = bench.connector(stock_location=1).push_stock(alone(*items))
    assert [one.code for one in answers if one.outcome is not Outcome.ACCEPTED] == ["LISTING_MISSING"]
    assert len(bench.calls()) <= 5  # the refusal names the row


def test_the_bad_price_of_fifty_is_found_by_halving(bench: Bench) -> None:
    items = shelf(bench, 50)
    bench.state.misbehaviour.reject_sku = "I-00007"
    answers = bench.connector().push_price(alone(*items))
    assert [n for n, one in enumerate(answers) if one.outcome is Outcome.REJECTED] == [7]
    assert len(bench.calls()) <= 14


def test_a_sale_and_its_end(bench: Bench) -> None:
    (one,) = shelf(bench, 1)
    accepted(bench.connector().push_price(alone(replace(one, price=Price(D(20), sale_price=D(15), msrp=D(25))))))
    shown = bench.shop.products()["I-00000"]
    assert (shown.price, shown.sale_price) == (20, 15)
    accepted(bench.connector().push_price(alone(replace(one, price=Price(D(20))))))
    assert bench.shop.products()["I-00000"].sale_price is None


def test_an_msrp_that_the_pos_never_sent_is_the_merchant_s(bench: Bench) -> None:
    (one,) = shelf(bench, 1)
    bench.shop.product("I-00000")["retail_price"] = D(30)
    accepted(bench.connector().push_price(alone(one)))
    assert bench.shop.product("I-00000")["retail_price"] == 30
    accepted(bench.connector().push_price(alone(replace(one, price=Price(D(20), msrp=D(25))))))
    assert bench.shop.product("I-00000")["retail_price"] == 25
    accepted(bench.connector().push_price(alone(replace(one, sent={"Msrp": "25"}))))
    assert bench.shop.product("I-00000")["retail_price"] == 0


def test_a_location_is_a_number() -> None:
    with pytest.raises(ValueError, match="no location id"):
        BigSettings(location_map={"MAIN": "Main street"})


def test_prices_of_a_price_list(bench: Bench) -> None:
    bench.state.price_lists[5] = {}
    (one,) = shelf(bench, 1)
    variant = int(one.remote["variant"])
    connector = bench.connector(price_list_id=5)
    accepted(connector.push_price(alone(replace(one, price=Price(D(20), sale_price=D(15))))))
    assert bench.state.price_lists[5][variant] == {
        "variant_id": variant,
        "currency": "eur",
        "price": 20,
        "sale_price": 15,
    }
    assert bench.shop.products()["I-00000"].price == 10  # the catalogue keeps its own
    over = replace(one, price=Price(D(20)), sent={"SalePrice": "15"})
    accepted(connector.push_price(alone(over)))
    assert "sale_price" not in bench.state.price_lists[5][variant]


def test_tiers_are_price_lists(bench: Bench) -> None:
    bench.state.price_lists[6] = {}
    (one,) = shelf(bench, 1)
    variant = int(one.remote["variant"])
    connector = bench.connector(tier_price_lists={"TRADE": 6})
    tiers = (("TRADE", D(1), D(9)), ("TRADE", D(10), D(8)), ("TRADE", D(50), D(7)), ("OTHER", D(1), D(1)))
    accepted(connector.push_price(alone(replace(one, price=Price(D(10), tiers=tiers)))))
    record = bench.state.price_lists[6][variant]
    assert record["price"] == 9
    assert [(t["quantity_min"], t["quantity_max"], t["amount"]) for t in record["bulk_pricing_tiers"]] == [
        (10, 49, 8),
        (50, 0, 7),
    ]
    gone = replace(one, price=Price(D(10)), sent={"Tiers": [["TRADE", "1", "9"]]})
    accepted(connector.push_price(alone(gone)))
    assert bench.state.price_lists[6] == {}


amounts = st.decimals(min_value=0, max_value=10**6, places=3)


@given(st.dictionaries(st.integers(1, 9).map(str), amounts, max_size=4), amounts, st.booleans())
def test_rows_say_all_that_is_wanted_in_whole_units(places: dict[str, Any], quantity: Decimal, simple: bool) -> None:
    ids = {"product": "4", "variant": "5"} | ({"kind": "simple"} if simple else {})
    rows = [one.body() for one in stock_rows(1, ids, Stock(quantity, places), 1)]
    assert {one["location_id"] for one in rows} == ({int(place) for place in places} or {1})
    wanted = sum(map(int, places.values())) if places else int(quantity)
    assert sum(one["quantity"] for one in rows) == wanted
    assert all(("product_id" in one) is simple and ("variant_id" in one) is not simple for one in rows)


@given(st.lists(st.tuples(st.integers(1, 100), amounts), max_size=6))
def test_quantity_steps_follow_each_other_without_gaps(steps: list[tuple[int, Decimal]]) -> None:
    tiers = tuple(("T", D(least), amount) for least, amount in dict(steps).items())
    record = tier_record("1", "eur", Price(D(10), tiers=tiers), "T")
    if not tiers:
        assert record is None
        return
    assert record is not None
    found = record.get("bulk_pricing_tiers", [])
    for before, following in itertools.pairwise(found):
        assert before["quantity_max"] + 1 == following["quantity_min"]
    if found:
        assert found[-1]["quantity_max"] == 0


def test_what_is_read_for_reconciliation_takes_two_calls_for_250(bench: Bench) -> None:
    shelf_fast(bench, 300)
    found = list(bench.connector().read_listings())
    assert len(found) == 300
    assert len(bench.calls()) == 4
    assert found[0].price == 10
