"""`integrator connector new`: a beginning that fails for the right reasons."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.command import Command, Ran

ROOT = Path(__file__).parents[2]
SKIPPED = shutil.ignore_patterns("__pycache__", "node_modules")
PARTS = ("integrator", "migrations", "wsdl", "tests/support", "tests/connectors/scenarios")
FILES = ("pyproject.toml", "tests/__init__.py", "tests/conftest.py", "README.md", "LICENSE")
LONG = ("zoo_of_many_long_names24", "The Zoo of Many Names & Sons (Köln) Ltd.")


@dataclass
class Checkout:
    """A copy of what a connector needs of the checkout, without the other platforms' tests."""

    folder: Path
    server: str

    def __call__(self, *arguments: str, code: int = 0) -> Ran:
        return Command(self.folder, None)("connector", *arguments, code=code)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = Command(self.folder, None)
        return subprocess.run(
            [sys.executable, "-m", *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
            env={**command.environment, "TEST_DATABASE_URL": self.server},
        )  # fmt: skip


@pytest.fixture
def checkout(tmp_path: Path, server: Callable[[str], str]) -> Checkout:
    folder = tmp_path / "checkout"
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part, ignore=SKIPPED)
    for path in [ROOT / one for one in FILES] + list((ROOT / "tests/connectors").glob("*.py")):
        target = folder / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return Checkout(folder, server("postgres"))


def test_the_suite_of_a_new_connector_fails_until_it_is_written(checkout: Checkout) -> None:
    made = checkout("new", "acme", "--title", "Acme Commerce", "--json").data
    for file in ("integrator/connectors/acme/README.md", "tests/connectors/acme/simulator/server.py"):
        assert file in made["files"]
    assert all((checkout.folder / one).is_file() for one in made["files"])
    platforms = Command(checkout.folder, None)("channel", "platforms", "--json").data
    assert "Acme Commerce" in [one["title"] for one in platforms]

    chosen = (
        "product_arrives or a_check_says or two_with_the_same_sku or all_that_the_shop_sells or order_goes_to_the_pos"
    )
    ran = checkout.run("pytest", "tests/connectors/acme", "-q", "-k", chosen, "-p", "no:cacheprovider")
    reasons = re.findall(r"^FAILED \S+::(\w+) - (.+)$", ran.stdout, re.MULTILINE)
    assert len(reasons) == 5, ran.stdout + ran.stderr
    assert "skipped" not in ran.stdout
    assert "error" not in ran.stdout.splitlines()[-1]
    told = dict(reasons)
    assert told["test_a_check_says_whether_the_shop_can_be_worked_with"].startswith("NotImplementedError: check: try")
    assert "NotImplementedError: pull_orders: what changed" in ran.stdout
    assert "ToDo: Shop.add_product" in told["test_two_with_the_same_sku_are_for_a_person"]
    assert all("NotImplementedError" in reason or "ToDo" in reason for reason in told.values())


@pytest.mark.parametrize(("name", "title"), [("acme", ""), LONG], ids=["first", "last"])
def test_what_is_written_is_clean(checkout: Checkout, name: str, title: str) -> None:
    checkout("new", name, "--title", title)
    ours = [f"integrator/connectors/{name}", f"tests/connectors/{name}"]
    for tool in (["ruff", "check", "--no-cache"], ["ruff", "format", "--check", "--no-cache"]):
        ran = checkout.run(*tool, *ours)
        assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.slow
def test_what_is_written_is_typed(checkout: Checkout) -> None:
    checkout("new", "acme")
    ran = checkout.run("mypy", "integrator/connectors/acme")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_names_that_cannot_be_taken_write_nothing(checkout: Checkout) -> None:
    before = sorted(checkout.folder.rglob("*.py"))
    for name in ("Acme", "4you", "a-b", "a__b", "../acme", "class", "x" * 25, "test"):
        assert "cannot be taken" in checkout("new", name, code=2).err
    for name in ("base", "http", "sandbox", "suite"):
        assert "there already" in checkout("new", name, code=1).err
    assert "title" in checkout("new", "acme", "--title", 'A"""', code=2).err
    assert sorted(checkout.folder.rglob("*.py")) == before


def test_it_says_where_it_works(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "integrator", tmp_path / "integrator", ignore=SKIPPED)
    assert "no checkout" in Command(tmp_path, None)("connector", "new", "acme", code=2).err
