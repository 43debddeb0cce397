"""`integrator serve`: web and worker together, with a database of their own unless DATABASE_URL is set."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer

from integrator.cli import roles
from integrator.cli.health import ask
from integrator.cli.output import Exit, Failed, Output, output
from integrator.settings import Settings
from integrator.store.embedded import Embedded

app = typer.Typer()

READY_SECONDS = 60
STOP_SECONDS = 40  # longer than either role lets running work end
TOO_OFTEN, WITHIN_SECONDS = 5, 60  # so many ends of one role in so short a time are not an accident


def _die_with_parent() -> None:
    """The kernel ends the role when `serve` is killed, so that no half of the service is left (Linux)."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


@dataclass
class Role:
    """One child process, started again when it ends by itself."""

    name: str
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    ends: list[float] = field(default_factory=list)

    def start(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "integrator", self.name],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,  # its own readiness line; logs go to stderr
            start_new_session=True,  # Ctrl-C reaches `serve`, which stops both in order
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - nothing but one system call
        )

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def clear_away(self) -> None:
        """Ends what a role that died has left behind: its processes would keep the port."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGTERM)

    def ask_to_stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def wait(self, seconds: float) -> None:
        if self.process is None:
            return
        try:
            self.process.wait(max(0.1, seconds))
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def _keep_running(children: list[Role], server: Embedded | None, stop: threading.Event, out: Output) -> None:
    """Until `stop`. A role or our own database that ends is started again; what cannot stay up ends the service."""
    while not stop.wait(0.2):
        if server is not None and server.revive():
            out.warn("The database ended by itself and is started again.")
        for role in children:
            code = role.ended()
            if code is None:
                continue
            role.clear_away()
            now = time.monotonic()
            role.ends = [then for then in role.ends if now - then < WITHIN_SECONDS] + [now]
            if len(role.ends) >= TOO_OFTEN:
                raise Failed(
                    f"The {role.name} ended {TOO_OFTEN} times within {WITHIN_SECONDS} s (last with exit code {code}); "
                    "the service stops.",
                    hint="What it wrote above says why.",
                )
            out.warn(f"The {role.name} ended by itself (exit code {code}) and is started again.")
            stop.wait(min(5.0, 0.2 * 2 ** len(role.ends)))
            if not stop.is_set():
                role.start()


def _until_ready(children: list[Role], address: str, stop: threading.Event) -> None:
    """Raises Failed if a role ends before, or the web role is not ready in time."""
    deadline = time.monotonic() + READY_SECONDS
    while not stop.is_set():
        for role in children:
            if (code := role.ended()) is not None:
                raise Failed(f"The {role.name} ended at once (exit code {code}).", hint="What it wrote above says why.")
        with contextlib.suppress(OSError, ValueError):
            if ask(f"{address}/health/ready", timeout=2)[0] == 200:
                return
        if time.monotonic() > deadline:
            raise Failed(f"The web role was not ready within {READY_SECONDS} s.", code=Exit.UNREACHABLE)
        stop.wait(0.05)


def _addresses(chosen: Settings) -> tuple[str, str]:
    """Where this machine reaches it, and what is told to others."""
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.host, chosen.host)  # noqa: S104
    local = f"http://{host}:{chosen.port}"
    return local, chosen.public_url or local


def _welcome(out: Output, chosen: Settings, public: str, seconds: float) -> None:
    values: dict[str, Any] = {
        "status": "ready",
        "url": public,
        "wsdl": {name: f"{public}/{name}?wsdl" for name in ("ProductTasks", "OrderTasks")},
        "health": f"{public}/health/ready",
        "database": "DATABASE_URL" if chosen.database_url else "embedded",
        "data_dir": str(chosen.data_dir.resolve()),
        "seconds": round(seconds, 2),
    }
    where = "the database of DATABASE_URL" if chosen.database_url else f"a database of its own in {values['data_dir']}"
    out.ready(values, f"Integrator is ready at {public} after {seconds:.1f} s, with {where}. Ctrl-C stops it.")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: INTEGRATOR_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; default: INTEGRATOR_PORT.")] = None,
) -> None:
    """Run web and worker together, for a trial or a small installation.

    Without DATABASE_URL it brings its own PostgreSQL, whose data stays in INTEGRATOR_DATA_DIR. The schema is
    brought up to date at the start. One line on stdout says when it is ready; SIGTERM or Ctrl-C stops it cleanly.

    Example: integrator serve --port 8080
    """
    began = time.monotonic()
    chosen = roles.chosen(host=host, port=port)
    roles.port_must_be_free(chosen)
    roles.telemetry_installed(chosen)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    from integrator.cli.database import ensure_current, served

    out = output()
    local, public = _addresses(chosen)
    with served() as (url, server):
        ensure_current(url, upgrade=True)
        environment = {**os.environ, "DATABASE_URL": url}
        children = [Role("web", environment), Role("worker", environment)]
        try:
            for role in children:
                role.start()
            _until_ready(children, local, stop)
            if not stop.is_set():
                _welcome(out, chosen, public, time.monotonic() - began)
            _keep_running(children, server, stop, out)
        finally:
            for role in children:
                role.ask_to_stop()
            deadline = time.monotonic() + STOP_SECONDS
            for role in children:
                role.wait(deadline - time.monotonic())
    out.note("Integrator has stopped.")
