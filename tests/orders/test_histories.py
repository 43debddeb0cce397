"""Random histories of orders: nothing is lost, nothing is doubled, what is confirmed stays confirmed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule, run_state_machine_as_test
from sqlalchemy import Engine

from integrator.connectors.records import PulledOrder
from integrator.orders import deliveries, shipments
from integrator.store.engine import begin
from tests.orders.samples import NOON, World, line, make_world, payment, pulled, sale

D = Decimal
TABLES = (
    "orders", "order_lines", "transactions", "captures", "deliveries", "customers", "issues", "shipments",
)  # fmt: skip


@dataclass
class Expected:
    """What a POS and a shop would say of one order."""

    number: int
    modified: int = 0
    ordered: int = 1
    cancelled: int = 0
    shipped: int = 0  # by the shop
    state: str = "open"
    message: str = ""
    revision: int = 1
    body: Any = None
    saved: dict[str, int] = field(default_factory=dict)
    sales: dict[int, str] = field(default_factory=dict)  # event -> how it stands towards the POS


class Histories(RuleBasedStateMachine):
    """One store with one shop; every rule is something that a shop, a POS, an operator or the clock does."""

    world: World
    revisions = False
    orders = Bundle("orders")

    def __init__(self) -> None:
        super().__init__()
        with begin() as connection:
            connection.execute(sa.text(f"TRUNCATE {', '.join(TABLES)} CASCADE"))
            connection.execute(sa.text("UPDATE lanes SET pending = false"))
        self.expected: dict[int, Expected] = {}

    # -- the shop

    def pulled(self, one: Expected) -> PulledOrder:
        """The order as the shop has it now."""
        events = tuple(sale(100 * one.number + n, {"1": 1}, minutes=n) for n in sorted(one.sales))
        return pulled(
            str(one.number),
            [line("1", "A", one.ordered, quantity_cancelled=D(one.cancelled), quantity_shipped=D(one.shipped))],
            modified_at=NOON + timedelta(seconds=one.modified),
            order_date=NOON + timedelta(minutes=one.number),
            transactions=events,
            captures=(payment(one.number),),
        )

    def changed(self, one: Expected) -> None:
        """What is expected once the shop's present state is read."""
        body = (one.ordered, one.cancelled)
        progress = one.shipped
        if (body, progress) == one.body:
            return
        if one.body is not None:
            one.revision += 1
            if one.state == "rejected" or (one.state == "confirmed" and self.revisions and body != one.body[0]):
                one.state = "open"
        one.body = (body, progress)

    def read(self, *numbers: int) -> None:
        for number in numbers:
            self.changed(self.expected[number])

    @rule(target=orders, ordered=st.integers(1, 5))
    def place(self, ordered: int) -> int:
        one = Expected(len(self.expected) + 1, ordered=ordered)
        self.expected[one.number] = one
        self.world.ingest(self.pulled(one))
        self.read(one.number)
        return one.number

    @rule(number=orders, more=st.integers(0, 2), cancelled=st.integers(0, 2))
    def edit(self, number: int, more: int, cancelled: int) -> None:
        one = self.expected[number]
        one.modified += 1
        one.ordered += more
        one.cancelled = min(one.cancelled + cancelled, one.ordered - one.shipped)
        self.world.ingest(self.pulled(one))
        self.read(number)

    @rule(number=orders)
    def ship_in_the_shop(self, number: int) -> None:
        one = self.expected[number]
        if one.shipped + sum(one.saved.values()) >= one.ordered - one.cancelled:
            return
        one.modified += 1
        one.shipped += 1
        one.sales[len(one.sales) + 1] = "open"
        self.world.ingest(self.pulled(one))
        self.read(number)

    @rule()
    def read_everything_again(self) -> None:
        report = self.world.ingest(*(self.pulled(one) for one in self.expected.values()))
        assert (report.new, report.changed, report.transactions, report.captures, report.failed) == (0, 0, 0, 0, 0)

    # -- the POS

    @rule(number=orders)
    def confirm(self, number: int) -> None:
        one = self.expected[number]
        [result] = self.world.confirm(self.world.public(str(number)))
        assert result.action == ("Duplicate" if one.state == "confirmed" else "Confirmed")
        one.state = "confirmed"

    @rule(number=orders, message=st.sampled_from(["no", "never"]))
    def reject(self, number: int, message: str) -> None:
        one = self.expected[number]
        result = self.world.reject(self.world.public(str(number)), message)
        if one.state == "confirmed":
            assert result.problem.code == "ALREADY_CONFIRMED"
        else:
            assert result.action == "Rejected"
            one.state = "rejected"

    @rule(number=orders)
    def confirm_the_sales(self, number: int) -> None:
        one = self.expected[number]
        ids = [self.world.public(f"shipment-{100 * number + n}") for n in one.sales]
        assert all(result.success for result in self.world.confirm(*ids, kind="transaction"))
        one.sales = dict.fromkeys(one.sales, "confirmed")

    @rule(number=orders, units=st.integers(1, 3), name=st.sampled_from(["S1", "S2", "S3"]))
    def ship_in_the_pos(self, number: int, units: int, name: str) -> None:
        one = self.expected[number]
        open_units = one.ordered - one.cancelled - one.shipped - sum(one.saved.values())
        [result] = self.world.ship(
            {
                "ShipmentId": name,
                "OrderId": self.world.public(str(number)),
                "Lines": [{"LineId": "1", "Quantity": D(units)}],
            }
        )
        if name in one.saved:
            assert (result.action or result.problem.code) == (
                "Duplicate" if one.saved[name] == units else "SHIPMENT_CHANGED"
            )
        elif units > open_units:
            assert result.problem.code == "QTY_EXCEEDS_OPEN"
        else:
            assert result.action == "Accepted"
            one.saved[name] = units

    @rule()
    def count_the_stock(self) -> None:
        self.world.count("A")

    @rule(number=orders)
    def everything_at_once(self, number: int) -> None:
        """The shop is read twice, the POS confirms twice and counts, all at the same time."""
        one = self.expected[number]
        public_id = self.world.public(str(number))
        deeds: list[Callable[[], Any]] = [
            lambda: self.world.ingest(*(self.pulled(each) for each in self.expected.values())),
            lambda: self.world.ingest(self.pulled(one)),
            lambda: self.world.confirm(public_id)[0].success,
            lambda: self.world.confirm(public_id)[0].success,
            lambda: self.world.count("A"),
        ]
        with ThreadPoolExecutor(len(deeds)) as pool:
            answers = [future.result() for future in [pool.submit(deed) for deed in deeds]]
        assert answers[2]
        assert answers[3]
        one.state = "confirmed"

    # -- the operator and the clock

    @rule(number=orders)
    def offer_again(self, number: int) -> None:
        store = self.world.store
        with begin() as connection:
            assert deliveries.offer_again(
                connection, store.account_id, store.store_id, "order", [self.world.public(str(number))]
            )
        self.expected[number].state = "open"

    @rule()
    def a_quarter_of_an_hour_passes(self) -> None:
        with begin() as connection:
            connection.execute(sa.text("UPDATE deliveries SET due_at = due_at - interval '30 days'"))
        for one in self.expected.values():
            if one.state == "rejected":
                one.state = "open"

    @rule(number=consumes(orders))
    def the_shop_hears_of_the_shipments(self, number: int) -> None:
        with begin() as connection:
            for row_id, _ in shipments.due(connection, self.world.channel):
                shipments.retry(connection, self.world.channel, row_id, NOON)

    # -- what always holds

    @invariant()
    def exactly_the_open_records_are_offered(self) -> None:
        offered = self.world.new()
        expected = [one for one in self.expected.values() if one.state == "open"]
        assert [(one["OrderId"], one["Revision"]) for one in offered] == [
            (self.world.public(str(one.number)), one.revision) for one in expected
        ]

    @invariant()
    def every_event_is_one_transaction(self) -> None:
        rows = self.world.rows("SELECT public_id FROM transactions")
        events = [f"shipment-{100 * one.number + n}" for one in self.expected.values() for n in one.sales]
        assert sorted(row["public_id"] for row in rows) == sorted(self.world.public(event) for event in events)
        waiting = [
            self.world.public(f"shipment-{100 * one.number + n}")
            for one in self.expected.values()
            for n, state in one.sales.items()
            if state == "open"
        ]
        assert sorted(self.world.new_ids("transaction")) == sorted(waiting)

    @invariant()
    def held_units_are_never_negative_and_never_more_than_were_sold(self) -> None:
        for row in self.world.rows("SELECT ordered, cancelled, allocated, known, counted FROM order_lines"):
            assert 0 <= row["allocated"] <= row["ordered"] - row["cancelled"]
            assert 0 <= row["counted"] <= row["known"] <= row["ordered"]

    @invariant()
    def what_the_pos_never_answered_is_held_in_full(self) -> None:
        for one in self.expected.values():
            row = self.world.lines(str(one.number))["1"]
            if row["known"] == 0:
                assert row["allocated"] == one.ordered - one.cancelled

    @invariant()
    def an_open_rejection_has_an_issue_and_nothing_else_has(self) -> None:
        rows = self.world.rows(
            "SELECT d.public_id, d.state, d.rejections, i.id FROM deliveries d LEFT JOIN issues i"
            " ON i.subject = d.kind AND i.subject_id = d.public_id AND i.state = 'open'"
        )
        for row in rows:
            if row["state"] == "rejected":
                assert row["id"] is not None
            if row["state"] == "confirmed":
                assert row["id"] is None


@pytest.mark.parametrize("revisions", [False, True])
@pytest.mark.parametrize("allocation", ["order_confirmed", "transaction_confirmed"])
def test_histories(engine: Engine, revisions: bool, allocation: str) -> None:
    made = make_world("A", revisions_after_confirm=revisions, allocation=allocation, offer_again_days=100_000)
    machine = type("TheseHistories", (Histories,), {"world": made, "revisions": revisions})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
