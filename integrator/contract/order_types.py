"""The records of OrderTasks. Elements of an answer come in the order of the schema; texts that a shop does not
have are empty, amounts and times that it does not have are absent."""

from __future__ import annotations

from integrator.contract.common_types import CustomField, ProductOption
from integrator.contract.fields import (
    ABSENT,
    ANSWER,
    REFUSED,
    STATED,
    Model,
    array,
    boolean,
    decimal,
    integer,
    moment,
    part,
    text,
)
from integrator.contract.product_types import TIMES

from spyne import Unicode  # isort: skip


def known(doc: str) -> object:
    """A text that every record has."""
    return text(doc, ANSWER, required=True)


def said(doc: str) -> object:
    """A text that may be missing."""
    return text(doc, ANSWER)


def amount(doc: str) -> object:
    """An amount that every record has, in the record's Currency, as the platform computed it."""
    return decimal(doc, ANSWER, required=True)


def some_amount(doc: str) -> object:
    return decimal(doc, ANSWER)


def record_warnings() -> object:
    return array(Unicode, "What should be looked at, for example a SKU that is unknown.", ANSWER, name="Warning")


class Customer(Model):
    """Who bought."""

    WebCustomerId = said("The shop's id of the customer; empty for a guest.")
    PosCustomerId = said("The POS's id of the customer, as it was confirmed with an earlier record.")
    IsGuest = boolean("True: bought without an account in the shop.", ANSWER)
    Email = said("E-mail address.")
    FirstName = said("First name.")
    LastName = said("Last name.")
    Company = said("Company.")
    Phone = said("Telephone number.")


class Address(Model):
    """Where the bill or the goods go."""

    FirstName = said("First name.")
    LastName = said("Last name.")
    Company = said("Company.")
    Street1 = said("First line of the street address.")
    Street2 = said("Second line of the street address.")
    City = said("City.")
    StateCode = said("Code of the state or province, where the shop has one.")
    State = said("Name of the state or province.")
    PostalCode = said("Postal code.")
    CountryCode = said("ISO 3166-1 alpha-2.")
    Phone = said("Telephone number.")
    Email = said("E-mail address.")


class TaxLine(Model):
    """One tax of an order or a line."""

    Name = said("The name of the tax, as the shop shows it.")
    Rate = some_amount("In percent, for example 8.25. Absent where the platform does not tell it.")
    Amount = amount("The amount of this tax.")


class DiscountLine(Model):
    """One discount of an order."""

    Code = said("The coupon or the name of the discount.")
    Amount = amount("The amount, positive.")


class ShippingLine(Model):
    """One way of delivery that was charged."""

    Method = said("The method as the customer saw it.")
    Code = said("The shop's code of the method.")
    Amount = amount("What the customer pays for it, without TaxAmount unless PricesIncludeTax.")
    TaxAmount = some_amount("The tax on it.")


class FeeLine(Model):
    """One fee that is neither goods nor delivery."""

    Name = said("The name of the fee.")
    Amount = amount("The amount.")
    TaxAmount = some_amount("The tax on it.")


class Payment(Model):
    """One payment event. Of a card there is never more than type and last four digits."""

    Method = said("The payment method, as the shop names it.")
    Kind = said("Authorisation, Capture, Refund or GiftCard. More may come.")
    Amount = amount("The amount, positive.")
    Reference = said("The payment provider's id of the event.")
    CardType = said("For example Visa.")
    Last4 = said("The last four digits of the card.")


class GiftCard(Model):
    """A gift card that was used to pay."""

    Code = said("The code, or its last characters, as the shop shows it.")
    Amount = amount("What it paid, positive.")


class OrderLine(Model):
    """One line of an order."""

    LineId = known("The shop's id of the line; SaveShipments takes it.")
    ItemIntegrationId = known("The POS's id of the item; empty, with a warning, where the shop's SKU is unknown.")
    Sku = said("The SKU as the shop has it.")
    Name = said("The name as the customer saw it.")
    LineType = said("Item, GiftCard (one is sold) or Fee. More may come.")
    Options = array(ProductOption, "What the customer chose, for example Colour = Red.", ANSWER)
    QuantityOrdered = amount("Units ordered.")
    QuantityCancelled = amount("Units of them cancelled.")
    QuantityShipped = amount("Units of them shipped.")
    QuantityReturned = amount("Units of them returned.")
    UnitPrice = amount("The price of one unit before discounts.")
    DiscountAmount = amount("The discount on the line, positive.")
    TaxAmount = amount("The tax on the line.")
    TaxLines = array(TaxLine, "The taxes on the line.", ANSWER)
    LineTotal = amount("The total of the line as the platform computed it.")
    LocationId = said("The POS's location that is to deliver, where the shop decides it.")


class Order(Model):
    """An order of a shop. All amounts are as the platform computed them, never recomputed; what the lines do not
    explain is in RoundingAmount."""

    OrderId = known("The id by which the order is confirmed and shipped; the same for ever.")
    OrderNumber = known("The number that the customer knows.")
    ChannelId = known("The channel, that is the shop, it comes from.")
    Platform = known("The platform of the shop, for example woocommerce. More may come.")
    OrderDate = moment("When it was placed, in UTC.", ANSWER, required=True)
    Status = said("The shop's own word for its status.")
    PaymentStatus = said(
        "Pending, Authorised, PartiallyPaid, Paid, PartiallyRefunded, Refunded or Voided. More may come."
    )
    Revision = integer("1, and higher each time the order changed in the shop.", ANSWER, required=True)
    Customer = part(Customer, "Who bought.")
    BillingAddress = part(Address, "Where the bill goes.")
    ShippingAddress = part(Address, "Where the goods go.")
    Lines = array(OrderLine, "The lines.", ANSWER)
    TaxLines = array(TaxLine, "The taxes of the whole order.", ANSWER)
    DiscountLines = array(DiscountLine, "The discounts.", ANSWER)
    ShippingLines = array(ShippingLine, "The ways of delivery that were charged.", ANSWER)
    FeeLines = array(FeeLine, "The fees.", ANSWER)
    Payments = array(Payment, "The payment events so far.", ANSWER)
    GiftCards = array(GiftCard, "The gift cards that paid.", ANSWER)
    Currency = known("ISO 4217, of all amounts of the order.")
    Subtotal = amount("The sum of the lines before discounts, shipping and taxes.")
    DiscountAmount = amount("All discounts, positive.")
    ShippingAmount = amount("What the customer pays for delivery.")
    TaxAmount = amount("All taxes.")
    GiftCardAmount = amount("What gift cards paid.")
    RoundingAmount = amount("What the lines do not explain; may be negative.")
    GrandTotal = amount("What the customer pays.")
    PricesIncludeTax = boolean("True: prices and totals of lines include tax.", ANSWER)
    CustomerNote = said("What the customer wrote.")
    CustomFields = array(CustomField, "Further fields of the order, by the channel's settings.", ANSWER)
    Warnings = record_warnings()


class TransactionLine(Model):
    """One line of a transaction: only what left or came back with it."""

    LineId = known("The LineId of the order's line.")
    ItemIntegrationId = known("The POS's id of the item; empty, with a warning, where the shop's SKU is unknown.")
    Name = said("The name as the customer saw it.")
    Quantity = amount("Units, positive.")
    UnitPrice = amount("The price of one unit before discounts.")
    DiscountAmount = amount("The discount on these units, positive.")
    TaxAmount = amount("The tax on these units.")
    LineTotal = amount("The total of these units as the platform computed it.")
    Restocked = boolean("Return: true if the shop counts the units as sellable again.", ANSWER)
    LocationId = said("The POS's location that delivered or took back, where the shop tells it.")


class Transaction(Model):
    """Goods left (Sale: one per shipment) or goods or money came back (Return: one per refund). Amounts are
    positive, the Type says the direction."""

    TransactionId = known("The id by which the transaction is confirmed; the same for ever.")
    Type = known("Sale or Return. More may come.")
    TransactionNumber = said("The shop's number of the shipment or refund.")
    TransactionDate = moment("When it happened, in UTC.", ANSWER, required=True)
    OrderId = known("The order it belongs to.")
    OrderNumber = known("The number that the customer knows.")
    ChannelId = known("The channel, that is the shop, it comes from.")
    Platform = known("The platform of the shop. More may come.")
    Customer = part(Customer, "Who bought.")
    BillingAddress = part(Address, "Where the bill goes.")
    ShippingAddress = part(Address, "Where the goods go.")
    Lines = array(TransactionLine, "What left or came back; none for a refund of money only.", ANSWER)
    ShippingAmount = amount("Delivery: with the order's first Sale, or as far as it was refunded.")
    TaxAmount = amount("The taxes.")
    DiscountAmount = amount("The discounts, positive.")
    AdjustmentAmount = amount("A refund of money that no line explains.")
    RoundingAmount = amount("What the lines do not explain; may be negative.")
    GrandTotal = amount("The total, positive.")
    Currency = known("ISO 4217, of all amounts.")
    Payments = array(Payment, "The payment events that belong to it, where the platform tells.", ANSWER)
    ShippingMethod = said("How the goods left.")
    TrackingNumbers = array(Unicode, "The carrier's numbers.", ANSWER, name="TrackingNumber")
    Warnings = record_warnings()


class Capture(Model):
    """Money taken from (Capture) or given back to (Refund) the customer: one per payment event."""

    CaptureId = known("The id by which the capture is confirmed; the same for ever.")
    Type = known("Capture or Refund. More may come.")
    CaptureDate = moment("When it happened, in UTC.", ANSWER, required=True)
    OrderId = known("The order it belongs to.")
    OrderNumber = known("The number that the customer knows.")
    Amount = amount("The amount, positive.")
    Currency = known("ISO 4217.")
    PaymentMethod = said("The payment method, as the shop names it.")
    PaymentReference = said("The payment provider's id of the event.")
    CardType = said("For example Visa.")
    Last4 = said("The last four digits of the card; never more.")


class Confirmation(Model):
    """What the POS says to one record that it was given."""

    Id = text("The OrderId, TransactionId or CaptureId, exactly as it was received.", REFUSED, required=True, limit=128)
    Success = boolean(
        "True, also when absent: the POS has the record; it is never offered again. False: it could not take it; the "
        "record is shown to the operator with the message and offered again later.",
        ABSENT,
    )
    ErrorMessage = text("Why the POS could not take it. Needed when Success is false.", ABSENT, limit=4000)
    PosReceiptNumber = text("The number of the POS's receipt.", ABSENT, limit=64)
    PosCustomerId = text(
        "The POS's id of the customer; remembered for the shop customer and sent with every later record.",
        ABSENT,
        limit=64,
    )
    Revision = integer(
        "Orders: the Revision that the POS read. If the order changed since, the newer revision stays offered instead "
        "of being closed unseen. Absent: whatever revision there is.",
        ABSENT,
    )


class ShipmentLine(Model):
    """Units of one line of the order that were shipped."""

    LineId = text("The LineId of the order's line. This or ItemIntegrationId is needed.", ABSENT, limit=128)
    ItemIntegrationId = text("The item, where the POS does not keep the LineId.", ABSENT, limit=64)
    Quantity = decimal("Units shipped, above 0, at most what is open on the line.", REFUSED, required=True)


class Shipment(Model):
    """Goods that the POS shipped for an order of a shop. The same ShipmentId with the same content again is a
    Duplicate, with another content SHIPMENT_CHANGED."""

    ShipmentId = text("The POS's own id of the shipment, unique in its order.", REFUSED, required=True, limit=64)
    OrderId = text("The OrderId as it was received. This or OrderNumber is needed.", ABSENT, limit=128)
    OrderNumber = text("The OrderNumber, where the POS does not keep the OrderId.", ABSENT, limit=128)
    ShipDate = moment(f"When it left. Absent: now. {TIMES}", ABSENT)
    Carrier = text("For example UPS.", ABSENT, limit=128)
    ShipMethod = text("For example Ground.", ABSENT, limit=128)
    TrackingNumbers = array(Unicode, "The carrier's numbers.", ABSENT, name="TrackingNumber")
    TrackingUrl = text("Where the customer can follow it.", ABSENT, limit=2048)
    NotifyCustomer = boolean("Whether the shop tells the customer. Absent: as the shop is set.", ABSENT)
    Lines = array(ShipmentLine, "What was shipped, at least one line; none is SHIPMENT_EMPTY.", STATED)


def always_true() -> object:
    return boolean("True; a call that fails is a Fault.", ANSWER, required=True)


def call_id() -> object:
    return text("Quote it to support: every line of the log about this call carries it.", ANSWER, required=True)


def more_available() -> object:
    return boolean("True: more records wait. Confirm these and call again.", ANSWER, required=True)


def warnings() -> object:
    return array(Unicode, "What should be looked at, for example lines whose SKU is unknown.", ANSWER, name="Warning")


class OrdersResult(Model):
    """The answer of GetNewOrders."""

    Success = always_true()
    CallId = call_id()
    MoreAvailable = more_available()
    Warnings = warnings()
    Orders = array(Order, "Orders that are not confirmed yet, oldest first.", ANSWER)


class TransactionsResult(Model):
    """The answer of GetNewTransactions."""

    Success = always_true()
    CallId = call_id()
    MoreAvailable = more_available()
    Warnings = warnings()
    Transactions = array(Transaction, "Transactions that are not confirmed yet, oldest first.", ANSWER)


class CapturesResult(Model):
    """The answer of GetNewCaptures."""

    Success = always_true()
    CallId = call_id()
    MoreAvailable = more_available()
    Warnings = warnings()
    Captures = array(Capture, "Captures that are not confirmed yet, oldest first.", ANSWER)
