"""Changes of products that the shop has: what the POS may write, and nothing else. The merchant's own things stay."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrator.connectors.pushes import ListingPush, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.board import Board, kept
from integrator.connectors.shopify.capabilities import INPUT_MOST
from integrator.connectors.shopify.errors import Failure, optional_part, refusal, user_errors
from integrator.connectors.shopify.ids import gid, number
from integrator.connectors.shopify.lookup import Lookup

Json = dict[str, Any]


class Updates:
    def __init__(self, board: Board, lookup: Lookup) -> None:
        self.board = board
        self.lookup = lookup
        self.client, self.settings = board.client, board.settings

    def update(self, style: StylePush) -> None:
        there = [one for one in self.board.wanted(style) if self.board.ids(one)]
        by_product: dict[str, list[ListingPush]] = {}
        for one in there:
            by_product.setdefault(self.board.ids(one)["product"], []).append(one)
        for product_id, listings in by_product.items():
            self._update_product(style, product_id, listings)

    def _update_product(self, style: StylePush, product_id: str, listings: list[ListingPush]) -> None:
        none: frozenset[str] = frozenset()
        fields = none.union(*(self.board.fields(one) for one in listings))
        keep: Json = {}
        note = ""
        if fields & mapping.PRODUCT_FIELDS:
            failure, keep, note = self._write_product(style, product_id, fields)
            if failure is not None:
                for one in listings:
                    self.board.fail(one, failure)
                return
        self._write_variants(product_id, listings, keep, note)

    def _write_product(
        self, style: StylePush, product_id: str, fields: frozenset[str]
    ) -> tuple[Failure | None, Json, str]:
        first = style.listings[0]
        body = mapping.text_fields(style.name or first.content.name, first.content, fields, self.settings)
        if "Category" in fields and self.settings.category_as == "collection":
            found = self.board.collections.find(mapping.category_path(first.content, self.settings))
            if found:
                body["collectionsToJoin"] = [found]
        keep: Json = {}
        if "Publication" in fields:
            now = self.lookup.statuses([product_id]).get(product_id, "")
            online = any(one.content.sell_online for one in style.listings)
            by_pos = self.settings.field_rules.get("Publication") == "pos"
            status, before = mapping.publication(online, now, str(kept(style, "status_before") or ""), by_pos)
            if status is not None:
                body["status"] = status
            keep["status_before"] = before
        known: dict[str, str] = dict(kept(style, "images") or {})
        wanted = mapping.style_images(style.listings) if "Images" in fields else []
        fresh = [one for one in wanted if one.url not in known]
        note = ""
        product: Json = {}
        for _ in range(2):
            if not body and not fresh:
                break
            variables = {
                "product": {"id": gid("Product", product_id), **body},
                "media": [mapping.media_input(one) for one in fresh] or None,
                "first": INPUT_MOST if fresh else 1,
            }
            payload = self.client.run("product_update", variables, items=1, size=variables["first"])["productUpdate"]
            errors = user_errors(payload)
            if not errors:
                product = payload["product"] or {}
                break
            parts = [one for one in optional_part(errors) if one in body or (one == "files" and fresh)]
            if not parts or note:
                return refusal(errors), {}, ""
            note = f"Written without {', '.join(parts)}: {'; '.join(one.message for one in errors)}."
            body = {key: value for key, value in body.items() if key not in parts}
            fresh = [] if "files" in parts else fresh
        if "Images" in fields:
            keep["images"] = self._settle_images(product_id, known, wanted, fresh, product)
        return None, keep, note

    def _settle_images(
        self, product_id: str, known: dict[str, str], wanted: Sequence[Any], fresh: Sequence[Any], product: Json
    ) -> dict[str, str]:
        """Takes away what the POS took away, and puts the pictures into the POS's order. The merchant's own stay."""
        nodes = [number(one["id"]) for one in (product.get("media") or {}).get("nodes") or []]
        added = nodes[len(nodes) - len(fresh) :] if fresh and len(nodes) >= len(fresh) else []
        images = {**known, **{one.url: identity for one, identity in zip(fresh, added, strict=False)}}
        urls = [one.url for one in wanted]
        gone = [identity for url, identity in images.items() if url not in urls]
        if gone:
            ids = [gid("MediaImage", one) for one in gone]
            self.client.run("media_delete", {"product": gid("Product", product_id), "ids": ids}, items=len(ids))
        result = {url: images[url] for url in urls if url in images}
        if list(result) != [url for url in images if url in result]:
            moves = [
                {"id": gid("MediaImage", identity), "newPosition": str(position)}
                for position, identity in enumerate(result.values())
            ]
            self.client.run("media_reorder", {"product": gid("Product", product_id), "moves": moves}, items=len(moves))
        return result

    def _write_variants(self, product_id: str, listings: list[ListingPush], keep: Json, note: str) -> None:
        bodies: list[tuple[ListingPush, Json]] = []
        for one in listings:
            fields = self.board.fields(one)
            body = mapping.variant_content(one, fields)
            item = mapping.inventory_item(one, fields)
            if one.is_new or body or "measurement" in item:  # a linked one must be tracked, under its SKU
                body["inventoryItem"] = item
            if "Options" in fields and one.content.options:
                body["optionValues"] = mapping.option_values(one)
            if body:
                bodies.append((one, {"id": gid("ProductVariant", self.board.ids(one)["variant"]), **body}))
            if "Publication" in fields:
                self._variant_publication(one, listings, keep)
        failed: set[int] = set()
        for start in range(0, len(bodies), INPUT_MOST):
            part = bodies[start : start + INPUT_MOST]
            variables = {"product": gid("Product", product_id), "variants": [body for _, body in part]}
            payload = self.client.run("variants_update", variables, items=len(part), size=len(part))
            errors = user_errors(payload["productVariantsBulkUpdate"])
            for position, (one, _) in enumerate(part):
                mine = [error for error in errors if error.index() in (position, None)]
                if mine:
                    failed.add(one.product_id)
                    self.board.fail(one, refusal(mine))
        for one in listings:
            if one.product_id not in failed:
                self.board.accept(one, self.board.ids(one), {**keep, **self._shown(one)}, note)

    def _variant_publication(self, one: ListingPush, listings: Sequence[ListingPush], keep: Json) -> None:
        """A variant is taken off alone where others of its product stay; a product with one is a draft then."""
        hidden = bool((one.sent or {}).get("hidden"))
        if one.content.options and not one.content.sell_online and not hidden:
            self.board.show_variant(one, self.board.ids(one)["variant"], show=False)
        elif one.content.sell_online and hidden:
            self.board.show_variant(one, self.board.ids(one)["variant"], show=True)

    @staticmethod
    def _shown(one: ListingPush) -> Json:
        if not one.content.options:
            return {}
        return {"hidden": not one.content.sell_online}
