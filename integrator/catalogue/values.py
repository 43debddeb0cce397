"""Single values and lists of an item: what each may be, and its normal form. Pure.

Numbers have exactly four places, times are UTC, texts that are keys (ids, option names and values) are trimmed. What
cannot be raises `Refused` with the code, the field, the value and the remedy.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NoReturn

from integrator.codes import Code, Problem

Payload = dict[str, Any]

ID_LENGTH = 64
LIMIT = Decimal(10) ** 15  # numeric(19, 4): 15 digits before the point
PLACES = Decimal("0.0001")
ZERO = Decimal("0.0000")
MAX_OPTIONS = 3
MAX_ENTRIES = 250  # tags, pictures, custom fields, price tiers
WEIGHT_UNITS = ("g", "kg", "oz", "lb")
DIMENSION_UNITS = ("mm", "cm", "m", "in")


class Refused(Exception):
    """The item cannot be applied; `problem` is its answer."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def refuse(code: Code, field: str, message: str, hint: str = "") -> NoReturn:
    raise Refused(Problem(code, message, field, hint))


def shown(value: object) -> str:
    """A value in a message: quoted, and short enough to read."""
    text = f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else str(value)
    return f"'{text[:60]}...'" if len(text) > 60 else f"'{text}'"


def plain(number: Decimal) -> str:
    """12.5000 -> "12.5": how quantities stand in JSON and in messages."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# -- single values


def text(field: str, value: Any, limit: int) -> str:
    if not isinstance(value, str):
        refuse(Code.VALUE_INVALID, field, f"{field} is {shown(value)}, which is not a text.", "Send a text.")
    if len(value) > limit:
        refuse(
            Code.VALUE_OUT_OF_RANGE, field, f"{field} has {len(value)} characters; at most {limit} are taken.",
            f"Shorten {field} to {limit} characters.",
        )  # fmt: skip
    if "\x00" in value:
        refuse(Code.VALUE_INVALID, field, f"{field} contains the character NUL.", f"Remove it from {field}.")
    return value


def needed_text(field: str, value: Any, limit: int) -> str:
    found = "" if value is None else text(field, value, limit)
    if not found.strip():
        refuse(Code.VALUE_MISSING, field, f"{field} is empty.", f"Send {field}, or leave it out to keep it.")
    return found


def number(field: str, value: Any, minimum: Decimal | None = ZERO) -> Decimal:
    """With exactly four places; more than four, or more than 15 before the point, is refused, never rounded."""
    if not isinstance(value, Decimal) or not value.is_finite():
        refuse(
            Code.VALUE_INVALID, field, f"{field} is {shown(value)}, which is not a number.", "Send a decimal number."
        )
    if not -LIMIT < value < LIMIT:
        refuse(
            Code.VALUE_OUT_OF_RANGE, field, f"{field} is {shown(value)}; at most 15 digits stand before the point.",
            "Send a smaller number.",
        )  # fmt: skip
    exact = value.quantize(PLACES)
    if exact != value:
        refuse(
            Code.VALUE_OUT_OF_RANGE, field, f"{field} is {shown(value)}, with more than 4 decimal places.",
            "Round it to at most 4 decimal places; the service never rounds.",
        )  # fmt: skip
    if minimum is not None and exact < minimum:
        refuse(
            Code.VALUE_OUT_OF_RANGE, field, f"{field} is {shown(value)}; it must be at least {plain(minimum)}.",
            f"Send {plain(minimum)} or more.",
        )  # fmt: skip
    return exact if exact else ZERO  # no negative zero


def whole(field: str, value: Any, minimum: int, maximum: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        refuse(Code.VALUE_INVALID, field, f"{field} is {shown(value)}, which is not a whole number.")
    if not minimum <= value <= maximum:
        refuse(Code.VALUE_OUT_OF_RANGE, field, f"{field} is {value}; it must be from {minimum} to {maximum}.")
    return value


def flag(field: str, value: Any) -> bool:
    if not isinstance(value, bool):
        refuse(
            Code.VALUE_INVALID, field, f"{field} is {shown(value)}; it must be true or false.", "Send true or false."
        )
    return value


def moment(field: str, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        refuse(
            Code.VALUE_INVALID, field, f"{field} is {shown(value)}, which is not a date with a time.",
            "Send a dateTime like 2026-11-27T00:00:00Z.",
        )  # fmt: skip
    try:
        return value.astimezone(UTC)
    except OverflowError:
        refuse(Code.VALUE_OUT_OF_RANGE, field, f"{field} is {shown(value)}, which is no date in UTC.")


def unit(field: str, value: Any, known: tuple[str, ...]) -> str:
    found = text(field, value, 16).strip().lower()
    if found not in known:
        refuse(
            Code.VALUE_INVALID, field, f"{field} is {shown(value)}; it must be one of {', '.join(known)}.",
            f"Send one of {', '.join(known)}.",
        )  # fmt: skip
    return found


def category(field: str, value: Any) -> str:
    """A path; blanks around its levels and slashes around the whole do not count."""
    path = text(field, value, 1024).strip().strip("/")
    if not path:
        return ""
    levels = [level.strip() for level in path.split("/")]
    if not all(levels):
        refuse(
            Code.VALUE_INVALID, field, f"{field} is {shown(value)}, a path with an empty level.",
            "Send the levels with one / between them, for example Shoes/Boots.",
        )  # fmt: skip
    return "/".join(levels)


# -- lists


def entries(field: str, value: Any, limit: int) -> list[Any]:
    if not isinstance(value, list):
        refuse(Code.VALUE_INVALID, field, f"{field} is {shown(value)}, which is not a list.")
    if len(value) > limit:
        refuse(
            Code.VALUE_OUT_OF_RANGE, field, f"{field} has {len(value)} entries; at most {limit} are taken.",
            f"Send at most {limit}.",
        )  # fmt: skip
    return value


def parts(field: str, value: Any, limit: int = MAX_ENTRIES) -> list[Mapping[str, Any]]:
    found = entries(field, value, limit)
    for one in found:
        if not isinstance(one, Mapping):
            refuse(Code.VALUE_INVALID, field, f"{field} has an entry {shown(one)} without fields.")
    return found


def once(field: str, values: list[str]) -> None:
    """No value stands twice, upper and lower case being the same."""
    seen: set[str] = set()
    for value in values:
        if value.casefold() in seen:
            refuse(Code.VALUE_INVALID, field, f"{field} is {shown(value)} more than once.", f"Send each {field} once.")
        seen.add(value.casefold())


def options(field: str, value: Any) -> list[Payload]:
    found = [
        {
            "Name": needed_text("Options.Name", one.get("Name"), 255).strip(),
            "Value": needed_text("Options.Value", one.get("Value"), 255).strip(),
        }
        for one in parts(field, value, MAX_OPTIONS)
    ]
    once("Options.Name", [one["Name"] for one in found])
    return found


def tags(field: str, value: Any) -> list[str]:
    kept: dict[str, None] = {}
    for one in entries(field, value, MAX_ENTRIES):
        tag = text("Tags", one, 255).strip()
        if tag:
            kept[tag] = None
    return list(kept)


def images(field: str, value: Any) -> list[Payload]:
    found: list[Payload] = []
    for one in parts(field, value):
        url = needed_text("Images.Url", one.get("Url"), 2048).strip()
        if not url.lower().startswith(("http://", "https://")):
            refuse(
                Code.VALUE_INVALID, "Images.Url", f"Images.Url is {shown(url)}, not an http or https address.",
                "Send an absolute address that the shop's platform can reach.",
            )  # fmt: skip
        image: Payload = {"Url": url}
        if one.get("Position") is not None:
            image["Position"] = whole("Images.Position", one["Position"], 0, 2**31 - 1)
        if one.get("AltText"):
            image["AltText"] = text("Images.AltText", one["AltText"], 512)
        found.append(image)
    return found


def custom_fields(field: str, value: Any) -> list[Payload]:
    found = [
        {
            "Name": needed_text("CustomFields.Name", one.get("Name"), 255).strip(),
            "Value": text("CustomFields.Value", one.get("Value") or "", 65_535),
        }
        for one in parts(field, value)
    ]
    once("CustomFields.Name", [one["Name"] for one in found])
    return found


def tiers(field: str, value: Any) -> list[Payload]:
    found: list[Payload] = []
    for one in parts(field, value):
        minimum = one.get("MinimumQuantity")
        if one.get("Price") is None:
            refuse(Code.VALUE_MISSING, "PriceTiers.Price", "A price tier has no Price.", "Send the Price of each tier.")
        found.append(
            {
                "TierCode": text("PriceTiers.TierCode", one.get("TierCode") or "", 64).strip(),
                "MinimumQuantity": "1"
                if minimum is None
                else plain(number("PriceTiers.MinimumQuantity", minimum, PLACES)),
                "Price": plain(number("PriceTiers.Price", one["Price"])),
            }
        )
    keys = [(one["TierCode"], one["MinimumQuantity"]) for one in found]
    for code, minimum in keys:
        if keys.count((code, minimum)) > 1:
            refuse(
                Code.VALUE_INVALID, "PriceTiers", f"PriceTiers has tier '{code}' from {minimum} units more than once.",
                "Send each tier and quantity once.",
            )  # fmt: skip
    return found


def location_quantities(value: Any) -> dict[str, str | None] | None:
    """Location -> quantity as text, None where it is to be removed. No list, or an empty one, removes all (None)."""
    if value is None:
        return None
    found: dict[str, str | None] = {}
    for one in parts("LocationQuantities", value, 10_000):
        code = needed_text("LocationQuantities.LocationId", one.get("LocationId"), ID_LENGTH).strip()
        if code in found:
            refuse(
                Code.VALUE_INVALID, "LocationQuantities.LocationId",
                f"LocationQuantities has location {shown(code)} more than once.", "Send each location once.",
            )  # fmt: skip
        if "Quantity" not in one:
            refuse(
                Code.VALUE_MISSING, "LocationQuantities.Quantity", f"Location {shown(code)} has no Quantity.",
                "Send its Quantity, or leave the location out to keep it.",
            )  # fmt: skip
        units = one["Quantity"]
        found[code] = None if units is None else plain(number("LocationQuantities.Quantity", units, None))
    return found or None
