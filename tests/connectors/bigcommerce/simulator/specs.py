"""What BigCommerce's OpenAPI documents say a request and an answer may be.

Every query argument, body and answer is held against them. Where the documents are known to be wrong, or say it only
in words, the exceptions are named here:

    INLINE_VARIANTS   POST /catalog/products demands variants[].id and product_id, which cannot exist yet
    IN_WORDS          fields that the description of PUT /catalog/variants has and its schema has not
    NULL_IN_WORDS     fields that are null by their description and not by their schema
    UNDESCRIBED       answers that real stores give and the documents leave out
    (any of)          shapes of an answer that exclude each other by name and not by content
    (no list)         GET /hooks demands at least one webhook: an empty list is let through
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

Json = dict[str, Any]

# Each document is read when a request to its paths comes first: they are large. The more particular paths stand first.
FILES = (
    ("v3", r"/catalog/products/[^/]+/options", "catalog/product-variant-options_catalog.v3.yml"),
    ("v3", r"/catalog/products/[^/]+/variants|/catalog/variants", "catalog/product-variants_catalog.v3.yml"),
    ("v3", r"/catalog/products", "catalog/products_catalog.v3.yml"),
    ("v3", r"/catalog/categories", "catalog/categories_catalog.v3.yml"),
    ("v3", r"/inventory/locations", "locations.v3.yml"),
    ("v3", r"/inventory", "inventory.v3.yml"),
    ("v3", r"/orders", "orders.v3.yml"),
    ("v3", r"/pricelists", "price_lists.v3.yml"),
    ("v3", r"/hooks", "webhooks.v3.yml"),
    ("v2", r"/orders|/order_statuses", "orders.v2.oas2.yml"),
    ("v2", r"/store|/time", "store_information.v2.yml"),
)
INLINE_VARIANTS = ("post", "/catalog/products")
IN_WORDS = {("put", "/catalog/variants"): {"sku", "product_id", "option_values", "mpn", "gtin"}}
NULL_IN_WORDS = ("base_variant_id",)
UNDESCRIBED = {
    ("get", "/orders"): {"204"},
    ("get", "/orders/{order_id}/coupons"): {"204"},
    ("get", "/orders/{order_id}/taxes"): {"204"},
}
ERRORS = {"400", "401", "403", "404", "405", "409", "413", "422", "429", "500", "502", "503", "504"}


class Violation(Exception):
    """A request or an answer that the documents do not know."""


@dataclass(frozen=True)
class Operation:
    method: str
    path: str  # as the document has it
    arguments: Json
    document: str
    spec: Json


class Document:
    def __init__(self, file: Path) -> None:
        self.content: Json = yaml.load(file.read_text("utf-8"), Loader=yaml.CSafeLoader)
        # a path with fewer places to fill in comes first
        self.patterns = [
            (re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$"), path)
            for path in sorted(self.content["paths"], key=lambda one: one.count("{"))
        ]

    def resolved(self, node: Any, seen: tuple[str, ...] = ()) -> Any:
        """Without $ref; nullable as JSON schema says it; without what is no rule."""
        if isinstance(node, list):
            return [self.resolved(one, seen) for one in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            ref = node["$ref"]
            if ref in seen or not ref.startswith("#/"):
                return {}
            target: Any = self.content
            for part in ref[2:].split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            return self.resolved(target, (*seen, ref))
        found = {
            name: self.resolved(value, seen)
            for name, value in node.items()
            if name not in ("example", "examples", "x-examples", "description", "title", "default", "readOnly")
            or (isinstance(value, dict) and "type" in value)  # a property of that name
        }
        for name in NULL_IN_WORDS:
            if isinstance(found.get(name), dict) and isinstance(found[name].get("type"), str):
                found[name] = {**found[name], "type": [found[name]["type"], "null"]}
        if found.get("nullable") is True and isinstance(found.get("type"), str):
            found["type"] = [found["type"], "null"]
            if "enum" in found:
                found["enum"] = [*found["enum"], None]
        if not isinstance(found.get("required"), list) or ("properties" not in found and found.get("type") != "object"):
            if isinstance(found.get("required"), list | bool):
                found.pop("required")
        elif found["required"] == ["post"]:  # a remark, not a name
            found.pop("required")
        if found.get("format") not in (None, "date-time", "date"):
            found.pop("format", None)
        return found


class Specs:
    def __init__(self, folder: Path) -> None:
        self.reference = folder / "bigcommerce" / "reference"
        self.documents: dict[str, Document] = {}
        self._resolved: dict[tuple[str, str], Json] = {}
        self._validators: dict[tuple[str, ...], Any] = {}
        self._names: dict[tuple[str, str], set[str] | None] = {}

    def match(self, method: str, version: str, path: str) -> Operation | None:
        """`path` below the version, like /catalog/products/7."""
        file = next((file for known, start, file in FILES if known == version and re.match(start, path)), None)
        if file is None:
            return None
        if file not in self.documents:
            self.documents[file] = Document(self.reference / file)
        document = self.documents[file]
        for pattern, template in document.patterns:
            found = pattern.match(path)
            if found and method in document.content["paths"][template]:
                return Operation(
                    method, template, dict(found.groupdict()), file, self._operation(file, template, method)
                )
        return None

    def _operation(self, file: str, template: str, method: str) -> Json:
        key = (file, f"{method} {template}")
        if key not in self._resolved:
            document = self.documents[file]
            item = document.content["paths"][template]
            operation = {name: value for name, value in item[method].items() if name != "callbacks"}
            shared = item.get("parameters") or []
            operation["parameters"] = [*shared, *(operation.get("parameters") or [])]
            self._resolved[key] = document.resolved(operation)
        return self._resolved[key]

    # -- requests

    def check_request(self, operation: Operation, query: dict[str, str], body: Any) -> Json:
        """The query as values. Raises Violation."""
        where = f"{operation.method.upper()} {operation.path}"
        known = {one["name"]: one for one in operation.spec["parameters"] if one.get("in") == "query"}
        values: Json = {}
        for name, text in query.items():
            if name not in known:
                raise Violation(f"{where} has no argument {name!r}")
            values[name] = self._value(f"{where} {name}", text, known[name].get("schema") or {})
        schema = self._body_schema(operation.spec.get("requestBody"))
        if schema is None:
            if body is not None:
                raise Violation(f"{where} takes no body")
            return values
        if body is None:
            raise Violation(f"{where} lacks its body")
        key = (operation.document, operation.method, operation.path, "body")
        if key not in self._validators:
            if (operation.method, operation.path) == INLINE_VARIANTS:
                schema = _without_ids(schema)
            self._validators[key] = jsonschema.Draft202012Validator(schema)
            self._names[key[0], f"{key[1]} {key[2]}"] = _names(schema)
        self._validate(where, self._validators[key], body)
        names = self._names[key[0], f"{key[1]} {key[2]}"]
        if names is not None:
            allowed = names | IN_WORDS.get((operation.method, operation.path), set())
            for one in body if isinstance(body, list) else [body]:
                unknown = set(one) - allowed
                if unknown:
                    raise Violation(f"{where} has no field {sorted(unknown)}")
        return values

    @staticmethod
    def _body_schema(request: Json | None) -> Json | None:
        if not request:
            return None
        content = request.get("content") or {}
        found: Json | None = (content.get("application/json") or next(iter(content.values()), {})).get("schema")
        return found

    @staticmethod
    def _validate(where: str, validator: Any, value: Any) -> None:
        for error in validator.iter_errors(value):
            place = "/".join(map(str, error.absolute_path))
            raise Violation(f"{where}: {place or 'the body'}: {error.message[:300]}")

    def _value(self, where: str, text: str, schema: Json) -> Any:
        kind = schema.get("type")
        try:
            if kind == "array":
                return [self._value(where, one, schema.get("items") or {}) for one in text.split(",")]
            value: Any = text
            if kind == "integer" and "," not in text:
                value = int(text)
            elif kind == "number":
                value = float(text)
            elif kind == "boolean":
                value = {"true": True, "false": False}[text]
        except (ValueError, KeyError) as error:
            raise Violation(f"{where} is {text!r}, not {kind}") from error
        allowed = schema.get("enum")
        if allowed and value not in allowed and str(value).partition(":")[0] not in allowed:
            raise Violation(f"{where} is {text!r}, none of {allowed}")
        if schema.get("maximum") is not None and isinstance(value, int) and value > schema["maximum"]:
            raise Violation(f"{where} is {value}, above {schema['maximum']}")
        return value

    # -- answers

    def check_answer(self, operation: Operation, status: int, body: Any) -> None:
        """Raises Violation for an answer that the documents do not describe."""
        where = f"the answer {status} of {operation.method.upper()} {operation.path}"
        responses = {str(code): one for code, one in operation.spec["responses"].items()}
        code = str(status)
        if code not in responses:
            if code in ERRORS or code in UNDESCRIBED.get((operation.method, operation.path), set()):
                return
            raise Violation(f"{where} is not described; there are {sorted(responses)}")
        content = responses[code].get("content") or {}
        schema = next(iter(content.values()), {}).get("schema") if content else None
        if not schema or code == "204":
            return
        key = (operation.document, operation.method, operation.path, code)
        if key not in self._validators:
            self._validators[key] = jsonschema.Draft202012Validator(_any_of(_with_empty_list(schema)))
        self._validate(where, self._validators[key], body)


def _any_of(node: Any) -> Any:
    if isinstance(node, list):
        return [_any_of(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {"anyOf" if name == "oneOf" else name: _any_of(value) for name, value in node.items()}


def _with_empty_list(schema: Json) -> Json:
    data = (schema.get("properties") or {}).get("data")
    if not isinstance(data, dict) or "minItems" not in data:
        return schema
    emptied = {name: value for name, value in data.items() if name != "minItems"}
    return {**schema, "properties": {**schema["properties"], "data": emptied}}


def _without_ids(schema: Json) -> Json:
    """The one exception: variants that are made with their product have no id yet."""
    items = dict(schema["properties"]["variants"]["items"])
    items["required"] = [name for name in items.get("required", ["sku"]) if name not in ("id", "product_id")]
    variants = {**schema["properties"]["variants"], "items": items}
    return {**schema, "properties": {**schema["properties"], "variants": variants}}


def _names(schema: Json) -> set[str] | None:
    """All fields that an object (or each of a list) may have; None: anything."""
    if schema.get("type") == "array":
        return _names(schema.get("items") or {})
    found = set(schema.get("properties") or {})
    parts = [one for kind in ("allOf", "oneOf", "anyOf") for one in schema.get(kind) or []]
    for one in parts:
        found |= _names(one) or set()
    return found or None


@cache
def specs(folder: Path) -> Specs:
    return Specs(folder)
