"""Sample messages of every operation, made from the types, for the help page and whoever wants to try."""

from __future__ import annotations

from typing import Any
from xml.sax.saxutils import escape

from integrator.contract.faults import SOAP_11, SoapVersion
from integrator.contract.fields import NAMESPACE, Member, array_item, is_array, is_model, members
from integrator.contract.wsdl import OperationInfo

XSI = "http://www.w3.org/2001/XMLSchema-instance"

# What a field of this name, or of this name in this type, shows.
VALUES: dict[str, str] = {
    "ItemIntegrationId": "TS-100-RED-M",
    "StyleId": "TS-100",
    "StyleName": "T-shirt",
    "Name": "T-shirt, red, M",
    "ShortDescription": "<p>Soft cotton.</p>",
    "LongDescription": "<p>Soft cotton, <b>made to last</b>.</p>",
    "AdditionalDescription": "<p>Wash at 30 °C.</p>",
    "Brand": "Example",
    "Department": "Clothing",
    "Category": "Clothing/Shirts",
    "Tag": "summer",
    "UPC": "4006381333931",
    "SupplierSku": "EX-4711",
    "ManufacturerPartNumber": "TS100RM",
    "Price": "24.90",
    "Msrp": "29.90",
    "Cost": "9.50",
    "SalePrice": "19.90",
    "SaleStart": "2026-12-01T00:00:00Z",
    "SaleEnd": "2026-12-24T00:00:00Z",
    "Quantity": "5",
    "LocationId": "MAIN",
    "Weight": "0.2",
    "WeightUnit": "kg",
    "Length": "30",
    "Width": "20",
    "Height": "2",
    "DimensionUnit": "cm",
    "Taxable": "true",
    "TaxCode": "standard",
    "SellOnline": "true",
    "Url": "https://images.example.com/ts-100-red.jpg",
    "Position": "1",
    "AltText": "Red T-shirt",
    "Version": "17",
    "LastModified": "2026-11-24T05:30:00Z",
    "TierCode": "wholesale",
    "MinimumQuantity": "10",
    "ReturnAllResults": "false",
    "MaxRecords": "100",
    "StoreId": "YOUR-STORE",
    "UserName": "pos",
    "Password": "int_...",
    "CallId": "3f0c2c1e-7a55-4e0e-9d6b-0b8f8a1c2d3e",
    "Success": "true",
    "Received": "1",
    "Applied": "1",
    "Unchanged": "0",
    "Failed": "0",
    "Index": "0",
    "Id": "5-1001",
    "Action": "Updated",
    "MoreAvailable": "false",
    "OrderId": "5-1001",
    "OrderNumber": "1001",
    "ChannelId": "5",
    "Platform": "sandbox",
    "OrderDate": "2026-11-24T05:30:00Z",
    "Status": "processing",
    "PaymentStatus": "Paid",
    "Revision": "1",
    "WebCustomerId": "77",
    "PosCustomerId": "C-900",
    "IsGuest": "false",
    "Email": "ada@example.com",
    "FirstName": "Ada",
    "LastName": "Lovelace",
    "Company": "",
    "Phone": "+1 555 0100",
    "Street1": "1 Main Street",
    "Street2": "",
    "City": "Springfield",
    "StateCode": "IL",
    "State": "Illinois",
    "PostalCode": "62701",
    "CountryCode": "US",
    "LineId": "1",
    "Sku": "TS-100-RED-M",
    "LineType": "Item",
    "QuantityOrdered": "2",
    "QuantityCancelled": "0",
    "QuantityShipped": "0",
    "QuantityReturned": "0",
    "UnitPrice": "24.90",
    "DiscountAmount": "0",
    "TaxAmount": "4.11",
    "LineTotal": "49.80",
    "Rate": "8.25",
    "Amount": "53.91",
    "Currency": "USD",
    "Subtotal": "49.80",
    "ShippingAmount": "0",
    "GiftCardAmount": "0",
    "RoundingAmount": "0",
    "AdjustmentAmount": "0",
    "GrandTotal": "53.91",
    "PricesIncludeTax": "false",
    "CustomerNote": "",
    "Method": "card",
    "Kind": "Capture",
    "Reference": "ch_123",
    "CardType": "Visa",
    "Last4": "4242",
    "TransactionId": "5-shipment-31",
    "TransactionNumber": "31",
    "TransactionDate": "2026-11-25T09:00:00Z",
    "Restocked": "false",
    "ShippingMethod": "Ground",
    "TrackingNumber": "1Z999AA10123456784",
    "CaptureId": "5-capture-9",
    "CaptureDate": "2026-11-25T09:00:00Z",
    "PaymentMethod": "card",
    "PaymentReference": "ch_123",
    "PosReceiptNumber": "R-2026-118",
    "ShipmentId": "SHP-1",
    "ShipDate": "2026-11-25T09:00:00Z",
    "Carrier": "UPS",
    "ShipMethod": "Ground",
    "TrackingUrl": "https://www.example.com/track/1Z999AA10123456784",
    "NotifyCustomer": "true",
    "ProductOption.Name": "Colour",
    "ProductOption.Value": "Red",
    "CustomField.Name": "Season",
    "CustomField.Value": "Summer",
    "TaxLine.Name": "IL sales tax",
    "TaxLine.Amount": "4.11",
    "OrderLine.Name": "T-shirt, red, M",
    "Transaction.Type": "Sale",
    "Capture.Type": "Capture",
    "ShippingLine.Method": "Standard",
    "ShippingLine.Code": "flat_rate",
    "ShippingLine.Amount": "0",
    "ShippingLine.TaxAmount": "0",
}
# Left out of samples, because they show only in failures or would not go together with the rest.
LEFT_OUT = frozenset(
    {
        "ErrorCode", "ErrorField", "ErrorMessage", "ErrorHint", "Warnings", "DiscountLines", "FeeLines", "GiftCards",
        "ShipmentLine.ItemIntegrationId", "Shipment.OrderNumber", "Confirmation.Revision", "Order.CustomFields",
    }
)  # fmt: skip
_FALLBACK = {
    "string": "",
    "decimal": "0",
    "boolean": "false",
    "dateTime": "2026-11-24T05:30:00Z",
    "int": "0",
    "long": "0",
}


def _element(member: Member, parent: str, indent: str, out: list[str]) -> None:
    name, declared = member.name, member.type
    if name in LEFT_OUT or f"{parent}.{name}" in LEFT_OUT:
        return
    if is_array(declared):
        item_name, item = array_item(declared)
        out.append(f"{indent}<{name}>")
        if is_model(item):
            _model(item_name, item, indent + "  ", out)
        else:
            out.append(f"{indent}  <{item_name}>{escape(VALUES.get(item_name, ''))}</{item_name}>")
        out.append(f"{indent}</{name}>")
    elif is_model(declared):
        _model(name, declared, indent, out)
    else:
        kind = declared.get_type_name()
        value = VALUES.get(f"{parent}.{name}", VALUES.get(name, _FALLBACK.get(kind, "")))
        out.append(f"{indent}<{name}>{escape(value)}</{name}>" if value else f"{indent}<{name}/>")


def _model(name: str, model: Any, indent: str, out: list[str]) -> None:
    out.append(f"{indent}<{name}>")
    for member in members(model):
        _element(member, model.get_type_name(), indent + "  ", out)
    out.append(f"{indent}</{name}>")


def _envelope(version: SoapVersion, header: list[str], body: list[str]) -> str:
    prefix = "soap" if version is SOAP_11 else "soap12"
    lines = ['<?xml version="1.0" encoding="utf-8"?>', f'<{prefix}:Envelope xmlns:{prefix}="{version.envelope}">']
    if header:
        lines += [f"  <{prefix}:Header>", *header, f"  </{prefix}:Header>"]
    lines += [f"  <{prefix}:Body>", *body, f"  </{prefix}:Body>", f"</{prefix}:Envelope>"]
    return "\n".join(lines) + "\n"


def _message(model: Any) -> list[str]:
    out: list[str] = []
    _model(model.get_type_name(), model, "    ", out)
    out[0] = f'    <{model.get_type_name()} xmlns="{NAMESPACE}">'
    return out


def sample_request(operation: OperationInfo, version: SoapVersion) -> str:
    """A whole envelope; its values can be sent as they are, but for the credentials."""
    header = [
        f'    <Credentials xmlns="{NAMESPACE}">',
        *(f"      <{name}>{VALUES[name]}</{name}>" for name in ("StoreId", "UserName", "Password")),
        "    </Credentials>",
    ]
    return _envelope(version, header, _message(operation.request))


def sample_answer(operation: OperationInfo, version: SoapVersion) -> str:
    return _envelope(version, [], _message(operation.response))
