"""How a shop misbehaves, as it was told to: decided for each request by one pure function.

Only the API misbehaves; the pages and the command line stay usable, so that a shop can always be repaired.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Behaviour(BaseModel):
    """All off by default. Counted ones ("next") run out by themselves."""

    model_config = ConfigDict(extra="forbid")

    latency_ms: int = Field(default=0, ge=0, le=10_000, description="Milliseconds before every answer")
    quota_requests: int = Field(default=0, ge=0, le=100_000, description="Requests that a window allows; 0: any number")
    quota_seconds: int = Field(default=10, ge=1, le=86_400, description="Length of the quota's window in seconds")
    throttle_next: int = Field(default=0, ge=0, description="Requests that are answered 429 whatever the quota")
    retry_after: int = Field(default=1, ge=0, le=3_600, description="Seconds that these answers ask to wait")
    fail_next: int = Field(default=0, ge=0, description="Requests that fail before they do anything")
    fail_percent: int = Field(default=0, ge=0, le=100, description="Share of requests that fail, by chance")
    fail_status: int = Field(default=500, ge=500, le=599, description="HTTP status of failures")
    lose_next: int = Field(default=0, ge=0, description="Writes that take effect and whose answer never comes")
    hold_seconds: int = Field(
        default=0, ge=0, le=120, description="Seconds before the connection of a lost answer ends"
    )
    reject_sku: str = Field(default="", max_length=200, description="The SKU that is refused for good")
    reject_whole_batch: bool = Field(default=False, description="Refuse the batch that holds it, not only the item")
    webhooks_lost_percent: int = Field(default=0, ge=0, le=100, description="Share of webhooks that are never sent")
    webhooks_doubled_percent: int = Field(default=0, ge=0, le=100, description="Share of webhooks that are sent twice")
    revoked: bool = Field(default=False, description="The key is refused until this is switched off")


class Counters(BaseModel):
    """Since the shop was made or reset: requests that read, that wrote, that were turned away."""

    model_config = ConfigDict(extra="ignore")

    reads: int = 0
    writes: int = 0
    refused: int = 0
    window_start: float = 0.0  # seconds since the epoch
    window_used: int = 0


Kind = Literal["serve", "lose", "throttle", "fail", "revoked"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What happens to a request. `lose`: it is served, then the connection ends without the answer."""

    kind: Kind
    status: int = 200
    retry_after: float = 0  # seconds


def decide(
    behaviour: Behaviour, counters: Counters, *, writes: bool, now: float, chance: float
) -> tuple[Verdict, Behaviour, Counters]:
    """The verdict and what is left. `now`: seconds since the epoch; `chance`: from 0 up to 1."""
    left, counted = behaviour.model_copy(), counters.model_copy()

    def refused(verdict: Verdict) -> tuple[Verdict, Behaviour, Counters]:
        counted.refused += 1
        return verdict, left, counted

    if behaviour.revoked:
        return refused(Verdict("revoked", 401))
    if behaviour.quota_requests:
        # a clock that was set back must not close the window for ever
        if not 0 <= now - counters.window_start < behaviour.quota_seconds:
            counted.window_start, counted.window_used = now, 0
        if counted.window_used >= behaviour.quota_requests:
            return refused(Verdict("throttle", 429, until_next_window(behaviour, counted, now)))
        counted.window_used += 1
    if behaviour.throttle_next:
        left.throttle_next -= 1
        return refused(Verdict("throttle", 429, behaviour.retry_after))
    if behaviour.fail_next:
        left.fail_next -= 1
        return refused(Verdict("fail", behaviour.fail_status))
    if chance * 100 < behaviour.fail_percent:
        return refused(Verdict("fail", behaviour.fail_status))
    if not writes:
        counted.reads += 1
        return Verdict("serve"), left, counted
    counted.writes += 1
    if behaviour.lose_next:
        left.lose_next -= 1
        return Verdict("lose"), left, counted
    return Verdict("serve"), left, counted


def until_next_window(behaviour: Behaviour, counters: Counters, now: float) -> float:
    """Seconds, up to the next thousandth: whoever waits so long is not refused again."""
    return max(0, math.floor((counters.window_start + behaviour.quota_seconds - now) * 1000) + 1) / 1000


def announced(behaviour: Behaviour, counters: Counters, now: float) -> dict[str, str]:
    """The headers that tell the quota: of the window, what is left of it, and seconds until the next."""
    if not behaviour.quota_requests:
        return {}
    return {
        "X-RateLimit-Limit": str(behaviour.quota_requests),
        "X-RateLimit-Remaining": str(max(0, behaviour.quota_requests - counters.window_used)),
        "X-RateLimit-Reset": f"{until_next_window(behaviour, counters, now):.3f}",
    }
