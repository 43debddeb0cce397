"""A BigCommerce store for tests: over HTTP, checked against BigCommerce's own OpenAPI documents."""

from tests.connectors.bigcommerce.simulator.server import Simulator
from tests.connectors.bigcommerce.simulator.shop import BigShop
from tests.connectors.bigcommerce.simulator.state import Features

__all__ = ["BigShop", "Features", "Simulator"]
