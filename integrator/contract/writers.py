"""From stored documents and results to the elements of an answer, by writers compiled from the published types.

Elements come in the published order. Decimals are written with digits and a point, times in UTC with Z, texts
without what XML cannot carry. An array is always there, perhaps without elements, so that no client stumbles over
null; a missing text that the schema demands is empty. Anything that would not be valid raises: an answer is
right or it is a Fault.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrator.codes import Action, ItemResult
from integrator.connectors.records import utc_text
from integrator.contract.faults import xml_text
from integrator.contract.fields import NAMESPACE, Member, array_item, is_array, is_model, members

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z")

Writer = Callable[[Any, list[str]], None]

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

    def write(value: Any, out: list[str]) -> None:
        if value is None:
            value = default
            if value is None:
                if required:
                    raise ValueError(f"{name} is missing")
                return
        try:
            out.append(f"{head}{to_text(value)}{tail}")
        except (TypeError, ValueError) as error:
            raise ValueError(f"{name}: {error}") from error

    return write


def _array_writer(name: str, declared: Any) -> Writer:
    item_name, item = array_item(declared)
    write_item = model_writer(item, item_name) if is_model(item) else _simple_writer(item_name, "string", True)
    head, tail, empty = f"<{name}>", f"</{name}>", f"<{name}/>"

    def write(value: Any, out: list[str]) -> None:
        if not value:
            out.append(empty)
            return
        out.append(head)
        for one in value:
            write_item(one, out)
        out.append(tail)

    return write


def _member_writer(member: Member) -> Writer:
    declared = member.type
    if is_array(declared):
        return _array_writer(member.name, declared)
    if is_model(declared):
        write_model = model_writer(declared, member.name)

        def write(value: Any, out: list[str]) -> None:
            if value is not None:
                write_model(value, out)

        return write
    return _simple_writer(member.name, declared.get_type_name(), member.required)


def model_writer(model: Any, name: str) -> Writer:
    """Writes a mapping of the contract's names as the element `name`; names that the type has not are left out."""
    writers = [(member.name, _member_writer(member)) for member in members(model)]
    head, tail = f"<{name}>", f"</{name}>"

    def write(value: Mapping[str, Any], out: list[str]) -> None:
        out.append(head)
        get = value.get
        for key, write_member in writers:
            write_member(get(key), out)
        out.append(tail)

    return write


def response_writer(message: Any) -> Callable[[Mapping[str, Any]], bytes]:
    """Writes the content of an answer's Body: the element XResponse with XResult inside."""
    ((result_name, result),) = message._type_info.items()
    write_result = model_writer(result, result_name)
    name = message.get_type_name()
    head, tail = f'<{name} xmlns="{NAMESPACE}">', f"</{name}>"

    def write(value: Mapping[str, Any]) -> bytes:
        out = [head]
        write_result(value, out)
        out.append(tail)
        return "".join(out).encode()

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
            "ErrorMessage": " ".join(result.warnings) if result.warnings else None,
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
