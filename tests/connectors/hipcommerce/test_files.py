"""The file profile, over a folder and over SFTP, as CSV and as XML, with the reference shop on the other side."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.connectors.base import NeedsCredentials, OrderPage, Rejected, Transient
from integrator.connectors.hipcommerce.connector import HipCommerceConnector
from integrator.connectors.hipcommerce.files import codec
from integrator.connectors.hipcommerce.files.exchange import Side
from integrator.connectors.hipcommerce.files.transport import Folder
from integrator.connectors.pushes import Image, ListingPush, Outcome, PushResult, ShipmentLine, ShipmentPush
from integrator.connectors.records import document
from tests.connectors.hipcommerce.conftest import FileBench, push
from tests.connectors.pushing import alone, style

D = Decimal
CUSTOMER = {"web_customer_id": "77", "is_guest": False, "email": "ada@example.com", "first_name": "Zoë"}


def after(one: ListingPush, result: PushResult, **given: Any) -> ListingPush:
    return replace(one, remote={**one.remote, **result.remote}, fields=frozenset(), **given)


def pulled(connector: HipCommerceConnector) -> list[OrderPage]:
    return list(connector.pull_orders({}))


def stocked(bench: FileBench, *skus: str) -> None:
    bench.connector().push_content(alone(*(push(sku, quantity=50) for sku in skus)))
    bench.shop.run()
    assert pulled(bench.connector()) == []


def ordered(bench: FileBench, sku: str = "A", units: int = 2) -> str:
    orders = bench.reference.orders
    order = orders.place([{"sku": sku, "quantity": units}], customer=CUSTOMER, shipping=D(5), tax_rate=D("0.2"))
    orders.take(order)
    return order


# -- products


def test_products_prices_and_stock_arrive(exchange: FileBench) -> None:
    text = '<p>Größe „XL“, 100\u00a0%;\n"quoted", \\N and \\ 🙂</p>'
    a = push("A", price="12.50", quantity=3, name="Mug", long_description=text, category=("Kitchen", "Mugs"),
             tags=("new", "a,b"), images=(Image("https://cdn.example.com/a.jpg", 0, "A"),))  # fmt: skip
    tees = [push(f"T-{one}", price="20", quantity=n, options=(("Size", one),)) for n, one in enumerate("SM")]
    results = exchange.connector().push_content([*alone(a), style("TEE", *tees)])
    assert [(one.outcome, dict(one.remote), one.created) for one in results] == [
        (Outcome.ACCEPTED, {"item": sku}, True) for sku in ("A", "T-S", "T-M")
    ]
    exchange.shop.run()
    catalogue = exchange.reference.catalogue
    found = {one["sku"]: one for one in catalogue.listings()}
    assert (found["A"]["price"], found["A"]["quantity"], found["A"]["published"]) == ("12.5", "3", False)
    product = catalogue.products[found["A"]["product_id"]]
    assert product["long_description"] == text
    assert (product["category"], product["tags"]) == (["Kitchen", "Mugs"], ["new", "a,b"])
    assert product["images"] == [{"url": "https://cdn.example.com/a.jpg", "position": 0, "alt_text": "A"}]
    assert found["T-S"]["product_id"] == found["T-M"]["product_id"]
    assert found["T-M"]["options"] == [{"name": "Size", "value": "M"}]

    start = datetime(2026, 11, 27, tzinfo=UTC)
    sale = after(push("A", price="11", sale_price=D("9.9"), sale_start=start), results[0])
    assert exchange.connector().push_price(alone(sale))[0].outcome is Outcome.ACCEPTED
    places = after(push("A", quantity=7, by_location={"main": D(4), "outlet": D(3)}), results[0])
    exchange.connector().push_stock(alone(places))
    exchange.shop.run()
    (a_now,) = catalogue.listings(["A"])
    assert (a_now["price"], a_now["sale_price"], a_now["sale_from"]) == ("11", "9.9", "2026-11-27T00:00:00Z")
    assert [one["quantity"] for one in a_now["location_quantities"]] == ["4", "3"]
    assert pulled(exchange.connector()) == []
    assert exchange.names("in") == []
    assert [name for name in exchange.names("archive") if name.endswith(".ack.csv")] != []
    assert exchange.names("out") == []
    assert exchange.names("failed") == []


def test_what_the_merchant_edits_survives_and_what_is_the_poss_does_not(exchange: FileBench) -> None:
    connector = exchange.connector(field_rules={"Brand": "pos", "Tags": "shop"})
    one = push("A", name="POS", brand="Old", long_description="POS", tags=("never",))
    (result,) = connector.push_content(alone(one))
    exchange.shop.run()
    (product,) = exchange.reference.catalogue.products.values()
    assert (product["brand"], product["tags"], product["published"]) == ("Old", [], False)
    product |= {"name": "Merchant", "long_description": "Merchant", "published": True, "brand": "Merchant"}
    again = after(one, result, content=replace(one.content, name="POS again", brand="New"))
    again = replace(again, fields=frozenset({"Brand"}))
    exchange.connector(field_rules={"Brand": "pos", "Tags": "shop"}).push_content(alone(again))
    exchange.shop.run()
    assert (product["name"], product["long_description"], product["published"]) == ("Merchant", "Merchant", True)
    assert product["brand"] == "New"


def test_a_product_that_was_refused_can_be_made_by_the_next_record(exchange: FileBench) -> None:
    catalogue = exchange.reference.catalogue
    catalogue.refuse = lambda key: {"key": key, "status": 422, "code": "bad_name", "message": "No."}
    one = push("A", quantity=4)
    (result,) = exchange.connector().push_content(alone(one))
    assert result.outcome is Outcome.ACCEPTED  # placed; the shop answers later
    exchange.shop.run()
    (page,) = pulled(exchange.connector())
    (problem,) = page.problems
    found = (problem.subject, problem.remote_id, problem.purpose, problem.code)
    assert found == ("product", "A", "content", "BAD_NAME")
    assert "No." in problem.message
    assert problem.hint
    assert pulled(exchange.connector()) == []  # told once
    catalogue.refuse = lambda _: None
    exchange.connector().push_content(alone(after(one, result)))
    exchange.shop.run()
    (made,) = catalogue.listings()
    assert (made["sku"], made["price"], made["quantity"], made["name"]) == ("A", "10", "4", "Item A")


def test_what_the_shop_lost_is_missing_on_its_lane(exchange: FileBench) -> None:
    gone, there = push("GONE", remote={"item": "GONE"}), push("A", remote={"item": "A"})
    stocked(exchange, "A")
    exchange.connector().push_stock(alone(gone, there))
    exchange.shop.run()
    (page,) = pulled(exchange.connector())
    assert [(one.remote_id, one.code, one.purpose) for one in page.problems] == [("GONE", "LISTING_MISSING", "stock")]


def test_a_product_of_the_merchant_is_linked_by_its_sku_and_two_are_a_conflict(exchange: FileBench) -> None:
    catalogue = exchange.reference.catalogue
    catalogue.add_by_hand("By hand", "A", price="1")
    catalogue.add_by_hand("One", "B", price="1")
    catalogue.add_by_hand("Two", "B", price="1")
    exchange.shop.export()
    results = exchange.connector().push_content(alone(push("A", name="POS"), push("B"), push("C")))
    assert [(one.outcome, one.created) for one in sorted(results, key=lambda one: one.product_id)] == [
        (Outcome.ACCEPTED, False), (Outcome.CONFLICT, False), (Outcome.ACCEPTED, True)
    ]  # fmt: skip
    exchange.shop.run()
    assert [(one["item_integration_id"], one["name"]) for one in catalogue.listings(["A"])] == [("A", "By hand")]
    assert pulled(exchange.connector()) == []


def test_the_newest_export_is_what_is_compared(exchange: FileBench) -> None:
    with pytest.raises(Rejected, match="has not exported"):
        exchange.connector().read_listings()
    stocked(exchange, "A")
    exchange.shop.export()
    stocked(exchange, "B")
    exchange.shop.export()
    found = {one.sku: one for one in exchange.connector().read_listings()}
    assert sorted(found) == ["A", "B"]
    assert (found["A"].price, found["A"].quantity, dict(found["A"].remote), found["A"].published) == (
        10, 50, {"item": "A"}, False
    )  # fmt: skip
    assert pulled(exchange.connector()) == []
    assert len([name for name in exchange.names("out") if name.endswith(".done")]) == 1  # the older one is put away


# -- orders


def test_an_order_comes_with_all_its_events(exchange: FileBench) -> None:
    stocked(exchange, "A", "B")
    order = ordered(exchange)
    line = f"{order}-1"
    exchange.reference.orders.ship(order, {line: D(1)}, tracking=["1Z"])
    exchange.reference.orders.refund(order, value=D("2.50"))
    exchange.shop.run()
    connector = exchange.connector()
    (page,) = pulled(connector)
    (found,) = page.orders
    assert (found.order.remote_id, found.order.grand_total, found.order.rounding_amount) == (order, D("30.00"), 0)
    assert (found.order.customer.first_name, found.order.customer.is_guest) == ("Zoë", False)
    assert [(one.sku, one.quantity_ordered, one.quantity_shipped) for one in found.order.lines] == [("A", 2, 1)]
    assert [(one.type, one.tracking_numbers, len(one.lines)) for one in found.transactions] == [
        ("Sale", ("1Z",), 1), ("Return", (), 0)
    ]  # fmt: skip
    assert [(one.type, one.amount) for one in found.captures] == [("Capture", D("30.00")), ("Refund", D("2.50"))]
    assert found.order.shipping_lines[0].amount == 5
    exchange.shop.run()
    assert exchange.shop.refused == []
    assert exchange.names("in") == []
    assert pulled(exchange.connector()) == []
    again = exchange.connector().pull_order(order)
    assert again is not None
    assert document(again) == document(found)
    assert exchange.connector().pull_order("987") is None


def test_a_file_is_read_again_where_what_was_read_was_not_stored(exchange: FileBench) -> None:
    stocked(exchange, "A")
    ordered(exchange)
    exchange.shop.run()
    pages = exchange.connector().pull_orders({})
    first = next(pages)
    pages.close()  # type: ignore[attr-defined]  # the job dies before it is stored
    (second,) = pulled(exchange.connector())
    assert [document(one) for one in first.orders] == [document(one) for one in second.orders]


def test_one_order_that_cannot_be_read_is_alone(exchange: FileBench) -> None:
    stocked(exchange, "A")
    first, second = ordered(exchange), ordered(exchange)
    exchange.reference.orders.orders[first]["grand_total"] = "much"
    exchange.shop.run()
    (page,) = pulled(exchange.connector())
    assert [one.order.remote_id for one in page.orders] == [second]
    (problem,) = page.problems
    assert (problem.subject, problem.remote_id) == ("order", first)
    assert "grand_total is no amount: 'much'" in problem.message
    exchange.shop.run()
    assert [(row["key"], row["status"]) for row in exchange.shop.refused] == [(first, "422")]


def test_a_poisoned_file_stops_nobody(exchange: FileBench) -> None:
    stocked(exchange, "A")
    poison = {
        "orders-000000101.csv": b"order_id,order_id\n1,2\n", "orders-000000102.csv": b"order_id\n\xff\xfe\n",
        "orders-000000103.xml": b"<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><orders>&e;</orders>",
        "orders-000000104.xml": b"<orders><order>", "orders-000000105.csv": b"", "products-000000106.csv": b"a\n1\n",
        "orders-000000107.csv": b'order_id\n"1\n',
    }  # fmt: skip
    for name, content in poison.items():
        (exchange.root / "out" / name).write_bytes(content)
        (exchange.root / "out" / f"{name}.done").touch()
    order = ordered(exchange)
    exchange.shop.run()
    pages = pulled(exchange.connector())
    assert [one.order.remote_id for page in pages for one in page.orders] == [order]
    problems = [one for page in pages for one in page.problems]
    assert sorted(one.remote_id for one in problems) == sorted(poison)
    assert {one.subject for one in problems} == {"file"}
    assert exchange.names("failed") == sorted(poison)
    assert "root:" not in str(problems)
    exchange.shop.run()
    assert len(exchange.shop.refused) == len(poison)
    assert pulled(exchange.connector()) == []


def test_a_poisoned_file_of_ours_is_an_issue_and_stops_nobody(exchange: FileBench) -> None:
    stocked(exchange, "A")
    file = exchange.connector().way.side.place("prices", [], "csv")  # type: ignore[union-attr]
    (exchange.root / "in" / file.name).write_bytes(b"\xff")
    exchange.connector().push_stock(alone(push("A", quantity=9, remote={"item": "A"})))
    exchange.shop.run()
    assert exchange.reference.catalogue.listings(["A"])[0]["quantity"] == "9"
    (page,) = pulled(exchange.connector())
    assert [(one.subject, one.remote_id) for one in page.problems] == [("file", file.name)]
    assert exchange.names("failed") == [file.name]


def test_half_written_files_are_not_looked_at(exchange: FileBench) -> None:
    for name in ("orders-000000001.csv", "orders-000000002.csv.tmp", "notes.txt", "orders-3.csv"):
        (exchange.root / "out" / name).write_text("order_id\n")
    (exchange.root / "out" / "orders-000000009.csv.done").touch()  # whose file is not there
    before = exchange.names("out")
    assert pulled(exchange.connector()) == []
    assert exchange.names("out") == before
    assert exchange.names("archive") == exchange.names("failed") == []


# -- shipments


def shipment(order: str, **given: Any) -> ShipmentPush:
    lines = (ShipmentLine(f"{order}-1", "A", "A", D(2)),)
    values: dict[str, Any] = {"lines": lines, "tracking_numbers": ("1Z", "2Z"), "completes_order": True}
    return ShipmentPush(**{"shipment_id": "SH-1", "order_remote_id": order, **values, **given})


def test_a_shipment_is_told_once_and_its_transaction_names_it(exchange: FileBench) -> None:
    stocked(exchange, "A")
    order = ordered(exchange)
    for _ in range(2):  # the second after an interruption
        exchange.connector().send_shipment(shipment(order))
    exchange.shop.run()
    (page,) = pulled(exchange.connector())
    (found,) = page.orders
    assert [(one.pos_shipment_id, one.tracking_numbers) for one in found.transactions] == [("SH-1", ("1Z", "2Z"))]
    assert page.problems == ()


def test_a_shipment_that_the_shop_refuses_is_an_issue_of_the_shipment(exchange: FileBench) -> None:
    stocked(exchange, "A")
    order = ordered(exchange)
    exchange.connector().send_shipment(shipment(order, lines=(ShipmentLine(f"{order}-1", "A", "A", D(9)),)))
    exchange.connector().send_shipment(shipment(order, shipment_id="SH-2", capture=True))
    exchange.shop.run()
    problems = [one for page in pulled(exchange.connector()) for one in page.problems]
    assert [(one.subject, one.remote_id, one.purpose, one.code) for one in problems] == [
        ("shipment", f"{order}/SH-1", "ship", "QUANTITY_EXCEEDS_OPEN"),
        ("shipment", f"{order}/SH-2", "capture", "CAPTURE_FAILED"),
    ]


# -- the exchange itself


def test_numbers_rise_also_when_the_note_of_them_is_lost(exchange: FileBench) -> None:
    stocked(exchange, "A", "B")
    for quantity in (1, 2):
        exchange.connector().push_stock(alone(push("A", quantity=quantity, remote={"item": "A"})))
        exchange.shop.run()
        (exchange.root / "in" / ".sequence").unlink()
    exchange.connector().push_stock(alone(push("A", quantity=3, remote={"item": "A"})))
    (file,) = [name for name in exchange.names("in") if not name.endswith(".done")]
    assert file.startswith("inventory-000000004.")


def test_a_shop_that_does_not_read_is_noticed(exchange: FileBench) -> None:
    exchange.connector().push_content(alone(push("A")))
    assert exchange.connector().check().ok
    (name,) = [one for one in exchange.names("in") if not one.endswith(".done")]
    old = datetime.now().timestamp() - 25 * 3600
    os.utime(exchange.root / "in" / name, (old, old))
    report = exchange.connector().check()
    assert not report.ok
    with pytest.raises(Transient, match="has not taken in/products-000000001"):
        pulled(exchange.connector())


def test_the_check_says_what_is_wrong(exchange: FileBench) -> None:
    assert exchange.connector().check().ok
    shutil.rmtree(exchange.root / "out")
    (item,) = exchange.connector().check().items
    assert not item.ok
    assert "out" in item.message
    assert item.hint


def test_a_wrong_password_or_host_key_stops_the_channel(exchange: FileBench) -> None:
    if exchange.credentials["mode"] != "sftp":
        pytest.skip("a folder has no login")
    right = dict(exchange.credentials)
    exchange.credentials["password"] = "wrong"
    with pytest.raises(NeedsCredentials, match="refuses 'shop'"):
        exchange.connector().push_content(alone(push("A")))
    exchange.credentials |= right | {"host_key": "ssh-ed25519 " + "A" * 68}
    with pytest.raises(NeedsCredentials, match="another key"):
        exchange.connector().push_content(alone(push("A")))


# -- a shop's own hand


def test_a_plain_csv_of_a_shop_is_read(tmp_path: Path) -> None:
    """As somebody writes it in an afternoon: few columns, CRLF, a byte order mark, nothing escaped."""
    for name in ("in", "out", "archive", "failed"):
        (tmp_path / name).mkdir()
    text = (
        "\ufefforder_id,order_number,order_date,updated_at,status,payment_status,currency,customer.is_guest,"
        "customer.email,line.line_id,line.sku,line.name,line.quantity_ordered,line.unit_price,line.line_total,"
        "grand_total\r\n"
        "7,#7,2026-11-24T07:00:00Z,2026-11-24T07:00:00Z,new,Paid,EUR,true,a@b.c,1,A,Mug,2,5.00,10.00,15.50\r\n"
        '7,#7,2026-11-24T07:00:00Z,2026-11-24T07:00:00Z,new,Paid,EUR,true,a@b.c,2,B,"Cup, blue",1,5.50,5.50,15.50\r\n'
    )
    (tmp_path / "out" / "orders-000000001.csv").write_text(text, "utf-8", newline="")
    (tmp_path / "out" / "orders-000000001.csv.done").touch()
    bench = FileBench(tmp_path, {"mode": "folder", "folder": str(tmp_path)}, "csv")
    (page,) = pulled(bench.connector())
    (found,) = page.orders
    assert [(one.sku, one.name, one.line_total) for one in found.order.lines] == [
        ("A", "Mug", D("10.00")), ("B", "Cup, blue", D("5.50"))
    ]  # fmt: skip
    assert found.order.rounding_amount == 0
    acks = Side(Folder(tmp_path), shop=True)
    (file,) = acks.acknowledgements()
    assert [(row["row"], row["key"], row["status"]) for row in acks.acknowledged(file)] == [("1", "7", "200")]
    assert codec.decode("ack", (tmp_path / "in" / "orders-000000001.csv.ack.csv").read_bytes(), "csv")
