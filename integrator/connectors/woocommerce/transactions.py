"""An order's transactions and captures, derived from what the shop says happened to it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
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
from integrator.connectors.sales import History, Refund, left_over, sales, total
from integrator.connectors.woocommerce import events
from integrator.connectors.woocommerce.events import meta, quantity
from integrator.connectors.woocommerce.mapping import from_gmt, text
from integrator.connectors.woocommerce.orders import (
    admitted,
    card_details,
    is_paid,
    map_order,
    money,
)
from integrator.connectors.woocommerce.settings import WooSettings

Json = Mapping[str, Any]


def _tenders(order: Json, by_card: Decimal, rest: Decimal) -> list[Payment]:
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
    return [_return(order, record, one, by_id, restocked) for one, _ in done.refunds]


def _return(
    order: Json,
    record: Order,
    refunded: Refund,
    by_id: Mapping[str, OrderLine],
    restocked: dict[str, Decimal],
) -> Transaction:
    refund = refunded.document
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
    adjustment, rounding = left_over(rest, lines)
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
        adjustment_amount=adjustment,
        rounding_amount=rounding,
        payments=(Payment(method, "Refund", amount, str(refund["id"]), *card_details(order)),) if amount else (),
        remote_id=str(refund["id"]),
    )


# -- captures


def captures(order: Json, refunds: Sequence[Refund], settings: WooSettings) -> list[Capture]:
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
        refund = one.document
        back = abs(money(refund.get("amount")))
        if back and (refund.get("refunded_payment") or settings.manual_refunds):
            key = f"refund-{refund['id']}"
            found.append(Capture(key, "Refund", one.at, back, currency, method, str(refund["id"]), brand, last4))
    return found


def pulled(order: Json, refunds: Sequence[Json], fulfilments: Sequence[Json], settings: WooSettings) -> PulledOrder:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    done = events.history(order, fulfilments, refunds)
    record = map_order(order, refunds, done, settings)
    sold = sales(record, done, partial(_tenders, order), prefix=f"{record.order_number}-")
    return PulledOrder(
        order=record,
        transactions=(*sold, *returns(order, record, done)),
        captures=tuple(captures(order, [one for one, _ in done.refunds], settings)),
        admitted=admitted(order, settings),
    )
