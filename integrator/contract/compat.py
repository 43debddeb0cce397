"""Makes Spyne 2.14.0 importable on CPython 3.12 and later, and keeps it from logging request bodies.

Spyne carries a copy of six whose importer has no `find_spec`, which 3.12 requires, and imports `cgi`, which
3.13 removed, for `parse_header` only. The few lazy modules that it uses are given to it from the standard
library. Imported (for its effect) by every module here that imports Spyne; harmless when imported twice.
"""

from __future__ import annotations

import collections.abc
import http.cookies
import importlib
import importlib.util
import logging
import sys
import types
import urllib.error
import urllib.parse
import urllib.request
import warnings
from email.message import Message

_MOVES: dict[str, types.ModuleType] = {
    "collections_abc": collections.abc,
    "http_cookies": http.cookies,
    "urllib.parse": urllib.parse,
    "urllib.request": urllib.request,
    "urllib.error": urllib.error,
}

# These log whole requests, passwords included, at ERROR.
_BODY_LOGGERS = (
    "spyne.protocol.xml",
    "spyne.protocol.xml.invalid",
    "spyne.protocol.soap.soap11",
    "spyne.protocol.soap.soap11.invalid",
    "spyne.protocol.soap.soap12",
    "spyne.protocol.soap.soap12.invalid",
    "spyne.protocol.soap.mime",
    "spyne.server",
    "spyne.application",
    "spyne.application.server",
    "spyne.application.client",
)


def _parse_header(line: str) -> tuple[str, dict[str, str]]:
    message = Message()
    message["content-type"] = line
    parameters = message.get_params() or [("", "")]
    return parameters[0][0], dict(parameters[1:])


def install() -> None:
    if sys.version_info >= (3, 12):
        for name, module in _MOVES.items():
            sys.modules.setdefault(f"spyne.util.six.moves.{name}", module)
    if "cgi" not in sys.modules and (sys.version_info >= (3, 13) or importlib.util.find_spec("cgi") is None):
        shim = types.ModuleType("cgi", "parse_header only, for Spyne")
        shim.parse_header = _parse_header  # type: ignore[attr-defined]
        sys.modules["cgi"] = shim
    for name in _BODY_LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        importlib.import_module("spyne")


install()
