"""`integrator user`: what a POS logs in with."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated

import typer

from integrator.accounts import admin
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, output

app = typer.Typer(help="Users of a store: what a POS logs in with. Passwords are made here and shown once.")

STORE = typer.Argument(metavar="STORE", help="The StoreId.")
NAME = typer.Argument(metavar="NAME", help="The user name.")
SERVICE = typer.Option(help="Limit the user to ProductTasks or OrderTasks; both lifts the limit.")


def duration(text: str) -> timedelta:
    """ "90s", "30m", "24h", "7d", "0"."""
    found = re.fullmatch(r"\s*(\d+)\s*([smhd]?)\s*", text)
    if not found or (not found[2] and int(found[1])):
        raise Failed(f"{text!r} is not a length of time.", hint="Write it as 90s, 30m, 24h or 7d.", code=Exit.USAGE)
    unit = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "": "seconds"}[found[2]]
    return timedelta(**{unit: int(found[1])})


def _say(store: str, name: str, password: str, sentence: str) -> None:
    out = output()
    if out.json:
        out.data({"StoreId": store, "UserName": name, "Password": password})
        return
    out.done(sentence)
    out.record(
        {"StoreId": store, "UserName": name, "Password": password},
        labels={"StoreId": "StoreId", "UserName": "UserName"},
    )
    out.note("The password is not kept and cannot be shown again.")


@app.command()
def add(
    store: Annotated[str, STORE],
    name: Annotated[str, NAME],
    service: Annotated[str | None, SERVICE] = None,
) -> None:
    """Add a user with a password of 256 bits, which is shown this once.

    Example: integrator user add BERG-1 pos
    """
    with transaction() as connection:
        found = admin.find_store(connection, store)
        password = admin.add_user(connection, found, name, service)
    _say(found.code, name, password, "The user is there. What the POS needs:")


@app.command("list")
def list_(store: Annotated[str, STORE]) -> None:
    """The users of a store."""
    with transaction() as connection:
        found = admin.list_users(connection, admin.find_store(connection, store))
    output().table(
        [
            {
                "name": one.name,
                "service": one.service or "both",
                "passwords": one.passwords,
                "last_used_at": one.last_used_at,
                "revoked_at": one.revoked_at,
                "created_at": one.created_at,
            }
            for one in found
        ],
        columns={
            "name": "UserName",
            "service": "Service",
            "passwords": "Passwords",
            "last_used_at": "Last used (to the hour)",
            "revoked_at": "Revoked",
            "created_at": "Since",
        },
        empty=f"No users yet: integrator user add {store} pos",
    )


@app.command()
def show(store: Annotated[str, STORE], name: Annotated[str, NAME]) -> None:
    """One user."""
    with transaction() as connection:
        found = admin.find_user(connection, admin.find_store(connection, store), name)
    output().record(
        {
            "name": found.name,
            "service": found.service or "both",
            "passwords": found.passwords,
            "last_used_at": found.last_used_at,
            "revoked_at": found.revoked_at,
            "created_at": found.created_at,
        }
    )


@app.command()
def edit(store: Annotated[str, STORE], name: Annotated[str, NAME], service: Annotated[str, SERVICE]) -> None:
    """Change which service the user may call.

    Example: integrator user edit BERG-1 pos --service OrderTasks
    """
    with transaction() as connection:
        admin.edit_user(connection, admin.find_store(connection, store), name, service)
    output().done(f"User {name} of {store} may call {service}.", store=store, name=name, service=service)


@app.command()
def rotate(
    store: Annotated[str, STORE],
    name: Annotated[str, NAME],
    overlap: Annotated[str, typer.Option(help="How long the old password still works: 0, 30m, 24h, 7d.")] = "24h",
) -> None:
    """Make a new password; the old one works on for the overlap. Lets a revoked user in again.

    Example: integrator user rotate BERG-1 pos --overlap 7d
    """
    length = duration(overlap)
    with transaction() as connection:
        found = admin.find_store(connection, store)
        password = admin.rotate_password(connection, found, name, length)
    _say(found.code, name, password, f"A new password; the old one works for {overlap} more.")


@app.command()
def revoke(store: Annotated[str, STORE], name: Annotated[str, NAME]) -> None:
    """End every password of the user at once; the user stays, `rotate` lets it in again."""
    with transaction() as connection:
        admin.revoke_user(connection, admin.find_store(connection, store), name)
    output().done(f"User {name} of {store} is locked out.", store=store, name=name)


@app.command()
def remove(store: Annotated[str, STORE], name: Annotated[str, NAME]) -> None:
    """Remove a user with its passwords."""
    with transaction() as connection:
        admin.remove_user(connection, admin.find_store(connection, store), name)
    output().done(f"User {name} of {store} is removed.", store=store, name=name)
