"""Products and styles: made, found again, linked, extended, updated, and what of the merchant's is never touched."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.base import UnknownOutcome
from integrator.connectors.pushes import Content, Image, Outcome, Price
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.client import next_day
from integrator.connectors.shopify.settings import ShopifySettings
from tests.connectors.pushing import accepted, after, alone, style
from tests.connectors.shopify.conftest import (
    Bench,
    Build,
    Clock,
    D,
    push,
)

SETTINGS = ShopifySettings()
amounts = st.decimals(min_value="0.01", max_value="99999.99", places=2)


# -- mapping


@given(amounts, st.one_of(st.none(), amounts))
def test_prices_come_back_as_they_went(price: D, sale: D | None) -> None:
    sent = mapping.price_fields(Price(price, sale))
    asked = sale if sale is not None and sale < price else None
    assert mapping.prices_of(sent) == (price, asked)
    assert sent["compareAtPrice"] is None or D(sent["compareAtPrice"]) > D(sent["price"])


@given(st.lists(st.text(max_size=20), max_size=8))
def test_tags_are_what_the_shop_can_keep(tags: list[str]) -> None:
    found = mapping.tag_names(Content("x", tags=tuple(tags)), SETTINGS)
    assert len({one.casefold() for one in found}) == len(found)
    assert all(one.strip() == one and one and "," not in one for one in found)


@given(st.text(max_size=80))
def test_a_place_for_a_custom_field_is_always_one_that_shopify_takes(name: str) -> None:
    namespace, key = mapping.metafield_place(name)
    for text, least in ((namespace, 3), (key, 2)):
        assert least <= len(text) <= 64
        assert all(one.isascii() and (one.isalnum() or one in "-_") for one in text)


@given(st.sampled_from(["ACTIVE", "DRAFT", "UNLISTED"]), st.booleans())
def test_taken_down_and_offered_again_is_what_it_was(status: str, by_pos: bool) -> None:
    down, before = mapping.publication(False, status, "", by_pos)
    now = down or status
    up, after_ = mapping.publication(True, now, before, by_pos)
    assert (up or now) == status or status == "DRAFT"
    assert after_ == ""


# -- creation


def test_a_product_with_everything(bench: Bench) -> None:
    one = push(
        "MUG", name="Enamel mug", long_description="<p>300 ml</p>", brand="Falcon", category=("Kitchen", "Mugs"),
        tags=("Sale", "sale", "New"), upc="4006381333931", weight=D("0.25"), weight_unit="kg", taxable=False,
        short_description="A mug", custom_fields=(("Care", "Dishwasher"), ("specs.height", "9 cm")),
        images=(Image("https://cdn.example/a.jpg", 1, "Front"), Image("https://cdn.example/b.jpg", 2)),
        price="12.50", sale_price=D("9.90"),
    )  # fmt: skip
    (result,) = accepted(bench.connector().push_content(alone(one)))
    assert result.created
    product, variant = bench.shop.product_of("MUG"), bench.shop.find("MUG")
    assert (product["vendor"], product["type"], product["tags"]) == ("Falcon", "Kitchen/Mugs", ["Sale", "New"])
    assert (variant["price"], variant["compare"], variant["taxable"]) == (D("9.90"), D("12.50"), False)
    assert variant["weight"] == {"value": 0.25, "unit": "KILOGRAMS"}
    assert variant["tracked"]
    assert [one["source"] for one in product["media"]] == ["https://cdn.example/a.jpg", "https://cdn.example/b.jpg"]
    fields = {(namespace, key): one["value"] for (_, namespace, key), one in bench.state.metafields.items()}
    assert fields == {
        ("integrator", "pos_id"): "item:MUG", ("custom", "short_description"): "A mug",
        ("custom", "care"): "Dishwasher",
        ("specs", "height"): "9 cm",
    }  # fmt: skip
    assert list((result.sent or {})["images"]) == ["https://cdn.example/a.jpg", "https://cdn.example/b.jpg"]


def test_a_lost_creation_is_found_by_its_own_id_though_the_search_does_not_show_it_yet(build: Build) -> None:
    bench = build(index_lag=True)
    items = [
        *alone(push("A")),
        style("S", push("V-1", options=(("Size", "S"),)), push("V-2", options=(("Size", "M"),))),
    ]
    bench.connector().facts.define_custom_id()
    for _ in items:
        bench.shop.misbehave(lose_next_answer=True, lose_mutation="ProductSet")
        connector = bench.connector()
        try:
            results = connector.push_content(items)
        except UnknownOutcome:
            continue
        assert {one.outcome for one in results} <= {Outcome.ACCEPTED, Outcome.RETRY}
    bench.shop.misbehave()
    results = accepted(bench.connector().push_content(items))
    assert len(results) == 3
    assert sorted(bench.shop.products()) == ["A", "V-1", "V-2"]
    assert len(bench.state.products) == 2


def test_the_search_is_by_words_and_only_the_exact_sku_counts(bench: Bench) -> None:
    for sku in ("AB-1", "ab-1", "AB-1-X", "X AB 1"):
        bench.shop.add_product(sku, f"Product {sku}")
    found = bench.connector().find(["AB-1", 'odd"sku\\', "none"])
    assert [one.name for one in found["AB-1"]] == ["Product AB-1"]
    assert found['odd"sku\\'] == []
    assert found["none"] == []


def test_many_new_products_are_one_bulk_operation(bench: Bench) -> None:
    items = [push(f"I-{n:03}", quantity=n) for n in range(60)]
    bench.shop.misbehave(reject_sku="I-007")
    results = bench.connector().push_content(alone(*items))
    calls = bench.calls()
    assert len(calls) < 12
    assert calls.count("BulkRun") == 1
    assert "ProductSet" not in calls
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 59
    assert results[7].outcome is Outcome.REJECTED
    assert bench.shop.products()["I-042"].quantity == 42


def test_when_other_bulk_operations_run_products_are_made_one_by_one(build: Build) -> None:
    bench = build(bulk_seconds=3_600)
    for number in range(5):
        bench.state.bulk[str(number)] = {
            "id": str(number), "result": "", "query": "", "count": 0, "done_at": bench.state.clock() + 3_600, "at": "",
        }  # fmt: skip
    accepted(bench.connector(bulk_from=2).push_content(alone(push("A"), push("B"))))
    assert bench.calls().count("ProductSet") == 2


def test_new_products_are_published_to_the_online_store(bench: Bench) -> None:
    connector = bench.connector(publish_new=True, bulk_from=3)
    accepted(connector.push_content(alone(push("A"))))
    accepted(connector.push_content(alone(push("B"), push("C"), push("D"))))
    assert all(one.published for one in bench.shop.products().values())
    assert bench.calls().count("Publish") == 1  # of the others in bulk


# -- styles


def test_a_style_of_many_variants_is_made_in_parts(bench: Bench) -> None:
    variants = [push(f"V-{n:04}", options=(("Nr", str(n)),), quantity=1) for n in range(600)]
    results = accepted(bench.connector().push_content([style("S", *variants)]))
    assert len({one.remote["product"] for one in results}) == 1
    assert [one for one in bench.calls() if one.startswith(("Product", "Variants"))].count("VariantsCreate") == 2
    assert len(bench.shop.products()) == 600


def test_variants_beyond_the_limit_are_said_plainly_and_the_others_are_made(build: Build) -> None:
    bench = build(max_variants=5)
    variants = [push(f"V-{n}", options=(("Nr", str(n)),)) for n in range(7)]
    results = bench.connector().push_content([style("S", *variants)])
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 5
    bad = [one for one in results if one.outcome is Outcome.REJECTED]
    assert {one.code for one in bad} == {"TOO_MANY_VARIANTS"}
    assert "at most 5" in bad[0].message


def test_four_options_are_too_many(bench: Bench) -> None:
    (result,) = bench.connector().push_content([style("S", push("V", options=tuple((str(n), "x") for n in range(4))))])
    assert (result.outcome, result.code) == (Outcome.REJECTED, "TOO_MANY_OPTIONS")


def test_one_bad_variant_does_not_spoil_its_style(bench: Bench) -> None:
    variants = [push(f"V-{n}", options=(("Nr", str(n)),)) for n in range(4)]
    bench.shop.misbehave(reject_sku="V-2")
    results = bench.connector().push_content([style("S", *variants)])
    assert [one.outcome for one in results] == [Outcome.ACCEPTED, Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]
    made = [after(one, result) for one, result in zip(variants, results, strict=True)]
    more = [push(f"W-{n}", options=(("Nr", f"w{n}"),)) for n in range(3)]
    bench.shop.misbehave(reject_sku="W-1")
    results = bench.connector().push_content([style("S", *made[:2], *more, wanted=more)])
    assert [one.outcome for one in results] == [Outcome.ACCEPTED, Outcome.REJECTED, Outcome.ACCEPTED]


def test_a_variant_is_taken_off_alone_and_put_back(bench: Bench) -> None:
    connector = bench.connector(publish_new=True)
    variants = [push(f"V-{n}", options=(("Nr", str(n)),)) for n in range(2)]
    results = accepted(connector.push_content([style("S", *variants)]))
    publication = frozenset({"Publication"})
    first, second = [after(one, result, fields=publication) for one, result in zip(variants, results, strict=True)]
    for online in (False, True):
        from dataclasses import replace

        first = replace(first, content=replace(first.content, sell_online=online))
        (result,) = accepted(connector.push_content([style("S", first, second, wanted=[first])]))
        assert bench.shop.products()["V-0"].published is online
        assert bench.shop.products()["V-1"].published
        first = after(first, result)


# -- the daily limit


def test_the_daily_limit_is_said_with_its_end_and_holds_up_new_variants_only(build: Build) -> None:
    clock = Clock()
    bench = build(clock, variants_left_today=2)
    connector = bench.connector()
    items = [push(f"I-{n}") for n in range(4)]
    results = connector.push_content(alone(*items))
    assert [one.outcome for one in results] == [Outcome.ACCEPTED] * 2 + [Outcome.RETRY] * 2
    midnight = next_day(datetime.fromtimestamp(clock.now, UTC))
    assert {one.until for one in results[2:]} == {midnight}
    assert f"{midnight:%Y-%m-%d} 00:00 UTC" in results[2].message
    known = after(items[0], results[0], fields=frozenset())
    accepted(connector.push_price(alone(known)))  # what is there goes on
    connector.close()
    bench.calls()
    other = bench.connector()  # the next job does not even ask
    assert [one.outcome for one in other.push_content(alone(items[2]))] == [Outcome.RETRY]
    assert "ProductSet" not in bench.calls()
    assert any("no more new variants" in one.message for one in other.check().items)
    clock.now = midnight.timestamp() + 1
    bench.state.features.variants_left_today = None
    accepted(other.push_content(alone(items[2], items[3])))


# -- updates


def test_an_update_deletes_nothing_of_the_merchants(bench: Bench) -> None:
    connector = bench.connector(field_rules={"Name": "pos", "LongDescription": "pos"})
    one = push("A", name="First", images=(Image("https://cdn.example/a.jpg"),))
    (result,) = accepted(connector.push_content(alone(one)))
    product = bench.shop.product_of("A")
    product["tags"] = ["merchant"]
    product["collections"].add("77")
    bench.state.collections["77"] = {"id": "77", "title": "Summer", "rules": None}
    product["media"].append({"id": "990", "source": "https://merchant.example/x.jpg", "alt": ""})
    bench.state.metafields["gid://shopify/Product/" + product["id"], "merchant", "note"] = {"value": "mine"}
    bench.calls()
    changed = after(one, result, fields=frozenset({"Name", "LongDescription"}))
    from dataclasses import replace

    changed = replace(changed, content=replace(changed.content, name="Second"))
    accepted(connector.push_content(alone(changed)))
    assert bench.calls() == ["ProductUpdate"]
    assert (product["title"], product["tags"], product["collections"]) == ("Second", ["merchant"], {"77"})
    assert [one["source"] for one in product["media"]] == [
        "https://cdn.example/a.jpg",
        "https://merchant.example/x.jpg",
    ]
    assert any(key[1:] == ("merchant", "note") for key in bench.state.metafields)


def test_pictures_are_sent_once_replaced_by_content_and_the_merchants_stay(bench: Bench) -> None:
    from dataclasses import replace

    connector = bench.connector(field_rules={"Images": "pos"})
    first = (Image("https://cdn.example/a.jpg", 1), Image("https://cdn.example/b.jpg", 2))
    one = push("A", images=first)
    (result,) = accepted(connector.push_content(alone(one)))
    product = bench.shop.product_of("A")
    product["media"].append({"id": "990", "source": "https://merchant.example/x.jpg", "alt": ""})
    bench.calls()
    same = after(one, result, fields=frozenset({"Images"}))
    (result,) = accepted(connector.push_content(alone(same)))
    assert bench.calls() == []  # nothing changed, nothing is sent
    then = (Image("https://cdn.example/c.jpg", 1), Image("https://cdn.example/b.jpg", 2))
    changed = replace(same, content=replace(same.content, images=then))
    (result,) = accepted(connector.push_content(alone(changed)))
    assert bench.calls() == ["ProductUpdate", "MediaDelete", "MediaReorder"]
    sources = [one["source"] for one in product["media"]]
    assert sources[:2] == ["https://cdn.example/c.jpg", "https://cdn.example/b.jpg"]
    assert "https://merchant.example/x.jpg" in sources
    assert "https://cdn.example/a.jpg" not in sources
    assert list((result.sent or {})["images"]) == ["https://cdn.example/c.jpg", "https://cdn.example/b.jpg"]


def test_a_picture_that_cannot_be_fetched_does_not_keep_the_product_away(bench: Bench) -> None:
    (result,) = accepted(bench.connector().push_content(alone(push("A", images=(Image("not-a-url"),)))))
    assert result.code == "WRITTEN_IN_PART"
    assert "files" in result.message


def test_a_linked_product_keeps_its_texts_and_gets_tracked(bench: Bench) -> None:
    bench.shop.add_product("A", "By hand")
    bench.shop.find("A")["tracked"] = False
    (result,) = accepted(bench.connector().push_content(alone(push("A", name="POS"))))
    assert not result.created
    assert bench.shop.product_of("A")["title"] == "By hand"
    assert bench.shop.find("A")["tracked"]


def test_two_with_one_sku_are_a_conflict(bench: Bench) -> None:
    bench.shop.add_product("A", "One")
    bench.shop.add_product("A", "Two")
    (result,) = bench.connector().push_content(alone(push("A")))
    assert (result.outcome, result.code) == (Outcome.CONFLICT, "SKU_CONFLICT")
    assert "One" in result.message
    assert "Two" in result.message


def test_a_collection_for_the_category_is_found_or_made(bench: Bench) -> None:
    connector = bench.connector(category_as="collection")
    accepted(
        connector.push_content(alone(push("A", category=("Kitchen", "Mugs")), push("B", category=("Kitchen", "Mugs"))))
    )
    assert bench.calls().count("CollectionCreate") == 1
    assert bench.shop.products()["A"].categories == ["Mugs"] == bench.shop.products()["B"].categories


@pytest.mark.parametrize("sku", [" A", "x" * 300])
def test_a_sku_that_the_shop_would_change_is_refused(bench: Bench, sku: str) -> None:
    (result,) = bench.connector().push_content(alone(push(sku)))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "SKU_UNSUITABLE")
