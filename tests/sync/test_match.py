"""The matching report: its rules, and on the sandbox shop."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text

from integrator.connectors.pushes import RemoteListing
from integrator.store.engine import begin
from integrator.sync.match import Kind, Known, Report, compare, link_exact, plain_barcode, plain_sku, stored
from tests.connectors.conftest import service_settings  # noqa: F401 - a key for credentials
from tests.connectors.sandbox import SandboxShop
from tests.connectors.scene import Scene, product, variant


def listing(number: int, sku: str, **more: object) -> RemoteListing:
    return RemoteListing(remote={"product": str(number)}, sku=sku, **more)  # type: ignore[arg-type]


def pos(*skus: str) -> list[Known]:
    return [Known(number, sku) for number, sku in enumerate(skus, 1)]


def told(report: Report, kind: Kind) -> list[tuple[str, list[str]]]:
    return [
        (one.product.item_id if one.product else "", [other.sku for other in one.listings])
        for one in report.matches[kind]
    ]


# -- rules


def test_exact_is_to_the_letter_and_alone() -> None:
    report = compare(pos("A", "B", "C"), [listing(1, "A"), listing(2, "B"), listing(3, "B"), listing(4, "X")])
    assert told(report, Kind.EXACT) == [("A", ["A"])]
    assert told(report, Kind.CONFLICTING) == [("B", ["B", "B"])]
    assert told(report, Kind.SHOP) == [("", ["X"])]
    assert told(report, Kind.POS) == [("C", [])]
    assert report.to_link() == {1: {"product": "1"}}


@pytest.mark.parametrize("theirs", ["ab-1", " AB-1", "AB-1 ", "\tAb-1"])
def test_case_and_blanks_are_a_conflict(theirs: str) -> None:
    report = compare(pos("AB-1"), [listing(1, theirs)])
    assert told(report, Kind.CONFLICTING) == [("AB-1", [theirs])]
    assert "case or blanks" in report.matches[Kind.CONFLICTING][0].reason
    assert report.to_link() == {}


def test_what_differs_by_case_beside_an_exact_one_says_so() -> None:
    report = compare(pos("A", "a"), [listing(1, "A")])
    assert told(report, Kind.EXACT) == [("A", ["A"])]
    assert told(report, Kind.CONFLICTING) == [("a", ["A"])]
    assert "belongs to 'A'" in report.matches[Kind.CONFLICTING][0].reason
    beside = compare(pos("A"), [listing(1, "A"), listing(2, "a")])
    assert told(beside, Kind.EXACT) == [("A", ["A"])]
    (alone,) = beside.matches[Kind.SHOP]
    assert "'A'" in alone.reason


def test_the_same_barcode_under_another_sku_is_a_conflict() -> None:
    products = [Known(1, "4711", barcode="036000291452"), Known(2, "4712", barcode="none")]
    report = compare(products, [listing(1, "OLD-1", barcode="0 036000 291452"), listing(2, "OLD-2", barcode="none")])
    assert told(report, Kind.CONFLICTING) == [("4711", ["OLD-1"])]
    assert told(report, Kind.POS) == [("4712", [])]
    assert told(report, Kind.SHOP) == [("", ["OLD-2"])]


def test_what_is_linked_stays_linked_whatever_its_sku() -> None:
    known = Known(1, "A", remote={"product": "9"})
    report = compare([known], [listing(9, "renamed"), listing(2, "A")])
    (one,) = report.matches[Kind.EXACT]
    assert one.linked
    assert "'renamed'" in one.reason
    assert report.counts == {"exact": 1, "conflicting": 0, "shop": 1, "pos": 0, "linked": 1}
    assert report.to_link() == {}


def test_reasons_of_what_only_one_side_has() -> None:
    products = [
        Known(1, "BIN"),
        Known(2, "GONE", remote={"product": "5"}),
        Known(3, "COUNTER", sell_online=False),
        Known(4, "NEW"),
    ]
    report = compare(products, [listing(1, "BIN", trashed=True), listing(2, " "), listing(3, "")])
    assert {one.product.item_id: one.reason for one in report.matches[Kind.POS] if one.product} == {
        "BIN": "in the shop's bin",
        "GONE": "linked, but the shop does not show it any more",
        "COUNTER": "not sold online: it is not made in the shop",
        "NEW": "",
    }
    assert ["no SKU" in one.reason for one in report.matches[Kind.SHOP]] == [True, True]


SKUS = st.sampled_from(["A", "a", " A", "B", "b ", "C", "D"])
CODES = st.sampled_from(["", "4006381333931", "04006381333931", "x"])


@given(
    st.lists(st.tuples(SKUS, CODES), unique_by=lambda one: one[0]),
    st.lists(st.tuples(SKUS | st.just(""), CODES, st.booleans())),
)
def test_everything_is_told_once_and_nothing_is_guessed(
    ours: list[tuple[str, str]], theirs: list[tuple[str, str, bool]]
) -> None:
    products = [Known(number, sku, barcode=code) for number, (sku, code) in enumerate(ours, 1)]
    listings = [listing(n, sku, barcode=code, trashed=binned) for n, (sku, code, binned) in enumerate(theirs, 1)]
    report = compare(products, listings)
    named = [one.product.item_id for found in report.matches.values() for one in found if one.product]
    assert sorted(named) == sorted(sku for sku, _ in ours)
    there = [one for one in listings if not one.trashed]
    mentioned = {id(one) for found in report.matches.values() for match in found for one in match.listings}
    assert mentioned == {id(one) for one in there}
    for match in report.matches[Kind.EXACT]:
        assert match.product is not None
        assert [one.sku for one in there].count(match.product.item_id) == 1
        assert match.listings[0].sku == match.product.item_id
    for match in report.matches[Kind.POS]:
        assert match.product is not None
        assert plain_sku(match.product.item_id) not in {plain_sku(one.sku) for one in there if one.sku}
    linked = [one["product"] for one in report.to_link().values()]
    assert len(linked) == len(set(linked))


def test_barcodes_with_leading_zeros_are_one() -> None:
    assert plain_barcode("036000291452") == plain_barcode("00036000291452") == plain_barcode(" 36000 291452")
    assert plain_barcode("") == plain_barcode("n/a") == plain_barcode("000") == ""


# -- on a shop


@pytest.fixture
def shop(engine: Engine) -> Iterator[SandboxShop]:
    shop = SandboxShop()
    yield shop
    shop.close()


def report_of(scene: Scene) -> Report:
    with scene.connector() as connector:
        listings = list(connector.read_listings())
    with begin() as connection:
        return compare(stored(connection, scene.channel()), listings)


def test_a_report_of_a_real_shop_writes_nothing(shop: SandboxShop) -> None:
    scene = Scene(shop)
    shop.add_product("A", "Made by hand")
    shop.add_product("b", "Nearly")
    shop.add_product("C", "One")
    shop.add_product("C", "Two")
    shop.add_product("HAND", "The merchant's own")
    scene.products(*(product(sku) for sku in ("A", "B", "C", "NEW")), product("COUNTER", SellOnline=False))
    writes = shop.writes
    report = report_of(scene)
    assert report.counts == {"exact": 1, "conflicting": 2, "shop": 1, "pos": 2, "linked": 0}
    assert told(report, Kind.CONFLICTING) == [("B", ["b"]), ("C", ["C", "C"])]
    assert shop.writes == writes
    with begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM listings WHERE remote <> '{}'")).scalar() == 0


def test_what_was_linked_is_updated_and_not_sought(shop: SandboxShop) -> None:
    scene = Scene(shop)
    shop.add_product("A", "Made by hand", price=Decimal("1.00"))
    scene.products(product("A", Name="POS", Price="9.50", Quantity=8), variant("V", "S", options={"Size": "S"}))
    with begin() as connection:
        assert link_exact(connection, scene.channel(), report_of(scene)) == 1
    with begin() as connection:
        row = connection.execute(text("SELECT state, remote, linked_at FROM listings WHERE remote <> '{}'")).one()
    assert (row.state, row.remote["variant"]) == ("linked", str(shop.variant("A")["id"]))
    assert row.linked_at is not None
    scene.sync()
    assert (scene.shown("A").name, scene.shown("A").price, scene.shown("A").quantity) == ("Made by hand", 9.5, 8)
    assert sorted(shop.products()) == ["A", "V"]
    after = report_of(scene)
    assert after.counts == {"exact": 2, "conflicting": 0, "shop": 0, "pos": 0, "linked": 2}
    with begin() as connection:
        assert link_exact(connection, scene.channel(), after) == 0


def test_a_barcode_is_read_from_the_shop(shop: SandboxShop) -> None:
    scene = Scene(shop)
    scene.products(product("OLD", UPC="036000291452"))
    scene.sync()
    other = Scene(shop)
    other.products(product("4711", UPC="0036000291452"))
    assert told(report_of(other), Kind.CONFLICTING) == [("4711", ["OLD"])]
