"""An order's transactions and captures, derived from what the shop says happened to it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from integrator.connectors.bigcommerce import events
from integrator.connectors.bigcommerce.amounts import moment, money, spread
from integrator.connectors.bigcommerce.events import Details
from integrator.connectors.bigcommerce.orders import (
    COMPLETED,
    NO_MONEY,
    SHIPPED,
    admitted,
    card,
    line_items,
    map_order,
    modified_at,
    payment_status,
    status_id,
)
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.records import (
    ZERO,
    Capture,
    Order,
    Payment,
    PulledOrder,
    Transaction,
    TransactionLine,
)
from integrator.connectors.sales import CENT, Departure, Refund, RefundLine, left_over, play, sales, total

Json = Mapping[str, Any]


def departures(order: Json, details: Details) -> list[Departure]:
    """Shipments in the order of their numbers; what the state of the order says comes last.

    When that was set the shop tells only sometimes (`date_shipped`): then it is placed by that, else as soon as can be.
    """
    found: list[Departure] = []
    created = moment(order.get("date_created"))
    for one in sorted(details.shipments, key=lambda one: int(one["id"])):
        at = moment(one.get("date_created")) or created
        if at is None:
            continue
        lines: dict[str, Decimal] = {}
        for item in one.get("items") or []:
            line = str(item.get("order_product_id"))
            lines[line] = lines.get(line, ZERO) + Decimal(int(item.get("quantity") or 0))
        carrier = (
            one.get("shipping_provider_display_name") or one.get("tracking_carrier") or one.get("shipping_provider")
        )
        found.append(
            Departure(
                key=f"shipment-{one['id']}",
                at=at,
                lines=lines,
                remote_id=str(one["id"]),
                pos_shipment_id=events.marked(one.get("comments")),
                tracking_numbers=events.numbers(one.get("tracking_number")),
                method=str(one.get("shipping_method") or carrier or ""),
                number=f"S{one['id']}",
            )
        )
    if status_id(order) in (SHIPPED, COMPLETED):
        known = moment(order.get("date_shipped"))
        at = known or modified_at(order)
        if at is not None:
            number = str(order["id"])
            latest = max([at, *(one.at for one in found)])
            found.append(
                Departure(
                    f"completed-{number}", latest, None, remote_id=number, number="S", placed=known or created or at
                )
            )
    return found


def back(refund: Json) -> Refund:
    """Raises ValueError for a refund without a time."""
    at = moment(refund.get("created"))
    if at is None:
        raise ValueError(f"refund {refund.get('id')} has no date")
    lines: dict[str, Decimal] = {}
    for one in refund.get("items") or []:
        if one.get("item_type") == "PRODUCT" and one.get("quantity"):
            line = str(one.get("item_id"))
            lines[line] = lines.get(line, ZERO) + Decimal(int(one["quantity"]))
    return Refund(at, tuple(RefundLine(line, units) for line, units in lines.items()), refund)


def _tenders(order: Json, record: Order, by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("gift_certificate", "GiftCard", by_card)] if by_card else []
    if rest and record.payment_status in ("Paid", "PartiallyRefunded", "Refunded"):
        taken = next((one for one in record.payments if one.kind == "Capture" and one.method != "store_credit"), None)
        method = str(order.get("payment_method") or "")
        details = (taken.reference, taken.card_type, taken.last4) if taken else ("", "", "")
        found.append(Payment(method, "Capture", rest, *details))
    return found


def returned(record: Order, event: Refund) -> Transaction:
    """One for each refund. What its lines, shipping and tax do not explain is an adjustment."""
    refund = event.document
    by_id = {one.line_id: one for one in record.lines}
    items = list(refund.get("items") or [])
    amount, tax = money(refund.get("total_amount")), money(refund.get("total_tax"))
    asked = total(money(one.get("requested_amount")) for one in items)
    goods = [one for one in items if one.get("item_type") == "PRODUCT" and str(one.get("item_id")) in by_id]
    carriage = [one for one in items if one.get("item_type") == "SHIPPING"]
    taxed = goods + carriage
    parts = spread(tax, [money(one.get("requested_amount")) for one in taxed]) if taxed else []
    inclusive = bool(tax) and abs(asked - amount) <= CENT  # the amounts have their tax in them
    net = [
        money(one.get("requested_amount")) - (part if inclusive else ZERO)
        for one, part in zip(taxed, parts, strict=True)
    ]
    lines = tuple(
        TransactionLine(
            line_id=str(one["item_id"]),
            quantity=Decimal(int(one.get("quantity") or 0)),
            name=by_id[str(one["item_id"])].name,
            unit_price=by_id[str(one["item_id"])].unit_price,
            tax_amount=parts[n],
            line_total=net[n],
        )
        for n, one in enumerate(goods)
        if one.get("quantity")
    )
    shipping = total(net[len(goods) :])
    rest = amount - total(one.line_total for one in lines) - shipping - tax
    adjustment, rounding = left_over(rest, lines)
    paid = [one for one in refund.get("payments") or [] if not one.get("is_declined") and money(one.get("amount"))]
    return Transaction(
        key=f"refund-{refund['id']}",
        type="Return",
        transaction_number=f"{record.order_number}-R{refund['id']}",
        transaction_date=event.at,
        currency=record.currency,
        lines=lines,
        grand_total=amount,
        shipping_amount=shipping,
        tax_amount=tax,
        adjustment_amount=adjustment,
        rounding_amount=rounding,
        payments=tuple(
            Payment(
                str(one.get("provider_id") or ""),
                "Refund",
                money(one.get("amount")),
                str(one.get("transaction_id") or ""),
            )
            for one in paid
        ),
        remote_id=str(refund["id"]),
    )


# -- captures


def captures(order: Json, details: Details) -> list[Capture]:
    """Each payment that was taken, and each that went back. Certificates and store credit are no money."""
    currency = str(order.get("default_currency_code") or order.get("currency_code") or "")
    method = str(order.get("payment_method") or "")
    found: list[Capture] = []
    listed = [one for one in details.transactions if one.get("status") == "ok" and one.get("method") not in NO_MONEY]
    for one in listed:
        at = moment(one.get("date_created"))
        if one.get("event") in ("purchase", "capture") and at is not None and money(one.get("amount")):
            reference = str(one.get("gateway_transaction_id") or one["id"])
            found.append(
                Capture(
                    f"capture-{one['id']}", "Capture", at, money(one["amount"]),
                    str(one.get("currency") or currency), method, reference, *card(one),
                )
            )  # fmt: skip
    created = moment(order.get("date_created"))
    offline = not order.get("payment_provider_id") and not listed
    if (
        not found
        and offline
        and created is not None
        and payment_status(order) in ("Paid", "PartiallyRefunded", "Refunded")
    ):
        amount = money(order.get("total_inc_tax"))
        if amount:  # cash, cheque, bank transfer: the shop keeps no transaction of it
            found.append(Capture(f"capture-order-{order['id']}", "Capture", created, amount, currency, method))
    told = set()
    for refund in details.refunds:
        at = moment(refund.get("created"))
        for one in refund.get("payments") or []:
            told.add(str(one.get("transaction_id") or ""))
            if at is None or one.get("is_declined") or not money(one.get("amount")):
                continue
            if one.get("provider_id") in ("storecredit", "giftcertificate"):
                continue
            key = f"refund-{refund['id']}-{one.get('id', 0)}"
            reference = str(one.get("transaction_id") or "")
            found.append(
                Capture(
                    key, "Refund", at, money(one["amount"]), currency, str(one.get("provider_id") or method), reference
                )
            )
    for one in listed:
        at = moment(one.get("date_created"))
        if one.get("event") == "refund" and not details.refunds and at is not None and str(one["id"]) not in told:
            key, reference = f"refund-transaction-{one['id']}", str(one.get("gateway_transaction_id") or one["id"])
            found.append(Capture(key, "Refund", at, money(one.get("amount")), currency, method, reference, *card(one)))
    return found


def pulled(order: Json, details: Details, settings: BigSettings, names: Mapping[int, Sequence[str]]) -> PulledOrder:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    ordered = {str(one["id"]): Decimal(int(one.get("quantity") or 0)) for one in line_items(order)}
    refunds = sorted(details.refunds, key=lambda one: int(one["id"]))
    done = play(ordered, departures(order, details), [back(one) for one in refunds])
    record = map_order(order, details, done, names)
    sold = sales(record, done, partial(_tenders, order, record), prefix=f"{record.order_number}-")
    return PulledOrder(
        order=record,
        transactions=(*sold, *(returned(record, one) for one, _ in done.refunds)),
        captures=tuple(captures(order, details)),
        admitted=admitted(order, settings, names),
    )
