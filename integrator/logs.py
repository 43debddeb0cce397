"""Logs: structlog over the standard library's logging, JSON or for a console, secrets never.

Every module may use `logging.getLogger(__name__)` or `structlog.get_logger(__name__)`; both come out the same
way, on stderr. What is bound with `structlog.contextvars.bind_contextvars` (call_id, account_id, ...) stands in
every line of the call.
"""

from __future__ import annotations

import logging
import logging.config
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import structlog

MASK = "********"
_SECRET_NAME = re.compile(
    r"(?i)(password|passwd|secret|token|authorization|api_?key|access_?key|consumer_?key|credential|cookie|dsn)"
)
_SECRET_TEXT = (
    # https://user:secret@host
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^\s:/@]*):[^\s/@]+@"), rf"\1:{MASK}@"),
    # <Password>secret</Password>, with any prefix and attributes
    (re.compile(r"(?is)(<(?:\w+:)?password\b[^>]*>).*?(</)"), rf"\1{MASK}\2"),
    # Authorization: Basic xyz, Bearer xyz
    (re.compile(r"(?i)\b(basic|bearer)\s+[A-Za-z0-9+/._~=-]{8,}"), rf"\1 {MASK}"),
    # password=secret, "consumer_secret": "...", access_token=...
    (
        re.compile(
            r"(?i)((?:password|passwd|secret|token|consumer_?key|api_?key|oauth_signature)[\"']?\s*[=:]\s*[\"']?)"
            r"[^\s\"'&,;}<>]+"
        ),
        rf"\1{MASK}",
    ),
    # passwords of our own making
    (re.compile(r"\bint_[A-Za-z0-9_-]{43}\b"), MASK),
)


def redacted(text: str) -> str:
    """The text without anything that looks like a secret."""
    for pattern, replacement in _SECRET_TEXT:
        text = pattern.sub(replacement, text)
    return text


def _clean(name: str, value: Any) -> Any:
    if name and _SECRET_NAME.search(name) and value not in (None, "", True, False):
        return MASK
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, Mapping):
        return {key: _clean(str(key), one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", one) for one in value]
    return value


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that lets no secret through."""
    for key in list(event):
        if not key.startswith("_"):
            event[key] = _clean(key, event[key])
    return event


def configure(level: str = "INFO", form: str = "json", *, role: str = "") -> None:
    """Called once, when a role starts. `role` stands in every line. `form`: json, console or auto."""
    if form == "auto":
        form = "console" if sys.stderr.isatty() else "json"

    def add_role(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        if role:
            event.setdefault("role", role)
        return event

    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_role,
    ]
    if form == "json":
        last: list[Any] = [
            structlog.processors.format_exc_info,
            redact,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    else:
        last = [
            structlog.processors.format_exc_info,
            redact,
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("httpx", "httpcore", "alembic", "urllib3", "asyncio", "procrastinate"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, root.level))
    for name in ("gunicorn.error", "gunicorn.access", "procrastinate"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
