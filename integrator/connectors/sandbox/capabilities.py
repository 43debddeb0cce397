"""What a sandbox shop can do, as data."""

from __future__ import annotations

from integrator.connectors.base import Capabilities

CAPABILITIES = Capabilities(
    content_batch=100,
    price_batch=500,
    stock_batch=500,
    sale_windows=True,
    locations=True,
    drafts=True,
    price_tiers=True,
    order_page=100,
    partial_shipments=True,
    partial_capture=True,
    capture=True,
    webhooks=True,
    local_webhooks=True,
    max_options=3,
    quota="none, unless the shop is told to have one",
    notes={
        "Products": "drafts; styles with up to 3 options; images are linked, not copied",
        "Prices": "with sale windows and tiers, 500 a request",
        "Stock": "a total and per location, 500 a request",
        "Orders": "by time of change, 100 a page; signed webhooks",
        "Shipments": "in part; repeated safely by the ShipmentId",
        "Money": "authorisations can be captured in part; gift cards are tenders",
    },
)
