"""What every platform keeps: whatever is recorded next, the sales that were derived before stay as they are."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from integrator.connectors.records import PulledOrder, Transaction


def sales(found: PulledOrder) -> list[Transaction]:
    return [one for one in found.transactions if one.type == "Sale"]


def check_appending(looks: Iterable[PulledOrder]) -> PulledOrder:
    """The order as it was read after each thing that happened; the last one is given back."""
    before: list[Transaction] = []
    found = None
    for found in looks:
        after = sales(found)
        assert after[: len(before)] == before, (before, after)
        before = after
    assert found is not None
    gone: dict[str, Decimal] = {}
    for one in before:
        for line in one.lines:
            gone[line.line_id] = gone.get(line.line_id, Decimal(0)) + line.quantity
    if all(gone.get(line.line_id) == line.quantity_ordered for line in found.order.lines):
        assert sum(one.grand_total for one in before) == found.order.grand_total
    assert sum(one.shipping_amount for one in before) == (found.order.shipping_amount if before else 0)
    return found
