"""Who: accounts, stores with their users and locations, channels."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from integrator.store.tables.base import Time, account_id, created_at, document, metadata, number

# A merchant: the tenant. The only key that is one number.
accounts = Table(
    "accounts",
    metadata,
    number(),
    Column("name", Text, nullable=False, unique=True),
    created_at(),
)

# One POS connection. `code` is the StoreId that the POS sends, unique over all accounts because a call
# carries nothing else that says whose it is. `settings`: accounts.settings.StoreSettings.
stores = Table(
    "stores",
    metadata,
    account_id(),
    number(),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    document("settings"),
    created_at(),
    ForeignKeyConstraint(["account_id"], ["accounts.id"], ondelete="CASCADE"),
)

# Who may call. `service` limits the user to ProductTasks or OrderTasks; null means both.
store_users = Table(
    "store_users",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("service", Text),
    Column("revoked_at", Time),
    created_at(),
    UniqueConstraint("account_id", "store_id", "name"),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
)

# A generated password, kept only as its SHA-256 digest (256 bits of chance need no slow hash). During a
# rotation a user has two: the old one carries `expires_at`.
user_secrets = Table(
    "user_secrets",
    metadata,
    account_id(),
    number(),
    Column("user_id", BigInteger, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("expires_at", Time),
    Column("last_used_at", Time),
    created_at(),
    ForeignKeyConstraint(["account_id", "user_id"], ["store_users.account_id", "store_users.id"], ondelete="CASCADE"),
    Index("ix_user_secrets_user", "account_id", "user_id"),
)

# Where the POS keeps goods. `position` 1 is the primary location, to which web orders are booked.
locations = Table(
    "locations",
    metadata,
    account_id(),
    Column("store_id", BigInteger, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("name", Text, nullable=False, server_default=""),
    Column("enabled", Boolean, nullable=False, server_default=text("true")),
    Column("position", Integer, nullable=False, server_default=text("1")),
    created_at(),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
)

# One shop on one platform. `credentials` is a Fernet token over JSON. `state`: active, held (by the
# operator), needs_credentials. `paused_until` is the circuit: no request before that time.
# `progress` holds what the connector remembers between pulls (watermarks). `sync` holds what the core does: the
# batch sizes after failures, orders to read again, when webhooks and reconciliation were last seen to.
channels = Table(
    "channels",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("platform", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("credentials", LargeBinary, nullable=False),
    document("settings"),
    Column("state", Text, nullable=False, server_default="active"),
    Column("state_reason", Text, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("paused_until", Time),
    document("progress"),
    document("sync"),
    Column("last_pull_at", Time),
    Column("last_success_at", Time),
    created_at(),
    UniqueConstraint("account_id", "name"),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
    Index("ix_channels_store", "account_id", "store_id"),
)
