"""Orders of the shop as the contract has them. Pure functions; events.py and transactions.py have what happened.

Lines are without tax, as the shop tells them beside the sum with tax; a discount of the whole order that the shop does
not put on its lines is shared over them. What the parts leave unexplained is the rounding amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.bigcommerce.amounts import discounts, moment, money
from integrator.connectors.bigcommerce.events import Details
from integrator.connectors.bigcommerce.mapping import decimal, text
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.records import (
    ZERO,
    Address,
    Customer,
    DiscountLine,
    FeeLine,
    GiftCard,
    Option,
    Order,
    OrderLine,
    Payment,
    ShippingLine,
    TaxLine,
)
from integrator.connectors.sales import History, total

Json = Mapping[str, Any]

INCOMPLETE, SHIPPED, REFUNDED, CANCELLED, DECLINED, COMPLETED = 0, 2, 4, 5, 6, 10
PAID_STATUSES = frozenset({2, 3, 8, 9, 10, 11, 14})  # the shop counts the payment as made
DEAD_STATUSES = frozenset({INCOMPLETE, CANCELLED, DECLINED})
STATUS_WORDS = {
    0: "Incomplete", 1: "Pending", 2: "Shipped", 3: "Partially Shipped", 4: "Refunded", 5: "Cancelled", 6: "Declined",
    7: "Awaiting Payment", 8: "Awaiting Pickup", 9: "Awaiting Shipment", 10: "Completed", 11: "Awaiting Fulfillment",
    12: "Manual Verification Required", 13: "Disputed", 14: "Partially Refunded",
}  # fmt: skip
PAYMENT_STATUSES = {
    "authorized": "Authorised",
    "capture pending": "Authorised",
    "captured": "Paid",
    "paid": "Paid",
    "partially refunded": "PartiallyRefunded",
    "refunded": "Refunded",
    "void": "Voided",
    "void pending": "Voided",
    "declined": "Voided",
}
PENDING_PAYMENTS = frozenset({"capture pending", "void pending"})  # the gateway is at work: look again
NO_MONEY = frozenset({"gift_certificate", "store_credit"})


def modified_at(order: Json) -> datetime | None:
    return moment(order.get("date_modified")) or moment(order.get("date_created"))


def status_id(order: Json) -> int:
    return int(order.get("status_id") or 0)


# -- the parts of an order


def consignments(order: Json, kind: str) -> list[Json]:
    found = order.get("consignments")
    listed = found.get(kind) if isinstance(found, Mapping) else None
    return [one for one in listed or [] if isinstance(one, Mapping)] if isinstance(listed, list) else []


def line_items(order: Json) -> list[Json]:
    """Lines of all consignments in the order of their ids: shipped, picked up, downloaded, sent by mail."""
    found: list[Json] = []
    for kind in ("shipping", "pickups", "downloads"):
        for one in consignments(order, kind):
            found += [line for line in one.get("line_items") or [] if "id" in line]
    mailed = (order.get("consignments") or {}).get("email") if isinstance(order.get("consignments"), Mapping) else None
    certificates = mailed.get("gift_certificates") if isinstance(mailed, Mapping) else None
    for one in certificates or []:
        found += [line for line in one.get("line_items") or [] if "id" in line]
    unique = {int(line["id"]): line for line in found}
    return [unique[number] for number in sorted(unique)]


def address(value: Any) -> Address:
    known = value if isinstance(value, Mapping) else {}
    return Address(
        first_name=text(known.get("first_name")),
        last_name=text(known.get("last_name")),
        company=text(known.get("company")),
        street1=text(known.get("street_1") or known.get("address_line_1")),
        street2=text(known.get("street_2") or known.get("address_line_2")),
        city=text(known.get("city")),
        state=text(known.get("state")),
        postal_code=text(known.get("zip") or known.get("postal_code")),
        country_code=text(known.get("country_iso2") or known.get("country_alpha2")).upper(),
        phone=text(known.get("phone")),
        email=text(known.get("email")),
    )


def customer(order: Json) -> Customer:
    billing = address(order.get("billing_address"))
    number = int(order.get("customer_id") or 0)
    return Customer(
        web_customer_id=str(number) if number else "",
        is_guest=not number,
        email=billing.email,
        first_name=billing.first_name,
        last_name=billing.last_name,
        company=billing.company,
        phone=billing.phone,
    )


def shipping_address(order: Json) -> Address:
    """Where the first parcel goes, else where the goods are picked up, else the billing address."""
    for one in consignments(order, "shipping"):
        return address(one)
    for one in consignments(order, "pickups"):
        return address(one.get("location"))
    return address(order.get("billing_address"))


# -- money


def payment_status(order: Json) -> str:
    told = str(order.get("payment_status") or "")
    if told in PAYMENT_STATUSES:
        return PAYMENT_STATUSES[told]
    if status_id(order) == REFUNDED:
        return "Refunded"
    if status_id(order) == 14:
        return "PartiallyRefunded"
    if told in ("", "pending") and status_id(order) in PAID_STATUSES:
        return "Paid" if told == "" else "Pending"
    return "Voided" if status_id(order) in (CANCELLED, DECLINED) else "Pending"


def admitted(order: Json, settings: BigSettings, names: Mapping[int, Sequence[str]]) -> bool:
    """Status 0 is a checkout that was left at the payment: never an order."""
    number = status_id(order)
    created = moment(order.get("date_created"))
    if number == INCOMPLETE:
        return False
    if settings.orders_since is not None and created is not None and created < settings.orders_since.astimezone(UTC):
        return False
    if settings.order_statuses:
        known = {
            str(number),
            STATUS_WORDS.get(number, "").casefold(),
            *(name.casefold() for name in names.get(number, ())),
        }
        return any(wanted.strip().casefold() in known for wanted in settings.order_statuses)
    if number in DEAD_STATUSES:
        return False
    return payment_status(order) in ("Authorised", "Paid", "PartiallyRefunded", "Refunded") or number in PAID_STATUSES


def card(transaction: Json) -> tuple[str, str]:
    known = transaction.get("credit_card") or {}
    last4 = str(known.get("card_last4") or "")
    return str(known.get("card_type") or ""), last4 if len(last4) == 4 and last4.isdigit() else ""


def gift_cards(order: Json, details: Details) -> list[GiftCard]:
    """Gift certificates that paid, with their codes where a transaction tells them."""
    found = [
        GiftCard(str((one.get("gift_certificate") or {}).get("code") or ""), money(one.get("amount")))
        for one in details.transactions
        if one.get("method") == "gift_certificate"
        and one.get("status") == "ok"
        and one.get("event") in ("purchase", "capture")
    ]
    rest = money(order.get("gift_certificate_amount")) - total(one.amount for one in found)
    return [*found, GiftCard("", rest)] if rest > 0 else found


def payments(order: Json, details: Details, cards: Sequence[GiftCard]) -> list[Payment]:
    found = [Payment("gift_certificate", "GiftCard", one.amount, one.code) for one in cards]
    credit = money(order.get("store_credit_amount"))
    if credit:
        found.append(Payment("store_credit", "Capture", credit))
    method = str(order.get("payment_method") or "")
    money_events = [
        one for one in details.transactions if one.get("status") == "ok" and one.get("method") not in NO_MONEY
    ]
    taken = [one for one in money_events if one.get("event") in ("purchase", "capture")]
    for one in taken:
        found.append(Payment(method, "Capture", money(one.get("amount")), _reference(one), *card(one)))
    if not taken and payment_status(order) == "Authorised":
        held = next((one for one in money_events if one.get("event") == "authorization"), {})
        amount = money(held.get("amount")) or money(order.get("total_inc_tax"))
        found.append(Payment(method, "Authorisation", amount, _reference(held), *card(held)))
    for refund in details.refunds:
        for one in refund.get("payments") or []:
            if not one.get("is_declined") and money(one.get("amount")):
                found.append(
                    Payment(str(one.get("provider_id") or ""), "Refund", money(one.get("amount")), f"{refund['id']}")
                )
    return found


def _reference(transaction: Json) -> str:
    return str(transaction.get("gateway_transaction_id") or transaction.get("id") or "")


def fees(order: Json) -> list[FeeLine]:
    found = [
        FeeLine(
            text(one.get("display_name_customer")) or "Fee", money(one.get("cost_ex_tax")), money(one.get("cost_tax"))
        )
        for one in order.get("fees") or []
        if isinstance(one, Mapping) and "cost_ex_tax" in one
    ]
    for name, field in (("Handling", "handling_cost"), ("Gift wrapping", "wrapping_cost")):
        amount = money(order.get(f"{field}_ex_tax"))
        if amount:
            found.append(FeeLine(name, amount, money(order.get(f"{field}_tax"))))
    return found


def shipping_lines(order: Json) -> list[ShippingLine]:
    found = [
        ShippingLine(text(one.get("shipping_method")), "", money(one.get("cost_ex_tax")), money(one.get("cost_tax")))
        for one in consignments(order, "shipping")
        if one.get("shipping_method") or money(one.get("cost_ex_tax"))
    ]
    found += [
        ShippingLine(text(one.get("pickup_method_display_name")) or "Pick-up", "pickup", ZERO)
        for one in consignments(order, "pickups")
    ]
    return found


def tax_lines(taxes: Sequence[Json]) -> list[TaxLine]:
    """The order's taxes by name and rate."""
    sums: dict[tuple[str, Decimal | None], Decimal] = {}
    for one in taxes:
        key = (text(one.get("name")) or text(one.get("class")) or "Tax", decimal(one.get("rate")))
        sums[key] = sums.get(key, ZERO) + money(one.get("line_amount"))
    return [TaxLine(name, rate, amount) for (name, rate), amount in sums.items()]


def line_taxes(line: Json, taxes: Sequence[Json]) -> tuple[TaxLine, ...]:
    own = [
        one
        for one in taxes
        if str(one.get("order_product_id") or "") == str(line["id"]) and one.get("line_item_type") == "item"
    ]
    return tuple(tax_lines(own))


# -- the order


def order_line(line: Json, discount: Decimal, details: Details, done: History) -> OrderLine:
    units = Decimal(int(line.get("quantity") or 0))
    gross = money(line.get("total_ex_tax"))
    remote = {"product": str(line.get("product_id") or ""), "variant": str(line.get("variant_id") or "")}
    known = done.units.get(str(line["id"]))
    return OrderLine(
        line_id=str(line["id"]),
        sku=str(line.get("sku") or ""),
        name=text(line.get("name")),
        quantity_ordered=units,
        unit_price=money(line.get("price_ex_tax"))
        if line.get("price_ex_tax")
        else (money(gross / units) if units else gross),
        line_total=gross - discount,
        line_type="GiftCard" if line.get("type") == "giftcertificate" else "Item",
        options=tuple(
            Option(text(one.get("display_name")), text(one.get("display_value")))
            for one in line.get("product_options") or []
        ),
        quantity_shipped=known.shipped if known else ZERO,
        quantity_returned=known.returned if known else ZERO,
        discount_amount=discount,
        tax_amount=money(line.get("total_tax")),
        tax_lines=line_taxes(line, details.taxes),
        remote={name: value for name, value in remote.items() if value and value != "0"},
    )


def discount_lines(order: Json, details: Details) -> list[DiscountLine]:
    found = [DiscountLine(str(one.get("code") or ""), money(one.get("discount"))) for one in details.coupons]
    by_coupons = money(order.get("coupon_discount"))
    if by_coupons and not found:
        found.append(DiscountLine("", by_coupons))
    rest = money(order.get("discount_amount"))
    return [*found, DiscountLine("", rest)] if rest else found


def map_order(order: Json, details: Details, done: History, names: Mapping[int, Sequence[str]]) -> Order:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    items = line_items(order)
    parts = discounts(order, items)
    lines = tuple(order_line(one, part, details, done) for one, part in zip(items, parts, strict=True))
    cards = gift_cards(order, details)
    fee_lines = fees(order)
    shipping, tax, grand = (money(order.get(name)) for name in ("shipping_cost_ex_tax", "total_tax", "total_inc_tax"))
    by_cards = total(one.amount for one in cards)
    credit = money(order.get("store_credit_amount"))
    explained = total(one.line_total for one in lines) + shipping + tax + total(one.amount for one in fee_lines)
    # whether certificates and credit lower the order's total is not said: the reading that explains more is right
    readings = [grand - explained + paid for paid in (ZERO, by_cards, credit, by_cards + credit)]
    created, modified = moment(order.get("date_created")), modified_at(order)
    if created is None or modified is None:
        raise ValueError("it has no date")
    number = status_id(order)
    return Order(
        remote_id=str(order["id"]),
        order_number=str(order["id"]),
        order_date=created,
        modified_at=modified,
        status=next(iter(names.get(number, ())), "") or STATUS_WORDS.get(number, str(order.get("status"))),
        payment_status=payment_status(order),
        currency=str(order.get("default_currency_code") or order.get("currency_code") or ""),
        lines=lines,
        customer=customer(order),
        billing_address=address(order.get("billing_address")),
        shipping_address=shipping_address(order),
        grand_total=grand,
        subtotal=total(money(one.get("total_ex_tax")) for one in items),
        discount_amount=total(parts),
        shipping_amount=shipping,
        tax_amount=tax,
        gift_card_amount=by_cards,
        rounding_amount=min(readings, key=abs),
        prices_include_tax=bool(order.get("is_tax_inclusive_pricing")),
        tax_lines=tuple(tax_lines(details.taxes)),
        discount_lines=tuple(discount_lines(order, details)),
        shipping_lines=tuple(shipping_lines(order)),
        fee_lines=tuple(fee_lines),
        payments=tuple(payments(order, details, cards)),
        gift_cards=tuple(cards),
        customer_note=text(order.get("customer_message")),
        cancelled_at=modified if number in (CANCELLED, DECLINED) else None,
    )
