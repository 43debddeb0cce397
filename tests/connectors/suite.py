"""The contract suite: what every connector does, whatever its platform.

    class TestAcme(ConnectorContract):
        @pytest.fixture
        def shop(self, engine):
            shop = AcmeShop()
            yield shop
            shop.close()

The whole core runs in process on a real database; the shop is spoken to over HTTP. What a platform cannot do, its
`Capabilities` say: then the documented fallback is asserted. A verb of `Shop` that raises NotImplementedError
skips the test that needs it (conftest.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from integrator.accounts import channels
from integrator.connectors.base import Rejected
from integrator.sync.reconcile import reconcile
from tests.connectors.scene import Scene, product, row, variant
from tests.connectors.shop import D, Line, Shop, Shopper

SCENARIOS = Path(__file__).parent / "scenarios"
TEXTS = json.loads((SCENARIOS / "texts.json").read_text("utf-8"))

Stage = Callable[..., Scene]


def money(value: Any) -> Decimal:
    return D(str(value or 0))


class ConnectorContract:
    """Subclassed once for each connector, with a fixture `shop`."""

    @pytest.fixture
    def stage(self, shop: Shop) -> Stage:
        """`stage(**channel_settings)`: a new store with a channel to the shop."""
        return lambda **settings: Scene(shop, **settings)

    @pytest.fixture
    def scene(self, stage: Stage) -> Scene:
        return stage()

    # ------------------------------------------------------------------ products

    def test_a_product_arrives_as_it_was_sent(self, scene: Scene) -> None:
        html = "<p>Dishwasher safe, <b>300 ml</b>.</p>"
        scene.products(product("MUG-1", Name="Enamel mug", LongDescription=html, Price="12.50", Quantity=7))
        scene.sync()
        mug = scene.shown("MUG-1")
        assert (mug.name, mug.price, mug.quantity, mug.sale_price) == ("Enamel mug", D("12.50"), 7, None)
        assert "<b>300 ml</b>" in mug.description
        assert scene.issues() == []

    def test_new_products_are_drafts_where_the_platform_has_them(self, scene: Scene) -> None:
        scene.products(product("A"))
        scene.sync()
        assert scene.shown("A").published is not scene.capabilities.drafts

    def test_new_products_are_published_where_the_channel_says_so(self, stage: Stage) -> None:
        scene = stage(publish_new=True)
        scene.products(product("A", Quantity=1), variant("V-1", "S", options={"Size": "S"}, Quantity=1))
        scene.sync()
        assert scene.shown("A").published
        assert scene.shown("V-1").published

    def test_sending_the_same_again_costs_nothing(self, scene: Scene) -> None:
        items = [
            product("A", Quantity=3),
            variant("V-1", "S", options={"Size": "S"}),
            variant("V-2", "S", options={"Size": "M"}),
        ]
        scene.products(*items)
        scene.sync()
        shop = scene.shop
        reads, writes = shop.reads, shop.writes
        assert scene.products(*items) == ["Unchanged"] * 3
        assert scene.stock(A=3) == ["Unchanged"]
        assert scene.push() == ["idle"] * 3
        assert (shop.reads, shop.writes) == (reads, writes)
        scene.drain()
        assert shop.writes == writes  # orders were read, nothing was written

    def test_going_back_to_what_the_shop_has_writes_nothing(self, scene: Scene) -> None:
        scene.products(product("A", Price="10", Quantity=3))
        scene.sync()
        writes = scene.shop.writes
        scene.price("A", Price="11")
        scene.price("A", Price="10")
        scene.stock(A=4)
        scene.stock(A=3)
        scene.sync()
        assert scene.shop.writes == writes

    def test_an_update_changes_the_product_that_is_there(self, scene: Scene) -> None:
        scene.products(product("A", Price="10", Quantity=3))
        scene.sync()
        scene.products(product("A", Price="11", Quantity=4))
        scene.sync()
        scene.price("A", Price="12")
        scene.stock(A=5)
        scene.sync()
        assert list(scene.shop.products()) == ["A"]
        assert (scene.shown("A").price, scene.shown("A").quantity) == (12, 5)

    def test_ten_updates_before_the_push_are_one_push_of_the_newest(self, scene: Scene) -> None:
        scene.products(product("A", Quantity=1))
        scene.sync()
        writes = scene.shop.writes
        for units in range(2, 12):
            scene.stock(A=units)
        scene.sync()
        assert scene.shown("A").quantity == 11
        assert scene.shop.writes == writes + 1

    def test_what_the_merchant_edits_survives(self, scene: Scene) -> None:
        scene.products(product("A", Name="From the POS", LongDescription="<p>POS</p>"))
        scene.sync()
        scene.shop.edit("A", name="From the merchant", description="<p>Merchant</p>", published=True)
        scene.products(product("A", Name="POS again", LongDescription="<p>POS again</p>", Price="14.50", Quantity=2))
        scene.sync()
        shown = scene.shown("A")
        assert (shown.name, shown.published) == ("From the merchant", True)
        assert "Merchant" in shown.description
        assert (shown.price, shown.quantity) == (D("14.50"), 2)

    def test_a_field_that_belongs_to_the_pos_follows_the_pos(self, stage: Stage) -> None:
        scene = stage(field_rules={"Name": "pos"})
        scene.products(product("A", Name="First", LongDescription="<p>First</p>"))
        scene.sync()
        scene.shop.edit("A", name="From the merchant", description="<p>Merchant</p>")
        scene.products(product("A", Name="Second", LongDescription="<p>Second</p>"))
        scene.sync()
        assert scene.shown("A").name == "Second"
        assert "Merchant" in scene.shown("A").description

    @pytest.mark.parametrize("text", TEXTS, ids=[one["sku"] for one in TEXTS])
    def test_texts_of_all_scripts_arrive_and_scripts_do_not(self, scene: Scene, text: dict[str, str]) -> None:
        scene.products(product(text["sku"], Name=text["name"], LongDescription=text["description"]))
        scene.sync()
        shown = scene.shown(text["sku"])
        assert shown.name == text.get("shown_name", text["name"])
        assert text["description"].partition("<script")[0] in shown.description
        assert "<script" not in shown.description

    # ------------------------------------------------------------------ styles

    def test_the_variants_of_a_style_end_under_one_parent(self, scene: Scene) -> None:
        sizes, colours = ("S", "M", "L"), ("Red", "Grün")
        scene.products(*(
            variant(f"TEE-{c[0]}{s}", "TEE", StyleName="Tee shirt", options={"Colour": c, "Size": s}, Quantity=n)
            for n, (c, s) in enumerate((c, s) for c in colours for s in sizes)
        ))  # fmt: skip
        scene.sync()
        found = scene.shop.products()
        assert len(found) == 6
        assert len({one.parent for one in found.values()}) == 1
        assert dict(found["TEE-GL"].options) == {"Colour": "Grün", "Size": "L"}
        assert [found[f"TEE-{c[0]}{s}"].quantity for c in colours for s in sizes] == [0, 1, 2, 3, 4, 5]

    def test_each_variant_has_its_own_price_and_stock(self, scene: Scene) -> None:
        scene.products(
            variant("V-1", "S", options={"Size": "S"}, Price="10", Quantity=1),
            variant("V-2", "S", options={"Size": "M"}, Price="12", Quantity=2),
        )
        scene.sync()
        scene.price("V-2", Price="13")
        scene.stock(V_1=9)
        scene.sync()
        assert [(scene.shown(sku).price, scene.shown(sku).quantity) for sku in ("V-1", "V-2")] == [(10, 9), (13, 2)]

    def test_a_variant_that_comes_later_joins_its_style(self, scene: Scene) -> None:
        scene.products(variant("V-1", "S", StyleName="Boot", options={"Size": "41"}))
        scene.sync()
        scene.shop.edit("V-1", name="Boot, as the merchant calls it")
        scene.products(variant("V-2", "S", StyleName="Boot", options={"Size": "42"}, Quantity=4))
        scene.sync()
        one, two = scene.shown("V-1"), scene.shown("V-2")
        assert one.parent == two.parent
        assert (dict(two.options), two.quantity) == ({"Size": "42"}, 4)
        assert one.name == "Boot, as the merchant calls it"

    # ------------------------------------------------------------------ what goes wrong

    def test_one_bad_item_of_a_hundred_is_alone(self, scene: Scene) -> None:
        items = [product(f"I-{n:03}", Quantity=n) for n in range(100)]
        scene.shop.misbehave(reject_sku="I-042")
        scene.products(*items)
        scene.sync()
        assert len(scene.shop.products()) == 99
        (issue,) = scene.issues()
        assert (issue["subject"], issue["subject_id"]) == ("product", "I-042")
        assert issue["message"]
        assert issue["hint"]
        scene.shop.misbehave()
        scene.products(product("I-042", Name="Repaired", Quantity=42))
        scene.sync()
        assert len(scene.shop.products()) == 100
        assert scene.issues() == []

    def test_a_bad_item_does_not_stop_prices_and_stock_of_the_others(self, scene: Scene) -> None:
        scene.products(*(product(f"I-{n}", Quantity=1) for n in range(10)))
        scene.sync()
        scene.shop.misbehave(reject_sku="I-3")
        scene.stock(**{f"I_{n}": 5 for n in range(10)})
        for n in range(10):
            scene.price(f"I-{n}", Price="20")
        scene.sync()
        found = scene.shop.products()
        good = [found[f"I-{n}"] for n in range(10) if n != 3]
        assert {(one.quantity, one.price) for one in good} == {(5, 20)}
        assert {one["subject_id"] for one in scene.issues()} == {"I-3"}

    def test_throttling_is_waiting_and_no_failure(self, scene: Scene) -> None:
        scene.products(product("A", Quantity=1))
        scene.sync()
        scene.shop.misbehave(throttle_next=2, retry_after=1)
        scene.stock(A=2)
        scene.products(product("B"))
        started = time.time()  # the database's clock, by which channels are paused
        scene.sync()
        assert time.time() - started >= 1
        assert scene.shown("A").quantity == 2
        assert "B" in scene.shop.products()
        assert scene.issues() == []

    def test_a_shop_that_fails_is_tried_again(self, scene: Scene) -> None:
        scene.products(product("A", Quantity=1))
        scene.sync()
        scene.shop.misbehave(fail_next=2, status=500)
        scene.stock(A=2)
        scene.sync()
        assert scene.shown("A").quantity == 2
        assert scene.issues() == []

    def test_an_answer_that_is_lost_makes_no_second_product(self, scene: Scene) -> None:
        scene.shop.misbehave(lose_next_answer=True)
        scene.products(product("A", Quantity=3), variant("V-1", "S", options={"Size": "S"}))
        scene.sync()
        assert sorted(scene.shop.products()) == ["A", "V-1"]
        with scene.connector() as connector:
            assert [len(found) for found in connector.find(["A", "V-1"]).values()] == [1, 1]
        scene.stock(A=4)
        scene.sync()
        assert scene.shown("A").quantity == 4

    def test_an_answer_that_is_lost_makes_no_second_style(self, scene: Scene) -> None:
        scene.shop.misbehave(lose_next_answer=True)
        scene.products(*(variant(f"V-{n}", "S", options={"Size": str(n)}, Quantity=n) for n in range(3)))
        scene.sync()
        found = scene.shop.products()
        assert sorted(found) == ["V-0", "V-1", "V-2"]
        assert len({one.parent for one in found.values()}) == 1
        assert [found[f"V-{n}"].quantity for n in range(3)] == [0, 1, 2]

    def test_credentials_that_are_revoked_stop_the_channel_until_a_person_acts(self, scene: Scene) -> None:
        scene.products(product("A", Quantity=1))
        scene.sync()
        scene.shop.misbehave(revoke_credentials=True)
        scene.stock(A=2)
        scene.drain()
        assert scene.channel().state == "needs_credentials"
        asked = scene.shop.reads + scene.shop.writes
        for _ in range(3):
            scene.drain()
        assert scene.shop.reads + scene.shop.writes == asked  # no storm
        (issue,) = scene.issues()
        assert (issue["subject"], issue["code"]) == ("channel", "NEEDS_CREDENTIALS")
        scene.shop.misbehave()
        scene.resume()
        scene.sync()
        assert scene.channel().state == "active"
        assert scene.issues() == []
        assert scene.shown("A").quantity == 2

    def test_a_check_says_whether_the_shop_can_be_worked_with(self, scene: Scene) -> None:
        with scene.connector() as connector:
            assert connector.check().ok, connector.check()
            scene.shop.misbehave(revoke_credentials=True)
            report = connector.check()
        assert not report.ok
        assert all(one.hint for one in report.items if not one.ok)

    # ------------------------------------------------------------------ prices and stock

    def test_a_sale_that_is_on_is_asked(self, scene: Scene) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        start, end = now - timedelta(days=1), now + timedelta(days=1)
        scene.products(product("A", Price="20", SalePrice="15", SaleStart=start, SaleEnd=end))
        scene.sync()
        shown = scene.shown("A")
        assert (shown.price, shown.sale_price) == (20, 15)
        if scene.capabilities.sale_windows:
            assert (shown.sale_start, shown.sale_end) == (start, end)
        scene.price("A", SalePrice=None)
        scene.sync()
        assert (scene.shown("A").price, scene.shown("A").sale_price) == (20, None)

    def test_a_sale_ahead_is_the_platforms_to_start_or_ours(self, scene: Scene) -> None:
        start = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        scene.products(product("A", Price="20", SalePrice="15", SaleStart=start, SaleEnd=start + timedelta(days=1)))
        scene.sync()
        shown = scene.shown("A")
        if scene.capabilities.sale_windows:
            assert (shown.sale_price, shown.sale_start) == (15, start)
        else:
            assert shown.sale_price is None

    def test_a_sale_that_is_over_or_not_below_the_price_is_not_asked(self, scene: Scene) -> None:
        now = datetime.now(UTC)
        scene.products(
            product(
                "OVER", Price="20", SalePrice="15", SaleStart=now - timedelta(days=2), SaleEnd=now - timedelta(days=1)
            ),
            product("EQUAL", Price="20", SalePrice="20"),
        )
        scene.sync()
        assert [scene.shown(sku).sale_price for sku in ("OVER", "EQUAL")] == [None, None]

    def test_safety_stock_and_cap(self, stage: Stage) -> None:
        scene = stage(safety_stock="2", maximum_quantity="10")
        scene.products(
            product("A", Quantity=5), product("B", Quantity=1), product("C", Quantity=50), product("D", Quantity=-4)
        )
        scene.sync()
        assert [scene.shown(sku).quantity for sku in "ABCD"] == [3, 0, 10, 0]

    def test_locations_that_the_channel_chose_are_summed(self, stage: Stage) -> None:
        scene = stage(locations=["MAIN", "OUTLET"])
        places = [
            {"LocationId": place, "Quantity": units} for place, units in (("MAIN", 3), ("OUTLET", 2), ("REPAIR", 9))
        ]
        scene.products(product("A", LocationQuantities=places))
        scene.sync()
        assert scene.shown("A").quantity == 5

    def test_locations_one_to_one_or_summed(self, stage: Stage) -> None:
        """Where the platform keeps stock per location the map decides; elsewhere the locations are summed."""
        places = [{"LocationId": place, "Quantity": units} for place, units in (("MAIN", 3), ("OUTLET", 2))]
        one_to_one = stage().capabilities.locations
        first, second = stage().shop.locations()[:2] if one_to_one else ("1", "2")
        scene = stage(location_map={"MAIN": first, "OUTLET": second})
        scene.products(product("A", LocationQuantities=places))
        scene.sync()
        assert scene.shown("A").quantity == 5
        if one_to_one:
            assert scene.shown("A").by_location == {first: 3, second: 2}
            scene.products(row("A", LocationQuantities=[{"LocationId": "MAIN", "Quantity": D(1)}]))
            scene.sync()
            assert scene.shown("A").by_location[first] == 1

    def test_what_is_not_sold_online_is_taken_down_and_never_deleted(self, stage: Stage) -> None:
        scene = stage(publish_new=True)
        scene.products(product("A", Quantity=3), product("NEVER", Quantity=3, SellOnline=False))
        scene.sync()
        assert scene.shown("A").published
        scene.products(row("A", SellOnline=False))
        scene.sync()
        assert (scene.shown("A").published, scene.shown("A").quantity) == (False, 0)
        scene.products(row("A", SellOnline=True))
        scene.sync()
        assert (scene.shown("A").published, scene.shown("A").quantity) == (True, 3)
        assert "NEVER" not in scene.shop.products()

    def test_one_variant_is_taken_down_alone(self, stage: Stage) -> None:
        scene = stage(publish_new=True)
        scene.products(*(variant(f"V-{n}", "S", options={"Size": str(n)}, Quantity=3) for n in (1, 2)))
        scene.sync()
        scene.products(row("V-1", SellOnline=False))
        scene.sync()
        assert (scene.shown("V-1").published, scene.shown("V-1").quantity) == (False, 0)
        assert (scene.shown("V-2").published, scene.shown("V-2").quantity) == (True, 3)

    def test_web_sales_are_not_sold_twice(self, stage: Stage) -> None:
        scene = stage(publish_new=True)
        scene.products(product("A", Quantity=10))
        scene.sync()
        scene.shop.place_order([Line("A", 3)])
        scene.sync()
        assert scene.shown("A").quantity == 7
        scene.stock(A=9)  # the POS sold one over the counter and does not know of the web's three yet
        scene.sync()
        assert scene.shown("A").quantity == 6
        (order,) = scene.new("order")
        scene.confirm("order", order["OrderId"])
        scene.stock(A=6)  # now it does
        scene.sync()
        assert scene.shown("A").quantity == 6

    # ------------------------------------------------------------------ what the shop has already

    def test_a_product_of_the_merchant_is_linked_by_its_exact_sku(self, scene: Scene) -> None:
        scene.shop.add_product("A", "Made by hand", price=D("1.00"), quantity=1)
        scene.shop.add_product("A-2", "Another", price=D("1.00"), quantity=1)
        scene.products(product("A", Name="From the POS", Price="9.50", Quantity=8))
        scene.sync()
        shown = scene.shown("A")
        assert (shown.name, shown.price, shown.quantity) == ("Made by hand", D("9.50"), 8)
        assert sorted(scene.shop.products()) == ["A", "A-2"]
        assert scene.shown("A-2").price == 1

    def test_two_with_the_same_sku_are_for_a_person(self, scene: Scene) -> None:
        scene.shop.add_product("A", "One", price=D("1.00"))
        scene.shop.add_product("A", "Two", price=D("2.00"))
        scene.products(product("A", Name="From the POS", Price="9.50", Quantity=8), product("B"))
        scene.sync()
        with scene.connector() as connector:
            found = connector.find(["A"])["A"]
        assert sorted((one.name, one.price) for one in found) == [("One", D("1.00")), ("Two", D("2.00"))]
        (issue,) = scene.issues()
        assert issue["subject_id"] == "A"
        assert "B" in scene.shop.products()

    def test_all_that_the_shop_sells_can_be_read(self, scene: Scene) -> None:
        scene.shop.add_product("HAND", "Made by hand", price=D("1.00"), quantity=1)
        scene.products(
            product("A", Price="9.50", Quantity=8),
            *(variant(f"V-{n}", "S", options={"Size": str(n)}) for n in range(3)),
        )
        scene.sync()
        with scene.connector() as connector:
            found = {one.sku: one for one in connector.read_listings() if one.sku}
        assert sorted(found) == ["A", "HAND", "V-0", "V-1", "V-2"]
        assert (found["A"].price, found["A"].quantity) == (D("9.50"), 8)

    def test_what_drifted_in_the_shop_is_found_and_repaired(self, scene: Scene) -> None:
        scene.products(*(product(f"I-{n}", Price="10", Quantity=5) for n in range(4)))
        scene.sync()
        found = reconcile(*scene.ids)
        assert (str(found), found.drifted) == ("4 of 4", 0)
        scene.shop.edit("I-1", price=D("3.00"))
        scene.shop.edit("I-2", quantity=77)
        found = reconcile(*scene.ids)
        assert (str(found), found.drifted) == ("2 of 4", 2)
        scene.sync()
        assert {(one.price, one.quantity) for one in scene.shop.products().values()} == {(10, 5)}
        assert str(reconcile(*scene.ids)) == "4 of 4"

    def test_what_the_merchant_deleted_is_an_issue_and_made_again_on_demand(self, scene: Scene) -> None:
        scene.products(product("A", Quantity=1), product("B", Quantity=1))
        scene.sync()
        scene.shop.delete("A")
        scene.stock(A=2, B=2)
        scene.sync()
        (issue,) = scene.issues()
        assert (issue["code"], issue["subject_id"]) == ("LISTING_MISSING", "A")
        assert sorted(scene.shop.products()) == ["B"]
        scene.resend()
        scene.sync()
        assert (scene.shown("A").quantity, scene.shown("B").quantity) == (2, 2)
        assert scene.issues() == []

    # ------------------------------------------------------------------ orders

    def stocked(self, scene: Scene, *skus: str, **values: Any) -> None:
        scene.products(*(product(sku, **{"Price": "10.00", "Quantity": 100, **values}) for sku in skus))
        scene.sync()

    def test_an_order_goes_to_the_pos_once(self, scene: Scene) -> None:
        self.stocked(scene, "A", "B")
        placed = scene.shop.place_order(
            [Line("A", 2), Line("B", 1, price=D("7.50"))], shipping=D("5.00"), tax_rate=D("0.20")
        )
        scene.sync()
        (order,) = scene.new("order")
        assert order["OrderId"] == f"{scene.channel_id}-{placed}"
        assert order["Platform"] == scene.shop.platform
        assert order["PaymentStatus"] == "Paid"
        assert [(one["ItemIntegrationId"], money(one["QuantityOrdered"])) for one in order["Lines"]] == [
            ("A", 2),
            ("B", 1),
        ]
        assert money(order["ShippingAmount"]) == 5
        assert money(order["TaxAmount"]) == D("6.50")
        assert money(order["GrandTotal"]) == D("39.00")
        assert money(order["RoundingAmount"]) == 0
        assert abs(datetime.fromisoformat(order["OrderDate"]) - datetime.now(UTC)) < timedelta(minutes=2)
        assert scene.new("order") == [order]  # reading changes nothing
        scene.sync()
        assert scene.new("order") == [order]
        assert scene.confirm("order", order["OrderId"]) == "Confirmed"
        assert scene.new("order") == []
        scene.sync()
        assert scene.new("order") == []
        assert scene.confirm("order", order["OrderId"]) == "Duplicate"

    def test_an_order_waits_until_it_is_paid(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")], paid=False)
        scene.sync()
        assert scene.new("order") == []
        scene.shop.pay(placed)
        scene.sync()
        (order,) = scene.new("order")
        assert order["PaymentStatus"] == "Paid"

    def test_two_lines_two_shipments_two_returns_are_four_transactions(self, scene: Scene) -> None:
        if not scene.capabilities.partial_shipments:
            pytest.skip("the platform knows one shipment per order")
        self.stocked(scene, "A", "B")
        shop = scene.shop
        placed = shop.place_order([Line("A", 2), Line("B", 1)], shipping=D("5.00"), discount=D("1.00"))
        scene.sync()
        (order,) = scene.new("order")
        assert scene.new("transaction") == []
        for step in (
            lambda: shop.ship(placed, {"A": 2}, tracking="1Z1"),
            lambda: shop.ship(placed, {"B": 1}),
            lambda: shop.refund(placed, {"A": 1}),
            lambda: shop.refund(placed, {"B": 1}),
        ):
            step()
            scene.sync()
        scene.sync()
        found = scene.new("transaction")
        assert sorted(one["Type"] for one in found) == ["Return", "Return", "Sale", "Sale"]
        assert {one["OrderId"] for one in found} == {order["OrderId"]}
        lines = [
            (one["Type"], [(line["ItemIntegrationId"], money(line["Quantity"])) for line in one["Lines"]])
            for one in found
        ]
        assert sorted(lines) == [
            ("Return", [("A", 1)]),
            ("Return", [("B", 1)]),
            ("Sale", [("A", 2)]),
            ("Sale", [("B", 1)]),
        ]
        sales = [one for one in found if one["Type"] == "Sale"]
        assert sum(money(one["GrandTotal"]) for one in sales) == money(order["GrandTotal"])
        assert sorted(money(one["ShippingAmount"]) for one in sales) == [0, 5]
        for one in found:
            assert scene.confirm("transaction", one["TransactionId"]) == "Confirmed"
        scene.sync()
        assert scene.new("transaction") == []

    def test_money_only_comes_back_without_goods(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")])
        scene.shop.ship(placed)
        scene.shop.refund(placed, amount=D("2.50"))
        scene.sync()
        (back,) = [one for one in scene.new("transaction") if one["Type"] == "Return"]
        assert back["Lines"] == []
        assert money(back["AdjustmentAmount"]) == D("2.50")
        assert money(back["GrandTotal"]) == D("2.50")

    def test_an_order_that_is_cancelled_before_it_ships_sells_nothing(self, stage: Stage) -> None:
        scene = stage(publish_new=True)
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A", 2)])
        scene.sync()
        (first,) = scene.new("order")
        assert scene.shown("A").quantity == 98
        scene.shop.cancel(placed)
        scene.sync()
        (second,) = scene.new("order")
        assert second["OrderId"] == first["OrderId"]
        assert int(second["Revision"]) > int(first["Revision"])
        assert [money(one["QuantityCancelled"]) for one in second["Lines"]] == [2]
        assert [one for one in scene.new("transaction") if one["Type"] == "Sale"] == []
        assert scene.shown("A").quantity == 100

    def test_a_guest_and_a_known_customer(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        scene.shop.place_order([Line("A")], shopper=Shopper("guest@example.com", first_name="Zoë", last_name="Müller"))
        scene.sync()
        (order,) = scene.new("order")
        assert order["Customer"]["IsGuest"] is True
        assert (order["Customer"]["FirstName"], order["Customer"]["LastName"]) == ("Zoë", "Müller")
        scene.confirm("order", order["OrderId"])

        known = Shopper("first@example.com", id="77", first_name="Ольга", last_name="Ковалёва")
        scene.shop.place_order([Line("A")], shopper=known)
        scene.sync()
        (order,) = scene.new("order")
        assert (order["Customer"]["IsGuest"], order["Customer"]["WebCustomerId"]) == (False, "77")
        assert order["Customer"].get("PosCustomerId", "") == ""
        scene.confirm("order", order["OrderId"], PosCustomerId="POS-9")
        scene.shop.place_order([Line("A")], shopper=replace(known, email="second@example.com"))
        scene.sync()
        (order,) = scene.new("order")
        assert order["Customer"]["Email"] == "second@example.com"
        assert order["Customer"]["PosCustomerId"] == "POS-9"

    def test_times_are_utc_also_in_the_night_that_has_an_hour_twice(self, scene: Scene) -> None:
        """02:30 in Berlin happened twice on 25 October 2026; in the spring it does not happen at all."""
        self.stocked(scene, "A")
        moments = [
            datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC),
            datetime(2026, 3, 29, 1, 0, tzinfo=UTC),
            datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
            datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
        ]
        for moment in moments:
            scene.shop.place_order([Line("A")], at=moment)
        scene.sync()
        assert [datetime.fromisoformat(one["OrderDate"]) for one in scene.new("order")] == moments

    def test_no_order_is_missed_while_orders_change_between_pages(
        self, scene: Scene, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self.stocked(scene, "A")
        kind = channels.connector_class(scene.shop.platform)
        monkeypatch.setattr(kind, "capabilities", replace(kind.capabilities, order_page=4))
        placed = [scene.shop.place_order([Line("A")]) for _ in range(10)]
        seen: list[str] = []
        with scene.connector() as connector:
            for number, page in enumerate(connector.pull_orders({})):
                seen += [one.order.remote_id for one in page.orders]
                if number == 0:
                    # what moves while we read: an early order changes, and a new one comes
                    scene.shop.refund(placed[0], amount=D("1.00"))
                    placed.append(scene.shop.place_order([Line("A")]))
            progress = page.progress
        with scene.connector() as connector:
            seen += [one.order.remote_id for page in connector.pull_orders(progress) for one in page.orders]
        assert set(seen) == set(placed)
        scene.sync()
        assert {one["OrderId"] for one in scene.new("order")} == {f"{scene.channel_id}-{one}" for one in placed}

    def test_an_order_is_read_by_itself(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")])
        with scene.connector() as connector:
            found = connector.pull_order(placed)
            assert connector.pull_order("987654321") is None
        assert found is not None
        assert found.order.remote_id == placed

    def test_an_unknown_sku_is_a_warning_and_no_lost_order(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        scene.shop.add_product("NOT-OURS", "The merchant's own", price=D("3.00"), quantity=5)
        scene.shop.place_order([Line("A"), Line("NOT-OURS")])
        scene.sync()
        (order,) = scene.new("order")
        assert [one["ItemIntegrationId"] for one in order["Lines"]] == ["A", ""]
        assert order["Lines"][1]["Sku"] == "NOT-OURS"
        assert any("NOT-OURS" in one for one in order["Warnings"])

    def test_a_gift_card_that_is_sold(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        scene.shop.add_product("GIFT", "Gift card", price=D("50.00"), quantity=5)
        scene.shop.place_order([Line("A"), Line("GIFT", gift_card=True)])
        scene.sync()
        (order,) = scene.new("order")
        assert [one["LineType"] for one in order["Lines"]] == ["Item", "GiftCard"]

    def test_a_gift_card_that_pays(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        scene.shop.place_order([Line("A", 2)], shipping=D(0), tax_rate=D(0), paid_by_gift_card=D("8.00"))
        scene.sync()
        (order,) = scene.new("order")
        assert money(order["GiftCardAmount"]) == 8
        assert [money(one["Amount"]) for one in order["GiftCards"]] == [8]
        assert money(order["RoundingAmount"]) == 0

    def test_what_does_not_add_up_is_said_and_never_recomputed(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        scene.shop.place_order(
            [Line("A", 3, price=D("3.33"))], discount=D("1.00"), tax_rate=D("0.19"), total_off_by=D("0.02")
        )
        scene.sync()
        (order,) = scene.new("order")
        assert money(order["RoundingAmount"]) == D("0.02")
        assert money(order["DiscountAmount"]) == D("1.00")
        parts = sum(money(one["LineTotal"]) for one in order["Lines"])
        parts += money(order["ShippingAmount"]) + money(order["TaxAmount"]) + D("0.02")
        assert parts == money(order["GrandTotal"])

    def test_money_that_is_reserved_first_and_taken_later(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")], authorised=True)
        scene.sync()
        (order,) = scene.new("order")
        assert order["PaymentStatus"] == "Authorised"
        assert scene.new("capture") == []
        scene.shop.pay(placed)
        scene.sync()
        scene.sync()
        (capture,) = scene.new("capture")
        assert (capture["Type"], money(capture["Amount"])) == ("Capture", money(order["GrandTotal"]))
        assert capture["OrderId"] == order["OrderId"]

    def test_money_that_is_given_back_is_an_event_of_its_own(self, scene: Scene) -> None:
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")])
        scene.shop.ship(placed)
        scene.shop.refund(placed, amount=D("1.50"))
        scene.sync()
        scene.sync()
        assert sorted((one["Type"], money(one["Amount"]) == D("1.50")) for one in scene.new("capture")) == [
            ("Capture", False), ("Refund", True)
        ]  # fmt: skip

    # ------------------------------------------------------------------ shipments

    def ordered(self, scene: Scene, **how: Any) -> tuple[str, dict[str, Any]]:
        self.stocked(scene, "A", "B")
        placed = scene.shop.place_order([Line("A", 2), Line("B", 1)], **how)
        scene.sync()
        (order,) = scene.new("order")
        return placed, order

    def test_the_pos_ships_in_parts(self, scene: Scene) -> None:
        placed, order = self.ordered(scene)
        answer = scene.save_shipment("SH-1", order["OrderId"], {"A": 1}, TrackingNumbers=["1Z-1"], Carrier="UPS")
        assert answer == "Accepted"
        scene.sync()
        if scene.capabilities.partial_shipments:
            assert scene.shop.order(placed)["shipments"] == [{"tracking": ["1Z-1"], "lines": {"A": 1}}]
        assert (
            scene.save_shipment("SH-1", order["OrderId"], {"A": 1}, TrackingNumbers=["1Z-1"], Carrier="UPS")
            == "Duplicate"
        )
        assert scene.save_shipment("SH-2", order["OrderId"], {"A": 2, "B": 1}) == "QTY_EXCEEDS_OPEN"
        assert scene.save_shipment("SH-2", order["OrderId"], {"A": 1, "B": 1}) == "Accepted"
        scene.sync()
        sent = scene.shop.order(placed)["shipments"]
        if scene.capabilities.partial_shipments:
            assert [one["lines"] for one in sent] == [{"A": 1}, {"A": 1, "B": 1}]
        else:
            assert sent, "the shop is told at the latest when the order is complete"
        assert scene.new("transaction") == []  # the POS knows what it shipped
        assert scene.issues() == []

    def test_a_shipment_of_the_pos_is_a_transaction_where_the_store_asks_for_it(self, stage: Stage) -> None:
        scene = stage(store={"transactions_for_pos_shipments": True})
        _, order = self.ordered(scene)
        scene.save_shipment("SH-1", order["OrderId"], {"A": 2, "B": 1}, TrackingNumbers=["1Z-1"])
        scene.sync()
        scene.sync()
        (sale,) = scene.new("transaction")
        assert sale["Type"] == "Sale"
        assert money(sale["GrandTotal"]) == money(order["GrandTotal"])

    def test_an_answer_that_is_lost_makes_no_second_shipment(self, scene: Scene) -> None:
        placed, order = self.ordered(scene)
        scene.save_shipment("SH-1", order["OrderId"], {"A": 2, "B": 1}, TrackingNumbers=["1Z-1"])
        scene.shop.misbehave(lose_next_answer=True)
        scene.sync()
        (sent,) = scene.shop.order(placed)["shipments"]
        assert sent["tracking"] == ["1Z-1"]
        assert scene.issues() == []

    def test_money_is_taken_with_the_shipment_where_the_channel_says_so(self, stage: Stage) -> None:
        scene = stage(capture_on_shipment=True)
        if not scene.capabilities.capture:
            pytest.skip("the platform captures nothing through its API")
        placed, order = self.ordered(scene, authorised=True)
        scene.save_shipment("SH-1", order["OrderId"], {"A": 2, "B": 1})
        scene.sync()
        scene.sync()
        assert scene.shop.order(placed)["captured"] == money(order["GrandTotal"])
        (capture,) = scene.new("capture")
        assert money(capture["Amount"]) == money(order["GrandTotal"])

    # ------------------------------------------------------------------ webhooks

    def test_a_webhook_is_verified_and_a_forged_one_refused(self, scene: Scene) -> None:
        if not scene.capabilities.webhooks:
            pytest.skip("the platform sends no webhooks")
        self.stocked(scene, "A")
        placed = scene.shop.place_order([Line("A")])
        with scene.connector() as connector:
            assert all(one.ok for one in connector.register_webhooks())
            assert all(one.ok for one in connector.register_webhooks())  # again changes nothing
        headers, body = scene.shop.webhook(placed)
        channel, kind = channels.channel_of(scene.channel()), channels.connector_class(scene.shop.platform)
        event = kind.read_webhook(channel, headers, body)
        assert event is not None
        assert event.order_id == placed
        for forged_headers, forged_body in (
            (headers, body.replace(b"order", b"0rder", 1)),
            ({name: value + "0" for name, value in headers.items()}, body),
            ({}, body),
        ):
            with pytest.raises(Rejected):
                kind.read_webhook(channel, forged_headers, forged_body)
