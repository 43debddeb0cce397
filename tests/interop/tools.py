"""What the interoperability tests run: foreign programs, which may be missing on a developer's machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

CLIENTS = Path(__file__).parents[2] / "examples" / "clients"


def need(*tools: str | Path) -> None:
    """Skips the test if a command or a file is missing; with REQUIRE_ALL=1 it fails instead."""
    missing = [str(one) for one in tools if not (Path(one).exists() if "/" in str(one) else shutil.which(str(one)))]
    if missing:
        reason = f"missing: {', '.join(missing)} (see tests/interop/packages.apt and package.json)"
        pytest.fail(reason) if os.environ.get("REQUIRE_ALL") else pytest.skip(reason)


def run(
    *command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None, timeout: float = 240
) -> str:
    """The command's standard output as text; anything but exit code 0 fails the test with all that it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TZ": "America/New_York", **(env or {})},
        check=False,
        capture_output=True,
        timeout=timeout,
    )
    out, err = done.stdout.decode("utf-8"), done.stderr.decode("utf-8", "replace")
    if done.returncode:
        pytest.fail(f"{command[0]} ended with {done.returncode}\n{out[-4000:]}\n{err[-6000:]}", pytrace=False)
    return out


def class_path(*jars: str) -> str:
    """Debian's Java libraries by name, as a class path that begins with the current folder."""
    files = [Path("/usr/share/java") / f"{jar}.jar" for jar in jars]
    need(*files)
    return ":".join([".", *map(str, files)])
