"""Products, variants, prices and stock: what is peculiar to Magento, and how many calls it takes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from integrator.connectors.base import UnknownOutcome
from integrator.connectors.pushes import CONTENT_FIELDS, Image, ListingPush, Outcome, Stock
from tests.connectors.magento.conftest import (
    Bench,
    Build,
    D,
    after,
    push,
)
from tests.connectors.pushing import accepted, alone, style
from tests.connectors.shop import Line

PNG = b"\x89PNG\r\n\x1a\n" + b"x" * 40


def variants(count: int, name: str = "Size") -> list[ListingPush]:
    return [push(f"V-{n}", options=((name, f"{name[0]}{n}"),), quantity=n) for n in range(count)]


# -- creating


def test_the_same_name_twice_is_two_products(each: Bench) -> None:
    """Magento makes the URL key of the name, and refuses the second."""
    accepted(
        each.connector().push_content(alone(push("A", name="Mug"), push("B", name="Mug"), push("Ü", name="Кружка")))
    )
    keys = [one["attributes"]["url_key"] for one in each.state.products.values()]
    assert len(set(keys)) == 3
    assert keys[0] == "mug-a"


def test_a_url_key_that_somebody_has_is_made_another(bench: Bench) -> None:
    bench.shop.add_product("HAND", "Mug")
    bench.shop.find("HAND")["attributes"]["url_key"] = "mug-a"
    accepted(bench.connector().push_content(alone(push("A", name="Mug"))))
    assert bench.shop.find("A")["attributes"]["url_key"].startswith("mug-a-")


def test_new_products_can_be_bought_on_the_websites_of_the_channel(bench: Bench) -> None:
    accepted(bench.connector().push_content(alone(push("A"))))
    accepted(bench.connector(websites=["outlet"]).push_content(alone(push("B"))))
    assert [one["websites"] for one in bench.state.products.values()] == [[1, 2], [2]]
    (result,) = bench.connector(websites=["nowhere"]).push_content(alone(push("C")))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "WEBSITE_UNKNOWN")
    assert "outlet" in result.message


def test_texts_weight_tax_and_mapped_fields(each: Bench) -> None:
    one = push(
        "A", long_description="<p>Long</p>", short_description="<p>Short</p>", brand="Acme", weight=D("500"),
        weight_unit="g",
        tags=("red", "sale"), tax_code="B", custom_fields=(("material", "Oak"), ("unknown", "x")),
        category=("Home", "Kitchen"),
    )  # fmt: skip
    settings = {
        "attributes": {"Brand": "manufacturer", "Tags": "meta_keyword"}, "tax_classes": {"B": "books"},
        "custom_fields": {"Material": "material", "Unknown": "unknown"},
    }  # fmt: skip
    (result,) = accepted(each.connector(**settings).push_content(alone(one)))
    made = each.shop.find("A")
    own = made["attributes"]
    assert (own["description"], own["short_description"], made["weight"]) == ("<p>Long</p>", "<p>Short</p>", D("0.5"))
    assert each.state.attributes["manufacturer"]["options"][int(own["manufacturer"])] == "Acme"
    assert (own["meta_keyword"], own["tax_class_id"], own["material"]) == ("red, sale", "5", "Oak")
    assert each.shop.products()["A"].categories == ["Home/Kitchen"]
    assert (result.code, "unknown" in result.message) == ("WRITTEN_IN_PART", True)
    accepted(
        each.connector(**settings).push_content(alone(push("B", brand="ACME", category=("home", "Kitchen", "Cups"))))
    )
    assert len(each.state.attributes["manufacturer"]["options"]) == 1
    assert each.shop.products()["B"].categories == ["Home/Kitchen/Cups"]


def test_a_sku_that_differs_in_case_is_for_a_person(bench: Bench) -> None:
    """The shop would save over the other product."""
    bench.shop.add_product("abc", "By hand")
    (result,) = bench.connector().push_content(alone(push("ABC")))
    assert (result.outcome, result.code) == (Outcome.CONFLICT, "SKU_CONFLICT")
    assert "'abc'" in result.message
    assert bench.shop.find("abc")["name"] == "By hand"


def test_a_sku_that_the_merchant_changed_is_for_a_person(bench: Bench) -> None:
    (one,) = bench.made(push("A"))
    bench.shop.find("A")["sku"] = "B"
    for results in (
        bench.connector().push_stock(alone(one)),
        bench.connector().push_price(alone(one)),
        bench.connector().push_content(alone(replace(one, fields=frozenset({"Name"})))),
    ):
        assert [(result.outcome, result.code) for result in results] == [(Outcome.CONFLICT, "SKU_CHANGED")]
    assert sorted(bench.shop.products()) == ["B"]


@pytest.mark.parametrize("sku", ["x" * 65, "a\nb"])
def test_a_sku_that_magento_cannot_keep_is_said_before(bench: Bench, sku: str) -> None:
    (result,) = bench.connector().push_content(alone(push(sku)))
    assert result.code == "SKU_UNSUITABLE"
    assert bench.calls() == []


# -- styles


def test_options_are_made_on_demand_and_compared_without_case(each: Bench) -> None:
    one, two = push("V-1", options=(("Colour", "Red"),)), push("V-2", options=(("Colour", "Blue"),))
    results = accepted(each.connector().push_content([style("S", one, two)]))
    third = push("V-3", options=(("COLOUR", "GREEN"),))
    all_of = [after(one, results[0]), after(two, results[1]), third]
    accepted(each.connector().push_content([style("S", *all_of, wanted=[third])]))
    fourth = push("W-1", options=(("colour", "red "),))
    accepted(each.connector().push_content([style("T", fourth)]))
    (attribute,) = [one for one in each.state.attributes.values() if one["label"] == "Colour"]
    assert sorted(attribute["options"].values()) == ["Blue", "GREEN", "Red"]
    assert attribute["code"] in each.state.set_codes
    assert len({one.parent for one in each.shop.products().values()}) == 2


def test_the_attribute_of_the_channel_is_taken(bench: Bench) -> None:
    one = push("V-1", options=(("Farbe", "Rot"),))
    accepted(bench.connector(option_attributes={"farbe": "color"}).push_content([style("S", one)]))
    assert list(bench.state.attributes["color"]["options"].values()) == ["Rot"]
    (result,) = bench.connector(option_attributes={"Farbe": "material"}).push_content(
        [style("T", push("W", options=(("Farbe", "Rot"),)))]
    )
    assert result.code == "ATTRIBUTE_UNSUITABLE"
    (result,) = bench.connector(create_attributes=False).push_content(
        [style("T", push("X", options=(("Länge", "1"),)))]
    )
    assert result.code == "ATTRIBUTE_MISSING"


def test_variants_without_their_parent_are_attached_by_the_next_push(each: Bench) -> None:
    """What an interrupted push left behind."""
    first = variants(3)
    each.state.misbehaviour.gateway_fails_on = "configurable"
    with pytest.raises(UnknownOutcome):
        each.connector().push_content([style("S", *first)])
    assert len(each.state.products) == 3
    each.shop.misbehave()
    results = accepted(each.connector().push_content([style("S", *first)]))
    assert len({result.remote["parent"] for result in results}) == 1
    assert len({one.parent for one in each.shop.products().values()}) == 1
    assert len(each.state.products) == 4


def test_the_merchants_own_variants_get_no_second_parent(bench: Bench) -> None:
    bench.shop.add_product("V-0", "By hand")
    old, new = push("V-0", options=(("Size", "S"),)), push("V-1", options=(("Size", "M"),))
    kept, conflict = bench.connector().push_content([style("S", old, new)])
    assert (kept.outcome, conflict.outcome, conflict.code) == (Outcome.ACCEPTED, Outcome.CONFLICT, "PARENT_UNKNOWN")
    assert not any(one["type"] == "configurable" for one in bench.state.products.values())


def test_a_parent_that_the_merchant_made_is_found_by_its_sku(bench: Bench) -> None:
    first = variants(2)
    results = accepted(bench.connector(parent_sku="{style}").push_content([style("S", *first)]))
    parent = bench.shop.find("S")
    joined = push("V-9", options=(("Size", "XXL"),))
    links = [
        after(one, result, remote={"product": result.remote["product"]})
        for one, result in zip(first, results, strict=True)
    ]
    accepted(bench.connector(parent_sku="{style}").push_content([style("S", *links, joined)]))
    assert len(parent["links"]) == 3


def test_a_style_with_odd_characters_has_a_sku_that_fits_a_path(each: Bench) -> None:
    accepted(each.connector().push_content([style("Ä/b c", *variants(2))]))
    results = each.connector().push_content([style("Ä/b c", push("V-7", options=(("Size", "7"),)))])
    accepted(results)
    (parent,) = [one for one in each.state.products.values() if one["type"] == "configurable"]
    assert len(parent["links"]) == 3


# -- pictures


@pytest.fixture
def pictures() -> Iterator[tuple[str, list[str], dict[str, bytes]]]:
    """(address, what was asked for, files)"""
    asked: list[str] = []
    files = {"/a.png": PNG, "/moved.png": PNG, "/b.jpg": b"\xff\xd8\xff" + b"y" * 40, "/c.webp": b"RIFF0000WEBP"}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            data = files.get(self.path, b"")
            self.send_response(200 if data else 404)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None: ...

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked, files
    server.shutdown()
    thread.join()
    server.server_close()


def test_pictures_go_once_by_their_content(each: Bench, pictures: tuple[str, list[str], dict[str, bytes]]) -> None:
    address, asked, _ = pictures
    settings = {"private_image_hosts": True, "field_rules": {"Images": "pos"}}
    first = push("A", images=(Image(f"{address}/a.png", 1, "Front"), Image(f"{address}/b.jpg", 2)))
    (result,) = accepted(each.connector(**settings).push_content(alone(first)))
    media = each.shop.find("A")["media"]
    assert [(one["label"], one["types"]) for one in media] == [
        ("Front", ["image", "small_image", "thumbnail"]),
        ("", []),
    ]
    asked.clear()
    again = after(first, result, fields=frozenset({"Images", "Name"}))
    (result,) = accepted(each.connector(**settings).push_content(alone(again)))
    assert asked == []
    media.append({"id": 999, "file": "/hand.png", "label": "By hand", "position": 9, "types": [], "data": ""})
    moved = after(
        again, result, fields=frozenset({"Images"}),
        content=replace(first.content, images=(Image(f"{address}/moved.png", 1, "Front"),)),
    )  # fmt: skip
    accepted(each.connector(**settings).push_content(alone(moved)))
    assert asked == ["/moved.png"]
    kept = each.shop.find("A")["media"]
    assert {one["id"] for one in kept} == {media[0]["id"], 999}  # the same content is the same picture


def test_a_picture_that_cannot_be_had_does_not_keep_a_product_away(
    bench: Bench, pictures: tuple[str, list[str], dict[str, bytes]]
) -> None:
    address, asked, _ = pictures
    images = tuple(Image(f"{address}{path}", n) for n, path in enumerate(("/none.png", "/c.webp", "/a.png")))
    (result,) = accepted(bench.connector(private_image_hosts=True).push_content(alone(push("A", images=images))))
    assert len(bench.shop.find("A")["media"]) == 1
    assert "none.png" in result.message
    assert "WebP" in result.message
    asked.clear()
    (result,) = accepted(bench.connector().push_content(alone(push("B", images=images))))
    assert asked == []  # not into this machine's own network
    assert "private_image_hosts" in result.message


# -- many at once


def test_many_products_are_one_call_where_consumers_work(each: Bench) -> None:
    listings = [push(f"I-{n}", quantity=n) for n in range(50)]
    results = accepted(each.connector().push_content(alone(*listings)))
    calls = each.calls()
    assert [one for one in calls if one.startswith("POST")] == [
        "POST /async/bulk/V1/products/base-prices", "POST /async/bulk/V1/products", "POST /V1/inventory/source-items"
    ]  # fmt: skip
    assert all(result.created for result in results)
    assert each.shop.products()["I-7"].quantity == 7
    accepted(each.connector().push_content(alone(*(push(f"J-{n}") for n in range(50)))))
    assert "POST /async/bulk/V1/products/base-prices" not in each.calls()  # known to work


def test_where_nobody_consumes_nothing_is_left_in_the_queue(build: Build) -> None:
    bench = build(consumers=False)
    accepted(bench.connector().push_content(alone(*(push(f"I-{n}") for n in range(30)))))
    assert len(bench.shop.products()) == 30
    waiting = [one["path"] for operations in bench.state.bulks.values() for one in operations]
    assert waiting == ["/V1/products/base-prices"]  # the probe, which changes nothing
    before = dict(bench.shop.products())
    for key in bench.state.bulks:
        bench.shop.api.consume(key)
    assert bench.shop.products() == before
    bench.calls()
    accepted(bench.connector().push_content(alone(*(push(f"J-{n}") for n in range(30)))))
    assert not any("async" in one for one in bench.calls())


def test_consumers_that_stop_in_the_middle_are_not_waited_for(build: Build) -> None:
    bench = build()
    connector = bench.connector()
    assert connector.bulk.alive()
    bench.state.features.consumers = False
    accepted(connector.push_content(alone(*(push(f"I-{n}") for n in range(30)))))
    assert len(bench.shop.products()) == 30


def test_one_bad_product_of_a_bulk_call_is_alone(bench: Bench) -> None:
    bench.shop.misbehave(reject_sku="I-3")
    results = bench.connector().push_content(alone(*(push(f"I-{n}") for n in range(30))))
    assert [n for n, one in enumerate(results) if one.outcome is not Outcome.ACCEPTED] == [3]
    assert "not for this shop" in results[3].message or "Invalid product data" in results[3].message


def test_a_thousand_stocks_and_prices_are_two_calls_each(bench: Bench) -> None:
    listings = bench.made(*(push(f"I-{n}", sent=None) for n in range(1_000)))
    known = [
        replace(
            one,
            sent={"Price": "10", "SalePrice": None, "Tiers": []},
            stock=Stock(D(9)),
            price=replace(one.price, price=D("11")),
        )
        for one in listings
    ]
    accepted(bench.connector().push_stock(alone(*known)))
    calls = bench.calls()
    assert calls.count("POST /V1/inventory/source-items") == 2
    assert len(calls) <= 2 + 4 + 2  # and what is there, the sources, the open orders
    accepted(bench.connector().push_price(alone(*known)))
    assert bench.calls() == ["POST /V1/products/base-prices"] * 2
    assert {(one.price, one.quantity) for one in bench.shop.products().values()} == {(D(11), D(9))}


def test_input_limits_are_found_once_and_kept_to(build: Build) -> None:
    bench = build(list_limit=20)
    listings = [
        replace(one, sent={"SalePrice": None, "Tiers": []}) for one in bench.made(*(push(f"I-{n}") for n in range(60)))
    ]
    accepted(bench.connector().push_price(alone(*listings)))
    accepted(bench.connector().push_stock(alone(*listings)))
    calls = bench.calls()
    assert calls.count("POST /V1/products/base-prices") == 3
    assert calls.count("POST /V1/inventory/source-items") == 3


# -- prices


def sale(
    one: ListingPush, price: str | None, start: datetime | None = None, end: datetime | None = None
) -> ListingPush:
    return replace(
        one, price=replace(one.price, sale_price=D(price) if price else None, sale_start=start, sale_end=end)
    )


def remembered(one: ListingPush) -> ListingPush:
    """With what the core keeps of an accepted price."""
    price = one.price
    window = [
        None if at is None else at.isoformat().replace("+00:00", "Z") for at in (price.sale_start, price.sale_end)
    ]
    sent = {
        "Price": str(price.price), "SalePrice": None if price.sale_price is None else str(price.sale_price),
        "SaleStart": window[0], "SaleEnd": window[1],
        "Tiers": [[code, str(least), str(amount)] for code, least, amount in price.tiers],
    }  # fmt: skip
    return replace(one, sent=sent)


@pytest.mark.parametrize("commerce", [False, True])
@pytest.mark.parametrize("way", ["auto", "attributes"])
def test_a_sale_whose_end_opens_leaves_no_old_end(build: Build, commerce: bool, way: str) -> None:
    bench = build(commerce=commerce)
    now = datetime.now(UTC).replace(microsecond=0)
    (one,) = bench.made(push("A", price="20"))
    steps = [
        ("15", now - timedelta(days=1), now + timedelta(days=3)),
        ("14", now + timedelta(days=1), now + timedelta(days=2)),
        ("13", None, None), (None, None, None), ("12", None, now + timedelta(days=2)),
    ]  # fmt: skip
    one = remembered(one)
    for price, start, end in steps:
        one = sale(one, price, start, end)
        accepted(bench.connector(special_prices=way).push_price(alone(one)))
        shown = bench.shop.products()["A"]
        assert (shown.sale_price, shown.sale_end) == (None if price is None else D(price), end)
        assert shown.sale_start == start
        one = remembered(one)


def test_a_sale_that_did_not_change_is_not_written(bench: Bench) -> None:
    (one,) = bench.made(push("A", price="20"))
    one = sale(remembered(one), "15")
    accepted(bench.connector().push_price(alone(one)))
    bench.calls()
    accepted(bench.connector().push_price(alone(replace(remembered(one), price=replace(one.price, price=D(21))))))
    assert bench.calls() == ["POST /V1/products/base-prices"]


def test_a_whole_day_is_a_whole_day_in_lists_too(bench: Bench) -> None:
    """Until midnight in Berlin: the date before, since Magento adds a day."""
    (one,) = bench.made(push("A", price="20"))
    accepted(
        bench.connector().push_price(alone(sale(remembered(one), "15", None, datetime(2027, 1, 9, 23, 0, tzinfo=UTC))))
    )
    assert bench.shop.find("A")["attributes"]["special_to_date"] == "2027-01-09 00:00:00"
    accepted(
        bench.connector().push_price(
            alone(sale(remembered(one), "14", None, datetime(2027, 1, 9, 22, 59, 59, tzinfo=UTC)))
        )
    )
    assert bench.shop.find("A")["attributes"]["special_to_date"] == "2027-01-09 00:00:00"


def test_tiers_come_and_go_and_the_merchants_stay(each: Bench) -> None:
    each.state.tiers["A", "Wholesale", D(100)] = {"price": 1}
    (one,) = each.made(push("A"))
    tiers = (("", D(10), D("9.5")), ("G", D(5), D("9.9")))
    one = replace(remembered(one), price=replace(one.price, tiers=tiers))
    accepted(each.connector(tier_groups={"G": "General"}).push_price(alone(one)))
    assert sorted((group, least) for _, group, least in each.state.tiers) == [
        ("ALL GROUPS", 10),
        ("General", 5),
        ("Wholesale", 100),
    ]
    fewer = replace(remembered(one), price=replace(one.price, tiers=tiers[:1]))
    accepted(each.connector(tier_groups={"G": "General"}).push_price(alone(fewer)))
    assert sorted(group for _, group, _ in each.state.tiers) == ["ALL GROUPS", "Wholesale"]
    wrong = replace(fewer, price=replace(one.price, tiers=(("X", D(2), D(3)),)))
    (result,) = each.connector().push_price(alone(wrong))
    assert (result.outcome, "tier_groups" in result.hint) == (Outcome.REJECTED, True)


def test_a_configurable_product_has_no_price_of_its_own(bench: Bench) -> None:
    accepted(bench.connector(parent_sku="{style}").push_content([style("S", *variants(2))]))
    parent = bench.shop.find("S")
    linked = push("S", new=False, remote={"product": str(parent["id"])})
    assert [one.code for one in bench.connector().push_price(alone(linked))] == ["SOLD_BY_PARTS"]
    assert [one.code for one in bench.connector().push_stock(alone(linked))] == ["SOLD_BY_PARTS"]


# -- stock


def test_what_the_shop_put_aside_for_its_orders_is_added_to_the_source(bench: Bench) -> None:
    """A source holds what is there; the shop offers that less its open orders, which the core has subtracted too."""
    one, two = bench.made(push("A", quantity=10), push("B", quantity=10), publish_new=True)
    order = bench.shop.place_order([Line("A", 3)], paid=False)
    assert bench.shop.products()["A"].quantity == 7
    accepted(bench.connector().push_stock(alone(replace(one, stock=Stock(D(7))), replace(two, stock=Stock(D(9))))))
    shown = bench.shop.products()
    assert [(shown[sku].quantity, shown[sku].by_location["default"]) for sku in "AB"] == [(7, 10), (9, 9)]
    assert {one.sku: one.quantity for one in bench.connector().read_listings()} == {"A": 7, "B": 9}
    bench.shop.pay(order)
    bench.shop.ship(order)
    assert bench.shop.products()["A"].quantity == 7
    accepted(bench.connector().push_stock(alone(replace(one, stock=Stock(D(6))))))
    assert bench.shop.products()["A"].by_location["default"] == 6


def test_a_shop_without_sources_sells_down_by_itself(build: Build) -> None:
    bench = build(msi=False)
    (one,) = bench.made(push("A", quantity=10))
    bench.shop.place_order([Line("A", 3)])
    accepted(bench.connector().push_stock(alone(replace(one, stock=Stock(D(7))))))
    assert bench.shop.products()["A"].quantity == 7
    assert [one.quantity for one in bench.connector().read_listings()] == [7]


def test_an_unknown_source_is_named(bench: Bench) -> None:
    (one,) = bench.made(push("A"))
    (result,) = bench.connector(source="nowhere").push_stock(alone(one))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "SOURCE_UNKNOWN")
    assert "outlet" in result.message
    assert not bench.connector(source="nowhere").check().ok


def test_stock_of_what_was_deleted_is_written_nowhere(bench: Bench) -> None:
    """A source takes any SKU, and keeps the row for ever."""
    one, two = bench.made(push("A"), push("B"))
    bench.shop.delete("A")
    gone, there = bench.connector().push_stock(alone(one, two))
    assert (gone.code, there.outcome) == ("LISTING_MISSING", Outcome.ACCEPTED)
    assert all(sku != "A" for sku, _ in bench.state.source_items)


def test_every_field_may_be_written_again(each: Bench) -> None:
    one = push("A", category=("Home",), brand="Acme", long_description="<p>x</p>")
    (result,) = accepted(each.connector().push_content(alone(one)))
    rules = dict.fromkeys(CONTENT_FIELDS, "pos")
    changed = after(
        one,
        result,
        fields=CONTENT_FIELDS,
        content=replace(one.content, name="New", brand="Other", category=("Garden",)),
    )
    accepted(each.connector(field_rules=rules).push_content(alone(changed)))
    shown = each.shop.products()["A"]
    assert (shown.name, shown.categories, shown.published) == ("New", ["Garden"], True)
    assert (shown.price, shown.quantity) == (10, 1)
