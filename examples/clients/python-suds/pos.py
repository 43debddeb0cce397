"""A day of a POS with suds: all ten operations of the Integration API (suds speaks SOAP 1.1).

pip install suds
python pos.py https://api.example.com STORE USER PASSWORD
"""

from __future__ import annotations

import sys
import uuid
from datetime import UTC, datetime
from decimal import Decimal

from suds import WebFault, null
from suds.client import Client
from suds.sudsobject import Object


def say(topic: str, **values: object) -> None:
    print(topic, *(f"{key}={value}" for key, value in values.items()), sep="\t")


class Service:
    """A proxy with the credentials in every call, as a SOAP header entry."""

    def __init__(self, base: str, name: str, store: str, user: str, password: str) -> None:
        self.client = Client(f"{base}/{name}?wsdl", port=f"{name}Soap", cache=None)
        self.credentials = self.make("Credentials", StoreId=store, UserName=user, Password=password)

    def make(self, type_name: str, **members: object) -> Object:
        """An object of a type of the WSDL; members that are not set stay absent from the message."""
        made = self.client.factory.create(f"{{urn:integrator:v1}}{type_name}")
        for name, value in members.items():
            setattr(made, name, value)
        return made

    def array(self, type_name: str, members: list) -> Object:
        return self.make(f"ArrayOf{type_name}", **{type_name: members})

    def call(self, operation: str, request_id: str = "", **arguments: object) -> Object:
        headers = {"Credentials": self.credentials}
        if request_id:
            headers["RequestId"] = request_id
        self.client.set_options(soapheaders=headers)
        return getattr(self.client.service, operation)(**arguments)


def items(holder: Object, array: str, name: str) -> list:
    """An array that is absent or empty has no attribute, or an empty text, in suds."""
    return list(getattr(getattr(holder, array, None) or object(), name, None) or [])


def report(topic: str, result: Object) -> None:
    """The totals of a call, and each item that it did not take: correct those and send them again."""
    say(topic, Received=result.Received, Applied=result.Applied, Unchanged=result.Unchanged, Failed=result.Failed)
    for one in items(result, "Results", "ItemResult"):
        if not one.Success:
            field = getattr(one, "ErrorField", None)
            say("problem", Call=topic, Index=one.Index, Id=one.Id, Code=one.ErrorCode, Field=field)
            print(one.ErrorMessage, getattr(one, "ErrorHint", ""), file=sys.stderr)


def push_products(service: Service) -> None:
    def size(value: str) -> Object:
        return service.array("ProductOption", [service.make("ProductOption", Name="Größe", Value=value)])

    def product(**members: object) -> Object:
        return service.make("POSProduct", **members)

    def push(*products: Object) -> Object:
        return service.call("UpdatePOSProducts", Products=service.array("POSProduct", list(products)))

    shirt = product(
        ItemIntegrationId="SHIRT-S",
        StyleId="SHIRT",
        StyleName="Chemise d'été",
        Options=size("S"),
        Name="Chemise d'été – Größe S 👕",
        LongDescription="<p>Coton & lin, 100 % naturel</p>",
        Brand="Müller & Söhne",
        Department="Été",
        Tags=service.make("ArrayOfTag", Tag=["summer", "夏"]),
        Price=Decimal("49.90"),
        Cost=Decimal("17.1234"),
        Quantity=Decimal("12.25"),
        Weight=Decimal("0.3505"),
        WeightUnit="kg",
        SellOnline=True,
    )
    medium = product(
        ItemIntegrationId="SHIRT-M",
        StyleId="SHIRT",
        Options=size("M"),
        Name="Chemise d'été – Größe M",
        Price=Decimal("49.90"),
    )
    report("products", push(shirt, medium, product(ItemIntegrationId="BAD-1", Name="No price")))
    report("products-none", push())
    many = [product(ItemIntegrationId=f"BULK-{n:04}", Name=f"Bulk {n}", Price=Decimal(n) / 100) for n in range(1, 1001)]
    report("products-many", push(*many))

    # Absent (Department): unchanged. Empty (Brand): an empty text. null() (Cost): xsi:nil, cleared.
    report("products-again", push(product(ItemIntegrationId="SHIRT-S", Brand="", Cost=null())))


def push_inventory(service: Service) -> None:
    def item(item_id: str, **members: object) -> Object:
        return service.make("InventoryItem", ItemIntegrationId=item_id, **members)

    def push(*stock: Object) -> Object:
        return service.call("UpdateInventory", Items=service.array("InventoryItem", list(stock)))

    per_location = service.array(
        "LocationQuantity",
        [
            service.make("LocationQuantity", LocationId="MAIN", Quantity=Decimal("5.25")),
            service.make("LocationQuantity", LocationId="SHOP", Quantity=-1),
        ],
    )
    stock = [
        item("SHIRT-S", LocationQuantities=per_location),
        item("SHIRT-M", Quantity=0),
        item("UNKNOWN", Quantity=1),
    ]
    report("inventory", push(*stock))
    report("inventory-none", push())
    many = [item(f"BULK-{n:04}", Quantity=n + Decimal("0.125")) for n in range(1, 1001)]
    report("inventory-many", push(*many))


def push_prices(service: Service) -> None:
    def item(item_id: str, **members: object) -> Object:
        return service.make("PricingItem", ItemIntegrationId=item_id, **members)

    def push(*prices: Object, request_id: str = "") -> Object:
        return service.call("UpdatePricing", request_id, Items=service.array("PricingItem", list(prices)))

    sale = item(
        "SHIRT-S",
        Price=Decimal("44.9"),
        SalePrice=Decimal("39.5050"),
        SaleStart=datetime(2030, 6, 1, 6, 30, tzinfo=UTC),
        SaleEnd=datetime(2030, 6, 30, 21, 59, 59, tzinfo=UTC),
    )
    # A RequestId makes a call safe to repeat: after a time-out send the same id and the same content again,
    # and the stored answer comes back (the same CallId), nothing is applied twice.
    request_id = str(uuid.uuid4())
    first = push(sale, request_id=request_id)
    report("pricing", first)
    again = push(sale, request_id=request_id)
    say("repeat", SameCall=str(first.CallId == again.CallId).lower())
    report("pricing-none", push())
    report("pricing-many", push(*[item(f"BULK-{n:04}", Price=n + Decimal("0.99")) for n in range(1, 1001)]))


def confirm(service: Service, operation: str, confirmations: list[dict], **more: object) -> Object:
    made = [service.make("Confirmation", **one) for one in confirmations]
    return service.call(operation, Confirmations=service.array("Confirmation", made), **more)


def take_orders(service: Service) -> str:
    """GetNew, store, Confirm, until nothing is left. Reading changes nothing: what is not confirmed comes again."""
    received = calls = 0
    first = ""
    while True:
        answer = service.call("GetNewOrders")
        orders = items(answer, "Orders", "Order")
        if not orders:
            break
        calls += 1
        confirmations = []
        for order in orders:
            lines = items(order, "Lines", "OrderLine")
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
        report("orders-confirmed", confirm(service, "ConfirmOrders", confirmations))
        if not answer.MoreAvailable:
            break
    say("orders", Received=received, Calls=calls)
    left = service.call("GetNewOrders", MaxRecords=10)
    say("orders-left", Received=len(items(left, "Orders", "Order")))
    # Confirming again does no harm.
    again = confirm(service, "ConfirmOrders", [{"Id": first}], ReturnAllResults=True)
    say("orders-again", Action=items(again, "Results", "ItemResult")[0].Action)
    return first


def take_transactions(service: Service) -> None:
    answer = service.call("GetNewTransactions", MaxRecords=100)
    confirmations = []
    for one in items(answer, "Transactions", "Transaction"):
        say(
            "transaction",
            TransactionId=one.TransactionId,
            Type=one.Type,
            TransactionDate=one.TransactionDate.isoformat(),
            GrandTotal=one.GrandTotal,
            Lines=len(items(one, "Lines", "TransactionLine")),
        )
        confirmations.append({"Id": one.TransactionId, "PosReceiptNumber": f"T-{one.TransactionNumber}"})
    report("transactions-confirmed", confirm(service, "ConfirmTransactions", confirmations))


def take_captures(service: Service) -> None:
    answer = service.call("GetNewCaptures", MaxRecords=100)
    confirmations = []
    for one in items(answer, "Captures", "Capture"):
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
    report("captures-confirmed", confirm(service, "ConfirmCaptures", confirmations))


def ship(service: Service, order_id: str) -> None:
    line = service.make("ShipmentLine", LineId="1", Quantity=1)
    shipment = service.make(
        "Shipment",
        ShipmentId="S-1",
        OrderId=order_id,
        ShipDate=datetime(2026, 11, 24, 9, 30, tzinfo=UTC),
        Carrier="Österreichische Post",
        TrackingNumbers=service.make("ArrayOfTrackingNumber", TrackingNumber=["1Z-1", "1Z-2"]),
        Lines=service.array("ShipmentLine", [line]),
    )
    report("shipment", service.call("SaveShipments", Shipments=service.array("Shipment", [shipment])))
    # The same shipment again is a Duplicate; one without lines is refused; the good one counts all the same.
    empty = service.make("Shipment", ShipmentId="S-2", OrderId=order_id)
    report("shipment-again", service.call("SaveShipments", Shipments=service.array("Shipment", [shipment, empty])))


def main() -> None:
    base, store, user, password = sys.argv[1:5]
    products = Service(base, "ProductTasks", store, user, password)
    orders = Service(base, "OrderTasks", store, user, password)
    push_products(products)
    push_inventory(products)
    push_prices(products)
    order_id = take_orders(orders)
    take_transactions(orders)
    take_captures(orders)
    ship(orders, order_id)

    # What concerns the whole call is a Fault. Client: do not send it again unchanged. Server: send it again later.
    wrong = Service(base, "OrderTasks", store, user, "wrong")
    try:
        wrong.call("GetNewOrders")
    except WebFault as fault:
        say("fault", Code=fault.fault.faultcode, Message=fault.fault.faultstring)


if __name__ == "__main__":
    main()
