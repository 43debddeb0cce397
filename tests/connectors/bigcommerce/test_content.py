"""Products and styles on their way to the shop."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.connectors.bigcommerce import mapping
from integrator.connectors.bigcommerce.mapping import numbered_name, visibility
from integrator.connectors.pushes import Image, Outcome
from tests.connectors.bigcommerce.conftest import Bench, push
from tests.connectors.pushing import accepted, after, alone, style

D = Decimal


def test_a_style_comes_into_being_in_one_call(bench: Bench) -> None:
    variants = [push(f"TEE-{n}", quantity=n, options=(("Size", str(n)), ("Colour", "Red"))) for n in range(60)]
    results = accepted(bench.connector().push_content([style("TEE", *variants)]))
    assert [one for one in bench.calls() if not one.startswith("GET")] == ["POST /v3/catalog/products"]
    assert all(one.created for one in results)
    assert len({one.remote["product"] for one in results}) == 1
    assert bench.shop.product("TEE-3")["inventory_tracking"] == "variant"


def test_option_values_are_made_before_the_variants_that_have_them(bench: Bench) -> None:
    first = push("V-1", options=(("Size", "S"), ("Colour", "Red")))
    (result,) = accepted(bench.connector().push_content([style("S", first)]))
    known = after(first, result)
    second = push("V-2", quantity=4, options=(("Size", "M"), ("Colour", "red")))
    third = push("V-3", options=(("Size", "M"), ("Colour", "Grün")))
    bench.calls()
    results = accepted(bench.connector().push_content([style("S", known, second, third, wanted=[second, third])]))
    writes = [one for one in bench.calls() if not one.startswith("GET")]
    assert [one.rsplit("/", 1)[-1] for one in writes] == ["values", "values", "variants"]
    assert {one.remote["product"] for one in results} == {known.remote["product"]}
    assert dict(bench.shop.products()["V-2"].options) == {"Size": "M", "Colour": "Red"}


def test_a_variant_with_other_options_is_reported(bench: Bench) -> None:
    first = push("V-1", options=(("Size", "S"),))
    (result,) = accepted(bench.connector().push_content([style("S", first)]))
    other = push("V-2", options=(("Length", "Long"),))
    (answer,) = bench.connector().push_content([style("S", after(first, result), other, wanted=[other])])
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "OPTIONS_DIFFER")
    assert "Size" in answer.message or "Length" in answer.message


def test_skus_that_differ_only_by_case_are_a_conflict(bench: Bench) -> None:
    bench.shop.add_product("mug-1", "By hand")
    (answer,) = bench.connector().push_content(alone(push("MUG-1")))
    assert (answer.outcome, answer.code) == (Outcome.CONFLICT, "SKU_CONFLICT")
    assert "'mug-1'" in answer.message
    assert "upper and lower case" in answer.hint
    one, two = bench.connector().push_content(alone(push("CUP"), push("cup")))
    assert (one.outcome, two.outcome) == (Outcome.ACCEPTED, Outcome.CONFLICT)
    assert sorted(bench.shop.products()) == ["CUP", "mug-1"]


def test_a_variant_of_the_merchant_is_found_and_linked(bench: Bench) -> None:
    accepted(bench.connector().push_content([style("S", push("V-1", options=(("Size", "S"),)), name="Made before")]))
    bench.shop.product("V-1")["inventory_tracking"] = "none"
    again = push("V-1", name="From the POS", options=(("Size", "S"),))
    (result,) = accepted(bench.connector().push_content([style("S", again)]))
    assert "kind" not in result.remote
    assert not result.created
    assert bench.shop.products()["V-1"].name == "Made before"
    assert bench.shop.product("V-1")["inventory_tracking"] == "variant"  # stock is the POS's


def test_a_name_that_is_taken_gets_the_sku_or_is_reported(bench: Bench) -> None:
    bench.shop.add_product("X", "Mug")
    (result,) = accepted(bench.connector().push_content(alone(push("A", name="Mug"))))
    assert bench.shop.products()["A"].name == "Mug (A)"
    assert "belongs to another product" in result.message
    (answer,) = bench.connector(duplicate_names="report").push_content(alone(push("B", name="Mug")))
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "NAME_TAKEN")


def test_a_product_that_was_saved_without_its_stock_is_not_done(bench: Bench) -> None:
    bench.state.misbehaviour.partly_next = 1
    (result,) = accepted(bench.connector().push_content(alone(push("A", quantity=3))))
    assert not result.created  # the stock's own lane sends it
    assert "without a part" in result.message


def test_a_picture_that_cannot_be_fetched_does_not_keep_the_product_away(bench: Bench) -> None:
    bench.state.misbehaviour.bad_image = "https://img.example/bad.jpg"
    images = (Image("https://img.example/bad.jpg"),)
    (result,) = accepted(bench.connector().push_content(alone(push("A", images=images))))
    assert bench.shop.products()["A"].images == []
    assert "Written without images" in result.message


def test_pictures_are_sent_once_and_by_what_changed(bench: Bench) -> None:
    first, second, third = (Image(f"https://img.example/{n}.jpg", n) for n in range(3))
    one = push("A", images=(first, second))
    (result,) = accepted(bench.connector().push_content(alone(one)))
    assert bench.shop.products()["A"].images == [first.url, second.url]
    known = after(one, result, fields=frozenset({"Images", "Name"}))
    bench.calls()
    (result,) = accepted(bench.connector().push_content(alone(known)))
    assert [call for call in bench.calls() if "images" in call] == []
    content = replace(known.content, images=(replace(second, position=0), replace(third, position=1)))
    accepted(bench.connector().push_content(alone(after(known, result, content=content))))
    assert bench.shop.products()["A"].images == [second.url, third.url]


def test_categories_brand_tags_and_custom_fields(bench: Bench) -> None:
    one = push(
        "A", category=("Home", "Kitchen"), brand="Acme", tags=("blue", "a,b"), upc="4006381333931",
        custom_fields=(("Material", "Steel"),), supplier_sku="S-9", short_description="<p>Short</p>",
    )  # fmt: skip
    settings = {"text_fields": {"SupplierSku": "custom:Supplier", "ShortDescription": "meta_description"}}
    accepted(bench.connector(**settings).push_content(alone(one, push("B", category=("home", "kitchen")))))
    shown, product = bench.shop.products(), bench.shop.product("A")
    assert shown["A"].categories == shown["B"].categories == ["Home/Kitchen"]
    assert product["brand_id"]
    assert product["search_keywords"] == "blue,a b"
    assert product["meta_description"] == "Short"
    assert {(f["name"], f["value"]) for f in product["custom_fields"]} == {("Material", "Steel"), ("Supplier", "S-9")}


def test_custom_fields_of_the_pos_follow_and_the_merchant_s_stay(bench: Bench) -> None:
    one = push("A", custom_fields=(("Material", "Steel"),))
    (result,) = accepted(bench.connector().push_content(alone(one)))
    bench.shop.product("A")["custom_fields"].append({"id": 9, "name": "Care", "value": "Hand wash"})
    changed = after(one, result, fields=frozenset({"CustomFields"}))
    changed = replace(changed, content=replace(one.content, custom_fields=(("Material", "Wood"), ("Origin", "PL"))))
    accepted(bench.connector().push_content(alone(changed)))
    fields = {f["name"]: f["value"] for f in bench.shop.product("A")["custom_fields"]}
    assert fields == {"Material": "Wood", "Care": "Hand wash", "Origin": "PL"}


def test_tax_classes(bench: Bench) -> None:
    settings = {"tax_classes": {"REDUCED": 4}, "untaxed_class": 1}
    items = [push("FREE", taxable=False), push("LOW", tax_code="REDUCED"), push("AVA", tax_code="P0001"), push("PLAIN")]
    accepted(bench.connector(**settings).push_content(alone(*items)))
    shown = [bench.shop.product(one.item_id) for one in items]
    assert [one["tax_class_id"] for one in shown] == [1, 4, 0, 0]
    assert shown[2]["product_tax_code"] == "P0001"


def test_weights_go_in_the_shop_s_unit(bench: Bench) -> None:
    one = push("A", weight=D("2.5"), weight_unit="lb", length=D(10), width=D(2), dimension_unit="in")
    accepted(bench.connector().push_content(alone(one)))
    product = bench.shop.product("A")
    assert (D(str(product["weight"])), D(str(product["depth"]))) == (D("1.134"), D("25.4"))


def test_updates_go_ten_products_a_call(bench: Bench) -> None:
    items = [push(f"I-{n:02}") for n in range(25)]
    results = accepted(bench.connector().push_content(alone(*items)))
    changed = [
        replace(after(one, result, fields=frozenset({"Name"})), content=replace(one.content, name=f"New {n}"))
        for n, (one, result) in enumerate(zip(items, results, strict=True))
    ]
    bench.calls()
    accepted(bench.connector().push_content(alone(*changed)))
    assert bench.calls() == ["PUT /v3/catalog/products"] * 3
    assert bench.shop.products()["I-24"].name == "New 24"


@given(st.text(min_size=1, max_size=400), st.text("ABC-1", min_size=1, max_size=200))
def test_a_numbered_name_fits_and_ends_in_its_sku(name: str, sku: str) -> None:
    found = numbered_name(name, sku)
    assert len(found) <= mapping.NAME_CHARACTERS
    assert found.endswith(f"({sku})")


@given(st.booleans(), st.booleans())
def test_taking_down_and_offering_again_gives_back_what_was(now: bool, by_pos: bool) -> None:
    value, before = visibility(False, now, None, by_pos)
    assert (now if value is None else value) is False
    value, kept = visibility(True, False, before, by_pos)
    assert value is now
    assert kept is None


@pytest.mark.parametrize("sku", ["A" * 256, " A", "A "])
def test_a_sku_that_the_shop_would_change_is_refused(bench: Bench, sku: str) -> None:
    (answer,) = bench.connector().push_content(alone(push(sku)))
    assert (answer.outcome, answer.code) == (Outcome.REJECTED, "SKU_UNSUITABLE")


def test_a_sku_with_a_comma_is_found(bench: Bench) -> None:
    accepted(bench.connector().push_content(alone(push("A,B"))))
    found = bench.connector().find(["A,B", "A"])
    assert [len(found["A,B"]), len(found["A"])] == [1, 0]
