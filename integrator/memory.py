"""Garbage collection for processes that read large messages.

Ten thousand items are some hundred thousand small objects, none of them in a cycle. By default every full
collection walks all of them, and of a large call's time half went into that.
"""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 100)


def settle() -> None:
    """Called when a role starts, after its code is loaded (in each process, after the fork)."""
    gc.collect()
    gc.freeze()  # code and types are never garbage
    gc.set_threshold(*THRESHOLDS)
