"""Pure functions between our records and the sandbox shop's JSON, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from integrator.connectors import records
from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    Content,
    ListingPush,
    Price,
    RemoteListing,
    ShipmentPush,
    Stock,
    StylePush,
)
from integrator.connectors.records import ZERO

Json = dict[str, Any]

# content field of the contract -> what it is in the shop, per product and per variant
PRODUCT_FIELDS = {
    "ShortDescription": "short_description", "LongDescription": "long_description",
    "AdditionalDescription": "additional_description", "Brand": "brand", "Department": "department",
    "Category": "category", "Tags": "tags", "Taxable": "taxable", "TaxCode": "tax_code",
}  # fmt: skip
VARIANT_FIELDS = {
    "UPC": ("upc",), "SupplierSku": ("supplier_sku",), "ManufacturerPartNumber": ("manufacturer_part_number",),
    "Weight": ("weight", "weight_unit"), "Dimensions": ("length", "width", "height", "dimension_unit"),
}  # fmt: skip


def text(value: Decimal) -> str:
    """An amount without idle zeros, so that equal amounts are equal text."""
    plain = format(value, "f")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return text(value)
    return list(value) if isinstance(value, tuple) else value


# -- towards the shop


def product_fields(style: StylePush, content: Content, fields: frozenset[str]) -> Json:
    """What belongs to the product as a whole, of the fields that may be written."""
    made: Json = {}
    if "Name" in fields:
        made["name"] = (style.name or content.name) if style.style_id is not None else content.name
    for ours, theirs in PRODUCT_FIELDS.items():
        if ours in fields:
            made[theirs] = _json(getattr(content, theirs))
    if "Images" in fields:
        made["images"] = [
            {"url": one.url, "position": one.position, "alt_text": one.alt_text} for one in content.images
        ]
    if "CustomFields" in fields:
        made["custom_fields"] = dict(content.custom_fields)
    return made


def variant_fields(content: Content, fields: frozenset[str]) -> Json:
    made: Json = {"hidden": not content.sell_online} if "Publication" in fields else {}
    for ours, theirs in VARIANT_FIELDS.items():
        if ours in fields:
            made |= {name: _json(getattr(content, name)) for name in theirs}
    if "Options" in fields:
        made["options"] = [{"name": name, "value": value} for name, value in content.options]
    return made


def price_fields(price: Price) -> Json:
    on_sale = price.sale_price is not None
    return {
        "price": text(price.price),
        "sale_price": _json(price.sale_price),
        "sale_start": price.sale_start.isoformat() if on_sale and price.sale_start else None,
        "sale_end": price.sale_end.isoformat() if on_sale and price.sale_end else None,
        "msrp": _json(price.msrp),
        "tiers": [
            {"tier": tier, "minimum_quantity": text(units), "price": text(amount)}
            for tier, units, amount in price.tiers
        ],
    }


def stock_fields(stock: Stock) -> Json:
    return {
        "quantity": text(stock.quantity),
        "by_location": {location: text(units) for location, units in sorted(stock.by_location.items())},
    }


def external_id(style: StylePush) -> str:
    """By which the shop knows a product again whose creation was interrupted."""
    return f"style:{style.style_id}" if style.style_id is not None else f"item:{style.listings[0].item_id}"


def product_push(
    style: StylePush,
    listings: Sequence[ListingPush],
    product_id: str | None,
    linked: Mapping[int, str],
    publish_new: bool,
    pos_fields: frozenset[str],
) -> Json:
    """The shop's form of a style (or a standalone product) with the variants that the push wants.

    `linked`: product id -> variant id for those that the shop has. What a shop has keeps what its merchant made of
    it: of those that were just found there (new to us, known to it) only `pos_fields` are written. A variant
    that is new does not bring the texts of the product it joins along.
    """
    made: Json = {"external_id": external_id(style)} if product_id is None else {"id": int(product_id)}
    variants: list[Json] = []
    product: Json = {}
    for one in listings:
        found = linked.get(one.product_id)
        # hiding is the variant's own flag: what is not sold online is hidden whoever owns the product's publication
        kept = pos_fields if one.content.sell_online else pos_fields | {"Publication"}
        fields = one.fields & kept if found and one.is_new else one.fields
        variant: Json = {"sku": one.item_id} | variant_fields(one.content, fields)
        if found:
            variant["id"] = int(found)
        else:
            variant |= price_fields(one.price) | stock_fields(one.stock)
        variants.append(variant)
        if product_id is None or found:
            product = product_fields(style, one.content, fields) | product
            if "Publication" in fields & pos_fields and product_id is not None:
                product["published"] = any(other.content.sell_online for other in style.listings)
    if product_id is None:
        product["published"] = publish_new
        # whatever the fields say, the shop takes no product without a name
        product.setdefault("name", style.name or listings[0].content.name or listings[0].item_id)
    return made | product | {"variants": variants}


def always_pos(field_rules: Mapping[str, str]) -> frozenset[str]:
    """The content fields that the POS writes even where the shop had the product first."""
    return frozenset(name for name, rule in field_rules.items() if rule == "pos") & CONTENT_FIELDS


def fulfilment(shipment: ShipmentPush, notify: bool) -> Json:
    lines: dict[str, Decimal] = {}
    for one in shipment.lines:
        lines[one.line_id] = lines.get(one.line_id, ZERO) + one.quantity
    made: Json = {
        "key": shipment.shipment_id, "lines": {line: text(units) for line, units in lines.items()},
        "carrier": shipment.carrier, "method": shipment.ship_method,
        "tracking_numbers": list(shipment.tracking_numbers), "tracking_url": shipment.tracking_url, "notify": notify,
    }  # fmt: skip
    if shipment.ship_date:
        made["at"] = shipment.ship_date.isoformat()
    return made


# -- from the shop


def remote(variant: Mapping[str, Any]) -> dict[str, str]:
    return {"product": str(variant["product_id"]), "variant": str(variant["id"])}


def amount(value: Any) -> Decimal:
    return Decimal(str(value)) if value not in (None, "") else ZERO


def optional(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value))


def moment(value: str) -> datetime:
    return datetime.fromisoformat(value)


def listing(variant: Mapping[str, Any]) -> RemoteListing:
    return RemoteListing(
        remote=remote(variant),
        sku=variant["sku"],
        name=variant["name"],
        price=optional(variant["price"]),
        sale_price=optional(variant["sale_price"]),
        quantity=optional(variant["quantity"]),
        published=bool(variant["published"]),
        barcode=str(variant.get("upc") or ""),
    )


ADDRESS = (
    "first_name", "last_name", "company", "street1", "street2", "city", "state_code", "state", "postal_code",
    "country_code", "phone", "email",
)  # fmt: skip


def address(value: Mapping[str, Any]) -> records.Address:
    return records.Address(**{name: str(value.get(name) or "") for name in ADDRESS})


def customer(value: Mapping[str, Any]) -> records.Customer:
    identity = str(value.get("id") or "")
    details = {name: str(value.get(name) or "") for name in ("email", "first_name", "last_name", "company", "phone")}
    return records.Customer(web_customer_id=identity, is_guest=not identity, **details)


PAYMENT_STATUS = {
    "pending": "Pending", "authorised": "Authorised", "partially_paid": "PartiallyPaid", "paid": "Paid",
    "partially_refunded": "PartiallyRefunded", "refunded": "Refunded", "voided": "Voided",
}  # fmt: skip
PAYMENT_KIND = {"authorisation": "Authorisation", "capture": "Capture", "refund": "Refund"}
LINE_TYPE = {"item": "Item", "gift_card": "GiftCard", "fee": "Fee"}
NOT_TAKEN = frozenset({"pending"})  # payment statuses that a channel does not take by default


def taxes(values: Iterable[Mapping[str, Any]]) -> tuple[records.TaxLine, ...]:
    return tuple(records.TaxLine(one["name"], optional(one["rate"]), amount(one["amount"])) for one in values)


def order_line(line: Mapping[str, Any]) -> records.OrderLine:
    cancelled, refunded = amount(line["cancelled"]), amount(line["refunded"])
    known = {"product": line["product_id"], "variant": line["variant_id"]}
    return records.OrderLine(
        line_id=line["id"],
        sku=line["sku"],
        name=line["name"],
        quantity_ordered=amount(line["quantity"]),
        unit_price=amount(line["unit_price"]),
        line_total=amount(line["total"]),
        line_type=LINE_TYPE[line["type"]],
        options=tuple(records.Option(one["name"], one["value"]) for one in line["options"]),
        quantity_cancelled=cancelled,
        quantity_shipped=amount(line["fulfilled"]),
        # units that were refunded before they left are cancelled, not returned
        quantity_returned=max(ZERO, refunded - cancelled),
        discount_amount=amount(line["discount"]),
        tax_amount=amount(line["tax"]),
        tax_lines=taxes(line["taxes"]),
        location_id=line["location"],
        remote={name: str(value) for name, value in known.items() if value is not None},
    )


def payment(value: Mapping[str, Any]) -> records.Payment:
    return records.Payment(
        method=value["method"],
        kind=PAYMENT_KIND[value["kind"]],
        amount=amount(value["amount"]),
        reference=value["reference"],
        card_type=value["card_type"],
        last4=value["last4"],
    )


def order(value: Mapping[str, Any]) -> records.Order:
    totals = value["totals"]
    lines = tuple(order_line(one) for one in value["lines"])
    total, shipping, tax = amount(totals["total"]), amount(totals["shipping"]), amount(totals["tax"])
    gift_cards = tuple(records.GiftCard(one["code"], amount(one["amount"])) for one in value["gift_cards"])
    tenders = tuple(records.Payment("gift_card", "GiftCard", one.amount, one.code) for one in gift_cards)
    return records.Order(
        remote_id=str(value["id"]),
        order_number=value["number"],
        order_date=moment(value["placed_at"]),
        modified_at=moment(value["modified_at"]),
        status=value["status"],
        payment_status=PAYMENT_STATUS[value["payment_status"]],
        currency=value["currency"],
        lines=lines,
        customer=customer(value["customer"]),
        billing_address=address(value["billing_address"]),
        shipping_address=address(value["shipping_address"]),
        grand_total=total,
        subtotal=amount(totals["subtotal"]),
        discount_amount=amount(totals["discount"]),
        shipping_amount=shipping,
        tax_amount=tax,
        gift_card_amount=amount(totals["gift_cards"]),
        rounding_amount=total - sum((one.line_total for one in lines), shipping + tax),
        prices_include_tax=value["prices_include_tax"],
        tax_lines=taxes(value["taxes"]),
        discount_lines=tuple(records.DiscountLine(one["code"], amount(one["amount"])) for one in value["discounts"]),
        shipping_lines=tuple(
            records.ShippingLine(one["method"], one["code"], amount(one["amount"]), amount(one["tax"]))
            for one in value["shipping"]
        ),
        payments=tenders + tuple(payment(one) for one in value["payments"] if one["kind"] in PAYMENT_KIND),
        gift_cards=gift_cards,
        customer_note=value["note"],
        custom_fields=tuple(records.CustomField(name, str(one)) for name, one in value["custom_fields"].items()),
        cancelled_at=moment(value["cancelled_at"]) if value["cancelled_at"] else None,
    )


def _transaction_lines(
    event: Mapping[str, Any], lines: Mapping[str, Mapping[str, Any]]
) -> tuple[records.TransactionLine, ...]:
    return tuple(
        records.TransactionLine(
            line_id=one["line_id"],
            quantity=amount(one["quantity"]),
            name=lines[one["line_id"]]["name"],
            unit_price=amount(lines[one["line_id"]]["unit_price"]),
            discount_amount=amount(one["discount"]),
            tax_amount=amount(one["tax"]),
            line_total=amount(one["total"]),
            restocked=bool(one.get("restock")),
            location_id=lines[one["line_id"]]["location"],
        )
        for one in event["lines"]
    )


def _sum(lines: Iterable[records.TransactionLine], name: str) -> Decimal:
    return sum((getattr(one, name) for one in lines), ZERO)


def sale(value: Mapping[str, Any], event: Mapping[str, Any]) -> records.Transaction:
    """A fulfilment; the shop says which amounts belong to it, the shipping stands in the first."""
    lines = _transaction_lines(event, {one["id"]: one for one in value["lines"]})
    shipping, rounding = amount(event["shipping"]), amount(event["rounding"])
    tax = _sum(lines, "tax_amount") + amount(event["shipping_tax"])
    return records.Transaction(
        key=f"shipment-{event['id']}",
        type="Sale",
        transaction_number=f"{value['number']}-S{event['id'].rpartition('-')[2]}",
        transaction_date=moment(event["at"]),
        currency=value["currency"],
        lines=lines,
        grand_total=_sum(lines, "line_total") + shipping + tax + rounding,
        shipping_amount=shipping,
        tax_amount=tax,
        discount_amount=_sum(lines, "discount_amount"),
        rounding_amount=rounding,
        shipping_method=event["method"],
        tracking_numbers=tuple(event["tracking_numbers"]),
        remote_id=event["id"],
        pos_shipment_id=event["key"],
    )


def returned(value: Mapping[str, Any], event: Mapping[str, Any]) -> records.Transaction:
    """A refund: with lines goods came back; what the lines and the shipping do not explain is the adjustment."""
    lines = _transaction_lines(event, {one["id"]: one for one in value["lines"]})
    back = next((one for one in value["payments"] if one["id"] == event["payment_id"]), None)
    return records.Transaction(
        key=f"refund-{event['id']}",
        type="Return",
        transaction_number=f"{value['number']}-R{event['id'].rpartition('-')[2]}",
        transaction_date=moment(event["at"]),
        currency=value["currency"],
        lines=lines,
        grand_total=amount(event["amount"]),
        shipping_amount=amount(event["shipping"]),
        tax_amount=_sum(lines, "tax_amount"),
        discount_amount=_sum(lines, "discount_amount"),
        adjustment_amount=amount(event["adjustment"]),
        payments=(payment(back),) if back else (),
        remote_id=event["id"],
    )


def capture(value: Mapping[str, Any], event: Mapping[str, Any]) -> records.Capture:
    kind = PAYMENT_KIND[event["kind"]]
    return records.Capture(
        key=f"{event['kind']}-{event['id']}",
        type=kind,
        capture_date=moment(event["at"]),
        amount=amount(event["amount"]),
        currency=value["currency"],
        payment_method=event["method"],
        payment_reference=event["reference"],
        card_type=event["card_type"],
        last4=event["last4"],
    )


def pulled(value: Mapping[str, Any], statuses: Sequence[str]) -> records.PulledOrder:
    """An order with all its events. `statuses`: those that the channel takes, of either kind; empty: paid or
    authorised ones."""
    standing = {value["status"], value["payment_status"]}
    admitted = bool(standing & set(statuses)) if statuses else value["payment_status"] not in NOT_TAKEN
    if not statuses and value["status"] == "cancelled":
        # a basket that was given up before anybody paid never was an order
        admitted = bool(value["payments"] or value["gift_cards"])
    return records.PulledOrder(
        order=order(value),
        transactions=(
            *(sale(value, one) for one in value["fulfilments"]),
            *(returned(value, one) for one in value["refunds"]),
        ),
        captures=tuple(capture(value, one) for one in value["payments"] if one["kind"] in ("capture", "refund")),
        admitted=admitted,
    )
