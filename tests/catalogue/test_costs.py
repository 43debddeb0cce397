"""What a call costs: nothing where nothing changed, and as many statements for a thousand items as for ten."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from integrator.rows import Row
from tests.catalogue.conftest import Pos, new_pos
from tests.support.seed import product, row, variant

TABLES = ("products", "prices", "stocks", "listings", "lanes", "locations", "order_lines")


def versions(connection: Connection) -> dict[str, list[Any]]:
    """Where each row lies and who wrote, deleted or locked it last: a write, even of the same values, shows."""
    return {
        table: [
            tuple(one) for one in connection.execute(sa.text(f"SELECT ctid::text, xmin::text, xmax::text FROM {table}"))
        ]
        for table in TABLES
    }


def catalogue(size: int) -> list[Row]:
    plain = [
        product(
            f"P{number}", Quantity=number, Brand="Acme", Tags=["a", "b"], SalePrice="8", Weight="1.50", WeightUnit="kg",
            LocationQuantities=[{"LocationId": "MAIN", "Quantity": "3"}, {"LocationId": "SIDE", "Quantity": "1.0"}],
            Images=[{"Url": "https://x/1.jpg"}], CustomFields=[{"Name": "shelf", "Value": "B"}], Version=3,
        )
        for number in range(size)
    ]  # fmt: skip
    return plain + [variant(f"V{number}", "S", options={"Size": str(number)}, Quantity=1) for number in range(5)]


def test_what_is_unchanged_writes_and_locks_and_wants_nothing(engine: Engine) -> None:
    with engine.begin() as connection:
        pos = new_pos(connection)
        pos.products(*catalogue(20))
        pos.settle()
    with engine.begin() as connection:
        before = versions(connection)
    again = {
        "products": catalogue(20),
        "inventory": [row(f"P{number}", Quantity=number) for number in range(20)],
        "pricing": [row(f"P{number}", SalePrice="8.00", Price="10", Msrp=None) for number in range(20)],
    }
    for call, items in again.items():
        for _ in range(2):
            with engine.begin() as connection:
                said = getattr(Pos(connection, pos.store, pos.channel), call)(*items)
                assert set(said) == {"Unchanged"}
            with engine.begin() as connection:
                after = versions(connection)
                if call == "products":  # by digest: not even a row lock
                    assert after == before
                else:  # by value: rows may have been locked, none was written
                    for table in TABLES:
                        assert [one[:2] for one in after[table]] == [one[:2] for one in before[table]], table


def test_one_changed_item_rewrites_its_own_rows_only(engine: Engine) -> None:
    with engine.begin() as connection:
        pos = new_pos(connection)
        pos.products(*catalogue(20))
        pos.settle()
    with engine.begin() as connection:
        before = versions(connection)
    items = catalogue(20)
    items[7].values["Brand"] = "Other"
    with engine.begin() as connection:
        said = Pos(connection, pos.store, pos.channel).products(*items)
        assert said.count("Updated") == 1
    with engine.begin() as connection:
        after = versions(connection)
    written = {table: len({one[:2] for one in after[table]} - {one[:2] for one in before[table]}) for table in TABLES}
    assert written == {
        "products": 1, "prices": 0, "stocks": 0, "listings": 0, "lanes": 1, "locations": 0, "order_lines": 0,
    }  # fmt: skip


@contextmanager
def counting(engine: Engine) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        statements.append(statement)

    sa.event.listen(engine, "before_cursor_execute", note)
    yield statements
    sa.event.remove(engine, "before_cursor_execute", note)


def test_the_number_of_statements_does_not_depend_on_the_number_of_items(engine: Engine) -> None:
    counts: dict[int, dict[str, int]] = {}
    for size in (10, 1000):
        counts[size] = {}
        with engine.begin() as connection:
            pos = new_pos(connection)

        def measure(name: str, call: str, items: list[Row], pos: Pos = pos, size: int = size) -> None:
            with counting(engine) as statements, engine.begin() as connection:
                getattr(Pos(connection, pos.store, pos.channel), call)(*items)
            counts[size][name] = len(statements)

        measure("create", "products", catalogue(size))
        measure("unchanged", "products", catalogue(size))
        changed = catalogue(size)
        for one in changed:
            one.values.update(Name="New", Price="11", Quantity=7, Version=4)
        measure("change", "products", changed)
        measure("stock", "inventory", [row(f"P{number}", Quantity=99) for number in range(size)])
        measure("price", "pricing", [row(f"P{number}", Price="99") for number in range(size)])
        measure("unknown", "inventory", [row(f"X{number}", Quantity=99) for number in range(size)])
    assert counts[10] == counts[1000]
    assert max(counts[10].values()) <= 20
    assert counts[10]["unchanged"] <= 3
