"""From what a connector pulled to rows: orders with lines and customers, transactions, captures, deliveries.

    with begin() as connection: report = ingest(connection, channel, page.orders)

Set-based for a page. Doing it again, or twice at once, changes nothing more: orders are keyed on the platform's
id, events on their key, and both are unique in the database. One order that cannot be stored becomes an issue
and does not hold up the others of its page.

The POS's queues: a new record is offered if the store has its queue switched on at that moment. Switching a
queue on later offers what comes from then on; older records are offered by `integrator order resend`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from integrator.accounts.channels import ChannelRecord
from integrator.catalogue import marks
from integrator.codes import CATALOGUE, Code
from integrator.connectors.records import Order, PulledOrder
from integrator.journal import issues
from integrator.orders import allocation, documents, mirror, rules
from integrator.orders.events import store_captures, store_transactions
from integrator.orders.items import find
from integrator.orders.lines import store_customers, store_lines
from integrator.orders.stored import Stored, keys, offer

# what a single order can do wrong; a lost connection or a deadlock concerns the whole page and goes up
POISON = (DataError, IntegrityError, ValueError, ArithmeticError, TypeError, KeyError)


@dataclass(slots=True)
class IngestReport:
    """What was new. `failed`: orders that could not be stored; each is an issue."""

    new: int = 0
    changed: int = 0
    transactions: int = 0
    captures: int = 0
    failed: int = 0

    def add(self, other: IngestReport) -> None:
        self.new += other.new
        self.changed += other.changed
        self.transactions += other.transactions
        self.captures += other.captures
        self.failed += other.failed


def ingest(connection: Connection, channel: ChannelRecord, pulled: Sequence[PulledOrder]) -> IngestReport:
    """Store a page inside the caller's transaction; never commits."""
    page = _latest(pulled)
    report = IngestReport()
    if not page:
        return report
    try:
        with connection.begin_nested():
            return _ingest(connection, channel, page)
    except POISON as error:
        if len(page) == 1:
            _unreadable(connection, channel, page[0].order, error)
            return IngestReport(failed=1)
    for one in page:
        report.add(ingest(connection, channel, [one]))
    return report


def _latest(pulled: Iterable[PulledOrder]) -> list[PulledOrder]:
    """One of each order, the newest; pages overlap and orders move while they are read."""
    newest: dict[str, PulledOrder] = {}
    for one in pulled:
        known = newest.get(one.order.remote_id)
        if known is None or one.order.modified_at >= known.order.modified_at:
            newest[one.order.remote_id] = one
    return [newest[key] for key in sorted(newest)]


def _unreadable(connection: Connection, channel: ChannelRecord, order: Order, error: Exception) -> None:
    reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
    issues.report(
        connection,
        account_id=channel.account_id,
        store_id=channel.store_id,
        channel_id=channel.id,
        subject="order",
        subject_id=documents.public_id(channel.id, order.remote_id),
        purpose="pull",
        code=Code.ORDER_UNREADABLE,
        message=f"Order {order.order_number or order.remote_id} cannot be stored: {reason}",
        hint=CATALOGUE[Code.ORDER_UNREADABLE].remedy,
    )


# -- one page


def _ingest(connection: Connection, channel: ChannelRecord, page: Sequence[PulledOrder]) -> IngestReport:
    report = IngestReport()
    for pulled in page:
        documents.check(pulled.order)
    found = find(connection, channel, (line for one in page for line in one.order.lines))
    stored = _lock(connection, channel, [one.order.remote_id for one in page])
    since = channel.settings.orders_since
    new = {
        one.order.remote_id: one
        for one in page
        if one.order.remote_id not in stored and one.admitted and (since is None or one.order.order_date >= since)
    }
    prepared = {
        one.order.remote_id: (one, rules.completed(one.order))
        for one in page
        if one.order.remote_id in stored or one.order.remote_id in new
    }
    bodies: dict[str, dict[str, Any]] = {}
    warnings: dict[str, list[str]] = {}
    for key, (_, order) in prepared.items():
        bodies[key], warnings[key] = documents.order_document(channel, order, found)
    made = _insert(connection, channel, {key: prepared[key][1] for key in new}, bodies)
    # somebody else stored these at the same time: from here on they are known orders like any other
    stored.update(_lock(connection, channel, [key for key in new if key not in made]))
    changed = _update(connection, channel, {key: prepared[key][1] for key in stored}, bodies, stored)
    stored.update(made)
    report.new, report.changed = len(made), len(changed)
    touched = {*made, *changed}
    _offer_changes(connection, channel, changed, stored)

    mirrored = mirror.match(
        connection, channel, {stored[key].id: prepared[key][0].transactions for key in stored if key not in made}
    )
    events = {key: prepared[key][0] for key in stored}
    new_sales = store_transactions(connection, channel, events, stored, mirrored)
    report.transactions = len(new_sales)
    report.captures = store_captures(connection, channel, events, stored)

    moved: set[int] = set()
    if touched:
        moved |= store_lines(connection, channel, {key: prepared[key] for key in touched}, stored, found)
        mirror.close_fulfilled(connection, channel, [stored[key].id for key in touched])
    refreshed = {stored[key].id for key in touched} | {order_id for order_id, _ in mirrored} | set(new_sales.values())
    moved |= allocation.refresh(connection, channel.store, refreshed)
    store_customers(connection, channel, [prepared[key][1] for key in sorted(touched)])
    _file(connection, channel, {stored[key].public_id: warnings[key] for key in sorted(touched)})
    if moved:
        marks.mark(connection, channel.account_id, sorted(moved), ["stock"])
    return report


# -- orders


def _lock(connection: Connection, channel: ChannelRecord, remote_ids: Sequence[str]) -> dict[str, Stored]:
    if not remote_ids:
        return {}
    rows = connection.execute(
        sa.text(
            """
            SELECT id, remote_id, public_id, revision, document, hash, modified_at
              FROM orders
             WHERE account_id = :account AND channel_id = :channel AND remote_id = ANY(CAST(:ids AS text[]))
             ORDER BY id
               FOR NO KEY UPDATE
            """
        ),
        {"account": channel.account_id, "channel": channel.id, "ids": list(remote_ids)},
    )
    return {
        row.remote_id: Stored(row.id, row.public_id, row.revision, row.document, bytes(row.hash), row.modified_at)
        for row in rows
    }


def _row(order: Order, body: Mapping[str, Any], revision: int) -> dict[str, Any]:
    return {
        "remote_id": order.remote_id,
        "public_id": body["OrderId"],
        "number": body["OrderNumber"],
        "status": body["Status"],
        "payment_status": body["PaymentStatus"],
        "web_customer_id": rules.clean(documents.customer_key(order)),
        "placed_at": order.order_date.isoformat(),
        "modified_at": order.modified_at.isoformat(),
        "cancelled_at": order.cancelled_at.isoformat() if order.cancelled_at else None,
        "revision": revision,
        "hash": "\\x" + rules.digest(body).hex(),
        "document": {**body, "Revision": revision},
    }


RECORDSET = """jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
    id bigint, remote_id text, public_id text, number text, status text, payment_status text, web_customer_id text,
    placed_at timestamptz, modified_at timestamptz, cancelled_at timestamptz, revision int, hash bytea,
    document jsonb)"""

INSERT = sa.text(
    f"""
    INSERT INTO orders (account_id, store_id, channel_id, remote_id, public_id, number, status, payment_status,
                        web_customer_id, placed_at, modified_at, cancelled_at, revision, hash, document)
    SELECT :account, :store, :channel, r.remote_id, r.public_id, r.number, r.status, r.payment_status,
           r.web_customer_id, r.placed_at, r.modified_at, r.cancelled_at, r.revision, r.hash, r.document
      FROM {RECORDSET}
     ORDER BY r.remote_id
        ON CONFLICT DO NOTHING
    RETURNING id, remote_id, public_id, placed_at
    """  # noqa: S608 - a constant
)

UPDATE = sa.text(
    f"""
    UPDATE orders o
       SET number = r.number, status = r.status, payment_status = r.payment_status,
           web_customer_id = r.web_customer_id, placed_at = r.placed_at, modified_at = r.modified_at,
           cancelled_at = r.cancelled_at, revision = r.revision, hash = r.hash, document = r.document
      FROM {RECORDSET}
     WHERE o.account_id = :account AND o.id = r.id
    """  # noqa: S608 - a constant
)


def _insert(
    connection: Connection, channel: ChannelRecord, new: Mapping[str, Order], bodies: Mapping[str, dict[str, Any]]
) -> dict[str, Stored]:
    """The orders that this transaction made, with their deliveries."""
    if not new:
        return {}
    rows = [_row(order, bodies[key], 1) for key, order in new.items()]
    made = connection.execute(INSERT, {**keys(channel), "rows": json.dumps(rows)}).all()
    if channel.store.settings.orders:
        offer(
            connection, channel.account_id, channel.store_id, "order", [(r.id, r.public_id, r.placed_at) for r in made]
        )
    return {
        row.remote_id: Stored(
            row.id,
            row.public_id,
            1,
            bodies[row.remote_id],
            rules.digest(bodies[row.remote_id]),
            new[row.remote_id].modified_at,
        )
        for row in made
    }


def _update(
    connection: Connection,
    channel: ChannelRecord,
    known: Mapping[str, Order],
    bodies: Mapping[str, dict[str, Any]],
    stored: dict[str, Stored],
) -> dict[str, bool]:
    """Write what changed; for each changed order whether its substance did. `stored` becomes what is now.

    What was read before the stored state was (a slow page against a quick webhook) changes nothing.
    """
    changed: dict[str, bool] = {}
    rows = []
    for key, order in known.items():
        before = stored[key]
        if order.modified_at < before.modified_at or rules.digest(bodies[key]) == before.hash:
            continue
        revision = before.revision + 1
        rows.append({**_row(order, bodies[key], revision), "id": before.id})
        changed[key] = rules.substance(before.body) != rules.substance(bodies[key])
        stored[key] = Stored(
            before.id, before.public_id, revision, bodies[key], rules.digest(bodies[key]), order.modified_at
        )
    if rows:
        connection.execute(UPDATE, {**keys(channel), "rows": json.dumps(rows)})
    return changed


def _offer_changes(
    connection: Connection, channel: ChannelRecord, changed: Mapping[str, bool], stored: Mapping[str, Stored]
) -> None:
    """The changed orders' deliveries: the same record with a higher revision until it is confirmed; after that
    offered again only where the store wants it. A rejected one comes at once, for what was wrong may be right now."""
    if not changed:
        return
    rows = [
        {
            "public_id": stored[key].public_id,
            "revision": stored[key].revision,
            "again": substantial and channel.store.settings.revisions_after_confirm,
        }
        for key, substantial in changed.items()
    ]
    connection.execute(
        sa.text(
            """
            WITH r AS (
                SELECT d.id, r.revision, r.again
                  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(public_id text, revision int, again boolean)
                  JOIN deliveries d ON d.account_id = :account AND d.store_id = :store AND d.kind = 'order'
                                   AND d.public_id = r.public_id
                 ORDER BY d.id
                   FOR UPDATE OF d
            )
            UPDATE deliveries d
               SET revision = r.revision,
                   state = CASE WHEN d.state = 'confirmed' THEN 'open' ELSE d.state END,
                   rejections = CASE WHEN d.state = 'confirmed' THEN 0 ELSE d.rejections END,
                   first_rejected_at = CASE WHEN d.state = 'confirmed' THEN NULL ELSE d.first_rejected_at END,
                   due_at = clock_timestamp()
              FROM r
             WHERE d.account_id = :account AND d.id = r.id AND (d.state <> 'confirmed' OR r.again)
            """
        ),
        {**keys(channel), "rows": json.dumps(rows)},
    )


def _file(connection: Connection, channel: ChannelRecord, warnings: Mapping[str, list[str]]) -> None:
    """An issue for each order with unknown items; the others' issues are closed."""
    where: dict[str, Any] = {"account_id": channel.account_id, "store_id": channel.store_id, "channel_id": channel.id}
    fine = [public_id for public_id, messages in warnings.items() if not messages]
    issues.resolve(connection, **where, subject="order", subject_ids=fine, purpose="items")
    issues.resolve(connection, **where, subject="order", subject_ids=list(warnings), purpose="pull")
    hint = CATALOGUE[Code.SKU_UNKNOWN].remedy
    findings = [
        issues.Finding(public_id, Code.SKU_UNKNOWN, " ".join(messages), hint)
        for public_id, messages in warnings.items()
        if messages
    ]
    issues.report_many(connection, **where, subject="order", purpose="items", findings=findings)
