"""An order's transactions and captures, derived from what the shop says happened to it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
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
from integrator.connectors.woocommerce import events
from integrator.connectors.woocommerce.events import History, Refunded, meta, quantity
from integrator.connectors.woocommerce.mapping import from_gmt, text
from integrator.connectors.woocommerce.orders import (
    CENT,
    admitted,
    card_details,
    is_paid,
    map_order,
    money,
    total,
)
from integrator.connectors.woocommerce.settings import WooSettings

Json = Mapping[str, Any]


def share(amount: Decimal, start: Decimal, end: Decimal, units: Decimal) -> Decimal:
    """The part of a line's amount that belongs to its units from `start` to `end`; the parts add up to it exactly."""
    if not units:
        return amount
    if start == 0 and end == units:
        return amount
    return money(amount * end / units) - money(amount * start / units)


def sales(order: Json, record: Order, done: History) -> list[Transaction]:
    """One for each departure; the shipping charge and fees go with the first, the rounding with the last."""
    by_id = {one.line_id: one for one in record.lines}
    shipping_tax = money(order.get("shipping_tax"))
    fees = total(one.amount for one in record.fee_lines)
    fee_tax = total(one.tax_amount for one in record.fee_lines)
    method = ", ".join(one.method for one in record.shipping_lines)
    cards_left = record.gift_card_amount
    found: list[Transaction] = []
    for position, (departure, spans) in enumerate(done.departures):
        lines = tuple(_sale_line(by_id[line], *span) for line, span in spans.items())
        first, last = position == 0, position == len(done.departures) - 1 and done.all_gone
        tax = total(one.tax_amount for one in lines) + (shipping_tax + fee_tax if first else ZERO)
        shipping, adjustment = (record.shipping_amount, fees) if first else (ZERO, ZERO)
        rounding = record.rounding_amount if last else ZERO
        grand = total(one.line_total for one in lines) + tax + shipping + adjustment + rounding
        by_card = max(ZERO, min(cards_left, grand))
        cards_left -= by_card
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
                payments=tuple(_tenders(order, record, by_card, grand - by_card)),
                shipping_method=departure.carrier or method,
                tracking_numbers=departure.tracking_numbers,
                remote_id=departure.remote_id,
                pos_shipment_id=departure.pos_shipment_id,
            )
        )
    return found


def _sale_line(line: OrderLine, start: Decimal, end: Decimal) -> TransactionLine:
    units = line.quantity_ordered
    return TransactionLine(
        line_id=line.line_id,
        quantity=end - start,
        name=line.name,
        unit_price=line.unit_price,
        discount_amount=share(line.discount_amount, start, end, units),
        tax_amount=share(line.tax_amount, start, end, units),
        line_total=share(line.line_total, start, end, units),
    )


def _tenders(order: Json, record: Order, by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("gift_card", "GiftCard", by_card)] if by_card else []
    if rest and is_paid(order):
        method = text(order.get("payment_method_title")) or str(order.get("payment_method") or "")
        found.append(Payment(method, "Capture", rest, str(order.get("transaction_id") or ""), *card_details(order)))
    return found


def returns(order: Json, record: Order, done: History) -> list[Transaction]:
    """One for each refund. What its lines do not explain is an adjustment: a refund of money only is nothing else."""
    by_id = {one.line_id: one for one in record.lines}
    restocked = {
        str(one["id"]): quantity(meta(one, "_restock_refunded_items")) for one in order.get("line_items") or []
    }
    return [_return(order, record, one, by_id, restocked) for one in done.refunds]


def _return(
    order: Json,
    record: Order,
    refunded: Refunded,
    by_id: Mapping[str, OrderLine],
    restocked: dict[str, Decimal],
) -> Transaction:
    refund = refunded.refund
    lines: list[TransactionLine] = []
    for one in refund.get("line_items") or []:
        line = by_id.get(events.refunded_line(order, one))
        units = abs(quantity(one.get("quantity")))
        if line is None or not units:
            continue  # money without goods: part of the adjustment
        back = min(units, restocked.get(line.line_id, ZERO))
        restocked[line.line_id] = restocked.get(line.line_id, ZERO) - back
        lines.append(
            TransactionLine(
                line_id=line.line_id,
                quantity=units,
                name=line.name,
                unit_price=line.unit_price,
                tax_amount=abs(money(one.get("total_tax"))),
                line_total=abs(money(one.get("total"))),
                restocked=back == units,
            )
        )
    amount = abs(money(refund.get("amount")))
    shipping = abs(total(money(one.get("total")) for one in refund.get("shipping_lines") or []))
    shipping_tax = abs(total(money(one.get("total_tax")) for one in refund.get("shipping_lines") or []))
    tax = total(one.tax_amount for one in lines) + shipping_tax
    rest = amount - total(one.line_total for one in lines) - tax - shipping
    is_rounding = bool(lines) and abs(rest) <= CENT * (len(lines) + 1)
    method = text(order.get("payment_method_title")) or str(order.get("payment_method") or "")
    return Transaction(
        key=f"refund-{refund['id']}",
        type="Return",
        transaction_number=f"{record.order_number}-R{refund['id']}",
        transaction_date=refunded.at,
        currency=record.currency,
        lines=tuple(lines),
        grand_total=amount,
        shipping_amount=shipping,
        tax_amount=tax,
        adjustment_amount=ZERO if is_rounding else rest,
        rounding_amount=rest if is_rounding else ZERO,
        payments=(Payment(method, "Refund", amount, str(refund["id"]), *card_details(order)),) if amount else (),
        remote_id=str(refund["id"]),
    )


# -- captures


def captures(order: Json, refunds: Sequence[Refunded], settings: WooSettings) -> list[Capture]:
    """The payment of the order, and what went back. Nothing before the money was taken."""
    paid = from_gmt(order.get("date_paid_gmt"))
    if paid is None:
        return []
    currency = str(order.get("currency") or "")
    method = text(order.get("payment_method_title")) or str(order.get("payment_method") or "")
    brand, last4 = card_details(order)
    found: list[Capture] = []
    reference, amount = str(order.get("transaction_id") or ""), money(order.get("total"))
    if amount:
        key = f"capture-{order['id']}"
        found.append(Capture(key, "Capture", paid, amount, currency, method, reference, brand, last4))
    for one in refunds:
        back = abs(money(one.refund.get("amount")))
        if back and (one.refund.get("refunded_payment") or settings.manual_refunds):
            key = f"refund-{one.refund['id']}"
            found.append(Capture(key, "Refund", one.at, back, currency, method, str(one.refund["id"]), brand, last4))
    return found


def pulled(order: Json, refunds: Sequence[Json], fulfilments: Sequence[Json], settings: WooSettings) -> PulledOrder:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    back = [events.of_refund(order, one) for one in refunds]
    done = events.history(order, events.departures_of(order, fulfilments), back)
    record = map_order(order, refunds, done, settings)
    return PulledOrder(
        order=record,
        transactions=(*sales(order, record, done), *returns(order, record, done)),
        captures=tuple(captures(order, done.refunds, settings)),
        admitted=admitted(order, settings),
    )
