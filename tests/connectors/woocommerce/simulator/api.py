"""The routes: what each does with checked arguments, and the answer before it is checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tests.connectors.woocommerce.simulator.orders import Orders
from tests.connectors.woocommerce.simulator.products import Products
from tests.connectors.woocommerce.simulator.specs import Match, Specs, Violation
from tests.connectors.woocommerce.simulator.state import ZONE, ApiError, Json, State, both

ORDERS, ORDER_REFUNDS, REFUNDS = "/wc/v3/orders", r"/wc/v3/orders/(?P<order_id>[\d]+)/refunds", "/wc/v3/refunds"
PRODUCTS, VARIATIONS = "/wc/v3/products", r"/wc/v3/products/(?P<product_id>[\d]+)/variations"
TERMS = r"/wc/v3/products/attributes/(?P<attribute_id>[\d]+)/terms"
HIDDEN_STATUSES = ("trash", "auto-draft")


@dataclass
class Result:
    body: Any
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


class Api:
    def __init__(self, state: State, specs: Specs) -> None:
        self.state = state
        self.specs = specs
        self.products = Products(state)
        self.orders = Orders(state, self.products)

    # -- dispatch

    def call(self, method: str, path: str, query: list[tuple[str, str]], body: Any) -> Result:
        """`path` is below /wp-json."""
        own = self._beside_the_core(method, path, dict(query), body)
        if own is not None:
            return own
        match = self.specs.match(method, path)
        if match is None:
            raise ApiError(404, "rest_no_route", "No route was found matching the URL and request method.")
        if method in ("GET", "DELETE"):
            arguments = self.specs.check_query(match, query)
        else:
            self.specs.check_body(match, body)
            arguments = {}
        return self._answer(match, method, arguments, body)

    def _answer(self, match: Match, method: str, query: Json, body: Any) -> Result:
        route, ids = (
            match.route,
            {name: int(value) if value.isdigit() else value for name, value in match.arguments.items()},
        )
        if route.endswith("/batch"):
            return self._batch(route.removesuffix("/batch"), ids, body)
        handlers: dict[tuple[str, str], Callable[[], Result]] = {
            ("GET", PRODUCTS): lambda: self._product_list(query),
            ("GET", r"/wc/v3/products/(?P<id>[\d]+)"): lambda: self._one(PRODUCTS, self._product(ids["id"])),
            ("GET", VARIATIONS): lambda: self._variation_list(query, ids["product_id"]),
            ("GET", "/wc/v3/variations"): lambda: self._variation_list(query, None),
            ("GET", "/wc/v3/products/attributes"): lambda: self._all(
                "/wc/v3/products/attributes", self.state.attributes.values()
            ),
            ("GET", TERMS): lambda: self._terms(TERMS, self.products.attribute_taxonomy(ids["attribute_id"]), query),
            ("GET", "/wc/v3/products/categories"): lambda: self._terms(route, "product_cat", query),
            ("GET", "/wc/v3/products/tags"): lambda: self._terms(route, "product_tag", query),
            ("GET", "/wc/v3/products/brands"): lambda: self._terms(route, "product_brand", query),
            ("GET", ORDERS): lambda: self._order_list(query),
            ("GET", r"/wc/v3/orders/(?P<id>[\d]+)"): lambda: self._one(ORDERS, self._order(ids["id"], query)),
            ("PUT", r"/wc/v3/orders/(?P<id>[\d]+)"): lambda: self._update_order(ids["id"], body),
            ("GET", ORDER_REFUNDS): lambda: self._refund_list(ORDER_REFUNDS, query, ids["order_id"]),
            ("GET", REFUNDS): lambda: self._refund_list(REFUNDS, query, None),
            ("POST", ORDER_REFUNDS): lambda: self._create_refund(ids["order_id"], body),
            ("GET", r"/wc/v3/orders/(?P<order_id>[\d]+)/notes"): lambda: self._notes(ids["order_id"]),
            ("POST", r"/wc/v3/orders/(?P<order_id>[\d]+)/notes"): lambda: self._note(ids["order_id"], body),
            ("GET", "/wc/v3/webhooks"): lambda: self._paged(
                "/wc/v3/webhooks", [self._webhook(one) for one in self.state.webhooks.values()], query
            ),
            ("POST", "/wc/v3/webhooks"): lambda: self._create_webhook(body),
            ("PUT", r"/wc/v3/webhooks/(?P<id>[\d]+)"): lambda: self._update_webhook(ids["id"], body),
            ("DELETE", r"/wc/v3/webhooks/(?P<id>[\d]+)"): lambda: self._delete_webhook(ids["id"], query),
            ("GET", "/wc/v3/system_status"): lambda: Result(self._system_status()),
        }
        creation = {
            PRODUCTS: self.products.create,
            "/wc/v3/products/attributes": self.products.make_attribute,
        }
        if method == "POST" and route in creation:
            return Result(self._shown(route, creation[route](body)), 201)
        if method == "GET" and route.startswith("/wc/v3/settings/"):
            return self._settings(ids)
        handler = handlers.get((method, route))
        if handler is None:
            raise Violation(f"the simulator has no {method} {route}")
        return handler()

    def _beside_the_core(self, method: str, path: str, query: dict[str, str], body: Any) -> Result | None:
        features = self.state.features
        if path in ("", "/"):
            return Result(self._site())
        found = re.fullmatch(r"/wc/v3/orders/(\d+)/fulfillments", path)
        if found and features.fulfilments and self.state.since(10, 1):
            order = self.orders.get(int(found[1]))
            if method == "POST":
                return Result(self.orders.fulfil(order, body), 201)
            return Result(self.orders.fulfilments(order))
        if path == "/wc-shipment-tracking/v3/shipment-trackings/providers" and features.tracking:
            return Result({"Global": {"UPS": "https://ups.test/%1$s"}, "Germany": {"DHL": "https://dhl.test/%1$s"}})
        found = re.fullmatch(r"/wc-shipment-tracking/v3/orders/(\d+)/shipment-trackings", path)
        if found and features.tracking:
            if re.search(r"[^a-z0-9- ]", str(body["tracking_number"]), re.IGNORECASE):
                raise ApiError(
                    404, "woocommerce_rest_order_invalid_id", "Special character not allowd in tracking number"
                )
            entry = self.orders.track(self.orders.get(int(found[1])), body)
            names = ("tracking_id", "tracking_provider", "tracking_number")
            return Result(
                {**{name: entry[name] for name in names}, "tracking_link": "", "date_shipped": "2026-01-01"}, 201
            )
        found = re.fullmatch(r"/wc/v3/payments/orders/(\d+)/capture_authorization", path)
        if found and features.woopayments:
            order = self.orders.get(int(found[1]))
            if body.get("payment_intent_id") != order["transaction_id"]:
                raise ApiError(409, "wcpay_intent_order_mismatch", "The payment cannot be captured")
            self.orders.set_status(order, "processing")
            return Result({"status": "succeeded", "id": order["transaction_id"]})
        return None

    def _site(self) -> Json:
        namespaces = ["wp/v2", "wc/v1", "wc/v2", "wc/v3"]
        if self.state.features.tracking:
            namespaces.append("wc-shipment-tracking/v3")
        return {
            "name": "Test shop",
            "url": "https://shop.test",
            "gmt_offset": "-5",
            "timezone_string": "America/New_York",
            "namespaces": namespaces,
            "routes": {},
        }

    def _system_status(self) -> Json:
        enabled = ["order_attribution"] + (["fulfillments"] if self.state.features.fulfilments else [])
        return {
            "environment": {"version": ".".join(map(str, self.state.version)), "wp_version": "6.8", "home_url": ""},
            "settings": {"currency": "EUR", "enabled_features": enabled, "number_of_decimals": 2},
            "security": {},
        }

    def _settings(self, ids: Json) -> Result:
        values = {
            "woocommerce_weight_unit": "kg",
            "woocommerce_dimension_unit": "cm",
            "woocommerce_manage_stock": "yes" if self.state.features.stock_management else "no",
        }
        if "id" in ids:
            return Result({"id": ids["id"], "value": values[ids["id"]]})
        return Result([{"id": name, "value": value} for name, value in values.items()])

    # -- lists

    def _shown(self, route: str, value: Json) -> Json:
        """An answer as the version gives it; checked."""
        if route in (PRODUCTS, VARIATIONS, "/wc/v3/variations"):
            value = self.products.json(value)
        extra = {
            VARIATIONS: frozenset({"name", "type"} if self.state.since(9, 0) else ()),
            "/wc/v3/variations": frozenset({"name", "parent_id"}),
            ORDERS: frozenset({"currency_symbol"}),
        }.get(route, frozenset())
        shown = self.specs.filled(route, value, extra)
        self.specs.check_answer(route, shown)
        return shown

    def _one(self, route: str, value: Json) -> Result:
        return Result(self._shown(route, value))

    def _all(self, route: str, values: Iterable[Json]) -> Result:
        return Result([self._shown(route, one) for one in values])

    def _paged(self, route: str, values: list[Json], query: Json) -> Result:
        size = query.get("per_page", 10)
        start = query.get("offset") or (query.get("page", 1) - 1) * size
        total = len(values)
        headers = {"X-WP-Total": str(total), "X-WP-TotalPages": str(-(-total // size))}
        return Result([self._shown(route, one) for one in values[start : start + size]], headers=headers)

    def _filtered(self, values: Iterable[Json], query: Json) -> list[Json]:
        found = list(values)
        if query.get("include"):
            found = [one for one in found if one["id"] in query["include"]]
        if query.get("exclude"):
            found = [one for one in found if one["id"] not in query["exclude"]]
        key = {"id": "id", "date": "date_created", "modified": "date_modified"}[query.get("orderby", "date")]
        found.sort(key=lambda one: (one[key], one["id"]), reverse=query.get("order", "desc") == "desc")
        zone = (lambda one: one.replace(tzinfo=None)) if query.get("dates_are_gmt") else _wall
        for argument, name, after in (
            ("after", "date_created", True),
            ("before", "date_created", False),
            ("modified_after", "date_modified", True),
            ("modified_before", "date_modified", False),
        ):
            if query.get(argument):
                limit = _naive(query[argument])
                found = [one for one in found if (zone(one[name]) > limit if after else zone(one[name]) < limit)]
        return found

    def _product_list(self, query: Json) -> Result:
        """With `sku` variations too; it compares without case, and takes commas for separators."""
        values = list(self.state.products.values())
        if query.get("sku"):
            wanted = {one.casefold() for one in [*query["sku"].split(","), query["sku"]]}
            values = [one for one in values if one["sku"].casefold() in wanted]
        else:
            values = [one for one in values if one["type"] != "variation"]
        if query.get("type"):
            values = [one for one in values if one["type"] == query["type"]]
        return self._paged(PRODUCTS, self._filtered(self._of_status(values, query), query), query)

    @staticmethod
    def _of_status(values: list[Json], query: Json) -> list[Json]:
        status = query.get("status", "any")
        if status == "any":
            return [one for one in values if one["status"] not in HIDDEN_STATUSES]
        return [one for one in values if one["status"] == status]

    def _variation_list(self, query: Json, parent_id: int | None) -> Result:
        values = [one for one in self.state.products.values() if one["type"] == "variation"]
        if parent_id is not None:
            parent = self.products.variable(parent_id)
            values = [one for one in values if one["parent_id"] == parent["id"]]
        route = VARIATIONS if parent_id is not None else "/wc/v3/variations"
        return self._paged(route, self._filtered(self._of_status(values, query), query), query)

    def _product(self, product_id: int) -> Json:
        product = self.state.products.get(product_id)
        if product is None:
            raise ApiError(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
        return product

    def _terms(self, route: str, taxonomy: str, query: Json) -> Result:
        values = sorted(self.products.taxonomy(taxonomy).values(), key=lambda one: one["name"])
        return self._paged(route, values, query)

    # -- batches

    def _batch(self, route: str, ids: Json, body: Json) -> Result:
        total = sum(len(body.get(verb) or []) for verb in ("create", "update", "delete"))
        if total > 100:
            message = "Unable to accept more than 100 items for this request."
            raise ApiError(413, "woocommerce_rest_request_entity_too_large", message)
        create, update = self._batch_verbs(route, ids)
        answer: Json = {}
        for verb, function in (("create", create), ("update", update)):
            for one in body.get(verb) or []:
                try:
                    shown = self._shown(route, function(one))
                except ApiError as error:  # a failed item does not fail the call
                    shown = {"id": one.get("id", 0), "error": error.item}
                answer.setdefault(verb, []).append(shown)
        return Result(answer or [])

    def _batch_verbs(self, route: str, ids: Json) -> tuple[Callable[[Json], Json], Callable[[Json], Json]]:
        products = self.products
        if route == PRODUCTS:
            return products.create, lambda one: products.update(one["id"], one)
        if route == VARIATIONS:
            parent = ids["product_id"]
            products.variable(parent)
            return (
                lambda one: products.create_variation(parent, one),
                lambda one: products.update_variation(parent, one["id"], one),
            )
        taxonomy = {
            "/wc/v3/products/categories": "product_cat",
            "/wc/v3/products/tags": "product_tag",
            "/wc/v3/products/brands": "product_brand",
        }.get(route)
        if route == TERMS:
            taxonomy = products.attribute_taxonomy(ids["attribute_id"])
        if taxonomy is None:
            raise Violation(f"the simulator has no batch of {route}")

        def unknown(one: Json) -> Json:
            raise Violation(f"the simulator updates nothing in {route}: {one}")

        return lambda one: products.make_term(taxonomy, one), unknown

    # -- orders

    def _order(self, order_id: int, query: Json) -> Json:
        return self.orders.json(self.orders.get(order_id), int(query.get("dp") or 2))

    def _order_list(self, query: Json) -> Result:
        values = list(self.state.orders.values())
        statuses = query.get("status") or ["any"]
        statuses = [statuses] if isinstance(statuses, str) else statuses
        if "any" in statuses:
            values = [one for one in values if one["status"] not in HIDDEN_STATUSES]
        else:
            values = [one for one in values if one["status"] in statuses]
        found = self._filtered(values, query)
        return self._paged_orders(found, query)

    def _paged_orders(self, found: list[Json], query: Json) -> Result:
        places = query.get("dp")
        shown = [self.orders.json(one, 2 if places is None else places) for one in found]
        return self._paged(ORDERS, shown, query)

    def _update_order(self, order_id: int, body: Json) -> Result:
        order = self.orders.get(order_id)
        self.orders.update(order, body)
        return self._one(ORDERS, self.orders.json(order, 2))

    def _refund_list(self, route: str, query: Json, order_id: int | None) -> Result:
        values = list(self.state.refunds.values())
        if order_id is not None:
            values = self.orders.refunds(self.orders.get(order_id))
        if query.get("include"):
            values = [one for one in values if one["id"] in query["include"]]
        values.sort(key=lambda one: one["id"], reverse=True)
        return self._paged(route, [self.orders.refund_json(one, query.get("dp") or 2) for one in values], query)

    def _create_refund(self, order_id: int, body: Json) -> Result:
        refund = self.orders.refund(self.orders.get(order_id), body)
        return Result(self._shown(ORDER_REFUNDS, self.orders.refund_json(refund, 2)), 201)

    def _notes(self, order_id: int) -> Result:
        self.orders.get(order_id)
        return self._all(r"/wc/v3/orders/(?P<order_id>[\d]+)/notes", self.state.notes.get(order_id, []))

    def _note(self, order_id: int, body: Json) -> Result:
        note = self.orders.note(self.orders.get(order_id), body)
        return Result(self._shown(r"/wc/v3/orders/(?P<order_id>[\d]+)/notes", note), 201)

    # -- webhooks

    def _webhook(self, one: Json) -> Json:
        resource, _, event = one["topic"].partition(".")
        return {
            **{name: one[name] for name in ("id", "name", "status", "topic", "delivery_url")},
            "resource": resource,
            "event": event,
            "hooks": [],
            **both("date_created", one["date_created"]),
            **both("date_modified", one["date_created"]),
        }

    def _create_webhook(self, body: Json) -> Result:
        if not body["delivery_url"].startswith(("http://", "https://")):
            message = "Webhook delivery URL must be a valid URL starting with http:// or https://."
            raise ApiError(400, "woocommerce_rest_webhook_invalid_delivery_url", message)
        number = self.state.number()
        made = {
            "id": number,
            "name": body.get("name", ""),
            "topic": body["topic"],
            "delivery_url": body["delivery_url"],
            "secret": body.get("secret", ""),
            "status": "active",
            "failures": 0,
            "date_created": self.state.now(),
        }
        self.state.webhooks[number] = made
        self.state.pings.append(number)
        return Result(self._shown("/wc/v3/webhooks", self._webhook(made)), 201)

    def _update_webhook(self, webhook_id: int, body: Json) -> Result:
        webhook = self.state.webhooks.get(webhook_id)
        if webhook is None:
            raise ApiError(400, "woocommerce_rest_shop_webhook_invalid_id", "ID is invalid.")
        webhook |= {name: body[name] for name in ("name", "topic", "delivery_url", "secret", "status") if name in body}
        return self._one("/wc/v3/webhooks", self._webhook(webhook))

    def _delete_webhook(self, webhook_id: int, query: Json) -> Result:
        if not query.get("force"):
            raise ApiError(501, "woocommerce_rest_trash_not_supported", "Webhooks do not support trashing.")
        return self._one("/wc/v3/webhooks", self._webhook(self.state.webhooks.pop(webhook_id)))


def chosen(value: Any, fields: str) -> Any:
    """`_fields`: names with commas, parts of objects after a point."""
    if isinstance(value, list):
        return [chosen(one, fields) for one in value]
    if not isinstance(value, dict):
        return value
    result: Json = {}
    for name in fields.split(","):
        first, _, rest = name.strip().partition(".")
        if first not in value:
            continue
        if rest and isinstance(value[first], dict):
            result.setdefault(first, {}).update(chosen(value[first], rest))
        else:
            result[first] = value[first]
    return result


def _naive(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)


def _wall(moment: datetime) -> datetime:
    return moment.astimezone(ZONE).replace(tzinfo=None)
