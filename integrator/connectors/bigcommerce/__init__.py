"""BigCommerce: V3 catalogue and inventory, V2 orders. How a merchant sets it up: README.md beside this file."""

from integrator.connectors.bigcommerce.connector import BigCommerceConnector

CONNECTOR = BigCommerceConnector
