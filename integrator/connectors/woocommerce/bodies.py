"""The bodies of products, parents and variations: what `mapping` makes of a listing, with the ids the shop needs.

Asks the shop for units, terms and its version, at most once a job.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from integrator.connectors.pushes import ListingPush, StylePush
from integrator.connectors.woocommerce import mapping
from integrator.connectors.woocommerce.capabilities import BRANDS, GLOBAL_UNIQUE_ID
from integrator.connectors.woocommerce.facts import Facts
from integrator.connectors.woocommerce.settings import WooSettings
from integrator.connectors.woocommerce.taxonomy import Taxonomy

Json = dict[str, Any]


class Bodies:
    def __init__(self, settings: WooSettings, facts: Facts, taxonomy: Taxonomy) -> None:
        self.settings = settings
        self.facts = facts
        self.taxonomy = taxonomy

    # -- whole bodies

    def simple(self, one: ListingPush) -> Json:
        """A new standalone product: a draft, unless the channel publishes new products."""
        body = {
            "type": "simple",
            "status": self._new_status(one.content.sell_online),
            "name": one.content.name or one.item_id,
            "sku": one.item_id,
            **mapping.price_fields(one.price),
            **mapping.stock_fields(one.stock),
            **self.own_content(one, one.fields),
            **self.product_content(one.content.name, one, one.fields, {}),
        }
        body["attributes"] = self._brand_attribute(one)
        return _filled(body)

    def parent(self, style: StylePush, first: ListingPush, sku: str, attributes: Sequence[Json]) -> Json:
        """The new parent of a style; its texts and pictures are the first variant's."""
        name = style.name or first.content.name or first.item_id
        body = {
            "type": "variable",
            "status": self._new_status(any(one.content.sell_online for one in style.listings)),
            "name": name,
            "sku": sku,
            **mapping.tax_fields(first.content, first.fields, self.settings, variation=False),
            **self.product_content(name, first, first.fields, {}),
        }
        body["attributes"] = [*mapping.attribute_bodies(attributes), *self._brand_attribute(first)]
        return _filled(body)

    def variation(self, one: ListingPush, attributes: Sequence[Json]) -> Json:
        """A new variant. Whether its style is shown is the parent's matter; private takes one variant off."""
        return {
            "status": "publish" if one.content.sell_online else "private",
            "sku": one.item_id,
            **mapping.price_fields(one.price),
            **mapping.stock_fields(one.stock),
            "attributes": mapping.variation_attributes(one.content, attributes),
            **self.own_content(one, one.fields, variation=True),
        }

    def _new_status(self, online: bool) -> str:
        return "publish" if online and self.settings.publish_new else "draft"

    # -- parts

    def own_content(self, one: ListingPush, fields: frozenset[str], *, variation: bool = False) -> Json:
        """What belongs to the sellable thing itself, a simple product or a variation."""
        content = one.content
        body: Json = {}
        sized = (content.length, content.width, content.height) != (None, None, None)
        physical = frozenset(
            name for name, there in (("Weight", content.weight is not None), ("Dimensions", sized)) if there
        )
        if physical & fields:
            body |= mapping.physical_fields(content, physical & fields, *self.facts.units)
        body |= mapping.tax_fields(content, fields, self.settings, variation=variation)
        if variation and "LongDescription" in fields and content.long_description:
            body["description"] = content.long_description
        if "UPC" in fields and content.upc and self.facts.since(GLOBAL_UNIQUE_ID):
            body["global_unique_id"] = content.upc
        meta = mapping.meta_data(content, fields, self.settings)
        return body | ({"meta_data": meta} if meta else {})

    def product_content(self, name: str, one: ListingPush, fields: frozenset[str], images: Mapping[str, int]) -> Json:
        """Texts, pictures and the places where a product is found. `images`: what the shop has from us."""
        content, settings = one.content, self.settings
        body = mapping.text_fields(name, content, fields)
        if "Category" in fields or ("Department" in fields and settings.department_as == "category"):
            category = self.taxonomy.category(mapping.category_path(content, settings))
            if category is not None:
                body["categories"] = [{"id": category}]
        if "Tags" in fields:
            names = mapping.tag_names(content, settings)
            if names or not one.is_new:  # an empty list takes the tags off
                body["tags"] = [{"id": tag} for tag in self.taxonomy.tags(names)]
        if "Brand" in fields and content.brand and self._brand_place() == "brand":
            body["brands"] = [{"id": brand} for brand in self.taxonomy.brands([content.brand])]
        if "Images" in fields:
            pictures = mapping.image_bodies(content.images, images)
            if pictures is not None:
                body["images"] = pictures
        return body

    def variation_image(self, one: ListingPush, style: StylePush, images: Mapping[str, int]) -> tuple[Json, str]:
        """The first picture of a variant unless it is the style's own, and its URL to remember."""
        own, general = _first_url(one), _first_url(style.listings[0])
        if not own or own == general or own == (one.sent or {}).get("variation_image"):
            return {}, own if own != general else ""
        alt = next(image.alt_text for image in one.content.images if image.url == own)
        return {"image": {"id": images[own]} if own in images else {"src": own, "alt": alt}}, own

    def _brand_place(self) -> str:
        if self.settings.brand_as != "auto":
            return self.settings.brand_as
        return "brand" if self.facts.since(BRANDS) else "attribute"

    def _brand_attribute(self, one: ListingPush) -> list[Json]:
        """The brand as an attribute, on creation only: an update would replace the merchant's attributes."""
        if not one.content.brand or "Brand" not in one.fields or self._brand_place() != "attribute":
            return []
        return [{"name": "Brand", "visible": True, "variation": False, "options": [one.content.brand]}]

    def attribute_ids(self, wanted: Mapping[str, Sequence[str]], existing: Sequence[Json]) -> dict[str, int]:
        """Shop-wide attributes by option name, without those that the parent has as its own."""
        if self.settings.attributes == "local":
            return {}
        own = {mapping.sanitised_key(one["name"]) for one in existing if not one["id"]}
        return self.taxonomy.attributes([name for name in wanted if mapping.sanitised_key(name) not in own])

    def make_terms(
        self, wanted: Mapping[str, Sequence[str]], attributes: Sequence[Json], ids: Mapping[str, int]
    ) -> None:
        """The options that shop-wide attributes lack."""
        for name, values in wanted.items():
            attribute = mapping.find_attribute(attributes, name, ids.get(name, 0))
            if attribute is not None and attribute["id"]:
                self.taxonomy.terms(attribute["id"], values)


def _first_url(one: ListingPush) -> str:
    return min(one.content.images, key=lambda image: image.position).url if one.content.images else ""


def _filled(body: Json) -> Json:
    """Without empty lists, which say nothing about a new product."""
    return {key: value for key, value in body.items() if value != []}
