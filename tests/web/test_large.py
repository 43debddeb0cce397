"""Large calls are worked on in a process of their own."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import httpx
import psutil
import sqlalchemy as sa

from integrator.store import engine as store_engine
from integrator.store.engine import begin
from integrator.web.apart import LARGE_BYTES, PLACES
from tests.contract.soap import NS, credentials, envelope
from tests.support.service import Service, StoreLogin
from tests.support.waiting import until

HEADERS = {"Content-Type": "text/xml"}
LARGE = 3_000  # items


def message(store: StoreLogin, operation: str, container: str, items: str) -> bytes:
    return envelope(f'<{operation} xmlns="{NS}"><{container}>{items}</{container}></{operation}>', credentials(store))


def create(count: int) -> str:
    return "".join(
        f"<POSProduct><ItemIntegrationId>I{n:05}</ItemIntegrationId><Name>Jacket {n}</Name><Price>9.90</Price>"
        f"<Quantity>1</Quantity></POSProduct>"
        for n in range(count)
    )


def stocks(count: int, quantity: int) -> str:
    return "".join(
        f"<InventoryItem><ItemIntegrationId>I{n:05}</ItemIntegrationId><Quantity>{quantity}</Quantity></InventoryItem>"
        for n in range(count)
    )


def post(service: Service, content: bytes) -> httpx.Response:
    return httpx.post(f"{service.url}/ProductTasks", content=content, headers=HEADERS, timeout=60)


def created(service: Service, count: int) -> StoreLogin:
    store = service.store()
    content = message(store, "UpdatePOSProducts", "Products", create(count))
    assert f"<Applied>{count}</Applied>".encode() in post(service, content).content
    return store


def waiting(connection: Any) -> int:
    """How many calls wait for the locked rows."""
    found = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype IN ('transactionid', 'tuple')")
    return int(connection.execute(found).scalar_one())


def test_a_large_call_waits_for_its_like_and_a_small_one_passes(start_service: Any) -> None:
    """Both large calls are held up by a row lock; the second is not even begun, and a small call of another account is
    answered."""
    service = start_service(web_processes=1)
    loud, quiet = created(service, LARGE), created(service, 1)
    large = [message(loud, "UpdateInventory", "Items", stocks(LARGE, number)) for number in (7, 8)]
    assert all(len(one) > LARGE_BYTES for one in large)
    with ThreadPoolExecutor(2) as pool:
        with begin() as holder:
            locked = sa.text("SELECT 1 FROM stocks WHERE account_id = :account FOR UPDATE")
            holder.execute(locked, {"account": loud.account_id})
            answers = [pool.submit(post, service, one) for one in large]
            until(lambda: waiting(holder))
            small = post(service, message(quiet, "UpdateInventory", "Items", stocks(1, 5)))
            assert b"<Applied>1</Applied>" in small.content
            assert waiting(holder) == 1
            assert not any(one.done() for one in answers)
        assert all(f"<Applied>{LARGE}</Applied>".encode() in one.result().content for one in answers)


def test_when_too_many_large_calls_wait_the_next_is_told_to_come_again_and_small_ones_pass(start_service: Any) -> None:
    service = start_service(web_processes=1, web_threads=1)
    loud, quiet = created(service, LARGE), created(service, 1)
    content = message(loud, "UpdateInventory", "Items", stocks(LARGE, 7))
    with ThreadPoolExecutor(PLACES + 4) as pool:
        with begin() as holder:
            locked = sa.text("SELECT 1 FROM stocks WHERE account_id = :account FOR UPDATE")
            holder.execute(locked, {"account": loud.account_id})
            answers = [pool.submit(post, service, content) for _ in range(PLACES + 4)]
            until(lambda: sum(one.done() for one in answers) == 4)
            small = post(service, message(quiet, "UpdateInventory", "Items", stocks(1, 5)))
            assert b"<Applied>1</Applied>" in small.content
        replies = [one.result() for one in answers]
    refused = [one for one in replies if one.status_code == 500]
    assert len(refused) == 4
    assert all("SERVICE_UNAVAILABLE" in one.text and one.headers["retry-after"] for one in refused)
    assert sum(f"<Received>{LARGE}</Received>".encode() in one.content for one in replies) == PLACES


def test_a_large_message_is_answered_like_a_small_one(start_service: Any) -> None:
    service = start_service(web_processes=1)
    store = created(service, 1)
    items = stocks(LARGE, 5)
    some = post(service, message(store, "UpdateInventory", "Items", items))
    assert some.status_code == 200
    assert f"<Failed>{LARGE - 1}</Failed>".encode() in some.content
    unknown = StoreLogin(store.context, store.user_name, "wrong")
    assert "NOT_AUTHORISED" in post(service, message(unknown, "UpdateInventory", "Items", items)).text
    torn = post(service, message(store, "UpdateInventory", "Items", items)[:-20])
    assert re.search(r"<faultcode>\w+:Client</faultcode>", torn.text)
    figures = httpx.get(f"{service.url}/metrics").text
    assert 'operation="UpdateInventory",outcome="partial"} 1.0' in figures


def companions(service: Service) -> list[psutil.Process]:
    """The grandchildren of the service, without those that just end."""
    assert service.process is not None
    found = []
    for web in psutil.Process(service.process.pid).children():
        with suppress(psutil.NoSuchProcess):
            found += [one for one in web.children() if one.status() != psutil.STATUS_ZOMBIE]
    return found


def test_when_it_dies_the_call_has_no_answer_and_the_next_one_has(start_service: Any) -> None:
    """Whether it was applied cannot be known, so nothing is said; here it was not."""
    service = start_service(web_processes=1)
    store = created(service, LARGE)
    content = message(store, "UpdateInventory", "Items", stocks(LARGE, 9))
    errors: list[httpx.HTTPError] = []

    def ask() -> None:
        try:
            post(service, content)
        except httpx.HTTPError as error:
            errors.append(error)

    asking = threading.Thread(target=ask)
    with begin() as holder:
        holder.execute(sa.text("SELECT 1 FROM stocks WHERE account_id = :account FOR UPDATE"),
                       {"account": store.account_id})  # fmt: skip
        asking.start()
        until(lambda: waiting(holder))
        (dead,) = companions(service)
        dead.kill()
        asking.join(30)
    assert errors
    until(lambda: [one.pid for one in companions(service)] not in ([], [dead.pid]))
    assert f"<Applied>{LARGE}</Applied>".encode() in post(service, content).content


def test_it_ends_with_the_service(start_service: Any) -> None:
    service = start_service(web_processes=2)
    until(lambda: len(companions(service)) == 2)
    family = companions(service)
    assert service.stop() == 0
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
    assert store_engine.configured()


def test_it_ends_with_its_web_process(start_service: Any) -> None:
    service = start_service(web_processes=1)
    until(lambda: len(companions(service)) == 1)
    (companion,) = companions(service)
    companion.parent().kill()
    _, alive = psutil.wait_procs([companion], timeout=30)
    assert not alive
