"""Issues: listed, resent, dismissed, from Python and from the command line."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from integrator.cli import main
from integrator.connectors.pushes import Outcome
from integrator.journal import issues as journal
from integrator.settings import settings
from integrator.store import engine as store_engine
from integrator.store.engine import begin
from integrator.sync import resend
from integrator.sync.drain import drain
from tests.sync.conftest import Stage, item


def refused(stage: Stage, *skus: str) -> list[Any]:
    stage.products(*(item(sku) for sku in skus))
    for sku in skus:
        stage.shop.answers["content", sku] = Outcome.CONFLICT
    drain(*stage.ids)
    return stage.issues()


def test_resend_pushes_again_and_success_closes_it(stage: Stage) -> None:
    first, second = refused(stage, "A", "B")
    stage.shop.answers.clear()
    assert drain(*stage.ids).batches == 0
    with begin() as connection:
        done = resend.resend(connection, [first._mapping, second._mapping])
    assert set(done) == {first.id, second.id}
    assert "2 product(s)" in done[first.id]
    drain(*stage.ids)
    assert set(stage.shop.products) == {"A", "B"}
    assert {row.listing_state for row in stage.lanes("content").values()} == {"linked"}
    assert not stage.issues()


def test_resend_that_fails_again_counts_on_the_same_issue(stage: Stage) -> None:
    (issue,) = refused(stage, "A")
    with begin() as connection:
        resend.resend(connection, [issue._mapping])
    drain(*stage.ids)
    (again,) = stage.issues()
    assert (again.id, again.attempts, again.first_at) == (issue.id, 2, issue.first_at)
    assert again.last_at > issue.last_at


def test_products_are_pushed_again_though_the_shop_should_have_them(stage: Stage) -> None:
    stage.products(item("A"))
    drain(*stage.ids)
    stage.shop.calls.clear()
    stage.shop.products["A"].quantity = 99
    with begin() as connection:
        started = resend.products(connection, stage.store.account_id, stage.store.store_id, 0, "", ["A", "none"])
    assert started
    drain(*stage.ids)
    assert stage.shop.products["A"].quantity == 5
    assert {verb for verb, _ in stage.shop.calls} >= {"content", "price", "stock"}


def test_a_paused_channel_is_tried_at_once(stage: Stage) -> None:
    stage.pulled(state="needs_credentials", paused_until="2999-01-01")
    with begin() as connection:
        resend.channel(connection, *stage.ids)
    row = stage.channel()
    assert (row.state, row.paused_until) == ("active", None)
    with begin() as connection:
        kinds = connection.execute(text("SELECT args ->> 'kind' FROM procrastinate_jobs")).scalars().all()
    assert set(kinds) == {"content", "price", "stock", "ship", "pull"}


def test_a_held_channel_stays_held(stage: Stage) -> None:
    stage.pulled(state="held")
    with begin() as connection:
        resend.channel(connection, *stage.ids)
    assert stage.channel().state == "held"


def test_dismissed_is_closed_until_it_happens_again(stage: Stage) -> None:
    (issue,) = refused(stage, "A")
    with begin() as connection:
        assert journal.dismiss(connection, stage.store.account_id + 1, [issue.id]) == 0
        assert journal.dismiss(connection, stage.store.account_id, [issue.id]) == 1
    assert not stage.issues()
    stage.products(item("A", Name="Other"))
    drain(*stage.ids)
    (again,) = stage.issues()
    assert again.id != issue.id


def test_many_findings_are_one_statement_and_the_last_of_two_counts(stage: Stage) -> None:
    where = {"account_id": stage.store.account_id, "store_id": stage.store.store_id, "subject": "product"}
    with begin() as connection:
        reasons = (("B", "X", "one"), ("A", "X", "two"), ("B", "Y", "three\x00"))
        findings = [journal.Finding(*one) for one in reasons]
        journal.report_many(connection, **where, findings=findings)
        journal.report_many(connection, **where, findings=[])
        rows = journal.listed(connection, stage.store.account_id)
    found = {(row["subject_id"], row["code"], row["message"]) for row in rows}
    assert found == {("A", "X", "two"), ("B", "Y", "three")}


# -- the command line


@pytest.fixture
def integrator(
    stage: Stage, database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Any]:
    """The command in this process, which knows the scripted platform; its JSON."""
    monkeypatch.setenv("DATABASE_URL", database)
    settings.cache_clear()

    def run(*arguments: str, code: int = 0) -> Any:
        capsys.readouterr()
        try:
            with pytest.raises(SystemExit) as end:
                main([*arguments, "--json"])
        finally:
            store_engine.configure(database)
        said = capsys.readouterr()
        assert (end.value.code or 0) == code, said.err
        return json.loads(said.out or said.err)

    return run


def test_the_commands_list_show_resend_and_dismiss(stage: Stage, integrator: Any) -> None:
    first, second = refused(stage, "A", "B")
    assert {row["subject_id"] for row in integrator("issue", "list")} == {"A", "B"}
    channel = str(stage.channel_id)
    assert len(integrator("issue", "list", "--channel", channel, "--id", "A", "--code", "SKU_CONFLICT")) == 1
    assert integrator("issue", "list", "--code", "OTHER") == []
    shown = integrator("issue", "show", str(first.id))
    assert (shown["subject_id"], shown["state"]) == ("A", "open")
    assert integrator("issue", "show", "999999", code=3)["error"]["message"] == "There is no issue 999999."
    assert integrator("issue", "resend", str(first.id))["issues"] == 1
    assert integrator("issue", "resend", "--code", "SKU_CONFLICT", "--channel", channel)["issues"] == 2
    assert integrator("issue", "resend", "--product", "A", "--store", stage.store.code)["started"]
    assert stage.lanes("price")["A"].pending
    integrator("issue", "resend", code=2)
    assert integrator("issue", "dismiss", str(second.id))["dismissed"] == 1
    assert integrator("issue", "dismiss", "--code", "SKU_CONFLICT")["dismissed"] == 1
    assert integrator("issue", "list") == []
    assert len(integrator("issue", "list", "--closed")) == 2


def test_the_sync_command_puts_in_jobs_or_does_it_here(stage: Stage, integrator: Any) -> None:
    stage.products(item("A"))
    channel = str(stage.channel_id)
    assert integrator("sync", channel, "--lane", "stock")["work"] == ["stock"]
    done = integrator("sync", channel, "--full", "--wait")
    assert done["accepted"] == {"content": 1, "price": 1, "stock": 1}
    assert done["reconciliation"]["listed"] == 0
    rows = integrator("attempt", "list", channel, "--purpose", "stock")
    assert rows[0]["outcome"] == "ok"
    assert integrator("attempt", "show", channel, str(rows[0]["id"]))["url"] == "http://scripted/stock"
    stage.pulled(state="held")
    assert "is held" in integrator("sync", channel, code=1)["error"]["message"]


def test_the_call_command_shows_what_failed(stage: Stage, integrator: Any) -> None:
    with begin() as connection:
        connection.execute(
            text(
                "INSERT INTO calls (account_id, id, store_id, user_name, operation, failed)"
                " VALUES (:a, '0198c0de-0000-7000-8000-000000000001', :s, 'pos', 'UpdateInventory', 1);"
                " INSERT INTO call_failures (account_id, call_id, index, store_id, subject_id, code, message)"
                " VALUES (:a, '0198c0de-0000-7000-8000-000000000001', 3, :s, '4711', 'ITEM_NOT_FOUND', 'Unknown.')"
            ),
            {"a": stage.store.account_id, "s": stage.store.store_id},
        )
    (row,) = integrator("call", "list", stage.store.code, "--item", "4711", "--failed")
    shown = integrator("call", "show", row["id"])
    assert shown["failures"] == [
        {"index": 3, "subject_id": "4711", "code": "ITEM_NOT_FOUND", "field": "", "message": "Unknown."}
    ]
    assert integrator("call", "list", stage.store.code, "--item", "4712") == []
    integrator("call", "show", "0198c0de-0000-7000-8000-000000000002", code=3)
