"""WooCommerce 8.x to 11.x, through its REST API wc/v3. How a merchant sets it up: README.md beside this file."""

from integrator.connectors.woocommerce.connector import WooCommerceConnector

CONNECTOR = WooCommerceConnector
