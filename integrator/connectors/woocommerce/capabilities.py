"""What WooCommerce can do, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

# Versions that the connector is tested with; newer ones work as long as wc/v3 stays what it is.
OLDEST = (8, 0)
NEWEST = (11, 99)

# The shop's own features, by the version that brought them.
GLOBAL_UNIQUE_ID = (9, 2)  # GTIN, UPC, EAN or ISBN of a product and of a variation
BRANDS = (9, 6)  # brands as a part of the core
ALL_VARIATIONS = (10, 3)  # GET wc/v3/variations reads the variations of every parent

BATCH_START = 50  # a PHP host that times out at 100 usually manages this
BATCH_MOST = 100  # the platform's own limit (413 above)
PAGE = 100

CAPABILITIES = Capabilities(
    content_batch=25,
    price_batch=1_000,
    stock_batch=1_000,
    sale_windows=True,
    locations=False,
    drafts=True,
    quantity_decimals=0,
    price_tiers=False,
    order_page=PAGE,
    partial_shipments=True,
    partial_capture=False,
    capture=True,
    compare_and_set=False,
    webhooks=True,
    max_options=3,
    max_variants=None,
    quota="none in WooCommerce; the host decides",
    notes={
        "stock": "one quantity per product; POS locations are summed",
        "variations": "written per parent: one call for each style that changed",
        "sale windows": "kept by the shop; its own scheduler switches the shown price",
        "partial shipments": "with the fulfilments feature, a tracking extension, or as notes",
        "capture": "per payment gateway: by order status, or WooPayments' own call",
    },
)
