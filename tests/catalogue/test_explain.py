"""`integrator product show` and `list`: what is known of a product, for people and as JSON."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from integrator.catalogue import explain
from integrator.catalogue.intake import update_inventory, update_products
from integrator.cli import main
from integrator.journal import issues
from integrator.store import tables as t
from integrator.store.engine import make_engine
from tests.catalogue.conftest import Pos, new_pos
from tests.catalogue.test_intake import sell
from tests.support import seed
from tests.support.seed import product, row, variant

D = Decimal


def told(pos: Pos) -> tuple[uuid.UUID, uuid.UUID]:
    """A product with a history: two calls, a failure, a sale, a push and an issue."""
    first, second, failed = (uuid.uuid4() for _ in range(3))
    connection, store = pos.connection, pos.store
    for call_id, operation in ((first, "UpdatePOSProducts"), (second, "UpdateInventory"), (failed, "UpdatePricing")):
        connection.execute(
            sa.insert(t.calls).values(
                account_id=store.account_id, id=call_id, store_id=store.store_id, user_name="till", operation=operation
            )
        )
    update_products(connection, store, [product("A", Name="Boot", SalePrice="12", Version=7)], first)
    update_inventory(connection, store, [row("A", Quantity=8)], second)
    connection.execute(
        sa.insert(t.call_failures).values(
            account_id=store.account_id, call_id=failed, index=0, store_id=store.store_id, subject_id="A",
            code="VALUE_OUT_OF_RANGE", field="Price", message="Price is '-1'; it must be at least 0.",
        )
    )  # fmt: skip
    sell(pos, "A", 3)
    product_id = seed.product_ids(connection, store)["A"]
    seed.link(connection, store, pos.channel, product_id, product="70", variant="71")
    attempt = connection.execute(
        sa.insert(t.attempts)
        .values(
            account_id=store.account_id, channel_id=pos.channel, purpose="stock", method="POST", url="/stock",
            outcome="ok", milliseconds=12,
        )
        .returning(t.attempts.c.id)
    ).scalar_one()  # fmt: skip
    connection.execute(
        t.lanes.update()
        .where(t.lanes.c.lane == "stock")
        .values(
            pending=False, accepted_at=datetime(2026, 11, 24, tzinfo=UTC), sent={"Quantity": "5"}, attempt_id=attempt
        )
    )
    connection.execute(t.lanes.update().where(t.lanes.c.lane == "content").values(pending=False, failed=True))
    issues.report(
        connection, account_id=store.account_id, store_id=store.store_id, channel_id=pos.channel, subject="product",
        subject_id="A", purpose="content", code="REFUSED_BY_SHOP", message="The shop wants a shorter name.",
    )  # fmt: skip
    return first, second


def test_everything_that_is_known_of_a_product(pos: Pos) -> None:
    first, second = told(pos)
    about = explain.product(pos.connection, pos.store.account_id, pos.store.store_id, "A")
    assert about["content"]["Name"] == "Boot"
    assert about["price"]["price"] == D(10)
    aspects = about["aspects"]
    assert (aspects["content"]["call_id"], aspects["content"]["operation"]) == (first, "UpdatePOSProducts")
    assert (aspects["price"]["call_id"], aspects["price"]["version"]) == (first, 7)
    assert (aspects["stock"]["call_id"], aspects["stock"]["user"]) == (second, "till")
    assert [(one["units"], one["known_at"]) for one in about["sold_on_the_web"]] == [(D(3), None)]
    (channel,) = about["channels"]
    assert channel["listing"]["remote"] == {"product": "70", "variant": "71"}
    assert channel["quantity"]["published"] == D(5)
    assert channel["quantity"]["words"] == "8 counted - 3 sold on the web = 5"
    assert channel["price"]["words"] == "10. The sale price is not below the price."
    lanes = channel["lanes"]
    assert {name: lane["state"] for name, lane in lanes.items()} == {
        "content": "refused", "price": "waiting", "stock": "accepted",
    }  # fmt: skip
    assert lanes["stock"]["accepted"] == {"Quantity": "5"}
    assert lanes["stock"]["last_attempt"]["outcome"] == "ok"
    assert [issue["message"] for issue in channel["issues"]] == ["The shop wants a shorter name."]
    assert [one["code"] for one in about["call_failures"]] == ["VALUE_OUT_OF_RANGE"]
    with pytest.raises(explain.NoSuchProduct):
        explain.product(pos.connection, pos.store.account_id, pos.store.store_id, "B")


def test_a_product_without_a_shop_or_a_count(pos: Pos) -> None:
    bare = Pos(pos.connection, seed.seed_store(pos.connection), 0)
    bare.products(product("A"))
    about = explain.product(pos.connection, bare.store.account_id, bare.store.store_id, "A")
    assert about["channels"] == []
    assert about["stock"] == {"quantity": None, "locations": {}}
    assert not about["aspects"]["stock"]["sent"]


def test_the_list(pos: Pos) -> None:
    pos.products(
        product("B10", Name="Boot_red", Quantity=3), variant("B1", "S", options={"Size": "1"}),
        product("C", LocationQuantities=[{"LocationId": "X", "Quantity": "2"}, {"LocationId": "Y", "Quantity": "1.5"}]),
    )  # fmt: skip
    pos.settle()
    pos.pricing(row("C", Price="4"))
    found = explain.listed(pos.connection, pos.store.account_id, pos.store.store_id)
    assert [(one.item_id, one.quantity, one.waiting) for one in found] == [
        ("B1", 0, 0),
        ("B10", 3, 0),
        ("C", D("3.5"), 1),
    ]

    def ids(**which: Any) -> list[str]:
        lines = explain.listed(pos.connection, pos.store.account_id, pos.store.store_id, **which)
        return [one.item_id for one in lines]

    assert ids(search="b1") == ["B1", "B10"]
    assert ids(search="t_r") == ["B10"]
    assert ids(search="o%t") == []
    assert ids(style="S") == ["B1"]
    assert ids(waiting=True) == ["C"]
    assert ids(refused=True) == []
    assert ids(limit=1) == ["B1"]


# -- the command


@pytest.fixture
def committed(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """Beside the engine of the command, which connects and leaves by itself."""
    from integrator.settings import settings

    monkeypatch.setenv("DATABASE_URL", database)
    settings.cache_clear()
    engine = make_engine(database)
    yield engine
    engine.dispose()
    settings.cache_clear()


@pytest.fixture
def shop(committed: Engine) -> Pos:
    with committed.begin() as connection:
        pos = new_pos(connection)
        told(pos)
    return pos


def run(*arguments: str) -> int:
    try:
        code = main(list(arguments))
    except SystemExit as end:
        return int(end.code or 0)
    return int(code or 0)


def test_show_for_people(shop: Pos, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("product", "show", " A ") == 0
    said = capsys.readouterr().out
    for words in (
        "Product A", "Boot", "8 counted - 3 sold on the web = 5", "The sale price is not below the price.",
        "The shop wants a shorter name.", "REFUSED_BY_SHOP", "UpdateInventory", "till", "Price is '-1'", "refused",
    ):  # fmt: skip
        assert words in said, words


def test_show_as_json(shop: Pos, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("product", "show", "A", "--store", shop.store.code, "--json") == 0
    about = json.loads(capsys.readouterr().out)
    assert (about["store"], about["item_id"]) == (shop.store.code, "A")
    assert about["channels"][0]["quantity"]["published"] == "5"
    assert about["channels"][0]["lanes"]["stock"]["accepted_at"] == "2026-11-24T00:00:00Z"


def test_show_says_what_is_missing(shop: Pos, committed: Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("product", "show", "Z") == 3
    assert "There is no product 'Z' in any store." in capsys.readouterr().err
    with committed.begin() as connection:
        new_pos(connection).products(product("A"))
    assert run("product", "show", "A") == 2
    assert "Name one with --store." in capsys.readouterr().err
    assert run("product", "list") == 2
    assert "Which store?" in capsys.readouterr().err


def test_list(shop: Pos, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("product", "list", "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)
    assert (line["item_id"], line["price"], line["quantity"], line["refused"]) == ("A", "10", "8", 1)
    assert run("product", "list", "--refused", "--search", "boot") == 0
    assert "Boot" in capsys.readouterr().out
