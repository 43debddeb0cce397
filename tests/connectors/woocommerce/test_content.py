"""Creating, linking and updating products and styles; what was interrupted, and who holds a SKU."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from integrator.connectors.base import Rejected, UnknownOutcome
from integrator.connectors.pushes import CONTENT_FIELDS, Image, Outcome
from tests.connectors.pushing import accepted, after, alone, style
from tests.connectors.woocommerce.conftest import Bench, Build, push

PICTURES = (Image("https://pos.test/2.jpg", 2), Image("https://pos.test/1.jpg", 1, "Front"))


def colours(*names: str, **given: object) -> list:
    return [push(f"TEE-{name}", options=(("Colour", name),), **given) for name in names]


# -- standalone products


def test_a_product_is_created_as_a_draft_with_all_it_has(each: Bench) -> None:
    one = push(
        "MUG & Co",
        name="Tom & Jérôme’s mug",
        price="12.50",
        sale_price=Decimal("9.9"),
        quantity=7,
        short_description="<p>Short</p>",
        long_description="<p>Long</p>",
        category=("Kitchen", "Mugs & Cups"),
        tags=("New", "new", "Gift"),
        brand="Émail",
        weight=Decimal("500"),
        weight_unit="g",
        length=Decimal("10"),
        dimension_unit="in",
        images=PICTURES,
        upc="4006381333931",
        supplier_sku="S-1",
        custom_fields=(("care", "wash"),),
    )
    (result,) = accepted(each.connector().push_content(alone(one)))
    product = each.state.products[int(result.remote["product"])]
    assert (product["status"], product["type"], product["sku"]) == ("draft", "simple", "MUG & Co")
    assert product["name"] == "Tom &amp; Jérôme’s mug"  # as WordPress stores it
    assert (product["regular_price"], product["sale_price"], product["stock_quantity"]) == ("12.5", "9.9", 7)
    assert (product["weight"], product["dimensions"]["length"]) == ("0.5", "25.4")
    assert [image["from"] for image in product["images"]] == ["https://pos.test/1.jpg", "https://pos.test/2.jpg"]
    assert each.shop.products()["MUG & Co"].categories == ["Kitchen/Mugs & Cups"]
    assert len(product["tags"]) == 2
    meta = {one["key"]: one["value"] for one in product["meta_data"]}
    assert meta == {
        "_supplier_sku": "S-1",
        "_manufacturer_part_number": "",
        "_additional_description": "",
        "care": "wash",
    }
    modern = each.state.since(9, 6)
    assert bool(product["brands"]) is modern
    assert [one["name"] for one in product["attributes"]] == ([] if modern else ["Brand"])
    assert product["global_unique_id"] == ("4006381333931" if each.state.since(9, 2) else "")


def test_terms_are_made_once_and_found_again(bench: Bench) -> None:
    things = [push(f"A-{n}", category=("Kitchen", "Mugs"), tags=("Gift",), brand="Émail") for n in range(3)]
    bench.connector().push_content(alone(*things[:2]))
    bench.connector().push_content(alone(things[2]))
    terms = bench.state.terms
    assert {taxonomy: len(known) for taxonomy, known in terms.items()} == {
        "product_cat": 2,
        "product_tag": 1,
        "product_brand": 1,
    }


def test_a_product_of_the_merchant_is_linked_and_keeps_its_content(bench: Bench) -> None:
    bench.shop.add_product("A", "By hand")
    before = dict(bench.shop.find("A"))
    one = push("A", name="From the POS", images=PICTURES, category=("X",))
    (result,) = accepted(bench.connector().push_content(alone(one)))
    assert result.remote == {"product": str(before["id"])}
    now = bench.shop.find("A")
    assert {key: now[key] for key in before if key != "date_modified"} == {
        key: before[key] for key in before if key != "date_modified"
    }
    # with a rule that gives the name to the POS, the name follows, and nothing else
    other = push("B", name="From the POS", images=PICTURES)
    bench.shop.add_product("B", "By hand")
    accepted(bench.connector(field_rules={"Name": "pos"}).push_content(alone(other)))
    assert (bench.shop.find("B")["name"], bench.shop.find("B")["images"]) == ("From the POS", [])


def test_an_update_sends_only_what_it_may(bench: Bench) -> None:
    one = push("A", name="First", images=PICTURES)
    (result,) = accepted(bench.connector().push_content(alone(one)))
    bench.shop.edit("A", name="Merchant's", description="Merchant's")
    second = after(
        one, result, content=replace(one.content, name="Second", long_description="Second"), fields=frozenset()
    )
    accepted(bench.connector().push_content(alone(second)))
    product = bench.shop.find("A")
    assert (product["name"], product["description"]) == ("Merchant's", "Merchant's")


def test_pictures_are_fetched_once(bench: Bench) -> None:
    """Also where they belong to the POS: known ones go along by number, and an unchanged set not at all."""
    one = push("A", images=PICTURES)
    (result,) = accepted(bench.connector().push_content(alone(one)))
    assert len(bench.state.media) == 2
    same = after(one, result)
    taken_off = bench.shop.find("A")["images"].pop()
    (result,) = accepted(bench.connector().push_content(alone(same)))
    assert len(bench.shop.find("A")["images"]) == 1  # nothing was written
    bench.shop.find("A")["images"].append(taken_off)
    assert len(bench.state.media) == 2
    more = after(same, result, content=replace(one.content, images=(*PICTURES, Image("https://pos.test/3.jpg", 3))))
    (result,) = accepted(bench.connector().push_content(alone(more)))
    assert len(bench.state.media) == 3
    assert [image["from"][-5:] for image in bench.shop.find("A")["images"]] == ["1.jpg", "2.jpg", "3.jpg"]
    bare = after(more, result, fields=CONTENT_FIELDS - {"Images"}, content=replace(one.content, images=()))
    accepted(bench.connector().push_content(alone(bare)))
    assert len(bench.shop.find("A")["images"]) == 3


def test_a_picture_or_barcode_that_is_refused_does_not_keep_the_product_out(bench: Bench) -> None:
    broken = (Image("https://pos.test/unreachable.jpg"),)
    things = [push("A", images=broken), push("B", upc="111"), push("C", upc="111", images=broken)]
    results = accepted(bench.connector().push_content(alone(*things)))
    assert {one["sku"] for one in bench.state.products.values()} == {"A", "B", "C"}
    assert [one.code for one in results] == ["WRITTEN_IN_PART", "", "WRITTEN_IN_PART"]
    assert "image" in results[0].message
    assert "image" in results[2].message
    assert "GTIN" in results[2].message


@pytest.mark.parametrize("sku", ["x" * 101, "a<b", "two  blanks", "tab\there", "per%20cent"])
def test_a_sku_that_woocommerce_would_alter_is_refused_before_it_is_sent(bench: Bench, sku: str) -> None:
    (result,) = bench.connector().push_content(alone(push(sku)))
    assert (result.outcome, result.code) == (Outcome.REJECTED, "SKU_UNSUITABLE")
    assert result.hint
    assert bench.calls() == []


def test_taking_down_and_putting_back(bench: Bench) -> None:
    one = push("A")
    (result,) = accepted(bench.connector(publish_new=True).push_content(alone(one)))
    assert bench.shop.find("A")["status"] == "publish"
    down = after(one, result, content=replace(one.content, sell_online=False), fields=frozenset())
    (result,) = accepted(bench.connector().push_content(alone(down)))
    assert bench.shop.find("A")["status"] == "draft"
    up = after(down, result, content=one.content)
    (result,) = accepted(bench.connector().push_content(alone(up)))
    assert bench.shop.find("A")["status"] == "publish"
    assert "status_before" not in (result.sent or {})
    # a draft that nobody published yet is not published by that
    draft = push("B")
    (result,) = accepted(bench.connector().push_content(alone(draft)))
    down = after(draft, result, content=replace(draft.content, sell_online=False), fields=frozenset())
    (result,) = accepted(bench.connector().push_content(alone(down)))
    accepted(bench.connector().push_content(alone(after(down, result, content=draft.content))))
    assert bench.shop.find("B")["status"] == "draft"


# -- styles


def test_a_style_is_a_variable_product_with_shop_wide_attributes(each: Bench) -> None:
    sizes = [
        push(f"TEE-{c}{s}", options=(("Colour", c), ("Größe", s)), quantity=3) for c in ("Red", "R & B") for s in "SM"
    ]
    results = accepted(each.connector().push_content([style("TEE", *sizes, name="Tee & Co")]))
    parent = each.state.products[int(results[0].remote["product"])]
    assert (parent["type"], parent["sku"], parent["name"]) == ("variable", "style-TEE", "Tee &amp; Co")
    assert {one.remote["product"] for one in results} == {str(parent["id"])}
    assert [one["name"] for one in parent["attributes"]] == ["Colour", "Größe"]
    assert all(one["id"] and one["variation"] for one in parent["attributes"])
    assert dict(each.shop.products()["TEE-R & BM"].options) == {"Colour": "R & B", "Größe": "M"}
    assert {one["slug"] for one in each.state.attributes.values()} >= {"pa_colour"}


@pytest.mark.parametrize("name", ["Type", "Größe", "Размер", "A name of many more characters than fit", "Order"])
def test_attributes_of_any_name_get_a_slug_that_the_shop_takes(bench: Bench, name: str) -> None:
    accepted(bench.connector().push_content([style("S", push("A", options=((name, "x"),)))]))
    accepted(bench.connector().push_content([style("T", push("B", options=((name.upper(), "y"),)))]))
    assert len(bench.state.attributes) == 1


def test_local_attributes_where_the_channel_wants_them(bench: Bench) -> None:
    accepted(bench.connector(attributes="local").push_content([style("S", *colours("Red", "Blue"))]))
    assert bench.state.attributes == {}
    assert dict(bench.shop.products()["TEE-Blue"].options) == {"Colour": "Blue"}


def test_a_variant_that_comes_later_gets_its_option_on_the_parent_first(each: Bench) -> None:
    red, blue = colours("Red", "Blue")
    (first,) = accepted(each.connector().push_content([style("S", red)]))
    each.shop.edit("TEE-Red", name="Merchant's", description="Merchant's")
    red = after(red, first)
    (second,) = accepted(each.connector().push_content([style("S", red, blue, wanted=[blue])]))
    parent = each.state.products[int(first.remote["product"])]
    assert second.remote["product"] == first.remote["product"]
    assert parent["attributes"][0]["options"] == ["Red", "Blue"]
    assert (parent["name"], parent["description"]) == ("Merchant's", "Merchant's")


def test_the_merchants_own_attributes_stay_when_an_option_is_added(bench: Bench) -> None:
    red, blue = colours("Red", "Blue")
    (first,) = accepted(bench.connector().push_content([style("S", red)]))
    parent = bench.state.products[int(first.remote["product"])]
    parent["attributes"].append(
        {
            "id": 0,
            "name": "Material",
            "position": 9,
            "visible": True,
            "variation": False,
            "options": ["Wool &amp; silk"],
        }
    )
    accepted(bench.connector().push_content([style("S", after(red, first), blue, wanted=[blue])]))
    parent = bench.state.products[int(first.remote["product"])]
    assert [(one["name"], one["options"]) for one in parent["attributes"]] == [
        ("Colour", ["Red", "Blue"]),
        ("Material", ["Wool &amp; silk"]),
    ]


def test_a_variant_has_a_picture_of_its_own_where_it_differs(bench: Bench) -> None:
    red, blue = colours("Red", "Blue", images=(PICTURES[1],))
    blue = replace(blue, content=replace(blue.content, images=(Image("https://pos.test/blue.jpg"),)))
    results = accepted(bench.connector().push_content([style("S", red, blue)]))
    images = [bench.state.products[int(one.remote["variation"])]["image"] for one in results]
    assert images[0] is None
    assert images[1]["from"] == "https://pos.test/blue.jpg"
    assert len(bench.state.media) == 2


def test_variants_are_linked_one_by_one_where_the_merchant_has_them(bench: Bench) -> None:
    """One as a variation of another product, one as a product of its own, one not at all."""
    hers = push("X", options=(("Colour", "Red"),))
    (made,) = accepted(bench.connector().push_content([style("HERS", hers)]))
    bench.shop.add_product("Y", "By hand")
    ours = [
        push("X", options=(("Colour", "Red"),)),
        push("Y", options=(("Colour", "Blue"),)),
        push("Z", options=(("Colour", "Green"),)),
    ]
    results = {one.product_id: one for one in accepted(bench.connector().push_content([style("OURS", *ours)]))}
    x, y, z = (results[one.product_id].remote for one in ours)
    assert x == made.remote
    assert y == {"product": str(bench.shop.find("Y")["id"])}
    assert z["product"] == x["product"]
    assert len(bench.state.products) == 4
    # prices and stock go to each where it is
    linked = [replace(one, remote=results[one.product_id].remote) for one in ours]
    accepted(
        bench.connector().push_stock(
            [style("OURS", *[replace(one, stock=replace(one.stock, quantity=Decimal(8))) for one in linked])]
        )
    )
    assert {one.quantity for one in bench.shop.products().values()} == {8}


# -- interruptions


def test_an_answer_that_is_lost_is_found_again(each: Bench) -> None:
    things = [push(f"A-{n}") for n in range(5)]
    each.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        each.connector().push_content(alone(*things))
    results = accepted(each.connector().push_content(alone(*things)))
    assert len(each.state.products) == 5
    assert len({one.remote["product"] for one in results}) == 5


def test_a_parent_without_variations_is_found_without_doubling(each: Bench) -> None:
    things = colours("Red", "Blue")
    each.connector().taxonomy.attributes(["Colour"])  # so that the next write is the parent
    each.connector().taxonomy.terms(next(iter(each.state.attributes)), ["Red", "Blue"])
    each.shop.misbehave(lose_next_answer=True)
    with pytest.raises(UnknownOutcome):
        each.connector().push_content([style("S", *things)])
    assert [one["type"] for one in each.state.products.values()] == ["variable"]
    accepted(each.connector().push_content([style("S", *things)]))
    assert sorted(one["type"] for one in each.state.products.values()) == ["variable", "variation", "variation"]


def test_variations_that_were_made_without_an_answer_are_found(bench: Bench) -> None:
    things = colours("Red", "Blue")
    connector = bench.connector()
    original = connector.client.post

    def post(path: str, *given: object, **named: object) -> object:
        if path.endswith("/variations/batch"):
            bench.shop.misbehave(lose_next_answer=True)
        return original(path, *given, **named)

    connector.client.post = post  # type: ignore[method-assign]
    with pytest.raises(UnknownOutcome):
        connector.push_content([style("S", *things)])
    results = accepted(bench.connector().push_content([style("S", *things)]))
    assert len(bench.state.products) == 3
    assert all("variation" in one.remote for one in results)


# -- who holds a SKU


def test_a_sku_in_the_trash_is_a_conflict_that_says_what_to_do(each: Bench) -> None:
    """In every version, whether its lookup table minds or not."""
    each.shop.add_product("A", "Old")
    each.back = each.shop.find("A")["id"]  # type: ignore[attr-defined]
    each.shop.back_office.trash(each.back)  # type: ignore[attr-defined]
    results = each.connector().push_content(alone(push("A"), push("B")))
    assert [(one.outcome, one.code) for one in results] == [(Outcome.CONFLICT, "SKU_IN_TRASH"), (Outcome.ACCEPTED, "")]
    assert "Trash" in results[0].hint
    found = each.connector().find(["A"])["A"]
    assert [one.trashed for one in found] == [True]


def test_a_sku_that_differs_in_case_is_another_one_and_a_conflict(each: Bench) -> None:
    each.shop.add_product("abc", "By hand")
    assert each.connector().find(["ABC"]) == {"ABC": []}
    (result,) = each.connector().push_content(alone(push("ABC")))
    assert (result.outcome, result.code) == (Outcome.CONFLICT, "SKU_CONFLICT")
    assert "'abc'" in result.message
    assert "case" in result.hint


def test_a_sku_that_appears_between_look_and_creation_is_linked(bench: Bench) -> None:
    connector = bench.connector()
    original = connector.lookup.by_sku
    connector.lookup.by_sku = lambda skus, **given: {sku: [] for sku in skus}  # type: ignore[method-assign]
    bench.shop.add_product("A", "Somebody was faster")
    (result,) = connector.push_content(alone(push("A")))
    connector.lookup.by_sku = original  # type: ignore[method-assign]
    assert (result.outcome, result.remote) == (Outcome.RETRY, {"product": str(bench.shop.find("A")["id"])})
    assert len(bench.state.products) == 1


def test_a_sku_without_a_product_is_said_to_sit_in_the_lookup_table(bench: Bench) -> None:
    connector = bench.connector()
    connector.lookup.by_sku = lambda skus, **given: {sku: [] for sku in skus}  # type: ignore[method-assign]
    bench.shop.add_product("A", "Old")
    bench.shop.back_office.trash(bench.shop.find("A")["id"])
    (result,) = connector.push_content(alone(push("A")))
    assert (result.outcome, result.code) == (Outcome.CONFLICT, "SKU_CONFLICT")
    assert "lookup tables" in result.hint


def test_a_parents_sku_that_is_taken_names_the_holder(bench: Bench) -> None:
    bench.shop.add_product("style-S", "By hand")
    results = bench.connector().push_content([style("S", *colours("Red", "Blue"))])
    assert {(one.outcome, one.code) for one in results} == {(Outcome.CONFLICT, "PARENT_SKU_CONFLICT")}
    assert str(bench.shop.find("style-S")["id"]) in results[0].message
    accepted(bench.connector(parent_sku="{style}/parent").push_content([style("S", *colours("Red", "Blue"))]))


def test_a_sku_with_a_comma_is_found(each: Bench) -> None:
    skus = ["A,1", "A", "1", "B,", ",C"]
    for sku in skus:
        each.shop.add_product(sku, "x")
    assert {sku: len(found) for sku, found in each.connector().find([*skus, "A,2"]).items()} == {
        **dict.fromkeys(skus, 1),
        "A,2": 0,
    }


def test_what_is_gone_is_said_to_be_missing(bench: Bench) -> None:
    one = push("A")
    (result,) = accepted(bench.connector().push_content(alone(one)))
    red, blue = colours("Red", "Blue")
    made = accepted(bench.connector().push_content([style("S", red, blue)]))
    bench.shop.delete("A")
    (gone,) = bench.connector().push_content(alone(after(one, result)))
    assert (gone.outcome, gone.code) == (Outcome.REJECTED, "LISTING_MISSING")
    bench.shop.back_office.delete(int(made[0].remote["product"]))
    results = bench.connector().push_content([style("S", after(red, made[0]), after(blue, made[1]))])
    assert {one.code for one in results} == {"LISTING_MISSING"}


def test_one_bad_item_of_a_batch_is_alone(each: Bench) -> None:
    each.shop.misbehave(reject_sku="A-3")
    results = each.connector().push_content(alone(*(push(f"A-{n}") for n in range(10))))
    assert [one.outcome for one in results].count(Outcome.ACCEPTED) == 9
    bad = next(one for one in results if one.outcome is not Outcome.ACCEPTED)
    assert bad.outcome is Outcome.REJECTED
    assert "A-3" in bad.message


def test_a_category_that_the_shop_refuses_is_a_reason(bench: Bench, build: Build) -> None:
    connector = bench.connector()
    original = connector.client.post

    def post(path: str, *given: object, **named: object) -> object:
        if path.endswith("/categories/batch"):
            return {
                "create": [{"id": 0, "error": {"code": "empty_term_name", "message": "A name is required", "data": {}}}]
            }
        return original(path, *given, **named)

    connector.client.post = post  # type: ignore[method-assign]
    with pytest.raises(Rejected, match="categories"):
        connector.push_content(alone(push("A", category=("X",))))
