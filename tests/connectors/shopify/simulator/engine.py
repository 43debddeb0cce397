"""GraphQL: a request is validated against Shopify's schema, priced, paid from the bucket and executed.

An answer is made by graphql-core from the schema: a field that is missing, null where it must not be or of another
type is an error of this simulator and shows as a violation, as does a request that the schema does not take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLScalarType,
    GraphQLSchema,
    OperationDefinitionNode,
    execute_sync,
    parse,
    validate,
)

from tests.connectors.shopify import schema as schemas
from tests.connectors.shopify.simulator.bulk import Bulk
from tests.connectors.shopify.simulator.cost import Coster, used
from tests.connectors.shopify.simulator.inventory import Inventory
from tests.connectors.shopify.simulator.orders import Orders
from tests.connectors.shopify.simulator.products import Products
from tests.connectors.shopify.simulator.state import PRIMARY, Json, State, UserErrors, Violation, gid, refused
from tests.connectors.shopify.simulator.webhooks import Webhooks

MOST = 1_000  # points of one request

FORMATS = {
    "Money": r"-?\d+(\.\d+)?",
    "Decimal": r"-?\d+(\.\d+)?",
    "DateTime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ",
    "UnsignedInt64": r"\d+",
    "URL": r"https?://.+",
}

# What a mutation needs, and what each query; a token without it is told so.
NEEDS = {
    "productSet": "write_products", "productUpdate": "write_products", "productVariantsBulkCreate": "write_products",
    "productVariantsBulkUpdate": "write_products", "inventorySetQuantities": "write_inventory",
    "fulfillmentCreate": "write_merchant_managed_fulfillment_orders", "orderCapture": "write_orders",
    "publishablePublish": "write_publications", "publishableUnpublish": "write_publications",
    "productVariants": "read_products", "product": "read_products", "orders": "read_orders", "order": "read_orders",
    "locations": "read_locations", "location": "read_locations", "publications": "read_publications",
}  # fmt: skip


@lru_cache(maxsize=4)
def checked_schema(folder: Path, version: str) -> GraphQLSchema:
    """With the formats of its scalars."""
    found = schemas.schema(folder, version)
    for name, pattern in FORMATS.items():
        scalar = found.type_map[name]
        assert isinstance(scalar, GraphQLScalarType)

        def check(value: Any, name: str = name, pattern: str = pattern) -> Any:
            if not re.fullmatch(pattern, str(value)):
                raise GraphQLError(f"{value!r} is no {name}")
            return value

        for attribute in ("coerce_output_value", "serialize", "coerce_input_value", "parse_value"):
            if hasattr(scalar, attribute):
                setattr(scalar, attribute, check)
    return found


def resolve(source: Any, info: Any, **arguments: Any) -> Any:
    """Fields are entries of dictionaries; a callable one takes the arguments."""
    if info.field_name not in source:
        if info.field_name in ("userErrors", "mediaUserErrors"):
            return []
        if info.parent_type.name.endswith("Payload"):
            return None
        raise Violation(f"the simulator has no {info.parent_type.name}.{info.field_name}")
    value = source[info.field_name]
    return value(info, **arguments) if callable(value) else value


def typed(value: Any, _info: Any, kind: Any) -> str:
    if "__typename" not in value:
        raise Violation(f"a {kind.name} without a type")
    return str(value["__typename"])


class Engine:
    def __init__(self, folder: Path, state: State, base: Callable[[], str]) -> None:
        self.state = state
        self.schema = checked_schema(folder, state.features.version)
        self.inventory = Inventory(state)
        self.products = Products(state, self.inventory)
        self.orders = Orders(state, self.inventory)
        self.webhooks = Webhooks(state)
        self.bulk = Bulk(state, base, self.execute)
        self.valid: dict[str, DocumentNode] = {}
        self.queries = self._queries()
        self.mutations = {name: self._mutation(name, function) for name, function in self._mutations().items()}

    # -- what there is

    def _queries(self) -> dict[str, Any]:
        products, orders = self.products, self.orders
        return {
            "currentAppInstallation": lambda _: {"accessScopes": [{"handle": one} for one in self.scopes()]},
            "shop": lambda _: {
                "name": "Acme", "currencyCode": "EUR", "weightUnit": "KILOGRAMS",
                "myshopifyDomain": "acme.myshopify.com",
                "plan": {"shopifyPlus": False, "publicDisplayName": "Grow"},
                "resourceLimits": {"maxProductVariants": self.state.features.max_variants},
            },
            "location": lambda _, id=None: self.inventory.location_view(PRIMARY),
            "locations": lambda _, **__: {"nodes": [self.inventory.location_view(one) for one in self.state.locations]},
            "metafieldDefinitions": lambda _, ownerType, namespace, key, **__: {
                "nodes": [one] if (one := self.state.definitions.get((ownerType, namespace, key))) else []
            },
            "publications": products.publication_list,
            "collections": products.collection_list,
            "productVariants": products.variants,
            "product": products.product,
            "productByIdentifier": products.by_identifier,
            "nodes": lambda _, ids: [self._node(one) for one in ids],
            "customers": lambda _, **__: {"nodes": []},
            "orders": orders.list,
            "order": orders.one,
            "fulfillment": orders.fulfillment,
            "refund": orders.refund_by_id,
            "webhookSubscriptions": self.webhooks.list,
            "bulkOperation": self.bulk.status,
        }  # fmt: skip

    def _mutations(self) -> dict[str, Callable[..., Json]]:
        products = self.products
        return {
            "metafieldDefinitionCreate": self._define,
            "productSet": products.set,
            "productUpdate": products.update,
            "productVariantsBulkCreate": products.create_variants,
            "productVariantsBulkUpdate": products.update_variants,
            "productDeleteMedia": products.delete_media,
            "productReorderMedia": products.reorder_media,
            "publishablePublish": products.publish(True),
            "publishableUnpublish": products.publish(False),
            "collectionCreate": products.create_collection,
            "inventorySetQuantities": self.inventory.set,
            "metafieldsSet": self.orders.set_metafields,
            "fulfillmentCreate": self.orders.fulfil,
            "orderCapture": self.orders.capture,
            "stagedUploadsCreate": self.bulk.staged,
            "bulkOperationRunMutation": self.bulk.run,
            "webhookSubscriptionCreate": self.webhooks.create,
            "webhookSubscriptionUpdate": self.webhooks.update,
            "webhookSubscriptionDelete": self.webhooks.delete,
        }

    @staticmethod
    def _mutation(name: str, function: Callable[..., Json]) -> Callable[..., Json]:
        def run(info: Any, **arguments: Any) -> Json:
            try:
                return function(info, **arguments)
            except UserErrors as error:
                key = "mediaUserErrors" if name in ("productDeleteMedia", "productReorderMedia") else "userErrors"
                return {key: error.errors}

        return run

    def _define(self, _info: Any, definition: Json) -> Json:
        key = (definition["ownerType"], definition["namespace"], definition["key"])
        if key in self.state.definitions:
            raise refused("TAKEN", "Key is in use for Product metafields.", "definition", "key")
        made = {
            "__typename": "MetafieldDefinition", "id": gid("MetafieldDefinition", self.state.number()),
            "type": definition["type"],
        }  # fmt: skip
        self.state.definitions[key] = made
        return {"createdDefinition": made}

    def _node(self, identity: str) -> Json | None:
        if identity.startswith("gid://shopify/Order/"):
            return self.orders.node(identity)
        return self.products.node(identity)

    def scopes(self) -> list[str]:
        """With the reading that comes with each writing."""
        given = [one for one in self.state.features.scopes.split(",") if one]
        return sorted({*given, *(one.replace("write_", "read_", 1) for one in given)})

    # -- one request

    def request(self, text: str, variables: Mapping[str, Any]) -> tuple[Json, bool]:
        """The whole answer, and whether it was a mutation that was let through."""
        document = self._document(text)
        operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
        mutation = operation.operation.value == "mutation"
        name = operation.name.value if operation.name else ""
        self.state.requests.append(name)
        self.state.writes += mutation
        self.state.reads += not mutation
        cost = float(round(Coster(self.schema, document, variables).total()))
        if cost > MOST:
            message = f"Query cost is {cost:g}, which exceeds the single query max cost limit ({MOST})."
            return self._refused(message, "MAX_COST_EXCEEDED", cost), False
        how = self.state.misbehaviour
        left = self.state.left()
        if how.throttle_next > 0:
            how.throttle_next -= 1
            self.state.available = min(left, cost - how.retry_after * self.state.features.restore)
            return self._throttled(cost), False
        if cost > left:
            self.state.throttled += 1
            return self._throttled(cost), False
        for field in operation.selection_set.selections:
            missing = NEEDS.get(field.name.value, "")  # type: ignore[union-attr]
            if field.name.value == "customers" and not self.state.features.customer_data:  # type: ignore[union-attr]
                return self._denied("customers", "protected_customer_data", cost), False
            if missing and missing not in self.scopes():
                return self._denied(field.name.value, missing, cost), False  # type: ignore[union-attr]
        answer = self.execute(text, variables)
        actual = min(cost, float(used(answer.get("data")) + (9 if mutation else 0)))
        self.state.available -= actual
        self.state.spent += actual
        return {**answer, "extensions": self._cost(cost, actual)}, mutation

    def execute(self, text: str, variables: Mapping[str, Any]) -> Json:
        document = self._document(text)
        operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))
        root = self.mutations if operation.operation.value == "mutation" else self.queries
        result = execute_sync(
            self.schema, document, root, variable_values=dict(variables), field_resolver=resolve, type_resolver=typed
        )
        for error in result.errors or []:
            self.state.violations.append(f"{error.message} at {error.path}")
        answer: Json = {"data": result.data}
        if result.errors:
            answer["errors"] = [
                {"message": one.message, "extensions": {"code": "BAD_REQUEST"}} for one in result.errors
            ]
        return answer

    def _document(self, text: str) -> DocumentNode:
        known = self.valid.get(text)
        if known is None:
            known = parse(text)
            problems = validate(self.schema, known)
            if problems:
                raise Violation("; ".join(one.message for one in problems))
            self.valid[text] = known
        return known

    # -- answers of their own

    def _cost(self, requested: float, actual: float | None) -> Json:
        features = self.state.features
        status = {
            "maximumAvailable": features.maximum, "currentlyAvailable": float(int(self.state.available)),
            "restoreRate": features.restore,
        }  # fmt: skip
        return {"cost": {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": status}}

    def _refused(self, message: str, code: str, cost: float) -> Json:
        return {"errors": [{"message": message, "extensions": {"code": code}}], "extensions": self._cost(cost, None)}

    def _throttled(self, cost: float) -> Json:
        return self._refused("Throttled", "THROTTLED", cost)

    def _denied(self, field: str, scope: str, cost: float) -> Json:
        required = f"`{scope}` access scope."
        error = {
            "message": f"Access denied for {field} field. Required access: {required}",
            "extensions": {"code": "ACCESS_DENIED", "requiredAccess": required},
            "path": [field],
        }
        return {"errors": [error], "data": {field: None}, "extensions": self._cost(cost, 1.0)}
