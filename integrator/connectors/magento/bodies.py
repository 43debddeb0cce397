"""The bodies of products and of the configurable products above them, with the ids that the shop needs.

Asks the shop for attributes, options, categories and units, at most once a job.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.magento import mapping
from integrator.connectors.magento.attributes import Attributes
from integrator.connectors.magento.categories import Categories
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.images import Images, Known, Picture, kept_entries
from integrator.connectors.magento.mapping import attribute
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.pushes import ListingPush, StylePush

Json = dict[str, Any]


@dataclass(slots=True)
class Draft:
    """A body on its way, with what is to be remembered of it once it is written."""

    body: Json
    keep: Json = field(default_factory=dict)
    pictures: list[Picture] | None = None  # None: not touched
    entries_before: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def says_something(self) -> bool:
        return set(self.body) > {"sku"}


class Bodies:
    def __init__(
        self, settings: MagentoSettings, facts: Facts, attributes: Attributes, categories: Categories, images: Images
    ) -> None:
        self.settings = settings
        self.facts = facts
        self.attributes = attributes
        self.categories = categories
        self.images = images

    # -- whole bodies

    def new(self, one: ListingPush, style: StylePush | None) -> Draft:
        """A new product: a draft unless the channel publishes new products; of a style, a variant that is not shown
        by itself, whose publication is its parent's matter."""
        child = style is not None
        content = one.content
        name = content.name or one.item_id
        shown = content.sell_online and (child or self.settings.publish_new)
        key = (mapping.child_key if child else mapping.url_key)(name, one.item_id)
        draft = Draft(
            {
                "sku": one.item_id,
                "name": name,
                "attribute_set_id": self.facts.attribute_set,
                "type_id": "simple",
                "price": one.price.price,
                "status": mapping.ENABLED if shown else mapping.DISABLED,
                "visibility": mapping.NOT_VISIBLE if child else mapping.CATALOGUE_AND_SEARCH,
                "extension_attributes": {"website_ids": self.facts.website_ids, **self._stock_item(one)},
                "custom_attributes": [attribute("url_key", key)],
            }
        )
        if one.price.sale_price is not None:
            _add(draft.body, mapping.special_attributes(one.price, self.facts.zone))
        if child:
            _add(draft.body, self._options(one))
        self._content(draft, one, one.fields, new=True, places=not child)
        self._pictures(draft, one, one.fields, None, "images")
        return draft

    def update(self, one: ListingPush, fields: frozenset[str], there: Json) -> Draft:
        """What the push may write of a product that is there."""
        draft = Draft({"sku": one.item_id})
        if "Name" in fields and one.content.name:
            draft.body["name"] = one.content.name
        child = there.get("visibility") == mapping.NOT_VISIBLE
        self._content(draft, one, fields, new=False, places=not child)
        self._pictures(draft, one, fields, there, "images")
        if "Options" in fields and one.content.options and child:
            _add(draft.body, self._options(one))
        if "Publication" in fields:
            before = str((one.sent or {}).get("status_before") or "")
            now = int(there.get("status") or 0)
            status, before = mapping.publication(one.content.sell_online, now, before, True)
            if status is not None:
                draft.body["status"] = status
            draft.keep["status_before"] = before
        return draft

    def new_parent(self, style: StylePush, sku: str, links: Sequence[int]) -> Draft:
        first = style.listings[0]
        name = style.name or first.content.name or first.item_id
        online = any(one.content.sell_online for one in style.listings)
        draft = Draft(
            {
                "sku": sku,
                "name": name,
                "attribute_set_id": self.facts.attribute_set,
                "type_id": "configurable",
                "status": mapping.ENABLED if online and self.settings.publish_new else mapping.DISABLED,
                "visibility": mapping.CATALOGUE_AND_SEARCH,
                "extension_attributes": {
                    "website_ids": self.facts.website_ids,
                    "stock_item": {"is_in_stock": True, "manage_stock": True, "use_config_manage_stock": True},
                    "configurable_product_options": self._axes(style),
                    "configurable_product_links": list(links),
                },
                "custom_attributes": [attribute("url_key", mapping.url_key(name, sku))],
            }
        )
        self._content(draft, first, first.fields & mapping.PARENT_FIELDS, new=True, places=True)
        self._pictures(draft, first, first.fields, None, "parent_images")
        return draft

    def parent_update(self, style: StylePush, fields: frozenset[str], there: Json, links: Sequence[int]) -> Draft:
        """The parent with links added: its whole list goes along, because the shop replaces it."""
        first = style.listings[0]
        draft = Draft({"sku": str(there["sku"])})
        extension: Json = {}
        if links:
            known = there.get("extension_attributes") or {}
            extension["configurable_product_links"] = [
                *map(int, known.get("configurable_product_links") or []), *links
            ]  # fmt: skip
            if not known.get("configurable_product_options"):
                extension["configurable_product_options"] = self._axes(style)
            draft.body["type_id"] = "configurable"  # what the shop needs to see the links
        if extension:
            draft.body["extension_attributes"] = extension
        if "Name" in fields and (style.name or first.content.name):
            draft.body["name"] = style.name or first.content.name
        self._content(draft, first, fields & mapping.PARENT_FIELDS, new=False, places=True)
        self._pictures(draft, first, fields, there, "parent_images")
        if "Publication" in fields:
            before = str((first.sent or {}).get("parent_before") or _kept(style, "parent_before") or "")
            online = any(one.content.sell_online for one in style.listings)
            status, before = mapping.publication(
                online, int(there.get("status") or 0), before, self.settings.field_rules.get("Publication") == "pos"
            )
            if status is not None:
                draft.body["status"] = status
            draft.keep["parent_before"] = before
        return draft

    # -- parts

    def _stock_item(self, one: ListingPush) -> Json:
        """Without MSI the quantity goes along; with it, it is a call of its own."""
        if self.facts.sources is not None:
            return {}
        count = mapping.whole(one.stock.quantity)
        return {
            "stock_item": {
                "qty": count,
                "is_in_stock": count > 0 or self.settings.in_stock_at_zero,
                "manage_stock": True,
                "use_config_manage_stock": True,
            }
        }

    def _content(self, draft: Draft, one: ListingPush, fields: frozenset[str], *, new: bool, places: bool) -> None:
        """Texts, weight, tax, categories and mapped attributes. `places`: what says where a product is found."""
        content, body = one.content, draft.body
        if "Weight" in fields and content.weight is not None and body.get("type_id") != "configurable":
            body["weight"] = mapping.converted(content.weight, content.weight_unit, self.facts.weight_unit)
        texts = mapping.content_attributes(content, fields)
        _add(body, [text for text in texts if text["value"] or not new])
        tax = self._tax(one, fields, new=new)
        if tax is not None:
            _add(body, [attribute("tax_class_id", tax)])
        if "Category" in fields and places and content.category:
            category = self.categories.id(content.category)
            if category is not None:
                extension = body.setdefault("extension_attributes", {})
                extension["category_links"] = [{"position": 0, "category_id": str(category)}]
        values = mapping.mapped_values(content, one.price, fields, self.settings)
        if (code := self.settings.attributes.get("Msrp")) and new and one.price.msrp is not None:
            values[code] = format(one.price.msrp, "f")
        for code, given in values.items():
            if new and not given:
                continue
            value = self.attributes.value(code, given)
            if value is None:
                draft.notes.append(f"The shop has no attribute {code!r}; its value is left out.")
            else:
                _add(body, [attribute(code, value)])

    def _tax(self, one: ListingPush, fields: frozenset[str], *, new: bool) -> str | None:
        content, settings = one.content, self.settings
        if "Taxable" in fields and not content.taxable:
            return "0"
        if "TaxCode" in fields and content.tax_code in settings.tax_classes:
            return self.facts.tax_class(settings.tax_classes[content.tax_code])
        if "Taxable" in fields and (new or settings.field_rules.get("Taxable") == "pos"):
            return self.facts.tax_class(settings.taxable_class)
        return None

    def _options(self, one: ListingPush) -> list[Json]:
        found: list[Json] = []
        for name, value in one.content.options:
            code = str(self.attributes.axis(name)["attribute_code"])
            found.append(attribute(code, self.attributes.option(code, value)))
        return found

    def _axes(self, style: StylePush) -> list[Json]:
        """The attributes that a style's variants differ in, with the values that they use."""
        found: dict[str, Json] = {}
        for one in style.listings:
            for place, (name, value) in enumerate(one.content.options):
                axis = self.attributes.axis(name)
                code = str(axis["attribute_code"])
                known = found.setdefault(
                    code,
                    {
                        "attribute_id": str(axis["attribute_id"]),
                        "label": str(axis.get("default_frontend_label") or name),
                        "position": place,
                        "values": [],
                    },
                )
                index = {"value_index": int(self.attributes.option(code, value))}
                if index not in known["values"]:
                    known["values"].append(index)
        return list(found.values())

    def _pictures(self, draft: Draft, one: ListingPush, fields: frozenset[str], there: Json | None, key: str) -> None:
        """Nothing where the shop has these pictures already. `key`: under which they are remembered."""
        if "Images" not in fields or (there is None and not one.content.images):
            return
        known = Known.read({"images": (one.sent or {}).get(key)})
        ordered = [image.url for image in sorted(one.content.images, key=lambda image: image.position)]
        if there is not None and ordered == [picture.url for picture in known]:
            return
        pictures, notes = self.images.pictures(one.content.images, known, one.item_id)
        draft.notes += notes
        if not pictures and ordered:
            return
        kept = kept_entries(there, known) if there else []
        if kept and pictures:
            taken = {role for picture in pictures for role in picture.entry["types"]}
            kept = [
                {**entry, "types": [role for role in entry.get("types") or [] if role not in taken]} for entry in kept
            ]
        draft.pictures = pictures
        draft.entries_before = [int(entry["id"]) for entry in (there or {}).get("media_gallery_entries") or []]
        draft.body["media_gallery_entries"] = [*kept, *(picture.entry for picture in pictures)]


def _add(body: Json, attributes: Sequence[Json]) -> None:
    """Custom attributes, the later one of a code winning."""
    codes = {one["attribute_code"] for one in attributes}
    if codes:
        others = [one for one in body.get("custom_attributes") or [] if one["attribute_code"] not in codes]
        body["custom_attributes"] = [*others, *attributes]


def _kept(style: StylePush, name: str) -> Any:
    """What an earlier push remembered of the style's parent, with whichever variant."""
    return next((one.sent[name] for one in style.listings if one.sent and one.sent.get(name)), None)
