"""A day of a POS with zeep: all ten operations of the Integration API.

pip install zeep
python pos.py https://api.example.com STORE USER PASSWORD [1.1|1.2]
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import zeep
import zeep.exceptions
from zeep import xsd


def say(topic: str, **values: object) -> None:
    print(topic, *(f"{key}={value}" for key, value in values.items()), sep="\t")


class Service:
    """A proxy with the credentials in every call: SOAP header entries, by the names of the WSDL."""

    def __init__(self, base: str, name: str, store: str, user: str, password: str, version: str) -> None:
        client = zeep.Client(f"{base}/{name}?wsdl")
        self.proxy = client.bind(name, f"{name}Soap12" if version == "1.2" else f"{name}Soap")
        self.credentials = {"StoreId": store, "UserName": user, "Password": password}

    def call(self, operation: str, request_id: str | None = None, **arguments: object):
        headers = {"Credentials": self.credentials}
        if request_id:
            headers["RequestId"] = request_id
        return getattr(self.proxy, operation)(_soapheaders=headers, **arguments)


def items(array, name: str) -> list:
    """An array that is absent or has no elements is None in zeep."""
    return (getattr(array, name) or []) if array is not None else []


def report(topic: str, result) -> None:
    """The totals of a call, and each item that it did not take: correct those and send them again."""
    say(topic, Received=result.Received, Applied=result.Applied, Unchanged=result.Unchanged, Failed=result.Failed)
    for one in items(result.Results, "ItemResult"):
        if not one.Success:
            say("problem", Call=topic, Index=one.Index, Id=one.Id, Code=one.ErrorCode, Field=one.ErrorField)
            print(one.ErrorMessage, one.ErrorHint, file=sys.stderr)


def push_products(service: Service) -> None:
    shirt = {
        "ItemIntegrationId": "SHIRT-S",
        "StyleId": "SHIRT",
        "StyleName": "Chemise d'été",
        "Options": {"ProductOption": [{"Name": "Größe", "Value": "S"}]},
        "Name": "Chemise d'été – Größe S 👕",
        "LongDescription": "<p>Coton & lin, 100 % naturel</p>",
        "Brand": "Müller & Söhne",
        "Department": "Été",
        "Tags": {"Tag": ["summer", "夏"]},
        "Price": Decimal("49.90"),
        "Cost": Decimal("17.1234"),
        "Quantity": Decimal("12.25"),
        "Weight": Decimal("0.3505"),
        "WeightUnit": "kg",
        "SellOnline": True,
    }
    medium = {
        "ItemIntegrationId": "SHIRT-M",
        "StyleId": "SHIRT",
        "Options": {"ProductOption": [{"Name": "Größe", "Value": "M"}]},
        "Name": "Chemise d'été – Größe M",
        "Price": Decimal("49.90"),
    }
    without_price = {"ItemIntegrationId": "BAD-1", "Name": "No price"}
    arguments = {"Products": {"POSProduct": [shirt, medium, without_price]}}
    report("products", service.call("UpdatePOSProducts", **arguments))
    report("products-none", service.call("UpdatePOSProducts", Products={"POSProduct": []}))

    many = [
        {"ItemIntegrationId": f"BULK-{n:04}", "Name": f"Bulk {n}", "Price": Decimal(n) / 100} for n in range(1, 1001)
    ]
    report("products-many", service.call("UpdatePOSProducts", Products={"POSProduct": many}))

    # Absent (Department): unchanged. Empty (Brand): an empty text. xsd.Nil (Cost): cleared.
    change = {"ItemIntegrationId": "SHIRT-S", "Brand": "", "Cost": xsd.Nil}
    report("products-again", service.call("UpdatePOSProducts", Products={"POSProduct": [change]}))


def push_inventory(service: Service) -> None:
    per_location = [{"LocationId": "MAIN", "Quantity": Decimal("5.25")}, {"LocationId": "SHOP", "Quantity": -1}]
    stock = [
        {"ItemIntegrationId": "SHIRT-S", "LocationQuantities": {"LocationQuantity": per_location}},
        {"ItemIntegrationId": "SHIRT-M", "Quantity": 0},
        {"ItemIntegrationId": "UNKNOWN", "Quantity": 1},
    ]
    report("inventory", service.call("UpdateInventory", Items={"InventoryItem": stock}))
    report("inventory-none", service.call("UpdateInventory", Items={"InventoryItem": []}))
    many = [{"ItemIntegrationId": f"BULK-{n:04}", "Quantity": n + Decimal("0.125")} for n in range(1, 1001)]
    report("inventory-many", service.call("UpdateInventory", Items={"InventoryItem": many}))


def push_prices(service: Service) -> None:
    sale = {
        "ItemIntegrationId": "SHIRT-S",
        "Price": Decimal("44.9"),
        "SalePrice": Decimal("39.5050"),
        "SaleStart": datetime(2030, 6, 1, 6, 30, tzinfo=UTC),
        "SaleEnd": datetime(2030, 6, 30, 21, 59, 59, tzinfo=UTC),
    }
    # A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
    # and the stored answer comes back (the same CallId), nothing is applied twice.
    request_id = str(uuid.uuid4())
    first = service.call("UpdatePricing", request_id, Items={"PricingItem": [sale]})
    report("pricing", first)
    again = service.call("UpdatePricing", request_id, Items={"PricingItem": [sale]})
    say("repeat", SameCall=str(first.CallId == again.CallId).lower())
    report("pricing-none", service.call("UpdatePricing", Items={"PricingItem": []}))
    many = [{"ItemIntegrationId": f"BULK-{n:04}", "Price": n + Decimal("0.99")} for n in range(1, 1001)]
    report("pricing-many", service.call("UpdatePricing", Items={"PricingItem": many}))


def take_orders(service: Service) -> str:
    """GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again."""
    received = calls = 0
    first = ""
    while True:
        answer = service.call("GetNewOrders")
        orders = items(answer.Orders, "Order")
        if not orders:
            break
        calls += 1
        confirmations = []
        for order in orders:
            lines = items(order.Lines, "OrderLine")
            if not first:
                first = order.OrderId
                say(
                    "order",
                    OrderId=order.OrderId,
                    OrderNumber=order.OrderNumber,
                    OrderDate=order.OrderDate.isoformat(),
                    FirstName=order.Customer.FirstName,
                    City=order.ShippingAddress.City,
                    GrandTotal=order.GrandTotal,
                    Lines=len(lines),
                )
                for line in lines:
                    say(
                        "line",
                        LineId=line.LineId,
                        Item=line.ItemIntegrationId,
                        Name=line.Name,
                        Quantity=line.QuantityOrdered,
                        UnitPrice=line.UnitPrice,
                    )
            # Store the order here, under its OrderId, before it is confirmed.
            if all(line.ItemIntegrationId for line in lines):
                confirmations.append(
                    {"Id": order.OrderId, "PosReceiptNumber": f"R-{order.OrderNumber}", "PosCustomerId": "C-4711"}
                )
            else:
                confirmations.append(
                    {"Id": order.OrderId, "Success": False, "ErrorMessage": "Unbekannter Artikel: Größe?"}
                )
        received += len(orders)
        result = service.call("ConfirmOrders", Confirmations={"Confirmation": confirmations})
        report("orders-confirmed", result)
        if not answer.MoreAvailable:
            break
    say("orders", Received=received, Calls=calls)
    left = service.call("GetNewOrders", MaxRecords=10)
    say("orders-left", Received=len(items(left.Orders, "Order")))
    # Confirming again does no harm.
    again = service.call("ConfirmOrders", Confirmations={"Confirmation": [{"Id": first}]}, ReturnAllResults=True)
    say("orders-again", Action=items(again.Results, "ItemResult")[0].Action)
    return first


def take_transactions(service: Service) -> None:
    answer = service.call("GetNewTransactions", MaxRecords=100)
    confirmations = []
    for one in items(answer.Transactions, "Transaction"):
        say(
            "transaction",
            TransactionId=one.TransactionId,
            Type=one.Type,
            TransactionDate=one.TransactionDate.isoformat(),
            GrandTotal=one.GrandTotal,
            Lines=len(items(one.Lines, "TransactionLine")),
        )
        confirmations.append({"Id": one.TransactionId, "PosReceiptNumber": f"T-{one.TransactionNumber}"})
    confirmed = service.call("ConfirmTransactions", Confirmations={"Confirmation": confirmations})
    report("transactions-confirmed", confirmed)


def take_captures(service: Service) -> None:
    answer = service.call("GetNewCaptures", MaxRecords=100)
    confirmations = []
    for one in items(answer.Captures, "Capture"):
        say(
            "capture",
            CaptureId=one.CaptureId,
            Type=one.Type,
            CaptureDate=one.CaptureDate.isoformat(),
            Amount=one.Amount,
            Last4=one.Last4,
        )
        confirmations.append({"Id": one.CaptureId})
    confirmations.append({"Id": "NO-SUCH-ID"})
    report("captures-confirmed", service.call("ConfirmCaptures", Confirmations={"Confirmation": confirmations}))


def ship(service: Service, order_id: str) -> None:
    shipment = {
        "ShipmentId": "S-1",
        "OrderId": order_id,
        "ShipDate": datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
        "Carrier": "Österreichische Post",
        "TrackingNumbers": {"TrackingNumber": ["1Z-1", "1Z-2"]},
        "Lines": {"ShipmentLine": [{"LineId": "1", "Quantity": 1}]},
    }
    report("shipment", service.call("SaveShipments", Shipments={"Shipment": [shipment]}))
    # The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
    empty = {"ShipmentId": "S-2", "OrderId": order_id}
    report("shipment-again", service.call("SaveShipments", Shipments={"Shipment": [shipment, empty]}))


def main() -> None:
    base, store, user, password = sys.argv[1:5]
    version = sys.argv[5] if len(sys.argv) > 5 else "1.1"
    products = Service(base, "ProductTasks", store, user, password, version)
    orders = Service(base, "OrderTasks", store, user, password, version)
    push_products(products)
    push_inventory(products)
    push_prices(products)
    order_id = take_orders(orders)
    take_transactions(orders)
    take_captures(orders)
    ship(orders, order_id)

    # What concerns the whole call is a Fault. Client: do not send it again unchanged. Server: send it again later.
    wrong = Service(base, "OrderTasks", store, user, "wrong", version)
    try:
        wrong.call("GetNewOrders")
    except zeep.exceptions.Fault as fault:
        say("fault", Code=fault.code, Message=fault.message)


if __name__ == "__main__":
    main()
