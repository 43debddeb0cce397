"""`integrator store`: one connection of a POS each."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from integrator.accounts import admin
from integrator.accounts.settings import StoreSettings
from integrator.cli import fields
from integrator.cli.again import push_again
from integrator.cli.database import transaction
from integrator.cli.output import output

app = typer.Typer(help="Stores: one connection of a POS each, with its StoreId, users, locations and channels.")

STORE = typer.Argument(metavar="STORE", help="The StoreId.")
GROUP = ("Settings of the store", StoreSettings)


@app.command(context_settings=fields.CONTEXT, add_help_option=False)
def add(
    ctx: typer.Context,
    account: Annotated[str | None, typer.Argument(metavar="ACCOUNT", help="Name or number of the account.")] = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="What people call the store.")] = None,
    code: Annotated[str | None, typer.Option(help="The StoreId that the POS sends; made if left out.")] = None,
    help: Annotated[bool, fields.HELP] = False,
) -> None:
    """Add a store to an account.

    Example: integrator store add "Bergmann Shoes" "Main street" --code BERG-1 --time-zone Europe/Berlin
    """
    if help:
        fields.show_help(ctx, GROUP)
    fields.positional(account=account, name=name)
    given = fields.parse(ctx.args, StoreSettings)
    assert account is not None
    assert name is not None
    with transaction() as connection:
        found = admin.find_account(connection, account)
        store = admin.add_store(connection, found.id, code, name, given.of(StoreSettings))
    output().done(
        f"Store {store.code} is there. Next: integrator user add {store.code} pos",
        code=store.code,
        id=store.store_id,
        account_id=store.account_id,
        name=name,
    )


@app.command("list")
def list_(account: Annotated[str | None, typer.Option(help="Only of this account.")] = None) -> None:
    """All stores."""
    with transaction() as connection:
        number = admin.find_account(connection, account).id if account else None
        found = admin.list_stores(connection, number)
    output().table(
        found,
        columns={"code": "StoreId", "name": "Store", "account": "Account", "created_at": "Since"},
        empty="There are no stores yet: integrator store add ACCOUNT NAME",
    )


@app.command()
def show(store: Annotated[str, STORE]) -> None:
    """A store: its settings, users, locations and channels."""
    from integrator.accounts import channels

    with transaction() as connection:
        found = admin.find_store(connection, store)
        about = next(one for one in admin.list_stores(connection, found.account_id) if one["code"] == store)
        users = [
            {"name": one.name, "service": one.service or "both", "revoked_at": one.revoked_at}
            for one in admin.list_users(connection, found)
        ]
        locations = [
            {"code": one.code, "name": one.name, "enabled": one.enabled, "position": one.position}
            for one in admin.list_locations(connection, found)
        ]
        shops = [
            {"id": one.id, "name": one.name, "platform": one.platform, "state": one.state}
            for one in channels.list_channels(connection, found.account_id, found.store_id)
        ]
    out = output()
    settings = found.settings.model_dump(mode="json")
    if out.json:
        out.data({**about, "settings": settings, "users": users, "locations": locations, "channels": shops})
        return
    out.record(
        {"StoreId": found.code, "Name": about["name"], "Account": about["account"], "Since": about["created_at"]}
    )
    rows: list[dict[str, Any]] = [
        {"setting": name, "value": settings[name], "meaning": option.description}
        for name, option in fields.options_of(StoreSettings).items()
    ]
    out.table(rows, title="Settings")
    out.table(users, title="Users", empty=f"No users yet: integrator user add {store} pos")
    out.table(locations, title="Locations", empty="No locations yet; the POS's own are made as they are sent.")
    out.table(shops, title="Channels", empty=f"No channels yet: integrator channel add {store} PLATFORM")


@app.command(context_settings=fields.CONTEXT, add_help_option=False)
def edit(
    ctx: typer.Context,
    store: Annotated[str | None, STORE] = None,
    name: Annotated[str | None, typer.Option(help="What people call the store.")] = None,
    help: Annotated[bool, fields.HELP] = False,
) -> None:
    """Change a store's name or settings; what is not given stays.

    Example: integrator store edit BERG-1 --no-captures --offer-again-days 30
    """
    if help:
        fields.show_help(ctx, GROUP)
    fields.positional(store=store)
    given = fields.parse(ctx.args, StoreSettings)
    assert store is not None
    with transaction() as connection:
        found = admin.find_store(connection, store)
        changed = given.merged(StoreSettings, found.settings.model_dump())
        before = found.settings.allocation
        found = admin.edit_store(connection, found, name=name, settings=changed)
        if found.settings.allocation != before:
            push_again(connection, found, ["stock"])
    output().done(f"Store {found.code} is changed.", code=found.code, settings=found.settings)


@app.command()
def remove(
    store: Annotated[str, STORE],
    force: Annotated[bool, typer.Option("--force", help="With its channels, products, orders: everything.")] = False,
) -> None:
    """Remove a store; with --force also its channels. There is no way back but a backup."""
    with transaction() as connection:
        found = admin.find_store(connection, store)
        admin.remove_store(connection, found, with_channels=force)
    output().done(f"Store {found.code} is removed.", code=found.code)
