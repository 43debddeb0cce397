"""`integrator sandbox`: what shoppers, the warehouse and bad luck do to a sandbox shop.

It works on the shop itself, not through its API: it goes on working while the shop misbehaves or the web role
is not running. Webhooks are sent from here as they are from the page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from integrator.cli.database import connected
from integrator.cli.output import Exit, Failed, output
from integrator.connectors.sandbox.address import shown_url
from integrator.connectors.sandbox.shop import api, documents, orders, pages, products, webhooks
from integrator.connectors.sandbox.shop.behaviour import Behaviour, Counters
from integrator.connectors.sandbox.shop.documents import ShopError, ShopRow
from integrator.store.engine import begin

app = typer.Typer(help="Sandbox shops: try everything without owning a shop.")

Shop = Annotated[str, typer.Argument(metavar="SHOP", help="Name of the shop; integrator sandbox list shows them.")]
Order = Annotated[str, typer.Argument(metavar="ORDER", help="Number or id of the order.")]
Lines = Annotated[
    list[str] | None,
    typer.Option("--line", help="SKU=UNITS; several times for several lines."),
]
Amount = Annotated[str | None, typer.Option(help="Amount of money, as 12.50.")]

ORDER_COLUMNS = {
    "number": "Order", "placed_at": "Placed", "customer": "Customer", "payment_status": "Payment",
    "fulfilment_status": "Shipping", "total": "Total",
}  # fmt: skip


@contextmanager
def at_work() -> Iterator[None]:
    """The store is open; what the shop refuses ends the command with the reason."""
    with connected():
        try:
            yield
            webhooks.flush()
        except ShopError as error:
            hint = "See them with: integrator sandbox list" if error.code == "shop_not_found" else ""
            code = Exit.NOT_FOUND if error.status == 404 else Exit.FAILED
            raise Failed(error.message, hint=hint, code=code) from None


def _row(name: str) -> ShopRow:
    with begin() as connection:
        return documents.locked(connection, name)


def _order(order: dict[str, Any]) -> dict[str, Any]:
    who = order["customer"]
    return {
        "number": order["number"],
        "id": order["id"],
        "placed_at": datetime.fromisoformat(order["placed_at"]),
        "customer": f"{who['first_name']} {who['last_name']}" + ("" if who["id"] else " (guest)"),
        "status": order["status"],
        "payment_status": order["payment_status"],
        "fulfilment_status": order["fulfilment_status"],
        "total": f"{order['totals']['total']} {order['currency']}",
    }


def _identify(shop: str, order: str) -> int:
    _row(shop)  # a wrong shop is said before a wrong order
    return orders.identify(shop, order)


def _by_line(order: dict[str, Any], lines: list[str] | None) -> dict[str, str] | None:
    """SKU=UNITS as the order's line ids with their units."""
    if not lines:
        return None
    ids = {one["sku"]: one["id"] for one in order["lines"]}
    wanted: dict[str, str] = {}
    for text in lines:
        sku, _, units = text.rpartition("=")
        if sku not in ids:
            known = ", ".join(ids)
            raise Failed(f"--line {text!r} names no line of the order.", hint=f"Write SKU=UNITS with one of: {known}.")
        wanted[ids[sku]] = units
    return wanted


@app.command("list")
def list_() -> None:
    """All sandbox shops."""
    rows = []
    with at_work(), begin() as connection:
        for one in documents.shops(connection):
            counts = documents.count(connection, one.name)
            rows.append({
                "name": one.name, "products": counts.get("product", 0), "orders": counts.get("order", 0),
                "url": shown_url(one.name),
            })  # fmt: skip
    output().table(
        rows,
        columns={"name": "Shop", "products": "Products", "orders": "Orders", "url": "URL"},
        empty="There are no sandbox shops yet: integrator channel add STORE sandbox",
    )


@app.command()
def show(shop: Shop) -> None:
    """A shop: its private link, its key, what it holds, how it misbehaves."""
    with at_work(), begin() as connection:
        row = documents.locked(connection, shop)
        counts, published = documents.count(connection, shop), documents.count_products(connection, shop)
    wrong = Behaviour(**row.behaviour).model_dump(exclude_defaults=True)
    output().record(
        {
            "name": row.name,
            "link": f"{shown_url(shop)}/open/{pages.page_token(shop, row.key)}",
            "api": f"{shown_url(shop)}/api",
            "key": row.key,
            "published": published[True],
            "drafts": published[False],
            "orders": counts.get("order", 0),
            "misbehaviour": wrong,
            **Counters(**row.counters).model_dump(include={"reads", "writes", "refused"}),
            "webhook": (row.profile.get("webhook") or {}).get("url", ""),
        },
        labels={"link": "Private link", "api": "API", "reads": "Requests that read", "writes": "Requests that wrote",
                "refused": "Requests turned away"},
    )  # fmt: skip


@app.command("orders")
def order_list(shop: Shop, limit: Annotated[int, typer.Option(help="How many, newest first.", min=1)] = 20) -> None:
    """Its newest orders."""
    with at_work():
        _row(shop)
        with begin() as connection:
            found = documents.newest(connection, shop, "order", limit=limit)
    output().table([_order(orders.shown(one)) for one in found], columns=ORDER_COLUMNS, empty="Nobody has ordered yet.")


@app.command()
def publish(shop: Shop) -> None:
    """Publish every draft, as the merchant would."""
    with at_work(), begin() as connection:
        changed = products.publish_all(connection, shop)
    output().done(f"{changed} drafts are published.", published=changed)


@app.command()
def order(
    shop: Shop,
    line: Lines = None,
    count: Annotated[int, typer.Option(help="Without lines: how many orders made-up shoppers place.", min=1)] = 1,
    payment: Annotated[str, typer.Option(help="paid, authorised or none; empty: paid, or some of each.")] = "",
) -> None:
    """Place orders: of given lines, or what made-up shoppers choose.

    Example: integrator sandbox order my-shop --line 4201=2 --payment authorised
    """
    if payment not in ("", "paid", "authorised", "none"):
        raise Failed(f"--payment cannot be {payment!r}.", hint="Use paid, authorised or none.", code=Exit.USAGE)
    with at_work():
        _row(shop)
        if line:
            parts = [one.rpartition("=") for one in line]
            cart = [{"sku": sku if mark else units, "quantity": units if mark else "1"} for sku, mark, units in parts]
            placed = [orders.place(shop, {"lines": cart, "payment": payment or "paid"})]
        else:
            out, placed = output(), []
            with out.progress("Shoppers are ordering", total=count) as step:
                for _ in range(count):
                    placed += orders.make_up(shop, 1, payment=payment)
                    step()
    output().table([_order(one) for one in placed], columns=ORDER_COLUMNS)


@app.command()
def pay(
    shop: Shop,
    order: Order,
    amount: Amount = None,
    authorise: Annotated[bool, typer.Option("--authorise", help="Reserve the money only.")] = False,
) -> None:
    """Pay an order, or capture what is authorised."""
    body: dict[str, Any] = {"kind": "authorise" if authorise else "capture"} | ({"amount": amount} if amount else {})
    with at_work():
        done = orders.pay(shop, _identify(shop, order), body)
    event = done["payment"]
    output().done(f"{event['kind'].capitalize()} of {event['amount']} on order {done['order']['number']}.", **done)


@app.command()
def ship(
    shop: Shop,
    order: Order,
    line: Lines = None,
    tracking: Annotated[list[str] | None, typer.Option(help="Tracking number; several times for several.")] = None,
    carrier: Annotated[str, typer.Option(help="Who brings it.")] = "",
) -> None:
    """Ship an order: all that is open, or the given lines."""
    with at_work():
        identity = _identify(shop, order)
        body = {"lines": _by_line(orders.order(shop, identity), line), "tracking_numbers": tracking or []}
        done = orders.ship(shop, identity, body | {"carrier": carrier})
    units = ", ".join(f"{one['quantity']} of line {one['line_id']}" for one in done["fulfilment"]["lines"])
    output().done(f"Shipped of order {done['order']['number']}: {units}.", **done)


@app.command()
def refund(
    shop: Shop,
    order: Order,
    line: Lines = None,
    amount: Amount = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    restock: Annotated[bool, typer.Option(help="Whether the goods go back into stock.")] = True,
) -> None:
    """Refund lines (goods came back), or money only (--amount without --line)."""
    with at_work():
        identity = _identify(shop, order)
        body: dict[str, Any] = {"lines": _by_line(orders.order(shop, identity), line), "reason": reason}
        done = orders.refund(shop, identity, body | {"restock": restock} | ({"amount": amount} if amount else {}))
    output().done(f"{done['refund']['amount']} of order {done['order']['number']} is refunded.", **done)


@app.command()
def cancel(shop: Shop, order: Order) -> None:
    """Cancel an order that has not shipped; its money goes back."""
    with at_work():
        done = orders.cancel(shop, _identify(shop, order))
    output().done(f"Order {done['order']['number']} is cancelled.", **done)


@app.command()
def misbehave(
    shop: Shop,
    latency_ms: Annotated[int, typer.Option(help="Milliseconds before every answer.")] = 0,
    quota: Annotated[str, typer.Option(help="REQUESTS/SECONDS, as 40/10: more are answered 429.")] = "",
    throttle_next: Annotated[int, typer.Option(help="Requests that are answered 429.")] = 0,
    retry_after: Annotated[int, typer.Option(help="Seconds that these answers ask to wait.")] = 1,
    fail_next: Annotated[int, typer.Option(help="Requests that fail.")] = 0,
    fail_percent: Annotated[int, typer.Option(help="Share of requests that fail.")] = 0,
    fail_status: Annotated[int, typer.Option(help="HTTP status of failures.")] = 500,
    lose_next: Annotated[int, typer.Option(help="Writes that take effect and whose answer never comes.")] = 0,
    hold_seconds: Annotated[int, typer.Option(help="Seconds before such a connection ends.")] = 0,
    reject_sku: Annotated[str, typer.Option(help="The SKU that is refused for good.")] = "",
    reject_whole_batch: Annotated[bool, typer.Option("--reject-whole-batch", help="Refuse its whole batch.")] = False,
    webhooks_lost_percent: Annotated[int, typer.Option(help="Share of webhooks that are never sent.")] = 0,
    webhooks_doubled_percent: Annotated[int, typer.Option(help="Share of webhooks that are sent twice.")] = 0,
    revoked: Annotated[bool, typer.Option("--revoked", help="Refuse the key.")] = False,
) -> None:
    """Make the shop's API fail; without options it behaves again.

    Example: integrator sandbox misbehave my-shop --quota 40/10 --lose-next 1
    """
    requests, _, seconds = (quota or "0/10").partition("/")
    try:
        wanted = Behaviour.model_validate({
            "latency_ms": latency_ms, "quota_requests": requests, "quota_seconds": seconds or "10",
            "throttle_next": throttle_next, "retry_after": retry_after, "fail_next": fail_next,
            "fail_percent": fail_percent, "fail_status": fail_status, "lose_next": lose_next,
            "hold_seconds": hold_seconds, "reject_sku": reject_sku, "reject_whole_batch": reject_whole_batch,
            "webhooks_lost_percent": webhooks_lost_percent, "webhooks_doubled_percent": webhooks_doubled_percent,
            "revoked": revoked,
        })  # fmt: skip
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]).replace("quota_requests", "quota").replace("quota_seconds", "quota")
        message = f"--{name.replace('_', '-')} cannot be {first.get('input')!r}: {first['msg']}."
        raise Failed(message, code=Exit.USAGE) from None
    with at_work():
        api.misbehave(shop, wanted)
    changed = wanted.model_dump(exclude_defaults=True)
    said = ", ".join(f"{name} {value}" for name, value in changed.items())
    output().done(f"{shop} misbehaves: {said}." if changed else f"{shop} behaves again.", behaviour=changed)


@app.command()
def reset(
    shop: Shop,
    remove: Annotated[bool, typer.Option("--remove", help="Remove the shop itself as well.")] = False,
) -> None:
    """Forget its products, orders and misbehaviour; its key and webhook stay."""
    with at_work():
        api.empty(shop)
        if remove:
            with begin() as connection:
                documents.remove_shop(connection, shop)
    output().done(f"{shop} is {'removed' if remove else 'empty again'}.", removed=remove)
