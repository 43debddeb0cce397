"""Amounts and times as the shop tells them, and discounts shared over lines. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from email.utils import parsedate_to_datetime
from typing import Any

from integrator.connectors.bigcommerce.mapping import decimal
from integrator.connectors.records import ZERO
from integrator.connectors.sales import CENT, total

Json = Mapping[str, Any]

PLACES = Decimal("0.0001")


def money(value: Any) -> Decimal:
    """An amount to four places; idle zeros go, down to two."""
    number = (decimal(value) or ZERO).quantize(PLACES, ROUND_HALF_UP)
    shorter = number.quantize(CENT, ROUND_HALF_UP)
    return shorter if shorter == number else number


def moment(value: Any) -> datetime | None:
    """A time as V2 (RFC 2822) or V3 (ISO 8601) tells it; None when it is empty."""
    if not isinstance(value, str) or not value.strip():
        return None
    try:
        found = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
    except ValueError:
        try:
            found = parsedate_to_datetime(value)
        except (TypeError, ValueError):
            return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def spread(amount: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """The amount in proportion to the weights; the parts add up to it exactly."""
    whole = total(weights)
    if not whole:
        return [amount if n == 0 else ZERO for n in range(len(weights))]
    found: list[Decimal] = []
    so_far, given = ZERO, ZERO
    for weight in weights:
        so_far += weight
        upto = (amount * so_far / whole).quantize(CENT, ROUND_HALF_UP) if so_far != whole else amount
        found.append(upto - given)
        given = upto
    return found


def discounts(order: Json, lines: Sequence[Json]) -> list[Decimal]:
    """Each line's part of all discounts, without tax; they add up to what the shop took off, to the cent."""
    gross = [money(line.get("total_ex_tax")) for line in lines]
    own = [_without_tax(line, total(money(d.get("amount")) for d in line.get("applied_discounts") or []), order)
           for line in lines]  # fmt: skip
    own = [min(a, g) for a, g in zip(own, gross, strict=True)]
    whole = money(order.get("discount_amount")) + money(order.get("coupon_discount"))
    if order.get("is_tax_inclusive_pricing"):
        with_tax, without = money(order.get("subtotal_inc_tax")), money(order.get("subtotal_ex_tax"))
        whole = money(whole * without / with_tax) if with_tax else whole
    rest = min(whole, total(gross)) - total(own)
    if rest <= CENT * len(lines):
        return own
    left = [g - a for g, a in zip(gross, own, strict=True)]
    shares = spread(rest, left)
    return [a + b for a, b in zip(own, shares, strict=True)]


def _without_tax(line: Json, amount: Decimal, order: Json) -> Decimal:
    """The shop keeps discounts as prices are entered there."""
    with_tax = money(line.get("total_inc_tax"))
    if not order.get("is_tax_inclusive_pricing") or not with_tax:
        return amount
    return money(amount * money(line.get("total_ex_tax")) / with_tax)
