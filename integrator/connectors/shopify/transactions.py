"""An order's transactions and captures, derived from what the shop says happened to it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
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
from integrator.connectors.sales import History, left_over, sales, total
from integrator.connectors.shopify.events import GivenBack, given_back, history, moment, money
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
)
from integrator.connectors.shopify.settings import ShopifySettings

Json = Mapping[str, Any]


def _tenders(order: Json, by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("gift_card", "GiftCard", by_card)] if by_card else []
    paid = next(
        (one for one in successful(order) if one.get("kind") in TAKEN and one.get("gateway") != GIFT_CARD), None
    )
    if rest and paid is not None:
        found.append(Payment(method(paid), "Capture", rest, number(paid.get("id")), *card(paid)))
    return found


def returns(record: Order, done: History) -> list[Transaction]:
    """One for each refund of goods that had left, or of money alone. Units that never left are in the order itself."""
    by_id = {one.line_id: one for one in record.lines}
    found: list[Transaction] = []
    for one in given_back(done):
        only_cancelled = one.cancelled and not one.came_back
        if only_cancelled:
            continue
        if not one.came_back and not one.total and not one.shipping:
            continue
        found.append(_return(record, one, by_id))
    return found


def _return(record: Order, refund: GivenBack, by_id: Mapping[str, OrderLine]) -> Transaction:
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
    adjustment, rounding = left_over(rest, lines)
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
        adjustment_amount=adjustment,
        rounding_amount=rounding,
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
    sold = sales(
        record,
        done,
        partial(_tenders, order),
        prefix=f"{record.order_number}-",
        tax_inside=record.prices_include_tax,
    )
    return PulledOrder(
        order=record,
        transactions=(*sold, *returns(record, done)),
        captures=tuple(captures(order)),
        admitted=admitted(order, settings),
    )
