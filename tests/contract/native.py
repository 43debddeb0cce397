"""What Spyne itself makes of the contract's types, to hold our writers against it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any

from lxml import etree

from integrator.contract.fields import array_item, is_array, is_model, members

Said = list[tuple[str, str]]


@cache
def builder(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    """Makes a document an object of the type, with the values that Spyne writes: Decimal, datetime, objects; and a
    list for an array that the document has not."""
    made = getattr(model, "__orig__", None) or model
    arrays = {member.name: [] for member in members(model) if is_array(member.type)}
    converters = [(member.name, _converter(member.type)) for member in members(model)]

    def build(values: Mapping[str, Any]) -> Any:
        said = {name: convert(values[name]) for name, convert in converters if values.get(name) is not None}
        return made(**{**arrays, **said})

    return build


def _converter(declared: Any) -> Callable[[Any], Any]:
    if is_array(declared):
        _name, item = array_item(declared)
        if not is_model(item):
            return list
        build = builder(item)
        return lambda values: [build(one) for one in values]
    if is_model(declared):
        return builder(declared)
    kinds: dict[str, Callable[[Any], Any]] = {"decimal": Decimal, "dateTime": datetime.fromisoformat}
    return kinds.get(declared.get_type_name(), lambda value: value)


def said(element: Any, *without: str) -> Said:
    """The elements under this one and their values, in order; times as UTC, whether written with Z or +00:00."""
    found = []
    for one in element.iterdescendants():
        name, text = etree.QName(one).localname, one.text or ""
        if one.attrib or (one.tail or "").strip():
            raise AssertionError(f"attributes, or text between elements: {etree.tostring(one)[:200]!r}")
        if name.endswith("Date"):
            text = datetime.fromisoformat(text).astimezone(UTC).isoformat()
        if name not in without:
            found.append((str(one.tag), text))
    return found
