"""Finding products and variations by SKU, exactly, also in the trash."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from integrator.connectors.pushes import RemoteListing
from integrator.connectors.woocommerce.capabilities import ALL_VARIATIONS, PAGE
from integrator.connectors.woocommerce.client import Client, NoRoute, NotFound, chunks
from integrator.connectors.woocommerce.facts import Facts
from integrator.connectors.woocommerce.mapping import listing

Json = dict[str, Any]

FIELDS = "id,parent_id,type,sku,name,status,regular_price,sale_price,manage_stock,stock_quantity"
LISTED = f"{FIELDS},global_unique_id"  # older shops leave out what they do not know
SKUS_A_CALL = 50  # below the page, because the shop may answer with twins that differ in case


class Lookup:
    def __init__(self, client: Client, facts: Facts) -> None:
        self.client = client
        self.facts = facts

    def by_sku(self, skus: Iterable[str], *, trash: bool = True) -> dict[str, list[Json]]:
        """Products and variations whose SKU is exactly one of `skus`, each once; those in the trash come last.

        The shop compares without case and takes commas for separators, so every answer is compared again.
        """
        found: dict[str, dict[int, Json]] = {sku: {} for sku in skus}
        plain = [sku for sku in found if "," not in sku]
        # A SKU with a comma is looked for alone: the shop then also tries the whole text.
        parts = [*chunks(plain, SKUS_A_CALL), *([sku] for sku in found if "," in sku)]
        for part in parts:
            for status in ("any", "trash") if trash else ("any",):
                query = {"sku": ",".join(part), "status": status, "_fields": FIELDS}
                for one in self.client.all("wc/v3/products", query):
                    matches = found.get(str(one.get("sku")))
                    if matches is not None:
                        matches.setdefault(int(one["id"]), one)
        return {sku: list(matches.values()) for sku, matches in found.items()}

    def get(self, product_id: int) -> Json | None:
        """A product or variation by its id, also from the trash."""
        try:
            found: Json = self.client.get(f"wc/v3/products/{product_id}", {"_fields": FIELDS})
        except NotFound:
            return None
        return found

    def products(self, ids: Sequence[int], fields: str) -> dict[int, Json]:
        """Products by id; those in the trash or deleted are missing."""
        result: dict[int, Json] = {}
        for start in range(0, len(ids), PAGE):
            include = ",".join(map(str, ids[start : start + PAGE]))
            query = {"include": include, "status": "any", "_fields": f"id,{fields}"}
            result |= {int(one["id"]): one for one in self.client.page("wc/v3/products", query).items}
        return result

    def listings(self) -> Iterator[RemoteListing]:
        """All that can be sold: simple products, and the variations of variable ones.

        Since 10.3 the shop lists the variations of all parents; before, each parent is asked.
        """
        parents: list[int] = []
        for one in self.client.by_id("wc/v3/products", {"status": "any", "_fields": LISTED}):
            if one.get("type") == "variable":
                parents.append(int(one["id"]))
            elif one.get("type") not in ("grouped", "variation"):
                yield listing(one)
        if not parents:
            return
        fields = "id,parent_id,sku,name,status,regular_price,sale_price,manage_stock,stock_quantity,global_unique_id"
        if self.facts.since(ALL_VARIATIONS):
            try:
                for one in self.client.by_id("wc/v3/variations", {"status": "any", "_fields": fields}):
                    yield listing(one, int(one.get("parent_id") or 0))
                return
            except NoRoute:
                pass  # somebody took the route away
        for parent in parents:
            route = f"wc/v3/products/{parent}/variations"
            for one in self.client.by_id(route, {"status": "any", "_fields": fields}):
                yield listing(one, parent)
