"""`integrator web`: the web role."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.cli import roles
from integrator.cli.output import output

app = typer.Typer()


@app.command()
def web(
    host: Annotated[str | None, typer.Option(help="Address to listen on; default: INTEGRATOR_HOST.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65535, help="Port; default: INTEGRATOR_PORT.")] = None,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes; default: INTEGRATOR_WEB_PROCESSES.")
    ] = None,
    threads: Annotated[
        int | None, typer.Option(min=1, max=64, help="Threads of each; default: INTEGRATOR_WEB_THREADS.")
    ] = None,
) -> None:
    """Run the web role: the SOAP services, webhooks, health and metrics.

    It serves until SIGTERM or Ctrl-C, then lets the calls that are running end. The schema must be current
    (integrator db upgrade). Any number of machines may run it on one database.

    Examples:

      integrator web

      integrator web --host 0.0.0.0 --port 8080 --processes 4
    """
    chosen = roles.chosen(host=host, port=port, web_processes=processes, web_threads=threads)
    roles.port_must_be_free(chosen)
    roles.telemetry_installed(chosen)
    from integrator.cli.database import connected

    with connected() as url:
        from integrator.store import engine
        from integrator.web import server

        engine.forget()  # nothing of it may reach the forked processes
        out = output()

        def started(address: str) -> None:
            out.ready({"role": "web", "url": address}, f"Integrator listens on {address}")

        server.run(chosen.model_copy(update={"database_url": url}), started)
