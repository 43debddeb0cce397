"""When a channel may be spoken to: the circuit, written once, in `channels`.

    failed        the shop does not answer as it should: wait, ever longer; from the third time on an issue
    throttled     the shop asks to wait: wait until then; neither a failure nor an issue
    unauthorised  the credentials are refused: stop at once, an issue, and a probe every five minutes
    succeeded     the shop answered: everything is forgotten, the issues of the channel close themselves

The first job after a pause is the probe: one channel runs one job at a time, so if it fails the others find
the channel paused again and do nothing (half-open by one).
"""

from __future__ import annotations

import random
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from integrator.accounts.channels import ChannelRecord
from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import ConnectorError
from integrator.journal import issues

FIRST_WAIT, LONGEST_WAIT = 1.0, 15 * 60.0  # seconds
THROTTLED_WAIT = 5.0  # where the shop does not say how long
PROBE_EVERY = 5 * 60.0
FAILURES_TO_ISSUE = 3


def backoff(failures: int, chance: float | None = None) -> float:
    """Seconds to wait after so many failures in a row (1 is the first): doubling, with jitter, bounded.

    Between half and the whole of min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)); `chance` in [0, 1]
    chooses where.
    """
    whole = min(LONGEST_WAIT, FIRST_WAIT * 2.0 ** min(max(failures, 1) - 1, 30))
    return whole * (0.5 + 0.5 * (random.random() if chance is None else chance))  # noqa: S311 - not a secret


def failed(connection: Connection, channel: ChannelRecord, error: ConnectorError, purpose: str) -> datetime:
    """Count a failure of the whole channel; until when it is paused."""
    failures: int = connection.execute(
        text(
            "UPDATE channels SET failures = failures + 1, state_reason = :reason"
            " WHERE account_id = :account_id AND id = :id RETURNING failures"
        ),
        {"account_id": channel.account_id, "id": channel.id, "reason": error.message},
    ).scalar_one()
    until = _pause(connection, channel, backoff(failures))
    if failures >= FAILURES_TO_ISSUE:
        issues.report(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject="channel",
            subject_id=str(channel.id),
            purpose="circuit",
            code=Code.SHOP_UNREACHABLE,
            message=f"{purpose}: {error.message} It failed {failures} times in a row;"
            f" the next try is at {until:%H:%M:%S} UTC.",
            hint=error.hint or CATALOGUE[Code.SHOP_UNREACHABLE].remedy,
        )
    return until


def throttled(connection: Connection, channel: ChannelRecord, until: datetime | None) -> datetime:
    wait = THROTTLED_WAIT if until is None else (until - datetime.now(UTC)).total_seconds()
    return _pause(connection, channel, max(0.0, wait))


def unauthorised(connection: Connection, channel: ChannelRecord, error: ConnectorError) -> datetime:
    """Stop the channel until its credentials are repaired; when it is probed next."""
    connection.execute(
        text(
            "UPDATE channels SET state = 'needs_credentials', state_reason = :reason"
            " WHERE account_id = :account_id AND id = :id AND state <> 'held'"
        ),
        {"account_id": channel.account_id, "id": channel.id, "reason": error.message},
    )
    until = _pause(connection, channel, PROBE_EVERY)
    issues.report(
        connection,
        account_id=channel.account_id,
        store_id=channel.store_id,
        channel_id=channel.id,
        subject="channel",
        subject_id=str(channel.id),
        purpose="credentials",
        code=Code.NEEDS_CREDENTIALS,
        message=error.message,
        hint=error.hint or CATALOGUE[Code.NEEDS_CREDENTIALS].remedy,
    )
    return until


def succeeded(connection: Connection, channel: ChannelRecord) -> None:
    """The shop answered. Writes at most every ten seconds when there is nothing to forget."""
    before = connection.execute(
        text(
            "UPDATE channels c SET failures = 0, paused_until = NULL, last_success_at = now(), state_reason = '',"
            " state = CASE c.state WHEN 'needs_credentials' THEN 'active' ELSE c.state END"
            " FROM (SELECT failures, state FROM channels WHERE account_id = :account_id AND id = :id FOR UPDATE) old"
            " WHERE c.account_id = :account_id AND c.id = :id AND (c.failures > 0 OR c.state = 'needs_credentials'"
            " OR c.state_reason <> '' OR c.last_success_at IS NULL"
            " OR c.last_success_at < now() - interval '10 seconds')"
            " RETURNING old.failures, old.state"
        ),
        {"account_id": channel.account_id, "id": channel.id},
    ).first()
    # whatever stood in the channel: an operator who resumed it has made it active already, with its issue open
    if before is not None:
        for purpose in ("circuit", "credentials"):
            issues.resolve(
                connection,
                account_id=channel.account_id,
                store_id=channel.store_id,
                channel_id=channel.id,
                subject="channel",
                subject_ids=[str(channel.id)],
                purpose=purpose,
            )


def resume(connection: Connection, account_id: int, channel_id: int) -> None:
    """An operator says: try now. Not for a channel that is held on purpose."""
    connection.execute(
        text(
            "UPDATE channels SET state = CASE state WHEN 'needs_credentials' THEN 'active' ELSE state END,"
            " paused_until = NULL WHERE account_id = :account_id AND id = :id"
        ),
        {"account_id": account_id, "id": channel_id},
    )


def open_at(channel: ChannelRecord, now: datetime) -> bool:
    """Whether the channel may be spoken to."""
    return channel.state == "active" and (channel.paused_until is None or channel.paused_until <= now)


def _pause(connection: Connection, channel: ChannelRecord, seconds: float) -> datetime:
    """By the database's clock, which is the one that everybody reads it with."""
    until: datetime = connection.execute(
        text(
            "UPDATE channels SET paused_until = clock_timestamp() + make_interval(secs => :seconds)"
            " WHERE account_id = :account_id AND id = :id RETURNING paused_until"
        ),
        {"account_id": channel.account_id, "id": channel.id, "seconds": seconds},
    ).scalar_one()
    return until
