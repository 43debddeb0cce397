"""R1, R2, R3: workers are killed, nothing acknowledged is lost, nothing takes effect twice, nobody is called."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from integrator.orders import deliveries
from integrator.orders.shipments import save_shipments
from integrator.rows import Row
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync import duties
from integrator.sync.wake import wake
from tests.connectors.sandbox import SandboxShop
from tests.connectors.shop import Line
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.waiting import PATIENCE, until

PRODUCTS = 300
KILLS = int(os.environ.get("TEST_KILLS", "10"))
SEED = int(os.environ.get("TEST_KILLS_SEED", "20261124"))


class Pos(threading.Thread):
    """A POS that takes what it is offered, confirms it, ships some, and notes what it was told."""

    def __init__(self, merchant: Merchant, stop: threading.Event) -> None:
        super().__init__(name="pos")
        self.merchant, self.stop = merchant, stop
        self.confirmed: Counter[tuple[str, str]] = Counter()
        self.offered_after_confirm: list[str] = []
        self.shipped: set[str] = set()
        self.problem: Exception | None = None

    def run(self) -> None:
        try:
            while not self.stop.is_set():
                self.poll()
                time.sleep(0.2)
        except Exception as error:
            self.problem = error

    def poll(self) -> None:
        store = self.merchant.store
        for kind, name in (("order", "OrderId"), ("transaction", "TransactionId"), ("capture", "CaptureId")):
            with begin() as connection:
                documents, _ = deliveries.get_new(connection, store, kind, 100)  # type: ignore[arg-type]
            self.offered_after_confirm += [one[name] for one in documents if self.confirmed[kind, one[name]]]
            rows = [Row(n, {"Id": one[name], "Success": True}) for n, one in enumerate(documents)]
            with begin() as connection:
                results = deliveries.confirm(connection, store, kind, rows)  # type: ignore[arg-type]
            assert all(one.success for one in results), results
            for one in documents:
                self.confirmed[kind, one[name]] += 1
                if kind == "order" and int(one["OrderNumber"].lstrip("#") or 0) % 2:
                    self.ship(one)

    def ship(self, order: dict[str, Any]) -> None:
        lines = [{"LineId": one["LineId"], "Quantity": Decimal(one["QuantityOrdered"])} for one in order["Lines"]]
        row = Row(0, {"ShipmentId": f"S-{order['OrderId']}", "OrderId": order["OrderId"], "Lines": lines})
        with begin() as connection:
            (result,) = save_shipments(connection, self.merchant.store, [row], uuid4())
        assert result.success, result
        wake(self.merchant.store.account_id, self.merchant.store.store_id, ["ship"])
        self.shipped.add(order["OrderId"])


def one_after_the_other(shop: SandboxShop) -> list[int]:
    """The shop takes requests in the order they come. How many were in it when each came, as a list that grows.

    A shop that does not can apply what a killed worker had sent after what its successor sends: nobody outside can
    prevent that, worker_dead_after makes it rare, and the reconciliation finds it.
    """
    app, turn, count, inside, seen = shop.server.app, threading.Lock(), threading.Lock(), [0], []

    def serve(environ: Any, start_response: Any) -> Any:
        with count:
            seen.append(inside[0])
            inside[0] += 1
        try:
            with turn:
                return app(environ, start_response)
        finally:
            with count:
                inside[0] -= 1

    shop.server.app = serve
    return seen


@pytest.mark.slow
@pytest.mark.timeout(600 + 20 * KILLS)
def test_kill_9_at_random_points_loses_nothing_and_doubles_nothing(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    chance = random.Random(SEED)
    merchant = make_merchant(poll_seconds=10, publish_new=True)
    inside = one_after_the_other(merchant.shop)
    merchant.shop.behave(latency_ms=100)  # so that most kills come while the shop is at work
    # 2 s without a sign of life is dead: on a slow machine the living are taken for dead too, which may harm nothing
    workers = [make_worker(INTEGRATOR_WORKER_DEAD_AFTER="2") for _ in range(2)]
    skus = [f"K{n:04}" for n in range(PRODUCTS)]
    merchant.products([product(sku, chance.randint(50, 99)) for sku in skus[:100]])
    until(lambda: len(merchant.shop.variants()) == 100, "the first products are in the shop")
    stop = threading.Event()
    pos = Pos(merchant, stop)
    pos.start()
    placed: set[str] = set()
    in_calls = 0
    for n in range(KILLS):
        if n in (1, 4):  # the rest of the catalogue comes while workers die
            merchant.products([product(sku, chance.randint(50, 99)) for sku in skus[100 : 200 if n == 1 else 300]])
        until(merchant.running, "somebody is at work")
        ends = time.monotonic() + chance.uniform(0.2, 3.0)
        while time.monotonic() < ends:
            merchant.stock({sku: chance.randint(50, 99) for sku in chance.sample(sorted(merchant.accepted), 20)})
            there = [one["sku"] for one in merchant.shop.variants()]
            placed.add(merchant.shop.place_order([Line(chance.choice(there))]))
            time.sleep(0.1)
        in_calls += merchant.running()
        worker = chance.choice(workers)
        worker.kill()
        worker.start()
    merchant.shop.behave()

    def at_rest() -> bool:
        return (
            merchant.pending() == 0
            and merchant.count("SELECT count(*) FROM shipments WHERE account_id = :a AND state <> 'sent'") == 0
            and merchant.count("SELECT count(*) FROM orders WHERE account_id = :a AND channel_id = :c") == len(placed)
            and sum(kind == "order" for kind, _ in pos.confirmed) == len(placed)
        )

    try:
        until(at_rest, "everything is where it belongs", PATIENCE + 2 * KILLS)
    finally:
        stop.set()
        pos.join()
    assert pos.problem is None
    print(f"{KILLS} kills, {in_calls} while a job ran, {len(placed)} orders, {len(pos.shipped)} shipments")
    print(f"{sum(one > 0 for one in inside)} of {len(inside)} requests came while the shop was at another")
    assert len(placed) >= KILLS
    # R1: every acknowledged item is in the shop with its newest value, less what the POS does not count yet
    variants = merchant.shop.variants()
    sold = {
        row.item_id: int(row.units)
        for row in merchant.rows(
            "SELECT item_id, sum(allocated) AS units FROM order_lines WHERE account_id = :a GROUP BY item_id"
        )
    }
    shown = {one["sku"]: int(Decimal(one["quantity"])) for one in variants}
    wanted = {sku: units - sold.get(sku, 0) for sku, units in merchant.accepted.items()}
    wrong = {sku for sku in wanted if shown.get(sku) != wanted[sku]}
    told = [
        row
        for row in merchant.rows(
            "SELECT p.item_id, s.quantity, l.wanted, l.accepted_at, l.sent FROM lanes l"
            " JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
            " JOIN stocks s ON s.account_id = l.account_id AND s.product_id = l.product_id"
            " WHERE l.account_id = :a AND l.channel_id = :c AND l.lane = 'stock'"
        )
        if row.item_id in wrong
    ]
    assert shown == wanted, told  # what is stored and what was sent say on which side it went wrong
    # R2: one product for each SKU, one delivery for each record, one parcel for each shipment
    assert max(Counter(one["sku"] for one in variants).values()) == 1
    assert len({one["product_id"] for one in variants}) == PRODUCTS
    assert pos.offered_after_confirm == []
    assert max(pos.confirmed.values()) == 1
    orders = merchant.rows("SELECT public_id, remote_id FROM orders WHERE account_id = :a")
    remote = {row.public_id: row.remote_id for row in orders}
    assert set(remote.values()) == placed
    for public_id, order in remote.items():
        assert len(merchant.shop.order(order)["shipments"]) == (public_id in pos.shipped)
    keys = Counter(row.public_id for row in merchant.rows("SELECT public_id FROM transactions WHERE account_id = :a"))
    assert not keys or max(keys.values()) == 1


@pytest.mark.slow
def test_the_job_of_a_worker_killed_in_a_call_is_done_by_another_within_a_minute(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    """With the default settings, whose sum the minute is: no test can tell a slow machine from a slow worker."""
    assert settings().worker_dead_after + duties.TAKE_BACK_EVERY <= 30
    merchant = make_merchant(poll_seconds=3600)
    first = make_worker()
    merchant.products([product("A")])
    until(lambda: merchant.pending() + merchant.jobs() == 0, "the product is in the shop")
    merchant.shop.behave(latency_ms=3_000)
    writes = merchant.shop.writes
    merchant.stock({"A": 77})
    until(lambda: merchant.shop.writes > writes, "the shop is at it")
    second = make_worker()
    first.kill()
    merchant.shop.behave()
    until(lambda: merchant.pending() == 0, "the change is in the shop")
    assert merchant.shop.products()["A"].quantity == 77
    assert "is taken back" in second.text()
