"""Everybody at work on the same orders, items and customers at the same time: nobody is turned away."""

from __future__ import annotations

import random
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import Engine

from integrator.catalogue import intake
from integrator.connectors.pushes import ShipmentResult
from integrator.orders import shipments
from integrator.rows import Row
from integrator.store.engine import begin
from tests.orders.samples import NOON, line, make_world, payment, pulled, sale

D = Decimal
ORDERS, ROUNDS = 12, 8
ITEMS = [f"I{n}" for n in range(6)]


def test_shop_pos_and_worker_at_once_never_deadlock_and_agree_in_the_end(engine: Engine) -> None:
    """A deadlock ends one of the two with an error, which would fail this test."""
    world = make_world(*ITEMS, allocation="transaction_confirmed")
    chance = random.Random(20261124)

    def page(shipped: int) -> list[object]:
        made = []
        for n in range(ORDERS):
            lines = [line(item, item, 4, quantity_shipped=D(shipped)) for item in chance.sample(ITEMS, 3)]
            first = list(world.lines(str(n)) or [one.line_id for one in lines])
            kept = [line(item, item, 4, quantity_shipped=D(shipped)) for item in sorted(first)]
            sales = tuple(sale(100 * n + k, dict.fromkeys(sorted(first), 1), minutes=k) for k in range(shipped))
            made.append(
                pulled(
                    str(n),
                    kept,
                    modified_at=NOON + timedelta(seconds=shipped),
                    transactions=sales,
                    captures=(payment(n),),
                )
            )
        chance.shuffle(made)
        return made

    world.ingest(*page(0))
    pages = [page(shipped) for shipped in (1, 2, 3)]
    barrier = threading.Barrier(6)

    def shop() -> None:
        for one in [*pages, *pages]:
            world.ingest(*one)

    def pos_confirms() -> None:
        for _ in range(ROUNDS):
            for kind in ("order", "transaction", "capture"):
                ids = world.new_ids(kind)
                random.shuffle(ids)
                world.confirm(*({"Id": one, "PosCustomerId": "P-1"} for one in ids), kind=kind)

    def pos_counts() -> None:
        for n in range(ROUNDS):
            rows = [Row(k, {"ItemIntegrationId": item, "Quantity": D(n)}) for k, item in enumerate(ITEMS)]
            random.shuffle(rows)
            with begin() as connection:
                intake.update_inventory(connection, world.store, rows, uuid.uuid4())

    def pos_ships() -> None:
        for n in range(ROUNDS):
            orders = random.sample(range(ORDERS), ORDERS)
            world.ship(
                *(
                    {
                        "ShipmentId": f"S{n}", "OrderId": world.public(str(one)),
                        "Lines": [{"LineId": sorted(world.lines(str(one)))[0], "Quantity": D(1)}],
                    }
                    for one in orders
                )
            )  # fmt: skip

    def worker() -> None:
        for _ in range(ROUNDS):
            with begin() as connection:
                due = shipments.due(connection, world.channel)
            for row_id, _ in due:
                with begin() as connection:
                    shipments.sent(connection, world.channel, row_id, ShipmentResult(f"fulfilment-{row_id}"))

    def run(work: object) -> None:
        barrier.wait()
        work()  # type: ignore[operator]

    with ThreadPoolExecutor(6) as pool:
        for future in [pool.submit(run, work) for work in (shop, shop, pos_confirms, pos_counts, pos_ships, worker)]:
            future.result()

    world.ingest(*pages[-1])
    pos_confirms()
    assert world.new() == world.new("transaction") == world.new("capture") == []
    assert world.rows("SELECT count(*) AS n FROM orders") == [{"n": ORDERS}]
    assert world.rows("SELECT count(*) AS n FROM captures") == [{"n": ORDERS}]
    for row in world.rows("SELECT * FROM order_lines"):
        assert 0 <= row["counted"] <= row["known"] <= row["ordered"]
        assert 0 <= row["allocated"] <= row["ordered"]
        told = world.rows(
            "SELECT coalesce(sum((x ->> 'Quantity')::numeric), 0) AS units FROM shipments s,"
            " jsonb_array_elements(s.document -> 'Lines') x WHERE s.order_id = :order AND x ->> 'LineId' = :line",
            order=row["order_id"], line=row["line_id"],
        )[0]["units"]  # fmt: skip
        assert told <= 4
