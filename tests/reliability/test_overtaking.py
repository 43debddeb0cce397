"""P6: a stock change overtakes a catalogue that is being sent. How soon it is there is row 7 of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.waiting import until

CATALOGUE = 5_000  # fifty batches

OURS = (
    "SELECT {} FROM lanes l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
    " WHERE l.account_id = :a AND l.channel_id = :c AND l.lane = 'stock' AND p.item_id LIKE 'S%'"
)
CONTENT_LEFT = "SELECT count(*) FROM lanes WHERE account_id = :a AND channel_id = :c AND lane = 'content' AND pending"
BATCHES = (
    "SELECT count(*) FROM attempts WHERE account_id = :a AND channel_id = :c AND url LIKE '%/products/batch'"
    " AND id > {} AND id < {}"
)


@pytest.mark.slow
def test_stock_overtakes_a_running_content_send(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    merchant = make_merchant()
    make_worker()
    merchant.products([product(f"S{n}") for n in range(20)])
    until(lambda: merchant.pending() == 0, "the first products are in the shop")
    merchant.shop.behave(latency_ms=200)  # as real shops take
    merchant.products([product(f"C{n:05}") for n in range(CATALOGUE)])
    until(lambda: merchant.count(CONTENT_LEFT) < CATALOGUE, "the catalogue is being sent")
    overtaken_by = []
    for quantity in range(30, 42):
        merchant.stock({f"S{n}": quantity for n in range(20)})
        told = merchant.count("SELECT max(id) FROM attempts WHERE account_id = :a")
        until(lambda: merchant.count(OURS.format("count(*)") + " AND l.pending") == 0, "the stock change is accepted")
        took_it = merchant.count(OURS.format("max(l.attempt_id)"))
        if merchant.count(CONTENT_LEFT) == 0:
            break
        overtaken_by.append(merchant.count(BATCHES.format(told, took_it)))
    assert len(overtaken_by) >= 3, "the catalogue was sent too soon to tell"
    # the one that was running, and one that a thread was just taking out of the line
    assert max(overtaken_by) <= 2, overtaken_by
