"""Pushing content: products and styles are created, linked or updated, with a result for every listing.

`productSet` replaces the lists that it is given, so it is used for what is not there yet and for nothing else.
What keeps it from doubling anything: before a creation the SKU is looked for, and the POS's id that every product
carries in a unique metafield; that is not found through the search index, which lags behind. The creation itself
names that id, so that of two in a row the second one finds the first one's product.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.bulk import Bulk, Busy
from integrator.connectors.shopify.capabilities import INPUT_MOST
from integrator.connectors.shopify.client import Client, DailyLimit, daily_limit_error
from integrator.connectors.shopify.collections import Collections
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
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import gid, number, remote_ids
from integrator.connectors.shopify.lookup import Lookup
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]


@dataclass(slots=True)
class Creation:
    """A product to make: `listings` are the variants that go into it at once."""

    style: StylePush
    listings: list[ListingPush]
    input: Json
    note: str = ""


@dataclass(slots=True)
class Work:
    """What one call of push_content found out and did."""

    results: dict[int, PushResult] = field(default_factory=dict)
    linked: dict[int, dict[str, str]] = field(default_factory=dict)  # what was in the shop already
    parents: dict[int, str] = field(default_factory=dict)  # id of a style push -> product, found by the POS's id
    lost: ConnectorError | None = None


class ContentPush:
    """One call of push_content."""

    def __init__(self, client: Client, facts: Facts, lookup: Lookup, settings: ShopifySettings) -> None:
        self.client = client
        self.facts = facts
        self.lookup = lookup
        self.settings = settings
        self.collections = Collections(client)
        self.work = Work()

    def run(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Raises what went wrong with a call only when nothing came of the others either."""
        try:
            self._find(styles)
            self._create([one for one in styles if self._new(one) and not self._parent(one)])
            for style in styles:
                self._guarded(style)
        except ConnectorError as error:
            if isinstance(error, Rejected):
                raise
            self.work.lost = error
        if self.work.lost is not None:
            for one in (one for style in styles for one in self._wanted(style)):
                self._fail(one, lost(self.work.lost))
            if all(one.outcome is Outcome.RETRY for one in self.work.results.values()):
                raise self.work.lost
        results = self.work.results
        return [results[one] for style in styles for one in sorted(style.wanted) if one in results]

    # -- what the shop has

    def _find(self, styles: Sequence[StylePush]) -> None:
        new: list[ListingPush] = []
        for one in (one for style in styles for one in self._wanted(style)):
            unsuitable = mapping.problem(one)
            if unsuitable:
                code, message, hint = unsuitable
                self._fail(one, Failure(Outcome.REJECTED, code, message, hint))
            elif one.is_new:
                new.append(one)
        found = self.lookup.by_sku([one.item_id for one in new]) if new else {}
        for one in new:
            matches = found[one.item_id]
            if len(matches) == 1:
                self.work.linked[one.product_id] = remote_ids(matches[0])
            elif matches:
                names = "; ".join(f"{number(m['id'])} ({(m.get('product') or {}).get('title')})" for m in matches[:10])
                message = f"{len(matches)} variants in the shop have the SKU {one.item_id!r}: {names}."
                hint = "Leave the SKU to one of them; then resend the issue."
                self._fail(one, Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint))
        lacking = [one for one in styles if self._new(one) and not self._parent(one)]
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
            self.work.parents[id(style)] = product_id
            by_sku: dict[str, list[Json]] = {}
            for variant in product["all"]:
                by_sku.setdefault(str(variant.get("sku") or ""), []).append(variant)
            new = self._new(style)
            for one in new:
                same = by_sku.get(one.item_id, [])
                if not same and style.style_id is None and len(product["all"]) == 1:
                    same = product["all"]  # it carries the item's id: the merchant changed the SKU
                if len(same) == 1:
                    self.work.linked[one.product_id] = remote_ids(same[0], product_id)

    def _ids(self, one: ListingPush) -> Mapping[str, str]:
        return one.remote or self.work.linked.get(one.product_id, {})

    def _fields(self, one: ListingPush) -> frozenset[str]:
        """Of a product that was in the shop before us, only what always is the POS's."""
        return mapping.linked_fields(one.fields, self.settings) if one.is_new and self._ids(one) else one.fields

    def _wanted(self, style: StylePush) -> list[ListingPush]:
        done = self.work.results
        return [one for one in style.listings if one.product_id in style.wanted and one.product_id not in done]

    def _new(self, style: StylePush) -> list[ListingPush]:
        return [one for one in self._wanted(style) if not self._ids(one)]

    def _parent(self, style: StylePush) -> str | None:
        if style.style_id is None:
            return self.work.parents.get(id(style))
        known = (self._ids(one).get("product") for one in style.listings)
        return next((one for one in known if one), None) or self.work.parents.get(id(style))

    # -- creations

    def _create(self, styles: Sequence[StylePush]) -> None:
        if not styles or self._day_is_over([one for style in styles for one in self._new(style)]):
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
        listings = self._new(style)
        most = self.facts.variants_most
        for one in listings[most:]:
            self._fail(one, too_many(style, most))
        # what does not fit into one call is added to the product afterwards (_add)
        first = listings[: min(INPUT_MOST, most)]
        body = mapping.new_product(style, first, self.facts.location, self.settings)
        if "Category" in first[0].fields and self.settings.category_as == "collection":
            found = self.collections.find(mapping.category_path(first[0].content, self.settings))
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
            self._limit(error, creation.listings)
            return
        except Rejected as error:
            for one in creation.listings:
                self._fail(one, lost(error))
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
                    self._fail(one, Failure(Outcome.RETRY, "BULK_CUT", message))
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
                self._fail(one, Failure(Outcome.RETRY, "VARIANT_MISSING", message))
                continue
            if not one.content.sell_online and creation.input["status"] == "ACTIVE":
                self._show_variant(one, number(variant["id"]), show=False)
            self._accept(one, remote_ids(variant, product["id"]), {"images": images}, creation.note, created=True)
        self.work.parents[id(creation.style)] = number(product["id"])

    def _not_created(self, creation: Creation, errors: list[UserError]) -> None:
        if over_daily_limit(errors):
            self._limit(daily_limit_error(self.client.now()), creation.listings)
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
            self._fail(creation.listings[index], refusal(errors))
            rest = [one for position, one in enumerate(creation.listings) if position != index]
            body = mapping.new_product(creation.style, rest, self.facts.location, self.settings)
            body |= {key: creation.input[key] for key in ("collections",) if key in creation.input}
            self._create_one(Creation(creation.style, rest, body, creation.note))
            return
        for one in creation.listings:
            self._fail(one, refusal(errors))

    def _publish_new(self, product: str, later: list[Json] | None) -> None:
        channels = [{"publicationId": one} for one in self.facts.publications]
        if not channels:
            return
        variables = {"id": product, "input": channels}
        if later is not None:
            later.append(variables)
        else:
            self.client.run("publish", variables)

    # -- what is there

    def _guarded(self, style: StylePush) -> None:
        """One style; a refusal of its calls is its own."""
        if not self._wanted(style):
            return
        try:
            self._update(style)
            self._add(style)
        except DailyLimit as error:
            self._limit(error, self._wanted(style))
        except Rejected as error:
            for one in self._wanted(style):
                self._fail(one, lost(error))

    def _add(self, style: StylePush) -> None:
        """New variants of a product that the shop has."""
        parent = self._parent(style)
        new = self._new(style)
        if not new or parent is None or self._day_is_over(new):
            return
        if style.style_id is None:
            message = f"Product {parent} in the shop carries the id of item {new[0].item_id!r}, and several variants."
            hint = "Give one of its variants that SKU; then resend the issue."
            self._fail(new[0], Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint))
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
                    self._accept(one, remote_ids(variant, parent), {"images": images}, created=True)
                return
            if over_daily_limit(errors):
                self._limit(daily_limit_error(self.client.now()), listings)
                return
            bad = {one.index() for one in errors} - {None}
            failed = [one for position, one in enumerate(listings) if position in bad] or listings
            for one in failed:
                mine = [error for error in errors if error.index() == listings.index(one)]
                self._fail(one, refusal(mine or errors))
            listings = [one for one in listings if one not in failed]  # nothing of the call was done

    def _added(self, one: ListingPush, images: Mapping[str, str]) -> Json:
        body = mapping.added_variant(one, self.facts.location, self.settings)
        picture = mapping.first_image(one)
        if picture is not None and "Images" in one.fields and images and picture.url != next(iter(images)):
            if picture.url in images:
                body["mediaId"] = gid("MediaImage", images[picture.url])
        return body

    def _update(self, style: StylePush) -> None:
        there = [one for one in self._wanted(style) if self._ids(one)]
        by_product: dict[str, list[ListingPush]] = {}
        for one in there:
            by_product.setdefault(self._ids(one)["product"], []).append(one)
        for product_id, listings in by_product.items():
            self._update_product(style, product_id, listings)

    def _update_product(self, style: StylePush, product_id: str, listings: list[ListingPush]) -> None:
        none: frozenset[str] = frozenset()
        fields = none.union(*(self._fields(one) for one in listings))
        keep: Json = {}
        note = ""
        if fields & mapping.PRODUCT_FIELDS:
            failure, keep, note = self._write_product(style, product_id, fields)
            if failure is not None:
                for one in listings:
                    self._fail(one, failure)
                return
        self._write_variants(product_id, listings, keep, note)

    def _write_product(self, style: StylePush, product_id: str, fields: frozenset[str]) -> tuple[Failure | None, Json, str]:
        first = style.listings[0]
        body = mapping.text_fields(style.name or first.content.name, first.content, fields, self.settings)
        if "Category" in fields and self.settings.category_as == "collection":
            found = self.collections.find(mapping.category_path(first.content, self.settings))
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
            fields = self._fields(one)
            body = mapping.variant_content(one, fields)
            item = mapping.inventory_item(one, fields)
            if one.is_new or body or "measurement" in item:  # a linked one must be tracked, under its SKU
                body["inventoryItem"] = item
            if "Options" in fields and one.content.options:
                body["optionValues"] = mapping.option_values(one)
            if body:
                bodies.append((one, {"id": gid("ProductVariant", self._ids(one)["variant"]), **body}))
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
                    self._fail(one, refusal(mine))
        for one in listings:
            if one.product_id not in failed:
                self._accept(one, self._ids(one), {**keep, **self._shown(one)}, note)

    # -- single variants off the shop

    def _variant_publication(self, one: ListingPush, listings: Sequence[ListingPush], keep: Json) -> None:
        """A variant is taken off alone where others of its product stay; a product with one is a draft then."""
        hidden = bool((one.sent or {}).get("hidden"))
        if one.content.options and not one.content.sell_online and not hidden:
            self._show_variant(one, self._ids(one)["variant"], show=False)
        elif one.content.sell_online and hidden:
            self._show_variant(one, self._ids(one)["variant"], show=True)

    def _show_variant(self, one: ListingPush, variant: str, *, show: bool) -> None:
        channels = [{"publicationId": publication} for publication in self.facts.publications]
        if channels:
            variables = {"id": gid("ProductVariant", variant), "input": channels}
            self.client.run("publish" if show else "unpublish", variables)

    @staticmethod
    def _shown(one: ListingPush) -> Json:
        if not one.content.options:
            return {}
        return {"hidden": not one.content.sell_online}

    # -- results

    def _day_is_over(self, listings: Sequence[ListingPush]) -> bool:
        """The shop said today that it takes no more variants: it is not asked again before it does."""
        until = self.client.no_variants_before
        if until is None or self.client.now() >= until:
            return False
        for one in listings:
            self._fail(one, wait_for(until, daily_limit_error(self.client.now())))
        return True

    def _limit(self, error: DailyLimit, listings: Sequence[ListingPush]) -> None:
        assert error.until is not None
        self.client.no_variants_before = error.until
        for one in listings:
            if one.product_id not in self.work.results:
                self._fail(one, wait_for(error.until, error))

    def _accept(
        self, one: ListingPush, remote: Mapping[str, str], keep: Json, note: str = "", *, created: bool = False
    ) -> None:
        sent = {**{key: value for key, value in (one.sent or {}).items() if key in KEPT}, **keep}
        self.work.results[one.product_id] = PushResult(
            one.product_id,
            Outcome.ACCEPTED,
            remote=remote,
            sent={key: value for key, value in sent.items() if value},
            created=created,
            code="WRITTEN_IN_PART" if note else "",
            message=note,
        )

    def _fail(self, one: ListingPush, found: Failure) -> None:
        # what was linked stays linked, whatever became of the write
        self.work.results[one.product_id] = found.result(one, self.work.linked.get(one.product_id, {}))


KEPT = frozenset({"images", "status_before", "hidden"})


def kept(style: StylePush, name: str) -> Any:
    """What an earlier push remembered of the style's product, with whichever variant."""
    return next((one.sent[name] for one in style.listings if one.sent and one.sent.get(name)), None)


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


def wait_for(until: datetime, error: ConnectorError) -> Failure:
    return Failure(Outcome.RETRY, error.code, error.message, error.hint, until)
