"""New products: one call each, with their variants, pictures, custom fields, price and stock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.bigcommerce import mapping
from integrator.connectors.bigcommerce.capabilities import MOST_VARIANTS, NAME_CHARACTERS
from integrator.connectors.bigcommerce.client import Client, Conflict, Invalid
from integrator.connectors.bigcommerce.errors import Failure
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.bigcommerce.taxonomy import Taxonomy
from integrator.connectors.pushes import Content, ListingPush, Outcome, StylePush

Json = dict[str, Any]
OPTION_TYPE = "dropdown"
OPTIONAL_PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (  # a word of the refusal, and what is left out for it
    ("image", ("images", "image_url")),
    ("upc", ("upc",)),
    ("brand", ("brand_name",)),
    ("custom_field", ("custom_fields",)),
)


@dataclass(slots=True)
class Made:
    """What came into being: listing, ids, what to remember. `note`: what it lacks."""

    listings: list[tuple[ListingPush, dict[str, str], Json]] = field(default_factory=list)
    refused: list[ListingPush] = field(default_factory=list)
    note: str = ""


class Creation:
    def __init__(self, client: Client, settings: BigSettings, facts: Facts, taxonomy: Taxonomy) -> None:
        self.client = client
        self.settings = settings
        self.facts = facts
        self.taxonomy = taxonomy

    # -- parts

    def own_fields(self, content: Content, fields: frozenset[str]) -> Json:
        sized = (content.length, content.width, content.height) != (None, None, None)
        needed = ("Weight" in fields and content.weight is not None) or ("Dimensions" in fields and sized)
        units = self.facts.units if needed else ("", "")
        return mapping.own_fields(content, fields, *units)

    def product_fields(self, name: str, content: Content, fields: frozenset[str]) -> Json:
        body = mapping.product_fields(name, content, fields, self.settings)
        if "Category" in fields or ("Department" in fields and self.settings.department_as == "category"):
            category = self.taxonomy.category(mapping.category_path(content, self.settings))
            if category is not None:
                body["categories"] = [category]
        return body

    def carries_stock(self, one: ListingPush) -> bool:
        """The catalogue writes stock to the shop's default location only."""
        return not one.stock.by_location and self.settings.stock_location is None

    def carries_price(self) -> bool:
        return self.settings.price_list_id is None and not self.settings.tier_price_lists

    def _level(self, one: ListingPush) -> Json:
        return {"inventory_level": mapping.whole(one.stock.quantity)} if self.carries_stock(one) else {}

    def _common(self, one: ListingPush, name: str, online: bool) -> Json:
        content, fields = one.content, one.fields
        body: Json = {
            "type": "physical",
            "weight": 0,
            "is_visible": online and self.settings.publish_new,
            "categories": list(self.settings.default_categories),
            **self.product_fields(name, content, fields),
            **mapping.price_fields(one.price),
        }
        body.setdefault("name", name[:NAME_CHARACTERS] or one.item_id)
        pictures = mapping.image_bodies(content.images) if "Images" in fields else []
        extra = mapping.custom_fields(content, fields, self.settings)
        return {**body, **({"images": pictures} if pictures else {}), **({"custom_fields": extra} if extra else {})}

    # -- whole products

    def simple(self, one: ListingPush) -> Made:
        body = {
            **self._common(one, one.content.name or one.item_id, one.content.sell_online),
            "sku": one.item_id,
            "inventory_tracking": "product",
            **self._level(one),
            **self.own_fields(one.content, one.fields),
        }
        product, note = self._post(body, one.item_id)
        ids = {"product": str(product["id"]), "variant": str(product["base_variant_id"]), "kind": "simple"}
        return Made([(one, ids, _remembered(body, one))], note=note)

    def style(self, style: StylePush, new: Sequence[ListingPush]) -> Made:
        """A product with these variants; texts and pictures are the first one's."""
        if len(new) > MOST_VARIANTS:
            raise Rejected(
                f"Style {style.style_id!r} has {len(new)} variants, and BigCommerce keeps {MOST_VARIANTS}.",
                code="TOO_MANY_VARIANTS",
                hint="Divide the style; then resend the issue.",
            )
        first = style.listings[0] if style.listings[0].content.name else new[0]
        name = style.name or first.content.name or str(style.style_id)
        body = {
            **self._common(first, name, any(one.content.sell_online for one in new)),
            "inventory_tracking": "variant",
            "variants": [self._variant(one, first) for one in new],
        }
        product, note = self._post(body, str(style.style_id))
        there = product.get("variants") or []
        if not there:
            there = list(self.client.all(f"v3/catalog/products/{product['id']}/variants"))
        by_sku = {str(one.get("sku")): one for one in there}
        made = Made(note=note)
        for one in new:
            variant = by_sku.get(one.item_id)
            if variant is None:
                made.refused.append(one)
            else:
                ids = {"product": str(product["id"]), "variant": str(variant["id"])}
                made.listings.append((one, ids, _remembered(body, first)))
        return made

    def _variant(self, one: ListingPush, first: ListingPush) -> Json:
        body = {
            "sku": one.item_id,
            **mapping.price_fields(one.price),
            **self._level(one),
            **self.own_fields(one.content, one.fields),
            "option_values": mapping.option_values(one.content),
        }
        own, general = first_url(one.content), first_url(first.content)
        if "Images" in one.fields and own and own != general:
            body["image_url"] = own
        if not one.content.sell_online:
            body["purchasing_disabled"] = True
        return body

    def _post(self, body: Json, mark: str) -> tuple[Json, str]:
        """The product as it was made, and what it lacks. A refusal for a part that may be missing is repaired."""
        note = ""
        for _ in range(len(OPTIONAL_PARTS) + 1):
            try:
                response = self.client.send("POST", "v3/catalog/products", None, body, items=1)
            except (Conflict, Invalid) as error:
                again, why = self._without(body, error, mark)
                if again is None:
                    raise
                body, note = again, f"{note} {why}".strip()
                continue
            answer = self.client.body(response) or {}
            found = answer.get("data")
            product: Json = (found[0] if isinstance(found, list) else found) or {}
            if response.status_code == 207:
                note = f"{note} The shop saved the product without a part of it.".strip()
            return product, note
        raise Rejected(f"The shop refuses the product {mark!r} whatever is left out.", code="REFUSED_BY_SHOP")

    def _without(self, body: Json, error: Rejected, mark: str) -> tuple[Json | None, str]:
        said = error.message.casefold()
        renamed = mapping.numbered_name(body["name"], mark)
        if isinstance(error, Conflict) and "name" in said and "sku" not in said and renamed != body["name"]:
            if self.settings.duplicate_names == "report":
                raise Rejected(
                    f"Another product of the shop has the name {body['name']!r}.",
                    code="NAME_TAKEN",
                    hint="BigCommerce wants names unique: change one of them, or set duplicate_names to sku.",
                )
            return {**body, "name": renamed}, f"The name {body['name']!r} belongs to another product of the shop."
        for word, names in OPTIONAL_PARTS:
            inside = [*body, *(name for one in body.get("variants") or [] for name in one)]
            if word in said and any(name in inside for name in names):
                kept = {name: value for name, value in body.items() if name not in names}
                if "variants" in kept:
                    kept["variants"] = [
                        {name: value for name, value in one.items() if name not in names} for one in kept["variants"]
                    ]
                return kept, f"Written without {names[0]}: {error.message}"
        return None, ""

    # -- variants that come later

    def joining(self, parent: str, new: Sequence[ListingPush]) -> list[tuple[ListingPush, Json | Failure]]:
        """A body for each new variant, with its option values made; or why there is none."""
        options = list(self.client.all(f"v3/catalog/products/{parent}/options"))
        made: list[tuple[ListingPush, Json | Failure]] = []
        for one in new:
            problem = self._ensure(parent, options, one)
            ids, lacking = mapping.option_ids(options, one.content)
            if problem or lacking or len(ids) != len(options):
                names = ", ".join(str(option.get("display_name")) for option in options)
                message = problem or f"{one.item_id!r} does not have the options of its product: {names}."
                hint = "Give it a value for each of these options and no other; then resend the issue."
                made.append((one, Failure(Outcome.REJECTED, "OPTIONS_DIFFER", message, hint)))
                continue
            body = {
                "product_id": int(parent),
                "sku": one.item_id,
                "option_values": ids,
                **mapping.price_fields(one.price),
                **self._level(one),
                **self.own_fields(one.content, one.fields),
            }
            made.append((one, body if one.content.sell_online else {**body, "purchasing_disabled": True}))
        return made

    def _ensure(self, parent: str, options: list[Json], one: ListingPush) -> str:
        """Makes the values that the product's options lack. What cannot be made is said."""
        for name, value in mapping.option_ids(options, one.content)[1]:
            option = mapping.find_option(options, name)
            if option is None:
                return f"The shop's product has no option {name!r}, which {one.item_id!r} has."
            known = option.setdefault("option_values", [])
            path = f"v3/catalog/products/{parent}/options/{option['id']}/values"
            answer = self.client.post(path, {"label": value, "sort_order": len(known)})
            known.append(answer["data"])
        return ""


def first_url(content: Content) -> str:
    return min(content.images, key=lambda image: image.position).url if content.images else ""


def _remembered(body: Json, one: ListingPush) -> Json:
    """The pictures that the shop has from us, by their addresses."""
    urls = [image["image_url"] for image in body.get("images") or []]
    return {"images": urls} if urls else {}
