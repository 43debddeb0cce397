"""Whether a channel that stopped for want of credentials can go on: a cheap look, every five minutes."""

from __future__ import annotations

from sqlalchemy import text

from integrator.connectors.base import NeedsCredentials
from integrator.store.engine import begin
from integrator.sync import circuit, trouble
from integrator.sync.session import at_work, load


def probe(account_id: int, channel_id: int) -> str:
    """For a caller that holds the channel's lock. "active" when it may go on."""
    channel, now = load(account_id, channel_id)
    if channel.state != "needs_credentials" or (channel.paused_until is not None and channel.paused_until > now):
        return channel.state
    with trouble.caught(channel, "probe") as caught, at_work(channel, "probe") as work:
        report = work.connector.check()
        if not report.ok:
            wrong = [item for item in report.items if not item.ok]
            raise NeedsCredentials(
                "; ".join(f"{item.name}: {item.message}" for item in wrong),
                hint=" ".join(item.hint for item in wrong if item.hint),
            )
        with begin() as connection:
            circuit.succeeded(connection, channel)
            # the poll that was missed meanwhile
            connection.execute(
                text("UPDATE channels SET last_pull_at = NULL WHERE account_id = :account_id AND id = :id"),
                {"account_id": account_id, "id": channel_id},
            )
    return "active" if caught.error is None else "needs_credentials"
