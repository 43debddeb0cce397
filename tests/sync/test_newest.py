"""Whatever is counted while batches are on their way, the shop ends with the newest of each item."""

from __future__ import annotations

import random
import threading
from concurrent.futures import ThreadPoolExecutor

from integrator.sync import lanes
from tests.sync.conftest import Stage, item

SKUS = [f"N{number:03}" for number in range(60)]


def test_counts_and_batches_at_once_leave_the_newest_of_each_item_in_the_shop(stage: Stage) -> None:
    """Two POS threads with items of their own, a worker, and orders' marks beside them, on real connections."""
    stage.products(*[item(sku) for sku in SKUS])
    for lane in ("content", "price", "stock"):
        while lanes.push_once(*stage.ids, lane).claimed:
            pass
    stop = threading.Event()
    newest: dict[str, int] = {}

    def counting(seed: int) -> None:
        chance = random.Random(seed)
        mine = SKUS[seed::2]
        for number in range(150):
            counted = dict.fromkeys(chance.sample(mine, chance.randint(1, 20)), 1000 * (seed + 1) + number)
            stage.stock(**counted)
            newest.update(counted)

    def working() -> int:
        pushed = 0
        while not stop.is_set():
            pushed += lanes.push_once(*stage.ids, "stock").accepted
        return pushed

    with ThreadPoolExecutor(4) as pool:
        worker = pool.submit(working)
        for one in [pool.submit(counting, seed) for seed in range(2)]:
            one.result()
        stop.set()
        assert worker.result() > 0
    while lanes.push_once(*stage.ids, "stock").claimed:
        pass
    assert not any(one.pending for one in stage.lanes("stock").values())
    shown = {sku: int(stage.shop.products[sku].quantity) for sku in newest}
    assert shown == newest
