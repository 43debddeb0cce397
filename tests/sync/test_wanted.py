"""What was sent and what is wanted, compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    Image,
    ListingPush,
    Outcome,
    Price,
    PushResult,
    Stock,
)
from integrator.sync.wanted import CONTENT_PARTS, accepted, unchanged, wanted

D = Decimal
LISTING = ListingPush(
    1, "A", 3, {"product": "9"},
    Content("Mug", long_description="<p>Blue</p>", images=(Image("https://x/1.jpg"),), weight=D("0.5")),
    Price(D("9.90")), Stock(D(5)), CONTENT_FIELDS,
)  # fmt: skip


def after(lane: str, listing: ListingPush, result: PushResult | None = None) -> ListingPush:
    return replace(listing, sent=accepted(lane, listing, result or PushResult(1, Outcome.ACCEPTED)))


def test_every_content_field_is_compared() -> None:
    assert set(CONTENT_PARTS) == CONTENT_FIELDS
    assert {part for parts in CONTENT_PARTS.values() for part in parts} == set(Content.__dataclass_fields__)


@pytest.mark.parametrize("lane", ["content", "price", "stock"])
def test_what_was_accepted_is_not_wanted_again(lane: str) -> None:
    assert not unchanged(lane, LISTING)
    assert unchanged(lane, after(lane, LISTING))
    assert not unchanged(lane, replace(after(lane, LISTING), remote={}))
    assert not unchanged(lane, replace(LISTING, sent={**accepted(lane, LISTING), "stale": True}))


@given(st.decimals(0, 10_000, places=4), st.decimals(0, 10_000, places=4))
def test_numbers_are_compared_by_value(one: D, other: D) -> None:
    sent = after("stock", replace(LISTING, stock=Stock(one)))
    assert unchanged("stock", replace(sent, stock=Stock(other))) == (one == other)
    assert unchanged("stock", replace(sent, stock=Stock(one.normalize())))


@pytest.mark.parametrize(
    "change",
    [
        {"price": D("9.91")}, {"sale_price": D(8)}, {"msrp": D(12)}, {"sale_start": datetime.now(UTC)},
        {"tiers": (("web", D(2), D(9)),)},
    ],
)  # fmt: skip
def test_any_part_of_a_price_counts(change: dict[str, object]) -> None:
    sent = after("price", LISTING)
    assert not unchanged("price", replace(sent, price=replace(LISTING.price, **change)))


def test_the_zone_of_a_time_is_not_a_change() -> None:
    from zoneinfo import ZoneInfo

    at = datetime(2026, 11, 27, 8, tzinfo=UTC)
    sent = after("price", replace(LISTING, price=Price(D(9), D(8), at, at + timedelta(days=1))))
    same = Price(D(9), D(8), at.astimezone(ZoneInfo("Asia/Tokyo")), at + timedelta(days=1))
    assert unchanged("price", replace(sent, price=same))


def test_text_that_the_shop_owns_is_no_reason_to_push() -> None:
    created = after("content", LISTING)
    edited = replace(created, content=replace(LISTING.content, name="Cup"))
    assert not unchanged("content", edited)
    assert unchanged("content", replace(edited, fields=frozenset({"Taxable"})))
    assert unchanged("content", replace(edited, fields=frozenset()))


def test_a_push_of_some_fields_keeps_what_is_known_of_the_others() -> None:
    created = after("content", LISTING)
    renamed = replace(created, content=replace(LISTING.content, name="Cup"), fields=frozenset({"Name"}))
    assert unchanged("content", replace(after("content", renamed), fields=CONTENT_FIELDS))


def test_the_connector_s_own_memory_is_kept_and_cannot_pass_for_ours() -> None:
    result = PushResult(1, Outcome.ACCEPTED, sent={"etag": "abc", "Quantity": "77", "stale": True})
    kept = accepted("stock", LISTING, result)
    assert kept == {"etag": "abc", **wanted("stock", LISTING)}
