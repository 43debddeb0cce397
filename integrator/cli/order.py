"""`integrator order`: orders, transactions and captures on their way to the POS."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer
from sqlalchemy import Connection

from integrator.accounts import admin, channels
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, ago, output
from integrator.orders import deliveries, report

app = typer.Typer(help="Orders, transactions and captures on their way to the POS.")

STORE = typer.Option(metavar="STORE", help="Only of this store (StoreId).")
CHANNEL = typer.Option(metavar="CHANNEL", help="Only of this channel, by name or number.")
LIMIT = typer.Option(min=1, help="At most so many.")
STATES = "open, rejected, confirmed, set_aside, or 'not offered' (stored while the queue was off)"
COLUMNS = {
    "number": "Order", "order_id": "OrderId", "channel": "Shop", "placed_at": "Placed", "status": "Status",
    "total": "Total", "currency": "", "revision": "Revision", "state": "To the POS", "receipt_number": "Receipt",
    "message": "What the POS said",
}  # fmt: skip


def scope(connection: Connection, store: str | None, channel: str | None = None) -> dict[str, Any]:
    """What --store and --channel mean to orders.report."""
    found: dict[str, Any] = {}
    if store:
        context = admin.find_store(connection, store)
        found.update(account_id=context.account_id, store_id=context.store_id)
    if channel:
        record = channels.find_channel(connection, channel)
        found.update(account_id=record.account_id, channel_id=record.id)
    return found


def only(rows: Sequence[Mapping[str, Any]], what: str, key: str, hint: str) -> Mapping[str, Any]:
    """The one that was named; else the command ends and says which there are."""
    if not rows:
        raise Failed(f"There is no {what}.", hint=hint, code=Exit.NOT_FOUND)
    if len(rows) > 1:
        named = ", ".join(str(row[key]) for row in rows[:10])
        raise Failed(f"Several fit {what}: {named}.", hint="Name one of these ids.", code=Exit.USAGE)
    return rows[0]


@app.command("list")
def list_(
    store: Annotated[str | None, STORE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
    state: Annotated[str | None, typer.Option(help=f"How it stands towards the POS: {STATES}.")] = None,
    search: Annotated[str | None, typer.Option(help="A part of the number, the id or the e-mail address.")] = None,
    limit: Annotated[int, LIMIT] = 100,
) -> None:
    """Orders, newest first, and how they stand towards the POS.

    Example: integrator order list --store BERG-1 --state rejected
    """
    with transaction() as connection:
        rows = report.listed(connection, **scope(connection, store, channel), state=state, search=search, limit=limit)
    columns = COLUMNS if any(row["message"] for row in rows) else {k: v for k, v in COLUMNS.items() if k != "message"}
    output().table(rows, columns=columns, empty="No orders.")


@app.command()
def show(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's number or OrderId.")],
    store: Annotated[str | None, STORE] = None,
) -> None:
    """One order with all that belongs to it: revision, lines with their quantities, what the POS answered,
    transactions, captures, shipments, issues.

    Example: integrator order show 1003
    """
    with transaction() as connection:
        rows = report.found(connection, order.strip(), **scope(connection, store))
        chosen = only(rows, f"order {order!r}", "public_id", "See them with: integrator order list")
        about = report.show(connection, chosen)
    if output().json:
        output().data(about)
    else:
        _print(about)


def _answer(about: Mapping[str, Any]) -> str:
    """How a record stands towards the POS, in words."""
    state, receipt = about["state"], about["receipt_number"]
    if state == "confirmed":
        told = f"confirmed {ago(about['answered_at'])}" + (f", receipt {receipt}" if receipt else "")
        behind = about.get("delivered_revision") not in (None, about.get("revision"))
        return told + (f" (revision {about['delivered_revision']})" if behind else "")
    if state == "rejected":
        many = f", {about['rejections']} times" if about["rejections"] > 1 else ""
        return f"rejected{many}: {about['message']} (offered again {ago(about['due_at'])})"
    if state == "set_aside":
        return f"set aside: {about['message']}" if about["message"] else "set aside"
    return "offered, not answered yet" if state == "open" else "not offered: the queue was off when it came"


def _plain(value: Any) -> str:
    """A quantity without idle zeros."""
    return f"{value.normalize():f}"


def _print(about: Mapping[str, Any]) -> None:
    out, body = output(), about["document"]
    customer = body.get("Customer", {})
    name = f"{customer.get('FirstName', '')} {customer.get('LastName', '')}".strip()
    out.record(
        {
            "OrderId": about["order_id"],
            "Store": about["store"],
            "Shop": f"{about['channel']} ({about['platform']})",
            "Placed": about["placed_at"],
            "Changed": about["modified_at"],
            "Status": about["status"],
            "Payment": about["payment_status"],
            "Customer": f"{name} <{customer.get('Email', '')}>",
            "POS customer": about["pos_customer_id"],
            "Total": f"{body.get('GrandTotal')} {body.get('Currency')}",
            "Revision": about["revision"],
            "To the POS": _answer(about),
        },
        title=f"Order {about['number']}",
    )
    quantities = ("ordered", "cancelled", "refunded", "shipped", "returned", "allocated")
    out.table(
        [{**line, **{key: _plain(line[key]) for key in quantities}} for line in about["lines"]],
        columns={
            "line_id": "Line", "item_id": "Item", "sku": "SKU", "name": "Name", "ordered": "Ordered",
            "cancelled": "Cancelled", "refunded": "Refunded before shipping", "shipped": "Shipped",
            "returned": "Returned", "allocated": "Held from stock",
        },
        title="Lines",
    )  # fmt: skip
    for kind in ("transactions", "captures"):
        if about[kind]:
            out.table(
                [{**one, "answer": _answer(one)} for one in about[kind]],
                columns={"id": "Id", "type": "Type", "occurred_at": "When", "amount": "Amount", "answer": "To the POS"},
                title=kind.capitalize(),
            )
    if about["shipments"]:
        out.table([shipment_row(one) for one in about["shipments"]], columns=SHIPMENT_COLUMNS, title="Shipments")
    if about["issues"]:
        out.table(
            about["issues"],
            columns={
                "id": "Issue",
                "subject": "About",
                "code": "Code",
                "message": "What is wrong",
                "hint": "What to do",
            },
            title="Issues",
        )


SHIPMENT_COLUMNS = {
    "id": "Shipment", "channel": "Shop", "lines": "Units", "tracking": "Tracking", "created_at": "Saved",
    "answer": "To the shop",
}  # fmt: skip


def shipment_row(one: Mapping[str, Any]) -> dict[str, Any]:
    """A shipment for a table of people."""
    lines = one["document"].get("Lines", [])
    answer = {"wanted": f"waits, tried {one['attempts']} times" if one["attempts"] else "waits", "failed": "refused"}
    told = answer.get(
        one["state"], f"sent {ago(one['sent_at'])}" + (f" as {one['remote_id']}" if one["remote_id"] else "")
    )
    return {
        **one,
        "lines": ", ".join(f"{line['Quantity']} x {line['ItemIntegrationId'] or line['Sku']}" for line in lines),
        "tracking": ", ".join(one["document"].get("TrackingNumbers", [])),
        "answer": f"{told}: {one['message']}" if one["message"] else told,
    }


@app.command()
def resend(
    record: Annotated[
        str, typer.Argument(metavar="ID", help="The order's number or OrderId; a TransactionId; a CaptureId.")
    ],
    store: Annotated[str | None, STORE] = None,
) -> None:
    """Offer a record to the POS again, at once: also one that it confirmed, or that was stored while the queue was
    off. The POS gets it under the same id.

    Examples: integrator order resend 1003 · integrator order resend 2-shipment-17
    """
    name = record.strip()
    with transaction() as connection:
        where = scope(connection, store)
        kind: deliveries.Kind = "order"
        rows = report.found(connection, name, **where)
        for other in ("transaction", "capture"):
            if not rows:
                kind, rows = other, report.found_record(connection, other, name, **where)
        hint = "See orders with: integrator order list; one order's records with: integrator order show ORDER"
        chosen = only(rows, f"order, transaction or capture {name!r}", "public_id", hint)
        deliveries.offer_again(connection, chosen["account_id"], chosen["store_id"], kind, [chosen["public_id"]])
    output().done(f"The {kind} {chosen['public_id']} is offered to the POS again.", kind=kind, id=chosen["public_id"])
