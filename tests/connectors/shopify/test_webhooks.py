"""Webhooks: registered once, repaired when they are gone or wrong, verified."""

from __future__ import annotations

from dataclasses import replace

import pytest

from integrator.connectors.base import Rejected
from integrator.connectors.shopify import CONNECTOR
from integrator.connectors.shopify.webhooks import TOPICS
from tests.connectors.shop import Line
from tests.connectors.shopify.conftest import Bench
from tests.connectors.shopify.simulator.webhooks import signed

URL = "https://integrator.invalid/webhooks/3/7"


def test_they_are_registered_once_and_carry_ids_only(bench: Bench) -> None:
    assert all(one.ok for one in bench.connector().register_webhooks())
    assert sorted(one["topic"] for one in bench.state.webhooks.values()) == sorted(TOPICS)
    assert {one["uri"] for one in bench.state.webhooks.values()} == {URL}
    assert {tuple(one["fields"]) for one in bench.state.webhooks.values()} == {
        ("id", "order_id", "admin_graphql_api_id", "order_edit")
    }
    writes = bench.state.writes
    assert all(one.ok for one in bench.connector().register_webhooks())
    assert bench.state.writes == writes
    said = next(one.message for one in bench.connector().check().items if one.name == "webhooks")
    assert said.startswith("Order changes")


def test_what_shopify_took_away_or_somebody_changed_is_repaired(bench: Bench) -> None:
    bench.connector().register_webhooks()
    first, second, third = list(bench.state.webhooks)[:3]
    del bench.state.webhooks[first]
    bench.state.webhooks[second]["fields"] = []
    bench.state.webhooks[third]["uri"] = "https://old.example/webhooks/3/7"
    bench.state.webhooks["1"] = {**bench.state.webhooks[second], "id": "1", "uri": "https://someone.example/hook"}
    messages = {one.name: one.message for one in bench.connector().register_webhooks()}
    assert sorted(messages.values()).count("It was registered.") == 2
    assert list(messages.values()).count("It was changed and is repaired.") == 1
    ours = [one for one in bench.state.webhooks.values() if one["uri"] == URL]
    assert sorted(one["topic"] for one in ours) == sorted(TOPICS)
    assert "1" in bench.state.webhooks  # another app's, or the merchant's
    assert third not in bench.state.webhooks


def test_without_the_apps_secret_none_is_registered_and_none_believed(bench: Bench) -> None:
    bench.kept.stored = bench.kept.stored.model_copy(update={"client_secret": None})
    (item,) = bench.connector().register_webhooks()
    assert not item.ok
    assert "client secret" in item.hint
    headers, body = signed("", "orders/updated", {"id": 1})
    with pytest.raises(Rejected):
        CONNECTOR.read_webhook(bench.channel(), headers, body)


@pytest.mark.parametrize(
    ("topic", "content", "order"),
    [
        ("orders/updated", {"id": 5}, "5"),
        ("refunds/create", {"id": 9, "order_id": 5}, "5"),
        ("orders/edited", {"order_edit": {"id": 3, "order_id": 5}}, "5"),
        ("bulk_operations/finish", {"admin_graphql_api_id": "x"}, ""),
    ],
)
def test_what_it_is_about(bench: Bench, topic: str, content: dict, order: str) -> None:
    headers, body = signed(bench.shop.simulator.tokens.client_secret, topic, content)
    event = CONNECTOR.read_webhook(bench.channel(), {name.upper(): value for name, value in headers.items()}, body)
    assert event is not None
    assert (event.topic, event.order_id, event.delivery_id) == (topic, order, "98880550")


def test_a_service_without_a_public_address_registers_none(bench: Bench) -> None:
    channel = replace(bench.channel(), public_url="")
    connector = CONNECTOR(channel, bench.attempts.append)
    assert connector.register_webhooks() == []
    assert "INTEGRATOR_PUBLIC_URL" in next(one.hint for one in connector.check().items if one.name == "webhooks")
    connector.close()


def test_an_address_that_shopify_does_not_take_is_said(bench: Bench) -> None:
    channel = replace(bench.channel(), public_url="http://integrator.invalid")
    connector = CONNECTOR(channel, bench.attempts.append)
    assert not any(one.ok for one in connector.register_webhooks())
    connector.close()


def test_no_customer_is_in_an_attempt(bench: Bench) -> None:
    """Tokens are in headers, which are not journalled; what is wrong with a call is."""
    bench.shop.add_product("A", "Product")
    bench.shop.place_order([Line("A")])
    list(bench.connector().pull_orders({}))
    assert bench.attempts
    assert all("shpat_" not in f"{one.url}{one.request}{one.answer}" for one in bench.attempts)
