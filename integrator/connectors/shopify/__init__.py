"""Shopify, through its GraphQL Admin API. How a merchant sets it up: README.md beside this file."""

from integrator.connectors.shopify.connector import ShopifyConnector

CONNECTOR = ShopifyConnector
