"""The two services with their ten operations, as Spyne dispatches them.

An operation gets what the readers made (`integrator.rows.Row`s and plain values) and returns what the writers
take (`integrator.contract.answers`); what it does stands in `integrator.contract.operations`. Its docstring is
published in the WSDL.
"""

# ruff: noqa: N805 - Spyne hands its context first
from __future__ import annotations

from collections.abc import Callable
from typing import Any

from integrator.contract import operations
from integrator.contract.common_types import CallResult
from integrator.contract.fields import PARAMETER, array, boolean, integer
from integrator.contract.order_types import (
    CapturesResult,
    Confirmation,
    OrdersResult,
    Shipment,
    TransactionsResult,
)
from integrator.contract.product_types import InventoryItem, POSProduct, PricingItem

from spyne import ServiceBase, rpc  # isort: skip

Operation = Callable[..., Any]


def operation(name: str, result: Any, **parameters: Any) -> Callable[[Operation], Any]:
    """Declares an operation by its published names: request `name`, answer `nameResponse` with `nameResult`."""

    def declare(function: Operation) -> Any:
        arguments = function.__code__.co_varnames[1 : function.__code__.co_argcount]
        return rpc(
            *parameters.values(),
            _in_variable_names=dict(zip(arguments, parameters, strict=True)),
            _out_variable_name=f"{name}Result",
            _operation_name=name,
            _out_message_name=f"{name}Response",
            _returns=result.customize(min_occurs=1, nillable=False, integrator_doc="The answer."),
        )(function)

    return declare


def return_all_results() -> Any:
    return boolean("True: Results has an entry for every item, not only for failed and warned ones.", PARAMETER)


def max_records() -> Any:
    return integer(
        "Most records in the answer, from 1 to 1,000. Absent, or above: 1,000 (a setting of the store).", PARAMETER
    )


def confirmations() -> Any:
    return array(Confirmation, "One for each record, at most 10,000 (a setting) a call.", PARAMETER)


class ProductTasks(ServiceBase):  # type: ignore[misc]
    """The POS writes products, stock and prices; every shop of the store follows."""

    @operation(
        "UpdatePOSProducts",
        CallResult,
        Products=array(POSProduct, "At most 10,000 (a setting) a call.", PARAMETER),
        ReturnAllResults=return_all_results(),
    )
    def update_pos_products(ctx, products, return_all_results):  # type: ignore[no-untyped-def]
        """Creates or updates products. What an item leaves out stays as it is; an item that is the same as stored
        changes nothing and costs nothing. Each item has a result of its own; the good ones are applied whatever the
        bad ones do."""
        return operations.update_products(ctx.udc, products, return_all_results)

    @operation(
        "UpdateInventory",
        CallResult,
        Items=array(InventoryItem, "At most 10,000 (a setting) a call.", PARAMETER),
        ReturnAllResults=return_all_results(),
    )
    def update_inventory(ctx, items, return_all_results):  # type: ignore[no-untyped-def]
        """Sets the stock of items that are known already. An unknown ItemIntegrationId is ITEM_NOT_FOUND and creates
        nothing. Never touches a price."""
        return operations.update_inventory(ctx.udc, items, return_all_results)

    @operation(
        "UpdatePricing",
        CallResult,
        Items=array(PricingItem, "At most 10,000 (a setting) a call.", PARAMETER),
        ReturnAllResults=return_all_results(),
    )
    def update_pricing(ctx, items, return_all_results):  # type: ignore[no-untyped-def]
        """Sets the prices of items that are known already. An unknown ItemIntegrationId is ITEM_NOT_FOUND and creates
        nothing. Never touches a quantity."""
        return operations.update_pricing(ctx.udc, items, return_all_results)


class OrderTasks(ServiceBase):  # type: ignore[misc]
    """The POS reads orders, transactions and captures of its shops, confirms them, and tells what it shipped."""

    @operation("GetNewOrders", OrdersResult, MaxRecords=max_records())
    def get_new_orders(ctx, max_records):  # type: ignore[no-untyped-def]
        """Every order that is not confirmed yet, oldest first, the same order with the same id until it is confirmed.
        Reading changes nothing. An order that was rejected waits for its next offer and does not hold up others."""
        return operations.get_new(ctx.udc, "order", max_records)

    @operation("GetNewTransactions", TransactionsResult, MaxRecords=max_records())
    def get_new_transactions(ctx, max_records):  # type: ignore[no-untyped-def]
        """Every transaction (goods left, goods or money came back) that is not confirmed yet, oldest first, the same
        with the same id until it is confirmed. Reading changes nothing."""
        return operations.get_new(ctx.udc, "transaction", max_records)

    @operation("GetNewCaptures", CapturesResult, MaxRecords=max_records())
    def get_new_captures(ctx, max_records):  # type: ignore[no-untyped-def]
        """Every capture (money taken or given back) that is not confirmed yet, oldest first, the same with the same id
        until it is confirmed. Reading changes nothing."""
        return operations.get_new(ctx.udc, "capture", max_records)

    @operation("ConfirmOrders", CallResult, Confirmations=confirmations(), ReturnAllResults=return_all_results())
    def confirm_orders(ctx, confirmations, return_all_results):  # type: ignore[no-untyped-def]
        """Says that the POS has the orders (Success, the default), or could not take them and why. Confirming again is
        a Duplicate and succeeds; rejecting a confirmed order is ALREADY_CONFIRMED."""
        return operations.confirm(ctx.udc, "order", confirmations, return_all_results)

    @operation("ConfirmTransactions", CallResult, Confirmations=confirmations(), ReturnAllResults=return_all_results())
    def confirm_transactions(ctx, confirmations, return_all_results):  # type: ignore[no-untyped-def]
        """Says that the POS has the transactions (Success, the default), or could not take them and why. Confirming
        again is a Duplicate and succeeds; rejecting a confirmed one is ALREADY_CONFIRMED."""
        return operations.confirm(ctx.udc, "transaction", confirmations, return_all_results)

    @operation("ConfirmCaptures", CallResult, Confirmations=confirmations(), ReturnAllResults=return_all_results())
    def confirm_captures(ctx, confirmations, return_all_results):  # type: ignore[no-untyped-def]
        """Says that the POS has the captures (Success, the default), or could not take them and why. Confirming again
        is a Duplicate and succeeds; rejecting a confirmed one is ALREADY_CONFIRMED."""
        return operations.confirm(ctx.udc, "capture", confirmations, return_all_results)

    @operation(
        "SaveShipments",
        CallResult,
        Shipments=array(Shipment, "At most 10,000 (a setting) a call.", PARAMETER),
        ReturnAllResults=return_all_results(),
    )
    def save_shipments(ctx, shipments, return_all_results):  # type: ignore[no-untyped-def]
        """Tells what the POS shipped for orders of its shops; several shipments an order are possible. Accepted means
        stored; the shop is told afterwards, and the money is captured where the channel is set to capture on
        shipment. The same shipment again is a Duplicate and succeeds."""
        return operations.save_shipments(ctx.udc, shipments, return_all_results)


SERVICES: dict[str, Any] = {"ProductTasks": ProductTasks, "OrderTasks": OrderTasks}
