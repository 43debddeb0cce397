"""Pushing prices and stock, with a result for every item.

Prices: one call for each product, or one bulk operation for many. Stock: 250 rows a call, of any items and locations,
each compared with what we believe to be there. When the shop has something else, it is read and decided: units that
went just now are a sale whose order is on its way, so the item waits for it; else the POS's count is right.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.bulk import Bulk, Busy
from integrator.connectors.shopify.capabilities import INPUT_MOST
from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.documents import BULK_VARIANTS_UPDATE
from integrator.connectors.shopify.errors import Failure, UserError, lost, refusal, user_errors
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import gid, number
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]

KEYS = uuid.UUID("6f2d5a52-4c0e-5a4c-9f0b-2b7b1f3a9d10")  # namespace of idempotency keys
SALE_MINUTES = timedelta(minutes=3)  # a sale that young may not have been read yet
CONFLICT_TRIES = 3
STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})
AGAIN_WITH_SAME_KEY = "IDEMPOTENCY_CONCURRENT_REQUEST"
NEW_KEY = frozenset({"IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"})
LEVELS_A_CALL = 50


class Results:
    """Results of one push, in the order in which they were asked for."""

    def __init__(self, items: Sequence[StylePush]) -> None:
        self.items = items
        self.found: dict[int, PushResult] = {}

    def listings(self) -> list[ListingPush]:
        """Those that the shop has; the others wait for it."""
        ready: list[ListingPush] = []
        for one in (one for style in self.items for one in style.listings if one.product_id in style.wanted):
            if one.remote.get("variant"):
                ready.append(one)
            else:
                self.fail(one, Failure(Outcome.RETRY, "NOT_LISTED", f"The shop does not have {one.item_id!r} yet."))
        return ready

    def accept(self, one: ListingPush) -> None:
        self.found[one.product_id] = PushResult(one.product_id, Outcome.ACCEPTED, remote=one.remote)

    def fail(self, one: ListingPush, failure: Failure) -> None:
        self.found[one.product_id] = failure.result(one)

    def all(self) -> list[PushResult]:
        return [self.found[one] for style in self.items for one in sorted(style.wanted) if one in self.found]


# -- prices


class PricePush:
    """One call of push_price."""

    def __init__(self, client: Client, settings: ShopifySettings, items: Sequence[StylePush]) -> None:
        self.client = client
        self.settings = settings
        self.results = Results(items)

    def run(self) -> list[PushResult]:
        calls: list[tuple[str, list[ListingPush]]] = []
        by_product: dict[str, list[ListingPush]] = {}
        for one in self.results.listings():
            by_product.setdefault(one.remote["product"], []).append(one)
        for product, listings in by_product.items():
            calls += [(product, listings[n : n + INPUT_MOST]) for n in range(0, len(listings), INPUT_MOST)]
        if len(calls) >= self.settings.bulk_from:
            try:
                return self._in_bulk(calls)
            except Busy:
                pass  # then one by one
        for position, (product, listings) in enumerate(calls):
            try:
                payload = self.client.run(
                    "variants_update", self._variables(product, listings), items=len(listings), size=len(listings)
                )
            except Rejected as error:
                for one in listings:
                    self.results.fail(one, lost(error))
            except ConnectorError as error:
                if not any(one.outcome is Outcome.ACCEPTED for one in self.results.found.values()):
                    raise
                for one in (one for _, later in calls[position:] for one in later):
                    self.results.fail(one, lost(error))
                break
            else:
                self._answered(listings, payload["productVariantsBulkUpdate"])
        return self.results.all()

    def _in_bulk(self, calls: Sequence[tuple[str, list[ListingPush]]]) -> list[PushResult]:
        bulk = Bulk(self.client, self.settings.bulk_minutes)
        answers = bulk.run(BULK_VARIANTS_UPDATE, [self._variables(*one) for one in calls])
        for (_, listings), payload in zip(calls, answers, strict=True):
            if payload is None:
                for one in listings:
                    message = "The shop's bulk operation ended before it."
                    self.results.fail(one, Failure(Outcome.RETRY, "BULK_CUT", message))
            else:
                self._answered(listings, payload)
        return self.results.all()

    @staticmethod
    def _variables(product: str, listings: Sequence[ListingPush]) -> Json:
        variants = [
            {"id": gid("ProductVariant", one.remote["variant"]), **mapping.price_fields(one.price)} for one in listings
        ]
        return {"product": gid("Product", product), "variants": variants}

    def _answered(self, listings: Sequence[ListingPush], payload: Json) -> None:
        errors = user_errors(payload)
        for position, one in enumerate(listings):
            mine = [error for error in errors if error.index() in (position, None)]
            if mine:
                self.results.fail(one, refusal(mine))
            else:
                self.results.accept(one)


# -- stock


@dataclass(slots=True)
class Row:
    """One quantity at one location. `before`: what we believe to be there; None: it is not compared."""

    listing: ListingPush
    location: str
    quantity: int
    before: int | None

    def input(self) -> Json:
        return {
            "inventoryItemId": gid("InventoryItem", self.listing.remote["inventory_item"]),
            "locationId": gid("Location", self.location),
            "quantity": self.quantity,
            "changeFromQuantity": self.before,  # null has to be said: it means "do not compare"
        }


def believed(one: ListingPush, location: str, only: bool) -> int | None:
    """What the shop accepted last for the location; None when it has changed it by itself, or when we never knew."""
    sent = one.sent or {}
    if sent.get("stale"):
        return None
    by_location = sent.get("ByLocation") or {}
    known = {number(place): units for place, units in by_location.items()}.get(number(location))
    if known is None and only and not by_location:
        known = sent.get("Quantity")
    value = mapping.decimal(known)
    return None if value is None else int(value)


def idempotency_key(rows: Sequence[Row]) -> str:
    """The same for the same batch at the same versions, whenever it is sent again; another one for any other."""
    content = [
        [row.listing.product_id, row.listing.wanted, number(row.location), row.quantity, row.before] for row in rows
    ]
    return str(uuid.uuid5(KEYS, json.dumps(content)))


class StockPush:
    """One call of push_stock. `channel`: named in the shop's stock history."""

    def __init__(
        self, client: Client, facts: Facts, items: Sequence[StylePush], account_id: int, channel_id: int
    ) -> None:
        self.client = client
        self.facts = facts
        self.results = Results(items)
        self.reference = f"integrator://account/{account_id}/channel/{channel_id}"
        self.pending: dict[int, int] = {}  # rows that are still to be written, by product
        self.conflicts: dict[tuple[int, str], int] = {}

    def run(self) -> list[PushResult]:
        rows: list[Row] = []
        for one in self.results.listings():
            # where the channel maps locations nothing else has to be known of the shop
            where = one.stock.by_location or {self.facts.location: one.stock.quantity}
            made = [
                Row(one, place, mapping.whole(units), believed(one, place, only=not one.stock.by_location))
                for place, units in sorted(where.items())
            ]
            changed = [row for row in made if row.before != row.quantity]
            if changed:
                self.pending[one.product_id] = len(changed)
                rows += changed
            else:
                self.results.accept(one)
        waiting = [rows[n : n + INPUT_MOST] for n in range(0, len(rows), INPUT_MOST)]
        while waiting:
            part = waiting.pop(0)
            try:
                again = self._write(part)
            except Rejected as error:
                for row in part:
                    self.results.fail(row.listing, lost(error))
                continue
            except ConnectorError as error:
                if not self.results.found:
                    raise
                for row in (row for rest in [part, *waiting] for row in rest):
                    if row.listing.product_id not in self.results.found:
                        self.results.fail(row.listing, lost(error))
                break
            if again:
                waiting.insert(0, again)
        return self.results.all()

    def _write(self, rows: Sequence[Row]) -> list[Row]:
        """Rows to send again after the shop refused some of them: a refusal undoes the whole call."""
        key = idempotency_key(rows)
        for _ in range(CONFLICT_TRIES):
            payload = self._send(rows, key)
            errors = user_errors(payload)
            if not errors:
                for row in rows:
                    self._done(row)
                return []
            codes = {one.code for one in errors}
            if codes == {AGAIN_WITH_SAME_KEY}:
                message = "The shop is still at work on the same change."
                for row in rows:
                    self.results.fail(row.listing, Failure(Outcome.RETRY, AGAIN_WITH_SAME_KEY, message))
                return []
            if not codes & NEW_KEY:
                return self._settled(rows, errors)
            key = str(uuid.uuid4())  # what was tried under the old one certainly was not done
        message = "The shop takes no new try of this change: it is made again later."
        for row in rows:
            self.results.fail(row.listing, Failure(Outcome.RETRY, "IDEMPOTENCY", message))
        return []

    def _send(self, rows: Sequence[Row], key: str) -> Json:
        change = {
            "name": "available", "reason": "correction", "referenceDocumentUri": self.reference,
            "quantities": [row.input() for row in rows],
        }  # fmt: skip
        variables = {"input": change, "key": key}
        payload: Json = self.client.run("stock", variables, items=len(rows), size=len(rows))["inventorySetQuantities"]
        return payload

    def _settled(self, rows: Sequence[Row], errors: Sequence[UserError]) -> list[Row]:
        by_row: dict[int, list[UserError]] = {}
        for error in errors:
            index = error.index("quantities")
            for position in range(len(rows)) if index is None else (index,):
                by_row.setdefault(position, []).append(error)
        stale = [n for n, found in by_row.items() if all(one.code in STALE for one in found)]
        refused = {rows[n].listing.product_id for n in by_row if n not in stale}
        for position, found in by_row.items():
            if position not in stale:
                self.results.fail(rows[position].listing, refusal(found))
        kept = [row for row in rows if row.listing.product_id not in refused]
        if not stale:
            return kept
        conflicting = [rows[n] for n in stale if rows[n] in kept]
        levels = self._levels([row.listing for row in conflicting])
        return [row for row in kept if row not in conflicting or self._decided(row, levels)]

    def _decided(self, row: Row, levels: Mapping[tuple[str, str], tuple[int, datetime | None]]) -> bool:
        """Whether the row is sent again, now compared with what is there."""
        one = row.listing
        there, changed_at = levels.get((one.remote["inventory_item"], number(row.location)), (None, None))
        seen = self.conflicts[one.product_id, row.location] = self.conflicts.get((one.product_id, row.location), 0) + 1
        if there == row.quantity:
            self._done(row)
            return False
        sold = there is not None and row.before is not None and there < row.before
        young = changed_at is None or self.client.now() - changed_at < SALE_MINUTES
        if (sold and young) or seen >= CONFLICT_TRIES:
            message = (
                f"The shop has {there} of {one.item_id!r} at location {row.location} instead of {row.before}: units"
                " were sold just now. Their order is read before the stock is set."
            )
            self.results.fail(one, Failure(Outcome.RETRY, "STOCK_IN_MOTION", message))
            return False
        row.before = there
        return True

    def _levels(self, listings: Sequence[ListingPush]) -> dict[tuple[str, str], tuple[int, datetime | None]]:
        """(item, location) -> what is available there, and since when."""
        found: dict[tuple[str, str], tuple[int, datetime | None]] = {}
        ids = list(dict.fromkeys(gid("InventoryItem", one.remote["inventory_item"]) for one in listings))
        count = min(max(len(self.facts.location_names), 1), 50)
        for start in range(0, len(ids), LEVELS_A_CALL):
            part = ids[start : start + LEVELS_A_CALL]
            nodes = self.client.run("levels", {"ids": part, "locations": count}, size=f"{len(part)}x{count}")["nodes"]
            for item in (one for one in nodes if one):
                for level in (item.get("inventoryLevels") or {}).get("nodes") or []:
                    quantities = level.get("quantities") or []
                    if quantities:
                        when = quantities[0].get("updatedAt")
                        key = number(item["id"]), number(level["location"]["id"])
                        moment = datetime.fromisoformat(str(when).replace("Z", "+00:00")) if when else None
                        found[key] = int(quantities[0]["quantity"]), moment
        return found

    def _done(self, row: Row) -> None:
        one = row.listing
        self.pending[one.product_id] -= 1
        if self.pending[one.product_id] <= 0 and one.product_id not in self.results.found:
            self.results.accept(one)
