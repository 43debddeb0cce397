"""A call from its envelope to its answer: who it is, once or a repetition, one transaction, a row in the journal.

    read header and operation -> authenticate -> replay, if its RequestId was answered -> read the rows -> work
    -> write the answer -> journal -> commit -> wake the lanes

Everything from the authentication to the journal is one transaction: an answer that was given is stored, and what
was not answered did not happen.
"""

from __future__ import annotations

import gzip
import hashlib
import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import psycopg2.extras
import sqlalchemy as sa
import structlog
from lxml import etree
from sqlalchemy import Connection
from sqlalchemy.exc import TimeoutError as PoolTimeout

from integrator.accounts.authentication import NotAuthorised, authenticate
from integrator.accounts.context import StoreContext
from integrator.codes import Code, ItemResult
from integrator.contract import compat  # noqa: F401 - before Spyne
from integrator.contract.faults import CallFailed, SoapVersion, invalid, shown, unavailable
from integrator.contract.faults import envelope as enveloped
from integrator.contract.protocols import (
    CREDENTIALS,
    MAX_REQUEST_ID,
    REQUEST_ID,
    header_fields,
    header_text,
)
from integrator.contract.readers import Reading
from integrator.contract.writers import counts
from integrator.store import engine as store_engine
from integrator.store.engine import DatabaseUnavailable
from integrator.store.tables import call_failures, calls

logger = logging.getLogger(__name__)

REPLAY_HOURS = 24
# Which of two calls with one RequestId is the first is decided by this lock; the second waits for the answer.
_LOCK = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7421))")
_WAIT = sa.text("SET LOCAL lock_timeout = '60s'")
_NO_WAIT = sa.text("SET LOCAL lock_timeout = DEFAULT")


@dataclass(frozen=True, slots=True)
class Basic:
    """What came in the header Authorization of HTTP."""

    user: str
    password: str = field(repr=False)


@dataclass(slots=True)
class Call:
    """One call on its way; handed to the operations."""

    service: str
    version: SoapVersion
    max_items: int
    id: UUID = field(default_factory=uuid4)
    operation: str = ""
    started: float = field(default_factory=time.perf_counter)
    request_id: str | None = None
    digest: bytes | None = None
    results: Sequence[ItemResult] = ()
    records: int = 0
    lanes: Sequence[str] = ()
    replayed: bool = False
    _store: StoreContext | None = None
    _connection: Connection | None = None
    _reading: Reading | None = None

    @property
    def store(self) -> StoreContext:
        assert self._store is not None, "used before the authentication"
        return self._store

    @property
    def connection(self) -> Connection:
        assert self._connection is not None, "used outside the transaction"
        return self._connection

    @property
    def reading(self) -> Reading:
        assert self._reading is not None, "used before the authentication"
        return self._reading

    @property
    def milliseconds(self) -> int:
        return int((time.perf_counter() - self.started) * 1000)


def perform(call: Call, server: Any, context: Any, root: Any, basic: Basic | None) -> bytes:
    """The whole reply to a message that could be parsed. Raises CallFailed; nothing was applied then."""
    protocol = server.app.in_protocol
    context.in_document = root
    try:
        protocol.create_in_document(context)
        protocol.decompose_incoming_envelope(context)
        (dispatched,) = protocol.generate_method_contexts(context)
        try:
            return _performed(call, server, dispatched, basic)
        finally:
            _let_go(dispatched)
    finally:
        _let_go(context)


def _let_go(context: Any) -> None:
    """Spyne's contexts are cycles: what hangs on them would stay in memory until the collector looks for it."""
    context.in_document = context.in_header_doc = context.in_body_doc = None
    context.in_object = context.out_object = context.out_string = context.udc = None


def _performed(call: Call, server: Any, context: Any, basic: Basic | None) -> bytes:
    context.udc = call
    call.operation = context.descriptor.operation_name
    structlog.contextvars.bind_contextvars(operation=call.operation)
    call.request_id = _request_id(context.in_header_doc)
    try:
        content = store_engine.again(lambda connection: _inside(call, connection, server, context, basic))
    except DatabaseUnavailable as error:
        logger.error("database unavailable: %s", error)
        raise unavailable("The service cannot reach its database at the moment; nothing was applied.") from None
    except PoolTimeout:
        logger.error("no free connection to the database")
        raise unavailable("The service is busy at the moment; nothing was applied.") from None
    except CallFailed as failed:
        _journal_fault(call, failed)
        raise
    finally:
        call._connection = call._reading = None
    _log(call)
    if call.lanes and not call.replayed:
        from integrator.sync.wake import wake

        wake(call.store.account_id, call.store.store_id, call.lanes)
    return enveloped(content, call.version)


def _log(call: Call) -> None:
    numbers = {key.lower(): number for key, number in counts(call.results).items()}
    if call.operation.startswith("GetNew"):
        numbers = {"records": call.records}
    logger.info("call", extra={**numbers, "replayed": call.replayed, "milliseconds": call.milliseconds})


def _inside(call: Call, connection: Connection, server: Any, context: Any, basic: Basic | None) -> bytes:
    """The content of the answer's Body."""
    call._connection = connection
    call._store = store = _authenticated(call, context.in_header_doc, basic)
    structlog.contextvars.bind_contextvars(account_id=store.account_id, store=store.code, user_name=store.user_name)
    call._reading = Reading(zone=store.settings.zone, max_items=call.max_items)
    if call.request_id is not None:
        call.digest = _digest(call.operation, context.in_body_doc)
        stored = _stored_answer(call)
        if stored is not None:
            call.replayed = True
            return stored
    server.app.in_protocol.deserialize(context, None)
    context.out_object = [server.app.call_wrapper(context)]
    server.app.out_protocol.serialize(context, None)
    content = b"".join(context.out_string)
    _journal(call, content)
    return content


def _authenticated(call: Call, header: list[Any], basic: Basic | None) -> StoreContext:
    """The store of the header Credentials, else of HTTP Basic."""
    given = header_fields(header, CREDENTIALS)
    if given is not None:
        code, user, password = (given.get(name, "") for name in ("StoreId", "UserName", "Password"))
    elif basic is not None:
        code, _, user = basic.user.partition("/")
        password = basic.password
    else:
        raise CallFailed(
            Code.NOT_AUTHORISED,
            "The call has no credentials.",
            hint="Send the SOAP header Credentials (StoreId, UserName, Password), or HTTP Basic with StoreId/UserName.",
        )
    code, user, password = code.strip(), user.strip(), password.strip()
    if not (code and user and password):
        missing = [n for n, v in (("StoreId", code), ("UserName", user), ("Password", password)) if not v]
        raise CallFailed(Code.NOT_AUTHORISED, f"The credentials have no {' and no '.join(missing)}.")
    structlog.contextvars.bind_contextvars(store=code[:64])  # as it is said; a refused POS must be findable
    try:
        return authenticate(call.connection, code, user, password, call.service)
    except NotAuthorised as refused:
        raise CallFailed(Code.NOT_AUTHORISED, str(refused)) from None


def _request_id(header: list[Any]) -> str | None:
    given = header_text(header, REQUEST_ID)
    if given is not None and len(given) > MAX_REQUEST_ID:
        raise invalid(
            f"The RequestId {shown(given)} is longer than {MAX_REQUEST_ID} characters.",
            hint=f"Send at most {MAX_REQUEST_ID} characters, for example a GUID.",
        )
    return given


def _digest(operation: str, body: Any) -> bytes:
    """Of what the call asks for, canonical XML. The SOAP version, the header and the encoding do not count."""
    text = etree.tostring(body, method="c14n", exclusive=True)
    return hashlib.sha256(operation.encode() + b"\n" + text).digest()


def _stored_answer(call: Call) -> bytes | None:
    """The answer that this RequestId got within 24 hours. Holds the RequestId until the transaction ends."""
    store, connection = call.store, call.connection
    connection.execute(_WAIT)
    connection.execute(_LOCK, {"name": f"{store.account_id}/{store.store_id}/{call.request_id}"})
    connection.execute(_NO_WAIT)
    mine = (
        (calls.c.account_id == store.account_id)
        & (calls.c.store_id == store.store_id)
        & (calls.c.request_id == call.request_id)
    )
    fresh = calls.c.started_at > sa.func.now() - sa.text(f"interval '{REPLAY_HOURS} hours'")
    row = connection.execute(
        sa.select(calls.c.id, calls.c.body_digest, calls.c.answer, fresh.label("fresh")).where(mine)
    ).first()
    if row is None:
        return None
    if not row.fresh or row.answer is None:
        connection.execute(sa.update(calls).where(mine).values(request_id=None, answer=None))
        return None
    if bytes(row.body_digest) != call.digest:
        raise CallFailed(
            Code.REQUEST_ID_REUSED,
            f"The RequestId {shown(call.request_id or '', 100)} was used within {REPLAY_HOURS} hours for a call with "
            f"another body (call {row.id}). Nothing was applied.",
        )
    logger.info("answered again", extra={"first_call_id": str(row.id)})
    return gzip.decompress(bytes(row.answer))


def _journal(call: Call, content: bytes) -> None:
    """One row for the call, one for each item that failed."""
    store = call.store
    numbers = counts(call.results)
    call.connection.execute(
        sa.insert(calls).values(
            account_id=store.account_id,
            id=call.id,
            store_id=store.store_id,
            user_name=store.user_name,
            operation=call.operation,
            started_at=sa.func.now(),
            milliseconds=call.milliseconds,
            received=numbers["Received"] or call.records,
            applied=numbers["Applied"],
            unchanged=numbers["Unchanged"],
            failed=numbers["Failed"],
            error_code=next((one.problem.code.value for one in call.results if one.problem), None),
            request_id=call.request_id,
            body_digest=call.digest,
            answer=gzip.compress(content, 5, mtime=0) if call.request_id else None,
        )
    )
    failures = [
        (
            store.account_id, call.id, one.index, store.store_id, one.id[:200], one.problem.code.value,
            one.problem.field, one.problem.message,
        )
        for one in call.results
        if one.problem is not None
    ]  # fmt: skip
    if failures:
        columns = ("account_id", "call_id", "index", "store_id", "subject_id", "code", "field", "message")
        names = ", ".join(f'"{name}"' for name in columns)
        psycopg2.extras.execute_values(
            store_engine.raw(call.connection).cursor(),
            f"INSERT INTO {call_failures.name} ({names}) VALUES %s",  # noqa: S608 - names of our own
            failures,
            page_size=1000,
        )


def _journal_fault(call: Call, failed: CallFailed) -> None:
    """The call that failed as a whole, in a transaction of its own; without a known store only the log has it."""
    if call._store is None:
        return
    store = call.store
    try:
        with store_engine.begin() as connection:
            connection.execute(
                sa.insert(calls).values(
                    account_id=store.account_id,
                    id=call.id,
                    store_id=store.store_id,
                    user_name=store.user_name,
                    operation=call.operation,
                    milliseconds=call.milliseconds,
                    error_code=failed.code.value,
                )
            )
    except Exception:
        logger.exception("the failed call could not be written into the journal")
