"""The routes: what each does with checked arguments, and the answer before it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tests.connectors.bigcommerce.simulator.catalogue import PRODUCT_DEFAULTS, Catalogue, number
from tests.connectors.bigcommerce.simulator.orders import Desk, matches
from tests.connectors.bigcommerce.simulator.specs import Operation, Specs, Violation
from tests.connectors.bigcommerce.simulator.state import ApiError, Json, State

DEFAULT_PAGE, MOST = 50, 250
SCOPES: tuple[tuple[str, str, str], ...] = (
    ("/inventory", "store_inventory_read_only", "store_inventory"),
    ("/catalog", "store_v2_products_read_only", "store_v2_products"),
    ("/pricelists", "store_v2_products_read_only", "store_v2_products"),
    ("/orders", "store_v2_orders_read_only", "store_v2_orders"),
    ("/order_statuses", "store_v2_orders_read_only", "store_v2_orders"),
    ("/store", "store_v2_information_read_only", "store_v2_information"),
)


@dataclass
class Result:
    body: Any
    status: int = 200


def moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        found = parsedate_to_datetime(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


class Api:
    def __init__(self, state: State, specs: Specs) -> None:
        self.state = state
        self.specs = specs
        self.catalogue = Catalogue(state)
        self.desk = Desk(state, self.catalogue)

    def authorise(self, method: str, version: str, path: str) -> None:
        """The token's scopes come before everything else, also before what was sent is looked at."""
        held = self.state.features.scopes
        if version == "v3" and re.fullmatch(r"/orders/\d+/transactions", path):
            needed = {"store_v2_transactions_read_only", "store_v2_transactions"}
        else:
            found = next((one for one in SCOPES if path.startswith(one[0])), None)
            if found is None:
                return
            needed = {found[2]} if method != "get" else {found[1], found[2]}
        if not needed & held:
            raise ApiError(403, "You don't have a required scope to access the endpoint")

    def call(self, method: str, version: str, path: str, query: dict[str, str], body: Any) -> tuple[Operation, Result]:
        self.authorise(method, version, path)
        operation = self.specs.match(method, version, path)
        if operation is None:
            raise ApiError(404, "The route is not found")
        values = self.specs.check_request(operation, query, body)
        self.desk.tick()
        ids = {name: int(value) for name, value in operation.arguments.items() if value.isdigit()}
        handler = self._handlers().get((method, version, operation.path))
        if handler is None:
            raise Violation(f"the simulator has no {method.upper()} {version}{operation.path}")
        return operation, handler(ids, values, body)

    def _handlers(self) -> dict[tuple[str, str, str], Callable[[dict[str, int], Json, Any], Result]]:
        product, options = "/catalog/products/{product_id}", "/catalog/products/{product_id}/options"
        variant = f"{product}/variants/{{variant_id}}"
        refunds = "/orders/payment_actions/refunds"
        return {
            ("get", "v3", "/catalog/products"): lambda i, q, b: self._products(q),
            ("post", "v3", "/catalog/products"): lambda i, q, b: self._create(b),
            ("put", "v3", "/catalog/products"): lambda i, q, b: self._update(b),
            ("get", "v3", product): lambda i, q, b: self._product(i, q),
            ("get", "v3", f"{product}/images"): lambda i, q, b: self._images(i, q),
            ("post", "v3", f"{product}/images"): lambda i, q, b: self._add_image(i, b),
            ("put", "v3", f"{product}/images/{{image_id}}"): lambda i, q, b: self._change_image(i, b),
            ("delete", "v3", f"{product}/images/{{image_id}}"): lambda i, q, b: self._drop_image(i),
            ("get", "v3", f"{product}/custom-fields"): lambda i, q, b: self._custom(i, q),
            ("post", "v3", f"{product}/custom-fields"): lambda i, q, b: self._add_custom(i, b),
            ("put", "v3", f"{product}/custom-fields/{{custom_field_id}}"): lambda i, q, b: self._change_custom(i, b),
            ("get", "v3", f"{product}/variants"): lambda i, q, b: self._children(i, q),
            ("get", "v3", variant): lambda i, q, b: self._variant(i),
            ("post", "v3", f"{variant}/image"): lambda i, q, b: self._variant_image(i, b),
            ("get", "v3", options): lambda i, q, b: self._options(i, q),
            ("post", "v3", f"{options}/{{option_id}}/values"): lambda i, q, b: self._add_value(i, b),
            ("get", "v3", "/catalog/variants"): lambda i, q, b: self._variants(q),
            ("put", "v3", "/catalog/variants"): lambda i, q, b: self._put_variants(b),
            ("get", "v3", "/catalog/categories"): lambda i, q, b: self._categories(q),
            ("post", "v3", "/catalog/categories"): lambda i, q, b: self._add_category(b),
            ("get", "v3", "/inventory/items"): lambda i, q, b: self._items(q),
            ("put", "v3", "/inventory/adjustments/absolute"): lambda i, q, b: self._adjust(b),
            ("get", "v3", "/inventory/locations"): lambda i, q, b: self._locations(q),
            ("get", "v3", "/pricelists/{price_list_id}"): lambda i, q, b: self._price_list(i),
            ("put", "v3", "/pricelists/{price_list_id}/records"): lambda i, q, b: self._records(i, b),
            ("delete", "v3", "/pricelists/{price_list_id}/records"): lambda i, q, b: self._drop_records(i, q),
            ("get", "v3", "/orders/{order_id}/transactions"): lambda i, q, b: self._transactions(i),
            ("post", "v3", "/orders/{order_id}/payment_actions/capture"): lambda i, q, b: self._capture(i),
            ("get", "v3", refunds): lambda i, q, b: self._refunds(q),
            ("get", "v3", "/hooks"): lambda i, q, b: self._paged(list(self.state.webhooks.values()), q),
            ("post", "v3", "/hooks"): lambda i, q, b: self._add_hook(b),
            ("put", "v3", "/hooks/{webhook_id}"): lambda i, q, b: self._change_hook(i, b),
            ("delete", "v3", "/hooks/{webhook_id}"): lambda i, q, b: self._drop_hook(i),
            ("get", "v2", "/orders"): lambda i, q, b: self._orders(q),
            ("get", "v2", "/orders/{order_id}"): lambda i, q, b: self._order(i, q),
            ("put", "v2", "/orders/{order_id}"): lambda i, q, b: self._put_order(i, b),
            ("get", "v2", "/orders/{order_id}/shipments"): lambda i, q, b: self._of(i, q, lambda one: one["shipments"]),
            ("post", "v2", "/orders/{order_id}/shipments"): lambda i, q, b: self._ship(i, b),
            ("get", "v2", "/orders/{order_id}/coupons"): lambda i, q, b: self._of(i, q, self.desk.coupons),
            ("get", "v2", "/orders/{order_id}/taxes"): lambda i, q, b: self._of(i, q, self.desk.taxes),
            ("get", "v2", "/order_statuses"): lambda i, q, b: Result(self.desk.statuses()),
            ("get", "v2", "/store"): lambda i, q, b: Result(self._store()),
            ("get", "v2", "/time"): lambda i, q, b: Result({"time": int(self.state.now().timestamp())}),
        }  # fmt: skip

    # -- lists

    def _paged(self, found: list[Json], query: Json, most: int = MOST) -> Result:
        size, page = min(query.get("limit", DEFAULT_PAGE), most), query.get("page", 1)
        part = found[(page - 1) * size : page * size]
        pages = -(-len(found) // size)
        pagination = {
            "total": len(found), "count": len(part), "per_page": size, "current_page": page, "total_pages": pages,
            "links": {"current": f"?page={page}&limit={size}"},
        }  # fmt: skip
        return Result({"data": part, "meta": {"pagination": pagination}})

    @staticmethod
    def _listed(found: list[Json], query: Json) -> Result:
        """V2: a bare list, and no content where it is empty."""
        size, page = int(query.get("limit", DEFAULT_PAGE)), int(query.get("page", 1))
        part = found[(page - 1) * size : page * size]
        return Result(part) if part else Result(None, 204)

    def _of(self, ids: dict[str, int], query: Json, part: Callable[[Json], list[Json]]) -> Result:
        return self._listed(part(self.desk.get(ids["order_id"])), query)

    # -- catalogue

    def _products(self, query: Json) -> Result:
        found: Iterable[Json] = self.state.products.values()
        if "sku" in query or "sku:in" in query:
            asked = {one.casefold() for one in ([query["sku"]] if "sku" in query else query["sku:in"])}
            found = [one for one in found if self._sku(one).casefold() in asked]
        if "id:in" in query:
            found = [one for one in found if one["id"] in query["id:in"]]
        if "id:greater" in query:
            found = [one for one in found if one["id"] > query["id:greater"]]
        ordered = sorted(found, key=lambda one: one["id"])
        include = query.get("include") or []
        if "options" in include or "modifiers" in include:
            query = {**query, "limit": min(query.get("limit", 10), 10)}
        shown = [self.catalogue.shown(one, include, query.get("include_fields")) for one in ordered]
        return self._paged(shown, query)

    def _sku(self, product: Json) -> str:
        base = product["base_variant_id"]
        return str(self.state.variants[base]["sku"] if base else product["sku"])

    def _product(self, ids: dict[str, int], query: Json) -> Result:
        product = self.catalogue.get(ids["product_id"])
        return Result(
            {"data": self.catalogue.shown(product, query.get("include") or [], query.get("include_fields")), "meta": {}}
        )

    def _create(self, body: Json) -> Result:
        product, status = self.catalogue.create(body)
        shown = self.catalogue.shown(product, ["variants"])
        return Result({"data": [shown] if status == 207 else shown, "meta": {}}, status)

    def _update(self, bodies: list[Json]) -> Result:
        if len(bodies) > 10:
            raise ApiError(413, "Too many products")
        if not bodies:
            raise ApiError(422, "The request is empty")
        return Result({"data": [self.catalogue.shown(one) for one in self.catalogue.update(bodies)], "meta": {}})

    def _images(self, ids: dict[str, int], query: Json) -> Result:
        product = self.catalogue.get(ids["product_id"])
        return self._paged([self.catalogue.shown_image(one) for one in product["images"]], query)

    def _add_image(self, ids: dict[str, int], body: Json) -> Result:
        image = self.catalogue.add_image(self.catalogue.get(ids["product_id"]), body)
        return Result({"data": self.catalogue.shown_image(image), "meta": {}})

    def _image(self, ids: dict[str, int]) -> Json:
        for one in self.catalogue.get(ids["product_id"])["images"]:
            if one["id"] == ids["image_id"]:
                found: Json = one
                return found
        raise ApiError(404, "The image is not found")

    def _change_image(self, ids: dict[str, int], body: Json) -> Result:
        image = self._image(ids)
        image.update(body)
        return Result({"data": self.catalogue.shown_image(image), "meta": {}})

    def _drop_image(self, ids: dict[str, int]) -> Result:
        self.catalogue.get(ids["product_id"])["images"].remove(self._image(ids))
        return Result(None, 204)

    def _custom(self, ids: dict[str, int], query: Json) -> Result:
        return self._paged(self.catalogue.get(ids["product_id"])["custom_fields"], query)

    def _add_custom(self, ids: dict[str, int], body: Json) -> Result:
        return Result(
            {"data": self.catalogue.add_custom_field(self.catalogue.get(ids["product_id"]), body), "meta": {}}
        )

    def _change_custom(self, ids: dict[str, int], body: Json) -> Result:
        for one in self.catalogue.get(ids["product_id"])["custom_fields"]:
            if one["id"] == ids["custom_field_id"]:
                one.update(body)
                return Result({"data": one, "meta": {}})
        raise ApiError(404, "The custom field is not found")

    def _variants(self, query: Json) -> Result:
        found = list(self.state.variants.values())
        if "sku" in query:
            found = [one for one in found if one["sku"].casefold() == query["sku"].casefold()]
        if "product_id:in" in query:
            found = [one for one in found if one["product_id"] in query["product_id:in"]]
        return self._paged([self.catalogue.shown_variant(one, query.get("include_fields")) for one in found], query)

    def _children(self, ids: dict[str, int], query: Json) -> Result:
        return self._variants(query | {"product_id:in": [ids["product_id"]]})

    def _one_variant(self, ids: dict[str, int]) -> Json:
        found = self.state.variants.get(ids["variant_id"])
        if found is None or found["product_id"] != ids["product_id"]:
            raise ApiError(404, "The variant is not found")
        return found

    def _variant(self, ids: dict[str, int]) -> Result:
        return Result({"data": self.catalogue.shown_variant(self._one_variant(ids)), "meta": {}})

    def _variant_image(self, ids: dict[str, int], body: Json) -> Result:
        self.catalogue._check_image(body["image_url"])
        self._one_variant(ids)["image_url"] = body["image_url"]
        return Result({"data": {"image_url": body["image_url"]}, "meta": {}})

    def _put_variants(self, bodies: list[Json]) -> Result:
        done = self.catalogue.update_variants(bodies)
        return Result({"data": [self.catalogue.shown_variant(one) for one in done], "meta": {}})

    def _options(self, ids: dict[str, int], query: Json) -> Result:
        return self._paged(self.catalogue.get(ids["product_id"])["options"], query)

    def _add_value(self, ids: dict[str, int], body: Json) -> Result:
        for option in self.catalogue.get(ids["product_id"])["options"]:
            if option["id"] == ids["option_id"]:
                return Result({"data": self.catalogue.add_option_value(option, body["label"]), "meta": {}})
        raise ApiError(404, "The option is not found")

    def _categories(self, query: Json) -> Result:
        return self._paged(list(self.state.categories.values()), query)

    def _add_category(self, body: Json) -> Result:
        for one in self.state.categories.values():
            if (one["parent_id"], one["name"].casefold()) == (body["parent_id"], body["name"].casefold()):
                raise ApiError(409, "The category exists")
        made = {"id": self.state.number(), "parent_id": body["parent_id"], "name": body["name"]}
        self.state.categories[made["id"]] = made
        return Result({"data": made, "meta": {}})

    # -- inventory and price lists

    def _items(self, query: Json) -> Result:
        asked = {one.casefold() for one in query.get("sku:in", "").split(",")} if "sku:in" in query else None
        found: list[Json] = []
        for variant in self.state.variants.values():
            if asked is not None and variant["sku"].casefold() not in asked:
                continue
            identity = {"sku": variant["sku"], "variant_id": variant["id"], "product_id": variant["product_id"]}
            places = [
                {
                    "location_id": place, "location_code": f"L{place}", "location_name": name, "location_enabled": True,
                    "available_to_sell": self.state.stock.get((variant["id"], place), 0),
                    "total_inventory_onhand": self.state.stock.get((variant["id"], place), 0),
                    "settings": {"safety_stock": 0, "is_in_stock": False, "warning_level": 0, "bin_picking_number": ""},
                }
                for place, name in self.state.features.locations
            ]  # fmt: skip
            found.append({"identity": identity, "locations": places})
        return self._paged(found, query, 1_000)

    def _adjust(self, body: Json) -> Result:
        self.catalogue.adjust(body["items"])
        return Result({"transaction_id": f"t-{self.state.number()}"})

    def _locations(self, query: Json) -> Result:
        found = [
            {"id": place, "code": f"L{place}", "label": name, "type_id": "PHYSICAL", "enabled": True}
            for n, (place, name) in enumerate(self.state.features.locations)
            if not query.get("is_default") or n == 0
        ]
        return self._paged(found, query)

    def _price_list_records(self, ids: dict[str, int]) -> dict[int, Json]:
        if ids["price_list_id"] not in self.state.price_lists:
            raise ApiError(404, "The price list is not found")
        return self.state.price_lists[ids["price_list_id"]]

    def _price_list(self, ids: dict[str, int]) -> Result:
        self._price_list_records(ids)
        return Result({"data": {"id": ids["price_list_id"], "name": "Wholesale", "active": True}, "meta": {}})

    def _records(self, ids: dict[str, int], bodies: list[Json]) -> Result:
        records = self._price_list_records(ids)
        if len(bodies) > 1_000:
            raise ApiError(413, "Too many records")
        for one in bodies:
            variant = self.state.variants.get(one["variant_id"])
            if variant is None or variant["sku"] == self.state.misbehaviour.reject_sku:
                raise ApiError(422, "The record is invalid")
        for one in bodies:  # what is not sent stays as it is
            records[one["variant_id"]] = {**records.get(one["variant_id"], {}), **one}
        return Result({"data": {}, "meta": {"saved_records": len(bodies)}})

    def _drop_records(self, ids: dict[str, int], query: Json) -> Result:
        records = self._price_list_records(ids)
        for one in query.get("variant_id:in") or []:
            records.pop(one, None)
        return Result(None, 204)

    # -- orders

    def _orders(self, query: Json) -> Result:
        asked = {**query}
        for name in ("min_date_modified", "min_date_created"):
            if name in asked:
                asked[name] = moment(asked[name])
        found = [one for one in self.state.orders.values() if matches(one, asked)]
        field, _, way = str(query.get("sort", "id:asc")).partition(":")
        keys: dict[str, Callable[[Json], Any]] = {
            "date_modified": lambda one: (one["modified"], one["id"]),
            "id": lambda one: one["id"],
        }
        ordered = sorted(found, key=keys[field], reverse=way == "desc")
        size, page = min(int(query.get("limit", DEFAULT_PAGE)), MOST), int(query.get("page", 1))
        include = query.get("include") or []
        part = [self.desk.shown(one, include) for one in ordered[(page - 1) * size : page * size]]
        return Result(part) if part else Result(None, 204)

    def _order(self, ids: dict[str, int], query: Json) -> Result:
        return Result(self.desk.shown(self.desk.get(ids["order_id"]), query.get("include") or []))

    def _put_order(self, ids: dict[str, int], body: Json) -> Result:
        order = self.desk.get(ids["order_id"])
        self.desk.set_status(order, body["status_id"])
        return Result(self.desk.shown(order))

    def _ship(self, ids: dict[str, int], body: Json) -> Result:
        return Result(self.desk.ship(self.desk.get(ids["order_id"]), body), 201)

    def _transactions(self, ids: dict[str, int]) -> Result:
        found = self.desk.get(ids["order_id"])["transactions"]
        if not found:
            return Result(None, 204)
        return Result({"data": found, "meta": {}})

    def _capture(self, ids: dict[str, int]) -> Result:
        self.desk.capture(self.desk.get(ids["order_id"]))
        return Result({}, 201)

    def _refunds(self, query: Json) -> Result:
        found = sorted(self.state.refunds.values(), key=lambda one: one["id"])
        if "order_id:in" in query:
            found = [one for one in found if one["order_id"] in query["order_id:in"]]
        if "created:min" in query:
            found = [one for one in found if moment(one["created"]) >= moment(query["created:min"])]
        return self._paged(found, query)

    # -- webhooks and the store

    def _add_hook(self, body: Json) -> Result:
        self._check_destination(body["destination"])
        now = int(self.state.now().timestamp())
        hook = {
            "id": self.state.number(), "client_id": "client", "store_hash": "simulated", "scope": body["scope"],
            "destination": body["destination"], "headers": body.get("headers"), "created_at": now, "updated_at": now,
            "is_active": body.get("is_active", True),
        }  # fmt: skip
        self.state.webhooks[hook["id"]] = hook
        return Result({"data": hook, "meta": {}})

    @staticmethod
    def _check_destination(destination: str) -> None:
        if not re.match(r"https://[^/:]+(:443)?/", destination):
            raise ApiError(422, "The destination must be served over https on port 443")

    def _hook(self, ids: dict[str, int]) -> Json:
        if ids["webhook_id"] not in self.state.webhooks:
            raise ApiError(404, "The webhook is not found")
        return self.state.webhooks[ids["webhook_id"]]

    def _change_hook(self, ids: dict[str, int], body: Json) -> Result:
        hook = self._hook(ids)
        self._check_destination(body.get("destination", hook["destination"]))
        hook.update(body)
        return Result({"data": hook, "meta": {}})

    def _drop_hook(self, ids: dict[str, int]) -> Result:
        return Result({"data": self.state.webhooks.pop(self._hook(ids)["id"]), "meta": {}})

    def _store(self) -> Json:
        features = self.state.features
        return {
            "id": "simulated", "name": "Simulated store", "status": "live", "plan_name": "Pro", "currency": "EUR",
            "weight_units": features.weight_units, "dimension_units": features.dimension_units, "language": "en",
            "timezone": {"name": "Europe/Berlin", "raw_offset": 3600, "dst_offset": 7200, "dst_correction": False},
        }  # fmt: skip


__all__ = ["PRODUCT_DEFAULTS", "Api", "Result", "number"]
