"""Shipments of the POS on their way to the shop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from integrator.codes import Code
from integrator.connectors.base import OrderPage, Rejected, Throttled, Transient
from integrator.connectors.pushes import ShipmentResult
from integrator.orders.shipments import save_shipments
from integrator.rows import Row
from integrator.store.engine import begin
from integrator.sync import resend
from integrator.sync.pull import pull_once
from integrator.sync.ship import ship_once
from tests.sync.conftest import Stage, item, make_stage, order


def ordered(stage: Stage, **lines: int) -> None:
    stage.products(*(item(sku) for sku in lines))
    stage.shop.pages.append(OrderPage((order("77", lines),), {}))
    pull_once(*stage.ids)


def save(stage: Stage, shipment_id: str, **lines: int) -> None:
    row = Row(
        0,
        {
            "ShipmentId": shipment_id,
            "OrderId": f"{stage.channel_id}-77",
            "TrackingNumbers": ["T1"],
            "Lines": [{"ItemIntegrationId": sku, "Quantity": Decimal(n)} for sku, n in lines.items()],
        },
    )
    with begin() as connection:
        (result,) = save_shipments(connection, stage.store, [row], uuid4())
    assert result.success, result


def rows(stage: Stage) -> dict[str, Any]:
    with begin() as connection:
        found = connection.execute(text("SELECT * FROM shipments WHERE account_id = :a"), {"a": stage.store.account_id})
        return {row.shipment_id: row for row in found}


def due(stage: Stage) -> None:
    stage.unpause()
    with begin() as connection:
        connection.execute(text("UPDATE shipments SET due_at = now() WHERE state = 'wanted'"))


def test_the_shop_is_told_once(stage: Stage) -> None:
    ordered(stage, A=2)
    save(stage, "S1", A=1)
    report = ship_once(*stage.ids)
    assert (report.state, report.sent) == ("done", 1)
    (push,) = stage.shop.shipments
    assert (push.shipment_id, push.order_remote_id, push.tracking_numbers) == ("S1", "77", ("T1",))
    assert rows(stage)["S1"].state == "sent"
    assert rows(stage)["S1"].remote_id == "1"
    assert ship_once(*stage.ids).sent == 0
    assert len(stage.shop.shipments) == 1


def test_a_refused_one_is_an_issue_and_the_others_go(stage: Stage) -> None:
    ordered(stage, A=5)
    save(stage, "S1", A=1)
    save(stage, "S2", A=1)

    def refuse(verb: str, ids: list[str]) -> None:
        if ids == ["S1"]:
            raise Rejected("The order is archived.")

    stage.shop.before.append(refuse)
    report = ship_once(*stage.ids)
    assert (report.sent, report.refused) == (1, 1)
    (issue,) = stage.issues()
    assert (issue.subject, issue.subject_id) == ("shipment", f"{stage.channel_id}-77/S1")
    assert (issue.code, issue.message) == (Code.SHIPMENT_REFUSED, "The order is archived.")
    stage.shop.before.clear()
    with begin() as connection:
        done = resend.resend(connection, [issue._mapping])
    assert done == {issue.id: "1 shipment(s) are sent again"}
    assert ship_once(*stage.ids).sent == 1
    assert not stage.issues()


def test_an_outage_gives_everything_back_at_once(stage: Stage) -> None:
    ordered(stage, A=5)
    for n in range(3):
        save(stage, f"S{n}", A=1)

    def away(verb: str, _: list[str]) -> None:
        if verb == "ship":
            raise Transient("away", code="UNREACHABLE")

    stage.shop.before.append(away)
    assert ship_once(*stage.ids).state == "failed"
    assert stage.channel().failures == 1
    assert len(stage.shop.verbs("ship")) == 1
    stage.shop.before.clear()
    stage.unpause()  # only the channel's pause is waited for
    assert ship_once(*stage.ids).sent == 3


def test_throttling_counts_no_attempt(stage: Stage) -> None:
    ordered(stage, A=1)
    save(stage, "S1", A=1)

    def wait(verb: str, _: list[str]) -> None:
        if verb == "ship":
            raise Throttled("wait", until=None)

    stage.shop.before.append(wait)
    for _ in range(5):
        due(stage)
        ship_once(*stage.ids)
    assert rows(stage)["S1"].attempts == 0
    assert not stage.issues()


def test_one_that_makes_the_shop_fail_does_not_stop_the_rest(stage: Stage) -> None:
    ordered(stage, A=5)
    save(stage, "S0", A=1)
    save(stage, "S1", A=1)

    def crash(verb: str, ids: list[str]) -> None:
        if ids == ["S0"]:
            raise Transient("crash", code="HTTP_500")

    stage.shop.before.append(crash)
    for _ in range(3):
        due(stage)
        ship_once(*stage.ids)
    assert [one.shipment_id for one in stage.shop.shipments] == ["S1"]
    (issue,) = stage.issues()
    assert issue.code == Code.STILL_FAILING
    stage.shop.before.clear()
    due(stage)
    ship_once(*stage.ids)
    assert not stage.issues()


@pytest.mark.parametrize(("captured", "warning", "many"), [(False, "Declined.", 1), (True, "", 0)])
def test_money_that_could_not_be_taken_is_an_issue(
    database: str, engine: Any, captured: bool, warning: str, many: int
) -> None:
    stage = make_stage(capture_on_shipment=True)
    ordered(stage, A=1)
    save(stage, "S1", A=1)
    stage.shop.shipment_answer = ShipmentResult("1", captured=captured, warning=warning)
    ship_once(*stage.ids)
    assert stage.shop.shipments[0].capture
    assert rows(stage)["S1"].state == "sent"
    found = [one for one in stage.issues() if one.code == Code.CAPTURE_FAILED]
    assert len(found) == many
