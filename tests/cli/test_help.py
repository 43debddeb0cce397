from __future__ import annotations

import importlib
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from integrator.cli import COMMANDS, load
from tests.support.command import Command

HEAVY = ("sqlalchemy", "spyne", "lxml", "pydantic", "flask", "httpx", "procrastinate", "cryptography")


@pytest.fixture
def bare(tmp_path: Path) -> Command:
    """Without any database."""
    return Command(tmp_path, "postgresql://nobody@127.0.0.1:1/nothing")


def test_help_lists_every_command_and_loads_nothing_heavy(bare: Command) -> None:
    script = (
        "import sys\nfrom integrator.cli import main\n"
        "try:\n main(['--help'])\nexcept SystemExit: pass\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=bare.environment
    )
    assert done.stdout.strip().endswith("[]")
    for name in COMMANDS:
        assert name in done.stdout


def commands() -> Iterator[tuple[str, ...]]:
    for name in COMMANDS:
        if find_spec(f"integrator.cli.{name}") is None:
            continue  # test_every_listed_command_exists says so
        yield (name,)
        if not COMMANDS[name].verb:
            group: Any = load(name)
            yield from ((name, one) for one in group.commands)


def test_every_listed_command_exists() -> None:
    assert [name for name in COMMANDS if find_spec(f"integrator.cli.{name}") is None] == []


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_every_command_has_a_module_a_help_and_json(words: tuple[str, ...]) -> None:
    importlib.import_module(f"integrator.cli.{words[0]}")
    command: Any = load(words[0])
    if len(words) > 1:
        command = command.commands[words[1]]
    assert command.help
    if COMMANDS[words[0]].verb or len(words) > 1:
        assert any("--json" in parameter.opts for parameter in command.params)


def test_a_group_without_a_command_shows_its_help_and_a_wrong_one_a_suggestion(bare: Command) -> None:
    assert "rotate" in bare("user", code=2).err + bare("user", code=2).out
    assert "channel" in bare("chanel", code=2).err


def test_the_version_is_the_package_s(bare: Command) -> None:
    from integrator import __version__

    assert bare("--version").out.strip() == f"integrator {__version__}"


def test_the_options_of_a_platform_are_its_credentials_and_settings(bare: Command) -> None:
    shown = bare("channel", "add", "BERG-1", "woocommerce", "--help").out
    for option in ("--consumer-key", "--consumer-secret", "--url", "--safety-stock", "(required)"):
        assert option in shown
    assert "--time-zone" in bare("store", "add", "--help").out
