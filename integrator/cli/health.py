"""`integrator health`: for HEALTHCHECK and scripts."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Annotated, Any

import typer

from integrator.cli.output import Exit, Failed, output
from integrator.settings import settings

app = typer.Typer()


def ask(url: str, timeout: float = 5) -> tuple[int, dict[str, Any]]:
    """HTTP status and document of a health address. Raises OSError."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this machine is not behind a proxy
    try:
        with direct.open(url, timeout=timeout) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        try:
            return error.code, json.load(error)
        except ValueError:
            return error.code, {}


@app.command()
def health(
    url: Annotated[str, typer.Option(help="Base URL of the web role; default: this machine's.")] = "",
    live: Annotated[bool, typer.Option("--live", help="Only whether it answers, not whether it can work.")] = False,
) -> None:
    """Ask the running web role whether it is well. Exit code 0 if it is, 1 if not, 4 if nothing answers.

    Example: integrator health --url http://127.0.0.1:8000
    """
    chosen = settings()
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.host, chosen.host)  # noqa: S104
    address = (url or f"http://{host}:{chosen.port}").rstrip("/") + ("/health/live" if live else "/health/ready")
    try:
        status, document = ask(address)
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise Failed(f"{address} does not answer: {reason}.", hint="Is it running?", code=Exit.UNREACHABLE) from None
    output().record({"url": address, "http_status": status, **document})
    if status != 200:
        raise typer.Exit(Exit.FAILED)
