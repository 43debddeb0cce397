"""Magento Open Source and Adobe Commerce 2.4.6 to 2.4.9, through REST V1. How a merchant sets it up: README.md."""

from integrator.connectors.magento.connector import MagentoConnector

CONNECTOR = MagentoConnector
