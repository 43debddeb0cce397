"""The state of sandbox shops: they stand in for a platform, so they share nothing with the tables above
but the database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, ForeignKeyConstraint, Identity, Index, Table, Text

from integrator.store.tables.base import Time, created_at, document, metadata

# `key` is the secret that opens the shop's API; `behaviour` how it misbehaves, `counters` its requests,
# `profile` currency, tax and the webhook it sends. The row is also the lock that every write of the shop takes.
sandbox_shops = Table(
    "sandbox_shops",
    metadata,
    Column("name", Text, primary_key=True),
    Column("key", Text, nullable=False),
    document("behaviour"),
    document("counters"),
    document("profile"),
    created_at(),
)

# What a shop holds, by kind: product (key: the caller's external id), variant (key: SKU, parent: product),
# order (key: number; payments, fulfilments and refunds are in its body), delivery (a webhook that was sent).
sandbox_documents = Table(
    "sandbox_documents",
    metadata,
    Column("shop", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("id", BigInteger, Identity(always=False), primary_key=True),
    Column("key", Text, nullable=False, server_default=""),
    Column("parent", BigInteger),
    Column("modified_at", Time, nullable=False),
    document("body"),
    ForeignKeyConstraint(["shop"], ["sandbox_shops.name"], ondelete="CASCADE"),
    Index("ix_sandbox_documents_key", "shop", "kind", "key"),
    Index("ix_sandbox_documents_parent", "shop", "kind", "parent"),
    Index("ix_sandbox_documents_modified", "shop", "kind", "modified_at", "id"),
)
