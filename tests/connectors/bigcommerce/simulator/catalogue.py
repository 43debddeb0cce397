"""Products, variants, options, pictures and stock as a store keeps them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from tests.connectors.bigcommerce.simulator.state import ApiError, Json, State, iso

D = Decimal
PRODUCT_DEFAULTS: Json = {
    "name": "", "type": "physical", "sku": "", "description": "", "weight": 0, "width": 0, "depth": 0, "height": 0,
    "price": 0, "cost_price": 0, "retail_price": 0, "sale_price": 0, "tax_class_id": 0, "product_tax_code": "",
    "categories": [], "brand_id": 0, "inventory_level": 0, "inventory_warning_level": 0, "inventory_tracking": "none",
    "is_visible": False, "is_featured": False, "warranty": "", "bin_picking_number": "", "upc": "", "mpn": "",
    "search_keywords": "", "availability": "available", "availability_description": "", "condition": "New",
    "page_title": "", "meta_description": "",
}  # fmt: skip
VARIANT_FIELDS = (
    "price", "sale_price", "retail_price", "cost_price", "weight", "width", "height", "depth", "upc", "mpn",
    "purchasing_disabled",
)  # fmt: skip
DEFAULT_LOCATION = 1
MOST_IMAGES = 1_000


def number(value: Any) -> Any:
    """As the store answers: no trailing zeros, whole numbers as they are."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return value


class Catalogue:
    def __init__(self, state: State) -> None:
        self.state = state
        self.brands: dict[str, int] = {}

    # -- rules

    def _held(self, sku: str, but: int = 0) -> bool:
        """SKUs are unique whatever their case, among products and variants."""
        lowered = sku.casefold()
        return any(one["sku"].casefold() == lowered and one["id"] != but for one in self.state.variants.values())

    def _check_sku(self, sku: str, but: int = 0) -> None:
        if sku and self._held(sku, but):
            raise ApiError(409, "The product SKU is a duplicate", {"sku": f"The SKU {sku} is not unique"})
        rejected = self.state.misbehaviour.reject_sku
        if rejected and sku == rejected:
            raise ApiError(422, f"JSON data is missing or invalid for {sku}", {"description": "it is not allowed"})

    def _check_name(self, name: str, but: int = 0) -> None:
        for one in self.state.products.values():
            if one["name"].casefold() == name.casefold() and one["id"] != but:
                raise ApiError(409, "The product name is a duplicate", {"name": "The name is not unique"})

    def _check_categories(self, ids: Iterable[int]) -> None:
        for one in ids:
            if one not in self.state.categories:
                raise ApiError(409, f"The category {one} does not exist")

    def _check_image(self, url: str) -> None:
        if not url.startswith(("http://", "https://")) or url == self.state.misbehaviour.bad_image:
            raise ApiError(422, "The image could not be fetched", {"images.image_url": f"{url} cannot be read"})

    def get(self, product_id: int) -> Json:
        if product_id not in self.state.products:
            raise ApiError(404, "A product was not found with the given ID")
        return self.state.products[product_id]

    # -- products

    def create(self, body: Json) -> tuple[Json, int]:
        """The product and the status."""
        variants = body.get("variants") or []
        self._check_name(body["name"])
        self._check_sku(body.get("sku", ""))
        for one in variants:
            self._check_sku(one["sku"])
        lowered = [one["sku"].casefold() for one in variants]
        if len(set(lowered)) != len(lowered):
            raise ApiError(409, "The SKUs of the variants are not unique")
        self._check_categories(body.get("categories") or [])
        for image in [*(body.get("images") or []), *(one for one in variants if one.get("image_url"))]:
            self._check_image(image["image_url"])
        product: Json = {
            **PRODUCT_DEFAULTS,
            "id": self.state.number(),
            "options": [],
            "images": [],
            "custom_fields": [],
        }
        self._assign(product, body)
        product["date_created"] = product["date_modified"] = iso(self.state.now())
        self.state.products[product["id"]] = product
        for image in body.get("images") or []:
            self.add_image(product, image)
        for one in body.get("custom_fields") or []:
            self.add_custom_field(product, one)
        saved = not self.state.misbehaviour.partly_next
        if not saved:
            self.state.misbehaviour.partly_next -= 1
        if variants:
            product["base_variant_id"] = None
            for one in variants:
                ids = [self._option_value(product, v["option_display_name"], v["label"]) for v in one["option_values"]]
                self.add_variant(product, one, ids, stocked=saved)
        else:
            variant = self._new_variant(product, body.get("sku", ""), [])
            product["base_variant_id"] = variant["id"]
            if saved and "inventory_level" in body:
                self.state.stock[variant["id"], DEFAULT_LOCATION] = body["inventory_level"]
        return product, 200 if saved else 207

    def _assign(self, product: Json, body: Json) -> None:
        for name, value in body.items():
            if name in PRODUCT_DEFAULTS:
                product[name] = D(str(value)) if isinstance(value, float) else value
        if body.get("brand_name"):
            known = self.brands.setdefault(body["brand_name"].casefold(), self.state.number())
            product["brand_id"] = known

    def update(self, bodies: list[Json]) -> list[Json]:
        """All of them, or none: a bad one spoils the batch."""
        for body in bodies:
            product = self.get(body["id"])
            if "name" in body:
                self._check_name(body["name"], body["id"])
            self._check_categories(body.get("categories") or [])
            rejected = self.state.misbehaviour.reject_sku
            if rejected and product["sku"] == rejected:
                raise ApiError(422, "JSON data is missing or invalid")
        for body in bodies:
            product = self.get(body["id"])
            self._assign(product, body)
            product["date_modified"] = iso(self.state.now())
        return [self.get(body["id"]) for body in bodies]

    def delete(self, product_id: int) -> None:
        for variant in self.variants_of(product_id):
            del self.state.variants[variant["id"]]
        del self.state.products[product_id]

    # -- variants and options

    def variants_of(self, product_id: int) -> list[Json]:
        return [one for one in self.state.variants.values() if one["product_id"] == product_id]

    def _new_variant(self, product: Json, sku: str, values: list[tuple[Json, Json]]) -> Json:
        variant: Json = dict.fromkeys(VARIANT_FIELDS) | {"purchasing_disabled": False, "image_url": ""}
        variant |= {"id": self.state.number(), "product_id": product["id"], "sku": sku, "upc": "", "mpn": ""}
        variant["option_values"] = [
            {"id": v["id"], "label": v["label"], "option_id": o["id"], "option_display_name": o["display_name"]}
            for o, v in values
        ]
        self.state.variants[variant["id"]] = variant
        return variant

    def add_variant(self, product: Json, body: Json, values: list[tuple[Json, Json]], *, stocked: bool = True) -> Json:
        wanted = {v["id"] for _, v in values}
        for one in self.variants_of(product["id"]):
            if {v["id"] for v in one["option_values"]} == wanted:
                raise ApiError(422, "A variant with these options exists")
        if len(values) != len(product["options"]):
            raise ApiError(422, "The variant does not have a value for each option")
        variant = self._new_variant(product, body["sku"], values)
        self._assign_variant(variant, body)
        if stocked and "inventory_level" in body:
            self.state.stock[variant["id"], DEFAULT_LOCATION] = body["inventory_level"]
        return variant

    def _assign_variant(self, variant: Json, body: Json) -> None:
        product = self.state.products[variant["product_id"]]
        base = product.get("base_variant_id") == variant["id"]
        for name in (*VARIANT_FIELDS, "image_url"):
            if name in body:
                value = D(str(body[name])) if isinstance(body[name], float) else body[name]
                if base and name in PRODUCT_DEFAULTS:
                    product[name] = value
                else:
                    variant[name] = value

    def update_variants(self, bodies: list[Json]) -> list[Json]:
        """Updates by id, creations by product, SKU and options; a bad one spoils the batch."""
        if len(bodies) > 50:
            raise ApiError(413, "Too many variants")
        if not bodies:
            raise ApiError(422, "The request is empty")
        for body in bodies:
            if "id" in body:
                if body["id"] not in self.state.variants:
                    raise ApiError(422, f"The variant {body['id']} does not exist")
                rejected = self.state.misbehaviour.reject_sku
                if rejected and self.state.variants[body["id"]]["sku"] == rejected:
                    raise ApiError(422, "JSON data is missing or invalid")
            else:
                product = self.get(body["product_id"])
                self._check_sku(body["sku"])
                for value in body["option_values"]:
                    self._by_ids(product, value)
        done = []
        for body in bodies:
            if "id" in body:
                variant = self.state.variants[body["id"]]
                self._assign_variant(variant, body)
            else:
                product = self.get(body["product_id"])
                variant = self.add_variant(product, body, [self._by_ids(product, one) for one in body["option_values"]])
            done.append(variant)
        return done

    @staticmethod
    def _by_ids(product: Json, given: Json) -> tuple[Json, Json]:
        for option in product["options"]:
            for value in option["option_values"]:
                if (option["id"], value["id"]) == (given["option_id"], given["id"]):
                    return option, value
        raise ApiError(422, "The option value does not exist")

    def _option_value(self, product: Json, name: str, label: str) -> tuple[Json, Json]:
        option = next((one for one in product["options"] if one["display_name"].casefold() == name.casefold()), None)
        if option is None:
            option = {
                "id": self.state.number(), "product_id": product["id"], "display_name": name,
                "name": f"{name}-{product['id']}", "type": "dropdown", "sort_order": len(product["options"]),
                "option_values": [], "config": {},
            }  # fmt: skip
            product["options"].append(option)
        value = next((one for one in option["option_values"] if one["label"].casefold() == label.casefold()), None)
        return option, value or self.add_option_value(option, label)

    def add_option_value(self, option: Json, label: str) -> Json:
        if any(one["label"].casefold() == label.casefold() for one in option["option_values"]):
            raise ApiError(409, "The option value exists")
        value = {
            "id": self.state.number(), "label": label, "sort_order": len(option["option_values"]), "is_default": False,
        }  # fmt: skip
        option["option_values"].append(value)
        return value

    # -- pictures and custom fields

    def add_image(self, product: Json, body: Json) -> Json:
        self._check_image(body["image_url"])
        if len(product["images"]) >= MOST_IMAGES:
            raise ApiError(422, "Too many images")
        image = {
            "id": self.state.number(), "product_id": product["id"], "is_thumbnail": body.get("is_thumbnail", False),
            "sort_order": body.get("sort_order", len(product["images"])), "description": body.get("description", ""),
            "from": body["image_url"],
        }  # fmt: skip
        product["images"].append(image)
        return image

    def add_custom_field(self, product: Json, body: Json) -> Json:
        if any((one["name"], one["value"]) == (body["name"], body["value"]) for one in product["custom_fields"]):
            raise ApiError(409, "The custom field exists")
        made = {"id": self.state.number(), "name": body["name"], "value": body["value"]}
        product["custom_fields"].append(made)
        return made

    # -- stock

    def level(self, variant_id: int) -> int:
        return sum(units for (variant, _), units in self.state.stock.items() if variant == variant_id)

    def adjust(self, items: list[Json]) -> None:
        """Absolute; all rows or none."""
        if not items:
            raise ApiError(422, "The items are empty")
        if len(items) > 2_000:
            raise ApiError(413, "Too many items")
        rows: list[tuple[int, int, int]] = []
        places = [one["location_id"] for one in items]
        if any(place in places[:n] and places[n - 1] != place for n, place in enumerate(places)):
            raise ApiError(422, "The items are not grouped by location")
        for one in items:
            name = next(key for key in ("variant_id", "product_id") if key in one)
            if one["location_id"] not in dict(self.state.features.locations):
                raise ApiError(422, f"Location {one['location_id']} does not exist")
            variant = self._stocked(name, one[name])
            rows.append((variant["id"], one["location_id"], one["quantity"]))
        for variant_id, place, units in rows:
            self.state.stock[variant_id, place] = units

    def _stocked(self, name: str, given: int) -> Json:
        product_id = given if name == "product_id" else self.state.variants.get(given, {}).get("product_id")
        product = self.state.products.get(product_id or 0)
        what = f"Item with {name} {given}"
        if product is None:
            raise ApiError(422, f"[{what} was not found]")
        mode = product["inventory_tracking"]
        if mode == "none":
            raise ApiError(422, f"[{what} is not tracked]")
        if mode != name.removesuffix("_id"):
            raise ApiError(422, f"[{what} is tracked by {mode}, please update stock by {mode} id]")
        variant_id = product["base_variant_id"] if name == "product_id" else given
        variant: Json = self.state.variants[variant_id] if variant_id else self.variants_of(product["id"])[0]
        if self.state.misbehaviour.reject_sku == variant["sku"]:
            raise ApiError(422, "Incorrect entity.")
        return variant

    # -- as they are answered

    def shown(self, product: Json, include: Iterable[str] = (), fields: Iterable[str] | None = None) -> Json:
        variants = self.variants_of(product["id"])
        body = {name: number(product[name]) for name in PRODUCT_DEFAULTS}
        body["inventory_level"] = sum(self.level(one["id"]) for one in variants)
        body |= {"calculated_price": number(product["price"]), "date_created": product["date_created"]}
        body |= {"date_modified": product["date_modified"], "base_variant_id": product["base_variant_id"]}
        if product["base_variant_id"]:
            body["sku"] = self.state.variants[product["base_variant_id"]]["sku"]
        chosen = set(fields) if fields is not None else set(body)
        result = {"id": product["id"], **{name: value for name, value in body.items() if name in chosen}}
        if "variants" in include:
            result["variants"] = [self.shown_variant(one) for one in variants]
        return result

    def shown_variant(self, variant: Json, fields: Iterable[str] | None = None) -> Json:
        product = self.state.products[variant["product_id"]]
        base = product.get("base_variant_id") == variant["id"]
        body = {
            name: number(product[name] if base and name in PRODUCT_DEFAULTS else variant[name])
            for name in VARIANT_FIELDS
        }
        body = {name: value for name, value in body.items() if value is not None}  # the documents know no null here
        body |= {name: variant[name] for name in ("product_id", "sku", "option_values")}
        body |= {"inventory_level": self.level(variant["id"]), "inventory_warning_level": 0, "image_url": ""}
        chosen = set(fields) if fields is not None else set(body)
        return {"id": variant["id"], **{name: value for name, value in body.items() if name in chosen}}

    def shown_image(self, image: Json) -> Json:
        return {name: value for name, value in image.items() if name != "from"}
