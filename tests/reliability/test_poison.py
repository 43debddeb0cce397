"""R5: one bad item of a thousand: 999 are live, the one is said with its reason, for a handful of calls more."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from integrator.connectors.sandbox.capabilities import CAPABILITIES
from integrator.sync.drain import drain
from tests.reliability.conftest import Merchant, product

MANY = 1_000


@pytest.mark.parametrize("whole_batch", [False, True], ids=["a result per item", "the whole batch is refused"])
def test_one_poisoned_of_a_thousand(make_merchant: Callable[..., Merchant], whole_batch: bool) -> None:
    merchant = make_merchant()
    poisoned = "P0617"
    merchant.shop.behave(reject_sku=poisoned, reject_whole_batch=whole_batch)
    merchant.products([product(f"P{n:04}") for n in range(MANY)])
    report = drain(*merchant.ids, only="content")
    assert report.state == "done"
    assert set(merchant.shop.products()) == {f"P{n:04}" for n in range(MANY)} - {poisoned}
    (issue,) = merchant.rows("SELECT * FROM issues WHERE account_id = :a AND state = 'open'")
    assert (issue.subject, issue.subject_id, issue.purpose) == ("product", poisoned, "content")
    assert issue.message
    batch = CAPABILITIES.content_batch
    writes = merchant.count(
        "SELECT count(*) FROM attempts WHERE account_id = :a AND channel_id = :c AND url LIKE '%/products/batch'"
    )
    assert writes <= math.ceil(MANY / batch) + (2 * math.ceil(math.log2(batch)) + 1) * whole_batch
    # it is left alone until something changes
    assert drain(*merchant.ids, only="content").batches == 0
    merchant.shop.behave()
    merchant.products([product(poisoned, Name="Mended")])
    drain(*merchant.ids)
    assert len(merchant.shop.variants()) == MANY
    assert merchant.count("SELECT count(*) FROM issues WHERE account_id = :a AND state = 'open'") == 0
