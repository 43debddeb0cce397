"""`integrator worker`: the worker role."""

from __future__ import annotations

import signal
import threading
from typing import Annotated

import typer

from integrator.cli import roles
from integrator.cli.output import output

app = typer.Typer()


@app.command()
def worker(
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Jobs at a time; default: INTEGRATOR_WORKER_THREADS.")
    ] = None,
) -> None:
    """Run the worker role: pushes to the shops, pulls from them, regular duties.

    It works until SIGTERM or Ctrl-C, then lets the jobs that are running end. Any number of machines may run it
    on one database; each channel has one writer at a time. Killing it loses nothing.

    Example: integrator worker --threads 16
    """
    chosen = roles.chosen(worker_threads=threads)
    roles.telemetry_installed(chosen)
    from integrator import logs, memory, telemetry
    from integrator.cli.database import connected

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    logs.configure(chosen.log_level, chosen.log_format, role="worker")
    with connected():
        from integrator.sync import worker as role

        telemetry.configure(chosen, "worker")
        memory.settle()
        output().ready({"role": "worker", "threads": chosen.worker_threads}, "Integrator's worker works")
        role.run(chosen.worker_threads, stop)
