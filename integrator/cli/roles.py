"""What the roles (serve, web, worker) have in common: settings overridden by options, warnings, the port."""

from __future__ import annotations

import os
import socket
from typing import Any

from integrator.cli.output import Exit, Failed, output
from integrator.settings import Settings, settings, unknown_names, variable


def chosen(**options: Any) -> Settings:
    """The settings with the command's options in their place; misspelt variables are pointed out.

    The options go into the environment, so that processes which are started by this one have them too.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name, value in given.items():
        os.environ[variable(name)] = str(value)
    if given:
        settings.cache_clear()
    for sentence in unknown_names():
        output().warn(sentence)
    return settings()


def port_must_be_free(found: Settings) -> None:
    """A plain message instead of gunicorn's retries. Raises Failed."""
    family = socket.AF_INET6 if ":" in found.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((found.host, found.port))
        except OSError as error:
            raise Failed(
                f"INTEGRATOR_HOST={found.host!r}, INTEGRATOR_PORT={found.port}: "
                f"cannot listen there ({error.strerror}).",
                hint="Stop what listens there, or choose another port: integrator serve --port 8001.",
                code=Exit.USAGE,
            ) from None


def telemetry_installed(found: Settings) -> None:
    """Raises Failed if a setting asks for Sentry or OpenTelemetry and they are not installed."""
    from importlib.util import find_spec

    for name, package in (("sentry_dsn", "sentry_sdk"), ("otlp_endpoint", "opentelemetry")):
        if getattr(found, name) and find_spec(package) is None:
            raise Failed(
                f"{variable(name)} is set, but {package} is not installed.",
                hint="Install it with: pip install 'integrator[telemetry]'",
                code=Exit.USAGE,
            )
