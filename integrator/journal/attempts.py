"""The journal of requests to the shops, with everything secret taken out before it is written.

`Recorder` is what a connector is built with. Each request becomes one row at once, in a transaction of its own
that does not wait for the disk: a journal that is kept until the job ends would lose the very requests that
matter when a worker dies.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from pydantic import BaseModel, SecretStr
from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

from integrator.store.engine import DatabaseUnavailable, begin
from integrator.store.tables import attempts

logger = logging.getLogger(__name__)


class Made(Protocol):
    """What a connector tells of one request (connectors.http.Attempt)."""

    method: str
    url: str
    started_at: datetime
    milliseconds: int
    status: int | None
    outcome: str
    message: str
    items: int
    request: str | None
    answer: str | None


HIDDEN = "***"
SHORTEST_SECRET = 6  # shorter values would blank out half of an answer

NAMED = re.compile(
    r'("(?:[a-z0-9_-]*(?:password|passwd|secret|token|api_?key|access_key|consumer_key|signature|authorization|cvv|cvc))"'
    r'\s*:\s*)"(?:[^"\\]|\\.)*"?',
    re.IGNORECASE,
)
BEARER = re.compile(r"\b(Basic|Bearer|OAuth)\s+[A-Za-z0-9._~+/=-]{8,}", re.IGNORECASE)
CARD = re.compile(r"\b(?:\d[ -]?){12,18}\d\b")


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def _card(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match.group())
    return HIDDEN if _luhn(digits) else match.group()


def redact(excerpt: str | None, secrets: Iterable[str] = ()) -> str | None:
    """The text without the given secrets, without values whose names say that they are secret, without cards."""
    if not excerpt:
        return excerpt
    for secret in secrets:
        if len(secret) >= SHORTEST_SECRET:
            excerpt = excerpt.replace(secret, HIDDEN)
    excerpt = NAMED.sub(rf'\1"{HIDDEN}"', excerpt)
    excerpt = BEARER.sub(rf"\1 {HIDDEN}", excerpt)
    return CARD.sub(_card, excerpt)


def secrets_of(credentials: BaseModel) -> Iterator[str]:
    """The secret values of a credentials model."""
    for name in type(credentials).model_fields:
        value = getattr(credentials, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()


class Recorder:
    """Writes attempts of one channel and purpose; `last_id` is the newest row, `calls` how many there were."""

    def __init__(self, account_id: int, channel_id: int, purpose: str, secrets: Iterable[str] = ()) -> None:
        self.account_id, self.channel_id, self.purpose = account_id, channel_id, purpose
        self.secrets = tuple(secrets)
        self.calls = 0
        self.last_id: int | None = None

    @contextmanager
    def of(self, purpose: str) -> Iterator[None]:
        """What is asked inside is for another purpose, and `last_id` stays what it was."""
        before = self.purpose, self.last_id
        self.purpose = purpose
        try:
            yield
        finally:
            self.purpose, self.last_id = before

    def __call__(self, attempt: Made) -> None:
        self.calls += 1
        values: dict[str, Any] = {
            "account_id": self.account_id,
            "channel_id": self.channel_id,
            "purpose": self.purpose,
            "method": attempt.method,
            "url": redact(attempt.url, self.secrets),
            "status": attempt.status,
            "outcome": attempt.outcome,
            "message": _storable(redact(attempt.message, self.secrets)) or "",
            "items": attempt.items,
            "started_at": attempt.started_at,
            "milliseconds": attempt.milliseconds,
            "request": _storable(redact(attempt.request, self.secrets)),
            "answer": _storable(redact(attempt.answer, self.secrets)),
        }
        try:
            with begin() as connection:
                connection.execute(text("SET LOCAL synchronous_commit = off"))
                self.last_id = connection.execute(
                    attempts.insert().values(values).returning(attempts.c.id)
                ).scalar_one()
        except (DatabaseUnavailable, SQLAlchemyError):
            # the request was made: what it did matters more than its row in the journal
            logger.warning("An attempt could not be journalled.", exc_info=True)


def _storable(value: str | None) -> str | None:
    """PostgreSQL has no NUL in text, and a shop may answer with one."""
    return value.replace("\x00", "\\0") if value else value


def listed(
    connection: Connection,
    account_id: int,
    *,
    channel_id: int | None = None,
    purpose: str | None = None,
    failed_only: bool = False,
    since: datetime | None = None,
    limit: int = 50,
) -> list[dict[str, Any]]:
    """Newest first, without the excerpts."""
    columns = [column for column in attempts.c if column.name not in ("request", "answer")]
    statement = sa.select(*columns).where(attempts.c.account_id == account_id)
    if channel_id is not None:
        statement = statement.where(attempts.c.channel_id == channel_id)
    if purpose is not None:
        statement = statement.where(attempts.c.purpose == purpose)
    if failed_only:
        statement = statement.where(attempts.c.outcome != "ok")
    if since is not None:
        statement = statement.where(attempts.c.started_at >= since)
    rows = connection.execute(statement.order_by(attempts.c.started_at.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def shown(connection: Connection, account_id: int, attempt_id: int) -> dict[str, Any] | None:
    """One attempt with its excerpts."""
    row = connection.execute(
        sa.select(attempts).where(attempts.c.account_id == account_id, attempts.c.id == attempt_id)
    ).first()
    return dict(row._mapping) if row else None
