"""An order's transactions and captures, from its shipments, credit memos and invoices. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.magento.mapping import from_utc, text
from integrator.connectors.magento.orders import (
    CENT,
    admitted,
    card,
    map_order,
    method,
    money,
    paid,
    quantity,
    rows,
    total,
)
from integrator.connectors.magento.settings import MagentoSettings
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


@dataclass(slots=True)
class Units:
    ordered: Decimal
    shipped: Decimal = ZERO
    returned: Decimal = ZERO
    never_shipped: Decimal = ZERO  # refunded while they still stood in the shop


@dataclass(slots=True)
class History:
    """Shipments with their lines, as (from, to) positions among the units of each line."""

    units: dict[str, Units]
    shipments: list[tuple[Json, dict[str, tuple[Decimal, Decimal]]]] = field(default_factory=list)

    @property
    def all_gone(self) -> bool:
        return all(one.shipped + one.never_shipped >= one.ordered for one in self.units.values())


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


def history(order: Json, found: Documents) -> History:
    """Plays the events in the order of their times; at the same instant goods leave before they come back."""
    done = History(
        {
            row.line_id: Units(quantity(row.money.get("qty_ordered")) - quantity(row.money.get("qty_canceled")))
            for row in rows(order)
        }
    )
    played: list[tuple[datetime, int, int, Json]] = [
        *((at(one), 0, int(one["entity_id"]), one) for one in found.shipments),
        *((at(one), 1, int(one["entity_id"]), one) for one in live(found.creditmemos)),
    ]
    for _, kind, _, document in sorted(played, key=lambda one: one[:3]):
        spans: dict[str, tuple[Decimal, Decimal]] = {}
        for line, count in by_line(document).items():
            known = done.units.get(line)
            if known is None or not count:
                continue
            if kind == 1:
                back = min(known.shipped - known.returned, count)
                known.returned += back
                known.never_shipped += count - back
            else:
                spans[line] = (known.shipped, known.shipped + count)
                known.shipped += count
        if kind == 0:
            done.shipments.append((document, spans))
    return done


# -- transactions


def share(amount: Decimal, start: Decimal, end: Decimal, units: Decimal) -> Decimal:
    """The part of a line's amount that belongs to its units from `start` to `end`; the parts add up to it exactly."""
    if not units or (start == 0 and end == units):
        return amount
    return money(amount * end / units) - money(amount * start / units)


def sales(order: Json, record: Order, done: History) -> list[Transaction]:
    """One for each shipment; the shipping charge and fees go with the first, the rounding with the last."""
    lines = {one.line_id: one for one in record.lines}
    shipping_tax = money(order.get("shipping_tax_amount"))
    charged = total(one.amount for one in record.fee_lines)
    cards_left = record.gift_card_amount
    found: list[Transaction] = []
    for place, (shipment, spans) in enumerate(done.shipments):
        parts = tuple(_sale_line(lines[line], *span) for line, span in spans.items())
        first, last = place == 0, place == len(done.shipments) - 1 and done.all_gone
        tax = total(one.tax_amount for one in parts) + (shipping_tax if first else ZERO)
        shipping, adjustment = (record.shipping_amount, charged) if first else (ZERO, ZERO)
        # what a gift card paid lowers Magento's grand total, and is a payment here
        rounding = record.rounding_amount if last else ZERO
        grand = total(one.line_total for one in parts) + tax + shipping + adjustment + rounding
        by_card = max(ZERO, min(cards_left, grand))
        cards_left -= by_card
        tracks = [one for one in shipment.get("tracks") or [] if isinstance(one, Mapping)]
        carrier = ", ".join(dict.fromkeys(text(one.get("title")) for one in tracks if text(one.get("title"))))
        found.append(
            Transaction(
                key=f"shipment-{shipment['entity_id']}",
                type="Sale",
                transaction_number=str(shipment.get("increment_id") or shipment["entity_id"]),
                transaction_date=at(shipment),
                currency=record.currency,
                lines=parts,
                grand_total=grand,
                shipping_amount=shipping,
                tax_amount=tax,
                discount_amount=total(one.discount_amount for one in parts),
                adjustment_amount=adjustment,
                rounding_amount=rounding,
                payments=tuple(_tenders(order, by_card, grand - by_card)),
                shipping_method=carrier or ", ".join(one.method for one in record.shipping_lines),
                tracking_numbers=tuple(
                    number for one in tracks if (number := str(one.get("track_number") or "").strip())
                ),
                remote_id=str(shipment["entity_id"]),
                pos_shipment_id=marked(shipment),
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
    if abs(rest) > CENT * (len(lines) + 1):  # a plugin's own part, or a gift card that was given back
        adjustment, rest = adjustment + rest, ZERO
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
        adjustment_amount=adjustment,
        rounding_amount=rest,
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
        transactions=(*sales(order, record, done), *(returned(order, record, one) for one in memos)),
        captures=tuple(captures(order, found, record.currency, settings)),
        admitted=admitted(order, settings),
    )
