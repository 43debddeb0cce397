"""Issues: what a person must look at. Nothing waits in silence; nothing is shown twice.

One open issue per (store, channel, subject, subject id, purpose). Reporting it again counts the attempt and
takes the newest reason; when the thing succeeds, `resolve` closes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from integrator.store.tables import issues


def report(
    connection: Connection,
    *,
    account_id: int,
    store_id: int,
    subject: str,
    subject_id: str,
    code: str,
    message: str,
    channel_id: int = 0,
    purpose: str = "",
    hint: str = "",
) -> int:
    """File the issue or count it again; its number."""
    new = insert(issues).values(
        account_id=account_id, store_id=store_id, channel_id=channel_id, subject=subject, subject_id=subject_id,
        purpose=purpose, code=code, message=message, hint=hint,
    )  # fmt: skip
    statement = new.on_conflict_do_update(
        index_elements=["account_id", "store_id", "channel_id", "subject", "subject_id", "purpose"],
        index_where=sa.text("state = 'open'"),
        set_={
            "code": new.excluded.code,
            "message": new.excluded.message,
            "hint": new.excluded.hint,
            "attempts": issues.c.attempts + 1,
            "last_at": sa.func.now(),
        },
    ).returning(issues.c.id)
    number: int = connection.execute(statement).scalar_one()
    return number


def resolve(
    connection: Connection,
    *,
    account_id: int,
    store_id: int,
    subject: str,
    subject_ids: Sequence[str],
    channel_id: int = 0,
    purpose: str | None = None,
    state: str = "resolved",
) -> int:
    """Close the open issues of these subjects (all purposes when None); how many there were."""
    if not subject_ids:
        return 0
    condition = [
        issues.c.account_id == account_id,
        issues.c.store_id == store_id,
        issues.c.channel_id == channel_id,
        issues.c.subject == subject,
        issues.c.subject_id == sa.any_(sa.literal(list(subject_ids), sa.ARRAY(sa.Text))),
        issues.c.state == "open",
    ]
    if purpose is not None:
        condition.append(issues.c.purpose == purpose)
    done = connection.execute(issues.update().where(*condition).values(state=state, closed_at=sa.func.now()))
    return done.rowcount


@dataclass(frozen=True, slots=True)
class Finding:
    """One issue of many that are filed at once."""

    subject_id: str
    code: str
    message: str
    hint: str = ""


def report_many(
    connection: Connection,
    *,
    account_id: int,
    store_id: int,
    subject: str,
    findings: Sequence[Finding],
    channel_id: int = 0,
    purpose: str = "",
) -> None:
    """Like `report` for each, in one statement; of two for one subject the last counts."""
    last = {one.subject_id: one for one in findings}
    if not last:
        return
    ordered = [last[key] for key in sorted(last)]  # one order for everybody: no deadlock
    connection.execute(
        sa.text(
            "INSERT INTO issues (account_id, store_id, channel_id, subject, subject_id, purpose, code, message, hint)"
            " SELECT :account_id, :store_id, :channel_id, :subject, f.subject_id, :purpose, f.code, f.message, f.hint"
            " FROM unnest(CAST(:ids AS text[]), CAST(:codes AS text[]), CAST(:messages AS text[]),"
            " CAST(:hints AS text[]))"
            " AS f(subject_id, code, message, hint)"
            " ON CONFLICT (account_id, store_id, channel_id, subject, subject_id, purpose) WHERE state = 'open'"
            " DO UPDATE SET code = excluded.code, message = excluded.message, hint = excluded.hint,"
            " attempts = issues.attempts + 1, last_at = now()"
        ),
        {
            "account_id": account_id,
            "store_id": store_id,
            "channel_id": channel_id,
            "subject": subject,
            "purpose": purpose,
            "ids": [one.subject_id for one in ordered],
            "codes": [one.code for one in ordered],
            "messages": [one.message.replace("\x00", "") for one in ordered],
            "hints": [one.hint.replace("\x00", "") for one in ordered],
        },
    )


def listed(
    connection: Connection,
    account_id: int | None = None,
    *,
    store_id: int | None = None,
    channel_id: int | None = None,
    state: str | None = "open",
    code: str | None = None,
    subject: str | None = None,
    subject_id: str | None = None,
    since: datetime | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Newest first. `account_id` None: of all accounts, for the operator; `state` None: closed ones too."""
    given = {
        "account_id": account_id, "store_id": store_id, "channel_id": channel_id, "state": state, "code": code,
        "subject": subject, "subject_id": subject_id,
    }  # fmt: skip
    conditions = (issues.c[name] == value for name, value in given.items() if value is not None)
    statement = sa.select(issues).where(*conditions)
    if since is not None:
        statement = statement.where(issues.c.last_at >= since)
    rows = connection.execute(statement.order_by(issues.c.last_at.desc(), issues.c.id.desc()).limit(limit))
    return [dict(row._mapping) for row in rows]


def shown(connection: Connection, issue_id: int) -> dict[str, Any] | None:
    """One issue by its number, for the operator."""
    row = connection.execute(sa.select(issues).where(issues.c.id == issue_id)).first()
    return dict(row._mapping) if row else None


def dismiss(connection: Connection, account_id: int, issue_ids: Sequence[int]) -> int:
    """Close them without doing anything: a person looked. The same trouble again opens a new one."""
    done = connection.execute(
        issues.update()
        .where(issues.c.account_id == account_id, issues.c.id.in_(issue_ids), issues.c.state == "open")
        .values(state="dismissed", closed_at=sa.func.now())
    )
    return done.rowcount
