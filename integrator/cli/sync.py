"""`integrator sync`: bring a channel up to date now."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from typing import Annotated

import typer

from integrator.accounts import channels
from integrator.accounts.channels import ChannelRecord
from integrator.cli.database import connected
from integrator.cli.output import Exit, Failed, ago, output
from integrator.store.engine import begin
from integrator.sync import queue, reconcile
from integrator.sync.drain import DrainReport, drain

app = typer.Typer()


class Work(StrEnum):
    """What can be brought up to date by itself."""

    CONTENT = "content"
    PRICE = "price"
    STOCK = "stock"
    PULL = "pull"
    SHIP = "ship"


ALL = tuple(one.value for one in Work)


@app.command()
def sync(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Number or name of the channel.")],
    lane: Annotated[Work | None, typer.Option(help="Only this; default: everything.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Do it here and now, and say what was done.")] = False,
    full: Annotated[
        bool,
        typer.Option("--full", help="First compare everything with the shop, and push what has drifted."),
    ] = False,
) -> None:
    """Bring a channel up to date now, instead of when it is next due.

    Without --wait the workers do it. With --full all that the shop has is read and compared.

    Examples: integrator sync 3 · integrator sync 3 --lane stock --wait · integrator sync 3 --full --wait
    """
    out = output()
    with connected():
        with begin() as connection:
            record = channels.find_channel(connection, channel)
        _must_be_open(record)
        if not wait:
            kinds = [lane.value] if lane else [*ALL, *(["reconcile"] if full else [])]
            with begin() as connection:
                queue.defer(connection, record.account_id, record.id, kinds)
            sentence = f"The workers look at channel {record.name} now: {', '.join(kinds)}."
            out.done(sentence, channel=record.id, work=kinds)
            return
        findings = None
        if full:
            with out.progress(f"Comparing {record.name} with its shop"):
                findings = reconcile.reconcile(record.account_id, record.id)
            if findings.state == "failed":
                raise Failed(f"The shop could not be read: {findings.message}", code=Exit.UNREACHABLE)
        with out.progress(f"Bringing {record.name} up to date"):
            report = drain(record.account_id, record.id, only=lane.value if lane else None)
        with begin() as connection:  # what was tried may have paused it
            record = channels.load_channel(connection, record.account_id, record.id)
    _say(record, report, findings)


def _must_be_open(record: ChannelRecord) -> None:
    if record.state == "held":
        raise Failed(
            f"Channel {record.name} is held: {record.state_reason or 'by an operator'}.",
            hint=f"Let it go on with: integrator channel resume {record.id}",
        )
    if record.state == "needs_credentials":
        raise Failed(
            f"Channel {record.name} needs credentials: {record.state_reason}",
            hint=f"Give them with: integrator channel edit {record.id}",
        )


def _say(record: ChannelRecord, report: DrainReport, findings: reconcile.Findings | None) -> None:
    out = output()
    values = asdict(report)
    if findings is not None:
        values["reconciliation"] = asdict(findings)
    if report.state == "busy":
        raise Failed(f"A worker is at work on {record.name}.", hint="It does the same; look with: integrator status")
    if report.state == "paused":
        reason = report.message or record.state_reason or "it failed several times in a row"
        until = f" It is tried again {ago(record.paused_until)}." if record.paused_until else ""
        sentence = f"The shop of {record.name} cannot be spoken to now: {reason.rstrip('.')}.{until}"
        raise Failed(sentence, code=Exit.UNREACHABLE)
    refused = Failed(
        f"Some items were refused by {record.name}.",
        hint=f"See them with: integrator issue list --channel {record.id}",
    )
    if out.json:
        out.data({"channel": record.id, **values})
        if any(report.rejected.values()):
            raise refused
        return
    if findings is not None:
        out.done(
            f"{findings} listings are as wanted; {findings.drifted} had drifted, {findings.missing} are gone,"
            f" {findings.unknown} of the shop's are not ours."
        )
    lanes = sorted(report.accepted.keys() | report.rejected.keys() | report.unchanged.keys())
    counts = ("accepted", "unchanged", "rejected", "retried")
    rows = [{"lane": one, **{name: getattr(report, name).get(one, 0) for name in counts}} for one in lanes]
    if rows:
        columns = {
            "lane": "Lane", "accepted": "Accepted", "unchanged": "Unchanged", "rejected": "Refused", "retried": "Later",
        }  # fmt: skip
        out.table(rows, columns=columns)
    if report.message:
        out.warn(report.message)
    out.done(
        f"{record.name} is up to date: {report.orders} orders, {report.transactions} transactions and"
        f" {report.captures} captures read, {report.shipments} shipments told."
    )
    if any(report.rejected.values()):
        raise refused
