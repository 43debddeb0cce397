"""The routes of REST V1 that a connector uses, each checked against the version's document before and after."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.connectors.magento.simulator.orders import Desk
from tests.connectors.magento.simulator.products import Products
from tests.connectors.magento.simulator.specs import Match, Specs
from tests.connectors.magento.simulator.state import (
    DEFAULT_SET,
    ROOT_CATEGORY,
    WEBSITES,
    ApiError,
    Criteria,
    D,
    Json,
    State,
    chosen,
)

OPEN, COMPLETE, FAILED = 4, 1, 3
QUESTIONS = ("-information",)  # POST that changes nothing
NO_ROUTE = "Request does not match any route."
SET = {"attribute_set_id": DEFAULT_SET, "attribute_set_name": "Default", "sort_order": 1, "entity_type_id": 4}
GROUP = {"attribute_group_id": "7", "attribute_group_name": "Product Details", "attribute_set_id": DEFAULT_SET}
STOCK_CRITERIA: Json = {"mapper_interface_name": "", "criteria_list": [], "filters": [], "orders": [], "limit": []}
IGNORED_CASE = frozenset({"sku", "name", "frontend_label", "attribute_set_name"})

# API resources, by the beginning of the route
RESOURCES = (
    ("POST /V1/order/{orderId}/ship", "Magento_Sales::ship"),
    ("POST /V1/order/{orderId}/invoice", "Magento_Sales::invoice"),
    ("GET /V1/orders", "Magento_Sales::actions_view"),
    ("GET /V1/invoices", "Magento_Sales::sales_invoice"),
    ("GET /V1/shipments", "Magento_Sales::shipment"),
    ("GET /V1/creditmemos", "Magento_Sales::sales_creditmemo"),
    ("GET /V1/products/attribute", "Magento_Catalog::attributes_attributes"),
    ("GET /V1/products", "Magento_Catalog::products"),
    ("POST /V1/products/base-prices", "Magento_Catalog::catalog"),
    ("GET /V1/inventory/sources", "Magento_InventoryApi::source"),
)


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
        self.desk = Desk(state, self.products)
        one, desk = self.products, self.desk
        self.handlers: dict[str, Callable[[Match, list[tuple[str, str]], Any], Any]] = {
            "GET /V1/products": lambda m, q,
            b: self._list(q, list(state.products.values()), one.value, lambda p: one.out(p, whole=False)),
            "GET /V1/products/{sku}": lambda m, q, b: one.out(one.get(m.arguments["sku"]), whole=True),
            "POST /V1/products": lambda m, q, b: one.out(one.save(b["product"]), whole=True),
            "PUT /V1/products/{sku}": lambda m, q,
            b: one.out(one.save({**b["product"], "sku": m.arguments["sku"]}), whole=True),
            "POST /V1/products/base-prices": lambda m, q, b: one.base_prices(self._limited("BasePrice", b["prices"])),
            "POST /V1/products/special-price": lambda m, q,
            b: one.special_prices(self._limited("SpecialPrice", b["prices"])),
            "POST /V1/products/special-price-delete": lambda m, q,
            b: one.special_delete(self._limited("SpecialPrice", b["prices"])),
            "POST /V1/products/special-price-information": lambda m, q, b: one.special_information(b["skus"]),
            "POST /V1/products/tier-prices": lambda m, q,
            b: one.tier_prices(self._limited("TierPrice", b["prices"]), delete=False),
            "POST /V1/products/tier-prices-delete": lambda m, q,
            b: one.tier_prices(self._limited("TierPrice", b["prices"]), delete=True),
            "GET /V1/products/attributes": lambda m, q, b: self._list(
                q, list(state.attributes.values()), lambda a,
                n: {"frontend_label": a["label"], "attribute_code": a["code"]}[n], one.attribute_out
            ),
            "POST /V1/products/attributes": lambda m, q, b: one.attribute_out(one.save_attribute(b["attribute"])),
            "GET /V1/products/attributes/{attributeCode}": lambda m, q,
            b: one.attribute_out(one.attribute(m.arguments["attributeCode"])),
            "POST /V1/products/attributes/{attributeCode}/options": lambda m, q,
            b: one.add_option(m.arguments["attributeCode"], b["option"]),
            "GET /V1/products/attribute-sets/sets/list": lambda m, q, b: self._list(
                q,
                [SET],
                lambda a, n: a[n],
                dict
            ),
            "GET /V1/products/attribute-sets/groups/list": lambda m, q, b: self._list(
                q,
                [GROUP],
                lambda a, n: a[n],
                dict
            ),
            "GET /V1/products/attribute-sets/{attributeSetId}/attributes": lambda m, q, b: [
                one.attribute_out(state.attributes[code]) for code in sorted(state.set_codes)
            ],
            "POST /V1/products/attribute-sets/attributes": self._assign,
            "POST /V1/configurable-products/{sku}/child": lambda m, q,
            b: one.add_child(m.arguments["sku"], b["childSku"]),
            "GET /V1/categories": lambda m, q, b: one.category_tree(int(dict(q).get("rootCategoryId") or 1)),
            "POST /V1/categories": lambda m, q, b: one.save_category(b["category"]),
            "PUT /V1/products/{productSku}/stockItems/{itemId}": self._stock_item,
            "GET /V1/stockItems/lowStock/": self._low_stock,
            "GET /V1/inventory/sources": lambda m, q, b: self._list(
                q, [{"source_code": code, "name": code, "enabled": True} for code in state.sources], lambda a, n: a[n],
                dict
            ),
            "GET /V1/inventory/source-items": lambda m, q, b: self._list(
                q, list(state.source_items.values()), lambda a, n: a[n],
                lambda a: {**a, "quantity": float(a["quantity"])}
            ),
            "POST /V1/inventory/source-items": lambda m, q,
            b: one.save_source_items(self._limited("SourceItem", b["sourceItems"])) or [],
            "GET /V1/store/websites": lambda m, q, b: [
                {"id": key, "code": code, "name": code, "default_group_id": key} for key, code in WEBSITES.items()
            ],
            "GET /V1/store/storeViews": lambda m, q, b: [
                {"id": 1, "code": "default", "name": "Default", "website_id": 1, "store_group_id": 1, "is_active": 1}
            ],
            "GET /V1/store/storeGroups": lambda m, q, b: [
                {"id": 0, "website_id": 0, "root_category_id": 0, "default_store_id": 0, "name": "Default",
                "code": "default"},
                {"id": 1, "website_id": 1, "root_category_id": ROOT_CATEGORY, "default_store_id": 1, "name": "Main",
                "code": "main"},
            ],
            "GET /V1/store/storeConfigs": lambda m, q, b: [self._store_config()],
            "GET /V1/taxClasses/search": lambda m, q, b: self._list(
                q,
                [{"class_id": 2, "class_name": "Taxable Goods", "class_type": "PRODUCT"},
                {"class_id": 5, "class_name": "Books", "class_type": "PRODUCT"}],
                lambda a, n: a[n], dict,
            ),
            "GET /V1/orders": lambda m, q,
            b: self._list(q, list(state.orders.values()), self._order_value, desk.order_out),
            "GET /V1/orders/{id}": lambda m, q, b: desk.order_out(desk.order(int(m.arguments["id"]))),
            "GET /V1/invoices": lambda m, q,
            b: self._list(q, list(state.invoices.values()), self._document_value, desk.invoice_out),
            "GET /V1/shipments": lambda m, q,
            b: self._list(q, list(state.shipments.values()), self._document_value, desk.shipment_out),
            "GET /V1/creditmemos": lambda m, q,
            b: self._list(q, list(state.creditmemos.values()), self._document_value, desk.creditmemo_out),
            "POST /V1/order/{orderId}/ship": self._ship,
            "POST /V1/order/{orderId}/invoice": self._invoice,
            "POST /V1/invoices/{id}/capture": self._capture,
            "GET /V1/bulk/{bulkUuid}/status": self._bulk_status,
        }  # fmt: skip

    # -- calls

    def call(self, method: str, path: str, query: list[tuple[str, str]], body: Any) -> Result:
        """`path` is below rest/all, escaped. Raises ApiError, PlainError and Violation."""
        if path.startswith("/async/bulk/"):
            return self._bulk(method, path.removeprefix("/async/bulk"), body)
        match = self.specs.sync.match(method, path)
        key = f"{method} {match.template}" if match else ""
        if match is None or key not in self.handlers or self._is_off(match.template):
            raise ApiError(404, NO_ROUTE)
        self._authorise(key)
        self.specs.sync.check_query(match, query)
        self.specs.sync.check_body(match, body)
        answer = self.handlers[key](match, query, body)
        self.specs.sync.check_answer(match, 200, answer)
        fields = dict(query).get("fields")
        return Result(chosen(answer, fields) if fields else answer)

    def changes(self, method: str, path: str) -> bool:
        return method != "GET" and not path.endswith(QUESTIONS)

    def _is_off(self, template: str) -> bool:
        return template.startswith("/V1/inventory") and not self.state.features.msi

    def _authorise(self, key: str) -> None:
        resource = next((name for start, name in RESOURCES if key.startswith(start)), "")
        if resource in self.state.features.denied:
            raise ApiError(401, "The consumer isn't authorized to access %resources.", {"resources": resource})

    def _limited(self, kind: str, rows: list[Json]) -> list[Json]:
        most = self.state.features.list_limit
        if most and len(rows) > most:
            raise ApiError(
                400, 'Maximum items of type "%type" is %max', {"type": f"\\Magento\\{kind}Interface", "max": most}
            )
        return rows

    def _list(
        self,
        query: list[tuple[str, str]],
        items: list[Json],
        value: Callable[[Json, str], Any],
        out: Callable[[Json], Json],
    ) -> Json:
        criteria = Criteria.read(query, self.state.features.page_limit)
        page, total = criteria.select(items, value, IGNORED_CASE)
        return {"items": [out(one) for one in page], "search_criteria": criteria.echo(), "total_count": total}

    @staticmethod
    def _order_value(one: Json, name: str) -> Any:
        return {
            "entity_id": one["id"],
            "updated_at": one["updated"],
            "created_at": one["created"],
            "state": one["state"],
        }[name]

    @staticmethod
    def _document_value(one: Json, name: str) -> Any:
        return {"entity_id": one["id"], "updated_at": one["updated"], "order_id": one["order"]}[name]

    def _store_config(self) -> Json:
        urls = {
            f"{secure}base_{kind}url": "https://shop.invalid/"
            for secure in ("", "secure_")
            for kind in ("", "link_", "static_", "media_")
        }
        return {
            "id": 1, "code": "default", "website_id": 1, "locale": "de_DE", "base_currency_code": "USD",
            "weight_unit": "kgs",
            "default_display_currency_code": "EUR", "timezone": "Europe/Berlin", **urls,
        }  # fmt: skip

    # -- catalogue

    def _assign(self, match: Match, query: Any, body: Json) -> int:
        self.products.attribute(body["attributeCode"])
        self.state.set_codes.add(body["attributeCode"])
        return self.state.number()

    def _stock_item(self, match: Match, query: Any, body: Json) -> int:
        sku, item = match.arguments["productSku"], body["stockItem"]
        if sku == self.state.misbehaviour.reject_sku:
            raise ApiError(400, "The stock item was unable to be saved. Please try again.")
        one = self.products.get(sku)
        one["stock"] = {"qty": D(str(item["qty"])), "in": item["is_in_stock"]}
        return int(one["id"])

    def _low_stock(self, match: Match, query: list[tuple[str, str]], body: Any) -> Json:
        given = dict(query)
        items = [
            self.products.stock_item(one)
            for one in self.state.products.values()
            if one["stock"]["qty"] <= D(given["qty"])
        ]
        size, page = int(given.get("pageSize") or 0) or len(items) or 1, int(given.get("currentPage") or 1)
        pages = max(1, -(-len(items) // size))
        start = (min(page, pages) - 1) * size
        return {"items": items[start : start + size], "search_criteria": STOCK_CRITERIA, "total_count": len(items)}

    # -- sales

    @staticmethod
    def _units(items: list[Json] | None) -> dict[int, Any]:
        return {int(one["order_item_id"]): D(str(one["qty"])) for one in items or []}

    def _ship(self, match: Match, query: Any, body: Json) -> int:
        order = self.desk.order(int(match.arguments["orderId"]))
        extension = (body.get("arguments") or {}).get("extension_attributes") or {}
        comment = (body.get("comment") or {}).get("comment", "")
        made = self.desk.ship(
            order,
            self._units(body.get("items")),
            tracks=body.get("tracks") or [],
            comment=comment,
            source=extension.get("source_code", ""),
        )
        return int(made["id"])

    def _invoice(self, match: Match, query: Any, body: Json) -> int:
        order = self.desk.order(int(match.arguments["orderId"]))
        return int(self.desk.invoice(order, self._units(body.get("items")), capture=bool(body.get("capture")))["id"])

    def _capture(self, match: Match, query: Any, body: Any) -> str:
        key = int(match.arguments["id"])
        if key not in self.state.invoices:
            raise ApiError(404, "The entity that was requested doesn't exist. Verify the entity and try again.")
        invoice = self.state.invoices[key]
        if invoice["state"] == 1:
            invoice["state"] = 2
            invoice["updated"] = self.state.stamp()
            order = self.state.orders[invoice["order"]]
            order["paid"] += invoice["total"]
            self.desk.touch(order)
        return "true"

    # -- asynchronous bulk calls

    def _bulk(self, method: str, path: str, body: Any) -> Result:
        """Each item is checked as a body of its own; consumers carry them out when the status is asked for."""
        match = self.specs.bulk.match(method, path)
        if match is None:
            raise ApiError(404, NO_ROUTE)
        if not isinstance(body, list):
            raise ApiError(400, "Request body should be an array")
        key = str(uuid.uuid4())
        operations = []
        for place, one in enumerate(body):
            self.specs.bulk.check_body(match, one)
            operations.append({"id": place, "method": method, "path": path, "body": one, "status": OPEN, "message": ""})
        self.state.bulks[key] = operations
        items = [{"id": place, "data_hash": "0" * 32, "status": "accepted"} for place in range(len(body))]
        answer = {"bulk_uuid": key, "request_items": items, "errors": False}
        self.specs.bulk.check_answer(match, 202, answer)
        return Result(answer, 202)

    def consume(self, key: str) -> None:
        """What the consumer async.operations.all does."""
        for one in self.state.bulks[key]:
            if one["status"] != OPEN:
                continue
            try:
                self.call(one["method"], one["path"], [], one["body"])
                one["status"], one["message"] = COMPLETE, "Service execution success"
            except ApiError as error:
                one["status"], one["message"] = FAILED, error.message

    def _bulk_status(self, match: Match, query: Any, body: Any) -> Json:
        key = match.arguments["bulkUuid"]
        if key not in self.state.bulks:
            raise ApiError(404, "Bulk uuid %1 not exist", [key])
        operations = self.state.bulks[key]
        answer = {
            "operations_list": [
                {"id": one["id"], "status": one["status"], "result_message": one["message"], "error_code": 0}
                for one in operations
            ],
            "user_type": 1, "bulk_id": key, "description": "Topic", "start_time": self.state.stamp(), "user_id": 1,
            "operation_count": len(operations),
        }  # fmt: skip
        if self.state.features.consumers:  # from the second question on
            self.consume(key)
        return answer
