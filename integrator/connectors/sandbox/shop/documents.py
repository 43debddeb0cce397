"""Where a sandbox shop keeps what it holds: documents in PostgreSQL, by kind.

Whoever writes takes the shop's row first (`locked`), so that the times of change rise in the order of the
commits and two writers never interleave. A shop is small and honest, not fast.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from integrator.store.tables import sandbox_documents, sandbox_shops

Body = dict[str, Any]
PROFILE: Body = {"currency": "EUR", "tax_name": "VAT", "tax_rate": "0.19"}


class ShopError(Exception):
    """What the shop refuses: an HTTP status, a stable code, a sentence that says what to do."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass(slots=True)
class ShopRow:
    name: str
    key: str
    behaviour: Body
    counters: Body
    profile: Body


@dataclass(slots=True)
class Document:
    id: int
    key: str
    parent: int | None
    modified_at: datetime
    body: Body = field(default_factory=dict)


def number(value: Any) -> Decimal:
    """A stored amount: text in the JSON, so that no digit is lost."""
    return Decimal(str(value if value not in (None, "") else 0))


def plain(value: Decimal) -> str:
    """An amount as text without an exponent or idle zeros: 10, 9.99, 0.5."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _row(found: Any) -> ShopRow | None:
    if found is None:
        return None
    return ShopRow(found.name, found.key, found.behaviour, found.counters, {**PROFILE, **found.profile})


_shop_columns = [sandbox_shops.c[name] for name in ("name", "key", "behaviour", "counters", "profile")]


def shop(connection: Connection, name: str) -> ShopRow | None:
    return _row(connection.execute(sa.select(*_shop_columns).where(sandbox_shops.c.name == name)).first())


def locked(connection: Connection, name: str) -> ShopRow:
    """The shop's row, held until the end of the transaction. Raises ShopError if there is no such shop."""
    query = sa.select(*_shop_columns).where(sandbox_shops.c.name == name).with_for_update()
    found = _row(connection.execute(query).first())
    if found is None:
        raise ShopError(404, "shop_not_found", f"There is no sandbox shop {name!r}.")
    return found


def shops(connection: Connection) -> list[ShopRow]:
    rows = connection.execute(sa.select(*_shop_columns).order_by(sandbox_shops.c.name))
    return [one for one in map(_row, rows) if one]


def add_shop(connection: Connection, name: str, profile: Mapping[str, Any] | None = None) -> ShopRow:
    """Make a shop with a fresh key. Raises ShopError when the name is taken."""
    from sqlalchemy.dialects.postgresql import insert

    key = "sbx_" + secrets.token_urlsafe(32)
    new = insert(sandbox_shops).values(name=name, key=key, profile=dict(profile or {}))
    made = connection.execute(new.on_conflict_do_nothing().returning(sandbox_shops.c.name)).first()
    if made is None:
        raise ShopError(409, "name_taken", f"There is a sandbox shop {name!r} already.")
    return ShopRow(name, key, {}, {}, {**PROFILE, **(profile or {})})


def change_shop(connection: Connection, name: str, **columns: Body) -> None:
    connection.execute(sa.update(sandbox_shops).where(sandbox_shops.c.name == name).values(**columns))


def remove_shop(connection: Connection, name: str) -> None:
    connection.execute(sa.delete(sandbox_shops).where(sandbox_shops.c.name == name))


def clear(connection: Connection, name: str) -> None:
    """Forget everything that the shop holds; its key and its webhook stay."""
    connection.execute(sa.delete(sandbox_documents).where(sandbox_documents.c.shop == name))


# -- documents

_columns = [sandbox_documents.c[name] for name in ("id", "key", "parent", "modified_at", "body")]


def _of(name: str, kind: str) -> sa.ColumnElement[bool]:
    return sa.and_(sandbox_documents.c.shop == name, sandbox_documents.c.kind == kind)


def _documents(connection: Connection, query: sa.Select[Any]) -> list[Document]:
    return [Document(one.id, one.key, one.parent, one.modified_at, one.body) for one in connection.execute(query)]


def by_ids(connection: Connection, name: str, kind: str, ids: Sequence[int]) -> dict[int, Document]:
    if not ids:
        return {}
    wanted = sa.any_(sa.literal(list(ids), sa.ARRAY(sa.BigInteger)))
    query = sa.select(*_columns).where(_of(name, kind), sandbox_documents.c.id == wanted)
    return {one.id: one for one in _documents(connection, query)}


def by_keys(connection: Connection, name: str, kind: str, keys: Sequence[str]) -> list[Document]:
    if not keys:
        return []
    wanted = sa.any_(sa.literal(list(keys), sa.ARRAY(sa.Text)))
    query = sa.select(*_columns).where(_of(name, kind), sandbox_documents.c.key == wanted)
    return _documents(connection, query.order_by(sandbox_documents.c.id))


def by_parents(connection: Connection, name: str, kind: str, parents: Sequence[int]) -> list[Document]:
    if not parents:
        return []
    wanted = sa.any_(sa.literal(list(parents), sa.ARRAY(sa.BigInteger)))
    query = sa.select(*_columns).where(_of(name, kind), sandbox_documents.c.parent == wanted)
    return _documents(connection, query.order_by(sandbox_documents.c.id))


def page(connection: Connection, name: str, kind: str, *, after: int = 0, limit: int = 500) -> list[Document]:
    """By id, ascending."""
    query = sa.select(*_columns).where(_of(name, kind), sandbox_documents.c.id > after)
    return _documents(connection, query.order_by(sandbox_documents.c.id).limit(limit))


def newest(connection: Connection, name: str, kind: str, *, limit: int = 50, offset: int = 0) -> list[Document]:
    query = sa.select(*_columns).where(_of(name, kind)).order_by(sandbox_documents.c.id.desc())
    return _documents(connection, query.limit(limit).offset(offset))


def changed(
    connection: Connection,
    name: str,
    kind: str,
    *,
    since: datetime | None,
    after: tuple[datetime, int] | None,
    limit: int,
) -> list[Document]:
    """By time of change, ascending: from `since` on, or behind the place `after` of the page before."""
    where = [_of(name, kind)]
    place = sa.tuple_(sandbox_documents.c.modified_at, sandbox_documents.c.id)
    if after is not None:
        where.append(place > sa.tuple_(sa.literal(after[0]), sa.literal(after[1])))
    elif since is not None:
        where.append(sandbox_documents.c.modified_at >= since)
    order = (sandbox_documents.c.modified_at, sandbox_documents.c.id)
    return _documents(connection, sa.select(*_columns).where(*where).order_by(*order).limit(limit))


def count(connection: Connection, name: str) -> dict[str, int]:
    query = (
        sa.select(sandbox_documents.c.kind, sa.func.count().label("found"))
        .where(sandbox_documents.c.shop == name)
        .group_by(sandbox_documents.c.kind)
    )
    return {one.kind: one.found for one in connection.execute(query)}


def next_ids(connection: Connection, how_many: int) -> list[int]:
    query = "SELECT nextval(pg_get_serial_sequence('sandbox_documents', 'id')) FROM generate_series(1, :n)"
    return [one for (one,) in connection.execute(sa.text(query), {"n": how_many})]


def insert(connection: Connection, name: str, kind: str, documents: Sequence[Document]) -> None:
    """New documents, under ids from `next_ids`; their `modified_at` is set by the database."""
    _write(
        connection, name, kind, documents,
        "INSERT INTO sandbox_documents (shop, kind, id, key, parent, modified_at, body) "
        "SELECT :shop, :kind, d.id, d.key, d.parent, clock_timestamp(), d.body FROM ",
    )  # fmt: skip


def update(connection: Connection, name: str, kind: str, documents: Sequence[Document]) -> None:
    _write(
        connection, name, kind, documents,
        "UPDATE sandbox_documents s SET key = d.key, parent = d.parent, modified_at = clock_timestamp(), body = d.body "
        "FROM ", " WHERE s.shop = :shop AND s.kind = :kind AND s.id = d.id",
    )  # fmt: skip


def _write(
    connection: Connection, name: str, kind: str, documents: Sequence[Document], head: str, tail: str = ""
) -> None:
    if not documents:
        return
    rows = (
        "unnest(CAST(:ids AS bigint[]), CAST(:keys AS text[]), CAST(:parents AS bigint[]), CAST(:bodies AS jsonb[])) "
        "AS d(id, key, parent, body)"
    )
    connection.execute(
        sa.text(head + rows + tail),
        {
            "shop": name,
            "kind": kind,
            "ids": [one.id for one in documents],
            "keys": [one.key for one in documents],
            "parents": [one.parent for one in documents],
            "bodies": [json.dumps(one.body) for one in documents],
        },
    )


def delete(connection: Connection, name: str, kind: str, ids: Sequence[int]) -> None:
    wanted = sa.any_(sa.literal(list(ids), sa.ARRAY(sa.BigInteger)))
    connection.execute(sa.delete(sandbox_documents).where(_of(name, kind), sandbox_documents.c.id == wanted))


def search_products(
    connection: Connection,
    name: str,
    *,
    text: str = "",
    published: bool | None = None,
    limit: int = 24,
    offset: int = 0,
) -> tuple[list[Document], int]:
    """Products by name, brand or a variant's SKU; one page of them, and how many there are."""
    where = ["p.shop = :shop", "p.kind = 'product'"]
    values: dict[str, Any] = {"shop": name, "limit": limit, "offset": offset}
    if published is not None:
        where.append("(p.body->>'published')::boolean = :published")
        values["published"] = published
    if text.strip():
        pattern = "%" + text.strip().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        values["pattern"] = pattern
        where.append(
            "(p.body->>'name' ILIKE :pattern OR p.body->>'brand' ILIKE :pattern"
            " OR EXISTS (SELECT FROM sandbox_documents v WHERE v.shop = p.shop AND v.kind = 'variant'"
            " AND v.parent = p.id AND v.key ILIKE :pattern))"
        )
    condition = " AND ".join(where)
    found = connection.execute(
        sa.text(
            f"SELECT p.id, p.key, p.parent, p.modified_at, p.body, count(*) OVER () AS total FROM sandbox_documents p "  # noqa: S608 - fixed text
            f"WHERE {condition} ORDER BY p.body->>'name', p.id LIMIT :limit OFFSET :offset"
        ),
        values,
    ).all()
    total = found[0].total if found else 0
    return [Document(one.id, one.key, one.parent, one.modified_at, one.body) for one in found], total


def count_products(connection: Connection, name: str) -> dict[bool, int]:
    """How many are published (True) and drafts (False)."""
    query = sa.text(
        "SELECT (body->>'published')::boolean AS published, count(*) AS found FROM sandbox_documents"
        " WHERE shop = :shop AND kind = 'product' GROUP BY 1"
    )
    return {True: 0, False: 0} | {one.published: one.found for one in connection.execute(query, {"shop": name})}
