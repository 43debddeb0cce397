"""From stored documents and results to the elements of an answer, by writers compiled from the published types.

Elements come in the published order. Decimals are written with digits and a point, times in UTC with Z, texts
without what XML cannot carry. An array is always there, perhaps without elements, so that no client stumbles over
null; a missing text that the schema demands is empty. Anything that would not be valid raises: an answer is
right or it is a Fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Any

from integrator.codes import Action, ItemResult
from integrator.connectors.records import utc_text
from integrator.contract.faults import xml_text
from integrator.contract.fields import NAMESPACE, Member, array_item, is_array, is_model, members

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")

Writer = Callable[[Any], str]

UNCHANGED = frozenset({Action.UNCHANGED, Action.SUPERSEDED, Action.DUPLICATE})


def decimal_text(value: Any) -> str:
    """xs:decimal: never an exponent, never NaN."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal | float):
        raise TypeError(f"not a decimal: {value!r}")
    text = value if isinstance(value, str) else format(Decimal(str(value)), "f")
    if _DECIMAL.fullmatch(text) is None:
        raise ValueError(f"not a decimal: {value!r}")
    return text


def moment_text(value: Any) -> str:
    """xs:dateTime in UTC with Z, from an aware datetime or from text that is that already."""
    text = utc_text(value) if isinstance(value, datetime) else value
    if not isinstance(text, str) or _MOMENT.fullmatch(text) is None:
        raise ValueError(f"not a time in UTC: {value!r}")
    return text


def boolean_text(value: Any) -> str:
    if value is True or value is False:
        return "true" if value else "false"
    raise TypeError(f"not a boolean: {value!r}")


def integer_text(value: Any) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise TypeError(f"not a whole number: {value!r}")


def text_text(value: Any) -> str:
    return xml_text(value if isinstance(value, str) else str(value))


_TEXTS: dict[str, Callable[[Any], str]] = {
    "string": text_text,
    "decimal": decimal_text,
    "dateTime": moment_text,
    "boolean": boolean_text,
    "int": integer_text,
    "long": integer_text,
}
# What stands for a missing value that the schema demands. There is no such value for a time.
_DEFAULTS: dict[str, Any] = {"string": "", "decimal": "0", "boolean": False, "int": 0, "long": 0}


def _simple_writer(name: str, kind: str, required: bool) -> Writer:
    to_text = _TEXTS[kind]
    head, tail = f"<{name}>", f"</{name}>"
    default = _DEFAULTS.get(kind) if required else None

    def write(value: Any) -> str:
        if value is None:
            value = default
            if value is None:
                if required:
                    raise ValueError(f"{name} is missing")
                return ""
        try:
            return f"{head}{to_text(value)}{tail}"
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error

    return write


def _item_writer(declared: Any) -> Writer:
    item_name, item = array_item(declared)
    return model_writer(item, item_name) if is_model(item) else _simple_writer(item_name, "string", True)


def _array_writer(name: str, declared: Any) -> Writer:
    write_item = _item_writer(declared)
    head, tail, empty = f"<{name}>", f"</{name}>", f"<{name}/>"

    def write(value: Any) -> str:
        return f"{head}{''.join(map(write_item, value))}{tail}" if value else empty

    return write


def _member_writer(member: Member) -> Writer:
    declared = member.type
    if is_array(declared):
        return _array_writer(member.name, declared)
    if is_model(declared):
        write_model = model_writer(declared, member.name)
        return lambda value: "" if value is None else write_model(value)
    return _simple_writer(member.name, declared.get_type_name(), member.required)


def _kind(member: Member) -> str:
    """The name of a simple type; empty for arrays and parts."""
    return "" if is_array(member.type) or is_model(member.type) else member.type.get_type_name()


def _picker(places: Sequence[int]) -> Callable[[list[Any]], Sequence[Any]]:
    """Takes the values at these places of a list."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda row: [row[place] for place in places]


def model_writer(model: Any, name: str) -> Writer:
    """Writes a mapping of the contract's names as the element `name`; names that the type has not are left out.

    Most values are texts without anything to escape and decimals as they are stored. Those of one element are
    looked at together and go into a template; an element in which that does not hold, because something is missing,
    has to be escaped or is wrong, is written member by member, with the same outcome.
    """
    fields = list(members(model))
    names = [field.name for field in fields]
    # with whether the element is there, or missed, also without a value
    writers = [(field.name, _member_writer(field), field.required or is_array(field.type)) for field in fields]
    kinds = [_kind(field) for field in fields]
    texts = _picker([place for place, kind in enumerate(kinds) if kind == "string"])
    amounts = [place for place, kind in enumerate(kinds) if kind == "decimal"]
    decimals, are_decimals = _picker(amounts), _decimals(len(amounts))
    others = [(place, writers[place][1]) for place, kind in enumerate(kinds) if kind not in ("string", "decimal")]
    together = len(fields) - len(others)
    head, tail = f"<{name}>", f"</{name}>"
    places = [f"<{n}>%s</{n}>" if kind in ("string", "decimal") else "%s" for n, kind in zip(names, kinds, strict=True)]
    template = f"{head}{''.join(places)}{tail}"

    def one_by_one(value: Mapping[str, Any]) -> str:
        get = value.get
        parts = [write(one) for key, write, always in writers if (one := get(key)) is not None or always]
        return f"{head}{''.join(parts)}{tail}"

    def write(value: Mapping[str, Any]) -> str:
        if len(value) < together:
            return one_by_one(value)
        row = list(map(value.get, names))
        try:
            plain = _is_plain("".join(texts(row))) and are_decimals(";".join(decimals(row)))
        except TypeError:  # something is missing, or not a text
            plain = False
        if not plain:
            return one_by_one(value)
        for place, write_member in others:
            row[place] = write_member(row[place])
        return template % tuple(row)

    return write


def _is_plain(text: str) -> bool:
    """Nothing in it has to be escaped or replaced; may be False for what `xml_text` leaves as it is."""
    return text.isprintable() and "&" not in text and "<" not in text and ">" not in text


def _decimals(count: int) -> Callable[[str], Any]:
    """Recognises exactly so many decimals with ; between them."""
    one = _DECIMAL.pattern
    return re.compile(f"{one}(?:;{one}){{{count - 1}}}" if count else "").fullmatch


def _pieces(member: Member) -> Callable[[Any], Iterator[str]]:
    """Writes a member of an answer, an array item by item."""
    if not is_array(member.type):
        write = _member_writer(member)
        return lambda value: iter((write(value),))
    write_item = _item_writer(member.type)
    name = member.name

    def pieces(value: Any) -> Iterator[str]:
        yield f"<{name}>"
        yield from map(write_item, value or ())
        yield f"</{name}>"

    return pieces


def response_writer(message: Any) -> Callable[[Mapping[str, Any]], bytes]:
    """Writes the content of an answer's Body: the element XResponse with XResult inside.

    Record by record into bytes: as one text, a single emoji would make every character of the answer four bytes.
    """
    ((result_name, result),) = message._type_info.items()
    writers = [(member.name, _pieces(member)) for member in members(result)]
    name = message.get_type_name()
    head, tail = f'<{name} xmlns="{NAMESPACE}"><{result_name}>', f"</{result_name}></{name}>"

    def write(value: Mapping[str, Any]) -> bytes:
        pieces = [head.encode()]
        for key, write_pieces in writers:
            pieces += [piece.encode() for piece in write_pieces(value.get(key))]
        pieces.append(tail.encode())
        return b"".join(pieces)

    return write


def counts(results: Sequence[ItemResult]) -> dict[str, int]:
    """What the answer and the journal say about the items of a call."""
    failed = sum(1 for one in results if one.problem is not None)
    unchanged = sum(1 for one in results if one.problem is None and one.action in UNCHANGED)
    return {
        "Received": len(results),
        "Applied": len(results) - failed - unchanged,
        "Unchanged": unchanged,
        "Failed": failed,
    }


def _item(result: ItemResult) -> dict[str, Any]:
    problem = result.problem
    if problem is None:
        return {
            "Index": result.index,
            "Id": result.id,
            "Success": True,
            "Action": None if result.action is None else result.action.value,
            **({"ErrorMessage": " ".join(result.warnings)} if result.warnings else {}),
        }
    message = problem.message
    if result.warnings:
        message = " ".join([message, *result.warnings])
    return {
        "Index": result.index,
        "Id": result.id,
        "Success": False,
        "ErrorCode": problem.code.value,
        "ErrorField": problem.field or None,
        "ErrorMessage": message,
        "ErrorHint": problem.hint or None,
    }


def call_result(
    results: Sequence[ItemResult], call_id: str, warnings: Sequence[str], *, return_all: bool
) -> dict[str, Any]:
    """The values of CallResult."""
    numbers = counts(results)
    failed = numbers["Failed"]
    first = next((one.problem for one in results if one.problem is not None), None)
    return {
        "Success": failed == 0,
        **numbers,
        "ErrorCode": first.code.value if first else None,
        "ErrorMessage": f"{failed:,} of {len(results):,} failed. The first: {first.message}" if first else None,
        "CallId": call_id,
        "Warnings": warnings,
        "Results": [_item(one) for one in results if return_all or one.problem is not None or one.warnings],
    }
