"""The values of the contract: text of an element to a Python value, or a `Refused` that names value and remedy.

Strict where a guess would change what is stored: a decimal is never rounded, "12,50" is not 1250, and a time
that cannot be is not moved silently. Lenient where nothing can be lost: blanks around a number, "KG" for "kg",
a seventh digit of a second.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

from integrator.codes import Code
from integrator.contract.faults import shown

BLANKS = " \t\n\r"
PLACES = 4
ZERO = Decimal(0)  # without sign and places
DIGITS = 15

_DECIMAL = re.compile(r"[+-]?(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))")
_SIMPLE = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,4})?")
_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
_GROUPED = re.compile(r"[+-]?[0-9]{1,3}(?:[,' ][0-9]{3})+(?:[.][0-9]+)?")
_INTEGER = re.compile(r"[+-]?[0-9]+")
_MOMENT = re.compile(
    r"(-?[0-9]{4,})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(Z|[+-][0-9]{2}:[0-9]{2})?"
)
_FIRST = datetime(1900, 1, 1, tzinfo=UTC)
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)


class Refused(Exception):
    """The value cannot be taken; the text goes on from the name of the field."""

    def __init__(self, message: str, hint: str = "", code: Code = Code.VALUE_INVALID) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code


def _out_of_range(message: str, hint: str = "") -> Refused:
    return Refused(message, hint, Code.VALUE_OUT_OF_RANGE)


def read_decimal(text: str) -> Decimal:
    """xs:decimal with at most 15 digits before and 4 after the point; zeros that say nothing do not count."""
    if _SIMPLE.fullmatch(text):
        return Decimal(text) or ZERO
    text = text.strip(BLANKS)
    found = _DECIMAL.fullmatch(text)
    if found is None:
        if _GROUPED.fullmatch(text) and not _COMMA.fullmatch(text):
            hint = "Write it without marks between the thousands, like 1234.50."
        elif _COMMA.fullmatch(text):
            hint = "Write it with a point, like 12.50."
        else:
            hint = "Write digits with a point, like 12.50; no exponent, no currency."
        raise Refused(f"{shown(text)} is not a decimal number.", hint)
    whole, fraction = found.group(1) or "", found.group(2) or found.group(3) or ""
    if len(whole) > DIGITS and len(whole.lstrip("0")) > DIGITS:
        raise _out_of_range(
            f"{shown(text)} has more than {DIGITS} digits before the point.", f"Send at most {DIGITS} digits."
        )
    if len(fraction) > PLACES:
        if len(fraction.rstrip("0")) > PLACES:
            raise _out_of_range(
                f"{shown(text)} has more than {PLACES} digits after the point.",
                f"Round it to at most {PLACES} digits; the service never rounds.",
            )
        text = text[: len(text) - len(fraction) + PLACES]
    if len(whole) > DIGITS:
        text = ("-" if text[0] == "-" else "") + text.lstrip("+-").lstrip("0").rjust(1, "0")
    return Decimal(text) or ZERO


def _read_integer(bits: int) -> Callable[[str], int]:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1

    def read(text: str) -> int:
        text = text.strip(BLANKS)
        if _INTEGER.fullmatch(text) is None:
            raise Refused(f"{shown(text)} is not a whole number.", "Write digits only, like 12.")
        if len(text) > 40 or not low <= int(text) <= high:
            raise _out_of_range(f"{shown(text)} is not between {low} and {high}.")
        return int(text)

    return read


read_int = _read_integer(32)
read_long = _read_integer(64)


def read_boolean(text: str) -> bool:
    value = {"true": True, "1": True, "false": False, "0": False}.get(text.strip(BLANKS))
    if value is None:
        raise Refused(f"{shown(text.strip(BLANKS))} is not a boolean.", "Write true or false (or 1 or 0).")
    return value


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    """xs:dateTime in UTC. Without an offset it is local time of `zone`.

    Of a local time that occurs twice (the end of summer time) the first counts; one that summer time skips
    counts as if the clock had not been put forward yet, so it lies after the change. 24:00:00 is the next midnight.
    Digits after the sixth of a second are dropped. Before 1900 is refused, because it is an unset date of the
    caller's; what would lie after 9999-12-31T23:59:59Z is that moment.
    """
    text = text.strip(BLANKS)
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise Refused(
            f"{shown(text)} is not a date with time.",
            "Write it like 2026-11-24T05:30:00Z or 2026-11-24T05:30:00+01:00.",
        )
    year, month, day, hour, minute, second, fraction, offset = found.groups()
    microsecond = int((fraction or "0")[:6].ljust(6, "0"))
    days = 0
    if hour == "24":
        if minute != "00" or second != "00" or microsecond:
            raise Refused(f"{shown(text)} is not a time.", "After 24:00:00 nothing may follow.")
        hour, days = "00", 1
    if len(year) > 4 or year[0] == "-" or year == "0000":
        raise _out_of_range(f"{shown(text)} is not a year between 1900 and 9999.")
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second), microsecond)
    except ValueError as error:
        raise Refused(
            f"{shown(text)} is not a date with time: {error}.", "Check month, day, hour, minute and second."
        ) from None
    if local.year < 1900:
        raise _out_of_range(
            f"{shown(text)} lies before 1900.",
            "Leave the element out if the date is not set (a .NET DateTime that nobody set is 0001-01-01T00:00:00).",
        )
    try:
        local += timedelta(days=days)
        if offset is None:
            value = local.replace(tzinfo=zone).astimezone(UTC)
        elif offset == "Z":
            value = local.replace(tzinfo=UTC)
        else:
            minutes = int(offset[1:3]) * 60 + int(offset[4:6])
            if minutes > 14 * 60 or int(offset[4:6]) > 59:
                raise Refused(f"{shown(text)} has no such offset.", "Offsets go from -14:00 to +14:00.")
            zone_of_text = timezone(timedelta(minutes=-minutes if offset[0] == "-" else minutes))
            value = local.replace(tzinfo=zone_of_text).astimezone(UTC)
    except OverflowError:
        return _LAST
    return min(max(value, _FIRST), _LAST)


def read_choice(values: tuple[str, ...]) -> Callable[[str], str]:
    """One of the values of an enumeration, in upper or lower case."""
    known = {value.lower(): value for value in values}
    listed = ", ".join(values)

    def read(text: str) -> str:
        value = known.get(text.strip(BLANKS).lower())
        if value is None:
            raise Refused(f"{shown(text.strip(BLANKS))} is not one of {listed}.", f"Write one of {listed}.")
        return value

    return read
