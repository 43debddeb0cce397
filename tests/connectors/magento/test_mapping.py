"""What always holds of the mappings, whatever is mapped."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.magento import mapping
from integrator.connectors.magento.events import Documents, mark, marked, pulled
from integrator.connectors.magento.orders import money
from integrator.connectors.magento.prices import refusals
from integrator.connectors.magento.quantities import reserved_units
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.pushes import Price
from tests.connectors.appending import check_appending

D = Decimal
ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata")]
moments = st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)).map(
    lambda one: one.replace(microsecond=0, tzinfo=UTC)
)
amounts = st.decimals(0, 10_000, places=2)


@given(moments, st.integers(60, 10**7), st.sampled_from(ZONES))
def test_a_sale_never_lasts_longer_in_the_shop(start: datetime, seconds: int, zone: ZoneInfo) -> None:
    """But for the hour that a clock is put back, and the last second of a day."""
    price = Price(D(20), D(15), start, start + timedelta(seconds=seconds))
    begins, ends = mapping.window_to_shop(price, zone)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", begins)
    assert (
        datetime.fromisoformat(begins).replace(tzinfo=zone, fold=start.astimezone(zone).fold).astimezone(UTC) == start
    )
    end = mapping.shop_end(ends, zone)
    assert end is not None
    assert price.sale_end is not None
    assert abs(end - price.sale_end) <= timedelta(hours=1)
    wall = price.sale_end.astimezone(zone)
    if wall.utcoffset() == (wall - timedelta(days=2)).utcoffset() == (wall + timedelta(days=2)).utcoffset():
        assert timedelta(0) <= end - price.sale_end <= timedelta(seconds=1)


@given(st.lists(st.text(min_size=1, max_size=64), unique=True), st.text(max_size=50))
def test_url_keys_of_different_skus_differ(skus: list[str], name: str) -> None:
    keys = [mapping.url_key(name, sku) for sku in skus]
    assert len(set(keys)) == len({sku.lower() for sku in skus})  # the shop has no two that differ in case
    assert all(re.fullmatch(r"[a-z0-9-]+", key) for key in keys)


@given(st.text(min_size=1), st.text(min_size=1))
def test_skus_of_parents_fit_a_path_and_tell_styles_apart(one: str, other: str) -> None:
    first, second = (mapping.parent_sku("style-{style}", style) for style in (one, other))
    assert re.fullmatch(r"[A-Za-z0-9._~-]{1,64}", first)
    assert (first == second) is (one == other) or {one, other} & {first, second}


@given(st.text())
def test_attribute_codes_are_ones_that_magento_takes(name: str) -> None:
    assert re.fullmatch(r"[a-z][a-z0-9_]{0,29}", mapping.attribute_code(name))


@given(st.text(min_size=1).filter(lambda one: "]" not in one and one == one.strip()))
def test_a_mark_is_read_as_it_was_left(shipment: str) -> None:
    assert marked({"comments": [{"comment": f"Sent, with UPS {mark(shipment)}"}]}) == shipment.replace("]", ")")


@given(st.floats(0, 1e6, allow_nan=False))
def test_an_amount_that_went_through_a_float_is_itself(value: float) -> None:
    amount = D(str(round(value, 2)))
    assert money(float(amount)) == amount


@given(
    st.lists(
        st.fixed_dictionaries({"message": st.text(), "parameters": st.lists(st.text() | st.integers())}) | st.none()
    ),
    st.lists(st.text()),
)
def test_refusals_name_only_what_was_sent(answer: list[Any], skus: list[str]) -> None:
    assert set(refusals(answer, skus)) <= set(skus)


units = st.integers(0, 20)


@given(st.integers(1, 20), units, units, units)
def test_never_more_is_reserved_than_was_ordered(ordered: int, shipped: int, cancelled: int, refunded: int) -> None:
    row = {
        "item_id": 1,
        "sku": "A",
        "qty_ordered": ordered,
        "qty_shipped": shipped,
        "qty_canceled": cancelled,
        "qty_refunded": refunded,
    }
    found = reserved_units({"items": [row, {**row, "item_id": 2, "parent_item_id": 1}]})
    assert all(0 < left <= ordered for left in found.values())


@st.composite
def histories(draw: st.DrawFn) -> tuple[dict[str, Any], Documents]:
    """An order of some lines with shipments and credit memos, in any order."""
    rows: list[dict[str, Any]] = []
    for n in range(draw(st.integers(1, 4))):
        price, count = draw(amounts), draw(st.integers(1, 6))
        tax = draw(st.decimals(0, 50, places=2))
        rows.append({
            "item_id": n + 1, "sku": f"S{n}", "name": "x", "product_type": "simple", "qty_ordered": count,
            "price": float(price),
            "row_total": float(price * count), "discount_amount": float(draw(st.decimals(0, price * count, places=2))),
            "tax_amount": float(tax),
        })  # fmt: skip
    shipping, shipping_tax = draw(amounts), draw(amounts)
    parts = sum(
        (money(one["row_total"]) - money(one["discount_amount"]) + money(one["tax_amount"]) for one in rows), D(0)
    )
    grand = parts + shipping + shipping_tax + draw(st.decimals(D("-0.05"), D("0.05"), places=2))
    tax = sum((money(one["tax_amount"]) for one in rows), D(0)) + shipping_tax
    order = {
        "entity_id": 7, "increment_id": "7", "state": "processing", "status": "processing",
        "created_at": "2026-11-01 10:00:00",
        "updated_at": "2026-11-02 10:00:00", "items": rows, "grand_total": float(grand), "tax_amount": float(tax),
        "shipping_amount": float(shipping), "shipping_tax_amount": float(shipping_tax), "subtotal": 0,
        "order_currency_code": "EUR",
    }  # fmt: skip
    left = {one["item_id"]: one["qty_ordered"] for one in rows}
    shipments: list[dict[str, Any]] = []
    while any(left.values()):
        chosen = {key: draw(st.integers(0, count)) for key, count in left.items()}
        if not any(chosen.values()):
            chosen = dict(left)
        left = {key: count - chosen[key] for key, count in left.items()}
        shipments.append({
            "entity_id": len(shipments) + 1, "created_at": f"2026-11-01 11:{len(shipments):02}:00", "tracks": [],
            "comments": [],
            "items": [{"order_item_id": key, "qty": count} for key, count in chosen.items() if count],
        })  # fmt: skip
    return order, Documents(tuple(shipments))


@given(histories())
def test_the_sales_of_an_order_add_up_to_it(history: tuple[dict[str, Any], Documents]) -> None:
    order, documents = history
    found = pulled(order, documents, MagentoSettings())
    assert sum(one.grand_total for one in found.transactions) == found.order.grand_total
    for line in found.order.lines:
        parts = [part for one in found.transactions for part in one.lines if part.line_id == line.line_id]
        assert sum(part.line_total for part in parts) == line.line_total
        assert sum(part.quantity for part in parts) == line.quantity_ordered == line.quantity_shipped
    assert [one.shipping_amount for one in found.transactions[1:]] == [0] * (len(found.transactions) - 1)


@given(histories(), st.data())
def test_sales_that_were_told_never_change(history: tuple[dict[str, Any], Documents], data: st.DataObject) -> None:
    """Numbers pass from 9 to 10, times are equal or go back, the shop's list has any order."""
    order, documents = history
    hours = st.integers(10, 12)
    shipments = [
        {**one, "entity_id": 8 + n, "created_at": f"2026-11-01 {data.draw(hours)}:00:00"}
        for n, one in enumerate(documents.shipments)
    ]
    memos: list[dict[str, Any]] = []
    looks = []
    for upto in range(1, len(shipments) + 1):
        if data.draw(st.booleans()):
            row = data.draw(st.sampled_from(order["items"]))
            memos.append({
                "entity_id": 8 + len(memos), "created_at": f"2026-11-01 {data.draw(hours)}:00:00", "state": 2,
                "items": [{"order_item_id": row["item_id"], "qty": 1, "row_total": 0}], "grand_total": 0,
            })  # fmt: skip
        shown = data.draw(st.permutations(shipments[:upto]))
        looks.append(pulled(order, Documents(tuple(shown), tuple(memos[::-1])), MagentoSettings()))
    check_appending(looks)
