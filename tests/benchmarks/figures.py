"""What a benchmark says: a figure beside its floor or its peer, both of the same run, and the goal.

Ratios are what is kept and compared: a machine that is slower today is slower for both. Everything is
interleaved (A B A B ...) and the median of at least five is taken.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

RUNS = 5


@dataclass(frozen=True)
class Figure:
    """`ratio` is figure / floor, or peer / figure where `goal` begins with ≥. `key` is stable over releases."""

    key: str
    what: str
    figure: str
    floor: str
    ratio: float
    goal: str

    @property
    def met(self) -> bool:
        sign, limit = self.goal[0], float(self.goal[1:].split()[0])
        return self.ratio <= limit if sign == "≤" else self.ratio >= limit

    def json(self) -> dict[str, Any]:
        return {**asdict(self), "met": self.met}


def interleaved(functions: Sequence[Callable[[], float]], runs: int = RUNS) -> list[float]:
    """Each function times itself (seconds) and is called in turn; the median of each, after one warm-up."""
    for function in functions:
        function()
    taken: list[list[float]] = [[] for _ in functions]
    for _ in range(runs):
        for place, function in enumerate(functions):
            taken[place].append(function())
    return [statistics.median(one) for one in taken]


def milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.1f} ms" if seconds < 1 else f"{seconds:,.2f} s"


def worse(old: Sequence[dict[str, Any]], new: Sequence[Figure], tolerance: float = 0.20) -> list[str]:
    """What is more than 20 % worse than in an older file of results, in words."""
    before = {one["key"]: one["ratio"] for one in old}
    found = []
    for figure in new:
        was = before.get(figure.key)
        if was is None:
            continue
        bad = figure.ratio > was * (1 + tolerance) if figure.goal[0] == "≤" else figure.ratio < was * (1 - tolerance)
        if bad:
            found.append(f"{figure.key}: {figure.ratio:.2f}, was {was:.2f} (goal {figure.goal})")
    return found
