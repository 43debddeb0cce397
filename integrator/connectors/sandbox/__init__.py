"""The sandbox: a channel type that anyone can add without owning a shop."""

from __future__ import annotations

from integrator.connectors.sandbox.connector import SandboxConnector as CONNECTOR  # noqa: N814 - what registry asks for

__all__ = ["CONNECTOR"]
