"""`integrator account`: merchants."""

from __future__ import annotations

from typing import Annotated

import typer

from integrator.accounts import admin
from integrator.cli.database import transaction
from integrator.cli.output import output

app = typer.Typer(help="Accounts: merchants. An account has stores and channels, and sees nothing of the others.")

ACCOUNT = typer.Argument(metavar="ACCOUNT", help="Name or number of the account.")
COLUMNS = {"id": "Number", "name": "Account", "stores": "Stores", "channels": "Channels", "created_at": "Since"}


def _row(account: admin.Account) -> dict[str, object]:
    return {key: getattr(account, key) for key in COLUMNS}


@app.command()
def add(name: Annotated[str, typer.Argument(help="Name of the merchant; unique.")]) -> None:
    """Add an account.

    Example: integrator account add "Bergmann Shoes"
    """
    with transaction() as connection:
        number = admin.add_account(connection, name)
    output().done(
        f"Account {number} {name!r} is there. Next: integrator store add {name!r} 'Main store'", id=number, name=name
    )


@app.command("list")
def list_() -> None:
    """All accounts."""
    with transaction() as connection:
        found = admin.list_accounts(connection)
    output().table(
        [_row(one) for one in found], columns=COLUMNS, empty="There are no accounts yet: integrator account add NAME"
    )


@app.command()
def show(account: Annotated[str, ACCOUNT]) -> None:
    """One account with its stores."""
    with transaction() as connection:
        found = admin.find_account(connection, account)
        stores = [
            {"code": one["code"], "name": one["name"], "id": one["id"]}
            for one in admin.list_stores(connection, found.id)
        ]
    out = output()
    if out.json:
        out.data({**_row(found), "stores": stores})
        return
    out.record(_row(found), labels=COLUMNS)
    out.table(stores, columns={"code": "StoreId", "name": "Store"}, title="Stores", empty="No stores yet.")


@app.command()
def edit(account: Annotated[str, ACCOUNT], name: Annotated[str, typer.Option(help="The new name.")]) -> None:
    """Rename an account."""
    with transaction() as connection:
        found = admin.find_account(connection, account)
        admin.edit_account(connection, found.id, name)
    output().done(f"Account {found.id} is now {name!r}.", id=found.id, name=name)


@app.command()
def remove(
    account: Annotated[str, ACCOUNT],
    force: Annotated[bool, typer.Option("--force", help="With its stores, products, orders: everything.")] = False,
) -> None:
    """Remove an account; with --force also what belongs to it. There is no way back but a backup."""
    with transaction() as connection:
        found = admin.find_account(connection, account)
        admin.remove_account(connection, found.id, with_stores=force)
    output().done(f"Account {found.name!r} is removed.", id=found.id, name=found.name)
