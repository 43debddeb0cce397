from __future__ import annotations

import stat
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from sqlalchemy import Connection

from integrator import settings as service
from integrator.accounts import admin, channels, secrets
from integrator.accounts.context import StoreContext
from integrator.accounts.errors import NotFound, Refused
from integrator.store import tables

KEYS = {"shop": "blue", "key": "sesame-open-0123456789"}


def add(connection: Connection, store: StoreContext, name: str | None = "blue", **settings: Any) -> int:
    return channels.add_channel(connection, store, "sandbox", name, KEYS, settings)


def test_a_channel_comes_back_as_it_was_added(connection: Connection, store: StoreContext) -> None:
    number = add(connection, store, safety_stock="2", categories={"Shoes": "Footwear"})
    record = channels.load_channel(connection, store.account_id, number)
    assert (record.id, record.name, record.platform, record.state) == (number, "blue", "sandbox", "active")
    assert record.settings.safety_stock == 2
    assert record.settings.categories == {"Shoes": "Footwear"}
    assert record.store.settings.time_zone == "Europe/Berlin"
    connector = channels.open_connector(record, lambda _attempt: None)
    assert connector.channel.credentials.key.get_secret_value() == KEYS["key"]
    assert connector.channel.webhook_path == f"/webhooks/{store.account_id}/{number}"
    connector.close()


def test_credentials_are_nowhere_in_the_clear(connection: Connection, store: StoreContext) -> None:
    number = add(connection, store)
    row = connection.execute(sa.select(tables.channels)).mappings().one()
    assert KEYS["key"].encode() not in bytes(row["credentials"])
    assert KEYS["key"] not in str(dict(row))
    record = channels.load_channel(connection, store.account_id, number)
    for shown in (repr(record), repr(channels.credentials(record)), repr(channels.channel_of(record))):
        assert KEYS["key"] not in shown


def test_another_account_does_not_find_it(connection: Connection, store: StoreContext) -> None:
    number = add(connection, store)
    other = admin.add_account(connection, "Other")
    with pytest.raises(NotFound):
        channels.load_channel(connection, other, number)
    assert channels.list_channels(connection, other) == []


def test_names_are_made_and_are_unique_in_an_account(connection: Connection, store: StoreContext) -> None:
    first, second = add(connection, store, None), add(connection, store, None)
    assert [one.name for one in channels.list_channels(connection, store.account_id)] == ["sandbox", "sandbox-2"]
    with pytest.raises(Refused, match="already"):
        add(connection, store, "sandbox")
    record = channels.load_channel(connection, store.account_id, second)
    with pytest.raises(Refused, match="already"):
        channels.edit_channel(connection, record, name="sandbox")
    assert channels.find_channel(connection, "sandbox").id == first
    assert channels.find_channel(connection, str(second)).id == second


def test_a_name_that_two_accounts_have_must_be_a_number(connection: Connection, store: StoreContext) -> None:
    first = add(connection, store)
    account = admin.add_account(connection, "Other")
    second = add(connection, admin.add_store(connection, account, "OTHER", "Other"))
    with pytest.raises(Refused) as refused:
        channels.find_channel(connection, "blue")
    assert f"{first}, {second}" in refused.value.hint


@pytest.mark.parametrize(
    ("credentials", "settings", "said"),
    [
        ({"shop": "blue"}, {}, "key is missing"),
        ({**KEYS, "kee": "x"}, {}, "did you mean key"),
        (KEYS, {"safety_stock": "-1"}, "safety_stock"),
        (KEYS, {"safty_stock": "1"}, "did you mean safety_stock"),
        (KEYS, {"poll_seconds": "often"}, "poll_seconds='often'"),
    ],
)
def test_what_is_wrong_is_named(
    connection: Connection, store: StoreContext, credentials: dict[str, str], settings: dict[str, str], said: str
) -> None:
    with pytest.raises(Refused) as refused:
        channels.add_channel(connection, store, "sandbox", "blue", credentials, settings)
    assert said in str(refused.value)
    assert KEYS["key"] not in str(refused.value)


def test_an_unknown_platform_names_the_known_ones(connection: Connection, store: StoreContext) -> None:
    with pytest.raises(NotFound, match="sandbox"):
        channels.add_channel(connection, store, "amazon", None, {}, {})


def test_an_edit_merges_and_new_credentials_start_a_channel_again(connection: Connection, store: StoreContext) -> None:
    number = add(connection, store, safety_stock="2", poll_seconds=60)
    connection.execute(tables.channels.update().values(state="needs_credentials", failures=3))
    record = channels.load_channel(connection, store.account_id, number)
    channels.edit_channel(
        connection, record, credentials={"key": "another-key"}, settings={"safety_stock": None, "publish_new": True}
    )
    record = channels.load_channel(connection, store.account_id, number)
    assert record.state == "active"
    assert record.failures == 0
    assert record.settings.safety_stock == 0
    assert record.settings.publish_new
    assert record.settings.poll_seconds == 60
    kept: Any = channels.credentials(record)
    assert (kept.shop, kept.key.get_secret_value()) == ("blue", "another-key")


def test_hold_and_resume(connection: Connection, store: StoreContext) -> None:
    number = add(connection, store)
    channels.hold(connection, channels.load_channel(connection, store.account_id, number), "stock-taking")
    record = channels.load_channel(connection, store.account_id, number)
    assert (record.state, record.state_reason) == ("held", "stock-taking")
    channels.resume(connection, record)
    assert channels.load_channel(connection, store.account_id, number).state == "active"


# -- keys


def test_the_key_file_is_made_for_its_owner_only(connection: Connection, store: StoreContext, data_dir: Path) -> None:
    assert not data_dir.exists()
    add(connection, store)
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600
    assert [path.name for path in data_dir.iterdir()] == ["secret.key"]


def test_a_lost_key_file_is_not_replaced_in_silence(
    connection: Connection, store: StoreContext, data_dir: Path
) -> None:
    number = add(connection, store)
    (data_dir / "secret.key").unlink()
    with pytest.raises(secrets.WrongKey, match="no key"):
        add(connection, store, "second")
    with pytest.raises(secrets.WrongKey, match="no key"):
        channels.credentials(channels.load_channel(connection, store.account_id, number))
    assert not (data_dir / "secret.key").exists()


def test_a_rotation_leaves_every_channel_readable_and_drops_the_old_key(
    connection: Connection, store: StoreContext, data_dir: Path
) -> None:
    numbers = [add(connection, store, f"shop {i}") for i in range(3)]
    before = (data_dir / "secret.key").read_text().split()
    secrets.add_key()
    assert (data_dir / "secret.key").read_text().split()[1:] == before
    assert secrets.re_encrypt(connection) == 3
    assert secrets.drop_old_keys() == 1
    after = (data_dir / "secret.key").read_text().split()
    assert len(after) == 1
    assert after != before
    assert stat.S_IMODE((data_dir / "secret.key").stat().st_mode) == 0o600
    for number in numbers:
        found: Any = channels.credentials(channels.load_channel(connection, store.account_id, number))
        assert found.key.get_secret_value() == KEYS["key"]


def test_keys_from_the_environment_rotate_by_being_put_in_front(
    connection: Connection, store: StoreContext, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()

    def use(value: str) -> None:
        monkeypatch.setenv("INTEGRATOR_SECRET_KEY", value)
        service.settings.cache_clear()

    use(old)
    number = add(connection, store)
    use(f"{new}, {old}")
    assert secrets.re_encrypt(connection) == 1
    use(new)
    record = channels.load_channel(connection, store.account_id, number)
    assert channels.credentials(record).model_dump()["shop"] == "blue"
    use(old)
    with pytest.raises(secrets.WrongKey, match="another key"):
        channels.credentials(record)
    with pytest.raises(secrets.WrongKey, match=f"channel {number} "):
        secrets.re_encrypt(connection)
    assert not data_dir.exists()
