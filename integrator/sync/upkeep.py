"""Keeping a shop's webhooks as they should be: made, repaired, switched on again once a day."""

from __future__ import annotations

from sqlalchemy import text

from integrator.codes import CATALOGUE, Code
from integrator.journal import issues
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync import circuit, trouble
from integrator.sync.session import at_work, load


def webhooks(account_id: int, channel_id: int) -> str:
    """For a caller that holds the channel's lock."""
    channel, now = load(account_id, channel_id)
    capabilities = channel.capabilities
    reachable = capabilities.webhooks and (capabilities.local_webhooks or bool(settings().public_url))
    if not circuit.open_at(channel, now) or not reachable:
        return "idle"
    where = {"account_id": channel.account_id, "id": channel.id}
    with trouble.caught(channel, "webhooks") as caught, at_work(channel, "webhooks") as work:
        wrong = [item for item in work.connector.register_webhooks() if not item.ok]
        with begin() as connection:
            if wrong:
                issues.report(
                    connection,
                    account_id=channel.account_id,
                    store_id=channel.store_id,
                    channel_id=channel.id,
                    subject="channel",
                    subject_id=str(channel.id),
                    purpose="webhooks",
                    code=Code.WEBHOOKS_MISSING,
                    message="; ".join(f"{item.name}: {item.message}" for item in wrong),
                    hint=next((item.hint for item in wrong if item.hint), CATALOGUE[Code.WEBHOOKS_MISSING].remedy),
                )
            else:
                trouble.over(connection, channel, "webhooks")
    if caught.error is None or not trouble.is_failure(caught.error):
        with begin() as connection:
            connection.execute(
                text(
                    "UPDATE channels SET sync = sync || jsonb_build_object('webhooks_at', now())"
                    " WHERE account_id = :account_id AND id = :id"
                ),
                where,
            )
    return "done" if caught.error is None else "failed"
