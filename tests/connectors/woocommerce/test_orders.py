"""Orders, transactions and captures derived from what the shop says: pure functions, with properties."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.records import PulledOrder
from integrator.connectors.sales import RefundLine
from integrator.connectors.woocommerce import events
from integrator.connectors.woocommerce.orders import admitted, money
from integrator.connectors.woocommerce.settings import WooSettings
from integrator.connectors.woocommerce.transactions import pulled
from tests.connectors.appending import check_appending

D = Decimal
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


def gmt(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S")


def local(moment: datetime, hours: int = 2) -> str:
    return gmt(moment + timedelta(hours=hours))


def line(number: int, units: int, total: str, **given: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"Item {number}",
        "product_id": number,
        "variation_id": 0,
        "quantity": units,
        "sku": f"I-{number}",
        "subtotal": total,
        "total": total,
        "total_tax": "0",
        "taxes": [],
        "meta_data": [],
        **given,
    }


def order(*lines: dict[str, Any], status: str = "processing", total: str | None = None, **given: Any) -> dict[str, Any]:
    shipping = given.get("shipping_total", "0.00")
    tax = given.get("total_tax", "0.00")
    explained = sum((D(one["total"]) for one in lines), D(0)) + D(shipping) + D(tax)
    return {
        "id": 500,
        "number": "1042",
        "status": status,
        "currency": "EUR",
        "total": total or str(explained),
        "customer_id": 0,
        "date_created": local(NOON),
        "date_created_gmt": gmt(NOON),
        "date_modified": local(NOON),
        "date_modified_gmt": gmt(NOON),
        "date_paid_gmt": gmt(NOON),
        "date_completed_gmt": None,
        "billing": {},
        "shipping": {},
        "line_items": list(lines),
        "shipping_total": shipping,
        "shipping_tax": "0.00",
        "total_tax": tax,
        "discount_total": "0.00",
        "refunds": [],
        "payment_method": "stripe",
        "payment_method_title": "Card",
        "transaction_id": "pi_1",
        "meta_data": [],
        **given,
    }


def refund(
    number: int, lines: dict[int, int] | None = None, *, each: str = "1.00", amount: str | None = None, after: int = 60
) -> dict[str, Any]:
    """`lines`: order line -> units, at `each` a unit. `after`: minutes after the order."""
    items = [
        {
            "id": number * 100 + key,
            "quantity": -units,
            "total": str(-units * D(each)),
            "total_tax": "0.00",
            "product_id": key,
            "variation_id": 0,
            "meta_data": [{"key": "_refunded_item_id", "value": str(key)}],
        }
        for key, units in (lines or {}).items()
    ]
    value = amount or str(sum((-D(one["total"]) for one in items), D(0)))
    return {
        "id": number,
        "amount": value,
        "date_created_gmt": gmt(NOON + timedelta(minutes=after)),
        "refunded_payment": True,
        "line_items": items,
        "shipping_lines": [],
        "fee_lines": [],
        "meta_data": [],
    }


def fulfilment(number: int, lines: dict[int, int], after: int, *, pos: str = "", tracking: str = "") -> dict[str, Any]:
    meta = [
        {"key": "_items", "value": [{"item_id": key, "qty": units} for key, units in lines.items()]},
        {"key": "_date_fulfilled", "value": local(NOON + timedelta(minutes=after)).replace("T", " ")},
    ]
    if pos:
        meta.append({"key": "_integrator_shipment_id", "value": pos})
    if tracking:
        meta.append({"key": "_tracking_number", "value": tracking})
    return {"id": number, "status": "fulfilled", "is_fulfilled": True, "date_deleted": None, "meta_data": meta}


def read(
    value: dict[str, Any],
    refunds: Sequence[dict[str, Any]] = (),
    fulfilments: Sequence[dict[str, Any]] = (),
    **settings: Any,
) -> PulledOrder:
    value = {**value, "refunds": [{"id": one["id"], "total": f"-{one['amount']}"} for one in refunds]}
    return pulled(value, refunds, fulfilments, WooSettings(**settings))


def events_of(found: PulledOrder) -> list[tuple[str, str, dict[str, Decimal]]]:
    return [(one.key, one.type, {each.line_id: each.quantity for each in one.lines}) for one in found.transactions]


# -- what becomes of a unit


def test_two_lines_two_shipments_two_returns_are_four_transactions() -> None:
    value = order(line(1, 2, "20.00"), line(2, 1, "7.00"), shipping_total="5.00")
    parts = [fulfilment(11, {1: 2}, 10, tracking="1Z, 2Z"), fulfilment(12, {2: 1}, 20)]
    back = [refund(21, {1: 1}, each="10.00"), refund(22, {2: 1}, each="7.00", after=70)]
    found = read(value, back, parts)
    assert events_of(found) == [
        ("fulfillment-11", "Sale", {"1": 2}),
        ("fulfillment-12", "Sale", {"2": 1}),
        ("refund-21", "Return", {"1": 1}),
        ("refund-22", "Return", {"2": 1}),
    ]
    assert [one.grand_total for one in found.transactions] == [25, 7, 10, 7]
    assert [one.shipping_amount for one in found.transactions] == [5, 0, 0, 0]
    assert found.transactions[0].tracking_numbers == ("1Z", "2Z")
    assert found.transactions[0].transaction_date == NOON + timedelta(
        minutes=10
    )  # the record has the shop's wall clock
    assert [(one.quantity_shipped, one.quantity_returned) for one in found.order.lines] == [(2, 1), (1, 1)]


def test_a_completed_order_left_as_a_whole_less_what_was_refunded_before() -> None:
    value = order(line(1, 3, "30.00"), status="completed", date_completed_gmt=gmt(NOON + timedelta(hours=2)))
    assert events_of(read(value)) == [("completed-500", "Sale", {"1": 3})]
    found = read(value, [refund(21, {1: 1}, each="10.00"), refund(22, {1: 1}, each="10.00", after=240)])
    assert events_of(found)[0] == ("completed-500", "Sale", {"1": 2})
    assert found.order.lines[0].quantity_returned == 1  # the one that came back after it had left


def test_completion_takes_what_has_no_record_of_its_own() -> None:
    value = order(line(1, 3, "30.00"), status="completed", date_completed_gmt=gmt(NOON + timedelta(minutes=15)))
    found = read(value, fulfilments=[fulfilment(11, {1: 1}, 10)])
    assert events_of(found) == [("fulfillment-11", "Sale", {"1": 1}), ("completed-500", "Sale", {"1": 2})]
    assert sum(one.grand_total for one in found.transactions) == 30


def test_a_record_that_is_made_after_the_completion_moves_nothing_more() -> None:
    """It left with the completion, and was told so; only the tracking number is news."""
    value = order(line(1, 3, "30.00"), status="completed", date_completed_gmt=gmt(NOON + timedelta(minutes=15)))
    late = fulfilment(11, {1: 1}, 30, tracking="1Z")
    (sale,) = read(value, fulfilments=[late]).transactions
    assert (sale.key, sale.lines[0].quantity, sale.tracking_numbers) == ("completed-500", 3, ("1Z",))
    entry = {"tracking_number": "T1", "tracking_id": "a1", "date_shipped": str(int(NOON.timestamp()) + 86400)}
    value["meta_data"] = [{"key": "_wc_shipment_tracking_items", "value": [entry]}]
    assert [one.key for one in read(value).transactions] == ["completed-500"]


def test_what_the_pos_shipped_left_before_the_completion_whatever_date_it_gave() -> None:
    value = order(line(1, 3, "30.00"), status="completed", date_completed_gmt=gmt(NOON + timedelta(minutes=15)))
    tomorrow = {"remote_id": "note-9", "at": gmt(NOON + timedelta(days=1)), "lines": {"1": "2"}, "tracking": []}
    value["meta_data"] = [{"key": "_integrator_shipments", "value": {"SH-1": tomorrow}}]
    found = read(value).transactions
    assert [(one.key, one.lines[0].quantity) for one in found] == [("pos-500-SH-1", 2), ("completed-500", 1)]
    assert found[0].transaction_date == NOON + timedelta(days=1)


def test_a_time_that_moves_with_every_change_of_a_record_places_nothing() -> None:
    """A fulfilment without its date has only that of its last change; a tracking number may be added years later."""
    value = order(line(1, 3, "30.00"), status="completed", date_completed_gmt=gmt(NOON + timedelta(minutes=15)))
    record = fulfilment(11, {1: 1}, 10)
    record["meta_data"] = record["meta_data"][:1]
    for minutes in (10, 900):
        record["date_updated"] = local(NOON + timedelta(minutes=minutes)).replace("T", " ")
        found = read(value, fulfilments=[record]).transactions
        assert [(one.key, one.lines[0].quantity) for one in found] == [("fulfillment-11", 1), ("completed-500", 2)]


def test_entries_of_a_tracking_extension() -> None:
    """With products they name them; without, they stand for all that is open at their date."""
    items = [
        {
            "tracking_number": "T1",
            "tracking_id": "a1",
            "date_shipped": str(int(NOON.timestamp())),
            "tracking_provider": "ups",
            "products_list": [{"product": "1", "qty": "1"}],
        },
        {
            "tracking_number": "T2",
            "tracking_id": "a2",
            "date_shipped": str(int((NOON + timedelta(days=1)).timestamp())),
        },
        {
            "tracking_number": "T3",
            "tracking_id": "a3",
            "date_shipped": str(int((NOON + timedelta(days=2)).timestamp())),
        },
    ]
    value = order(
        line(1, 2, "20.00"), line(2, 1, "5.00"), meta_data=[{"key": "_wc_shipment_tracking_items", "value": items}]
    )
    assert events_of(read(value)) == [
        ("tracking-a1", "Sale", {"1": 1}),
        ("tracking-a2", "Sale", {"1": 1, "2": 1}),
    ]


def test_what_the_pos_shipped_is_known_again() -> None:
    noted = {
        "SH-1": {"remote_id": "note-9", "at": gmt(NOON), "lines": {"1": "2"}, "tracking": ["T1"], "carrier": "UPS"}
    }
    items = [{"tracking_number": "T1", "tracking_id": "a1", "date_shipped": str(int(NOON.timestamp()))}]
    for stored in (noted, json.dumps(noted)):
        meta = [
            {"key": "_integrator_shipments", "value": stored},
            {"key": "_wc_shipment_tracking_items", "value": items},
        ]
        found = read(order(line(1, 3, "30.00"), meta_data=meta))
        (sale,) = found.transactions
        assert (sale.key, sale.pos_shipment_id, sale.remote_id) == ("pos-500-SH-1", "SH-1", "note-9")
    (sale,) = read(order(line(1, 3, "30.00")), fulfilments=[fulfilment(11, {1: 1}, 5, pos="SH-2")]).transactions
    assert sale.pos_shipment_id == "SH-2"


def test_money_only_comes_back_without_goods() -> None:
    value = order(line(1, 1, "10.00"), status="completed", date_completed_gmt=gmt(NOON))
    found = read(value, [refund(21, amount="2.50")])
    back = found.transactions[-1]
    assert (back.lines, back.adjustment_amount, back.grand_total) == ((), D("2.50"), D("2.50"))
    with_fee = read(value, [refund(22, {1: 1}, each="10.00", amount="8.00")]).transactions[-1]
    assert (with_fee.lines[0].line_total, with_fee.adjustment_amount, with_fee.grand_total) == (10, -2, 8)


def test_a_refund_of_an_old_version_is_matched_by_its_product() -> None:
    back = refund(21, {1: 1})
    back["line_items"][0]["meta_data"] = []
    assert events.of_refund(order(line(1, 1, "10.00"), line(2, 1, "5.00")), back).lines == (RefundLine("1", D(1)),)
    assert events.of_refund(order(line(1, 1, "10.00"), line(3, 1, "5.00", product_id=1)), back).lines == ()


def test_what_was_put_back_on_the_shelf_is_said() -> None:
    kept = line(1, 3, "30.00", meta_data=[{"key": "_restock_refunded_items", "value": "1"}])
    value = order(kept, status="completed", date_completed_gmt=gmt(NOON))
    found = read(value, [refund(21, {1: 1}), refund(22, {1: 1}, after=90)])
    assert [one.lines[0].restocked for one in found.transactions if one.type == "Return"] == [True, False]


steps = st.lists(
    st.tuples(st.sampled_from(["ship", "refund"]), st.dictionaries(st.integers(1, 3), st.integers(1, 4), min_size=1)),
    max_size=7,
)


@given(
    steps,
    st.booleans(),
    st.lists(st.integers(1, 5), min_size=3, max_size=3),
    st.lists(st.decimals("0.01", "99", places=2), min_size=3, max_size=3),
)
def test_no_more_leaves_than_was_ordered_and_the_parts_make_the_whole(
    happened: list[tuple[str, dict[int, int]]], completed: bool, units: list[int], totals: list[Decimal]
) -> None:
    lines = [line(n, units[n - 1], str(totals[n - 1])) for n in (1, 2, 3)]
    value = order(*lines, shipping_total="4.90", total=str(sum(totals, D("4.90")) + D("0.02")))
    if completed:
        value |= {"status": "completed", "date_completed_gmt": gmt(NOON + timedelta(hours=9))}
    parts, back, refunded = [], [], dict.fromkeys((1, 2, 3), 0)
    for position, (what, given_lines) in enumerate(happened):
        if what == "ship":
            parts.append(fulfilment(10 + position, given_lines, 10 * position + 10))
        else:  # a shop does not refund more than there is
            taken = {
                n: min(k, units[n - 1] - refunded[n])
                for n, k in given_lines.items()
                if k and units[n - 1] > refunded[n]
            }
            refunded |= {n: refunded[n] + k for n, k in taken.items()}
            back.append(refund(50 + position, taken, after=10 * position + 10))
    found = read(value, back, parts)
    sales = [one for one in found.transactions if one.type == "Sale"]
    shipped = {
        str(n): sum((x.quantity for s in sales for x in s.lines if x.line_id == str(n)), D(0)) for n in (1, 2, 3)
    }
    for one in found.order.lines:
        assert shipped[one.line_id] == one.quantity_shipped <= one.quantity_ordered
        assert 0 <= one.quantity_returned <= one.quantity_shipped
    assert len([one for one in found.transactions if one.type == "Return"]) == len(back)
    assert len({one.key for one in found.transactions}) == len(found.transactions)
    assert all(one.lines for one in sales)
    if sales and all(shipped[str(n)] == units[n - 1] for n in (1, 2, 3)):
        assert sum(one.grand_total for one in sales) == found.order.grand_total
    if completed and not refunded[1] and not refunded[2] and not refunded[3]:
        assert all(shipped[str(n)] == units[n - 1] for n in (1, 2, 3))
    assert read(value, back, parts) == found  # the same again whenever it is derived


# -- what was told never changes

days = st.integers(0, 2)  # after the order: many things have the same time
parcels = st.dictionaries(st.integers(1, 2), st.integers(1, 2), min_size=1)


def entry(identity: str, day: int, lines: dict[int, int] | None) -> dict[str, Any]:
    """As the tracking extensions keep it: a random id, and the day as the merchant says it."""
    products = [{"product": str(key), "qty": str(units)} for key, units in (lines or {}).items()]
    at = (NOON + timedelta(days=day)).replace(hour=0)
    return {
        "tracking_number": f"1Z{identity}",
        "tracking_id": identity,
        "date_shipped": str(int(at.timestamp())),
        "products_list": products,
    }


@given(
    st.lists(st.tuples(st.sampled_from(["entry", "note", "refund"]), days, parcels), max_size=7),
    st.booleans(),
    st.permutations("abcdefg"),
)
def test_the_sales_of_tracking_entries_and_notes_never_change(
    happened: list[tuple[str, int, dict[int, int]]], completed: bool, identities: list[str]
) -> None:
    value = order(line(1, 3, "10.00"), line(2, 2, "7.99"), shipping_total="4.90", total="22.91")
    entries: list[dict[str, Any]] = []
    notes: dict[str, Any] = {}
    back: list[dict[str, Any]] = []
    looks = []
    for number, (what, day, lines) in enumerate(happened):
        if what == "entry":
            entries.append(entry(identities[number], day, lines))
        elif what == "note":
            notes[f"SH-{number}"] = {
                "remote_id": f"note-{number}", "at": gmt(NOON + timedelta(days=day)),
                "lines": {str(key): str(units) for key, units in lines.items()}, "tracking": [], "after": len(entries),
            }  # fmt: skip
        else:
            back.append(refund(8 + number, dict.fromkeys(lines, 1), after=day * 1440))
        meta = [{"key": "_wc_shipment_tracking_items", "value": list(entries)}]
        value["meta_data"] = [*meta, {"key": "_integrator_shipments", "value": json.dumps(notes)}]
        looks.append(read(value, back))
    if completed:
        done = {"status": "completed", "date_completed_gmt": gmt(NOON + timedelta(days=3))}
        looks.append(read({**value, **done}, back))
        late = [*entries, entry("late", 4, None)]
        later = {
            **value,
            **done,
            "meta_data": [{"key": "_wc_shipment_tracking_items", "value": late}, *value["meta_data"][1:]],
        }
        looks.append(read({**later}, back))
        assert [one.key for one in looks[-1].transactions] == [one.key for one in looks[-2].transactions]
        looks.pop()  # its number was noted
    if looks:
        check_appending(looks)


@given(st.lists(st.tuples(days, parcels), min_size=1, max_size=6), st.booleans())
def test_the_sales_of_fulfilments_never_change(happened: list[tuple[int, dict[int, int]]], completed: bool) -> None:
    """Their numbers pass from 9 to 10; the order of the list that the shop gives is not theirs."""
    value = order(line(1, 3, "10.00"), line(2, 2, "7.99"), shipping_total="4.90", total="22.91")
    parts = [fulfilment(8 + n, lines, day * 1440) for n, (day, lines) in enumerate(happened)]
    looks = [read(value, fulfilments=parts[:n][::-1]) for n in range(1, len(parts) + 1)]
    if completed:
        value |= {"status": "completed", "date_completed_gmt": gmt(NOON + timedelta(days=3))}
        looks.append(read(value, fulfilments=parts))
    check_appending(looks)


def test_refunds_are_taken_in_the_order_of_their_numbers() -> None:
    """What was put back on the shelf is counted off them one after the other."""
    kept = line(1, 3, "30.00", meta_data=[{"key": "_restock_refunded_items", "value": "1"}])
    value = order(kept, status="completed", date_completed_gmt=gmt(NOON))
    found = read(value, [refund(10, {1: 1}), refund(9, {1: 1})])
    assert [(one.key, one.lines[0].restocked) for one in found.transactions if one.type == "Return"] == [
        ("refund-9", True),
        ("refund-10", False),
    ]


# -- money


def test_rounding_discounts_taxes_and_fees_are_passed_on_as_they_are() -> None:
    tax_lines = [
        {"rate_id": 3, "label": "MwSt. &amp; Co", "rate_percent": 19, "tax_total": "3.80", "shipping_tax_total": "0.93"}
    ]
    one = line(
        1, 3, "20.00", subtotal="21.00", total_tax="3.80", taxes=[{"id": 3, "total": "3.799999", "subtotal": "3.99"}]
    )
    value = order(
        one,
        shipping_total="4.90",
        total_tax="4.73",
        total="31.65",
        discount_total="1.00",
        tax_lines=tax_lines,
        coupon_lines=[{"code": "welcome", "discount": "1.00", "discount_tax": "0.19"}],
        fee_lines=[{"name": "Gift wrap", "total": "2.00", "total_tax": "0.00"}],
        shipping_lines=[
            {"method_title": "Parcel &ndash; fast", "method_id": "flat_rate", "total": "4.90", "total_tax": "0.93"}
        ],
    )
    found = read(value).order
    assert (found.subtotal, found.discount_amount, found.grand_total, found.rounding_amount) == (
        21,
        1,
        D("31.65"),
        D("0.02"),
    )
    assert [(one.name, one.rate, one.amount) for one in found.tax_lines] == [("MwSt. & Co", 19, D("4.73"))]
    (item,) = found.lines
    assert (item.unit_price, item.discount_amount, item.line_total, item.tax_amount) == (7, 1, 20, D("3.80"))
    assert [(one.name, one.rate, one.amount) for one in item.tax_lines] == [("MwSt. & Co", 19, D("3.80"))]
    assert [(one.code, one.amount) for one in found.discount_lines] == [("welcome", 1)]
    assert [(one.name, one.amount) for one in found.fee_lines] == [("Gift wrap", 2)]
    assert found.shipping_lines[0].method == "Parcel – fast"


@pytest.mark.parametrize("lowers_the_total", [True, False])
@pytest.mark.parametrize("kind", ["meta", "extension", "fee", "coupon"])
def test_gift_cards_of_any_kind_are_tender(kind: str, lowers_the_total: bool) -> None:
    card: dict[str, Any] = {
        "meta": {"meta_data": [{"key": "_ywgc_applied_gift_cards", "value": {"CARD": 8}}]},
        "extension": {"gift_cards": [{"code": "CARD", "amount": "8.00"}]},
        "fee": {"fee_lines": [{"name": "Gift Card CARD", "total": "-8.00", "total_tax": "0.00"}]},
        "coupon": {"coupon_lines": [{"code": "card-1", "discount": "8.00", "discount_tax": "0.00"}]},
    }[kind]
    total = "12.00" if lowers_the_total else "20.00"
    found = read(order(line(1, 1, "20.00"), total=total, **card), gift_card_coupons=["card-*"]).order
    assert found.gift_card_amount == 8
    assert [one.amount for one in found.gift_cards] == [8]
    assert [one.amount for one in found.payments if one.kind == "GiftCard"] == [8]
    assert (found.fee_lines, found.discount_lines) == ((), ())
    assert found.rounding_amount == 0


def test_a_gift_card_that_is_sold_is_marked() -> None:
    card = line(1, 1, "50.00", meta_data=[{"key": "_ywgc_recipients", "value": ["a@b.c"]}])
    assert [one.line_type for one in read(order(card, line(2, 1, "5.00"))).order.lines] == ["GiftCard", "Item"]


@pytest.mark.parametrize(
    ("given_text", "amount"),
    [
        ("0.9", "0.90"),
        ("0.90", "0.90"),
        ("8.403361", "8.4034"),
        ("-3.10", "-3.10"),
        ("", "0.00"),
        (None, "0.00"),
        ("1e3", "1000.00"),
    ],
)
def test_amounts_of_differing_precision(given_text: str | None, amount: str) -> None:
    assert str(money(given_text)) == amount


# -- who, when, whether


def test_guests_entities_and_addresses() -> None:
    billing = {
        "first_name": "Zo&euml;",
        "last_name": "M&uuml;ller &amp; Co",
        "email": "z@example.com",
        "phone": "1",
        "country": "de",
        "address_1": "Weg 1",
        "city": "Köln",
        "state": "DE-NW",
        "postcode": "50667",
    }
    found = read(order(line(1, 1, "1.00", name="Shirt &ndash; Red"), billing=billing)).order
    assert (found.customer.is_guest, found.customer.web_customer_id) == (True, "")
    assert (found.customer.first_name, found.customer.last_name) == ("Zoë", "Müller & Co")
    assert found.shipping_address.city == "Köln"  # where nobody gave another one
    assert found.lines[0].name == "Shirt – Red"
    assert found.billing_address.country_code == "DE"
    known = read(order(line(1, 1, "1.00"), billing=billing, customer_id=77)).order
    assert (known.customer.is_guest, known.customer.web_customer_id) == (False, "77")


@pytest.mark.parametrize(
    ("status", "paid", "transaction", "taken"),
    [
        ("pending", False, "", False),
        ("checkout-draft", False, "", False),
        ("failed", True, "x", False),
        ("cancelled", True, "x", False),
        ("on-hold", False, "", False),
        ("on-hold", False, "pi_1", True),
        ("processing", False, "", True),
        ("processing", True, "", True),
        ("completed", True, "", True),
        ("refunded", True, "", True),
        ("ready-to-ship", True, "", True),
        ("ready-to-ship", False, "", False),
    ],
)
def test_which_orders_a_channel_takes(status: str, paid: bool, transaction: str, taken: bool) -> None:
    value = order(
        line(1, 1, "1.00"), status=status, date_paid_gmt=gmt(NOON) if paid else None, transaction_id=transaction
    )
    assert admitted(value, WooSettings()) is taken
    assert admitted(value, WooSettings(order_statuses=["on-hold"])) is (status == "on-hold")
    assert admitted(value, WooSettings(orders_since=NOON + timedelta(days=1))) is False


def test_captures_are_the_payment_and_what_went_back() -> None:
    value = order(
        line(1, 1, "10.00"), meta_data=[{"key": "last4", "value": "4242"}, {"key": "_card_brand", "value": "visa"}]
    )
    found = read(value, [refund(21, amount="2.50")]).captures
    assert [(one.key, one.type, one.amount) for one in found] == [
        ("capture-500", "Capture", 10),
        ("refund-21", "Refund", D("2.50")),
    ]
    assert (found[0].payment_method, found[0].payment_reference, found[0].last4, found[0].card_type) == (
        "Card",
        "pi_1",
        "4242",
        "visa",
    )
    assert read(order(line(1, 1, "10.00"), date_paid_gmt=None)).captures == ()
    by_hand = {**refund(22, amount="1.00"), "refunded_payment": False}
    assert len(read(value, [by_hand]).captures) == 2
    assert len(read(value, [by_hand], manual_refunds=False).captures) == 1
    card = order(line(1, 1, "10.00"), meta_data=[{"key": "last4", "value": "4242424242424242"}])
    assert read(card).captures[0].last4 == ""  # never more of a card


def test_a_cancelled_order_says_so() -> None:
    assert read(order(line(1, 1, "1.00"), status="cancelled")).order.cancelled_at == NOON
    assert read(order(line(1, 1, "1.00"), status="cancelled", date_paid_gmt=None)).order.payment_status == "Voided"
    assert read(order(line(1, 1, "1.00"))).order.cancelled_at is None


def test_wall_clocks_are_understood_on_both_sides_of_the_clock_change() -> None:
    summer, winter = datetime(2026, 10, 24, 12, tzinfo=UTC), datetime(2026, 10, 26, 12, tzinfo=UTC)
    value = {
        "date_created": local(summer, 2),
        "date_created_gmt": gmt(summer),
        "date_modified": local(winter, 1),
        "date_modified_gmt": gmt(winter),
    }
    assert events.from_local(value, "2026-10-24 15:00:00") == datetime(2026, 10, 24, 13, tzinfo=UTC)
    assert events.from_local(value, "2026-10-26 15:00:00") == datetime(2026, 10, 26, 14, tzinfo=UTC)


def test_order_meta_that_the_channel_names_goes_along() -> None:
    value = order(line(1, 1, "1.00"), meta_data=[{"key": "_vat_id", "value": "DE1"}, {"key": "secret", "value": "x"}])
    assert [(one.name, one.value) for one in read(value, order_meta=["_vat_id", "none"]).order.custom_fields] == [
        ("_vat_id", "DE1")
    ]
