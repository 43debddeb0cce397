"""Orders of the shop as the contract has them. Pure functions; transactions.py has what happened to them.

Amounts are the shop's own, in its currency. Where its prices include tax, a line's total does too, and
`prices_include_tax` says so; what the parts leave unexplained is the rounding amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
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
from integrator.connectors.sales import History, Units, total
from integrator.connectors.shopify.events import count, moment, money, nodes
from integrator.connectors.shopify.ids import number
from integrator.connectors.shopify.mapping import DEFAULT_OPTION, decimal
from integrator.connectors.shopify.settings import ShopifySettings

Json = Mapping[str, Any]

GIFT_CARD = "gift_card"  # the gateway whose transactions are paid by gift cards
TAKEN = frozenset({"CAPTURE", "SALE"})
RESERVED = frozenset({"AUTHORIZATION", "EMV_AUTHORIZATION"})
PAYMENT_STATUS = {
    "AUTHORIZED": "Authorised",
    "PAID": "Paid",
    "PARTIALLY_PAID": "PartiallyPaid",
    "PARTIALLY_REFUNDED": "PartiallyRefunded",
    "REFUNDED": "Refunded",
    "VOIDED": "Voided",
    "EXPIRED": "Voided",
}
PAID_OR_AUTHORISED = frozenset({"AUTHORIZED", "PAID", "PARTIALLY_PAID", "PARTIALLY_REFUNDED", "REFUNDED"})


def text(value: Any) -> str:
    return " ".join(str(value).split()) if value else ""


def status(order: Json) -> str:
    return "CANCELLED" if order.get("cancelledAt") else str(order.get("displayFulfillmentStatus") or "")


def admitted(order: Json, settings: ShopifySettings) -> bool:
    if order.get("test") and not settings.test_orders:
        return False
    placed = moment(order.get("processedAt")) or moment(order.get("createdAt"))
    if settings.orders_since is not None and placed is not None and placed < settings.orders_since:
        return False
    financial = str(order.get("displayFinancialStatus") or "")
    if settings.order_statuses:
        wanted = {one.upper() for one in settings.order_statuses}
        return bool(wanted & {financial, status(order), str(order.get("displayFulfillmentStatus") or "")})
    return financial in PAID_OR_AUTHORISED


def address(value: Any, email: str = "", phone: str = "") -> Address:
    known = value if isinstance(value, Mapping) else {}
    return Address(
        first_name=text(known.get("firstName")),
        last_name=text(known.get("lastName")),
        company=text(known.get("company")),
        street1=text(known.get("address1")),
        street2=text(known.get("address2")),
        city=text(known.get("city")),
        state_code=text(known.get("provinceCode")),
        state=text(known.get("province")),
        postal_code=text(known.get("zip")),
        country_code=text(known.get("countryCodeV2")),
        phone=text(known.get("phone")) or phone,
        email=email,
    )


def customer(order: Json, billing: Address) -> Customer:
    """An order without a customer record is a guest's; name and e-mail stand in the addresses then."""
    known = order.get("customer")
    known = known if isinstance(known, Mapping) else {}
    email = text(order.get("email")) or text((known.get("defaultEmailAddress") or {}).get("emailAddress"))
    return Customer(
        web_customer_id=str(known.get("legacyResourceId") or ""),
        is_guest=not known,
        email=email,
        first_name=text(known.get("firstName")) or billing.first_name,
        last_name=text(known.get("lastName")) or billing.last_name,
        company=billing.company,
        phone=text((known.get("defaultPhoneNumber") or {}).get("phoneNumber"))
        or text(order.get("phone"))
        or billing.phone,
    )


def tax_lines(values: Iterable[Json]) -> tuple[TaxLine, ...]:
    """Rates in per cent, as the contract has them; Shopify says 0.19."""
    found: list[TaxLine] = []
    for one in values:
        rate = decimal(one.get("rate"))
        found.append(TaxLine(text(one.get("title")), None if rate is None else rate * 100, money(one.get("priceSet"))))
    return tuple(found)


def discount_name(application: Any) -> str:
    known = application if isinstance(application, Mapping) else {}
    return text(known.get("code") or known.get("title"))


def order_line(line: Json, units: Units, done_location: str = "") -> OrderLine:
    """`line_total`: what the shop asks for all units after every discount, also those of the whole order."""
    allocations = line.get("discountAllocations") or []
    discount = total(money(one.get("allocatedAmountSet")) for one in allocations)
    variant = line.get("variant") or {}
    taxes = tax_lines(line.get("taxLines") or [])
    options = tuple(
        Option(text(one.get("name")), text(one.get("value")))
        for one in variant.get("selectedOptions") or []
        if one.get("name") != DEFAULT_OPTION
    ) + tuple(
        Option(text(one.get("key")), text(one.get("value")))
        for one in line.get("customAttributes") or []
        if not str(one.get("key") or "").startswith("_")  # hidden from the customer as well
    )
    remote: dict[str, str] = {}
    if variant.get("id"):
        remote = {"product": number((variant.get("product") or {}).get("id")), "variant": number(variant["id"])}
    return OrderLine(
        line_id=number(line["id"]),
        sku=str(line.get("sku") or ""),
        name=text(line.get("name")),
        quantity_ordered=count(line.get("quantity")),
        unit_price=money(line.get("originalUnitPriceSet")),
        line_total=money(line.get("originalTotalSet")) - discount,
        line_type="GiftCard" if line.get("isGiftCard") else "Item",
        options=options,
        quantity_cancelled=units.never_shipped,
        quantity_shipped=units.shipped,
        quantity_returned=units.returned,
        discount_amount=discount,
        tax_amount=total(one.amount for one in taxes),
        tax_lines=taxes,
        location_id=done_location,
        remote=remote,
    )


def fees(order: Json) -> tuple[FeeLine, ...]:
    found = [FeeLine(text(one.get("name")), money(one.get("price"))) for one in order.get("additionalFees") or []]
    for name, bag in (("Tip", order.get("totalTipReceivedSet")), ("Duties", order.get("currentTotalDutiesSet"))):
        if money(bag):
            found.append(FeeLine(name, money(bag)))
    return tuple(found)


def discount_lines(order: Json) -> tuple[DiscountLine, ...]:
    """What each code or rule took off the lines."""
    found: dict[str, Decimal] = {}
    for line in nodes(order.get("lineItems")):
        for one in line.get("discountAllocations") or []:
            name = discount_name(one.get("discountApplication"))
            found[name] = found.get(name, ZERO) + money(one.get("allocatedAmountSet"))
    return tuple(DiscountLine(name, amount) for name, amount in found.items())


# -- payments


def successful(order: Json) -> list[Json]:
    return [one for one in order.get("transactions") or [] if one and one.get("status") == "SUCCESS"]


def card(transaction: Json) -> tuple[str, str]:
    """Brand and last four digits; the shop shows the number as •••• •••• •••• 4242."""
    details = transaction.get("paymentDetails") or {}
    digits = "".join(one for one in str(details.get("number") or "") if one.isdigit())
    return text(details.get("company")), digits[-4:] if len(digits) >= 4 else ""


def method(transaction: Json) -> str:
    return text(transaction.get("formattedGateway")) or text(transaction.get("gateway"))


def payment(transaction: Json) -> Payment | None:
    kind = str(transaction.get("kind"))
    if transaction.get("gateway") == GIFT_CARD and kind in TAKEN:
        word = "GiftCard"
    elif kind in TAKEN:
        word = "Capture"
    elif kind in RESERVED:
        word = "Authorisation"
    elif kind == "REFUND":
        word = "Refund"
    else:
        return None
    brand, last4 = card(transaction)
    amount, reference = money(transaction.get("amountSet")), number(transaction.get("id"))
    return Payment(method(transaction), word, amount, reference, brand, last4)


def gift_cards(order: Json) -> tuple[GiftCard, ...]:
    return tuple(
        GiftCard(number(one.get("id")), money(one.get("amountSet")))
        for one in successful(order)
        if one.get("gateway") == GIFT_CARD and one.get("kind") in TAKEN
    )


# -- the order


def map_order(order: Json, done: History, settings: ShopifySettings) -> Order:
    """Raises ValueError, KeyError or TypeError for an order that cannot be read."""
    placed = moment(order.get("processedAt")) or moment(order.get("createdAt"))
    modified = moment(order.get("updatedAt")) or placed
    if placed is None or modified is None:
        raise ValueError("it has no date")
    lines = tuple(order_line(one, done.units[number(one["id"])]) for one in nodes(order.get("lineItems")))
    shipping = tuple(
        ShippingLine(
            text(one.get("title")), text(one.get("code")), money(one.get("discountedPriceSet")),
            total(tax.amount for tax in tax_lines(one.get("taxLines") or [])),
        )
        for one in nodes(order.get("shippingLines"))
    )  # fmt: skip
    fee_lines = fees(order)
    tax, grand = money(order.get("totalTaxSet")), money(order.get("totalPriceSet"))
    included = bool(order.get("taxesIncluded"))
    shipping_amount = total(one.amount for one in shipping)
    explained = total(one.line_total for one in lines) + shipping_amount + total(one.amount for one in fee_lines)
    explained += ZERO if included else tax
    email = text(order.get("email"))
    billing = address(order.get("billingAddress") or order.get("shippingAddress"), email, text(order.get("phone")))
    cards = gift_cards(order)
    return Order(
        remote_id=number(order["id"]),
        order_number=text(order.get("name")) or number(order["id"]),
        order_date=placed,
        modified_at=modified,
        status=status(order),
        payment_status=PAYMENT_STATUS.get(str(order.get("displayFinancialStatus")), "Pending"),
        currency=str(order.get("currencyCode") or ""),
        lines=lines,
        customer=customer(order, billing),
        billing_address=billing,
        shipping_address=address(order.get("shippingAddress") or order.get("billingAddress"), email),
        grand_total=grand,
        subtotal=total(one.unit_price * one.quantity_ordered for one in lines),
        discount_amount=total(one.discount_amount for one in lines),
        shipping_amount=shipping_amount,
        tax_amount=tax,
        gift_card_amount=total(one.amount for one in cards),
        rounding_amount=grand - explained,
        prices_include_tax=included,
        tax_lines=tax_lines(order.get("taxLines") or []),
        discount_lines=discount_lines(order),
        shipping_lines=shipping,
        fee_lines=fee_lines,
        payments=tuple(found for one in successful(order) if (found := payment(one)) is not None),
        gift_cards=cards,
        customer_note=str(order.get("note") or "").strip(),
        custom_fields=custom_fields(order, settings),
        cancelled_at=moment(order.get("cancelledAt")),
    )


def custom_fields(order: Json, settings: ShopifySettings) -> tuple[CustomField, ...]:
    wanted = settings.order_fields
    found = [
        CustomField(text(one.get("key")), str(one.get("value") or ""))
        for one in order.get("customAttributes") or []
        if "*" in wanted or one.get("key") in wanted
    ]
    if order.get("poNumber"):
        found.append(CustomField("PO number", text(order["poNumber"])))
    return tuple(found)
