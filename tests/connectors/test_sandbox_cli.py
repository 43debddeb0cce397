"""`integrator sandbox`, as people and scripts call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from integrator.cli import main
from integrator.cli.output import use_json
from integrator.settings import settings
from integrator.store import engine as store_engine

Run = Callable[..., Any]


@pytest.fixture
def run(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """`run(*arguments)`: the JSON that the command answers; `code=` the exit code that it must end with."""
    monkeypatch.setenv("DATABASE_URL", database)
    monkeypatch.setenv("INTEGRATOR_SANDBOX_URL", "http://127.0.0.1:9")
    settings.cache_clear()

    def command(*arguments: str, code: int = 0) -> Any:
        with pytest.raises(SystemExit) as ended:
            main(["sandbox", *arguments, "--json"])
        written = capsys.readouterr()
        assert ended.value.code == code, written.err
        use_json(False)
        return json.loads(written.out if code == 0 else written.err)

    from integrator.connectors.sandbox import CONNECTOR
    from integrator.connectors.sandbox.shop import products
    from integrator.store.engine import begin

    store_engine.configure(database)
    CONNECTOR.prepare("", "demo")
    variant = {"sku": "A", "price": "10", "quantity": "20"}
    with begin() as connection:
        products.upsert(connection, "demo", [{"external_id": "a", "name": "Thing", "variants": [variant]}])
    store_engine.forget()
    yield command
    settings.cache_clear()


def test_a_day_of_a_shop(run: Run) -> None:
    assert [one["name"] for one in run("list")] == ["demo"]
    assert run("show", "demo")["drafts"] == 1
    assert run("order", "demo", code=1)["error"]["message"].startswith("Nothing is published")
    assert run("publish", "demo")["published"] == 1
    (order,) = run("order", "demo", "--line", "A=3", "--payment", "authorised")
    assert (order["number"], order["payment_status"]) == ("1001", "authorised")
    assert len(run("order", "demo", "--count", "2", "--payment", "paid")) == 2
    assert run("pay", "demo", "1001", "--amount", "5.00")["order"]["payment_status"] == "partially_paid"
    assert run("pay", "demo", "1001")["order"]["payment_status"] == "paid"
    done = run("ship", "demo", "1001", "--line", "A=1", "--tracking", "1Z-1")
    assert done["fulfilment"]["tracking_numbers"] == ["1Z-1"]
    assert done["order"]["fulfilment_status"] == "partial"
    assert run("ship", "demo", "#1001")["order"]["fulfilment_status"] == "complete"
    assert run("refund", "demo", "1001", "--line", "A=1")["refund"]["lines"][0]["restock"] is True
    assert run("refund", "demo", "1001", "--amount", "1.00")["refund"]["adjustment"] == "1.00"
    assert run("cancel", "demo", "1002")["order"]["status"] == "cancelled"
    assert [one["number"] for one in run("orders", "demo", "--limit", "2")] == ["1003", "1002"]


def test_misbehaving_and_behaving(run: Run) -> None:
    wanted = {"quota_requests": 40, "lose_next": 1, "reject_sku": "A"}
    arguments = ["--quota", "40/10", "--lose-next", "1", "--reject-sku", "A"]
    assert run("misbehave", "demo", *arguments)["behaviour"] == wanted
    assert run("show", "demo")["misbehaviour"] == wanted
    assert run("misbehave", "demo")["behaviour"] == {}
    error = run("misbehave", "demo", "--fail-percent", "200", code=2)["error"]
    assert "--fail-percent cannot be 200" in error["message"]


def test_what_is_not_there_is_said(run: Run) -> None:
    error = run("show", "nope", code=3)["error"]
    assert "no sandbox shop 'nope'" in error["message"]
    assert "sandbox list" in error["hint"]
    assert "no order '77'" in run("ship", "demo", "77", code=3)["error"]["message"]
    run("publish", "demo")
    run("order", "demo", "--line", "A")
    error = run("ship", "demo", "1001", "--line", "B=1", code=1)["error"]
    assert "with one of: A" in error["hint"]
    run("cancel", "demo", "1001")
    assert "is cancelled" in run("pay", "demo", "1001", code=1)["error"]["message"]


def test_reset_and_remove(run: Run) -> None:
    key = run("show", "demo")["key"]
    run("reset", "demo")
    shown = run("show", "demo")
    assert (shown["key"], shown["drafts"]) == (key, 0)
    run("reset", "demo", "--remove")
    assert run("list") == []
