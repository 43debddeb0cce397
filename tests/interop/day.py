"""The day of a POS that every client program plays: what it must have reported, and what must be stored then.

A program prints lines of a topic and `key=value` pairs, separated by tabs (examples/clients/README.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import sqlalchemy as sa

from tests.interop.seeding import Day
from tests.support.service import Service

NAME = "Chemise d'été – Größe S 👕"


@dataclass(frozen=True)
class Line:
    topic: str
    values: dict[str, str]

    def __getitem__(self, key: str) -> str:
        return self.values[key]


class Report:
    def __init__(self, text: str) -> None:
        self.lines = []
        for line in text.splitlines():
            topic, *pairs = line.split("\t")
            self.lines.append(Line(topic, dict(pair.split("=", 1) for pair in pairs)))

    def all(self, topic: str) -> list[Line]:
        return [line for line in self.lines if line.topic == topic]

    def one(self, topic: str) -> Line:
        (found,) = self.all(topic)
        return found

    def totals(self, topic: str) -> list[tuple[int, int, int, int]]:
        """(Received, Applied, Unchanged, Failed) of each call of that topic."""
        keys = ("Received", "Applied", "Unchanged", "Failed")
        return [tuple(int(line[key]) for key in keys) for line in self.all(topic)]  # type: ignore[misc]

    def problems(self, call: str) -> list[tuple[int, str, str]]:
        """(Index, Id, Code) of each item that the call did not take."""
        found = [line for line in self.all("problem") if line["Call"] == call]
        return [(int(line["Index"]), line["Id"], line["Code"]) for line in found]


def moment(text: str) -> datetime:
    """A time with its offset, whatever way the client writes it."""
    return datetime.fromisoformat(text.strip().replace("Z", "+00:00")).astimezone(UTC)


def check_report(text: str, day: Day) -> None:
    """What the client was told, exactly: decimals, times, accented text, arrays of 0, 1 and 1,000, a Fault."""
    report = Report(text)

    assert report.totals("products") == [(3, 2, 0, 1)]
    assert report.problems("products") == [(2, "BAD-1", "VALUE_MISSING")]
    assert report.all("problem")[0]["Field"] == "Price"
    assert report.totals("products-none") == [(0, 0, 0, 0)]
    assert report.totals("products-many") == [(1000, 1000, 0, 0)]
    assert report.totals("products-again") == [(1, 1, 0, 0)]

    assert report.totals("inventory") == [(3, 2, 0, 1)]
    assert report.problems("inventory") == [(2, "UNKNOWN", "ITEM_NOT_FOUND")]
    assert report.totals("inventory-none") == [(0, 0, 0, 0)]
    assert report.totals("inventory-many") == [(1000, 1000, 0, 0)]

    assert report.totals("pricing") == [(1, 1, 0, 0)]
    assert report.one("repeat")["SameCall"].lower() == "true"
    assert report.totals("pricing-none") == [(0, 0, 0, 0)]
    assert report.totals("pricing-many") == [(1000, 1000, 0, 0)]

    order = report.one("order")
    assert order["OrderId"] == day.order_id("1")
    assert order["OrderNumber"] == "№ 1"
    assert moment(order["OrderDate"]) == datetime(2026, 11, 1, 8, 15, 30, tzinfo=UTC)
    assert order["FirstName"] == "Zoë 名"
    assert order["City"] == "Århus & Łódź"
    assert Decimal(order["GrandTotal"]) == Decimal("118.7605")
    assert order["Lines"] == "2"
    first, second = report.all("line")
    assert (first["LineId"], first["Item"], first["Name"]) == ("1", "WEB-1", "Tasse „Grün“")
    assert (Decimal(first["Quantity"]), Decimal(first["UnitPrice"])) == (Decimal(2), Decimal("49.9900"))
    assert (second["LineId"], second["Item"]) == ("2", "WEB-2")
    assert (Decimal(second["Quantity"]), Decimal(second["UnitPrice"])) == (Decimal("0.5"), Decimal("37.5610"))
    assert report.one("orders").values == {"Received": "1003", "Calls": "2"}
    assert report.totals("orders-confirmed") == [(1000, 1000, 0, 0), (3, 3, 0, 0)]
    assert report.one("orders-left")["Received"] == "0"
    assert report.one("orders-again")["Action"] == "Duplicate"

    sale, refund = report.all("transaction")
    assert (sale["TransactionId"], sale["Type"], sale["Lines"]) == (day.event_id("shipment-12"), "Sale", "1")
    assert moment(sale["TransactionDate"]) == datetime(2026, 11, 2, 23, 59, 59, tzinfo=UTC)
    assert Decimal(sale["GrandTotal"]) == Decimal("49.9900")
    assert (refund["TransactionId"], refund["Type"], refund["Lines"]) == (day.event_id("refund-7"), "Return", "0")
    assert Decimal(refund["GrandTotal"]) == Decimal("5.5000")
    assert report.totals("transactions-confirmed") == [(2, 2, 0, 0)]

    taken, returned = report.all("capture")
    assert (taken["CaptureId"], taken["Type"], taken["Last4"]) == (day.event_id("capture-9"), "Capture", "0042")
    assert moment(taken["CaptureDate"]) == datetime(2026, 11, 1, 8, 16, 0, tzinfo=UTC)
    assert Decimal(taken["Amount"]) == Decimal("118.7605")
    assert (returned["CaptureId"], returned["Type"]) == (day.event_id("capture-10"), "Refund")
    assert report.totals("captures-confirmed") == [(3, 2, 0, 1)]
    assert report.problems("captures-confirmed") == [(2, "NO-SUCH-ID", "RECORD_NOT_FOUND")]

    assert report.totals("shipment") == [(1, 1, 0, 0)]
    assert report.totals("shipment-again") == [(2, 0, 1, 1)]
    assert report.problems("shipment-again") == [(1, "S-2", "SHIPMENT_EMPTY")]

    fault = report.one("fault")
    assert fault["Code"].rpartition(":")[2] in {"Client", "Sender", "NOT_AUTHORISED"}
    assert "credentials are wrong" in fault["Message"], fault


def check_store(service: Service, day: Day, *, name: str = NAME, nil: bool) -> None:
    """What is stored after it. `nil`: whether the client can say xsi:nil, which clears the cost."""
    account, store = day.login.account_id, day.login.store_id
    with service.begin() as connection:

        def rows(statement: str) -> list[sa.RowMapping]:
            found = connection.execute(sa.text(statement), {"account": account, "store": store})
            return list(found.mappings())

        products = {
            row["item_id"]: row
            for row in rows(
                """
                SELECT p.item_id, p.style_id, p.content, r.price, r.sale_price, r.sale_start, r.sale_end, r.cost,
                       s.quantity, s.quantities
                  FROM products p
                  LEFT JOIN prices r ON r.account_id = p.account_id AND r.product_id = p.id
                  LEFT JOIN stocks s ON s.account_id = p.account_id AND s.product_id = p.id
                 WHERE p.account_id = :account AND p.store_id = :store
                """
            )
        }
        assert len(products) == 1000 + 2 + 2  # those of the bulk, the shirts, those that were sold before
        shirt = products["SHIRT-S"]
        content = shirt["content"]
        assert content["Name"] == name
        assert content["LongDescription"] == "<p>Coton & lin, 100 % naturel</p>"
        assert (content["Brand"], content["Department"]) == ("", "Été")  # emptied, unchanged
        assert content["Tags"] == ["summer", "夏"]
        assert Decimal(str(content["Weight"])) == Decimal("0.3505")
        assert content["WeightUnit"] == "kg"
        assert content["Options"] == [{"Name": "Größe", "Value": "S"}]
        assert content["SellOnline"] is True
        assert shirt["style_id"] == "SHIRT"
        assert shirt["cost"] == (None if nil else Decimal("17.1234"))
        assert (shirt["price"], shirt["sale_price"]) == (Decimal("44.9"), Decimal("39.505"))
        assert shirt["sale_start"] == datetime(2030, 6, 1, 6, 30, tzinfo=UTC)
        assert shirt["sale_end"] == datetime(2030, 6, 30, 21, 59, 59, tzinfo=UTC)
        assert {k: Decimal(str(v)) for k, v in shirt["quantities"].items()} == {"MAIN": Decimal("5.25"), "SHOP": -1}

        # What a client did not set must not have been sent as 0, false or the year 1.
        medium = products["SHIRT-M"]
        assert (medium["quantity"], medium["price"], medium["cost"]) == (0, Decimal("49.9"), None)
        assert medium["sale_start"] is None
        assert not {"SellOnline", "Taxable", "Weight", "WeightUnit", "Length"} & set(medium["content"])

        bulk = products["BULK-0500"]
        assert (bulk["price"], bulk["quantity"]) == (Decimal("500.99"), Decimal("500.125"))

        deliveries = rows("SELECT * FROM deliveries WHERE account_id = :account AND store_id = :store")
        assert sum(d["state"] == "confirmed" for d in deliveries) == 1002 + 2 + 2
        (rejected,) = [d for d in deliveries if d["state"] == "rejected"]
        assert (rejected["public_id"], rejected["message"]) == (day.order_id("2"), "Unbekannter Artikel: Größe?")
        receipts = {d["public_id"]: d["receipt_number"] for d in deliveries}
        assert receipts[day.order_id("1")] == "R-№ 1"
        assert receipts[day.event_id("refund-7")] == "T-G 7"
        pos_ids = rows("SELECT DISTINCT pos_id FROM customers WHERE account_id = :account AND pos_id IS NOT NULL")
        assert [row["pos_id"] for row in pos_ids] == ["C-4711"]

        (shipment,) = rows("SELECT * FROM shipments WHERE account_id = :account AND store_id = :store")
        document = shipment["document"]
        assert (shipment["shipment_id"], document["Carrier"]) == ("S-1", "Österreichische Post")
        assert document["TrackingNumbers"] == ["1Z-1", "1Z-2"]
        assert moment(document["ShipDate"]) == datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
        assert [line["LineId"] for line in document["Lines"]] == ["1"]

        calls = rows("SELECT operation, count(*) AS n FROM calls WHERE account_id = :account GROUP BY operation")
        assert len(calls) == 10  # every operation was called
