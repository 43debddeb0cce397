"""P6: a stock change overtakes a catalogue that is being sent."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from tests.reliability.conftest import Merchant, WorkerProcess, product, until

CATALOGUE = 5_000


@pytest.mark.slow
def test_stock_overtakes_a_running_content_send(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess]
) -> None:
    merchant = make_merchant()
    make_worker()
    merchant.products([product(f"S{n}") for n in range(20)])
    until(lambda: merchant.pending() == 0, 30, "the first products are in the shop")
    merchant.shop.behave(latency_ms=200)  # as real shops take
    merchant.products([product(f"C{n:05}") for n in range(CATALOGUE)])
    waits = []

    def accepted() -> int:
        return merchant.count(
            "SELECT count(*) FROM lanes l JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
            " WHERE l.account_id = :a AND l.channel_id = :c AND l.lane = 'stock' AND l.pending AND p.item_id LIKE 'S%'"
        )

    def content_left() -> int:
        return merchant.count(
            "SELECT count(*) FROM lanes WHERE account_id = :a AND channel_id = :c AND lane = 'content' AND pending"
        )

    for quantity in range(30, 42):
        merchant.stock({f"S{n}": quantity for n in range(20)})
        waits.append(until(lambda: accepted() == 0, 10, "the stock change"))
    assert content_left() > 0, "the catalogue was sent before the measurement was over"
    print(f"stock waited {statistics.median(waits):.2f} s (median), {max(waits):.2f} s (longest)")
    # one content batch of the shop may be running; the longest of a dozen is left to the machine's other work
    assert statistics.median(waits) <= 2.0
    assert sorted(waits)[-2] <= 5.0
