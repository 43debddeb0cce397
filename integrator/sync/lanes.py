"""One batch of one lane: read what is wanted, call the shop, record what it accepted.

No transaction is open while the shop is called. What changes meanwhile keeps its lane pending, because the
record clears `pending` only where `wanted` is still the number that the push was computed at.

A crash at any point costs a repetition, never a loss: before the record, the lane is still pending and the same
values are pushed again, which connectors must make harmless (values are absolute; creations are found by SKU).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.catalogue.loading import load as load_listings
from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import Connector, ConnectorError
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.store.engine import again, begin
from integrator.sync import circuit, pull, record, trouble
from integrator.sync.session import Work, at_work, channel_lock, load
from integrator.sync.split import Sent, send, units
from integrator.sync.wanted import accepted, unchanged

logger = logging.getLogger(__name__)

LANES = ("content", "price", "stock")
ORDERS_AT_MOST_OLD = timedelta(minutes=1)  # before stock is pushed
VARIANTS_READ_PER_STYLE = 20  # rows looked at per style to fill a content batch


@dataclass(slots=True)
class PushReport:
    """What one batch did. `state`: done, idle (nothing was due), busy (another is at work), paused, failed."""

    lane: str
    state: str = "idle"
    claimed: int = 0
    accepted: int = 0
    unchanged: int = 0
    rejected: int = 0
    retried: int = 0
    waiting: int = 0  # for the shop to have the product first
    calls: int = 0  # to the connector
    more: bool = False  # something is due right now
    message: str = ""


@dataclass(slots=True)
class Batch:
    """What was read: pushes, the claimed products that cannot be published as they are, and all that was claimed."""

    pushes: list[StylePush]
    refused: list[PushResult]
    claimed: dict[int, record.Claimed]
    others: dict[tuple[str, int], int]  # content: (lane, product) -> `wanted` of price and stock, in this snapshot
    size: int
    cap: int

    def listings(self) -> dict[int, ListingPush]:
        return {
            one.product_id: one for style in self.pushes for one in style.listings if one.product_id in style.wanted
        }


def push_once(
    account_id: int, channel_id: int, lane: str, now: datetime | None = None, *, wait: float = 10.0
) -> PushReport:
    """One batch of the lane, if the channel may be spoken to. `wait`: seconds to wait for another writer."""
    if lane not in LANES:
        raise ValueError(f"There is no lane {lane!r}; there are: {', '.join(LANES)}.")
    with channel_lock(channel_id, wait) as held:
        if not held:
            return PushReport(lane, "busy")
        return push_batch(account_id, channel_id, lane, now)


def push_batch(account_id: int, channel_id: int, lane: str, now: datetime | None = None) -> PushReport:
    """The same for a caller that holds the channel's lock."""
    channel, clock = load(account_id, channel_id)
    now = now or clock
    report = PushReport(lane)
    if not circuit.open_at(channel, now):
        report.state = "paused"
        return report
    if not _is_due(channel, lane, now):
        return report
    with trouble.caught(channel, lane) as caught, at_work(channel, lane) as work:
        if lane == "stock" and not _orders_seen(work, now):
            report.state = "paused"
            return report
        if lane != "content":
            with begin() as connection:
                report.waiting = record.park(connection, channel, lane, now, _cap(channel, lane))
        batch = _read(channel, lane, now)
        report.claimed = len(batch.claimed)
        _push(work, lane, batch, report)
        report.state = "failed" if report.message else "done"
    if caught.error is not None:
        report.state, report.message = "failed", caught.error.message
    report.more = report.state == "done" and _is_due(channel, lane, None)
    return report


def _orders_seen(work: Work, now: datetime) -> bool:
    """A stock push must not undo sales that the POS has not heard of, so the shop's orders are read first.

    False when the channel was paused by it. A shop that refuses to show orders is an issue of the pull, and
    no reason to leave its stock wrong.
    """
    last = work.channel.last_pull_at
    if last is not None and now - last < ORDERS_AT_MOST_OLD:
        return True
    with work.recorder.of("pull"):
        return pull.pull_pages(work).state != "failed"


# -- read


def _is_due(channel: ChannelRecord, lane: str, now: datetime | None) -> bool:
    with begin() as connection:
        return bool(
            connection.execute(
                text(
                    "SELECT EXISTS (SELECT 1 FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id"
                    " AND lane = :lane AND pending AND due_at <= coalesce(:now, now()))"
                ),
                {"account_id": channel.account_id, "channel_id": channel.id, "lane": lane, "now": now},
            ).scalar()
        )


CLAIM_ITEMS = text(
    "SELECT c.product_id, p.item_id, c.wanted, c.attempts FROM (SELECT * FROM lanes WHERE account_id = :account_id"
    " AND channel_id = :channel_id AND lane = :lane AND pending AND due_at <= :now ORDER BY due_at, product_id"
    " LIMIT :size) c JOIN products p ON p.account_id = c.account_id AND p.id = c.product_id"
)

# A style whose variants came in together is one unit: the first `size` units among the rows due longest.
CLAIM_STYLES = text(
    "WITH due AS (SELECT l.product_id, p.item_id, l.wanted, l.attempts, l.due_at,"
    " coalesce('s' || p.style_id, 'p' || p.id) AS unit FROM lanes l"
    " JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id"
    " WHERE l.account_id = :account_id AND l.channel_id = :channel_id AND l.lane = :lane AND l.pending"
    " AND l.due_at <= :now ORDER BY l.due_at, l.product_id LIMIT :rows),"
    " picked AS (SELECT unit FROM due GROUP BY unit ORDER BY min(due_at), min(product_id) LIMIT :size)"
    " SELECT product_id, item_id, wanted, attempts FROM due WHERE unit IN (SELECT unit FROM picked)"
)


OTHER_LANES = text(
    "SELECT lane, product_id, wanted FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND lane IN ('price', 'stock') AND product_id = ANY(:ids)"
)


def _cap(channel: ChannelRecord, lane: str) -> int:
    """The most that the connector takes at once."""
    capabilities = channel.capabilities
    return {
        "content": capabilities.content_batch,
        "price": capabilities.price_batch,
        "stock": capabilities.stock_batch,
    }[lane]


def _read(channel: ChannelRecord, lane: str, now: datetime) -> Batch:
    """The next batch, from one snapshot: `wanted` must never be newer than the values that go with it."""
    cap = _cap(channel, lane)
    with begin() as connection:
        connection.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"))
        remembered = connection.execute(
            text("SELECT sync #>> ARRAY['batch', :lane] FROM channels WHERE account_id = :account_id AND id = :id"),
            {"lane": lane, "account_id": channel.account_id, "id": channel.id},
        ).scalar()
        size = min(cap, int(remembered)) if remembered else cap
        rows = connection.execute(
            CLAIM_STYLES if lane == "content" else CLAIM_ITEMS,
            {
                "account_id": channel.account_id,
                "channel_id": channel.id,
                "lane": lane,
                "now": now,
                "size": size,
                **({"rows": size * VARIANTS_READ_PER_STYLE} if lane == "content" else {}),
            },
        ).all()
        claimed = {row.product_id: record.Claimed(row.item_id, row.wanted, row.attempts) for row in rows}
        loaded = load_listings(connection, channel, lane, list(claimed), now)
        where = {"account_id": channel.account_id, "channel_id": channel.id, "ids": list(claimed)}
        others = connection.execute(OTHER_LANES, where).all() if lane == "content" else []
    # the loader may bring siblings along as wanted; only what was claimed is ours to record
    narrowed = [replace(style, wanted=style.wanted & claimed.keys()) for style in loaded.pushes]
    refused = [one for one in loaded.refused if one.product_id in claimed]
    wanted = {(row.lane, row.product_id): row.wanted for row in others}
    return Batch([style for style in narrowed if style.wanted], refused, claimed, wanted, size, cap)


# -- call


def _push(work: Work, lane: str, batch: Batch, report: PushReport) -> None:
    connector, channel = work.connector, work.channel
    listings = batch.listings()
    writes = record.Writes(lane)
    for result in batch.refused:
        report.rejected += 1
        writes.refused(result.product_id, batch.claimed[result.product_id], _reasoned(result))
    for product_id in batch.claimed.keys() - listings.keys() - {one.product_id for one in batch.refused}:
        writes.settled(product_id, batch.claimed[product_id])  # gone meanwhile
    same = set()
    for one in listings.values():
        if unchanged(lane, one):
            same.add(one.product_id)
            writes.settled(one.product_id, batch.claimed[one.product_id])
    parts = _without(batch.pushes, same)
    if lane == "content":
        hidden = _not_for_sale(connector, parts, report)
        for product_id in hidden:
            writes.settled(product_id, batch.claimed[product_id])
        parts = _without(parts, hidden)
        same |= hidden
    sent, before = Sent(), work.recorder.calls
    if parts:
        call = {"content": connector.push_content, "price": connector.push_price, "stock": connector.push_stock}[lane]

        def alive(part: StylePush) -> None:
            connector.find([one.item_id for one in part.listings if one.product_id in part.wanted])

        sent = send(call, units(parts, by_item=lane != "content"), alive)
    if lane == "content" and sent.unknown:
        _find_again(connector, sent)
    report.unchanged, report.calls = len(same), report.calls + sent.calls
    for product_id, result in sent.results.items():
        listing, claim = listings[product_id], batch.claimed[product_id]
        if result.outcome is Outcome.ACCEPTED:
            report.accepted += 1
            writes.accepted(product_id, claim, accepted(lane, listing, result))
            if result.created and lane == "content":
                for other in ("price", "stock"):
                    writes.carried(other, product_id, batch.others[other, product_id], accepted(other, listing))
        elif result.outcome is Outcome.RETRY:
            report.retried += 1
            wait = circuit.backoff(claim.attempts + 1)
            if result.until is not None:
                wait = max(wait, (result.until - datetime.now(UTC)).total_seconds())
            writes.retry(product_id, claim, wait, _reasoned(result))
        else:
            report.rejected += 1
            writes.refused(product_id, claim, _reasoned(result))
        writes.link(listing, result.remote, conflict=result.outcome is Outcome.CONFLICT)
    if sent.stop is not None and work.recorder.calls > before:  # else nothing was asked of the shop
        for part in (*sent.failed, *sent.unknown):
            for product_id in part.wanted - sent.results.keys():
                writes.tried(product_id)
    report.message = sent.stop.message if sent.stop else ""

    def put_down(connection: Connection) -> None:
        writes.write(connection, channel, work.recorder.last_id)
        if sent.stop is None:
            if sent.calls:
                circuit.succeeded(connection, channel)
            record.remember_size(connection, channel, lane, batch.size, batch.cap, grow=bool(sent.calls))
        else:
            trouble.settle(connection, channel, lane, sent.stop)
            if trouble.is_failure(sent.stop):
                record.remember_size(connection, channel, lane, batch.size, batch.cap, grow=False, shrink=True)

    again(put_down)


def _without(styles: Sequence[StylePush], done: set[int]) -> list[StylePush]:
    narrowed = (replace(style, wanted=style.wanted - done) for style in styles)
    return [style for style in narrowed if style.wanted]


def _not_for_sale(connector: Connector, styles: Sequence[StylePush], report: PushReport) -> set[int]:
    """Listings that are not to be sold and that the shop does not have either: nothing is made for them.

    One that the shop has under its SKU without our knowing is pushed, so that it is taken down.
    """
    hidden = {
        one.item_id: one.product_id
        for style in styles
        for one in style.listings
        if one.product_id in style.wanted and one.is_new and not one.content.sell_online
    }
    if not hidden:
        return set()
    report.calls += 1
    found = connector.find(list(hidden))
    return {product_id for sku, product_id in hidden.items() if not found.get(sku)}


def _find_again(connector: Connector, sent: Sent) -> None:
    """After "sent, no answer": which of the new products does the shop have now?

    What is found is remembered, so that the next push updates instead of creating. When the shop does not
    answer this either, the connector's own check before it creates has to do.
    """
    new = {
        one.item_id: one
        for part in sent.unknown
        for one in part.listings
        if one.product_id in part.wanted and one.is_new
    }
    if not new:
        return
    sent.calls += 1
    try:
        found = connector.find(list(new))
    except ConnectorError:
        return
    for sku, listing in new.items():
        there = [one for one in found.get(sku, ()) if not one.trashed]
        if len(there) == 1:
            sent.results[listing.product_id] = PushResult(
                listing.product_id, Outcome.RETRY, remote=there[0].remote, code="NO_ANSWER",
                message="The shop did not answer, but it has the product; the rest is sent again.",
            )  # fmt: skip


DEFAULT_CODES = {
    Outcome.REJECTED: Code.REFUSED_BY_SHOP,
    Outcome.CONFLICT: Code.SKU_CONFLICT,
    Outcome.RETRY: Code.STILL_FAILING,
}


def _reasoned(result: PushResult) -> PushResult:
    """With a code, a message and a hint, whatever the connector left out."""
    code = result.code or DEFAULT_CODES[result.outcome]
    entry = CATALOGUE[Code(code)] if code in Code.__members__ else CATALOGUE[DEFAULT_CODES[result.outcome]]
    return replace(result, code=code, message=result.message or entry.meaning, hint=result.hint or entry.remedy)
