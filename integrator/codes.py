"""The one catalogue of codes: what can be said about an item, a record or a whole call.

Everything that is answered to a POS, shown to an operator or filed as an issue takes its code from
here, and the documentation page `docs/errors.md` is made from it. A message always names the value
and says what to do; `Problem` is the form in which rules hand it up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What became of an item or a record."""

    CREATED = "Created"
    UPDATED = "Updated"
    UNCHANGED = "Unchanged"
    SUPERSEDED = "Superseded"
    CONFIRMED = "Confirmed"
    REJECTED = "Rejected"
    DUPLICATE = "Duplicate"
    ACCEPTED = "Accepted"


class Code(StrEnum):
    """Stable names. A code is never renamed and never reused for another meaning."""

    ITEM_ID_MISSING = "ITEM_ID_MISSING"
    ITEM_ID_TOO_LONG = "ITEM_ID_TOO_LONG"
    ITEM_ID_DUPLICATE_IN_REQUEST = "ITEM_ID_DUPLICATE_IN_REQUEST"
    ITEM_NOT_FOUND = "ITEM_NOT_FOUND"
    VALUE_INVALID = "VALUE_INVALID"
    VALUE_OUT_OF_RANGE = "VALUE_OUT_OF_RANGE"
    VALUE_MISSING = "VALUE_MISSING"
    TYPE_CONFLICT = "TYPE_CONFLICT"
    VARIANT_CONFLICT = "VARIANT_CONFLICT"
    LOCATION_UNKNOWN = "LOCATION_UNKNOWN"
    RECORD_NOT_FOUND = "RECORD_NOT_FOUND"
    ALREADY_CONFIRMED = "ALREADY_CONFIRMED"
    QTY_EXCEEDS_OPEN = "QTY_EXCEEDS_OPEN"
    SHIPMENT_EMPTY = "SHIPMENT_EMPTY"
    SHIPMENT_CHANGED = "SHIPMENT_CHANGED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    REQUEST_INVALID = "REQUEST_INVALID"
    OPERATION_UNKNOWN = "OPERATION_UNKNOWN"
    NOT_AUTHORISED = "NOT_AUTHORISED"
    SERVICE_UNAVAILABLE = "SERVICE_UNAVAILABLE"
    # issues of the way to and from the shops; a connector may file codes of its own beside these
    REFUSED_BY_SHOP = "REFUSED_BY_SHOP"
    SKU_CONFLICT = "SKU_CONFLICT"
    STILL_FAILING = "STILL_FAILING"
    SHOP_UNREACHABLE = "SHOP_UNREACHABLE"
    SHOP_REFUSES = "SHOP_REFUSES"
    NEEDS_CREDENTIALS = "NEEDS_CREDENTIALS"
    CONNECTOR_ERROR = "CONNECTOR_ERROR"
    ORDER_UNREADABLE = "ORDER_UNREADABLE"
    SKU_UNKNOWN = "SKU_UNKNOWN"
    REJECTED_BY_POS = "REJECTED_BY_POS"
    SHIPMENT_REFUSED = "SHIPMENT_REFUSED"
    CAPTURE_FAILED = "CAPTURE_FAILED"
    LISTING_MISSING = "LISTING_MISSING"
    WEBHOOKS_MISSING = "WEBHOOKS_MISSING"


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of the catalogue: who has to act, what it means, what to do."""

    meaning: str
    remedy: str
    whole_call: bool = False


CATALOGUE: dict[Code, Entry] = {
    Code.ITEM_ID_MISSING: Entry("The item has no ItemIntegrationId.", "Send the POS's own unique id of the item."),
    Code.ITEM_ID_TOO_LONG: Entry(
        "The ItemIntegrationId has more than 64 characters.", "Use a shorter id; it becomes the SKU in the shop."
    ),
    Code.ITEM_ID_DUPLICATE_IN_REQUEST: Entry(
        "The same ItemIntegrationId stands in this call more than once; the last one was taken.",
        "Send each item once a call.",
    ),
    Code.ITEM_NOT_FOUND: Entry(
        "No product with this ItemIntegrationId is known in this store.",
        "Send the product with UpdatePOSProducts first.",
    ),
    Code.VALUE_INVALID: Entry("A value has the wrong form.", "Correct the named field."),
    Code.VALUE_OUT_OF_RANGE: Entry(
        "A value is too large, too small, too long or too precise.", "Correct the named field."
    ),
    Code.VALUE_MISSING: Entry("A field that is needed is missing.", "Send the named field."),
    Code.TYPE_CONFLICT: Entry(
        "The item would turn from standalone into a variant, or into a variant of another style, after a shop has it.",
        "Keep the StyleId, or use a new ItemIntegrationId.",
    ),
    Code.VARIANT_CONFLICT: Entry(
        "Another item of the style has the same options, or the options have other names.",
        "Give each variant of a style its own values for the same option names.",
    ),
    Code.LOCATION_UNKNOWN: Entry(
        "The LocationId is not known in this store.",
        "Add the location to the store, or let the store create unknown locations.",
    ),
    Code.RECORD_NOT_FOUND: Entry("No such record in this store.", "Send the id exactly as it was received."),
    Code.ALREADY_CONFIRMED: Entry(
        "The record is confirmed and cannot be rejected any more.",
        "Ask the operator to offer it again, if it is needed.",
    ),
    Code.QTY_EXCEEDS_OPEN: Entry(
        "The shipment has more than is still open on the order.", "Send at most the open quantity of the line."
    ),
    Code.SHIPMENT_EMPTY: Entry("The shipment has no lines.", "Send the lines that were shipped."),
    Code.SHIPMENT_CHANGED: Entry(
        "A shipment with this ShipmentId is stored with another content.", "Use a new ShipmentId for a new shipment."
    ),
    Code.LIMIT_EXCEEDED: Entry("The call is over a limit; nothing was applied.", "Split the call.", True),
    Code.REQUEST_ID_REUSED: Entry(
        "The RequestId was used within 24 hours for a call with another body.",
        "Use a new RequestId for a new call.",
        True,
    ),
    Code.REQUEST_INVALID: Entry("The message is not a SOAP call that can be read.", "Correct the message.", True),
    Code.OPERATION_UNKNOWN: Entry("The service has no such operation.", "See the WSDL for the operations.", True),
    Code.NOT_AUTHORISED: Entry(
        "StoreId, UserName or Password is wrong, revoked, or not allowed for this service.",
        "Check the three values with the operator of the service.",
        True,
    ),
    Code.SERVICE_UNAVAILABLE: Entry(
        "The service cannot work at the moment; nothing was applied.", "Send the same call again later.", True
    ),
    Code.REFUSED_BY_SHOP: Entry(
        "The shop refuses this item. It is not sent again until it changes or is resent.",
        "Correct what the message names, in the POS or in the shop; then resend the issue.",
    ),
    Code.SKU_CONFLICT: Entry(
        "More than one product in the shop has this SKU, or something else holds it.",
        "Give the SKU to one product in the shop (look in its trash too), then resend the issue.",
    ),
    Code.STILL_FAILING: Entry(
        "This item failed several times while others went through. It is tried again, ever less often.",
        "Read the message and the attempts; nothing needs to be done if it clears by itself.",
    ),
    Code.SHOP_UNREACHABLE: Entry(
        "The shop does not answer as it should. Everything waits and is sent when it is back.",
        "See whether the shop is up; a resend tries at once.",
    ),
    Code.SHOP_REFUSES: Entry(
        "The shop refuses a request of the channel for good.", "Read the message; then resend the issue."
    ),
    Code.NEEDS_CREDENTIALS: Entry(
        "The shop does not accept the channel's credentials, or they lack a permission.",
        "Repair them with integrator channel edit; the channel goes on by itself within five minutes.",
    ),
    Code.CONNECTOR_ERROR: Entry(
        "The connector failed in a way that it should not.",
        "Report it with the message and the log of the worker; then resend.",
    ),
    Code.SKU_UNKNOWN: Entry(
        "An order has a SKU that is not the ItemIntegrationId of an item of the store.",
        "Send the item with UpdatePOSProducts, or give the product in the shop its SKU; then resend the order.",
    ),
    Code.REJECTED_BY_POS: Entry(
        "The POS confirmed a record with Success=false. It is offered again on the store's back-off.",
        "Correct in the POS what its message names; a resend offers the record at once.",
    ),
    Code.ORDER_UNREADABLE: Entry(
        "An order of the shop cannot be read or stored; the other orders go on.",
        "Correct it in the shop; then resend the issue.",
    ),
    Code.SHIPMENT_REFUSED: Entry(
        "The shop refuses a shipment that the POS saved.",
        "Correct the order in the shop, or dismiss the issue if it is done there.",
    ),
    Code.CAPTURE_FAILED: Entry(
        "The shipment is in the shop, but the money could not be taken with it.",
        "Take the payment in the shop; then dismiss the issue.",
    ),
    Code.LISTING_MISSING: Entry(
        "A product that the shop had is not there any more.",
        "Resend the issue to create it again, or set SellOnline to false in the POS.",
    ),
    Code.WEBHOOKS_MISSING: Entry(
        "The shop's webhooks cannot be set up. Orders still come, by polling.",
        "Read the message; the next try is within a day.",
    ),
}

# the codes that only ever stand in issues, never in an answer to a POS
ISSUES = frozenset(list(Code)[list(Code).index(Code.REFUSED_BY_SHOP) :])


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with one item: the code, the field, a sentence with the value, what to do."""

    code: Code
    message: str
    field: str = ""
    hint: str = ""

    def __post_init__(self) -> None:
        if not self.hint:
            object.__setattr__(self, "hint", CATALOGUE[self.code].remedy)


@dataclass(slots=True)
class ItemResult:
    """The answer for one item of a call; `index` counts from 0 in the order of the request."""

    index: int
    id: str
    action: Action | None
    problem: Problem | None = None
    warnings: list[str] | None = None

    @property
    def success(self) -> bool:
        return self.problem is None
