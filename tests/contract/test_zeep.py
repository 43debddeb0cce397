"""All ten operations through zeep, which builds its calls from the served WSDL; in SOAP 1.1 and in 1.2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import zeep
from zeep import xsd
from zeep.exceptions import Fault

from integrator.accounts.channels import load_channel
from integrator.connectors.records import (
    Address,
    Capture,
    Customer,
    Order,
    OrderLine,
    PulledOrder,
    TaxLine,
    Transaction,
)
from integrator.connectors.records import TransactionLine as SoldLine
from integrator.orders.ingest import ingest
from integrator.store.tables import prices, products, stocks
from tests.support import seed
from tests.support.service import Service, StoreLogin

NS = "urn:integrator:v1"
NAME = "Zoë 名 <b>&\x0b"


@dataclass
class Pos:
    """A POS that uses zeep: one client a service, credentials in every call."""

    service: Service
    login: StoreLogin
    suffix: str
    clients: dict[str, Any]

    def __call__(self, operation: str, *, request_id: str | None = None, credentials: Any = None, **values: Any) -> Any:
        name = "ProductTasks" if operation.startswith("Update") else "OrderTasks"
        client = self.clients[name]
        proxy = client.bind(name, f"{name}Soap{self.suffix}")
        header: dict[str, Any] = {"Credentials": self.login.credentials if credentials is None else credentials}
        if request_id is not None:
            header["RequestId"] = request_id
        return proxy[operation](**values, _soapheaders=header)


@pytest.fixture(params=["", "12"], ids=["SOAP 1.1", "SOAP 1.2"])
def pos(request: pytest.FixtureRequest, service: Service) -> Pos:
    clients = {name: zeep.Client(f"{service.url}/{name}?wsdl") for name in ("ProductTasks", "OrderTasks")}
    return Pos(service, service.store(), request.param, clients)


def listed(array: Any) -> list[Any]:
    """The items of an array; zeep has None for one without."""
    return [] if array is None else next(iter(array.__values__.values()))


def stored(pos: Pos, item_id: str) -> Any:
    p, r, s = products, prices, stocks
    with pos.service.begin() as connection:
        return connection.execute(
            sa.select(p.c.content, r.c.price, r.c.sale_price, r.c.sale_start, r.c.cost, s.c.quantity, s.c.quantities)
            .select_from(p)
            .outerjoin(r, (r.c.account_id == p.c.account_id) & (r.c.product_id == p.c.id))
            .outerjoin(s, (s.c.account_id == p.c.account_id) & (s.c.product_id == p.c.id))
            .where(p.c.account_id == pos.login.account_id, p.c.item_id == item_id)
        ).one()


def night(pos: Pos) -> str:
    """One order with two lines, one shipment, one refund, one capture; the channel's id."""
    when = datetime(2026, 11, 1, 8, 15, 30, tzinfo=UTC)
    address = Address(first_name="Zoë", street1="1 <b> & Co", city="Łódź", postal_code="8000", country_code="DK")
    order = Order(
        remote_id="1001",
        order_number="1001",
        order_date=when,
        modified_at=when,
        status="processing",
        payment_status="Paid",
        currency="EUR",
        lines=(
            OrderLine(
                "1",
                "A",
                NAME,
                Decimal(2),
                Decimal("49.9900"),
                Decimal("99.9800"),
                tax_lines=(TaxLine("MwSt", None, Decimal("15.9632")),),
            ),
            OrderLine("2", "NOT-KNOWN", "Unknown", Decimal("0.5"), Decimal("10"), Decimal("5")),
        ),
        customer=Customer(web_customer_id="77", is_guest=False, email="zoe@example.com"),
        billing_address=address,
        shipping_address=address,
        grand_total=Decimal("104.9800"),
    )
    sale = Transaction(
        "shipment-12",
        "Sale",
        "12",
        when + timedelta(days=1),
        "EUR",
        (SoldLine("1", Decimal(2)),),
        Decimal("99.98"),
        tracking_numbers=("1Z",),
    )
    back = Transaction(
        "refund-7", "Return", "7", when + timedelta(days=2), "EUR", (), Decimal("5"), adjustment_amount=Decimal("5")
    )
    money = Capture("capture-9", "Capture", when, Decimal("104.98"), "EUR", "card", "ch_1", "Visa", "0042")
    with pos.service.begin() as connection:
        channel_id = seed.seed_channel(connection, pos.login.context)
        record = load_channel(connection, pos.login.account_id, channel_id)
        report = ingest(connection, record, [PulledOrder(order, (sale, back), (money,))])
    assert (report.new, report.transactions, report.captures) == (1, 2, 1)
    return str(channel_id)


def test_products_absent_nil_and_empty(pos: Pos) -> None:
    created = pos(
        "UpdatePOSProducts",
        Products={
            "POSProduct": [
                {
                    "ItemIntegrationId": " A ",
                    "Name": "Größe <S> & 名",
                    "Price": Decimal("12.5000"),
                    "Cost": Decimal("6.1"),
                    "SalePrice": Decimal("9.99"),
                    "SaleStart": datetime(2026, 12, 1, tzinfo=timezone(timedelta(hours=1))),
                    "Brand": "ACME",
                    "UPC": "123",
                    "Quantity": Decimal("-2"),
                    "WeightUnit": "kg",
                    "SellOnline": False,
                    "Tags": {"Tag": ["x", "y"]},
                    "LocationQuantities": {"LocationQuantity": [{"LocationId": "MAIN", "Quantity": Decimal("4")}]},
                    "Images": {"ProductImage": [{"Url": "https://example.com/a.jpg"}]},
                    "CustomFields": {"CustomField": [{"Name": "n", "Value": ""}]},
                },
                {"ItemIntegrationId": "B", "Name": "B", "Price": Decimal("1")},
            ]
        },
        ReturnAllResults=True,
    )
    assert (created.Success, created.Received, created.Applied, created.Failed) == (True, 2, 2, 0)
    assert [(r.Index, r.Id, r.Action) for r in created.Results.ItemResult] == [(0, "A", "Created"), (1, "B", "Created")]
    row = stored(pos, "A")
    assert (row.price, row.cost, row.sale_price, row.quantity) == (Decimal("12.5"), Decimal("6.1"), Decimal("9.99"), -2)
    assert row.sale_start == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert row.content["Name"] == "Größe <S> & 名"
    again = pos(
        "UpdatePOSProducts",
        Products={"POSProduct": [{"ItemIntegrationId": "A", "Brand": xsd.Nil, "UPC": "", "SalePrice": xsd.Nil}]},
    )
    assert (again.Success, again.Applied) == (True, 1)
    row = stored(pos, "A")
    assert row.content.get("Brand") is None
    assert row.content.get("UPC") in ("", None)
    assert row.sale_price is None
    assert (row.price, row.content["Name"], row.content["Tags"]) == (Decimal("12.5"), "Größe <S> & 名", ["x", "y"])


def test_inventory_and_pricing(pos: Pos) -> None:
    pos(
        "UpdatePOSProducts",
        Products={"POSProduct": [{"ItemIntegrationId": "A", "Name": "A", "Price": 5, "Quantity": 1}]},
    )
    counted = pos(
        "UpdateInventory",
        Items={
            "InventoryItem": [
                {"ItemIntegrationId": "A", "Quantity": Decimal("3.25"), "Version": 7},
                {"ItemIntegrationId": "NOPE", "Quantity": 1},
            ]
        },
    )
    assert (counted.Success, counted.Applied, counted.Failed, counted.ErrorCode) == (False, 1, 1, "ITEM_NOT_FOUND")
    (problem,) = counted.Results.ItemResult
    assert (problem.Index, problem.Id, problem.ErrorCode) == (1, "NOPE", "ITEM_NOT_FOUND")
    priced = pos("UpdatePricing", Items={"PricingItem": [{"ItemIntegrationId": "A", "Price": Decimal("6.75")}]})
    assert (priced.Success, priced.Applied) == (True, 1)
    row = stored(pos, "A")
    assert (row.price, row.quantity) == (Decimal("6.75"), Decimal("3.25"))
    older = pos(
        "UpdateInventory",
        Items={"InventoryItem": [{"ItemIntegrationId": "A", "Quantity": 99, "Version": 6}]},
        ReturnAllResults=True,
    )
    assert [r.Action for r in older.Results.ItemResult] == ["Superseded"]
    assert stored(pos, "A").quantity == Decimal("3.25")


@pytest.mark.parametrize("number", [0, 1, 1000])
def test_arrays_of_any_length(pos: Pos, number: int) -> None:
    items = [{"ItemIntegrationId": f"I-{i}", "Name": f"Item {i}", "Price": Decimal(i)} for i in range(number)]
    answer = pos("UpdatePOSProducts", Products={"POSProduct": items}, ReturnAllResults=True)
    assert (answer.Success, answer.Received, answer.Applied) == (True, number, number)
    assert len(listed(answer.Results)) == number


def test_a_day_of_orders(pos: Pos) -> None:
    pos("UpdatePOSProducts", Products={"POSProduct": [{"ItemIntegrationId": "A", "Name": "A", "Price": 5}]})
    channel = night(pos)
    read = pos("GetNewOrders", MaxRecords=10)
    assert (read.Success, read.MoreAvailable) == (True, False)
    (order,) = read.Orders.Order
    assert (order.OrderId, order.OrderNumber, order.ChannelId, order.Platform) == (
        f"{channel}-1001",
        "1001",
        channel,
        "sandbox",
    )
    assert order.OrderDate == datetime(2026, 11, 1, 8, 15, 30, tzinfo=UTC)
    assert (order.GrandTotal, order.Currency, order.Revision) == (Decimal("104.98"), "EUR", 1)
    assert (order.Customer.WebCustomerId, order.Customer.IsGuest) == ("77", False)
    assert (order.ShippingAddress.City, order.ShippingAddress.Street1) == ("Łódź", "1 <b> & Co")
    first, second = order.Lines.OrderLine
    assert (first.LineId, first.ItemIntegrationId, first.Name) == ("1", "A", "Zoë 名 <b>&\ufffd")
    assert (first.QuantityOrdered, first.LineTotal) == (Decimal(2), Decimal("99.98"))
    assert (first.TaxLines.TaxLine[0].Rate, first.TaxLines.TaxLine[0].Amount) == (None, Decimal("15.9632"))
    assert not second.ItemIntegrationId
    assert any("NOT-KNOWN" in warning for warning in read.Warnings.Warning)
    assert pos("GetNewOrders").Orders.Order[0].OrderId == order.OrderId, "reading changes nothing"

    refused = pos("ConfirmOrders", Confirmations={"Confirmation": [{"Id": order.OrderId, "Success": False}]})
    assert (refused.Success, refused.ErrorCode) == (False, "VALUE_MISSING")
    rejected = pos(
        "ConfirmOrders",
        Confirmations={"Confirmation": [{"Id": order.OrderId, "Success": False, "ErrorMessage": "No such customer"}]},
        ReturnAllResults=True,
    )
    assert [r.Action for r in rejected.Results.ItemResult] == ["Rejected"]
    assert not listed(pos("GetNewOrders").Orders), "it waits for its next offer"
    for action in ("Confirmed", "Duplicate"):
        confirmed = pos(
            "ConfirmOrders",
            Confirmations={
                "Confirmation": [{"Id": order.OrderId, "PosReceiptNumber": "R-1", "PosCustomerId": "C-900"}]
            },
            ReturnAllResults=True,
        )
        assert [(r.Action, r.Success) for r in confirmed.Results.ItemResult] == [(action, True)]

    sale, refund = pos("GetNewTransactions").Transactions.Transaction
    assert (sale.Type, sale.GrandTotal, sale.TrackingNumbers.TrackingNumber) == ("Sale", Decimal("99.98"), ["1Z"])
    assert (refund.Type, refund.AdjustmentAmount) == ("Return", Decimal(5))
    assert not listed(refund.Lines)
    assert sale.Customer.PosCustomerId == "C-900", "the POS's id of the customer comes with every later record"
    done = pos("ConfirmTransactions", Confirmations={"Confirmation": [{"Id": t.TransactionId} for t in (sale, refund)]})
    assert (done.Success, done.Applied) == (True, 2)

    (capture,) = pos("GetNewCaptures", MaxRecords=xsd.SkipValue).Captures.Capture
    assert (capture.Amount, capture.CardType, capture.Last4) == (Decimal("104.98"), "Visa", "0042")
    other = pos(
        "ConfirmCaptures", Confirmations={"Confirmation": [{"Id": "9999-capture-1"}, {"Id": capture.CaptureId}]}
    )
    assert (other.Applied, other.Failed, other.ErrorCode) == (1, 1, "RECORD_NOT_FOUND")

    shipment = {
        "ShipmentId": "S-1",
        "OrderId": order.OrderId,
        "ShipDate": datetime(2026, 11, 25, 9, tzinfo=UTC),
        "Carrier": "UPS",
        "TrackingNumbers": {"TrackingNumber": ["1Z1", "1Z2"]},
        "Lines": {"ShipmentLine": [{"LineId": "2", "Quantity": Decimal("0.5")}]},
    }
    for action in ("Accepted", "Duplicate"):
        saved = pos("SaveShipments", Shipments={"Shipment": [shipment]}, ReturnAllResults=True)
        assert [(r.Id, r.Action, r.ErrorCode) for r in saved.Results.ItemResult] == [("S-1", action, None)]
    empty = pos("SaveShipments", Shipments={"Shipment": [{"ShipmentId": "S-2", "OrderId": order.OrderId}]})
    assert [r.ErrorCode for r in empty.Results.ItemResult] == ["SHIPMENT_EMPTY"]


def test_a_fault_is_typed(pos: Pos) -> None:
    wrong = {**pos.login.credentials, "Password": "wrong"}
    with pytest.raises(Fault) as caught:
        pos("GetNewOrders", credentials=wrong)
    assert "wrong, revoked, or not allowed" in caught.value.message
    detail = caught.value.detail
    (found,) = detail.iter(f"{{{NS}}}CallFault")
    typed = (
        pos.clients["OrderTasks"].get_element(f"{{{NS}}}CallFault").parse(found, pos.clients["OrderTasks"].wsdl.types)
    )
    assert (typed.ErrorCode, bool(typed.CallId)) == ("NOT_AUTHORISED", True)


def test_request_ids(pos: Pos) -> None:
    items = {"InventoryItem": [{"ItemIntegrationId": "NOPE"}]}
    first = pos("UpdateInventory", Items=items, request_id="z-1")
    assert pos("UpdateInventory", Items=items, request_id="z-1").CallId == first.CallId
    with pytest.raises(Fault, match="z-1"):
        pos("UpdateInventory", Items={"InventoryItem": []}, request_id="z-1")


def test_basic_instead_of_the_header(pos: Pos) -> None:
    client = pos.clients["ProductTasks"]
    client.transport.session.auth = pos.login.basic
    answer = client.bind("ProductTasks", f"ProductTasksSoap{pos.suffix}").UpdateInventory(Items={"InventoryItem": []})
    assert answer.Success is True
    assert httpx.get(f"{pos.service.url}/ProductTasks?wsdl").status_code == 200
