"""What a HipCommerce shop can do, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

PRODUCTS, PRICES, STOCK, PAGE, LISTINGS, FILTER = 100, 500, 500, 100, 500, 100  # the contract's maxima

CAPABILITIES = Capabilities(
    content_batch=PRODUCTS,
    price_batch=PRICES,
    stock_batch=STOCK,
    sale_windows=True,
    locations=True,
    drafts=True,
    quantity_decimals=4,
    price_tiers=True,
    order_page=PAGE,
    partial_shipments=True,
    partial_capture=True,
    capture=True,
    webhooks=True,
    max_options=3,
    max_variants=2_000,
    quota="the shop's own; it says in each answer what is left",
    notes={
        "Products": "drafts; styles with up to 3 options; 100 a request",
        "Prices": "with sale windows and tiers, 500 a request",
        "Stock": "a total or per location, 500 rows a request",
        "Orders": "orders, transactions and captures by time of change, 100 a page; Standard Webhooks",
        "Shipments": "in part; repeated safely by the ShipmentId",
        "Money": "captured with the shipment, also in part",
        "Files": "the same records as CSV or XML in a folder or over SFTP, for shops without an API",
    },
)
