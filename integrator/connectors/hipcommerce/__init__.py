"""HipCommerce: shops that speak our own documented contract (openapi.yaml), or exchange files (README.md)."""

from __future__ import annotations

from integrator.connectors.hipcommerce.connector import HipCommerceConnector as CONNECTOR  # noqa: N814 - for the registry

__all__ = ["CONNECTOR"]
