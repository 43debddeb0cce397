"""A Magento shop for tests: over HTTP, checked against the Swagger document of its version."""

from tests.connectors.magento.simulator.server import Simulator
from tests.connectors.magento.simulator.shop import MagentoShop
from tests.connectors.magento.simulator.specs import VERSIONS
from tests.connectors.magento.simulator.state import Features

__all__ = ["VERSIONS", "Features", "MagentoShop", "Simulator"]
