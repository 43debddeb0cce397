"""One catalogue to every platform at once: what each shop then holds is what the POS said, field by field."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from examples.demo.catalogue import read
from integrator.accounts import channels
from integrator.accounts.context import StoreContext
from integrator.catalogue import marks
from integrator.connectors.base import Capabilities
from integrator.rows import Row
from integrator.store.engine import begin
from tests.connectors import shops
from tests.connectors.scene import Scene
from tests.connectors.shop import Line, Shop, ShopProduct
from tests.support.seed import seed_store

STYLES_OF_A_KIND, SINGLES, OFFLINE = 1, 30, 1  # of the catalogue; a kind: no sale, past, running, ahead, open


class Branch(Scene):
    """One of several shops of a store."""

    def __init__(self, shop: Shop, store: StoreContext) -> None:
        self.shop, self.store = shop, store
        with begin() as connection:
            self.channel_id = channels.add_channel(
                connection, store, shop.platform, None, shop.credentials(), shop.settings()
            )
            marks.list_all(connection, store.account_id, self.channel_id)


def chosen() -> list[dict[str, Any]]:
    """Whole styles and single products from all over the catalogue, as many kinds of sales and scripts as there are."""
    items = read()
    styles: dict[str, list[dict[str, Any]]] = {}
    for one in items:
        if "StyleId" in one:
            styles.setdefault(one["StyleId"], []).append(one)
    kinds: dict[Any, list[list[dict[str, Any]]]] = {}
    for its in sorted(styles.values(), key=len):
        if len(its) > 1:
            on_sale = next((one for one in its if "SalePrice" in one), {})
            window = on_sale.get("SaleStart"), on_sale.get("SaleEnd")
            kinds.setdefault((bool(on_sale), *window), []).append(its)
    picked = [its for found in kinds.values() for its in found[:STYLES_OF_A_KIND]]
    singles = [one for one in items if "StyleId" not in one and one["SellOnline"]]
    offline = [one for one in items if not one["SellOnline"]]
    spread = singles[:: max(1, len(singles) // SINGLES)][:SINGLES]
    return [one for its in picked for one in its] + spread + offline[:OFFLINE]


def sale(item: Mapping[str, Any], can: Capabilities, now: datetime) -> Decimal | None:
    """The sale price that the shop has to hold now."""
    wanted = item.get("SalePrice")
    if wanted is None or wanted >= item["Price"] or item.get("SaleEnd", now) < now:
        return None
    return None if item.get("SaleStart", now) > now and not can.sale_windows else wanted


def words(text: str) -> str:
    """What people read of a text."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def should(item: Mapping[str, Any], can: Capabilities, now: datetime) -> dict[str, Any]:
    return {
        "name": item.get("StyleName", item["Name"]),
        "description": words(item.get("LongDescription", "")),
        "price": item["Price"],
        "sale price": sale(item, can, now),
        "quantity": sum(one["Quantity"] for one in item["LocationQuantities"]),
        "options": {one["Name"]: one["Value"] for one in item.get("Options", [])},
        "published": not can.drafts,
    }


def has(one: ShopProduct) -> dict[str, Any]:
    return {
        "name": one.name,
        "description": words(one.description),
        "price": one.price,
        "sale price": one.sale_price,
        "quantity": one.quantity,
        "options": dict(one.options),
        "published": one.published,
    }


@pytest.fixture
def branches(engine: Engine, specs: Path) -> Iterator[dict[str, Branch]]:
    """A shop of every platform, all of one store. Closing a simulator tells of each request that was not right."""
    with ExitStack() as stack:
        started: dict[str, Shop] = {}
        for platform in shops.platforms():
            started[platform] = shops.start(platform, specs)
            stack.callback(started[platform].close)
        with begin() as connection:
            store = seed_store(connection)
        yield {platform: Branch(shop, store) for platform, shop in started.items()}


def everywhere(branches: Mapping[str, Branch], work: Callable[[Branch], Any]) -> dict[str, Any]:
    """At the same time; the first failure is raised with its platform."""
    with ThreadPoolExecutor(len(branches)) as pool:
        running = {platform: pool.submit(work, branch) for platform, branch in branches.items()}
    problems = {platform: one.exception() for platform, one in running.items() if one.exception()}
    assert not problems, problems
    return {platform: one.result() for platform, one in running.items()}


@pytest.mark.slow
def test_every_shop_holds_what_the_pos_said_and_brings_its_orders(branches: dict[str, Branch]) -> None:
    items = chosen()
    by_sku = {one["ItemIntegrationId"]: one for one in items}
    assert len(by_sku) > 50
    now = datetime.now(UTC)

    # the catalogue, said once
    pos = next(iter(branches.values()))
    rows = [Row(number, dict(one)) for number, one in enumerate(items)]
    assert set(pos.products(*rows)) == {"Created"}
    everywhere(branches, Branch.sync)
    wrong: dict[str, dict[str, Any]] = {}
    for platform, branch in branches.items():
        wanted = {sku: should(one, branch.capabilities, now) for sku, one in by_sku.items() if one["SellOnline"]}
        found = {sku: has(one) for sku, one in branch.shop.products().items()}
        assert found.keys() == wanted.keys(), platform
        for sku, fields in wanted.items():
            for field, value in fields.items():
                if found[sku][field] != value:
                    wrong.setdefault(platform, {})[f"{sku} {field}"] = (found[sku][field], value)
    assert wrong == {}
    assert pos.issues() == []

    # an order in each, taken once
    bought = [
        next(sku for sku, one in by_sku.items() if one["SellOnline"] and ("Options" in one) is variant and enough(one))
        for variant in (False, True)
    ]
    placed = {
        platform: branch.shop.place_order([Line(bought[0], 2), Line(bought[1], 1)])
        for platform, branch in branches.items()
    }
    everywhere(branches, Branch.sync)
    orders = {one["Platform"]: one for one in pos.new("order")}
    assert orders.keys() == branches.keys()
    for platform, order in orders.items():
        lines = {one["ItemIntegrationId"]: Decimal(one["QuantityOrdered"]) for one in order["Lines"]}
        assert lines == {bought[0]: 2, bought[1]: 1}, platform
        parts = sum(Decimal(one["LineTotal"]) for one in order["Lines"])
        rest = ("ShippingAmount", "TaxAmount", "RoundingAmount")
        assert Decimal(order["GrandTotal"]) == parts + sum(Decimal(order[name]) for name in rest), platform
        assert pos.confirm("order", order["OrderId"], PosReference=platform) == "Confirmed"
    everywhere(branches, Branch.drain)
    assert pos.new("order") == []

    # what one shop sold is nowhere offered any more
    for platform, branch in branches.items():
        for sku, units in zip(bought, (2, 1), strict=True):
            whole = should(by_sku[sku], branch.capabilities, now)["quantity"]
            assert branch.shown(sku).quantity == whole - units * len(branches), (platform, sku)

    # a shipment to each
    for platform, order in orders.items():
        sent = {bought[0]: 2, bought[1]: 1}
        said = pos.save_shipment(f"S-{platform}", order["OrderId"], sent, TrackingNumbers=[f"1Z{platform}"])
        assert said == "Accepted", platform
    everywhere(branches, Branch.sync)
    for platform, branch in branches.items():
        (shipment,) = branch.shop.order(placed[platform])["shipments"]
        assert shipment["lines"] == {bought[0]: 2, bought[1]: 1}, platform
        assert f"1Z{platform}" in shipment["tracking"], platform
    everywhere(branches, Branch.drain)
    assert pos.issues() == []
    assert pos.new("transaction") == []  # the POS knows what it shipped itself


def enough(item: Mapping[str, Any]) -> bool:
    """For every shop to sell some."""
    return sum(one["Quantity"] for one in item["LocationQuantities"]) >= 40
