"""`integrator customer`: shop customers and what the POS calls them."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.cli.database import transaction
from integrator.cli.order import LIMIT, STORE, scope
from integrator.cli.output import Exit, Failed, output
from integrator.orders import report

app = typer.Typer(help="Shop customers and the POS's ids for them.")

COLUMNS = {
    "email": "E-mail", "web_id": "Shop's id", "pos_id": "POS's id", "channel": "Shop", "orders": "Orders",
    "created_at": "First seen",
}  # fmt: skip


@app.command("list")
def list_(
    store: Annotated[str | None, STORE] = None,
    search: Annotated[str | None, typer.Option(help="A part of the e-mail address or of an id.")] = None,
    limit: Annotated[int, LIMIT] = 100,
) -> None:
    """Customers, newest first. Guests are known by their e-mail address."""
    with transaction() as connection:
        rows = report.customers(connection, **scope(connection, store), search=search, limit=limit)
    output().table(rows, columns=COLUMNS, empty="No customers.")


@app.command()
def show(
    customer: Annotated[str, typer.Argument(metavar="CUSTOMER", help="An e-mail address, or an id of shop or POS.")],
    store: Annotated[str | None, STORE] = None,
) -> None:
    """The customers that this names, with their orders."""
    wanted = customer.strip().lower()
    with transaction() as connection:
        where = scope(connection, store)
        rows = [
            one
            for one in report.customers(connection, **where, search=wanted, limit=1000)
            if wanted in {str(one[key] or "").lower() for key in ("web_id", "email", "pos_id")}
        ]
        if not rows:
            raise Failed(
                f"There is no customer {customer!r}.",
                hint="See them with: integrator customer list",
                code=Exit.NOT_FOUND,
            )
        placed = [report.listed(connection, customer=(one["channel_id"], one["web_id"])) for one in rows]
    if output().json:
        output().data([{**one, "placed": orders} for one, orders in zip(rows, placed, strict=True)])
        return
    output().table(rows, columns=COLUMNS)
    output().table(
        [order for orders in placed for order in orders],
        columns={"number": "Order", "placed_at": "Placed", "total": "Total", "status": "Status", "state": "To the POS"},
        title="Orders",
        empty="No orders.",
    )
