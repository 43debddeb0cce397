"""The pages that are made from the code are what the code says."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import Capabilities
from tests.connectors.shops import platforms

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


def test_code_in_a_page_stands_in_the_file_that_it_is_from() -> None:
    page = (ROOT / "docs" / "connectors.md").read_text("utf-8")
    shown = re.findall(r"From `([\w/.]+)`[^\n]*:\n\n```python\n(.*?)```", page, re.DOTALL)
    assert len(shown) == page.count("```python") > 5
    for path, code in shown:
        assert code in (ROOT / path).read_text("utf-8"), f"{path}: {code}"


def test_the_table_of_platforms_has_them_all_and_all_that_they_can(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import docs

    asked: set[str] = set()

    class Watched:
        def __getattr__(self, name: str) -> Any:
            asked.add(name)
            return 1

    for ask in docs.CAN.values():
        ask(Watched())
    assert asked | {"notes", "quota", "local_webhooks"} == {one.name for one in fields(Capabilities)}
    head = re.search(r"<!-- platforms:begin -->\n(.+)\n", (ROOT / "README.md").read_text("utf-8"))
    assert head is not None
    assert len(head[1].strip("| ").split("|")) == len(platforms())


def test_a_part_of_a_page_is_replaced_between_its_marks_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "scripts")
    import docs

    page = "before\n<!-- x:begin -->\nold\n<!-- x:end -->\nafter\n"
    made = docs.with_part(page, "x", "new\n")
    assert made == "before\n<!-- x:begin -->\nnew\n<!-- x:end -->\nafter\n"
    assert docs.with_part(made, "x", "new\n") == made
    with pytest.raises(SystemExit, match="'y'"):
        docs.with_part(page, "y", "new\n")
