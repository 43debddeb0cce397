"""Refused credentials: stopped at once, said once, resumed by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.fernet import Fernet

from integrator.accounts import channels
from integrator.codes import Code
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync import duties, jobs
from integrator.sync.drain import drain
from tests.sync.conftest import Stage, item


def test_a_channel_resumes_by_itself_once_its_credentials_are_good(stage: Stage) -> None:
    stage.products(item("A"))
    stage.shop.credentials_ok = False
    drain(*stage.ids)
    assert stage.channel().state == "needs_credentials"
    assert stage.channel().paused_until < datetime.now(UTC) + timedelta(minutes=5)
    calls = len(stage.shop.calls)
    stage.unpause()
    assert jobs.work(*stage.ids, "probe") == "needs_credentials"
    assert jobs.work(*stage.ids, "probe") == "needs_credentials"  # not before the next time
    assert len(stage.shop.calls) == calls + 1
    (issue,) = stage.issues()
    assert (issue.code, issue.attempts) == (Code.NEEDS_CREDENTIALS, 2)
    stage.shop.credentials_ok = True
    stage.unpause()
    assert jobs.work(*stage.ids, "probe") == "active"
    assert not stage.issues()
    assert duties.sweep() > 0
    assert drain(*stage.ids).state == "done"
    assert "A" in stage.shop.products


def test_new_credentials_start_it_at_once_and_close_the_issue(stage: Stage) -> None:
    stage.products(item("A"))
    stage.shop.credentials_ok = False
    drain(*stage.ids)
    stage.shop.credentials_ok = True
    with begin() as connection:
        record = channels.load_channel(connection, *stage.ids)
        channels.edit_channel(connection, record, credentials={"key": "a-new-key"})
    stage.pulled(last_success_at=None)
    assert drain(*stage.ids).state == "done"
    assert not stage.issues()


def test_credentials_that_cannot_be_decrypted_are_said_to_be(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.products(item("A"))
    monkeypatch.setenv("INTEGRATOR_SECRET_KEY", Fernet.generate_key().decode())
    settings.cache_clear()
    drain(*stage.ids)
    (issue,) = stage.issues()
    assert issue.code == Code.NEEDS_CREDENTIALS
    assert "INTEGRATOR_SECRET_KEY" in issue.hint
