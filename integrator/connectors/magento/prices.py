"""Pushing prices: base, sale and tier prices, hundreds of rows a call; the answers list only what failed.

A sale price in bulk leaves old dates where a new one is open, so what the shop holds is deleted before. Where the
shop refuses a row (Adobe Commerce wants sales to begin in the future, and both dates), the product is saved with the
sale as attributes instead, one call each.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.magento import mapping
from integrator.connectors.magento.client import Client, filled
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.lookup import SHORT, Lookup
from integrator.connectors.magento.mapping import attribute, decimal
from integrator.connectors.magento.saving import Saver
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.magento.stock import accepted, failed, unfit
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush

Json = dict[str, Any]

BASE = "V1/products/base-prices"
SPECIAL = "V1/products/special-price"
TIERS = "V1/products/tier-prices"
GLOBAL = 0  # store and website of values that hold everywhere
EVERYBODY = "ALL GROUPS"
REFUSAL_HINT = "Correct the value and send it again."


class PricePush:
    """One call of push_price."""

    def __init__(self, client: Client, facts: Facts, lookup: Lookup, saver: Saver, settings: MagentoSettings) -> None:
        self.client = client
        self.facts = facts
        self.lookup = lookup
        self.saver = saver
        self.settings = settings
        self.results: dict[int, PushResult] = {}

    def run(self, items: Sequence[StylePush]) -> list[PushResult]:
        wanted = [one for style in items for one in style.listings if one.product_id in style.wanted]
        for one in wanted:
            if "product" not in one.remote:
                self.results[one.product_id] = unfit(one, {}) or accepted(one)
        self._base(self._open(wanted))
        self._sales(self._open(wanted))
        self._tiers(self._open(wanted))
        self._msrp(self._open(wanted))
        for one in self._open(wanted):
            self.results[one.product_id] = accepted(one)
        return [self.results[one.product_id] for one in wanted]

    def _open(self, listings: Iterable[ListingPush]) -> list[ListingPush]:
        return [one for one in listings if one.product_id not in self.results]

    # -- base prices

    def _base(self, listings: Sequence[ListingPush]) -> None:
        rows = [{"price": one.price.price, "store_id": GLOBAL, "sku": one.item_id} for one in listings]
        refused = self._rows(BASE, rows)
        bad = [one for one in listings if one.item_id in refused]
        there = self.lookup.by_ids([one.remote["product"] for one in bad], SHORT) if bad else {}
        for one in bad:
            self.results[one.product_id] = unfit(one, there) or _refused(one, refused[one.item_id])

    def _rows(self, path: str, rows: Sequence[Json]) -> dict[str, str]:
        """Posts rows; SKU -> why the shop refuses it."""
        refused: dict[str, str] = {}
        for part, answer in self.client.rows(path, "prices", rows) if rows else ():
            refused |= refusals(answer, [str(row["sku"]) for row in part])
        return refused

    # -- sale prices

    def _sales(self, listings: Sequence[ListingPush]) -> None:
        changed = [one for one in listings if sale_changed(one)]
        if self.settings.special_prices == "attributes":
            self._as_attributes(changed)
            return
        try:
            again = self._clear([one for one in changed if needs_clearing(one)])
            sales = [one for one in changed if one.price.sale_price is not None]
            refused = again | self._rows(SPECIAL, [self._sale_row(one) for one in sales if one.item_id not in again])
        except Rejected:
            if self.settings.special_prices == "bulk":
                raise
            refused = {one.item_id: "" for one in changed}
        bad = [one for one in changed if one.item_id in refused]
        if self.settings.special_prices == "auto":
            self._as_attributes(bad)
            return
        for one in bad:
            self.results[one.product_id] = _refused(one, refused[one.item_id])

    def _sale_row(self, one: ListingPush) -> Json:
        start, end = mapping.window_to_shop(one.price, self.facts.zone)
        return {
            "price": one.price.sale_price, "store_id": GLOBAL, "sku": one.item_id, "price_from": start, "price_to": end
        }  # fmt: skip

    def _clear(self, listings: Sequence[ListingPush]) -> dict[str, str]:
        """Takes the sales off that the shop has of these; SKU -> why it refuses."""
        rows: list[Json] = []
        skus = [one.item_id for one in listings]
        for part in self.client.parts(skus):
            path = f"{SPECIAL}-information"
            found = self.client.post(path, {"skus": part}, items=len(part), writes=False)
            rows += [
                {
                    "price": row.get("price"),
                    "store_id": int(row.get("store_id") or 0),
                    "sku": str(row.get("sku")),
                    "price_from": str(row.get("price_from") or ""),
                    "price_to": str(row.get("price_to") or ""),
                }
                for row in found
                if row.get("sku") in skus and int(row.get("store_id") or 0) == GLOBAL
            ]
        return self._rows(f"{SPECIAL}-delete", rows)

    def _as_attributes(self, listings: Sequence[ListingPush]) -> None:
        self._save([(one, mapping.special_attributes(one.price, self.facts.zone)) for one in listings])

    def _save(self, listings: Sequence[tuple[ListingPush, list[Json]]]) -> None:
        if not listings:
            return
        answers = self.saver.save([{"sku": one.item_id, "custom_attributes": added} for one, added in listings])
        for (one, _), answer in zip(listings, answers, strict=True):
            if answer.error is not None:
                self.results[one.product_id] = failed(one, answer.error)
        if self.saver.lost is not None and all(answer.error is not None for answer in answers):
            raise self.saver.lost

    # -- tier prices, by customer group

    def _tiers(self, listings: Sequence[ListingPush]) -> None:
        """What is no longer wanted goes, what changed comes; the merchant's own tiers stay."""
        added: list[Json] = []
        gone: list[Json] = []
        for one in listings:
            before, after = self._known_tiers(one), self._wanted_tiers(one)
            gone += [self._tier_row(one, *key, price) for key, price in before.items() if key not in after]
            added += [self._tier_row(one, *key, price) for key, price in after.items() if before.get(key) != price]
        refused = self._rows(f"{TIERS}-delete", gone)
        refused = {sku: said for sku, said in refused.items() if any(row["sku"] == sku for row in added)}
        refused |= self._rows(TIERS, added)
        for one in listings:
            if one.item_id in refused:
                hint = "Map the tier code to a customer group of the shop with the channel's tier_groups; then resend."
                self.results[one.product_id] = _refused(one, refused[one.item_id], hint)

    def _group(self, code: str) -> str:
        group = self.settings.tier_groups.get(code, code)
        return EVERYBODY if group in ("", "*") else group

    def _wanted_tiers(self, one: ListingPush) -> dict[tuple[str, Decimal], Decimal]:
        return {(self._group(code), least.normalize()): price for code, least, price in one.price.tiers}

    def _known_tiers(self, one: ListingPush) -> dict[tuple[str, Decimal], Decimal]:
        """What the shop has from us; nothing is known of it when it drifted."""
        if not is_known(one):
            return {}
        tiers = (one.sent or {}).get("Tiers") or []
        return {(self._group(str(code)), Decimal(least).normalize()): Decimal(price) for code, least, price in tiers}

    @staticmethod
    def _tier_row(one: ListingPush, group: str, least: Decimal, price: Decimal) -> Json:
        return {
            "price": price, "price_type": "fixed", "website_id": GLOBAL, "sku": one.item_id,
            "customer_group": group, "quantity": least,
        }  # fmt: skip

    # -- the list price, an attribute

    def _msrp(self, listings: Sequence[ListingPush]) -> None:
        code = self.settings.attributes.get("Msrp")
        if not code:
            return
        changed = [
            one for one in listings
            if not is_known(one) or decimal((one.sent or {}).get("Msrp")) != one.price.msrp
        ]  # fmt: skip
        self._save(
            [(one, [attribute(code, "" if one.price.msrp is None else format(one.price.msrp, "f"))]) for one in changed]
        )


# -- rules


def is_known(one: ListingPush) -> bool:
    """Whether the shop still holds what was last sent, as far as we know."""
    return one.sent is not None and not one.sent.get("stale")


def sale_changed(one: ListingPush) -> bool:
    """Whether anything about the sale has to be written."""
    if not is_known(one):
        return True
    before = one.sent or {}
    if decimal(before.get("SalePrice")) != one.price.sale_price:
        return True
    window = (mapping.from_utc(before.get("SaleStart")), mapping.from_utc(before.get("SaleEnd")))
    return one.price.sale_price is not None and window != (one.price.sale_start, one.price.sale_end)


def needs_clearing(one: ListingPush) -> bool:
    """Whether the shop may hold a sale, or dates of one, that writing a new one would leave there."""
    had = not is_known(one) or (one.sent or {}).get("SalePrice") is not None
    return had and (one.price.sale_price is None or one.price.sale_start is None or one.price.sale_end is None)


def refusals(answer: Any, skus: Sequence[str]) -> dict[str, str]:
    """SKU -> message, of an answer that lists rows that failed. Which row one means stands in its parameters.

    A message that names no SKU of the call concerns all of them: better all again than a price that is not there.
    """
    known = set(skus)
    found: dict[str, str] = {}
    for one in answer if isinstance(answer, list) else []:
        if not isinstance(one, Mapping):
            continue
        given = one.get("parameters") or []
        values = given.values() if isinstance(given, Mapping) else given
        named = [str(value) for value in values if str(value) in known]
        for sku in named or skus:
            found.setdefault(sku, filled(one))
    return found


def _refused(one: ListingPush, message: str, hint: str = REFUSAL_HINT) -> PushResult:
    return PushResult(
        one.product_id,
        Outcome.REJECTED,
        code="PRICE_REFUSED",
        message=f"The shop refuses the price of {one.item_id!r}: {message}",
        hint=hint,
    )
