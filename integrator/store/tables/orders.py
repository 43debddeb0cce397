"""What the shops said: orders, transactions, captures, customers; what the POS said of them: deliveries
and shipments.

An order, transaction or capture is kept as the `document` that the POS will read (the contract's field
names, decimals as text), made once when the platform was read; beside it stand only the columns that
something asks for. Lines are rows, because allocation and shipments count them.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Index, Integer, Table, Text, UniqueConstraint, text

from integrator.store.tables.base import Amount, Hash, Time, account_id, created_at, document, metadata, number


def of_channel() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["account_id", "channel_id"], ["channels.account_id", "channels.id"], ondelete="CASCADE"
    )


def of_order() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(["account_id", "order_id"], ["orders.account_id", "orders.id"], ondelete="CASCADE")


# A shop customer and the POS's id for it. `web_id`: the platform's customer id, or `email:<address>` for guests.
customers = Table(
    "customers",
    metadata,
    account_id(),
    Column("channel_id", BigInteger, primary_key=True),
    Column("web_id", Text, primary_key=True),
    Column("store_id", BigInteger, nullable=False),
    Column("email", Text, nullable=False, server_default=""),
    Column("pos_id", Text),
    created_at(),
    of_channel(),
)

# `remote_id` is the platform's own id; `public_id` the OrderId that the POS sees: "<channel>-<remote id>".
# `hash` is the digest of the document: another one means a new revision.
orders = Table(
    "orders",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("remote_id", Text, nullable=False),
    Column("public_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("payment_status", Text, nullable=False, server_default=""),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("web_customer_id", Text),
    Column("placed_at", Time, nullable=False),
    Column("modified_at", Time, nullable=False),
    Column("cancelled_at", Time),
    document("document"),
    Column("hash", Hash, nullable=False),
    created_at(),
    UniqueConstraint("account_id", "channel_id", "remote_id"),
    UniqueConstraint("account_id", "store_id", "public_id"),
    of_channel(),
    Index("ix_orders_number", "account_id", "store_id", "number"),
    Index("ix_orders_placed", "account_id", "store_id", "placed_at"),
)

# `refunded`: units whose money went back before they shipped: they stay in the shop like cancelled ones.
# `allocated`: units that are sold on the web and that the POS's count does not contain yet; the published
# quantity is reduced by them. `known`: units that the POS knows of, cumulative: it confirmed the record that
# told it, or shipped them itself; `known_at`: when that last grew. `counted`: units that a stock count of the
# POS contains. The first count after `known_at` releases what is known (catalogue.allocation):
#     counted = known, allocated = least(allocated, greatest(ordered - cancelled - refunded - known, 0))
#     where allocated > 0 and counted < known and known_at < the count
order_lines = Table(
    "order_lines",
    metadata,
    account_id(),
    Column("order_id", BigInteger, primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("position", Integer, nullable=False),
    Column("store_id", BigInteger, nullable=False),
    Column("item_id", Text, nullable=False, server_default=""),
    Column("product_id", BigInteger),
    Column("sku", Text, nullable=False, server_default=""),
    Column("line_type", Text, nullable=False, server_default="Item"),
    Column("ordered", Amount, nullable=False),
    Column("cancelled", Amount, nullable=False, server_default=text("0")),
    Column("shipped", Amount, nullable=False, server_default=text("0")),
    Column("returned", Amount, nullable=False, server_default=text("0")),
    Column("refunded", Amount, nullable=False, server_default=text("0")),
    Column("allocated", Amount, nullable=False, server_default=text("0")),
    Column("known", Amount, nullable=False, server_default=text("0")),
    Column("known_at", Time),
    Column("counted", Amount, nullable=False, server_default=text("0")),
    of_order(),
    Index("ix_order_lines_allocated", "account_id", "product_id", postgresql_where=text("allocated > 0")),
)

# One event each, immutable, under a key that is the same whenever it is derived again.
transactions = Table(
    "transactions",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("public_id", Text, nullable=False),  # "<channel>-shipment-<id>", "<channel>-refund-<id>"
    Column("type", Text, nullable=False),
    Column("occurred_at", Time, nullable=False),
    document("document"),
    created_at(),
    UniqueConstraint("account_id", "store_id", "public_id"),
    of_order(),
    Index("ix_transactions_order", "account_id", "order_id"),
)

captures = Table(
    "captures",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("public_id", Text, nullable=False),  # "<channel>-capture-<id>"
    Column("type", Text, nullable=False),
    Column("occurred_at", Time, nullable=False),
    document("document"),
    created_at(),
    UniqueConstraint("account_id", "store_id", "public_id"),
    of_order(),
    Index("ix_captures_order", "account_id", "order_id"),
)

# How a record stands towards the POS. `kind`: order, transaction, capture; `record_id` its number in that
# table. `state`: open (never answered), rejected (the POS refused it; offered again at `due_at`),
# confirmed, set_aside (by an operator, or after the last offer). GetNew reads the partial index and
# nothing else decides what is new.
deliveries = Table(
    "deliveries",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("record_id", BigInteger, nullable=False),
    Column("public_id", Text, nullable=False),
    Column("occurred_at", Time, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    Column("due_at", Time, nullable=False, server_default=text("now()")),
    Column("rejections", Integer, nullable=False, server_default=text("0")),
    Column("message", Text, nullable=False, server_default=""),
    Column("receipt_number", Text, nullable=False, server_default=""),
    Column("pos_customer_id", Text, nullable=False, server_default=""),
    Column("first_rejected_at", Time),
    Column("answered_at", Time),
    created_at(),
    UniqueConstraint("account_id", "store_id", "kind", "public_id"),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
    Index(
        "ix_deliveries_new",
        "account_id",
        "store_id",
        "kind",
        "occurred_at",
        "id",
        postgresql_where=text("state IN ('open', 'rejected')"),
    ),
)

# A shipment that the POS saved. `state`: wanted, sent, failed. `remote_id`: the shop's number for it.
# `mirrored_at`: when the shop's own quantities were first seen to contain it; until then its units are
# subtracted from what is open. `event_key`: the key of the shop's event that is this shipment.
shipments = Table(
    "shipments",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("order_id", BigInteger, nullable=False),
    Column("shipment_id", Text, nullable=False),
    document("document"),
    Column("hash", Hash, nullable=False),
    Column("state", Text, nullable=False, server_default="wanted"),
    Column("remote_id", Text),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("due_at", Time, nullable=False, server_default=text("now()")),
    Column("message", Text, nullable=False, server_default=""),
    Column("sent_at", Time),
    Column("mirrored_at", Time),
    Column("event_key", Text),
    Column("call_id", Text),
    created_at(),
    UniqueConstraint("account_id", "order_id", "shipment_id"),
    of_order(),
    Index("ix_shipments_due", "account_id", "channel_id", "due_at", postgresql_where=text("state = 'wanted'")),
)
