"""What an operator sets up: accounts, stores with users and locations. Channels: accounts.channels.

Every function works inside the caller's transaction and never commits. What does not exist raises NotFound,
what cannot be raises Refused; both say what to do.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError

from integrator.accounts.authentication import digest
from integrator.accounts.context import StoreContext
from integrator.accounts.errors import NotFound, Refused, explain
from integrator.accounts.settings import StoreSettings
from integrator.store.tables import accounts, channels, locations, store_users, stores, user_secrets

SERVICES = ("ProductTasks", "OrderTasks")
OVERLAP = timedelta(hours=24)  # how long the old password works after a rotation
# no ':' (HTTP Basic), no '/' (it parts StoreId and user name there), nothing that needs escaping in a URL
_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_ALPHABET = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # nothing that is misread on the telephone


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    created_at: datetime
    stores: int = 0
    channels: int = 0


@dataclass(frozen=True, slots=True)
class User:
    """`passwords`: how many work now; two during the overlap of a rotation."""

    id: int
    name: str
    service: str | None
    revoked_at: datetime | None
    created_at: datetime
    passwords: int
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class Location:
    code: str
    name: str
    enabled: bool
    position: int


def _named(value: str, what: str) -> str:
    value = value.strip()
    if not value or len(value) > 200 or not value.isprintable():
        raise Refused(f"{what} {value[:60]!r} cannot be taken.", hint="Use 1 to 200 printable characters.")
    return value


# -- accounts


def add_account(connection: Connection, name: str) -> int:
    name = _named(name, "The account name")
    number = connection.execute(
        insert(accounts).values(name=name).on_conflict_do_nothing().returning(accounts.c.id)
    ).scalar()
    if number is None:
        raise Refused(
            f"There is an account {name!r} already.",
            hint="Choose another name, or see: integrator account list.",
        )
    return int(number)


def list_accounts(connection: Connection) -> list[Account]:
    many = (
        sa.select(sa.func.count()).where(table.c.account_id == accounts.c.id).scalar_subquery()
        for table in (stores, channels)
    )
    rows = connection.execute(
        sa.select(accounts.c.id, accounts.c.name, accounts.c.created_at, *many).order_by(accounts.c.id)
    )
    return [Account(*row) for row in rows]


def find_account(connection: Connection, name_or_id: str | int) -> Account:
    """By its exact name, else by its number."""
    found = list_accounts(connection)
    text = str(name_or_id)
    for one in found:
        if one.name == text:
            return one
    for one in found:
        if str(one.id) == text:
            return one
    raise NotFound(f"There is no account {text!r}.", hint="See them with: integrator account list")


def edit_account(connection: Connection, account_id: int, name: str) -> None:
    name = _named(name, "The account name")
    try:
        with connection.begin_nested():
            connection.execute(accounts.update().where(accounts.c.id == account_id).values(name=name))
    except IntegrityError:
        raise Refused(f"There is an account {name!r} already.", hint="Choose another name.") from None


def remove_account(connection: Connection, account_id: int, *, with_stores: bool = False) -> None:
    """With everything that belongs to it; refused while it has stores unless `with_stores`."""
    many = connection.execute(
        sa.select(sa.func.count()).select_from(stores).where(stores.c.account_id == account_id)
    ).scalar_one()
    if many and not with_stores:
        raise Refused(
            f"The account still has {many} store(s), with their products and orders.",
            hint="Remove the stores first, or repeat with --force to remove everything.",
        )
    connection.execute(accounts.delete().where(accounts.c.id == account_id))


# -- stores


def _store_settings(values: Mapping[str, Any] | StoreSettings | None) -> StoreSettings:
    if isinstance(values, StoreSettings):
        return values
    try:
        return StoreSettings.model_validate(dict(values or {}))
    except ValidationError as error:
        raise explain(error, StoreSettings, what="The store's settings cannot be taken") from None


def new_code() -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(8))


def add_store(
    connection: Connection,
    account_id: int,
    code: str | None,
    name: str,
    settings: Mapping[str, Any] | StoreSettings | None = None,
) -> StoreContext:
    """`code` is the StoreId that the POS sends; None makes one."""
    code = code if code is not None else new_code()
    if not _CODE.fullmatch(code):
        raise Refused(
            f"The StoreId {code[:80]!r} cannot be taken.",
            hint="Use up to 64 letters, digits, '.', '_' and '-', beginning with a letter or digit.",
        )
    parsed = _store_settings(settings)
    number = connection.execute(
        insert(stores)
        .values(
            account_id=account_id,
            code=code,
            name=_named(name, "The store name"),
            settings=parsed.model_dump(mode="json"),
        )
        .on_conflict_do_nothing(index_elements=["code"])
        .returning(stores.c.id)
    ).scalar()
    if number is None:
        raise Refused(
            f"The StoreId {code!r} is taken.",
            hint="Choose another one; a StoreId is unique in the whole service.",
        )
    return StoreContext(account_id=account_id, store_id=int(number), code=code, settings=parsed)


def _context(row: Any) -> StoreContext:
    return StoreContext(row.account_id, row.id, row.code, StoreSettings.model_validate(row.settings))


def find_store(connection: Connection, code: str) -> StoreContext:
    """By its StoreId."""
    row = connection.execute(sa.select(stores).where(stores.c.code == code)).first()
    if row is None:
        raise NotFound(f"There is no store {code!r}.", hint="See them with: integrator store list")
    return _context(row)


def load_store(connection: Connection, account_id: int, store_id: int) -> StoreContext:
    row = connection.execute(
        sa.select(stores).where(stores.c.account_id == account_id, stores.c.id == store_id)
    ).first()
    if row is None:
        raise NotFound(f"There is no store number {store_id} in account {account_id}.")
    return _context(row)


def list_stores(connection: Connection, account_id: int | None = None) -> list[dict[str, Any]]:
    statement = (
        sa.select(
            accounts.c.name.label("account"),
            stores.c.code,
            stores.c.name,
            stores.c.account_id,
            stores.c.id,
            stores.c.settings,
            stores.c.created_at,
        )
        .join(accounts, accounts.c.id == stores.c.account_id)
        .order_by(stores.c.account_id, stores.c.id)
    )
    if account_id is not None:
        statement = statement.where(stores.c.account_id == account_id)
    return [dict(row) for row in connection.execute(statement).mappings()]


def edit_store(
    connection: Connection,
    store: StoreContext,
    *,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> StoreContext:
    """`settings`: only what changes; None as a value puts a setting back to its default."""
    merged = {**store.settings.model_dump(mode="json"), **(settings or {})}
    parsed = _store_settings({key: value for key, value in merged.items() if value is not None})
    values: dict[str, Any] = {"settings": parsed.model_dump(mode="json")}
    if name is not None:
        values["name"] = _named(name, "The store name")
    connection.execute(
        stores.update().where(stores.c.account_id == store.account_id, stores.c.id == store.store_id).values(values)
    )
    return StoreContext(store.account_id, store.store_id, store.code, parsed)


def remove_store(connection: Connection, store: StoreContext, *, with_channels: bool = False) -> None:
    many = connection.execute(
        sa.select(sa.func.count())
        .select_from(channels)
        .where(channels.c.account_id == store.account_id, channels.c.store_id == store.store_id)
    ).scalar_one()
    if many and not with_channels:
        raise Refused(
            f"The store {store.code} still has {many} channel(s), with their orders.",
            hint="Remove the channels first, or repeat with --force to remove everything.",
        )
    connection.execute(stores.delete().where(stores.c.account_id == store.account_id, stores.c.id == store.store_id))


# -- users


def new_password() -> str:
    """256 bits of chance, safe in XML, URLs, shells and HTTP Basic."""
    return "int_" + secrets.token_urlsafe(32)


def _service(value: str | None) -> str | None:
    if value in (None, "", "both"):
        return None
    if value not in SERVICES:
        raise Refused(f"There is no service {value!r}.", hint=f"Use {SERVICES[0]}, {SERVICES[1]} or both.")
    return value


def _add_secret(connection: Connection, account_id: int, user_id: int) -> str:
    password = new_password()
    connection.execute(user_secrets.insert().values(account_id=account_id, user_id=user_id, digest=digest(password)))
    return password


def add_user(connection: Connection, store: StoreContext, name: str, service: str | None = None) -> str:
    """The password: this is the only time that it can be read. `service` limits the user to one of them."""
    if not _USER.fullmatch(name):
        raise Refused(
            f"The user name {name[:80]!r} cannot be taken.",
            hint="Use up to 64 letters, digits, '.', '_', '@' and '-', beginning with a letter or digit.",
        )
    number = connection.execute(
        insert(store_users)
        .values(account_id=store.account_id, store_id=store.store_id, name=name, service=_service(service))
        .on_conflict_do_nothing(index_elements=["account_id", "store_id", "name"])
        .returning(store_users.c.id)
    ).scalar()
    if number is None:
        raise Refused(
            f"The store {store.code} has a user {name!r} already.",
            hint="Choose another name, or make a new password with: integrator user rotate.",
        )
    return _add_secret(connection, store.account_id, int(number))


def list_users(connection: Connection, store: StoreContext) -> list[User]:
    works = sa.func.count(user_secrets.c.id).filter(
        sa.or_(user_secrets.c.expires_at.is_(None), user_secrets.c.expires_at > sa.func.now())
    )
    rows = connection.execute(
        sa.select(
            store_users.c.id,
            store_users.c.name,
            store_users.c.service,
            store_users.c.revoked_at,
            store_users.c.created_at,
            works,
            sa.func.max(user_secrets.c.last_used_at),
        )
        .outerjoin(
            user_secrets,
            sa.and_(
                user_secrets.c.account_id == store_users.c.account_id,
                user_secrets.c.user_id == store_users.c.id,
            ),
        )
        .where(store_users.c.account_id == store.account_id, store_users.c.store_id == store.store_id)
        .group_by(store_users.c.account_id, store_users.c.id)
        .order_by(store_users.c.name)
    )
    return [User(*row) for row in rows]


def find_user(connection: Connection, store: StoreContext, name: str) -> User:
    for user in list_users(connection, store):
        if user.name == name:
            return user
    raise NotFound(
        f"The store {store.code} has no user {name!r}.",
        hint=f"See them with: integrator user list {store.code}",
    )


def _user_row(store: StoreContext, name: str) -> Sequence[sa.ColumnElement[bool]]:
    return (
        store_users.c.account_id == store.account_id,
        store_users.c.store_id == store.store_id,
        store_users.c.name == name,
    )


def rotate_password(connection: Connection, store: StoreContext, name: str, overlap: timedelta = OVERLAP) -> str:
    """A new password; the old ones work for `overlap` more, at most. A revoked user may call again."""
    if overlap < timedelta(0):
        raise Refused(f"The overlap {overlap} is negative.", hint="Use 0 to end the old password at once.")
    user = find_user(connection, store, name)
    connection.execute(
        user_secrets.update()
        .where(user_secrets.c.account_id == store.account_id, user_secrets.c.user_id == user.id)
        .values(
            expires_at=sa.func.least(
                sa.func.coalesce(user_secrets.c.expires_at, sa.text("'infinity'::timestamptz")),
                sa.func.now() if user.revoked_at else sa.func.now() + overlap,
            )
        )
    )
    connection.execute(  # long-expired digests are of no use to anyone
        user_secrets.delete().where(
            user_secrets.c.account_id == store.account_id,
            user_secrets.c.user_id == user.id,
            user_secrets.c.expires_at < sa.func.now() - timedelta(days=30),
        )
    )
    connection.execute(store_users.update().where(*_user_row(store, name)).values(revoked_at=None))
    return _add_secret(connection, store.account_id, user.id)


def edit_user(connection: Connection, store: StoreContext, name: str, service: str | None) -> None:
    find_user(connection, store, name)
    connection.execute(store_users.update().where(*_user_row(store, name)).values(service=_service(service)))


def revoke_user(connection: Connection, store: StoreContext, name: str) -> None:
    """No password of the user works from the commit on; `rotate_password` lets it in again."""
    find_user(connection, store, name)
    connection.execute(
        store_users.update()
        .where(*_user_row(store, name), store_users.c.revoked_at.is_(None))
        .values(revoked_at=sa.func.now())
    )


def remove_user(connection: Connection, store: StoreContext, name: str) -> None:
    find_user(connection, store, name)
    connection.execute(store_users.delete().where(*_user_row(store, name)))


# -- locations


def add_location(
    connection: Connection,
    store: StoreContext,
    code: str,
    name: str = "",
    *,
    position: int | None = None,
    enabled: bool = True,
) -> Location:
    """`position` 1 is the primary location; None puts it last."""
    code = _named(code, "The location code")
    if position is None:
        highest = sa.select(sa.func.coalesce(sa.func.max(locations.c.position), 0)).where(
            locations.c.account_id == store.account_id, locations.c.store_id == store.store_id
        )
        position = int(connection.execute(highest).scalar_one()) + 1
    added = connection.execute(
        insert(locations)
        .values(
            account_id=store.account_id,
            store_id=store.store_id,
            code=code,
            name=name,
            position=position,
            enabled=enabled,
        )
        .on_conflict_do_nothing()
    ).rowcount
    if not added:
        raise Refused(
            f"The store {store.code} has a location {code!r} already.",
            hint="Change it with: integrator location edit.",
        )
    return Location(code, name, enabled, position)


def list_locations(connection: Connection, store: StoreContext) -> list[Location]:
    rows = connection.execute(
        sa.select(locations.c.code, locations.c.name, locations.c.enabled, locations.c.position)
        .where(locations.c.account_id == store.account_id, locations.c.store_id == store.store_id)
        .order_by(locations.c.position, locations.c.code)
    )
    return [Location(*row) for row in rows]


def find_location(connection: Connection, store: StoreContext, code: str) -> Location:
    for location in list_locations(connection, store):
        if location.code == code:
            return location
    raise NotFound(
        f"The store {store.code} has no location {code!r}.",
        hint=f"See them with: integrator location list {store.code}",
    )


def edit_location(connection: Connection, store: StoreContext, code: str, **values: Any) -> Location:
    """`name`, `enabled`, `position`; None leaves one as it is."""
    find_location(connection, store, code)
    changed = {key: value for key, value in values.items() if value is not None}
    if changed:
        connection.execute(
            locations.update()
            .where(
                locations.c.account_id == store.account_id,
                locations.c.store_id == store.store_id,
                locations.c.code == code,
            )
            .values(changed)
        )
    return find_location(connection, store, code)


def remove_location(connection: Connection, store: StoreContext, code: str) -> None:
    find_location(connection, store, code)
    connection.execute(
        locations.delete().where(
            locations.c.account_id == store.account_id,
            locations.c.store_id == store.store_id,
            locations.c.code == code,
        )
    )
