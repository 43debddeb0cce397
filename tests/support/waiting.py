"""Waiting for what must come to pass, on a machine that may be slow or stand still for a while."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 120.0  # seconds; only so that a test which fails ends: no promise is meant by it


def until(condition: Callable[[], object], what: str = "it came to pass", patience: float = PATIENCE) -> None:
    """Comes back when it holds; fails after `patience` seconds.

    A test says by what it came to pass with causes that can be switched off (the sweep, the poll), and that it was
    quick with counts and order. Seconds are for benchmarks.
    """
    gives_up = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < gives_up, f"after {patience:.0f} s still not: {what}"
        time.sleep(0.02)
