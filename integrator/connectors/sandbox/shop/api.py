"""The shop's JSON API. `README.md` of this folder and the page "API" of every shop describe it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError

from integrator import __version__
from integrator.connectors.sandbox.address import service_url
from integrator.connectors.sandbox.shop import documents, gate, orders, products
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters
from integrator.connectors.sandbox.shop.documents import Body, ShopError
from integrator.settings import settings
from integrator.store.engine import begin

LARGEST_PAGE = 1_000

blueprint = Blueprint("api", __name__, url_prefix="/<shop>/api")
blueprint.before_request(gate.enter)
blueprint.after_request(gate.leave)
blueprint.register_error_handler(ShopError, gate.shop_error)


def body() -> Body:
    value = request.get_json(silent=True)
    if not isinstance(value, dict):
        raise ShopError(400, "invalid", "The body must be a JSON object, sent as application/json.")
    return value


def whole(name: str, default: int, largest: int) -> int:
    text = request.args.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise ShopError(400, "invalid", f"{name} must be a whole number, not {text[:40]!r}.")
    return min(int(text), largest)


def moment(name: str) -> datetime | None:
    text = request.args.get(name, "")
    if not text:
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        message = f"{name} must be an ISO 8601 time with its offset, not {text[:40]!r} (a + is written %2B)."
        raise ShopError(400, "invalid", message)
    return value


# -- the shop


@blueprint.get("/")
def about(shop: str) -> Response:
    """The shop: version, time, currency, how much it holds."""
    with begin() as connection:
        row = documents.locked(connection, shop)
        counts = documents.count(connection, shop)
    return jsonify({
        "name": shop, "version": __version__, "time": datetime.now(UTC).isoformat(),
        "currency": row.profile["currency"], "products": counts.get("product", 0),
        "variants": counts.get("variant", 0), "orders": counts.get("order", 0),
        "webhook": row.profile.get("webhook", {}).get("url", ""),
    })  # fmt: skip


@blueprint.get("/behaviour")
def behaviour(shop: str) -> Response:
    """How the shop misbehaves, and its counts of requests."""
    with begin() as connection:
        row = documents.locked(connection, shop)
    return jsonify({
        "behaviour": Behaviour(**row.behaviour).model_dump(), "counters": Counters(**row.counters).model_dump()
    })  # fmt: skip


@blueprint.put("/behaviour")
def set_behaviour(shop: str) -> Response:
    """Replace how it misbehaves: what is not named is off."""
    try:
        wanted = Behaviour(**body())
    except ValidationError as error:
        first = error.errors()[0]
        raise ShopError(422, "invalid", f"{'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    misbehave(shop, wanted)
    return behaviour(shop)


def misbehave(shop: str, wanted: Behaviour) -> None:
    with begin() as connection:
        row = documents.locked(connection, shop)
        counters = Counters(**row.counters).model_copy(update={"window_start": 0.0, "window_used": 0})
        documents.change_shop(
            connection, shop, behaviour=wanted.model_dump(exclude_defaults=True), counters=counters.model_dump()
        )


@blueprint.post("/reset")
def reset(shop: str) -> Response:
    """Forget products, orders, counts and misbehaviour."""
    empty(shop)
    return jsonify({"reset": True})


def empty(shop: str) -> None:
    """Forget products, orders, counters and misbehaviour; the key and the webhook stay."""
    with begin() as connection:
        row = documents.locked(connection, shop)
        documents.clear(connection, shop)
        profile = {name: value for name, value in row.profile.items() if name != "orders"}
        documents.change_shop(connection, shop, behaviour={}, counters={}, profile=profile)


# -- products, prices, stock


@blueprint.post("/products/batch")
def products_batch(shop: str) -> Response:
    """Create or change products with their variants, found by `id` or `external_id`, variants by `id` or `sku`."""
    with begin() as connection:
        return jsonify({"results": products.upsert(connection, shop, body().get("products"))})


@blueprint.get("/products/<int:identity>")
def product(shop: str, identity: int) -> Response:
    """One product with its variants."""
    with begin() as connection:
        return jsonify(products.product(connection, shop, identity))


@blueprint.patch("/products/<int:identity>")
def edit_product(shop: str, identity: int) -> Response:
    """Change a product as its merchant does."""
    with begin() as connection:
        return jsonify(products.edit(connection, shop, identity, body()))


@blueprint.post("/variants/find")
def find(shop: str) -> Response:
    """Every variant with one of `skus`, exactly."""
    with begin() as connection:
        return jsonify({"variants": products.find(connection, shop, body().get("skus"))})


@blueprint.get("/variants")
def variants(shop: str) -> Response:
    """All variants by id: `after`, `limit`."""
    limit = whole("limit", 500, LARGEST_PAGE)
    with begin() as connection:
        found = products.variants(connection, shop, after=whole("after", 0, 2**62), limit=limit)
    return jsonify({"variants": found, "next": found[-1]["id"] if len(found) == limit else None})


@blueprint.post("/prices/batch")
def prices_batch(shop: str) -> Response:
    """Set prices, sale prices with `sale_start` and `sale_end`, tiers, by `variant_id`."""
    with begin() as connection:
        return jsonify({"results": products.set_prices(connection, shop, body().get("prices"))})


@blueprint.post("/stock/batch")
def stock_batch(shop: str) -> Response:
    """Set the quantity and, per location, `by_location`, by `variant_id`."""
    with begin() as connection:
        return jsonify({"results": products.set_stock(connection, shop, body().get("stock"))})


# -- orders


@blueprint.get("/orders")
def list_orders(shop: str) -> Response:
    """Orders by time of change: `modified_since`, `after`, `limit`."""
    found, cursor = orders.changed(
        shop,
        since=moment("modified_since"),
        after=request.args.get("after", ""),
        limit=whole("limit", 100, LARGEST_PAGE),
    )
    return jsonify({"orders": found, "next": cursor})


@blueprint.post("/orders")
def place(shop: str) -> tuple[Response, int]:
    """Place an order: `lines` [{sku, quantity}], `customer`, `payment` paid, authorised or none."""
    return jsonify(orders.place(shop, body())), 201


@blueprint.post("/orders/make-up")
def make_up(shop: str) -> tuple[Response, int]:
    """Let made-up shoppers place `count` orders of what is published and in stock."""
    wanted = body()
    how_many = wanted.get("count", 1)
    if not isinstance(how_many, int) or not 1 <= how_many <= 100:
        raise ShopError(422, "invalid", f"count must be a whole number from 1 to 100, not {how_many!r}.")
    payment = wanted.get("payment", "")
    if payment not in ("", "paid", "authorised", "none"):
        raise ShopError(422, "invalid", f"payment must be paid, authorised or none, not {payment!r}.")
    return jsonify({"orders": orders.make_up(shop, how_many, payment=payment)}), 201


@blueprint.get("/orders/<int:identity>")
def order(shop: str, identity: int) -> Response:
    """One order with its payments, fulfilments and refunds."""
    return jsonify(orders.order(shop, identity))


@blueprint.post("/orders/<int:identity>/payments")
def pay(shop: str, identity: int) -> Response:
    """`kind` authorise or capture; `amount`, all that is due by default."""
    return jsonify(orders.pay(shop, identity, body()))


@blueprint.post("/orders/<int:identity>/fulfilments")
def ship(shop: str, identity: int) -> Response:
    """Goods leave: `lines` {line id: units}, all that is open by default; carrier, tracking."""
    return jsonify(orders.ship(shop, identity, body()))


@blueprint.post("/orders/<int:identity>/refunds")
def refund(shop: str, identity: int) -> Response:
    """Goods come back (`lines`), or money only (`amount`); `restock`."""
    return jsonify(orders.refund(shop, identity, body()))


@blueprint.post("/orders/<int:identity>/cancel")
def cancel(shop: str, identity: int) -> Response:
    """Cancel what has not shipped; money goes back."""
    return jsonify(orders.cancel(shop, identity))


# -- the webhook


@blueprint.get("/webhook")
def webhook(shop: str) -> Response:
    """The webhook and its last deliveries."""
    with begin() as connection:
        hook = documents.locked(connection, shop).profile.get("webhook") or {}
        sent = documents.newest(connection, shop, "delivery", limit=20)
    return jsonify({"url": hook.get("url", ""), "deliveries": [one.body for one in sent]})


@blueprint.put("/webhook")
def set_webhook(shop: str) -> Response:
    """Set `url` and `secret` of the webhook; only to this service itself."""
    # a shop must be no way to make this machine call others
    wanted: dict[str, Any] = body()
    url, secret = str(wanted.get("url", "")), str(wanted.get("secret", ""))
    allowed = tuple(f"{one.rstrip('/')}/" for one in (service_url(), settings().public_url) if one)
    if url and not url.startswith(allowed):
        raise ShopError(
            422, "url_refused", f"A sandbox shop only calls its own service: the URL must begin with {allowed[0]}"
        )
    if url and len(secret) < 16:
        raise ShopError(422, "secret_short", "The secret needs 16 characters at least.")
    with begin() as connection:
        row = documents.locked(connection, shop)
        profile = {**row.profile, "webhook": {"url": url, "secret": secret} if url else None}
        documents.change_shop(connection, shop, profile=profile)
    return webhook(shop)
