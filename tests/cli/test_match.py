"""`integrator channel add --hold`, `channel match`, `channel resume`: a start that an operator can look at first."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from integrator.accounts import admin
from integrator.store.engine import begin
from tests.connectors.sandbox import SandboxShop
from tests.support.command import Command
from tests.support.seed import product, seed_products


@pytest.fixture
def shop(engine: Engine) -> Iterator[SandboxShop]:
    shop = SandboxShop("blue")
    yield shop
    shop.close()


def added(berg: Command, shop: SandboxShop, *options: str) -> tuple[str, ...]:
    keys = shop.credentials()
    given = ("--shop", keys["shop"], "--key", keys["key"], "--url", keys["url"])
    return "channel", "add", "BERG-1", "sandbox", *given, *options


def test_a_channel_starts_held_is_looked_at_linked_and_resumed(berg: Command, shop: SandboxShop) -> None:
    with begin() as connection:
        store = admin.find_store(connection, "BERG-1")
        items = [product(sku, Name=f"POS {sku}", Quantity=4) for sku in ("A", "B", "C", "NEW")]
        seed_products(connection, store, items)
    shop.add_product("A", "=1+1")
    shop.add_product("b", "Bär")
    shop.add_product("C", "One")
    shop.add_product("C", "Two")
    shop.add_product("HAND", "The merchant's own")
    writes = shop.writes

    made = berg(*added(berg, shop, "--hold", "--json")).data
    number = str(made["id"])
    assert (made["state"], made["products"]) == ("held", 4)
    assert made["next"] == [f"integrator channel {verb} {number}" for verb in ("check", "match", "resume")]
    assert "match" in berg("channel", "list", "--json").data[0]["state_reason"]
    assert "held" in berg("sync", number, "--wait", code=1).err
    assert shop.writes == writes

    ran = berg("channel", "match", number)
    assert "1 exact (0 linked), 2 conflicting, 1 only in the shop, 1 only in the POS" in ran.out
    assert "Bär" in ran.out
    assert "channel resume" in ran.err
    short = berg("channel", "match", number, "--limit", "1")
    assert "and 1 more" in short.err
    assert "and 1 more" not in berg("channel", "match", number, "--limit", "1", "--all").err

    found = berg("channel", "match", number, "--csv", "match.csv", "--json").data
    assert found["counts"] == {"exact": 1, "conflicting": 2, "shop": 1, "pos": 1, "linked": 0}
    assert [(one["item_id"], one["sku"]) for one in found["matches"]["conflicting"]] == [
        ("B", "b"), ("C", "C"), ("C", "C"),
    ]  # fmt: skip
    with (berg.folder / "match.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(one["kind"], one["item_id"], one["sku"]) for one in rows] == [
        ("exact", "A", "A"), ("conflicting", "B", "b"), ("conflicting", "C", "C"), ("conflicting", "C", "C"),
        ("shop", "", "HAND"), ("pos", "NEW", ""),
    ]  # fmt: skip
    assert rows[1]["shop_name"] == "Bär"
    assert berg("channel", "match", number, "--csv", "-").out.startswith("kind,")
    assert "written" in berg("channel", "match", number, "--csv", "no/such/folder.csv", code=2).err

    assert berg("channel", "match", number, "--link", "--json").data["linked_now"] == 1
    again = berg("channel", "match", number, "--link", "--json").data
    assert (again["linked_now"], again["counts"]["linked"]) == (0, 1)
    assert shop.writes == writes

    shop.delete("C")  # one of the two
    again = berg("channel", "match", number, "--link", "--json").data
    assert (again["linked_now"], again["counts"]["conflicting"]) == (1, 1)
    berg("channel", "resume", number)
    berg("sync", number, "--wait")
    held = shop.products()
    assert (held["A"].name, held["A"].quantity) == ("=1+1", 4)
    assert held["NEW"].quantity == 4


def test_a_channel_that_is_not_held_says_what_comes_next(berg: Command, shop: SandboxShop) -> None:
    ran = berg(*added(berg, shop))
    assert "on their way" in ran.out
    for verb in ("check", "match"):
        assert f"integrator channel {verb}" in ran.err
    assert "resume" not in ran.err
    assert "integrator channel match" not in berg("channel", "add", "BERG-1", "sandbox", "--name", "made").err
