"""How many calls the shop still takes in this window. BigCommerce tells with every answer.

The store's allowance is shared by all its apps and by our own jobs, so nobody may spend the last of it: a small
reserve stays for the first call of a job that knows nothing yet. That call is told where the window stands, and waits.
What one job learnt is known to the others of the process at once; across processes it travels in the progress.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

LEFT, QUOTA, RESET = "x-rate-limit-requests-left", "x-rate-limit-requests-quota", "x-rate-limit-time-reset-ms"
RESERVE = 0.02  # of the allowance; the other 98 % are used
MARGIN = 0.02  # seconds after the reset: clocks and networks are not exact

sleep = time.sleep
clock = time.monotonic


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.strip().isdigit() else None


class Quota:
    """One store's allowance. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: int | None = None
        self._most = 0
        self._resets_at = 0.0

    def wait(self) -> float:
        """Seconds until a call may be made; 0 takes one of the calls that are left."""
        with self._lock:
            now = clock()
            if self._left is None or now >= self._resets_at:
                self._left = None
                return 0.0
            if self._left <= self._reserve:
                return self._resets_at - now + MARGIN
            self._left -= 1
            return 0.0

    @property
    def _reserve(self) -> int:
        return max(1, int(self._most * RESERVE)) if self._most > 1 else 0

    def learn(self, headers: Mapping[str, str]) -> float | None:
        """Takes over what an answer says; the seconds until the window ends, None when it says nothing."""
        left, reset = _number(headers.get(LEFT)), _number(headers.get(RESET))
        if left is None or reset is None:
            return None
        with self._lock:
            now = clock()
            ends = now + reset / 1000
            same = self._left is not None and abs(ends - self._resets_at) < 1.0
            # answers of calls that ran beside each other arrive in any order: the smaller number is the newer
            self._left = min(left, self._left) if same and self._left is not None else left
            self._most = _number(headers.get(QUOTA)) or self._most
            self._resets_at = ends
        return reset / 1000

    def remembered(self) -> dict[str, Any]:
        """For the progress; {} when nothing is known."""
        with self._lock:
            seconds = self._resets_at - clock()
            if self._left is None or seconds <= 0:
                return {}
            until = datetime.now(UTC) + timedelta(seconds=seconds)
            return {"left": self._left, "of": self._most, "until": until.isoformat(timespec="milliseconds")}

    def recall(self, known: Mapping[str, Any]) -> None:
        """What an earlier job left in the progress, unless this process knows better."""
        try:
            seconds = (datetime.fromisoformat(str(known["until"])) - datetime.now(UTC)).total_seconds()
            left, most = int(known["left"]), int(known["of"])
        except (KeyError, TypeError, ValueError):
            return
        with self._lock:
            if seconds > 0 and (self._left is None or clock() >= self._resets_at):
                self._left, self._most, self._resets_at = left, most, clock() + seconds


_known: dict[str, Quota] = {}
_known_lock = threading.Lock()


def of(base: str) -> Quota:
    """The allowance of the store at this address, the same for all jobs of the process."""
    with _known_lock:
        return _known.setdefault(base, Quota())
