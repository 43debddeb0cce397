"""An order's transactions and captures, from its shipments, credit memos and invoices. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

from integrator.connectors.magento.mapping import from_utc, text
from integrator.connectors.magento.orders import (
    admitted,
    card,
    map_order,
    method,
    money,
    paid,
    quantity,
    rows,
)
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.records import (
    ZERO,
    Capture,
    Order,
    Payment,
    PulledOrder,
    Transaction,
    TransactionLine,
)
from integrator.connectors.sales import Departure, History, Refund, RefundLine, left_over, play, sales, total

Json = Mapping[str, Any]

MARK = re.compile(r"\[integrator:([^\]]+)\]")
INVOICE_PAID = 2
CREDITMEMO_REFUNDED = 2
EPOCH = datetime.fromtimestamp(0, UTC)


def mark(shipment_id: str) -> str:
    """What `send_shipment` leaves in the comment of a shipment, by which it is found again."""
    return f"[integrator:{shipment_id.replace(']', ')')}]"


def marked(shipment: Json) -> str:
    """The POS's ShipmentId of a shipment, "" if the shop made it."""
    for one in shipment.get("comments") or []:
        if isinstance(one, Mapping) and (found := MARK.search(str(one.get("comment") or ""))):
            return found.group(1)
    return ""


@dataclass(frozen=True, slots=True)
class Documents:
    """What hangs on an order, oldest first."""

    shipments: Sequence[Json] = ()
    creditmemos: Sequence[Json] = ()
    invoices: Sequence[Json] = ()


def at(document: Json) -> datetime:
    return from_utc(document.get("created_at")) or from_utc(document.get("updated_at")) or EPOCH


def by_line(document: Json) -> dict[str, Decimal]:
    """Units by the number of the order's row."""
    found: dict[str, Decimal] = {}
    for one in document.get("items") or []:
        line = str(one.get("order_item_id"))
        found[line] = found.get(line, ZERO) + quantity(one.get("qty"))
    return found


def live(creditmemos: Sequence[Json]) -> list[Json]:
    return [one for one in creditmemos if int(one.get("state") or CREDITMEMO_REFUNDED) == CREDITMEMO_REFUNDED]


def by_number(documents: Sequence[Json]) -> list[Json]:
    return sorted(documents, key=lambda one: int(one["entity_id"]))


def departure(shipment: Json) -> Departure:
    tracks = [one for one in shipment.get("tracks") or [] if isinstance(one, Mapping)]
    number = str(shipment["entity_id"])
    return Departure(
        key=f"shipment-{number}",
        at=at(shipment),
        lines=by_line(shipment),
        remote_id=number,
        pos_shipment_id=marked(shipment),
        tracking_numbers=tuple(found for one in tracks if (found := str(one.get("track_number") or "").strip())),
        method=", ".join(dict.fromkeys(text(one.get("title")) for one in tracks if text(one.get("title")))),
        number=str(shipment.get("increment_id") or number),
    )


def refund(memo: Json) -> Refund:
    return Refund(at(memo), tuple(RefundLine(line, units) for line, units in by_line(memo).items() if units), memo)


def history(order: Json, found: Documents) -> History:
    return play(
        {row.line_id: quantity(row.money.get("qty_ordered")) for row in rows(order)},
        [departure(one) for one in by_number(found.shipments)],
        [refund(one) for one in by_number(live(found.creditmemos))],
    )


# -- transactions


def _tenders(order: Json, by_card: Decimal, rest: Decimal) -> list[Payment]:
    found = [Payment("gift_card", "GiftCard", by_card)] if by_card else []
    if rest and paid(order):
        reference = str((order.get("payment") or {}).get("last_trans_id") or "")
        found.append(Payment(method(order)[1], "Capture", rest, reference, *card(order)))
    return found


def returned(order: Json, record: Order, memo: Json) -> Transaction:
    """One for each credit memo; what its lines do not explain is the adjustment that the merchant gave it."""
    lines: list[TransactionLine] = []
    known = {one.line_id: one for one in record.lines}
    for one in memo.get("items") or []:
        line, units = known.get(str(one.get("order_item_id"))), quantity(one.get("qty"))
        if line is None or not units:
            continue
        compensation = money(one.get("discount_tax_compensation_amount"))
        lines.append(
            TransactionLine(
                line_id=line.line_id,
                quantity=units,
                name=line.name,
                unit_price=line.unit_price,
                discount_amount=money(one.get("discount_amount")) - compensation,
                tax_amount=money(one.get("tax_amount")),
                line_total=money(one.get("row_total")) - money(one.get("discount_amount")) + compensation,
            )
        )
    amount, shipping = money(memo.get("grand_total")), money(memo.get("shipping_amount"))
    tax = money(memo.get("tax_amount"))
    adjustment = money(memo.get("adjustment_positive")) - money(memo.get("adjustment_negative"))
    rest = amount - total(one.line_total for one in lines) - tax - shipping - adjustment
    extra, rounding = left_over(rest, lines)  # a plugin's own part, or a gift card that was given back
    _, title = method(order)
    reference = str(memo.get("transaction_id") or memo["entity_id"])
    return Transaction(
        key=f"creditmemo-{memo['entity_id']}",
        type="Return",
        transaction_number=str(memo.get("increment_id") or memo["entity_id"]),
        transaction_date=at(memo),
        currency=record.currency,
        lines=tuple(lines),
        grand_total=amount,
        shipping_amount=shipping,
        tax_amount=tax,
        discount_amount=total(one.discount_amount for one in lines),
        adjustment_amount=adjustment + extra,
        rounding_amount=rounding,
        payments=(Payment(title, "Refund", amount, reference, *card(order)),) if amount else (),
        remote_id=str(memo["entity_id"]),
    )


# -- captures


def captures(order: Json, found: Documents, currency: str, settings: MagentoSettings) -> list[Capture]:
    """One for each paid invoice, one for each credit memo."""
    _, title = method(order)
    result: list[Capture] = []
    for one in found.invoices:
        amount = money(one.get("grand_total"))
        if int(one.get("state") or 0) == INVOICE_PAID and amount:
            reference = str(one.get("transaction_id") or (order.get("payment") or {}).get("last_trans_id") or "")
            key = f"invoice-{one['entity_id']}"
            result.append(Capture(key, "Capture", at(one), amount, currency, title, reference, *card(order)))
    for one in live(found.creditmemos):
        amount = money(one.get("grand_total"))
        if amount and (one.get("transaction_id") or settings.manual_refunds):
            reference = str(one.get("transaction_id") or one["entity_id"])
            key = f"creditmemo-{one['entity_id']}"
            result.append(Capture(key, "Refund", at(one), amount, currency, title, reference, *card(order)))
    return result


def pulled(order: Json, found: Documents, settings: MagentoSettings) -> PulledOrder:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    memos = live(found.creditmemos)
    record = map_order(order, memos, settings)
    done = history(order, found)
    record = replace(
        record,
        lines=tuple(
            replace(
                one,
                quantity_shipped=done.units[one.line_id].shipped,
                quantity_returned=done.units[one.line_id].returned,
            )
            for one in record.lines
        ),
    )
    return PulledOrder(
        order=record,
        transactions=(*sales(record, done, partial(_tenders, order)), *(returned(order, record, one) for one in memos)),
        captures=tuple(captures(order, found, record.currency, settings)),
        admitted=admitted(order, settings),
    )
