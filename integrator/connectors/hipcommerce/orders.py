"""From the shop: the contract's orders, transactions and captures as our records. Pure functions.

The names are the same on both sides, so one reader fills any record: JSON of the API, rows of a CSV (everything text,
lists as JSON) and elements of an XML all go through it.
"""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, TypeVar

from integrator.connectors import records
from integrator.connectors.records import ZERO

Json = Mapping[str, Any]
Record = TypeVar("Record")

PAYMENT_STATUSES = frozenset(
    {"Pending", "Authorised", "PartiallyPaid", "Paid", "PartiallyRefunded", "Refunded", "Voided"}
)
NOT_TAKEN = frozenset({"Pending"})  # payment statuses that a channel does not take by default
# what is ours to say; item_integration_id too, for the core finds it and the shop may be wrong
OURS = frozenset({"remote", "remote_id", "key", "modified_at", "pos_shipment_id", "item_integration_id"})
READABLE = (KeyError, ValueError, ArithmeticError, TypeError)  # what `pulled` raises for what cannot be read


# -- the reader


@cache
def _types(kind: Any) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _value(kind: Any, given: Any, where: str) -> Any:
    """`given` as the type; text is taken for every type."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        if isinstance(given, str):
            given = json.loads(given) if given.strip() else []
        if not isinstance(given, Sequence):
            raise ValueError(f"{where} is no list")
        return tuple(_value(arguments[0], one, f"{where}[{place}]") for place, one in enumerate(given))
    if type(None) in arguments:
        inner = next(one for one in arguments if one is not type(None))
        return None if given in (None, "") else _value(inner, given, where)
    if is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(given, Mapping):
            raise ValueError(f"{where} is no record")
        return read(kind, given, where=where)
    try:
        if kind is Decimal:
            found = Decimal(str(given)) if given not in (None, "") else ZERO
            if not found.is_finite():
                raise ValueError
            return found
        if kind is datetime:
            moment = datetime.fromisoformat(str(given))
            if moment.tzinfo is None:
                raise ValueError("it has no zone")
            return moment
        if kind is bool:
            return given if isinstance(given, bool) else {"true": True, "false": False}[str(given).lower()]
    except (ValueError, InvalidOperation, KeyError) as error:
        what = {Decimal: "amount", datetime: "time with a zone", bool: "true or false"}[kind]
        raise ValueError(f"{where} is no {what}: {given!r}") from error
    return "" if given is None else str(given)


def read(kind: type[Record], given: Json, *, where: str = "", **chosen: Any) -> Record:
    """A record of ours from one of theirs. `chosen`: values that are ours to say. Raises ValueError with the field."""
    types: dict[str, Any] = _types(typing.cast(Any, kind))
    found = dict(chosen)
    for one in fields(kind):  # type: ignore[arg-type]
        if one.name in chosen or one.name in OURS:
            continue
        place = f"{where}.{one.name}" if where else one.name
        # a text that is null is an empty one
        if one.name in given and (given[one.name] is not None or types[one.name] is str):
            found[one.name] = _value(types[one.name], given[one.name], place)
        elif one.default is MISSING and one.default_factory is MISSING:
            if not (is_dataclass(types[one.name]) or types[one.name] == Decimal | None):
                raise ValueError(f"{place} is missing")
            found[one.name] = read(types[one.name], {}, where=place) if is_dataclass(types[one.name]) else None
    return kind(**found)


# -- records


def _line(given: Json, where: str) -> records.OrderLine:
    known = {"product": given.get("product_id"), "variant": given.get("variant_id")}
    return read(
        records.OrderLine, given, where=where,
        remote={name: str(value) for name, value in known.items() if value},
    )  # fmt: skip


def order(given: Json) -> records.Order:
    for name in ("order_id", "order_number", "order_date", "updated_at", "payment_status", "currency", "grand_total"):
        if given.get(name) in (None, ""):
            raise ValueError(f"{name} is missing")
    if given["payment_status"] not in PAYMENT_STATUSES:
        raise ValueError(f"payment_status is {given['payment_status']!r}")
    rows = given.get("lines")
    if not isinstance(rows, Sequence) or isinstance(rows, str):
        raise ValueError("lines is no list")
    found = read(
        records.Order,
        given,
        lines=tuple(_line(one, f"lines[{place}]") for place, one in enumerate(rows)),
        remote_id=str(given["order_id"]),
        modified_at=_value(datetime, given["updated_at"], "updated_at"),
    )
    if given.get("rounding_amount") not in (None, ""):
        return found
    return replace(found, rounding_amount=unexplained(found))


def unexplained(one: records.Order) -> Decimal:
    """What the parts leave of the total. Where prices include tax, only the tax of shipping and fees can be extra."""
    parts = sum((line.line_total for line in one.lines), one.shipping_amount)
    parts += sum((fee.amount for fee in one.fee_lines), ZERO)
    return one.grand_total - parts - (ZERO if one.prices_include_tax else one.tax_amount)


def transaction(given: Json) -> records.Transaction:
    identity = _named(given, "transaction_id")
    if given.get("type") not in ("Sale", "Return"):
        raise ValueError(f"type is {given.get('type')!r}, not Sale or Return")
    return read(
        records.Transaction, given, key=f"transaction-{identity}", remote_id=identity,
        pos_shipment_id=str(given.get("shipment_id") or ""),
    )  # fmt: skip


def capture(given: Json) -> records.Capture:
    identity = _named(given, "capture_id")
    if given.get("type") not in ("Capture", "Refund"):
        raise ValueError(f"type is {given.get('type')!r}, not Capture or Refund")
    return read(records.Capture, given, key=f"capture-{identity}")


def _named(given: Json, name: str) -> str:
    if given.get(name) in (None, ""):
        raise ValueError(f"{name} is missing")
    return str(given[name])


def pulled(
    given: Json, transactions: Iterable[Json], captures: Iterable[Json], statuses: Sequence[str]
) -> records.PulledOrder:
    """An order with all its events. `statuses`: those that the channel takes, of either kind; empty: paid or
    authorised ones. Raises one of READABLE."""
    found = order(given)
    money = tuple(capture(one) for one in captures)
    standing = {found.status, found.payment_status}
    admitted = bool(standing & set(statuses)) if statuses else found.payment_status not in NOT_TAKEN
    if not statuses and found.cancelled_at is not None:
        # a basket that was given up before anybody paid never was an order
        admitted = bool(money or found.payments or found.gift_cards)
    return records.PulledOrder(
        order=found, transactions=tuple(transaction(one) for one in transactions), captures=money, admitted=admitted
    )
