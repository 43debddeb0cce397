"""The command as a user runs it: a process of its own, its exit code, its two outputs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err.strip().splitlines()[-1])["error"]


class Command:
    """`integrator("store", "list", "--json").data`"""

    def __init__(self, folder: Path, database: str | None, python: str = sys.executable) -> None:
        self.folder, self.python = folder, python
        kept = {k: v for k, v in os.environ.items() if not k.startswith("INTEGRATOR_") and k != "DATABASE_URL"}
        self.environment = {**kept, "INTEGRATOR_DATA_DIR": str(folder / "data"), "COLUMNS": "200"}
        if database:
            self.environment["DATABASE_URL"] = database

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        environment: Mapping[str, str] = options.pop("env", {})
        return subprocess.Popen(
            [self.python, "-m", "integrator", *arguments],
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=options.pop("stdin", subprocess.DEVNULL),
            text=True,
            **options,
        )

    def __call__(self, *arguments: str, input: str | None = None, code: int = 0, **options: Any) -> Ran:
        """Fails the test if it does not end with `code`."""
        process = self.start(*arguments, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL, **options)
        out, err = process.communicate(input, timeout=120)
        assert process.returncode == code, f"{arguments} ended with {process.returncode}\n{out}\n{err}"
        return Ran(process.returncode, out, err)
