"""The bucket: what requests cost is learnt, what is left is known, nothing is refused that waiting would have got."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.base import Throttled
from integrator.connectors.shopify.budget import Budget
from tests.connectors.pushing import accepted, after, alone
from tests.connectors.shopify.conftest import (
    Bench,
    Build,
    Clock,
    push,
)

costs = st.floats(min_value=1, max_value=1_000)


@given(
    st.lists(st.tuples(costs, st.floats(min_value=0, max_value=20)), min_size=1, max_size=30),
    st.floats(min_value=10, max_value=2_000),
)
def test_after_the_wait_the_bucket_has_enough(requests: list[tuple[float, float]], restore: float) -> None:
    budget, now = Budget(maximum=restore * 20, restore=restore, available=restore * 20), 0.0
    for cost, pause in requests:
        now += pause
        budget.costs["x"] = cost
        now += budget.wait("x", now)
        assert budget.left(now) >= budget.cost("x") - 1e-6
        left = budget.left(now) - budget.cost("x")
        status = {"maximumAvailable": budget.maximum, "currentlyAvailable": left, "restoreRate": restore}
        budget.learn("x", {"requestedQueryCost": cost, "throttleStatus": status}, now)


@given(st.dictionaries(st.text(max_size=5), st.one_of(st.none(), st.text(), st.integers(), st.booleans())))
def test_nonsense_in_the_memory_is_no_harm(memory: dict[str, object]) -> None:
    found = Budget.recalled({**memory, "costs": memory, "maximum": "much"})
    assert found.wait("x", 0.0) >= 0
    assert Budget.recalled(found.memory()).costs == found.costs


def used(bench: Bench, since: float) -> float:
    """Points spent of those that there were."""
    assert bench.clock is not None
    filled = (bench.clock.now - since) * bench.state.features.restore
    return bench.state.spent / (bench.state.features.maximum + filled)


def test_the_quota_is_used_to_the_last_points_and_never_overrun(build: Build) -> None:
    """Time passes only while the connector waits, so whatever is not spent was waited away."""
    clock = Clock()
    bench = build(clock, maximum=1_000, restore=50)
    connector = bench.connector(bulk_from=10_000)
    items = [push(f"I-{n}") for n in range(40)]
    made = accepted(connector.push_content(alone(*items)))
    items = [after(one, result, fields=frozenset()) for one, result in zip(items, made, strict=True)]
    for _ in range(12):
        accepted(connector.push_price(alone(*items)))
    assert bench.state.throttled == 0
    assert clock.waited > 60
    assert used(bench, 1_800_000_000.0) > 0.95


def test_the_next_job_knows_how_empty_the_bucket_is(build: Build) -> None:
    clock = Clock()
    bench = build(clock, maximum=1_000, restore=50)
    first = bench.connector(bulk_from=10_000)
    items = [push(f"I-{n}") for n in range(30)]
    made = accepted(first.push_content(alone(*items)))
    items = [after(one, result, fields=frozenset()) for one, result in zip(items, made, strict=True)]
    for _ in range(3):
        accepted(first.push_price(alone(*items)))
    first.close()
    assert bench.kept.memory["budget"]["available"] < 100
    for _ in range(3):
        job = bench.connector(bulk_from=10_000)
        accepted(job.push_price(alone(*items)))
        job.close()
    assert bench.state.throttled == 0


def test_points_that_somebody_else_spent_are_waited_for(build: Build) -> None:
    clock = Clock()
    bench = build(clock, maximum=1_000, restore=50)
    connector = bench.connector()
    connector.find(["A"])
    bench.state.available = 0.0
    connector.find(["A"])
    assert bench.state.throttled == 1
    assert 0 < clock.waited < 20


def test_a_long_wait_gives_the_worker_back(build: Build) -> None:
    clock = Clock()
    bench = build(clock, maximum=1_000, restore=1)
    connector = bench.connector()
    connector.find(["A"])
    bench.state.available = -2_000.0
    with pytest.raises(Throttled) as caught:
        connector.find(["A"])
    assert caught.value.until is not None
    assert clock.waited < 60


def test_a_page_that_costs_too_much_is_made_smaller(build: Build) -> None:
    bench = build()
    shop = bench.shop
    for number in range(30):
        shop.add_product(f"P-{number:02}", f"Product {number}", quantity=number)
    connector = bench.connector(location_map={"A": "1001", "B": "1002"})
    shop.state.locations |= {str(one): f"Shop {one}" for one in range(2_000, 2_030)}
    found = list(connector.read_listings())
    assert sorted(one.sku for one in found) == [f"P-{number:02}" for number in range(30)]
    assert bench.calls().count("ListingsByLocation") > 1
