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
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DataError, IntegrityError

from integrator.accounts.channels import ChannelRecord
from integrator.catalogue import marks
from integrator.codes import CATALOGUE, Code
from integrator.connectors.records import ZERO, Capture, Order, PulledOrder, Transaction
from integrator.journal import issues
from integrator.orders import allocation, documents, mirror, rules
from integrator.orders.items import Item, Wanted, find, wanted

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


@dataclass(slots=True)
class _Stored:
    """An order as the database has it. `body` is its current document."""

    id: int
    public_id: str
    revision: int
    body: dict[str, Any]
    hash: bytes
    modified_at: Any


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
    new_sales = _transactions(connection, channel, events, stored, mirrored)
    report.transactions = len(new_sales)
    report.captures = _captures(connection, channel, events, stored)

    moved: set[int] = set()
    if touched:
        moved |= _lines(connection, channel, {key: prepared[key] for key in touched}, stored, found)
        mirror.close_fulfilled(connection, channel, [stored[key].id for key in touched])
    refreshed = {stored[key].id for key in touched} | {order_id for order_id, _ in mirrored} | set(new_sales.values())
    moved |= allocation.refresh(connection, channel.store, refreshed)
    _customers(connection, channel, [prepared[key][1] for key in sorted(touched)])
    _file(connection, channel, {stored[key].public_id: warnings[key] for key in sorted(touched)})
    if moved:
        marks.mark(connection, channel.account_id, sorted(moved), ["stock"])
    return report


# -- orders


def _lock(connection: Connection, channel: ChannelRecord, remote_ids: Sequence[str]) -> dict[str, _Stored]:
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
        row.remote_id: _Stored(row.id, row.public_id, row.revision, row.document, bytes(row.hash), row.modified_at)
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


def _keys(channel: ChannelRecord) -> dict[str, Any]:
    return {"account": channel.account_id, "store": channel.store_id, "channel": channel.id}


def _insert(
    connection: Connection, channel: ChannelRecord, new: Mapping[str, Order], bodies: Mapping[str, dict[str, Any]]
) -> dict[str, _Stored]:
    """The orders that this transaction made, with their deliveries."""
    if not new:
        return {}
    rows = [_row(order, bodies[key], 1) for key, order in new.items()]
    made = connection.execute(INSERT, {**_keys(channel), "rows": json.dumps(rows)}).all()
    if channel.store.settings.orders:
        offer(
            connection, channel.account_id, channel.store_id, "order", [(r.id, r.public_id, r.placed_at) for r in made]
        )
    return {
        row.remote_id: _Stored(
            row.id,
            row.public_id,
            1,
            bodies[row.remote_id],
            rules.digest(bodies[row.remote_id]),
            new[row.remote_id].modified_at,
        )
        for row in made
    }


def offer(
    connection: Connection, account_id: int, store_id: int, kind: str, records: Sequence[tuple[int, str, Any]]
) -> None:
    """Open deliveries for records (number, public id, when) that have none yet."""
    if not records:
        return
    rows = [{"id": i, "public_id": p, "occurred_at": t.isoformat()} for i, p, t in sorted(records)]
    connection.execute(
        sa.text(
            """
            INSERT INTO deliveries (account_id, store_id, kind, record_id, public_id, occurred_at)
            SELECT :account, :store, :kind, r.id, r.public_id, r.occurred_at
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, public_id text, occurred_at timestamptz)
             ORDER BY r.id
                ON CONFLICT DO NOTHING
            """
        ),
        {"account": account_id, "store": store_id, "kind": kind, "rows": json.dumps(rows)},
    )


def _update(
    connection: Connection,
    channel: ChannelRecord,
    known: Mapping[str, Order],
    bodies: Mapping[str, dict[str, Any]],
    stored: dict[str, _Stored],
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
        stored[key] = _Stored(
            before.id, before.public_id, revision, bodies[key], rules.digest(bodies[key]), order.modified_at
        )
    if rows:
        connection.execute(UPDATE, {**_keys(channel), "rows": json.dumps(rows)})
    return changed


def _offer_changes(
    connection: Connection, channel: ChannelRecord, changed: Mapping[str, bool], stored: Mapping[str, _Stored]
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
        {**_keys(channel), "rows": json.dumps(rows)},
    )


# -- events


def _existing(connection: Connection, channel: ChannelRecord, table: str, public_ids: Sequence[str]) -> set[str]:
    statement = sa.text(
        f"SELECT public_id FROM {table} WHERE account_id = :account AND store_id = :store"  # noqa: S608 - ours
        " AND public_id = ANY(CAST(:ids AS text[]))"
    )
    return set(connection.execute(statement, {**_keys(channel), "ids": list(public_ids)}).scalars())


def _record(
    connection: Connection, channel: ChannelRecord, kind: str, rows: Sequence[Mapping[str, Any]], queue: bool
) -> dict[str, int]:
    """Store immutable records and offer them; the public ids that are new, with their order."""
    if not rows:
        return {}
    table = {"transaction": "transactions", "capture": "captures"}[kind]
    made = connection.execute(
        sa.text(
            f"""
            INSERT INTO {table} (account_id, store_id, channel_id, order_id, public_id, type, occurred_at, document)
            SELECT :account, :store, :channel, r.order_id, r.public_id, r.type, r.occurred_at, r.document
              FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                   AS r(order_id bigint, public_id text, type text, occurred_at timestamptz, document jsonb)
             ORDER BY r.public_id
                ON CONFLICT DO NOTHING
            RETURNING id, public_id, occurred_at, order_id
            """  # noqa: S608 - a constant
        ),
        {**_keys(channel), "rows": json.dumps(rows)},
    ).all()
    if queue:
        offer(
            connection, channel.account_id, channel.store_id, kind, [(r.id, r.public_id, r.occurred_at) for r in made]
        )
    return {row.public_id: row.order_id for row in made}


def _transactions(
    connection: Connection,
    channel: ChannelRecord,
    events: Mapping[str, PulledOrder],
    stored: Mapping[str, _Stored],
    mirrored: Collection[tuple[int, str]],
) -> dict[str, int]:
    settings = channel.store.settings
    ids = {
        (key, one.key): documents.public_id(channel.id, one.key)
        for key, pulled in events.items()
        for one in pulled.transactions
        if settings.transactions_for_pos_shipments or (stored[key].id, one.key) not in mirrored
    }
    if not ids:
        return {}
    existing = _existing(connection, channel, "transactions", sorted(ids.values()))
    rows = []
    for key, pulled in events.items():
        charged = ZERO
        for one in sorted(pulled.transactions, key=lambda t: (t.transaction_date, t.key)):
            public_id = ids.get((key, one.key))
            if public_id is not None and public_id not in existing:
                rows.append(_transaction_row(one, public_id, stored[key], charged > 0))
            if one.type == "Sale":
                charged += one.shipping_amount
    return _record(connection, channel, "transaction", rows, settings.transactions)


def _transaction_row(one: Transaction, public_id: str, order: _Stored, charged: bool) -> dict[str, Any]:
    return {
        "order_id": order.id,
        "public_id": public_id,
        "type": one.type,
        "occurred_at": one.transaction_date.isoformat(),
        "document": documents.transaction_document(public_id, one, order.body, charged),
    }


def _captures(
    connection: Connection, channel: ChannelRecord, events: Mapping[str, PulledOrder], stored: Mapping[str, _Stored]
) -> int:
    ids: dict[str, tuple[str, Capture]] = {
        documents.public_id(channel.id, one.key): (key, one)
        for key, pulled in events.items()
        for one in pulled.captures
    }
    if not ids:
        return 0
    existing = _existing(connection, channel, "captures", sorted(ids))
    rows = [
        {
            "order_id": stored[key].id,
            "public_id": public_id,
            "type": one.type,
            "occurred_at": one.capture_date.isoformat(),
            "document": documents.capture_document(public_id, one, stored[key].body),
        }
        for public_id, (key, one) in ids.items()
        if public_id not in existing
    ]
    return len(_record(connection, channel, "capture", rows, channel.store.settings.captures))


# -- lines, customers, issues

UPSERT_LINES = sa.text(
    """
    INSERT INTO order_lines AS l (account_id, store_id, order_id, line_id, position, item_id, product_id, sku,
                                  line_type, ordered, cancelled, shipped, returned, refunded)
    SELECT :account, :store, r.order_id, r.line_id, r.position, r.item_id, r.product_id, r.sku,
           r.line_type, r.ordered, r.cancelled, r.shipped, r.returned, r.refunded
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
           AS r(order_id bigint, line_id text, position int, item_id text, product_id bigint, sku text,
                line_type text, ordered numeric, cancelled numeric, shipped numeric, returned numeric, refunded numeric)
     ORDER BY r.order_id, r.line_id
        ON CONFLICT (account_id, order_id, line_id) DO UPDATE
       SET position = excluded.position, item_id = excluded.item_id, product_id = excluded.product_id,
           sku = excluded.sku, line_type = excluded.line_type, ordered = excluded.ordered,
           cancelled = excluded.cancelled, shipped = excluded.shipped, returned = excluded.returned,
           refunded = excluded.refunded
    """
)


def _lines(
    connection: Connection,
    channel: ChannelRecord,
    touched: Mapping[str, tuple[PulledOrder, Order]],
    stored: Mapping[str, _Stored],
    found: Mapping[Wanted, Item],
) -> set[int]:
    """Write the lines; the products of lines that became another product while units were allocated."""
    parameters = {"account": channel.account_id, "orders": sorted(stored[key].id for key in touched)}
    before = {
        (row.order_id, row.line_id): row.product_id
        for row in connection.execute(allocation.LINES, parameters)
        if row.allocated
    }
    rows, kept, moved = [], [], set()
    for key, (pulled, order) in touched.items():
        refunded = rules.refunded_units(order, pulled.transactions)
        order_id = stored[key].id
        for position, line in enumerate(order.lines):
            item = found.get(wanted(line))
            product = item.product_id if item else None
            line_id = rules.clean(line.line_id)
            kept.append({"order_id": order_id, "line_id": line_id})
            old = before.get((order_id, line_id), product)
            if old != product:
                moved |= {one for one in (old, product) if one is not None}
            rows.append(
                {
                    "order_id": order_id,
                    "line_id": line_id,
                    "position": position,
                    "item_id": item.item_id if item else "",
                    "product_id": product,
                    "sku": rules.clean(line.sku),
                    "line_type": line.line_type,
                    "ordered": str(line.quantity_ordered),
                    "cancelled": str(line.quantity_cancelled),
                    "shipped": str(line.quantity_shipped),
                    "returned": str(line.quantity_returned),
                    "refunded": str(refunded.get(line.line_id, ZERO)),
                }
            )
    connection.execute(UPSERT_LINES, {**_keys(channel), "rows": json.dumps(rows)})
    # a line that the shop took out of the order is cancelled as a whole
    connection.execute(
        sa.text(
            """
            UPDATE order_lines l SET cancelled = l.ordered
             WHERE l.account_id = :account AND l.order_id = ANY(CAST(:orders AS bigint[])) AND l.cancelled < l.ordered
               AND NOT EXISTS (SELECT FROM jsonb_to_recordset(CAST(:kept AS jsonb)) AS r(order_id bigint, line_id text)
                                WHERE r.order_id = l.order_id AND r.line_id = l.line_id)
            """
        ),
        {**parameters, "kept": json.dumps(kept)},
    )
    return moved


def _customers(connection: Connection, channel: ChannelRecord, orders: Sequence[Order]) -> None:
    """Remember who bought; what the POS calls them stays."""
    rows = {
        key: {"web_id": key, "email": rules.clean(order.customer.email)}
        for order in orders
        if (key := rules.clean(documents.customer_key(order)))
    }
    if not rows:
        return
    connection.execute(
        sa.text(
            """
            INSERT INTO customers AS c (account_id, channel_id, web_id, store_id, email)
            SELECT :account, :channel, r.web_id, :store, r.email
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(web_id text, email text)
             ORDER BY r.web_id
                ON CONFLICT (account_id, channel_id, web_id) DO UPDATE SET email = excluded.email
             WHERE c.email <> excluded.email AND excluded.email <> ''
            """
        ),
        {**_keys(channel), "rows": json.dumps([rows[key] for key in sorted(rows)])},
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
