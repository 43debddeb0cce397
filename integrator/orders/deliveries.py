"""How records stand towards the POS: what GetNew reads, what Confirm answers, what an operator offers again.

A record is new as long as its delivery says so: state, not a cursor, so nothing is skipped whatever commits in
which order. Reading changes nothing. A rejected record waits for its next offer and holds up nobody.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import sqlalchemy as sa
from pydantic_core import from_json
from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.codes import CATALOGUE, Action, Code, ItemResult, Problem
from integrator.journal import issues
from integrator.orders import allocation
from integrator.orders.rules import next_offer
from integrator.rows import Row

Kind = Literal["order", "transaction", "capture"]
TABLES: Mapping[str, str] = {"order": "orders", "transaction": "transactions", "capture": "captures"}
PURPOSE = "delivery"  # of the issues about what the POS rejected
MESSAGE_LIMIT = 4_000  # characters of the POS's message that are kept


# -- reading

# the page comes from the partial index alone; only its records are then looked up, as text, because pydantic's
# parser reads them faster than psycopg2's
PAGE = """
    SELECT d.id, d.record_id, d.occurred_at
      FROM deliveries d
     WHERE d.account_id = :account AND d.store_id = :store AND d.kind = :kind
       AND d.state IN ('open', 'rejected') AND d.due_at <= clock_timestamp()
       AND (d.occurred_at, d.id) > (CAST(:occurred_at AS timestamptz), CAST(:id AS bigint))
     ORDER BY d.occurred_at, d.id
     LIMIT :limit
"""

NEW = {
    "order": f"""
        SELECT d.occurred_at, d.id, CAST(o.document AS text) AS document, c.pos_id FROM ({PAGE}) d
          LEFT JOIN orders o ON o.account_id = :account AND o.id = d.record_id
          LEFT JOIN customers c ON c.account_id = :account AND c.channel_id = o.channel_id
                               AND c.web_id = o.web_customer_id
         ORDER BY d.occurred_at, d.id""",  # noqa: S608 - constants
    "transaction": f"""
        SELECT d.occurred_at, d.id, CAST(t.document AS text) AS document, c.pos_id FROM ({PAGE}) d
          LEFT JOIN transactions t ON t.account_id = :account AND t.id = d.record_id
          LEFT JOIN orders o ON o.account_id = :account AND o.id = t.order_id
          LEFT JOIN customers c ON c.account_id = :account AND c.channel_id = o.channel_id
                               AND c.web_id = o.web_customer_id
         ORDER BY d.occurred_at, d.id""",  # noqa: S608 - constants
    "capture": f"""
        SELECT d.occurred_at, d.id, CAST(t.document AS text) AS document, NULL AS pos_id FROM ({PAGE}) d
          LEFT JOIN captures t ON t.account_id = :account AND t.id = d.record_id
         ORDER BY d.occurred_at, d.id""",  # noqa: S608 - constants
}
START: Mapping[str, Any] = {"occurred_at": "-infinity", "id": 0}  # before every record

PAGE_RECORDS = 100  # read at once
# An answer ends with the record that reaches this size as stored, so that a thousand huge ones do not fill the memory.
MOST_CHARACTERS = 16_000_000


def get_new(
    connection: Connection, store: StoreContext, kind: Kind, limit: int | None = None
) -> tuple[list[dict[str, Any]], bool]:
    """The documents that are due, oldest first, and whether there are more than these.

    `limit` None, or more than the store allows, is what the store allows; very large documents are fewer. Each
    document carries the POS's id of its customer as it is known now. A delivery whose record went away with its
    channel is passed over.
    """
    most = store.settings.max_records
    limit = most if limit is None else max(1, min(limit, most))
    statement = sa.text(NEW[kind])
    whose = {"account": store.account_id, "store": store.store_id, "kind": kind}
    found: list[dict[str, Any]] = []
    characters = 0
    after = START
    while True:
        wanted = min(PAGE_RECORDS, limit - len(found) + 1)
        rows = connection.execute(statement, {**whose, **after, "limit": wanted}).all()
        for row in rows:
            if row.document is None:
                continue
            if len(found) == limit or characters >= MOST_CHARACTERS:
                return found, True
            found.append(_with_customer(from_json(row.document), row.pos_id))
            characters += len(row.document)
        if len(rows) < wanted:
            return found, False
        after = {"occurred_at": rows[-1].occurred_at, "id": rows[-1].id}


def _with_customer(body: dict[str, Any], pos_id: str | None) -> dict[str, Any]:
    if pos_id and isinstance(body.get("Customer"), dict):
        return {**body, "Customer": {**body["Customer"], "PosCustomerId": pos_id}}
    return body


# -- confirming


@dataclass(slots=True)
class _Delivery:
    """A delivery while the confirmations of one call are applied to it, one after the other."""

    id: int
    record_id: int
    public_id: str
    state: str
    revision: int
    due_at: datetime
    rejections: int
    first_rejected_at: datetime | None
    message: str
    receipt_number: str
    pos_customer_id: str
    touched: bool = False
    confirmed_now: bool = False
    rejected_now: bool = False


def confirm(connection: Connection, store: StoreContext, kind: Kind, rows: Sequence[Row]) -> list[ItemResult]:
    """One result per row, in order; the good rows are applied whatever the bad ones are. Never commits."""
    now = datetime.now(UTC)
    ids = {public_id for row in rows if row.problem is None and (public_id := _text(row, "Id"))}
    known = _lock(connection, store, kind, sorted(ids))
    results = [_apply(store, kind, row, known, now) for row in rows]
    touched = [one for one in known.values() if one.touched]
    if touched:
        _write(connection, store, touched, now)
        _tell_allocation(connection, store, kind, [one for one in touched if one.confirmed_now])
        _remember_customers(connection, store, kind, touched)
        _file(connection, store, kind, touched)
    return results


def _text(row: Row, name: str) -> str:
    value = row.values.get(name)
    return value.strip() if isinstance(value, str) else ""


def _lock(connection: Connection, store: StoreContext, kind: Kind, public_ids: Sequence[str]) -> dict[str, _Delivery]:
    if not public_ids:
        return {}
    rows = connection.execute(
        sa.text(
            """
            SELECT id, record_id, public_id, state, revision, due_at, rejections, first_rejected_at, message,
                   receipt_number, pos_customer_id
              FROM deliveries
             WHERE account_id = :account AND store_id = :store AND kind = :kind
               AND public_id = ANY(CAST(:ids AS text[]))
             ORDER BY id
               FOR UPDATE
            """
        ),
        {"account": store.account_id, "store": store.store_id, "kind": kind, "ids": list(public_ids)},
    )
    return {row.public_id: _Delivery(*row) for row in rows}


def _apply(store: StoreContext, kind: Kind, row: Row, known: Mapping[str, _Delivery], now: datetime) -> ItemResult:
    public_id = _text(row, "Id")
    result = ItemResult(row.index, public_id, None, row.problem, row.warnings)
    if row.problem is not None:
        return result
    if not public_id:
        field = f"{kind.capitalize()}Id"
        result.problem = Problem(
            Code.VALUE_MISSING, "The confirmation has no Id.", "Id", f"Send the {field} of the {kind} that it is about."
        )
        return result
    delivery = known.get(public_id)
    if delivery is None:
        result.problem = Problem(
            Code.RECORD_NOT_FOUND, f"There is no {kind} {public_id[:80]!r} that was offered to this store.", "Id"
        )
        return result
    if row.values.get("Success") is False:
        result.action, result.problem = _reject(store, kind, delivery, _text(row, "ErrorMessage"), now)
    else:
        result.action = _confirm(delivery, row)
    return result


def _confirm(delivery: _Delivery, row: Row) -> Action:
    receipt, customer = _text(row, "PosReceiptNumber"), _text(row, "PosCustomerId")
    if customer:
        delivery.touched, delivery.pos_customer_id = True, customer
    if delivery.state == "confirmed":
        if receipt and not delivery.receipt_number:
            delivery.touched, delivery.receipt_number = True, receipt
        return Action.DUPLICATE
    delivery.receipt_number = receipt or delivery.receipt_number
    revision = row.values.get("Revision")
    delivery.touched = True
    if isinstance(revision, int) and revision < delivery.revision:
        # it changed after the POS read it: what the POS took is taken, the newer revision stays offered
        delivery.state, delivery.due_at = "open", datetime.now(UTC)
        return Action.CONFIRMED
    delivery.state, delivery.confirmed_now, delivery.rejected_now = "confirmed", True, False
    delivery.message = ""
    return Action.CONFIRMED


def _reject(
    store: StoreContext, kind: Kind, delivery: _Delivery, message: str, now: datetime
) -> tuple[Action | None, Problem | None]:
    if delivery.state == "confirmed":
        receipt = f" as {delivery.receipt_number!r}" if delivery.receipt_number else ""
        return None, Problem(
            Code.ALREADY_CONFIRMED,
            f"The {kind} {delivery.public_id!r} was confirmed{receipt} and cannot be rejected any more.",
            "Success",
        )
    if not message:
        return None, Problem(
            Code.VALUE_MISSING,
            f"The {kind} {delivery.public_id!r} is rejected without a reason.",
            "ErrorMessage",
            "Say in ErrorMessage why the POS cannot take it; the operator reads it.",
        )
    message = message[:MESSAGE_LIMIT]
    waiting = delivery.state == "set_aside" or (delivery.state == "rejected" and now < delivery.due_at)
    if waiting and delivery.message == message:
        return Action.REJECTED, None  # the same call again, its answer was lost: not one more rejection
    delivery.touched = delivery.rejected_now = True
    delivery.rejections += 1
    delivery.message = message
    delivery.first_rejected_at = delivery.first_rejected_at or now
    due = next_offer(store.settings, delivery.rejections, delivery.first_rejected_at, now)
    delivery.state = "rejected" if due else "set_aside"
    delivery.due_at = due or now
    return Action.REJECTED, None


def _write(connection: Connection, store: StoreContext, touched: Sequence[_Delivery], now: datetime) -> None:
    rows = [
        {
            "id": one.id,
            "state": one.state,
            "due_at": one.due_at.isoformat(),
            "rejections": one.rejections,
            "first_rejected_at": one.first_rejected_at.isoformat() if one.first_rejected_at else None,
            "message": one.message,
            "receipt_number": one.receipt_number,
            "pos_customer_id": one.pos_customer_id,
            "answered": one.confirmed_now or one.rejected_now,
        }
        for one in touched
    ]
    connection.execute(
        sa.text(
            """
            UPDATE deliveries d
               SET state = r.state, due_at = r.due_at, rejections = r.rejections,
                   first_rejected_at = r.first_rejected_at, message = r.message,
                   receipt_number = r.receipt_number, pos_customer_id = r.pos_customer_id,
                   answered_at = CASE WHEN r.answered THEN :now ELSE d.answered_at END
              FROM jsonb_to_recordset(CAST(:rows AS jsonb))
                   AS r(id bigint, state text, due_at timestamptz, rejections int, first_rejected_at timestamptz,
                        message text, receipt_number text, pos_customer_id text, answered boolean)
             WHERE d.account_id = :account AND d.id = r.id
            """
        ),
        {"account": store.account_id, "rows": json.dumps(rows), "now": now},
    )


def _remember_customers(connection: Connection, store: StoreContext, kind: Kind, touched: Sequence[_Delivery]) -> None:
    """The POS's ids of the customers, under what the shop calls them. The last one that the POS said is right."""
    named = [
        {"id": one.record_id, "pos_id": one.pos_customer_id, "n": n}
        for n, one in enumerate(touched)
        if one.pos_customer_id
    ]
    if not named:
        return
    order_of = "id" if kind == "order" else "order_id"
    connection.execute(
        sa.text(
            f"""
            INSERT INTO customers AS c (account_id, channel_id, web_id, store_id, pos_id)
            SELECT DISTINCT ON (o.channel_id, o.web_customer_id)
                   :account, o.channel_id, o.web_customer_id, :store, r.pos_id
              FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(id bigint, pos_id text, n int)
              JOIN {TABLES[kind]} t ON t.account_id = :account AND t.id = r.id
              JOIN orders o ON o.account_id = :account AND o.id = t.{order_of}
             WHERE o.web_customer_id IS NOT NULL
             ORDER BY o.channel_id, o.web_customer_id, r.n DESC
                ON CONFLICT (account_id, channel_id, web_id) DO UPDATE SET pos_id = excluded.pos_id
             WHERE c.pos_id IS DISTINCT FROM excluded.pos_id
            """  # noqa: S608 - constants
        ),
        {"account": store.account_id, "store": store.store_id, "rows": json.dumps(named)},
    )


def _tell_allocation(connection: Connection, store: StoreContext, kind: Kind, confirmed: Sequence[_Delivery]) -> None:
    """From now on the POS knows of these units; its next count releases them. What is published stays until then."""
    records = [one.record_id for one in confirmed]
    if not records or kind == "capture":
        return
    if kind == "order":
        allocation.refresh(connection, store, records, just_confirmed=set(records))
        return
    orders = connection.execute(
        sa.text(
            "SELECT DISTINCT order_id FROM transactions"
            " WHERE account_id = :account AND id = ANY(CAST(:ids AS bigint[]))"
        ),
        {"account": store.account_id, "ids": records},
    ).scalars()
    allocation.refresh(connection, store, set(orders))


def _file(connection: Connection, store: StoreContext, kind: Kind, touched: Sequence[_Delivery]) -> None:
    where: dict[str, Any] = {
        "account_id": store.account_id,
        "store_id": store.store_id,
        "subject": kind,
        "purpose": PURPOSE,
    }
    done = [one.public_id for one in touched if one.confirmed_now]
    issues.resolve(connection, **where, subject_ids=done)
    hint = CATALOGUE[Code.REJECTED_BY_POS].remedy
    findings = [
        issues.Finding(one.public_id, Code.REJECTED_BY_POS, one.message, hint) for one in touched if one.rejected_now
    ]
    issues.report_many(connection, **where, findings=findings)


# -- what an operator does


def offer_again(connection: Connection, account_id: int, store_id: int, kind: Kind, public_ids: Sequence[str]) -> int:
    """Offer these records at once, whatever became of them: rejected, set aside, confirmed, or never offered
    because the queue was off. How many there are. The POS gets them under the same ids."""
    table = TABLES[kind]
    moment, revision = ("t.placed_at", "t.revision") if kind == "order" else ("t.occurred_at", "1")
    done = connection.execute(
        sa.text(
            f"""
            INSERT INTO deliveries AS d (account_id, store_id, kind, record_id, public_id, occurred_at, revision)
            SELECT t.account_id, t.store_id, :kind, t.id, t.public_id, {moment}, {revision}
              FROM {table} t
             WHERE t.account_id = :account AND t.store_id = :store AND t.public_id = ANY(CAST(:ids AS text[]))
             ORDER BY t.id
                ON CONFLICT (account_id, store_id, kind, public_id) DO UPDATE
               SET state = 'open', due_at = clock_timestamp(), rejections = 0, first_rejected_at = NULL,
                   revision = excluded.revision
            """  # noqa: S608 - constants
        ),
        {"account": account_id, "store": store_id, "kind": kind, "ids": list(public_ids)},
    )
    return done.rowcount


def set_aside(connection: Connection, account_id: int, store_id: int, kind: Kind, public_ids: Sequence[str]) -> int:
    """Do not offer these again until someone asks; how many of them were still offered."""
    done = connection.execute(
        sa.text(
            """
            UPDATE deliveries SET state = 'set_aside'
             WHERE account_id = :account AND store_id = :store AND kind = :kind
               AND public_id = ANY(CAST(:ids AS text[])) AND state IN ('open', 'rejected')
            """
        ),
        {"account": account_id, "store": store_id, "kind": kind, "ids": list(public_ids)},
    )
    return done.rowcount
