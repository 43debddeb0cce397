"""What an operator's "resend" does: start the thing again that an issue is about.

The issue stays open until the thing succeeds and closes it; what fails again counts on it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, text

from integrator.catalogue import marks
from integrator.codes import Code
from integrator.orders import deliveries, shipping
from integrator.sync import circuit, pull, queue

LANES = ("content", "price", "stock")
RECORDS = ("order", "transaction", "capture")

Key = tuple[int, int, int, str, str, bool]


def resend(connection: Connection, issues: Iterable[Mapping[str, Any]]) -> dict[int, str]:
    """What was started, by the issue's number; "" where there is nothing that could be. Never commits."""
    groups: dict[Key, list[Mapping[str, Any]]] = defaultdict(list)
    for one in issues:
        gone = one["purpose"] == "reconcile" or one["code"] == Code.LISTING_MISSING
        key = (one["account_id"], one["store_id"], one["channel_id"], one["subject"], one["purpose"], gone)
        groups[key].append(one)
    done: dict[int, str] = {}
    for key, members in sorted(groups.items(), key=lambda group: group[0]):
        account_id, store_id, channel_id, subject, purpose, gone = key
        ids = sorted({str(one["subject_id"]) for one in members})
        if subject == "product":
            started = products(connection, account_id, store_id, channel_id, purpose, ids, gone=gone)
        elif subject in RECORDS and purpose in ("pull", "items"):
            started = orders(connection, account_id, channel_id, ids)
        elif subject in RECORDS:
            started = _offered(connection, account_id, store_id, subject, ids)
        elif subject == "shipment":
            many = shipping.resend(connection, account_id, store_id, ids)
            queue.defer(connection, account_id, channel_id, ["ship"])
            started = f"{many} shipment(s) are sent again" if many else ""
        elif subject == "channel":
            started = channel(connection, account_id, channel_id, purpose)
        else:
            started = ""
        done.update({int(one["id"]): started for one in members})
    return done


def products(
    connection: Connection,
    account_id: int,
    store_id: int,
    channel_id: int,
    purpose: str,
    item_ids: Sequence[str],
    *,
    gone: bool = False,
) -> str:
    """Their lane (of one channel, or of all with channel 0) is pushed again, also where the shop should have it.

    A listing that was in conflict, or that the shop has lost (`gone`), is looked for by its SKU and made if it is
    not there.
    """
    lanes = [purpose] if purpose in LANES and not gone else list(LANES)
    where = {"account_id": account_id, "store_id": store_id, "channel_id": channel_id}
    ids = list(
        connection.execute(
            text(
                "SELECT id FROM products WHERE account_id = :account_id AND store_id = :store_id"
                " AND item_id = ANY(CAST(:items AS text[])) ORDER BY id"
            ),
            {**where, "items": list(item_ids)},
        ).scalars()
    )
    if not ids:
        return ""
    marks.mark_many(connection, account_id, dict.fromkeys(lanes, ids), channel_id or None)
    connection.execute(
        text(
            "UPDATE lanes SET sent = CASE WHEN :gone THEN NULL ELSE sent || '{\"stale\": true}' END"
            " WHERE account_id = :account_id AND (channel_id = :channel_id OR :channel_id = 0)"
            " AND lane = ANY(:lanes) AND product_id = ANY(:ids) AND sent IS NOT NULL"
        ),
        {**where, "gone": gone, "lanes": lanes, "ids": ids},
    )
    connection.execute(
        text(
            "UPDATE listings SET state = CASE WHEN :gone OR remote = '{}' THEN 'new' ELSE 'linked' END,"
            " remote = CASE WHEN :gone THEN '{}' ELSE remote END WHERE account_id = :account_id"
            " AND (channel_id = :channel_id OR :channel_id = 0) AND product_id = ANY(:ids)"
            " AND (:gone OR state = 'conflict')"
        ),
        {**where, "gone": gone, "ids": ids},
    )
    if channel_id:
        queue.defer(connection, account_id, channel_id, lanes)
    return f"{len(ids)} product(s) are pushed again ({', '.join(lanes)})"


def orders(connection: Connection, account_id: int, channel_id: int, public_ids: Sequence[str]) -> str:
    """They are read from the shop again, however long ago they changed."""
    prefix = f"{channel_id}-"
    for public_id in public_ids:
        pull.look_at_order(connection, account_id, channel_id, public_id.removeprefix(prefix))
    queue.defer(connection, account_id, channel_id, ["pull"])
    return f"{len(public_ids)} order(s) are read again"


def _offered(connection: Connection, account_id: int, store_id: int, kind: str, public_ids: Sequence[str]) -> str:
    many = deliveries.offer_again(connection, account_id, store_id, kind, public_ids)  # type: ignore[arg-type]
    return f"{many} {kind}(s) are offered to the POS again" if many else ""


def channel(connection: Connection, account_id: int, channel_id: int, purpose: str = "") -> str:
    """It is spoken to at once; what was refused is tried again."""
    circuit.resume(connection, account_id, channel_id)
    due = {"webhooks": "webhooks_at", "reconcile": "reconciled_at"}.get(purpose)
    if due is not None:
        connection.execute(
            text("UPDATE channels SET sync = sync - :key WHERE account_id = :account_id AND id = :id"),
            {"key": due, "account_id": account_id, "id": channel_id},
        )
    kinds = [*LANES, "ship", "pull", *([purpose] if due is not None else [])]
    queue.defer(connection, account_id, channel_id, kinds)
    return "the channel is tried at once"
