"""Laws of merging and superseding, of the published quantity and price, of cleaning and of styles."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.catalogue import checks, content, merge, publish, styles, values
from integrator.catalogue.explain import price_words, quantity_words
from integrator.connectors.base import ChannelSettings
from integrator.connectors.pushes import CONTENT_FIELDS

D = Decimal
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)

units = st.decimals(min_value=-1000, max_value=1000, places=4, allow_nan=False)
amounts = st.decimals(min_value=0, max_value=1000, places=2, allow_nan=False)
moments = st.datetimes(datetime(2026, 11, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
codes = st.sampled_from(["MAIN", "NORTH", "SOUTH", "OLD"])

stock_payloads = st.fixed_dictionaries(
    {},
    optional={
        "Quantity": st.none() | units,
        "LocationQuantities": st.none()
        | st.dictionaries(codes, st.none() | units.map(values.plain), min_size=1, max_size=4),
    },
)
stocks = st.builds(merge.Stock, st.none() | units, st.dictionaries(codes, units.map(values.plain), max_size=4))
price_payloads = st.fixed_dictionaries(
    {},
    optional={
        "Price": amounts, "SalePrice": st.none() | amounts, "SaleStart": st.none() | moments,
        "SaleEnd": st.none() | moments, "Msrp": st.none() | amounts, "Cost": st.none() | amounts,
    },
)  # fmt: skip
content_payloads = st.fixed_dictionaries(
    {}, optional={name: st.none() | st.text("abc", max_size=3) for name in ("Name", "Brand", "StyleId", "UPC")}
)


# -- merging


@given(stocks, stock_payloads)
def test_stock_applied_twice_is_applied_once(stored: merge.Stock, payload: dict[str, Any]) -> None:
    once = merge.stock(stored, payload)
    assert merge.stock(once, payload) == once


@given(price_payloads, price_payloads)
def test_a_price_applied_twice_is_applied_once(before: dict[str, Any], payload: dict[str, Any]) -> None:
    once = merge.price(merge.price(merge.Price(), before), payload)
    assert merge.price(once, payload) == once


@given(content_payloads, content_payloads)
def test_content_applied_twice_is_applied_once(before: dict[str, Any], payload: dict[str, Any]) -> None:
    once = merge.content(merge.content({}, before), payload)
    assert merge.content(once, payload) == once


@given(stocks, stock_payloads)
def test_what_a_stock_payload_does_not_name_stays(stored: merge.Stock, payload: dict[str, Any]) -> None:
    merged = merge.stock(stored, payload)
    if "Quantity" not in payload:
        assert merged.quantity == stored.quantity
    sent = payload.get("LocationQuantities", {})
    if sent is not None:
        for code in stored.quantities.keys() - sent.keys():
            assert merged.quantities[code] == stored.quantities[code]
    else:
        assert merged.quantities == {}


@given(content_payloads, content_payloads)
def test_what_a_content_payload_does_not_name_stays(before: dict[str, Any], payload: dict[str, Any]) -> None:
    stored = merge.content({}, before)
    merged = merge.content(stored, payload)
    for name in stored.keys() - payload.keys():
        assert merged[name] == stored[name]
    assert None not in merged.values()


@given(st.lists(st.tuples(st.integers(1, 6), units), min_size=1, max_size=6), st.data())
def test_the_newest_version_wins_in_whatever_order_and_however_often(
    updates: list[tuple[int, Decimal]], data: st.DataObject
) -> None:
    """Each version stands for one value, as in a POS that counts its changes."""
    by_version = dict(updates)
    stream = data.draw(st.permutations(list(by_version.items()) * 2))
    mark, stored = merge.Mark(), merge.Stock()
    for version, quantity in stream:
        sent = merge.Mark(version)
        if not merge.superseded(mark, sent):
            stored = merge.stock(stored, {"Quantity": quantity})
            mark = merge.marked(mark, sent)
    newest = max(by_version)
    assert (mark.version, stored.quantity) == (newest, by_version[newest])


@given(st.lists(st.tuples(st.integers(0, 5), units), min_size=1, max_size=6), st.data())
def test_the_latest_time_wins_likewise(updates: list[tuple[int, Decimal]], data: st.DataObject) -> None:
    by_time = {NOON + timedelta(hours=hours): quantity for hours, quantity in updates}
    stream = data.draw(st.permutations(list(by_time.items()) * 2))
    mark, stored = merge.Mark(), merge.Stock()
    for at, quantity in stream:
        sent = merge.Mark(None, at)
        if not merge.superseded(mark, sent):
            stored, mark = merge.stock(stored, {"Quantity": quantity}), merge.marked(mark, sent)
    assert stored.quantity == by_time[max(by_time)]


marks = st.builds(merge.Mark, st.none() | st.integers(0, 3), st.none() | moments)


@given(marks, marks)
def test_what_was_applied_does_not_supersede_itself(stored: merge.Mark, sent: merge.Mark) -> None:
    if not merge.superseded(stored, sent):
        assert not merge.superseded(merge.marked(stored, sent), sent)
    assert not merge.superseded(merge.Mark(), sent)
    assert not merge.superseded(stored, merge.Mark())


@pytest.mark.parametrize(
    ("stored", "sent", "older"),
    [
        (merge.Mark(5), merge.Mark(4), True),
        (merge.Mark(5), merge.Mark(5), False),
        (merge.Mark(5, NOON), merge.Mark(6, NOON - timedelta(days=1)), False),
        (merge.Mark(5, NOON), merge.Mark(5, NOON - timedelta(seconds=1)), True),
        (merge.Mark(5), merge.Mark(None, NOON), False),
        (merge.Mark(None, NOON), merge.Mark(None, NOON - timedelta(seconds=1)), True),
    ],
)
def test_version_decides_before_the_time(stored: merge.Mark, sent: merge.Mark, older: bool) -> None:
    assert merge.superseded(stored, sent) is older


@given(price_payloads)
def test_the_digest_does_not_depend_on_the_order_of_fields(payload: dict[str, Any]) -> None:
    assert checks.digest(payload) == checks.digest(dict(reversed(payload.items())))


# -- the published quantity

locations = st.lists(
    st.builds(publish.Location, codes, st.booleans(), st.integers(1, 4)), max_size=4, unique_by=lambda one: one.code
)


@st.composite
def counted(draw: st.DrawFn) -> tuple[merge.Stock, Decimal, publish.Rules]:
    mapping = draw(st.dictionaries(codes, st.sampled_from(["10", "11"]), max_size=4))
    rules = publish.counting(draw(locations), draw(st.lists(codes)), mapping, draw(st.booleans()))
    rules = publish.Rules(
        locations=rules.locations,
        targets=rules.targets,
        safety_stock=draw(st.decimals(0, 5, places=1)),
        maximum=draw(st.none() | st.decimals(0, 50, places=1)),
        decimals=draw(st.integers(0, 3)),
    )
    return draw(stocks), draw(st.decimals(0, 20, places=1)), rules


@given(counted())
def test_a_shop_never_offers_more_than_there_is(given_: tuple[merge.Stock, Decimal, publish.Rules]) -> None:
    stock, allocated, rules = given_
    found = publish.quantity(stock, allocated, rules, sell_online=True)
    assert found.published >= 0
    assert found.published <= max(found.counted - allocated - rules.safety_stock, D(0))
    assert rules.maximum is None or found.published <= rules.maximum
    assert found.published == publish.floor(found.published, rules.decimals)
    if stock.quantities:
        assert found.counted == sum((D(stock.quantities[one]) for one in found.locations), D(0))
        assert set(found.locations) | set(found.left_out) == set(stock.quantities)
    else:
        assert found.counted == (stock.quantity or 0)


@given(counted())
def test_locations_one_to_one_add_up_and_none_offers_more_than_it_has(
    given_: tuple[merge.Stock, Decimal, publish.Rules],
) -> None:
    stock, allocated, rules = given_
    found = publish.quantity(stock, allocated, rules, sell_online=True)
    if rules.targets is None:
        assert found.by_location == {}
        return
    assert set(found.by_location) == set(rules.targets.values())
    assert sum(found.by_location.values(), D(0)) == found.published
    if stock.quantities:
        for theirs, share in found.by_location.items():
            ours = [code for code in rules.locations if rules.targets[code] == theirs]
            assert 0 <= share <= sum((max(D(stock.quantities.get(code, 0)), D(0)) for code in ours), D(0))


@given(counted(), st.decimals(0, 20, places=1))
def test_more_stock_never_offers_less_and_more_sales_never_more(
    given_: tuple[merge.Stock, Decimal, publish.Rules], more: Decimal
) -> None:
    stock, allocated, rules = given_
    before = publish.quantity(stock, allocated, rules, sell_online=True).published
    assert publish.quantity(stock, allocated + more, rules, sell_online=True).published <= before
    fuller = merge.Stock(
        None if stock.quantity is None else stock.quantity + more,
        {code: values.plain(D(units_) + more) for code, units_ in stock.quantities.items()},
    )
    if rules.targets is None:
        assert publish.quantity(fuller, allocated, rules, sell_online=True).published >= before


@given(counted())
def test_what_is_not_sold_online_is_offered_nowhere(given_: tuple[merge.Stock, Decimal, publish.Rules]) -> None:
    found = publish.quantity(*given_, sell_online=False)
    assert found.published == 0
    assert not any(found.by_location.values())


def rules(**values: Any) -> publish.Rules:
    return publish.Rules(**values)


@pytest.mark.parametrize(
    ("stock", "allocated", "given_rules", "published", "words"),
    [
        (merge.Stock(D(7)), D(0), rules(), D(7), "7 counted = 7"),
        (merge.Stock(D(-3)), D(0), rules(), D(0), "-3 counted = 0, not below 0"),
        (merge.Stock(), D(0), rules(), D(0), "0 counted = 0"),
        (
            merge.Stock(D(99), {"MAIN": "7", "OUTLET": "5", "REPAIR": "2"}),
            D(2),
            rules(locations=("MAIN", "OUTLET"), safety_stock=D(1)),
            D(9),
            "12 counted (MAIN 7 + OUTLET 5) - 2 sold on the web - 1 kept back = 9; not counted: REPAIR 2",
        ),
        (merge.Stock(D(70)), D(0), rules(maximum=D(20)), D(20), "70 counted = 20, at most 20"),
        (merge.Stock(D("2.75")), D(0), rules(), D(2), "2.75 counted = 2, only what the platform can hold"),
        (
            merge.Stock(D("2.75")), D(0), rules(decimals=1), D("2.7"),
            "2.75 counted = 2.7, only what the platform can hold",
        ),
        (merge.Stock(D(1)), D(3), rules(), D(0), "1 counted - 3 sold on the web = 0, not below 0"),
        (
            merge.Stock(D(9), {"OLD": "4"}), D(0), rules(locations=("MAIN",)), D(0),
            "0 counted (at no location that counts) = 0; not counted: OLD 4",
        ),
    ],
)  # fmt: skip
def test_the_arithmetic_and_its_words(
    stock: merge.Stock, allocated: Decimal, given_rules: publish.Rules, published: Decimal, words: str
) -> None:
    found = publish.quantity(stock, allocated, given_rules, sell_online=True)
    assert (found.published, quantity_words(found)) == (published, words)


def test_what_is_sold_is_taken_from_the_primary_location_first() -> None:
    known = [
        publish.Location("SIDE", position=2),
        publish.Location("MAIN", position=1),
        publish.Location("SHUT", False),
    ]
    chosen = publish.counting(known, [], {"MAIN": "1", "SIDE": "2", "SHUT": "3"}, one_to_one=True)
    stock = merge.Stock(D(0), {"MAIN": "5", "SIDE": "4", "SHUT": "9"})
    found = publish.quantity(stock, D(2), chosen, sell_online=True)
    assert found.by_location == {"1": 3, "2": 4, "3": 0}
    one_number = publish.quantity(merge.Stock(D(6)), D(0), chosen, sell_online=True)
    assert one_number.by_location == {"1": 6, "2": 0, "3": 0}


# -- prices


@given(amounts, st.none() | amounts, st.none() | moments, st.none() | moments, moments, st.booleans())
def test_a_sale_price_is_only_asked_below_the_price_and_inside_its_window(
    price: Decimal, sale: Decimal | None, start: datetime | None, end: datetime | None, now: datetime, windows: bool
) -> None:
    stored = merge.Price(price, sale, start, end)
    asked = publish.price(stored, now, sale_windows=windows, tiers=False)
    inside = (start is None or start <= now) and (end is None or now < end)
    if sale is None or sale >= price:
        assert asked.price.sale_price is None
    elif not windows:
        assert (asked.price.sale_price is not None) == inside
        assert asked.price.sale_start is None
        assert asked.price.sale_end is None
    elif inside:
        assert (asked.price.sale_price, asked.price.sale_start, asked.price.sale_end) == (sale, start, end)
    if asked.price.sale_price is None and sale is not None:
        assert asked.no_sale
    # between now and the next change the answer stays the same
    if not windows and asked.changes_at is not None:
        assert asked.changes_at > now
        just_before = asked.changes_at - timedelta(microseconds=1)
        assert publish.price(stored, just_before, sale_windows=False, tiers=False).price == asked.price
        then = publish.price(stored, asked.changes_at, sale_windows=False, tiers=False)
        assert then.price != asked.price
    elif not windows:
        later = now + timedelta(days=365)
        assert publish.price(stored, later, sale_windows=False, tiers=False).price == asked.price


def test_without_a_price_nothing_is_published() -> None:
    with pytest.raises(publish.NotPublishable) as caught:
        publish.price(merge.Price(), NOON, sale_windows=True, tiers=False)
    assert "no price" in caught.value.message
    assert "UpdatePricing" in caught.value.hint


@pytest.mark.parametrize(
    ("stored", "windows", "words"),
    [
        (merge.Price(D("10.0000")), True, "10"),
        (merge.Price(D(10), D(8)), True, "8 instead of 10"),
        (merge.Price(D(10), D(12)), True, "10. The sale price is not below the price."),
        (merge.Price(D(10), D(8), None, NOON), True, "10. The sale is over."),
        (
            merge.Price(D(10), D(8), NOON + timedelta(days=1)), True,
            "8 instead of 10 from 2026-11-25 12:00Z. The sale has not begun.",
        ),
        (
            merge.Price(D(10), D(8), NOON + timedelta(days=1)), False,
            "10. The sale has not begun. It begins 2026-11-25 12:00Z.",
        ),
        (merge.Price(D(10), D(8), NOON, NOON + timedelta(days=1)), False, "8 instead of 10 until 2026-11-25 12:00Z"),
    ],
)  # fmt: skip
def test_the_words_of_a_price(stored: merge.Price, windows: bool, words: str) -> None:
    assert price_words(publish.price(stored, NOON, sale_windows=windows, tiers=False)) == words


# -- content

# what entities, tags, comments, combining and forbidden characters are made of
markup = st.lists(
    st.sampled_from(
        [*"<>&;#/!-=a bx1\n\x07\u0301eé\"'", "&amp;", "&lt;", "&gt;", "&#60;", "<b>", "</b>", "<!--", "-->"]
    ),
    max_size=30,
).map("".join)


@given(markup)
def test_clean_text_is_clean(text: str) -> None:
    cleaned = content.clean_text(text)
    assert content.clean_text(cleaned) == cleaned
    assert not content.FORBIDDEN.search(cleaned)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("Rock &amp; Roll", "Rock & Roll"),
        ("AT&T", "AT&T"),
        ("Caf\u0065\u0301", "Café"),
        ("5 < 7 and 8 > 3", "5 < 7 and 8 > 3"),
        ("A <b>bold</b>\n name", "A bold name"),
        ("&lt;script&gt;alert(1)&lt;/script&gt;", "alert(1)"),
        ("&amp;amp;lt;", "<"),
        ("東京 \U0001f45f", "東京 \U0001f45f"),
        ("bell\x07", "bell"),
    ],
)
def test_text_loses_entities_and_tags_and_nothing_else(text: str, cleaned: str) -> None:
    assert content.clean_text(text) == cleaned


@given(markup)
def test_cleaning_html_twice_is_cleaning_it_once(text: str) -> None:
    cleaned = content.clean_html(text)
    assert content.clean_html(cleaned) == cleaned


@pytest.mark.parametrize(
    "dirty",
    [
        '<p onclick="x()">a</p>', "<script>x()</script><p>a</p>", '<p>a</p><iframe src="//x"></iframe>',
        '<p>a<a href="javascript:x()"></a></p>', "<style>p{}</style><p>a</p>", '<p>a<img src=x onerror="x()"></p>',
        "<p>a<form action=/x><input></form></p>", "<p>a</p><svg onload=x()></svg>",
    ],
)  # fmt: skip
def test_html_loses_what_acts(dirty: str) -> None:
    cleaned = content.clean_html(dirty)
    assert "<p>a" in cleaned
    for word in ("script", "onclick", "onerror", "onload", "iframe", "style", "form", "x()"):
        assert word not in cleaned


def test_html_keeps_what_formats() -> None:
    html = "<h2>Boot</h2><ul><li><b>warm</b> &amp; dry</li></ul><table><tbody><tr><td>42</td></tr></tbody></table>"
    assert content.clean_html(html) == html


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("", ()),
        ("Shoes/Boots", ("Footwear", "Boots")),
        ("Shoes/Boots/Winter", ("Footwear", "Boots", "Winter")),
        ("Shoes/Sandals", ("Summer", "Sandals & more")),
        ("Wine/Red", ("Wine", "Red")),
        ("Internal/Spare parts", ()),
    ],
)
def test_categories_are_mapped_by_the_longest_part(path: str, found: tuple[str, ...]) -> None:
    mapping = {"Shoes": "Footwear", "Shoes/Sandals": "Summer/Sandals &amp; more", "Internal": ""}
    assert content.category(ChannelSettings(categories=mapping), path) == found


def test_values_and_custom_fields_are_mapped() -> None:
    settings = ChannelSettings(
        values={"Colour": {"Rose": "Red"}, "Brand": {"acme": "ACME"}, "Tags": {"new": "New in"}},
        custom_fields={"heel": "heel_height"},
    )
    stored = {
        "Name": "Shoe", "Brand": "acme", "Tags": ["new", "sale"],
        "Options": [{"Name": "Colour", "Value": "Rose"}, {"Name": "Size", "Value": "42"}],
        "CustomFields": [{"Name": "heel", "Value": "4 cm"}, {"Name": "shelf", "Value": "B7"}],
        "Weight": "1.5", "WeightUnit": "kg",
        "Images": [{"Url": "https://x/2", "Position": 2}, {"Url": "https://x/1", "Position": 1}],
    }  # fmt: skip
    made = content.content(stored, settings)
    assert made.brand == "ACME"
    assert made.tags == ("New in", "sale")
    assert made.options == (("Colour", "Red"), ("Size", "42"))
    assert made.custom_fields == (("heel_height", "4 cm"),)
    assert (made.weight, made.weight_unit) == (D("1.5"), "kg")
    assert [one.url for one in made.images] == ["https://x/1", "https://x/2"]
    assert made.sell_online
    assert made.taxable


def test_field_rules_say_what_a_push_may_write() -> None:
    settings = ChannelSettings(field_rules={"Name": "pos", "Images": "shop"})
    fresh = content.allowed(settings, is_new=True, sell_online=True, hidden=False)
    assert fresh == CONTENT_FIELDS - {"Images"}
    assert content.allowed(settings, is_new=False, sell_online=True, hidden=False) == {"Name"}


def test_what_is_taken_off_sale_is_unpublished_and_put_up_again_whoever_owns_publication() -> None:
    def may(sell_online: bool, hidden: bool, **field_rules: Any) -> bool:
        settings = ChannelSettings(field_rules=field_rules)
        return "Publication" in content.allowed(settings, is_new=False, sell_online=sell_online, hidden=hidden)

    assert may(sell_online=False, hidden=False)
    assert may(sell_online=True, hidden=True)
    assert not may(sell_online=True, hidden=False)
    assert not may(sell_online=False, hidden=False, Publication="shop")
    assert may(sell_online=True, hidden=False, Publication="pos")


# -- styles


def member(item_id: str, style: str | None = "S", **options: str) -> styles.Member:
    return styles.Member(item_id, style, [{"Name": name, "Value": value} for name, value in options.items()])


def conflicts(
    stored: list[styles.Member], wanted: list[styles.Member], before: list[styles.Member] | None = None
) -> dict[str, str]:
    found = styles.conflicts(stored, wanted, {one.item_id: one for one in before or []})
    return {item_id: str(problem.code) for item_id, problem in found.items()}


def test_variants_of_a_style_differ() -> None:
    red, blue = member("A", Color="Red"), member("B", Color="Blue")
    assert conflicts([red], [blue]) == {}
    assert conflicts([red], [member("B", Color="RED")]) == {"B": "VARIANT_CONFLICT"}
    assert conflicts([red], [member("B", "T", Color="Red")]) == {}
    assert conflicts([red], [member("B", None, Color="Red")]) == {}
    assert conflicts([red], [member("B", Colour="Blue")]) == {"B": "VARIANT_CONFLICT"}
    assert conflicts([red], [member("B", Color="Blue", Size="1")]) == {"B": "VARIANT_CONFLICT"}
    assert conflicts([], [member("B")]) == {"B": "VALUE_MISSING"}


def test_of_two_that_want_the_same_place_the_first_gets_it() -> None:
    assert conflicts([], [member("A", Color="Red"), member("B", Color="Red")]) == {"B": "VARIANT_CONFLICT"}
    assert conflicts([], [member("A", Color="Red"), member("B", Size="1")]) == {"B": "VARIANT_CONFLICT"}


def test_two_variants_may_change_places_and_a_whole_style_its_option() -> None:
    before = [member("A", Color="Red"), member("B", Color="Blue")]
    assert conflicts([], [member("A", Color="Blue"), member("B", Color="Red")], before) == {}
    assert conflicts([], [member("A", Size="1"), member("B", Size="2")], before) == {}
    assert conflicts(before[1:], [member("A", Size="1")], before[:1]) == {"A": "VARIANT_CONFLICT"}


def test_whoever_is_refused_stays_in_the_way_of_others() -> None:
    before = [member("A", Color="Red")]
    stored = [member("C", Color="Blue")]
    wanted = [member("A", Color="Blue"), member("B", Color="Red")]
    assert conflicts(stored, wanted, before) == {"A": "VARIANT_CONFLICT", "B": "VARIANT_CONFLICT"}


@given(
    st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ST"), st.sampled_from(["1", "2", "3"])), max_size=8),
    st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ST"), st.sampled_from(["1", "2", "3"])), max_size=6),
)
def test_what_is_let_through_never_conflicts(
    stored: list[tuple[str, str, str]], wanted: list[tuple[str, str, str]]
) -> None:
    state: dict[str, styles.Member] = {}
    for item_id, style, size in stored:
        if not any((one.style_id, one.options[0]["Value"]) == (style, size) for one in state.values()):
            state.setdefault(item_id, member(item_id, style, Size=size))
    asked = list({item_id: member(item_id, style, Size=size) for item_id, style, size in wanted}.values())
    ours = {one.item_id for one in asked}
    refused = styles.conflicts([one for one in state.values() if one.item_id not in ours], asked, state)
    after = {**state, **{one.item_id: one for one in asked if one.item_id not in refused}}
    for one, other in itertools.combinations(after.values(), 2):
        assert (one.style_id, styles.values(one.options)) != (other.style_id, styles.values(other.options))
