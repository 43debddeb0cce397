"""A WooCommerce shop for tests: over HTTP, checked against what running shops of its version say of themselves."""

from tests.connectors.woocommerce.simulator.server import Simulator
from tests.connectors.woocommerce.simulator.shop import WooShop
from tests.connectors.woocommerce.simulator.specs import VERSIONS
from tests.connectors.woocommerce.simulator.state import Features

__all__ = ["VERSIONS", "Features", "Simulator", "WooShop"]
