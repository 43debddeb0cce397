"""What a request costs, by the published rules: objects 1, scalars 0, connections by their size, mutations 10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLSchema,
    InlineFragmentNode,
    OperationDefinitionNode,
    SelectionSetNode,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    value_from_ast_untyped,
)
from graphql.type import is_interface_type, is_list_type, is_object_type

FREE = frozenset({"pageInfo", "userErrors", "mediaUserErrors"})


class Coster:
    def __init__(self, schema: GraphQLSchema, document: DocumentNode, variables: Mapping[str, Any]) -> None:
        self.schema = schema
        self.variables = variables
        self.fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self.operation = next(one for one in document.definitions if isinstance(one, OperationDefinitionNode))

    def total(self) -> float:
        kind = self.operation.operation.value
        root = self.schema.mutation_type if kind == "mutation" else self.schema.query_type
        assert root is not None
        cost = self._selection(root, self.operation.selection_set)
        if kind == "mutation":
            for one in self.operation.selection_set.selections:
                if isinstance(one, FieldNode):
                    cost += 9 + self._input(one)  # its payload counts one already
        return cost

    def _input(self, field: FieldNode) -> float:
        given = self._arguments(field).get("input")
        if field.name.value != "productSet" or not isinstance(given, Mapping):
            return 0
        variants = given.get("variants") or []
        metafields = len(given.get("metafields") or []) + sum(len(one.get("metafields") or []) for one in variants)
        return 0.2 * len(variants) + 0.4 * metafields + 1.9 * len(given.get("files") or [])

    def _arguments(self, field: FieldNode) -> dict[str, Any]:
        return {
            one.name.value: value_from_ast_untyped(one.value, dict(self.variables)) for one in field.arguments or ()
        }

    def _included(self, field: Any) -> bool:
        for one in field.directives or ():
            wanted = value_from_ast_untyped(one.arguments[0].value, dict(self.variables)) if one.arguments else True
            if (one.name.value == "include" and not wanted) or (one.name.value == "skip" and wanted):
                return False
        return True

    def _selection(self, parent: Any, selections: SelectionSetNode | None) -> float:
        if selections is None:
            return 0
        own, branches = 0.0, [0.0]
        for one in selections.selections:
            if not self._included(one):
                continue
            if isinstance(one, FieldNode):
                own += self._field(parent, one)
                continue
            fragment = self.fragments[one.name.value] if isinstance(one, FragmentSpreadNode) else one
            assert isinstance(fragment, InlineFragmentNode | FragmentDefinitionNode)
            condition = fragment.type_condition
            kind = self.schema.type_map[condition.name.value] if condition else parent
            cost = self._selection(kind, fragment.selection_set)
            if is_abstract_type(parent):
                branches.append(cost)
            else:
                own += cost
        return own + max(branches)

    def _field(self, parent: Any, field: FieldNode) -> float:
        name = field.name.value
        if name in FREE or name == "__typename":
            return 0
        if not (is_object_type(parent) or is_interface_type(parent)):
            return 0
        definition = parent.fields[name]
        kind = get_named_type(definition.type)
        if is_leaf_type(kind):
            return 0
        arguments = self._arguments(field)
        size = arguments.get("first") or arguments.get("last")
        if kind.name.endswith("Connection") and isinstance(kind, GraphQLObjectType):
            return 2 + (size or 0) * self._node(kind, field.selection_set)
        inner = 1 + self._selection(kind, field.selection_set)
        nullable = getattr(definition.type, "of_type", definition.type)
        if is_list_type(definition.type) or is_list_type(nullable):
            if name == "nodes" and "ids" in arguments:
                return len(arguments["ids"]) * inner
            return (size or 1) * inner
        return inner

    def _node(self, connection: GraphQLObjectType, selections: SelectionSetNode | None) -> float:
        """Of one element, whether it is asked for by nodes or by edges."""
        for one in selections.selections if selections else ():
            if isinstance(one, FieldNode) and one.name.value == "nodes":
                kind = get_named_type(connection.fields["nodes"].type)
                return 1 + self._selection(kind, one.selection_set)
            if isinstance(one, FieldNode) and one.name.value == "edges":
                kind = get_named_type(connection.fields["edges"].type)
                return self._selection(kind, one.selection_set)
        return 0


def used(value: Any) -> int:
    """Objects in an answer."""
    if isinstance(value, dict):
        return 1 + sum(used(one) for one in value.values())
    if isinstance(value, list):
        return sum(used(one) for one in value)
    return 0
