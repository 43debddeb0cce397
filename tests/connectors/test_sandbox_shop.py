"""The sandbox shop by itself: its rules, its API, its pages, its webhooks, its command line."""

from __future__ import annotations

import http.server
import json
import random
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from integrator.connectors.base import Channel, NeedsCredentials, Rejected, Throttled
from integrator.connectors.sandbox import CONNECTOR
from integrator.connectors.sandbox.address import shop_url
from integrator.connectors.sandbox.shop import documents, ordering, orders, pages, webhooks
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters, decide
from integrator.connectors.sandbox.shop.documents import PROFILE, ShopError
from integrator.settings import settings
from integrator.store.engine import begin
from tests.connectors.sandbox import SandboxShop
from tests.connectors.scene import Scene, product
from tests.connectors.shop import D, Line

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def shop(engine: Engine) -> Iterator[SandboxShop]:
    shop = SandboxShop()
    yield shop
    shop.close()


@pytest.fixture
def api(shop: SandboxShop) -> Iterator[httpx.Client]:
    headers = {"Authorization": f"Bearer {shop.row.key}"}
    with httpx.Client(base_url=f"{shop_url(shop.name, shop.url)}/api/", headers=headers) as client:
        yield client


def upsert(api: httpx.Client, *items: dict[str, Any]) -> list[dict[str, Any]]:
    answer = api.post("products/batch", json={"products": list(items)})
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def simple(sku: str, **values: Any) -> dict[str, Any]:
    variant = {"sku": sku, "price": "10", "quantity": "5", **values.pop("variant", {})}
    return {"external_id": f"item:{sku}", "name": f"Thing {sku}", "published": True, "variants": [variant], **values}


# -- rules


cents = st.integers(0, 100_000).map(lambda n: Decimal(n) / 100)
carts = st.lists(st.tuples(st.integers(1, 9), cents), min_size=1, max_size=5)


def composed(cart: list[tuple[int, Decimal]], **how: Any) -> dict[str, Any]:
    bought = [ordering.Bought(f"S{n}", f"Thing {n}", Decimal(units), price) for n, (units, price) in enumerate(cart)]
    nobody: dict[str, Any] = {"customer": {}, "billing_address": {}, "shipping_address": {}}
    return ordering.compose(7, bought, placed_at=NOW, profile=PROFILE, **nobody, **how)


def sums(order: dict[str, Any], kind: str) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for event in order[kind]:
        for line in event["lines"]:
            for name in ("discount", "tax", "total"):
                found[name] = found.get(name, Decimal(0)) + Decimal(line[name])
    return found


@given(carts, cents, cents, st.randoms())
def test_shipments_and_refunds_in_any_parts_add_up_to_the_order(
    cart: list[tuple[int, Decimal]], shipping: Decimal, discount: Decimal, chance: random.Random
) -> None:
    order = composed(cart, shipping=shipping, discount=discount)
    if ordering.due(order) > 0:
        ordering.pay(order, at=NOW)
    while wanted := {one["id"]: ordering.open_units(one) for one in order["lines"] if ordering.open_units(one)}:
        line = chance.choice(sorted(wanted))
        ordering.ship(order, at=NOW, lines={line: Decimal(chance.randint(1, int(wanted[line])))})
    totals = {name: sum(Decimal(one[name]) for one in order["lines"]) for name in ("discount", "tax", "total")}
    assert sums(order, "fulfilments") == totals
    assert sum(Decimal(one["shipping"]) for one in order["fulfilments"]) == shipping
    assert ordering.rounding(order) == 0
    assert totals["discount"] == min(discount, Decimal(order["totals"]["subtotal"]))
    for line in order["lines"]:
        left = int(Decimal(line["quantity"]))
        while left:
            units = chance.randint(1, left)
            try:
                ordering.refund(order, at=NOW, lines={line["id"]: Decimal(units)})
            except ShopError as error:
                assert error.code == "amount_invalid"  # worth nothing  # noqa: PT017
                return
            left -= units
    assert sums(order, "refunds") == totals


@given(carts, st.lists(st.sampled_from(["pay", "authorise", "ship", "refund", "money", "cancel"]), max_size=8))
def test_money_and_units_never_exceed_what_there_is(cart: list[tuple[int, Decimal]], steps: list[str]) -> None:
    order = composed(cart, shipping=Decimal("5"))
    first = order["lines"][0]["id"]
    for step in steps:
        before = json.dumps(order)
        try:
            match step:
                case "pay":
                    ordering.pay(order, at=NOW)
                case "authorise":
                    ordering.pay(order, at=NOW, authorise=True)
                case "ship":
                    ordering.ship(order, at=NOW, lines={first: Decimal(1)})
                case "refund":
                    ordering.refund(order, at=NOW, lines={first: Decimal(1)})
                case "money":
                    ordering.refund(order, at=NOW, amount=Decimal("1.00"))
                case "cancel":
                    ordering.cancel(order, at=NOW)
        except ShopError:
            assert json.dumps(order) == before  # what is refused changes nothing
        total = Decimal(order["totals"]["total"])
        assert ordering.paid(order, "capture") <= total
        assert ordering.paid(order, "refund") <= ordering.paid(order, "capture")
        assert sum(Decimal(one["amount"]) for one in order["refunds"]) <= total
        for line in order["lines"]:
            assert ordering.open_units(line) >= 0
            assert 0 <= Decimal(line["refunded"]) <= Decimal(line["quantity"])


def test_what_was_refunded_before_it_left_cannot_leave_any_more() -> None:
    order = composed([(3, Decimal("10"))])
    ordering.pay(order, at=NOW)
    ordering.refund(order, at=NOW, lines={"7-1": Decimal(2)})
    assert ordering.open_units(order["lines"][0]) == 1
    with pytest.raises(ShopError, match="has 1 open; 2 was sent"):
        ordering.ship(order, at=NOW, lines={"7-1": Decimal(2)})


def test_an_event_with_the_same_key_happens_once() -> None:
    order = composed([(3, Decimal("10"))])
    one = ordering.pay(order, at=NOW, key="p")
    assert ordering.pay(order, at=NOW, key="p") == one
    one = ordering.ship(order, at=NOW, lines={"7-1": Decimal(1)}, key="s")
    assert ordering.ship(order, at=NOW, lines={"7-1": Decimal(1)}, key="s") == one
    one = ordering.refund(order, at=NOW, lines={"7-1": Decimal(1)}, key="r")
    assert ordering.refund(order, at=NOW, lines={"7-1": Decimal(1)}, key="r") == one
    assert [one["kind"] for one in order["payments"]] == ["capture", "refund"]
    assert (len(order["fulfilments"]), len(order["refunds"])) == (1, 1)


@given(st.integers(1, 20), st.integers(1, 30), st.lists(st.floats(0, 5), min_size=1, max_size=80))
def test_a_quota_lets_no_more_through_than_it_says(requests: int, seconds: int, pauses: list[float]) -> None:
    behaviour, counters, now = Behaviour(quota_requests=requests, quota_seconds=seconds), Counters(), 1_000_000.0
    served: list[float] = []
    for pause in pauses:
        now += pause
        verdict, behaviour, counters = decide(behaviour, counters, writes=True, now=now, chance=0.5)
        if verdict.kind == "serve":
            served.append(now)
        else:
            assert verdict.kind == "throttle"
            # whoever waits as long as asked is served
            again, _, _ = decide(behaviour, counters, writes=True, now=now + verdict.retry_after, chance=0.5)
            assert again.kind == "serve"
    if served:  # the first window begins with the first request
        assert sum(one < served[0] + seconds for one in served) <= requests
    assert counters.writes == len(served)


def test_counted_misbehaviour_runs_out() -> None:
    behaviour, counters = Behaviour(throttle_next=1, fail_next=1, lose_next=1), Counters()
    kinds = []
    for writes in (True, True, False, True, True):
        verdict, behaviour, counters = decide(behaviour, counters, writes=writes, now=0, chance=0.5)
        kinds.append(verdict.kind)
    assert kinds == ["throttle", "fail", "serve", "lose", "serve"]  # a read is never lost
    assert behaviour == Behaviour()
    assert (counters.reads, counters.writes, counters.refused) == (1, 2, 2)


# -- the API


def test_nothing_without_the_key(shop: SandboxShop, api: httpx.Client) -> None:
    for path in ("", "variants", "orders", "behaviour", "webhook"):
        for headers in ({"Authorization": ""}, {"Authorization": "Bearer wrong"}):
            answer = api.get(path, headers=headers)
            assert (answer.status_code, answer.json()["error"]["code"]) == (401, "key_refused")
    other = api.get(f"{shop_url('no-such-shop', shop.url)}/api/variants")
    assert (other.status_code, other.json()) == (401, answer.json())  # names of shops are not told


def test_a_batch_answers_every_item_and_a_bad_one_is_alone(api: httpx.Client) -> None:
    good, bad, also_good = upsert(api, simple("A"), simple("B", variant={"price": "-1"}), simple("C"))
    assert good["created"]
    assert also_good["created"]
    assert bad["variants"][0]["error"]["code"] == "invalid"
    assert "price" in bad["variants"][0]["error"]["message"]
    assert "-1" in bad["variants"][0]["error"]["message"]
    found = api.post("variants/find", json={"skus": ["A", "B", "C"]}).json()["variants"]
    assert [one["sku"] for one in found] == ["A", "C"]


def test_an_upsert_finds_what_it_made_and_leaves_what_is_not_named(api: httpx.Client) -> None:
    (first,) = upsert(api, simple("A", brand="Nordwand"))
    (again,) = upsert(api, {"external_id": "item:A", "name": "Renamed", "variants": [{"sku": "A", "price": "11"}]})
    assert (again["id"], again["created"], again["variants"][0]["created"]) == (first["id"], False, False)
    found = api.get(f"products/{first['id']}").json()
    assert (found["name"], found["brand"], found["published"]) == ("Renamed", "Nordwand", True)
    assert (found["variants"][0]["price"], found["variants"][0]["quantity"]) == ("11", "5")


def test_what_does_not_change_is_not_modified(api: httpx.Client) -> None:
    upsert(api, simple("A"))
    (before,) = api.get("variants").json()["variants"]
    upsert(api, simple("A"))
    api.post("stock/batch", json={"stock": [{"variant_id": before["id"], "quantity": "5.0"}]})
    (after,) = api.get("variants").json()["variants"]
    assert after["modified_at"] == before["modified_at"]


def test_a_sku_belongs_to_one_product(api: httpx.Client) -> None:
    upsert(api, simple("A"))
    (other,) = upsert(api, simple("B", variant={"sku": "A"}))
    assert other["variants"][0]["error"]["code"] == "sku_taken"
    small = [{"name": "Size", "value": "S"}]
    variants = [{"sku": "V1", "options": small}, {"sku": "V2", "options": small}]
    (style,) = upsert(api, {"external_id": "s", "name": "Style", "variants": variants})
    assert [one.get("error", {}).get("code") for one in style["variants"]] == [None, "options_taken"]


def test_limits_are_named(api: httpx.Client) -> None:
    answer = api.post("stock/batch", json={"stock": [{"variant_id": 1, "quantity": "1"}] * 1001})
    assert (answer.status_code, answer.json()["error"]["code"]) == (413, "too_many")
    assert "1000" in answer.json()["error"]["message"]
    assert api.post("stock/batch", content=b"{", headers={"Content-Type": "application/json"}).status_code == 400
    assert api.get("orders", params={"modified_since": "yesterday"}).status_code == 400
    assert api.get("orders", params={"after": "nonsense"}).status_code == 400
    assert api.get("orders/999").status_code == 404


def test_orders_are_paged_by_time_of_change(shop: SandboxShop, api: httpx.Client) -> None:
    shop.add_product("A", "Thing", quantity=50)
    placed = [int(shop.place_order([Line("A")])) for _ in range(7)]
    shop.refund(str(placed[0]), amount=D("1.00"))
    seen, after = [], ""
    while True:
        page = api.get("orders", params={"limit": 3, "after": after} if after else {"limit": 3}).json()
        seen += [one["id"] for one in page["orders"]]
        after = page["next"]
        if not after:
            break
    assert seen == [*placed[1:], placed[0]]


def test_a_webhook_can_only_call_its_own_service(api: httpx.Client) -> None:
    for url in ("http://169.254.169.254/latest", "https://integrator.invalid.evil.example/", "file:///etc/passwd"):
        answer = api.put("webhook", json={"url": url, "secret": "s" * 32})
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "url_refused")
    assert api.put("webhook", json={"url": "https://integrator.invalid/webhooks/1/1", "secret": "s" * 32}).is_success


def test_orders_count_the_stock(shop: SandboxShop) -> None:
    shop.add_product("A", "Thing", quantity=10)
    one, two = shop.place_order([Line("A", 3)]), shop.place_order([Line("A", 2)])
    assert shop.products()["A"].quantity == 5
    shop.cancel(two)
    shop.cancel(two)
    assert shop.products()["A"].quantity == 7
    shop.ship(one)
    shop.refund(one, {"A": 1})
    shop.refund(one, {"A": 1}, restock=False)
    assert shop.products()["A"].quantity == 8


# -- misbehaviour, through the connector


def connector(shop: SandboxShop) -> Any:
    credentials = CONNECTOR.credentials_model(**shop.credentials())
    return CONNECTOR(Channel(1, "test", credentials, CONNECTOR.settings_model()), lambda _: None)


def test_errors_become_the_connectors_classes(shop: SandboxShop) -> None:
    wrong = connector(shop)
    shop.misbehave(throttle_next=1, retry_after=7)
    with pytest.raises(Throttled) as throttled:
        wrong.find(["A"])
    assert throttled.value.until is not None
    assert 5 < (throttled.value.until - datetime.now(UTC)).total_seconds() <= 7
    shop.misbehave(revoke_credentials=True)
    with pytest.raises(NeedsCredentials, match="revoked"):
        wrong.find(["A"])
    shop.misbehave()
    shop.behave(reject_sku="A", reject_whole_batch=True)
    wrong.close()


def test_a_whole_batch_that_is_refused_is_halved_until_the_bad_item_is_alone(shop: SandboxShop) -> None:
    scene = Scene(shop)
    shop.behave(reject_sku="I-37", reject_whole_batch=True)
    scene.products(*(product(f"I-{n}") for n in range(64)))
    before = shop.writes
    scene.sync()
    assert len(shop.products()) == 63
    assert {one["subject_id"] for one in scene.issues()} == {"I-37"}
    assert shop.writes - before <= 2 * 6 + 1 + 4  # the bisection; prices and stock of the others


def test_under_a_quota_everything_arrives_and_nobody_is_told(shop: SandboxShop) -> None:
    scene = Scene(shop)
    shop.behave(quota_requests=3, quota_seconds=1)
    scene.products(*(product(f"I-{n}", Quantity=n) for n in range(250)))
    scene.sync()
    found = shop.products()
    assert len(found) == 250
    assert all(found[f"I-{n}"].quantity == n for n in range(250))
    assert scene.issues() == []


# -- webhooks


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append((dict(self.headers), body))  # type: ignore[attr-defined]
        status = self.server.answers.pop(0) if self.server.answers else 200  # type: ignore[attr-defined]
        self.send_response(status)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.seen, server.answers = [], []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    monkeypatch.setenv("INTEGRATOR_PUBLIC_URL", f"http://127.0.0.1:{server.server_port}")
    settings.cache_clear()
    yield server
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("how", "expected"),
    [({}, 1), ({"webhooks_lost_percent": 100}, 0), ({"webhooks_doubled_percent": 100}, 2)],
    ids=["sent", "lost", "doubled"],
)
def test_webhooks_are_sent_lost_or_doubled(
    shop: SandboxShop, receiver: Any, how: dict[str, int], expected: int
) -> None:
    scene = Scene(shop)
    with scene.connector() as opened:
        assert [one.ok for one in opened.register_webhooks()] == [True]
    shop.behave(**how)
    shop.add_product("A", "Thing", quantity=5)
    placed = shop.place_order([Line("A")])
    webhooks.flush()
    assert len(receiver.seen) == expected
    for headers, body in receiver.seen:
        from integrator.accounts.channels import channel_of

        event = CONNECTOR.read_webhook(channel_of(scene.channel()), headers, body)
        assert event is not None
        assert (event.topic, event.order_id) == ("order.created", placed)


def test_a_webhook_that_is_not_taken_is_tried_again(shop: SandboxShop, receiver: Any) -> None:
    with begin() as connection:
        row = documents.locked(connection, shop.name)
        hook = {"url": f"http://127.0.0.1:{receiver.server_port}/webhooks/1/1", "secret": "s" * 32}
        documents.change_shop(connection, shop.name, profile={**row.profile, "webhook": hook})
    receiver.answers[:] = [500, 200]
    shop.add_product("A", "Thing", quantity=5)
    shop.place_order([Line("A")])
    webhooks.flush()
    assert len(receiver.seen) == 2
    with begin() as connection:
        (sent,) = documents.newest(connection, shop.name, "delivery")
    assert sent.body["state"] == "answered 200"


def test_an_old_signature_is_no_signature() -> None:
    body, secret, moment = b'{"topic": "order.created"}', "s" * 32, 1_000_000
    signed = webhooks.signature(secret, body, moment)
    assert webhooks.verified(secret, signed, body, moment + webhooks.TOLERANCE)
    assert not webhooks.verified(secret, signed, body, moment + webhooks.TOLERANCE + 1)
    assert not webhooks.verified("another", signed, body, moment)
    for wrong in ("", "t=,v1=", "t=1", "nonsense", signed + ",v1=", f"t={moment},v1=ünïcode"):
        assert not webhooks.verified(secret, wrong, body, moment)


# -- pages


@pytest.fixture
def browser(shop: SandboxShop) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{shop_url(shop.name, shop.url)}/", follow_redirects=True) as client:
        answer = client.get(f"open/{pages.page_token(shop.name, shop.row.key)}")
        assert answer.status_code == 200
        yield client


def token(page: str) -> str:
    found = re.search(r'name="token" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_pages_are_closed_without_the_link(shop: SandboxShop) -> None:
    base = f"{shop_url(shop.name, shop.url)}/"
    with httpx.Client(base_url=base, follow_redirects=True) as stranger:
        for path in ("", "drafts", "orders", "settings", "help", "open/wrong"):
            answer = stranger.get(path)
            assert answer.status_code == 401
            assert shop.row.key not in answer.text
        assert stranger.post("publish-all").status_code == 401
        assert stranger.post("open", data={"key": "wrong"}).status_code == 401
        assert stranger.get(f"{shop_url('no-such', shop.url)}/").status_code == 401
        assert stranger.post("open", data={"key": shop.row.key}).status_code == 200
        assert stranger.get("orders").status_code == 200


def test_a_form_from_elsewhere_is_refused(shop: SandboxShop, browser: httpx.Client) -> None:
    shop.add_product("A", "Thing", quantity=5)
    assert browser.post("orders", data={"sku": "A"}).status_code == 403
    assert browser.post("reset", data={"token": "0" * 64}).status_code == 403
    assert "A" in shop.products()


def test_no_page_holds_the_key_or_loads_anything(shop: SandboxShop, browser: httpx.Client) -> None:
    shop.add_product("A", "Thing", quantity=5)
    order = shop.place_order([Line("A")])
    product_id = shop.variant("A")["product_id"]
    for path in ("", "drafts", "orders", "settings", "help", f"orders/{order}", f"products/{product_id}", "?q=thing"):
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert shop.row.key not in answer.text
        assert not re.search(r'<script|<link|src="http|url\(http', answer.text)
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert browser.get("products/999999").status_code == 404


def test_markup_of_a_product_does_no_harm(shop: SandboxShop, api: httpx.Client, browser: httpx.Client) -> None:
    evil = "<img src=x onerror=alert(1)><script>alert(2)</script><b>bold</b>"
    (made,) = upsert(api, simple("A", name=evil, long_description=evil, brand=evil, tags=[evil]))
    for path in ("", f"products/{made['id']}"):
        text = browser.get(path).text
        assert "<script>alert" not in text
        assert "<img src=x onerror" not in text
        assert "&lt;script&gt;" in text
    assert "<b>bold</b>" in text


def test_an_order_from_the_first_click_to_the_refund(
    shop: SandboxShop, api: httpx.Client, browser: httpx.Client
) -> None:
    upsert(api, simple("A", published=False, variant={
        "price": "20", "sale_price": "15", "sale_start": "2026-01-01T00:00:00+00:00", "quantity": "4",
    }))  # fmt: skip
    page = browser.get("drafts")
    assert "Thing A" in page.text
    page = browser.post("publish-all", data={"token": token(page.text)})
    assert "1 drafts are published." in page.text
    assert "15.00 €" in page.text
    assert "20.00 €" in page.text
    assert "4 in stock" in page.text
    page = browser.post(
        "orders", data={"token": token(page.text), "sku": "A", "quantity": "2", "payment": "authorised"}
    )
    assert "is placed." in page.text
    (order,) = api.get("orders").json()["orders"]
    form = {"token": token(page.text)}
    where, line = f"orders/{order['id']}", order["lines"][0]["id"]
    assert "The money is taken." in browser.post(f"{where}/capture", data=form).text
    assert (
        "The goods are on their way."
        in browser.post(f"{where}/ship", data=form | {f"units:{line}": "1", "tracking": "1Z-1, 1Z-2"}).text
    )
    assert "1 open; 2 was sent" in browser.post(f"{where}/ship", data=form | {f"units:{line}": "2"}).text
    assert "The refund is made." in browser.post(f"{where}/refund", data=form | {f"units:{line}": "1"}).text
    assert "The refund is made." in browser.post(f"{where}/refund", data=form | {"amount": "1.50"}).text
    assert "refund it instead" in browser.post(f"{where}/cancel", data=form).text
    order = api.get(where).json()
    assert [one["tracking_numbers"] for one in order["fulfilments"]] == [["1Z-1", "1Z-2"]]
    assert [one["amount"] for one in order["refunds"]] == ["17.85", "1.50"]


def test_the_settings_page_makes_it_misbehave_and_behave(
    shop: SandboxShop, api: httpx.Client, browser: httpx.Client
) -> None:
    form = {"token": token(browser.get("settings").text)}
    wanted = {"quota_requests": "40", "lose_next": "2", "revoked": "on"}
    answer = browser.post("settings", data=form | wanted)
    assert "From now on" in answer.text
    expected = Behaviour(quota_requests=40, lose_next=2, revoked=True)
    assert Behaviour(**api.get("behaviour").json()["behaviour"]) == expected
    assert "less than or equal to 100" in browser.post("settings", data=form | {"fail_percent": "200"}).text
    browser.post("behave", data=form)
    assert Behaviour(**api.get("behaviour").json()["behaviour"]) == Behaviour()
    shop.add_product("A", "Thing")
    browser.post("reset", data=form)
    assert shop.products() == {}


# -- a shop for everybody


def test_a_channel_makes_its_own_shop(engine: Engine) -> None:
    one, two = CONNECTOR.prepare("", "Bergmann & Söhne"), CONNECTOR.prepare("", "Bergmann & Söhne")
    assert one["shop"] == "bergmann-s-hne"
    assert two["shop"].startswith("bergmann-s-hne-")
    assert one["key"] != two["key"]
    CONNECTOR.credentials_model(**one)


def test_shoppers_buy_what_is_published_and_in_stock(shop: SandboxShop, api: httpx.Client) -> None:
    with pytest.raises(ShopError, match="publish the drafts"):
        orders.make_up(shop.name, 1)
    upsert(
        api,
        simple("GOOD", variant={"quantity": "3"}),
        simple("DRAFT", published=False),
        simple("EMPTY", variant={"quantity": "0"}),
        simple("HIDDEN", variant={"hidden": True}),
    )
    placed = orders.make_up(shop.name, 2, chance=random.Random(1))
    assert {line["sku"] for one in placed for line in one["lines"]} == {"GOOD"}


def test_two_writers_at_once_lose_nothing(shop: SandboxShop) -> None:
    shop.add_product("A", "Thing", quantity=100)
    threads = [threading.Thread(target=shop.place_order, args=([Line("A")],)) for _ in range(12)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert shop.products()["A"].quantity == 88
    with begin() as connection:
        found = documents.newest(connection, shop.name, "order")
    assert len({one.key for one in found}) == 12


def test_a_slow_shop_is_slow(shop: SandboxShop, api: httpx.Client) -> None:
    shop.behave(latency_ms=200)
    started = time.monotonic()
    api.get("variants")
    assert time.monotonic() - started >= 0.2


def test_a_slow_shop_does_not_take_all_threads(shop: SandboxShop, api: httpx.Client) -> None:
    shop.behave(latency_ms=4000)
    with ThreadPoolExecutor(8) as pool:
        started = time.monotonic()
        lasted = list(pool.map(lambda _: (api.get("variants"), time.monotonic() - started)[1], range(8)))
    assert sum(one >= 4.0 for one in lasted) == settings().web_threads // 2


def test_a_whole_batch_refused_is_rejected(shop: SandboxShop) -> None:
    shop.behave(reject_sku="A", reject_whole_batch=True)
    opened = connector(shop)
    with pytest.raises(Rejected):
        opened.client.batch("/products/batch", "products", [simple("A")])
    opened.close()
