"""Accounts, stores, users, locations, channels, keys: by the command, as an operator."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from integrator.accounts.authentication import authenticate
from integrator.store.engine import make_engine
from integrator.store.tables import issues
from tests.support.command import Command


def test_from_nothing_to_a_pos_that_can_log_in(berg: Command, database: str) -> None:
    login = berg("user", "add", "BERG-1", "pos", "--json").data
    assert login["StoreId"] == "BERG-1"
    engine = make_engine(database)
    with engine.begin() as connection:
        found = authenticate(connection, login["StoreId"], login["UserName"], login["Password"], "ProductTasks")
    engine.dispose()
    assert found.settings.time_zone == "Europe/Berlin"
    assert login["Password"] not in berg("user", "list", "BERG-1").out


def test_a_password_is_shown_once_to_people_too(berg: Command) -> None:
    ran = berg("user", "add", "BERG-1", "pos")
    assert "int_" in ran.out
    assert "cannot be shown again" in ran.err
    assert "int_" not in berg("user", "show", "BERG-1", "pos").out


def test_rotation_revocation_and_service(berg: Command) -> None:
    berg("user", "add", "BERG-1", "pos")
    berg("user", "rotate", "BERG-1", "pos", "--overlap", "7d")
    assert berg("user", "show", "BERG-1", "pos", "--json").data["passwords"] == 2
    berg("user", "rotate", "BERG-1", "pos", "--overlap", "0")
    assert berg("user", "show", "BERG-1", "pos", "--json").data["passwords"] == 1
    berg("user", "edit", "BERG-1", "pos", "--service", "OrderTasks")
    berg("user", "revoke", "BERG-1", "pos")
    user = berg("user", "list", "BERG-1", "--json").data[0]
    assert user["service"] == "OrderTasks"
    assert user["revoked_at"]
    berg("user", "remove", "BERG-1", "pos")
    assert berg("user", "list", "BERG-1", "--json").data == []
    assert "30m" in berg("user", "rotate", "BERG-1", "pos", "--overlap", "soon", code=2).err


def test_store_settings_are_options(berg: Command) -> None:
    berg("store", "edit", "BERG-1", "--no-captures", "--offer-again-after", "60,120", "--set", "max-records=50")
    shown = berg("store", "show", "BERG-1", "--json").data["settings"]
    assert (shown["captures"], shown["offer_again_after"], shown["max_records"]) == (False, [60, 120], 50)
    berg("store", "edit", "BERG-1", "--unset", "offer_again_after", "--captures")
    shown = berg("store", "show", "BERG-1", "--json").data["settings"]
    assert shown["captures"]
    assert len(shown["offer_again_after"]) == 4
    assert shown["max_records"] == 50


def test_errors_say_what_to_do_and_have_their_exit_codes(berg: Command) -> None:
    assert "--time-zone" in berg("store", "edit", "BERG-1", "--time-zon", "UTC", code=2).err
    assert "Mars" in berg("store", "edit", "BERG-1", "--time-zone", "Mars", code=1).err
    assert "integrator store list" in berg("store", "show", "BERG-2", code=3).err
    problem = berg("store", "show", "BERG-2", "--json", code=3)
    assert problem.out == ""
    assert problem.error == {
        "message": "There is no store 'BERG-2'.",
        "hint": "See them with: integrator store list",
        "exit_code": 3,
    }
    assert "taken" in berg("store", "add", "Bergmann Shoes", "Again", "--code", "BERG-1", code=1).err
    assert "first" in berg("store", "add", "--code", "X", "Bergmann Shoes", "--captures", code=2).err
    assert "missing" in berg("store", "add", "Bergmann Shoes", code=2).err
    berg("store", "show", code=2)


def test_locations(berg: Command) -> None:
    berg("location", "add", "BERG-1", "MAIN", "--name", "Main street")
    berg("location", "add", "BERG-1", "OUTLET")
    berg("location", "edit", "BERG-1", "OUTLET", "--disabled")
    assert [
        (one["code"], one["enabled"], one["position"]) for one in berg("location", "list", "BERG-1", "--json").data
    ] == [
        ("MAIN", True, 1),
        ("OUTLET", False, 2),
    ]
    berg("location", "remove", "BERG-1", "OUTLET")
    berg("location", "show", "BERG-1", "OUTLET", code=3)


def test_removing_needs_force_where_something_would_go_with_it(berg: Command) -> None:
    berg("account", "remove", "Bergmann Shoes", code=1)
    berg("account", "edit", "Bergmann Shoes", "--name", "Bergmann")
    assert berg("account", "show", "Bergmann", "--json").data["stores"][0]["code"] == "BERG-1"
    berg("account", "remove", "Bergmann", "--force")
    assert berg("account", "list", "--json").data == []
    assert "account add" in berg("account", "list").err


# -- channels


def test_a_sandbox_channel_needs_no_credentials(berg: Command) -> None:
    added = berg("channel", "add", "BERG-1", "sandbox", "--name", "blue", "--safety-stock", "2", "--json").data
    assert (added["name"], added["platform"], added["products"]) == ("blue", "sandbox", 0)
    shown = berg("channel", "show", str(added["id"]), "--json").data
    assert shown["settings"]["safety_stock"] == "2"
    assert "key" not in shown
    assert berg("channel", "list", "--store", "BERG-1", "--json").data[0]["name"] == "blue"
    berg("channel", "edit", "blue", "--categories", "Shoes/Men=Footwear", "--categories", "Bags=Accessories")
    berg("channel", "edit", "blue", "--categories", "Bags=", "--unset", "safety-stock", "--name", "green")
    settings = berg("channel", "show", "green", "--json").data["settings"]
    assert settings["categories"] == {"Shoes/Men": "Footwear"}
    assert settings["safety_stock"] == "0"
    berg("channel", "hold", "green", "--reason", "stock-taking")
    assert berg("channel", "list", "--json").data[0]["state_reason"] == "stock-taking"
    berg("channel", "resume", "green")
    assert berg("channel", "list", "--json").data[0]["state"] == "active"
    berg("channel", "remove", "green")
    berg("channel", "show", "green", code=3)


def test_secrets_come_from_stdin_a_file_or_the_environment_and_are_not_shown(berg: Command) -> None:
    secret = "sesame-0123456789-abcdef"
    (berg.folder / "secret").write_text(secret + "\n")
    common = ("channel", "add", "BERG-1", "sandbox", "--no-check", "--shop", "blue")
    runs = [
        berg(*common, "--name", "one", "--key", "-", input=secret + "\n"),
        berg(*common, "--name", "two", "--key", "@secret"),
        berg(*common, "--name", "three", env={"INTEGRATOR_CHANNEL_KEY": secret}),
        berg(*common, "--name", "four", "--set", f"key={secret}"),
    ]
    assert all(secret not in ran.out + ran.err for ran in runs)
    from integrator.accounts import channels

    engine = make_engine(berg.environment["DATABASE_URL"])
    with engine.begin() as connection:
        tokens = {bytes(one.token) for one in channels.list_channels(connection)}
    engine.dispose()
    assert len(tokens) == 4
    from cryptography.fernet import Fernet

    key = (berg.folder / "data" / "secret.key").read_text().strip()
    assert all(secret.encode() in Fernet(key).decrypt(token) for token in tokens)
    rotated = berg("secret", "rotate", "--json").data
    assert (rotated["channels"], rotated["keys_dropped"]) == (4, 1)
    assert (berg.folder / "data" / "secret.key").read_text().strip() != key


def test_a_channel_whose_shop_does_not_answer_is_not_added(berg: Command) -> None:
    ran = berg(
        "channel", "add", "BERG-1", "sandbox", "--shop", "x", "--key", "y", "--url", "http://127.0.0.1:9", code=4
    )
    assert "cannot be reached" in ran.err
    assert berg("channel", "list", "--json").data == []


def test_wrong_options_of_a_channel_are_named(berg: Command) -> None:
    assert (
        "Did you mean --safety-stock" in berg("channel", "add", "BERG-1", "sandbox", "--safty-stock", "1", code=2).err
    )
    assert "sandbox" in berg("channel", "add", "BERG-1", "amazon", code=3).err
    assert "KEY=VALUE" in berg("channel", "add", "BERG-1", "sandbox", "--categories", "Shoes", code=2).err


def test_status_is_one_document(berg: Command, database: str) -> None:
    berg("channel", "add", "BERG-1", "sandbox", "--name", "blue")
    found = berg("status", "--json").data
    assert found["database"]["revision"] == found["database"]["needs"]
    assert found["workers"]["alive"] is False
    assert found["channels"][0]["lanes"]["stock"] == {"pending": 0, "failed": 0, "oldest": None}
    assert found["issues"] == 0
    berg("status", "--strict", code=1)  # no worker
    shown = berg("status").out
    for part in ("Database", "none alive", "blue", "BERG-1"):
        assert part in shown
    engine = make_engine(database)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO procrastinate_workers DEFAULT VALUES"))
    engine.dispose()
    berg("status", "--strict")


def test_a_shop_that_cannot_be_reached_has_its_own_exit_code(berg: Command) -> None:
    keys = ("--url", "http://127.0.0.1:1", "--consumer-key", "ck_1", "--consumer-secret", "cs_1")
    refused = berg("channel", "add", "BERG-1", "woocommerce", *keys, code=4)
    assert "Nothing was added" in refused.err
    berg("channel", "add", "BERG-1", "woocommerce", *keys, "--no-check")
    assert not berg("channel", "check", "woocommerce", "--json", code=4).data["ok"]
    for _ in range(8):  # the channel pauses after some; the reason is said whether it was asked now or before
        ran = berg("sync", "woocommerce", "--lane", "pull", "--wait", code=4)
        assert "cannot be reached" in ran.err
        assert " ago" not in ran.err
    assert "in " in ran.err


def test_issues_name_the_store_and_the_channel(berg: Command) -> None:
    number = berg("channel", "add", "BERG-1", "sandbox", "--name", "blue", "--json").data["id"]
    engine = make_engine(berg.environment["DATABASE_URL"])
    with engine.begin() as connection:
        ours = connection.execute(sa.text("SELECT account_id, id FROM stores")).one()
        for channel_id in (number, 0):
            statement = issues.insert().values(
                account_id=ours.account_id, store_id=ours.id, channel_id=channel_id, subject="order", subject_id="1-1",
                purpose="delivery", code="REJECTED_BY_POS", message="blocked",
            )  # fmt: skip
            connection.execute(statement)
    engine.dispose()
    found = berg("issue", "list", "--json").data
    assert {(one["store"], one["channel"], one["channel_id"]) for one in found} == {
        ("BERG-1", "blue", number),
        ("BERG-1", "", 0),
    }
    shown = berg("issue", "show", str(min(one["id"] for one in found))).out
    assert "BERG-1" in shown
    assert "blue" in shown


@pytest.mark.parametrize(
    ("state", "wanted"),
    [("53100", "Make room"), ("53300", "max_connections"), ("55P03", "lock"), ("57014", "too long")],
)
def test_a_database_that_cannot_work_is_told_from_one_that_is_not_there(berg: Command, state: str, wanted: str) -> None:
    engine = make_engine(berg.environment["DATABASE_URL"])
    with engine.begin() as connection:
        connection.execute(
            sa.text(
                "CREATE FUNCTION fails() RETURNS trigger LANGUAGE plpgsql AS"
                f" $$ BEGIN RAISE EXCEPTION 'it is so' USING errcode = '{state}'; END $$"
            )
        )
        connection.execute(sa.text("CREATE TRIGGER fails BEFORE INSERT ON stores EXECUTE FUNCTION fails()"))
    engine.dispose()
    problem = berg("store", "add", "Bergmann Shoes", "Second", "--json", code=4).error
    assert "it is so" in problem["message"]
    assert "cannot be reached" not in problem["message"]
    assert wanted in problem["hint"]


def test_a_key_that_cannot_be_kept_is_said_with_the_remedy(berg: Command) -> None:
    (berg.folder / "file").touch()
    said = berg("channel", "add", "BERG-1", "sandbox", env={"INTEGRATOR_DATA_DIR": str(berg.folder / "file")}, code=1)
    assert "file/secret.key" in said.err
    assert "INTEGRATOR_SECRET_KEY" in said.err
    assert "Traceback" not in said.err
