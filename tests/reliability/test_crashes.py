"""The database crashes (`pg_ctl stop -m immediate`) in the middle of calls and of sending: what was accepted is there
when it is back, web and worker go on by themselves."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from integrator.accounts.channels import add_channel
from integrator.catalogue import marks
from integrator.store import migrate
from integrator.store.embedded import Embedded
from integrator.store.engine import DatabaseUnavailable, begin
from tests.connectors.shop import Line
from tests.contract.soap import Soap
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.service import Service
from tests.support.waiting import until

CRASHES, PRODUCTS, SEED = 4, 60, 20261124


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A PostgreSQL that no other test uses."""
    server = Embedded(tmp_path_factory.mktemp("crashing")).start()
    yield server
    server.remove()


@pytest.fixture
def database(own_server: Embedded) -> str:
    """In place of the one of the whole run."""
    url = own_server.create("crashing")
    migrate.upgrade(url)
    return url


def crash(server: Embedded) -> None:
    """At once, without a checkpoint, and up again: it recovers from its log."""
    os.kill(int((server.data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)
    until(server.revive, "the database is up again")
    until(answers, "the connections of before the crash are gone")


def answers() -> bool:
    try:
        with begin() as connection:
            connection.execute(text("SELECT 1"))
    except DatabaseUnavailable:
        return False
    return True


def stocks(amount: int) -> str:
    one = "<InventoryItem><ItemIntegrationId>C{:03}</ItemIntegrationId><Quantity>{}</Quantity></InventoryItem>"
    return f"<Items>{''.join(one.format(n, amount) for n in range(PRODUCTS))}</Items>"


class Pos(threading.Thread):
    """Sends 1, 2, 3, ... as the stock of everything, until a call fails. `accepted`: the last that it was told of."""

    def __init__(self, soap: Soap, accepted: int) -> None:
        super().__init__(name="pos")
        self.soap, self.accepted, self.calls = soap, accepted, 0
        self.failed = ""

    def run(self) -> None:
        while True:
            answer = self.soap.call("UpdateInventory", stocks(self.accepted + 1))
            if answer.is_fault:
                self.failed = answer.fault["ErrorCode"]
                return
            assert answer.result["Success"] == "true"
            self.accepted += 1
            self.calls += 1


@pytest.mark.slow
def test_what_a_call_was_told_is_accepted_survives_a_crash_of_the_database(
    engine: object, own_server: Embedded, database: str, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    service = Service(database, tmp_path).start()
    try:
        login = service.store()
        soap = Soap(service.url, login)
        new = "<ItemIntegrationId>C{0:03}</ItemIntegrationId><Name>Item {0}</Name><Price>9.90</Price>"
        answer = soap.products(*(new.format(n) for n in range(PRODUCTS)))
        assert answer.result["Success"] == "true"
        with begin() as connection:
            channel_id = add_channel(connection, login.context, "sandbox", "none", {"shop": "none", "key": "k"}, {})
            marks.list_all(connection, login.account_id, channel_id)
        accepted = 0
        for _ in range(CRASHES):
            with begin() as connection:  # as if a worker had sent everything
                connection.execute(text("UPDATE lanes SET pending = false"))
            pos = Pos(soap, accepted)
            pos.start()
            until(lambda pos=pos: pos.calls >= 3, "calls are accepted")
            time.sleep(chance.uniform(0, 0.1))
            crash(own_server)
            pos.join()
            assert pos.failed == "SERVICE_UNAVAILABLE"
            with begin() as connection:
                found = connection.execute(text("SELECT quantity, count(*) FROM stocks GROUP BY 1")).all()
                pending = connection.execute(
                    text("SELECT count(*) FROM lanes WHERE lane = 'stock' AND pending")
                ).scalar()
            ((units, products),) = found  # a call is there as a whole or not at all
            # one whose answer was lost may have been committed; the POS sends it again
            assert (int(units), products) in {(pos.accepted, PRODUCTS), (pos.accepted + 1, PRODUCTS)}
            assert pending == PRODUCTS  # with the work that it causes
            accepted = pos.accepted
            until(lambda n=accepted: not soap.call("UpdateInventory", stocks(n + 1)).is_fault, "it works again")
            accepted += 1
    finally:
        service.stop()


@pytest.mark.slow
def test_a_crash_of_the_database_in_the_middle_of_sending_loses_and_doubles_nothing(
    own_server: Embedded, make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    """The sandbox shop lives in the same database, so a push that it took may be one that our side cannot record."""
    chance = random.Random(SEED)
    merchant = make_merchant(poll_seconds=10, publish_new=True)
    merchant.shop.behave(latency_ms=50)
    worker = make_worker(INTEGRATOR_WORKER_DEAD_AFTER="2")
    skus = [f"C{n:03}" for n in range(PRODUCTS)]
    merchant.products([product(sku, 50) for sku in skus[:20]])
    until(lambda: len(merchant.shop.variants()) == 20, "the first products are in the shop")
    placed = set()
    in_calls = 0
    for n in range(1, CRASHES + 1):
        merchant.products([product(sku, 50 + n) for sku in skus[: 20 + 10 * n]])
        merchant.stock(dict.fromkeys(chance.sample(sorted(merchant.accepted), 10), 60 + n))
        placed.add(merchant.shop.place_order([Line(skus[n])]))
        until(merchant.running, "the worker is at work")
        time.sleep(chance.uniform(0, 0.3))
        in_calls += merchant.running()
        crash(own_server)
    merchant.shop.behave()
    orders = "SELECT count(*) FROM orders WHERE account_id = :a AND channel_id = :c"
    until(lambda: merchant.pending() == 0 and merchant.count(orders) == len(placed), "everything is where it belongs")
    print(f"{CRASHES} crashes, {in_calls} while a job ran")
    assert worker.process is not None
    assert worker.process.poll() is None  # the same process all the time
    sold = {
        row.item_id: int(row.units)
        for row in merchant.rows(
            "SELECT item_id, sum(allocated) AS units FROM order_lines WHERE account_id = :a GROUP BY item_id"
        )
    }
    variants = merchant.shop.variants()
    assert max(Counter(one["sku"] for one in variants).values()) == 1
    assert {one["sku"]: int(Decimal(one["quantity"])) for one in variants} == {
        sku: units - sold.get(sku, 0) for sku, units in merchant.accepted.items()
    }
    rows = merchant.rows("SELECT remote_id FROM orders WHERE account_id = :a AND channel_id = :c")
    assert sorted(row.remote_id for row in rows) == sorted(placed)
