"""How a field of the contract is declared: its Spyne type with documentation and what nil means for it.

Limits and enumerations stand in the documentation, not as facets of the schema: a limit can then be raised
without retyping a published field, and a value that is too long is that item's error instead of a
whole message that a proxy refuses to send. The two exceptions are the units, real enumerations.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from integrator.contract import compat  # noqa: F401 - before Spyne

from spyne import (  # isort: skip
    Array, Boolean, ComplexModel, DateTime, Decimal, Enum, Integer32, Integer64, Unicode,
)  # fmt: skip

NAMESPACE = "urn:integrator:v1"

# What xsi:nil="true" does to a field of a request.
CLEARS = "clears"  # the stored value is removed
REFUSED = "refused"  # the item is answered with VALUE_MISSING
ABSENT = "absent"  # nil says the same as leaving the element out
PARAMETER = "parameter"  # a parameter of the call: nil as if absent, a wrong value fails the call
STATED = "stated"  # handed on as None; what it means stands in the field's own documentation
ANSWER = "answer"  # a field of an answer: nil is never sent

_STATES = {
    ("text", CLEARS): "Absent: unchanged. Nil: cleared. Empty: empty text.",
    ("text", REFUSED): "Nil or empty: an error of the item.",
    ("text", ABSENT): "Nil or empty: as if absent.",
    ("value", CLEARS): "Absent: unchanged. Nil: cleared. Empty: an error of the item.",
    ("value", REFUSED): "Nil or empty: an error of the item.",
    ("value", ABSENT): "Nil: as if absent. Empty: an error of the item.",
    ("array", CLEARS): "Absent: unchanged. Nil or without elements: all are removed.",
    ("array", REFUSED): "Nil or without elements: an error of the item.",
    ("array", ABSENT): "Nil: as if absent.",
    ("value", PARAMETER): "Nil: as if absent. A wrong value is a Fault.",
    ("array", PARAMETER): "Absent, nil or without elements: a call without items, which succeeds.",
}


class Model(ComplexModel):  # type: ignore[misc]
    """The base of every complex type: all in one namespace, published in the order of declaration."""

    __namespace__ = NAMESPACE


@dataclass(frozen=True, slots=True)
class Member:
    """One element of a complex type, as the writer of the WSDL, the readers and the writers need it."""

    name: str
    type: Any
    required: bool
    limit: int | None
    nil: str
    doc: str


def _field(base: Any, kind: str, doc: str, nil: str, required: bool, limit: int | None = None) -> Any:
    sentence = _STATES.get((kind, nil), "")
    if required and nil == CLEARS:
        raise ValueError("a required field cannot be cleared")
    return base.customize(
        min_occurs=1 if required else 0,
        # Optional values of a request are nillable: a .NET DataContract proxy (svcutil) then has `decimal?`, and with
        # the DefaultValue annotation that the WSDL adds (schema_default_value) leaves null out. Without both it sends
        # 0, false and 0001-01-01 for whatever the program did not set.
        nillable=kind == "value" and nil != ANSWER and not required,
        integrator_nil=nil,
        integrator_limit=limit,
        integrator_doc=f"{doc} {sentence}".strip(),
    )


def text(doc: str, nil: str = CLEARS, *, required: bool = False, limit: int | None = None) -> Any:
    """A text; longer than `limit` characters is VALUE_OUT_OF_RANGE."""
    if limit:
        doc = f"{doc} At most {limit:,} characters."
    return _field(Unicode, "text", doc, nil, required, limit)


def decimal(doc: str, nil: str = CLEARS, *, required: bool = False) -> Any:
    """A decimal with at most 15 digits before and 4 after the point (the store's numeric(19, 4))."""
    return _field(Decimal, "value", doc, nil, required)


def boolean(doc: str, nil: str = CLEARS, *, required: bool = False) -> Any:
    return _field(Boolean, "value", doc, nil, required)


def moment(doc: str, nil: str = CLEARS, *, required: bool = False) -> Any:
    return _field(DateTime, "value", doc, nil, required)


def integer(doc: str, nil: str = CLEARS, *, required: bool = False) -> Any:
    """xs:int, 32 bits."""
    return _field(Integer32, "value", doc, nil, required)


def long(doc: str, nil: str = CLEARS, *, required: bool = False) -> Any:
    """xs:long, 64 bits."""
    return _field(Integer64, "value", doc, nil, required)


def one_of(enumeration: Any, doc: str, nil: str = CLEARS) -> Any:
    return _field(enumeration, "value", doc, nil, False)


def part(model: Any, doc: str, *, required: bool = False) -> Any:
    """A complex type inside another, in answers only."""
    return _field(model, "part", doc, ANSWER, required)


def array(item: Any, doc: str, nil: str = CLEARS, *, required: bool = False, name: str = "") -> Any:
    """`ArrayOfT` with elements `T`; `name` is T where the items are texts."""
    name = name or item.get_type_name()
    inner = item.customize(nillable=False, min_occurs=0, max_occurs="unbounded")
    array_type = Array(inner, member_name=name, type_name=f"ArrayOf{name}")
    array_type.__namespace__ = NAMESPACE
    return _field(array_type, "array", doc, nil, required)


def enumeration(name: str, doc: str, *values: str) -> Any:
    made = Enum(*values, type_name=name)
    made.__namespace__ = NAMESPACE
    made.integrator_values = values
    made.__doc__ = doc
    return made


def is_array(declared: Any) -> bool:
    return issubclass(declared, Array)


def is_model(declared: Any) -> bool:
    return issubclass(declared, ComplexModel) and not issubclass(declared, Array)


def array_item(declared: Any) -> tuple[str, Any]:
    """The element name and the type of an array's items."""
    ((name, item),) = declared._type_info.items()
    return name, item


def type_doc(declared: Any) -> str:
    original = getattr(declared, "__orig__", None) or declared
    return " ".join(inspect.cleandoc(original.__doc__ or "").split())


def members(model: Any) -> Iterator[Member]:
    """The elements of a complex type in their published order."""
    for name, declared in model._type_info.items():
        attributes = declared.Attributes
        yield Member(
            name=name,
            type=declared,
            required=attributes.min_occurs >= 1,
            limit=getattr(attributes, "integrator_limit", None),
            nil=getattr(attributes, "integrator_nil", ANSWER),
            doc=getattr(attributes, "integrator_doc", ""),
        )
