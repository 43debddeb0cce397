"""What the POS said: products, prices and stock, each an aspect with its own hash, version and time;
and where it has to go: listings and their lanes.

The aspects are tables of their own so that UpdateInventory and UpdatePOSProducts never write the same
row, which is what keeps one from undoing the other, and so that a stock update touches a narrow row.
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from integrator.store.tables.base import Amount, Hash, Time, account_id, created_at, document, metadata, number


def aspect() -> list[Column[object]]:
    """What every aspect carries beside its values.

    hash: digest of the last payload that was applied to this aspect; the same payload again is
    unchanged without looking further (a partial update applied twice is the same as once).
    version, modified_at: the POS's own Version and LastModified; older ones are superseded.
    changed_at, call_id: when it last changed here, and the call that did it.
    """
    return [
        Column("hash", Hash),
        Column("version", BigInteger),
        Column("modified_at", Time),
        Column("changed_at", Time, nullable=False, server_default=text("now()")),
        Column("call_id", Uuid),
    ]


def of_product() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["account_id", "product_id"], ["products.account_id", "products.id"], ondelete="CASCADE"
    )


# The product and its content aspect. `content` holds the fields of POSProduct that are neither price nor
# stock, by their names in the contract, absent where the POS never sent them.
products = Table(
    "products",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("item_id", Text, nullable=False),
    Column("style_id", Text),
    document("content"),
    *aspect(),
    created_at(),
    UniqueConstraint("account_id", "store_id", "item_id"),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
    Index("ix_products_style", "account_id", "store_id", "style_id", postgresql_where=text("style_id IS NOT NULL")),
)

prices = Table(
    "prices",
    metadata,
    account_id(),
    Column("product_id", BigInteger, primary_key=True),
    Column("price", Amount),
    Column("sale_price", Amount),
    Column("sale_start", Time),
    Column("sale_end", Time),
    Column("msrp", Amount),
    Column("cost", Amount),
    Column("tiers", JSONB),
    *aspect(),
    of_product(),
    # the sale boundaries ahead: where a platform has no windows, the price lane wakes at each
    Index("ix_prices_sale_start", "account_id", "sale_start", postgresql_where=text("sale_start IS NOT NULL")),
    Index("ix_prices_sale_end", "account_id", "sale_end", postgresql_where=text("sale_end IS NOT NULL")),
)

# `quantities`: {location code: quantity as text}; where it is not empty it overrides `quantity`.
stocks = Table(
    "stocks",
    metadata,
    account_id(),
    Column("product_id", BigInteger, primary_key=True),
    Column("quantity", Amount),
    document("quantities"),
    *aspect(),
    of_product(),
)

# One product on one channel. `remote`: the platform's ids (product, variant, inventory item, ...), empty
# until the shop has it. `state`: new, linked, conflict (several matches: a person decides).
listings = Table(
    "listings",
    metadata,
    account_id(),
    Column("channel_id", BigInteger, primary_key=True),
    Column("product_id", BigInteger, primary_key=True),
    document("remote"),
    Column("state", Text, nullable=False, server_default="new"),
    Column("linked_at", Time),
    created_at(),
    ForeignKeyConstraint(["account_id", "channel_id"], ["channels.account_id", "channels.id"], ondelete="CASCADE"),
    of_product(),
    Index("ix_listings_product", "account_id", "product_id"),
    # finds the product of an order line by the platform's ids. Partial, so that the check of a foreign key can never
    # choose it: it would read all listings of the channel for each new lane
    Index(
        "ix_listings_remote",
        "account_id",
        "channel_id",
        text("(remote ->> 'product'::text)"),
        postgresql_where=text("(remote ->> 'product'::text) IS NOT NULL"),
    ),
)

# What a lane (content, price, stock) of a listing wants and last had accepted. State, not messages: ten
# updates before a push are one push of the newest value. `wanted` counts the changes; a push that was
# computed at `wanted` = 7 clears `pending` only if it still is 7. `due_at` is when it may be tried.
# `sent`: the value the shop last accepted, by which an unchanged push is not sent at all.
# `failed`: refused for good; not tried again until something changes or an operator resends it.
lanes = Table(
    "lanes",
    metadata,
    account_id(),
    Column("channel_id", BigInteger, primary_key=True),
    Column("lane", Text, primary_key=True),
    Column("product_id", BigInteger, primary_key=True),
    Column("pending", Boolean, nullable=False, server_default=text("true")),
    Column("failed", Boolean, nullable=False, server_default=text("false")),
    Column("wanted", BigInteger, nullable=False, server_default=text("1")),
    Column("wanted_at", Time, nullable=False, server_default=text("now()")),
    Column("due_at", Time, nullable=False, server_default=text("now()")),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("accepted_at", Time),
    Column("sent", JSONB),
    Column("attempt_id", BigInteger),
    ForeignKeyConstraint(
        ["account_id", "channel_id", "product_id"],
        ["listings.account_id", "listings.channel_id", "listings.product_id"],
        ondelete="CASCADE",
    ),
    Index("ix_lanes_due", "account_id", "channel_id", "lane", "due_at", postgresql_where=text("pending")),
    Index("ix_lanes_failed", "account_id", "channel_id", "lane", postgresql_where=text("failed")),
    Index("ix_lanes_product", "account_id", "product_id"),
)
