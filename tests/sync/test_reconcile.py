"""The nightly comparison: all drift is found, and repaired or listed."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from integrator.codes import Code
from integrator.connectors.base import Transient
from integrator.connectors.pushes import Content, ListingPush, Price, RemoteListing, Stock
from integrator.store.engine import begin
from integrator.sync import resend
from integrator.sync.drain import drain
from integrator.sync.reconcile import differences, last, reconcile
from tests.sync.conftest import Stage, item

D = Decimal


def test_drift_is_found_to_the_last_and_repaired(stage: Stage) -> None:
    stage.products(*(item(f"P{n:03}", n) for n in range(200)))
    drain(*stage.ids)
    clean = reconcile(*stage.ids)
    assert (str(clean), clean.drifted, clean.missing, clean.unknown) == ("200 of 200", 0, 0, 0)
    drifted = random.Random(7).sample(sorted(stage.shop.products), 10)
    for sku in drifted[:5]:
        stage.shop.products[sku].quantity += 3
    for sku in drifted[5:]:
        stage.shop.products[sku].price = D("1.00")
    found = reconcile(*stage.ids)
    assert str(found) == "190 of 200"
    assert {one["Id"] for one in found.details["drifted"]} == set(drifted)
    stage.shop.calls.clear()
    drain(*stage.ids)
    pushed = [sku for verb in ("stock", "price") for skus in stage.shop.verbs(verb) for sku in skus]
    assert sorted(pushed) == sorted(drifted)
    assert str(reconcile(*stage.ids)) == "200 of 200"
    with begin() as connection:
        kept = last(connection, *stage.ids)
    assert kept is not None
    assert (kept["matched"], kept["listed"]) == (200, 200)
    assert stage.channel().sync["reconciled_at"]


def test_what_is_gone_is_an_issue_and_comes_back_when_it_is_resent(stage: Stage) -> None:
    stage.products(item("A"), item("B"))
    drain(*stage.ids)
    del stage.shop.products["A"]
    assert reconcile(*stage.ids).missing == 1
    (issue,) = stage.issues()
    assert (issue.subject_id, issue.code) == ("A", Code.LISTING_MISSING)
    drain(*stage.ids)
    assert set(stage.shop.products) == {"B"}  # whoever deleted it may have meant it
    with begin() as connection:
        resend.resend(connection, [issue._mapping])
    drain(*stage.ids)
    assert set(stage.shop.products) == {"A", "B"}
    assert str(reconcile(*stage.ids)) == "2 of 2"
    assert not stage.issues()


def test_what_is_being_changed_is_not_drift(stage: Stage) -> None:
    stage.products(item("A"), item("B"))
    drain(*stage.ids)
    stage.stock(A=50)

    def meanwhile(verb: str, _: list[str]) -> None:
        if verb == "read_listings":
            stage.stock(B=60)

    stage.shop.before.append(meanwhile)
    found = reconcile(*stage.ids)
    assert (str(found), found.drifted, found.in_motion) == ("2 of 2", 0, 2)


def test_a_product_that_the_shop_has_without_our_knowing_is_linked(stage: Stage) -> None:
    stage.products(item("A"))
    drain(*stage.ids)
    stage.products(item("B"))
    stage.shop.products["B"] = stage.shop.products["A"].__class__("55", D(1), None, D(1), "By hand")
    stage.shop.products["Z"] = stage.shop.products["A"].__class__("56", D(1), None, D(1), "Not ours")
    found = reconcile(*stage.ids)
    assert found.unknown == 1
    assert found.details["unknown"] == [{"Sku": "Z", "Name": "Not ours"}]
    assert stage.lanes("stock")["B"].remote == {"product": "55"}
    drain(*stage.ids)
    assert stage.shop.products["B"].quantity == 5


def test_a_shop_that_cannot_be_read_says_nothing(stage: Stage) -> None:
    stage.products(item("A"))
    drain(*stage.ids)

    def away(verb: str, _: list[str]) -> None:
        raise Transient("away", code="UNREACHABLE")

    stage.shop.before.append(away)
    found = reconcile(*stage.ids)
    assert (found.state, found.message) == ("failed", "away")
    with begin() as connection:
        assert last(connection, *stage.ids) is None


NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("price", "there", "lanes"),
    [
        (Price(D(10)), {"price": D("10.00"), "quantity": D(5)}, set()),
        (Price(D(10)), {"price": D(11), "quantity": D(4)}, {"price", "stock"}),
        (Price(D(10)), {"price": D(10), "sale_price": D(8)}, {"price"}),
        (Price(D(10), D(8)), {"price": D(10)}, {"price"}),
        (Price(D(10), D(8), NOW + HOUR), {"price": D(10)}, set()),  # ahead: shown or not
        (Price(D(10), D(8), NOW + HOUR), {"price": D(10), "sale_price": D(8)}, set()),
        (Price(D(10), D(8), None, NOW - HOUR), {"price": D(10)}, set()),
        (Price(D(10)), {}, set()),  # what is not shown is not compared
    ],
)
def test_what_counts_as_drift(price: Price, there: dict[str, Decimal], lanes: set[str]) -> None:
    listing = ListingPush(1, "A", 1, {"product": "1"}, Content("A"), price, Stock(D(5)), frozenset())
    assert set(differences(RemoteListing({"product": "1"}, "A", **there), listing, NOW)) == lanes
