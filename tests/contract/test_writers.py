"""From stored documents and results to answers: valid against the published schema whatever a shop put in."""

from __future__ import annotations

import uuid
from dataclasses import fields, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from integrator.codes import Action, Code, ItemResult, Problem
from integrator.connectors import records as r
from integrator.contract.fields import members
from integrator.contract.order_types import Address, Capture, Customer, Order, OrderLine, Transaction, TransactionLine
from integrator.contract.services import OrderTasks, ProductTasks
from integrator.contract.writers import call_result, response_writer
from tests.contract.soap import plain
from tests.contract.test_wsdl import schema

NS = "urn:integrator:v1"
WRITERS = {
    m.operation_name: response_writer(m.out_message)
    for service in (ProductTasks, OrderTasks)
    for m in service.public_methods.values()
}
CORE = {"OrderId": "5-1", "ChannelId": "5", "Platform": "sandbox", "Revision": 1}
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
SCHEMA = etree.XMLSchema(etree.fromstring(etree.tostring(schema("OrderTasks"))))

texts = st.text(st.characters(codec=None), max_size=30)
amounts = st.decimals(min_value=-(10**12), max_value=10**12, places=4)
times = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))
addresses = st.builds(r.Address, **{f.name: texts for f in fields(r.Address)})
taxes = st.builds(r.TaxLine, name=texts, rate=st.none() | amounts, amount=amounts)
lines = st.builds(
    r.OrderLine,
    line_id=texts,
    sku=texts,
    name=texts,
    quantity_ordered=amounts,
    unit_price=amounts,
    line_total=amounts,
    options=st.lists(st.builds(r.Option, texts, texts), max_size=2).map(tuple),
    tax_lines=st.lists(taxes, max_size=2).map(tuple),
)
orders = st.builds(
    r.Order,
    remote_id=texts,
    order_number=texts,
    order_date=times,
    modified_at=times,
    status=texts,
    payment_status=texts,
    currency=texts,
    lines=st.lists(lines, max_size=3).map(tuple),
    customer=st.builds(r.Customer, email=texts, is_guest=st.booleans()),
    billing_address=addresses,
    shipping_address=addresses,
    grand_total=amounts,
    customer_note=texts,
    payments=st.lists(st.builds(r.Payment, texts, texts, amounts), max_size=2).map(tuple),
    shipping_lines=st.lists(st.builds(r.ShippingLine, texts, texts, amounts), max_size=2).map(tuple),
    custom_fields=st.lists(st.builds(r.CustomField, texts, texts), max_size=2).map(tuple),
)


def answer(**more: Any) -> dict[str, Any]:
    return {"Success": True, "CallId": str(uuid.uuid4()), "MoreAvailable": False, "Warnings": [], **more}


def legal(text: str) -> str:
    def fits(c: str) -> bool:
        return c in "\t\n\r" or "\u0020" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"

    return "".join(c if fits(c) else "\ufffd" for c in text)


@settings(max_examples=60, deadline=None)
@given(st.lists(orders, max_size=2))
def test_any_order_is_written_as_the_schema_says(found: list[r.Order]) -> None:
    documents = [{**CORE, **r.document(one)} for one in found]
    written = WRITERS["GetNewOrders"](answer(Orders=documents))
    root = etree.fromstring(written)
    SCHEMA.assertValid(root)
    result = plain(root)["GetNewOrdersResult"]
    for order, said in zip(found, result["Orders"], strict=True):
        assert said["CustomerNote"] == legal(order.customer_note)
        assert Decimal(said["GrandTotal"]) == order.grand_total
        assert said["OrderDate"].endswith("Z")
        assert len(said["Lines"]) == len(order.lines)


@pytest.mark.parametrize(
    ("model", "record", "core"),
    [
        (Order, r.Order, {"OrderId", "ChannelId", "Platform", "Revision", "Warnings"}),
        (OrderLine, r.OrderLine, set()),
        (
            Transaction,
            r.Transaction,
            {
                "TransactionId",
                "OrderId",
                "OrderNumber",
                "ChannelId",
                "Platform",
                "Customer",
                "BillingAddress",
                "ShippingAddress",
                "Warnings",
            },
        ),
        (TransactionLine, r.TransactionLine, set()),
        (Capture, r.Capture, {"CaptureId", "OrderId", "OrderNumber"}),
        (Customer, r.Customer, set()),
        (Address, r.Address, set()),
    ],
)
def test_documents_and_types_have_the_same_fields(model: Any, record: Any, core: set[str]) -> None:
    """What a connector fills in reaches the POS, and what the POS is promised is filled in."""
    filled = {r.pascal(f.name) for f in fields(record) if f.name not in r.INTERNAL}
    assert {m.name for m in members(model)} == filled | core


def test_what_the_type_does_not_have_stays_inside() -> None:
    line = r.OrderLine("1", "S", "N", Decimal(1), Decimal(1), Decimal(1), remote={"product": "secret-remote"})
    document = {"OrderId": "1", "OrderDate": "2026-11-24T05:30:00Z", "Lines": [r.document(line)], "Secret": "x"}
    written = WRITERS["GetNewOrders"](answer(Orders=[document]))
    assert b"secret-remote" not in written
    assert b"Secret" not in written
    SCHEMA.assertValid(etree.fromstring(written))


@pytest.mark.parametrize(
    "change",
    [
        {"GrandTotal": "NaN"},
        {"GrandTotal": "1E5"},
        {"GrandTotal": "1;2"},
        {"GrandTotal": ""},
        {"GrandTotal": True},
        {"OrderDate": "yesterday"},
        {"OrderDate": None},
        {"Revision": "x"},
    ],
)
def test_what_would_not_be_valid_is_an_error_not_an_answer(change: dict[str, Any]) -> None:
    """Whether all else of the record is there or not."""
    short = {"OrderId": "1", "OrderDate": "2026-11-24T05:30:00Z", "GrandTotal": "1", "Revision": 1}
    empty = r.Order("1", "", NOON, NOON, "", "", "", (), r.Customer(), r.Address(), r.Address(), Decimal(1))
    for record in (short, {**CORE, **r.document(empty)}):
        WRITERS["GetNewOrders"](answer(Orders=[record]))
        with pytest.raises(ValueError, match=next(iter(change))):
            WRITERS["GetNewOrders"](answer(Orders=[{**record, **change}]))


def test_arrays_are_always_there_and_missing_texts_are_empty() -> None:
    root = etree.fromstring(WRITERS["GetNewOrders"](answer(Orders=[{"OrderDate": "2026-11-24T05:30:00Z"}])))
    (order,) = plain(root)["GetNewOrdersResult"]["Orders"]
    assert order["Lines"] == order["Payments"] == order["Warnings"] == []
    assert order["OrderId"] == ""
    assert order["GrandTotal"] == "0"
    assert "Status" not in order
    assert "Customer" not in order


results = st.lists(
    st.builds(
        ItemResult,
        index=st.integers(0, 9999),
        id=texts,
        action=st.sampled_from(Action),
        problem=st.none() | st.builds(Problem, st.sampled_from(Code), texts, texts, texts),
        warnings=st.none() | st.lists(texts, max_size=2),
    ),
    max_size=20,
)


@settings(deadline=None)
@given(results, st.lists(texts, max_size=3), st.booleans())
def test_call_results(found: list[ItemResult], warnings: list[str], every: bool) -> None:
    values = call_result(found, str(uuid.uuid4()), warnings, return_all=every)
    assert values["Received"] == values["Applied"] + values["Unchanged"] + values["Failed"] == len(found)
    assert values["Success"] == all(one.problem is None for one in found)
    assert (values["ErrorCode"] is None) == values["Success"]
    wanted = [one.index for one in found if every or one.problem is not None or one.warnings]
    assert [shown["Index"] for shown in values["Results"]] == wanted
    for shown in values["Results"]:
        assert every or not shown["Success"] or shown["ErrorMessage"] is not None
    SCHEMA.assertValid(etree.fromstring(WRITERS["ConfirmOrders"](values)))


def test_a_result_without_action_is_written() -> None:
    result = ItemResult(0, "A", None)
    assert replace(result, action=Action.CREATED).success
    SCHEMA.assertValid(etree.fromstring(WRITERS["ConfirmOrders"](call_result([result], "x", [], return_all=True))))
