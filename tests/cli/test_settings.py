from __future__ import annotations

from importlib.util import find_spec

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator import settings as service
from tests.support.command import Command


def test_every_setting_is_listed_with_its_meaning(integrator: Command) -> None:
    rows = {row["variable"]: row for row in integrator("settings", "--json").data}
    assert len(rows) == len(service.Settings.model_fields)
    assert all(row["meaning"] for row in rows.values())
    assert rows["INTEGRATOR_PORT"]["default"] == "8000"


@pytest.mark.parametrize(
    ("name", "value", "parts"),
    [
        ("INTEGRATOR_PORT", "99999", ["99999", "at most 65535"]),
        ("INTEGRATOR_PORT", "http", ["http", "whole number"]),
        ("INTEGRATOR_TRUST_PROXY", "perhaps", ["perhaps", "true or false"]),
        ("INTEGRATOR_LOG_LEVEL", "loud", ["LOUD", "DEBUG"]),
        ("INTEGRATOR_PUBLIC_URL", "shop.example", ["shop.example", "https://"]),
        ("INTEGRATOR_PUBLIC_URL", "ftp://shop.example", ["ftp://shop.example", "https://"]),
        ("INTEGRATOR_PUBLIC_URL", "https://shop.example/?x=1", ["?"]),
        ("INTEGRATOR_WEB_PROCESSES", "0", ["at least 1"]),
        ("DATABASE_URL", "postgresql://me@host:port/db", ["me@host:port", "5432"]),
    ],
)
def test_a_wrong_setting_names_itself_its_value_and_the_remedy(
    integrator: Command, name: str, value: str, parts: list[str]
) -> None:
    said = integrator("settings", env={name: value}, code=2).err
    assert name in said
    assert all(part in said for part in parts), said


@pytest.mark.parametrize("role", ["serve", "web", "worker", "status"])
def test_nothing_starts_with_a_wrong_setting(integrator: Command, role: str) -> None:
    assert "INTEGRATOR_PORT='x'" in integrator(role, env={"INTEGRATOR_PORT": "x"}, code=2).err


def test_secrets_are_masked_in_errors_and_lists(integrator: Command) -> None:
    said = integrator(
        "settings", env={"DATABASE_URL": "mysql://me:sesame@host/db", "INTEGRATOR_SECRET_KEY": "sesame"}, code=2
    )
    assert "sesame" not in said.err + said.out
    assert "mysql://me:********@host/db" in said.err
    assert "INTEGRATOR_SECRET_KEY" in said.err
    for unquoted in ("open@sesame", "open/sesame", "open@se/s@me", "open?sesame#"):
        wrong = integrator("status", env={"DATABASE_URL": f"postgresql://me:{unquoted}@host/db"}, code=2).err
        assert "%40" in wrong
        assert "DATABASE_URL='postgresql://me:********@host/db'" in wrong
    shown = integrator("settings", env={"DATABASE_URL": "postgresql://me:sesame@host/db?password=sesame"})
    assert "sesame" not in shown.out
    assert "postgresql://me:" in shown.out


def test_a_misspelt_setting_is_pointed_out(integrator: Command) -> None:
    said = integrator("settings", env={"INTEGRATOR_PUBLIC_ULR": "https://x.example"}).err
    assert "INTEGRATOR_PUBLIC_ULR" in said
    assert "Did you mean INTEGRATOR_PUBLIC_URL?" in said
    # what docker-compose.yml takes from the same .env is nobody's misspelling
    (integrator.folder / ".env").write_text("INTEGRATOR_DOMAIN=x\nINTEGRATOR_VERSION=1\nINTEGRATOR_BIND=127.0.0.1\n")
    assert integrator("settings").err == ""


def test_a_dotenv_file_counts_and_the_environment_wins(integrator: Command) -> None:
    (integrator.folder / ".env").write_text("INTEGRATOR_PORT=8123\nINTEGRATOR_HOST=127.0.0.2\nINTEGRATOR_PROT=1\n")
    ran = integrator("settings", "--json", env={"INTEGRATOR_HOST": "127.0.0.3"})
    rows = {row["variable"]: row for row in ran.data}
    assert rows["INTEGRATOR_PORT"]["value"] == "8123"
    assert rows["INTEGRATOR_HOST"]["value"] == "127.0.0.3"
    assert "INTEGRATOR_PROT" in ran.err


@given(st.text(st.characters(codec="ascii", exclude_characters="@:/ \n", categories=["L", "N", "P"]), min_size=1))
def test_no_password_of_a_url_is_shown(password: str) -> None:
    shown = service.masked("database_url", f"postgresql://user:{password}@host:5432/db")
    assert shown == f"postgresql://user:{service.MASK}@host:5432/db"


def test_an_empty_variable_is_as_if_it_were_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTEGRATOR_SECRET_KEY", "")
    monkeypatch.setenv("INTEGRATOR_PORT", "")
    found = service.load()
    assert found.secret_key is None
    assert found.port == 8000


@pytest.mark.skipif(find_spec("sentry_sdk") is not None, reason="it is installed here")
@pytest.mark.parametrize("role", ["serve", "web", "worker"])
def test_an_extra_that_is_asked_for_and_not_installed_is_named(integrator: Command, role: str) -> None:
    said = integrator(role, env={"INTEGRATOR_SENTRY_DSN": "https://sesame@sentry.example/1"}, code=2).err
    assert "INTEGRATOR_SENTRY_DSN" in said
    assert "integrator[telemetry]" in said
    assert "sesame" not in said
