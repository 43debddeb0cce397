"""Runs `integrator serve` for the demo, and its commands as an operator would."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

START_SECONDS = 60


class DemoFailed(Exception):
    """Something did not do what it should; the message is for whoever watches."""


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there, else any."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoFailed("No port is free.")


class Service:
    """The whole service in a data folder of its own, with its log in a file."""

    def __init__(self, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = free_port(port)
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "service.log"
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("INTEGRATOR_") and k != "DATABASE_URL"},
            "INTEGRATOR_DATA_DIR": str(folder),
            "INTEGRATOR_PORT": str(self.port),
            "INTEGRATOR_PUBLIC_URL": self.url,
            "PYTHONUNBUFFERED": "1",
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Starts it and waits until it is ready; the seconds that took."""
        self.folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "integrator", "serve"], env=self.environment, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        while time.monotonic() - started < START_SECONDS:
            if self.process.poll() is not None:
                raise DemoFailed(f"The service stopped at once:\n{self.tail()}")
            try:
                with urllib.request.urlopen(f"{self.url}/health/ready", timeout=5) as answer:  # noqa: S310
                    if answer.status == 200:
                        return time.monotonic() - started
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        raise DemoFailed(f"The service was not ready after {START_SECONDS} seconds:\n{self.tail()}")

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:]) if self.log.exists() else ""

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=30)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def integrator(self, *arguments: str) -> Any:
        """`integrator … --json`; its answer."""
        done = subprocess.run(
            [sys.executable, "-m", "integrator", *arguments, "--json"],
            env=self.environment, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise DemoFailed(f"integrator {' '.join(arguments)} ended with {done.returncode}:\n{done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None
