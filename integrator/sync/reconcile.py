"""The nightly comparison of a channel with its shop: "142 of 142".

Reads all that the shop sells and compares it, by the platform's ids and by SKU, with what the shop should hold
now. What has drifted is pushed again; what is gone becomes an issue, because whoever deleted it may have meant
it; what the shop has under a SKU of ours without our knowing is linked. It holds no lock on the channel: whatever
is being pushed or was accepted after the reading began is left out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import Any

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.catalogue import marks
from integrator.catalogue.loading import load_pushes
from integrator.codes import CATALOGUE, Code
from integrator.connectors.pushes import ListingPush, RemoteListing
from integrator.journal import issues
from integrator.store.engine import begin
from integrator.sync import circuit, queue, trouble
from integrator.sync.session import at_work, load

logger = logging.getLogger(__name__)

COMPARED_AT_ONCE = 1_000
SHOWN = 50  # examples kept of each finding


@dataclass(slots=True)
class Findings:
    """What the comparison found. `state`: done, paused, failed, idle (another one is running)."""

    state: str = "done"
    listed: int = 0
    matched: int = 0
    drifted: int = 0
    missing: int = 0
    unknown: int = 0
    in_motion: int = 0  # being pushed, or changed while the shop was read: as good as wanted
    details: dict[str, list[Any]] = field(default_factory=dict)
    message: str = ""

    def note(self, kind: str, what: Any) -> None:
        kept = self.details.setdefault(kind, [])
        if len(kept) < SHOWN:
            kept.append(what)

    def __str__(self) -> str:
        return f"{self.matched} of {self.listed}"


def differences(there: RemoteListing, listing: ListingPush, now: datetime) -> dict[str, tuple[str, str]]:
    """What the shop holds and should not, by lane: (has, should). What a platform does not show is not compared."""
    found: dict[str, tuple[str, str]] = {}
    price = listing.price
    if there.price is not None and there.price != price.price:
        found["price"] = (str(there.price), str(price.price))
    begun = price.sale_start is None or price.sale_start <= now
    over = price.sale_end is not None and price.sale_end <= now
    running = price.sale_price if begun and not over else None
    # a shop with sale windows may show one that is ahead, or only one that runs
    if there.sale_price not in {price.sale_price, running} and "price" not in found:
        found["price"] = (f"sale {there.sale_price}", f"sale {running}")
    if there.quantity is not None and there.quantity != listing.stock.quantity:
        found["stock"] = (_plain(there.quantity), _plain(listing.stock.quantity))
    return found


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")


def reconcile(account_id: int, channel_id: int) -> Findings:
    """Compare, repair, report. The result is kept in `reconciliations`."""
    channel, now = load(account_id, channel_id)
    findings = Findings()
    if not circuit.open_at(channel, now):
        findings.state = "paused"
        return findings
    with trouble.caught(channel, "reconcile") as caught, at_work(channel, "reconcile") as work:
        # a dictionary of the whole shop: 50,000 listings are some 40 MB, and ids decide, not the order
        shop = _Shop(work.connector.read_listings())
        _compare(channel, shop, now, findings)
    if caught.error is not None:
        findings.state, findings.message = "failed", caught.error.message
        return findings
    with begin() as connection:
        _keep(connection, channel, now, findings)
    if findings.drifted:
        queue.defer_now(account_id, channel_id, ["stock", "price"])
    logger.info("Channel %d: %s listings are as wanted.", channel_id, findings)
    return findings


class _Shop:
    """What the shop sells, by SKU."""

    def __init__(self, listings: Iterable[RemoteListing]) -> None:
        self.by_sku: dict[str, list[RemoteListing]] = {}
        self.by_ids: dict[frozenset[tuple[str, str]], RemoteListing] = {}
        self.seen: set[int] = set()
        self.count = 0
        for one in listings:
            if one.trashed:
                continue
            self.count += 1
            self.by_sku.setdefault(one.sku, []).append(one)
            self.by_ids[frozenset(one.remote.items())] = one

    def find(self, listing: ListingPush) -> RemoteListing | None:
        """By our ids, else by the one listing with our SKU that does not contradict them."""
        found = self.by_ids.get(frozenset(listing.remote.items()))
        if found is None:
            there = self.by_sku.get(listing.item_id, [])
            fitting = [one for one in there if _agree(one.remote, listing.remote)]
            found = fitting[0] if len(fitting) == 1 else None
        if found is not None:
            self.seen.add(id(found))
        return found

    def others(self) -> Iterator[RemoteListing]:
        return (one for many in self.by_sku.values() for one in many if id(one) not in self.seen)


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether ids of one thing: no kind of id that both have differs."""
    return all(other[kind] == value for kind, value in one.items() if kind in other)


LISTED = text(
    "SELECT l.product_id, l.remote <> '{}'::jsonb AS linked FROM listings l"
    " WHERE l.account_id = :account_id AND l.channel_id = :channel_id AND l.state <> 'conflict'"
    " ORDER BY l.product_id"
)

# Lanes that are at rest: nothing wanted, nothing accepted since the shop was read.
AT_REST = text(
    "SELECT product_id, lane FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND product_id = ANY(:ids) AND NOT pending AND NOT failed AND wanted_at < :since"
    " AND coalesce(accepted_at < :since, true)"
)


def _compare(channel: ChannelRecord, shop: _Shop, started: datetime, findings: Findings) -> None:
    where = {"account_id": channel.account_id, "channel_id": channel.id}
    with begin() as connection:
        rows = connection.execute(LISTED, where).all()
    left = iter(rows)
    while part := list(islice(left, COMPARED_AT_ONCE)):
        linked = {row.product_id: row.linked for row in part}
        with begin() as connection:
            pushes = load_pushes(connection, channel, "stock", list(linked), started)
            at_rest: dict[int, set[str]] = {}
            for row in connection.execute(AT_REST, {**where, "ids": list(linked), "since": started}):
                at_rest.setdefault(row.product_id, set()).add(row.lane)
            listings = [one for style in pushes for one in style.listings if one.product_id in style.wanted]
            _compare_part(connection, channel, shop, listings, at_rest, started, findings)
    for other in shop.others():
        findings.unknown += 1
        findings.note("unknown", {"Sku": other.sku, "Name": other.name})


def _compare_part(
    connection: Connection,
    channel: ChannelRecord,
    shop: _Shop,
    listings: Sequence[ListingPush],
    at_rest: Mapping[int, set[str]],
    started: datetime,
    findings: Findings,
) -> None:
    drifted: dict[str, list[int]] = {}
    gone: list[ListingPush] = []
    back: list[str] = []
    known: dict[int, Mapping[str, str]] = {}
    for listing in listings:
        there = shop.find(listing)
        lanes = at_rest.get(listing.product_id, set())
        if listing.is_new:
            if there is not None:  # the shop has it already: the next content push need not look for it
                known[listing.product_id] = there.remote
            continue
        findings.listed += 1
        if there is None:
            if "content" in lanes:
                findings.missing += 1
                findings.note("missing", listing.item_id)
                gone.append(listing)
            else:
                findings.in_motion += 1
                findings.matched += 1
            continue
        back.append(listing.item_id)
        found = differences(there, listing, started)
        wrong = {lane: values for lane, values in found.items() if lane in lanes}
        if wrong:
            findings.drifted += 1
            for lane, (has, should) in wrong.items():
                drifted.setdefault(lane, []).append(listing.product_id)
                findings.note("drifted", {"Id": listing.item_id, "Lane": lane, "Has": has, "Should": should})
        else:
            findings.matched += 1
            findings.in_motion += bool(found)
    for lane, product_ids in sorted(drifted.items()):
        connection.execute(
            text(
                "UPDATE lanes SET sent = sent || '{\"stale\": true}' WHERE account_id = :account_id"
                " AND channel_id = :channel_id AND lane = :lane AND product_id = ANY(:ids)"
            ),
            {"account_id": channel.account_id, "channel_id": channel.id, "lane": lane, "ids": sorted(product_ids)},
        )
    if drifted:
        marks.mark_many(connection, channel.account_id, drifted, channel.id)
    if known:
        link(connection, channel, known)
    where: dict[str, Any] = {
        "account_id": channel.account_id, "store_id": channel.store_id, "channel_id": channel.id, "subject": "product",
        "purpose": "reconcile",
    }  # fmt: skip
    entry = CATALOGUE[Code.LISTING_MISSING]
    issues.report_many(
        connection,
        **where,
        findings=[issues.Finding(one.item_id, Code.LISTING_MISSING, entry.meaning, entry.remedy) for one in gone],
    )
    issues.resolve(connection, **where, subject_ids=back)


def link(connection: Connection, channel: ChannelRecord, known: Mapping[int, Mapping[str, str]]) -> None:
    """Remember which listing of the shop each product is, unless that is known, and send what it should hold."""
    connection.execute(
        text(
            "UPDATE listings l SET remote = v.remote, state = 'linked', linked_at = now()"
            " FROM unnest(CAST(:ids AS bigint[]), CAST(:remotes AS jsonb[])) AS v(product_id, remote)"
            " WHERE l.account_id = :account_id AND l.channel_id = :channel_id AND l.product_id = v.product_id"
            " AND l.remote = '{}'::jsonb"
        ),
        {
            "account_id": channel.account_id,
            "channel_id": channel.id,
            "ids": list(known),
            "remotes": [json.dumps(dict(one)) for one in known.values()],
        },
    )
    marks.mark_many(
        connection, channel.account_id, {lane: list(known) for lane in ("content", "price", "stock")}, channel.id
    )


def _keep(connection: Connection, channel: ChannelRecord, started: datetime, findings: Findings) -> None:
    where = {"account_id": channel.account_id, "id": channel.id}
    connection.execute(
        text(
            "INSERT INTO reconciliations (account_id, channel_id, started_at, listed, matched, drifted, missing,"
            " unknown, details) VALUES (:account_id, :id, :started, :listed, :matched, :drifted, :missing, :unknown,"
            " CAST(:details AS jsonb))"
        ),
        {
            **where,
            "started": started,
            "listed": findings.listed,
            "matched": findings.matched,
            "drifted": findings.drifted,
            "missing": findings.missing,
            "unknown": findings.unknown,
            "details": json.dumps(findings.details, ensure_ascii=False),
        },
    )
    connection.execute(
        text(
            "UPDATE channels SET sync = sync || jsonb_build_object('reconciled_at', now())"
            " WHERE account_id = :account_id AND id = :id"
        ),
        where,
    )
    circuit.succeeded(connection, channel)
    trouble.over(connection, channel, "reconcile")


def last(connection: Connection, account_id: int, channel_id: int) -> dict[str, Any] | None:
    """The newest result, for the operator."""
    row = connection.execute(
        text(
            "SELECT started_at, finished_at, listed, matched, drifted, missing, unknown, details FROM reconciliations"
            " WHERE account_id = :account_id AND channel_id = :channel_id ORDER BY finished_at DESC LIMIT 1"
        ),
        {"account_id": account_id, "channel_id": channel_id},
    ).first()
    return dict(row._mapping) if row else None
