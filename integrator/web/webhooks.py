"""POST /webhooks/<account>/<channel>: a shop says "look".

Nothing of the message is believed but that: the connector verifies that the shop sent it, and the next pull reads
what changed, for a webhook may be lost, doubled, late or out of order. It answers at once:

    200 OK             known, looked for soon (also a repetition, and a ping)
    401 Unauthorized   the signature is not the shop's, or there is no such channel (which is not told apart)
    503 Unavailable    the database is away; shops send it again
"""

from __future__ import annotations

import logging

from flask import Blueprint, Response, request

from integrator.accounts.channels import channel_of, connector_class, load_channel
from integrator.accounts.errors import NotFound
from integrator.accounts.secrets import WrongKey
from integrator.connectors.base import ConnectorError
from integrator.store.engine import DatabaseUnavailable, begin
from integrator.sync import pull, queue

logger = logging.getLogger(__name__)

blueprint = Blueprint("webhooks", __name__)

RETRY_AFTER = {"Retry-After": "30"}


@blueprint.post("/webhooks/<int:account_id>/<int:channel_id>")
def receive(account_id: int, channel_id: int) -> Response:
    """See above. One short transaction; the shop is not called."""
    body = request.get_data(cache=False)
    try:
        with begin() as connection:
            try:
                channel = load_channel(connection, account_id, channel_id)
                event = connector_class(channel.platform).read_webhook(channel_of(channel), dict(request.headers), body)
            except (NotFound, ConnectorError) as reason:
                logger.warning("A webhook for channel %d was refused: %s", channel_id, reason)
                return _plain("Not signed by this channel's shop.", 401)
            if event is not None:
                pull.look_soon(connection, account_id, channel_id)
                if channel.state == "active":
                    queue.defer(connection, account_id, channel_id, ["pull"])
                logger.info("Channel %d, webhook %s %s", channel_id, event.topic, event.order_id)
    except DatabaseUnavailable:
        return _plain("Not now.", 503, RETRY_AFTER)
    except WrongKey:
        logger.exception("The credentials of channel %d cannot be read.", channel_id)
        return _plain("Not now.", 503, RETRY_AFTER)
    return _plain("OK", 200)


def _plain(sentence: str, status: int, headers: dict[str, str] | None = None) -> Response:
    return Response(sentence + "\n", status, headers, content_type="text/plain; charset=utf-8")
