"""Pushing content: products and styles are created, linked or updated, with a result for every listing.

What keeps it from doubling anything: the shop saves by SKU, a SKU is looked for before it is created, and the
configurable product of a style has a SKU of its own. A variant that an interrupted push left without its parent is
known by its URL key, and is attached by the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.magento import mapping
from integrator.connectors.magento.bodies import Bodies, Draft
from integrator.connectors.magento.client import Client, NotFound, path_part
from integrator.connectors.magento.images import remembered
from integrator.connectors.magento.lookup import FIELDS, Lookup
from integrator.connectors.magento.saving import Saved, Saver
from integrator.connectors.magento.stock import StockPush
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush

Json = dict[str, Any]
KEPT = ("status_before", "parent_before", "images", "parent_images")
WITH_PICTURES = f"{FIELDS},media_gallery_entries"
PARENT = "parent"


@dataclass(slots=True)
class Work:
    """One listing on its way: what the shop has of it, and what became of it."""

    one: ListingPush
    style: StylePush | None  # None: standalone
    there: Json | None = None
    linked: bool = False  # it was in the shop under its SKU, unknown to us
    draft: Draft | None = None
    created: bool = False
    ids: dict[str, str] = field(default_factory=dict)
    keep: Json = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    result: PushResult | None = None

    @property
    def open(self) -> bool:
        return self.result is None

    @property
    def fields(self) -> frozenset[str]:
        return self.one.fields

    def fail(self, outcome: Outcome, code: str, message: str, hint: str = "") -> None:
        self.result = PushResult(
            self.one.product_id, outcome, remote=self.ids, code=code, message=message, hint=hint
        )  # fmt: skip

    def lost(self, error: ConnectorError) -> None:
        outcome = Outcome.REJECTED if isinstance(error, Rejected) else Outcome.RETRY
        self.fail(outcome, error.code or "NO_ANSWER", error.message, error.hint)


class ContentPush:
    """One call of push_content."""

    def __init__(self, client: Client, bodies: Bodies, lookup: Lookup, saver: Saver, stock: StockPush) -> None:
        self.client = client
        self.bodies = bodies
        self.settings = bodies.settings
        self.facts = bodies.facts
        self.lookup = lookup
        self.saver = saver
        self.stock = stock

    def run(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Raises what went wrong with a call only when nothing came of the others either."""
        works = [
            Work(one, style if style.style_id is not None else None, ids=dict(one.remote))
            for style in styles
            for one in style.listings
            if one.product_id in style.wanted
        ]
        self._find(works)
        self._prepare(works)
        self._save(works)
        self._stock(works)
        for style in styles:
            if style.style_id is not None:
                self._parent(style, [one for one in works if one.style is style])
        for work in works:
            if work.open:
                self._accept(work)
        results = [work.result for work in works if work.result is not None]
        if self.saver.lost is not None and all(one.outcome is Outcome.RETRY for one in results):
            raise self.saver.lost
        return results

    # -- what the shop has

    def _find(self, works: Sequence[Work]) -> None:
        for work in works:
            if problem := mapping.sku_problem(work.one.item_id):
                message = f"The ItemIntegrationId {work.one.item_id!r} {problem}."
                hint = "Use an ItemIntegrationId that Magento can keep."
                work.fail(Outcome.REJECTED, "SKU_UNSUITABLE", message, hint)
        new = [work for work in works if work.open and work.one.is_new]
        fields = WITH_PICTURES if any("Images" in self._fields(work) for work in works if work.open) else FIELDS
        found = self.lookup.by_sku([work.one.item_id for work in new], fields) if new else {}
        for work in new:
            self._match(work, found[work.one.item_id])
        known = [work for work in works if work.open and not work.one.is_new and self._needs_reading(work)]
        there = self.lookup.by_ids([work.one.remote["product"] for work in known], fields) if known else {}
        for work in known:
            work.there = there.get(work.one.remote["product"])
            if work.there is None:
                message = f"The shop does not have product {work.one.remote['product']} ({work.one.item_id}) any more."
                work.fail(Outcome.REJECTED, "LISTING_MISSING", message)
            elif work.there.get("sku") != work.one.item_id:
                work.fail(Outcome.CONFLICT, "SKU_CHANGED", *sku_changed(work.one, work.there))

    @staticmethod
    def _needs_reading(work: Work) -> bool:
        return bool(work.fields) or (work.style is not None and PARENT not in work.one.remote)

    def _fields(self, work: Work) -> frozenset[str]:
        """What may be written: of a product that was in the shop before us, only what always is the POS's."""
        return mapping.linked_fields(work.fields, self.settings) if work.linked else work.fields

    def _match(self, work: Work, matches: Sequence[Json]) -> None:
        sku = work.one.item_id
        exact = self.lookup.exact(sku, matches)
        if len(exact) > 1:
            ids = ", ".join(str(one["id"]) for one in exact)
            message = f"{len(exact)} products in the shop have the SKU {sku!r}: {ids}."
            work.fail(Outcome.CONFLICT, "SKU_CONFLICT", message, "Leave the SKU to one of them; then resend the issue.")
        elif exact and exact[0].get("type_id") in mapping.SELLABLE_BY_PARTS:
            message = f"Product {exact[0]['id']} with the SKU {sku!r} is a {exact[0]['type_id']} product."
            hint = "Give the SKU to the simple product that the POS means; then resend the issue."
            work.fail(Outcome.CONFLICT, "SKU_CONFLICT", message, hint)
        elif exact:
            work.linked, work.there = True, exact[0]
            work.ids = mapping.remote_ids(exact[0])
        elif matches:
            other = matches[0]
            message = f"Product {other['id']} has the SKU {other.get('sku')!r}, and the POS says {sku!r}."
            hint = "Magento does not tell upper and lower case apart: change the other SKU; then resend the issue."
            work.fail(Outcome.CONFLICT, "SKU_CONFLICT", message, hint)

    # -- products and variants

    def _prepare(self, works: Sequence[Work]) -> None:
        """Bodies; raises what is no refusal, since nothing has been written yet."""
        for work in works:
            if not work.open:
                continue
            try:
                if work.there is not None:
                    work.draft = self.bodies.update(work.one, self._fields(work), work.there)
                elif work.one.is_new:
                    work.draft = self.bodies.new(work.one, work.style)
            except Rejected as error:
                work.lost(error)

    def _save(self, works: Sequence[Work]) -> None:
        writes = [work for work in works if work.open and work.draft is not None and work.draft.says_something]
        answers = self.saver.save([work.draft.body for work in writes if work.draft is not None])
        for work, answer in zip(writes, answers, strict=True):
            self._saved(work, answer)

    def _saved(self, work: Work, answer: Saved) -> None:
        draft = work.draft
        assert draft is not None
        if answer.product is None:
            assert answer.error is not None
            work.lost(answer.error)
            return
        work.notes += answer.notes
        if not work.ids:
            work.created = True
            work.ids = mapping.remote_ids(answer.product)
        if draft.pictures is not None and not answer.notes:
            draft.keep["images"] = remembered(draft.pictures, draft.entries_before, answer.product)

    def _stock(self, works: Sequence[Work]) -> None:
        """The quantities of what was just made, all in one call where the shop keeps them in sources."""
        made = [work for work in works if work.created]
        if not made or self.facts.sources is None:
            return
        try:
            self.stock.write([work.one for work in made])
        except ConnectorError:
            for work in made:  # the stock lane does it
                work.created = False

    # -- the configurable product above them

    def _parent(self, style: StylePush, works: Sequence[Work]) -> None:
        loose = [one for one in works if one.open and PARENT not in one.ids]
        fields = frozenset[str]().union(*(self._fields(one) for one in works if one.open and not one.created))
        fields &= mapping.PARENT_FIELDS | {"Publication"}
        if not loose and not fields:
            return
        try:
            there = self._known_parent(style, loose)
            if there is None:
                self._make_parent(style, loose)
            else:
                self._change_parent(style, works, loose, fields, there)
        except ConnectorError as error:
            if not isinstance(error, Rejected):
                self.saver.lost = self.saver.lost or error
            for one in loose or works:
                if one.open:
                    one.lost(error)

    def _known_parent(self, style: StylePush, loose: Sequence[Work]) -> Json | None:
        """The parent as a whole, with its links; None if there is none yet."""
        known = next((one.remote[PARENT] for one in style.listings if one.remote.get(PARENT)), None)
        if known is not None:
            found = self.lookup.by_ids([known], "id,sku,type_id").get(known)
            if found is not None:
                return self._whole(str(found["sku"]))
            if not loose:
                message = f"Product {known}, the configurable product of style {style.style_id!r}, is not in the shop."
                raise Rejected(message, code="LISTING_MISSING")
        sku = mapping.parent_sku(self.settings.parent_sku, str(style.style_id))
        matches = self.lookup.exact(sku, self.lookup.by_sku([sku], "id,sku,type_id")[sku])
        if not matches:
            return None
        if len(matches) > 1 or matches[0].get("type_id") != "configurable":
            kind = matches[0].get("type_id") if len(matches) == 1 else "not the only"
            raise Rejected(
                f"The configurable product of style {style.style_id!r} needs the SKU {sku!r}, and product "
                f"{matches[0]['id']} has it, which is a {kind} product.",
                code="PARENT_SKU_CONFLICT",
                hint="Change that product's SKU, or set another parent_sku for the channel; then resend the issue.",
            )
        return self._whole(sku)

    def _whole(self, sku: str) -> Json:
        try:
            found: Json = self.client.get(f"V1/products/{path_part(sku)}")
        except NotFound as error:
            raise Rejected(error.message, code="LISTING_MISSING") from error
        return found

    def _make_parent(self, style: StylePush, loose: Sequence[Work]) -> None:
        """Of variants that are ours; those that the merchant made stay where they are."""
        foreign = [one for one in loose if one.there is not None and not mapping.is_ours(one.there)]
        ours = [one for one in loose if one not in foreign]
        if not ours:
            return
        if foreign:
            sku = mapping.parent_sku(self.settings.parent_sku, str(style.style_id))
            message = (
                f"Variants of style {style.style_id!r} are in the shop ({foreign[0].one.item_id}), and their "
                f"configurable product is not found under the SKU {sku!r}."
            )
            hint = "Give it that SKU, or set the channel's parent_sku to the shop's way; then resend the issue."
            for one in ours:
                one.fail(Outcome.CONFLICT, "PARENT_UNKNOWN", message, hint)
            return
        sku = mapping.parent_sku(self.settings.parent_sku, str(style.style_id))
        draft = self.bodies.new_parent(style, sku, [int(one.ids["product"]) for one in ours])
        (answer,) = self.saver.save([draft.body])
        self._attached(ours, draft, answer)

    def _change_parent(
        self, style: StylePush, works: Sequence[Work], loose: Sequence[Work], fields: frozenset[str], there: Json
    ) -> None:
        links = {int(one) for one in (there.get("extension_attributes") or {}).get("configurable_product_links") or []}
        attached = [one for one in loose if int(one.ids["product"]) in links]
        missing = [
            one
            for one in loose
            if one not in attached and (one.there is None or mapping.is_ours(one.there))
        ]  # fmt: skip
        for one in attached:
            one.ids[PARENT] = str(there["id"])
        draft = self.bodies.parent_update(style, fields, there, [int(one.ids["product"]) for one in missing])
        if not draft.says_something:
            for one in works:
                one.keep |= draft.keep
            return
        (answer,) = self.saver.save([draft.body])
        self._attached(missing or [one for one in works if one.open], draft, answer, there)

    def _attached(self, works: Sequence[Work], draft: Draft, answer: Saved, there: Json | None = None) -> None:
        if answer.product is None:
            assert answer.error is not None
            for one in works:
                one.created = False
                one.lost(answer.error)
            return
        if draft.pictures is not None and not answer.notes:
            draft.keep["parent_images"] = remembered(draft.pictures, draft.entries_before, answer.product)
        for one in works:
            one.ids[PARENT] = str((there or answer.product)["id"])
            one.keep |= draft.keep
            one.notes += [*draft.notes, *answer.notes]

    # --

    def _accept(self, work: Work) -> None:
        before: Mapping[str, Any] = work.one.sent or {}
        keep = {key: before[key] for key in KEPT if key in before}
        keep |= (work.draft.keep if work.draft else {}) | work.keep
        notes = [*(work.draft.notes if work.draft else ()), *work.notes]
        work.result = PushResult(
            work.one.product_id,
            Outcome.ACCEPTED,
            remote=work.ids,
            sent={key: value for key, value in keep.items() if value},
            created=work.created and not work.one.price.tiers,
            code="WRITTEN_IN_PART" if notes else "",
            message=" ".join(dict.fromkeys(notes)),
        )


def sku_changed(one: ListingPush, there: Mapping[str, Any]) -> tuple[str, str]:
    known = f"Product {there.get('id')} has the SKU {there.get('sku')!r} in the shop"
    message = f"{known}; the POS knows it as {one.item_id!r}."
    return message, f"Put the SKU back to {one.item_id!r} in the shop; then resend the issue."
