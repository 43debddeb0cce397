from __future__ import annotations

import pytest
from sqlalchemy import Connection

from integrator.accounts import admin
from integrator.accounts.context import StoreContext
from integrator.accounts.errors import NotFound, Refused


@pytest.mark.parametrize("code", ["", "a/b", "a:b", "ä", "a b", "-a", "x" * 65, "a\n", "a\x00"])
def test_a_store_id_that_could_be_misread_is_refused(connection: Connection, store: StoreContext, code: str) -> None:
    with pytest.raises(Refused, match="StoreId"):
        admin.add_store(connection, store.account_id, code, "Name")


def test_a_store_id_is_unique_in_the_whole_service(connection: Connection, store: StoreContext) -> None:
    other = admin.add_account(connection, "Other")
    with pytest.raises(Refused, match="taken"):
        admin.add_store(connection, other, "BERG-1", "Name")


def test_a_wrong_setting_names_itself_its_value_and_the_remedy(connection: Connection, store: StoreContext) -> None:
    with pytest.raises(Refused) as refused:
        admin.edit_store(connection, store, settings={"time_zone": "Mars/Olympus"})
    for part in ("time_zone", "Mars/Olympus", "Europe/Berlin"):
        assert part in str(refused.value)
    with pytest.raises(Refused, match="did you mean time_zone"):
        admin.edit_store(connection, store, settings={"time_zon": "UTC"})


def test_an_edit_changes_what_is_given_and_none_is_the_default(connection: Connection, store: StoreContext) -> None:
    changed = admin.edit_store(connection, store, settings={"captures": False, "time_zone": None})
    assert changed.settings.captures is False
    assert changed.settings.time_zone == "UTC"
    assert admin.find_store(connection, "BERG-1").settings == changed.settings


def test_what_is_not_there_is_not_found(connection: Connection, store: StoreContext) -> None:
    for missing in (
        lambda: admin.find_account(connection, "nobody"),
        lambda: admin.find_store(connection, "nobody"),
        lambda: admin.find_user(connection, store, "nobody"),
        lambda: admin.find_location(connection, store, "nowhere"),
        lambda: admin.load_store(connection, store.account_id + 1, store.store_id),
    ):
        with pytest.raises(NotFound):
            missing()


def test_an_account_with_stores_goes_only_by_force(connection: Connection, store: StoreContext) -> None:
    with pytest.raises(Refused, match="1 store"):
        admin.remove_account(connection, store.account_id)
    admin.remove_account(connection, store.account_id, with_stores=True)
    assert admin.list_stores(connection) == []


def test_an_account_is_found_by_its_name_before_its_number(connection: Connection) -> None:
    first = admin.add_account(connection, "One")
    second = admin.add_account(connection, str(first))
    assert admin.find_account(connection, str(first)).id == second
    assert admin.find_account(connection, "One").id == first
    with pytest.raises(Refused, match="already"):
        admin.add_account(connection, "One")
    with pytest.raises(Refused, match="already"):
        admin.edit_account(connection, second, "One")


def test_locations_stand_in_the_order_in_which_they_were_added(connection: Connection, store: StoreContext) -> None:
    for code in ("MAIN", "OUTLET", "STORAGE"):
        admin.add_location(connection, store, code)
    assert [one.position for one in admin.list_locations(connection, store)] == [1, 2, 3]
    admin.edit_location(connection, store, "OUTLET", enabled=False)
    assert not admin.find_location(connection, store, "OUTLET").enabled
    with pytest.raises(Refused, match="already"):
        admin.add_location(connection, store, "MAIN")
    admin.remove_location(connection, store, "MAIN")
    assert [one.code for one in admin.list_locations(connection, store)] == ["OUTLET", "STORAGE"]


def test_passwords_differ_and_need_no_escaping() -> None:
    made = {admin.new_password() for _ in range(100)}
    assert len(made) == 100
    assert set("".join(made)) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")
