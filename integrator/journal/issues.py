"""Issues: what a person must look at. Nothing waits in silence; nothing is shown twice.

One open issue per (store, channel, subject, subject id, purpose). Reporting it again counts the attempt and
takes the newest reason; when the thing succeeds, `resolve` closes it.
"""

from __future__ import annotations

from collections.abc import Sequence

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
