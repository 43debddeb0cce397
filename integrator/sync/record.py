"""Recording a batch: a few set-based statements in one transaction, whatever became of the items."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.pushes import ListingPush, PushResult
from integrator.journal import issues
from integrator.journal.issues import Finding

ATTEMPTS_TO_ISSUE = 5  # of one item, while others go through
LOOKED_AT_ONCE = 1_000  # lanes, for products that the shop does not have yet

LOCK = text(
    "SELECT product_id, wanted FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND lane = :lane AND product_id = ANY(:ids) ORDER BY product_id FOR UPDATE"
)

# `same`: the value that was pushed is still the one that is wanted, which the lock has shown. The ids are said twice:
# without the first a planner that does not know the channel's lanes yet reads all of them once for each item.
UPDATE = text(
    "UPDATE lanes l SET"
    " pending = CASE WHEN v.verdict IN ('retry', 'tried') THEN l.pending ELSE l.pending AND NOT v.same END,"
    " failed = CASE v.verdict WHEN 'refused' THEN v.same WHEN 'accepted' THEN false ELSE l.failed END,"
    " due_at = CASE WHEN v.same AND v.wait IS NOT NULL THEN now() + make_interval(secs => v.wait) ELSE l.due_at END,"
    " attempts = CASE WHEN v.verdict IN ('accepted', 'settled') THEN 0 WHEN v.verdict = 'tried' THEN l.attempts"
    "   ELSE l.attempts + 1 END,"
    " accepted_at = CASE v.verdict WHEN 'accepted' THEN now() ELSE l.accepted_at END,"
    " sent = CASE v.verdict WHEN 'accepted' THEN v.sent ELSE l.sent END,"
    " attempt_id = CASE WHEN v.verdict = 'settled' THEN l.attempt_id"
    "   ELSE coalesce(:attempt_id, l.attempt_id) END"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:same AS boolean[]), CAST(:verdicts AS text[]),"
    "   CAST(:sent AS jsonb[]), CAST(:waits AS float8[])) AS v(product_id, same, verdict, sent, wait)"
    " WHERE l.account_id = :account_id AND l.channel_id = :channel_id AND l.lane = :lane"
    " AND l.product_id = ANY(CAST(:ids AS bigint[])) AND l.product_id = v.product_id"
)

LINK = text(
    "UPDATE listings l SET remote = l.remote || v.remote,"
    " state = CASE WHEN v.conflict THEN 'conflict' WHEN v.remote = '{}'::jsonb THEN l.state ELSE 'linked' END,"
    " linked_at = CASE WHEN v.remote = '{}'::jsonb OR v.conflict THEN l.linked_at ELSE coalesce(l.linked_at, now()) END"
    " FROM unnest(CAST(:ids AS bigint[]), CAST(:remotes AS jsonb[]), CAST(:conflicts AS boolean[]))"
    " AS v(product_id, remote, conflict)"
    " WHERE l.account_id = :account_id AND l.channel_id = :channel_id AND l.product_id = v.product_id"
    " AND (v.conflict OR NOT l.remote @> v.remote OR l.state <> 'linked')"
)

# Price and stock of products that the shop does not have yet: out of the way of the others.
# By keys, one after the other: joined in one statement these tables, which grow faster than they are analysed, make
# the planner compare every lane with every listing. In the order in which they are claimed, and no more than it
# takes to know that the next batch has none of them: each batch of a long line would look at the whole line.
DUE = text(
    "SELECT product_id FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id AND lane = :lane"
    " AND pending AND due_at <= :now ORDER BY due_at, product_id LIMIT :rows"
)

NOT_THERE = text(
    "SELECT product_id FROM listings WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND product_id = ANY(CAST(:ids AS bigint[])) AND remote = '{}'"
)

PARK = text(
    "UPDATE lanes SET due_at = '9999-01-01' WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND lane = :lane AND product_id = ANY(:ids) AND pending AND due_at <= :now"
)

RELEASE = text(
    "UPDATE lanes SET due_at = now() WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND lane IN ('price', 'stock') AND product_id = ANY(:ids) AND pending AND due_at > now() + interval '1 year'"
)

LOCK_WAITING = text(
    "SELECT lane, product_id, wanted FROM lanes WHERE account_id = :account_id AND channel_id = :channel_id"
    " AND lane IN ('price', 'stock') AND product_id = ANY(:ids) ORDER BY lane, product_id FOR UPDATE"
)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A lane that was read to be pushed, in the snapshot that its values were read in."""

    item_id: str
    wanted: int
    attempts: int


# of an item: the number that its value was read with (None: whatever it is), the verdict, `sent`, seconds to wait
Row = tuple[int | None, str, str | None, float | None]


@dataclass(slots=True)
class Writes:
    """Collects what became of each item of a batch; `write` puts it down."""

    lane: str
    rows: dict[int, Row] = field(default_factory=dict)
    remotes: dict[int, tuple[Mapping[str, str], bool]] = field(default_factory=dict)
    carriages: dict[str, dict[int, tuple[int, str]]] = field(default_factory=dict)  # by lane
    fresh: dict[int, str] = field(default_factory=dict)  # the shop did not have them before: their item ids
    findings: list[Finding] = field(default_factory=list)
    well: list[str] = field(default_factory=list)  # item ids whose issues are over

    def settled(self, product_id: int, claim: Claimed) -> None:
        """Nothing has to be sent."""
        self.rows[product_id] = (claim.wanted, "settled", None, None)
        self.well.append(claim.item_id)

    def tried(self, product_id: int) -> None:
        """It was in a request that failed as a whole: the channel's pause says when it is next."""
        self.rows[product_id] = (None, "tried", None, None)

    def accepted(self, product_id: int, claim: Claimed, sent: Mapping[str, Any]) -> None:
        self.rows[product_id] = (claim.wanted, "accepted", json.dumps(sent, ensure_ascii=False), None)
        self.well.append(claim.item_id)

    def carried(self, lane: str, product_id: int, wanted: int, sent: Mapping[str, Any]) -> None:
        """Another lane's value that went along when the product was made."""
        self.carriages.setdefault(lane, {})[product_id] = (wanted, json.dumps(sent, ensure_ascii=False))

    def retry(self, product_id: int, claim: Claimed, wait: float, result: PushResult) -> None:
        """`wait`: seconds until it is tried again."""
        self.rows[product_id] = (claim.wanted, "retry", None, wait)
        if claim.attempts + 1 >= ATTEMPTS_TO_ISSUE:
            self.findings.append(Finding(claim.item_id, result.code, result.message, result.hint))

    def refused(self, product_id: int, claim: Claimed, result: PushResult) -> None:
        self.rows[product_id] = (claim.wanted, "refused", None, None)
        self.findings.append(Finding(claim.item_id, result.code, result.message, result.hint))

    def link(self, listing: ListingPush, remote: Mapping[str, str], *, conflict: bool = False) -> None:
        """Ids to remember; with `conflict` a person has to say which listing it is."""
        if remote or conflict:
            self.remotes[listing.product_id] = (remote, conflict)
        if remote and listing.is_new:
            self.fresh[listing.product_id] = listing.item_id

    def write(self, connection: Connection, channel: ChannelRecord, attempt_id: int | None) -> None:
        """In this order everywhere: lanes by (lane, product), listings, issues."""
        where = {"account_id": channel.account_id, "channel_id": channel.id, "attempt_id": attempt_id}
        if self.rows:
            found = connection.execute(LOCK, {**where, "lane": self.lane, "ids": sorted(self.rows)}).all()
            _update(connection, {**where, "lane": self.lane}, self.rows, {one.product_id: one.wanted for one in found})
        if self.fresh:
            fresh = sorted(self.fresh)
            waiting = connection.execute(LOCK_WAITING, {**where, "ids": fresh}).all()
            for lane, carried in sorted(self.carriages.items()):
                rows = {one: (wanted, "accepted", sent, None) for one, (wanted, sent) in carried.items()}
                now = {one.product_id: one.wanted for one in waiting if one.lane == lane}
                _update(connection, {**where, "lane": lane}, rows, now)
            connection.execute(RELEASE, {**where, "ids": fresh})
        if self.remotes:
            ids = sorted(self.remotes)
            connection.execute(
                LINK,
                {
                    **where,
                    "ids": ids,
                    "remotes": [json.dumps(dict(self.remotes[one][0])) for one in ids],
                    "conflicts": [self.remotes[one][1] for one in ids],
                },
            )
        issues.report_many(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject="product",
            purpose=self.lane,
            findings=self.findings,
        )
        issues.resolve(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject="product",
            subject_ids=self.well,
            purpose=self.lane,
        )
        for lane, carried in sorted(self.carriages.items()):
            issues.resolve(
                connection,
                account_id=channel.account_id,
                store_id=channel.store_id,
                channel_id=channel.id,
                subject="product",
                subject_ids=[self.fresh[one] for one in carried if one in self.fresh],
                purpose=lane,
            )


def _update(
    connection: Connection, where: Mapping[str, Any], rows: Mapping[int, Row], wanted_now: Mapping[int, int]
) -> None:
    """Of a lane whose rows are locked; `wanted_now` is what the lock has shown."""
    ids = sorted(rows)
    values = [rows[one] for one in ids]
    connection.execute(
        UPDATE,
        {
            **where,
            "ids": ids,
            "same": [rows[one][0] in (None, wanted_now.get(one)) for one in ids],
            "verdicts": [one[1] for one in values],
            "sent": [one[2] for one in values],
            "waits": [one[3] for one in values],
        },
    )


def park(connection: Connection, channel: ChannelRecord, lane: str, now: datetime, size: int) -> int:
    """Price and stock wait until the shop has the product; `Writes.link` lets them go. How many were put aside.

    Afterwards the first `size` that are due are products that the shop has (or there are fewer).
    """
    where = {"account_id": channel.account_id, "channel_id": channel.id, "lane": lane, "now": now}
    total = 0
    while True:
        due = list(connection.execute(DUE, {**where, "rows": max(size, LOOKED_AT_ONCE)}).scalars())
        ids = sorted(connection.execute(NOT_THERE, {**where, "ids": due}).scalars()) if due else []
        if ids:
            connection.execute(LOCK, {**where, "ids": ids})
            total += connection.execute(PARK, {**where, "ids": ids}).rowcount
        if not ids or len(due) - len(ids) >= size:
            return total


def remember_size(
    connection: Connection, channel: ChannelRecord, lane: str, size: int, cap: int, *, grow: bool, shrink: bool = False
) -> None:
    """The lane's batch size: halved when a batch fails as a whole, doubled with each that goes through.

    After an outage the first request is small, and a shop that cannot take the full batch in time settles at
    what it can.
    """
    following = max(1, size // 2) if shrink else min(cap, size * 2) if grow else size
    if following == size:
        return
    connection.execute(
        text(
            "UPDATE channels SET sync = CASE WHEN :following >= :cap THEN sync #- ARRAY['batch', :lane]"
            " ELSE jsonb_set(jsonb_set(sync, '{batch}', coalesce(sync -> 'batch', '{}')),"
            "   ARRAY['batch', :lane], to_jsonb(CAST(:following AS int))) END"
            " WHERE account_id = :account_id AND id = :id"
        ),
        {"following": following, "cap": cap, "lane": lane, "account_id": channel.account_id, "id": channel.id},
    )
