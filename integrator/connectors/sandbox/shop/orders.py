"""Orders of a shop: the rules of `ordering` on what is stored, with stock counted and webhooks announced.

Each function takes the shop's row, changes one order and says so to `webhooks` after the commit
(`announce`); the page, the API and the command line all come through here.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, Field
from sqlalchemy import Connection

from integrator.connectors.sandbox.shop import documents, names, ordering, products, webhooks
from integrator.connectors.sandbox.shop.documents import Body, Document, ShopError, number
from integrator.connectors.sandbox.shop.products import Money, Quantity, _In, read
from integrator.store.engine import begin

ZERO = Decimal(0)
FIRST_NUMBER = 1_001


class CartLine(_In):
    """`price` is what the shop asks unless given. An unknown SKU needs a name and a price."""

    sku: str
    quantity: Quantity = Decimal(1)
    price: Money | None = None
    name: str = ""
    gift_card: bool = False


class CustomerIn(_In):
    """Without `id` a guest."""

    id: str | None = None
    email: str = "ada@example.com"
    first_name: str = "Ada"
    last_name: str = "Lovelace"
    company: str = ""
    phone: str = ""


class OrderIn(_In):
    lines: list[CartLine] = Field(min_length=1, max_length=500)
    customer: CustomerIn = CustomerIn()
    shipping_address: dict[str, str] | None = None
    billing_address: dict[str, str] | None = None
    shipping: Money = Decimal("4.90")
    discount: Money = ZERO
    discount_code: str = ""
    tax_rate: Money | None = None
    total_off_by: Quantity = ZERO
    gift_card: Money = ZERO
    payment: str = Field(default="paid", pattern="^(paid|authorised|none)$")
    note: str = ""
    placed_at: AwareDatetime | None = None


class FulfilmentIn(_In):
    """`lines`: line id -> units; absent: all that is open. `key` makes repeating it harmless."""

    key: str = ""
    lines: dict[str, Quantity] | None = None
    carrier: str = ""
    method: str = ""
    tracking_numbers: list[str] = Field(default=[])
    tracking_url: str = ""
    notify: bool = True
    at: AwareDatetime | None = None


class RefundIn(_In):
    key: str = ""
    lines: dict[str, Quantity] | None = None
    amount: Money | None = None
    shipping: Money = ZERO
    restock: bool = True
    reason: str = ""


class PaymentIn(_In):
    key: str = ""
    kind: str = Field(default="capture", pattern="^(authorise|capture)$")
    amount: Money | None = None
    method: str = "card"


def now() -> datetime:
    return datetime.now(UTC)


def _read(model: type[Any], value: Any) -> Any:
    found, wrong = read(model, value)
    if found is None:
        raise ShopError(422, "invalid", wrong["error"]["message"])
    return found


def shown(document: Document) -> Body:
    return {**document.body, "id": document.id, "modified_at": document.modified_at.isoformat()}


@contextmanager
def _changing(shop: str, identity: int) -> Iterator[tuple[Connection, Document]]:
    with begin() as connection:
        documents.locked(connection, shop)
        found = documents.by_ids(connection, shop, "order", [identity]).get(identity)
        if found is None:
            raise ShopError(404, "order_not_found", f"There is no order {identity}.")
        yield connection, found
        documents.update(connection, shop, "order", [found])


def _announced(shop: str, topic: str, identity: int) -> Body:
    """The order as it is now, after the webhook was started."""
    webhooks.announce(shop, topic, identity)
    return order(shop, identity)


# -- reading


def order(shop: str, identity: int) -> Body:
    with begin() as connection:
        found = documents.by_ids(connection, shop, "order", [identity]).get(identity)
    if found is None:
        raise ShopError(404, "order_not_found", f"There is no order {identity}.")
    return shown(found)


def identify(shop: str, name: str) -> int:
    """The id of an order that is named by its number or its id."""
    with begin() as connection:
        found = documents.by_keys(connection, shop, "order", [name.lstrip("#")])
        if not found and name.isdigit():
            found = list(documents.by_ids(connection, shop, "order", [int(name)]).values())
    if not found:
        raise ShopError(404, "order_not_found", f"There is no order {name!r} in {shop}.")
    return found[0].id


def changed(shop: str, *, since: datetime | None, after: str, limit: int) -> tuple[list[Body], str]:
    """Orders by time of change, ascending, and the cursor behind the last one ("" if this is all there is)."""
    place = None
    if after:
        try:
            moment, _, identity = after.partition("~")
            place = (datetime.fromisoformat(moment), int(identity))
        except ValueError:
            raise ShopError(400, "cursor_invalid", f"The cursor {after!r} is not one of this shop's.") from None
    with begin() as connection:
        found = documents.changed(connection, shop, "order", since=since, after=place, limit=limit + 1)
    page = found[:limit]
    cursor = f"{page[-1].modified_at.isoformat()}~{page[-1].id}" if len(found) > limit else ""
    return [shown(one) for one in page], cursor


# -- placing


def place(shop: str, value: Any) -> Body:
    """A shopper's order; what is sold is counted off the stock."""
    wanted: OrderIn = _read(OrderIn, value)
    with begin() as connection:
        row = documents.locked(connection, shop)
        identity = _place(connection, row, wanted)
    return _announced(shop, "order.created", identity)


def _place(connection: Connection, row: documents.ShopRow, wanted: OrderIn) -> int:
    shop, moment = row.name, wanted.placed_at or now()
    bought = list(_bought(connection, shop, wanted.lines))
    (identity,) = documents.next_ids(connection, 1)
    customer = wanted.customer.model_dump()
    address = {
        "first_name": customer["first_name"], "last_name": customer["last_name"], "company": customer["company"],
        "street1": "12 Analytical Row", "street2": "", "city": "Berlin", "state_code": "", "state": "",
        "postal_code": "10115", "country_code": "DE", "phone": customer["phone"], "email": customer["email"],
    }  # fmt: skip
    shipping_address = {**address, **(wanted.shipping_address or {})}
    body = ordering.compose(
        identity, bought, placed_at=moment, profile=row.profile, customer=customer,
        billing_address={**shipping_address, **(wanted.billing_address or {})}, shipping_address=shipping_address,
        shipping=wanted.shipping, discount=wanted.discount,
        discount_code=wanted.discount_code or ("WELCOME" if wanted.discount else ""), tax_rate=wanted.tax_rate,
        total_off_by=wanted.total_off_by, gift_card=wanted.gift_card, note=wanted.note,
    )  # fmt: skip
    numbers = int(row.profile.get("orders", 0))
    body["number"] = str(FIRST_NUMBER + numbers)
    row.profile = {**row.profile, "orders": numbers + 1}
    documents.change_shop(connection, shop, profile=row.profile)
    if wanted.payment != "none" and ordering.due(body) > 0:
        ordering.pay(body, at=moment, authorise=True)
        if wanted.payment == "paid":
            ordering.pay(body, at=moment)
    documents.insert(connection, shop, "order", [Document(identity, body["number"], None, moment, body)])
    products.add_units(connection, shop, _units(body, lambda line: -number(line["quantity"])))
    return identity


def _bought(connection: Connection, shop: str, cart: list[CartLine]) -> Iterator[ordering.Bought]:
    by_sku: dict[str, Body] = {}
    for one in products.find(connection, shop, sorted({line.sku for line in cart})):
        by_sku.setdefault(one["sku"], one)
    for line in cart:
        variant = by_sku.get(line.sku)
        kind = "gift_card" if line.gift_card else "item"
        if variant is None:
            if line.price is None:
                message = f"The shop has no SKU {line.sku!r}; to sell it all the same, give a price."
                raise ShopError(422, "sku_not_found", message)
            yield ordering.Bought(line.sku, line.name or line.sku, line.quantity, line.price, kind)
            continue
        yield ordering.Bought(
            line.sku, line.name or variant["name"], line.quantity,
            products.asked(variant, now()) if line.price is None else line.price, kind,
            variant["product_id"], variant["id"], tuple((one["name"], one["value"]) for one in variant["options"]),
        )  # fmt: skip


def _units(body: Body, count: Callable[[Body], Decimal]) -> dict[int, Decimal]:
    units: dict[int, Decimal] = {}
    for line in body["lines"]:
        if line["variant_id"] is not None and count(line):
            units[line["variant_id"]] = units.get(line["variant_id"], ZERO) + count(line)
    return units


def make_up(shop: str, how_many: int, *, payment: str = "", chance: random.Random | None = None) -> list[Body]:
    """Orders as shoppers would place them: one to three published things that are in stock, people of many
    countries, guests and customers, a discount now and then. `payment`: paid, authorised, none; "": some of each."""
    chance = chance or random.Random()  # noqa: S311 - nothing secret
    placed: list[int] = []
    with begin() as connection:
        row = documents.locked(connection, shop)
        for _ in range(how_many):
            choice = _in_stock(connection, shop, chance)
            if not choice:
                message = "Nothing is published and in stock: publish the drafts, or send stock, then order again."
                raise ShopError(409, "nothing_to_sell", message)
            person = names.person(chance)
            lines = [CartLine(sku=one["sku"], quantity=Decimal(chance.choice((1, 1, 1, 2)))) for one in choice]
            lines = [
                line if line.quantity <= number(one["quantity"]) else line.model_copy(update={"quantity": Decimal(1)})
                for line, one in zip(lines, choice, strict=True)
            ]
            wanted = OrderIn(
                lines=lines,
                customer=CustomerIn(**{name: person[name] for name in CustomerIn.model_fields}),
                shipping_address={name: person[name] for name in ("street1", "city", "postal_code", "country_code")},
                discount=chance.choice((ZERO, ZERO, ZERO, Decimal("5.00"))),
                payment=payment or chance.choice(("paid", "paid", "authorised")),
            )
            placed.append(_place(connection, row, wanted))
    return [_announced(shop, "order.created", identity) for identity in placed]


def _in_stock(connection: Connection, shop: str, chance: random.Random) -> list[Body]:
    """One to three variants that a shopper can buy now."""
    import sqlalchemy as sa

    found = connection.execute(
        sa.text(
            "SELECT v.key FROM sandbox_documents v JOIN sandbox_documents p"
            " ON p.shop = v.shop AND p.kind = 'product' AND p.id = v.parent"
            " WHERE v.shop = :shop AND v.kind = 'variant' AND (v.body->>'quantity')::numeric >= 1"
            " AND (v.body->>'price')::numeric > 0"
            " AND NOT (v.body->>'hidden')::boolean AND (p.body->>'published')::boolean ORDER BY v.id LIMIT 5000"
        ),
        {"shop": shop},
    ).scalars()
    keys = list(found)
    picked = chance.sample(keys, min(len(keys), chance.choice((1, 1, 2, 3))))
    return products.find(connection, shop, picked)


# -- what happens to them


def pay(shop: str, identity: int, value: Any) -> Body:
    wanted: PaymentIn = _read(PaymentIn, value)
    with _changing(shop, identity) as (_, document):
        event = ordering.pay(
            document.body, at=now(), authorise=wanted.kind == "authorise", amount=wanted.amount, key=wanted.key,
            method=wanted.method,
        )  # fmt: skip
    return {"payment": event, "order": _announced(shop, "order.updated", identity)}


def ship(shop: str, identity: int, value: Any) -> Body:
    """`duplicate` is true where the key was used before: then nothing changed."""
    wanted: FulfilmentIn = _read(FulfilmentIn, value)
    with _changing(shop, identity) as (_, document):
        again = ordering.known(document.body, "fulfilments", wanted.key)
        event = again or ordering.ship(
            document.body, at=wanted.at or now(), lines=wanted.lines, key=wanted.key, carrier=wanted.carrier,
            method=wanted.method, tracking_numbers=wanted.tracking_numbers, tracking_url=wanted.tracking_url,
            notify=wanted.notify,
        )  # fmt: skip
    changed_order = order(shop, identity) if again else _announced(shop, "order.updated", identity)
    return {"fulfilment": event, "duplicate": again is not None, "order": changed_order}


def refund(shop: str, identity: int, value: Any) -> Body:
    wanted: RefundIn = _read(RefundIn, value)
    with _changing(shop, identity) as (connection, document):
        again = ordering.known(document.body, "refunds", wanted.key)
        event = again or ordering.refund(
            document.body, at=now(), lines=wanted.lines, amount=wanted.amount, shipping=wanted.shipping,
            restock=wanted.restock, reason=wanted.reason, key=wanted.key,
        )  # fmt: skip
        if wanted.restock and not again:
            returned: Mapping[str, Decimal] = wanted.lines or {}
            units = _units(document.body, lambda line: returned.get(line["id"], ZERO))
            products.add_units(connection, shop, units)
    return {"refund": event, "order": _announced(shop, "order.updated", identity)}


def cancel(shop: str, identity: int) -> Body:
    with _changing(shop, identity) as (connection, document):
        if not document.body["cancelled_at"]:
            units = _units(document.body, ordering.open_units)
            ordering.cancel(document.body, at=now())
            products.add_units(connection, shop, units)
    return {"order": _announced(shop, "order.cancelled", identity)}
