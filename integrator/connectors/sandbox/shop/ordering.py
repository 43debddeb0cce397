"""What happens to an order, as pure functions on its JSON: composed, paid, shipped, refunded, cancelled.

Prices are without tax. Whatever part of a line is shipped or refunded, its amounts are shares whose sum is
the line's amount to the cent. Functions that change something take the order and return the event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrator.connectors.sandbox.shop.documents import Body, ShopError, number, plain

CENT = Decimal("0.01")
ZERO = Decimal(0)


def cash(value: Decimal) -> str:
    """An amount of money as text: with its cents, and with more places only where it has them."""
    rounded = cents(value)
    return format(rounded, "f") if rounded == value else plain(value)


def cents(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def share(total: Decimal, whole: Decimal, before: Decimal, units: Decimal) -> Decimal:
    """The part of `total` that `units` of `whole` units have, `before` of which were counted already."""
    if not whole:
        return ZERO
    return cents(total * (before + units) / whole) - cents(total * before / whole)


@dataclass(frozen=True, slots=True)
class Bought:
    """One line of a cart."""

    sku: str
    name: str
    quantity: Decimal
    unit_price: Decimal
    type: str = "item"  # item, gift_card
    product_id: int | None = None
    variant_id: int | None = None
    options: tuple[tuple[str, str], ...] = ()
    location: str = ""


def compose(
    identity: int,
    bought: Sequence[Bought],
    *,
    placed_at: datetime,
    profile: Mapping[str, Any],
    customer: Body,
    billing_address: Body,
    shipping_address: Body,
    shipping: Decimal = ZERO,
    shipping_method: str = "Standard",
    discount: Decimal = ZERO,
    discount_code: str = "",
    tax_rate: Decimal | None = None,
    total_off_by: Decimal = ZERO,
    gift_card: Decimal = ZERO,
    note: str = "",
) -> Body:
    """A new order, unpaid. `total_off_by` makes its total differ from its parts, as real ones do."""
    if not bought:
        raise ShopError(422, "order_empty", "An order needs a line.")
    rate = number(profile["tax_rate"]) if tax_rate is None else tax_rate
    goods = sum((one.quantity * one.unit_price for one in bought), ZERO)
    discount = min(discount, goods)
    lines: list[Body] = []
    seen = ZERO
    for position, one in enumerate(bought, 1):
        if one.quantity <= 0:
            raise ShopError(
                422, "quantity_invalid", f"The quantity of {one.sku!r} must be above 0, not {one.quantity}."
            )
        value = one.quantity * one.unit_price
        reduced = share(discount, goods, seen, value)
        seen += value
        # a gift card is taxed when it is spent
        tax = ZERO if one.type == "gift_card" else cents((value - reduced) * rate)
        lines.append({
            "id": f"{identity}-{position}", "sku": one.sku, "name": one.name, "type": one.type,
            "product_id": one.product_id, "variant_id": one.variant_id,
            "options": [{"name": name, "value": text} for name, text in one.options], "location": one.location,
            "quantity": plain(one.quantity), "fulfilled": "0", "refunded": "0", "cancelled": "0",
            "unit_price": cash(one.unit_price), "discount": cash(reduced), "tax": cash(tax),
            "taxes": [{"name": profile["tax_name"], "rate": plain(rate), "amount": cash(tax)}] if tax else [],
            "total": cash(cents(value) - reduced),
        })  # fmt: skip
    shipping_tax = cents(shipping * rate)
    tax = sum((number(one["tax"]) for one in lines), shipping_tax)
    total = sum((number(one["total"]) for one in lines), shipping + tax) + total_off_by
    gift_card = min(gift_card, total)
    order: Body = {
        "id": identity, "number": "", "placed_at": placed_at.isoformat(), "cancelled_at": None,
        "currency": profile["currency"], "prices_include_tax": False, "customer": customer,
        "billing_address": billing_address, "shipping_address": shipping_address, "lines": lines,
        "shipping": [{"method": shipping_method, "code": shipping_method.lower(), "amount": cash(shipping),
                      "tax": cash(shipping_tax)}] if shipping else [],
        "discounts": [{"code": discount_code, "amount": cash(discount)}] if discount else [],
        "taxes": [{"name": profile["tax_name"], "rate": plain(rate), "amount": cash(tax)}] if tax else [],
        "gift_cards": [{"code": "GC-" + str(identity), "amount": cash(gift_card)}] if gift_card else [],
        "totals": {"subtotal": cash(cents(goods)), "discount": cash(discount), "shipping": cash(shipping),
                   "tax": cash(tax), "gift_cards": cash(gift_card), "total": cash(total)},
        "payments": [], "fulfilments": [], "refunds": [], "note": note, "custom_fields": {},
    }  # fmt: skip
    return settle(order)


# -- how it stands


def open_units(line: Body) -> Decimal:
    return number(line["quantity"]) - number(line["fulfilled"]) - number(line["cancelled"])


def paid(order: Body, *kinds: str) -> Decimal:
    return sum((number(one["amount"]) for one in order["payments"] if one["kind"] in kinds), ZERO)


def due(order: Body) -> Decimal:
    """What is to be paid beside gift cards, less what was let go before it was taken."""
    return number(order["totals"]["total"]) - number(order["totals"]["gift_cards"]) - paid(order, "void")


def capturable(order: Body) -> Decimal:
    return max(ZERO, paid(order, "authorisation") - paid(order, "capture", "void"))


def settle(order: Body) -> Body:
    """Write the three statuses that follow from what happened."""
    captured, refunded, reserved = paid(order, "capture"), paid(order, "refund"), capturable(order)
    if refunded and refunded >= captured:
        payment = "refunded"
    elif refunded:
        payment = "partially_refunded"
    elif order["cancelled_at"]:
        payment = "voided"
    elif captured >= due(order):
        payment = "paid"
    elif captured:
        payment = "partially_paid"
    else:
        payment = "authorised" if reserved else "pending"
    open_lines = [one for one in order["lines"] if open_units(one)]
    fulfilment = "none" if not order["fulfilments"] else "partial" if open_lines else "complete"
    if order["cancelled_at"]:
        status = "cancelled"
    elif fulfilment == "complete" and payment not in ("pending", "authorised"):
        status = "completed"
    else:
        status = "pending" if payment == "pending" else "open"
    order |= {"status": status, "payment_status": payment, "fulfilment_status": fulfilment}
    return order


def _event(order: Body, kind: str, key: str, at: datetime) -> Body:
    return {"id": f"{order['id']}-{len(order[kind]) + 1}", "key": key, "at": at.isoformat()}


def known(order: Body, kind: str, key: str) -> Body | None:
    """The event that was made under this key before: repeating a request changes nothing."""
    return next((one for one in order[kind] if key and one["key"] == key), None)


def _alive(order: Body) -> None:
    if order["cancelled_at"]:
        raise ShopError(409, "order_cancelled", f"Order {order['number']} is cancelled.")


# -- what happens


def pay(
    order: Body,
    *,
    at: datetime,
    authorise: bool = False,
    amount: Decimal | None = None,
    key: str = "",
    method: str = "card",
) -> Body:
    """Authorise, or capture (what is authorised, else a payment at once); all that is due by default."""
    if again := known(order, "payments", key):
        return again
    _alive(order)
    reserved = capturable(order)
    open_amount = due(order) - paid(order, "capture")
    possible = open_amount - reserved if authorise else reserved or open_amount
    amount = possible if amount is None else amount
    if amount <= 0 or amount > possible:
        raise ShopError(
            422, "amount_invalid", f"Order {order['number']} has {cash(possible)} to pay; {cash(amount)} was asked."
        )
    event = _event(order, "payments", key, at)
    order["payments"].append(event | {
        "kind": "authorisation" if authorise else "capture", "amount": cash(amount), "method": method,
        "reference": f"pay_{event['id']}", "card_type": "visa" if method == "card" else "",
        "last4": "4242" if method == "card" else "",
    })  # fmt: skip
    settle(order)
    return dict(order["payments"][-1])


def _give_back(order: Body, kind: str, amount: Decimal, at: datetime) -> str:
    if amount <= 0:
        return ""
    tenders = [one for one in order["payments"] if one["kind"] in ("capture", "authorisation")]
    last: Body = tenders[-1] if tenders else {}
    event = _event(order, "payments", "", at)
    details = {name: last.get(name, "") for name in ("method", "card_type", "last4")}
    order["payments"].append(
        event | details | {"kind": kind, "amount": cash(amount), "reference": f"pay_{event['id']}"}
    )
    return str(event["id"])


def _line(order: Body, identity: str) -> Body:
    for one in order["lines"]:
        if one["id"] == identity:
            return one  # type: ignore[no-any-return]
    raise ShopError(422, "line_not_found", f"Order {order['number']} has no line {identity!r}.")


def ship(
    order: Body,
    *,
    at: datetime,
    lines: Mapping[str, Decimal] | None = None,
    key: str = "",
    carrier: str = "",
    method: str = "",
    tracking_numbers: Sequence[str] = (),
    tracking_url: str = "",
    notify: bool = True,
) -> Body:
    """Goods leave: line id -> units, None for all that is open. The order's shipping goes with the first."""
    if again := known(order, "fulfilments", key):
        return again
    _alive(order)
    if order["payment_status"] == "pending":
        raise ShopError(409, "order_unpaid", f"Order {order['number']} is not paid or authorised yet.")
    wanted = lines if lines is not None else {one["id"]: open_units(one) for one in order["lines"] if open_units(one)}
    if not wanted:
        raise ShopError(422, "nothing_open", f"Nothing of order {order['number']} is open.")
    for identity, units in wanted.items():
        still = open_units(_line(order, identity))
        if not 0 < units <= still:
            message = f"Line {identity} of order {order['number']} has {plain(still)} open; {plain(units)} was sent."
            raise ShopError(422, "quantity_invalid", message)
    event = _event(order, "fulfilments", key, at)
    sent: list[Body] = []
    for identity, units in wanted.items():
        line = _line(order, identity)
        sent.append({"line_id": identity, "quantity": plain(units)} | _amounts(line, "fulfilled", units))
        line["fulfilled"] = plain(number(line["fulfilled"]) + units)
    first = not order["fulfilments"]
    parts = order["shipping"] if first else []
    shipping = sum((number(one["amount"]) for one in parts), ZERO)
    shipping_tax = sum((number(one["tax"]) for one in parts), ZERO)
    order["fulfilments"].append(event | {
        "lines": sent, "carrier": carrier, "method": method or (order["shipping"] or [{"method": ""}])[0]["method"],
        "tracking_numbers": list(tracking_numbers), "tracking_url": tracking_url, "notified": notify,
        "shipping": cash(shipping), "shipping_tax": cash(shipping_tax),
        "rounding": cash(rounding(order)) if first else "0",
    })  # fmt: skip
    settle(order)
    return dict(order["fulfilments"][-1])


def rounding(order: Body) -> Decimal:
    """What the parts of the order leave unexplained of its total."""
    totals = order["totals"]
    lines = sum((number(one["total"]) for one in order["lines"]), ZERO)
    return number(totals["total"]) - lines - number(totals["shipping"]) - number(totals["tax"])


def _amounts(line: Body, counted: str, units: Decimal) -> Body:
    """The line's amounts that belong to these units."""
    whole, before = number(line["quantity"]), number(line[counted])
    return {name: cash(share(number(line[name]), whole, before, units)) for name in ("discount", "tax", "total")}


def refund(
    order: Body,
    *,
    at: datetime,
    lines: Mapping[str, Decimal] | None = None,
    amount: Decimal | None = None,
    shipping: Decimal = ZERO,
    restock: bool = True,
    reason: str = "",
    key: str = "",
) -> Body:
    """Goods or money come back. With lines and no amount their worth is given back; `amount` without lines is
    money only. Money that was never taken is not given back: the reservation shrinks."""
    if again := known(order, "refunds", key):
        return again
    if not lines and not amount:
        raise ShopError(422, "refund_empty", "A refund needs lines or an amount.")
    returned: list[Body] = []
    worth = shipping
    for identity, units in (lines or {}).items():
        line = _line(order, identity)
        left = number(line["quantity"]) - number(line["refunded"])
        if not 0 < units <= left:
            message = (
                f"Line {identity} of order {order['number']} has {plain(left)} to refund; {plain(units)} was sent."
            )
            raise ShopError(422, "quantity_invalid", message)
        amounts = _amounts(line, "refunded", units)
        worth += number(amounts["total"]) + number(amounts["tax"])
        returned.append({"line_id": identity, "quantity": plain(units), "restock": restock} | amounts)
    total = worth if amount is None else amount
    left = number(order["totals"]["total"]) - sum((number(one["amount"]) for one in order["refunds"]), ZERO)
    if not 0 < total <= left:
        message = f"Order {order['number']} has {cash(left)} left to give back; {cash(total)} was asked."
        raise ShopError(422, "amount_invalid", message)
    for one in returned:
        line, units = _line(order, one["line_id"]), number(one["quantity"])
        line["refunded"] = plain(number(line["refunded"]) + units)
        # what had not left yet will not leave any more
        never = max(ZERO, number(line["refunded"]) - number(line["fulfilled"]) - number(line["cancelled"]))
        line["cancelled"] = plain(number(line["cancelled"]) + never)
    event = _event(order, "refunds", key, at)
    taken = paid(order, "capture") - paid(order, "refund")
    payment = _give_back(order, "refund", min(total, taken), at)
    if not taken:
        _give_back(order, "void", min(total, capturable(order)), at)
    order["refunds"].append(event | {
        "lines": returned, "shipping": cash(shipping), "adjustment": cash(total - worth), "amount": cash(total),
        "reason": reason, "payment_id": payment,
    })  # fmt: skip
    settle(order)
    return dict(order["refunds"][-1])


def cancel(order: Body, *, at: datetime) -> None:
    """Before anything left. Money that was taken goes back, what was reserved is set free."""
    if order["cancelled_at"]:
        return
    if order["fulfilments"]:
        message = f"Order {order['number']} has shipped in part: refund it instead."
        raise ShopError(409, "order_shipped", message)
    for line in order["lines"]:
        line["cancelled"] = plain(number(line["cancelled"]) + open_units(line))
    order["cancelled_at"] = at.isoformat()
    taken = paid(order, "capture") - paid(order, "refund")
    _give_back(order, "refund", taken, at)
    _give_back(order, "void", capturable(order), at)
    settle(order)
