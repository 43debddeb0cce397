"""Metadata with fixed constraint names, and the column forms that every table uses."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, Column, DateTime, Identity, LargeBinary, MetaData, Numeric, text
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

Amount = Numeric(19, 4)
Time = DateTime(timezone=True)
Hash = LargeBinary(16)


def account_id() -> Column[int]:
    """The tenant: the first column of every key."""
    return Column("account_id", BigInteger, primary_key=True, nullable=False)


def number() -> Column[int]:
    """A number made by the database, the second column of the key."""
    return Column("id", BigInteger, Identity(always=False), primary_key=True)


def created_at() -> Column[Any]:
    return Column("created_at", Time, nullable=False, server_default=text("now()"))


def document(name: str, default: str = "'{}'::jsonb") -> Column[Any]:
    return Column(name, JSONB, nullable=False, server_default=text(default))
