"""The state of sandbox shops: they stand in for a platform, so they share nothing with the tables above
but the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Identity, Table, Text

from integrator.store.tables.base import Time, created_at, document, metadata

# `key` is the secret that opens the shop's API; `behaviour` how it misbehaves.
sandbox_shops = Table(
    "sandbox_shops",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", Text, nullable=False),
    document("behaviour"),
    document("counters"),
    created_at(),
)

# Products, orders, fulfilments, refunds, payments, webhooks of a shop, by kind.
sandbox_documents = Table(
    "sandbox_documents",
    metadata,
    Column("shop", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("key", Text, nullable=False, server_default=""),
    Column("modified_at", Time, nullable=False),
    document("body"),
    ForeignKeyConstraint(["shop"], ["sandbox_shops.name"], ondelete="CASCADE"),
)
