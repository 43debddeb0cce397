"""The token, its scopes, the quota, and what each answer means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from integrator.connectors.base import NeedsCredentials, Throttled
from integrator.connectors.bigcommerce import quota
from integrator.connectors.bigcommerce.settings import api_base
from integrator.connectors.pushes import Outcome
from tests.connectors.bigcommerce.conftest import Bench, Build, push
from tests.connectors.bigcommerce.simulator.state import ALL_SCOPES
from tests.connectors.pushing import accepted, after, alone


class Clock:
    """Time that passes only while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(quota, "clock", found)
    monkeypatch.setattr(quota, "sleep", found.sleep)
    return found


@pytest.mark.parametrize(
    "given",
    [
        "abc123",
        "https://api.bigcommerce.com/stores/abc123/v3/",
        "https://api.bigcommerce.com/stores/abc123",
        " api.bigcommerce.com/stores/abc123/v2/ ",
    ],
)
def test_the_api_path_in_the_forms_that_merchants_have(given: str) -> None:
    assert api_base(given) == "https://api.bigcommerce.com/stores/abc123"


@pytest.mark.parametrize("given", ["https://shop.example", "", "https://api.bigcommerce.com/"])
def test_an_address_without_a_store_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match="stores/abc123"):
        api_base(given)


@pytest.mark.parametrize(
    ("lacking", "name"),
    [
        ("store_v2_products", "Products: modify"),
        ("store_inventory", "Store Inventory: modify"),
        ("store_v2_orders", "Orders: modify"),
        ("store_v2_transactions", "Order Transactions: read-only"),
        ("store_v2_information", "Information & Settings: read-only"),
    ],
)
def test_a_scope_that_is_missing_is_named(build: Build, lacking: str, name: str) -> None:
    gone = (
        {lacking, f"{lacking}_read_only"} if lacking in ("store_v2_transactions", "store_v2_information") else {lacking}
    )
    bench = build(scopes=ALL_SCOPES - gone)
    report = bench.connector().check()
    bad = [one for one in report.items if not one.ok]
    assert bad
    assert all(name in one.message and name in one.hint for one in bad), bad


def test_the_check_writes_nothing(bench: Bench) -> None:
    accepted(bench.connector().push_content(alone(push("A"))))
    before = (dict(bench.state.products), dict(bench.state.stock), dict(bench.state.orders))
    assert bench.connector().check().ok
    assert (dict(bench.state.products), dict(bench.state.stock), dict(bench.state.orders)) == before


def test_the_token_goes_along_and_is_in_no_journal(bench: Bench) -> None:
    bench.connector(credentials={"access_token": "wrong"}).check()
    with pytest.raises(NeedsCredentials, match="does not know the access token"):
        bench.connector(credentials={"access_token": "wrong-token"}).find(["A"])
    assert all("wrong-token" not in f"{one.url}{one.request}{one.answer}{one.message}" for one in bench.attempts)


def test_the_quota_is_used_and_never_run_into(build: Build, clock: Clock) -> None:
    """Ten windows' worth of calls by several jobs: no call is refused, and at least 95 % of each window are used."""
    bench = build(quota=150, window=30.0)
    bench.state.clock = clock
    for n in range(1_450):
        if n % 97 == 0:
            connector = bench.connector()  # as the next job has it
        connector.client.get("v2/time")
    assert sum(one.refused for one in bench.state.windows) == 0
    full = bench.state.windows[:-1]
    assert len(full) >= 9
    assert min(one.used for one in full) >= 0.95 * 150


def test_a_job_of_another_process_runs_into_nothing_either(
    build: Build, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows nothing of the window: the reserve takes its first call, which tells it to wait."""
    bench = build(quota=150, window=30.0)
    bench.state.clock = clock
    connector = bench.connector()
    for _ in range(147):
        connector.client.get("v2/time")
    for _ in range(2):
        monkeypatch.setattr(quota, "_known", {})  # a process of its own
        bench.connector().client.get("v2/time")
        assert bench.state.windows[-1].refused == 0


def test_the_quota_is_remembered_in_the_progress(build: Build, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    bench = build(quota=150)
    bench.state.clock = clock
    bench.shop.add_product("A", "A")
    bench.shop.place_order([_line("A")])
    *_, page = bench.connector().pull_orders({})
    told = page.progress["quota"]
    assert told["of"] == 150
    monkeypatch.setattr(quota, "_known", {})
    later = bench.connector()
    soon = (datetime.now(UTC) + timedelta(seconds=20)).isoformat()
    later.client.quota.recall({"left": 1, "of": 150, "until": soon})
    later.client.get("v2/time")
    assert clock.slept
    assert 15 < clock.slept[0] < 21


def _line(sku: str) -> Any:
    from tests.connectors.shop import Line

    return Line(sku)


def test_a_refusal_with_headers_is_waited_for_and_one_without_goes_up(bench: Bench, clock: Clock) -> None:
    bench.state.misbehaviour.throttle_next = 2
    bench.state.misbehaviour.retry_after = 12
    bench.connector().client.get("v2/time")
    assert [round(one) for one in clock.slept] == [12, 12]
    bench.state.misbehaviour.bare_throttle_next = 1
    with pytest.raises(Throttled) as caught:
        bench.connector().client.get("v2/time")
    assert caught.value.until is None


def test_a_window_that_is_far_away_gives_the_job_s_place_to_others(bench: Bench, clock: Clock) -> None:
    bench.state.misbehaviour.throttle_next = 1
    bench.state.misbehaviour.retry_after = 600
    with pytest.raises(Throttled) as caught:
        bench.connector().client.get("v2/time")
    assert caught.value.until is not None
    assert caught.value.until > datetime.now(UTC) + timedelta(seconds=500)
    assert clock.slept == []


def test_an_interrupted_creation_is_found_again(bench: Bench) -> None:
    one = push("A", quantity=3)
    bench.state.misbehaviour.lose_next = 1
    with pytest.raises(Exception, match="no answer"):
        bench.connector().push_content(alone(one))
    (result,) = accepted(bench.connector().push_content(alone(one)))
    assert list(bench.shop.products()) == ["A"]
    assert not result.created
    assert after(one, result).remote["product"] == str(bench.shop.product("A")["id"])


def test_an_outage_in_the_middle_keeps_what_was_done(bench: Bench) -> None:
    connector = bench.connector()
    connector.push_content(alone(push("FIRST")))
    items = [push(f"N-{n}") for n in range(4)]
    bench.calls()
    real = connector.client.send
    count = 0

    def failing(*given: Any, **named: Any) -> Any:
        nonlocal count
        if given[:2] == ("POST", "v3/catalog/products"):
            count += 1
            if count == 3:
                bench.state.misbehaviour.fail_next = 1
        return real(*given, **named)

    connector.client.send = failing  # type: ignore[method-assign]
    results = connector.push_content(alone(*items))
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 2 + [Outcome.RETRY] * 2
