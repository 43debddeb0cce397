"""All tables, one module a subject. Every key begins with the account, so that any table can be
partitioned or distributed by it; what a table is for stands above it.

Names: `account_id` is the tenant, `id` a number made by the database, `*_at` a time with zone (UTC),
`*_hash` a digest of 16 bytes. Amounts and quantities are numeric(19,4), the contract's four places.
"""

from integrator.store.tables.accounts import (
    accounts,
    channels,
    locations,
    store_users,
    stores,
    user_secrets,
)
from integrator.store.tables.base import metadata
from integrator.store.tables.catalogue import lanes, listings, prices, products, stocks
from integrator.store.tables.journal import attempts, beats, call_failures, calls, issues, reconciliations
from integrator.store.tables.orders import (
    captures,
    customers,
    deliveries,
    order_lines,
    orders,
    shipments,
    transactions,
)
from integrator.store.tables.sandbox import sandbox_documents, sandbox_shops

__all__ = [
    "accounts", "attempts", "beats", "call_failures", "calls", "captures", "channels", "customers", "deliveries",
    "issues", "lanes", "listings", "locations", "metadata", "order_lines", "orders", "prices", "products",
    "reconciliations",
    "sandbox_documents", "sandbox_shops", "shipments", "stocks", "store_users", "stores", "transactions",
    "user_secrets",
]  # fmt: skip
