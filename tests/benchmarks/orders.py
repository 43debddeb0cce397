"""Row 5: what the POS fetches."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal as D

from lxml import etree

from integrator.accounts import channels
from integrator.connectors.records import Address, Customer, Order, OrderLine, PulledOrder
from integrator.orders import ingest
from integrator.store import engine as store_engine
from integrator.store.engine import begin
from tests.benchmarks import peer
from tests.benchmarks.figures import Figure, interleaved, milliseconds
from tests.benchmarks.intake import add_channel, empty
from tests.benchmarks.stack import Stack, call, stack
from tests.contract.native import Said, said
from tests.contract.soap import NS, envelope
from tests.support.service import StoreLogin

FEW, CONFIRMED = 10_000, 10_000_000

# confirmed records as ten years of a busy shop leave them; GetNew must not see them
CONFIRM = """
INSERT INTO deliveries (account_id, store_id, kind, record_id, public_id, occurred_at, state, answered_at)
SELECT %(account)s, %(store)s, 'order', -n, 'old-' || n, now() - interval '10 years' + n * interval '10 seconds',
       'confirmed', now() FROM generate_series(%(first)s, %(last)s) AS n
"""


def confirmed(store: StoreLogin, first: int, last: int) -> None:
    for start in range(first, last, 1_000_000):
        with begin() as connection:
            cursor = store_engine.raw(connection).cursor()
            cursor.execute(
                CONFIRM,
                {
                    "account": store.account_id,
                    "store": store.store_id,
                    "first": start,
                    "last": min(start + 999_999, last),
                },
            )


def an_order(number: int) -> PulledOrder:
    """An order of five lines."""
    placed = datetime(2026, 11, 20, 12, tzinfo=UTC) + timedelta(seconds=number)
    lines = tuple(
        OrderLine(
            line_id=str(place),
            sku=f"I{place:06}",
            name=f"Fjäll Down Jacket {place}",
            quantity_ordered=D(2),
            unit_price=D("49.90"),
            line_total=D("99.80"),
            tax_amount=D("15.93"),
        )
        for place in range(5)
    )
    address = Address(
        first_name="Ada",
        last_name="Lovelace",
        street1="12 Analytical Row",
        city="Berlin",
        postal_code="10115",
        country_code="DE",
    )
    return PulledOrder(
        Order(
            remote_id=str(number),
            order_number=f"#{number}",
            order_date=placed,
            modified_at=placed,
            status="processing",
            payment_status="Paid",
            currency="EUR",
            lines=lines,
            customer=Customer(email=f"ada{number}@example.com"),
            billing_address=address,
            shipping_address=address,
            grand_total=D("499.00"),
            subtotal=D("499.00"),
        )
    )


def row5() -> Iterator[Figure]:
    """GetNew: empty, beside ten million confirmed records, and a thousand orders written out."""
    with stack() as running:
        store = running.service.store("BENCH")
        channel = add_channel(store)
        content = call(store, "GetNewOrders")

        def new() -> float:
            return statistics.median(running.post("/OrderTasks", content) for _ in range(40))

        def nothing() -> float:
            return statistics.median(empty(running, store) for _ in range(40))

        confirmed(store, 1, FEW)
        running.vacuum("deliveries")
        polled, bare = interleaved([new, nothing])
        yield Figure(
            "5-empty",
            "GetNewOrders with nothing new",
            milliseconds(polled),
            f"empty call {milliseconds(bare)}",
            polled / bare,
            "≤1.5",
        )
        few = statistics.median(new() for _ in range(5))
        confirmed(store, FEW + 1, CONFIRMED)
        running.vacuum("deliveries")
        many = statistics.median(new() for _ in range(6))
        yield Figure(
            "5-confirmed",
            "the same beside 10,000,000 confirmed records",
            milliseconds(many),
            f"beside 10,000 {milliseconds(few)}",
            many / few,
            "≤1.2",
        )
        yield from _written(running, store, channel)


def _written(running: Stack, store: StoreLogin, channel: int) -> Iterator[Figure]:
    with begin() as connection:
        record = channels.load_channel(connection, store.account_id, channel)
        for start in range(0, 1_000, 100):
            ingest.ingest(connection, record, [an_order(start + number) for number in range(100)])
    running.vacuum("deliveries", "orders")
    with peer.serving(running.service.database) as url:
        ask = envelope(
            f'<GetNewOrders xmlns="{NS}"><account>{store.account_id}</account><most>1000</most></GetNewOrders>'
        )

        def ours() -> float:
            return running.post("/OrderTasks", call(store, "GetNewOrders"))

        def theirs() -> float:
            return running.post("/", ask, url)

        def answered() -> Said:
            return said(etree.fromstring(running.answer).find("{*}Body"), "CallId")

        ours()
        written = answered()
        theirs()
        if written != answered():
            raise AssertionError("the peer does not write the same as the service")
        if sum(name == f"{{{NS}}}OrderLine" for name, _ in written) != 5_000:
            raise AssertionError("not a thousand orders of five lines")
        mine, obvious = interleaved([ours, theirs])
        yield Figure(
            "5-written",
            "1,000 orders of 5 lines written out",
            milliseconds(mine),
            f"Spyne {milliseconds(obvious)}",
            obvious / mine,
            "≥8",
        )
