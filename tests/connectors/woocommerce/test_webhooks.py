"""Webhooks: registered, kept alive, really delivered, verified."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from integrator.connectors.base import Channel, Rejected, WebhookEvent
from integrator.connectors.woocommerce import CONNECTOR
from integrator.connectors.woocommerce.webhooks import TOPICS, secret
from tests.connectors.shop import Line
from tests.connectors.woocommerce.conftest import Bench
from tests.connectors.woocommerce.simulator.webhooks import cron


class Listener:
    """Where the shop delivers to."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                listener.got.append((self.path, dict(self.headers), body))
                self.send_response(listener.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None: ...

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()


@pytest.fixture
def listener() -> Iterator[Listener]:
    made = Listener()
    yield made
    made.server.shutdown()
    made.server.server_close()


def channel(bench: Bench, url: str) -> Channel:
    known = bench.channel()
    return Channel(known.id, known.name, known.credentials, known.settings, public_url=url, account_id=known.account_id)


def test_what_the_shop_delivers_is_verified_and_says_which_order(each: Bench, listener: Listener) -> None:
    mine = channel(each, listener.url)
    connector = CONNECTOR(mine, each.attempts.append)
    assert [one.ok for one in connector.register_webhooks()] == [True] * len(TOPICS)
    assert cron(each.simulator if hasattr(each, "simulator") else each.shop.simulator.api) == [200] * len(TOPICS)
    for path, headers, body in listener.got:
        assert path == "/webhooks/3/7"
        assert body.startswith(b"webhook_id=")
        assert CONNECTOR.read_webhook(mine, headers, body) is None  # the ping: no signature, no action
    listener.got.clear()
    each.shop.add_product("A", "Thing", quantity=5)
    order = each.shop.place_order([Line("A")])
    cron(each.shop.simulator.api)
    ((_, headers, body),) = listener.got
    event = CONNECTOR.read_webhook(mine, headers, body)
    assert isinstance(event, WebhookEvent)
    assert (event.topic, event.order_id) == ("order.created", order)
    assert event.delivery_id
    other = Channel(8, mine.name, mine.credentials, mine.settings, public_url=listener.url, account_id=3)
    for forged in (
        (mine, {**headers, "X-WC-Webhook-Signature": "AAAA"}, body),
        (mine, headers, body + b" "),
        (mine, {}, body),
        (other, headers, body),
    ):
        with pytest.raises(Rejected):
            CONNECTOR.read_webhook(*forged)
    connector.close()


def test_a_ping_with_a_body_of_its_own_is_not_a_ping(bench: Bench) -> None:
    for body in (b"webhook_id=1" + b"&x=" + b"y" * 100, b'{"id": 1}', b""):
        with pytest.raises(Rejected):
            CONNECTOR.read_webhook(bench.channel(), {}, body)


def test_webhooks_that_the_shop_switched_off_are_switched_on_again(bench: Bench, listener: Listener) -> None:
    connector = CONNECTOR(channel(bench, listener.url), bench.attempts.append)
    connector.register_webhooks()
    cron(bench.shop.simulator.api)
    bench.shop.add_product("A", "Thing", quantity=50)
    listener.status = 500
    for _ in range(7):  # more than five in a row
        bench.shop.place_order([Line("A")])
        cron(bench.shop.simulator.api)
    hooks = list(bench.state.webhooks.values())
    assert [one["status"] for one in hooks if one["topic"] == "order.created"] == ["disabled"]
    items = {one.name: one.message for one in connector.register_webhooks()}
    assert "active again" in items["webhook order.created"]
    assert {one["status"] for one in bench.state.webhooks.values()} == {"active"}
    connector.close()


def test_registering_again_doubles_nothing_and_moves_with_the_address(bench: Bench) -> None:
    one = CONNECTOR(channel(bench, "https://one.invalid"), bench.attempts.append)
    one.register_webhooks()
    one.register_webhooks()
    assert len(bench.state.webhooks) == len(TOPICS)
    two = CONNECTOR(channel(bench, "https://two.invalid/integrator"), bench.attempts.append)
    two.register_webhooks()
    assert {hook["delivery_url"] for hook in bench.state.webhooks.values()} == {
        "https://two.invalid/integrator/webhooks/3/7"
    }
    assert len(bench.state.webhooks) == len(TOPICS)
    assert {hook["secret"] for hook in bench.state.webhooks.values()} == {secret(two.channel)}
    nowhere = CONNECTOR(channel(bench, ""), bench.attempts.append)
    assert nowhere.register_webhooks() == []
    for connector in (one, two, nowhere):
        connector.close()


def test_somebody_elses_webhooks_are_left_alone(bench: Bench) -> None:
    api = bench.shop.simulator.api
    api._create_webhook({"topic": "order.created", "delivery_url": "https://other.invalid/hook", "secret": "x"})
    bench.connector().register_webhooks()
    theirs = [one for one in bench.state.webhooks.values() if "other" in one["delivery_url"]]
    assert [one["secret"] for one in theirs] == ["x"]
