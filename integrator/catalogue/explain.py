"""Why a shop shows what it shows: everything that is known of one product, for `integrator product show`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord, list_channels
from integrator.catalogue import batches, loading, publish
from integrator.catalogue.values import plain
from integrator.journal import issues as journal
from integrator.store.tables import (
    attempts,
    call_failures,
    calls,
    channels,
    lanes,
    listings,
    order_lines,
    orders,
    prices,
    products,
    stocks,
)

FAILURES_SHOWN = 10
ISSUES_SHOWN = 20
PRICES = ("price", "sale_price", "sale_start", "sale_end", "msrp", "cost", "tiers")


class NoSuchProduct(LookupError):
    """The store has no product with this id."""


# -- words


def short(value: Any) -> Any:
    """Decimals without idle zeros, however deep; everything else as it is."""
    if isinstance(value, Decimal):
        return Decimal(plain(value))
    if isinstance(value, Mapping):
        return {key: short(one) for key, one in value.items()}
    return value


def quantity_words(found: publish.Quantity) -> str:
    """The arithmetic in one line: `12 counted (MAIN 7 + OUTLET 5) - 2 sold on the web - 1 kept back = 9`."""
    if not found.sell_online:
        return "0: SellOnline is false"
    line = f"{plain(found.counted)} counted"
    if found.from_locations:
        parts = " + ".join(f"{code} {plain(units)}" for code, units in found.locations.items())
        line += f" ({parts or 'at no location that counts'})"
    if found.allocated:
        line += f" - {plain(found.allocated)} sold on the web"
    if found.safety_stock:
        line += f" - {plain(found.safety_stock)} kept back"
    rest = found.counted - found.allocated - found.safety_stock
    line += f" = {plain(found.published)}"
    if rest < 0:
        line += ", not below 0"
    elif found.maximum is not None and rest > found.maximum:
        line += f", at most {plain(found.maximum)}"
    elif rest != found.published:
        line += ", only what the platform can hold"
    if found.left_out:
        line += "; not counted: " + ", ".join(f"{code} {plain(units)}" for code, units in found.left_out.items())
    return line


def price_words(asked: publish.Asked) -> str:
    price = asked.price
    line = plain(price.price)
    if price.sale_price is not None:
        line = f"{plain(price.sale_price)} instead of {line}"
        for word, at in (("from", price.sale_start), ("until", price.sale_end or asked.changes_at)):
            if at is not None:
                line += f" {word} {at:%Y-%m-%d %H:%M}Z"
    if asked.no_sale:
        line += f". {asked.no_sale}"
        if asked.changes_at is not None:
            line += f" It begins {asked.changes_at:%Y-%m-%d %H:%M}Z."
    return line


# -- reading


def product(
    connection: Connection, account_id: int, store_id: int, item_id: str, now: datetime | None = None
) -> dict[str, Any]:
    """Raises NoSuchProduct. Amounts are Decimal, times aware, everything else plain.

    `aspects`: when content, price and stock last changed here and the call that did it. `channels`: per shop the
    quantity and the price with their arithmetic, and per lane what is wanted and what was accepted, and when.
    """
    row = connection.execute(
        sa.select(products).where(
            products.c.account_id == account_id, products.c.store_id == store_id, products.c.item_id == item_id
        )
    ).first()
    if row is None:
        raise NoSuchProduct(item_id)
    price = _one(connection, prices, account_id, row.id)
    stock = _one(connection, stocks, account_id, row.id)
    clock = now or connection.execute(sa.select(sa.func.now())).scalar_one()
    callers = _calls(connection, account_id, [row.call_id, price["call_id"], stock["call_id"]])
    return {
        "item_id": row.item_id,
        "product_id": row.id,
        "style_id": row.style_id,
        "created_at": row.created_at,
        "content": row.content,
        "price": {name: short(price[name]) for name in PRICES},
        "stock": {"quantity": short(stock["quantity"]), "locations": stock["quantities"]},
        "aspects": {
            "content": _aspect(dict(row._mapping), callers),
            "price": _aspect(price, callers),
            "stock": _aspect(stock, callers),
        },
        "sold_on_the_web": _sold(connection, account_id, row.id),
        "channels": [
            _channel(connection, channel, row.id, item_id, clock)
            for channel in list_channels(connection, account_id, store_id)
        ],
        "call_failures": _failures(connection, account_id, store_id, item_id),
    }


def _one(connection: Connection, table: sa.Table, account_id: int, product_id: int) -> Mapping[str, Any]:
    found = connection.execute(
        sa.select(table).where(table.c.account_id == account_id, table.c.product_id == product_id)
    ).one()
    return dict(found._mapping)


def _calls(connection: Connection, account_id: int, ids: Sequence[Any]) -> dict[Any, dict[str, Any]]:
    wanted = [one for one in ids if one is not None]
    rows = connection.execute(
        sa.select(calls.c.id, calls.c.operation, calls.c.user_name, calls.c.started_at).where(
            calls.c.account_id == account_id, calls.c.id.in_(wanted)
        )
    )
    return {row.id: {"operation": row.operation, "user": row.user_name, "at": row.started_at} for row in rows}


def _aspect(row: Mapping[str, Any], callers: Mapping[Any, dict[str, Any]]) -> dict[str, Any]:
    """`operation` and `user` are missing once the journal of calls no longer has the call."""
    return {
        "sent": row["hash"] is not None,
        "changed_at": row["changed_at"],
        "version": row["version"],
        "modified_at": row["modified_at"],
        "call_id": row["call_id"],
        **callers.get(row["call_id"], {}),
    }


def _sold(connection: Connection, account_id: int, product_id: int) -> list[dict[str, Any]]:
    """The order lines whose units are subtracted, and since when the POS knows of them."""
    rows = connection.execute(
        sa.select(
            orders.c.public_id.label("order_id"),
            orders.c.number.label("order_number"),
            channels.c.name.label("channel"),
            order_lines.c.allocated.label("units"),
            order_lines.c.known_at,
        )
        .join(orders, (orders.c.account_id == order_lines.c.account_id) & (orders.c.id == order_lines.c.order_id))
        .join(channels, (channels.c.account_id == orders.c.account_id) & (channels.c.id == orders.c.channel_id))
        .where(
            order_lines.c.account_id == account_id,
            order_lines.c.product_id == product_id,
            order_lines.c.allocated > 0,
        )
        .order_by(orders.c.placed_at)
    )
    return [short(row._mapping) for row in rows]


def _channel(
    connection: Connection, channel: ChannelRecord, product_id: int, item_id: str, now: datetime
) -> dict[str, Any]:
    listing = connection.execute(
        sa.select(listings).where(
            listings.c.account_id == channel.account_id,
            listings.c.channel_id == channel.id,
            listings.c.product_id == product_id,
        )
    ).first()
    shown: dict[str, Any] = {
        "channel_id": channel.id,
        "name": channel.name,
        "platform": channel.platform,
        "state": channel.state,
        "listing": None
        if listing is None
        else {"state": listing.state, "remote": listing.remote, "linked_at": listing.linked_at},
        "quantity": None,
        "price": None,
        "refused": [],
        "lanes": _lanes(connection, channel, product_id),
        "issues": journal.listed(
            connection, channel.account_id, store_id=channel.store_id, channel_id=channel.id, subject="product",
            subject_id=item_id, state=None, limit=ISSUES_SHOWN,
        ),
    }  # fmt: skip
    if listing is None:
        return shown
    (item,) = loading.read_items(connection, channel, "stock", [product_id], siblings=False)
    rules = loading.quantity_rules(connection, channel)
    found = publish.quantity(item.stock, item.allocated, rules, item.sell_online)
    shown["quantity"] = short(
        {
            "published": found.published,
            "counted": found.counted,
            "locations": found.locations,
            "not_counted": found.left_out,
            "sold_on_the_web": found.allocated,
            "safety_stock": found.safety_stock,
            "maximum": found.maximum,
            "sell_online": found.sell_online,
            "by_location": found.by_location,
            "words": quantity_words(found),
        }
    )
    capabilities = channel.capabilities
    try:
        asked = publish.price(item.price, now, sale_windows=capabilities.sale_windows, tiers=capabilities.price_tiers)
    except publish.NotPublishable as reason:
        shown["price"] = {"words": f"{reason.message} {reason.hint}"}
    else:
        shown["price"] = short(
            {
                "price": asked.price.price,
                "sale_price": asked.price.sale_price,
                "sale_start": asked.price.sale_start,
                "sale_end": asked.price.sale_end,
                "changes_at": asked.changes_at,
                "words": price_words(asked),
            }
        )
    refused = loading.load(connection, channel, "content", [product_id], now).refused
    shown["refused"] = [f"{one.message} {one.hint}" for one in refused]
    return shown


def _lanes(connection: Connection, channel: ChannelRecord, product_id: int) -> dict[str, dict[str, Any]]:
    rows = connection.execute(
        sa.select(lanes, attempts.c.outcome, attempts.c.message, attempts.c.started_at.label("attempted_at"))
        .outerjoin(attempts, (attempts.c.account_id == lanes.c.account_id) & (attempts.c.id == lanes.c.attempt_id))
        .where(
            lanes.c.account_id == channel.account_id,
            lanes.c.channel_id == channel.id,
            lanes.c.product_id == product_id,
        )
        .order_by(lanes.c.lane)
    )
    return {
        row.lane: {
            "state": lane_state(pending=row.pending, failed=row.failed, accepted=row.accepted_at is not None),
            "changes": row.wanted,
            "wanted_at": row.wanted_at,
            "due_at": row.due_at if row.pending else None,
            "attempts": row.attempts,
            "accepted_at": row.accepted_at,
            "accepted": row.sent,
            "last_attempt": None
            if row.outcome is None
            else {"id": row.attempt_id, "at": row.attempted_at, "outcome": row.outcome, "message": row.message},
        }
        for row in rows
    }


def lane_state(*, pending: bool, failed: bool, accepted: bool) -> str:
    if failed:
        return "refused"
    if pending:
        return "waiting"
    return "accepted" if accepted else "nothing to send"


def _failures(connection: Connection, account_id: int, store_id: int, item_id: str) -> list[dict[str, Any]]:
    """The newest calls in which the item failed."""
    rows = connection.execute(
        sa.select(
            call_failures.c.created_at.label("at"),
            calls.c.operation,
            call_failures.c.call_id,
            call_failures.c.code,
            call_failures.c.field,
            call_failures.c.message,
        )
        .outerjoin(calls, (calls.c.account_id == call_failures.c.account_id) & (calls.c.id == call_failures.c.call_id))
        .where(
            call_failures.c.account_id == account_id,
            call_failures.c.store_id == store_id,
            call_failures.c.subject_id == item_id,
        )
        .order_by(call_failures.c.created_at.desc())
        .limit(FAILURES_SHOWN)
    )
    return [dict(row._mapping) for row in rows]


# -- lists


@dataclass(frozen=True, slots=True)
class Line:
    """A product in a list. `waiting` and `refused` count lanes over all channels."""

    item_id: str
    name: str
    style_id: str | None
    price: Decimal | None
    quantity: Decimal
    listed: int
    waiting: int
    refused: int
    changed_at: datetime


LIST = """
SELECT p.item_id, coalesce(p.content ->> 'Name', ''), p.style_id, r.price,
       coalesce((SELECT sum(q.value::numeric) FROM jsonb_each_text(s.quantities) AS q), s.quantity, 0),
       (SELECT count(*) FROM listings l
        WHERE l.account_id = p.account_id AND l.product_id = p.id AND l.state = 'linked'),
       (SELECT count(*) FROM lanes k WHERE k.account_id = p.account_id AND k.product_id = p.id AND k.pending),
       (SELECT count(*) FROM lanes k WHERE k.account_id = p.account_id AND k.product_id = p.id AND k.failed),
       greatest(p.changed_at, r.changed_at, s.changed_at)
FROM products p
JOIN prices r ON r.account_id = p.account_id AND r.product_id = p.id
JOIN stocks s ON s.account_id = p.account_id AND s.product_id = p.id
WHERE p.account_id = %(account)s AND p.store_id = %(store)s
  AND (%(style)s::text IS NULL OR p.style_id = %(style)s)
  AND (%(search)s::text IS NULL OR p.item_id ILIKE %(search)s OR p.content ->> 'Name' ILIKE %(search)s)
  AND (NOT %(refused)s OR EXISTS (
        SELECT 1 FROM lanes k WHERE k.account_id = p.account_id AND k.product_id = p.id AND k.failed))
  AND (NOT %(waiting)s OR EXISTS (
        SELECT 1 FROM lanes k WHERE k.account_id = p.account_id AND k.product_id = p.id AND k.pending))
ORDER BY p.item_id
LIMIT %(limit)s
"""


def listed(
    connection: Connection,
    account_id: int,
    store_id: int,
    *,
    search: str | None = None,
    style: str | None = None,
    refused: bool = False,
    waiting: bool = False,
    limit: int = 100,
) -> list[Line]:
    """By id. `search`: a part of the id or the name; `refused`, `waiting`: only those with such a lane."""
    pattern = None if not search else "%" + search.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_") + "%"
    found = batches.fetch(
        connection,
        LIST,
        {
            "account": account_id, "store": store_id, "search": pattern, "style": style, "refused": refused,
            "waiting": waiting, "limit": limit,
        },
    )  # fmt: skip
    return [Line(*(short(value) for value in row)) for row in found]
