"""What happened: calls of the POS, attempts at the platforms, issues for a person."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from integrator.store.tables.base import Time, account_id, created_at, document, metadata, number

# One SOAP request. With a RequestId, the digest of its body and its answer are kept to be replayed.
calls = Table(
    "calls",
    metadata,
    account_id(),
    Column("id", Uuid, primary_key=True),
    Column("store_id", BigInteger, nullable=False),
    Column("user_name", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("started_at", Time, nullable=False, server_default=text("now()")),
    Column("milliseconds", Integer),
    Column("received", Integer, nullable=False, server_default=text("0")),
    Column("applied", Integer, nullable=False, server_default=text("0")),
    Column("unchanged", Integer, nullable=False, server_default=text("0")),
    Column("failed", Integer, nullable=False, server_default=text("0")),
    Column("error_code", Text),
    Column("request_id", Text),
    Column("body_digest", LargeBinary(32)),
    Column("answer", LargeBinary),  # the reply, gzip; only with a RequestId
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
    UniqueConstraint("account_id", "store_id", "request_id"),
    Index("ix_calls_started", "account_id", "store_id", "started_at"),
)

# The items of a call that failed, so that "what happened to item 4711" has an answer.
call_failures = Table(
    "call_failures",
    metadata,
    account_id(),
    Column("call_id", Uuid, primary_key=True),
    Column("index", Integer, primary_key=True),
    Column("store_id", BigInteger, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("field", Text, nullable=False, server_default=""),
    Column("message", Text, nullable=False),
    created_at(),
    Index("ix_call_failures_subject", "account_id", "store_id", "subject_id"),
)

# One request to a platform. `outcome`: ok, transient, throttled, needs_credentials, rejected, conflict, unknown.
attempts = Table(
    "attempts",
    metadata,
    account_id(),
    number(),
    Column("channel_id", BigInteger, nullable=False),
    Column("purpose", Text, nullable=False),  # content, price, stock, pull, ship, capture, check, ...
    Column("method", Text, nullable=False),
    Column("url", Text, nullable=False),  # without secrets
    Column("status", Integer),
    Column("outcome", Text, nullable=False),
    Column("message", Text, nullable=False, server_default=""),
    Column("items", Integer, nullable=False, server_default=text("0")),
    Column("started_at", Time, nullable=False, server_default=text("now()")),
    Column("milliseconds", Integer, nullable=False),
    Column("request", Text),  # excerpts, secrets removed; kept for failures
    Column("answer", Text),
    ForeignKeyConstraint(["account_id", "channel_id"], ["channels.account_id", "channels.id"], ondelete="CASCADE"),
    Index("ix_attempts_channel", "account_id", "channel_id", "started_at"),
)

# What the nightly comparison of a channel with its shop found. `listed`: listings that the shop should have;
# `matched`: those that it has as wanted; `drifted`: others that were set to be pushed again; `missing`: the shop
# does not have them any more (an issue each); `unknown`: the shop sells them and no product is behind them.
reconciliations = Table(
    "reconciliations",
    metadata,
    account_id(),
    number(),
    Column("channel_id", BigInteger, nullable=False),
    Column("started_at", Time, nullable=False),
    Column("finished_at", Time, nullable=False, server_default=text("now()")),
    Column("listed", Integer, nullable=False),
    Column("matched", Integer, nullable=False),
    Column("drifted", Integer, nullable=False),
    Column("missing", Integer, nullable=False),
    Column("unknown", Integer, nullable=False),
    document("details"),
    ForeignKeyConstraint(["account_id", "channel_id"], ["channels.account_id", "channels.id"], ondelete="CASCADE"),
    Index("ix_reconciliations_channel", "account_id", "channel_id", "finished_at"),
)

# The service's own clockwork, of no account: when each regular duty (sweep, take-back, clean-up ...) was last
# done, so that of many workers one does it.
beats = Table(
    "beats",
    metadata,
    Column("duty", Text, primary_key=True),
    Column("last_at", Time, nullable=False),
)

# Something a person must look at. `subject`: product, order, transaction, capture, shipment, channel, file;
# `subject_id` its public id. One open row per subject and code; it closes itself when the thing succeeds.
issues = Table(
    "issues",
    metadata,
    account_id(),
    number(),
    Column("store_id", BigInteger, nullable=False),
    Column("channel_id", BigInteger, nullable=False, server_default=text("0")),  # 0: no channel concerned
    Column("subject", Text, nullable=False),
    Column("subject_id", Text, nullable=False),
    Column("purpose", Text, nullable=False, server_default=""),  # the lane or delivery that a resend starts again
    Column("code", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("hint", Text, nullable=False, server_default=""),
    Column("state", Text, nullable=False, server_default="open"),  # open, resolved, dismissed
    Column("attempts", Integer, nullable=False, server_default=text("1")),
    Column("first_at", Time, nullable=False, server_default=text("now()")),
    Column("last_at", Time, nullable=False, server_default=text("now()")),
    Column("closed_at", Time),
    ForeignKeyConstraint(["account_id", "store_id"], ["stores.account_id", "stores.id"], ondelete="CASCADE"),
    Index(
        "uq_issues_open",
        "account_id",
        "store_id",
        "channel_id",
        "subject",
        "subject_id",
        "purpose",
        unique=True,
        postgresql_where=text("state = 'open'"),
    ),
)
