"""The three calls of ProductTasks, sentence by sentence (the contract, section 3)."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.catalogue import marks
from integrator.codes import Code, Problem
from integrator.rows import Row
from integrator.store import tables as t
from tests.catalogue.conftest import Pos, new_pos
from tests.support import seed
from tests.support.seed import product, row, variant

D = Decimal
LANES = ("content", "price", "stock")


# -- creating


def test_a_new_product_is_listed_on_every_channel_of_its_store(pos: Pos) -> None:
    second = seed.seed_channel(pos.connection, pos.store)
    elsewhere = seed.seed_store(pos.connection, account_id=pos.store.account_id)
    foreign = seed.seed_channel(pos.connection, elsewhere)
    assert pos.products(product("A", Quantity=3, SalePrice="8"), product("B")) == ["Created", "Created"]
    assert pos.pending() == {(item, lane) for item in "AB" for lane in LANES}
    listed = pos.connection.execute(sa.select(t.listings.c.channel_id, sa.func.count()).group_by("channel_id")).all()
    assert dict(listed) == {pos.channel: 2, second: 2}  # type: ignore[arg-type]
    assert foreign not in dict(listed)  # type: ignore[arg-type]
    assert pos.stored(t.prices, "A")[2:4] == (D(10), D(8))
    assert pos.stored(t.stocks, "A").quantity == 3
    assert pos.stored(t.stocks, "B").quantity is None
    assert pos.stored(t.products, "A").content == {"Name": "Product A"}


@pytest.mark.parametrize(("missing", "field"), [("Name", "Name"), ("Price", "Price")])
def test_name_and_price_are_needed_to_create(pos: Pos, missing: str, field: str) -> None:
    item = product("A")
    del item.values[missing]
    assert pos.products(item, product("B")) == ["VALUE_MISSING", "Created"]
    assert pos.problem() == ("VALUE_MISSING", field)
    assert seed.product_ids(pos.connection, pos.store).keys() == {"B"}


def test_an_id_alone_says_what_is_missing(pos: Pos) -> None:
    assert pos.products(row("A")) == ["VALUE_MISSING"]
    pos.products(product("A"))
    assert pos.products(row("A")) == ["Unchanged"]


def test_later_an_item_needs_neither(pos: Pos) -> None:
    pos.products(product("A", Brand="Acme"))
    pos.settle()
    assert pos.products(row("A", UPC="4006381333931")) == ["Updated"]
    assert pos.stored(t.products, "A").content == {"Name": "Product A", "Brand": "Acme", "UPC": "4006381333931"}
    assert pos.pending() == {("A", "content")}


# -- ids


def test_outer_blanks_of_an_id_do_not_count_and_the_rest_is_exact(pos: Pos) -> None:
    assert pos.products(product(" A 1\t"), product("a 1")) == ["Created", "Created"]
    assert pos.inventory(row("A 1 ", Quantity=1), row("A1", Quantity=1)) == ["Updated", "ITEM_NOT_FOUND"]
    assert seed.product_ids(pos.connection, pos.store).keys() == {"A 1", "a 1"}


@pytest.mark.parametrize(
    ("item_id", "code"),
    [(None, "ITEM_ID_MISSING"), ("", "ITEM_ID_MISSING"), ("  ", "ITEM_ID_MISSING"), ("x" * 65, "ITEM_ID_TOO_LONG")],
)
def test_ids_that_cannot_be(pos: Pos, item_id: str | None, code: str) -> None:
    items = [product("x") for _ in range(3)]
    items[1].values["ItemIntegrationId"] = item_id
    assert pos.products(product("A"), items[1], product("B")) == ["Created", code, "Created"]
    assert pos.problem(1) == (code, "ItemIntegrationId")
    assert pos.inventory(Row(0, {"ItemIntegrationId": item_id, "Quantity": D(1)})) == [code]
    assert pos.pricing(Row(0, {"ItemIntegrationId": item_id, "Price": D(1)})) == [code]


def test_sixty_four_characters_are_an_id(pos: Pos) -> None:
    assert pos.products(product("é" * 64)) == ["Created"]


def test_of_the_same_id_twice_the_last_is_taken(pos: Pos) -> None:
    said = pos.products(
        product("A", Name="first"), product("B"), product(" A", Name="last"), product("A ", Name="x" * 256)
    )
    assert said == ["ITEM_ID_DUPLICATE_IN_REQUEST", "Created", "ITEM_ID_DUPLICATE_IN_REQUEST", "VALUE_OUT_OF_RANGE"]
    assert pos.products(product("A", Name="first"), product("A", Name="last")) == [
        "ITEM_ID_DUPLICATE_IN_REQUEST", "Created",
    ]  # fmt: skip
    assert pos.stored(t.products, "A").content["Name"] == "last"
    assert pos.inventory(row("A", Quantity=1), row("A", Quantity=2)) == ["ITEM_ID_DUPLICATE_IN_REQUEST", "Updated"]
    assert pos.stored(t.stocks, "A").quantity == 2


def test_a_problem_of_the_reader_is_answered_and_goes_no_further(pos: Pos) -> None:
    broken = Row(0, {"ItemIntegrationId": " A "}, Problem(Code.VALUE_INVALID, "Price is 'x'.", "Price"))
    assert pos.products(broken, product("B")) == ["VALUE_INVALID", "Created"]
    assert pos.results is not None
    assert pos.results[0].id == "A"


@pytest.mark.parametrize("call", ["inventory", "pricing"])
def test_stock_and_prices_of_unknown_items_create_nothing(pos: Pos, call: str) -> None:
    pos.products(product("A", Quantity=1))
    said = getattr(pos, call)(row("A", Quantity=2, Price="3"), row("B", Quantity=2, Price="3"))
    assert said == ["Updated", "ITEM_NOT_FOUND"]
    assert pos.problem(1) == ("ITEM_NOT_FOUND", "ItemIntegrationId")
    assert seed.product_ids(pos.connection, pos.store).keys() == {"A"}


def test_another_store_s_items_are_not_ours(pos: Pos) -> None:
    other = Pos(pos.connection, seed.seed_store(pos.connection, account_id=pos.store.account_id), 0)
    other.products(product("A", Quantity=1))
    assert pos.inventory(row("A", Quantity=2)) == ["ITEM_NOT_FOUND"]
    pos.products(product("A"))
    assert other.stored(t.stocks, "A").quantity == 1


# -- absent, nil, empty


def test_absent_is_unchanged_nil_clears_empty_is_empty_text(pos: Pos) -> None:
    pos.products(product("A", Brand="Acme", UPC="1", Tags=["x"], Taxable=False, Weight="2", Msrp="20", Cost="4"))
    assert pos.products(row("A", Brand=None, UPC="", Tags=None, Taxable=None, Weight=None, Msrp=None)) == ["Updated"]
    assert pos.stored(t.products, "A").content == {"Name": "Product A", "UPC": ""}
    price = pos.stored(t.prices, "A")
    assert (price.price, price.msrp, price.cost) == (D(10), None, D(4))


@pytest.mark.parametrize("field", ["Tags", "Images", "CustomFields", "PriceTiers"])
def test_an_empty_list_clears_like_nil(pos: Pos, field: str) -> None:
    entry: dict[str, Any] = {
        "Tags": ["x"],
        "Images": [{"Url": "https://x/1.jpg"}],
        "CustomFields": [{"Name": "a", "Value": "b"}],
        "PriceTiers": [{"TierCode": "VIP", "Price": "9"}],
    }
    pos.products(product("A", **{field: entry[field]}))
    assert pos.products(row("A", **{field: []})) == ["Updated"]
    assert field not in pos.stored(t.products, "A").content
    assert pos.stored(t.prices, "A").tiers is None


@pytest.mark.parametrize(("field", "value"), [("Name", None), ("Name", ""), ("Price", None)])
def test_what_every_product_has_cannot_be_cleared(pos: Pos, field: str, value: object) -> None:
    pos.products(product("A"))
    assert pos.products(row("A", **{field: value})) == ["VALUE_MISSING"]
    assert pos.problem() == ("VALUE_MISSING", field)


@pytest.mark.parametrize("field", ["Price", "Quantity", "SaleStart", "Taxable", "Weight", "Version", "LastModified"])
def test_empty_is_no_value_where_the_field_is_no_text(pos: Pos, field: str) -> None:
    pos.products(product("A"))
    assert pos.products(Row(0, {"ItemIntegrationId": "A", field: ""})) == ["VALUE_INVALID"]
    assert pos.problem() == ("VALUE_INVALID", field)


# -- values


@pytest.mark.parametrize(
    ("values", "code", "field"),
    [
        ({"Price": "-0.01"}, "VALUE_OUT_OF_RANGE", "Price"),
        ({"Price": "1.00001"}, "VALUE_OUT_OF_RANGE", "Price"),
        ({"Price": "1000000000000000"}, "VALUE_OUT_OF_RANGE", "Price"),
        ({"Price": D("NaN")}, "VALUE_INVALID", "Price"),
        ({"Price": D("Infinity")}, "VALUE_INVALID", "Price"),
        ({"Msrp": "-1"}, "VALUE_OUT_OF_RANGE", "Msrp"),
        ({"Cost": "-1"}, "VALUE_OUT_OF_RANGE", "Cost"),
        ({"SalePrice": "-1"}, "VALUE_OUT_OF_RANGE", "SalePrice"),
        ({"Weight": "-1"}, "VALUE_OUT_OF_RANGE", "Weight"),
        ({"Quantity": "0.00001"}, "VALUE_OUT_OF_RANGE", "Quantity"),
        ({"SaleStart": seed.midnight(2), "SaleEnd": seed.midnight(1)}, "VALUE_OUT_OF_RANGE", "SaleEnd"),
        ({"SaleStart": datetime(2026, 11, 2)}, "VALUE_INVALID", "SaleStart"),
        ({"WeightUnit": "stone"}, "VALUE_INVALID", "WeightUnit"),
        ({"DimensionUnit": "ft"}, "VALUE_INVALID", "DimensionUnit"),
        ({"Name": "x" * 256}, "VALUE_OUT_OF_RANGE", "Name"),
        ({"Name": 7}, "VALUE_INVALID", "Name"),
        ({"UPC": "x" * 65}, "VALUE_OUT_OF_RANGE", "UPC"),
        ({"StyleId": "x" * 65}, "VALUE_OUT_OF_RANGE", "StyleId"),
        ({"Category": "Shoes//Boots"}, "VALUE_INVALID", "Category"),
        ({"Category": "x" * 1025}, "VALUE_OUT_OF_RANGE", "Category"),
        ({"Taxable": "yes"}, "VALUE_INVALID", "Taxable"),
        ({"Version": 2**63}, "VALUE_OUT_OF_RANGE", "Version"),
        ({"Brand": "a\x00b"}, "VALUE_INVALID", "Brand"),
        ({"Options": [{"Name": str(n), "Value": "1"} for n in range(4)]}, "VALUE_OUT_OF_RANGE", "Options"),
        (
            {"Options": [{"Name": "Size", "Value": "1"}, {"Name": "size", "Value": "2"}]},
            "VALUE_INVALID", "Options.Name",
        ),
        ({"Options": [{"Name": "Size"}]}, "VALUE_MISSING", "Options.Value"),
        ({"Images": [{"Url": "ftp://x/1.jpg"}]}, "VALUE_INVALID", "Images.Url"),
        ({"Images": [{"AltText": "x"}]}, "VALUE_MISSING", "Images.Url"),
        ({"Images": [{"Url": "https://x/1", "Position": -1}]}, "VALUE_OUT_OF_RANGE", "Images.Position"),
        (
            {"CustomFields": [{"Name": "a", "Value": "1"}, {"Name": "A", "Value": "2"}]},
            "VALUE_INVALID", "CustomFields.Name",
        ),
        ({"PriceTiers": [{"TierCode": "VIP"}]}, "VALUE_MISSING", "PriceTiers.Price"),
        ({"PriceTiers": [{"Price": "9"}, {"MinimumQuantity": "1", "Price": "8"}]}, "VALUE_INVALID", "PriceTiers"),
        ({"LocationQuantities": [{"Quantity": "1"}]}, "VALUE_MISSING", "LocationQuantities.LocationId"),
        ({"LocationQuantities": [{"LocationId": "A"}]}, "VALUE_MISSING", "LocationQuantities.Quantity"),
        (
            {"LocationQuantities": [{"LocationId": "A", "Quantity": "1"}, {"LocationId": " A ", "Quantity": "2"}]},
            "VALUE_INVALID", "LocationQuantities.LocationId",
        ),
    ],
)  # fmt: skip
def test_a_value_that_cannot_be_fails_its_item_only(pos: Pos, values: dict[str, Any], code: str, field: str) -> None:
    pos.products(product("A", Quantity=1))
    assert pos.products(row("A", **{"Name": "New name", **values}), product("B")) == [code, "Created"]
    assert pos.problem() == (code, field)
    assert pos.stored(t.products, "A").content == {"Name": "Product A"}


@pytest.mark.parametrize(
    "values",
    [
        {"Price": "0"}, {"Price": "999999999999999.9999"}, {"Price": "1.50000"}, {"Quantity": "-5.5"},
        {"Quantity": "-0"},
        {"SalePrice": "11"}, {"SalePrice": "8"}, {"SaleStart": "2026-11-01T00:00:00+00:00"},
        {"SaleStart": "2026-11-01T00:00:00+00:00", "SaleEnd": "2026-11-01T00:00:00+00:00"},
        {"WeightUnit": "KG", "Weight": "1.2345"}, {"Category": "/Shoes / Boots/"}, {"Version": -1},
        {"Images": [{"Url": "HTTPS://x/1.jpg", "Position": 0, "AltText": None}]}, {"Name": "東京 \U0001f45f <b>"},
        {"PriceTiers": [{"TierCode": "VIP", "MinimumQuantity": "10", "Price": "8"}, {"Price": "9"}]},
        {"LongDescription": "x" * 1_000_000}, {"CustomFields": [{"Name": "a"}]},
    ],
)  # fmt: skip
def test_values_that_can_be(pos: Pos, values: dict[str, Any]) -> None:
    assert pos.products(product("A", **values)) == ["Created"]
    assert pos.products(product("A", **values)) == ["Unchanged"]


def test_values_are_kept_as_they_are_meant(pos: Pos) -> None:
    pos.products(product("A", Category="/Shoes / Boots/", WeightUnit="KG", Weight="1.50", Tags=["b ", "", "a", "b"]))
    content = pos.stored(t.products, "A").content
    assert (content["Category"], content["WeightUnit"], content["Weight"]) == ("Shoes/Boots", "kg", "1.5")
    assert content["Tags"] == ["b", "a"]


# -- prices


@pytest.mark.parametrize("nothing", [None, "0", "0.0000"])
def test_no_sale_price_clears_its_dates(pos: Pos, nothing: str | None) -> None:
    pos.products(
        product("A", SalePrice="8", SaleStart="2026-11-01T00:00:00+00:00", SaleEnd="2026-12-01T00:00:00+00:00")
    )
    assert pos.pricing(row("A", SalePrice=nothing, SaleStart="2026-11-05T00:00:00+00:00")) == ["Updated"]
    price = pos.stored(t.prices, "A")
    assert (price.price, price.sale_price, price.sale_start, price.sale_end) == (D(10), None, None, None)
    assert pos.pricing(row("A", SalePrice=nothing)) == ["Unchanged"]


def test_the_end_of_a_sale_is_compared_with_the_start_that_is_stored(pos: Pos) -> None:
    pos.products(product("A", SalePrice="8", SaleStart="2026-11-10T00:00:00+00:00"), product("B"))
    too_early = row("A", SaleEnd="2026-11-09T00:00:00+00:00", Price="99")
    assert pos.pricing(too_early, row("B", Price="7")) == ["VALUE_OUT_OF_RANGE", "Updated"]
    assert pos.stored(t.prices, "A").price == D(10)
    # in UpdatePOSProducts the whole item stays as it was
    assert pos.products(row("A", SaleEnd="2026-11-09T00:00:00+00:00", Name="x", Quantity=7)) == ["VALUE_OUT_OF_RANGE"]
    assert pos.stored(t.products, "A").content["Name"] == "Product A"
    assert pos.stored(t.stocks, "A").quantity is None


def test_times_of_any_offset_are_the_same_time(pos: Pos) -> None:
    pos.products(product("A", SalePrice="8", SaleStart="2026-11-10T01:00:00+01:00"))
    assert pos.stored(t.prices, "A").sale_start == datetime(2026, 11, 10, tzinfo=UTC)
    assert pos.pricing(row("A", SaleStart="2026-11-09T19:00:00-05:00")) == ["Unchanged"]


def test_what_the_merchant_pays_is_no_news_for_a_shop(pos: Pos) -> None:
    pos.products(product("A"))
    pos.settle()
    assert pos.pricing(row("A", Cost="4")) == ["Updated"]
    assert pos.stored(t.prices, "A").cost == D(4)
    assert pos.pending() == set()
    assert pos.pricing(row("A", Cost="5", Msrp="12")) == ["Updated"]
    assert pos.pending() == {("A", "price")}


def test_neither_call_touches_the_other_aspect(pos: Pos) -> None:
    pos.products(product("A", Quantity=1))
    pos.settle()
    assert pos.inventory(row("A", Quantity=5, Price="99", Name="x")) == ["Updated"]
    assert pos.pricing(row("A", Price="7", Quantity=99)) == ["Updated"]
    assert pos.pending() == {("A", "stock"), ("A", "price")}
    assert (pos.stored(t.prices, "A").price, pos.stored(t.stocks, "A").quantity) == (D(7), D(5))
    # nor does an UpdatePOSProducts that leaves them out
    assert pos.products(row("A", Name="y")) == ["Updated"]
    assert (pos.stored(t.prices, "A").price, pos.stored(t.stocks, "A").quantity) == (D(7), D(5))


@pytest.mark.parametrize(("call", "field"), [("inventory", "Quantity"), ("pricing", "Price")])
def test_a_call_about_an_aspect_says_something_of_it(pos: Pos, call: str, field: str) -> None:
    pos.products(product("A"))
    assert getattr(pos, call)(row("A")) == ["VALUE_MISSING"]
    assert pos.problem() == ("VALUE_MISSING", field)


# -- stock and locations


def quantities(**units: Any) -> list[dict[str, Any]]:
    return [{"LocationId": code, "Quantity": value} for code, value in units.items()]


def test_locations_are_merged_one_by_one(pos: Pos) -> None:
    pos.products(product("A", Quantity=9, LocationQuantities=quantities(MAIN="3", SIDE="4.50")))
    assert pos.stored(t.stocks, "A").quantities == {"MAIN": "3", "SIDE": "4.5"}
    assert pos.inventory(row("A", LocationQuantities=quantities(SIDE="-1", NEW="2"))) == ["Updated"]
    assert pos.stored(t.stocks, "A").quantities == {"MAIN": "3", "SIDE": "-1", "NEW": "2"}
    assert pos.inventory(row("A", LocationQuantities=quantities(MAIN=None))) == ["Updated"]
    assert pos.stored(t.stocks, "A").quantities == {"SIDE": "-1", "NEW": "2"}
    assert pos.stored(t.stocks, "A").quantity == 9
    assert pos.inventory(row("A", LocationQuantities=None)) == ["Updated"]
    assert pos.stored(t.stocks, "A").quantities == {}
    pos.inventory(row("A", LocationQuantities=quantities(MAIN="1")))
    assert pos.inventory(row("A", LocationQuantities=[])) == ["Updated"]
    assert pos.stored(t.stocks, "A").quantities == {}


def test_unknown_locations_are_made_in_the_order_they_are_named(pos: Pos) -> None:
    seed.seed_location(pos.connection, pos.store, "KNOWN", position=4)
    pos.products(product("A"))
    pos.inventory(
        row("A", LocationQuantities=quantities(ZETA="1", KNOWN="1", ALPHA="2")),
        row("MISSING", LocationQuantities=quantities(NEVER="1")),
    )
    found = pos.connection.execute(sa.select(t.locations.c.code, t.locations.c.position).order_by("position")).all()
    assert found == [("KNOWN", 4), ("ZETA", 5), ("ALPHA", 6)]


def test_a_store_may_refuse_unknown_locations(engine: Engine) -> None:
    with engine.begin() as connection:
        pos = new_pos(connection, unknown_locations="refuse")
        seed.seed_location(connection, pos.store, "MAIN")
        assert pos.products(
            product("A", LocationQuantities=quantities(MAIN="1")), product("B", LocationQuantities=quantities(SIDE="1"))
        ) == ["Created", "LOCATION_UNKNOWN"]
        assert pos.problem(1) == ("LOCATION_UNKNOWN", "LocationQuantities.LocationId")
        assert pos.inventory(row("A", LocationQuantities=quantities(MAIN="2", SIDE="1"))) == ["LOCATION_UNKNOWN"]
        assert pos.stored(t.stocks, "A").quantities == {"MAIN": "1"}
        # what the store does not have cannot be there; to say so is no mistake
        assert pos.inventory(row("A", LocationQuantities=quantities(SIDE=None))) == ["Unchanged"]
        assert seed.product_ids(connection, pos.store).keys() == {"A"}


# -- what is sold online


def test_taking_an_item_off_sale_concerns_content_and_stock(pos: Pos) -> None:
    pos.products(product("A"))
    pos.settle()
    assert pos.products(row("A", SellOnline=True)) == ["Updated"]
    assert pos.pending() == {("A", "content")}
    assert pos.products(row("A", SellOnline=False)) == ["Updated"]
    assert pos.pending() == {("A", "content"), ("A", "stock")}
    pos.settle()
    assert pos.products(row("A", SellOnline=None)) == ["Updated"]
    assert pos.pending() == {("A", "content"), ("A", "stock")}


# -- what is marked


@pytest.mark.parametrize(
    ("values", "lanes"),
    [
        ({"Name": "new"}, {"content"}),
        ({"Price": "11"}, {"price"}),
        ({"Quantity": 8}, {"stock"}),
        ({"Name": "new", "Price": "11", "Quantity": 8}, {"content", "price", "stock"}),
        ({"Name": "Product A", "Price": "10.0", "Quantity": "7.00"}, set()),
    ],
)
def test_only_what_changed_is_wanted_by_the_shops(pos: Pos, values: dict[str, Any], lanes: set[str]) -> None:
    pos.products(product("A", Quantity=7), product("B"))
    pos.settle()
    pos.products(row("A", **values))
    assert pos.pending() == {("A", lane) for lane in lanes}


def test_each_change_counts_and_ends_waiting_and_refusal(pos: Pos) -> None:
    pos.products(product("A", Quantity=7))
    pos.connection.execute(
        t.lanes.update().values(pending=False, failed=True, attempts=4, due_at=datetime(2030, 1, 1, tzinfo=UTC))
    )
    pos.inventory(row("A", Quantity=8))
    pos.inventory(row("A", Quantity=9))
    lane = pos.connection.execute(sa.select(t.lanes).where(t.lanes.c.lane == "stock")).one()
    assert (lane.pending, lane.failed, lane.attempts, lane.wanted) == (True, False, 0, 3)
    assert lane.due_at <= datetime.now(UTC)
    others = pos.connection.execute(sa.select(t.lanes.c.failed).where(t.lanes.c.lane != "stock")).scalars().all()
    assert others == [True, True]


def test_the_call_that_changed_an_aspect_is_remembered(pos: Pos) -> None:
    from integrator.catalogue.intake import update_pricing, update_products

    first, second, third = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    update_products(pos.connection, pos.store, [product("A", Quantity=1)], first)
    update_pricing(pos.connection, pos.store, [row("A", Price="5")], second)
    update_products(pos.connection, pos.store, [product("A", Price="5")], third)
    assert pos.stored(t.products, "A").call_id == first
    assert pos.stored(t.prices, "A").call_id == second
    assert pos.stored(t.stocks, "A").call_id == first


# -- versions


def test_an_older_version_is_superseded_and_changes_nothing(pos: Pos) -> None:
    pos.products(product("A", Quantity=1, Version=5))
    pos.settle()
    assert pos.inventory(row("A", Quantity=2, Version=4)) == ["Superseded"]
    assert pos.pricing(row("A", Price="2", Version=4)) == ["Superseded"]
    assert pos.products(row("A", Name="x", Version=4)) == ["Superseded"]
    assert pos.pending() == set()
    assert pos.results is not None
    assert pos.results[0].success
    assert pos.results[0].warnings == ["The content was not changed: Version 4 is older than 5, which is stored."]


def test_an_older_time_is_superseded_too(pos: Pos) -> None:
    pos.products(product("A", Quantity=1, LastModified="2026-11-24T12:00:00+00:00"))
    assert pos.inventory(row("A", Quantity=2, LastModified="2026-11-24T12:59:59+01:00")) == ["Superseded"]
    assert pos.inventory(row("A", Quantity=2, LastModified="2026-11-24T13:00:00+01:00")) == ["Updated"]


def test_each_aspect_has_its_own_version(pos: Pos) -> None:
    pos.products(product("A", Quantity=1, Version=5))
    assert pos.inventory(row("A", Quantity=2, Version=9)) == ["Updated"]
    # current for the name and the price, older for the stock
    assert pos.products(row("A", Name="x", Price="7", Quantity=3, Version=7)) == ["Updated"]
    assert pos.results is not None
    assert pos.results[0].warnings == ["The stock was not changed: Version 7 is older than 9, which is stored."]
    assert pos.stored(t.stocks, "A").quantity == 2
    assert [pos.stored(table, "A").version for table in (t.products, t.prices, t.stocks)] == [7, 7, 9]
    # nothing new for the name and older for the stock
    assert pos.products(row("A", Name="x", Quantity=3, Version=8)) == ["Superseded"]


def test_a_newer_version_of_the_same_is_remembered_and_wanted_by_nobody(pos: Pos) -> None:
    pos.products(product("A", Quantity=1, Version=5))
    pos.settle()
    before = pos.stored(t.stocks, "A")
    assert pos.products(product("A", Quantity=1, Version=6)) == ["Unchanged"]
    after = pos.stored(t.stocks, "A")
    assert (after.version, after.changed_at, after.call_id) == (6, before.changed_at, before.call_id)
    assert pos.stored(t.products, "A").version == 6
    assert pos.pending() == set()
    assert pos.inventory(row("A", Quantity=9, Version=5)) == ["Superseded"]


def test_without_a_version_the_latest_call_wins(pos: Pos) -> None:
    pos.products(product("A", Quantity=1, Version=5))
    assert pos.inventory(row("A", Quantity=2)) == ["Updated"]
    assert pos.stored(t.stocks, "A").version == 5


# -- styles


def size(value: str) -> dict[str, str]:
    return {"Size": value}


def test_variants_of_a_style(pos: Pos) -> None:
    assert pos.products(
        variant("A", "S", options=size("1")), variant("B", "S", options=size("2")), variant("C", "S", options=size("1"))
    ) == ["Created", "Created", "VARIANT_CONFLICT"]
    assert pos.problem(2) == ("VARIANT_CONFLICT", "Options")
    assert pos.products(variant("D", "S", options=size("2"))) == ["VARIANT_CONFLICT"]
    assert pos.products(variant("D", "S", options={"Colour": "Red"})) == ["VARIANT_CONFLICT"]
    assert pos.products(variant("D", "T", options=size("2"))) == ["Created"]
    assert pos.products(product("E", StyleId="S")) == ["VALUE_MISSING"]
    assert pos.problem() == ("VALUE_MISSING", "Options")
    assert pos.stored(t.products, "A").style_id == "S"
    assert "StyleId" not in pos.stored(t.products, "A").content


def test_a_variant_may_not_take_the_place_of_another(pos: Pos) -> None:
    pos.products(*(variant(item, "S", options=size(item)) for item in "AB"))
    options = [{"Name": "Size", "Value": "B"}]
    assert pos.products(row("A", Options=options, Name="x")) == ["VARIANT_CONFLICT"]
    assert pos.stored(t.products, "A").content["Name"] == "Product A"
    # but two may change places in one call
    other = [{"Name": "Size", "Value": "A"}]
    assert pos.products(row("A", Options=options), row("B", Options=other)) == ["Updated", "Updated"]


def test_whoever_fails_otherwise_keeps_its_place(pos: Pos) -> None:
    pos.products(
        variant("A", "S", options=size("1"), SalePrice="8", SaleStart="2026-11-10T00:00:00+00:00"),
        variant("B", "S", options=size("2")),
    )
    moves_and_fails = row("A", Options=[{"Name": "Size", "Value": "3"}], SaleEnd="2026-11-01T00:00:00+00:00")
    takes_its_place = row("B", Options=[{"Name": "Size", "Value": "1"}])
    assert pos.products(moves_and_fails, takes_its_place) == ["VALUE_OUT_OF_RANGE", "VARIANT_CONFLICT"]


def test_the_options_of_a_variant_cannot_be_cleared(pos: Pos) -> None:
    pos.products(variant("A", "S", options=size("1")))
    assert pos.products(row("A", Options=None)) == ["VALUE_MISSING"]
    assert pos.products(row("A", Options=None, StyleId=None)) == ["Updated"]
    assert pos.stored(t.products, "A").style_id is None


def test_once_a_shop_has_an_item_its_style_stays(pos: Pos) -> None:
    pos.products(product("A"), variant("B", "S", options=size("1")), variant("C", "S", options=size("2")))
    ids = seed.product_ids(pos.connection, pos.store)
    options = [{"Name": "Size", "Value": "1"}]
    # before, it may still change
    assert pos.products(row("A", StyleId="T", Options=options)) == ["Updated"]
    for item in "ABC":
        seed.link(pos.connection, pos.store, pos.channel, ids[item], product="7", variant=item)
    assert pos.products(
        row("A", StyleId=None, Name="x"), row("B", StyleId="T", Name="y"), row("C", Name="z", StyleId="S")
    ) == ["TYPE_CONFLICT", "TYPE_CONFLICT", "Updated"]
    assert pos.problem(0) == ("TYPE_CONFLICT", "StyleId")
    assert "is a variant of style 'T' in Channel" in pos.results[0].problem.message  # type: ignore[index,union-attr]
    assert pos.stored(t.products, "A").content["Name"] == "Product A"
    # an empty StyleId is no style
    assert pos.products(product("D", StyleId="")) == ["Created"]
    seed.link(pos.connection, pos.store, pos.channel, seed.product_ids(pos.connection, pos.store)["D"], product="8")
    assert pos.products(row("D", StyleId="S", Options=[{"Name": "Size", "Value": "9"}])) == ["TYPE_CONFLICT"]


# -- units that the web sold


def sell(pos: Pos, item_id: str, units: int, known: int = 0, known_at: datetime | None = None) -> None:
    """An order line of which the POS knows `known` units."""
    now = datetime.now(UTC)
    number = pos.connection.execute(
        sa.insert(t.orders)
        .values(
            account_id=pos.store.account_id, store_id=pos.store.store_id, channel_id=pos.channel, status="paid",
            remote_id=uuid.uuid4().hex, public_id=uuid.uuid4().hex, number="1", placed_at=now, modified_at=now,
            hash=b"x",
        )
        .returning(t.orders.c.id)
    ).scalar_one()  # fmt: skip
    pos.connection.execute(
        sa.insert(t.order_lines).values(
            account_id=pos.store.account_id, order_id=number, line_id="1", position=1, store_id=pos.store.store_id,
            item_id=item_id, product_id=seed.product_ids(pos.connection, pos.store)[item_id], ordered=units,
            allocated=units, known=known, known_at=known_at,
        )
    )  # fmt: skip


def allocated(pos: Pos) -> list[Decimal]:
    return list(pos.connection.execute(sa.select(t.order_lines.c.allocated).order_by("order_id")).scalars())


@pytest.mark.parametrize("quantity", [5, 6])
@pytest.mark.parametrize("call", ["inventory", "products"])
def test_a_count_releases_what_the_pos_knew_of_also_where_it_is_the_same(pos: Pos, call: str, quantity: int) -> None:
    pos.products(product("A", Quantity=5), product("B", Quantity=5))
    pos.settle()
    earlier = datetime(2026, 1, 1, tzinfo=UTC)
    sell(pos, "A", 3, known=3, known_at=earlier)
    sell(pos, "A", 4, known=1, known_at=earlier)
    sell(pos, "A", 2)  # the POS has not confirmed it
    sell(pos, "B", 1, known=1, known_at=earlier)  # not counted by this call
    assert getattr(pos, call)(row("A", Quantity=quantity)) == ["Unchanged" if quantity == 5 else "Updated"]
    assert allocated(pos) == [0, 3, 2, 1]
    assert pos.pending() == {("A", "stock")}


@pytest.mark.parametrize(
    ("call", "values", "said"),
    [
        ("inventory", {"Quantity": 6, "Version": 1}, "Superseded"),
        ("inventory", {"Quantity": "0.00001"}, "VALUE_OUT_OF_RANGE"),
        ("products", {"Quantity": 6, "Version": 1}, "Superseded"),
        ("products", {"Name": "x"}, "Updated"),
        ("pricing", {"Price": "3"}, "Updated"),
    ],
)
def test_what_is_no_new_count_releases_nothing(pos: Pos, call: str, values: dict[str, Any], said: str) -> None:
    pos.products(product("A", Quantity=5, Version=2))
    sell(pos, "A", 3, known=3, known_at=datetime(2026, 1, 1, tzinfo=UTC))
    sell(pos, "A", 3, known=3, known_at=datetime(2040, 1, 1, tzinfo=UTC))
    assert getattr(pos, call)(row("A", **{"Version": 3, **values})) == [said]
    assert allocated(pos) == [3, 3]


# -- channels that come later


def test_a_new_channel_lists_everything_once(pos: Pos) -> None:
    pos.products(product("A"), product("B"))
    pos.settle()
    second = seed.seed_channel(pos.connection, pos.store)
    assert marks.list_all(pos.connection, pos.store.account_id, second) == 2
    assert pos.pending() == {(item, lane) for item in "AB" for lane in LANES}
    pos.settle()
    pos.products(product("C"))
    pos.settle()
    assert marks.list_all(pos.connection, pos.store.account_id, second) == 0
    assert pos.pending() == set()
    with pytest.raises(LookupError):
        marks.list_all(pos.connection, pos.store.account_id, 999)


def test_sales_wake_the_price_lane_when_they_begin_and_end(pos: Pos) -> None:
    window = {"SaleStart": "2026-11-27T00:00:00+00:00", "SaleEnd": "2026-11-30T00:00:00+00:00"}
    pos.products(product("A", SalePrice="8", **window), product("B", **window), product("C", SalePrice="8"))
    other = new_pos(pos.connection, account_id=pos.store.account_id)
    other.products(product("D", SalePrice="8", **window))
    pos.settle()
    account = pos.store.account_id
    at = {day: datetime(2026, 11, day, tzinfo=UTC) for day in (1, 26, 27, 28, 29, 30)}
    for after, until, woken in ((1, 26, 0), (26, 27, 1), (27, 29, 0), (29, 30, 1), (1, 30, 1)):
        assert marks.mark_boundaries(pos.connection, account, pos.channel, at[after], at[until]) == woken
    assert pos.pending() == {("A", "price")}
    assert other.pending() == set()
