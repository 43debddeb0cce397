"""What a shop of a version takes and answers, by the Swagger documents of that version.

2.4.7 is what a running Open Source shop said of itself, with the routes for asynchronous bulk; 2.4.9 is Adobe's
published document, with Adobe Commerce's fields. Both know fields and types strictly here, also where Magento itself
would overlook a mistake.
"""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

Json = dict[str, Any]

VERSIONS = ("2.4.7", "2.4.9")
FILES = {"2.4.7": "rest-schema-2.4.7-p3-generated.json.gz", "2.4.9": "admin-schema-2.4.9.yaml.gz"}
ASYNC = "rest-async-schema-2.4.7-p3-generated.json.gz"
VERBS = ("get", "post", "put", "delete")

# Written from getters that return no null, their `required` says nothing about what may be left out of a request.
PARTIAL = frozenset(
    {
        "catalog-inventory-data-stock-item-interface",
        "eav-data-attribute-option-interface",
        "catalog-data-product-interface",
    }
)
INDEX = re.compile(r"\[\d+\]")


class Violation(Exception):
    """A request that the version's document does not know, or an answer that it does not."""


@dataclass(frozen=True)
class Match:
    template: str
    method: str
    arguments: dict[str, str]
    operation: Json


@dataclass
class Document:
    """One Swagger 2.0 document."""

    paths: Json
    definitions: Json
    segments: list[tuple[list[str], str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        # fixed segments before parameters, as the router does
        templates = sorted(self.paths, key=lambda path: [part.startswith("{") for part in path.split("/")])
        self.segments = [(template.strip("/").split("/"), template) for template in templates]

    def match(self, method: str, path: str) -> Match | None:
        """`path` as it came, escaped: /V1/products/a%2Fb."""
        given = path.strip("/").split("/")
        for segments, template in self.segments:
            if len(segments) != len(given) or method.lower() not in self.paths[template]:
                continue
            pairs = list(zip(segments, given, strict=True))
            if all(known == value or known.startswith("{") for known, value in pairs):
                found = {known.strip("{}"): unquote(value) for known, value in pairs if known.startswith("{")}
                return Match(template, method, found, self.paths[template][method.lower()])
        return None

    # -- requests

    def check_query(self, match: Match, query: list[tuple[str, str]]) -> None:
        known = {one["name"]: one for one in match.operation.get("parameters") or [] if one["in"] == "query"}
        for name, text in query:
            if name == "fields":
                continue
            rule = known.get(INDEX.sub("[0]", name))
            if rule is None:
                raise Violation(f"{match.template} has no argument {name!r}")
            if rule.get("type") == "integer" and not re.fullmatch(r"-?\d+", text):
                raise Violation(f"{match.template}: {name} is {text!r}, no integer")
        lacking = [name for name, one in known.items() if one.get("required") and name not in dict(query)]
        if lacking:
            raise Violation(f"{match.template} lacks {lacking}")

    def check_body(self, match: Match, body: Any) -> None:
        rules = [one for one in match.operation.get("parameters") or [] if one["in"] == "body"]
        if not rules:
            if body not in (None, {}):
                raise Violation(f"{match.template} takes no body")
            return
        if not isinstance(body, dict):
            raise Violation(f"{match.template} takes an object")
        self._check(f"{match.method} {match.template}", body, rules[0]["schema"], partial=True)

    # -- answers

    def check_answer(self, match: Match, status: int, body: Any) -> None:
        answers = match.operation["responses"]
        rule = answers.get(str(status)) or (answers.get("default") if status >= 400 else None)
        schema = (rule or {}).get("schema")
        if schema is None or (schema == {"$ref": "#/definitions/error-response"} and status < 400):
            return
        self._check(f"the answer of {match.method} {match.template}", body, schema, partial=False)

    def _check(self, where: str, value: Any, rule: Json, *, partial: bool) -> None:
        name = ""
        if "$ref" in rule:
            name = rule["$ref"].rsplit("/", 1)[-1]
            rule = self.definitions[name]
        kind = rule.get("type") or ("object" if "properties" in rule else None)
        if name in ("error-parameters", "error-errors"):
            return  # a list or a map, as the message has positions or names
        checks = {
            "string": isinstance(value, str),
            "integer": isinstance(value, int) and not isinstance(value, bool),
            "number": isinstance(value, int | float) and not isinstance(value, bool),
            "boolean": isinstance(value, bool),
            "array": isinstance(value, list),
            "object": isinstance(value, dict),
        }
        if kind is not None and not checks[kind]:
            raise Violation(f"{where} is {value!r}, no {kind} ({name})")
        if isinstance(value, list):
            for one in value:
                self._check(f"{where}[]", one, rule.get("items") or {}, partial=partial)
        if isinstance(value, dict) and "properties" in rule:
            properties = rule["properties"]
            for key, one in value.items():
                if key not in properties:
                    raise Violation(f"{where} has no field {key!r} ({name})")
                self._check(f"{where}.{key}", one, properties[key], partial=partial)
            lacking = [key for key in rule.get("required") or [] if key not in value]
            if partial and name in PARTIAL:
                lacking = []
            if lacking:
                raise Violation(f"{where} lacks {lacking} ({name})")

    def knows(self, definition: str, field_name: str) -> bool:
        return field_name in (self.definitions.get(definition) or {}).get("properties", {})


@dataclass
class Specs:
    version: str
    sync: Document
    bulk: Document  # the bodies and the answers of asynchronous calls


@cache
def _document(path: Path) -> Document:
    raw = gzip.decompress(path.read_bytes())
    loaded = (
        json.loads(raw)
        if ".json" in path.name
        else yaml.load(raw, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    )
    return Document(loaded["paths"], loaded["definitions"])


@cache
def specs(folder: Path, version: str) -> Specs:
    return Specs(version, _document(folder / "magento" / FILES[version]), _document(folder / "magento" / ASYNC))
