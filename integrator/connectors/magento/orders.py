"""Orders of the shop as the contract has them. Pure functions; events.py has what happened to them.

Amounts are those of the order's currency (the shop's own are `base_...`), after discount and before tax. A
configurable product's two rows are one line: the variant's SKU and product, the configurable product's money and
number, under which it is shipped and invoiced.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from integrator.connectors.magento.mapping import decimal, from_utc, text
from integrator.connectors.magento.settings import MagentoSettings
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
from integrator.connectors.sales import CENT, total

Json = Mapping[str, Any]

PLACES = Decimal("0.0001")
NOT_PLACED = frozenset({"pending_payment", "canceled"})


def money(value: Any) -> Decimal:
    """An amount to four places, without what a float invents; idle zeros go, down to two."""
    number = (decimal(value) or ZERO).quantize(PLACES, ROUND_HALF_UP)
    shorter = number.quantize(CENT, ROUND_HALF_UP)
    return shorter if shorter == number else number


def quantity(value: Any) -> Decimal:
    number = decimal(value) or ZERO
    return number.to_integral_value() if number == number.to_integral_value() else number.normalize()


def extension(thing: Json) -> Json:
    found = thing.get("extension_attributes")
    return found if isinstance(found, Mapping) else {}


# -- lines


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the order: the row with the money, and the row of what is sold (the same for simple products)."""

    money: Json
    sold: Json

    @property
    def line_id(self) -> str:
        return str(self.money["item_id"])


def rows(order: Json) -> list[Row]:
    """A bundle whose parts have the prices is told by its parts, any other parent by itself."""
    items = [one for one in order.get("items") or [] if isinstance(one, Mapping)]
    children: dict[Any, list[Json]] = {}
    for one in items:
        if one.get("parent_item_id"):
            children.setdefault(one["parent_item_id"], []).append(one)
    found: list[Row] = []
    for one in items:
        if one.get("parent_item_id"):
            continue
        below = children.get(one.get("item_id"), [])
        priced = total(money(child.get("row_total")) for child in below)
        if one.get("product_type") == "configurable" and len(below) == 1:
            found.append(Row(one, below[0]))
        elif below and priced and priced == money(one.get("row_total")):
            found += [Row(child, child) for child in below]
        else:
            found.append(Row(one, one))
    return found


def net(item: Json) -> Decimal:
    """A row's amount after discount, without tax; where prices include tax, the tax that the discount took is back."""
    amount = money(item.get("row_total")) - money(item.get("discount_amount"))
    return amount + money(item.get("discount_tax_compensation_amount"))


def options(row: Row) -> tuple[Option, ...]:
    """What the shopper chose beside the SKU, as far as the order names it."""
    given = extension(row.money.get("product_option") or {}).get("custom_options") or []
    return tuple(
        Option(str(one.get("option_id")), text(str(one.get("option_value") or "")))
        for one in given
        if isinstance(one, Mapping)
    )


def order_line(row: Row, taxes: Mapping[str, tuple[TaxLine, ...]]) -> OrderLine:
    item, sold = row.money, row.sold
    discount = money(item.get("discount_amount")) - money(item.get("discount_tax_compensation_amount"))
    product = str(sold.get("product_id") or "")
    return OrderLine(
        line_id=row.line_id,
        sku=str(sold.get("sku") or item.get("sku") or ""),
        name=text(item.get("name")),
        quantity_ordered=quantity(item.get("qty_ordered")),
        unit_price=money(item.get("price")),
        line_total=net(item),
        line_type="GiftCard" if item.get("product_type") == "giftcard" else "Item",
        options=options(row),
        quantity_cancelled=quantity(item.get("qty_canceled")),
        discount_amount=discount,
        tax_amount=money(item.get("tax_amount")),
        tax_lines=taxes.get(row.line_id, ()),
        remote={"product": product} if product else {},
    )


def tax_line(one: Json) -> TaxLine:
    return TaxLine(
        text(one.get("title")) or str(one.get("code") or ""), decimal(one.get("percent")), money(one.get("amount"))
    )


def line_taxes(order: Json) -> dict[str, tuple[TaxLine, ...]]:
    """By the number of the row that they were computed on."""
    found: dict[str, tuple[TaxLine, ...]] = {}
    for one in extension(order).get("item_applied_taxes") or []:
        if one.get("type") == "product" and one.get("item_id"):
            found[str(one["item_id"])] = tuple(tax_line(tax) for tax in one.get("applied_taxes") or [])
    return found


# -- people


def address(value: Any) -> Address:
    known = value if isinstance(value, Mapping) else {}
    street = [text(one) for one in known.get("street") or [] if text(one)]
    return Address(
        first_name=text(known.get("firstname")),
        last_name=text(known.get("lastname")),
        company=text(known.get("company")),
        street1=street[0] if street else "",
        street2=", ".join(street[1:]),
        city=text(known.get("city")),
        state_code=text(known.get("region_code")),
        state=text(known.get("region")),
        postal_code=text(known.get("postcode")),
        country_code=text(known.get("country_id")).upper(),
        phone=text(known.get("telephone")),
        email=text(known.get("email")),
    )


def shipping_of(order: Json) -> Json:
    """Address and method of where it goes; {} for an order of virtual goods."""
    for one in extension(order).get("shipping_assignments") or []:
        found = one.get("shipping") if isinstance(one, Mapping) else None
        if isinstance(found, Mapping):
            return found
    return {}


def customer(order: Json) -> Customer:
    billing = address(order.get("billing_address"))
    number = int(order.get("customer_id") or 0)
    guest = bool(int(order.get("customer_is_guest") or 0)) or not number
    return Customer(
        web_customer_id="" if guest else str(number),
        is_guest=guest,
        email=text(order.get("customer_email")) or billing.email,
        first_name=text(order.get("customer_firstname")) or billing.first_name,
        last_name=text(order.get("customer_lastname")) or billing.last_name,
        company=billing.company,
        phone=billing.phone,
    )


# -- money


def method(order: Json) -> tuple[str, str]:
    """(code, title) of the payment method."""
    payment = order.get("payment") or {}
    code = str(payment.get("method") or "")
    for one in extension(order).get("payment_additional_info") or []:
        if isinstance(one, Mapping) and one.get("key") == "method_title":
            return code, text(str(one.get("value")))
    return code, code


def card(order: Json) -> tuple[str, str]:
    """Brand and last four digits. Never more of a card."""
    payment = order.get("payment") or {}
    last4 = str(payment.get("cc_last4") or "")
    return str(payment.get("cc_type") or ""), last4 if re.fullmatch(r"\d{4}", last4) else ""


def gift_cards(order: Json) -> list[GiftCard]:
    """What paid before the payment method did: gift cards, store credit, reward points (Adobe Commerce)."""
    known = extension(order)
    found = [
        GiftCard(str(one.get("code") or ""), money(one.get("amount")))
        for one in known.get("gift_cards") or []
        if isinstance(one, Mapping) and money(one.get("amount"))
    ]
    if not found and money(known.get("gift_cards_amount")):
        found.append(GiftCard("", money(known.get("gift_cards_amount"))))
    for code, key in (("store credit", "customer_balance_amount"), ("reward points", "reward_currency_amount")):
        if money(known.get(key)):
            found.append(GiftCard(code, money(known.get(key))))
    return found


def paid(order: Json) -> Decimal:
    return money(order.get("total_paid"))


def authorised(order: Json) -> bool:
    """Money is reserved and not taken."""
    reserved = money((order.get("payment") or {}).get("amount_authorized"))
    return reserved > 0 and paid(order) == 0 and order.get("state") not in NOT_PLACED


def payment_status(order: Json) -> str:
    state, grand, taken = order.get("state"), money(order.get("grand_total")), paid(order)
    back = money(order.get("total_refunded"))
    if back and back >= taken:
        return "Refunded"
    if back:
        return "PartiallyRefunded"
    if taken and taken >= grand:
        return "Paid"
    if taken:
        return "PartiallyPaid"
    if authorised(order):
        return "Authorised"
    if state == "canceled":
        return "Voided"
    return "Paid" if grand == 0 and state not in NOT_PLACED else "Pending"


def admitted(order: Json, settings: MagentoSettings) -> bool:
    """Paid or authorised, or of a method that is paid later by its nature; the channel's statuses where it has any."""
    state, created = str(order.get("state")), from_utc(order.get("created_at"))
    if settings.orders_since is not None and created is not None and created < settings.orders_since.astimezone(UTC):
        return False
    if settings.order_statuses:
        return str(order.get("status")) in settings.order_statuses
    if state in NOT_PLACED or state == "payment_review":
        return False
    return (
        state in ("processing", "complete", "closed")
        or payment_status(order) in ("Paid", "Authorised")
        or method(order)[0] in settings.unpaid_methods
    )


def payments(order: Json, cards: Sequence[GiftCard], refunds: Sequence[Json]) -> list[Payment]:
    _, title = method(order)
    reference = str((order.get("payment") or {}).get("last_trans_id") or "")
    found = [Payment("gift_card", "GiftCard", one.amount, one.code) for one in cards]
    if paid(order):
        found.append(Payment(title, "Capture", paid(order), reference, *card(order)))
    elif authorised(order):
        amount = money((order.get("payment") or {}).get("amount_authorized"))
        found.append(Payment(title, "Authorisation", amount, reference, *card(order)))
    for one in refunds:
        amount = money(one.get("grand_total"))
        if amount:
            found.append(
                Payment(title, "Refund", amount, str(one.get("transaction_id") or one["entity_id"]), *card(order))
            )
    return found


# -- the order


def net_shipping(order: Json) -> Decimal:
    """What shipping costs after its own discount."""
    amount = money(order.get("shipping_amount")) - money(order.get("shipping_discount_amount"))
    return amount + money(order.get("shipping_discount_tax_compensation_amount"))


def fees(order: Json) -> tuple[FeeLine, ...]:
    """Fixed product taxes (such as for recycling), and fees of Adobe Commerce's apps."""
    fixed = total(money(row.money.get("weee_tax_applied_row_amount")) for row in rows(order))
    found = [FeeLine("FPT", fixed)] if fixed else []
    for one in extension(order).get("custom_fees") or []:
        if isinstance(one, Mapping):
            amount = money(one.get("value") or one.get("amount") or one.get("base_amount"))
            found.append(FeeLine(text(str(one.get("label") or one.get("custom_fee_label") or "Fee")), amount))
    return tuple(one for one in found if one.amount)


def closed_unshipped(order: Json) -> bool:
    """Given back as a whole before anything left: that is how the shop cancels what is paid."""
    return order.get("state") == "closed" and not any(quantity(row.money.get("qty_shipped")) for row in rows(order))


def field_of(order: Json, path: str) -> str:
    value: Any = order
    for name in path.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return "" if value is None or isinstance(value, Mapping | list) else text(str(value))


def includes_tax(order: Json) -> bool:
    """Whether the catalogue's prices contain tax: then a row's original price is the one with it."""
    return any(
        money(one.get("tax_amount"))
        and money(one.get("original_price")) == money(one.get("price_incl_tax")) != money(one.get("price"))
        for one in (row.money for row in rows(order))
    )


def map_order(order: Json, refunds: Sequence[Json], settings: MagentoSettings) -> Order:
    """Without the units that moved, which events.py counts. Raises ValueError for an order that cannot be read."""
    taxes = line_taxes(order)
    lines = tuple(order_line(row, taxes) for row in rows(order))
    cards = gift_cards(order)
    charged = fees(order)
    shipping, tax, grand = net_shipping(order), money(order.get("tax_amount")), money(order.get("grand_total"))
    by_card = total(one.amount for one in cards)
    explained = total(one.line_total for one in lines) + shipping + tax + total(one.amount for one in charged)
    modified, created = from_utc(order.get("updated_at")), from_utc(order.get("created_at"))
    modified, created = modified or created, created or modified
    if created is None or modified is None:
        raise ValueError("it has no date")
    there = shipping_of(order)
    shipping_address = address(there.get("address") or order.get("billing_address"))
    discount = abs(money(order.get("discount_amount"))) - total(
        money(one.money.get("discount_tax_compensation_amount")) for one in rows(order)
    )
    code = str(order.get("coupon_code") or order.get("discount_description") or "")
    return Order(
        remote_id=str(order["entity_id"]),
        order_number=str(order.get("increment_id") or order["entity_id"]),
        order_date=created,
        modified_at=modified,
        status=str(order.get("status") or order.get("state") or ""),
        payment_status=payment_status(order),
        currency=str(order.get("order_currency_code") or order.get("base_currency_code") or ""),
        lines=lines,
        customer=customer(order),
        billing_address=address(order.get("billing_address")),
        shipping_address=replace(shipping_address, email=shipping_address.email or customer(order).email),
        grand_total=grand,
        subtotal=money(order.get("subtotal")),
        discount_amount=discount,
        shipping_amount=shipping,
        tax_amount=tax,
        gift_card_amount=by_card,
        rounding_amount=grand + by_card - explained,
        prices_include_tax=includes_tax(order),
        tax_lines=tuple(tax_line(one) for one in extension(order).get("applied_taxes") or []),
        discount_lines=(DiscountLine(code, discount),) if discount else (),
        shipping_lines=(
            ShippingLine(
                text(order.get("shipping_description")), str(there.get("method") or ""), shipping,
                money(order.get("shipping_tax_amount")),
            ),
        )
        if there.get("method") or shipping
        else (),
        fee_lines=charged,
        payments=tuple(payments(order, cards, refunds)),
        gift_cards=tuple(cards),
        customer_note=text(order.get("customer_note")),
        custom_fields=tuple(
            CustomField(path, value) for path in settings.order_fields if (value := field_of(order, path))
        ),
        cancelled_at=modified if order.get("state") == "canceled" or closed_unshipped(order) else None,
    )  # fmt: skip
