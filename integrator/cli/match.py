"""`integrator channel match`: the report before the first send."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import typer

from integrator.accounts import channels
from integrator.accounts.channels import ChannelRecord
from integrator.cli.database import connected
from integrator.cli.output import Exit, Failed, Output, output
from integrator.connectors.pushes import RemoteListing
from integrator.store.engine import begin
from integrator.sync.match import Kind, Match, Report, compare, link_exact, stored
from integrator.sync.session import channel_lock
from integrator.sync.wake import wake

TITLES = {
    Kind.EXACT: "Exact: the shop's SKU is the ItemIntegrationId",
    Kind.CONFLICTING: "Conflicting: for a person",
    Kind.SHOP: "Only in the shop: left alone",
    Kind.POS: "Only in the POS: made in the shop by the first send",
}
COLUMNS = {
    "item_id": "ItemIntegrationId", "name": "Name", "sku": "SKU in the shop", "shop_name": "Name in the shop",
    "remote": "Ids in the shop", "reason": "Why",
}  # fmt: skip
SHOWN = {
    Kind.EXACT: ("item_id", "name", "shop_name", "linked", "reason"),
    Kind.CONFLICTING: ("item_id", "name", "sku", "shop_name", "remote", "reason"),
    Kind.SHOP: ("sku", "shop_name", "reason"),
    Kind.POS: ("item_id", "name", "reason"),
}
LOCK_WAIT = 30.0  # seconds


def match(
    channel: Annotated[str, typer.Argument(metavar="CHANNEL", help="Number or name of the channel.")],
    limit: Annotated[int, typer.Option(min=1, help="So many lines of each kind on the screen.")] = 20,
    all_: Annotated[bool, typer.Option("--all", help="Every line.")] = False,
    csv_: Annotated[
        Path | None,
        typer.Option("--csv", metavar="FILE", help="Every line into a file, for a spreadsheet; - is stdout."),
    ] = None,
    link: Annotated[
        bool, typer.Option("--link", help="Remember the exact ones, so that they are not sought again.")
    ] = False,
) -> None:
    """Compare a shop with the POS before anything is sent: exact, conflicting, only in the shop, only in the POS.

    Reads all that the shop sells and writes nothing, here or there, unless --link is given. Add the channel with
    --hold to have time for it. The JSON has every line.

    Example: integrator channel match 3 --csv match.csv
    """
    out = output()
    with connected():
        with begin() as connection:
            record = channels.find_channel(connection, channel)
        report = _report(out, record)
        linked = _link(record, report) if link else 0
    if csv_ is not None:
        _write(csv_, report)
        if str(csv_) == "-":
            return
    _show(out, record, report, linked, None if all_ else limit)


def _report(out: Output, record: ChannelRecord) -> Report:
    from integrator.cli.channel import Asked, opened

    with begin() as connection:  # before the shop: what a push makes meanwhile is then found there by its SKU
        known = stored(connection, record)
    listings: list[RemoteListing] = []
    with out.progress(f"Reading {record.name}") as step, opened(record, Asked()) as connector:
        for one in connector.read_listings():
            listings.append(one)
            step()
    return compare(known, listings)


def _link(record: ChannelRecord, report: Report) -> int:
    with channel_lock(record.id, LOCK_WAIT) as held:
        if not held:
            raise Failed(
                f"Channel {record.id} {record.name!r} is being worked on; nothing was linked.",
                hint="Repeat it, or hold the channel first: integrator channel hold",
            )
        with begin() as connection:
            many = link_exact(connection, record, report)
    wake(record.account_id, record.store_id, ["content", "price", "stock"])
    return many


def _rows(one: Match) -> Iterator[dict[str, Any]]:
    """A line for each listing that it is about."""
    for listing in one.listings or (None,):
        yield {
            "kind": one.kind.value,
            "item_id": one.product.item_id if one.product else "",
            "name": one.product.name if one.product else "",
            "sku": listing.sku if listing else "",
            "shop_name": listing.name if listing else "",
            "remote": dict(listing.remote) if listing else {},
            "linked": one.linked,
            "reason": one.reason,
        }


def _write(path: Path, report: Report) -> None:
    rows = [row for found in report.matches.values() for one in found for row in _rows(one)]
    names = ["kind", *COLUMNS, "linked"]
    try:
        # spreadsheets take UTF-8 for what it is only with a mark
        target = sys.stdout if str(path) == "-" else path.open("w", encoding="utf-8-sig", newline="")
    except OSError as error:
        raise Failed(f"{path} cannot be written: {error.strerror}.", code=Exit.USAGE) from None
    try:
        writer = csv.DictWriter(target, names)
        writer.writeheader()
        for row in rows:
            writer.writerow({**row, "remote": " ".join(f"{k}={v}" for k, v in row["remote"].items())})
    finally:
        if target is not sys.stdout:
            target.close()


def _show(out: Output, record: ChannelRecord, report: Report, linked: int, limit: int | None) -> None:
    counts = report.counts
    if out.json:
        lines = {kind.value: [row for one in found for row in _rows(one)] for kind, found in report.matches.items()}
        out.data({"id": record.id, "name": record.name, "counts": counts, "linked_now": linked, "matches": lines})
        return
    for kind in (Kind.CONFLICTING, Kind.SHOP, Kind.POS, Kind.EXACT):
        found = report.matches[kind]
        if not found:
            continue
        chosen = list(islice(found, limit))
        rows = [row for one in chosen for row in _rows(one)]
        out.table(
            rows,
            columns={
                key: {**COLUMNS, "linked": "Linked"}[key]
                for key in SHOWN[kind]
                if key != "reason" or any(row["reason"] for row in rows)
            },
            title=f"{TITLES[kind]} ({len(found)})",
        )
        if len(chosen) < len(found):
            out.note(f"and {len(found) - len(chosen)} more: --all shows them, --csv FILE writes them.")
    out.done(
        f"{record.name}: {counts['exact']} exact ({counts['linked'] + linked} linked), {counts['conflicting']}"
        f" conflicting, {counts['shop']} only in the shop, {counts['pos']} only in the POS."
        + (f" {linked} were linked now." if linked else "")
    )
    if counts["conflicting"]:
        out.note(
            "Conflicting ones are never guessed: make the shop's SKU the ItemIntegrationId, and unique, before the"
            " first send. One that only looks alike is left alone, and the item is made beside it."
        )
    if record.state == channels.HELD:
        out.note(f"The channel is held; it starts with: integrator channel resume {record.id}")
