"""The reference shop through files: what the shop's side of the exchange does, once or in a loop.

`in/` is carried out in the order of the numbers and acknowledged row by row; changed orders go to `out/`, complete,
with their transactions and captures in files of the same number; `export` writes what the shop sells.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from integrator.connectors.hipcommerce.files.exchange import ACK, Named, Side, Unreadable, ack_row
from integrator.connectors.hipcommerce.files.transport import Transport
from integrator.connectors.hipcommerce.reference.document import Document
from integrator.connectors.hipcommerce.reference.server import Reference

Json = dict[str, Any]

SCHEMAS = {"products": "Product", "inventory": "Inventory", "prices": "Price", "shipments": "Shipment"}


class FileShop:
    def __init__(self, reference: Reference, transport: Transport, form: str = "csv") -> None:
        self.reference, self.document = reference, reference.document
        self.side = Side(transport, shop=True)
        self.form = form
        self.written: dict[str, str] = {}  # order id -> its time of change when it was written
        self.refused: list[Json] = []  # rows that Integrator could not take
        self.work: dict[str, Callable[[Json], list[Json]]] = {
            "products": reference.catalogue.put_product,
            "inventory": lambda row: [reference.catalogue.put_inventory(row)],
            "prices": lambda row: [reference.catalogue.put_price(row)],
            "shipments": lambda row: [reference.orders.put_shipment(row)],
        }

    def run(self) -> None:
        """Everything that is there now, once."""
        self.take_in()
        self.write_orders()

    def take_in(self) -> None:
        for file in self.side.acknowledgements():
            rows = self.side.acknowledged(file)
            self.refused += [row for row in rows if not str(row.get("status")).startswith("2")]
            self.side.put_away(file.name + ACK)
        for file in self.side.waiting():
            try:
                if file.kind not in SCHEMAS:
                    raise Unreadable(f"{file.kind} do not go into the shop")
                records = self.side.read(file)
            except Unreadable as error:
                self.side.fail(file, str(error))
                continue
            self.side.finish(file, [row for number, one in records for row in self._carry_out(file, number, one)])

    def _carry_out(self, file: Named, number: int, record: Json) -> list[Json]:
        schema = SCHEMAS[file.kind]
        try:
            given = typed(record, {"$ref": f"#/components/schemas/{schema}"}, self.document)
        except ValueError as error:
            return [ack_row(number, _key(file, record), 422, "request_invalid", str(error))]
        errors = self.document.errors(f"#/components/schemas/{schema}", given)
        if errors:
            said = "; ".join(f"{one['pointer']} {one['message']}" for one in errors[:3])
            keys = [one.get("item_integration_id") for one in given.get("children") or ()] or [_key(file, given)]
            return [ack_row(number, str(key or ""), 422, "request_invalid", said) for key in keys]
        found = self.work[file.kind](given)
        rows = []
        for place, one in enumerate(found):
            key = f"{given['order_id']}/{one['key']}" if file.kind == "shipments" else one["key"]
            code, message = one["code"], one["message"]
            if one.get("warning"):
                code, message = "not_captured", one["warning"]
            rows.append(ack_row(number + (place if file.form == "csv" else 0), key, one["status"], code, message))
        return rows

    def write_orders(self) -> None:
        orders = self.reference.orders
        changed = [one for one in orders.rows("orders") if self.written.get(one["order_id"]) != one["updated_at"]]
        if not changed:
            return
        number = self.side.next_number()
        ids = [one["order_id"] for one in changed]
        for kind in ("transactions", "captures"):
            rows = orders.rows(kind, ids)
            if rows:
                self.side.place(kind, rows, self.form, number=number)
        self.side.place("orders", changed, self.form, number=number)  # last: it says that all three are there
        self.written |= {one["order_id"]: one["updated_at"] for one in changed}

    def export(self) -> None:
        """What the shop sells, so that it can be matched and compared."""
        self.side.place("listings", self.reference.catalogue.listings(), self.form)


def _key(file: Named, record: Mapping[str, Any]) -> str:
    if file.kind == "shipments":
        return f"{record.get('order_id')}/{record.get('shipment_id')}"
    return str(record.get("item_integration_id") or record.get("style_id") or "")


def typed(value: Any, schema: Json, document: Document) -> Any:
    """Text as the type that the schema says. Raises ValueError."""
    schema = document.resolve(schema)
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if value is None:
        return None if "null" in types else [] if "array" in types else ""
    if "array" in types:
        rows = json.loads(value) if isinstance(value, str) and value.strip() else value or []
        return [typed(one, schema.get("items", {}), document) for one in rows]
    if isinstance(value, dict):
        known = dict(schema.get("properties", {}))
        for part in schema.get("allOf", ()):
            known |= document.resolve(part).get("properties", {})
        return {name: typed(one, known[name], document) if known.get(name) else one for name, one in value.items()}
    if "boolean" in types and value in ("true", "false"):
        return value == "true"
    if "integer" in types and isinstance(value, str) and value.isdigit():
        return int(value)
    return value
