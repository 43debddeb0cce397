"""Reads what a lane has to push and computes what the shop should hold: the statements; the rules are elsewhere.

A handful of statements for any number of products, on the caller's snapshot.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from functools import cache, partial
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import Connection

from integrator.catalogue import allocation, batches, content, merge, publish
from integrator.codes import Code
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush

if TYPE_CHECKING:
    from integrator.accounts.channels import ChannelRecord

STYLES = """
SELECT DISTINCT p.style_id FROM products p
WHERE p.account_id = %(account)s AND p.id = ANY(%(products)s::bigint[]) AND p.style_id IS NOT NULL
"""

# Each row through its key, one by one: see catalogue.statements.
PRODUCTS = """
SELECT p.id, p.item_id, p.style_id, p.content, l.remote, l.state,
       r.price, r.sale_price, r.sale_start, r.sale_end, r.msrp, r.cost, r.tiers, s.quantity, s.quantities,
       k.wanted, k.sent
FROM products p
CROSS JOIN LATERAL (SELECT * FROM listings l WHERE l.account_id = %(account)s AND l.channel_id = %(channel)s
                    AND l.product_id = p.id OFFSET 0) l
CROSS JOIN LATERAL (SELECT * FROM prices r WHERE r.account_id = %(account)s AND r.product_id = p.id OFFSET 0) r
CROSS JOIN LATERAL (SELECT * FROM stocks s WHERE s.account_id = %(account)s AND s.product_id = p.id OFFSET 0) s
LEFT JOIN LATERAL (SELECT * FROM lanes k WHERE k.account_id = %(account)s AND k.channel_id = %(channel)s
                   AND k.lane = %(lane)s AND k.product_id = p.id OFFSET 0) k ON true
WHERE p.account_id = %(account)s AND p.store_id = %(store)s AND {which}
"""
BY_ID = PRODUCTS.format(which="p.id = ANY(%(products)s::bigint[])")
BY_STYLE = PRODUCTS.format(which="p.style_id = ANY(%(styles)s::text[])")

LOCATIONS = """
SELECT code, enabled, position FROM locations WHERE account_id = %(account)s AND store_id = %(store)s
"""


class Loaded(NamedTuple):
    """`refused`: products that cannot be published as they are, each with the reason for an issue."""

    pushes: list[StylePush]
    refused: list[PushResult]


@dataclass(slots=True)
class Item:
    """One product of the store with its listing on the channel, as the tables have it."""

    id: int
    item_id: str
    style_id: str | None
    content: Mapping[str, Any]
    remote: Mapping[str, str]
    state: str
    price: merge.Price
    stock: merge.Stock
    wanted: int
    sent: Mapping[str, Any] | None
    allocated: Decimal = field(default=publish.ZERO)

    @property
    def sell_online(self) -> bool:
        return bool(self.content.get("SellOnline", True))


def load_pushes(
    connection: Connection, channel: ChannelRecord, lane: str, product_ids: Sequence[int], now: datetime
) -> list[StylePush]:
    """What the shop should hold of these products; without those that cannot be published (see `load`).

    On the content lane a style comes with all its variants, since many platforms replace their whole list. On the
    other lanes only the products asked for come, and of their content only name, options and sell_online.
    """
    return load(connection, channel, lane, product_ids, now).pushes


def load(
    connection: Connection, channel: ChannelRecord, lane: str, product_ids: Sequence[int], now: datetime
) -> Loaded:
    """The same with the products that were left out, and why."""
    items = read_items(connection, channel, lane, product_ids, siblings=lane == "content")
    rules = quantity_rules(connection, channel)
    allowed = cache(partial(content.allowed, channel.settings))  # three yes or no, the same for most items
    asked = frozenset(product_ids)
    refused: list[PushResult] = []
    styles: dict[tuple[str, str | int], list[ListingPush]] = defaultdict(list)
    names: dict[tuple[str, str | int], str] = {}
    taken: dict[tuple[str, frozenset[tuple[str, str]]], ListingPush] = {}
    for item in items:
        key: tuple[str, str | int] = ("item", item.id) if item.style_id is None else ("style", item.style_id)
        try:
            price = publish.price(
                item.price, now, sale_windows=channel.capabilities.sale_windows, tiers=channel.capabilities.price_tiers
            ).price
        except publish.NotPublishable as reason:
            if item.id in asked:
                refused.append(_refusal(item.id, Code.VALUE_MISSING, reason.message, reason.hint))
            continue
        made = (content.content if lane == "content" else content.brief)(item.content, channel.settings)
        push = ListingPush(
            product_id=item.id,
            item_id=item.item_id,
            wanted=item.wanted,
            remote=item.remote,
            content=made,
            price=price,
            stock=publish.quantity(item.stock, item.allocated, rules, item.sell_online).stock,
            fields=allowed(
                is_new=not item.remote,
                sell_online=item.sell_online,
                hidden=(item.sent or {}).get("SellOnline") is False,
            ),
            sent=item.sent,
        )
        if item.style_id is not None and lane == "content":
            twin = taken.setdefault((item.style_id, _options(push)), push)
        else:
            twin = push
        if twin is not push:
            if item.id in asked:
                refused.append(_refusal(item.id, Code.VARIANT_CONFLICT, *_same_options(push, twin)))
            continue
        styles[key].append(push)
        names[key] = names.get(key) or content.clean_text(item.content.get("StyleName", ""))
    pushes = [
        StylePush(
            style_id=str(key[1]) if key[0] == "style" else None,
            name=(names[key] if key[0] == "style" else "") or listings[0].content.name,
            listings=tuple(_in_order(listings)),
            wanted=wanted,
        )
        for key, listings in styles.items()
        if (wanted := asked & {one.product_id for one in listings})
    ]
    return Loaded(pushes, refused)


def read_items(
    connection: Connection, channel: ChannelRecord, lane: str, product_ids: Sequence[int], *, siblings: bool
) -> list[Item]:
    """By product id, which is the order in which the POS first sent them."""
    parameters: dict[str, Any] = {
        "account": channel.account_id,
        "store": channel.store_id,
        "channel": channel.id,
        "lane": lane,
        "products": batches.plain(list(product_ids)),
    }
    rows = {row[0]: row for row in batches.fetch(connection, BY_ID, parameters)}
    if siblings:
        styles = [style for (style,) in batches.fetch(connection, STYLES, parameters)]
        if styles:
            parameters["styles"] = batches.texts(styles)
            rows |= {row[0]: row for row in batches.fetch(connection, BY_STYLE, parameters)}
    items = [
        Item(
            id=row[0], item_id=row[1], style_id=row[2], content=row[3], remote=row[4], state=row[5],
            price=merge.Price(*row[6:13]), stock=merge.Stock(row[13], row[14]), wanted=row[15] or 0, sent=row[16],
        )
        for _, row in sorted(rows.items())
    ]  # fmt: skip
    if channel.store.settings.allocation != "off":
        units = allocation.allocated(connection, channel.account_id, [item.id for item in items])
        for item in items:
            item.allocated = units.get(item.id, publish.ZERO)
    return items


def quantity_rules(connection: Connection, channel: ChannelRecord) -> publish.Rules:
    """How the channel counts."""
    found = batches.fetch(connection, LOCATIONS, {"account": channel.account_id, "store": channel.store_id})
    settings, capabilities = channel.settings, channel.capabilities
    counting = publish.counting(
        [publish.Location(*row) for row in found], settings.locations, settings.location_map, capabilities.locations
    )
    return replace(
        counting,
        safety_stock=settings.safety_stock,
        maximum=settings.maximum_quantity,
        decimals=capabilities.quantity_decimals,
    )


def _in_order(listings: Sequence[ListingPush]) -> list[ListingPush]:
    """Every variant names its options in the order of the first one, which is the order that the shop shows."""
    order = {name.casefold(): at for at, (name, _) in enumerate(listings[0].content.options)}
    names = {name.casefold(): name for name, _ in listings[0].content.options}
    ordered: list[ListingPush] = []
    for one in listings:
        options = sorted(one.content.options, key=lambda option: order.get(option[0].casefold(), len(order)))
        alike = tuple((names.get(name.casefold(), name), value) for name, value in options)
        same = alike == one.content.options
        ordered.append(one if same else replace(one, content=replace(one.content, options=alike)))
    return ordered


def _options(push: ListingPush) -> frozenset[tuple[str, str]]:
    return frozenset((name.casefold(), value.casefold()) for name, value in push.content.options)


def _same_options(push: ListingPush, twin: ListingPush) -> tuple[str, str]:
    words = ", ".join(f"{name}={value}" for name, value in push.content.options)
    return (
        f"With the channel's value map it has the same options as item {twin.item_id!r}: {words}.",
        "Map the values of the two items to different ones in the channel's settings, then resend the issue.",
    )


def _refusal(product_id: int, code: Code, message: str, hint: str) -> PushResult:
    return PushResult(product_id, Outcome.REJECTED, code=code, message=message, hint=hint)
