"""A quota that the shop announces with each answer: so many requests in a window, and when the next one begins.

    X-RateLimit-Remaining: 3        requests that are left in this window
    X-RateLimit-Reset: 7.25         seconds until the next one

It is used to its last request, and nothing is sent after that before the next window, so that nothing is refused. What
was learnt is left with the channel (`Keeper.remember`): its next job, in whichever process, knows it too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from integrator.connectors.base import Channel, Throttled

LEFT, RESET = "x-ratelimit-remaining", "x-ratelimit-reset"
WAIT_HERE = 1.0  # seconds: a window that begins so soon is waited for; a longer wait pauses the channel
MARGIN = 0.01  # seconds after the announced moment: clocks are not exact
LONGEST = 86_400.0  # seconds; a "reset" above that is a moment since 1970, or nonsense, and not believed
MEMORY = "closed_until"


class Window:
    """Of one channel. `clock`: seconds since the epoch."""

    def __init__(self, channel: Channel, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self.keeper = channel.keeper
        self.clock, self.sleep = clock, sleep
        self.closed_until = seconds(channel.memory.get(MEMORY)) or 0.0  # no request is left before

    def enter(self) -> None:
        """Before each request. Raises Throttled, with the moment, when the wait is not a short one."""
        wait = self.closed_until - self.clock()
        if not 0 < wait <= LONGEST:
            return
        if wait > WAIT_HERE:
            until = datetime.fromtimestamp(self.closed_until, UTC)
            raise Throttled("The shop's quota is used up until its next window.", until=until, code="QUOTA_USED")
        self.sleep(wait)

    def learn(self, headers: Mapping[str, str]) -> None:
        """What an answer says. `headers` by their names in lower case."""
        left, reset = seconds(headers.get(LEFT)), seconds(headers.get(RESET))
        if left is None or left >= 1 or reset is None or not 0 < reset <= LONGEST:
            return
        self.closed_until = self.clock() + reset + MARGIN
        if self.keeper is not None:
            self.keeper.remember({MEMORY: self.closed_until})


def seconds(value: Any) -> float | None:
    """A number from a header or the memory; None for what is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) and found >= 0 else None
