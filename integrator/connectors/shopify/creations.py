"""New products by `productSet`, one by one or in a bulk operation, and new variants of products that are there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.pushes import ListingPush, Outcome, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.board import Board, kept
from integrator.connectors.shopify.bulk import Bulk, Busy
from integrator.connectors.shopify.capabilities import INPUT_MOST
from integrator.connectors.shopify.client import DailyLimit, daily_limit_error
from integrator.connectors.shopify.documents import BULK_PRODUCT_SET, DOCUMENTS
from integrator.connectors.shopify.errors import (
    Failure,
    UserError,
    lost,
    optional_part,
    over_daily_limit,
    refusal,
    user_errors,
)
from integrator.connectors.shopify.ids import gid, number, remote_ids

Json = dict[str, Any]


@dataclass(slots=True)
class Creation:
    """A product to make: `listings` are the variants that go into it at once."""

    style: StylePush
    listings: list[ListingPush]
    input: Json
    note: str = ""


class Creations:
    def __init__(self, board: Board) -> None:
        self.board = board
        self.client, self.facts, self.settings = board.client, board.facts, board.settings

    # -- products

    def create(self, styles: Sequence[StylePush]) -> None:
        if not styles or self.board.day_is_over([one for style in styles for one in self.board.new(style)]):
            return
        self.facts.define_custom_id()
        creations = [self._creation(one) for one in styles]
        if len(creations) >= self.settings.bulk_from:
            try:
                self._create_in_bulk(creations)
                return
            except Busy:
                pass  # then one by one
        for creation in creations:
            self._create_one(creation)

    def _creation(self, style: StylePush) -> Creation:
        listings = self.board.new(style)
        most = self.facts.variants_most
        for one in listings[most:]:
            self.board.fail(one, too_many(style, most))
        # what does not fit into one call is added to the product afterwards (_add)
        first = listings[: min(INPUT_MOST, most)]
        body = mapping.new_product(style, first, self.facts.location, self.settings)
        if "Category" in first[0].fields and self.settings.category_as == "collection":
            found = self.board.collections.find(mapping.category_path(first[0].content, self.settings))
            if found:
                body["collections"] = [found]
        return Creation(style, first, body)

    def _variables(self, creation: Creation) -> Json:
        return {"identifier": mapping.identifier(mapping.custom_id(creation.style)), "input": creation.input}

    def _create_one(self, creation: Creation) -> None:
        sizes = {"variants": len(creation.listings), "media": max(1, len(creation.input.get("files", ())))}
        try:
            data = self.client.run(
                "product_set", {**self._variables(creation), **sizes},
                items=len(creation.listings), size=f"{sizes['variants']}-{sizes['media']}",
            )  # fmt: skip
        except DailyLimit as error:
            self.board.limit(error, creation.listings)
            return
        except Rejected as error:
            for one in creation.listings:
                self.board.fail(one, lost(error))
            return
        self._created(creation, data["productSet"])

    def _create_in_bulk(self, creations: Sequence[Creation]) -> None:
        bulk = Bulk(self.client, self.settings.bulk_minutes)
        answers = bulk.run(BULK_PRODUCT_SET, [self._variables(one) for one in creations])
        published: list[Json] = []
        for creation, payload in zip(creations, answers, strict=True):
            if payload is None:
                message = "The shop's bulk operation ended before it."
                for one in creation.listings:
                    self.board.fail(one, Failure(Outcome.RETRY, "BULK_CUT", message))
            else:
                self._created(creation, payload, published)
        if published:
            try:
                bulk.run(DOCUMENTS["publish"], published)
            except Busy:
                for variables in published:
                    self.client.run("publish", variables)

    def _created(self, creation: Creation, payload: Json, publish_later: list[Json] | None = None) -> None:
        errors = user_errors(payload)
        product = payload.get("product")
        if errors or not product:
            self._not_created(creation, errors or [UserError("", "no reason given", ())])
            return
        by_sku = {str(one.get("sku")): one for one in product["variants"]["nodes"]}
        images = pictures(creation, product)
        if creation.input["status"] == "ACTIVE":
            self._publish_new(product["id"], publish_later)
        for one in creation.listings:
            variant = by_sku.get(one.item_id)
            if variant is None:  # it was made under the same options as another one
                message = f"The shop made the product without the variant {one.item_id!r}."
                self.board.fail(one, Failure(Outcome.RETRY, "VARIANT_MISSING", message))
                continue
            if not one.content.sell_online and creation.input["status"] == "ACTIVE":
                self.board.show_variant(one, number(variant["id"]), show=False)
            self.board.accept(one, remote_ids(variant, product["id"]), {"images": images}, creation.note, created=True)
        self.board.work.parents[id(creation.style)] = number(product["id"])

    def _not_created(self, creation: Creation, errors: list[UserError]) -> None:
        if over_daily_limit(errors):
            self.board.limit(daily_limit_error(self.client.now()), creation.listings)
            return
        parts = [one for one in optional_part(errors) if creation.input.get(one)]
        if parts and not creation.note:
            said = "; ".join(one.message for one in errors)
            creation.note = f"Written without {', '.join(parts)}: {said}."
            for part in parts:
                creation.input.pop(part)
            if "metafields" in parts:  # ours stays
                creation.input["metafields"] = [mapping.id_metafield(mapping.custom_id(creation.style))]
            if "files" in parts:
                for variant in creation.input["variants"]:
                    variant.pop("file", None)
            self._create_one(creation)
            return
        index = next((one.index() for one in errors if one.index() is not None), None)
        if index is not None and index < len(creation.listings) and len(creation.listings) > 1:
            # one variant spoils the product: the others go on without it
            self.board.fail(creation.listings[index], refusal(errors))
            rest = [one for position, one in enumerate(creation.listings) if position != index]
            body = mapping.new_product(creation.style, rest, self.facts.location, self.settings)
            body |= {key: creation.input[key] for key in ("collections",) if key in creation.input}
            self._create_one(Creation(creation.style, rest, body, creation.note))
            return
        for one in creation.listings:
            self.board.fail(one, refusal(errors))

    def _publish_new(self, product: str, later: list[Json] | None) -> None:
        channels = [{"publicationId": one} for one in self.facts.publications]
        if not channels:
            return
        variables = {"id": product, "input": channels}
        if later is not None:
            later.append(variables)
        else:
            self.client.run("publish", variables)

    # -- variants of what is there

    def add(self, style: StylePush) -> None:
        """New variants of a product that the shop has."""
        parent = self.board.parent(style)
        new = self.board.new(style)
        if not new or parent is None or self.board.day_is_over(new):
            return
        if style.style_id is None:
            message = f"Product {parent} in the shop carries the id of item {new[0].item_id!r}, and several variants."
            hint = "Give one of its variants that SKU; then resend the issue."
            self.board.fail(new[0], Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint))
            return
        for start in range(0, len(new), INPUT_MOST):
            self._add_some(style, parent, new[start : start + INPUT_MOST])

    def _add_some(self, style: StylePush, parent: str, listings: list[ListingPush]) -> None:
        images = kept(style, "images") or {}
        while listings:
            bodies = [self._added(one, images) for one in listings]
            variables = {"product": gid("Product", parent), "variants": bodies}
            payload = self.client.run("variants_create", variables, items=len(bodies), size=len(bodies))
            payload = payload["productVariantsBulkCreate"]
            errors = user_errors(payload)
            if not errors:
                for one, variant in zip(listings, payload["productVariants"], strict=True):
                    self.board.accept(one, remote_ids(variant, parent), {"images": images}, created=True)
                return
            if over_daily_limit(errors):
                self.board.limit(daily_limit_error(self.client.now()), listings)
                return
            bad = {one.index() for one in errors} - {None}
            failed = [one for position, one in enumerate(listings) if position in bad] or listings
            for one in failed:
                mine = [error for error in errors if error.index() == listings.index(one)]
                self.board.fail(one, refusal(mine or errors))
            listings = [one for one in listings if one not in failed]  # nothing of the call was done

    def _added(self, one: ListingPush, images: Mapping[str, str]) -> Json:
        body = mapping.added_variant(one, self.facts.location, self.settings)
        picture = mapping.first_image(one)
        own = picture is not None and "Images" in one.fields and picture.url in images
        if picture is not None and own and picture.url != next(iter(images)):
            body["mediaId"] = gid("MediaImage", images[picture.url])
        return body


def pictures(creation: Creation, product: Json) -> dict[str, str]:
    """URL -> media id of the pictures of a product just made, in their order; {} when they cannot be told apart."""
    urls = [one["originalSource"] for one in creation.input.get("files", ())]
    ids = [number(one["id"]) for one in (product.get("media") or {}).get("nodes") or []]
    return dict(zip(urls, ids, strict=True)) if len(urls) == len(ids) else {}


def too_many(style: StylePush, most: int) -> Failure:
    return Failure(
        Outcome.REJECTED,
        "TOO_MANY_VARIANTS",
        f"Style {style.style_id!r} has {len(style.listings)} variants, and a Shopify product has at most {most:,}.",
        "Send a part of the variants under another StyleId.",
    )
