"""Pushing stock: many rows a call into sources (MSI), one product a call where the shop has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected, Transient
from integrator.connectors.magento import mapping
from integrator.connectors.magento.client import Client, NotFound, path_part
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.lookup import SHORT, Lookup
from integrator.connectors.magento.quantities import Quantities
from integrator.connectors.magento.saving import FAILURES_IN_A_ROW, OUTAGE
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, Stock, StylePush
from integrator.connectors.records import ZERO

Json = dict[str, Any]


class StockPush:
    def __init__(
        self, client: Client, facts: Facts, lookup: Lookup, quantities: Quantities, settings: MagentoSettings
    ) -> None:
        self.client = client
        self.facts = facts
        self.lookup = lookup
        self.quantities = quantities
        self.settings = settings

    def run(self, items: Sequence[StylePush]) -> list[PushResult]:
        """A source takes any SKU, also one that no product has: so what is there is read first."""
        wanted = [one for style in items for one in style.listings if one.product_id in style.wanted]
        there = self.lookup.by_ids([one.remote["product"] for one in wanted if "product" in one.remote], SHORT)
        results: dict[int, PushResult] = {}
        good: list[ListingPush] = []
        for one in wanted:
            problem = unfit(one, there)
            if problem is None:
                good.append(one)
            else:
                results[one.product_id] = problem
        if good and self.facts.sources is not None:
            self._check_sources(good, results)
            good = [one for one in good if one.product_id not in results]
            self.write(good)
            results |= {one.product_id: accepted(one) for one in good}
        elif good:
            results |= self._one_by_one(good)
        return [results[one.product_id] for one in wanted]

    # -- sources

    def _check_sources(self, listings: Sequence[ListingPush], results: dict[int, PushResult]) -> None:
        known = set(self.facts.sources or ())
        for one in listings:
            unknown = [code for code in self._by_source(one.stock) if code not in known]
            if unknown:
                message = f"The shop has no source {unknown[0]!r}; it has: {', '.join(sorted(known))}."
                hint = "Correct the channel's location_map or source; then resend the issue."
                results[one.product_id] = PushResult(
                    one.product_id, Outcome.REJECTED, code="SOURCE_UNKNOWN", message=message, hint=hint
                )

    def _by_source(self, stock: Stock) -> dict[str, Any]:
        return dict(stock.by_location) if stock.by_location else {self.facts.source: stock.quantity}

    def write(self, listings: Sequence[ListingPush]) -> None:
        """All their sources' rows, in as few calls as the shop takes. A refused call raises: the core splits it."""
        rows: list[Json] = []
        for one in listings:
            reserved = self.quantities.reserved.get(one.item_id, ZERO)
            for place, (source, units) in enumerate(self._by_source(one.stock).items()):
                # what the shop has put aside for its own orders stands in the first source
                count = mapping.whole(units) + (mapping.whole(reserved) if place == 0 else 0)
                in_stock = count > 0 or self.settings.in_stock_at_zero
                rows.append(
                    {"sku": one.item_id, "source_code": source, "quantity": count, "status": 1 if in_stock else 0}
                )
        if rows:
            self.client.rows("V1/inventory/source-items", "sourceItems", rows)

    # -- without sources

    def _one_by_one(self, listings: Sequence[ListingPush]) -> dict[int, PushResult]:
        """Raises what concerns the whole shop only when nothing was accepted before."""
        results: dict[int, PushResult] = {}
        lost: ConnectorError | None = None
        failures = 0
        for one in listings:
            if lost is not None:
                results[one.product_id] = failed(one, lost)
                continue
            count = mapping.whole(one.stock.quantity)
            in_stock = count > 0 or self.settings.in_stock_at_zero
            # the number of the stock item is looked up by the shop itself
            path = f"V1/products/{path_part(one.item_id)}/stockItems/1"
            try:
                self.client.put(path, {"stockItem": {"qty": count, "is_in_stock": in_stock}})
                results[one.product_id] = accepted(one)
                failures = 0
            except NotFound:
                results[one.product_id] = missing(one)
            except Rejected as error:
                results[one.product_id] = failed(one, error)
            except ConnectorError as error:
                results[one.product_id] = failed(one, error)
                failures += 1
                alone = isinstance(error, Transient) and error.code not in OUTAGE and failures < FAILURES_IN_A_ROW
                lost = None if alone else error
        if lost is not None and all(one.outcome is Outcome.RETRY for one in results.values()):
            raise lost
        return results


def unfit(one: ListingPush, there: dict[str, Json]) -> PushResult | None:
    """Why a value cannot be written to this listing."""
    if "product" not in one.remote:
        message = f"The shop does not have {one.item_id!r} yet."
        return PushResult(one.product_id, Outcome.RETRY, code="NOT_LISTED", message=message)
    found = there.get(one.remote["product"])
    if found is None:
        return missing(one)
    if found.get("sku") != one.item_id:
        known = f"Product {found['id']} has the SKU {found.get('sku')!r} in the shop"
        message = f"{known}; the POS knows it as {one.item_id!r}."
        hint = f"Put the SKU back to {one.item_id!r} in the shop; then resend the issue."
        return PushResult(one.product_id, Outcome.CONFLICT, code="SKU_CHANGED", message=message, hint=hint)
    if found.get("type_id") in mapping.SELLABLE_BY_PARTS:
        message = f"Product {found['id']} ({one.item_id!r}) is a {found['type_id']} product: its parts are sold."
        hint = "Give the SKU to the simple product that the POS means; then resend the issue."
        return PushResult(one.product_id, Outcome.REJECTED, code="SOLD_BY_PARTS", message=message, hint=hint)
    return None


def accepted(one: ListingPush) -> PushResult:
    return PushResult(one.product_id, Outcome.ACCEPTED, remote=one.remote)


def missing(one: ListingPush) -> PushResult:
    message = f"The shop does not have {one.item_id!r} any more."
    return PushResult(one.product_id, Outcome.REJECTED, code="LISTING_MISSING", message=message)


def failed(one: ListingPush, error: ConnectorError) -> PushResult:
    outcome = Outcome.REJECTED if isinstance(error, Rejected) else Outcome.RETRY
    return PushResult(one.product_id, outcome, code=error.code or "NO_ANSWER", message=error.message, hint=error.hint)
