"""A point of sale as small as it can be: the ten operations through zeep, and a memory of what it booked.

This is the part that a vendor would write. Arrays are passed as plain lists; `_wrapped` puts them into the
element that the WSDL names (ArrayOfPOSProduct/POSProduct), which zeep leaves to the caller.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import zeep
from zeep.xsd.types.complex import ComplexType

NAMESPACE = "urn:integrator:v1"


@dataclass
class Pos:
    url: str
    store_id: str
    user_name: str
    password: str
    receipts: dict[str, str] = field(default_factory=dict)  # record id -> our receipt number

    def __post_init__(self) -> None:
        self.products = zeep.Client(f"{self.url}/ProductTasks?wsdl")
        self.orders = zeep.Client(f"{self.url}/OrderTasks?wsdl")

    # -- calling

    def _header(self, client: zeep.Client) -> list[Any]:
        credentials = client.get_element(f"{{{NAMESPACE}}}Credentials")
        return [credentials(StoreId=self.store_id, UserName=self.user_name, Password=self.password)]

    def _call(self, client: zeep.Client, operation: str, **arguments: Any) -> Any:
        element = client.get_element(f"{{{NAMESPACE}}}{operation}")
        values = {
            name: self._wrapped(kind.type, arguments[name]) for name, kind in element.type.elements if name in arguments
        }
        return getattr(client.service, operation)(**values, _soapheaders=self._header(client))

    def _wrapped(self, kind: Any, value: Any) -> Any:
        """Plain lists and dicts in the shape of the schema type."""
        if not isinstance(kind, ComplexType) or value is None:
            return value
        elements = dict(kind.elements)
        if isinstance(value, list | tuple):
            ((name, inner),) = elements.items()
            return {name: [self._wrapped(inner.type, one) for one in value]}
        return {name: self._wrapped(elements[name].type, one) for name, one in value.items()}

    # -- ProductTasks

    def update_products(self, products: Sequence[dict[str, Any]]) -> Any:
        return self._call(self.products, "UpdatePOSProducts", Products=products)

    def update_inventory(self, items: Sequence[dict[str, Any]]) -> Any:
        return self._call(self.products, "UpdateInventory", Items=items)

    def update_pricing(self, items: Sequence[dict[str, Any]]) -> Any:
        return self._call(self.products, "UpdatePricing", Items=items)

    # -- OrderTasks

    def new(self, kind: str, most: int = 100) -> Iterator[Any]:
        """`kind`: Orders, Transactions or Captures. What is new, one answer's worth."""
        answer = self._call(self.orders, f"GetNew{kind}", MaxRecords=most)
        records = answer[kind]
        yield from (getattr(records, kind.removesuffix("s")) or []) if records is not None else []

    def confirm(self, kind: str, confirmations: Sequence[dict[str, Any]]) -> Any:
        return self._call(self.orders, f"Confirm{kind}", Confirmations=confirmations)

    def save_shipments(self, shipments: Sequence[dict[str, Any]]) -> Any:
        return self._call(self.orders, "SaveShipments", Shipments=shipments)

    # -- the POS's own books

    def book(self, record_id: str) -> str:
        """Our receipt for a record; the same one if it was booked before, which is how repeats do no harm."""
        return self.receipts.setdefault(record_id, f"R{len(self.receipts) + 1:05}")
