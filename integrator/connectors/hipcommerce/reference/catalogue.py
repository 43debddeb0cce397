"""The reference shop's products, prices and stock. Dictionaries in memory; one lock around every verb.

A product has the texts and the publication; each thing that can be bought is a variant of it, also where there is
only one. Whatever the caller must know is in the results; what a request as a whole must look like was checked before
against openapi.yaml.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

Json = dict[str, Any]
ZERO = Decimal(0)

PRODUCT = frozenset({
    "name", "short_description", "long_description", "additional_description", "brand", "department", "category",
    "tags", "taxable", "tax_code", "images", "custom_fields",
})  # fmt: skip
ITEM = frozenset({
    "hidden", "options", "upc", "supplier_sku", "manufacturer_part_number", "weight", "weight_unit", "length",
    "width", "height", "dimension_unit",
})  # fmt: skip
PRICES = ("price", "msrp", "sale_price", "sale_from", "sale_to", "price_tiers")


def result(key: str, status: int, code: str, message: str = "", **more: Any) -> Json:
    return {"key": key, "status": status, "code": code, "message": message, **more}


def amount(value: Any) -> Decimal:
    return Decimal(str(value)) if value not in (None, "") else ZERO


def plain(value: Decimal) -> str:
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


class Clock:
    """Times of change, each later than the one before."""

    def __init__(self) -> None:
        self.last = datetime.min.replace(tzinfo=UTC)

    def tick(self) -> str:
        now = datetime.now(UTC)
        if now <= self.last:
            now = self.last + datetime.resolution
        self.last = now
        return now.isoformat(timespec="microseconds").replace("+00:00", "Z")


class Catalogue:
    def __init__(self, clock: Clock, locations: Sequence[str] = ("main", "outlet")) -> None:
        self.clock = clock
        self.locations = tuple(locations)
        self.products: dict[str, Json] = {}
        self.variants: dict[str, Json] = {}
        self.lock = threading.RLock()
        self._ids = itertools.count(1)
        # what the shop refuses, for tests: (item id) -> a result, or None
        self.refuse: Callable[[str], Json | None] = lambda _: None

    # -- looking

    def by_item(self, item_id: str) -> Json | None:
        return next((one for one in self.variants.values() if one["item_integration_id"] == item_id), None)

    def by_sku(self, sku: str) -> list[Json]:
        return [one for one in self.variants.values() if one["sku"] == sku]

    def listing(self, variant: Json) -> Json:
        """As GET /products shows it."""
        product = self.products[variant["product_id"]]
        return {
            "product_id": variant["product_id"],
            "variant_id": variant["variant_id"],
            "item_integration_id": variant["item_integration_id"],
            "style_id": product["style_id"],
            "sku": variant["sku"],
            "name": product["name"],
            "options": variant["options"],
            **{name: variant[name] for name in ("price", "sale_price", "sale_from", "sale_to")},
            "quantity": plain(self.quantity(variant)),
            "location_quantities": [
                {"location_code": code, "quantity": plain(units)} for code, units in variant["stock"].items()
            ],
            "published": product["published"] and not variant["hidden"],
            "updated_at": variant["updated_at"],
        }

    @staticmethod
    def quantity(variant: Json) -> Decimal:
        return max(ZERO, sum(variant["stock"].values(), ZERO))

    def listings(self, skus: Iterable[str] = (), item_ids: Iterable[str] = ()) -> list[Json]:
        """All, or those that are named, in the order that lists have."""
        skus, item_ids = set(skus), set(item_ids)
        with self.lock:
            found = [
                self.listing(one)
                for one in self.variants.values()
                if not (skus or item_ids) or one["sku"] in skus or one["item_integration_id"] in item_ids
            ]
        return sorted(found, key=lambda one: (one["updated_at"], one["variant_id"]))

    # -- writing

    def put_product(self, given: Json) -> list[Json]:
        """A result for each thing that can be bought."""
        with self.lock:
            items = given.get("children") or [given]
            if "only_on_creation" in given:
                for item in items:
                    self._link(item)
            product = self._product_of(given, items)
            is_new = product is None
            results = [self._put_item(given, item, product) for item in items]
            # a product whose children were all refused is not made
            done = [one for one in results if one["status"] < 300]
            if done:
                made = self.products[done[0]["product_id"]]
                said = given if is_new else _without(given, given.get("only_on_creation") or ())
                made |= {name: value for name, value in said.items() if name in PRODUCT}
                if "publish" in said:
                    made["published"] = said["publish"]
                for one in self.variants.values():
                    if one["product_id"] == made["product_id"]:
                        one["updated_at"] = self.clock.tick()
            return results

    def _link(self, item: Json) -> None:
        """A product of the merchant's with the SKU becomes the item's."""
        found = self.by_sku(item.get("sku") or item["item_integration_id"])
        if self._variant_of(item) is None and len(found) == 1 and found[0]["item_integration_id"] is None:
            found[0]["item_integration_id"] = item["item_integration_id"]

    def _product_of(self, given: Json, items: Sequence[Json]) -> Json | None:
        if given.get("product_id") in self.products:
            return self.products[given["product_id"]]
        known = [self._variant_of(item) for item in items]
        parents = [one["product_id"] for one in known if one is not None]
        if parents:
            return self.products[parents[0]]
        style = given.get("style_id")
        return next((one for one in self.products.values() if style and one["style_id"] == style), None)

    def _variant_of(self, item: Json) -> Json | None:
        return self.variants.get(item.get("variant_id", "")) or self.by_item(item["item_integration_id"])

    def _put_item(self, given: Json, item: Json, product: Json | None) -> Json:
        key = item["item_integration_id"]
        refusal = self.refuse(key)
        if refusal is not None:
            return refusal
        variant = self._variant_of(item)
        if variant is None and item.get("variant_id"):
            return result(key, 404, "item_not_found", f"There is no variant {item['variant_id']!r}.")
        if variant is None:
            return self._make_item(given, item, product)
        if variant["item_integration_id"] not in (None, key):
            text = f"Variant {variant['variant_id']} belongs to the item {variant['item_integration_id']!r}."
            return result(key, 409, "item_taken", text)
        item = _without(item, given.get("only_on_creation") or ())
        own: list[Json] = item["options"] if "options" in item else variant["options"]
        if self._options_taken(variant["product_id"], own, variant["variant_id"]):
            return result(key, 422, "options_taken", f"Another child has the options {_shown(own)}.")
        variant["item_integration_id"] = key
        self._change(variant, item)
        return result(key, 200, "updated", product_id=variant["product_id"], variant_id=variant["variant_id"])

    def _make_item(self, given: Json, item: Json, product: Json | None) -> Json:
        key, sku = item["item_integration_id"], item.get("sku") or item["item_integration_id"]
        taken = self.by_sku(sku)
        if taken:
            named = ", ".join(one["product_id"] for one in taken)
            code = "sku_ambiguous" if len(taken) > 1 else "sku_taken"
            return result(key, 409, code, f"The SKU {sku!r} belongs to product {named}.")
        if "price" not in item:
            return result(key, 422, "price_missing", f"{key!r} is new and has no price.")
        if product is None:
            # of several children the first that is made makes the product, which the others then join
            product = self._product_of(given, given.get("children") or [given])
        if product is None:
            if not given.get("name"):
                return result(key, 422, "name_missing", f"{key!r} is new and has no name.")
            product = self._make_product(given["name"], given.get("style_id"), published=given.get("publish", False))
        options: list[Json] = item.get("options") or []
        if self._options_taken(product["product_id"], options, ""):
            return result(key, 422, "options_taken", f"Another child has the options {_shown(options)}.")
        variant = self._make_variant(product, key, sku)
        self._change(variant, item)
        places = item.get("location_quantities") or ()
        self.set_stock(variant, "0" if places else item.get("quantity", "0"))
        for one in places:
            self.set_stock(variant, one["quantity"], one["location_code"])
        self._set_price(variant, item)
        return result(key, 201, "created", product_id=product["product_id"], variant_id=variant["variant_id"])

    def _options_taken(self, product_id: str, options: Sequence[Json], but: str) -> bool:
        wanted = {one["name"]: one["value"] for one in options}
        return bool(wanted) and any(
            {one["name"]: one["value"] for one in other["options"]} == wanted
            for other in self.variants.values()
            if other["product_id"] == product_id and other["variant_id"] != but
        )

    def _change(self, variant: Json, item: Mapping[str, Any]) -> None:
        variant |= {name: value for name, value in item.items() if name in ITEM}
        if item.get("sku"):
            variant["sku"] = item["sku"]
        variant["updated_at"] = self.clock.tick()

    def _make_product(self, name: str, style_id: str | None, *, published: bool) -> Json:
        identity = str(next(self._ids))
        lists = ("category", "tags", "images", "custom_fields")
        empty: Json = {field: [] if field in lists else "" for field in PRODUCT}
        made = {**empty, "taxable": True, "product_id": identity, "style_id": style_id, "name": name}
        self.products[identity] = made | {"published": published}
        return self.products[identity]

    def _make_variant(self, product: Json, item_id: str | None, sku: str) -> Json:
        identity = str(next(self._ids))
        self.variants[identity] = {
            "variant_id": identity, "product_id": product["product_id"], "item_integration_id": item_id, "sku": sku,
            "hidden": False, "options": [], "price": "0", "msrp": None, "sale_price": None, "sale_from": None,
            "sale_to": None, "price_tiers": [], "stock": {}, "updated_at": self.clock.tick(),
        }  # fmt: skip
        return self.variants[identity]

    def add_by_hand(self, name: str, sku: str, *, price: str, quantity: str = "0") -> Json:
        """As the merchant would in the back office: published, and without our item id."""
        with self.lock:
            variant = self._make_variant(self._make_product(name, None, published=True), None, sku)
            variant["price"] = price
            self.set_stock(variant, quantity)
            return variant

    def remove(self, variant_id: str) -> None:
        with self.lock:
            product_id = self.variants.pop(variant_id)["product_id"]
            if not any(one["product_id"] == product_id for one in self.variants.values()):
                del self.products[product_id]

    def set_stock(self, variant: Json, quantity: Any, location: str = "") -> None:
        """Without a location it is the whole: at the first one, and nothing elsewhere."""
        if location:
            variant["stock"][location] = amount(quantity)
        else:
            variant["stock"] = {self.locations[0]: amount(quantity)}
        variant["updated_at"] = self.clock.tick()

    def sell(self, sku: str, units: Decimal) -> None:
        """What a shopper took (or, below 0, brought back), from the first location that has it."""
        with self.lock:
            for variant in self.by_sku(sku)[:1]:
                left = units
                for code, here in variant["stock"].items():
                    taken = min(left, here) if left > 0 else left
                    variant["stock"][code] = here - taken
                    left -= taken
                    if not left:
                        break
                variant["updated_at"] = self.clock.tick()

    def _set_price(self, variant: Json, given: Mapping[str, Any]) -> None:
        variant |= {name: given.get(name) or ([] if name == "price_tiers" else None) for name in PRICES}
        variant["updated_at"] = self.clock.tick()

    def put_price(self, row: Json) -> Json:
        return self._put_row(row, lambda variant: self._set_price(variant, row))

    def put_inventory(self, row: Json) -> Json:
        location = row.get("location_code", "")
        if location and location not in self.locations:
            text = f"There is no location {location!r}; there are: {', '.join(self.locations)}."
            return result(row["item_integration_id"], 422, "location_unknown", text)
        return self._put_row(row, lambda variant: self.set_stock(variant, row["quantity"], location))

    def _put_row(self, row: Json, change: Callable[[Json], None]) -> Json:
        key = row["item_integration_id"]
        with self.lock:
            refusal = self.refuse(key)
            if refusal is not None:
                return refusal
            variant = self.by_item(key)
            if variant is None:
                return result(key, 404, "item_not_found", f"There is no item {key!r}.")
            change(variant)
            return result(key, 200, "updated")


def _without(given: Json, names: Iterable[str]) -> Json:
    return {name: value for name, value in given.items() if name not in set(names)}


def _shown(options: Sequence[Json] | None) -> str:
    return ", ".join(f"{one['name']} {one['value']}" for one in options or ())
