"""What the ten operations do: hand rows to the domain, turn what comes back into the values of the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from integrator.codes import ItemResult
from integrator.contract.calls import Call
from integrator.contract.faults import invalid
from integrator.contract.writers import call_result
from integrator.rows import Row

Kind = Literal["order", "transaction", "capture"]


def _answer(call: Call, results: Sequence[ItemResult], return_all: bool | None, lanes: Sequence[str]) -> dict[str, Any]:
    call.results = results
    if any(one.problem is None for one in results):
        call.lanes = lanes
    return call_result(results, str(call.id), call.reading.warnings(), return_all=bool(return_all))


def update_products(call: Call, rows: list[Row], return_all: bool | None) -> dict[str, Any]:
    from integrator.catalogue.intake import update_products

    results = update_products(call.connection, call.store, rows, call.id)
    return _answer(call, results, return_all, ("stock", "price", "content"))


def update_inventory(call: Call, rows: list[Row], return_all: bool | None) -> dict[str, Any]:
    from integrator.catalogue.intake import update_inventory

    return _answer(call, update_inventory(call.connection, call.store, rows, call.id), return_all, ("stock",))


def update_pricing(call: Call, rows: list[Row], return_all: bool | None) -> dict[str, Any]:
    from integrator.catalogue.intake import update_pricing

    return _answer(call, update_pricing(call.connection, call.store, rows, call.id), return_all, ("price",))


def get_new(call: Call, kind: Kind, max_records: int | None) -> dict[str, Any]:
    """0 means the same as nothing: some proxies send it for a number that nobody set."""
    from integrator.orders.deliveries import get_new

    if max_records is not None and max_records < 0:
        raise invalid(f"MaxRecords: {max_records} is below 0.", hint="Send a number from 1 to 1,000, or leave it out.")
    limit = min(max_records or call.store.settings.max_records, call.store.settings.max_records)
    documents, more = get_new(call.connection, call.store, kind, limit)
    call.records = len(documents)
    warnings = call.reading.warnings()
    for document in documents:
        name = document.get("OrderNumber") or document.get(f"{kind.capitalize()}Id")
        warnings += [f"{kind.capitalize()} {name}: {warning}" for warning in document.get("Warnings") or ()]
    return {
        "Success": True,
        "CallId": str(call.id),
        "MoreAvailable": more,
        "Warnings": warnings,
        f"{kind.capitalize()}s": documents,
    }


def confirm(call: Call, kind: Kind, rows: list[Row], return_all: bool | None) -> dict[str, Any]:
    """The stock of the shops can change with it: units that the POS now knows of."""
    from integrator.orders.deliveries import confirm

    return _answer(call, confirm(call.connection, call.store, kind, rows), return_all, ("stock",))


def save_shipments(call: Call, rows: list[Row], return_all: bool | None) -> dict[str, Any]:
    from integrator.orders.shipments import save_shipments

    results = save_shipments(call.connection, call.store, rows, call.id)
    return _answer(call, results, return_all, ("ship", "stock"))
