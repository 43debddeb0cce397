"""Many rows into one statement: PostgreSQL array literals, one a column, for unnest().

A literal costs the server one parse of a string; a list of parameters would cost it an expression for each element.
Columns that are null throughout become an empty array, which unnest() pads with nulls.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection

Parameters = dict[str, Any]


def texts(values: Iterable[str | None]) -> str:
    """text[], also for json."""
    return (
        "{"
        + ",".join(
            "NULL" if value is None else '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values
        )
        + "}"
    )


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def json_texts(values: Iterable[Any]) -> str:
    """text[] of JSON; NULL for what is empty or not there."""
    return texts(json_text(value) if value else None for value in values)


def plain(values: Sequence[object | None]) -> str:
    """Numbers, and texts of which the caller knows that they need no quotes (digests)."""
    if all(value is None for value in values):
        return "{}"
    return "{" + ",".join(["NULL" if value is None else str(value) for value in values]) + "}"


def times(values: Sequence[Any]) -> str:
    if all(value is None for value in values):
        return "{}"
    return "{" + ",".join(["NULL" if value is None else f'"{value.isoformat()}"' for value in values]) + "}"


def fetch(connection: Connection, statement: str, parameters: Parameters) -> Sequence[Any]:
    """Rows as plain tuples. Errors come as SQLAlchemy's, like everywhere in the store."""
    return connection.exec_driver_sql(statement, parameters).fetchall()


def run(connection: Connection, statement: str, parameters: Parameters) -> int:
    """Rows that were written."""
    return connection.exec_driver_sql(statement, parameters).rowcount
