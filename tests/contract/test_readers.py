"""From a request to rows, without a server: absent, nil and empty kept apart, any order, what is unknown counted, one
problem an item that names field, value and remedy."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from integrator.codes import Code
from integrator.contract.faults import CallFailed
from integrator.contract.readers import Reading, request_reader
from integrator.contract.services import OrderTasks, ProductTasks
from integrator.rows import Row

NS = "urn:integrator:v1"
READERS = {
    m.operation_name: request_reader(m.in_message)
    for service in (ProductTasks, OrderTasks)
    for m in service.public_methods.values()
}


def read(operation: str, inner: str, *, reading: Reading | None = None, namespace: str = NS) -> list[Any]:
    xml = (
        f'<{operation} xmlns="{namespace}" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">{inner}</{operation}>'
    )
    return READERS[operation](etree.fromstring(xml), reading or Reading(ZoneInfo("Europe/Berlin"), 10_000))


def products(*items: str, reading: Reading | None = None) -> list[Row]:
    inner = "".join(f"<POSProduct>{one}</POSProduct>" for one in items)
    rows: list[Row] = read("UpdatePOSProducts", f"<Products>{inner}</Products>", reading=reading)[0]
    return rows


def product(inner: str) -> Row:
    return products(f"<ItemIntegrationId>A</ItemIntegrationId>{inner}")[0]


def test_absent_nil_and_empty_stay_apart() -> None:
    row = product('<Brand xsi:nil="true"/><UPC/><SalePrice xsi:nil="1"/><Department></Department>')
    assert row.values == {"ItemIntegrationId": "A", "Brand": None, "UPC": "", "SalePrice": None, "Department": ""}
    assert row.problem is None


def test_nil_false_is_a_value() -> None:
    assert product('<Brand xsi:nil="false">X</Brand><Quantity xsi:nil="0">3</Quantity>').values == {
        "ItemIntegrationId": "A",
        "Brand": "X",
        "Quantity": Decimal(3),
    }


def test_nil_with_a_value_is_a_contradiction() -> None:
    problem = product('<Brand xsi:nil="true">X</Brand>').problem
    assert problem is not None
    assert (problem.code, problem.field) == (Code.VALUE_INVALID, "Brand")


def test_all_types_and_arrays() -> None:
    row = product(
        "<Options><ProductOption><Name>Colour</Name><Value>Red</Value></ProductOption></Options>"
        "<Tags><Tag>a</Tag><Tag>b</Tag></Tags><Price> 12.50 </Price><SaleStart>2026-12-01T00:00:00</SaleStart>"
        "<LocationQuantities><LocationQuantity><LocationId> X </LocationId><Quantity>1</Quantity></LocationQuantity>"
        '<LocationQuantity><LocationId>Y</LocationId><Quantity xsi:nil="true"/></LocationQuantity></LocationQuantities>'
        "<WeightUnit>KG</WeightUnit><SellOnline>0</SellOnline><Version>7</Version>"
        "<Images><ProductImage><Url>https://x/1.jpg</Url><Position>2</Position></ProductImage></Images>"
    )
    assert row.problem is None
    values = row.values
    assert values["Options"] == [{"Name": "Colour", "Value": "Red"}]
    assert values["Tags"] == ["a", "b"]
    assert values["Price"] == Decimal("12.50")
    assert values["SaleStart"].isoformat() == "2026-11-30T23:00:00+00:00"
    assert values["LocationQuantities"] == [
        {"LocationId": "X", "Quantity": Decimal(1)},
        {"LocationId": "Y", "Quantity": None},
    ]
    assert values["WeightUnit"] == "kg"
    assert values["SellOnline"] is False
    assert values["Version"] == 7
    assert values["Images"] == [{"Url": "https://x/1.jpg", "Position": 2}]


def test_empty_and_nil_arrays() -> None:
    assert product('<Tags/><Images xsi:nil="true"/><CustomFields></CustomFields>').values == {
        "ItemIntegrationId": "A",
        "Tags": [],
        "Images": None,
        "CustomFields": [],
    }


def test_html_in_cdata_and_escaped() -> None:
    row = product(
        "<LongDescription><![CDATA[<p>a & b</p>]]></LongDescription><ShortDescription>&lt;b&gt;</ShortDescription>"
    )
    assert row.values["LongDescription"] == "<p>a & b</p>"
    assert row.values["ShortDescription"] == "<b>"


def test_html_that_is_not_escaped_is_said_so() -> None:
    problem = product("<LongDescription><p>Hello</p></LongDescription>").problem
    assert problem is not None
    assert problem.field == "LongDescription"
    assert "CDATA" in problem.hint


def test_only_keys_are_trimmed() -> None:
    row = products("<ItemIntegrationId> A 1\n</ItemIntegrationId><Name> x </Name><StyleId> S </StyleId>")[0]
    assert row.values == {"ItemIntegrationId": "A 1", "Name": " x ", "StyleId": "S"}


@pytest.mark.parametrize(
    ("item", "code", "field", "said", "hint"),
    [
        ("", Code.ITEM_ID_MISSING, "ItemIntegrationId", "has no ItemIntegrationId", "own unique id"),
        ("<ItemIntegrationId/>", Code.ITEM_ID_MISSING, "ItemIntegrationId", "has no", "unique id"),
        ("<ItemIntegrationId>  </ItemIntegrationId>", Code.ITEM_ID_MISSING, "ItemIntegrationId", "has no", "unique"),
        ('<ItemIntegrationId xsi:nil="true"/>', Code.ITEM_ID_MISSING, "ItemIntegrationId", "has no", "unique id"),
        (
            f"<ItemIntegrationId>{'x' * 65}</ItemIntegrationId>",
            Code.ITEM_ID_TOO_LONG,
            "ItemIntegrationId",
            "64",
            "shorter",
        ),
        ("<ItemIntegrationId>a\tb</ItemIntegrationId>", Code.VALUE_INVALID, "ItemIntegrationId", "control", "without"),
        (
            "{id}<Price>12,50</Price>",
            Code.VALUE_INVALID,
            "Price",
            "Price: '12,50' is not a decimal number.",
            "like 12.50",
        ),
        ("{id}<Price>1.00001</Price>", Code.VALUE_OUT_OF_RANGE, "Price", "'1.00001'", "never rounds"),
        ("{id}<Price/>", Code.VALUE_INVALID, "Price", "Price is empty.", "Leave the element out"),
        ('{id}<Price xsi:nil="true"/>', Code.VALUE_MISSING, "Price", "Price is missing.", "leave the element out"),
        ("{id}<SalePrice> </SalePrice>", Code.VALUE_INVALID, "SalePrice", "SalePrice is empty.", "xsi:nil"),
        ("{id}<Name/>", Code.VALUE_MISSING, "Name", "Name is missing.", "not empty"),
        (f"{{id}}<Name>{'n' * 256}</Name>", Code.VALUE_OUT_OF_RANGE, "Name", "255 characters", "At most".lower()),
        ("{id}<Taxable>yes</Taxable>", Code.VALUE_INVALID, "Taxable", "'yes'", "true or false"),
        ("{id}<WeightUnit>stone</WeightUnit>", Code.VALUE_INVALID, "WeightUnit", "'stone'", "g, kg, oz, lb"),
        ("{id}<SaleEnd>24.12.2026</SaleEnd>", Code.VALUE_INVALID, "SaleEnd", "'24.12.2026'", "2026-11-24T05:30:00Z"),
        ("{id}<Price>1</Price><Price>2</Price>", Code.VALUE_INVALID, "Price", "more than once", "once"),
        ("{id}<Tags>a, b</Tags>", Code.VALUE_INVALID, "Tags", "'a, b'", "elements Tag"),
        (
            "{id}<PriceTiers><PriceTier><TierCode>A</TierCode><Price>1</Price></PriceTier><PriceTier><Price>x</Price>"
            "</PriceTier></PriceTiers>",
            Code.VALUE_INVALID,
            "PriceTiers[1].Price",
            "PriceTiers[1].Price: 'x'",
            "point",
        ),
        (
            "{id}<PriceTiers><PriceTier><Price>1</Price></PriceTier></PriceTiers>",
            Code.VALUE_MISSING,
            "PriceTiers[0].TierCode",
            "PriceTiers[0].TierCode is missing.",
            "Send",
        ),
    ],
)
def test_problems_name_field_value_and_remedy(item: str, code: Code, field: str, said: str, hint: str) -> None:
    (row,) = products(item.format(id="<ItemIntegrationId>A</ItemIntegrationId>") if "{id}" in item else item)
    assert row.problem is not None
    assert (row.problem.code, row.problem.field) == (code, field)
    assert said in row.problem.message
    assert hint in row.problem.hint


def test_the_id_is_known_even_when_something_before_it_is_wrong() -> None:
    (row,) = products("<Price>x</Price><Taxable>y</Taxable><ItemIntegrationId>A</ItemIntegrationId>")
    assert row.values["ItemIntegrationId"] == "A"
    assert row.problem is not None
    assert row.problem.field == "Price", "the first problem is the one that is said"


def test_one_bad_item_leaves_the_others() -> None:
    rows = products(
        "<ItemIntegrationId>A</ItemIntegrationId><Price>x</Price>",
        "<ItemIntegrationId>B</ItemIntegrationId><Price>1</Price>",
    )
    assert [(r.index, r.problem is None) for r in rows] == [(0, False), (1, True)]


def test_unknown_elements_are_ignored_and_counted() -> None:
    reading = Reading(ZoneInfo("UTC"), 100)
    rows = products(
        "<ItemIntegrationId>A</ItemIntegrationId><Colour>x</Colour>",
        '<ItemIntegrationId>B</ItemIntegrationId><Colour>y</Colour><x:Price xmlns:x="urn:other">1</x:Price>',
        reading=reading,
    )
    assert [set(r.values) for r in rows] == [{"ItemIntegrationId"}] * 2
    assert reading.warnings() == [
        "2 elements 'Colour' in POSProduct are not known to this service and were ignored.",
        "1 element 'Price' in POSProduct is not known to this service and was ignored.",
    ]


def test_warnings_do_not_grow_without_end() -> None:
    reading = Reading(ZoneInfo("UTC"), 100)
    products("<ItemIntegrationId>A</ItemIntegrationId>" + "".join(f"<n{i}/>" for i in range(1000)), reading=reading)
    assert len(reading.warnings()) == 21


def test_elements_without_namespace_are_taken_with_a_warning() -> None:
    reading = Reading(ZoneInfo("UTC"), 100)
    xml = (
        f'<t:UpdatePOSProducts xmlns:t="{NS}"><Products><POSProduct><ItemIntegrationId>A</ItemIntegrationId>'
        "<Tags><Tag>x</Tag></Tags></POSProduct></Products></t:UpdatePOSProducts>"
    )
    rows, _ = READERS["UpdatePOSProducts"](etree.fromstring(xml), reading)
    assert rows[0].values == {"ItemIntegrationId": "A", "Tags": ["x"]}
    assert reading.warnings() == [f"5 elements came without the namespace {NS} and were taken as if in it."]


def test_nil_items_and_items_of_another_name_do_not_vanish() -> None:
    rows = read("UpdateInventory", '<Items><InventoryItem xsi:nil="true"/><Item/></Items>')[0]
    assert [r.problem.code for r in rows] == [Code.ITEM_ID_MISSING, Code.VALUE_INVALID]
    assert "'Item'" in rows[1].problem.message
    assert "InventoryItem" in rows[1].problem.hint


def test_no_items_in_every_form() -> None:
    for inner in ("", "<Items/>", "<Items></Items>", '<Items xsi:nil="true"/>'):
        assert read("UpdateInventory", inner) == [[], None]


def test_parameters_of_the_call() -> None:
    assert read("UpdateInventory", "<ReturnAllResults>1</ReturnAllResults>") == [[], True]
    assert read("UpdateInventory", '<ReturnAllResults xsi:nil="true"/>') == [[], None]
    items = "<Items><InventoryItem><ItemIntegrationId>A</ItemIntegrationId></InventoryItem></Items>"
    assert read("UpdateInventory", f'{items}<ReturnAllResults xsi:nil="true"/>')[1] is None
    assert read("UpdateInventory", f'<ReturnAllResults xsi:nil="true"/>{items}')[1] is None
    assert read("GetNewOrders", "<MaxRecords> 10 </MaxRecords>") == [10]
    assert read("GetNewOrders", '<MaxRecords xsi:nil="true"/>') == [None]
    with pytest.raises(CallFailed) as failed:
        read("GetNewOrders", "<MaxRecords>many</MaxRecords>")
    assert "MaxRecords: 'many'" in failed.value.message
    with pytest.raises(CallFailed):
        read("UpdateInventory", "<Items/><Items/>")
    with pytest.raises(CallFailed):
        read("UpdateInventory", "<Items>A,B</Items>")


def test_too_many_items_name_the_limit_and_the_value() -> None:
    reading = Reading(ZoneInfo("UTC"), 2)
    with pytest.raises(CallFailed) as failed:
        products("", "", "", reading=reading)
    assert failed.value.code is Code.LIMIT_EXCEEDED
    assert "3" in failed.value.message
    assert "limit is 2" in failed.value.message
    assert "INTEGRATOR_MAX_ITEMS" in failed.value.message


def test_confirmations_and_shipments() -> None:
    rows = read(
        "ConfirmOrders",
        "<Confirmations><Confirmation><Id>5-1</Id><Success>0</Success><ErrorMessage>no</ErrorMessage><PosReceiptNumber/>"
        '<PosCustomerId xsi:nil="true"/><Revision>2</Revision></Confirmation><Confirmation/></Confirmations>',
    )[0]
    assert rows[0].values == {"Id": "5-1", "Success": False, "ErrorMessage": "no", "Revision": 2}
    assert rows[1].problem.code is Code.VALUE_MISSING
    (row,) = read(
        "SaveShipments",
        "<Shipments><Shipment><ShipmentId>S</ShipmentId><OrderId>5-1</OrderId><TrackingNumbers><TrackingNumber>1Z</TrackingNumber>"
        "</TrackingNumbers><Lines><ShipmentLine><LineId>1</LineId><Quantity>2</Quantity></ShipmentLine></Lines></Shipment></Shipments>",
    )[0]
    assert row.values == {
        "ShipmentId": "S",
        "OrderId": "5-1",
        "TrackingNumbers": ["1Z"],
        "Lines": [{"LineId": "1", "Quantity": Decimal(2)}],
    }


FIELDS = {
    "ItemIntegrationId": ("A", "A"),
    "Name": ("x", "x"),
    "Brand": ("", ""),
    "Price": ("1.5", Decimal("1.5")),
    "Quantity": ("-2", Decimal(-2)),
    "Taxable": ("true", True),
    "Version": ("3", 3),
    "WeightUnit": ("lb", "lb"),
}


@given(st.permutations(sorted(FIELDS)), st.randoms())
def test_any_order_of_elements_is_the_same(order: list[str], chance: random.Random) -> None:
    inner = ""
    for name in order:
        inner += f"<{name}>{FIELDS[name][0]}</{name}>" + chance.choice(["", "\n ", "<Unknown/>"])
    (row,) = products(inner)
    assert row.problem is None
    assert row.values == {name: value for name, (_, value) in FIELDS.items()}
