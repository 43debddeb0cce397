"""What the POS was told stays told; a new sale says what is missing to what the shop says now. Pure functions.

Connectors derive an order's sales anew each time, and derive the same for what happened before
(`integrator.connectors.sales`). Where that cannot be (the merchant deletes a parcel that was told and makes another
one, or writes one down after the order was told as sent as a whole), the sales that were told and the derived ones
differ. Then, so that nothing is told twice and nothing is lost:

- units that were told under another key are taken off the new sales, with their amounts; the sale with the last unit of
  a line makes its amounts add up to the line's; a sale of which no line is left is not told;
- shipping, fees, their tax and gift cards that were told under another key are taken off, those that were told under
  none are put on;
- rounding makes up for the rest.

Where told and derived sales agree the new ones are returned as they are, whatever they say: then it is the shop that
says it. Returns are never touched.

Not made good: units that the shop adds later to a parcel that was told already, for no new sale is theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from integrator.connectors.records import ZERO, Order, Payment, Transaction, TransactionLine, document
from integrator.orders.rules import completed_transaction

GIFT_CARD = "GiftCard"
LINE_AMOUNTS = {"line_total": "LineTotal", "tax_amount": "TaxAmount", "discount_amount": "DiscountAmount"}


def _sum(values: Iterable[Decimal]) -> Decimal:
    return sum(values, ZERO)


@dataclass(slots=True)
class Sums:
    """What sales say together. `lines`: (line id, what) -> units and amounts; `order`: what belongs to no line."""

    lines: dict[tuple[str, str], Decimal] = field(default_factory=dict)
    order: dict[str, Decimal] = field(default_factory=dict)

    def add(self, body: Mapping[str, Any]) -> None:
        """A sale's document."""
        tax = Decimal(body["TaxAmount"])
        for line in body["Lines"]:
            tax -= Decimal(line["TaxAmount"])
            for ours, theirs in {"quantity": "Quantity", **LINE_AMOUNTS}.items():
                key = (line["LineId"], ours)
                self.lines[key] = self.lines.get(key, ZERO) + Decimal(line[theirs])
        found = {
            "shipping": Decimal(body["ShippingAmount"]), "fees": Decimal(body["AdjustmentAmount"]), "tax": tax,
            "rounding": Decimal(body["RoundingAmount"]),
            "cards": _sum(Decimal(one["Amount"]) for one in body["Payments"] if one["Kind"] == GIFT_CARD),
        }  # fmt: skip
        for name, amount in found.items():
            self.order[name] = self.order.get(name, ZERO) + amount


def summed(bodies: Iterable[Mapping[str, Any]]) -> Sums:
    found = Sums()
    for body in bodies:
        found.add(body)
    return found


def body_of(sale: Transaction) -> Mapping[str, Any]:
    found: Mapping[str, Any] = document(completed_transaction(sale))
    return found


def whole(order: Order) -> Sums:
    """What all sales of an order say together once all has left."""
    found = Sums()
    for line in order.lines:
        found.lines[line.line_id, "quantity"] = line.quantity_ordered
        for name in LINE_AMOUNTS:
            found.lines[line.line_id, name] = getattr(line, name)
    found.order = {
        "shipping": order.shipping_amount, "fees": _sum(one.amount for one in order.fee_lines),
        "tax": order.tax_amount - _sum(one.tax_amount for one in order.lines), "rounding": order.rounding_amount,
        "cards": order.gift_card_amount,
    }  # fmt: skip
    return found


def settled(
    order: Order, derived: Sequence[Transaction], new: set[str], stored: Mapping[str, Mapping[str, Any]]
) -> list[Transaction]:
    """The sales of `derived` whose keys are in `new`, as they are to be told.

    `derived`: all sales of the order as the shop tells of them now, in their order. `stored`: the documents of all its
    sales that were told, by key. What is in neither of these two was shipped by the POS itself, which knows of it.
    """
    fresh = [one for one in derived if one.key in new]
    if not fresh or (len(fresh) == len(derived) and not stored):
        return fresh
    before = {one.key: body_of(one) for one in derived if one.key not in new}
    told = summed({**before, **stored}.values())
    said = summed(before.values())
    moved = {key[0] for key, amount in told.lines.items() if amount != said.lines.get(key, ZERO)}
    charges = {
        name: amount - said.order.get(name, ZERO)
        for name, amount in told.order.items()
        if amount != said.order.get(name, ZERO)
    }
    if not (moved or charges):
        return fresh
    beside = all(_beside(one) for one in derived if one.tax_amount)
    return _Settlement(order, told, said, summed(map(body_of, fresh)), moved, charges, beside).all(fresh)


def _beside(sale: Transaction) -> bool:
    """Whether its tax is beside the totals of its lines, not in them."""
    rest = sale.grand_total - _base(sale)
    return abs(rest - sale.tax_amount) <= abs(rest)


class _Settlement:
    """`over`: what is told too much of each line once the new sales are, in units and amounts."""

    def __init__(
        self,
        order: Order,
        told: Sums,
        said: Sums,
        new: Sums,
        moved: set[str],
        charges: Mapping[str, Decimal],
        beside: bool,
    ) -> None:
        limits = whole(order)
        self.over: dict[str, dict[str, Decimal]] = {}
        for line in moved:
            before, now, after = (
                {name: sums.lines.get((line, name), ZERO) for name in ("quantity", *LINE_AMOUNTS)}
                for sums in (told, said, new)
            )
            gone = max(ZERO, before["quantity"] - now["quantity"])
            rest = max(ZERO, after["quantity"] - gone)
            if before["quantity"] + rest == limits.lines.get((line, "quantity")):  # all of the line is told then
                amounts = {name: before[name] + after[name] - limits.lines[line, name] for name in LINE_AMOUNTS}
            else:
                amounts = {name: before[name] - now[name] if gone else ZERO for name in LINE_AMOUNTS}
            self.over[line] = {"quantity": gone, **amounts}
        self.charges, self.beside = charges, beside
        self.missing = {
            name: limits.order[name] - told.order[name] - new.order.get(name, ZERO) for name in charges
        }  # fmt: skip

    def all(self, new: Sequence[Transaction]) -> list[Transaction]:
        return [made for one in new if (made := self._sale(one)) is not None]

    def _sale(self, sale: Transaction) -> Transaction | None:
        lines = tuple(left for one in sale.lines if (left := self._line(one)) is not None)
        if sale.lines and not lines:
            self._drop(sale)
            return None
        other_tax = sale.tax_amount - _sum(one.tax_amount for one in sale.lines)
        tax = _sum(one.tax_amount for one in lines) + self._charge("tax", other_tax)
        made = replace(
            sale,
            lines=lines,
            shipping_amount=self._charge("shipping", sale.shipping_amount),
            adjustment_amount=self._charge("fees", sale.adjustment_amount),
            rounding_amount=sale.rounding_amount + self.missing.pop("rounding", ZERO),
            tax_amount=tax,
            discount_amount=_sum(one.discount_amount for one in lines),
        )
        grand = sale.grand_total - _base(sale) + _base(made) + (tax - sale.tax_amount if self.beside else ZERO)
        by_card = min(self._charge("cards", _cards(sale)), max(ZERO, grand))
        return replace(made, grand_total=grand, payments=_payments(sale, grand, by_card))

    def _line(self, line: TransactionLine) -> TransactionLine | None:
        """What is left of it; None when all its units are told."""
        over = self.over.get(line.line_id)
        if over is None:
            return line
        gone = over["quantity"] >= line.quantity
        self.over[line.line_id] = {
            name: amount - getattr(line, name) if gone else ZERO for name, amount in over.items()
        }  # fmt: skip
        return None if gone else replace(line, **{name: getattr(line, name) - over[name] for name in over})

    def _charge(self, name: str, own: Decimal) -> Decimal:
        """Without what was told of it, or with what was not; never below nothing, never beyond the order's."""
        missing = self.missing.get(name, ZERO)
        told = self.charges.get(name, ZERO)
        change = min(ZERO, max(missing, -told, -own)) if told > 0 else max(ZERO, min(missing, -told))
        if change:
            self.missing[name] = missing - change
        return own + change

    def _drop(self, sale: Transaction) -> None:
        """Its own charges, as far as they are not told yet, come with the next."""
        own = {
            "shipping": sale.shipping_amount, "fees": sale.adjustment_amount, "rounding": sale.rounding_amount,
            "tax": sale.tax_amount - _sum(one.tax_amount for one in sale.lines), "cards": _cards(sale),
        }  # fmt: skip
        for name, amount in own.items():
            if name in self.missing:
                self.missing[name] += amount


def _base(sale: Transaction) -> Decimal:
    parts = sale.shipping_amount + sale.adjustment_amount + sale.rounding_amount
    return _sum(one.line_total for one in sale.lines) + parts


def _cards(sale: Transaction) -> Decimal:
    return _sum(one.amount for one in sale.payments if one.kind == GIFT_CARD)


def _payments(sale: Transaction, grand: Decimal, by_card: Decimal) -> tuple[Payment, ...]:
    """The same tenders for another amount; a sale that was not paid has none."""
    found: list[Payment] = []
    left = by_card
    for one in (one for one in sale.payments if one.kind == GIFT_CARD):
        found.append(replace(one, amount=min(one.amount, left)))
        left -= found[-1].amount
    if found:
        found[-1] = replace(found[-1], amount=found[-1].amount + left)
    others = [one for one in sale.payments if one.kind != GIFT_CARD]
    if others:
        rest = grand - _sum(one.amount for one in (*found, *others[1:]))
        found += [replace(others[0], amount=rest), *others[1:]]
    return tuple(one for one in found if one.amount)
