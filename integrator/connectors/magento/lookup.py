"""Finding products by SKU, exactly, and by id; reading all that the shop sells."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.magento import mapping
from integrator.connectors.magento.capabilities import PAGE
from integrator.connectors.magento.client import Client, Filter, Search
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.oauth import encode
from integrator.connectors.magento.quantities import Quantities
from integrator.connectors.pushes import RemoteListing

Json = dict[str, Any]

FIELDS = "id,sku,name,price,status,visibility,type_id,custom_attributes[attribute_code,value]"
SHORT = "id,sku,type_id"
SKUS_A_CALL = 100
IDS_A_CALL = 300
LONGEST = 3_000  # characters of SKUs in a URL, once encoded


class Lookup:
    def __init__(self, client: Client, facts: Facts, quantities: Quantities) -> None:
        self.client = client
        self.facts = facts
        self.quantities = quantities

    def by_sku(self, skus: Iterable[str], fields: str = FIELDS) -> dict[str, list[Json]]:
        """Products with one of these SKUs, also in another case (the shop does not tell them apart).

        `exact` chooses. A SKU with a comma is looked for alone: in a list its commas would separate.
        """
        found: dict[str, dict[int, Json]] = {sku: {} for sku in skus}
        same: dict[str, list[str]] = {}
        for sku in found:
            same.setdefault(sku.casefold(), []).append(sku)
        alone = [[sku] for sku in found if "," in sku]
        for part in (*_parts([sku for sku in found if "," not in sku]), *alone):
            group = (Filter("sku", ",".join(part), "in" if len(part) > 1 else "eq"),)
            for one in self.client.all("V1/products", Search((group,), ("entity_id",), PAGE, 1, fields)):
                for sku in same.get(str(one.get("sku")).casefold(), []):
                    found[sku].setdefault(int(one["id"]), one)
        return {sku: list(matches.values()) for sku, matches in found.items()}

    @staticmethod
    def exact(sku: str, matches: Sequence[Json]) -> list[Json]:
        return [one for one in matches if one.get("sku") == sku]

    def by_ids(self, ids: Iterable[str], fields: str = FIELDS) -> dict[str, Json]:
        """Products by id; those that the shop does not have any more are missing."""
        wanted = sorted({int(one) for one in ids})
        found: dict[str, Json] = {}
        for start in range(0, len(wanted), IDS_A_CALL):
            part = wanted[start : start + IDS_A_CALL]
            group = (Filter("entity_id", ",".join(map(str, part)), "in"),)
            for one in self.client.all("V1/products", Search((group,), ("entity_id",), IDS_A_CALL, 1, fields)):
                found[str(one["id"])] = one
        return found

    def find(self, skus: Sequence[str]) -> dict[str, list[RemoteListing]]:
        matches = {sku: self.exact(sku, found) for sku, found in self.by_sku(skus).items()}
        now = datetime.now(UTC)
        return {
            sku: [mapping.listing(one, None, self.facts.zone, now) for one in found] for sku, found in matches.items()
        }

    def listings(self) -> Iterator[RemoteListing]:
        """All that can be sold by itself: simple and virtual products, and the variants of configurable ones."""
        shown = self.quantities.all()
        now = datetime.now(UTC)
        for one in self.client.by_id("V1/products", Search(size=PAGE * 3, fields=FIELDS), "id"):
            if one.get("type_id") not in mapping.SELLABLE_BY_PARTS:
                yield mapping.listing(one, self._quantity(shown, one), self.facts.zone, now)

    def _quantity(self, shown: dict[str, Decimal], one: Json) -> Decimal | None:
        key = str(one["id"]) if self.facts.sources is None else str(one.get("sku"))
        return shown.get(key)


def _parts(skus: Sequence[str]) -> Iterator[list[str]]:
    part: list[str] = []
    length = 0
    for sku in skus:
        size = len(encode(sku)) + 3
        if part and (len(part) >= SKUS_A_CALL or length + size > LONGEST):
            yield part
            part, length = [], 0
        part.append(sku)
        length += size
    if part:
        yield part
