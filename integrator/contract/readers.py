"""From the elements of a request to rows, by tables compiled from the published types.

One pass over libxml2's tree, no Spyne object in between. Elements of an item may come in any order; what is not
known is ignored and counted; elements without a namespace are taken (old clients send them so) and reported in a
warning. What is wrong with an item becomes the `problem` of its row, the first one found; the rest of the item is
read all the same, so that the answer can name the item. Only parameters of the call itself fail the call.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from integrator.codes import Code, Problem
from integrator.contract import values
from integrator.contract.faults import CallFailed, invalid, shown, too_much
from integrator.contract.fields import (
    ABSENT,
    CLEARS,
    NAMESPACE,
    REFUSED,
    STATED,
    Member,
    array_item,
    is_array,
    is_model,
    members,
)
from integrator.contract.values import Refused
from integrator.rows import Row

NIL = "{http://www.w3.org/2001/XMLSchema-instance}nil"
TRUE = ("true", "1")
# In an array of items: whether any of them has an xsi:nil, and whether any field of them has more than text in it
_NILS = etree.XPath("boolean(.//@xsi:nil)", namespaces={"xsi": "http://www.w3.org/2001/XMLSchema-instance"})
_DEEP = etree.XPath("boolean(*/*/node()[not(self::text())])")
ITEM_ID = "ItemIntegrationId"

# Keys are trimmed; a control character inside one is a mistake that nobody would ever find again.
KEYS = frozenset(
    {
        ITEM_ID,
        "StyleId",
        "LocationId",
        "TierCode",
        "Id",
        "ShipmentId",
        "OrderId",
        "OrderNumber",
        "LineId",
        "PosCustomerId",
    }
)
UNLIMITED = 2**63
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f]")


@dataclass(slots=True)
class Reading:
    """One request being read: by which rules, and what was noticed on the way."""

    zone: ZoneInfo
    max_items: int
    unknown: Counter[tuple[str, str]] = field(default_factory=Counter)
    unqualified: int = 0
    # What nothing below has to be asked for, because it was looked for once in all items (XPath is much cheaper there)
    nils: bool = True
    deep: bool = True  # elements in fields

    def warnings(self) -> list[str]:
        said = [
            f"{count:,} element{'s' if count > 1 else ''} {name!r} in {parent} "
            f"{'are' if count > 1 else 'is'} not known to this service and {'were' if count > 1 else 'was'} ignored."
            for (parent, name), count in self.unknown.most_common(20)
        ]
        if len(self.unknown) > 20:
            said.append(f"{len(self.unknown) - 20:,} further names of elements are not known and were ignored.")
        if self.unqualified:
            said.append(
                f"{self.unqualified:,} elements came without the namespace {NAMESPACE} and were taken as if in it."
            )
        return said


class _Wrong(Exception):
    """A problem inside a value, with the path of the field."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem


_MISSING = object()  # as if the element were not there
Reader = Callable[[Any, str, Reading], Any]  # element, path of the field -> value, _MISSING; raises _Wrong


def _missing(path: str, hint: str = "") -> _Wrong:
    if path == ITEM_ID:
        return _Wrong(Problem(Code.ITEM_ID_MISSING, "The item has no ItemIntegrationId.", path))
    return _Wrong(Problem(Code.VALUE_MISSING, f"{path} is missing.", path, hint))


def _element_name(element: Any) -> str:
    tag: str = element.tag
    return tag.rpartition("}")[2]


def _content(element: Any, path: str, reading: Reading) -> str | None:
    """The text of the element, None for nil. Elements inside are refused: HTML has to be escaped."""
    if reading.deep and len(element):
        raise _Wrong(
            Problem(
                Code.VALUE_INVALID,
                f"{path}: contains the element <{_element_name(element[0])[:40]}> where text is expected.",
                path,
                "Escape HTML (&lt;b&gt;) or put it into a CDATA section.",
            )
        )
    text: str | None = element.text
    nil = element.get(NIL) if reading.nils else None
    if nil is not None and nil.strip() in TRUE:
        if text and text.strip():
            raise _Wrong(
                Problem(
                    Code.VALUE_INVALID,
                    f'{path}: is xsi:nil="true" and has the value {shown(text)}.',
                    path,
                    "Send either the value or xsi:nil, not both.",
                )
            )
        return None
    return text or ""


def _nil_value(member: Member, path: str) -> Any:
    if member.nil in (CLEARS, STATED):
        return None
    if member.nil == REFUSED:
        raise _missing(path, "Send a value, or leave the element out where the field may stay as it is.")
    return _MISSING


def _text_reader(member: Member) -> Reader:
    limit, key = member.limit, member.name in KEYS

    def read(element: Any, path: str, reading: Reading) -> Any:
        text = _content(element, path, reading)
        if text is None:
            return _nil_value(member, path)
        if key and not text.isalnum():
            text = text.strip()
            if _CONTROL.search(text):
                raise _Wrong(
                    Problem(
                        Code.VALUE_INVALID, f"{path}: {shown(text)} contains a control character.", path,
                        "Send the value without tabs, line ends and other control characters.",
                    )
                )  # fmt: skip
        if not text or (member.nil == REFUSED and not text.strip()):
            if member.nil == REFUSED:
                raise _missing(path, "Send a value that is not empty.")
            return _MISSING if member.nil == ABSENT else text
        if limit is not None and len(text) > limit:
            code = Code.ITEM_ID_TOO_LONG if path == ITEM_ID else Code.VALUE_OUT_OF_RANGE
            hint = "" if path == ITEM_ID else f"Send at most {limit:,} characters."
            raise _Wrong(Problem(code, f"{path}: {shown(text)} is longer than {limit:,} characters.", path, hint))
        return text

    return read


def _value_reader(member: Member, convert: Callable[..., Any], *, zoned: bool = False) -> Reader:
    def read(element: Any, path: str, reading: Reading) -> Any:
        text = _content(element, path, reading)
        if text is None:
            return _nil_value(member, path)
        try:
            return convert(text, reading.zone) if zoned else convert(text)
        except Refused as refused:
            if not text.strip():
                hint = "Leave the element out, or send a value"
                hint += ', or clear the field with xsi:nil="true".' if member.nil in (CLEARS, STATED) else "."
                raise _Wrong(Problem(Code.VALUE_INVALID, f"{path} is empty.", path, hint)) from None
            raise _Wrong(Problem(refused.code, f"{path}: {refused.message}", path, refused.hint)) from None

    return read


def _array_reader(member: Member) -> Reader:
    name, item = array_item(member.type)
    qualified = f"{{{NAMESPACE}}}{name}"
    read_fields = _fields_reader(item, name) if is_model(item) else None
    parent = member.name

    def read(element: Any, path: str, reading: Reading) -> Any:
        nil = element.get(NIL)
        if nil is not None and nil.strip() in TRUE and not len(element):
            return _nil_value(member, path)
        if element.text and element.text.strip() and not len(element):
            text = shown(element.text.strip())
            raise _Wrong(
                Problem(
                    Code.VALUE_INVALID,
                    f"{path}: {text} stands where elements {name} are expected.",
                    path,
                    f"Send {path} with elements {name} inside.",
                )
            )
        found: list[Any] = []
        for child in element:
            tag = child.tag
            if tag != qualified:
                if tag != name:
                    reading.unknown[parent, _element_name(child)] += 1
                    continue
                reading.unqualified += 1
            inner = f"{path}[{len(found)}]"
            if read_fields is None:
                content = _content(child, inner, reading)
                if content is not None:
                    found.append(content)
                continue
            row, problem = read_fields(child, reading, f"{inner}.")
            if problem is not None:
                raise _Wrong(problem)
            found.append(row)
        return found

    return read


def _reader(member: Member) -> Reader:
    declared = member.type
    if is_array(declared):
        return _array_reader(member)
    choices = getattr(declared, "integrator_values", None)
    if choices is not None:
        return _value_reader(member, values.read_choice(choices))
    kind = declared.get_type_name()
    if kind == "string":
        return _text_reader(member)
    if kind == "dateTime":
        return _value_reader(member, values.read_moment, zoned=True)
    converters: dict[str, Callable[[str], Any]] = {
        "decimal": values.read_decimal,
        "boolean": values.read_boolean,
        "int": values.read_int,
        "long": values.read_long,
    }
    return _value_reader(member, converters[kind])


FieldsReader = Callable[[Any, Reading, str], tuple[dict[str, Any], Problem | None]]


def _plain_limit(member: Member) -> int:
    """Up to how many characters a text may be taken as it stands, if it is not empty; 0 if it has to be looked at."""
    kind = None if is_array(member.type) else member.type.get_type_name()
    looked_at = member.name in KEYS or member.nil == REFUSED or getattr(member.type, "integrator_values", None)
    return 0 if kind != "string" or looked_at else member.limit or UNLIMITED


def _fields_reader(model: Any, type_name: str) -> FieldsReader:
    """Reads one item: its values, and the first problem."""
    table: dict[str, tuple[str, Reader, int]] = {}
    required = []
    for member in members(model):
        entry = (member.name, _reader(member), _plain_limit(member))
        table[f"{{{NAMESPACE}}}{member.name}"] = entry
        table[member.name] = entry
        if member.required:
            required.append(member.name)
    find = table.get

    def read(item: Any, reading: Reading, prefix: str = "") -> tuple[dict[str, Any], Problem | None]:
        row: dict[str, Any] = {}
        problem: Problem | None = None
        nils, deep = reading.nils, reading.deep
        for element in item:
            tag = element.tag
            entry = find(tag)
            if entry is None:
                reading.unknown[type_name, _element_name(element)] += 1
                continue
            if tag[0] != "{":
                reading.unqualified += 1
            name, read_value, plain = entry
            if plain:  # nearly all texts, without a call
                text = element.text
                if (
                    text
                    and len(text) <= plain
                    and name not in row
                    and not (deep and len(element))
                    and not (nils and element.get(NIL) is not None)
                ):
                    row[name] = text
                    continue
            try:
                value = read_value(element, prefix + name, reading)
            except _Wrong as wrong:
                problem = problem or wrong.problem
                row.setdefault(name, None)
                continue
            if name in row:
                problem = problem or Problem(
                    Code.VALUE_INVALID, f"{prefix}{name} stands more than once.", prefix + name, "Send it once."
                )
            elif value is not _MISSING:
                row[name] = value
        for name in required:
            if name not in row and problem is None:
                problem = _missing(prefix + name).problem
        if problem is not None:
            row = {name: value for name, value in row.items() if value is not None}
        return row, problem

    return read


def _rows_reader(member: Member) -> Callable[[Any, Reading], list[Row]]:
    """Reads the array of a call's items."""
    name, item = array_item(member.type)
    qualified = f"{{{NAMESPACE}}}{name}"
    read_fields = _fields_reader(item, name)

    def read(element: Any, reading: Reading) -> list[Row]:
        if len(element) > reading.max_items:
            raise too_much(
                f"Items in {member.name}", f"{len(element):,}", f"{reading.max_items:,}", "INTEGRATOR_MAX_ITEMS"
            )
        if element.text and element.text.strip() and not len(element):
            raise invalid(
                f"{member.name} has the text {shown(element.text.strip())} where elements {name} are expected.",
                hint=f"Send {member.name} with an element {name} for each item.",
            )
        rows: list[Row] = []
        reading.nils, reading.deep = bool(_NILS(element)), bool(_DEEP(element))
        for index, child in enumerate(element):
            tag = child.tag
            if tag != qualified:
                if tag != name:
                    # An item of a wrong name is not a newer client's extra field: it must not vanish in silence.
                    wrong = Problem(
                        Code.VALUE_INVALID,
                        f"{member.name} holds an element {shown(_element_name(child))}.",
                        member.name,
                        f"Inside {member.name} each item is an element {name}.",
                    )
                    rows.append(Row(index, {}, wrong))
                    continue
                reading.unqualified += 1
            values_of_item, problem = read_fields(child, reading, "")
            rows.append(Row(index, values_of_item, problem))
        reading.nils = reading.deep = True
        return rows

    return read


def request_reader(message: Any) -> Callable[[Any, Reading], list[Any]]:
    """Reads the element of an operation: its parameters in their declared order, rows for the array of items."""
    parameters = list(members(message))
    table: dict[str, tuple[int, Member, Callable[..., Any]]] = {}
    for position, member in enumerate(parameters):
        items = is_array(member.type)
        entry = (position, member, _rows_reader(member) if items else _reader(member))
        table[f"{{{NAMESPACE}}}{member.name}"] = entry
        table[member.name] = entry
    empty: list[Any] = [[] if is_array(member.type) else None for member in parameters]
    name_of_request = message.get_type_name()

    def read(request: Any, reading: Reading) -> list[Any]:
        found = list(empty)
        seen: set[int] = set()
        for element in request:
            entry = table.get(element.tag)
            if entry is None:
                reading.unknown[name_of_request, _element_name(element)] += 1
                continue
            if element.tag[0] != "{":
                reading.unqualified += 1
            position, member, read_value = entry
            if position in seen:
                raise invalid(f"{member.name} stands more than once in {name_of_request}.", hint="Send it once.")
            seen.add(position)
            if is_array(member.type):
                found[position] = read_value(element, reading)
                continue
            try:
                value = read_value(element, member.name, reading)
            except _Wrong as wrong:
                raise CallFailed(Code.REQUEST_INVALID, wrong.problem.message, hint=wrong.problem.hint) from None
            found[position] = None if value is _MISSING else value
        return found

    return read
