"""Which product of the store an order line is: by the listing whose remote ids the shop names, else by the SKU.

Nothing is guessed: remote ids that fit several listings say nothing, and a SKU fits only exactly.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.records import OrderLine


@dataclass(frozen=True, slots=True)
class Item:
    item_id: str
    product_id: int


Wanted = tuple[str, str]  # the remote ids as canonical JSON, the SKU

# `remote ->> 'product'` has an index; the containment then tells the variants of one product apart
BY_LISTING = sa.text(
    """
    SELECT r.n, p.item_id, p.id, l.remote = r.remote AS exact
      FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(n int, remote jsonb)
      JOIN listings l ON l.account_id = :account AND l.channel_id = :channel
                     AND l.remote ->> 'product' = r.remote ->> 'product' AND l.remote @> r.remote
      JOIN products p ON p.account_id = l.account_id AND p.id = l.product_id
    """
)
BY_SKU = sa.text(
    """
    SELECT item_id, id FROM products
     WHERE account_id = :account AND store_id = :store AND item_id = ANY(CAST(:skus AS text[]))
    """
)


def wanted(line: OrderLine) -> Wanted:
    remote = {name: str(value) for name, value in line.remote.items() if value not in (None, "")}
    return json.dumps(remote, sort_keys=True), line.sku


def find(connection: Connection, channel: ChannelRecord, lines: Iterable[OrderLine]) -> Mapping[Wanted, Item]:
    """The item of every line that has one, under `wanted(line)`."""
    keys = sorted({wanted(line) for line in lines})
    if not keys:
        return {}
    by_listing: dict[int, list[tuple[bool, Item]]] = {}
    rows = [{"n": n, "remote": remote} for n, (text, _) in enumerate(keys) if "product" in (remote := json.loads(text))]
    if rows:
        parameters = {"rows": json.dumps(rows), "account": channel.account_id, "channel": channel.id}
        for row in connection.execute(BY_LISTING, parameters):
            by_listing.setdefault(row.n, []).append((row.exact, Item(row.item_id, row.id)))
    skus = sorted({sku for _, sku in keys if sku})
    parameters = {"account": channel.account_id, "store": channel.store_id, "skus": skus}
    by_sku = {row.item_id: Item(row.item_id, row.id) for row in connection.execute(BY_SKU, parameters)} if skus else {}
    found: dict[Wanted, Item] = {}
    for n, key in enumerate(keys):
        candidates = by_listing.get(n, [])
        exact = [item for is_exact, item in candidates if is_exact] or [item for _, item in candidates]
        item = exact[0] if len(exact) == 1 else by_sku.get(key[1])
        if item is not None:
            found[key] = item
    return found
