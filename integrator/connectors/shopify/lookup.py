"""Finding variants by SKU, exactly, and products by the id of the POS that they carry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from integrator.connectors.pushes import RemoteListing
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.capabilities import PAGED_MOST
from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.documents import by_custom_id
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import gid, number

Json = dict[str, Any]

SKUS_A_CALL = 40
PAGE = 100
QUERY_CHARACTERS = 3_000
CUSTOM_IDS_A_CALL = 25
ROOM = 2_000  # below the limit of a list, a new list is begun


def search_term(sku: str) -> str:
    """`sku:"..."` of Shopify's search, with what would end it escaped."""
    return 'sku:"' + sku.replace("\\", "\\\\").replace('"', '\\"') + '"'


class Lookup:
    def __init__(self, client: Client, facts: Facts) -> None:
        self.client = client
        self.facts = facts

    def by_sku(self, skus: Iterable[str]) -> dict[str, list[Json]]:
        """Variants whose SKU is exactly one of `skus`, each once.

        The search compares words and without case, and SKUs are not unique: every answer is compared again.
        """
        found: dict[str, dict[str, Json]] = {sku: {} for sku in skus}
        for part in self._parts([sku for sku in found if sku.strip()]):
            query = " OR ".join(search_term(sku) for sku in part)
            pages = self.client.pages("variants", {"query": query}, "productVariants", first=PAGE, items=len(part))
            for variant in (one for page in pages for one in page):
                matches = found.get(str(variant.get("sku")))
                if matches is not None:
                    matches.setdefault(variant["id"], variant)
        return {sku: list(matches.values()) for sku, matches in found.items()}

    @staticmethod
    def _parts(skus: Sequence[str]) -> Iterator[list[str]]:
        part: list[str] = []
        length = 0
        for sku in skus:
            size = len(search_term(sku)) + 4
            if part and (len(part) >= SKUS_A_CALL or length + size > QUERY_CHARACTERS):
                yield part
                part, length = [], 0
            part.append(sku)
            length += size
        if part:
            yield part

    def by_custom_id(self, values: Sequence[str]) -> dict[str, str]:
        """POS id -> product id. It reads what is stored, not the search index, which lags behind."""
        found: dict[str, str] = {}
        for start in range(0, len(values), CUSTOM_IDS_A_CALL):
            part = values[start : start + CUSTOM_IDS_A_CALL]
            variables = {f"i{n}": mapping.identifier(value) for n, value in enumerate(part)}
            data = self.client.send("by_custom_id", by_custom_id(len(part)), variables, items=len(part), size=len(part))
            for n, value in enumerate(part):
                if data.get(f"p{n}"):
                    found[value] = number(data[f"p{n}"]["id"])
        return found

    def product(self, product_id: str) -> Json | None:
        """A product with all its variants under `all`; None if the shop does not have it."""
        variants: list[Json] = []
        product: Json | None = None
        after: str | None = None
        while True:
            variables = {"id": gid("Product", product_id), "first": PAGE, "after": after}
            product = self.client.run("product", variables, size=PAGE).get("product")
            if product is None:
                return None
            variants += product["variants"]["nodes"]
            after = product["variants"]["pageInfo"]["endCursor"]
            if not product["variants"]["pageInfo"]["hasNextPage"]:
                return {**product, "all": variants}

    def statuses(self, product_ids: Sequence[str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for start in range(0, len(product_ids), PAGE):
            part = [gid("Product", one) for one in product_ids[start : start + PAGE]]
            nodes = self.client.run("statuses", {"ids": part}, size=len(part))["nodes"]
            found |= {number(one["id"]): str(one["status"]) for one in nodes if one}
        return found

    def listings(self) -> Iterator[RemoteListing]:
        """All that the shop sells, with the stock of the locations that this channel writes to.

        A list ends at 25,000; the next one then begins behind the last id.
        """
        places = self.facts.location_ids
        several = len(places) > 1
        name = "listings_by_location" if several else "listings"
        extra: Json = (
            {"locations": min(max(len(self.facts.location_names), 1), 50)}
            if several
            else {"location": gid("Location", places[0])}
        )
        query: str | None = None
        while True:
            count, last = 0, ""
            pages = self.client.pages(name, {**extra, "query": query}, "productVariants", first=PAGE)
            for page in pages:
                for variant in page:
                    yield mapping.listing(variant, places)
                    last = number(variant["id"])
                count += len(page)
                if count >= PAGED_MOST - ROOM:
                    break
            else:
                return
            query = f"id:>{last}"
