"""Pushing content: products and styles are created, linked or updated, with a result for every listing.

What keeps it from doubling anything: before a creation the SKU is looked for (in the trash too), the parent of a
style has a SKU of its own, and the shop itself refuses a SKU that it has. So whatever was interrupted is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.base import ConnectorError
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.woocommerce import mapping
from integrator.connectors.woocommerce.batches import Answer, Batches
from integrator.connectors.woocommerce.bodies import Bodies
from integrator.connectors.woocommerce.client import ItemError, NotFound
from integrator.connectors.woocommerce.errors import Failure, failure, is_gone, is_sku_conflict, optional_part
from integrator.connectors.woocommerce.lookup import Lookup

Json = dict[str, Any]
PRODUCTS = "wc/v3/products"


@dataclass(slots=True)
class Parent:
    """The parent of a style as far as it is known; `attributes` is what variations choose their options from."""

    style: StylePush
    sku: str
    id: int | None = None
    attributes: list[Json] = field(default_factory=list)
    images: dict[str, int] = field(default_factory=dict)
    status_before: str = ""
    failure: Failure | None = None


@dataclass(slots=True)
class Write:
    """One product or variation to write: of a listing, or of a style's parent. `keep`: what to remember of it."""

    body: Json
    sku: str
    listing: ListingPush | None = None
    parent: Parent | None = None
    keep: Json = field(default_factory=dict)
    note: str = ""


class ContentPush:
    """One call of push_content."""

    def __init__(self, bodies: Bodies, lookup: Lookup, batches: Batches) -> None:
        self.bodies = bodies
        self.settings = bodies.settings
        self.lookup = lookup
        self.batches = batches
        self.results: dict[int, PushResult] = {}
        self.linked: dict[int, dict[str, str]] = {}  # product id -> ids of what was in the shop already
        self.lost: ConnectorError | None = None

    def run(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Raises what went wrong with a call only when nothing came of the others either."""
        self._find(styles)
        self._write_products([one for one in styles if one.style_id is None])
        parents = [self._parent(one) for one in styles if one.style_id is not None and self._wanted(one)]
        self._write_parents(parents)
        for parent in parents:
            self._write_variations(parent)
        if self.lost is not None and all(one.outcome is Outcome.RETRY for one in self.results.values()):
            raise self.lost
        return [self.results[one] for style in styles for one in sorted(style.wanted) if one in self.results]

    # -- what the shop has

    def _find(self, styles: Sequence[StylePush]) -> None:
        new: list[ListingPush] = []
        for one in (one for style in styles for one in self._wanted(style)):
            problem = mapping.sku_problem(one.item_id)
            if problem:
                message = f"The ItemIntegrationId {one.item_id!r} {problem}."
                hint = "Use an ItemIntegrationId that WooCommerce can keep as its SKU."
                self._fail(one, Failure(Outcome.REJECTED, "SKU_UNSUITABLE", message, hint))
            elif one.is_new:
                new.append(one)
        found = self.lookup.by_sku([one.item_id for one in new]) if new else {}
        for one in new:
            live = [match for match in found[one.item_id] if match.get("status") != "trash"]
            if len(live) == 1:
                self.linked[one.product_id] = mapping.remote_ids(live[0])
            elif live:
                ids = ", ".join(str(match["id"]) for match in live)
                message = f"{len(live)} products in the shop have the SKU {one.item_id!r}: {ids}."
                hint = "Leave the SKU to one of them; then resend the issue."
                self._fail(one, Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint))
            elif found[one.item_id]:
                self._fail(one, in_trash(one.item_id, found[one.item_id][0]))

    def _ids(self, one: ListingPush) -> Mapping[str, str]:
        return one.remote or self.linked.get(one.product_id, {})

    def _fields(self, one: ListingPush) -> frozenset[str]:
        """What may be written: of a product that was in the shop before us, only what always is the POS's."""
        return mapping.linked_fields(one.fields, self.settings) if one.is_new and self._ids(one) else one.fields

    def _wanted(self, style: StylePush) -> list[ListingPush]:
        return [one for one in style.listings if one.product_id in style.wanted and one.product_id not in self.results]

    def _new(self, style: StylePush) -> list[ListingPush]:
        return [one for one in self._wanted(style) if not self._ids(one)]

    # -- standalone products

    def _write_products(self, styles: Sequence[StylePush]) -> None:
        listings = [one for style in styles for one in self._wanted(style)]
        known = self._statuses(listings)
        creations: list[Write] = []
        updates: list[Write] = []
        variations: dict[str, list[Write]] = {}
        for style in styles:
            for one in self._wanted(style):
                ids = self._ids(one)
                if not ids:
                    creations.append(Write(self.bodies.simple(one), one.item_id, one))
                elif "variation" in ids:  # the merchant keeps as a variation what is standalone in the POS
                    route = f"{PRODUCTS}/{ids['product']}/variations"
                    variations.setdefault(route, []).append(self._variation_update(one, style, [], {}))
                else:
                    updates.append(self._product_update(one, known.get(int(ids["product"]), "")))
        self._create(PRODUCTS, creations)
        self._update(PRODUCTS, updates)
        for route, writes in variations.items():
            self._update(route, writes)

    def _product_update(self, one: ListingPush, status: str) -> Write:
        fields = self._fields(one)
        images = (one.sent or {}).get("images") or {}
        body = {
            "id": int(self._ids(one)["product"]),
            "sku": one.item_id,
            **self.bodies.own_content(one, fields),
            **self.bodies.product_content(one.content.name, one, fields, images),
        }
        write = Write(body, one.item_id, one, keep={"images": images} if images else {})
        self._publish(write, one, fields, status, "draft")
        return write

    def _statuses(self, listings: Sequence[ListingPush]) -> dict[int, str]:
        """The status of products that are about to be taken down, to put it back one day."""
        ids = [
            int(self._ids(one)["product"])
            for one in listings
            if self._ids(one) and not one.content.sell_online and not (one.sent or {}).get("status_before")
        ]
        return {key: str(one.get("status")) for key, one in self.lookup.products(ids, "status").items()}

    def _publish(self, write: Write, one: ListingPush, fields: frozenset[str], now: str, hidden: str) -> None:
        before = str((one.sent or {}).get("status_before") or "")
        status, before = mapping.publication(one.content.sell_online, now, before, "Publication" in fields, hidden)
        if status is not None:
            write.body["status"] = status
        if before:
            write.keep["status_before"] = before

    # -- the parents of styles

    def _parent(self, style: StylePush) -> Parent:
        parent = Parent(style, mapping.parent_sku(self.settings.parent_sku, str(style.style_id)))
        known = (self._ids(one) for one in style.listings)
        found = next((ids["product"] for ids in known if "variation" in ids), None)
        parent.id = int(found) if found else None
        return parent

    def _write_parents(self, parents: Sequence[Parent]) -> None:
        lacking = {one.sku: one for one in parents if one.id is None and self._new(one.style)}
        for sku, matches in (self.lookup.by_sku(lacking) if lacking else {}).items():
            self._adopt(lacking[sku], matches)
        known = [one for one in parents if one.id is not None]
        found = self.lookup.products([one.id for one in known if one.id], "type,status,attributes")
        updates = [self._parent_update(one, found.get(one.id or 0)) for one in known]
        self._update(PRODUCTS, [one for one in updates if one is not None and len(one.body) > 1])
        self._create(
            PRODUCTS,
            [self._new_parent(one) for one in lacking.values() if one.id is None and one.failure is None],
        )

    def _adopt(self, parent: Parent, matches: Sequence[Json]) -> None:
        """The parent that an interrupted creation left, or that the merchant made with this SKU."""
        live = [one for one in matches if one.get("status") != "trash"]
        if len(live) == 1 and live[0].get("type") == "variable":
            parent.id = int(live[0]["id"])
        elif matches:
            holder = (live or list(matches))[0]
            what = "in the trash" if holder.get("status") == "trash" else f"a {holder.get('type')} product"
            message = (
                f"The parent of style {parent.style.style_id!r} needs the SKU {parent.sku!r}, "
                f"and product {holder['id']} has it ({what})."
            )
            hint = "Restore or delete that product, or set another parent_sku for the channel; then resend the issue."
            parent.failure = Failure(Outcome.CONFLICT, "PARENT_SKU_CONFLICT", message, hint)

    def _new_parent(self, parent: Parent) -> Write:
        first = self._new(parent.style)[0]
        wanted = mapping.option_values(parent.style)
        ids = self.bodies.attribute_ids(wanted, [])
        parent.attributes, _ = mapping.merged_attributes([], wanted, ids)
        self.bodies.make_terms(wanted, parent.attributes, ids)
        body = self.bodies.parent(parent.style, first, parent.sku, parent.attributes)
        return Write(body, parent.sku, parent=parent)

    def _parent_update(self, parent: Parent, found: Json | None) -> Write | None:
        """Takes over what the shop has of the parent; what the push may and has to write to it."""
        style = parent.style
        if found is None:
            message = f"Product {parent.id}, the parent of style {style.style_id!r}, is in the trash or deleted."
            hint = "Restore it in WooCommerce > Products > Trash; then resend the issue."
            parent.failure = Failure(Outcome.REJECTED, "LISTING_MISSING", message, hint)
            return None
        parent.attributes = mapping.attributes_of(found)
        parent.images = _kept(style, "images") or {}
        existing = [one for one in self._wanted(style) if self._ids(one)]
        none: frozenset[str] = frozenset()
        fields = none.union(*(self._fields(one) for one in existing))
        first = style.listings[0]
        body: Json = {"id": parent.id}
        body |= self.bodies.product_content(
            style.name or first.content.name, first, fields & mapping.PARENT_FIELDS, parent.images
        )
        body |= mapping.tax_fields(first.content, fields, self.settings, variation=False)
        if self._new(style) or "Options" in fields:
            wanted = mapping.option_values(style)
            ids = self.bodies.attribute_ids(wanted, parent.attributes)
            parent.attributes, changed = mapping.merged_attributes(parent.attributes, wanted, ids)
            if changed:
                self.bodies.make_terms(wanted, parent.attributes, ids)
                body["attributes"] = mapping.attribute_bodies(parent.attributes)
        before = str(_kept(style, "parent_before") or "")
        online = any(one.content.sell_online for one in style.listings)
        by_pos = "Publication" in fields
        now = str(found.get("status") or "")
        status, parent.status_before = mapping.publication(online, now, before, by_pos, "draft")
        if status is not None:
            body["status"] = status
        return Write(body, parent.sku, parent=parent)

    # -- their variations

    def _write_variations(self, parent: Parent) -> None:
        style = parent.style
        creations: list[Write] = []
        updates: dict[str, list[Write]] = {}
        for one in self._wanted(style):
            ids = self._ids(one)
            if parent.failure is not None and "variation" not in ids and ids:
                updates.setdefault(PRODUCTS, []).append(self._product_update(one, ""))
            elif parent.failure is not None:
                self._fail(one, parent.failure)
            elif not ids:
                image, url = self.bodies.variation_image(one, style, parent.images)
                body = {**self.bodies.variation(one, parent.attributes), **image}
                creations.append(Write(body, one.item_id, one, keep={"variation_image": url} if url else {}))
            elif "variation" in ids:
                route = f"{PRODUCTS}/{ids['product']}/variations"
                write = self._variation_update(one, style, parent.attributes, parent.images)
                updates.setdefault(route, []).append(write)
            else:  # the merchant keeps as a product of its own what is a variant in the POS
                updates.setdefault(PRODUCTS, []).append(self._product_update(one, ""))
        for write in (*creations, *(one for writes in updates.values() for one in writes)):
            if parent.images:
                write.keep["images"] = parent.images
            if parent.status_before:
                write.keep["parent_before"] = parent.status_before
        if creations:
            self._create(f"{PRODUCTS}/{parent.id}/variations", creations, parent)
        for route, writes in updates.items():
            self._update(route, writes)

    def _variation_update(
        self, one: ListingPush, style: StylePush, attributes: Sequence[Json], images: Mapping[str, int]
    ) -> Write:
        fields = self._fields(one)
        body = {
            "id": int(self._ids(one)["variation"]),
            "sku": one.item_id,
            **self.bodies.own_content(one, fields, variation=True),
        }
        if "Options" in fields and attributes:
            body["attributes"] = mapping.variation_attributes(one.content, attributes)
        image, url = self.bodies.variation_image(one, style, images) if "Images" in fields else ({}, "")
        write = Write({**body, **image}, one.item_id, one, keep={"variation_image": url} if url else {})
        self._publish(write, one, fields, "publish", "private")
        return write

    # -- writing, and what came of it

    def _create(self, route: str, writes: Sequence[Write], parent: Parent | None = None) -> None:
        if not writes:
            return
        again: list[Write] = []
        for write, answer in zip(writes, self.batches.create(route, [one.body for one in writes]), strict=True):
            if not self._without_optional(write, answer, again):
                self._created(write, answer, parent)
        if again:
            self._create(route, again, parent)

    def _update(self, route: str, writes: Sequence[Write]) -> None:
        if not writes:
            return
        again: list[Write] = []
        for write, answer in zip(writes, self.batches.update(route, [one.body for one in writes]), strict=True):
            if not self._without_optional(write, answer, again):
                self._updated(write, answer)
        if again:
            self._update(route, again)

    def _without_optional(self, write: Write, answer: Answer, again: list[Write]) -> bool:
        """A picture that cannot be fetched, or a barcode that is taken, must not keep a product from the shop."""
        names = optional_part(answer.error) if answer.error else ()
        if not any(name in write.body for name in names):
            return False
        assert answer.error is not None
        body = {key: value for key, value in write.body.items() if key not in names}
        note = f"Written without {names[0]}: {answer.error.message} ({answer.error.code})."
        again.append(Write(body, write.sku, write.listing, write.parent, write.keep, f"{write.note} {note}".strip()))
        return True

    def _created(self, write: Write, answer: Answer, parent: Parent | None) -> None:
        if answer.body is not None and answer.error is None:
            self._accept(write, answer.body, {"product": str(parent.id)} if parent else {})
        elif answer.error is not None and is_sku_conflict(answer.error, write.sku):
            self._taken(write, answer.error)
        else:
            self._refuse(write, answer)

    def _updated(self, write: Write, answer: Answer) -> None:
        if answer.body is not None and answer.error is None:
            self._accept(write, answer.body, {})
        else:
            self._refuse(write, answer)

    def _accept(self, write: Write, body: Json, ids: Mapping[str, str]) -> None:
        if write.parent is not None:
            write.parent.id = int(body["id"])
            if "images" in write.body:
                write.parent.images = mapping.fetched_images(write.parent.style.listings[0].content.images, body)
            return
        one = write.listing
        assert one is not None
        keep = dict(write.keep)
        if "images" in write.body:
            keep["images"] = mapping.fetched_images(one.content.images, body)
        if not self._ids(one):
            ids = {**ids, "variation": str(body["id"])} if ids else {"product": str(body["id"])}
        else:
            ids = self._ids(one)
        code = "WRITTEN_IN_PART" if write.note else ""
        self.results[one.product_id] = PushResult(
            one.product_id, Outcome.ACCEPTED, remote=ids, sent=keep, code=code, message=write.note
        )

    def _taken(self, write: Write, error: ItemError) -> None:
        """The shop has the SKU although it was not found a moment ago: see who holds it."""
        holder = self.lookup.get(error.resource_id) if error.resource_id else None
        if holder is None:
            holder = next(iter(self.lookup.by_sku([write.sku])[write.sku]), None)
        if holder is not None and holder.get("sku") == write.sku and holder.get("status") != "trash":
            if write.parent is not None:
                write.parent.id = int(holder["id"]) if holder.get("type") == "variable" else None
                if write.parent.id is None:
                    self._adopt(write.parent, [holder])
                return
            one = write.listing
            assert one is not None  # somebody made it between our look and our creation: the next push updates it
            message = f"The shop made product {holder['id']} with the SKU {write.sku!r} meanwhile; it is linked."
            self.results[one.product_id] = PushResult(
                one.product_id, Outcome.RETRY, remote=mapping.remote_ids(holder), code="SKU_APPEARED", message=message
            )
        elif holder is not None and holder.get("status") == "trash":
            self._fail_write(write, in_trash(write.sku, holder))
        else:
            self._fail_write(write, sku_held(write.sku, holder, error))

    def _refuse(self, write: Write, answer: Answer) -> None:
        if answer.lost is not None:
            self.lost = self.lost or answer.lost
        found = failure(answer.error, answer.lost)
        if isinstance(answer.lost, NotFound) or (answer.error is not None and is_gone(answer.error)):
            message = f"The shop does not have product {write.body.get('id')} with the SKU {write.sku!r} any more."
            found = Failure(Outcome.REJECTED, "LISTING_MISSING", message, "")
        self._fail_write(write, found)

    def _fail_write(self, write: Write, found: Failure) -> None:
        if write.parent is not None:
            write.parent.failure = found
        elif write.listing is not None:
            self._fail(write.listing, found)

    def _fail(self, one: ListingPush, found: Failure) -> None:
        # what was linked stays linked, whatever became of the write
        self.results[one.product_id] = found.result(one, self.linked.get(one.product_id, {}))


def _kept(style: StylePush, name: str) -> Any:
    """What an earlier push remembered of the style's parent, with whichever variant."""
    return next((one.sent[name] for one in style.listings if one.sent and one.sent.get(name)), None)


def in_trash(sku: str, holder: Json) -> Failure:
    message = f"The SKU {sku!r} belongs to product {holder['id']}, which is in the shop's trash."
    hint = "Restore it or delete it permanently in WooCommerce > Products > Trash; then resend the issue."
    return Failure(Outcome.CONFLICT, "SKU_IN_TRASH", message, hint)


def sku_held(sku: str, holder: Json | None, error: ItemError) -> Failure:
    if holder is not None:
        message = f"WooCommerce refuses the SKU {sku!r}: product {holder['id']} has {holder.get('sku')!r}."
        hint = "WooCommerce does not tell upper and lower case apart: change the other SKU; then resend the issue."
    else:
        message = f"WooCommerce refuses the SKU {sku!r}, and no product shows it: {error.message}"
        hint = (
            "Run WooCommerce > Status > Tools > Product lookup tables > Regenerate, and look in the trash; "
            "then resend the issue."
        )
    return Failure(Outcome.CONFLICT, "SKU_CONFLICT", message, hint)
