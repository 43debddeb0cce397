"""The pages of a shop, for people: storefront, drafts, orders, settings.

Whoever has the shop's key, or the private link that is made from it, may do everything here; nobody else may
even see whether there is such a shop. The link sets a cookie of its own, so that the key is in no URL. Every
form carries a token made from that cookie, so that no other site can send one.
"""

from __future__ import annotations

import hashlib
import hmac
import math
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote, unquote

import nh3
from flask import Blueprint, Response, g, make_response, redirect, render_template, request, url_for
from markupsafe import Markup
from pydantic import ValidationError

from integrator.connectors.sandbox.shop import api, documents, ordering, orders, products
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters
from integrator.connectors.sandbox.shop.documents import Body, Document, ShopError, number, plain
from integrator.store.engine import begin

PER_PAGE = 24
COOKIE, NOTE = "sandbox", "sandbox_note"
MONTH = 30 * 86_400
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥"}
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src * data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

blueprint = Blueprint("pages", __name__, url_prefix="/<shop>", template_folder="templates")


# -- who may see it


def page_token(shop: str, key: str) -> str:
    """What the private link and the cookie hold; the key cannot be told from it, and a new key ends it."""
    return hmac.new(key.encode(), f"pages:{shop}".encode(), hashlib.sha256).hexdigest()


def form_token(token: str) -> str:
    return hmac.new(token.encode(), b"form", hashlib.sha256).hexdigest()


def same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


@blueprint.before_request
def enter() -> Response | None:
    name = (request.view_args or {}).get("shop", "")
    with begin() as connection:
        row = documents.shop(connection, name)
    g.row, g.token = row, page_token(name, row.key) if row else ""
    if request.endpoint in ("pages.open_link", "pages.enter_key"):
        return None
    if row is None or not same(request.cookies.get(COOKIE, ""), g.token):
        return _locked()
    if request.method == "POST" and not same(request.form.get("token", ""), form_token(g.token)):
        return _locked("The form was too old or came from elsewhere. Open the shop again by its link.", 403)
    return None


@blueprint.after_request
def secure(response: Response) -> Response:
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    return response


def _locked(message: str = "", status: int = 401) -> Response:
    name = (request.view_args or {}).get("shop", "")
    return make_response(render_template("locked.html", shop=name, message=message), status)


def _let_in(shop: str) -> Response:
    answer = make_response(redirect(url_for("pages.storefront", shop=shop)))
    path = f"{request.script_root}/{quote(shop, safe='')}"
    answer.set_cookie(
        COOKIE, g.token, max_age=MONTH, httponly=True, samesite="Lax", secure=request.is_secure, path=path
    )
    return answer


@blueprint.get("/open/<token>")
def open_link(shop: str, token: str) -> Response:
    return _let_in(shop) if g.row and same(token, g.token) else _locked("This link is not the shop's (any more).")


@blueprint.post("/open")
def enter_key(shop: str) -> Response:
    good = g.row and same(request.form.get("key", "").strip(), g.row.key)
    return _let_in(shop) if good else _locked("This is not the shop's key.")


# -- what the templates use


def money(value: Any) -> str:
    currency = g.row.profile["currency"]
    amount = number(value)
    shown = f"{amount:,.2f}" if amount == amount.quantize(Decimal("0.01")) else f"{amount:,}"
    return f"{shown} {SYMBOLS.get(currency, currency)}"


def units(value: Any) -> str:
    return plain(number(value))


def when(value: Any) -> str:
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{moment.astimezone(UTC):%d %b %Y, %H:%M} UTC"


def hue(text: str) -> int:
    """A colour for a thing without a picture, the same every time."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8", "replace")).digest()[:2], "big") % 360


def marked(text: str) -> Markup:
    """`words` of our own documentation as code."""
    parts = text.split("`")
    return Markup().join(Markup("<code>{}</code>").format(one) if n % 2 else one for n, one in enumerate(parts))


def clean(text: str) -> Markup:
    """A description's HTML, harmless whatever was sent."""
    return Markup(nh3.clean(text))  # noqa: S704 - it is cleaned right here


@blueprint.app_context_processor
def helpers() -> Body:
    tools: Body = {
        "money": money,
        "units": units,
        "when": when,
        "hue": hue,
        "clean": clean,
        "marked": marked,
        "number": number,
    }
    if "row" in g and g.row:
        tools |= {"shop": g.row.name, "profile": g.row.profile, "form_token": form_token(g.token)}
    return tools


def show(template: str, status: int = 200, **values: Any) -> Response:
    note = unquote(request.cookies.get(NOTE, ""))
    answer = make_response(render_template(template, note=note, **values), status)
    if note:
        answer.delete_cookie(NOTE, path=f"{request.script_root}/")
    return answer


def done(message: str, endpoint: str, **values: Any) -> Response:
    answer = make_response(redirect(url_for(f"pages.{endpoint}", shop=g.row.name, **values), 303))
    answer.set_cookie(
        NOTE, quote(message[:500]), max_age=60, httponly=True, samesite="Lax", path=f"{request.script_root}/"
    )
    return answer


@blueprint.errorhandler(ShopError)
def refused(error: ShopError) -> Response:
    """A form that cannot be done goes back to its page with the reason."""
    if request.method == "POST" and g.get("back"):
        endpoint, values = g.back
        return done(error.message, endpoint, **values)
    return show("refused.html", error.status, message=error.message)


# -- products


def priced(variant: Document, product: Document, now: datetime) -> Body:
    shown = products.shown(variant, product)
    return shown | {"on_sale": products.sale_now(variant.body, now), "asked": products.asked(variant.body, now)}


@blueprint.get("/")
def storefront(shop: str) -> Response:
    return _catalogue(shop, published=True)


@blueprint.get("/drafts")
def drafts(shop: str) -> Response:
    return _catalogue(shop, published=False)


def _catalogue(shop: str, *, published: bool) -> Response:
    text, number_of = request.args.get("q", ""), max(1, request.args.get("page", 1, type=int))
    now = datetime.now(UTC)
    with begin() as connection:
        found, total = documents.search_products(
            connection, shop, text=text, published=published, limit=PER_PAGE, offset=(number_of - 1) * PER_PAGE
        )
        by_product: dict[int, list[Document]] = {}
        for one in documents.by_parents(connection, shop, "variant", [one.id for one in found]):
            by_product.setdefault(one.parent or 0, []).append(one)
        counts = documents.count_products(connection, shop)
    cards = []
    for one in found:
        its = [priced(variant, one, now) for variant in by_product.get(one.id, [])]
        its = [variant for variant in its if not variant["hidden"]] or its
        cards.append(card(one, its))
    return show(
        "catalogue.html", cards=cards, total=total, q=text, page=number_of, pages=math.ceil(total / PER_PAGE),
        published=published, counts=counts,
    )  # fmt: skip


def card(product: Document, its: list[Body]) -> Body:
    """What a tile shows of a product."""
    asked = [one["asked"] for one in its] or [Decimal(0)]
    regular = [number(one["price"]) for one in its] or [Decimal(0)]
    left = sum((max(Decimal(0), number(one["quantity"])) for one in its), Decimal(0))
    return {
        **product.body, "id": product.id, "variants": its, "from": min(asked), "ranged": min(asked) != max(asked),
        "on_sale": any(one["on_sale"] for one in its), "regular": min(regular), "left": left,
    }  # fmt: skip


@blueprint.get("/products/<int:identity>")
def product(shop: str, identity: int) -> Response:
    now = datetime.now(UTC)
    with begin() as connection:
        found = documents.by_ids(connection, shop, "product", [identity]).get(identity)
        if found is None:
            raise ShopError(404, "product_not_found", f"There is no product {identity}.")
        its = documents.by_parents(connection, shop, "variant", [identity])
    return show("product.html", product=card(found, [priced(one, found, now) for one in its]), now=now)


@blueprint.post("/products/<int:identity>")
def edit_product(shop: str, identity: int) -> Response:
    g.back = ("product", {"identity": identity})
    fields: Body = {name: request.form[name] for name in ("name", "long_description") if name in request.form}
    if "published" in request.form:
        fields["published"] = request.form["published"] == "yes"
    with begin() as connection:
        products.edit(connection, shop, identity, fields)
    return done("Saved, as a merchant would.", "product", identity=identity)


@blueprint.post("/publish-all")
def publish_all(shop: str) -> Response:
    with begin() as connection:
        changed = products.publish_all(connection, shop)
    return done(f"{changed} drafts are published.", "storefront")


# -- orders


@blueprint.get("/orders")
def order_list(shop: str) -> Response:
    page = max(1, request.args.get("page", 1, type=int))
    with begin() as connection:
        found = documents.newest(connection, shop, "order", limit=PER_PAGE + 1, offset=(page - 1) * PER_PAGE)
        total = documents.count(connection, shop).get("order", 0)
    shown = [orders.shown(one) for one in found[:PER_PAGE]]
    return show("orders.html", orders=shown, total=total, page=page, more=len(found) > PER_PAGE)


@blueprint.get("/orders/<int:identity>")
def order(shop: str, identity: int) -> Response:
    found = orders.order(shop, identity)
    for line in found["lines"]:
        line["open"] = ordering.open_units(line)
        line["refundable"] = number(line["quantity"]) - number(line["refunded"])
    return show("order.html", order=found, due=ordering.due(found) - ordering.paid(found, "capture"),
                reserved=ordering.capturable(found))  # fmt: skip


@blueprint.post("/orders")
def place(shop: str) -> Response:
    sku = request.form.get("sku", "")
    g.back = ("product", {"identity": request.form.get("product", 0, type=int)}) if sku else ("storefront", {})
    payment = request.form.get("payment", "")
    if not sku:
        made = orders.make_up(shop, min(20, max(1, request.form.get("count", 1, type=int))), payment=payment)
        listed = ", ".join(one["number"] for one in made)
        return done(f"Shoppers placed {len(made)} orders: {listed}.", "order_list")
    cart = {"lines": [{"sku": sku, "quantity": request.form.get("quantity", "1")}], "payment": payment or "paid"}
    made_one = orders.place(shop, cart)
    return done(f"Order {made_one['number']} is placed.", "order", identity=made_one["id"])


def _lines() -> dict[str, str]:
    """Units by line of a form with fields `units:<line id>`."""
    fields = {name[6:]: value.strip() for name, value in request.form.items() if name.startswith("units:")}
    return {line: value for line, value in fields.items() if value not in ("", "0")}


@blueprint.post("/orders/<int:identity>/<what>")
def act(shop: str, identity: int, what: str) -> Response:
    g.back = ("order", {"identity": identity})
    form = request.form
    match what:
        case "authorise" | "capture":
            body: Body = {"kind": what} | ({"amount": form["amount"]} if form.get("amount") else {})
            orders.pay(shop, identity, body)
            said = "The money is reserved." if what == "authorise" else "The money is taken."
        case "ship":
            tracking = [one.strip() for one in form.get("tracking", "").split(",") if one.strip()]
            orders.ship(shop, identity, {"lines": _lines() or None, "tracking_numbers": tracking})
            said = "The goods are on their way."
        case "refund":
            body = {"lines": _lines() or None, "restock": "restock" in form, "reason": form.get("reason", "")}
            orders.refund(shop, identity, body | ({"amount": form["amount"]} if form.get("amount") else {}))
            said = "The refund is made."
        case "cancel":
            orders.cancel(shop, identity)
            said = "The order is cancelled."
        case _:
            raise ShopError(404, "unknown", f"Nothing called {what!r} can be done with an order.")
    return done(said, "order", identity=identity)


# -- settings


@blueprint.get("/settings")
def settings(shop: str) -> Response:
    with begin() as connection:
        sent = documents.newest(connection, shop, "delivery", limit=10)
        counts = documents.count(connection, shop)
    return show(
        "settings.html", behaviour=Behaviour(**g.row.behaviour), fields=Behaviour.model_fields, counts=counts,
        counters=Counters(**g.row.counters), deliveries=sent, hook=g.row.profile.get("webhook") or {},
    )  # fmt: skip


@blueprint.post("/settings")
def change_settings(shop: str) -> Response:
    g.back = ("settings", {})
    wanted: Body = {}
    for name, field in Behaviour.model_fields.items():
        value = request.form.get(name, "").strip()
        if field.annotation is bool:
            wanted[name] = bool(value)
        elif value:
            wanted[name] = value
    try:
        behaviour = Behaviour(**wanted)
    except ValidationError as error:
        first = error.errors()[0]
        raise ShopError(422, "invalid", f"{first['loc'][0]}: {first['msg']}.") from None
    api.misbehave(shop, behaviour)
    return done("From now on the shop behaves like this.", "settings")


@blueprint.post("/behave")
def behave(shop: str) -> Response:
    api.misbehave(shop, Behaviour())
    return done("The shop behaves again.", "settings")


@blueprint.post("/reset")
def reset(shop: str) -> Response:
    api.empty(shop)
    return done("The shop is empty again.", "settings")


@blueprint.get("/help")
def description(shop: str) -> Response:
    return show("help.html", endpoints=endpoints(), base=f"{request.script_root}/{shop}/api")


def endpoints() -> list[tuple[str, str, str]]:
    """Method, path and what it does, from the API's own functions."""
    from flask import current_app

    found = []
    for rule in current_app.url_map.iter_rules():
        if rule.endpoint.startswith("api."):
            view: Callable[..., Any] = current_app.view_functions[rule.endpoint]
            methods = sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})
            path = rule.rule.replace("/<shop>/api", "").replace("int:identity", "id")
            found.append((methods[0], path, (view.__doc__ or "").strip()))
    order_of = {"GET": 0, "POST": 1, "PUT": 2, "PATCH": 3}
    return sorted(found, key=lambda one: (one[1], order_of.get(one[0], 9)))
