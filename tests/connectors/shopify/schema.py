"""Shopify's schema, from its introspection: what documents are validated against and answers are made by."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from graphql import (
    FieldNode,
    GraphQLSchema,
    TypeInfo,
    TypeInfoVisitor,
    Visitor,
    build_client_schema,
    parse,
    validate,
    visit,
)


@cache
def schema(folder: Path, version: str) -> GraphQLSchema:
    """Of a version, from shared/specs. The strict check would reject Shopify's own schema."""
    with gzip.open(folder / "shopify" / f"admin_{version}.json.gz") as file:
        return from_introspection(json.load(file))


def from_introspection(introspection: Mapping[str, Any]) -> GraphQLSchema:
    """`introspection`: the answer of an introspection query, with or without its `data`."""
    found = introspection.get("data", introspection)
    return build_client_schema(found, assume_valid=True)


def broken(found: GraphQLSchema, documents: Mapping[str, str]) -> dict[str, list[str]]:
    """The documents that the schema does not take, by name, each with why."""
    problems = {name: [one.message for one in validate(found, parse(text))] for name, text in documents.items()}
    return {name: messages for name, messages in problems.items() if messages}


def deprecated(found: GraphQLSchema, documents: Mapping[str, str]) -> dict[str, set[str]]:
    """The fields in use that a later version may take away, by document, as Type.field."""
    problems: dict[str, set[str]] = {}
    for name, text in documents.items():
        look = Deprecated(TypeInfo(found))
        visit(parse(text), TypeInfoVisitor(look.info, look))
        if look.found:
            problems[name] = look.found
    return problems


class Deprecated(Visitor):
    def __init__(self, info: TypeInfo) -> None:
        super().__init__()
        self.info = info
        self.found: set[str] = set()

    def enter_field(self, node: FieldNode, *_: Any) -> None:
        field, parent = self.info.get_field_def(), self.info.get_parent_type()
        if field is not None and parent is not None and field.deprecation_reason:
            self.found.add(f"{parent.name}.{node.name.value}")
