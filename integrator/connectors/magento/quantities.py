"""What a shop offers of its products, and how much it has put aside for its own open orders.

With MSI a source holds what is physically there, and the shop offers that less the reservations of its open orders.
What the core wants to be offered is already without the units that the shop sold, so these go on top of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cached_property
from typing import Any

from integrator.connectors.magento.client import Client, Filter, Search
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.mapping import decimal
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.records import ZERO

Json = Mapping[str, Any]

OPEN_STATES = "new,pending_payment,payment_review,processing,holded"
ITEM = "item_id,parent_item_id,product_type,sku,qty_ordered,qty_shipped,qty_canceled,qty_refunded"
EVERYTHING = "999999999"


def units(value: Any) -> Decimal:
    return decimal(value) or ZERO


def reserved_units(order: Json) -> dict[str, Decimal]:
    """Units by SKU that an open order keeps reserved. A configurable product's line has its variant's SKU.

    Refunded units are taken from those that left; only what is refunded beyond them never leaves.
    """
    rows = [one for one in order.get("items") or [] if isinstance(one, Mapping)]
    bundles = {one.get("item_id") for one in rows if one.get("product_type") == "bundle"}
    found: dict[str, Decimal] = {}
    for one in rows:
        if one.get("item_id") in bundles:
            continue
        if one.get("parent_item_id") and one.get("parent_item_id") not in bundles:
            continue  # the variant's own row repeats the configurable product's
        shipped, refunded = units(one.get("qty_shipped")), units(one.get("qty_refunded"))
        left = units(one.get("qty_ordered")) - units(one.get("qty_canceled")) - shipped - max(ZERO, refunded - shipped)
        if left > 0:
            sku = str(one.get("sku"))
            found[sku] = found.get(sku, ZERO) + left
    return found


class Quantities:
    def __init__(self, client: Client, facts: Facts, settings: MagentoSettings) -> None:
        self.client = client
        self.facts = facts
        self.settings = settings

    @cached_property
    def reserved(self) -> dict[str, Decimal]:
        """Units by SKU that the shop's open orders hold; {} where the channel says so, or without MSI."""
        if self.facts.sources is None or self.settings.reservations == "ignore":
            return {}
        found: dict[str, Decimal] = {}
        criteria = Search(((Filter("state", OPEN_STATES, "in"),),), fields=f"entity_id,items[{ITEM}]")
        for order in self.client.by_id("V1/orders", criteria, "entity_id"):
            for sku, left in reserved_units(order).items():
                found[sku] = found.get(sku, ZERO) + left
        return found

    @property
    def counted_sources(self) -> Sequence[str]:
        """The sources that this channel writes."""
        return tuple(dict.fromkeys(self.settings.location_map.values())) or (self.facts.source,)

    def all(self) -> dict[str, Decimal]:
        """What is offered: by SKU with MSI, by product id without."""
        if self.facts.sources is None:
            return self._stock_items()
        found: dict[str, Decimal] = {}
        group = (Filter("source_code", ",".join(self.counted_sources), "in"),)
        criteria = Search((group,), ("sku",), 300, 1, "sku,quantity")
        for one in self.client.all("V1/inventory/source-items", criteria):
            sku = str(one.get("sku"))
            found[sku] = found.get(sku, ZERO) + units(one.get("quantity"))
        return {sku: count - self.reserved.get(sku, ZERO) for sku, count in found.items()}

    def _stock_items(self) -> dict[str, Decimal]:
        """The list of what is low in stock, with a bound that everything is below."""
        found: dict[str, Decimal] = {}
        number = 1
        while True:
            size = min(300, self.client.limits.page)
            query = [("scopeId", "0"), ("qty", EVERYTHING), ("currentPage", str(number)), ("pageSize", str(size))]
            answer = self.client.get("V1/stockItems/lowStock/", query)
            items = [one for one in answer.get("items") or [] if isinstance(one, dict)]
            fresh = [one for one in items if str(one.get("product_id")) not in found]
            found |= {str(one.get("product_id")): units(one.get("qty")) for one in fresh}
            if not fresh or len(items) < size or len(found) >= int(answer.get("total_count") or 0):
                return found
            number += 1
