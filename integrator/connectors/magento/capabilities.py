"""What Magento can do, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

PAGE = 100
ROWS = 500  # price and stock rows in one call; 2,000 were seen to take a minute
SKU_CHARACTERS = 64

CAPABILITIES = Capabilities(
    content_batch=50,
    price_batch=1_000,
    stock_batch=1_000,
    sale_windows=True,
    locations=True,
    drafts=True,
    quantity_decimals=0,
    price_tiers=True,
    order_page=PAGE,
    partial_shipments=True,
    partial_capture=True,
    capture=True,
    compare_and_set=False,
    webhooks=False,
    max_options=3,
    max_variants=None,
    quota="none in Magento; the host decides",
    notes={
        "stock": "per source (MSI), or one quantity per product where MSI is off",
        "variants": "simple products below one configurable product; attributes and options are made on demand",
        "sale windows": "kept by the shop, in its own time zone; lists show whole days",
        "tiers": "per customer group and quantity",
        "capture": "an invoice of the shipped lines, before the shipment; none where the capture fails",
        "webhooks": "none in Open Source: orders, invoices, shipments and credit memos are polled",
    },
)
