"""Pushing content: products and styles are created, linked or updated, with a result for every listing.

What keeps it from doubling anything: before a creation the SKU is looked for, a product comes into being in one call
with all its variants, and the shop refuses a SKU that it has. So whatever was interrupted is found.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrator.connectors.base import ConnectorError, Rejected
from integrator.connectors.bigcommerce import mapping
from integrator.connectors.bigcommerce.capabilities import MOST_VARIANTS, PRODUCTS_A_PUT, VARIANTS_A_PUT
from integrator.connectors.bigcommerce.client import Client, Conflict, NotFound
from integrator.connectors.bigcommerce.creation import Creation, Made
from integrator.connectors.bigcommerce.errors import Failure, divided, failure, missing, several, taken
from integrator.connectors.bigcommerce.extras import Extras
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.lookup import Lookup, Match
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.bigcommerce.taxonomy import Taxonomy
from integrator.connectors.bigcommerce.values import Inventory
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush

Json = dict[str, Any]
Write = tuple[Json, list[ListingPush]]  # a body, and whom it concerns


class ContentPush:
    """One call of push_content."""

    def __init__(self, client: Client, settings: BigSettings, facts: Facts, lookup: Lookup) -> None:
        self.client = client
        self.settings = settings
        self.lookup = lookup
        self.inventory = Inventory(client, facts, lookup)
        self.extras = Extras(client, settings)
        self.creation = Creation(client, settings, facts, Taxonomy(client))
        self.results: dict[int, PushResult] = {}
        self.linked: dict[int, Match] = {}  # product id -> what was in the shop already
        self.keep: dict[int, Json] = {}
        self.notes: dict[int, str] = {}
        self.lost: ConnectorError | None = None

    def run(self, styles: Sequence[StylePush]) -> list[PushResult]:
        """Raises what went wrong with a call only when nothing came of the others either."""
        try:
            self._find(styles)
            self._update(styles)
            self._create(styles)
        except Rejected:
            raise
        except ConnectorError as error:
            self.lost = error
            if not any(one.outcome is not Outcome.RETRY for one in self.results.values()):
                raise
            for one in (one for style in styles for one in self._wanted(style)):
                self._fail(one, failure(error))
        return [self.results[one] for style in styles for one in sorted(style.wanted) if one in self.results]

    # -- what the shop has

    def _wanted(self, style: StylePush) -> list[ListingPush]:
        return [one for one in style.listings if one.product_id in style.wanted and one.product_id not in self.results]

    def _ids(self, one: ListingPush) -> Mapping[str, str]:
        if one.remote:
            return one.remote
        match = self.linked.get(one.product_id)
        return match.remote if match else {}

    def _fields(self, one: ListingPush) -> frozenset[str]:
        """What may be written: of a product that was in the shop before us, only what always is the POS's."""
        return mapping.linked_fields(one.fields, self.settings) if one.product_id in self.linked else one.fields

    def _find(self, styles: Sequence[StylePush]) -> None:
        new: list[ListingPush] = []
        lower: dict[str, ListingPush] = {}
        for one in (one for style in styles for one in self._wanted(style)):
            problem = mapping.sku_problem(one.item_id)
            twin = lower.setdefault(one.item_id.casefold(), one)
            if problem:
                message = f"The ItemIntegrationId {one.item_id!r} {problem}."
                hint = "Use an ItemIntegrationId that BigCommerce can keep as its SKU."
                self._fail(one, Failure(Outcome.REJECTED, "SKU_UNSUITABLE", message, hint))
            elif twin is not one and one.is_new:
                self._fail(one, taken(one.item_id, [f"{twin.item_id!r} is sent to the same shop"]))
            elif one.is_new:
                new.append(one)
        found = self.lookup.by_sku(one.item_id for one in new) if new else {}
        for one in new:
            matches = found[one.item_id]
            if len(matches.exact) > 1:
                self._fail(one, several(one.item_id, [match.remote["variant"] for match in matches.exact]))
            elif matches.exact:
                self.linked[one.product_id] = matches.exact[0]
            elif matches.others:
                self._fail(one, taken(one.item_id, matches.others))

    # -- what is there

    def _update(self, styles: Sequence[StylePush]) -> None:
        visible = self._visibilities(styles)
        products: list[Write] = []
        variants: list[Write] = []
        for style in styles:
            there = [one for one in self._wanted(style) if self._ids(one)]
            simple = [one for one in there if self._ids(one).get("kind") == "simple"]
            for one in simple:
                products.append((self._product_body(one, visible), [one]))
            of_style = [one for one in there if self._ids(one).get("kind") != "simple"]
            for parent in dict.fromkeys(self._ids(one)["product"] for one in of_style):
                children = [one for one in of_style if self._ids(one)["product"] == parent]
                products.append((self._parent_body(parent, style, children, visible), children))
                variants += [(self._variant_body(one), [one]) for one in children]
        self._put("v3/catalog/products", products, PRODUCTS_A_PUT)
        self._put("v3/catalog/variants", variants, VARIANTS_A_PUT)
        for style in styles:
            there = [one for one in self._wanted(style) if self._ids(one)]
            self._extras(style, there)
            for one in there:
                self._accept(one, self._ids(one))

    def _visibilities(self, styles: Sequence[StylePush]) -> dict[str, bool]:
        """Whether products that are about to be taken down are shown now, to put that back one day."""
        ids = [
            self._ids(one)["product"]
            for style in styles
            for one in self._wanted(style)
            if self._ids(one) and not one.content.sell_online and (one.sent or {}).get("visible_before") is None
        ]
        found = self.lookup.products(ids, "is_visible") if ids else {}
        return {product: bool(one.get("is_visible")) for product, one in found.items()}

    def _shown(self, body: Json, listings: Sequence[ListingPush], online: bool, now: bool | None) -> None:
        remembered = [(one.sent or {}).get("visible_before") for one in listings]
        before = next((value for value in remembered if value is not None), None)
        by_pos = any("Publication" in self._fields(one) for one in listings)
        value, before = mapping.visibility(online, now, before, by_pos)
        if value is not None:
            body["is_visible"] = value
        for one in listings:
            self._keep(one, visible_before=before)

    def _keep(self, one: ListingPush, **values: Any) -> None:
        """Remembers with the listing; None forgets."""
        kept = self.keep.setdefault(one.product_id, dict(one.sent or {}))
        for name, value in values.items():
            if value is None:
                kept.pop(name, None)
            else:
                kept[name] = value

    def _tracking(self, one: ListingPush, mode: str) -> Json:
        """Stock is the POS's: a product that was found is made to keep it."""
        match = self.linked.get(one.product_id)
        if match is not None and match.product.get("inventory_tracking") == "none":
            return {"inventory_tracking": mode}
        return {}

    def _product_body(self, one: ListingPush, visible: Mapping[str, bool]) -> Json:
        product, fields = self._ids(one)["product"], self._fields(one)
        body = {
            "id": int(product),
            **self.creation.own_fields(one.content, fields),
            **self.creation.product_fields(one.content.name, one.content, fields),
            **self._tracking(one, "product"),
        }
        self._shown(body, [one], one.content.sell_online, visible.get(product))
        return body

    def _parent_body(
        self, product: str, style: StylePush, children: Sequence[ListingPush], visible: Mapping[str, bool]
    ) -> Json:
        first = style.listings[0]
        none: frozenset[str] = frozenset()
        fields = none.union(*(self._fields(one) for one in children)) & mapping.PARENT_FIELDS
        name = style.name or first.content.name
        body = {"id": int(product), **self.creation.product_fields(name, first.content, fields)}
        for one in children:
            body |= self._tracking(one, "variant")
        online = any(one.content.sell_online for one in style.listings)
        self._shown(body, children, online, visible.get(product))
        return body

    def _variant_body(self, one: ListingPush) -> Json:
        fields = self._fields(one)
        body = {"id": int(self._ids(one)["variant"]), **self.creation.own_fields(one.content, fields)}
        was_off = bool((one.sent or {}).get("taken_down"))
        if not one.content.sell_online:
            body["purchasing_disabled"] = True
            self._keep(one, taken_down=True)
        elif was_off or "Publication" in fields:
            body["purchasing_disabled"] = False
            self._keep(one, taken_down=None)
        return body

    def _put(self, path: str, writes: Sequence[Write], most: int) -> None:
        """In batches; what the shop refuses is found out and told, with all whom it concerns."""
        full = [(body, listings) for body, listings in writes if len(body) > 1]

        def refused(write: Write, error: Rejected) -> None:
            body, listings = write
            if isinstance(error, Conflict) and "name" in body and self.settings.duplicate_names == "sku":
                again = {**body, "name": mapping.numbered_name(body["name"], listings[0].item_id)}
                if again["name"] != body["name"]:
                    self._note(listings, f"The name {body['name']!r} belongs to another product of the shop.")
                    divided([(again, listings)], put, refused)
                    return
            for one in listings:
                gone = self._is_gone(one, error)
                self._fail(one, missing(f"{one.item_id!r}") if gone else failure(error))

        def put(part: Sequence[Write]) -> None:
            self.client.put(path, [body for body, _ in part], items=len(part))

        for start in range(0, len(full), most):
            divided(full[start : start + most], put, refused)

    def _is_gone(self, one: ListingPush, error: Rejected) -> bool:
        ids = self._ids(one)
        if not self.lookup.exists(ids["product"]):
            return True
        simple = ids.get("kind") == "simple"
        return (
            not simple
            and isinstance(error, NotFound)
            and not self.lookup.variant_exists(ids["product"], ids["variant"])
        )

    def _extras(self, style: StylePush, there: Sequence[ListingPush]) -> None:
        """Pictures and custom fields, which have calls of their own."""
        done: set[str] = set()
        for one in there:
            if one.product_id in self.results:
                continue
            ids, fields = self._ids(one), self._fields(one)
            simple = ids.get("kind") == "simple"
            source = one if simple else style.listings[0]
            try:
                if ids["product"] not in done:
                    done.add(ids["product"])
                    kept = self.extras.update(ids["product"], source.content, fields, one.sent or {})
                    for sibling in there:
                        if self._ids(sibling)["product"] == ids["product"]:
                            self._keep(sibling, **kept)
                if not simple and "Images" in fields:
                    kept = self.extras.variant_image(ids, one, style.listings[0])
                    self._keep(one, **kept)
            except Rejected as error:
                self._note([one], error.message)

    # -- what is new

    def _create(self, styles: Sequence[StylePush]) -> None:
        made: list[tuple[ListingPush, dict[str, str]]] = []
        for style in styles:
            new = self._wanted(style)
            if not new:
                continue
            parent = self._parent_of(style)
            try:
                if style.style_id is None:
                    for one in new:
                        self._made(self.creation.simple(one), made)
                elif parent is None:
                    self._made(self.creation.style(style, new), made)
                else:
                    self._join(style, parent, new, made)
            except Rejected as error:
                self._refused(new, error)
            except ConnectorError:
                self._finish(made)
                raise
        self._finish(made)

    def _parent_of(self, style: StylePush) -> str | None:
        for one in style.listings:
            ids = self._ids(one)
            if ids and ids.get("kind") != "simple":
                return ids["product"]
        return None

    def _made(self, found: Made, made: list[tuple[ListingPush, dict[str, str]]]) -> None:
        for one, ids, kept in found.listings:
            self.keep[one.product_id] = kept
            made.append((one, ids))
        for one in found.refused:
            self._fail(one, Failure(Outcome.RETRY, "NOT_CREATED", "The shop made the product without this variant."))
        if found.note:
            self._note([one for one, _, _ in found.listings], found.note)

    def _join(
        self, style: StylePush, parent: str, new: Sequence[ListingPush], made: list[tuple[ListingPush, dict[str, str]]]
    ) -> None:
        """Variants of a product that the shop has: their option values first, then they themselves, 50 a call."""
        if len(style.listings) > MOST_VARIANTS:
            raise Rejected(
                f"Style {style.style_id!r} has {len(style.listings)} variants, and BigCommerce keeps {MOST_VARIANTS}.",
                code="TOO_MANY_VARIANTS",
            )
        bodies: list[Write] = []
        for one, body in self.creation.joining(parent, new):
            if isinstance(body, Failure):
                self._fail(one, body)
            else:
                bodies.append((body, [one]))

        def put(part: Sequence[Write]) -> None:
            answer = self.client.put("v3/catalog/variants", [body for body, _ in part], items=len(part))
            by_sku = {str(one.get("sku")): one for one in (answer or {}).get("data") or []}
            for _, (one,) in part:
                there = by_sku.get(one.item_id)
                if there is None:
                    self._fail(one, Failure(Outcome.RETRY, "NOT_CREATED", f"The shop did not make {one.item_id!r}."))
                else:
                    self.keep[one.product_id] = {}
                    made.append((one, {"product": parent, "variant": str(there["id"])}))

        def refused(write: Write, error: Rejected) -> None:
            self._refused(write[1], error)

        for start in range(0, len(bodies), VARIANTS_A_PUT):
            divided(bodies[start : start + VARIANTS_A_PUT], put, refused)

    def _refused(self, listings: Sequence[ListingPush], error: Rejected) -> None:
        """The shop refuses a creation: see whether it has the SKU after all, or one that it takes for the same."""
        found = self.lookup.by_sku((one.item_id for one in listings), thorough=True)
        for one in listings:
            matches = found[one.item_id]
            if len(matches.exact) == 1:
                message = f"The shop has {one.item_id!r} meanwhile; it is linked."
                result = PushResult(
                    one.product_id, Outcome.RETRY, remote=matches.exact[0].remote, code="SKU_APPEARED", message=message
                )
                self.results[one.product_id] = result
            elif matches.others:
                self._fail(one, taken(one.item_id, matches.others))
            else:
                self._fail(one, failure(error))

    def _finish(self, made: Sequence[tuple[ListingPush, dict[str, str]]]) -> None:
        """Stock that the creation could not carry, then the results."""
        rows = [(one, ids) for one, ids in made if not self.creation.carries_stock(one)]
        kept = self.inventory.write_new(rows) if rows else set()
        for one, ids in made:
            whole = one.product_id not in self.notes and (self.creation.carries_stock(one) or one.product_id in kept)
            self._accept(one, ids, created=whole and self.creation.carries_price())

    # -- results

    def _note(self, listings: Sequence[ListingPush], text: str) -> None:
        for one in listings:
            self.notes[one.product_id] = f"{self.notes.get(one.product_id, '')} {text}".strip()

    def _accept(self, one: ListingPush, ids: Mapping[str, str], *, created: bool = False) -> None:
        if one.product_id in self.results:
            return
        note = self.notes.get(one.product_id, "")
        self.results[one.product_id] = PushResult(
            one.product_id, Outcome.ACCEPTED, remote=ids, sent=self.keep.get(one.product_id, dict(one.sent or {})),
            created=created, code="WRITTEN_IN_PART" if note else "", message=note,
        )  # fmt: skip

    def _fail(self, one: ListingPush, found: Failure) -> None:
        # what was linked stays linked, whatever became of the write
        match = self.linked.get(one.product_id)
        self.results.setdefault(one.product_id, found.result(one, match.remote if match else {}))
