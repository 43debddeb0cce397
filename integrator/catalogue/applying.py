"""Stock or prices of items that exist: looked up, compared, written and marked for the shops, in one statement.

What an item becomes is decided here by the same rules as in catalogue.merge, which has them for UpdatePOSProducts
(tests/catalogue/test_applying.py holds the two together). Every decision is taken under the row's lock, on what is
stored at that moment; rows are locked in the order of product_id. An item whose payload is the last one that was
applied is not even locked.

Lanes are locked in the order of (channel_id, product_id). For up to FEW items that is said in the statement; for more
it would cost a quarter of the time, and is left to the planner, which goes through the key of a table that holds so
many. That is not promised: where two calls lock each other out all the same, PostgreSQL ends one, and
store.engine.again runs it again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection

from integrator.catalogue import batches
from integrator.catalogue.checks import PRICE_FIELDS, Change
from integrator.catalogue.values import Payload

FEW = 1_000

# `shown`: whether a shop sees the difference. `complete`: see apply().
_APPLY = """
WITH sent AS MATERIALIZED (
    SELECT u.*, {decoded}p.id AS product_id
    FROM unnest(%(items)s::text[], %(hashes)s::text[], %(versions)s::bigint[], %(modified)s::timestamptz[],
                %(fields)s::int[], {arrays})
      WITH ORDINALITY AS u(item_id, sent, sent_version, sent_at, fields, {names}, n)
    LEFT JOIN LATERAL (
        SELECT p.id FROM products p
        WHERE p.account_id = %(account)s AND p.store_id = %(store)s AND p.item_id = u.item_id OFFSET 0) p ON true
), locked AS MATERIALIZED (
    SELECT u.n, u.product_id, u.sent, a.version AS old_version, a.modified_at AS old_at,
           coalesce(u.sent_version, a.version) AS version, coalesce(u.sent_at, a.modified_at) AS modified_at,
           CASE WHEN u.sent_version IS NOT NULL AND a.version IS NOT NULL AND u.sent_version <> a.version
                THEN u.sent_version < a.version
                ELSE coalesce(u.sent_at < a.modified_at, false) END AS superseded,
           {changed} AS changed, {shown} AS shown, {refused} AS refused, {merged}
    FROM sent u JOIN {table} a ON a.account_id = %(account)s AND a.product_id = u.product_id
    WHERE (a.hash = decode(u.sent, 'hex')
           AND (u.sent_version IS NULL OR u.sent_version IS NOT DISTINCT FROM a.version)
           AND (u.sent_at IS NULL OR u.sent_at IS NOT DISTINCT FROM a.modified_at)) IS NOT TRUE
      AND (SELECT count(product_id) FROM sent) >= %(complete)s
    ORDER BY a.product_id
    FOR NO KEY UPDATE OF a
), written AS (
    UPDATE {table} a
    SET hash = decode(l.sent, 'hex'), version = l.version, modified_at = l.modified_at,
        changed_at = CASE WHEN l.changed THEN now() ELSE a.changed_at END,
        call_id = CASE WHEN l.changed THEN %(call)s ELSE a.call_id END, {set}
    FROM locked l
    WHERE a.account_id = %(account)s AND a.product_id = l.product_id AND NOT l.superseded AND NOT l.refused
      AND (l.changed OR (l.version, l.modified_at) IS DISTINCT FROM (l.old_version, l.old_at))
    RETURNING a.product_id, l.changed AND l.shown AS shown
), held AS MATERIALIZED (
    SELECT FROM channels c CROSS JOIN written w
    JOIN lanes l ON l.account_id = %(account)s AND l.channel_id = c.id AND l.lane = '{lane}'
      AND l.product_id = w.product_id
    WHERE c.account_id = %(account)s AND c.store_id = %(store)s AND w.shown AND %(mark)s
      AND (SELECT count(*) FROM written) <= {few}
    ORDER BY l.channel_id, l.product_id
    FOR NO KEY UPDATE OF l
), marked AS (
    UPDATE lanes l
    SET pending = true, failed = false, attempts = 0, wanted = l.wanted + 1, wanted_at = now(),
        due_at = CASE WHEN l.pending AND l.due_at <= now() THEN l.due_at ELSE now() END
    FROM (SELECT c.id AS channel_id, w.product_id FROM channels c CROSS JOIN written w
          WHERE c.account_id = %(account)s AND c.store_id = %(store)s AND w.shown AND %(mark)s
            AND (SELECT count(*) FROM held) >= 0  -- afterwards
          ORDER BY c.id, w.product_id) k
    WHERE l.account_id = %(account)s AND l.channel_id = k.channel_id AND l.lane = '{lane}'
      AND l.product_id = k.product_id
)
SELECT 'missing', array_agg(n), NULL::bigint, NULL::timestamptz, NULL::timestamptz, NULL::timestamptz
FROM sent WHERE product_id IS NULL HAVING count(*) > 0
UNION ALL
SELECT 'updated', array_agg(n), NULL, NULL, NULL, NULL
FROM locked WHERE changed AND NOT superseded AND NOT refused HAVING count(*) > 0
UNION ALL
SELECT 'shown', array_agg(product_id), NULL, NULL, NULL, NULL
FROM written WHERE shown AND NOT %(mark)s HAVING count(*) > 0
UNION ALL
SELECT CASE WHEN superseded THEN 'superseded' ELSE 'refused' END, ARRAY[n], old_version, old_at, {window}
FROM locked WHERE superseded OR refused
"""


def _field(bit: int, column: str) -> str:
    """What a column becomes: what was sent, also NULL, or what it is."""
    return f"CASE WHEN u.fields & {bit} <> 0 THEN u.{column} ELSE a.{column} END"


def _differs(columns: Iterable[tuple[int, str]]) -> str:
    """Whether any of the columns becomes something else."""
    return "(" + " OR ".join(f"u.fields & {b} <> 0 AND u.{c} IS DISTINCT FROM a.{c}" for b, c in columns) + ")"


@dataclass(frozen=True)
class Aspect:
    """Stock or price: its statement, and how its payloads become the columns of it."""

    lane: str
    statement: str
    fields: dict[str, int]  # of a payload: the bit that says that it was sent
    payload: Callable[[Change], Payload]
    digest: Callable[[Change], str | None]
    columns: Callable[[Sequence[Payload]], dict[str, str]]


# -- stock

# Locations one by one: those not named stay, those without a quantity go, no list removes all. See merge.stock.
_QUANTITIES = """CASE WHEN u.fields & 2 = 0 THEN a.quantities
    WHEN u.quantities IS NULL THEN '{}'::jsonb ELSE jsonb_strip_nulls(a.quantities || u.quantities::jsonb) END"""

_STOCK = _APPLY.format(
    table="stocks",
    few=FEW,
    decoded="",
    lane="stock",
    arrays="%(quantity)s::numeric[], %(quantities)s::text[]",
    names="quantity, quantities",
    merged=f"{_field(1, 'quantity')} AS quantity, {_QUANTITIES} AS quantities",
    changed=f"({_differs([(1, 'quantity')])} OR u.fields & 2 <> 0 AND a.quantities <> {_QUANTITIES})",
    shown="true",
    refused="false",
    set="quantity = l.quantity, quantities = l.quantities",
    window="NULL, NULL",
)


def _stock_columns(payloads: Sequence[Payload]) -> dict[str, str]:
    locations = [one.get("LocationQuantities") for one in payloads]
    return {
        "quantity": batches.plain([one.get("Quantity") for one in payloads]),
        "quantities": batches.json_texts(locations) if any(locations) else "{}",
    }


STOCK = Aspect(
    "stock",
    _STOCK,
    {"Quantity": 1, "LocationQuantities": 2},
    lambda change: change.stock or {},
    lambda change: change.stock_hash,
    _stock_columns,
)

# -- price

_PRICE_COLUMNS = ("price", "sale_price", "sale_start", "sale_end", "msrp", "cost", "tiers")
_BITS = [(1 << place, name) for place, name in enumerate(_PRICE_COLUMNS)]
_MERGED = {name: _field(bit, name) for bit, name in _BITS}

_PRICE = _APPLY.format(
    table="prices",
    few=FEW,
    decoded="u.tiers_text::jsonb AS tiers, ",
    lane="price",
    arrays="%(price)s::numeric[], %(sale_price)s::numeric[], %(sale_start)s::timestamptz[],"
    " %(sale_end)s::timestamptz[], %(msrp)s::numeric[], %(cost)s::numeric[], %(tiers)s::text[]",
    names=", ".join(_PRICE_COLUMNS[:-1]) + ", tiers_text",
    merged=", ".join(f"{merged} AS {name}" for name, merged in _MERGED.items()),
    changed=_differs(_BITS),
    shown=_differs([one for one in _BITS if one[1] != "cost"]),  # what the merchant pays never leaves for a shop
    refused=f"coalesce({_MERGED['sale_end']} < {_MERGED['sale_start']}, false)",
    set=", ".join(f"{name} = l.{name}" for name in _PRICE_COLUMNS),
    window="sale_start, sale_end",
)


def _price_columns(payloads: Sequence[Payload]) -> dict[str, str]:
    tiers = [one.get("PriceTiers") for one in payloads]
    return {
        "price": batches.plain([one.get("Price") for one in payloads]),
        "sale_price": batches.plain([one.get("SalePrice") for one in payloads]),
        "sale_start": batches.times([one.get("SaleStart") for one in payloads]),
        "sale_end": batches.times([one.get("SaleEnd") for one in payloads]),
        "msrp": batches.plain([one.get("Msrp") for one in payloads]),
        "cost": batches.plain([one.get("Cost") for one in payloads]),
        "tiers": batches.json_texts(tiers) if any(tiers) else "{}",
    }


PRICE = Aspect(
    "price",
    _PRICE,
    {name: 1 << place for place, name in enumerate(PRICE_FIELDS)},
    lambda change: change.price or {},
    lambda change: change.price_hash,
    _price_columns,
)


# -- what is done with them


class Held(NamedTuple):
    """An item that was not applied, and what is stored instead; of a refused price its sale window."""

    change: Change
    version: int | None
    modified_at: datetime | None
    sale_start: datetime | None
    sale_end: datetime | None


@dataclass(slots=True)
class Applied:
    """What became of the items. Those in none of the lists are the same as before."""

    missing: Sequence[Change] = ()
    updated: Sequence[Change] = ()
    superseded: Sequence[Held] = ()
    refused: Sequence[Held] = ()
    shown: Sequence[int] = ()  # products whose lanes are to be marked, if the statement was not to do it


def apply(
    connection: Connection,
    base: dict[str, Any],
    aspect: Aspect,
    changes: Sequence[Change],
    *,
    complete: bool,
    mark: bool,
) -> Applied:
    """One statement for any number of items, each item once.

    `complete`: if an item is missing, nothing is locked or written, because the lock of the catalogue has to be taken
    first to be sure. `mark`: want what changed on the store's channels; if not, `shown` says what has to be wanted.
    """
    if not changes:
        return Applied()
    payloads = [aspect.payload(change) for change in changes]
    bits = aspect.fields
    fields = [sum([bits[name] for name in payload]) for payload in payloads]
    rows = batches.fetch(
        connection,
        aspect.statement,
        {
            **base,
            "items": batches.texts([change.item_id for change in changes]),
            "hashes": batches.plain([aspect.digest(change) for change in changes]),
            "versions": batches.plain([change.version for change in changes]),
            "modified": batches.times([change.modified_at for change in changes]),
            "fields": batches.plain(fields),
            **aspect.columns(payloads),
            "complete": len(changes) if complete else 0,
            "mark": mark,
        },
    )
    done = Applied()
    held: dict[str, list[Held]] = {"superseded": [], "refused": []}
    for outcome, numbers, *state in rows:
        if outcome == "shown":
            done.shown = numbers
        elif outcome in held:
            held[outcome].append(Held(changes[numbers[0] - 1], *state))
        elif outcome == "missing":
            done.missing = [changes[number - 1] for number in numbers]
        else:
            done.updated = [changes[number - 1] for number in numbers]
    done.superseded, done.refused = held["superseded"], held["refused"]
    return done
