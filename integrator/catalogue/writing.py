"""Writes what a call comes to: per aspect one statement, whatever the number of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from integrator.catalogue import batches, merge
from integrator.catalogue import statements as sql
from integrator.catalogue.checks import Change
from integrator.catalogue.merge import Mark

NO_MARK = Mark()


@dataclass(slots=True)
class Writes:
    """What one aspect of the call comes to: columns, one entry an item."""

    products: list[int] = field(default_factory=list)
    hashes: list[str | None] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)
    remembered: list[tuple[int, Mark]] = field(default_factory=list)  # only the version is newer

    def add(self, product_id: int, digest: str | None, mark: Mark, value: Any) -> None:
        self.products.append(product_id)
        self.hashes.append(digest)
        self.marks.append(mark)
        self.values.append(value)

    def without(self, dropped: set[int]) -> Writes:
        """What is left when these products are left alone."""
        kept = Writes(remembered=[one for one in self.remembered if one[0] not in dropped])
        for product_id, digest, mark, value in zip(self.products, self.hashes, self.marks, self.values, strict=True):
            if product_id not in dropped:
                kept.add(product_id, digest, mark, value)
        return kept


class Writer:
    """`base`: the parameters that every statement has: account, store, call."""

    def __init__(self, connection: Connection, base: Mapping[str, Any]) -> None:
        self.connection = connection
        self.base = base

    def run(self, statement: str, *parameters: Mapping[str, Any]) -> None:
        batches.run(self.connection, statement, {**self.base, **{k: v for one in parameters for k, v in one.items()}})

    def contents(self, writes: Writes) -> None:
        self._remember("products", "id", writes)
        if writes.products:
            self.run(sql.SET_CONTENTS, _columns(writes), _content_columns(writes.values))

    def prices(self, writes: Writes, statement: str = sql.SET_PRICES) -> None:
        self._remember("prices", "product_id", writes)
        if writes.products:
            self.run(statement, _columns(writes), _price_columns(writes.values))

    def stocks(self, writes: Writes, statement: str = sql.SET_STOCKS) -> None:
        self._remember("stocks", "product_id", writes)
        if writes.products:
            self.run(statement, _columns(writes), _stock_columns(writes.values))

    def _remember(self, table: str, key: str, writes: Writes) -> None:
        if writes.remembered:
            self.run(
                sql.REMEMBER.format(table=table, key=key),
                {"products": batches.plain([number for number, _ in writes.remembered])},
                _mark_columns([mark for _, mark in writes.remembered]),
            )

    def create(self, fresh: Sequence[Change]) -> list[int]:
        """New products with their prices and stocks; their numbers, ascending."""
        if not fresh:
            return []
        sent = [Mark(change.version, change.modified_at) for change in fresh]
        contents = [merge.content({}, change.content or {}) for change in fresh]
        parameters = {
            **self.base,
            "items": batches.texts(change.item_id for change in fresh),
            "hashes": batches.plain([change.content_hash for change in fresh]),
            **_mark_columns(sent),
            **_content_columns(contents),
        }
        numbers = dict(batches.fetch(self.connection, sql.CREATE_PRODUCTS, parameters))
        prices, stocks = Writes(), Writes()
        for change, mark in zip(fresh, sent, strict=True):
            number = numbers[change.item_id]
            prices.add(number, change.price_hash, mark, merge.price(merge.Price(), change.price or {}))
            # an aspect that was not sent has no version either
            stocks.add(
                number, change.stock_hash, mark if change.stock else NO_MARK,
                merge.stock(merge.Stock(), change.stock or {}),
            )  # fmt: skip
        self.prices(prices, sql.CREATE_PRICES)
        self.stocks(stocks, sql.CREATE_STOCKS)
        return sorted(numbers.values())


# -- columns


def _mark_columns(found: Sequence[Mark]) -> dict[str, str]:
    return {
        "versions": batches.plain([one.version for one in found]),
        "modified": batches.times([one.modified_at for one in found]),
    }


def _columns(writes: Writes) -> dict[str, str]:
    return {
        "products": batches.plain(writes.products),
        "hashes": batches.plain(writes.hashes),
        **_mark_columns(writes.marks),
    }


def _content_columns(contents: Sequence[merge.Content]) -> dict[str, str]:
    """StyleId stands in a column of its own, where it is indexed."""
    return {
        "styles": batches.texts([one.get("StyleId") for one in contents]),
        "contents": batches.texts(
            batches.json_text({name: value for name, value in one.items() if name != "StyleId"}) for one in contents
        ),
    }


def _price_columns(values: Sequence[merge.Price]) -> dict[str, str]:
    return {
        "price": batches.plain([one.price for one in values]),
        "sale_price": batches.plain([one.sale_price for one in values]),
        "sale_start": batches.times([one.sale_start for one in values]),
        "sale_end": batches.times([one.sale_end for one in values]),
        "msrp": batches.plain([one.msrp for one in values]),
        "cost": batches.plain([one.cost for one in values]),
        "tiers": batches.json_texts([one.tiers for one in values]),
    }


def _stock_columns(values: Sequence[merge.Stock]) -> dict[str, str]:
    quantities = [one.quantities for one in values]
    return {
        "quantity": batches.plain([one.quantity for one in values]),
        "quantities": batches.json_texts(quantities) if any(quantities) else "{}",
    }
