"""What a lane is given to push: read from real tables, computed by the rules."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa

from integrator.catalogue.loading import Loaded, load, load_pushes
from integrator.connectors.base import ChannelSettings
from integrator.connectors.pushes import CONTENT_FIELDS, ListingPush, Outcome, Price, Stock, StylePush
from integrator.store import tables as t
from tests.catalogue.conftest import Pos
from tests.catalogue.test_intake import sell
from tests.support import seed
from tests.support.seed import midnight, product, row, variant

D = Decimal
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


def loaded(
    pos: Pos, lane: str, *items: str, now: datetime = NOW, settings: ChannelSettings | None = None, **capabilities: Any
) -> Loaded:
    ids = seed.product_ids(pos.connection, pos.store)
    channel = seed.channel_record(pos.connection, pos.store, pos.channel, settings=settings, **capabilities)
    return load(pos.connection, channel, lane, [ids[item] for item in items or ids], now)


def pushes(pos: Pos, lane: str, *items: str, **more: Any) -> list[StylePush]:
    return loaded(pos, lane, *items, **more).pushes


def only(pos: Pos, lane: str, item: str, **more: Any) -> ListingPush:
    (style,) = pushes(pos, lane, item, **more)
    (listing,) = [one for one in style.listings if one.item_id == item]
    return listing


def test_a_standalone_product(pos: Pos) -> None:
    pos.products(product("A", LongDescription="<p onclick=x>Warm</p>", Quantity=3, Msrp="12", Cost="4"))
    (style,) = pushes(pos, "content", "A")
    (listing,) = style.listings
    assert (style.style_id, style.name, style.wanted, style.remote_parent) == (
        None, "Product A", {listing.product_id}, None,
    )  # fmt: skip
    assert listing.is_new
    assert listing.content.long_description == "<p>Warm</p>"
    assert listing.price == Price(D(10), msrp=D(12))
    assert listing.stock == Stock(D(3))
    assert listing.fields == CONTENT_FIELDS
    assert (listing.wanted, listing.sent) == (1, None)


def test_content_brings_the_whole_style_and_other_lanes_only_what_was_asked(pos: Pos) -> None:
    pos.products(
        variant("B", "S", options={"Size": "2", "Colour": "Red"}, Quantity=2),
        variant(
            "A", "S", options={"colour": "Red", "size": "1"}, StyleName="Boot &amp; Co", LongDescription="<p>x</p>"
        ),
        product("C"),
    )
    ids = seed.product_ids(pos.connection, pos.store)
    seed.link(pos.connection, pos.store, pos.channel, ids["B"], product="70", variant="71")
    (style,) = pushes(pos, "content", "A")
    assert (style.style_id, style.name, style.wanted) == ("S", "Boot & Co", {ids["A"]})
    assert [one.item_id for one in style.listings] == ["B", "A"]  # as the POS first sent them
    assert style.remote_parent == "70"
    # option names and their order are those of the first variant
    assert [one.content.options for one in style.listings] == [
        (("Size", "2"), ("Colour", "Red")), (("Size", "1"), ("Colour", "Red")),
    ]  # fmt: skip
    assert style.listings[0].fields == frozenset()
    for lane in ("price", "stock"):
        (style,) = pushes(pos, lane, "A")
        assert [one.item_id for one in style.listings] == ["A"]
        assert style.listings[0].content.long_description == ""
        assert style.listings[0].content.name == "Product A"
    assert {one.style_id for one in pushes(pos, "stock")} == {"S", None}


def test_a_style_without_a_name_has_that_of_its_first_variant(pos: Pos) -> None:
    pos.products(variant("B", "S", options={"Size": "2"}), variant("A", "S", options={"Size": "1"}))
    (style,) = pushes(pos, "content", "A")
    assert style.name == "Product B"


def test_the_quantity_is_what_is_counted_less_sold_less_kept_back(pos: Pos) -> None:
    seed.seed_location(pos.connection, pos.store, "MAIN", position=1)
    seed.seed_location(pos.connection, pos.store, "SIDE", position=2)
    seed.seed_location(pos.connection, pos.store, "SHUT", position=3, enabled=False)
    places = [
        {"LocationId": code, "Quantity": units} for code, units in (("MAIN", "7"), ("SIDE", "5.5"), ("SHUT", "9"))
    ]
    pos.products(product("A", Quantity=99, LocationQuantities=places), product("B", Quantity=4))
    sell(pos, "A", 2)
    sell(pos, "A", 1)

    def offered(item: str = "A", settings: ChannelSettings | None = None, **capabilities: Any) -> Stock:
        return only(pos, "stock", item, settings=settings, **capabilities).stock

    assert offered() == Stock(D(9))
    assert offered(quantity_decimals=1) == Stock(D("9.5"))
    assert offered(settings=ChannelSettings(safety_stock=D(2), maximum_quantity=D(5))) == Stock(D(5))
    assert offered(settings=ChannelSettings(safety_stock=D(20))) == Stock(D(0))
    assert offered(settings=ChannelSettings(locations=["SIDE"])) == Stock(D(2))
    mapped = ChannelSettings(location_map={"MAIN": "10", "SIDE": "11"})
    assert offered(settings=mapped) == Stock(D(9))  # the platform has no locations
    assert offered(settings=mapped, locations=True) == Stock(D(9), {"10": D(4), "11": D(5)})
    assert offered("B", settings=mapped, locations=True) == Stock(D(4), {"10": D(4), "11": D(0)})
    pos.products(row("A", SellOnline=False))
    assert offered(settings=mapped, locations=True) == Stock(D(0), {"10": D(0), "11": D(0)})


def test_a_store_may_do_without_allocation(pos: Pos) -> None:
    from dataclasses import replace

    pos.products(product("A", Quantity=9))
    sell(pos, "A", 2)
    assert only(pos, "stock", "A").stock == Stock(D(7))
    pos.store = replace(pos.store, settings=pos.store.settings.model_copy(update={"allocation": "off"}))
    pos.connection.execute(t.stores.update().values(settings={"allocation": "off"}))
    assert only(pos, "stock", "A").stock == Stock(D(9))


def test_a_sale_goes_along_with_its_window_or_is_switched_by_us(pos: Pos) -> None:
    pos.products(product("A", SalePrice="8", SaleStart=midnight(27), SaleEnd=midnight(30)))
    first, during, over = (datetime(2026, 11, day, tzinfo=UTC) for day in (24, 27, 30))
    start, end = (datetime(2026, 11, day, tzinfo=UTC) for day in (27, 30))
    for now in (first, during):
        assert only(pos, "price", "A", now=now).price == Price(D(10), D(8), start, end)
    assert only(pos, "price", "A", now=over).price == Price(D(10))
    for now, sale in ((first, None), (during, D(8)), (over, None)):
        assert only(pos, "price", "A", now=now, sale_windows=False).price == Price(D(10), sale)


def test_tiers_go_where_the_platform_has_them(pos: Pos) -> None:
    pos.products(product("A", PriceTiers=[{"TierCode": "VIP", "MinimumQuantity": "10", "Price": "8.5"}]))
    assert only(pos, "price", "A").price.tiers == ()
    assert only(pos, "price", "A", price_tiers=True).price.tiers == (("VIP", D(10), D("8.5")),)


def test_what_was_accepted_and_what_is_wanted_go_along(pos: Pos) -> None:
    pos.products(product("A", Quantity=1))
    pos.connection.execute(
        t.lanes.update().where(t.lanes.c.lane == "stock").values(pending=False, sent={"Quantity": "1"})
    )
    pos.inventory(row("A", Quantity=2))
    listing = only(pos, "stock", "A")
    assert (listing.wanted, listing.sent) == (2, {"Quantity": "1"})
    assert only(pos, "price", "A").wanted == 1


def test_what_was_taken_off_sale_by_us_may_be_put_up_again_by_us(pos: Pos) -> None:
    pos.products(product("A"))
    seed.link(pos.connection, pos.store, pos.channel, seed.product_ids(pos.connection, pos.store)["A"], product="7")
    assert only(pos, "content", "A").fields == frozenset()
    pos.products(row("A", SellOnline=False))
    assert only(pos, "content", "A").fields == {"Publication"}
    pos.connection.execute(t.lanes.update().values(sent={"SellOnline": False}))
    pos.products(row("A", SellOnline=True))
    assert only(pos, "content", "A").fields == {"Publication"}


def test_without_a_price_it_is_said_why_nothing_is_published(pos: Pos) -> None:
    pos.products(variant("A", "S", options={"Size": "1"}), variant("B", "S", options={"Size": "2"}))
    ids = seed.product_ids(pos.connection, pos.store)
    pos.connection.execute(t.prices.update().where(t.prices.c.product_id == ids["A"]).values(price=None))
    found = loaded(pos, "content", "A", "B")
    assert [one.item_id for one in found.pushes[0].listings] == ["B"]
    (refused,) = found.refused
    assert (refused.product_id, refused.outcome, refused.code) == (ids["A"], Outcome.REJECTED, "VALUE_MISSING")
    assert "no price" in refused.message
    assert refused.hint
    # as a sibling that nobody asked for it is only left out
    assert loaded(pos, "content", "B").refused == []


def test_variants_that_the_value_map_makes_equal_are_refused(pos: Pos) -> None:
    pos.products(*(variant(item, "S", options={"Colour": value}) for item, value in (("A", "Rose"), ("B", "Wine"))))
    settings = ChannelSettings(values={"Colour": {"Rose": "Red", "Wine": "Red"}})
    found = loaded(pos, "content", settings=settings)
    assert [one.item_id for one in found.pushes[0].listings] == ["A"]
    assert [one.code for one in found.refused] == ["VARIANT_CONFLICT"]
    assert "item 'A': Colour=Red" in found.refused[0].message


def test_another_store_s_and_another_account_s_products_stay_theirs(pos: Pos) -> None:
    pos.products(product("A"))
    other = Pos(pos.connection, seed.seed_store(pos.connection), 0)
    foreign = seed.seed_channel(pos.connection, other.store)
    ids = list(seed.product_ids(pos.connection, pos.store).values())
    record = seed.channel_record(pos.connection, other.store, foreign)
    assert load_pushes(pos.connection, record, "content", ids, NOW) == []
    assert load_pushes(pos.connection, record, "stock", ids, NOW) == []


@pytest.mark.parametrize("lane", ["content", "price", "stock"])
def test_a_batch_is_read_with_a_handful_of_statements(pos: Pos, lane: str) -> None:
    pos.products(
        *(variant(f"{style}{n}", style, options={"Size": str(n)}, Quantity=1) for style in "ST" for n in range(50))
    )
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    record = seed.channel_record(pos.connection, pos.store, pos.channel)
    ids = list(seed.product_ids(pos.connection, pos.store).values())
    sa.event.listen(pos.connection, "before_cursor_execute", note)
    found = load_pushes(pos.connection, record, lane, ids, NOW)
    sa.event.remove(pos.connection, "before_cursor_execute", note)
    assert sum(len(one.wanted) for one in found) == 100
    assert len(statements) <= 5
