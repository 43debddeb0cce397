"""`integrator attempt`: requests that were made to the shops."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.accounts import channels
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, output
from integrator.journal import attempts

app = typer.Typer(help="Requests that were made to the shops; secrets are never kept.")

CHANNEL = typer.Argument(metavar="CHANNEL", help="Number or name of the channel.")
COLUMNS = {
    "id": "Attempt", "started_at": "At", "purpose": "Doing", "method": "Method", "url": "URL", "status": "Status",
    "outcome": "Outcome", "items": "Items", "milliseconds": "ms", "message": "Message",
}  # fmt: skip


@app.command("list")
def list_(
    channel: Annotated[str, CHANNEL],
    purpose: Annotated[str | None, typer.Option(help="content, price, stock, pull, ship ...")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only those that went wrong.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
) -> None:
    """Requests of a channel, the newest first.

    Example: integrator attempt list woocommerce --failed
    """
    with transaction() as connection:
        found = channels.find_channel(connection, channel)
        rows = attempts.listed(
            connection, found.account_id, channel_id=found.id, purpose=purpose, failed_only=failed, limit=limit
        )
    output().table(rows, columns=COLUMNS, empty="No such requests.")


@app.command()
def show(
    channel: Annotated[str, CHANNEL], attempt: Annotated[int, typer.Argument(metavar="ATTEMPT", help="Its number.")]
) -> None:
    """One request; of one that went wrong with what was sent and answered."""
    with transaction() as connection:
        found = channels.find_channel(connection, channel)
        row = attempts.shown(connection, found.account_id, attempt)
    if row is None or row["channel_id"] != found.id:
        raise Failed(f"There is no attempt {attempt} of channel {found.name}.", code=Exit.NOT_FOUND)
    output().record(row, labels=COLUMNS)
