"""The pages that are made from the code are what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_made_pages_are_current() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "docs.py", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr} Run scripts/docs."


def test_every_promise_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    files = {
        path.relative_to(ROOT / "tests").as_posix(): path.read_text("utf-8") for path in ROOT.glob("tests/**/*.py")
    }
    named = re.findall(r"`([a-z_]+/[a-z_/]*[a-z_]+\.py)(?:: (test_\w+))?`", page)
    assert len(named) > 25
    for name, test in named:
        assert name in files, name
        assert not test or f"def {test}(" in files[name], f"{name}: {test}"
