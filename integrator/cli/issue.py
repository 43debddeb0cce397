"""`integrator issue`: what a person must look at."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from integrator.accounts import admin, channels
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, output
from integrator.journal import issues as journal
from integrator.sync.resend import products as push_again
from integrator.sync.resend import resend as start_again

app = typer.Typer(help="Issues: what a person must look at. One closes by itself when the thing succeeds.")

NUMBER = typer.Argument(metavar="ISSUE", help="Number of the issue.")
STORE = typer.Option(help="Only of this store (its StoreId).")
CHANNEL = typer.Option(help="Only of this channel (its number or name).")
CODE = typer.Option(help="Only with this code, like REFUSED_BY_SHOP.")
COLUMNS = {
    "id": "Issue", "code": "Code", "subject": "About", "subject_id": "Id", "purpose": "Doing", "store": "StoreId",
    "channel": "Channel", "message": "What is wrong", "attempts": "Times", "last_at": "Last",
}  # fmt: skip
AT_MOST = 100_000


def _chosen(
    connection: Any, store: str | None, channel: str | None, code: str | None, **more: Any
) -> list[dict[str, Any]]:
    found = admin.find_store(connection, store) if store else None
    shop = channels.find_channel(connection, channel) if channel else None
    return journal.listed(
        connection,
        found.account_id if found else shop.account_id if shop else None,
        store_id=found.store_id if found else None,
        channel_id=shop.id if shop else None,
        code=code,
        **more,
    )


def _placed(connection: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The issues with the names that people and commands use beside the numbers: `store` and `channel`."""
    stores = {one["id"]: one["code"] for one in admin.list_stores(connection)} if rows else {}
    shops = {one.id: one.name for one in channels.list_channels(connection)} if rows else {}
    return [
        {**row, "store": stores.get(row["store_id"], ""), "channel": shops.get(row["channel_id"], "")} for row in rows
    ]


@app.command("list")
def list_(
    store: Annotated[str | None, STORE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
    code: Annotated[str | None, CODE] = None,
    about: Annotated[
        str | None, typer.Option(help="product, order, transaction, capture, shipment or channel.")
    ] = None,
    id_: Annotated[str | None, typer.Option("--id", help="Only about this id, like the ItemIntegrationId.")] = None,
    closed: Annotated[bool, typer.Option("--closed", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the newest first.")] = 100,
) -> None:
    """Open issues, the newest first.

    Example: integrator issue list --channel woocommerce --code REFUSED_BY_SHOP
    """
    with transaction() as connection:
        state = None if closed else "open"
        rows = _placed(
            connection,
            _chosen(connection, store, channel, code, subject=about, subject_id=id_, state=state, limit=limit),
        )
    columns = {**COLUMNS, "state": "State"} if closed else COLUMNS
    output().table(rows, columns=columns, empty="No issues: nothing needs a person.")


@app.command()
def show(issue: Annotated[int, NUMBER]) -> None:
    """One issue with what to do about it."""
    with transaction() as connection:
        (row,) = _placed(connection, [_found(journal.shown(connection, issue), issue)])
    out = output()
    if not out.json:  # the numbers are for scripts
        row = {key: value for key, value in row.items() if key not in ("account_id", "store_id", "channel_id")}
    out.record(row, labels={**COLUMNS, "hint": "What to do", "first_at": "First", "closed_at": "Closed"})


@app.command()
def resend(
    issue: Annotated[int | None, typer.Argument(metavar="[ISSUE]", help="Number of the issue.")] = None,
    code: Annotated[str | None, typer.Option(help="All open issues with this code.")] = None,
    product: Annotated[
        list[str] | None, typer.Option(help="These products (ItemIntegrationId), whether there is an issue or not.")
    ] = None,
    store: Annotated[str | None, STORE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
) -> None:
    """Start again what an issue is about: push a product, read an order, offer a record to the POS, tell the shop
    of a shipment, try a channel.

    The issue stays open until the thing succeeds.

    Examples: integrator issue resend 17 · integrator issue resend --code SKU_CONFLICT --channel woocommerce ·
    integrator issue resend --product 4711 --store BERG-1
    """
    given = [issue is not None, code is not None, bool(product)]
    if sum(given) != 1:
        raise Failed("Say what to resend: one issue, --code, or --product.", code=Exit.USAGE)
    with transaction() as connection:
        if product:
            if not store:
                raise Failed("--product needs --store, the StoreId it belongs to.", code=Exit.USAGE)
            context = admin.find_store(connection, store)
            shop = channels.find_channel(connection, channel).id if channel else 0
            started = push_again(connection, context.account_id, context.store_id, shop, "", product)
            if not started:
                raise Failed(f"Store {store} has no such product.", code=Exit.NOT_FOUND)
            output().done(f"Started: {started}.", started=started)
            return
        if issue is not None:
            rows = [_open(journal.shown(connection, issue), issue)]
        else:
            rows = _chosen(connection, store, channel, code, limit=AT_MOST)
        if not rows:
            raise Failed(f"There is no open issue with the code {code}.", code=Exit.NOT_FOUND)
        done = start_again(connection, rows)
    sentences = sorted({sentence for sentence in done.values() if sentence})
    nothing = [number for number, sentence in done.items() if not sentence]
    if nothing:
        numbers = ", ".join(map(str, nothing[:20]))
        output().warn(f"What these issues are about is not there any more: {numbers}. Dismiss them.")
    if not sentences:
        raise Failed("Nothing could be started again.", hint="Close it with: integrator issue dismiss")
    output().done(f"Started: {'; '.join(sentences)}.", issues=len(done) - len(nothing), started=sentences)


@app.command()
def dismiss(
    issue: Annotated[list[int] | None, typer.Argument(metavar="[ISSUE]...", help="Numbers of issues.")] = None,
    code: Annotated[str | None, typer.Option(help="All open issues with this code.")] = None,
    store: Annotated[str | None, STORE] = None,
    channel: Annotated[str | None, CHANNEL] = None,
) -> None:
    """Close issues without doing anything. The same trouble again opens a new one.

    Example: integrator issue dismiss 17 18
    """
    if bool(issue) == (code is not None):
        raise Failed("Say what to dismiss: numbers of issues, or --code.", code=Exit.USAGE)
    with transaction() as connection:
        if issue:
            rows = [_open(journal.shown(connection, number), number) for number in issue]
        else:
            rows = _chosen(connection, store, channel, code, limit=AT_MOST)
        many = 0
        for account_id in sorted({row["account_id"] for row in rows}):
            numbers = [row["id"] for row in rows if row["account_id"] == account_id]
            many += journal.dismiss(connection, account_id, numbers)
    output().done(f"{many} issue(s) are closed.", dismissed=many)


def _found(row: dict[str, Any] | None, number: int) -> dict[str, Any]:
    if row is None:
        raise Failed(f"There is no issue {number}.", hint="See them with: integrator issue list", code=Exit.NOT_FOUND)
    return row


def _open(row: dict[str, Any] | None, number: int) -> dict[str, Any]:
    found = _found(row, number)
    if found["state"] != "open":
        raise Failed(f"Issue {number} is {found['state']} already.")
    return found
