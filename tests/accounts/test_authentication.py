from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts import admin
from integrator.accounts.authentication import NotAuthorised, authenticate, digest
from integrator.accounts.context import StoreContext
from integrator.store.tables import user_secrets


def test_the_right_credentials_open_their_store(connection: Connection, store: StoreContext) -> None:
    password = admin.add_user(connection, store, "pos")
    found = authenticate(connection, "BERG-1", "pos", password, "ProductTasks")
    assert (found.account_id, found.store_id, found.code, found.user_name) == (
        store.account_id, store.store_id, "BERG-1", "pos",
    )  # fmt: skip
    assert found.settings.time_zone == "Europe/Berlin"


@pytest.mark.parametrize(
    ("code", "name", "alter"),
    [
        ("BERG-2", "pos", ""),
        ("berg-1", "pos", ""),
        ("BERG-1", "POS", ""),
        ("BERG-1", "other", ""),
        ("BERG-1", "pos", "x"),
        ("", "", ""),
        ("BERG-1\x00", "pos", ""),
        ("BERG-1", "pos' OR '1'='1", ""),
        ("BERG-1", "pos", "\ud800"),
    ],
)
def test_anything_else_does_not_and_does_not_say_why(
    connection: Connection, store: StoreContext, code: str, name: str, alter: str
) -> None:
    password = admin.add_user(connection, store, "pos")
    texts = set()
    with pytest.raises(NotAuthorised) as refused:
        authenticate(connection, code, name, password + alter, "ProductTasks")
    texts.add(str(refused.value))
    with pytest.raises(NotAuthorised) as refused:
        authenticate(connection, "BERG-1", "pos", "", "ProductTasks")
    texts.add(str(refused.value))
    assert len(texts) == 1
    assert password not in texts.pop()


def test_a_user_of_one_store_does_not_open_another(connection: Connection, store: StoreContext) -> None:
    other = admin.add_store(connection, store.account_id, "BERG-2", "Outlet")
    password = admin.add_user(connection, store, "pos")
    admin.add_user(connection, other, "pos")
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-2", "pos", password, "OrderTasks")


def test_a_user_may_be_limited_to_one_service(connection: Connection, store: StoreContext) -> None:
    password = admin.add_user(connection, store, "orders", "OrderTasks")
    authenticate(connection, "BERG-1", "orders", password, "OrderTasks")
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-1", "orders", password, "ProductTasks")
    admin.edit_user(connection, store, "orders", "both")
    authenticate(connection, "BERG-1", "orders", password, "ProductTasks")


def test_after_a_rotation_both_passwords_work_until_the_old_one_expires(
    connection: Connection, store: StoreContext
) -> None:
    old = admin.add_user(connection, store, "pos")
    new = admin.rotate_password(connection, store, "pos", timedelta(hours=1))
    for password in (old, new):
        authenticate(connection, "BERG-1", "pos", password, "ProductTasks")
    connection.execute(
        user_secrets.update()
        .where(user_secrets.c.expires_at.is_not(None))
        .values(expires_at=sa.func.now() - timedelta(seconds=1))
    )
    authenticate(connection, "BERG-1", "pos", new, "ProductTasks")
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-1", "pos", old, "ProductTasks")


def test_a_second_rotation_never_lengthens_the_life_of_an_older_password(
    connection: Connection, store: StoreContext
) -> None:
    first = admin.add_user(connection, store, "pos")
    admin.rotate_password(connection, store, "pos", timedelta(0))
    admin.rotate_password(connection, store, "pos", timedelta(days=7))
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-1", "pos", first, "ProductTasks")


def test_a_revoked_user_is_out_at_once_and_comes_back_only_with_a_new_password(
    connection: Connection, store: StoreContext
) -> None:
    old = admin.add_user(connection, store, "pos")
    admin.revoke_user(connection, store, "pos")
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-1", "pos", old, "ProductTasks")
    new = admin.rotate_password(connection, store, "pos", timedelta(days=7))
    authenticate(connection, "BERG-1", "pos", new, "ProductTasks")
    with pytest.raises(NotAuthorised):
        authenticate(connection, "BERG-1", "pos", old, "ProductTasks")


def test_only_a_digest_is_stored(connection: Connection, store: StoreContext) -> None:
    password = admin.add_user(connection, store, "pos")
    stored = connection.execute(sa.select(user_secrets)).mappings().one()
    assert bytes(stored["digest"]) == digest(password)
    assert password not in str(dict(stored))
    assert len(password) >= 43  # 256 bits in base64


def test_it_takes_one_query(connection: Connection, store: StoreContext) -> None:
    password = admin.add_user(connection, store, "pos")
    authenticate(connection, "BERG-1", "pos", password, "ProductTasks")  # notes the use, once an hour
    statements: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    sa.event.listen(connection, "before_cursor_execute", count)
    authenticate(connection, "BERG-1", "pos", password, "ProductTasks")
    assert len(statements) == 1


def test_the_last_use_is_noted(connection: Connection, store: StoreContext) -> None:
    password = admin.add_user(connection, store, "pos")
    assert admin.find_user(connection, store, "pos").last_used_at is None
    authenticate(connection, "BERG-1", "pos", password, "ProductTasks")
    assert admin.find_user(connection, store, "pos").last_used_at is not None
