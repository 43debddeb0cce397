"""`integrator call`: what the POS called, and which items failed."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from integrator.accounts import admin
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, output
from integrator.journal import calls

app = typer.Typer(help="Calls that the POS made, and which items failed in them.")

COLUMNS = {
    "id": "CallId", "operation": "Operation", "user_name": "User", "started_at": "At", "milliseconds": "ms",
    "received": "Received", "applied": "Applied", "unchanged": "Unchanged", "failed": "Failed", "error_code": "Error",
}  # fmt: skip


@app.command("list")
def list_(
    store: Annotated[str, typer.Argument(metavar="STORE", help="The StoreId.")],
    operation: Annotated[str | None, typer.Option(help="Only this operation, like UpdateInventory.")] = None,
    failed: Annotated[bool, typer.Option("--failed", help="Only calls in which something failed.")] = False,
    item: Annotated[str | None, typer.Option(help="Only calls in which this item or record failed.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 50,
) -> None:
    """Calls of a store, the newest first.

    Example: integrator call list BERG-1 --item 4711
    """
    with transaction() as connection:
        found = admin.find_store(connection, store)
        rows = calls.listed(
            connection, found.account_id, found.store_id, operation=operation, failed_only=failed, item_id=item,
            limit=limit,
        )  # fmt: skip
    output().table(rows, columns=COLUMNS, empty="No such calls.")


@app.command()
def show(call: Annotated[UUID, typer.Argument(metavar="CALL", help="The CallId of the answer.")]) -> None:
    """One call with the items that failed in it."""
    with transaction() as connection:
        row = calls.shown(connection, call)
    if row is None:
        raise Failed(
            f"There is no call {call}.",
            hint="It may be older than what is kept (INTEGRATOR_KEEP_CALLS_DAYS).",
            code=Exit.NOT_FOUND,
        )
    out = output()
    if out.json:
        out.data(row)
        return
    out.record({key: value for key, value in row.items() if key != "failures"}, labels=COLUMNS)
    if row["failures"]:
        columns = {"index": "Index", "subject_id": "Id", "code": "Code", "field": "Field", "message": "What is wrong"}
        out.table(row["failures"], columns=columns, title="Failed items")
