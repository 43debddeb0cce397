"""A store as a POS finds it in the morning: products that sell on the web, and a night's orders."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from integrator.accounts.channels import load_channel
from integrator.connectors.records import (
    Address,
    Capture,
    Customer,
    Order,
    OrderLine,
    Payment,
    PulledOrder,
    TaxLine,
    Transaction,
    TransactionLine,
)
from integrator.orders.ingest import ingest
from tests.support import seed
from tests.support.service import Service, StoreLogin


@dataclass(frozen=True)
class Day:
    login: StoreLogin
    channel_id: int

    def order_id(self, remote_id: str) -> str:
        return f"{self.channel_id}-{remote_id}"

    def event_id(self, key: str) -> str:
        return f"{self.channel_id}-{key}"


def morning(service: Service) -> Day:
    """1,003 orders, of which one has an unknown item; two transactions; two captures; nothing confirmed yet."""
    login = service.store()
    with service.begin() as connection:
        seed.seed_products(connection, login.context, [seed.product("WEB-1"), seed.product("WEB-2")])
        channel_id = seed.seed_channel(connection, login.context)
        report = ingest(connection, load_channel(connection, login.account_id, channel_id), list(_orders()))
    assert (report.new, report.transactions, report.captures, report.failed) == (1003, 2, 2, 0)
    return Day(login, channel_id)


def _orders() -> Iterator[PulledOrder]:
    yield PulledOrder(_first(), _transactions(), _captures())
    yield PulledOrder(_order("2", "NO-SUCH-SKU"))
    for number in range(3, 1004):
        yield PulledOrder(_order(str(number), "WEB-1"))


def _first() -> Order:
    address = Address(
        first_name="Zoë 名", last_name="O'Brien", street1="Straße 1 <b>", city="Århus & Łódź", postal_code="8000",
        country_code="DK",
    )  # fmt: skip
    return Order(
        remote_id="1",
        order_number="№ 1",
        order_date=datetime(2026, 11, 1, 8, 15, 30, tzinfo=UTC),
        modified_at=datetime(2026, 11, 1, 8, 16, 30, tzinfo=UTC),
        status="processing",
        payment_status="Paid",
        currency="EUR",
        lines=(
            OrderLine(
                "1", "WEB-1", "Tasse „Grün“", Decimal(2), Decimal("49.9900"), Decimal("99.9800"),
                tax_lines=(TaxLine("MwSt", Decimal("19.0000"), Decimal("15.9632")),),
            ),
            OrderLine("2", "WEB-2", "Stoff, je Meter", Decimal("0.5"), Decimal("37.5610"), Decimal("18.7805")),
        ),
        customer=Customer(web_customer_id="77", is_guest=False, email="zoe@example.com", first_name="Zoë 名"),
        billing_address=address,
        shipping_address=address,
        subtotal=Decimal("118.7605"),
        grand_total=Decimal("118.7605"),
        payments=(Payment("card", "Capture", Decimal("118.7605"), "ch_1", "Visa", "0042"),),
        customer_note="Bitte klingeln.\nMerci & grüße 👋",
    )  # fmt: skip


def _order(number: str, sku: str) -> Order:
    placed = datetime(2026, 11, 1, 9, tzinfo=UTC) + timedelta(seconds=int(number))
    return Order(
        remote_id=number,
        order_number=number,
        order_date=placed,
        modified_at=placed,
        status="processing",
        payment_status="Paid",
        currency="EUR",
        lines=(OrderLine("1", sku, "Tasse", Decimal(1), Decimal("10"), Decimal("10")),),
        customer=Customer(email=f"guest{number}@example.com"),
        billing_address=Address(),
        shipping_address=Address(),
        grand_total=Decimal("10"),
    )


def _transactions() -> tuple[Transaction, ...]:
    return (
        Transaction(
            key="shipment-12",
            type="Sale",
            transaction_number="V 12",
            transaction_date=datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC),
            currency="EUR",
            lines=(TransactionLine("1", Decimal(1), "Tasse „Grün“", Decimal("49.99"), line_total=Decimal("49.99")),),
            grand_total=Decimal("49.9900"),
            tracking_numbers=("1Z-0",),
        ),
        Transaction(
            key="refund-7",
            type="Return",
            transaction_number="G 7",
            transaction_date=datetime(2026, 11, 3, tzinfo=UTC),
            currency="EUR",
            lines=(),
            grand_total=Decimal("5.5000"),
            adjustment_amount=Decimal("5.5000"),
        ),
    )


def _captures() -> tuple[Capture, ...]:
    taken = datetime(2026, 11, 1, 8, 16, tzinfo=UTC)
    return (
        Capture("capture-9", "Capture", taken, Decimal("118.7605"), "EUR", "card", "ch_1", "Visa", "0042"),
        Capture("capture-10", "Refund", taken + timedelta(days=2), Decimal("5.50"), "EUR", "card", "re_1"),
    )
