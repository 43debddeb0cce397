"""SaveShipments: what the POS shipped. Checked against what is open, stored once, told to the shop afterwards.

A shipment is known by (order, ShipmentId): the same again is a duplicate, another content is refused. Orders are
locked while their shipments are checked, so that concurrent calls cannot ship the same unit twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.catalogue import marks
from integrator.codes import Action, Code, ItemResult, Problem
from integrator.connectors.records import ZERO, utc_text
from integrator.orders import allocation
from integrator.orders.rules import LineUnits, clean, digest
from integrator.orders.shipping import due, failed, resend, retry, sent
from integrator.rows import Row

__all__ = ["due", "failed", "read", "resend", "retry", "save_shipments", "sent"]

Values = Mapping[str, Any]


# -- reading one shipment


@dataclass(frozen=True, slots=True)
class WantedLine:
    line_id: str
    item_id: str
    quantity: Decimal

    @property
    def named(self) -> str:
        return f"LineId {self.line_id!r}" if self.line_id else f"ItemIntegrationId {self.item_id!r}"


@dataclass(frozen=True, slots=True)
class WantedShipment:
    shipment_id: str
    order_id: str
    order_number: str
    lines: tuple[WantedLine, ...]
    details: dict[str, Any]  # what the shop is told beside the lines

    @property
    def hash(self) -> bytes:
        """The same for the same content, in whatever order its lines and tracking numbers come."""
        lines = sorted((one.line_id, one.item_id, format(one.quantity.normalize(), "f")) for one in self.lines)
        tracking = sorted(self.details["TrackingNumbers"])
        return digest({**self.details, "TrackingNumbers": tracking, "Lines": lines})


def _text(values: Values, name: str) -> str:
    value = values.get(name)
    return str(clean(value)).strip() if value is not None else ""


def read(values: Values) -> WantedShipment | Problem:
    """The shipment of a row, or what is wrong with it by itself."""
    shipment_id = _text(values, "ShipmentId")
    if not shipment_id:
        return Problem(
            Code.VALUE_MISSING,
            "The shipment has no ShipmentId.",
            "ShipmentId",
            "Send the POS's own id of the shipment.",
        )
    order_id, number = _text(values, "OrderId"), _text(values, "OrderNumber")
    if not order_id and not number:
        return Problem(
            Code.VALUE_MISSING,
            f"The shipment {shipment_id!r} names no order.",
            "OrderId",
            "Send the OrderId or the OrderNumber.",
        )
    sent = values.get("Lines") or []
    if not sent:
        return Problem(Code.SHIPMENT_EMPTY, f"The shipment {shipment_id!r} has no lines.", "Lines")
    lines = []
    for n, line in enumerate(sent, 1):
        one = WantedLine(_text(line, "LineId"), _text(line, "ItemIntegrationId"), line.get("Quantity") or ZERO)
        if not one.line_id and not one.item_id:
            return Problem(
                Code.VALUE_MISSING,
                f"Line {n} of the shipment {shipment_id!r} names no line.",
                "Lines.LineId",
                "Send the LineId of the order's line, or the ItemIntegrationId.",
            )
        if line.get("Quantity") is None:
            return Problem(Code.VALUE_MISSING, f"Line {n} ({one.named}) has no Quantity.", "Lines.Quantity")
        if one.quantity <= 0:
            return Problem(
                Code.VALUE_OUT_OF_RANGE,
                f"Line {n} ({one.named}) has Quantity {one.quantity:f}.",
                "Lines.Quantity",
                "Send more than 0. What came back is a return, which the shop makes.",
            )
        lines.append(one)
    ship_date = values.get("ShipDate")
    details = {
        "ShipDate": utc_text(ship_date) if isinstance(ship_date, datetime) else None,
        "Carrier": _text(values, "Carrier"),
        "ShipMethod": _text(values, "ShipMethod"),
        "TrackingNumbers": [str(clean(one)).strip() for one in values.get("TrackingNumbers") or [] if one],
        "TrackingUrl": _text(values, "TrackingUrl"),
        "NotifyCustomer": values.get("NotifyCustomer"),
    }
    return WantedShipment(shipment_id, order_id, number, tuple(lines), details)


# -- the orders that they are of


@dataclass(slots=True)
class OpenLine:
    line_id: str
    item_id: str
    sku: str
    line_type: str
    units: LineUnits


@dataclass(slots=True)
class OpenOrder:
    """An order, locked, with its lines in order and the shipments that are saved already."""

    id: int
    public_id: str
    number: str
    channel_id: int
    status: str
    lines: list[OpenLine] = field(default_factory=list)
    saved: dict[str, bytes] = field(default_factory=dict)


def fill(order: OpenOrder, wanted: Sequence[WantedLine]) -> list[tuple[OpenLine, Decimal]] | Problem:
    """Which units of which lines these are. Several lines of one item are filled in the order's order.

    Changes nothing: the caller books what it takes.
    """
    open_units = {line.line_id: line.units.open for line in order.lines}
    taken: dict[str, Decimal] = {}
    for one in wanted:
        if one.line_id:
            candidates = [line for line in order.lines if line.line_id == one.line_id]
            wrong = [line for line in candidates if one.item_id and one.item_id not in (line.item_id, line.sku)]
            if wrong:
                return Problem(
                    Code.VALUE_INVALID,
                    f"Line {one.line_id!r} of order {order.number} is item {wrong[0].item_id or wrong[0].sku!r}, "
                    f"not {one.item_id!r}.",
                    "Lines.ItemIntegrationId",
                    "Send the LineId alone, or the one that belongs to the item.",
                )
        else:
            candidates = [line for line in order.lines if (line.item_id or line.sku) == one.item_id]
        if not candidates:
            ids = ", ".join(line.line_id if one.line_id else (line.item_id or line.sku) for line in order.lines)
            return Problem(
                Code.VALUE_INVALID,
                f"Order {order.number} has no line with {one.named}.",
                "Lines.LineId" if one.line_id else "Lines.ItemIntegrationId",
                f"Its lines are: {ids}.",
            )
        left = one.quantity
        for line in candidates:
            units = min(left, open_units[line.line_id])
            if units > 0:
                open_units[line.line_id] -= units
                taken[line.line_id] = taken.get(line.line_id, ZERO) + units
                left -= units
        if left > 0:
            return Problem(
                Code.QTY_EXCEEDS_OPEN,
                f"{one.quantity:f} of {one.named} are more than is open on order {order.number}: {_count(candidates)}.",
                "Lines.Quantity",
            )
    by_id = {line.line_id: line for line in order.lines}
    return [(by_id[line_id], units) for line_id, units in taken.items()]


def _count(lines: Sequence[OpenLine]) -> str:
    def total(name: str) -> Decimal:
        return sum((getattr(line.units, name) for line in lines), ZERO)

    parts = [f"{total('open').normalize():f} open = {total('ordered').normalize():f} ordered"]
    for name, word in (("cancelled", "cancelled"), ("refunded", "refunded"), ("shipped", "shipped")):
        if total(name):
            parts.append(f"{total(name).normalize():f} {word}")
    return " - ".join(parts)


def save_shipments(connection: Connection, store: StoreContext, rows: Sequence[Row], call_id: UUID) -> list[ItemResult]:
    """One result per row, in order; the good ones are stored whatever the bad ones are. Never commits.

    The shop is told by the channel's ship lane after the commit.
    """
    wanted = {row.index: read(row.values) for row in rows if row.problem is None}
    readable = [one for one in wanted.values() if isinstance(one, WantedShipment)]
    by_id, by_number = _load(connection, store, readable)
    results: list[ItemResult] = []
    new: list[dict[str, Any]] = []
    touched: set[int] = set()
    for row in rows:
        one = wanted.get(row.index)
        result = ItemResult(row.index, _text(row.values, "ShipmentId"), None, row.problem, row.warnings)
        results.append(result)
        if one is None:
            continue
        if isinstance(one, Problem):
            result.problem = one
            continue
        order = _order_of(one, by_id, by_number)
        if isinstance(order, Problem):
            result.problem = order
            continue
        outcome = _save(order, one)
        if isinstance(outcome, Problem):
            result.problem = outcome
        elif outcome is None:
            result.action = Action.DUPLICATE
        else:
            result.action = Action.ACCEPTED
            new.append({**outcome, "call_id": str(call_id)})
            touched.add(order.id)
    if new:
        _insert(connection, store, new)
        moved = allocation.refresh(connection, store, touched)
        if moved:
            marks.mark(connection, store.account_id, sorted(moved), ["stock"])
    return results


def _load(
    connection: Connection, store: StoreContext, wanted: Sequence[WantedShipment]
) -> tuple[dict[str, OpenOrder], dict[str, list[OpenOrder]]]:
    """The orders that are named, locked by id, by OrderId and by OrderNumber."""
    ids = sorted({one.order_id for one in wanted if one.order_id})
    numbers = sorted({one.order_number for one in wanted if one.order_number and not one.order_id})
    parameters: dict[str, Any] = {"account": store.account_id, "store": store.store_id, "ids": ids, "numbers": numbers}
    by_id: dict[str, OpenOrder] = {}
    by_number: dict[str, list[OpenOrder]] = {}
    if not ids and not numbers:
        return by_id, by_number
    orders: dict[int, OpenOrder] = {}
    for row in connection.execute(
        sa.text(
            """
            SELECT id, public_id, number, channel_id, status FROM orders
             WHERE account_id = :account AND store_id = :store
               AND (public_id = ANY(CAST(:ids AS text[])) OR number = ANY(CAST(:numbers AS text[])))
             ORDER BY id
               FOR NO KEY UPDATE
            """
        ),
        parameters,
    ):
        orders[row.id] = by_id[row.public_id] = OpenOrder(*row)
        by_number.setdefault(row.number, []).append(orders[row.id])
    if not orders:
        return by_id, by_number
    parameters["orders"] = list(orders)
    unmirrored = {
        (row.order_id, row.line_id): row.unmirrored for row in connection.execute(allocation.SAVED, parameters)
    }
    for row in connection.execute(
        sa.text(
            """
            SELECT order_id, line_id, item_id, sku, line_type, ordered, cancelled, refunded, shipped FROM order_lines
             WHERE account_id = :account AND order_id = ANY(CAST(:orders AS bigint[]))
             ORDER BY order_id, position, line_id
            """
        ),
        parameters,
    ):
        shipped = row.shipped + unmirrored.get((row.order_id, row.line_id), ZERO)
        units = LineUnits(row.ordered, row.cancelled, row.refunded, shipped)
        orders[row.order_id].lines.append(OpenLine(row.line_id, row.item_id, row.sku, row.line_type, units))
    for row in connection.execute(
        sa.text(
            "SELECT order_id, shipment_id, hash FROM shipments"
            " WHERE account_id = :account AND order_id = ANY(CAST(:orders AS bigint[]))"
        ),
        parameters,
    ):
        orders[row.order_id].saved[row.shipment_id] = bytes(row.hash)
    return by_id, by_number


def _order_of(
    one: WantedShipment, by_id: Mapping[str, OpenOrder], by_number: Mapping[str, Sequence[OpenOrder]]
) -> OpenOrder | Problem:
    if one.order_id:
        order = by_id.get(one.order_id)
        if order is None:
            return Problem(Code.RECORD_NOT_FOUND, f"There is no order {one.order_id[:80]!r} in this store.", "OrderId")
        if one.order_number and one.order_number != order.number:
            return Problem(
                Code.VALUE_INVALID,
                f"The order {one.order_id!r} has the number {order.number!r}, not {one.order_number!r}.",
                "OrderNumber",
                "Send the OrderId alone, or the number that belongs to it.",
            )
        return order
    candidates = by_number.get(one.order_number, [])
    if not candidates:
        return Problem(
            Code.RECORD_NOT_FOUND,
            f"There is no order with the number {one.order_number[:80]!r} in this store.",
            "OrderNumber",
        )
    if len(candidates) > 1:
        named = ", ".join(order.public_id for order in candidates)
        return Problem(
            Code.VALUE_INVALID,
            f"Several orders of this store have the number {one.order_number!r}: {named}.",
            "OrderNumber",
            "Send the OrderId, which is unique over all channels.",
        )
    return candidates[0]


def _save(order: OpenOrder, one: WantedShipment) -> dict[str, Any] | Problem | None:
    """The row to store, None for a duplicate. Books the units on `order`."""
    saved = order.saved.get(one.shipment_id)
    if saved == one.hash:
        return None
    if saved is not None:
        return Problem(
            Code.SHIPMENT_CHANGED,
            f"The shipment {one.shipment_id!r} of order {order.number} is stored with another content.",
            "ShipmentId",
        )
    filled = fill(order, one.lines)
    if isinstance(filled, Problem):
        return filled
    lines = []
    for line, units in filled:
        before = line.units
        line.units = LineUnits(before.ordered, before.cancelled, before.refunded, before.shipped + units)
        lines.append(
            {
                "LineId": line.line_id,
                "ItemIntegrationId": line.item_id,
                "Sku": line.sku,
                "Quantity": format(units.normalize(), "f"),
            }
        )
    order.saved[one.shipment_id] = one.hash
    return {
        "channel_id": order.channel_id,
        "order_id": order.id,
        "shipment_id": one.shipment_id,
        "hash": "\\x" + one.hash.hex(),
        "document": {"ShipmentId": one.shipment_id, "OrderId": order.public_id, **one.details, "Lines": lines},
    }


def _insert(connection: Connection, store: StoreContext, new: Sequence[Mapping[str, Any]]) -> None:
    connection.execute(
        sa.text(
            """
            INSERT INTO shipments (account_id, store_id, channel_id, order_id, shipment_id, document, hash, call_id)
            SELECT :account, :store, r.channel_id, r.order_id, r.shipment_id, r.document, r.hash, r.call_id
              FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                   AS r(channel_id bigint, order_id bigint, shipment_id text, document jsonb, hash bytea,
                        call_id text, n int)
             ORDER BY r.n
            """
        ),
        {
            "account": store.account_id,
            "store": store.store_id,
            "rows": json.dumps([{**one, "n": n} for n, one in enumerate(new)]),
        },
    )
