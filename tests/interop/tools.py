"""What the interoperability tests run: foreign programs, which may be missing on a developer's machine."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[2] / "examples" / "clients"


def need(*tools: str | Path) -> None:
    """Skips the test if a command or a file is missing; with REQUIRE_ALL=1 it fails instead."""
    missing = [str(one) for one in tools if not (Path(one).exists() if "/" in str(one) else shutil.which(str(one)))]
    if missing:
        lacking(", ".join(missing))


def need_module(module: str, *command: str) -> None:
    """As `need`, for a library that a command loads: it ends with 0 if the library is there."""
    if subprocess.run(command, check=False, capture_output=True).returncode:
        lacking(module)


def lacking(what: str) -> None:
    reason = f"missing: {what} (see tests/interop/packages.apt and package.json)"
    pytest.fail(reason) if os.environ.get("REQUIRE_ALL") else pytest.skip(reason)


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 240
) -> str:
    """The command's standard output as text; anything but exit code 0 fails the test with all that it said.

    It runs with the Python of these tests first in the path, and in a time zone that is not UTC.
    """
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [str(part) for part in command],
        check=False,
        cwd=cwd,
        env={**os.environ, "PATH": path, "LC_ALL": "C.UTF-8", "TZ": "America/New_York", **(env or {})},
        capture_output=True,
        timeout=timeout,
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")
    if done.returncode:
        pytest.fail(f"{command[0]} ended with {done.returncode}\n{out[-4000:]}\n{err[-6000:]}", pytrace=False)
    return out


class Sample:
    """A program of examples/clients, made and run in a copy of its folder by the commands of its README.

    Those of the last shell block count: its last line runs the program, what stands before makes it.
    """

    def __init__(self, client: str, folder: Path, url: str, **env: str) -> None:
        self.folder = folder / client
        self.env = env
        shutil.copytree(CLIENTS / client, self.folder)
        blocks = re.findall(r"```sh\n(.*?)```", (self.folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
        *self.making, self.running = blocks[-1].replace("https://api.example.com", url).strip().splitlines()
        # what a machine does once stands in packages.apt and package.json
        self.making = [line for line in self.making if not re.match(r"(npm|pip) install", line)]

    def make(self, *changes: tuple[str, str]) -> Sample:
        """`changes` replace text in the commands, for another variant."""
        script = "\n".join(self.making)
        for old, new in changes:
            assert old in script
            script = script.replace(old, new)
        run("bash", "-ec", script, cwd=self.folder, env=self.env)
        return self

    def program(self, version: str = "1.1") -> Callable[..., str]:
        """What `play` wants: called with URL, store, user and password it gives the report."""

        def played(url: str, *login: str) -> str:
            variables = [line for line in self.making if re.match(r"(export )?[A-Z]+=", line)]
            *command, store, user, password = shlex.split(self.running.removesuffix(" 1.1"))
            assert (store, user, password) == ("STORE", "USER", "PASSWORD")
            assert command[-1] == url
            more = [version] if self.running.endswith(" 1.1") else []
            line = self.running.partition(" STORE ")[0] + " " + shlex.join([*login, *more])
            return run("bash", "-ec", "\n".join([*variables, line]), cwd=self.folder, env=self.env)

        return played
