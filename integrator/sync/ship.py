"""Telling the shop what the POS shipped, one shipment at a time, oldest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import ConnectorError, Rejected, Transient, UnknownOutcome
from integrator.connectors.pushes import ShipmentPush, ShipmentResult
from integrator.journal import issues
from integrator.orders import shipping
from integrator.store.engine import begin
from integrator.sync import circuit, trouble
from integrator.sync.session import Work, at_work, channel_lock, clock, load
from integrator.sync.split import OUTAGE_CODES

SHIPMENTS_A_JOB = 20
FAILURES_OF_ONE = 3  # then it is the shipment, not the shop: it is tried ever less often, and is an issue


@dataclass(slots=True)
class ShipReport:
    """What one job did. `state`: done, busy (another is at work), paused, failed."""

    state: str = "done"
    sent: int = 0
    refused: int = 0
    later: int = 0
    more: bool = False
    message: str = ""


def ship_once(account_id: int, channel_id: int, *, wait: float = 10.0) -> ShipReport:
    """Send what is due, at most SHIPMENTS_A_JOB, if the channel may be spoken to."""
    with channel_lock(channel_id, wait) as held:
        if not held:
            return ShipReport("busy")
        return ship_locked(account_id, channel_id)


def ship_locked(account_id: int, channel_id: int) -> ShipReport:
    """The same for a caller that holds the channel's lock."""
    channel, now = load(account_id, channel_id)
    report = ShipReport()
    if not circuit.open_at(channel, now):
        report.state = "paused"
        return report
    with begin() as connection:
        due = shipping.due(connection, channel, now, SHIPMENTS_A_JOB)
    if not due:
        return report
    waiting = dict(due)
    with trouble.caught(channel, "ship") as caught, at_work(channel, "ship") as work:
        for row_id, push in due:
            _send(work, row_id, push, report)
            del waiting[row_id]
    if caught.error is not None:
        report.state, report.message = "failed", caught.error.message
        _give_back(channel, list(waiting), caught.error)
    report.more = report.state == "done" and len(due) == SHIPMENTS_A_JOB
    return report


def _send(work: Work, row_id: int, push: ShipmentPush, report: ShipReport) -> None:
    """Raises what concerns the whole channel, with the shipment not recorded."""
    channel = work.channel
    try:
        result = work.connector.send_shipment(push)
    except Rejected as error:
        report.refused += 1
        entry = CATALOGUE[Code.SHIPMENT_REFUSED]
        with begin() as connection:
            shipping.failed(
                connection,
                channel,
                row_id,
                error.code or Code.SHIPMENT_REFUSED,
                error.message,
                error.hint or entry.remedy,
            )
        return
    except (Transient, UnknownOutcome) as error:
        attempts = _attempts(channel, row_id)
        if error.code in OUTAGE_CODES or attempts < FAILURES_OF_ONE:
            raise
        # others went through meanwhile, or nothing else is there to tell: this one must not stop the rest
        report.later += 1
        _later(channel, row_id, push, error, attempts)
        return
    report.sent += 1
    with begin() as connection:
        shipping.sent(connection, channel, row_id, result)
        if push.capture and not result.captured and result.warning:
            _unpaid(connection, channel, push, result)
        circuit.succeeded(connection, channel)


def _unpaid(connection: Connection, channel: ChannelRecord, push: ShipmentPush, result: ShipmentResult) -> None:
    """The goods are on their way; money that could not be taken with them is for a person."""
    issues.report(
        connection,
        account_id=channel.account_id,
        store_id=channel.store_id,
        channel_id=channel.id,
        subject="shipment",
        subject_id=_subject(channel, push),
        purpose="capture",
        code=Code.CAPTURE_FAILED,
        message=f"Order {push.order_remote_id}: {result.warning}",
        hint=CATALOGUE[Code.CAPTURE_FAILED].remedy,
    )


def _later(channel: ChannelRecord, row_id: int, push: ShipmentPush, error: ConnectorError, attempts: int) -> None:
    with begin() as connection:
        due = clock(connection) + timedelta(seconds=circuit.backoff(attempts))
        shipping.retry(connection, channel, row_id, due, error.message)
        entry = CATALOGUE[Code.STILL_FAILING]
        issues.report(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject="shipment",
            subject_id=_subject(channel, push),
            purpose=shipping.PURPOSE,
            code=Code.STILL_FAILING,
            message=error.message,
            hint=error.hint or entry.remedy,
        )


def _subject(channel: ChannelRecord, push: ShipmentPush) -> str:
    return shipping.subject_id({"OrderId": f"{channel.id}-{push.order_remote_id}", "ShipmentId": push.shipment_id})


def _attempts(channel: ChannelRecord, row_id: int) -> int:
    with begin() as connection:
        found: int = connection.execute(
            text("SELECT attempts FROM shipments WHERE account_id = :account_id AND id = :id"),
            {"account_id": channel.account_id, "id": row_id},
        ).scalar_one()
        return found


def _give_back(channel: ChannelRecord, row_ids: list[int], error: ConnectorError) -> None:
    """What was claimed and not sent is due again as soon as the channel may be spoken to.

    The first is the one that failed; the others were not tried, and their attempts do not count.
    """
    with begin() as connection:
        now = clock(connection)
        for place, row_id in enumerate(row_ids):
            shipping.retry(connection, channel, row_id, now, error.message if place == 0 else "")
        connection.execute(
            text("UPDATE shipments SET attempts = attempts - 1 WHERE account_id = :account_id AND id = ANY(:ids)"),
            {"account_id": channel.account_id, "ids": row_ids[1:] if trouble.is_failure(error) else row_ids},
        )
