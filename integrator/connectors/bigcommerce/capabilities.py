"""What BigCommerce can do and how much at once, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

PAGE = 250  # of the catalogue, and of orders
PRODUCTS_A_PUT = 10
VARIANTS_A_PUT = 50
STOCK_ROWS = 2_000  # of one absolute adjustment
PRICE_RECORDS = 1_000  # of one call to a price list
MOST_VARIANTS = 600
SKU_CHARACTERS = 255
NAME_CHARACTERS = 250
CUSTOM_FIELDS = 200
CUSTOM_FIELD_CHARACTERS = 250
TRACKING_CHARACTERS = 50

CAPABILITIES = Capabilities(
    content_batch=40,
    price_batch=500,
    stock_batch=STOCK_ROWS,
    sale_windows=False,
    locations=True,
    drafts=True,
    quantity_decimals=0,
    price_tiers=True,
    order_page=PAGE,
    partial_shipments=True,
    partial_capture=False,
    capture=True,
    compare_and_set=False,
    webhooks=True,
    max_options=6,
    max_variants=MOST_VARIANTS,
    quota="150 calls in 30 s (Standard, Plus), 450 (Pro), by contract (Enterprise); shared with the shop's other apps",
    notes={
        "stock": "2,000 quantities a call, per location or summed",
        "sale windows": "none in the shop: prices are switched at the start and the end by this service",
        "SKUs": "unique whatever their case; two that differ only in case are reported",
        "product names": "unique: a second one gets its SKU behind the name, or is reported",
        "price tiers": "as price lists",
        "capture": "the whole order, some moments later",
        "customer mail": "the shop's own setting decides, not the single shipment",
    },
)
