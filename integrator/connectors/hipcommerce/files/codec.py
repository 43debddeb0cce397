"""The contract's records as CSV and XML, both ways. Pure functions.

CSV: RFC 4180, UTF-8, one header row. A record's nested record takes columns with a dot (`customer.email`); its list of
lines or children takes one row each (`line.sku`, `child.price`), with the record's own columns repeated; any other list
is JSON in its cell. An empty cell is a field that is absent; `\\N` is one that is cleared; a text that begins with a
backslash gets a second one.

XML: `<orders><order><order_id>…`; each member of a list is an `<item>`; nil="true" clears.

Read back, every value is text, None, a dictionary or a list: whoever takes the records knows their types.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

CLEARED = "\\N"
LARGEST = 64 * 1024 * 1024  # bytes of a file
csv.field_size_limit(16 * 1024 * 1024)
NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Unreadable(Exception):
    """The file as a whole cannot be read: the reason, with the place."""


@dataclass(frozen=True, slots=True)
class Kind:
    """`spread`: the list that takes a row a member in CSV, and the prefix of its columns. `same`: the fields whose
    values hold the rows of one record together."""

    record: str
    key: str
    spread: str = ""
    prefix: str = ""
    same: tuple[str, ...] = ()


KINDS = {
    "products": Kind("product", "item_integration_id", "children", "child", ("style_id",)),
    "inventory": Kind("row", "item_integration_id"),
    "prices": Kind("row", "item_integration_id"),
    "shipments": Kind("shipment", "shipment_id", "lines", "line", ("order_id", "shipment_id")),
    "captures": Kind("capture", "capture_id"),
    "orders": Kind("order", "order_id", "lines", "line", ("order_id",)),
    "transactions": Kind("transaction", "transaction_id", "lines", "line", ("transaction_id",)),
    "listings": Kind("listing", "variant_id"),
    "ack": Kind("row", "key"),
}


def encode(kind: str, records: Sequence[Mapping[str, Any]], form: str) -> bytes:
    """`form`: csv or xml."""
    return _xml(kind, records) if form == "xml" else _csv(KINDS[kind], records)


def decode(kind: str, content: bytes, form: str) -> list[tuple[int, Json]]:
    """Records, each with the number of its first row (or of the element), from 1. Raises Unreadable."""
    if len(content) > LARGEST:
        raise Unreadable(f"it has more than {LARGEST} bytes")
    return list(_from_xml(KINDS[kind], content) if form == "xml" else _from_csv(KINDS[kind], content))


# -- CSV


def _cells(record: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from _cells(value, f"{prefix}{name}.")
        else:
            yield prefix + name, _cell(value)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return CLEARED
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | tuple):
        return json.dumps(value, ensure_ascii=False)
    text = str(value).replace("\x00", "")
    return "\\" + text if text.startswith("\\") else text


def _csv(kind: Kind, records: Iterable[Mapping[str, Any]]) -> bytes:
    rows: list[dict[str, str]] = []
    for record in records:
        own = dict(_cells({name: value for name, value in record.items() if name != kind.spread}))
        members = record.get(kind.spread) or [{}]
        rows += [own | dict(_cells(one, f"{kind.prefix}.")) for one in members]
    columns = list(dict.fromkeys(name for row in rows for name in row)) or [kind.key]
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _from_csv(kind: Kind, content: bytes) -> Iterator[tuple[int, Json]]:
    try:
        rows = list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True))
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not UTF-8 (byte {error.start})") from error
    except csv.Error as error:
        raise Unreadable(f"it is not CSV: {error}") from error
    if not rows or not any(rows[0]):
        raise Unreadable("it has no header row")
    header = [name.strip() for name in rows[0]]
    if "" in header or len(set(header)) != len(header):
        raise Unreadable("a column of the header has no name, or two have the same")
    last: tuple[str, ...] | None = None
    found: tuple[int, Json] | None = None
    for number, row in enumerate((one for one in rows[1:] if one), 1):
        if len(row) != len(header):
            raise Unreadable(f"row {number} has {len(row)} cells where the header has {len(header)}")
        record, member = _record(kind, zip(header, row, strict=True))
        mark = tuple(str(record.get(name) or "") for name in kind.same)
        if found is not None and member and any(mark) and mark == last:
            found[1][kind.spread].append(member)
            continue
        if found is not None:
            yield found
        if kind.spread and (member or kind.spread == "lines"):
            record[kind.spread] = [member] if member else []
        last, found = mark, (number, record)
    if found is not None:
        yield found


def _record(kind: Kind, cells: Iterable[tuple[str, str]]) -> tuple[Json, Json]:
    """The record's own fields, and those of its line or child."""
    record: Json = {}
    member: Json = {}
    for name, cell in cells:
        if cell == "":
            continue
        value = None if cell == CLEARED else cell[1:] if cell.startswith("\\") else cell
        into, parts = record, name.split(".")
        if kind.prefix and parts[0] == kind.prefix and len(parts) > 1:
            into, parts = member, parts[1:]
        for part in parts[:-1]:
            into = into.setdefault(part, {})
            if not isinstance(into, dict):
                raise Unreadable(f"the column {name!r} is both a value and a record")
        into[parts[-1]] = value
    return record, member


# -- XML


def _xml(kind: str, records: Iterable[Mapping[str, Any]]) -> bytes:
    from lxml import etree

    root = etree.Element(kind)
    for record in records:
        _element(etree.SubElement(root, KINDS[kind].record), record)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _element(into: Any, value: Any) -> None:
    from lxml import etree

    if value is None:
        into.set("nil", "true")
    elif isinstance(value, Mapping):
        for name, one in value.items():
            _element(etree.SubElement(into, name), one)
    elif isinstance(value, list | tuple):
        for one in value:
            _element(etree.SubElement(into, "item"), one)
    else:
        into.text = _cell(value).removeprefix(CLEARED) if isinstance(value, bool) else NOT_XML.sub("", str(value))


def _from_xml(kind: Kind, content: bytes) -> Iterator[tuple[int, Json]]:
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable(f"it is not XML: {error}") from error
    information: Any = root.getroottree().docinfo
    if information.doctype:
        raise Unreadable("it has a DOCTYPE, which is not taken")
    for number, one in enumerate(root.iterchildren(tag=etree.Element), 1):
        if one.tag != kind.record:
            raise Unreadable(f"element {number} is <{one.tag}> where <{kind.record}> was expected")
        value = _read(one)
        yield number, value if isinstance(value, dict) else {}


def _read(element: Any) -> Any:
    from lxml import etree

    if element.get("nil") == "true":
        return None
    children = list(element.iterchildren(tag=etree.Element))
    if not children:
        return element.text or ""
    if all(one.tag == "item" for one in children):
        return [_read(one) for one in children]
    return {one.tag: _read(one) for one in children}
