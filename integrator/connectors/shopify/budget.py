"""How many points of the shop's bucket are left, and what a document costs: learnt from each answer. No clock, no I/O.

A request is let through while its whole requested cost is in the bucket; afterwards the shop gives back what it did
not need. The bucket fills by `restore` points a second up to `maximum`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

FIRST_GUESS = 50.0  # points of a document that was never sent
MARGIN = 0.001  # seconds more than computed: a thousandth of a point must not be missing
MOST_REMEMBERED = 200


@dataclass(slots=True)
class Budget:
    """`at` and every `now` are seconds since the epoch."""

    maximum: float = 2_000.0
    restore: float = 100.0
    available: float = 2_000.0
    at: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)

    def left(self, now: float) -> float:
        """A clock that was put back restores nothing."""
        return min(self.maximum, self.available + max(0.0, now - self.at) * self.restore)

    def cost(self, what: str) -> float:
        """What it cost to ask for this the last time; more than a full bucket is never waited for."""
        return min(self.costs.get(what, FIRST_GUESS), self.maximum)

    def wait(self, what: str, now: float) -> float:
        """Seconds until a request for it is let through."""
        missing = self.cost(what) - self.left(now)
        return missing / self.restore + MARGIN if missing > 0 else 0.0

    def learn(self, what: str, cost: Mapping[str, Any], now: float) -> None:
        """`cost`: the answer's extensions.cost. What it does not say stays as it was."""
        requested = number(cost.get("requestedQueryCost"))
        if requested is not None:
            self.costs.pop(what, None)  # the newest stand last
            self.costs[what] = requested
            while len(self.costs) > MOST_REMEMBERED:
                self.costs.pop(next(iter(self.costs)))
        status = cost.get("throttleStatus") or {}
        maximum, restore = number(status.get("maximumAvailable")), number(status.get("restoreRate"))
        available = number(status.get("currentlyAvailable"))
        if maximum and maximum > 0:
            self.maximum = maximum
        if restore and restore > 0:
            self.restore = restore
        if available is not None:
            self.available, self.at = min(available, self.maximum), now

    def memory(self) -> dict[str, Any]:
        """For the next job."""
        return {
            "maximum": self.maximum, "restore": self.restore, "available": self.available, "at": self.at,
            "costs": self.costs,
        }  # fmt: skip

    @classmethod
    def recalled(cls, memory: Mapping[str, Any]) -> Budget:
        """What an earlier job left; nonsense counts as nothing."""
        found = cls()
        for name in ("maximum", "restore", "available", "at"):
            value = number(memory.get(name))
            if value is not None and (value > 0 or name in ("available", "at")):
                setattr(found, name, value)
        costs = memory.get("costs")
        if isinstance(costs, Mapping):
            found.costs = {str(key): value for key, one in costs.items() if (value := number(one)) is not None}
        return found


def number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
