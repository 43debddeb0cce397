"""Reading changed orders: page by page, each page and the progress that goes with it in one transaction.

A watermark can therefore never be past what is stored. Reading a page twice changes nothing. An order that
cannot be read or stored is an issue of its own and does not hold up the rest.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import OrderPage, OrderProblem, Rejected
from integrator.connectors.records import PulledOrder
from integrator.journal import issues
from integrator.orders.ingest import ingest
from integrator.store.engine import begin
from integrator.sync import circuit, trouble
from integrator.sync.session import Work, at_work, channel_lock, clock, load

logger = logging.getLogger(__name__)

PAGES_A_JOB = 10  # then the next job goes on where this one stopped
SINGLE_READS_A_JOB = 20


@dataclass(slots=True)
class PullReport:
    """What one pull did. `state`: done, busy (another is at work), paused, failed."""

    state: str = "done"
    pages: int = 0
    orders: int = 0
    new: int = 0
    changed: int = 0
    transactions: int = 0
    captures: int = 0
    problems: int = 0
    more: bool = False  # pages are left
    message: str = ""


def pull_once(account_id: int, channel_id: int, *, wait: float = 10.0) -> PullReport:
    """Read what changed since the last time, if the channel may be spoken to."""
    with channel_lock(channel_id, wait) as held:
        if not held:
            return PullReport("busy")
        return pull_locked(account_id, channel_id)


def pull_locked(account_id: int, channel_id: int) -> PullReport:
    """The same for a caller that holds the channel's lock."""
    channel, now = load(account_id, channel_id)
    if not circuit.open_at(channel, now):
        return PullReport("paused")
    with trouble.caught(channel, "pull") as caught, at_work(channel, "pull") as work:
        report = pull_pages(work)
    return report if caught.error is None else PullReport("failed", message=caught.error.message)


def pull_pages(work: Work) -> PullReport:
    """Up to PAGES_A_JOB pages. What concerns the channel is settled, and said in `state`."""
    channel, report = work.channel, PullReport()
    with trouble.caught(channel, "pull") as caught:
        with begin() as connection:
            started = clock(connection)
        _single_orders(work, report)
        finished = False
        pages = work.connector.pull_orders(dict(_progress(channel)))
        while report.pages < PAGES_A_JOB:
            page = next(pages, None)
            if page is None:
                finished = True
                break
            _store(channel, page, report)
        report.more = not finished
        with begin() as connection:
            if finished:
                _finished(connection, channel, started)
            circuit.succeeded(connection, channel)
            trouble.over(connection, channel, "pull")
    if caught.error is None:
        return report
    report.message = caught.error.message
    if isinstance(caught.error, Rejected):
        # it stays an issue; asking again at the next poll is all that can be done, and stock may go on
        _postpone(channel)
        report.state = "done"
    else:
        report.state = "failed"
    return report


def _finished(connection: Connection, channel: ChannelRecord, started: datetime) -> None:
    """A webhook that came while the shop was being read may be about what was read before: it stays."""
    connection.execute(
        text(
            "UPDATE channels SET last_pull_at = :started, sync = CASE"
            " WHEN CAST(sync ->> 'look_at' AS timestamptz) <= :started THEN sync - 'look_at' ELSE sync END"
            " WHERE account_id = :account_id AND id = :id"
        ),
        {"account_id": channel.account_id, "id": channel.id, "started": started},
    )


def _progress(channel: ChannelRecord) -> dict[str, object]:
    with begin() as connection:
        found: dict[str, object] | None = connection.execute(
            text("SELECT progress FROM channels WHERE account_id = :account_id AND id = :id"),
            {"account_id": channel.account_id, "id": channel.id},
        ).scalar()
    return found or {}


def _postpone(channel: ChannelRecord) -> None:
    with begin() as connection:
        connection.execute(
            text("UPDATE channels SET last_pull_at = now() WHERE account_id = :account_id AND id = :id"),
            {"account_id": channel.account_id, "id": channel.id},
        )


def _store(channel: ChannelRecord, page: OrderPage, report: PullReport) -> None:
    with begin() as connection:
        _ingest(connection, channel, page.orders, report)
        _file(connection, channel, page.problems)
        connection.execute(
            text("UPDATE channels SET progress = CAST(:progress AS jsonb) WHERE account_id = :account_id AND id = :id"),
            {
                "progress": json.dumps(dict(page.progress), ensure_ascii=False),
                "account_id": channel.account_id,
                "id": channel.id,
            },
        )
    report.pages += 1
    report.orders += len(page.orders)
    report.problems += len(page.problems)


def _ingest(connection: Connection, channel: ChannelRecord, orders: Sequence[PulledOrder], report: PullReport) -> None:
    done = ingest(connection, channel, orders)
    report.new += done.new
    report.changed += done.changed
    report.transactions += done.transactions
    report.captures += done.captures
    report.problems += done.failed
    if done.new or done.changed:
        _forget_stock(connection, channel, [one.order.remote_id for one in orders])


def _forget_stock(connection: Connection, channel: ChannelRecord, remote_ids: Sequence[str]) -> None:
    """The shop changed its own stock of what was sold or returned, so what it accepted last says nothing any more:
    the next push of these products goes out even when it wants the same number as before.

    Three statements that each go by a key: as one, a planner that does not know the tables yet joins them all.
    """
    where = {"account_id": channel.account_id, "channel_id": channel.id}
    products = connection.execute(
        text(
            "SELECT DISTINCT n.product_id FROM orders o JOIN order_lines n"
            " ON n.account_id = o.account_id AND n.order_id = o.id WHERE o.account_id = :account_id"
            " AND o.channel_id = :channel_id AND o.remote_id = ANY(CAST(:ids AS text[])) AND n.product_id IS NOT NULL"
        ),
        {**where, "ids": list(remote_ids)},
    ).scalars()
    which = (
        " WHERE account_id = :account_id AND channel_id = :channel_id AND lane = 'stock'"
        " AND product_id = ANY(CAST(:products AS bigint[])) AND sent IS NOT NULL"
    )
    wanted = {**where, "products": list(products)}
    connection.execute(text(f"SELECT 1 FROM lanes{which} ORDER BY product_id FOR NO KEY UPDATE"), wanted)  # noqa: S608
    connection.execute(text(f"UPDATE lanes SET sent = sent || '{{\"stale\": true}}'{which}"), wanted)  # noqa: S608 - fixed text


def _file(connection: Connection, channel: ChannelRecord, problems: Sequence[OrderProblem]) -> None:
    for subject, purpose in sorted({(one.subject, one.purpose) for one in problems}):
        issues.report_many(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject=subject,
            purpose=purpose,
            findings=[_finding(channel, one) for one in problems if (one.subject, one.purpose) == (subject, purpose)],
        )


def _finding(channel: ChannelRecord, one: OrderProblem) -> issues.Finding:
    """Orders and shipments are known by the channel's number and the shop's id; anything else by its own."""
    is_order = one.subject == "order"
    return issues.Finding(
        f"{channel.id}-{one.remote_id}" if one.subject in ("order", "shipment") else one.remote_id,
        one.code or Code.ORDER_UNREADABLE,
        f"Order {one.number or one.remote_id}: {one.message}" if is_order else one.message,
        one.hint or (CATALOGUE[Code.ORDER_UNREADABLE].remedy if is_order else ""),
    )


# -- single orders, because an operator resent the issue of one


def look_at_order(connection: Connection, account_id: int, channel_id: int, remote_id: str) -> None:
    """The next pull reads this order by itself, however long ago it changed."""
    connection.execute(
        text(
            "UPDATE channels SET sync = jsonb_set(sync, '{orders}', (coalesce(sync -> 'orders', '[]') - :order)"
            " || to_jsonb(CAST(:order AS text))) WHERE account_id = :account_id AND id = :id"
        ),
        {"order": remote_id, "account_id": account_id, "id": channel_id},
    )


def look_soon(connection: Connection, account_id: int, channel_id: int) -> None:
    """The shop says that something changed: it is pulled soon, whenever the last pull was."""
    connection.execute(
        text(
            "UPDATE channels SET sync = sync || jsonb_build_object('look_at', clock_timestamp())"
            " WHERE account_id = :account_id AND id = :id"
        ),
        {"account_id": account_id, "id": channel_id},
    )


def _single_orders(work: Work, report: PullReport) -> None:
    channel = work.channel
    where = {"account_id": channel.account_id, "id": channel.id}
    with begin() as connection:
        wanted = connection.execute(
            text("SELECT sync -> 'orders' FROM channels WHERE account_id = :account_id AND id = :id"), where
        ).scalar()
    for remote_id in (wanted or [])[:SINGLE_READS_A_JOB]:
        problem: OrderProblem | None
        try:
            pulled = work.connector.pull_order(remote_id)
        except Rejected as error:
            pulled, problem = None, OrderProblem(remote_id, error.message, code=error.code, hint=error.hint)
        else:
            problem = None if pulled else OrderProblem(remote_id, "The shop does not have it any more.")
        with begin() as connection:
            if problem is not None:
                _file(connection, channel, [problem])
            if pulled is not None:
                failed_before = report.problems
                _ingest(connection, channel, [pulled], report)
                if report.problems == failed_before:
                    issues.resolve(
                        connection, account_id=channel.account_id, store_id=channel.store_id, channel_id=channel.id,
                        subject="order", subject_ids=[f"{channel.id}-{remote_id}"], purpose="pull",
                    )  # fmt: skip
            connection.execute(
                text(
                    "UPDATE channels SET sync = jsonb_set(sync, '{orders}', (sync -> 'orders') - :order)"
                    " WHERE account_id = :account_id AND id = :id"
                ),
                {**where, "order": remote_id},
            )
