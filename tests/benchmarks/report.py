"""Puts a file of results into docs/performance.md: python -m tests.benchmarks.report docs/performance/0.1.0.json"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
MARKS = re.compile(r"(<!-- results -->\n).*?(<!-- end -->)", re.DOTALL)


def table(result: dict) -> str:  # type: ignore[type-arg]
    about = result["machine"]
    lines = [
        f"Machine: {about['cores']} cores, {about['processor']}, {about['system']}, Python {about['python']}."
        + (f" {about['note']}" if about.get("note") else ""),
        "",
        "| row | what | figure | floor, peer or goal | ratio | goal | met |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in result["figures"]:
        met = "yes" if one["met"] else "**no**"
        goal = "none" if "no goal" in one["goal"] else one["goal"]
        lines.append(
            f"| {one['key'].split('-')[0]} | {one['what']} | {one['figure']} | {one['floor']} "
            f"| {one['ratio']:.2f} | {goal} | {met} |"
        )
    return "\n".join(lines) + "\n"


def main(file: str) -> None:
    made = table(json.loads(Path(file).read_text("utf-8")))
    PAGE.write_text(MARKS.sub(lambda found: found[1] + made + found[2], PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
