"""The reference shop, the test that other shops take, and the commands."""

from __future__ import annotations

import json
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from integrator.connectors.hipcommerce.reference.conformance import PREFIX, Conformance, Finding
from integrator.connectors.hipcommerce.reference.server import Answer, Quota, Reference, Request, Server
from tests.support.command import Command

Change = Callable[[Request, Answer], Answer]


def trial(change: Change = lambda request, answer: answer) -> tuple[list[Finding], Reference]:
    """What the conformance test finds of the reference shop, with its answers changed."""
    shop = Reference(quota=Quota(requests=0))
    server = Server(lambda request: change(request, shop.handle(request))).start()
    tester = Conformance(f"{server.url}/integrator/v1", shop.key_id, shop.secret)
    try:
        return tester.run(), shop
    finally:
        tester.close()
        server.stop()


def test_the_reference_shop_keeps_the_contract() -> None:
    found, shop = trial()
    assert [one for one in found if not one.ok] == []
    listings = shop.catalogue.listings()
    assert listings
    assert all(one["sku"].startswith(PREFIX) and not one["published"] for one in listings)


def _sloppy_prices(request: Request, answer: Answer) -> Answer:
    """Amounts as numbers."""
    if request.method == "GET" and "/products" in request.target and answer.status == 200:
        rows = [one | {"price": float(one["price"])} for one in answer.body["data"]]
        return Answer(200, {**answer.body, "data": rows}, answer.headers)
    return answer


def _whole_batch(request: Request, answer: Answer) -> Answer:
    """One bad item spoils the batch."""
    if any(one["status"] == 404 for one in answer.body.get("results", ())):
        body = {"type": "about:blank", "title": "No.", "status": 422, "code": "request_invalid"}
        return Answer(422, body, answer.headers)
    return answer


def _no_nonces(request: Request, answer: Answer) -> Answer:
    if answer.body.get("code") == "nonce_used":
        return Answer(200, {"name": "x", "version": "1.0", "time": "2026-01-01T00:00:00Z", "currency": "EUR",
                            "scopes": [], "locations": [], "webhook": None})  # fmt: skip
    return answer


@pytest.mark.parametrize(
    ("change", "rules"),
    [(_sloppy_prices, "found by its SKU"), (_whole_batch, "a bad item"), (_no_nonces, "a nonce")],
)
def test_a_shop_that_breaks_a_rule_is_told_which(change: Change, rules: str) -> None:
    found, _ = trial(change)
    wrong = [one for one in found if not one.ok]
    assert any(rules in one.rule for one in wrong)
    assert all(one.message for one in wrong)


def test_a_shop_that_is_not_there_is_told_for_every_rule() -> None:
    tester = Conformance("http://127.0.0.1:9/integrator/v1", "k", "s")
    found = tester.run()
    tester.close()
    assert not any(one.ok for one in found)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    return Command(tmp_path, None)


@pytest.fixture
def served(command: Command, tmp_path: Path) -> Iterator[dict[str, Any]]:
    """What the command says of the shop that it runs."""
    process = command.start("hipcommerce", "serve", "--port", "0", "--folder", str(tmp_path / "shop"), "--json")
    assert process.stdout is not None
    told = ""
    while not told.rstrip().endswith("}"):
        line = process.stdout.readline()
        assert line, "it ended"
        told += line
    yield json.loads(told)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


def test_one_command_starts_a_shop_and_another_tries_it(
    command: Command, served: dict[str, Any], tmp_path: Path
) -> None:
    assert sorted(one.name for one in (tmp_path / "shop").iterdir()) == ["archive", "failed", "in", "out"]
    keys = ("--key-id", served["key_id"], "--secret", served["secret"])
    done = command("hipcommerce", "check", served["url"], *keys, "--json")
    assert len(done.data) > 15
    assert httpx.get(served["url"] + "/status").status_code == 401
    wrong = command("hipcommerce", "check", served["url"], *keys[:3], "wrong", "--json", code=1)
    assert "rules are not kept" in wrong.error["message"]


def test_the_contract_is_printed(command: Command) -> None:
    done = command("hipcommerce", "contract")
    assert yaml.safe_load(done.out)["openapi"].startswith("3.1")


@pytest.mark.parametrize("options", [("--quota", "many"), ("--quota", "10/0"), ("--format", "json")])
def test_wrong_options_are_named(command: Command, options: tuple[str, str]) -> None:
    done = command("hipcommerce", "serve", *options, "--json", code=2)
    assert options[1] in done.error["message"]
