"""An order's transactions and captures, derived from what the shop says happened to it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrator.connectors.records import (
    ZERO,
    Capture,
    Order,
    OrderLine,
    Payment,
    PulledOrder,
    Transaction,
    TransactionLine,
)
from integrator.connectors.shopify.events import Departure, History, Refund, history, moment, money
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.orders import (
    GIFT_CARD,
    TAKEN,
    admitted,
    card,
    map_order,
    method,
    payment,
    successful,
    total,
)
from integrator.connectors.shopify.settings import ShopifySettings

Json = Mapping[str, Any]

PLACES = Decimal("0.01")


def share(amount: Decimal, start: Decimal, end: Decimal, units: Decimal) -> Decimal:
    """The part of a line's amount that belongs to its units from `start` to `end`; the parts add up to it exactly."""
    if not units or (start == 0 and end == units):
        return amount
    upper = (amount * end / units).quantize(PLACES, ROUND_HALF_UP)
    lower = (amount * start / units).quantize(PLACES, ROUND_HALF_UP)
    return (amount if end == units else upper) - lower


def sales(order: Json, record: Order, done: History) -> list[Transaction]:
    """One for each departure; the shipping charge and fees go with the first, the rounding with the last."""
    by_id = {one.line_id: one for one in record.lines}
    shipping_tax = total(one.tax_amount for one in record.shipping_lines)
    charges = total(one.amount for one in record.fee_lines)
    rest_tax = record.tax_amount - total(one.tax_amount for one in record.lines) - shipping_tax
    left = record.gift_card_amount
    found: list[Transaction] = []
    for position, (departure, spans) in enumerate(done.departures):
        first, last = position == 0, position == len(done.departures) - 1 and done.all_gone
        lines = tuple(_sale_line(by_id[line], *span, departure) for line, span in spans.items())
        tax = total(one.tax_amount for one in lines) + (shipping_tax + rest_tax if first else ZERO)
        shipping, adjustment = (record.shipping_amount, charges) if first else (ZERO, ZERO)
        rounding = record.rounding_amount if last else ZERO
        grand = total(one.line_total for one in lines) + shipping + adjustment + rounding
        grand += ZERO if record.prices_include_tax else tax
        by_card = max(ZERO, min(left, grand))
        left -= by_card
        found.append(
            Transaction(
                key=departure.key,
                type="Sale",
                transaction_number=f"{record.order_number}-{departure.number}",
                transaction_date=departure.at,
                currency=record.currency,
                lines=lines,
                grand_total=grand,
                shipping_amount=shipping,
                tax_amount=tax,
                discount_amount=total(one.discount_amount for one in lines),
                adjustment_amount=adjustment,
                rounding_amount=rounding,
                payments=tuple(_tenders(order, by_card, grand - by_card)),
                shipping_method=departure.carrier or ", ".join(one.method for one in record.shipping_lines),
                tracking_numbers=departure.tracking_numbers,
                remote_id=departure.remote_id,
                pos_shipment_id=departure.pos_shipment_id,
            )
        )
    return found


def _sale_line(line: OrderLine, start: Decimal, end: Decimal, departure: Departure) -> TransactionLine:
    units = line.quantity_ordered
    return TransactionLine(
        line_id=line.line_id,
        quantity=end - start,
        name=line.name,
        unit_price=line.unit_price,
        discount_amount=share(line.discount_amount, start, end, units),
        tax_amount=share(line.tax_amount, start, end, units),
        line_total=share(line.line_total, start, end, units),
        location_id=departure.location,
    )


def _tenders(order: Json, by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("gift_card", "GiftCard", by_card)] if by_card else []
    paid = next(
        (one for one in successful(order) if one.get("kind") in TAKEN and one.get("gateway") != GIFT_CARD), None
    )
    if rest and paid is not None:
        found.append(Payment(method(paid), "Capture", rest, number(paid.get("id")), *card(paid)))
    return found


def returns(order: Json, record: Order, done: History) -> list[Transaction]:
    """One for each refund of goods that had left, or of money alone. Units that never left are in the order itself."""
    by_id = {one.line_id: one for one in record.lines}
    found: list[Transaction] = []
    for one in done.refunds:
        only_cancelled = one.cancelled and not one.came_back
        if only_cancelled:
            continue
        if not one.came_back and not one.total and not one.shipping:
            continue
        found.append(_return(record, one, by_id))
    return found


def _return(record: Order, refund: Refund, by_id: Mapping[str, OrderLine]) -> Transaction:
    included = record.prices_include_tax
    never = total(one.subtotal + (ZERO if included else one.tax) for one in refund.cancelled)
    lines = tuple(
        TransactionLine(
            line_id=one.line_id,
            quantity=one.units,
            name=by_id[one.line_id].name,
            unit_price=by_id[one.line_id].unit_price,
            tax_amount=one.tax,
            line_total=one.subtotal,
            restocked=one.restock in ("RETURN", "LEGACY_RESTOCK"),
            location_id=one.location,
        )
        for one in refund.came_back
    )
    tax = total(one.tax_amount for one in lines) + refund.shipping_tax
    grand = refund.total - never
    rest = grand - total(one.line_total for one in lines) - refund.shipping - (ZERO if included else tax)
    is_rounding = bool(lines) and abs(rest) <= PLACES * (len(lines) + 1)
    return Transaction(
        key=f"refund-{refund.id}",
        type="Return",
        transaction_number=f"{record.order_number}-R{refund.id}",
        transaction_date=refund.at,
        currency=record.currency,
        lines=lines,
        grand_total=grand,
        shipping_amount=refund.shipping,
        tax_amount=tax,
        adjustment_amount=ZERO if is_rounding else rest,
        rounding_amount=rest if is_rounding else ZERO,
        payments=tuple(
            made for one in refund.transactions if one.get("status") == "SUCCESS" and (made := payment(one)) is not None
        ),
        remote_id=refund.id,
    )


# -- captures


def captures(order: Json) -> list[Capture]:
    """One for each payment event that succeeded. An authorisation takes no money, and a void gives none back."""
    currency = str(order.get("currencyCode") or "")
    found: list[Capture] = []
    for one in successful(order):
        kind, amount = str(one.get("kind")), money(one.get("amountSet"))
        at = moment(one.get("processedAt")) or moment(one.get("createdAt"))
        if not amount or at is None or (kind not in TAKEN and kind != "REFUND"):
            continue
        identity = number(one["id"])
        word, key = ("Refund", f"refund-{identity}") if kind == "REFUND" else ("Capture", f"capture-{identity}")
        found.append(Capture(key, word, at, abs(amount), currency, method(one), identity, *card(one)))
    return found


def pulled(order: Json, settings: ShopifySettings) -> PulledOrder:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    done = history(order)
    record = map_order(order, done, settings)
    return PulledOrder(
        order=record,
        transactions=(*sales(order, record, done), *returns(order, record, done)),
        captures=tuple(captures(order)),
        admitted=admitted(order, settings),
    )
