"""`integrator product`: what the POS said of a product, and what each shop has of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any

import typer

from integrator.accounts import admin
from integrator.catalogue import explain
from integrator.cli.database import transaction
from integrator.cli.output import Exit, Failed, ago, cell, output

app = typer.Typer(help="Products: what the POS said and what each shop has.")

STORE = typer.Option(metavar="STORE", help="The StoreId. Needed where several stores have the id, or many are there.")
LANES = {"content": "Content", "price": "Price", "stock": "Stock"}
COLUMNS = {
    "item_id": "Item", "name": "Name", "style_id": "Style", "price": "Price", "quantity": "Counted", "listed": "Shops",
    "waiting": "Waiting", "refused": "Refused", "changed_at": "Changed",
}  # fmt: skip
HINT = "See them with: integrator product list --store STORE"


@app.command("list")
def list_(
    store: Annotated[str | None, STORE] = None,
    search: Annotated[str | None, typer.Option(help="A part of the id or of the name.")] = None,
    style: Annotated[str | None, typer.Option(help="Only the variants of this StyleId.")] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only those that a shop refuses.")] = False,
    waiting: Annotated[bool, typer.Option("--waiting", help="Only those with something still to be sent.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 100,
) -> None:
    """The products of a store by id: price, what was counted, how many lanes wait or were refused.

    Example: integrator product list --store BERG-1 --search boot
    """
    with transaction() as connection:
        code = store or _only_store(connection)
        found = admin.find_store(connection, code)
        lines = explain.listed(
            connection, found.account_id, found.store_id, search=search, style=style, refused=refused,
            waiting=waiting, limit=limit,
        )  # fmt: skip
    output().table([asdict(line) for line in lines], columns=COLUMNS, title=f"Products of {code}")


@app.command()
def show(
    item: Annotated[str, typer.Argument(metavar="ID", help="The ItemIntegrationId.")],
    store: Annotated[str | None, STORE] = None,
) -> None:
    """One product: the arithmetic of its quantity and price, and per shop what is wanted, accepted, and when.

    Example: integrator product show 10023 --store BERG-1
    """
    wanted = item.strip()
    with transaction() as connection:
        codes = [store] if store else [one["code"] for one in admin.list_stores(connection)]
        found: dict[str, dict[str, Any]] = {}
        for code in codes:
            context = admin.find_store(connection, code)
            try:
                found[code] = explain.product(connection, context.account_id, context.store_id, wanted)
            except explain.NoSuchProduct:
                continue
    if not found:
        where = f"store {store!r}" if store else "any store"
        raise Failed(f"There is no product {wanted!r} in {where}.", hint=HINT, code=Exit.NOT_FOUND)
    if len(found) > 1:
        raise Failed(
            f"Several stores have a product {wanted!r}: {', '.join(found)}.",
            hint="Name one with --store.",
            code=Exit.USAGE,
        )
    ((code, about),) = found.items()
    out = output()
    if out.json:
        out.data({"store": code, **about})
    else:
        _print(code, about)


def _only_store(connection: Any) -> str:
    codes = [one["code"] for one in admin.list_stores(connection)]
    if len(codes) == 1:
        return str(codes[0])
    known = f"There are: {', '.join(codes[:20])}." if codes else "Make one with: integrator store add"
    raise Failed("Which store?", hint=f"Name it with --store. {known}", code=Exit.USAGE)


# -- for people


def _print(code: str, about: Mapping[str, Any]) -> None:
    out = output()
    content = about["content"]
    out.record(
        {
            "Store": code,
            "Name": content.get("Name"),
            "Style": about["style_id"],
            "Options": ", ".join(f"{one['Name']}: {one['Value']}" for one in content.get("Options", ())),
            "Sold online": content.get("SellOnline", True),
            "Price": _price(about["price"]),
            "Quantity": _stock(about["stock"]),
            "Created": about["created_at"],
        },
        title=f"Product {about['item_id']}",
    )
    out.table(
        [_aspect(name, aspect) for name, aspect in about["aspects"].items() if aspect["sent"]],
        title="What the POS said last",
    )
    if about["sold_on_the_web"]:
        out.table(
            about["sold_on_the_web"],
            columns={
                "order_number": "Order", "channel": "Shop", "units": "Units", "known_at": "Known to the POS since",
            },
            title="Sold on the web, not yet in the POS's count",
        )  # fmt: skip
    if not about["channels"]:
        out.note("The store has no shops yet; add one with: integrator channel add")
    for channel in about["channels"]:
        _print_channel(channel)
    if about["call_failures"]:
        out.table(
            about["call_failures"],
            columns={
                "at": "When", "operation": "Operation", "code": "Code", "field": "Field", "message": "What was wrong",
                "call_id": "Call",
            },
            title="Calls in which it failed",
        )  # fmt: skip


def _print_channel(channel: Mapping[str, Any]) -> None:
    out = output()
    listing = channel["listing"]
    out.record(
        {
            "State": channel["state"],
            "In the shop": "not listed"
            if listing is None
            else (cell(listing["remote"]) if listing["remote"] else "not yet"),
            "Quantity": channel["quantity"] and channel["quantity"]["words"],
            "By location": channel["quantity"] and channel["quantity"]["by_location"],
            "Price": channel["price"] and channel["price"]["words"],
            "Cannot be published": " ".join(channel["refused"]),
        },
        title=f"\n{channel['name']} ({channel['platform']}, channel {channel['channel_id']})",
    )
    rows = [_lane(name, lane) for name in LANES if (lane := channel["lanes"].get(name))]
    if rows:
        out.table(rows)
    open_issues = [issue for issue in channel["issues"] if issue["state"] == "open"]
    if open_issues:
        out.table(
            open_issues,
            columns={
                "id": "Issue", "purpose": "Doing", "code": "Code", "message": "What is wrong", "hint": "What to do",
                "attempts": "Times", "last_at": "Last",
            },
        )  # fmt: skip


def _aspect(name: str, aspect: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "aspect": LANES[name],
        "changed": aspect["changed_at"],
        "by": aspect.get("operation"),
        "user": aspect.get("user"),
        "version": aspect["version"],
        "last_modified": aspect["modified_at"],
        "call": aspect["call_id"],
    }


def _lane(name: str, lane: Mapping[str, Any]) -> dict[str, Any]:
    last = lane["last_attempt"]
    return {
        "lane": LANES[name],
        "state": lane["state"],
        "wanted": ago(lane["wanted_at"]),
        "accepted": ago(lane["accepted_at"]),
        "accepted_value": _accepted(lane["accepted"]),
        "next_try": ago(lane["due_at"]) if lane["attempts"] else None,
        "last_attempt": f"{last['outcome']}: {last['message']}"
        if last and last["message"]
        else last and last["outcome"],
    }


def _accepted(sent: Mapping[str, Any] | None) -> str:
    """What the shop last took; of content only digests are kept, which tell a person nothing."""
    if not sent:
        return ""
    if "Price" in sent:
        return f"{sent['Price']}" + (f", on sale for {sent['SalePrice']}" if sent.get("SalePrice") else "")
    if "Quantity" in sent:
        return str(sent["Quantity"])
    return f"{len(sent.get('fields') or {})} fields"


def _price(price: Mapping[str, Any]) -> str:
    if price["price"] is None:
        return "none"
    words = f"{price['price']:f}"
    if price["sale_price"] is not None:
        words += f", on sale for {price['sale_price']:f}"
        words += f" from {cell(price['sale_start'])}" if price["sale_start"] else ""
        words += f" until {cell(price['sale_end'])}" if price["sale_end"] else ""
    return words


def _stock(stock: Mapping[str, Any]) -> str:
    if stock["locations"]:
        return ", ".join(f"{code} {units}" for code, units in stock["locations"].items())
    return "never sent" if stock["quantity"] is None else f"{stock['quantity']:f}"
