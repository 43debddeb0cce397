"""The way of saved shipments to their shop: what is due, and what became of it. Called by sync's ship lane.

`due` claims what it hands out for a minute, so that a worker that dies does not lose a shipment; the connector
finds a shipment that was sent before instead of sending it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.codes import CATALOGUE, Code
from integrator.connectors.pushes import ShipmentLine, ShipmentPush, ShipmentResult
from integrator.journal import issues

LEASE = timedelta(seconds=60)
PURPOSE = "ship"  # of the issues about shipments that the shop refused

CLAIM = sa.text(
    """
    WITH chosen AS (
        SELECT s.account_id, s.id FROM shipments s
         WHERE s.account_id = :account AND s.channel_id = :channel AND s.state = 'wanted' AND s.due_at <= :now
         ORDER BY s.id
         LIMIT :limit
           FOR UPDATE SKIP LOCKED
    )
    UPDATE shipments s SET attempts = s.attempts + 1, due_at = :claimed_until
      FROM chosen c WHERE s.account_id = c.account_id AND s.id = c.id
    RETURNING s.id, s.order_id, s.shipment_id, s.document
    """
)

# what is open on an order for the shop: without what it shows as shipped and without what it was told of
OPEN = sa.text(
    """
    SELECT o.id, o.remote_id, l.line_id,
           greatest(0, l.ordered - l.cancelled - l.refunded - l.shipped - coalesce(t.units, 0)) AS open
      FROM orders o
      LEFT JOIN order_lines l ON l.account_id = o.account_id AND l.order_id = o.id AND l.line_type = 'Item'
      LEFT JOIN (SELECT s.order_id, x ->> 'LineId' AS line_id, sum((x ->> 'Quantity')::numeric) AS units
                   FROM shipments s CROSS JOIN jsonb_array_elements(s.document -> 'Lines') x
                  WHERE s.account_id = :account AND s.order_id = ANY(CAST(:orders AS bigint[]))
                    AND s.state = 'sent' AND s.mirrored_at IS NULL
                  GROUP BY 1, 2) t ON t.order_id = o.id AND t.line_id = l.line_id
     WHERE o.account_id = :account AND o.id = ANY(CAST(:orders AS bigint[]))
    """
)


def due(
    connection: Connection, channel: ChannelRecord, now: datetime | None = None, limit: int = 50
) -> list[tuple[int, ShipmentPush]]:
    """Up to `limit` shipments that the shop is to be told of, oldest first, with their row ids; claims them."""
    now = now or datetime.now(UTC)
    parameters = {
        "account": channel.account_id,
        "channel": channel.id,
        "now": now,
        "claimed_until": now + LEASE,
        "limit": limit,
    }
    claimed = sorted(connection.execute(CLAIM, parameters).all(), key=lambda row: int(row.id))
    if not claimed:
        return []
    orders = sorted({row.order_id for row in claimed})
    remote: dict[int, str] = {}
    open_units: dict[int, dict[str, Decimal]] = {}
    for row in connection.execute(OPEN, {"account": channel.account_id, "orders": orders}):
        remote[row.id] = row.remote_id
        if row.line_id is not None:
            open_units.setdefault(row.id, {})[row.line_id] = row.open
    return [
        (row.id, _push(row.document, remote[row.order_id], open_units.setdefault(row.order_id, {}), channel))
        for row in claimed
    ]


def _push(
    document: dict[str, Any], order_remote_id: str, open_units: dict[str, Decimal], channel: ChannelRecord
) -> ShipmentPush:
    """Takes the shipment's units from `open_units`: the one after which nothing is left completes the order."""
    lines = tuple(
        ShipmentLine(one["LineId"], one["ItemIntegrationId"], one["Sku"], Decimal(one["Quantity"]))
        for one in document["Lines"]
    )
    for line in lines:
        if line.line_id in open_units:
            open_units[line.line_id] -= line.quantity
    notify = document["NotifyCustomer"]
    return ShipmentPush(
        shipment_id=document["ShipmentId"],
        order_remote_id=order_remote_id,
        lines=lines,
        ship_date=datetime.fromisoformat(document["ShipDate"]) if document["ShipDate"] else None,
        carrier=document["Carrier"],
        ship_method=document["ShipMethod"],
        tracking_numbers=tuple(document["TrackingNumbers"]),
        tracking_url=document["TrackingUrl"],
        notify_customer=channel.settings.notify_customer if notify is None else notify,
        completes_order=all(units <= 0 for units in open_units.values()),
        capture=channel.settings.capture_on_shipment,
    )


def subject_id(document: dict[str, Any]) -> str:
    """How an issue names a shipment: the order's id and the POS's id of the shipment."""
    return f"{document['OrderId']}/{document['ShipmentId']}"


def _mark(connection: Connection, channel: ChannelRecord, row_id: int, **values: Any) -> dict[str, Any]:
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    statement = sa.text(
        f"UPDATE shipments SET {assignments} WHERE account_id = :account AND id = :id RETURNING document"  # noqa: S608 - ours
    )
    found: dict[str, Any] = connection.execute(
        statement, {**values, "account": channel.account_id, "id": row_id}
    ).scalar_one()
    return found


def _where(channel: ChannelRecord) -> dict[str, Any]:
    return {
        "account_id": channel.account_id,
        "store_id": channel.store_id,
        "channel_id": channel.id,
        "subject": "shipment",
    }


def sent(connection: Connection, channel: ChannelRecord, row_id: int, result: ShipmentResult) -> None:
    """The shop has it, under `result.remote_id`."""
    body = _mark(
        connection,
        channel,
        row_id,
        state="sent",
        remote_id=result.remote_id or None,
        message=result.warning,
        sent_at=datetime.now(UTC),
    )
    issues.resolve(connection, **_where(channel), subject_ids=[subject_id(body)], purpose=PURPOSE)


def failed(
    connection: Connection, channel: ChannelRecord, row_id: int, code: str, message: str, hint: str = ""
) -> None:
    """The shop refused it for good: an issue; `resend` tries again. Its units stay shipped for the POS."""
    body = _mark(connection, channel, row_id, state="failed", message=message)
    issues.report(
        connection,
        **_where(channel),
        subject_id=subject_id(body),
        purpose=PURPOSE,
        code=code or Code.SHIPMENT_REFUSED,
        message=message,
        hint=hint or CATALOGUE[Code.SHIPMENT_REFUSED].remedy,
    )


def retry(connection: Connection, channel: ChannelRecord, row_id: int, due_at: datetime, message: str = "") -> None:
    """Not now: it is due again at that time."""
    _mark(connection, channel, row_id, due_at=due_at, message=message)


def resend(connection: Connection, account_id: int, store_id: int, subject_ids: Sequence[str]) -> int:
    """Tell the shop again, at once, of shipments named "<OrderId>/<ShipmentId>"; how many there are.

    One that the shop has is found there and not doubled."""
    pairs = [one.partition("/") for one in subject_ids]
    done = connection.execute(
        sa.text(
            """
            UPDATE shipments s SET state = 'wanted', due_at = clock_timestamp()
              FROM unnest(CAST(:orders AS text[]), CAST(:shipments AS text[])) AS r(public_id, shipment_id)
              JOIN orders o ON o.account_id = :account AND o.store_id = :store AND o.public_id = r.public_id
             WHERE s.account_id = :account AND s.order_id = o.id AND s.shipment_id = r.shipment_id
            """
        ),
        {
            "account": account_id,
            "store": store_id,
            "orders": [order for order, _, _ in pairs],
            "shipments": [shipment for _, _, shipment in pairs],
        },
    )
    return done.rowcount
