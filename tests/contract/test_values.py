"""The values of the contract, as text: what is taken, what is refused, and with which words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.codes import Code
from integrator.contract.faults import xml_text
from integrator.contract.values import (
    Refused,
    read_boolean,
    read_choice,
    read_decimal,
    read_int,
    read_long,
    read_moment,
)
from integrator.contract.writers import decimal_text, moment_text

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.50", "12.50"), ("0", "0"), ("-3", "-3"), ("+3", "3"), (".5", "0.5"), ("5.", "5"), (" \n12.5\t", "12.5"),
        ("12.50000000", "12.5"), ("000000000000000000012.5", "12.5"), ("-0", "0"), ("-0.0", "0"),
        ("999999999999999.9999", "999999999999999.9999"), ("-00000000000000000001", "-1"),
    ],
)  # fmt: skip
def test_decimals_taken(text: str, value: str) -> None:
    found = read_decimal(text)
    assert found == Decimal(value)
    assert not (found == 0 and found.is_signed())
    assert found.as_tuple().exponent >= -4


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("12,50", Code.VALUE_INVALID, "like 12.50"),
        ("1,234.50", Code.VALUE_INVALID, "thousands"),
        ("1 234", Code.VALUE_INVALID, "thousands"),
        ("$12.50", Code.VALUE_INVALID, "no currency"),
        ("12.50 EUR", Code.VALUE_INVALID, "no currency"),
        ("1E5", Code.VALUE_INVALID, "no exponent"),
        ("NaN", Code.VALUE_INVALID, "digits"),
        ("INF", Code.VALUE_INVALID, "digits"),
        ("Infinity", Code.VALUE_INVALID, "digits"),
        ("", Code.VALUE_INVALID, "digits"),
        ("--1", Code.VALUE_INVALID, "digits"),
        ("1.2.3", Code.VALUE_INVALID, "digits"),
        (".", Code.VALUE_INVALID, "digits"),
        ("٣", Code.VALUE_INVALID, "digits"),
        ("1_000", Code.VALUE_INVALID, "digits"),
        ("1.23456", Code.VALUE_OUT_OF_RANGE, "never rounds"),
        ("1234567890123456", Code.VALUE_OUT_OF_RANGE, "15 digits"),
        ("9" * 100_000, Code.VALUE_OUT_OF_RANGE, "15 digits"),
    ],
)
def test_decimals_refused(text: str, code: Code, said: str) -> None:
    with pytest.raises(Refused) as refused:
        read_decimal(text)
    assert refused.value.code is code
    assert said in refused.value.hint
    assert len(refused.value.message) < 200


amounts = st.decimals(min_value=-(10**15) + 1, max_value=10**15 - 1, places=4, allow_nan=False)


@given(amounts)
def test_a_decimal_survives_the_way_out_and_in(value: Decimal) -> None:
    assert read_decimal(decimal_text(value)) == value


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_decimals_are_never_rounded(value: Decimal) -> None:
    plain = format(value, "f")
    whole, _, fraction = plain.lstrip("-").partition(".")
    if len(whole.lstrip("0")) > 15 or len(fraction.rstrip("0")) > 4:
        with pytest.raises(Refused) as refused:
            read_decimal(plain)
        assert refused.value.code is Code.VALUE_OUT_OF_RANGE
    else:
        assert read_decimal(plain) == value


@pytest.mark.parametrize("value", [Decimal("1E+5"), Decimal("0E-8"), 5, 5.25, "12.50", Decimal("-0.10")])
def test_decimals_written(value: object) -> None:
    assert Decimal(decimal_text(value)) == Decimal(str(value))
    assert "E" not in decimal_text(value)


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), float("nan"), "1E5", "", "x", True, None, b"1"])
def test_what_is_no_decimal_is_never_written(value: object) -> None:
    with pytest.raises((ValueError, TypeError, ArithmeticError)):
        decimal_text(value)


@pytest.mark.parametrize(("text", "value"), [("true", True), ("1", True), (" false\n", False), ("0", False)])
def test_booleans(text: str, value: bool) -> None:
    assert read_boolean(text) is value


@pytest.mark.parametrize("text", ["True", "FALSE", "yes", "2", "", "on"])
def test_booleans_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_boolean(text)
    assert "true or false" in refused.value.hint


def test_whole_numbers() -> None:
    assert read_int(" 42 ") == 42
    assert read_long("-9223372036854775808") == -(2**63)
    for text in ("1.0", "", "1e3", "٣", "0x10"):
        with pytest.raises(Refused) as refused:
            read_int(text)
        assert refused.value.code is Code.VALUE_INVALID
    for text in ("2147483648", "9" * 1000):
        with pytest.raises(Refused) as refused:
            read_int(text)
        assert refused.value.code is Code.VALUE_OUT_OF_RANGE


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2026-11-24T05:30:00Z", "2026-11-24T05:30:00"),
        (" 2026-11-24T05:30:00Z\n", "2026-11-24T05:30:00"),
        ("2026-11-24T05:30:00+01:00", "2026-11-24T04:30:00"),
        ("2026-11-24T05:30:00-14:00", "2026-11-24T19:30:00"),
        ("2026-11-24T05:30:00", "2026-11-24T04:30:00"),  # the store's zone, winter
        ("2026-07-01T05:30:00", "2026-07-01T03:30:00"),  # summer
        ("2026-11-24T05:30:00.1234567Z", "2026-11-24T05:30:00.123456"),  # .NET sends seven digits
        ("2026-11-24T05:30:00.1Z", "2026-11-24T05:30:00.100000"),
        ("2026-11-24T24:00:00Z", "2026-11-25T00:00:00"),
        ("2026-12-31T24:00:00.000Z", "2027-01-01T00:00:00"),
        ("2024-02-29T00:00:00Z", "2024-02-29T00:00:00"),
        ("2026-03-29T02:30:00", "2026-03-29T01:30:00"),  # skipped by summer time: 03:30 summer time
        ("2026-10-25T02:30:00", "2026-10-25T00:30:00"),  # twice: the first
        ("9999-12-31T23:59:59.9999999", "9999-12-31T22:59:59.999999"),
        ("9999-12-31T23:59:59.9999999-05:00", "9999-12-31T23:59:59"),  # never
        ("9999-12-31T24:00:00Z", "9999-12-31T23:59:59"),
    ],
)
def test_times(text: str, utc: str) -> None:
    found = read_moment(text, BERLIN)
    assert found.tzinfo is UTC
    assert found == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "", "2026-11-24", "2026-11-24 05:30:00", "24.11.2026", "2026-11-24T05:30", "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z", "2026-11-24T25:00:00Z", "2026-11-24T24:00:01Z", "2026-11-24T23:59:60Z",
        "2026-11-24T05:30:00+0100", "2026-11-24T05:30:00+15:00", "2026-11-24T05:30:00+01:60", "2026-11-24t05:30:00z",
        "20261124T053000Z", "now", "1764000000",
    ],
)  # fmt: skip
def test_times_refused(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_moment(text, BERLIN)
    assert refused.value.code is Code.VALUE_INVALID
    assert refused.value.hint


@pytest.mark.parametrize(
    "text", ["0001-01-01T00:00:00", "10000-01-01T00:00:00Z", "-0044-03-15T00:00:00Z", "1899-12-31T23:00:00Z"]
)
def test_times_out_of_range(text: str) -> None:
    with pytest.raises(Refused) as refused:
        read_moment(text, BERLIN)
    assert refused.value.code is Code.VALUE_OUT_OF_RANGE


@given(
    st.datetimes(min_value=datetime(1901, 1, 1), max_value=datetime(9000, 1, 1)),
    st.integers(min_value=-14 * 60, max_value=14 * 60),
)
def test_every_offset_is_the_same_moment(local: datetime, minutes: int) -> None:
    aware = local.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    sign = "-" if minutes < 0 else "+"
    text = local.isoformat() + f"{sign}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    assert read_moment(text, BERLIN) == aware


def test_times_written() -> None:
    assert moment_text(datetime(2026, 11, 24, 6, 30, tzinfo=BERLIN)) == "2026-11-24T05:30:00Z"
    assert moment_text("2026-11-24T05:30:00Z") == "2026-11-24T05:30:00Z"
    for wrong in ("2026-11-24T05:30:00", "2026-11-24T05:30:00+01:00", None, 5, datetime(2026, 1, 1)):
        with pytest.raises((ValueError, TypeError)):
            moment_text(wrong)


def test_choices() -> None:
    read = read_choice(("kg", "lb"))
    assert [read(t) for t in ("kg", " KG", "Lb")] == ["kg", "kg", "lb"]
    with pytest.raises(Refused) as refused:
        read("kilo")
    assert refused.value.message == "'kilo' is not one of kg, lb."


@given(st.text(st.characters(codec=None)))
def test_any_text_is_written_as_xml(value: str) -> None:
    from lxml import etree

    root = etree.fromstring(f"<a>{xml_text(value)}</a>".encode())
    assert (root.text or "") == "".join(c if _legal(c) else "\ufffd" for c in value)


def _legal(c: str) -> bool:
    return c in "\t\n\r" or "\u0020" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c >= "\U00010000"
