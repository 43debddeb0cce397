"""Our writers and Spyne's write the same elements with the same values."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from integrator.connectors import records as r
from integrator.contract.order_types import CapturesResult, OrdersResult, TransactionsResult
from integrator.contract.writers import decimal_text
from tests.contract.native import builder, said
from tests.contract.test_writers import SCHEMA, WRITERS, addresses, amounts, answer, legal, orders, texts

from spyne.util.xml import get_object_as_xml  # isort: skip

RESULTS = {"Orders": OrdersResult, "Transactions": TransactionsResult, "Captures": CapturesResult}
CORE = {"OrderId": "5-1", "OrderNumber": "#1", "ChannelId": "5", "Platform": "sandbox"}

# as shops write: much that can stand as it is, and now and then what cannot
words = st.sampled_from(
    ["", "Fjäll Jacket", "Müller & Sohn", "a < b > c", "]]>", "two\r\nlines\t", "\u00a0", "\u200b🧥", "%s"]
)
some_text = texts | words
# in any zone: what is stored is UTC
moments = st.datetimes(
    min_value=datetime(1971, 1, 1),
    max_value=datetime(2200, 1, 1),
    timezones=st.sampled_from([timezone(timedelta(hours=h)) for h in (-11, 0, 14)]),
)
payments = st.builds(r.Payment, some_text, some_text, amounts, some_text)
more_orders = st.builds(
    lambda order, note, code, rate, at: {
        **r.document(order),
        "CustomerNote": note,
        "DiscountLines": [r.document(r.DiscountLine(note, rate))],
        "GiftCards": [r.document(r.GiftCard(code, rate))],
        "FeeLines": [r.document(r.FeeLine(code, rate))],
        "OrderDate": r.utc_text(at),
    },
    orders,
    some_text,
    some_text,
    amounts,
    moments,
)
transactions = st.builds(
    r.Transaction,
    key=texts,
    type=some_text,
    transaction_number=some_text,
    transaction_date=moments,
    currency=some_text,
    lines=st.lists(
        st.builds(r.TransactionLine, line_id=some_text, quantity=amounts, name=some_text, restocked=st.booleans()),
        max_size=3,
    ).map(tuple),
    grand_total=amounts,
    payments=st.lists(payments, max_size=2).map(tuple),
    tracking_numbers=st.lists(some_text, max_size=3).map(tuple),
)
captures = st.builds(r.Capture, texts, some_text, moments, amounts, some_text, some_text)
documents: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "Orders": more_orders.map(lambda one: {**CORE, "Revision": 7, **one}),
    "Transactions": st.builds(
        lambda one, address: {
            **CORE,
            "TransactionId": "5-shipment-1",
            "BillingAddress": r.document(address),
            "Customer": r.document(r.Customer(email=address.email)),
            **r.document(one),
        },
        transactions,
        addresses,
    ),
    "Captures": captures.map(lambda one: {"CaptureId": "5-capture-1", **CORE, **r.document(one)}),
}


def carried(value: Any) -> Any:
    """A document with what XML cannot carry replaced, which lxml refuses to write."""
    if isinstance(value, str):
        return legal(value)
    if isinstance(value, Mapping):
        return {name: carried(one) for name, one in value.items()}
    return [carried(one) for one in value] if isinstance(value, list) else value


OPTIONAL = [
    "Status",
    "CustomerNote",
    "Customer",
    "ShippingAddress",
    "TransactionNumber",
    "CardType",
    "Last4",
    "Payments",
]


def thinned(document: dict[str, Any], absent: list[str], null: list[str]) -> dict[str, Any]:
    """Without some of what a document may lack."""
    kept = {name: value for name, value in document.items() if name not in absent}
    return {**kept, **{name: None for name in null if name in document}}


drops = st.lists(st.sampled_from(OPTIONAL), max_size=2)


@pytest.mark.parametrize("kind", RESULTS)
@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_the_same_as_spyne_for_any_document(kind: str, data: st.DataObject) -> None:
    found = data.draw(st.lists(st.builds(thinned, documents[kind], drops, drops), max_size=3))
    warnings = data.draw(st.lists(some_text, max_size=2))
    call_id = str(uuid.uuid4())
    values = {**answer(**{kind: found}), "CallId": call_id, "Warnings": warnings}
    written = etree.fromstring(WRITERS[f"GetNew{kind}"](values))
    SCHEMA.assertValid(written)
    result = RESULTS[kind]
    natively = get_object_as_xml(builder(result)(carried(values)), result, no_namespace=False)
    natively = etree.fromstring(etree.tostring(natively))
    assert said(written[0]) == said(natively)


def test_decimals_have_the_form_that_is_stored() -> None:
    for stored in ("0", "-0.5000", "49.90", "1" * 19 + ".0001"):
        assert decimal_text(stored) == stored == decimal_text(Decimal(stored))
