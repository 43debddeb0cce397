"""Webhooks: verified, believed in nothing but "look", answered at once; and their upkeep."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from integrator.codes import Code
from integrator.connectors.base import OrderPage
from integrator.settings import settings
from integrator.store import engine as store_engine
from integrator.store.engine import begin
from integrator.sync import duties, jobs
from integrator.web.webhooks import blueprint
from tests.sync.conftest import Stage, order


@pytest.fixture
def client(stage: Stage) -> FlaskClient:
    app = Flask(__name__)
    app.register_blueprint(blueprint)
    return app.test_client()


def pulls() -> int:
    with begin() as connection:
        return connection.execute(
            text("SELECT count(*) FROM procrastinate_jobs WHERE args ->> 'kind' = 'pull'")
        ).scalar_one()


SIGNED = {"X-Signature": "scripted-secret"}


def test_a_webhook_becomes_one_pull_however_often_it_comes(stage: Stage, client: FlaskClient) -> None:
    path = f"/webhooks/{stage.store.account_id}/{stage.channel_id}"
    for _ in range(3):
        assert client.post(path, data=b"77", headers=SIGNED).status_code == 200
    assert pulls() == 1
    assert "look_at" in stage.channel().sync
    stage.shop.pages.append(OrderPage((order("77", {"A": 1}),), {}))
    assert jobs.work(*stage.ids, "pull") == "done"
    assert "look_at" not in stage.channel().sync
    with begin() as connection:
        assert connection.execute(text("SELECT count(*) FROM orders")).scalar_one() == 1


def test_a_forged_one_and_an_unknown_channel_are_refused_alike(stage: Stage, client: FlaskClient) -> None:
    path = f"/webhooks/{stage.store.account_id}/{stage.channel_id}"
    forged = client.post(path, data=b"77", headers={"X-Signature": "guessed"})
    unknown = client.post(f"/webhooks/{stage.store.account_id}/99999", data=b"77", headers=SIGNED)
    other = client.post(f"/webhooks/{stage.store.account_id + 1}/{stage.channel_id}", data=b"77", headers=SIGNED)
    assert [one.status_code for one in (forged, unknown, other)] == [401, 401, 401]
    assert forged.data == unknown.data == other.data
    assert pulls() == 0
    assert client.get(path).status_code == 405


def test_a_ping_is_answered_and_looks_at_nothing(stage: Stage, client: FlaskClient) -> None:
    path = f"/webhooks/{stage.store.account_id}/{stage.channel_id}"
    assert client.post(path, data=b"ping", headers=SIGNED).status_code == 200
    assert pulls() == 0


def test_a_held_channel_looks_later(stage: Stage, client: FlaskClient) -> None:
    stage.pulled(state="held")
    path = f"/webhooks/{stage.store.account_id}/{stage.channel_id}"
    assert client.post(path, data=b"77", headers=SIGNED).status_code == 200
    assert pulls() == 0
    stage.pulled(state="active")
    duties.sweep()
    assert pulls() == 1


def test_without_the_database_the_shop_is_asked_to_come_again(stage: Stage, client: FlaskClient) -> None:
    url = store_engine.engine().url.render_as_string(hide_password=False)
    store_engine.configure("postgresql://nobody@/none?host=/nowhere")
    try:
        answer = client.post("/webhooks/1/1", data=b"77", headers=SIGNED)
    finally:
        store_engine.configure(url)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")


@pytest.fixture
def public_url(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INTEGRATOR_PUBLIC_URL", "https://integrator.example.com")
    settings.cache_clear()
    yield
    settings.cache_clear()


def test_webhooks_are_kept_up_once_a_day(stage: Stage, public_url: None) -> None:
    duties.sweep()
    jobs.work(*stage.ids, "webhooks")
    assert len(stage.shop.verbs("webhooks")) == 1
    with begin() as connection:
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    duties.sweep()
    with begin() as connection:
        kinds = connection.execute(text("SELECT args ->> 'kind' FROM procrastinate_jobs")).scalars().all()
    assert "webhooks" not in kinds


def test_webhooks_that_cannot_be_made_are_an_issue(stage: Stage, public_url: None) -> None:
    stage.shop.webhook_problem = "The shop allows none."
    jobs.work(*stage.ids, "webhooks")
    (issue,) = stage.issues()
    assert (issue.code, issue.message) == (Code.WEBHOOKS_MISSING, "orders: The shop allows none.")
    stage.shop.webhook_problem = ""
    jobs.work(*stage.ids, "webhooks")
    assert not stage.issues()


def test_without_an_address_none_are_made(stage: Stage) -> None:
    assert jobs.work(*stage.ids, "webhooks") == "idle"
    assert not stage.shop.calls
