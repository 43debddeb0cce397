"""The documents that the POS reads, made once from what a connector handed up. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from integrator.accounts.channels import ChannelRecord
from integrator.connectors.records import Capture, Order, OrderLine, Transaction, document
from integrator.orders.items import Item, Wanted, wanted
from integrator.orders.rules import clean, completed_transaction


def public_id(channel_id: int, key: str) -> str:
    """The id that the POS sees: unique in the store, the same for ever."""
    return f"{channel_id}-{key}"


def customer_key(order: Order) -> str | None:
    """The key of the shop customer in `customers`; None for a guest without an address."""
    if order.customer.web_customer_id:
        return order.customer.web_customer_id
    address = (order.customer.email or order.billing_address.email).strip().lower()
    return f"email:{address}" if address else None


def unknown_sku(line: OrderLine) -> str:
    named = f"the shop's SKU {line.sku!r}" if line.sku else "it has no SKU in the shop and"
    return f"Line {line.line_id} ({line.name}): {named} is not the ItemIntegrationId of an item of this store."


def order_document(
    channel: ChannelRecord, order: Order, found: Mapping[Wanted, Item]
) -> tuple[dict[str, Any], list[str]]:
    """The order as the POS reads it, without its Revision; and what is wrong with it."""
    lines, warnings = [], []
    for line in order.lines:
        item = found.get(wanted(line))
        if item is None and line.line_type == "Item":
            warnings.append(unknown_sku(line))
        lines.append(replace(line, item_integration_id=item.item_id if item else ""))
    body = {
        "OrderId": public_id(channel.id, order.remote_id),
        "ChannelId": str(channel.id),
        "Platform": channel.platform,
        **document(replace(order, lines=tuple(lines))),
    }
    if warnings:
        body["Warnings"] = warnings
    return clean(body), warnings


def _of_order(order_body: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: order_body.get(name) for name in names}


def transaction_document(
    key_id: str, transaction: Transaction, order_body: Mapping[str, Any], shipping_was_charged: bool
) -> dict[str, Any]:
    """`shipping_was_charged`: an earlier Sale of the order carries its shipping charge already."""
    lines_by_id = {line["LineId"]: line for line in order_body.get("Lines", [])}
    warnings = []
    lines = []
    for line in transaction.lines:
        of_order = lines_by_id.get(line.line_id, {})
        item_id = of_order.get("ItemIntegrationId") or line.item_integration_id
        name = line.name or of_order.get("Name", "")
        if not item_id and of_order.get("LineType", "Item") == "Item":
            warnings.append(
                f"Line {line.line_id} ({name}): the shop's SKU {of_order.get('Sku', '')!r} is not the "
                "ItemIntegrationId of an item of this store."
            )
        lines.append(replace(line, item_integration_id=item_id, name=name))
    if shipping_was_charged and transaction.type == "Sale" and transaction.shipping_amount:
        warnings.append(
            f"The shop charges shipping of {transaction.shipping_amount:f} here although an earlier shipment of the "
            "order carried the charge: see that it is not booked twice."
        )
    body = {
        "TransactionId": key_id,
        **_of_order(
            order_body,
            ("OrderId", "OrderNumber", "ChannelId", "Platform", "Customer", "BillingAddress", "ShippingAddress"),
        ),
        **document(replace(completed_transaction(transaction), lines=tuple(lines))),
    }
    if warnings:
        body["Warnings"] = warnings
    cleaned: dict[str, Any] = clean(body)
    return cleaned


def capture_document(key_id: str, capture: Capture, order_body: Mapping[str, Any]) -> dict[str, Any]:
    body = {
        "CaptureId": key_id,
        **_of_order(order_body, ("OrderId", "OrderNumber", "ChannelId", "Platform")),
        **document(capture),
    }
    cleaned: dict[str, Any] = clean(body)
    return cleaned


def check(order: Order) -> None:
    """Raises ValueError for what cannot be an order: such a one must not hold up the others of its page."""
    if not order.remote_id:
        raise ValueError("The order has no id.")
    ids = [line.line_id for line in order.lines]
    if len(set(ids)) != len(ids) or not all(ids):
        raise ValueError(f"The order's lines have no ids of their own: {ids}.")
    for line in order.lines:
        for name in ("quantity_ordered", "quantity_cancelled", "quantity_shipped", "quantity_returned"):
            value: Decimal = getattr(line, name)
            if not value.is_finite() or value < 0:
                raise ValueError(f"Line {line.line_id} has {name.replace('_', ' ')} {value}.")
    if not order.grand_total.is_finite():
        raise ValueError(f"The order's total is {order.grand_total}.")
