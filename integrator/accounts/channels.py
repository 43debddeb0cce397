"""Channels: one shop each. Their credentials are encrypted here and decrypted here, and nowhere else.

`add_channel` does not list the store's products on the new channel: the caller does, in the same
transaction, with `catalogue.marks.list_all`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel, SecretStr, ValidationError
from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import JSONB, insert

from integrator.accounts import secrets
from integrator.accounts.context import StoreContext
from integrator.accounts.errors import NotFound, Refused, explain
from integrator.accounts.settings import StoreSettings
from integrator.connectors import base, registry
from integrator.connectors.base import Capabilities, ChannelSettings, Connector
from integrator.connectors.http import Recorder
from integrator.settings import settings as service_settings
from integrator.store.engine import begin
from integrator.store.tables import captures, channels, deliveries, orders, stores, transactions

Model = TypeVar("Model", bound=BaseModel)

ACTIVE, HELD, NEEDS_CREDENTIALS = "active", "held", "needs_credentials"


@dataclass(frozen=True, slots=True)
class ChannelRecord:
    """A channel as it stands in the database, without its secrets (`token` is encrypted)."""

    id: int
    account_id: int
    store_id: int
    store: StoreContext
    platform: str
    name: str
    settings: ChannelSettings  # the platform's subclass
    capabilities: Capabilities
    state: str
    state_reason: str
    failures: int
    paused_until: datetime | None
    progress: dict[str, Any]
    last_pull_at: datetime | None
    last_success_at: datetime | None
    created_at: datetime
    token: bytes = field(repr=False, default=b"")
    memory: dict[str, Any] = field(default_factory=dict)  # what the connector left for its next job


def connector_class(platform: str) -> type[Connector]:
    try:
        return registry.connector(platform)
    except KeyError as error:
        raise NotFound(str(error.args[0])) from None


def _parsed(model: type[Model], values: Mapping[str, Any], what: str) -> Model:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise explain(error, model, what=what) from None


def _revealed(value: Any) -> Any:
    """JSON of a credentials model, with its secrets: only ever on the way into `secrets.encrypt`."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, dict):
        return {key: _revealed(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_revealed(one) for one in value]
    return value


def _sealed(model: BaseModel) -> bytes:
    return secrets.encrypt({name: _revealed(value) for name, value in _dumped(model).items()})


def _dumped(model: BaseModel) -> dict[str, Any]:
    """JSON forms (times, decimals, URLs as text), secrets still wrapped."""
    plain = model.model_dump(mode="json")
    for name in type(model).model_fields:
        value = getattr(model, name)
        if isinstance(value, SecretStr):
            plain[name] = value
    return plain


def _name(value: str) -> str:
    value = value.strip()
    if not value or len(value) > 100 or not value.isprintable() or value.isdigit():
        raise Refused(
            f"The channel name {value[:60]!r} cannot be taken.",
            hint="Use 1 to 100 printable characters, not only digits.",
        )
    return value


def _free_name(connection: Connection, account_id: int, platform: str) -> str:
    taken = set(connection.execute(sa.select(channels.c.name).where(channels.c.account_id == account_id)).scalars())
    number = 1
    while (name := platform if number == 1 else f"{platform}-{number}") in taken:
        number += 1
    return name


def _key_must_be_there(connection: Connection) -> None:
    """A lost key file must not be replaced in silence while credentials exist that only it can read."""
    try:
        secrets.keys()
    except secrets.WrongKey:
        if connection.execute(sa.select(sa.exists().select_from(channels))).scalar_one():
            raise


def add_channel(
    connection: Connection,
    store: StoreContext,
    platform: str,
    name: str | None,
    credentials: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
) -> int:
    """Its number. `name` None makes one. The credentials are not tried here: `open_connector(...).check()` does."""
    kind = connector_class(platform)
    keys = _parsed(kind.credentials_model, credentials, f"The credentials for {platform} cannot be taken")
    chosen = _parsed(kind.settings_model, settings or {}, "The channel's settings cannot be taken")
    name = _name(name) if name else _free_name(connection, store.account_id, platform)
    _key_must_be_there(connection)
    number = connection.execute(
        insert(channels)
        .values(
            account_id=store.account_id,
            store_id=store.store_id,
            platform=platform,
            name=name,
            credentials=_sealed(keys),
            settings=chosen.model_dump(mode="json"),
        )
        .on_conflict_do_nothing(index_elements=["account_id", "name"])
        .returning(channels.c.id)
    ).scalar()
    if number is None:
        raise Refused(f"The account has a channel {name!r} already.", hint="Give it another --name.")
    return int(number)


_COLUMNS = (
    channels,
    stores.c.code.label("store_code"),
    stores.c.settings.label("store_settings"),
)


def _select() -> sa.Select[Any]:
    return sa.select(*_COLUMNS).join(
        stores, sa.and_(stores.c.account_id == channels.c.account_id, stores.c.id == channels.c.store_id)
    )


def _record(row: Any) -> ChannelRecord:
    kind = connector_class(row.platform)
    return ChannelRecord(
        id=row.id,
        account_id=row.account_id,
        store_id=row.store_id,
        store=StoreContext(
            row.account_id, row.store_id, row.store_code, StoreSettings.model_validate(row.store_settings)
        ),
        platform=row.platform,
        name=row.name,
        settings=kind.settings_model.model_validate(row.settings),
        capabilities=kind.capabilities,
        state=row.state,
        state_reason=row.state_reason,
        failures=row.failures,
        paused_until=row.paused_until,
        progress=row.progress,
        last_pull_at=row.last_pull_at,
        last_success_at=row.last_success_at,
        created_at=row.created_at,
        token=bytes(row.credentials),
        memory=row.sync.get("connector") or {},
    )


def load_channel(connection: Connection, account_id: int, channel_id: int) -> ChannelRecord:
    """Raises NotFound."""
    row = connection.execute(_select().where(channels.c.account_id == account_id, channels.c.id == channel_id)).first()
    if row is None:
        raise NotFound(f"There is no channel {channel_id} in account {account_id}.")
    return _record(row)


def list_channels(
    connection: Connection, account_id: int | None = None, store_id: int | None = None
) -> list[ChannelRecord]:
    """`account_id` None: of all accounts, for the operator."""
    statement = _select().order_by(channels.c.account_id, channels.c.id)
    if account_id is not None:
        statement = statement.where(channels.c.account_id == account_id)
    if store_id is not None:
        statement = statement.where(channels.c.store_id == store_id)
    return [_record(row) for row in connection.execute(statement)]


def find_channel(connection: Connection, name_or_id: str | int) -> ChannelRecord:
    """For the operator: by number, else by name, which must then be one channel's in the whole service."""
    text = str(name_or_id)
    wanted = channels.c.id == int(text) if text.isdigit() and len(text) < 19 else channels.c.name == text
    rows = connection.execute(_select().where(wanted)).all()
    if not rows:
        raise NotFound(f"There is no channel {text!r}.", hint="See them with: integrator channel list")
    if len(rows) > 1:
        numbers = ", ".join(str(row.id) for row in rows)
        raise Refused(f"Several channels are named {text!r}.", hint=f"Name one by its number: {numbers}.")
    return _record(rows[0])


def credentials(record: ChannelRecord) -> base.Credentials:
    """Decrypted; secrets stay wrapped in SecretStr. Raises secrets.WrongKey."""
    kind = connector_class(record.platform)
    return _parsed(
        kind.credentials_model,
        secrets.decrypt(record.token),
        f"The stored credentials of channel {record.id} do not fit",
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What a connector may change of its own channel while it works; each change is a transaction of its own."""

    account_id: int
    channel_id: int

    def credentials(self) -> base.Credentials:
        with begin() as connection:
            return credentials(load_channel(connection, self.account_id, self.channel_id))

    def save_credentials(self, changed: Mapping[str, Any]) -> None:
        with begin() as connection:
            row = connection.execute(
                sa.select(channels.c.platform, channels.c.credentials)
                .where(channels.c.account_id == self.account_id, channels.c.id == self.channel_id)
                .with_for_update()
            ).first()
            if row is None:  # the channel was removed meanwhile
                return
            merged = {**secrets.decrypt(bytes(row.credentials)), **changed}
            model = connector_class(row.platform).credentials_model
            sealed = _sealed(_parsed(model, merged, "The renewed credentials cannot be kept"))
            self._update(connection, credentials=sealed)

    def remember(self, memory: Mapping[str, Any]) -> None:
        with begin() as connection:
            patch = sa.func.jsonb_build_object("connector", sa.cast(dict(memory), JSONB))
            self._update(connection, sync=channels.c.sync.op("||")(patch))

    def _update(self, connection: Connection, **values: Any) -> None:
        where = (channels.c.account_id == self.account_id, channels.c.id == self.channel_id)
        connection.execute(channels.update().where(*where).values(values))


def channel_of(record: ChannelRecord) -> base.Channel:
    """What the record's connector is built with, and what verifies its webhooks."""
    return base.Channel(
        id=record.id,
        name=record.name,
        credentials=credentials(record),
        settings=record.settings,
        time_zone=record.store.settings.time_zone,
        public_url=service_settings().public_url,
        account_id=record.account_id,
        memory=record.memory,
        keeper=Kept(record.account_id, record.id),
    )


def unsaved(
    store: StoreContext,
    platform: str,
    credentials: Mapping[str, Any],
    settings: Mapping[str, Any] | None = None,
) -> base.Channel:
    """A channel that is not kept yet, to try its credentials with. Raises Refused like `add_channel`."""
    kind = connector_class(platform)
    return base.Channel(
        id=0,
        name=platform,
        credentials=_parsed(kind.credentials_model, credentials, f"The credentials for {platform} cannot be taken"),
        settings=_parsed(kind.settings_model, settings or {}, "The channel's settings cannot be taken"),
        time_zone=store.settings.time_zone,
        account_id=store.account_id,
    )


def open_connector(record: ChannelRecord, recorder: Recorder) -> Connector:
    """Ready to use; the caller closes it. Raises secrets.WrongKey."""
    return connector_class(record.platform)(channel_of(record), recorder)


def edit_channel(
    connection: Connection,
    record: ChannelRecord,
    *,
    name: str | None = None,
    credentials: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
) -> None:
    """Only what is given changes; None as a setting's value puts it back to its default.

    New credentials start a channel again that had stopped for want of them.
    """
    kind = connector_class(record.platform)
    values: dict[str, Any] = {}
    if name is not None:
        values["name"] = _name(name)
    if credentials:
        try:
            stored = secrets.decrypt(record.token)
        except secrets.WrongKey:
            stored = {}  # then all of them have to be given, which the model checks
        merged = {**stored, **credentials}
        kept = {key: value for key, value in merged.items() if value is not None}
        values["credentials"] = _sealed(
            _parsed(kind.credentials_model, kept, f"The credentials for {record.platform} cannot be taken")
        )
        if record.state == NEEDS_CREDENTIALS:
            values.update(state=ACTIVE, state_reason="", failures=0, paused_until=None)
    if settings:
        merged = {**record.settings.model_dump(mode="json"), **settings}
        kept = {key: value for key, value in merged.items() if value is not None}
        chosen = _parsed(kind.settings_model, kept, "The channel's settings cannot be taken")
        values["settings"] = chosen.model_dump(mode="json")
    if not values:
        return
    taken = connection.execute(
        sa.select(channels.c.id).where(
            channels.c.account_id == record.account_id,
            channels.c.name == values.get("name", ""),
            channels.c.id != record.id,
        )
    ).first()
    if taken:
        raise Refused(f"The account has a channel {values['name']!r} already.", hint="Choose another name.")
    _update(connection, record, **values)


def hold(connection: Connection, record: ChannelRecord, reason: str) -> None:
    """Nothing is sent to or read from the shop until `resume`; what changes meanwhile waits."""
    _update(connection, record, state=HELD, state_reason=reason)


def resume(connection: Connection, record: ChannelRecord) -> None:
    """Active again, whatever stopped it; also ends a pause after failures."""
    _update(connection, record, state=ACTIVE, state_reason="", failures=0, paused_until=None)


def remove_channel(connection: Connection, record: ChannelRecord) -> None:
    """With its listings, its journal, its orders and what the POS has to hear of them. The shop keeps what it has."""
    for kind, records in (("order", orders), ("transaction", transactions), ("capture", captures)):
        of_channel = sa.select(records.c.id).where(
            records.c.account_id == record.account_id, records.c.channel_id == record.id
        )
        connection.execute(
            deliveries.delete().where(
                deliveries.c.account_id == record.account_id,
                deliveries.c.store_id == record.store_id,
                deliveries.c.kind == kind,
                deliveries.c.record_id.in_(of_channel),
            )
        )
    connection.execute(channels.delete().where(channels.c.account_id == record.account_id, channels.c.id == record.id))


def _update(connection: Connection, record: ChannelRecord, **values: Any) -> None:
    connection.execute(
        channels.update().where(channels.c.account_id == record.account_id, channels.c.id == record.id).values(values)
    )
