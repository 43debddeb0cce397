"""Webhooks: made, watched, repaired, verified."""

from __future__ import annotations

import dataclasses
import json

import pytest

from integrator.connectors.base import Rejected
from integrator.connectors.bigcommerce import CONNECTOR, webhooks
from integrator.connectors.bigcommerce.webhooks import SECRET_HEADER, TOPICS
from tests.connectors.bigcommerce.conftest import Bench
from tests.connectors.shop import Line


def writes(bench: Bench) -> list[str]:
    return [one for one in bench.calls() if not one.startswith("GET")]


def test_they_are_made_once(bench: Bench) -> None:
    assert all(one.ok for one in bench.connector().register_webhooks())
    assert {one["scope"] for one in bench.state.webhooks.values()} == set(TOPICS)
    writes(bench)
    assert all(one.ok for one in bench.connector().register_webhooks())
    assert writes(bench) == []


def test_one_that_was_switched_off_is_switched_on_again(bench: Bench) -> None:
    bench.connector().register_webhooks()
    hook = next(iter(bench.state.webhooks.values()))
    hook["is_active"] = False
    report = bench.connector().check()
    assert any("Not active" in one.message for one in report.items)
    items = bench.connector().register_webhooks()
    assert hook["is_active"] is True
    assert [one.message for one in items].count("It was switched on again.") == 1


def test_what_delivers_to_an_older_address_or_twice_is_taken_away(bench: Bench) -> None:
    bench.connector().register_webhooks()
    for hook in list(bench.state.webhooks.values())[:2]:
        copy = {**hook, "id": hook["id"] + 1_000}
        bench.state.webhooks[copy["id"]] = copy | {"destination": hook["destination"].replace("integrator.", "old.")}
    bench.connector().register_webhooks()
    assert len(bench.state.webhooks) == len(TOPICS)
    assert {one["destination"] for one in bench.state.webhooks.values()} == {"https://integrator.invalid/webhooks/3/7"}


@pytest.mark.parametrize("address", ["http://integrator.invalid", "https://integrator.invalid:8443"])
def test_an_address_that_bigcommerce_does_not_deliver_to_is_said(bench: Bench, address: str) -> None:
    channel = dataclasses.replace(bench.channel(), public_url=address)
    connector = CONNECTOR(channel, lambda _: None)
    bench.open.append(connector)
    (item,) = connector.register_webhooks()
    assert not item.ok
    assert "443" in item.hint
    assert connector.check().ok  # polling does


def test_signatures_and_the_secret_both_have_to_be_right(bench: Bench) -> None:
    bench.shop.add_product("A", "A", quantity=1)
    placed = bench.shop.place_order([Line("A")])
    bench.connector().register_webhooks()
    headers, body = bench.shop.webhook(placed)
    channel = bench.channel()
    event = webhooks.read(channel, headers, body)
    assert event is not None
    assert (event.topic, event.order_id, event.delivery_id) == ("store/order/updated", placed, headers["webhook-id"])
    several = {**headers, "webhook-signature": f"v1,AAAA {headers['webhook-signature']}"}
    assert webhooks.read(channel, several, body) is not None
    for name in (SECRET_HEADER, "webhook-signature", "webhook-id", "webhook-timestamp"):
        with pytest.raises(Rejected):
            webhooks.read(channel, {**headers, name: "1"}, body)
        with pytest.raises(Rejected):
            webhooks.read(channel, {key: value for key, value in headers.items() if key != name}, body)


def test_without_a_client_secret_the_channel_s_own_secret_decides(bench: Bench) -> None:
    channel = bench.channel(credentials={"client_secret": ""})
    body = json.dumps(
        {"scope": "store/shipment/created", "data": {"type": "shipment", "id": 12, "orderId": 251}}
    ).encode()
    event = webhooks.read(channel, {SECRET_HEADER.upper(): webhooks.secret(channel)}, body)
    assert event is not None
    assert event.order_id == "251"
    with pytest.raises(Rejected):
        webhooks.read(channel, {}, body)


def test_a_signature_from_long_ago_or_tomorrow_is_refused(bench: Bench) -> None:
    channel = bench.channel()
    secret = channel.credentials.client_secret.get_secret_value()
    body = b'{"scope": "store/order/updated", "data": {"type": "order", "id": 1}}'
    for stamp in ("1000000000", "9999999999", "now"):
        headers = {
            SECRET_HEADER: webhooks.secret(channel), "webhook-id": "m", "webhook-timestamp": stamp,
            "webhook-signature": webhooks.signature(secret, "m", stamp, body),
        }  # fmt: skip
        with pytest.raises(Rejected, match="time"):
            webhooks.read(channel, headers, body)
