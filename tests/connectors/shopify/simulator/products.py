"""Products, variants, media, collections and publications: what the shop's catalogue does and refuses."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from tests.connectors.shopify.simulator.connection import connection, paged
from tests.connectors.shopify.simulator.inventory import Inventory
from tests.connectors.shopify.simulator.state import (
    PRIMARY,
    Json,
    State,
    UserErrors,
    Violation,
    gid,
    metafield_of,
    number_of,
    refused,
    set_metafields,
)

D = Decimal
DAILY = (
    "Daily variant creation limit reached. Please try again later. See"
    " https://help.shopify.com/api/getting-started/api-call-limits for more information about rate limits and how to"
    " avoid them."
)
TERM = re.compile(r'(\w+):(>=|>|)(?:"((?:[^"\\]|\\.)*)"|\'([^\']*)\'|(\S+))')


def terms(query: str) -> list[tuple[str, str, str]]:
    """(field, comparison, value) of a search; only what connectors use of the language."""
    found = [(m[1], m[2], (m[3] if m[3] is not None else m[4] or m[5]) or "") for m in TERM.finditer(query)]
    left = TERM.sub("", query).replace("OR", "").replace("AND", "").strip()
    if left:
        raise Violation(f"a search that this simulator does not read: {left!r} of {query!r}")
    return [(name, how, re.sub(r"\\(.)", r"\1", value)) for name, how, value in found]


def tokens(text: str) -> list[str]:
    """How the search index cuts a text: by what is no letter or digit, without case."""
    return [one for one in re.split(r"[\W_]+", text.casefold()) if one] or [text.casefold()]


def money(value: Any, *path: str) -> Decimal:
    amount = D(str(value))
    if amount < 0:
        raise refused("NEGATIVE_PRICE_VALUE", "Price must be greater than or equal to 0", *path)
    return amount.quantize(D("0.01"))


class Products:
    def __init__(self, state: State, inventory: Inventory) -> None:
        self.state = state
        self.inventory = inventory

    # -- what is seen of them

    def variant_view(self, variant: Json) -> Json:
        product = self.state.products[variant["product"]]
        item = variant["item"]
        names = [name for name, _ in product["options"]]
        levels = self.inventory.levels_of(item)
        return {
            "__typename": "ProductVariant",
            "id": gid("ProductVariant", variant["id"]),
            "sku": variant["sku"],
            "title": " / ".join(variant["values"]),
            "price": f"{variant['price']:.2f}",
            "compareAtPrice": None if variant["compare"] is None else f"{variant['compare']:.2f}",
            "barcode": variant["barcode"],
            "taxable": variant["taxable"],
            "inventoryQuantity": sum(one["quantity"] for one in levels) if variant["tracked"] else 0,
            "selectedOptions": [
                {"name": name, "value": value} for name, value in zip(names, variant["values"], strict=True)
            ],
            "product": lambda _: self.product_view(product),
            "inventoryItem": lambda _: self.inventory.item_view(variant),
        }

    def product_view(self, product: Json) -> Json:
        variants = [self.state.variants[one] for one in product["variants"]]
        return {
            "__typename": "Product",
            "id": gid("Product", product["id"]),
            "title": product["title"],
            "status": product["status"],
            "descriptionHtml": product["description"],
            "vendor": product["vendor"],
            "productType": product["type"],
            "tags": product["tags"],
            "options": lambda _, **__: [
                {
                    "__typename": "ProductOption", "id": gid("ProductOption", f"{product['id']}{position}"),
                    "name": name, "position": position + 1, "values": values,
                }
                for position, (name, values) in enumerate(product["options"])
            ],
            "variants": paged(lambda: variants, self.variant_view, lambda one: product["variants"].index(one["id"])),
            "media": paged(lambda: product["media"], self._media_view, product["media"].index),
            "metafield": metafield_of(self.state, gid("Product", product["id"])),
        }  # fmt: skip

    @staticmethod
    def _media_view(media: Json) -> Json:
        return {"__typename": "MediaImage", "id": gid("MediaImage", media["id"]), "alt": media["alt"]}

    def node(self, identity: str) -> Json | None:
        number = identity.rsplit("/", 1)[-1]
        if identity.startswith("gid://shopify/Product/"):
            return self.product_view(self.state.products[number]) if number in self.state.products else None
        if identity.startswith("gid://shopify/ProductVariant/"):
            return self.variant_view(self.state.variants[number]) if number in self.state.variants else None
        if identity.startswith("gid://shopify/InventoryItem/"):
            found = self.inventory.variant_of(number)
            return self.inventory.item_view(found) if found else None
        return None

    # -- queries

    def variants(self, _info: Any, first: int, after: str | None = None, query: str | None = None, **_: Any) -> Json:
        found = [one for one in self.state.variants.values() if one["id"] not in self.state.unindexed]
        if query:
            wanted = terms(query)
            found = [one for one in found if any(self._matches(one, *term) for term in wanted)]
        return connection(found, self.variant_view, first, after, lambda one: int(one["id"]))

    @staticmethod
    def _matches(variant: Json, name: str, how: str, value: str) -> bool:
        if name == "sku":
            own = tokens(variant["sku"] or "")
            return bool(variant["sku"]) and all(any(o.startswith(t) for o in own) for t in tokens(value))
        if name == "id" and how == ">":
            return int(variant["id"]) > int(value)
        raise Violation(f"productVariants has no search by {name}{how}")

    def product(self, _info: Any, id: str) -> Json | None:
        found = self.state.products.get(number_of(id, "Product"))
        return self.product_view(found) if found else None

    def by_identifier(self, _info: Any, identifier: Mapping[str, Any]) -> Json | None:
        found = self._identified(identifier)
        return self.product_view(found) if found else None

    def _identified(self, identifier: Mapping[str, Any]) -> Json | None:
        if identifier.get("id"):
            return self.state.products.get(number_of(identifier["id"], "Product"))
        custom = identifier.get("customId")
        if not custom:
            raise Violation(f"a product is identified by {identifier}")
        place = (custom.get("namespace") or "$app", custom["key"])
        defined = self.state.definitions.get(("PRODUCT", *place))
        if not defined or defined["type"] != "id":
            raise refused("INVALID_METAFIELD", "Metafield definition of type 'id' is required when using custom ids.")
        for (owner, *where), value in self.state.metafields.items():
            if tuple(where) == place and value["value"] == custom["value"] and "/Product/" in owner:
                return self.state.products.get(owner.rsplit("/", 1)[-1])
        return None

    # -- productSet

    def set(self, _info: Any, input: Json, identifier: Json | None = None, synchronous: bool = True) -> Json:
        existing = self._identified(identifier) if identifier else None
        variants = input.get("variants")
        if variants is not None and not input.get("productOptions"):
            raise refused(
                "PRODUCT_OPTIONS_INPUT_MISSING", "Product options are required when updating variants", "input"
            )
        if not existing and not (input.get("title") or "").strip():
            raise refused("INVALID_PRODUCT", "Title can't be blank", "input", "title")
        self._limits(input)
        custom = (identifier or {}).get("customId")
        if custom and input.get("metafields") is not None:
            same = [
                one for one in input["metafields"]
                if (one.get("namespace"), one.get("key"), one.get("value"))
                == (custom.get("namespace"), custom["key"], custom["value"])
            ]  # fmt: skip
            if not same:
                raise refused("METAFIELD_MISMATCH", "metafields must contain the customId value", "input", "metafields")
        if existing and variants is not None:  # lists are replaced
            for gone in [
                one for one in existing["variants"] if one not in {self._known(existing, v) for v in variants}
            ]:
                self._drop_variant(existing, gone)
        product = existing or self._blank()
        try:
            self._fields(product, input)
            if variants is not None:
                product["options"] = [
                    (one["name"], [v["name"] for v in one["values"]]) for one in input["productOptions"]
                ]
                for position, one in enumerate(variants):
                    self._put(product, one, ("input", "variants", str(position)), levels=one.get("inventoryQuantities"))
            if "files" in input:
                product["media"] = [self._media(one, ("input", "files")) for one in input["files"] or []]
            if input.get("collections") is not None:
                product["collections"] = {number_of(one, "Collection") for one in input["collections"]}
            set_metafields(
                self.state, gid("Product", product["id"]), "PRODUCT", input.get("metafields") or [], "metafields"
            )
        except UserErrors:
            if not existing:
                self.delete(product["id"])
            raise
        return {"product": self.product_view(product), "productSetOperation": None}

    def _limits(self, input: Json) -> None:
        variants = input.get("variants") or []
        if len(variants) > self.state.features.max_variants:
            raise refused("VARIANTS_OVER_LIMIT", "Number of product variants exceeds shop limit", "input", "variants")
        if len(input.get("productOptions") or []) > 3:
            raise refused("OPTIONS_OVER_LIMIT", "Options over limit", "input", "productOptions")
        self._day(len(variants))
        for position, one in enumerate(variants):
            self._reject(one.get("sku"), "INVALID_VARIANT", ("input", "variants", str(position)))

    def _day(self, count: int) -> None:
        left = self.state.features.variants_left_today
        if left is None:
            return
        if count > left:
            raise refused("", DAILY)
        self.state.features.variants_left_today = left - count

    def _reject(self, sku: str | None, code: str, path: tuple[str, ...]) -> None:
        if sku is not None and sku == self.state.misbehaviour.reject_sku:
            raise refused(code, f"The shop does not take {sku}", *path)

    def _blank(self) -> Json:
        number = self.state.number()
        product = {
            "id": number, "title": "", "status": "ACTIVE", "description": "", "vendor": "", "type": "", "tags": [],
            "options": [], "variants": [], "media": [], "collections": set(), "publications": set(), "category": None,
        }  # fmt: skip
        self.state.products[number] = product
        return product

    def _fields(self, product: Json, given: Mapping[str, Any]) -> None:
        places = {"title": "title", "descriptionHtml": "description", "vendor": "vendor", "productType": "type"}
        for name, place in {**places, "status": "status", "tags": "tags", "category": "category"}.items():
            if name in given:
                product[place] = given[name]
        if len(product["title"]) > 255:
            raise refused("INVALID_PRODUCT", "Title is too long (maximum is 255 characters)", "input", "title")
        if len(product["tags"]) > 250 or any("," in one for one in product["tags"]):
            raise refused("INVALID_PRODUCT", "Product tags are invalid", "input", "tags")

    @staticmethod
    def _known(product: Json, given: Mapping[str, Any]) -> str:
        return str(given.get("id", "")).rsplit("/", 1)[-1]

    def _media(self, one: Mapping[str, Any], path: tuple[str, ...]) -> Json:
        parts = urlsplit(one.get("originalSource") or "")
        if parts.scheme not in ("http", "https") or not parts.netloc:
            raise refused("INVALID_INPUT", "Image URL is invalid: media", *path)
        return {"id": self.state.number(), "source": one["originalSource"], "alt": one.get("alt") or ""}

    # -- variants

    def _values(self, product: Json, given: Mapping[str, Any], path: tuple[str, ...]) -> list[str]:
        wanted = {one.get("optionName"): one.get("name") for one in given.get("optionValues") or []}
        names = [name for name, _ in product["options"]]
        for name in wanted:
            if name not in names:
                raise refused("OPTION_DOES_NOT_EXIST", f"Option does not exist: {name}", *path, "optionValues")
        if set(wanted) != set(names):
            raise refused("NEED_TO_ADD_OPTION_VALUES", "Variant options are not enough", *path, "optionValues")
        for name, values in product["options"]:
            if wanted[name] not in values:
                values.append(wanted[name])
        return [wanted[name] for name in names]

    def _put(
        self, product: Json, given: Mapping[str, Any], path: tuple[str, ...], levels: list[Json] | None = None
    ) -> Json:
        known = self.state.variants.get(str(given.get("id", "")).rsplit("/", 1)[-1])
        item = given.get("inventoryItem") or {}
        if known is None:
            values = self._values(product, given, path)
            for other in product["variants"]:
                if [v.casefold() for v in self.state.variants[other]["values"]] == [v.casefold() for v in values]:
                    raise refused(
                        "VARIANT_ALREADY_EXISTS", f"The variant '{' / '.join(values)}' already exists.", *path
                    )
            number = self.state.number()
            known = {
                "id": number, "item": self.state.number(), "product": product["id"], "values": values, "sku": None,
                "price": D("0.00"), "compare": None, "barcode": None, "taxable": True, "tracked": False, "media": None,
                "hidden": False, "weight": None, "policy": "DENY", "published": given.get("published", True),
            }  # fmt: skip
            self.state.variants[number] = known
            product["variants"].append(number)
            if self.state.features.index_lag:
                self.state.unindexed.add(number)
        elif given.get("optionValues"):
            known["values"] = self._values(product, given, path)
        if "price" in given:
            known["price"] = money(given["price"] or 0, *path, "price")
        if "compareAtPrice" in given:
            compare = given["compareAtPrice"]
            known["compare"] = None if compare is None else money(compare, *path, "compareAtPrice")
        for name, place in {"barcode": "barcode", "taxable": "taxable", "inventoryPolicy": "policy"}.items():
            if name in given:
                known[place] = given[name]
        if "sku" in given or "sku" in item:
            known["sku"] = given.get("sku", item.get("sku"))
        if item.get("tracked") is not None:
            known["tracked"] = item["tracked"]
        if item.get("measurement"):
            known["weight"] = item["measurement"].get("weight")
        if given.get("mediaId"):
            known["media"] = number_of(given["mediaId"], "MediaImage")
        if given.get("file"):
            known["media"] = given["file"]["originalSource"]
        for level in levels or []:
            location = number_of(level["locationId"], "Location")
            if location not in self.state.locations:
                raise refused("TRACKED_VARIANT_LOCATION_NOT_FOUND", "The location was not found", *path)
            self.inventory.put(known["item"], location, level.get("quantity", level.get("availableQuantity", 0)))
        return known

    def _of_product(self, productId: str) -> Json:
        found = self.state.products.get(number_of(productId, "Product"))
        if found is None:
            raise refused("PRODUCT_DOES_NOT_EXIST", "Product does not exist", "productId")
        return found

    def create_variants(
        self, _info: Any, productId: str, variants: list[Json], strategy: str = "DEFAULT", media: Any = None
    ) -> Json:
        product = self._of_product(productId)
        if len(variants) > 250:
            raise Violation("more than 250 variants in one call")
        if len(product["variants"]) + len(variants) > self.state.features.max_variants:
            raise refused("INVALID", "Number of product variants exceeds shop limit", "variants")
        for position, one in enumerate(variants):
            if "id" in one:
                raise refused("NO_KEY_ON_CREATE", "On create, id cannot be used", "variants", str(position), "id")
            self._reject((one.get("inventoryItem") or {}).get("sku"), "INVALID_INPUT", ("variants", str(position)))
        self._day(len(variants))
        made: list[Json] = []
        try:
            for position, one in enumerate(variants):
                made.append(self._put(product, one, ("variants", str(position)), one.get("inventoryQuantities")))
        except UserErrors:
            for one in made:  # all or nothing
                self._drop_variant(product, one["id"])
            raise
        return {"product": self.product_view(product), "productVariants": [self.variant_view(one) for one in made]}

    def update_variants(
        self, _info: Any, productId: str, variants: list[Json], allowPartialUpdates: bool = False, media: Any = None
    ) -> Json:
        product = self._of_product(productId)
        if len(variants) > 250:
            raise Violation("more than 250 variants in one call")
        errors: list[tuple[str, str, list[str]]] = []
        done: list[Json] = []
        for position, one in enumerate(variants):
            number = number_of(one["id"], "ProductVariant")
            path = ("variants", str(position))
            try:
                if number not in product["variants"]:
                    raise refused("PRODUCT_VARIANT_DOES_NOT_EXIST", "Product variant does not exist", *path, "id")
                if "inventoryQuantities" in one:
                    raise refused("NO_INVENTORY_QUANTITIES_ON_VARIANTS_UPDATE", "Only on create", *path)
                self._reject(self.state.variants[number]["sku"], "INVALID_INPUT", path)
                done.append(self._put(product, one, path))
            except UserErrors as error:
                errors += [(e["code"], e["message"], e["field"]) for e in error.errors]
                if not allowPartialUpdates:
                    raise
        return {
            "product": self.product_view(product),
            "productVariants": [self.variant_view(one) for one in done],
            "userErrors": [{"code": c, "message": m, "field": f} for c, m, f in errors],
        }

    def update(self, _info: Any, product: Json, media: list[Json] | None = None, **_: Any) -> Json:
        found = self.state.products.get(number_of(product["id"], "Product"))
        if found is None:
            raise refused("", "Product does not exist", "id")
        for one in found["variants"]:
            self._reject(self.state.variants[one]["sku"], "", ("product",))
        made = [self._media(one, ("media", str(n), "originalSource")) for n, one in enumerate(media or [])]
        set_metafields(self.state, product["id"], "PRODUCT", product.get("metafields") or [], "metafields")
        self._fields(found, product)
        found["media"] += made
        for one in product.get("collectionsToJoin") or []:
            found["collections"].add(number_of(one, "Collection"))
        return {"product": self.product_view(found)}

    def delete_media(self, _info: Any, productId: str, mediaIds: list[str]) -> Json:
        product = self._of_product(productId)
        gone = {number_of(one, "MediaImage") for one in mediaIds}
        product["media"] = [one for one in product["media"] if one["id"] not in gone]
        return {"deletedMediaIds": mediaIds, "mediaUserErrors": []}

    def reorder_media(self, _info: Any, id: str, moves: list[Json]) -> Json:
        product = self._of_product(id)
        for move in moves:
            number = number_of(move["id"], "MediaImage")
            one = next(media for media in product["media"] if media["id"] == number)
            product["media"].remove(one)
            product["media"].insert(int(move["newPosition"]), one)
        return {"job": {"__typename": "Job", "id": gid("Job", "1")}, "mediaUserErrors": []}

    def _drop_variant(self, product: Json, number: str) -> None:
        product["variants"].remove(number)
        self.inventory.forget(self.state.variants.pop(number)["item"])
        self.state.unindexed.discard(number)

    def delete(self, number: str) -> None:
        product = self.state.products[number]
        for one in list(product["variants"]):
            self._drop_variant(product, one)
        del self.state.products[number]
        for key in [key for key in self.state.metafields if key[0] == gid("Product", number)]:
            del self.state.metafields[key]

    # -- publications and collections

    def publish(self, show: bool) -> Callable[..., Json]:
        def mutation(_info: Any, id: str, input: list[Json]) -> Json:
            channels = {number_of(one["publicationId"], "Publication") for one in input}
            kind, number = id.split("/")[-2:]
            if kind == "Product" and number in self.state.products:
                there = self.state.products[number]["publications"]
                self.state.products[number]["publications"] = there | channels if show else there - channels
            elif kind == "ProductVariant" and number in self.state.variants:
                self.state.variants[number]["hidden"] = not show
            else:
                raise refused("", "The resource does not exist", "id")
            return {}

        return mutation

    def publication_list(self, _info: Any, first: int, **_: Any) -> Json:
        def view(number: str) -> Json:
            name = self.state.publications[number]
            return {
                "__typename": "Publication", "id": gid("Publication", number), "name": name,
                "catalog": {"__typename": "AppCatalog", "title": f"{name} catalog"},
            }  # fmt: skip

        return connection(self.state.publications, view, first, None, int)

    def collection_list(self, _info: Any, first: int, query: str = "", **_: Any) -> Json:
        wanted = [set(tokens(value)) for name, _, value in terms(query) if name == "title"]
        found = [one for one in self.state.collections.values() if any(w <= set(tokens(one["title"])) for w in wanted)]
        return connection(found, self._collection_view, first, None, lambda one: int(one["id"]))

    @staticmethod
    def _collection_view(one: Json) -> Json:
        return {
            "__typename": "Collection", "id": gid("Collection", one["id"]), "title": one["title"],
            "ruleSet": one["rules"],
        }  # fmt: skip

    def create_collection(self, _info: Any, input: Json, **_: Any) -> Json:
        number = self.state.number()
        self.state.collections[number] = {"id": number, "title": input["title"], "rules": None}
        return {"collection": self._collection_view(self.state.collections[number])}

    def by_hand(self, sku: str, name: str, price: Decimal, quantity: int) -> Json:
        """What the merchant makes in the admin."""
        product = self._blank()
        product |= {"title": name, "options": [("Title", ["Default Title"])], "publications": {"501"}}
        body = {
            "optionValues": [{"optionName": "Title", "name": "Default Title"}], "sku": sku, "price": str(price),
            "inventoryItem": {"tracked": True},
        }  # fmt: skip
        levels = [{"locationId": gid("Location", PRIMARY), "quantity": quantity}]
        return self._put(product, body, (), levels)
