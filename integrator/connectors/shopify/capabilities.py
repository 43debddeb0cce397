"""What Shopify can do, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

API_VERSION = "2026-10"  # the one place: the URL is made of it, and what the shop answers with is compared with it

INPUT_MOST = 250  # elements of any list in a request
PAGED_MOST = 25_000  # objects that one list can be paged through
VARIANTS_MOST = 2_048  # of one product
OPTIONS_MOST = 3
SKU_CHARACTERS = 255
COST_MOST = 1_000  # points of a single request
ORDER_PAGE = 25

# Scopes by what they are for. Those that end in "?" are needed only for a part, which the check names.
SCOPES = {
    "read_products": "to find products",
    "write_products": "to create and update products and prices",
    "read_inventory": "to see stock",
    "write_inventory": "to set stock",
    "read_locations": "to know the shop's locations",
    "read_orders": "to take orders",
    "write_orders": "to capture payments and to note shipments on orders",
    "read_customers": "to tell whose order it is",
    "read_merchant_managed_fulfillment_orders": "to see what has to be shipped",
    "write_merchant_managed_fulfillment_orders": "to tell the shop what was shipped",
}
OPTIONAL_SCOPES = {
    "read_all_orders": "Orders older than 60 days cannot be read without it.",
    "read_publications": "New products cannot be published to the Online Store without it.",
    "write_publications": "New products cannot be published, and single variants not be taken off, without it.",
    "read_third_party_fulfillment_orders": "What third-party services ship is not seen without it.",
}

CAPABILITIES = Capabilities(
    content_batch=100,
    price_batch=1_000,
    stock_batch=1_000,
    sale_windows=False,
    locations=True,
    drafts=True,
    quantity_decimals=0,
    price_tiers=False,
    order_page=ORDER_PAGE,
    partial_shipments=True,
    partial_capture=True,
    capture=True,
    compare_and_set=True,
    webhooks=True,
    max_options=OPTIONS_MOST,
    max_variants=VARIANTS_MOST,
    quota="100, 200, 1,000 or 2,000 points a second, by the shop's plan",
    notes={
        "stock": "per location, compared with what was there before it is set",
        "sale windows": "kept by Integrator, which switches the price at start and end",
        "first load": "by bulk operations, which cost no quota",
        "variants": "2,048 of a product; from 50,000 in the shop on, 1,000 new ones a day (not on Plus)",
        "shipments": "per location, one call each",
        "capture": "partial amounts on Plus only",
    },
)
