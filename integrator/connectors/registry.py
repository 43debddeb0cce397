"""Finds the connectors: every package beside this file that exports CONNECTOR. None is named here."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

import integrator.connectors
from integrator.connectors.base import Connector


@cache
def platforms() -> tuple[str, ...]:
    """Names of the platforms, alphabetically, without loading them."""
    return tuple(sorted(m.name for m in pkgutil.iter_modules(integrator.connectors.__path__) if m.ispkg))


@cache
def connector(platform: str) -> type[Connector]:
    """The connector class of a platform. Raises KeyError with the known names."""
    if platform not in platforms():
        raise KeyError(f"There is no platform {platform!r}; there are: {', '.join(platforms())}.")
    module = importlib.import_module(f"integrator.connectors.{platform}")
    found: type[Connector] = module.CONNECTOR
    return found
