"""Orders of the shop as the contract has them. Pure functions; transactions.py has what happened to them.

Amounts are the shop's own, with up to four places; lines are without tax, as WooCommerce keeps them also where
prices include it. What the parts leave unexplained is the rounding amount.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal
from fnmatch import fnmatch
from typing import Any

from integrator.connectors.records import (
    ZERO,
    Address,
    Customer,
    CustomField,
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
from integrator.connectors.sales import CENT, History, total
from integrator.connectors.woocommerce.events import meta, quantity
from integrator.connectors.woocommerce.mapping import decimal, from_gmt, text
from integrator.connectors.woocommerce.settings import WooSettings

Json = Mapping[str, Any]

PLACES = Decimal("0.0001")
UNPAID = frozenset({"pending", "failed", "checkout-draft", "auto-draft", "draft", "trash", "cancelled", "new"})
TAGS = re.compile(r"<[^>]*>")


def money(value: Any) -> Decimal:
    """An amount to four places; idle zeros go, down to two."""
    number = (decimal(value) or ZERO).quantize(PLACES, ROUND_HALF_UP)
    shorter = number.quantize(CENT, ROUND_HALF_UP)
    return shorter if shorter == number else number


def matches(name: str, patterns: Iterable[str]) -> bool:
    return any(fnmatch(name.casefold(), pattern.casefold()) for pattern in patterns)


# -- the order


def is_paid(order: Json) -> bool:
    return from_gmt(order.get("date_paid_gmt")) is not None


def is_authorised(order: Json, settings: WooSettings) -> bool:
    """Money is reserved and not taken: on hold at a gateway that gave the payment a number."""
    if is_paid(order) or order.get("status") != "on-hold":
        return False
    return bool(order.get("transaction_id")) or order.get("payment_method") in settings.authorising_gateways


def admitted(order: Json, settings: WooSettings) -> bool:
    status = str(order.get("status"))
    created = from_gmt(order.get("date_created_gmt"))
    if settings.orders_since is not None and created is not None and created < settings.orders_since.astimezone(UTC):
        return False
    if settings.order_statuses:
        return status in settings.order_statuses
    if status in UNPAID:
        return False
    return status in ("processing", "completed") or is_paid(order) or is_authorised(order, settings)


def refunded_total(order: Json) -> Decimal:
    return total(abs(money(one.get("total"))) for one in order.get("refunds") or [])


def payment_status(order: Json, settings: WooSettings) -> str:
    refunded = refunded_total(order)
    if refunded and refunded >= money(order.get("total")):
        return "Refunded"
    if refunded:
        return "PartiallyRefunded"
    if is_paid(order):
        return "Paid"
    if is_authorised(order, settings):
        return "Authorised"
    return "Voided" if order.get("status") in ("cancelled", "failed", "trash") else "Pending"


def address(value: Any) -> Address:
    known = value if isinstance(value, dict) else {}
    return Address(
        first_name=text(known.get("first_name")),
        last_name=text(known.get("last_name")),
        company=text(known.get("company")),
        street1=text(known.get("address_1")),
        street2=text(known.get("address_2")),
        city=text(known.get("city")),
        state_code=text(known.get("state")),
        postal_code=text(known.get("postcode")),
        country_code=text(known.get("country")).upper(),
        phone=text(known.get("phone")),
        email=text(known.get("email")),
    )


def customer(order: Json) -> Customer:
    """A guest has no id in the shop; name and e-mail stand in the billing address."""
    billing = address(order.get("billing"))
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


def tax_names(order: Json) -> dict[str, tuple[str, Decimal | None]]:
    """Name and rate by the shop's rate id."""
    return {
        str(one.get("rate_id")): (
            text(one.get("label")) or text(one.get("rate_code")),
            decimal(one.get("rate_percent")),
        )
        for one in order.get("tax_lines") or []
    }


def tax_lines(order: Json) -> tuple[TaxLine, ...]:
    names = tax_names(order)
    return tuple(
        TaxLine(*names[str(one.get("rate_id"))], money(one.get("tax_total")) + money(one.get("shipping_tax_total")))
        for one in order.get("tax_lines") or []
    )


def line_taxes(line: Json, names: Mapping[str, tuple[str, Decimal | None]]) -> tuple[TaxLine, ...]:
    found: list[TaxLine] = []
    for one in line.get("taxes") or []:
        if decimal(one.get("total")) is not None:
            name, rate = names.get(str(one.get("id")), (str(one.get("id")), None))
            found.append(TaxLine(name, rate, money(one["total"])))
    return tuple(found)


def options(line: Json) -> tuple[Option, ...]:
    """The variant's axes and what the shopper chose beside them, as the shop shows them."""
    found: list[Option] = []
    for one in line.get("meta_data") or []:
        key = str(one.get("key") or "")
        value = one.get("display_value") if one.get("display_value") is not None else one.get("value")
        if key.startswith("_") or not isinstance(value, str | int | Decimal) or isinstance(value, bool):
            continue
        found.append(Option(text(one.get("display_key")) or key, text(TAGS.sub("", str(value)))))
    return tuple(found)


def order_line(line: Json, names: Mapping[str, tuple[str, Decimal | None]], settings: WooSettings) -> OrderLine:
    units = quantity(line.get("quantity"))
    subtotal, after = money(line.get("subtotal")), money(line.get("total"))
    keys = [str(one.get("key") or "") for one in line.get("meta_data") or []]
    sold_card = any(matches(key, settings.gift_card_lines) for key in keys)
    remote = {"product": str(line.get("product_id") or "")}
    if line.get("variation_id"):
        remote["variation"] = str(line["variation_id"])
    return OrderLine(
        line_id=str(line["id"]),
        sku=str(line.get("sku") or ""),
        name=text(line.get("name")),
        quantity_ordered=units,
        unit_price=money(subtotal / units) if units else subtotal,
        line_total=after,
        line_type="GiftCard" if sold_card else "Item",
        options=options(line),
        discount_amount=subtotal - after,
        tax_amount=money(line.get("total_tax")),
        tax_lines=line_taxes(line, names),
        remote={key: value for key, value in remote.items() if value},
    )


def gift_cards(order: Json, settings: WooSettings) -> list[GiftCard]:
    """Cards that paid: of the gift card extension, in meta, as negative fees, or as coupons, as the channel says."""
    found: list[GiftCard] = []
    for key in settings.gift_card_meta:
        found += _cards(meta(order, key))
    found += _cards(order.get("gift_cards"))
    for fee in order.get("fee_lines") or []:
        paid = -(money(fee.get("total")) + money(fee.get("total_tax")))
        if paid > 0 and matches(text(fee.get("name")), settings.gift_card_fees):
            found.append(GiftCard(text(fee.get("name")), paid))
    for coupon in order.get("coupon_lines") or []:
        if matches(text(coupon.get("code")), settings.gift_card_coupons):
            found.append(
                GiftCard(text(coupon.get("code")), money(coupon.get("discount")) + money(coupon.get("discount_tax")))
            )
    return found


def _cards(value: Any) -> list[GiftCard]:
    if isinstance(value, Mapping):
        return [GiftCard(str(code), money(amount)) for code, amount in value.items() if money(amount)]
    if isinstance(value, list):
        return [
            GiftCard(str(one.get("code") or ""), money(one.get("amount")))
            for one in value
            if isinstance(one, Mapping) and money(one.get("amount"))
        ]
    return []


def is_gift_card_fee(fee: Json, settings: WooSettings) -> bool:
    return money(fee.get("total")) < 0 and matches(text(fee.get("name")), settings.gift_card_fees)


def card_details(order: Json) -> tuple[str, str]:
    """Brand and last four digits, where the gateway leaves them on the order. Never more of a card."""
    gateway = str(order.get("payment_method") or "")
    brand = next(
        (str(found) for key in (f"_wc_{gateway}_card_type", "_card_brand", "_stripe_card_brand")
         if isinstance(found := meta(order, key), str) and found), ""
    )  # fmt: skip
    last4 = next(
        (str(found) for key in (f"_wc_{gateway}_account_four", "last4", "_card_last4")
         if re.fullmatch(r"\d{4}", str(found := meta(order, key)))), ""
    )  # fmt: skip
    return brand, last4


def payments(order: Json, refunds: Sequence[Json], cards: Sequence[GiftCard], settings: WooSettings) -> list[Payment]:
    method = text(order.get("payment_method_title")) or str(order.get("payment_method") or "")
    reference = str(order.get("transaction_id") or "")
    brand, last4 = card_details(order)
    found = [Payment("gift_card", "GiftCard", one.amount, one.code) for one in cards]
    amount = money(order.get("total"))
    if amount and is_paid(order):
        found.append(Payment(method, "Capture", amount, reference, brand, last4))
    elif amount and is_authorised(order, settings):
        found.append(Payment(method, "Authorisation", amount, reference, brand, last4))
    found += [Payment(method, "Refund", money(one.get("amount")), str(one["id"]), brand, last4) for one in refunds]
    return found


def map_order(order: Json, refunds: Sequence[Json], done: History, settings: WooSettings) -> Order:
    names = tax_names(order)
    lines = tuple(_with_units(order_line(one, names, settings), done) for one in order.get("line_items") or [])
    cards = gift_cards(order, settings)
    fees = tuple(
        FeeLine(text(one.get("name")), money(one.get("total")), money(one.get("total_tax")))
        for one in order.get("fee_lines") or []
        if not is_gift_card_fee(one, settings)
    )
    shipping, tax, grand = money(order.get("shipping_total")), money(order.get("total_tax")), money(order.get("total"))
    paid_by_cards = total(one.amount for one in cards)
    explained = total(one.line_total for one in lines) + shipping + tax + total(one.amount for one in fees)
    # Extensions differ in whether a gift card lowers the order's total: the reading that explains more is right.
    rounding = min((grand - explained, grand - explained + paid_by_cards), key=abs)
    modified = from_gmt(order.get("date_modified_gmt")) or from_gmt(order.get("date_created_gmt"))
    created = from_gmt(order.get("date_created_gmt")) or modified
    if created is None or modified is None:
        raise ValueError("it has no date")
    shipping_address = address(order.get("shipping"))
    if not (shipping_address.street1 or shipping_address.city or shipping_address.last_name):
        shipping_address = address(order.get("billing"))
    return Order(
        remote_id=str(order["id"]),
        order_number=str(order.get("number") or order["id"]),
        order_date=created,
        modified_at=modified,
        status=str(order.get("status")),
        payment_status=payment_status(order, settings),
        currency=str(order.get("currency") or ""),
        lines=lines,
        customer=customer(order),
        billing_address=address(order.get("billing")),
        shipping_address=shipping_address,
        grand_total=grand,
        subtotal=total(money(one.get("subtotal")) for one in order.get("line_items") or []),
        discount_amount=money(order.get("discount_total")),
        shipping_amount=shipping,
        tax_amount=tax,
        gift_card_amount=paid_by_cards,
        rounding_amount=rounding,
        prices_include_tax=bool(order.get("prices_include_tax")),
        tax_lines=tax_lines(order),
        discount_lines=tuple(
            DiscountLine(text(one.get("code")), money(one.get("discount")))
            for one in order.get("coupon_lines") or []
            if not matches(text(one.get("code")), settings.gift_card_coupons)
        ),
        shipping_lines=tuple(
            ShippingLine(
                text(one.get("method_title")), str(one.get("method_id") or ""),
                money(one.get("total")), money(one.get("total_tax")),
            )
            for one in order.get("shipping_lines") or []
        ),
        fee_lines=fees,
        payments=tuple(payments(order, refunds, cards, settings)),
        gift_cards=tuple(cards),
        customer_note=text(order.get("customer_note")),
        custom_fields=tuple(
            CustomField(key, text(str(value)))
            for key in settings.order_meta
            if (value := meta(order, key)) is not None and not isinstance(value, dict | list)
        ),
        cancelled_at=modified if order.get("status") in ("cancelled", "trash") else None,
    )  # fmt: skip


def _with_units(line: OrderLine, done: History) -> OrderLine:
    """Units refunded before they left are in the refund's transaction; the core takes them from there."""
    units = done.units[line.line_id]
    return replace(line, quantity_shipped=units.shipped, quantity_returned=units.returned)


def modified_at(order: Json) -> datetime | None:
    return from_gmt(order.get("date_modified_gmt")) or from_gmt(order.get("date_created_gmt"))
