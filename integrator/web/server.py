"""gunicorn around the application: several processes with several threads each, each with a companion for large calls.

The code is imported before the fork, so that the processes share it; connections are made after it, by
`application()` in each process.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from typing import Any

from gunicorn.app.base import BaseApplication
from gunicorn.glogging import Logger

from integrator import logs, memory
from integrator.settings import Settings
from integrator.web.apart import PLACES, Companion, accompany

# Seconds that a thread at work may keep the others of its process waiting. Python's own 5 ms are paid at each statement
# of a small call beside a middling one: p95 63 instead of 19 ms was measured.
SWITCH_SECONDS = 0.0005
GRACEFUL_SECONDS = 30  # how long calls that are running may take to end when the service stops


class Logs(Logger):
    """gunicorn's messages in the form of all others."""

    def setup(self, cfg: Any) -> None:
        self.error_log.propagate = True
        self.access_log.propagate = True
        self.access_log.disabled = True  # every call is a row in the journal, every request a number in /metrics


class Server(BaseApplication):
    def __init__(self, chosen: Settings, started: Callable[[str], None] | None = None) -> None:
        """`started` is called with the address once the service listens."""
        self.chosen = chosen
        self.started = started
        self.companion: Companion | None = None  # of this process; there is none before the fork
        super().__init__()

    def load_config(self) -> None:
        chosen = self.chosen
        host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
        values = {
            "bind": f"{host}:{chosen.port}",
            "workers": chosen.web_processes,
            "threads": chosen.web_threads + PLACES,
            "worker_class": "integrator.contract.worker.Worker",
            "timeout": 120,  # of a process that hangs as a whole; a long call in a thread does not count
            "graceful_timeout": GRACEFUL_SECONDS,
            "keepalive": 75,  # longer than a proxy in front keeps its connections
            "backlog": 512,
            "proc_name": "integrator web",
            # X-Forwarded-* are read by our own code, where it is switched on; never by gunicorn for itself
            "forwarded_allow_ips": "",
            "logger_class": Logs,
            "accesslog": None,
            "control_socket_disable": True,
            "child_exit": _forget,
            "when_ready": self._ready,
            "post_fork": _settle,
        }
        if os.path.isdir("/dev/shm") and os.access("/dev/shm", os.W_OK):  # noqa: S108 - gunicorn's heartbeat file
            values["worker_tmp_dir"] = "/dev/shm"  # noqa: S108
        for name, value in values.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def _ready(self, _arbiter: Any) -> None:
        if self.started is not None:
            self.started(f"http://{self.chosen.host}:{self.chosen.port}")

    def accompany(self, inherited: Any) -> None:
        self.companion = accompany(self._large, inherited)

    def _large(self) -> Any:
        """What the companion does with a message, one at a time: the same as a web process."""
        from integrator import telemetry
        from integrator.contract.app import application
        from integrator.web.app import connect

        telemetry.configure(self.chosen, "web")
        connect(self.chosen, calls=1)
        return application(self.chosen).answer

    def load(self) -> Any:
        from integrator import telemetry
        from integrator.web.app import application

        telemetry.configure(self.chosen, "web")
        return application(self.chosen, self.companion)


def _settle(_arbiter: Any, worker: Any) -> None:
    memory.settle()
    sys.setswitchinterval(SWITCH_SECONDS)
    worker.app.accompany(worker.sockets)
    worker.log.debug("web process %s", worker.pid)


def _forget(_arbiter: Any, worker: Any) -> None:
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


def run(chosen: Settings, started: Callable[[str], None] | None = None) -> None:
    """Serves until SIGTERM or SIGINT; ends the process. DATABASE_URL must be in `chosen`."""
    logs.configure(chosen.log_level, chosen.log_format, role="web")
    folder = tempfile.mkdtemp(prefix="integrator-metrics-")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
    try:
        # the code that every process needs, loaded once; none of these imports connects to anything
        import integrator.connectors.sandbox.shop
        import integrator.contract.app
        import integrator.web.app
        import integrator.web.pages  # noqa: F401

        Server(chosen, started).run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
