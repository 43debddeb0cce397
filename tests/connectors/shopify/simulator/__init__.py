"""A Shopify shop that stands in for the real one: see server.py, and shop.py for what a test can do with it."""

from tests.connectors.shopify.simulator.server import Simulator
from tests.connectors.shopify.simulator.shop import ShopifyShop
from tests.connectors.shopify.simulator.state import Features

__all__ = ["Features", "ShopifyShop", "Simulator"]
