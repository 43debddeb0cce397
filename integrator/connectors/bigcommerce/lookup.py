"""Finding products and variants by SKU, exactly. The shop itself compares without case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.bigcommerce.capabilities import PAGE
from integrator.connectors.bigcommerce.client import Client, NotFound, chunks
from integrator.connectors.bigcommerce.mapping import is_simple, listing, remote_ids
from integrator.connectors.pushes import RemoteListing

Json = dict[str, Any]

PRODUCT_FIELDS = "name,sku,price,sale_price,retail_price,inventory_level,inventory_tracking,is_visible,base_variant_id"
VARIANT_FIELDS = "product_id,sku,price,sale_price,inventory_level,purchasing_disabled"
PRODUCTS_WITH_VARIANTS = 50


@dataclass(frozen=True, slots=True)
class Match:
    """Something that can be sold: a product with its base variant, or with one of its variants."""

    product: Json
    variant: Json

    @property
    def remote(self) -> dict[str, str]:
        return remote_ids(self.product, self.variant)

    @property
    def listing(self) -> RemoteListing:
        return listing(self.product, self.variant)


@dataclass(slots=True)
class Found:
    """What the shop has under a SKU. `others`: what blocks it without being it, in words."""

    exact: list[Match] = field(default_factory=list)
    others: list[str] = field(default_factory=list)


class Lookup:
    def __init__(self, client: Client) -> None:
        self.client = client

    def by_sku(self, skus: Iterable[str], *, thorough: bool = False) -> dict[str, Found]:
        """`thorough`: each SKU is also asked for alone, a call each, where the lists did not show it.

        The inventory's list, which finds variants by many SKUs at once, may be some moments behind.
        """
        found = {sku: Found() for sku in skus if sku}
        products = self._products_of(found)
        missing = [sku for sku, one in found.items() if not one.exact and not one.others]
        if missing:
            further = self._products(self._parents_of(missing, each=thorough) - products.keys())
            for product in further.values():
                self._sort(product, found)
        return found

    def _products_of(self, found: dict[str, Found]) -> dict[int, Json]:
        products: dict[int, Json] = {}
        for part in self._parts(found):
            query = {"sku": part[0]} if len(part) == 1 else {"sku:in": ",".join(part)}
            for one in self.client.all("v3/catalog/products", {**self._shape(), **query}, PRODUCTS_WITH_VARIANTS):
                products[int(one["id"])] = one
        for one in products.values():
            self._sort(one, found)
        return products

    def _parents_of(self, skus: Sequence[str], *, each: bool) -> set[int]:
        """Ids of the products whose variants have these SKUs."""
        ids: set[int] = set()
        if each:
            for sku in skus:
                asked = {"sku": sku, "include_fields": "product_id,sku"}
                ids |= {int(one["product_id"]) for one in self.client.data("v3/catalog/variants", asked)}
            return ids
        for part in self._parts(skus):
            if len(part) == 1 and "," in part[0]:
                ids |= self._parents_of(part, each=True)
                continue
            for one in self.client.all("v3/inventory/items", {"sku:in": ",".join(part)}, 1000):
                identity = one.get("identity") or {}
                if identity.get("product_id"):
                    ids.add(int(identity["product_id"]))
        return ids

    def _products(self, ids: set[int]) -> dict[int, Json]:
        products: dict[int, Json] = {}
        for part in chunks(sorted(ids), PRODUCTS_WITH_VARIANTS):
            asked = {**self._shape(), "id:in": ",".join(map(str, part))}
            for one in self.client.all("v3/catalog/products", asked, PRODUCTS_WITH_VARIANTS):
                products[int(one["id"])] = one
        return products

    @staticmethod
    def _shape() -> dict[str, str]:
        return {"include": "variants", "include_fields": PRODUCT_FIELDS}

    @staticmethod
    def _parts(skus: Iterable[str]) -> Iterator[list[str]]:
        """A SKU with a comma is asked for alone: a comma separates the others."""
        plain = [sku for sku in skus if "," not in sku]
        yield from chunks(plain, 100)
        yield from ([sku] for sku in skus if "," in sku)

    @staticmethod
    def _sort(product: Json, found: dict[str, Found]) -> None:
        """Puts a product to the SKUs that it concerns, each once."""
        by_case = {sku.casefold(): sku for sku in found}
        simple = is_simple(product)
        held: list[tuple[str, Json | None]] = [
            (str(one.get("sku") or product.get("sku") or "" if simple else one.get("sku") or ""), one)
            for one in product.get("variants") or []
        ]
        if not simple:
            held.append((str(product.get("sku") or ""), None))
        for sku, variant in held:
            asked = found.get(sku)
            if asked is not None and variant is not None:
                if all(one.variant["id"] != variant["id"] for one in asked.exact):
                    asked.exact.append(Match(product, variant))
                continue
            near = found.get(by_case.get(sku.casefold(), ""))
            if near is None:
                continue
            what = f"variant {variant['id']} of product" if variant is not None and not simple else "product"
            said = f"{what} {product['id']} has {sku!r}"
            if variant is None and asked is not None:
                said = f"product {product['id']}, which is sold as variants, has the SKU itself"
            if said not in near.others:
                near.others.append(said)

    # -- by id

    def exists(self, product_id: str) -> bool:
        try:
            self.client.get(f"v3/catalog/products/{product_id}", {"include_fields": "sku"})
        except NotFound:
            return False
        return True

    def variant_exists(self, product_id: str, variant_id: str) -> bool:
        try:
            self.client.get(f"v3/catalog/products/{product_id}/variants/{variant_id}")
        except NotFound:
            return False
        return True

    def products(self, ids: Iterable[str], fields: str) -> dict[str, Json]:
        """Products by id; those that the shop does not have are missing."""
        found: dict[str, Json] = {}
        for part in chunks(sorted(set(ids)), 100):
            asked = {"id:in": ",".join(part), "include_fields": fields}
            found |= {str(one["id"]): one for one in self.client.all("v3/catalog/products", asked)}
        return found

    def listings(self) -> Iterator[RemoteListing]:
        """All that can be sold: 250 products a call, and 250 variants a call."""
        for products in self.client.by_id("v3/catalog/products", {"include_fields": PRODUCT_FIELDS}):
            known = {int(one["id"]): one for one in products}
            asked = {"product_id:in": ",".join(map(str, known)), "include_fields": VARIANT_FIELDS}
            seen: set[int] = set()
            for variant in self.client.all("v3/catalog/variants", asked, PAGE):
                product = known.get(int(variant["product_id"]))
                if product is not None and int(variant["id"]) not in seen:
                    seen.add(int(variant["id"]))
                    yield listing(product, variant)
