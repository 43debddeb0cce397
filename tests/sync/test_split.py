"""Finding the item that spoils a batch, without a shop."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.codes import Code
from integrator.connectors.base import NeedsCredentials, Rejected, Throttled, Transient, UnknownOutcome
from integrator.connectors.pushes import Content, ListingPush, Outcome, Price, PushResult, Stock, StylePush
from integrator.sync.circuit import LONGEST_WAIT, backoff
from integrator.sync.split import send, together, units


def push(number: int, *others: int) -> StylePush:
    listings = tuple(
        ListingPush(
            n, f"S{n}", 1, {"product": str(n)}, Content(f"Item {n}"), Price(Decimal(1)), Stock(Decimal(1)), frozenset()
        )
        for n in (number, *others)
    )
    return StylePush(None, "", listings, frozenset({number, *others}))


class Shop:
    """Accepts everything but batches with a bad item, which fail as a whole."""

    def __init__(self, bad: set[int], error: Exception, *, dead: bool = False) -> None:
        self.bad, self.error, self.dead = bad, error, dead
        self.calls = 0
        self.live: set[int] = set()

    def call(self, styles: list[StylePush]) -> list[PushResult]:
        self.calls += 1
        wanted = {one for style in styles for one in style.wanted}
        if wanted & self.bad:
            raise self.error
        self.live |= wanted
        return [PushResult(one, Outcome.ACCEPTED) for one in wanted]

    def alive(self, _: StylePush) -> None:
        if self.dead:
            raise self.error


@given(st.integers(1, 300), st.data())
def test_one_bad_item_is_found_alone_within_the_bound(many: int, data: st.DataObject) -> None:
    bad = data.draw(st.integers(0, many - 1))
    for error, outcome in ((Rejected("no"), Outcome.REJECTED), (Transient("crash", code="HTTP_500"), Outcome.RETRY)):
        shop = Shop({bad}, error)
        done = send(shop.call, [push(n) for n in range(many)], shop.alive)
        assert shop.live == set(range(many)) - {bad}
        assert done.results[bad].outcome is outcome
        assert done.stop is None
        assert done.left == 0
        assert shop.calls - 1 <= 2 * math.ceil(math.log2(many)) + 1 if many > 1 else shop.calls == 1


@given(st.integers(1, 200), st.sets(st.integers(0, 199), max_size=12))
def test_what_is_not_settled_is_said_to_be_left(many: int, bad: set[int]) -> None:
    bad = {one for one in bad if one < many}
    shop = Shop(bad, Rejected("no"))
    done = send(shop.call, [push(n) for n in range(many)], shop.alive)
    assert done.left == many - len(done.results)
    assert {n for n, one in done.results.items() if one.outcome is Outcome.REJECTED} <= bad
    assert shop.live.isdisjoint(bad)


@pytest.mark.parametrize("code", ["UNREACHABLE", "NO_ANSWER", "HTTP_503"])
def test_a_shop_that_is_away_is_asked_once(code: str) -> None:
    shop = Shop({1}, Transient("away", code=code))
    done = send(shop.call, [push(n) for n in range(100)], shop.alive)
    assert shop.calls == 1
    assert done.stop is shop.error
    assert not done.results


def test_a_shop_that_fails_at_everything_is_not_taken_for_bad_items() -> None:
    shop = Shop(set(range(100)), Transient("error", code="HTTP_500"), dead=True)
    done = send(shop.call, [push(n) for n in range(100)], shop.alive)
    assert done.stop is shop.error
    assert shop.calls <= math.ceil(math.log2(100)) + 2
    assert not done.results


@pytest.mark.parametrize("error", [Throttled("wait", until=datetime.now(UTC)), NeedsCredentials("key")])
def test_what_concerns_the_shop_is_never_split(error: Exception) -> None:
    shop = Shop({0}, error)
    done = send(shop.call, [push(n) for n in range(100)], shop.alive)
    assert (shop.calls, done.stop) == (1, error)


def test_an_unknown_outcome_ends_the_batch_and_says_what_was_sent() -> None:
    shop = Shop({7}, UnknownOutcome("no answer", code="NO_ANSWER"))
    done = send(shop.call, [push(n) for n in range(10)], shop.alive)
    assert shop.calls == 1
    assert {one for part in done.unknown for one in part.wanted} == set(range(10))


def test_a_fault_of_the_connector_stays_with_its_item() -> None:
    shop = Shop({3}, KeyError("id"))
    done = send(shop.call, [push(n) for n in range(8)], shop.alive)
    assert shop.live == {0, 1, 2, 4, 5, 6, 7}
    assert done.results[3].code == Code.CONNECTOR_ERROR
    assert "KeyError" in done.results[3].message


def test_an_item_that_the_connector_forgot_is_tried_again() -> None:
    done = send(lambda _: [], [push(1)], lambda _: None)
    assert done.results[1].outcome is Outcome.RETRY


def test_variants_of_a_style_are_one_push_and_can_be_told_apart() -> None:
    style = push(1, 2, 3)
    parts = units([style, push(4)], by_item=True)
    assert [sorted(part.wanted) for part in parts] == [[1], [2], [3], [4]]
    assert [sorted(part.wanted) for part in together(parts)] == [[1, 2, 3], [4]]
    assert units([style, push(4)], by_item=False) == [style, push(4)]


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_waiting_grows_and_is_bounded(failures: int, chance: float) -> None:
    wait = backoff(failures, chance)
    assert 0.5 <= wait <= LONGEST_WAIT
    assert backoff(failures, 1.0) <= 2 * backoff(failures, 0.0)
    assert backoff(failures + 1, chance) >= wait
