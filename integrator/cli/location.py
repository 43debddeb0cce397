"""`integrator location`: where the POS keeps goods."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from integrator.accounts import admin
from integrator.cli.again import push_again
from integrator.cli.database import transaction
from integrator.cli.output import output

app = typer.Typer(help="Locations of a store: where the POS keeps goods. Position 1 is where web orders are booked.")

STORE = typer.Argument(metavar="STORE", help="The StoreId.")
CODE = typer.Argument(metavar="LOCATION", help="The LocationId that the POS sends.")
COLUMNS = {"code": "LocationId", "name": "Name", "enabled": "Counts", "position": "Position"}


@app.command()
def add(
    store: Annotated[str, STORE],
    code: Annotated[str, CODE],
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    position: Annotated[int | None, typer.Option(min=1, help="1 is the primary one; default: last.")] = None,
    disabled: Annotated[bool, typer.Option("--disabled", help="Its stock does not count for the shops.")] = False,
) -> None:
    """Add a location before the POS sends it.

    Example: integrator location add BERG-1 MAIN --name "Main street" --position 1
    """
    with transaction() as connection:
        found = admin.find_store(connection, store)
        location = admin.add_location(connection, found, code, name, position=position, enabled=not disabled)
    output().done(f"Location {code} of {store} is there.", **asdict(location))


@app.command("list")
def list_(store: Annotated[str, STORE]) -> None:
    """The locations of a store, the primary one first."""
    with transaction() as connection:
        found = admin.list_locations(connection, admin.find_store(connection, store))
    output().table(
        [asdict(one) for one in found],
        columns=COLUMNS,
        empty="No locations yet; those that the POS sends are made, unless the store refuses unknown ones.",
    )


@app.command()
def show(store: Annotated[str, STORE], code: Annotated[str, CODE]) -> None:
    """One location."""
    with transaction() as connection:
        found = admin.find_location(connection, admin.find_store(connection, store), code)
    output().record(asdict(found), labels=COLUMNS)


@app.command()
def edit(
    store: Annotated[str, STORE],
    code: Annotated[str, CODE],
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    enabled: Annotated[bool | None, typer.Option("--enabled/--disabled", help="Whether its stock counts.")] = None,
    position: Annotated[int | None, typer.Option(min=1, help="1 is the primary one.")] = None,
) -> None:
    """Change a location. When its stock begins or ceases to count, every quantity is sent to the shops anew.

    Example: integrator location edit BERG-1 OUTLET --disabled
    """
    with transaction() as connection:
        found = admin.find_store(connection, store)
        before = admin.find_location(connection, found, code)
        after = admin.edit_location(connection, found, code, name=name, enabled=enabled, position=position)
        if before.enabled != after.enabled:
            push_again(connection, found, ["stock"])
    output().done(f"Location {code} of {store} is changed.", **asdict(after))


@app.command()
def remove(store: Annotated[str, STORE], code: Annotated[str, CODE]) -> None:
    """Remove a location; every quantity is sent to the shops anew without it."""
    with transaction() as connection:
        found = admin.find_store(connection, store)
        admin.remove_location(connection, found, code)
        push_again(connection, found, ["stock"])
    output().done(f"Location {code} of {store} is removed.", store=store, code=code)
