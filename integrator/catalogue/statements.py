# ruff: noqa: S608 - only constants of this module are put together; values always go as parameters
"""The statements of the intake. Each handles any number of items; the arrays are made by catalogue.batches.

`same` in what they read: the digest of what was sent is that of the last payload applied, so nothing of the values
has to be looked at. A state that is read to be changed is read under its row lock, in the order of product_id.
"""

from __future__ import annotations

SENT = """unnest(%(items)s::text[], %(contents)s::text[], %(prices)s::text[], %(stocks)s::text[],
       %(versions)s::bigint[], %(modified)s::timestamptz[])
  WITH ORDINALITY AS u(item_id, content, price, stock, version, modified_at, n)"""

_SAME = """({aspect}.hash = decode(u.{sent}, 'hex')
   AND (u.version IS NULL OR u.version IS NOT DISTINCT FROM {aspect}.version)
   AND (u.modified_at IS NULL OR u.modified_at IS NOT DISTINCT FROM {aspect}.modified_at))"""

# Points are looked up one by one through their unique index, whatever the planner believes to know of an account: a
# join that it takes for a handful of rows when they are thousands costs minutes. OFFSET 0 keeps it from joining.
_PRODUCT = """LATERAL (
    SELECT * FROM products p
    WHERE p.account_id = %(account)s AND p.store_id = %(store)s AND p.item_id = u.item_id OFFSET 0) p"""
_ASPECT = """LATERAL (
    SELECT * FROM {table} a WHERE a.account_id = %(account)s AND a.product_id = p.id OFFSET 0) {name}"""

# One row if anything at all would have to be looked at. Takes no lock and writes nothing.
ANY_NEWS = f"""
SELECT 1 FROM {SENT}
LEFT JOIN {_PRODUCT} ON true
LEFT JOIN {_ASPECT.format(table="prices", name="r")} ON true
LEFT JOIN {_ASPECT.format(table="stocks", name="s")} ON true
WHERE p.id IS NULL
   OR (u.content IS NOT NULL AND {_SAME.format(aspect="p", sent="content")} IS NOT TRUE)
   OR (u.price IS NOT NULL AND {_SAME.format(aspect="r", sent="price")} IS NOT TRUE)
   OR (u.stock IS NOT NULL AND {_SAME.format(aspect="s", sent="stock")} IS NOT TRUE)
LIMIT 1
"""

# Under the lock of the store's catalogue, which every writer of products holds. Says of price and stock whether
# there is anything to look at.
CONTENTS = f"""
SELECT u.n, (u.price IS NOT NULL AND {_SAME.format(aspect="r", sent="price")} IS NOT TRUE),
       (u.stock IS NOT NULL AND {_SAME.format(aspect="s", sent="stock")} IS NOT TRUE),
       p.id, p.version, p.modified_at, p.style_id,
       CASE WHEN u.content IS NULL OR p.hash = decode(u.content, 'hex') THEN NULL ELSE p.content::text END
FROM {SENT} CROSS JOIN {_PRODUCT}
LEFT JOIN {_ASPECT.format(table="prices", name="r")} ON true
LEFT JOIN {_ASPECT.format(table="stocks", name="s")} ON true
"""

LOCK = """
SELECT u.n, a.version, a.modified_at, (a.hash = decode(u.sent, 'hex')) IS TRUE, {values}
FROM unnest(%(products)s::bigint[], %(hashes)s::text[]) WITH ORDINALITY AS u(product_id, sent, n)
JOIN {table} a ON a.account_id = %(account)s AND a.product_id = u.product_id
ORDER BY a.product_id
FOR NO KEY UPDATE OF a
"""
_PRICES = "a.price, a.sale_price, a.sale_start, a.sale_end, a.msrp, a.cost, a.tiers"
_STOCKS = "a.quantity, a.quantities::text"
LOCK_PRICES = LOCK.format(table="prices", values=_PRICES)
LOCK_STOCKS = LOCK.format(table="stocks", values=_STOCKS)

# -- writing

REMEMBER = """
UPDATE {table} a SET version = u.version, modified_at = u.modified_at
FROM unnest(%(products)s::bigint[], %(versions)s::bigint[], %(modified)s::timestamptz[])
  AS u(product_id, version, modified_at)
WHERE a.account_id = %(account)s AND a.{key} = u.product_id
"""

ASPECT = """hash = decode(u.hash, 'hex'), version = u.version, modified_at = u.modified_at,
    changed_at = now(), call_id = %(call)s"""

SET_CONTENTS = f"""
UPDATE products a SET content = u.content::jsonb, style_id = u.style_id, {ASPECT}
FROM unnest(%(products)s::bigint[], %(hashes)s::text[], %(versions)s::bigint[], %(modified)s::timestamptz[],
            %(contents)s::text[], %(styles)s::text[])
  AS u(product_id, hash, version, modified_at, content, style_id)
WHERE a.account_id = %(account)s AND a.id = u.product_id
"""

_PRICE_ARRAYS = """%(products)s::bigint[], %(hashes)s::text[], %(versions)s::bigint[], %(modified)s::timestamptz[],
            %(price)s::numeric[], %(sale_price)s::numeric[], %(sale_start)s::timestamptz[], %(sale_end)s::timestamptz[],
            %(msrp)s::numeric[], %(cost)s::numeric[], %(tiers)s::text[]"""
_PRICE_NAMES = "product_id, hash, version, modified_at, price, sale_price, sale_start, sale_end, msrp, cost, tiers"

SET_PRICES = f"""
UPDATE prices a
SET price = u.price, sale_price = u.sale_price, sale_start = u.sale_start, sale_end = u.sale_end, msrp = u.msrp,
    cost = u.cost, tiers = u.tiers::jsonb, {ASPECT}
FROM unnest({_PRICE_ARRAYS}) AS u({_PRICE_NAMES})
WHERE a.account_id = %(account)s AND a.product_id = u.product_id
"""

_STOCK_ARRAYS = """%(products)s::bigint[], %(hashes)s::text[], %(versions)s::bigint[], %(modified)s::timestamptz[],
            %(quantity)s::numeric[], %(quantities)s::text[]"""
_STOCK_NAMES = "product_id, hash, version, modified_at, quantity, quantities"

SET_STOCKS = f"""
UPDATE stocks a SET quantity = u.quantity, quantities = coalesce(u.quantities, '{{}}')::jsonb, {ASPECT}
FROM unnest({_STOCK_ARRAYS}) AS u({_STOCK_NAMES})
WHERE a.account_id = %(account)s AND a.product_id = u.product_id
"""

CREATE_PRODUCTS = """
INSERT INTO products (account_id, store_id, item_id, style_id, content, hash, version, modified_at, call_id)
SELECT %(account)s, %(store)s, u.item_id, u.style_id, u.content::jsonb, decode(u.hash, 'hex'), u.version,
       u.modified_at, %(call)s
FROM unnest(%(items)s::text[], %(hashes)s::text[], %(versions)s::bigint[], %(modified)s::timestamptz[],
            %(contents)s::text[], %(styles)s::text[])
  AS u(item_id, hash, version, modified_at, content, style_id)
RETURNING item_id, id
"""

CREATE_PRICES = f"""
INSERT INTO prices (account_id, product_id, hash, version, modified_at, call_id, price, sale_price, sale_start,
                    sale_end, msrp, cost, tiers)
SELECT %(account)s, u.product_id, decode(u.hash, 'hex'), u.version, u.modified_at, %(call)s, u.price, u.sale_price,
       u.sale_start, u.sale_end, u.msrp, u.cost, u.tiers::jsonb
FROM unnest({_PRICE_ARRAYS}) AS u({_PRICE_NAMES})
"""

CREATE_STOCKS = f"""
INSERT INTO stocks (account_id, product_id, hash, version, modified_at, call_id, quantity, quantities)
SELECT %(account)s, u.product_id, decode(u.hash, 'hex'), u.version, u.modified_at, %(call)s, u.quantity,
       coalesce(u.quantities, '{{}}')::jsonb
FROM unnest({_STOCK_ARRAYS}) AS u({_STOCK_NAMES})
"""

# -- styles, links, locations

SIBLINGS = """
SELECT p.item_id, p.style_id, p.content -> 'Options'
FROM products p
WHERE p.account_id = %(account)s AND p.store_id = %(store)s AND p.style_id = ANY(%(styles)s::text[])
ORDER BY p.id
"""

LINKED = """
SELECT l.product_id, string_agg(c.name, ', ' ORDER BY c.id)
FROM listings l JOIN channels c ON c.account_id = l.account_id AND c.id = l.channel_id
WHERE l.account_id = %(account)s AND l.product_id = ANY(%(products)s::bigint[])
  AND (l.state = 'linked' OR l.remote <> '{}'::jsonb)
GROUP BY l.product_id
"""

KNOWN_LOCATIONS = "SELECT code FROM locations WHERE account_id = %(account)s AND store_id = %(store)s"

CREATE_LOCATIONS = """
INSERT INTO locations (account_id, store_id, code, name, position)
SELECT %(account)s, %(store)s, u.code, u.code,
       u.n + (SELECT coalesce(max(position), 0) FROM locations WHERE account_id = %(account)s AND store_id = %(store)s)
FROM unnest(%(codes)s::text[]) WITH ORDINALITY AS u(code, n)
ORDER BY u.code
ON CONFLICT DO NOTHING
"""
