"""The file profile with the whole core around: what the shop answers later, in the operator's list."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from integrator.connectors.hipcommerce.files.transport import FOLDERS, Folder
from integrator.connectors.hipcommerce.reference.catalogue import result
from integrator.connectors.hipcommerce.reference.exchange import FileShop
from integrator.sync.reconcile import reconcile
from tests.connectors.hipcommerce.simulator import HipShop
from tests.connectors.scene import Scene, product
from tests.connectors.shop import Line


class FolderShop(HipShop):
    """The same shop, reached through a folder; `run` is its import and export."""

    def __init__(self, root: Path) -> None:
        super().__init__()
        self.root = root
        for name in FOLDERS:
            (root / name).mkdir()
        self.files = FileShop(self.reference, Folder(root))

    def credentials(self) -> dict[str, Any]:
        return {"mode": "folder", "folder": str(self.root)}

    def run(self) -> None:
        self.files.run()


@pytest.fixture
def shop(engine: Engine, tmp_path: Path) -> Iterator[FolderShop]:
    shop = FolderShop(tmp_path)
    yield shop
    shop.close()


def turn(scene: Scene, shop: FolderShop) -> None:
    """Ours, theirs, ours: until what was said has been answered."""
    scene.sync()
    shop.run()
    scene.sync()


def test_the_whole_way(shop: FolderShop) -> None:
    scene = Scene(shop, publish_new=True)
    scene.products(product("A", Quantity=10, Price="10.00"), product("B", Quantity=3))
    turn(scene, shop)
    assert (scene.shown("A").quantity, scene.shown("A").published) == (10, True)
    scene.stock(A=9)
    scene.price("B", Price="7")
    turn(scene, shop)
    assert (scene.shown("A").quantity, scene.shown("B").price) == (9, 7)

    placed = shop.place_order([Line("A", 2)])
    shop.run()
    scene.sync()
    (order,) = scene.new("order")
    assert order["OrderId"] == f"{scene.channel_id}-{placed}"
    assert [one["ItemIntegrationId"] for one in order["Lines"]] == ["A"]
    assert [one["Type"] for one in scene.new("capture")] == ["Capture"]
    scene.confirm("order", order["OrderId"])
    assert scene.save_shipment("SH-1", order["OrderId"], {"A": 2}, TrackingNumbers=["1Z"]) == "Accepted"
    turn(scene, shop)
    assert shop.order(placed)["shipments"] == [{"tracking": ["1Z"], "lines": {"A": 2}}]
    assert scene.new("transaction") == []  # the POS knows what it shipped
    assert scene.issues() == []


def test_a_refusal_is_an_issue_until_the_next_push_goes_through(shop: FolderShop) -> None:
    scene = Scene(shop)
    shop.misbehave(reject_sku="A")
    scene.products(product("A", Quantity=1), product("B", Quantity=1))
    turn(scene, shop)
    (issue,) = scene.issues()
    assert (issue["subject"], issue["subject_id"], issue["purpose"]) == ("product", "A", "content")
    assert "does not want 'A'" in issue["message"]
    assert sorted(shop.products()) == ["B"]
    shop.misbehave()
    scene.resend()
    turn(scene, shop)
    assert scene.issues() == []
    assert (scene.shown("A").quantity, scene.shown("A").price) == (1, scene.shown("B").price)


def test_a_shipment_that_is_refused_later_is_an_issue_of_it(shop: FolderShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Quantity=10))
    turn(scene, shop)
    placed = shop.place_order([Line("A", 2)])
    shop.run()
    scene.sync()
    (order,) = scene.new("order")
    scene.save_shipment("SH-1", order["OrderId"], {"A": 2})
    put = shop.orders.put_shipment
    shop.files.work["shipments"] = lambda row: [result(row["shipment_id"], 422, "locked", "The order is locked.")]
    turn(scene, shop)
    (issue,) = scene.issues()
    assert (issue["subject"], issue["code"]) == ("shipment", "LOCKED")
    assert issue["subject_id"] == f"{scene.channel_id}-{placed}/SH-1"
    shop.files.work["shipments"] = lambda row: [put(row)]
    scene.resend()
    turn(scene, shop)
    assert scene.issues() == []
    assert len(shop.order(placed)["shipments"]) == 1


def test_a_broken_file_is_an_issue_and_the_next_is_read(shop: FolderShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Quantity=10))
    turn(scene, shop)
    (shop.root / "out" / "orders-000000500.csv").write_bytes(b"\xff")
    (shop.root / "out" / "orders-000000500.csv.done").touch()
    shop.place_order([Line("A", 2)])
    shop.run()
    scene.sync()
    assert len(scene.new("order")) == 1
    (issue,) = scene.issues()
    assert (issue["subject"], issue["subject_id"], issue["code"]) == ("file", "orders-000000500.csv", "FILE_UNREADABLE")
    assert "UTF-8" in issue["message"]
    assert issue["hint"]


def test_what_drifted_is_found_by_the_shops_export(shop: FolderShop) -> None:
    scene = Scene(shop)
    scene.products(product("A", Price="10", Quantity=5), product("B", Price="10", Quantity=5))
    turn(scene, shop)
    shop.edit("A", price=Decimal(3))
    shop.files.export()
    found = reconcile(*scene.ids)
    assert (str(found), found.drifted) == ("1 of 2", 1)
    turn(scene, shop)
    assert scene.shown("A").price == 10
