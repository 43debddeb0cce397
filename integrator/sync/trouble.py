"""Where each kind of error of a channel ends; the one place that decides it for pushes, pulls and shipments."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy import Connection

from integrator.accounts.channels import ChannelRecord
from integrator.accounts.secrets import WrongKey
from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import ConnectorError, NeedsCredentials, Rejected, Throttled, Transient
from integrator.journal import issues
from integrator.store.engine import DatabaseUnavailable, begin
from integrator.sync import circuit

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Caught:
    error: ConnectorError | None = None


@contextmanager
def caught(channel: ChannelRecord, purpose: str) -> Iterator[Caught]:
    """Errors that concern the whole channel are settled here and end the block; `error` says which it was.

    An unexpected exception is settled too, as a failure of the connector with its stack in the log, so that a
    bug on one channel cannot make its jobs crash in a circle. Losing the database is nobody's failure.
    """
    found = Caught()
    try:
        yield found
    except ConnectorError as error:
        found.error = error
    except WrongKey as error:
        found.error = NeedsCredentials(
            f"The channel's stored credentials cannot be read: {error}",
            hint="Start the worker with the INTEGRATOR_SECRET_KEY that they were stored with, or enter them again.",
        )
    except DatabaseUnavailable:
        raise
    except Exception as error:
        logger.exception("Channel %d, %s: the work failed.", channel.id, purpose)
        entry = CATALOGUE[Code.CONNECTOR_ERROR]
        found.error = Transient(
            f"{entry.meaning} ({type(error).__name__}: {error})", code=Code.CONNECTOR_ERROR, hint=entry.remedy
        )
    if found.error is not None:
        with begin() as connection:
            settle(connection, channel, purpose, found.error)


def is_failure(error: ConnectorError) -> bool:
    """Whether it counts against the shop: waiting for a quota or for a person does not."""
    return not isinstance(error, Throttled | NeedsCredentials | Rejected)


def settle(connection: Connection, channel: ChannelRecord, purpose: str, error: ConnectorError) -> None:
    """Pause, stop or file: what this error means for the channel."""
    logger.info("Channel %d, %s: %s: %s", channel.id, purpose, type(error).__name__, error.message)
    if isinstance(error, Throttled):
        circuit.throttled(connection, channel, error.until)
    elif isinstance(error, NeedsCredentials):
        circuit.unauthorised(connection, channel, error)
    elif isinstance(error, Rejected):
        entry = CATALOGUE[Code.SHOP_REFUSES]
        issues.report(
            connection,
            account_id=channel.account_id,
            store_id=channel.store_id,
            channel_id=channel.id,
            subject="channel",
            subject_id=str(channel.id),
            purpose=purpose,
            code=error.code or Code.SHOP_REFUSES,
            message=error.message,
            hint=error.hint or entry.remedy,
        )
    else:
        circuit.failed(connection, channel, error, purpose)


def over(connection: Connection, channel: ChannelRecord, purpose: str) -> None:
    """What the channel was refused goes now: its issue closes."""
    issues.resolve(
        connection,
        account_id=channel.account_id,
        store_id=channel.store_id,
        channel_id=channel.id,
        subject="channel",
        subject_ids=[str(channel.id)],
        purpose=purpose,
    )
