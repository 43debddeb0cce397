"""Row 11: how long one waits for the first answer."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.figures import Figure, milliseconds

ROOT = Path(__file__).resolve().parents[2]


def _timed(command: list[str], environment: dict[str, str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=ROOT)
    return time.perf_counter() - started


def row11() -> Iterator[Figure]:
    """The help, the service on an existing database, the demo. The goals are seconds, so the ratio is figure / goal."""
    sys.path.insert(0, str(ROOT / "examples"))
    from demo.service import Service

    bare = {k: v for k, v in os.environ.items() if not k.startswith("INTEGRATOR_")}
    help_seconds = statistics.median(_timed([sys.executable, "-m", "integrator", "--help"], bare) for _ in range(7))
    yield Figure("11-help", "integrator --help", milliseconds(help_seconds), "goal 300 ms", help_seconds / 0.3, "≤1")
    folder = Path(tempfile.mkdtemp(prefix="integrator-bench-"))
    folder.chmod(0o755)
    try:
        ready = []
        for _ in range(6):  # the first makes the database
            service = Service(folder, 8700)
            ready.append(service.start())
            service.stop()
        seconds = statistics.median(ready[1:])
        yield Figure(
            "11-ready",
            "ready after the start, on an existing database",
            milliseconds(seconds),
            "goal 3 s",
            seconds / 3,
            "≤1",
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    demo = _timed(["scripts/demo", "--once", "--port", "8710"], bare)
    yield Figure("11-demo", "scripts/demo --once", milliseconds(demo), "goal 60 s", demo / 60, "≤1")
