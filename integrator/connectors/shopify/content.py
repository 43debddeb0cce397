"""Pushing content: products and styles are created, linked or updated, with a result for every listing.

`productSet` replaces the lists that it is given, so it is used for what is not there yet and for nothing else.
What keeps it from doubling anything: before a creation the SKU is looked for, and the POS's id that every product
carries in a unique metafield; that is not found through the search index, which lags behind. The creation itself
names that id, so that of two in a row the second one finds the first one's product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.board import Board
from integrator.connectors.shopify.client import Client, DailyLimit
from integrator.connectors.shopify.creations import Creations
from integrator.connectors.shopify.errors import Failure, lost
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import number, remote_ids
from integrator.connectors.shopify.lookup import Lookup
from integrator.connectors.shopify.settings import ShopifySettings
from integrator.connectors.shopify.updates import Updates

Json = dict[str, Any]


class ContentPush:
    """One call of push_content."""

    def __init__(self, client: Client, facts: Facts, lookup: Lookup, settings: ShopifySettings) -> None:
        self.facts = facts
        self.lookup = lookup
        self.board = Board(client, facts, settings)
        self.creations = Creations(self.board)
        self.updates = Updates(self.board, lookup)

    def run(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Raises what went wrong with a call only when nothing came of the others either."""
        try:
            self._find(styles)
            self.creations.create([one for one in styles if self.board.new(one) and not self.board.parent(one)])
            for style in styles:
                self._guarded(style)
        except ConnectorError as error:
            if isinstance(error, Rejected):
                raise
            self.board.work.lost = error
        if self.board.work.lost is not None:
            for one in (one for style in styles for one in self.board.wanted(style)):
                self.board.fail(one, lost(self.board.work.lost))
            if all(one.outcome is Outcome.RETRY for one in self.board.work.results.values()):
                raise self.board.work.lost
        results = self.board.work.results
        return [results[one] for style in styles for one in sorted(style.wanted) if one in results]

    # -- what the shop has

    def _find(self, styles: Sequence[StylePush]) -> None:
        new: list[ListingPush] = []
        for one in (one for style in styles for one in self.board.wanted(style)):
            unsuitable = mapping.problem(one)
            if unsuitable:
                code, message, hint = unsuitable
                self.board.fail(one, Failure(Outcome.REJECTED, code, message, hint))
            elif one.is_new:
                new.append(one)
        found = self.lookup.by_sku([one.item_id for one in new]) if new else {}
        for one in new:
            matches = found[one.item_id]
            if len(matches) == 1:
                self.board.work.linked[one.product_id] = remote_ids(matches[0])
            elif matches:
                names = "; ".join(f"{number(m['id'])} ({(m.get('product') or {}).get('title')})" for m in matches[:10])
                message = f"{len(matches)} variants in the shop have the SKU {one.item_id!r}: {names}."
                hint = "Leave the SKU to one of them; then resend the issue."
                self.board.fail(one, Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint))
        lacking = [one for one in styles if self.board.new(one) and not self.board.parent(one)]
        if lacking and self.facts.shop.get("metafieldDefinitions", {}).get("nodes"):
            self._find_by_custom_id(lacking)

    def _find_by_custom_id(self, styles: Sequence[StylePush]) -> None:
        """What an interrupted creation left behind, and what the search does not show yet."""
        ids = self.lookup.by_custom_id([mapping.custom_id(one) for one in styles])
        for style in styles:
            product_id = ids.get(mapping.custom_id(style))
            product = self.lookup.product(product_id) if product_id else None
            if product is None or product_id is None:
                continue
            self.board.work.parents[id(style)] = product_id
            by_sku: dict[str, list[Json]] = {}
            for variant in product["all"]:
                by_sku.setdefault(str(variant.get("sku") or ""), []).append(variant)
            new = self.board.new(style)
            for one in new:
                same = by_sku.get(one.item_id, [])
                if not same and style.style_id is None and len(product["all"]) == 1:
                    same = product["all"]  # it carries the item's id: the merchant changed the SKU
                if len(same) == 1:
                    self.board.work.linked[one.product_id] = remote_ids(same[0], product_id)

    # -- what is there

    def _guarded(self, style: StylePush) -> None:
        """One style; a refusal of its calls is its own."""
        if not self.board.wanted(style):
            return
        try:
            self.updates.update(style)
            self.creations.add(style)
        except DailyLimit as error:
            self.board.limit(error, self.board.wanted(style))
        except Rejected as error:
            for one in self.board.wanted(style):
                self.board.fail(one, lost(error))
