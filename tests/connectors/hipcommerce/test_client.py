"""Signatures, the quota, idempotency, errors, credentials, webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from integrator.connectors.base import NeedsCredentials, Rejected, Throttled, Transient, UnknownOutcome
from integrator.connectors.hipcommerce import CONNECTOR, signing
from integrator.connectors.hipcommerce.client import QUERY_CHARACTERS, CursorExpired, NotFound, chunks, judged
from integrator.connectors.hipcommerce.reference.server import SCOPES, Answer, Quota, Reference, Request, Server
from integrator.connectors.hipcommerce.settings import HipCommerceCredentials, base_url
from integrator.connectors.pushes import Outcome, ShipmentLine, ShipmentPush
from tests.connectors.hipcommerce.conftest import ApiBench, Build, push
from tests.connectors.pushing import alone
from tests.connectors.shop import Line

# -- signatures


def test_the_signature_is_what_the_contract_says() -> None:
    """Written out once by hand, as a shop's developer would."""
    body = b'{"a":1}'
    lines = ["PUT", "/integrator/v1/prices:batch?x=1", "1700000000", "nonce-12", hashlib.sha256(body).hexdigest()]
    digest = hmac.new(b"secret", "\n".join(lines).encode(), hashlib.sha256).hexdigest()
    assert signing.signature("secret", "put", lines[1], 1700000000, "nonce-12", body) == f"v1={digest}"


def test_the_webhook_signature_is_that_of_standard_webhooks() -> None:
    """The example of standardwebhooks.com's own libraries."""
    secret, identity, stamp = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330
    signed = signing.webhook_signature(secret, identity, stamp, b'{"test": 2432232314}')
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    headers = {"webhook-id": identity, "Webhook-Timestamp": str(stamp), "webhook-signature": f"v1,AAAA {signed}"}
    assert signing.webhook_signed(secret, headers, b'{"test": 2432232314}', stamp + 299)
    assert not signing.webhook_signed(secret, headers, b'{"test": 2432232314}', stamp + 301)
    assert not signing.webhook_signed(secret, headers, b'{"test": 2432232315}', stamp)


def test_the_shop_refuses_what_is_forged_old_or_repeated() -> None:
    now = 1_800_000_000.0
    shop = Reference(key_id="k", secret="s", clock=lambda: now)

    def ask(stamp: float = now, nonce: str = "", secret: str = "s", key: str = "k", sign: bytes = b"") -> Any:
        ask.count = getattr(ask, "count", 0) + 1  # type: ignore[attr-defined]
        nonce = nonce or f"nonce-{ask.count:05}"  # type: ignore[attr-defined]
        target = "/integrator/v1/status"
        signed = signing.signature(secret, "GET", target, int(stamp), nonce, sign)
        names = (signing.KEY, signing.TIMESTAMP, signing.NONCE, signing.SIGNATURE)
        headers = zip((one.lower() for one in names), (key, str(int(stamp)), nonce, signed), strict=True)
        answer = shop.handle(Request("GET", target, dict(headers)))
        return answer.body.get("code", answer.status)

    assert ask() == 200
    assert ask(now + 300) == ask(now - 300) == 200
    assert ask(now + 301) == ask(now - 301) == "timestamp_invalid"
    assert ask(secret="t") == ask(sign=b"other") == ask(nonce="short") == "signature_invalid"
    assert ask(key="l") == "key_unknown"
    assert [ask(nonce="the-same-one"), ask(nonce="the-same-one")] == [200, "nonce_used"]
    assert [ask(nonce="forged-first", secret="t"), ask(nonce="forged-first")] == ["signature_invalid", 200]


@given(st.lists(st.text(min_size=1, max_size=64), max_size=300), st.integers(1, 100))
def test_filters_fit_into_a_request_line_and_lose_nothing(values: list[str], most: int) -> None:
    groups = list(chunks("sku", values, most))
    assert [one for group in groups for one in group] == list(dict.fromkeys(values))
    for group in groups:
        assert len(group) <= most
        query = str(httpx.QueryParams([("sku", one) for one in group]))
        assert len(query) <= QUERY_CHARACTERS + 500 or len(group) == 1


# -- the quota


def test_the_quota_is_used_to_the_last_request_and_not_beyond(build: Build) -> None:
    """A hundred requests a window; the window is moved by hand."""
    now = [time.time()]
    bench = build(quota=Quota(requests=100, seconds=60), clock=lambda: now[0])
    windows = 0
    done = 0
    while done < 350:
        connector = bench.connector()
        client = connector.way.client  # type: ignore[union-attr]
        client.clock = client.window.clock = lambda: now[0]
        try:
            for _ in range(40):  # a job
                client.call("GET", "/status")
                done += 1
        except Throttled as wait:
            now[0] = (wait.until or datetime.max).timestamp() + 0.001
            windows += 1
    assert "rate_limited" not in bench.shop.refused
    assert bench.shop.reads == done
    assert done >= 0.95 * 100 * windows
    assert windows == 3  # 350 requests are three full windows and a half


def test_a_window_that_begins_at_once_is_waited_for(build: Build) -> None:
    bench = build(quota=Quota(requests=1, seconds=60))
    client = bench.connector().way.client  # type: ignore[union-attr]
    client.window.closed_until = client.clock() + 1
    slept: list[float] = []
    client.window.sleep = slept.append
    client.call("GET", "/status")
    assert [0 < one <= 1 for one in slept] == [True]


def test_a_429_says_when(bench: ApiBench) -> None:
    bench.shop.misbehave(throttle_next=1, retry_after=7)
    with pytest.raises(Throttled) as caught:
        bench.connector().push_content(alone(push("A")))
    assert caught.value.until is not None
    assert 5 < (caught.value.until - datetime.now(UTC)).total_seconds() <= 7


# -- idempotency


def test_a_write_whose_answer_was_lost_is_done_once(bench: ApiBench) -> None:
    one = alone(push("A", quantity=3))
    bench.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        bench.connector().push_content(one)
    (result,) = bench.connector().push_content(one)
    assert result.outcome is Outcome.ACCEPTED
    assert len(bench.shop.products()) == 1


def test_the_same_batch_has_the_same_key_and_a_new_wish_another(bench: ApiBench) -> None:
    item = push("A", remote={"product": "1", "variant": "2"}, product_id=5)
    anew = push("A", remote={"product": "1", "variant": "2"}, product_id=5, wanted=2)
    bench.connector().push_content(alone(push("A")))
    keys: list[str] = []
    handle = bench.shop.server.handle

    def noted(request: Request) -> Any:
        keys.append(request.headers.get("idempotency-key", ""))
        return handle(request)

    bench.shop.server.handle = noted
    for one in (item, item, anew):
        bench.connector().push_stock(alone(one))
    assert keys[0] == keys[1]
    assert keys[1] != keys[2]


def test_the_same_number_wanted_anew_is_written_though_the_body_is_the_same(bench: ApiBench) -> None:
    (result,) = bench.connector().push_content(alone(push("A", quantity=5)))
    for wanted in (2, 3):
        bench.connector().push_stock(alone(push("A", quantity=5, remote=result.remote, product_id=9, wanted=wanted)))
        assert bench.shop.products()["A"].quantity == 5
        bench.shop.edit("A", quantity=1)


def test_a_refusal_is_not_kept_either(bench: ApiBench) -> None:
    """The merchant sets right what was wrong, and the very same shipment is sent again."""
    bench.connector().push_content(alone(push("A", quantity=5)))
    order = bench.shop.place_order([Line("A")], paid=False)
    shipment = ShipmentPush("SH-1", order, (ShipmentLine(f"{order}-1", "A", "A", Decimal(1)),))
    with pytest.raises(Rejected, match="not paid"):
        bench.connector().send_shipment(shipment)
    bench.shop.pay(order)
    assert bench.connector().send_shipment(shipment).remote_id


def test_an_answer_with_an_item_to_try_again_is_not_kept(bench: ApiBench) -> None:
    refusals = [{"key": "A", "status": 503, "code": "busy", "message": "Later."}]
    bench.shop.catalogue.refuse = lambda _: refusals.pop() if refusals else None
    one = alone(push("A"))
    assert bench.connector().push_content(one)[0].outcome is Outcome.RETRY
    assert bench.connector().push_content(one)[0].outcome is Outcome.ACCEPTED


# -- errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "code"),
    [
        (401, {"code": "signature_invalid", "title": "Wrong."}, NeedsCredentials, "SIGNATURE_INVALID"),
        (401, {"code": "timestamp_invalid", "title": "Off.", "time": "2026-01-01T00:00:00Z"}, NeedsCredentials,
         "CLOCK"),
        (403, {"code": "scope_missing", "scope": "orders.read", "title": "No."}, NeedsCredentials, "SCOPE_MISSING"),
        (403, None, NeedsCredentials, "HTTP_403"),
        (404, None, NeedsCredentials, "NO_API"),
        (404, {"code": "not_found", "title": "No."}, NotFound, "NOT_FOUND"),
        (400, {"code": "cursor_invalid", "title": "Old."}, CursorExpired, "CURSOR_INVALID"),
        (422, {"code": "request_invalid", "title": "Wrong.", "errors": [{"pointer": "/a", "message": "no"}]}, Rejected,
         "REQUEST_INVALID"),
        (302, None, NeedsCredentials, "MOVED"),
        (200, None, Transient, "ANSWER_BROKEN"),
        (200, [1], Transient, "ANSWER_BROKEN"),
    ],
)  # fmt: skip
def test_refusals_have_their_class(status: int, body: Any, kind: type[Exception], code: str) -> None:
    content = b"<html>" if body is None else json.dumps(body).encode()
    request = httpx.Request("GET", "https://shop.example/integrator/v1/orders")
    with pytest.raises(kind) as caught:
        judged(httpx.Response(status, content=content, request=request))
    assert (type(caught.value), caught.value.code) == (kind, code)  # type: ignore[attr-defined]
    if kind is NeedsCredentials:
        assert caught.value.hint  # type: ignore[attr-defined]
    if code == "SCOPE_MISSING":
        assert "orders.read" in str(caught.value)


def test_a_shop_that_answers_short_or_in_another_order_is_not_believed(bench: ApiBench) -> None:
    put = bench.shop.catalogue.put_product
    bench.shop.reference.catalogue.put_product = lambda given: []  # type: ignore[method-assign]
    with pytest.raises(Transient, match="without a result for each"):
        bench.connector().push_content(alone(push("A")))
    other = {"key": "OTHER"}
    bench.shop.reference.catalogue.put_product = lambda given: [put(given)[0] | other]  # type: ignore[method-assign]
    (result,) = bench.connector().push_content(alone(push("B")))
    assert (result.outcome, result.code) == (Outcome.RETRY, "ANSWER_BROKEN")


# -- credentials and the check


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("shop.example", "https://shop.example/integrator/v1"),
        ("https://shop.example/", "https://shop.example/integrator/v1"),
        ("https://shop.example:8443/api/v9/", "https://shop.example:8443/api/v9"),
        ("http://127.0.0.1:8099", "http://127.0.0.1:8099/integrator/v1"),
    ],
)
def test_addresses(text: str, url: str) -> None:
    assert base_url(text) == url


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "mode api needs url, key_id, secret"),
        ({"url": "http://shop.example", "key_id": "k", "secret": "s"}, "write https"),
        ({"url": "https://shop.example?x=1", "key_id": "k", "secret": "s"}, "not the address of a shop"),
        ({"mode": "folder", "folder": "shop"}, "folder must be absolute"),
        ({"mode": "sftp", "host": "h", "user": "u", "folder": "/f"}, "mode sftp needs host_key"),
        ({"mode": "sftp", "host": "h", "user": "u", "folder": "/f", "host_key": "ssh-rsa A"}, "password or private"),
    ],
)
def test_credentials_name_what_is_missing(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        HipCommerceCredentials(**given)


@pytest.mark.parametrize("scope", ["products.read", "products.write", "orders.read", "shipments.write"])
def test_the_check_names_the_scope_that_is_missing(build: Build, scope: str) -> None:
    bench = build(scopes=tuple(one for one in SCOPES if one != scope))
    wrong = [one for one in bench.connector().check().items if not one.ok]
    assert [one.message for one in wrong] == [f"{scope}: missing."]
    assert scope in wrong[0].hint


def test_optional_scopes_are_said_and_no_fault(build: Build) -> None:
    bench = build(scopes=SCOPES[:4])
    report = bench.connector().check()
    assert report.ok
    assert {one.message.split(":")[0] for one in report.items if "missing" in one.message} == set(SCOPES[4:])
    (webhook,) = bench.connector().register_webhooks()
    assert webhook.ok


def test_the_check_looks_at_clock_and_locations(build: Build) -> None:
    bench = build(clock=lambda: time.time() + 200)
    names = {one.name: one for one in bench.connector(location_map={"A": "main", "B": "nowhere"}).check().items}
    assert not names["clock"].ok
    assert not names["locations"].ok
    assert "nowhere" in names["locations"].message
    assert "main, outlet" in names["locations"].hint


def test_clocks_too_far_apart_are_said_with_both_times(build: Build) -> None:
    bench = build(clock=lambda: time.time() + timedelta(hours=1).total_seconds())
    (item,) = bench.connector().check().items
    assert not item.ok
    assert "clock says" in item.message
    assert "NTP" in item.hint


def test_no_api_at_the_address(bench: ApiBench) -> None:
    bench.credentials["url"] = f"{bench.shop.url}/elsewhere"
    report = bench.connector().check()
    assert [(one.ok, bool(one.hint)) for one in report.items] == [(False, True)]
    bench.shop.violations.clear()


# -- webhooks


def test_a_webhook_that_fell_asleep_is_woken(bench: ApiBench) -> None:
    connector = bench.connector()
    connector.register_webhooks()
    assert bench.shop.reference.webhook is not None
    bench.shop.reference.webhook["active"] = False
    (item,) = [one for one in connector.check().items if one.name == "webhook"]
    assert "asleep" in item.message
    assert all(one.ok for one in connector.register_webhooks())
    assert bench.shop.reference.webhook["active"] is True
    headers, body = bench.shop.webhook("1001")
    event = connector.read_webhook(bench.channel(), headers, body)
    assert event is not None
    assert (event.topic, event.order_id, event.delivery_id) == ("order.updated", "1001", headers["webhook-id"])


def test_the_shop_announces_each_change_and_a_receiver_can_verify_it(bench: ApiBench) -> None:
    came: list[Request] = []
    arrived = threading.Event()

    def take(request: Request) -> Answer:
        came.append(request)
        arrived.set()
        return Answer(200, {})

    receiver = Server(take).start()
    bench.shop.reference.webhooks_sent = True
    channel = replace(bench.channel(), public_url=receiver.url)
    connector = CONNECTOR(channel, bench.attempts.append)
    bench.open.append(connector)
    connector.register_webhooks()
    connector.push_content(alone(push("A", quantity=5)))
    order = bench.shop.place_order([Line("A")])
    assert arrived.wait(10)
    receiver.stop()
    assert came[0].target == channel.webhook_path
    event = CONNECTOR.read_webhook(channel, came[0].headers, came[0].body)
    assert event is not None
    assert event.order_id == order
