"""What a shop of a version takes and answers, as a running shop of that version described itself.

The index has every route with its methods and arguments, the schemas have every field of an answer. Types are
WordPress's: `date-time` is a text or null, `mixed` is anything. Where real shops answer otherwise than their own
schema says, DEVIATIONS names it.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

Json = dict[str, Any]

VERSIONS = ("8.3.1", "9.4.3", "11.0.1")

# Query arguments that WordPress itself takes, or ignores.
GENERAL = frozenset({"_fields", "_method", "context", "integrator_fresh", "consumer_key", "consumer_secret"})
# Arguments that the documentation has and the code reads, although the index does not name them.
UNNAMED = {r"/wc/v3/orders/(?P<id>[\d]+)": {"dp": {"type": "integer"}}}
PSEUDO_TYPES = {"date-time": ["string", "null"], "mixed": None}

# (field, further types it is seen with): real answers that do not fit their schema.
DEVIATIONS: dict[str, list[str]] = {
    "stock_quantity": ["null"],
    "low_stock_amount": ["null"],
    "manage_stock": ["string"],  # "parent"
    "shipping_class_id": ["integer"],
    "rate_id": ["integer"],
    "image": ["null"],
    "sku": ["null"],
    "parent_name": ["null"],
    "image.id": ["string", "integer"],
    "type": ["string"],  # "variation" among products
    "status": ["string"],  # also what extensions add
}
READ_ONLY_SENT = "is read-only"


class Violation(Exception):
    """A request that the version's index does not know, or an answer that its schemas do not."""


@dataclass(frozen=True)
class Match:
    route: str
    arguments: Json
    endpoint: Json


class Specs:
    def __init__(self, folder: Path, version: str) -> None:
        self.version = version
        generated = folder / "woocommerce" / "generated"
        self.index: Json = json.loads(gzip.decompress((generated / f"wc-v3-index-{version}.json.gz").read_bytes()))
        self.schemas: Json = json.loads(gzip.decompress((generated / f"wc-v3-schemas-{version}.json.gz").read_bytes()))
        self.patterns = [(re.compile(f"^{route}$"), route) for route in self.index["routes"]]

    # -- requests

    def match(self, method: str, path: str) -> Match | None:
        """`path` like /wc/v3/products/7. None: no such route, or not with this method."""
        for pattern, route in self.patterns:
            found = pattern.match(path)
            if not found:
                continue
            for endpoint in self.index["routes"][route]["endpoints"]:
                if method in endpoint["methods"]:
                    return Match(route, dict(found.groupdict()), endpoint)
        return None

    def check_query(self, match: Match, query: list[tuple[str, str]]) -> Json:
        """The arguments of a GET or DELETE, as WordPress makes values of them."""
        arguments = {**match.endpoint["args"], **UNNAMED.get(match.route, {})}
        values: Json = {name: one["default"] for name, one in arguments.items() if "default" in one}
        for name, text in query:
            if name in GENERAL or name.startswith("oauth_"):
                continue
            if name not in arguments:
                raise Violation(f"{match.route} has no argument {name!r}")
            values[name] = self._coerced(name, text, arguments[name])
        return values

    def check_body(self, match: Match, body: Any) -> None:
        if not isinstance(body, dict):
            raise Violation(f"{match.route} takes an object")
        if match.route.endswith("/batch"):
            self._check_batch(match.route, body)
            return
        self._check_object(match.route, body, match.endpoint["args"])

    def _check_batch(self, route: str, body: Json) -> None:
        unknown = set(body) - {"create", "update", "delete"}
        if unknown:
            raise Violation(f"{route} has no {sorted(unknown)}")
        collection = route.removesuffix("/batch")
        single = next(one for one in self.index["routes"] if one.startswith(f"{collection}/(?P<"))
        creation = self._arguments(collection, "POST")
        update = self._arguments(single, "PUT")
        for one in body.get("create") or []:
            self._check_object(f"{route} create", one, creation)
            missing = [name for name, rule in creation.items() if rule.get("required") and name not in one]
            if missing:
                raise Violation(f"{route} create lacks {missing}")
        for one in body.get("update") or []:
            if not isinstance(one.get("id"), int):
                raise Violation(f"{route} update lacks an id")
            self._check_object(f"{route} update", {k: v for k, v in one.items() if k != "id"}, update)

    def _arguments(self, route: str, method: str) -> Json:
        endpoints = self.index["routes"][route]["endpoints"]
        found: Json = next(one["args"] for one in endpoints if method in one["methods"])
        return found

    def _check_object(self, where: str, values: Json, rules: Json) -> None:
        for name, value in values.items():
            if name not in rules:
                raise Violation(f"{where} has no field {name!r}")
            if rules[name].get("readonly"):
                raise Violation(f"{where}: {name} {READ_ONLY_SENT}")
            self._check_value(f"{where}: {name}", value, rules[name])

    def _check_value(self, where: str, value: Any, rule: Json) -> None:
        if not _is_of(value, _types(rule)):
            raise Violation(f"{where} is {value!r}, not {rule.get('type')}")
        if rule.get("enum") and value not in rule["enum"]:
            raise Violation(f"{where} is {value!r}, none of {rule['enum']}")
        if isinstance(value, list) and isinstance(rule.get("items"), dict):
            for one in value:
                self._check_value(where, one, rule["items"])
        if isinstance(value, dict) and rule.get("properties"):
            for name, inner in value.items():
                known = rule["properties"].get(name)
                if known is None and name != "refund_tax":  # documented, and in no schema
                    raise Violation(f"{where} has no field {name!r}")
                if known is None:
                    continue
                written = {"quantity", "id", "refund_total"} if "refunds" in where else {"id"}
                if known.get("readonly") and name not in written:
                    raise Violation(f"{where}.{name} {READ_ONLY_SENT}")
                self._check_value(f"{where}.{name}", inner, known)

    def _coerced(self, name: str, text: str, rule: Json) -> Any:
        types = _types(rule) or ["string"]
        value: Any = text
        try:
            if "array" in types:
                items = rule.get("items") or {}
                value = [self._coerced(name, one, items) for one in text.split(",") if one != ""]
            elif "integer" in types:
                value = int(text)
            elif "boolean" in types:
                value = {"true": True, "1": True, "false": False, "0": False}[text.lower()]
        except (ValueError, KeyError) as error:
            raise Violation(f"{name} is {text!r}, not {rule.get('type')}") from error
        if rule.get("enum") and value not in rule["enum"]:
            raise Violation(f"{name} is {text!r}, none of {rule['enum']}")
        if rule.get("maximum") is not None and isinstance(value, int) and value > rule["maximum"]:
            raise Violation(f"{name} is {value}, above {rule['maximum']}")
        if rule.get("format") == "date-time" and not re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", text):
            raise Violation(f"{name} is {text!r}, not a time")
        return value

    # -- answers

    def fields(self, route: str) -> Json:
        properties: Json = self.schemas[route]["schema"]["properties"]
        return {name: one for name, one in properties.items() if "view" in (one.get("context") or ["view"])}

    def filled(self, route: str, value: Json, extra: frozenset[str] = frozenset()) -> Json:
        """The answer as this version gives it: with every field of its schema, and none that it does not know."""
        known = self.fields(route)
        result = {name: value[name] if name in value else _empty(rule) for name, rule in known.items()}
        return result | {name: value[name] for name in extra if name in value}

    def check_answer(self, route: str, value: Json) -> None:
        """Raises Violation for a field with a value of another type than the schema's, or that is missing."""
        known = self.fields(route)
        missing = set(known) - set(value)
        if missing:
            raise Violation(f"an answer of {route} lacks {sorted(missing)}")
        for name, rule in known.items():
            self._check_field(f"{route} {name}", name, value[name], rule)

    def _check_field(self, where: str, name: str, value: Any, rule: Json) -> None:
        types = _types(rule)
        place = ".".join(where.rsplit(" ", 1)[-1].split(".")[-2:])
        seen = [*DEVIATIONS.get(name, []), *DEVIATIONS.get(place, [])]
        if types is not None and not _is_of(value, [*types, *seen]):
            raise Violation(f"the answer {where} is {value!r}, not {rule.get('type')}")
        if rule.get("enum") and isinstance(value, str) and value not in rule["enum"] and name not in DEVIATIONS:
            raise Violation(f"the answer {where} is {value!r}, none of {rule['enum']}")
        items = rule.get("items")
        if isinstance(value, list) and isinstance(items, dict):
            for one in value:
                self._check_field(where, f"{name}[]", one, items)
        if isinstance(value, dict) and rule.get("properties"):
            for inner, known in rule["properties"].items():
                if inner in value:
                    self._check_field(f"{where}.{inner}", inner, value[inner], known)


@cache
def specs(folder: Path, version: str) -> Specs:
    return Specs(folder, version)


def _types(rule: Json) -> list[str] | None:
    """None: anything."""
    given = rule.get("type")
    found: list[str] = []
    for one in given if isinstance(given, list) else [given]:
        if one is None or PSEUDO_TYPES.get(one, "") is None:
            return None
        found += PSEUDO_TYPES.get(one) or [one]
    return found


def _is_of(value: Any, types: list[str] | None) -> bool:
    if types is None:
        return True
    checks = {
        "string": lambda: isinstance(value, str),
        "integer": lambda: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda: isinstance(value, int | float) and not isinstance(value, bool),
        "boolean": lambda: isinstance(value, bool),
        "array": lambda: isinstance(value, list),
        "object": lambda: isinstance(value, dict),
        "null": lambda: value is None,
    }
    return any(checks[one]() for one in types)


def _empty(rule: Json) -> Any:
    if "default" in rule:
        return rule["default"]
    if rule.get("enum"):
        return rule["enum"][0]
    types = _types(rule) or ["string"]
    if "null" in types:
        return None
    if rule.get("properties") and "object" in types:
        return {name: _empty(one) for name, one in rule["properties"].items()}
    return {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}[types[0]]
