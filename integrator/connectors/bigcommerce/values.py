"""Pushing prices and stock: by variant, in the largest batches that the shop takes, with a result per item."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.bigcommerce import mapping
from integrator.connectors.bigcommerce.capabilities import STOCK_ROWS, VARIANTS_A_PUT
from integrator.connectors.bigcommerce.client import Client, NotFound
from integrator.connectors.bigcommerce.errors import Failure, divided, failure, missing
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.lookup import Lookup
from integrator.connectors.bigcommerce.mapping import StockRow
from integrator.connectors.bigcommerce.pricelists import PriceLists
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush

Json = dict[str, Any]
REASON = "Integrator: stock of the POS"


class Inventory:
    """Absolute quantities, grouped by location, one call after the other."""

    def __init__(self, client: Client, facts: Facts, lookup: Lookup) -> None:
        self.client = client
        self.facts = facts
        self.lookup = lookup
        self._switched: set[str] = set()  # products whose stock keeping was switched on in this job

    def rows(self, listings: Iterable[tuple[ListingPush, Mapping[str, str]]]) -> list[StockRow]:
        found: list[StockRow] = []
        for one, ids in listings:
            location = 0 if one.stock.by_location else self.facts.stock_location
            found += mapping.stock_rows(one.product_id, ids, one.stock, location)
        return sorted(found, key=lambda row: row.location)

    def write(self, rows: Sequence[StockRow], refused: Callable[[StockRow, Rejected], None]) -> None:
        def put(part: Sequence[StockRow]) -> None:
            body = {"reason": REASON, "items": [row.body() for row in part]}
            self.client.put("v3/inventory/adjustments/absolute", body, items=len(part))

        for start in range(0, len(rows), STOCK_ROWS):
            divided(rows[start : start + STOCK_ROWS], put, refused, culprits)

    def write_new(self, made: Sequence[tuple[ListingPush, Mapping[str, str]]]) -> set[int]:
        """The product ids whose stock was taken."""
        bad: set[int] = set()
        try:
            self.write(self.rows(made), lambda row, error: bad.add(row.product_id))
        except ConnectorError:  # the products are made; their stock has a lane of its own
            return set()
        return {one.product_id for one, _ in made} - bad

    def tracking(self, product: str) -> str | None:
        """How the shop keeps a product's stock, None when it does not have the product."""
        found = self.lookup.products([product], "inventory_tracking").get(product)
        return None if found is None else str(found.get("inventory_tracking"))

    def was_switched(self, product: str) -> bool:
        return product in self._switched

    def switch_on(self, product: str, mode: str) -> bool:
        """False when that was tried before."""
        if product in self._switched:
            return False
        self._switched.add(product)
        self.client.put("v3/catalog/products", [{"id": int(product), "inventory_tracking": mode}])
        return True


def culprits(error: Rejected, rows: Sequence[StockRow]) -> list[StockRow]:
    """The rows that a refusal names, as in "Item with variant_id 106 is tracked by product"."""
    named = {(name, int(number)) for name, number in re.findall(r"(variant_id|product_id)\D{1,4}(\d+)", error.message)}
    return [row for row in rows if set(row.ids) & named]


class ValuePush:
    """One call of push_price or push_stock."""

    def __init__(self, client: Client, settings: BigSettings, facts: Facts, lookup: Lookup) -> None:
        self.client = client
        self.settings = settings
        self.facts = facts
        self.lookup = lookup
        self.inventory = Inventory(client, facts, lookup)
        self.results: dict[int, PushResult] = {}

    # -- prices

    def prices(self, items: Sequence[StylePush]) -> list[PushResult]:
        listings = self._listings(items)
        if self.settings.price_list_id is None:
            self._guarded(listings, lambda: self._catalogue_prices(listings))
        if self.settings.price_list_id is not None or self.settings.tier_price_lists:
            lists = PriceLists(self.client, self.settings, self.facts)
            writable = [one for one in listings if one.product_id not in self.results]
            self._guarded(listings, lambda: lists.write(writable, self._refuse))
        return self._all(items, listings)

    def _catalogue_prices(self, listings: Sequence[ListingPush]) -> None:
        def put(part: Sequence[ListingPush]) -> None:
            bodies = [{"id": int(one.remote["variant"]), **mapping.price_fields(one.price, one.sent)} for one in part]
            self.client.put("v3/catalog/variants", bodies, items=len(bodies))

        for start in range(0, len(listings), VARIANTS_A_PUT):
            part = listings[start : start + VARIANTS_A_PUT]
            divided(part, put, self._refuse)
            if not self.settings.tier_price_lists:
                self._done(part)

    # -- stock

    def stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        listings = self._listings(items)
        self._guarded(listings, lambda: self._stock(listings))
        return self._all(items, listings)

    def _stock(self, listings: Sequence[ListingPush]) -> None:
        by_id = {one.product_id: one for one in listings}
        rows = self.inventory.rows((one, one.remote) for one in listings)

        def refused(row: StockRow, error: Rejected) -> None:
            one = by_id[row.product_id]
            if one.product_id not in self.results:
                self._untracked(one, row, error)

        for start in range(0, len(rows), STOCK_ROWS):
            self.inventory.write(rows[start : start + STOCK_ROWS], refused)
            later = {row.product_id for row in rows[start + STOCK_ROWS :]}
            self._done(
                [by_id[row.product_id] for row in rows[start : start + STOCK_ROWS] if row.product_id not in later]
            )

    def _untracked(self, one: ListingPush, row: StockRow, error: Rejected) -> None:
        """The shop does not take the quantity: how does it keep the product's stock?"""
        product = one.remote["product"]
        mode = "product" if one.remote.get("kind") == "simple" else "variant"
        found = self.inventory.tracking(product)
        there = found is not None and (mode == "product" or self.lookup.variant_exists(product, one.remote["variant"]))
        switched = self.inventory.was_switched(product) or (found == "none" and self.inventory.switch_on(product, mode))
        if not there:
            self._fail(one, missing(f"{one.item_id!r}"))
        elif mode == "variant" and found == "product":
            message = f"Product {product} keeps one stock for all its variants, so that {one.item_id!r} has none."
            hint = "Set the product's inventory tracking to the variant level in the shop; then resend the issue."
            self._fail(one, Failure(Outcome.REJECTED, "PARENT_STOCK", message, hint))
        elif switched:
            self.inventory.write([row], lambda _, again: self._fail(one, failure(again)))
        else:
            self._fail(one, failure(error))

    # --

    def _listings(self, items: Sequence[StylePush]) -> list[ListingPush]:
        found: list[ListingPush] = []
        for one in (one for style in items for one in style.listings if one.product_id in style.wanted):
            if "variant" in one.remote:
                found.append(one)
            else:
                message = f"The shop does not have {one.item_id!r} yet."
                self._fail(one, Failure(Outcome.RETRY, "NOT_LISTED", message))
        return found

    def _guarded(self, listings: Sequence[ListingPush], work: Callable[[], None]) -> None:
        """What went wrong with a call is raised only when nothing came of the others either."""
        try:
            work()
        except Rejected:
            raise
        except ConnectorError as error:
            if not self.results:
                raise
            for one in listings:
                self._fail(one, failure(error))

    def _refuse(self, one: ListingPush, error: Rejected) -> None:
        gone = not self.lookup.exists(one.remote["product"]) or (
            isinstance(error, NotFound) and not self.lookup.variant_exists(one.remote["product"], one.remote["variant"])
        )
        self._fail(one, missing(f"{one.item_id!r}") if gone else failure(error))

    def _fail(self, one: ListingPush, found: Failure) -> None:
        self.results.setdefault(one.product_id, found.result(one))

    def _done(self, listings: Iterable[ListingPush]) -> None:
        for one in listings:
            self.results.setdefault(
                one.product_id, PushResult(one.product_id, Outcome.ACCEPTED, remote=one.remote, sent=one.sent)
            )

    def _all(self, items: Sequence[StylePush], listings: Sequence[ListingPush]) -> list[PushResult]:
        self._done(listings)
        return [self.results[one] for style in items for one in sorted(style.wanted) if one in self.results]
