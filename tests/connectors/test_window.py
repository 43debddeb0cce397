"""A quota that a shop announces: used to its last request, and never asked for more."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.base import Channel, Throttled
from integrator.connectors.http import retry_after
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters, announced, decide
from integrator.connectors.window import WAIT_HERE, Window

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Shop:
    """A sandbox shop's gate by a clock of its own, and what the channel remembers of it."""

    quota: Behaviour
    now: float = 1_800_000_000.0
    counters: Counters = field(default_factory=Counters)
    memory: dict[str, Any] = field(default_factory=dict)
    served: list[float] = field(default_factory=list)
    refused: int = 0

    def remember(self, memory: dict[str, Any]) -> None:
        self.memory = memory

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def job(self) -> Window:
        """What the next job, of whichever process, begins with."""
        channel = Channel(1, "shop", None, None, memory=self.memory, keeper=self)  # type: ignore[arg-type]
        return Window(channel, lambda: self.now, self.sleep)

    def ask(self, window: Window, transit: float) -> None:
        window.enter()
        verdict, _, self.counters = decide(self.quota, self.counters, writes=True, now=self.now, chance=0.5)
        if verdict.kind == "serve":
            self.served.append(self.now)
        else:
            self.refused += 1
        headers = announced(self.quota, self.counters, self.now)
        self.now += transit
        window.learn({name.lower(): value for name, value in headers.items()})


@given(
    st.integers(1, 12), st.integers(1, 30), st.integers(1, 7),
    st.lists(st.floats(0, 0.05), min_size=1, max_size=60),
)  # fmt: skip
def test_it_is_used_to_the_last_request_and_nothing_is_refused(
    requests: int, seconds: int, calls_a_job: int, transits: list[float]
) -> None:
    shop = Shop(Behaviour(quota_requests=requests, quota_seconds=seconds))
    window, pauses = shop.job(), list[float]()
    for place, transit in enumerate(transits):
        if place % calls_a_job == 0:
            window = shop.job()
        try:
            shop.ask(window, transit)
        except Throttled as wait:
            until = (wait.until or NOON).timestamp()
            pauses.append(until - shop.now)
            shop.now = until + 0.001
            window = shop.job()
            shop.ask(window, transit)
    assert shop.refused == 0
    assert all(one > WAIT_HERE for one in pauses)  # a shorter one is waited for
    # whole windows follow each other: as many as the requests need, each hardly longer than the shop's
    windows = (len(shop.served) - 1) // requests
    spent = shop.served[-1] - shop.served[0]
    assert spent <= windows * (seconds + 0.2) + requests * 0.05


def test_what_one_job_learnt_the_next_knows() -> None:
    shop = Shop(Behaviour(quota_requests=1, quota_seconds=10))
    shop.ask(shop.job(), 0.0)
    with pytest.raises(Throttled) as caught:
        shop.job().enter()
    assert caught.value.until is not None
    assert 10 <= caught.value.until.timestamp() - shop.now <= 10.1
    assert len(shop.served) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-remaining": "0"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "nan"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "-5"},
        {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000060"},  # a moment, where seconds are meant
        {"x-ratelimit-remaining": "3", "x-ratelimit-reset": "7"},
    ],
)
def test_what_says_nothing_of_use_closes_nothing(headers: dict[str, str]) -> None:
    shop = Shop(Behaviour())
    window = shop.job()
    window.learn(headers)
    window.enter()
    assert (shop.memory, shop.now) == ({}, 1_800_000_000.0)


def test_a_memory_that_is_nonsense_closes_nothing() -> None:
    for memory in ({"closed_until": "never"}, {"closed_until": None}, {"closed_until": 9e12}):
        shop = Shop(Behaviour(), memory=memory)
        shop.job().enter()
        assert shop.now == 1_800_000_000.0


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0), ("2.0", 2.0), ("0.35", 0.35), (" 7 ", 7.0), ("0", 0.0),
        ("Tue, 24 Nov 2026 12:00:09 GMT", 9.0), ("soon", None), ("", None), ("-3", None), ("1e9999", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_whole_or_not_or_a_date(value: str, seconds: float | None) -> None:
    found = retry_after(httpx.Response(429, headers={"Retry-After": value}), NOON)
    assert (None if found is None else (found - NOON).total_seconds()) == seconds
