"""A HipCommerce shop for tests: the reference server, made to misbehave, its answers checked against openapi.yaml."""

from tests.connectors.hipcommerce.simulator.shop import HipShop

__all__ = ["HipShop"]
