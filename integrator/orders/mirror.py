"""Which events of a shop are shipments that the POS itself saved, and which of those the shop's quantities contain.

A POS that saved a shipment has booked it: its mirror in the shop makes no transaction unless the store asks for
one. An event is the mirror of a shipment when it was seen as such before, when it carries the marker that
`send_shipment` left, when it has the number that the shop gave, or when it is the same lines while that shipment
was on its way (a worker that died between sending and writing it down).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.records import ZERO, Transaction
from integrator.journal import issues


def _by_line(lines: Sequence[tuple[str, Decimal]]) -> dict[str, Decimal]:
    units: dict[str, Decimal] = {}
    for line_id, quantity in lines:
        units[line_id] = units.get(line_id, ZERO) + quantity
    return units


def _shipped(shipment: Any) -> dict[str, Decimal]:
    return _by_line([(line["LineId"], Decimal(line["Quantity"])) for line in shipment.document["Lines"]])


def mirror_of(event: Transaction, shipments: Sequence[Any]) -> Any | None:
    """The saved shipment of the same order that this event is; None for one that the shop made."""
    if event.type != "Sale":
        return None
    for shipment in shipments:
        if shipment.event_key == event.key:
            return shipment
    left = [one for one in shipments if one.event_key is None]
    for shipment in left:
        if event.pos_shipment_id and shipment.shipment_id == event.pos_shipment_id:
            return shipment
    for shipment in left:
        if event.remote_id and shipment.remote_id == event.remote_id:
            return shipment
    for shipment in left:
        on_its_way = shipment.state != "sent" and shipment.attempts > 0 and shipment.remote_id is None
        if on_its_way and _shipped(shipment) == _by_line([(one.line_id, one.quantity) for one in event.lines]):
            return shipment
    return None


def match(
    connection: Connection, channel: ChannelRecord, events: Mapping[int, Sequence[Transaction]]
) -> set[tuple[int, str]]:
    """(order, event key) of every event that is a POS's shipment; the shipments remember it."""
    order_ids = [order_id for order_id, those in events.items() if any(one.type == "Sale" for one in those)]
    if not order_ids:
        return set()
    rows = connection.execute(
        sa.text(
            """
            SELECT s.id, s.order_id, s.shipment_id, s.state, s.attempts, s.remote_id, s.event_key, s.document,
                   o.public_id
              FROM shipments s JOIN orders o ON o.account_id = s.account_id AND o.id = s.order_id
             WHERE s.account_id = :account AND s.order_id = ANY(CAST(:orders AS bigint[]))
             ORDER BY s.id
               FOR UPDATE OF s
            """
        ),
        {"account": channel.account_id, "orders": order_ids},
    ).all()
    matched: set[tuple[int, str]] = set()
    fresh = []
    taken: set[int] = set()
    for order_id in order_ids:
        shipments = [row for row in rows if row.order_id == order_id]
        for event in sorted(events[order_id], key=lambda one: (one.transaction_date, one.key)):
            shipment = mirror_of(event, [one for one in shipments if one.id not in taken])
            if shipment is None:
                continue
            matched.add((order_id, event.key))
            taken.add(shipment.id)
            if shipment.event_key is None:
                fresh.append((shipment, event))
    if fresh:
        _remember(connection, channel, fresh)
    return matched


def _remember(connection: Connection, channel: ChannelRecord, fresh: Sequence[tuple[Any, Transaction]]) -> None:
    changes = [{"id": s.id, "event_key": event.key, "remote_id": event.remote_id or None} for s, event in fresh]
    connection.execute(
        sa.text(
            """
            UPDATE shipments s
               SET event_key = r.event_key, mirrored_at = coalesce(s.mirrored_at, clock_timestamp()),
                   remote_id = coalesce(s.remote_id, r.remote_id),
                   state = CASE WHEN s.state = 'failed' THEN 'sent' ELSE s.state END
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, event_key text, remote_id text)
             WHERE s.account_id = :account AND s.id = r.id
            """
        ),
        {"account": channel.account_id, "rows": json.dumps(changes)},
    )
    failed = [f"{s.public_id}/{s.shipment_id}" for s, _ in fresh if s.state == "failed"]
    issues.resolve(
        connection,
        account_id=channel.account_id,
        store_id=channel.store_id,
        channel_id=channel.id,
        subject="shipment",
        subject_ids=failed,
    )


def close_fulfilled(connection: Connection, channel: ChannelRecord, order_ids: Sequence[int]) -> None:
    """Where the shop shows everything as shipped, it contains every shipment that was sent, with or without an
    event of its own: some shops keep only the state of the whole order."""
    connection.execute(
        sa.text(
            """
            UPDATE shipments s SET mirrored_at = clock_timestamp()
             WHERE s.account_id = :account AND s.order_id = ANY(CAST(:orders AS bigint[]))
               AND s.state = 'sent' AND s.mirrored_at IS NULL
               AND NOT EXISTS (SELECT FROM order_lines l
                                WHERE l.account_id = s.account_id AND l.order_id = s.order_id AND l.line_type = 'Item'
                                  AND l.shipped < l.ordered - l.cancelled - l.refunded)
            """
        ),
        {"account": channel.account_id, "orders": list(order_ids)},
    )
