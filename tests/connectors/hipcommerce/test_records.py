"""Records both ways: the contract's document, the mapping, CSV and XML."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openapi_spec_validator import OpenAPIV31SpecValidator

from integrator.connectors import records
from integrator.connectors.hipcommerce import mapping, orders
from integrator.connectors.hipcommerce.files import codec
from integrator.connectors.hipcommerce.files.exchange import named
from integrator.connectors.hipcommerce.reference import document
from integrator.connectors.hipcommerce.reference.exchange import typed
from integrator.connectors.hipcommerce.reference.server import ROUTES
from integrator.connectors.pushes import CONTENT_FIELDS
from integrator.connectors.records import pascal
from tests.connectors.hipcommerce.conftest import push
from tests.connectors.pushing import style

D = Decimal
DOCUMENT = document.load()

texts = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"], include_characters="\n\t"), max_size=40)
amounts = st.decimals(0, 10**9, places=4, allow_nan=False).map(abs)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))

# -- the document


def test_the_document_is_openapi_3_1_and_every_route_is_there() -> None:
    assert list(OpenAPIV31SpecValidator(DOCUMENT.content).iter_errors()) == []
    paths = {(method.upper(), path) for path, item in DOCUMENT.content["paths"].items() for method in item}
    assert paths == set(ROUTES)


def examples() -> list[tuple[str, str, Any]]:
    """(where, pointer of the schema, example) of every body in the document."""
    found = []

    def walk(value: Any, pointer: str) -> None:
        if not isinstance(value, dict):
            return
        if "schema" in value and ("example" in value or "examples" in value):
            many = [value["example"]] if "example" in value else [one["value"] for one in value["examples"].values()]
            found.extend((pointer, f"{pointer}/schema", one) for one in many)
        for name, one in value.items():
            walk(one, f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}")

    walk(DOCUMENT.content, "#")
    return found


@pytest.mark.parametrize(("where", "pointer", "example"), examples(), ids=[one[0][-60:] for one in examples()])
def test_examples_are_what_the_document_says(where: str, pointer: str, example: Any) -> None:
    assert DOCUMENT.errors(pointer, example) == []


def test_every_body_has_an_example() -> None:
    have = {where for where, _, _ in examples()}
    for path, item in DOCUMENT.content["paths"].items():
        for method, operation in item.items():
            bodies = [*operation["responses"].values(), operation.get("requestBody", {"content": {}})]
            for body in bodies:
                for content in DOCUMENT.resolve(body).get("content", {}).values():
                    assert "example" in content or "examples" in content, (method, path)
    assert len(have) > 15


@pytest.mark.parametrize(
    ("kind", "schema"),
    [
        (records.Order, "Order"), (records.OrderLine, "OrderLine"), (records.Transaction, "Transaction"),
        (records.Capture, "Capture"), (records.Customer, "Customer"), (records.Address, "Address"),
        (records.Payment, "Payment"), (records.TaxLine, "TaxLine"),
    ],
)  # fmt: skip
def test_the_names_are_those_of_the_soap_types(kind: Any, schema: str) -> None:
    """Every field that the POS sees can be said by the shop, under the same name."""
    from dataclasses import fields

    known = DOCUMENT.component(schema)["properties"]
    ours = {one.name for one in fields(kind)} - records.INTERNAL - {"pos_customer_id"}
    assert ours - set(known) == set(), [pascal(one) for one in ours - set(known)]


# -- towards the shop


@given(
    texts.filter(str.strip), texts, amounts, amounts, st.booleans(), st.sets(st.sampled_from(sorted(CONTENT_FIELDS))),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_whatever_is_pushed_is_in_the_contract(
    name: str, text: str, price: Decimal, quantity: Decimal, sell: bool, fields: set[str], known: bool, in_style: bool
) -> None:
    one = push(
        "A", name=name, long_description=text, tags=(text,), price=str(price), sell_online=sell, weight=price,
        weight_unit="kg", options=(("Size", text),), fields=frozenset(fields), remote={"product": "1"} if known else {},
    )  # fmt: skip
    whole = style("S" if in_style else "x", one)
    whole = whole if in_style else type(whole)(None, "", whole.listings, whole.wanted)
    linked = {one.product_id: "2"} if known else {}
    made = mapping.product(whole, [one], "1" if known else None, linked, True, frozenset())
    assert DOCUMENT.errors("#/components/schemas/Product", json.loads(json.dumps(made))) == []
    item = made["children"][0] if in_style else made
    assert ("price" in item) is not known
    assert ("long_description" in made) is ("LongDescription" in fields)
    assert DOCUMENT.errors("#/components/schemas/Price", mapping.price_row(one)) == []
    for row in mapping.inventory_rows(one):
        assert DOCUMENT.errors("#/components/schemas/Inventory", row) == []


@given(st.decimals(-(10**12), 10**12, places=6, allow_nan=False))
def test_amounts_are_one_text_and_the_same_number(value: Decimal) -> None:
    text = mapping.number(value)
    assert D(text) == value
    assert mapping.number(D(text)) == text
    assert "E" not in text


# -- from the shop

lines = st.fixed_dictionaries(
    {"line_id": texts.filter(bool), "sku": texts, "name": texts, "quantity_ordered": amounts.map(mapping.number),
     "unit_price": amounts.map(mapping.number), "line_total": amounts.map(mapping.number)},
    optional={"tax_amount": amounts.map(mapping.number), "line_type": st.sampled_from(["Item", "GiftCard", "Fee"]),
              "options": st.lists(st.fixed_dictionaries({"name": texts, "value": texts}), max_size=2)},
)  # fmt: skip
an_order = st.fixed_dictionaries(
    {"order_id": texts.filter(bool), "order_number": texts.filter(bool), "order_date": moments.map(mapping.moment),
     "updated_at": moments.map(mapping.moment), "status": texts,
     "payment_status": st.sampled_from(sorted(orders.PAYMENT_STATUSES)), "currency": st.just("EUR"),
     "customer": st.fixed_dictionaries({"is_guest": st.booleans()}, optional={"email": texts}),
     "lines": st.lists(lines, min_size=1, max_size=3), "grand_total": amounts.map(mapping.number)},
    optional={"shipping_address": st.fixed_dictionaries({"street1": texts, "city": texts}), "customer_note": texts,
              "shipping_amount": amounts.map(mapping.number), "tax_amount": amounts.map(mapping.number),
              "payments": st.lists(st.fixed_dictionaries({"method": texts, "kind": st.just("Capture"),
                                                          "amount": amounts.map(mapping.number)}), max_size=2)},
)  # fmt: skip


@given(an_order)
def test_an_order_is_told_as_the_shop_said_it_and_adds_up(given: dict[str, Any]) -> None:
    found = orders.order(given)
    assert found.remote_id == given["order_id"]
    assert [one.line_total for one in found.lines] == [D(one["line_total"]) for one in given["lines"]]
    parts = sum((one.line_total for one in found.lines), found.shipping_amount + found.tax_amount)
    assert parts + found.rounding_amount == found.grand_total
    assert found.order_date == datetime.fromisoformat(given["order_date"])


@given(an_order, st.sampled_from(["csv", "xml"]))
@settings(max_examples=60)
def test_an_order_is_the_same_through_a_file(given: dict[str, Any], form: str) -> None:
    expected = orders.order(json.loads(json.dumps(given)))
    ((_, row),) = codec.decode("orders", codec.encode("orders", [given], form), form)
    found = orders.order(row)
    if form == "xml":  # XML folds what a text editor would not show
        assert json.dumps(records.document(found)).replace("\\r", "\\n") == json.dumps(records.document(expected))
    else:
        assert found == expected


@given(st.lists(st.fixed_dictionaries({"style_id": texts.filter(bool), "name": texts, "children": st.lists(
    st.fixed_dictionaries({"item_integration_id": st.text("AB/ \\N", min_size=1, max_size=8), "price": st.just("1"),
                           "msrp": st.none(), "hidden": st.booleans(), "upc": texts}), min_size=1, max_size=3)}),
    max_size=3, unique_by=lambda one: one["style_id"]), st.sampled_from(["csv", "xml"]))  # fmt: skip
@settings(max_examples=60)
def test_styles_are_the_same_through_a_file(given: list[dict[str, Any]], form: str) -> None:
    rows = [row for _, row in codec.decode("products", codec.encode("products", given, form), form)]
    schema = {"$ref": "#/components/schemas/Product"}
    assert [typed(row, schema, DOCUMENT) for row in rows] == given


@given(st.binary(max_size=200), st.sampled_from(["csv", "xml"]), st.sampled_from(sorted(codec.KINDS)))
def test_no_file_breaks_the_reader(content: bytes, form: str, kind: str) -> None:
    with contextlib.suppress(codec.Unreadable):
        for _, row in codec.decode(kind, content, form):
            with contextlib.suppress(*orders.READABLE):
                orders.pulled(row, [], [], ())


names = st.sampled_from([
    "order_id", "order_date", "updated_at", "lines", "customer", "payments", "grand_total", "line_id", "order_number",
    "payment_status", "currency", "sku", "name", "status",
])  # fmt: skip
plain = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)


@given(
    st.recursive(
        plain,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=6),
        max_leaves=12,
    )
)
def test_no_answer_breaks_the_reader(value: Any) -> None:
    """Whatever a shop says instead of an order: one of the errors that become an issue of that order."""
    with contextlib.suppress(*orders.READABLE):
        orders.pulled(value if isinstance(value, dict) else {"lines": value}, [], [], ())


@pytest.mark.parametrize(
    ("name", "is_one"),
    [("orders-000000001.csv", True), ("products-123456789.xml", True), ("orders-1.csv", False),
     ("ack-000000001.csv", False),
     ("orders-000000001.csv.tmp", False), ("../orders-000000001.csv", False), ("ORDERS-000000001.csv", False)],
)  # fmt: skip
def test_names(name: str, is_one: bool) -> None:
    assert (named(name) is not None) is is_one
    if is_one:
        assert named(name).name == name  # type: ignore[union-attr]
