"""`integrator shipment`: what the POS shipped, on its way to the shops."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.cli.database import connected, transaction
from integrator.cli.order import CHANNEL, LIMIT, SHIPMENT_COLUMNS, STORE, only, scope, shipment_row
from integrator.cli.output import output
from integrator.orders import report, shipments
from integrator.store.engine import begin
from integrator.sync.wake import wake

app = typer.Typer(help="Shipments that the POS saved.")

SHIPMENT = typer.Argument(metavar="SHIPMENT", help="The ShipmentId, or OrderId/ShipmentId.")
HINT = "See them with: integrator shipment list"


@app.command("list")
def list_(
    store: Annotated[str | None, STORE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
    state: Annotated[str | None, typer.Option(help="wanted (on its way), sent or failed.")] = None,
    limit: Annotated[int, LIMIT] = 100,
) -> None:
    """Shipments, newest first, and whether the shops have them."""
    with transaction() as connection:
        rows = report.shipments(connection, **scope(connection, store, channel), state=state, limit=limit)
    people = [shipment_row(one) for one in rows]
    output().table(people, columns=SHIPMENT_COLUMNS, empty="No shipments.", data=rows)


@app.command()
def show(shipment: Annotated[str, SHIPMENT], store: Annotated[str | None, STORE] = None) -> None:
    """One shipment: its lines, and what the shop said."""
    with transaction() as connection:
        found = report.found_shipments(connection, shipment.strip(), **scope(connection, store))
        chosen = only(found, f"shipment {shipment!r}", "id", HINT)
        rows = report.shipments(connection, account_id=chosen["account_id"], order_id=chosen["order_id"], limit=1000)
    about = next(row for row in rows if row["id"] == chosen["id"])
    if output().json:
        output().data(about)
        return
    people = shipment_row(about)
    body = about["document"]
    output().record(
        {
            "Shipment": about["id"],
            "Order": about["number"],
            "Store": about["store"],
            "Shop": about["channel"],
            "Units": people["lines"],
            "Shipped": body.get("ShipDate"),
            "Carrier": " ".join(one for one in (body.get("Carrier"), body.get("ShipMethod")) if one),
            "Tracking": people["tracking"],
            "Saved": about["created_at"],
            "Call": about["call_id"],
            "To the shop": people["answer"],
            "Seen in the shop": about["mirrored_at"],
        }
    )


@app.command()
def resend(shipment: Annotated[str, SHIPMENT], store: Annotated[str | None, STORE] = None) -> None:
    """Tell the shop again, at once. One that the shop has is found there and not doubled."""
    with connected():
        with begin() as connection:
            found = report.found_shipments(connection, shipment.strip(), **scope(connection, store))
            chosen = only(found, f"shipment {shipment!r}", "id", HINT)
            shipments.resend(connection, chosen["account_id"], chosen["store_id"], [chosen["id"]])
        wake(chosen["account_id"], chosen["store_id"], ["ship"])
    output().done(f"The shop is told of shipment {chosen['id']} again.", id=chosen["id"])
