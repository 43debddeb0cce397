"""Runs the benchmarks on this machine's real stack: scripts/bench [name ...] [--full] [--json FILE] [--against FILE]

Names: 1 to 11 (the rows of docs/performance.md); all of them without a name. --full runs the sizes of the goals where
the usual ones are smaller. --against FILE fails on a ratio that is 20 % worse than in that file.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.benchmarks import intake, neighbour, orders, quotas, scale, shops, startup
from tests.benchmarks.figures import Figure, worse

ROWS = {
    "1": intake.row1,
    "2": intake.row2,
    "3": intake.row3,
    "4": intake.row4,
    "5": orders.row5,
    "6": quotas.row6,
    "7": shops.row7,
    "8": neighbour.row8,
    "9": scale.row9,
    "10": shops.row10,
    "11": startup.row11,
}


def machine() -> dict[str, object]:
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        "",
    )
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "python": platform.python_version(),
        "system": platform.system(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="rows to run")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--against", type=Path, help="compare with the results in this file")
    parser.add_argument("--full", action="store_true", help="the sizes of the goals, however long that takes")
    options = parser.parse_args()
    shops.FULL = scale.FULL = options.full
    unknown = set(options.names) - set(ROWS)
    if unknown:
        parser.error(f"there is no row {', '.join(sorted(unknown))}; there are {', '.join(ROWS)}")
    console, figures = Console(), list[Figure]()
    for name in options.names or ROWS:
        console.print(f"[dim]row {name}: {(ROWS[name].__doc__ or '').strip()}[/dim]")
        for figure in ROWS[name]():
            figures.append(figure)
            mark, ratio = "✓" if figure.met else "✗", f"{figure.ratio:.2f}, goal {figure.goal}"
            console.print(f"  {mark} {figure.what}: {figure.figure} ({figure.floor}): {ratio}")
    table = Table("Benchmark", "Figure", "Floor or peer", "Ratio", "Goal", "Met", title="Benchmarks")
    for one in figures:
        table.add_row(one.what, one.figure, one.floor, f"{one.ratio:.2f}", one.goal, "yes" if one.met else "no")
    console.print(table)
    result = {"machine": machine(), "figures": [one.json() for one in figures]}
    if options.json:
        options.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", "utf-8")
    if options.against:
        found = worse(json.loads(options.against.read_text("utf-8"))["figures"], figures)
        for line in found:
            console.print(f"[red]worse: {line}[/red]")
        return 1 if found else 0
    return 0


if __name__ == "__main__":
    sys.exit(main())
