"""Products, variations, terms and media, with WooCommerce's rules."""

from __future__ import annotations

import html
import re
from contextlib import suppress
from decimal import Decimal
from typing import Any

from tests.connectors.woocommerce.simulator.state import (
    ApiError,
    Json,
    State,
    both,
    escaped,
    from_gmt,
    updated_meta,
)

PLAIN = (
    "description",
    "short_description",
    "slug",
    "catalog_visibility",
    "tax_status",
    "tax_class",
    "weight",
    "backorders",
)
TAXONOMIES = {"categories": "product_cat", "tags": "product_tag", "brands": "product_brand"}


def slug(text: str) -> str:
    return re.sub(r"[^\w]+", "-", html.unescape(text).lower()).strip("-")


class Products:
    def __init__(self, state: State) -> None:
        self.state = state

    # -- terms

    def taxonomy(self, name: str) -> dict[int, Json]:
        return self.state.terms.setdefault(name, {})

    def make_term(self, taxonomy: str, body: Json) -> Json:
        parent = body.get("parent", 0)
        for one in self.taxonomy(taxonomy).values():
            same = html.unescape(one["name"]).casefold() == str(body["name"]).casefold()
            if same and one.get("parent", 0) == parent:
                message = "A term with the name provided already exists with this parent."
                raise ApiError(400, "term_exists", message, resource_id=one["id"])
        number = self.state.number()
        term = {
            "id": number,
            "name": escaped(body["name"]),
            "slug": body.get("slug") or slug(body["name"]),
            "parent": parent,
            "description": body.get("description", ""),
            "count": 0,
            "menu_order": 0,
        }
        self.taxonomy(taxonomy)[number] = term
        return term

    def make_attribute(self, body: Json) -> Json:
        wanted = body.get("slug") or slug(body["name"])
        if len(wanted.encode()) >= 28:
            raise ApiError(400, "woocommerce_rest_cannot_create", f"Slug “{wanted}” is too long (28 characters max).")
        if any(one["slug"] == f"pa_{wanted}" for one in self.state.attributes.values()):
            raise ApiError(400, "woocommerce_rest_cannot_create", f"Slug “{wanted}” is already in use.")
        if wanted in ("type", "category", "tag", "year", "order", "name"):
            raise ApiError(
                400, "woocommerce_rest_cannot_create", f"Slug “{wanted}” is not allowed: it is a reserved term."
            )
        number = self.state.number()
        made = {
            "id": number,
            "name": body["name"],
            "slug": f"pa_{wanted}",
            "type": "select",
            "order_by": "menu_order",
            "has_archives": False,
        }
        self.state.attributes[number] = made
        return made

    def attribute_taxonomy(self, attribute_id: int) -> str:
        if attribute_id not in self.state.attributes:
            raise ApiError(404, "woocommerce_rest_taxonomy_invalid", "Resource does not exist.")
        return f"pa:{attribute_id}"

    # -- writing

    def create(self, body: Json) -> Json:
        self._reject(body.get("sku"))
        now = self.state.now()
        product: Json = {
            "id": 0,
            "type": body.get("type", "simple"),
            "parent_id": 0,
            "name": "Product",
            "slug": "",
            "status": "publish",
            "description": "",
            "short_description": "",
            "sku": "",
            "regular_price": "",
            "sale_price": "",
            "date_on_sale_from": None,
            "date_on_sale_to": None,
            "manage_stock": False,
            "stock_quantity": None,
            "backorders": "no",
            "catalog_visibility": "visible",
            "tax_status": "taxable",
            "tax_class": "",
            "weight": "",
            "dimensions": {"length": "", "width": "", "height": ""},
            "images": [],
            "attributes": [],
            "meta_data": [],
            "categories": [],
            "tags": [],
            "brands": [],
            "global_unique_id": "",
            "date_created": now,
            "date_modified": now,
        }
        self._set_product(product, body)
        return self._stored(product)

    def create_variation(self, parent_id: int, body: Json) -> Json:
        parent = self.variable(parent_id)
        self._reject(body.get("sku"))
        now = self.state.now()
        variation: Json = {
            "id": 0,
            "type": "variation",
            "parent_id": parent["id"],
            "name": "",
            "status": "publish",
            "description": "",
            "sku": "",
            "regular_price": "",
            "sale_price": "",
            "date_on_sale_from": None,
            "date_on_sale_to": None,
            "manage_stock": False,
            "stock_quantity": None,
            "backorders": "no",
            "tax_class": "parent",
            "weight": "",
            "dimensions": {"length": "", "width": "", "height": ""},
            "image": None,
            "options": [],
            "meta_data": [],
            "global_unique_id": "",
            "date_created": now,
            "date_modified": now,
        }
        self._set_variation(variation, body, parent)
        return self._stored(variation)

    def update(self, product_id: int, body: Json) -> Json:
        product = self.state.products.get(product_id)
        if product is None:
            raise ApiError(400, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        if product["type"] == "variation":
            message = "To manipulate product variations you should use the variations endpoint."
            raise ApiError(404, "woocommerce_rest_invalid_product_id", message)
        self._reject(product["sku"])
        changed = _copy(product)
        self._set_product(changed, body)
        return self._saved(changed)

    def update_variation(self, parent_id: int, variation_id: int, body: Json) -> Json:
        parent = self.variable(parent_id)
        variation = self.state.products.get(variation_id)
        if variation is None or variation["parent_id"] != parent["id"]:
            raise ApiError(400, "woocommerce_rest_product_variation_invalid_id", "Invalid ID.")
        self._reject(variation["sku"])
        changed = _copy(variation)
        self._set_variation(changed, body, parent)
        return self._saved(changed)

    def variable(self, parent_id: int) -> Json:
        parent = self.state.products.get(parent_id)
        if parent is None or parent["type"] != "variable":
            raise ApiError(404, "woocommerce_rest_product_invalid_id", "Invalid product ID.")
        return parent

    def trash(self, product_id: int) -> None:
        self.state.products[product_id]["status"] = "trash"

    def delete(self, product_id: int) -> None:
        for number in [
            n for n, one in self.state.products.items() if n == product_id or one["parent_id"] == product_id
        ]:
            del self.state.products[number]

    def _reject(self, sku: Any) -> None:
        if sku and sku == self.state.misbehaviour.reject_sku:
            raise ApiError(
                400, "woocommerce_rest_invalid_product", f"The product {sku} is refused by a plugin of this shop."
            )

    def _stored(self, product: Json) -> Json:
        """A new one: the lookup table, which also has what is in the trash, must not know its SKU."""
        kind = "product_variation" if product["type"] == "variation" else "product"
        sku = product["sku"]
        if sku and self.state.features.trash_blocks_sku and self.state.since(9, 1):
            for one in self.state.products.values():
                if one["sku"].casefold() == sku.casefold():
                    message = (
                        f"The product with SKU ({sku}) you are trying to insert is already present in the lookup table"
                    )
                    raise ApiError(400, f"woocommerce_rest_{kind}_not_created", message)
        product["id"] = self.state.number()
        self.state.products[product["id"]] = product
        return product

    def _saved(self, product: Json) -> Json:
        product["date_modified"] = self.state.now()
        self.state.products[product["id"]] = product
        return product

    # -- fields

    def _set_product(self, product: Json, body: Json) -> None:
        if "type" in body:
            product["type"] = body["type"]
        if "name" in body:
            product["name"] = escaped(body["name"])
        for name in (*PLAIN, "status"):
            if name in body:
                product[name] = body[name]
        for field, taxonomy in TAXONOMIES.items():
            if field in body:
                known = self.taxonomy(taxonomy)
                unknown = [one["id"] for one in body[field] if one["id"] not in known]
                if unknown:
                    raise ApiError(400, "woocommerce_rest_invalid_term", f"Unknown terms {unknown} in {field}.")
                product[field] = [one["id"] for one in body[field]]
        if "attributes" in body:
            product["attributes"] = [self._attribute(position, one) for position, one in enumerate(body["attributes"])]
        if "images" in body:
            product["images"] = [self._image(one, "product") for one in body["images"]]
        self._set_common(product, body)
        if product["type"] in ("variable", "grouped"):
            product |= {"regular_price": "", "sale_price": "", "date_on_sale_from": None, "date_on_sale_to": None}

    def _attribute(self, position: int, one: Json) -> Json:
        number = one.get("id", 0)
        if number:
            taxonomy = self.attribute_taxonomy(number)
            for option in one.get("options", []):
                with suppress(ApiError):  # it is there
                    self.make_term(taxonomy, {"name": option})
        return {
            "id": number,
            "name": self.state.attributes[number]["name"] if number else one["name"],
            "position": one.get("position", 0),
            "visible": one.get("visible", False),
            "variation": one.get("variation", False),
            "options": [escaped(option) for option in one.get("options", [])],
        }

    def _image(self, one: Json, kind: str) -> Json:
        if one.get("id"):
            if one["id"] not in self.state.media:
                raise ApiError(400, f"woocommerce_{kind}_invalid_image_id", f"#{one['id']} is an invalid image ID.")
            return self.state.media[one["id"]]
        if "unreachable" in one["src"]:
            raise ApiError(
                400, f"woocommerce_{kind}_image_upload_error", f"Error getting remote image {one['src']}. Error: 404"
            )
        number = self.state.number()
        stored = f"https://shop.test/wp-content/uploads/{number}-{one['src'].rsplit('/', 1)[-1]}"
        self.state.media[number] = {
            "id": number,
            "src": stored,
            "alt": one.get("alt", ""),
            "name": "",
            "from": one["src"],
        }
        return self.state.media[number]

    def _set_variation(self, variation: Json, body: Json, parent: Json) -> None:
        for name in ("status", "description", "tax_class", "weight", "backorders"):
            if name in body:
                variation[name] = body[name]
        if "image" in body:
            variation["image"] = self._image(body["image"], "variation")
        if "attributes" in body:
            variation["options"] = [one for given in body["attributes"] if (one := self._option(given, parent))]
        self._set_common(variation, body)

    def _option(self, given: Json, parent: Json) -> Json | None:
        """The parent's attribute with the option; one that the parent does not use for variations is passed over."""
        for attribute in parent["attributes"]:
            same = attribute["id"] == given["id"] if given.get("id") else slug(attribute["name"]) == slug(given["name"])
            if same and attribute["variation"]:
                names = {html.unescape(one).casefold(): one for one in attribute["options"]}
                option = names.get(given["option"].casefold())
                if option is None:  # a real shop stores it, and the variation cannot be bought
                    self.state.violations.append(f"the parent has no option {given['option']!r} of {attribute['name']}")
                    option = given["option"]
                return {"id": attribute["id"], "name": attribute["name"], "option": option}
        self.state.violations.append(f"the parent has no attribute for {given}")
        return None

    def _set_common(self, product: Json, body: Json) -> None:
        if "dimensions" in body:
            product["dimensions"] = {**product["dimensions"], **body["dimensions"]}
        for name in ("regular_price", "sale_price"):
            if name in body:
                product[name] = _price(body[name])
        for name in ("date_on_sale_from", "date_on_sale_to"):
            if body.get(f"{name}_gmt") is not None:
                product[name] = from_gmt(body[f"{name}_gmt"]) if body[f"{name}_gmt"] else None
        if product["sale_price"] and Decimal(product["sale_price"]) >= Decimal(product["regular_price"] or 0):
            product["sale_price"] = ""  # validate_props
        if "sku" in body:
            self._set_sku(product, body["sku"])
        if "global_unique_id" in body:
            self._set_unique_id(product, body["global_unique_id"])
        self._set_stock(product, body)
        if "meta_data" in body:
            product["meta_data"] = updated_meta(product["meta_data"], body["meta_data"], self.state.number)

    def _set_sku(self, product: Json, sku: str) -> None:
        sku = re.sub(r"[\r\n\t ]+", " ", re.sub(r"<[^>]*>", "", sku)).strip()
        for one in self.state.products.values():
            if (
                sku
                and one["id"] != product["id"]
                and one["status"] != "trash"
                and one["sku"].casefold() == sku.casefold()
            ):
                message = "Invalid or duplicated SKU."
                raise ApiError(400, "product_invalid_sku", message, resource_id=one["id"], unique_sku=f"{sku}-1")
        product["sku"] = sku

    def _set_unique_id(self, product: Json, value: str) -> None:
        for one in self.state.products.values():
            if value and one["id"] != product["id"] and one["global_unique_id"] == value and one["status"] != "trash":
                message = "Invalid or duplicated GTIN, UPC, EAN or ISBN."
                raise ApiError(400, "product_invalid_global_unique_id", message, resource_id=one["id"])
        product["global_unique_id"] = value

    def _set_stock(self, product: Json, body: Json) -> None:
        if not self.state.features.stock_management:
            product |= {"manage_stock": False, "stock_quantity": None}
            return
        if "manage_stock" in body:
            product["manage_stock"] = bool(body["manage_stock"])
        if self.manages_stock(product):
            if body.get("stock_quantity") is not None:
                product["stock_quantity"] = int(body["stock_quantity"])
        else:
            product["stock_quantity"] = None

    def manages_stock(self, product: Json) -> bool | str:
        """Of a variation also "parent"."""
        if product["manage_stock"]:
            return True
        parent = self.state.products.get(product["parent_id"])
        return "parent" if parent is not None and parent["manage_stock"] else False

    def quantity(self, product: Json) -> int | None:
        managed = self.manages_stock(product)
        if managed == "parent":
            return self.state.products[product["parent_id"]]["stock_quantity"] or 0
        return (product["stock_quantity"] or 0) if managed else None

    # -- reading

    def json(self, product: Json) -> Json:
        """The fields of both products and variations; `Specs.filled` leaves what the version has."""
        now = self.state.now()
        quantity, managed = self.quantity(product), self.manages_stock(product)
        on_sale = bool(product["sale_price"]) and (
            (product["date_on_sale_from"] or now) <= now <= (product["date_on_sale_to"] or now)
        )
        children = [one["id"] for one in self.state.products.values() if one["parent_id"] == product["id"]]
        value: Json = {
            **{
                name: product[name]
                for name in (
                    "id",
                    "parent_id",
                    "type",
                    "status",
                    "sku",
                    "regular_price",
                    "sale_price",
                    "description",
                    "weight",
                    "dimensions",
                    "backorders",
                    "meta_data",
                    "global_unique_id",
                )
            },
            **both("date_created", product["date_created"]),
            **both("date_modified", product["date_modified"]),
            **both("date_on_sale_from", product["date_on_sale_from"]),
            **both("date_on_sale_to", product["date_on_sale_to"]),
            "name": product["name"],
            "price": product["sale_price"] if on_sale else product["regular_price"],
            "on_sale": on_sale,
            "purchasable": bool(product["regular_price"]),
            "manage_stock": managed,
            "stock_quantity": quantity,
            "stock_status": "instock" if quantity is None or quantity > 0 else "outofstock",
            "backorders_allowed": product["backorders"] != "no",
            "tax_status": product.get("tax_status", "taxable"),
            "tax_class": product["tax_class"] if product["tax_class"] != "parent" else "",
            "permalink": f"https://shop.test/?p={product['id']}",
            "shipping_class_id": 0,
            "low_stock_amount": None,
            "variations": children,
            "price_html": "",
        }
        if product["type"] == "variation":
            image = product["image"]
            options = ", ".join(html.unescape(one["option"]) for one in product["options"])
            value |= {"attributes": product["options"], "image": image and _media(image), "name": options}
        else:
            value |= {name: product[name] for name in ("slug", "short_description", "catalog_visibility", "attributes")}
            value["images"] = [_media(one) for one in product["images"]]
            for field, taxonomy in TAXONOMIES.items():
                known = self.taxonomy(taxonomy)
                value[field] = [{key: known[one][key] for key in ("id", "name", "slug")} for one in product[field]]
        return value


def _media(image: Json) -> Json:
    return {name: image[name] for name in ("id", "src", "alt", "name")}


def _price(text: str) -> str:
    """wc_format_decimal: a number without needless zeros, or nothing."""
    if text == "":
        return ""
    return format(Decimal(text), "f")


def _copy(product: Json) -> Json:
    return {key: list(value) if isinstance(value, list) else value for key, value in product.items()}
