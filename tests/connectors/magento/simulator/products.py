"""Products, attributes, categories, prices and sources, as Magento's repositories treat them."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.connectors.magento.simulator.prices import Prices
from tests.connectors.magento.simulator.state import (
    DEFAULT_SET,
    ROOT_CATEGORY,
    WEBSITES,
    ZONE,
    ApiError,
    D,
    Json,
    PlainError,
    State,
    number,
)

SYSTEM = ("name", "sku", "price", "status", "visibility", "weight")
TEXTS = (
    "url_key",
    "description",
    "short_description",
    "meta_keyword",
    "special_price",
    "special_from_date",
    "special_to_date",
    "tax_class_id",
    "msrp",
)
IMAGE = "image"


def slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


class Products(Prices):
    def __init__(self, state: State) -> None:
        self.state = state
        for code in TEXTS:
            self.make_attribute(code, code, "text", user=False)
        self.make_attribute("manufacturer", "Manufacturer", "select", user=True)
        self.make_attribute("color", "Color", "select", user=True)
        self.make_attribute("material", "Material", "text", user=True)
        state.categories[1] = {"id": 1, "parent": 0, "name": "Root Catalog"}
        state.categories[ROOT_CATEGORY] = {"id": ROOT_CATEGORY, "parent": 1, "name": "Default Category"}

    # -- attributes

    def make_attribute(self, code: str, label: str, kind: str, *, user: bool, in_set: bool = True) -> Json:
        one = {"id": self.state.number(), "code": code, "label": label, "kind": kind, "user": user, "options": {}}
        self.state.attributes[code] = one
        if in_set:
            self.state.set_codes.add(code)
        return one

    def attribute_out(self, one: Json) -> Json:
        options = [{"label": " ", "value": ""}] if one["kind"] == "select" else []
        options += [{"label": label, "value": str(key)} for key, label in one["options"].items()]
        return {
            "attribute_id": one["id"], "attribute_code": one["code"], "frontend_input": one["kind"],
            "entity_type_id": "4",
            "is_required": False, "is_user_defined": one["user"], "default_frontend_label": one["label"],
            "frontend_labels": [], "scope": "global", "options": options, "is_visible": True,
        }  # fmt: skip

    def attribute(self, code: str) -> Json:
        if code not in self.state.attributes:
            raise ApiError(
                404,
                'The attribute with a "%1" attributeCode doesn\'t exist. Verify the attribute and try again.',
                [code],
            )
        return self.state.attributes[code]

    def save_attribute(self, given: Json) -> Json:
        code = given["attribute_code"]
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,29}", code):
            raise ApiError(400, 'The attribute code "%1" is invalid.', [code])
        if code in self.state.attributes:
            raise ApiError(400, "An attribute with the same code (%1) already exists.", [code])
        return self.make_attribute(
            code, given["default_frontend_label"], given["frontend_input"], user=True, in_set=False
        )

    def add_option(self, code: str, option: Json) -> str:
        one = self.attribute(code)
        label = option["label"].strip()
        if label.upper() in {known.upper() for known in one["options"].values()}:
            raise ApiError(400, 'Admin store attribute option label "%1" already exists.', [label])
        key = self.state.number()
        one["options"][key] = label
        return str(key)

    # -- saving products

    def by_sku(self, sku: str) -> Json | None:
        """The database's collation ignores case."""
        return next((one for one in self.state.products.values() if one["sku"].casefold() == sku.casefold()), None)

    def get(self, sku: str) -> Json:
        found = self.by_sku(sku)
        if found is None:
            raise ApiError(404, "The product that was requested doesn't exist. Verify the product and try again.")
        return found

    def save(self, given: Json) -> Json:
        state = self.state
        if not given.get("sku"):
            raise PlainError(
                "Fatal error: Uncaught TypeError: trim(): Argument #1 ($string) must be of type string, null given"
            )
        if state.misbehaviour.deadlock_next > 0:
            state.misbehaviour.deadlock_next -= 1
            raise ApiError(400, "Database deadlock found when trying to get lock")
        if state.misbehaviour.gateway_fails_on == given.get("type_id"):
            raise ApiError(502, "Bad Gateway")
        if state.misbehaviour.reject_sku == given["sku"]:
            raise ApiError(400, "Invalid product data: %1", ['The value of attribute "name" is not for this shop'])
        if len(given["sku"]) > 64:
            raise ApiError(400, "SKU length should be 64 characters maximum.")
        one = self.by_sku(given["sku"])
        if one is None:
            if not given.get("name"):
                raise ApiError(
                    400, 'The "%1" attribute value is empty. Set the attribute and try again.', ["Product Name"]
                )
            one = {
                "id": state.number(), "sku": given["sku"], "name": "", "price": None, "status": 1, "visibility": 4,
                "type": given.get("type_id", "simple"), "weight": None, "websites": [], "categories": [],
                "attributes": {},
                "media": [], "stock": {"qty": D(0), "in": False}, "axes": [], "links": [], "created": state.stamp(),
            }  # fmt: skip
            new = True
        else:
            new = False
        self._url_key(one, given, new)
        for key in ("name", "status", "visibility"):
            if key in given:
                one[key] = given[key]
        if "price" in given:
            one["price"] = D(str(given["price"]))
        if "weight" in given:
            one["weight"] = D(str(given["weight"]))
        self._custom(one, given.get("custom_attributes") or [])
        self._extension(one, given.get("extension_attributes") or {})
        if "media_gallery_entries" in given:
            self._media(one, given["media_gallery_entries"])
        one["updated"] = state.stamp()
        state.products[one["id"]] = one
        return one

    def _url_key(self, one: Json, given: Json, new: bool) -> None:
        """Of the name unless given; two in one shop are refused."""
        asked = next(
            (a["value"] for a in given.get("custom_attributes") or [] if a["attribute_code"] == "url_key"), None
        )
        if asked is None and not new:
            return
        key = asked or slug(given["name"])
        if any(
            other is not one and other["attributes"].get("url_key") == key for other in self.state.products.values()
        ):
            raise ApiError(400, "URL key for specified store already exists.")
        one["attributes"]["url_key"] = key

    def _custom(self, one: Json, given: list[Json]) -> None:
        codes = {entry["attribute_code"] for entry in given}
        for entry in given:
            code, value = entry["attribute_code"], entry["value"]
            known = self.state.attributes.get(code)
            if known is None or code not in self.state.set_codes or code == "url_key":
                continue  # Magento says nothing about what it does not know
            if known["kind"] == "select" and value and int(value) not in known["options"]:
                raise ApiError(400, "Invalid option id %1 of %2", [value, code])
            if value in ("", None):
                one["attributes"].pop(code, None)
            else:
                one["attributes"][code] = value
        if one["attributes"].get("special_price") and "special_from_date" not in codes | set(one["attributes"]):
            today = datetime.now(ZONE).strftime("%Y-%m-%d 00:00:00")
            one["attributes"]["special_from_date"] = today

    def _extension(self, one: Json, given: Json) -> None:
        if "website_ids" in given:
            if not set(given["website_ids"]) <= set(WEBSITES) - {0}:
                raise ApiError(404, "The website with id %1 that was requested wasn't found.", [given["website_ids"]])
            one["websites"] = list(given["website_ids"])
        if "category_links" in given:
            ids = [int(link["category_id"]) for link in given["category_links"]]
            if not set(ids) <= set(self.state.categories):
                raise ApiError(
                    404, "No such entity with %fieldName = %fieldValue", {"fieldName": "id", "fieldValue": str(ids)}
                )
            one["categories"] = ids
        if "stock_item" in given:
            item = given["stock_item"]
            one["stock"]["in"] = item.get("is_in_stock", one["stock"]["in"])
            if "qty" in item:
                one["stock"]["qty"] = D(str(item["qty"]))
                if self.state.features.msi:
                    self._source_item(one["sku"], "default", D(str(item["qty"])), int(one["stock"]["in"]))
        if "configurable_product_options" in given:
            one["axes"] = [self._axis(axis) for axis in given["configurable_product_options"]]
        if "configurable_product_links" in given:
            self._links(one, given["configurable_product_links"])

    def _axis(self, given: Json) -> str:
        found = next(
            (a for a in self.state.attributes.values() if str(a["id"]) == str(given.get("attribute_id"))), None
        )
        if found is None or found["kind"] != "select":
            raise ApiError(400, "Option attribute ID %1 cannot be used.", [given.get("attribute_id")])
        if not given.get("values"):
            raise ApiError(400, "Option values are not specified.")
        return str(found["code"])

    def _links(self, one: Json, ids: list[int]) -> None:
        if one["type"] != "configurable":
            return
        if not one["axes"]:
            raise ApiError(400, "The parent product doesn't have configurable product options.")
        seen: dict[tuple[str, ...], str] = {}
        for key in ids:
            child = self.state.products.get(key)
            if child is None:
                raise ApiError(400, "The product that was requested doesn't exist: %1", [key])
            values = tuple(str(child["attributes"].get(code)) for code in one["axes"])
            if "None" in values:
                raise ApiError(
                    400, 'Product with id "%1" does not contain required attribute "%2".', [key, one["axes"]]
                )
            if values in seen:
                raise ApiError(
                    400, 'Products "%1" and "%2" have the same set of attribute values.', [seen[values], child["sku"]]
                )
            seen[values] = child["sku"]
        one["links"] = list(ids)

    def add_child(self, sku: str, child_sku: str) -> bool:
        one, child = self.get(sku), self.get(child_sku)
        if child["id"] in one["links"]:
            raise ApiError(400, "The product is already attached.")
        self._links(one, [*one["links"], child["id"]])
        return True

    def _media(self, one: Json, given: list[Json]) -> None:
        """What is not named is removed."""
        known = {entry["id"]: entry for entry in one["media"]}
        result = []
        for entry in given:
            if "id" in entry:
                if entry["id"] not in known:
                    raise ApiError(400, "The image content is invalid. Verify the content and try again.")
                result.append(
                    {
                        **known[entry["id"]],
                        "types": entry["types"],
                        "position": entry["position"],
                        "label": entry["label"],
                    }
                )
                continue
            content = entry["content"]
            if not content["type"].startswith("image/"):
                raise ApiError(400, "The image MIME type is not valid or not supported.")
            result.append(
                {
                    "id": self.state.number(), "file": f"/{content['name']}", "label": entry["label"],
                    "position": entry["position"],
                    "types": entry["types"], "data": content["base64_encoded_data"],
                }
            )  # fmt: skip
        one["media"] = result

    # -- products on their way out

    def out(self, one: Json, *, whole: bool) -> Json:
        """Lists know nothing of stock, nor of what a configurable product consists of."""
        extension: Json = {
            "website_ids": one["websites"],
            "category_links": [{"position": 0, "category_id": str(key)} for key in one["categories"]],
        }
        if whole:
            extension["stock_item"] = self.stock_item(one)
            if one["type"] == "configurable":
                extension["configurable_product_links"] = one["links"]
                extension["configurable_product_options"] = [
                    self._axis_out(one, place, code) for place, code in enumerate(one["axes"])
                ]
        found: Json = {
            "id": one["id"], "sku": one["sku"], "name": one["name"], "attribute_set_id": DEFAULT_SET,
            "status": one["status"],
            "visibility": one["visibility"], "type_id": one["type"], "created_at": one["created"],
            "updated_at": one["updated"],
            "extension_attributes": extension, "product_links": [], "options": [], "tier_prices": [],
            "media_gallery_entries": [
                {
                    "id": entry["id"], "media_type": IMAGE, "label": entry["label"], "position": entry["position"],
                    "disabled": False,
                    "types": entry["types"], "file": entry["file"],
                }
                for entry in one["media"]
            ],
            "custom_attributes": [{"attribute_code": code, "value": str(value)} for code,
            value in one["attributes"].items()],
        }  # fmt: skip
        if one["price"] is not None:
            found["price"] = number(one["price"])
        if one["weight"] is not None:
            found["weight"] = number(one["weight"])
        return found

    def _axis_out(self, one: Json, place: int, code: str) -> Json:
        attribute = self.state.attributes[code]
        used = {str(self.state.products[key]["attributes"].get(code)) for key in one["links"]}
        return {
            "id": place + 1, "attribute_id": str(attribute["id"]), "label": attribute["label"], "position": place,
            "values": [{"value_index": int(value)} for value in sorted(used)], "product_id": one["id"],
        }  # fmt: skip

    def stock_item(self, one: Json) -> Json:
        return {
            "item_id": one["id"], "product_id": one["id"], "stock_id": 1, "qty": number(one["stock"]["qty"]),
            "is_in_stock": bool(one["stock"]["in"]), "is_qty_decimal": False,
            "show_default_notification_message": False,
            "use_config_min_qty": True, "min_qty": 0, "use_config_min_sale_qty": 1, "min_sale_qty": 1,
            "use_config_max_sale_qty": True, "max_sale_qty": 10000, "use_config_backorders": True, "backorders": 0,
            "use_config_notify_stock_qty": True, "notify_stock_qty": 1, "use_config_qty_increments": True,
            "qty_increments": 0,
            "use_config_enable_qty_inc": True, "enable_qty_increments": False, "use_config_manage_stock": True,
            "manage_stock": True, "low_stock_date": "", "is_decimal_divided": False, "stock_status_changed_auto": 0,
        }  # fmt: skip

    @staticmethod
    def value(one: Json, name: str) -> Any:
        """What a filter or a sort order of products looks at."""
        return {
            "entity_id": one["id"],
            "sku": one["sku"],
            "type_id": one["type"],
            "name": one["name"],
            "status": one["status"],
        }[name]

    # -- sources

    def _source_item(self, sku: str, source: str, quantity: Decimal, status: int) -> None:
        self.state.source_items[sku, source] = {
            "sku": sku,
            "source_code": source,
            "quantity": quantity,
            "status": status,
        }

    def save_source_items(self, rows: list[Json]) -> None:
        """Any SKU is taken, also one that no product has."""
        if not rows:
            raise ApiError(400, "Input data is empty")
        for row in rows:
            if row["source_code"] not in self.state.sources or row["sku"] == self.state.misbehaviour.reject_sku:
                raise ApiError(400, "Validation Failed", None)
        for row in rows:
            self._source_item(row["sku"], row["source_code"], D(str(row["quantity"])), row["status"])

    def source_total(self, sku: str) -> Decimal:
        return sum((one["quantity"] for (known, _), one in self.state.source_items.items() if known == sku), D(0))

    # -- categories

    def category_tree(self, key: int) -> Json:
        one = self.state.categories[key]
        return {
            "id": key, "parent_id": one["parent"], "name": one["name"], "is_active": True, "position": 1, "level": 1,
            "product_count": 0,
            "children_data": [
                self.category_tree(child["id"]) for child in self.state.categories.values() if child["parent"] == key
            ],
        }  # fmt: skip

    def save_category(self, given: Json) -> Json:
        key = self.state.number()
        self.state.categories[key] = {"id": key, "parent": given["parent_id"], "name": given["name"]}
        return {"id": key, "parent_id": given["parent_id"], "name": given["name"], "is_active": True}

    def category_path(self, key: int) -> str:
        names: list[str] = []
        while key not in (0, 1, ROOT_CATEGORY):
            names.insert(0, self.state.categories[key]["name"])
            key = self.state.categories[key]["parent"]
        return "/".join(names)


def sale_start(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE) if text else None


def sale_end(text: str | None) -> datetime | None:
    """Magento sells at the sale price until a day after the end date, by the shop's wall clock."""
    return (datetime.fromisoformat(text) + timedelta(days=1)).replace(tzinfo=ZONE) if text else None
