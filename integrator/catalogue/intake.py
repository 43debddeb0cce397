"""Takes what the POS says of products, stock and prices: UpdatePOSProducts, UpdateInventory, UpdatePricing.

Each function answers every row, in order, applies the good ones whatever the bad ones do, marks the lanes of what
changed, and does all of it in the caller's transaction, with a number of statements that does not depend on the
number of rows. It never commits. Nothing is written for an item that is unchanged; for a call in which every
item is unchanged not even a row lock is taken.

Calls that run at once end as if one after the other. Their locks keep one order, but for the lanes of more than a
thousand items (catalogue.applying), and lanes that are marked before a new location is made:

- UpdatePOSProducts first takes the lock of the store's catalogue, alone (marks.lock_catalogue). Only under it are
  products created and styles changed.
- The rows of `prices`, then of `stocks`, are locked by product_id before anything is decided on them. That orders
  UpdateInventory and UpdatePricing with each other and with UpdatePOSProducts.
- UpdateInventory and UpdatePricing wait for the catalogue's lock only where an item is missing: another call may be
  about to create it.
- Then come new locations, order lines, and the lanes, each in its fixed order.

A deadlock that is left is run again by whoever holds the transaction (store.engine.again).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.catalogue import allocation, applying, batches, checks, marks, merge, styles
from integrator.catalogue import statements as sql
from integrator.catalogue.call import Call
from integrator.catalogue.checks import Change
from integrator.catalogue.merge import Mark
from integrator.catalogue.values import Payload, Refused, shown
from integrator.catalogue.writing import Writes
from integrator.codes import Action, Code, ItemResult, Problem
from integrator.rows import Row

NO_QUANTITIES: dict[str, str] = {}

# Change, product id, then of the locked row: version, modified_at, whether the digest is the same, the values.
Locked = tuple[Any, ...]


def update_products(
    connection: Connection, store: StoreContext, rows: Sequence[Row], call_id: UUID
) -> list[ItemResult]:
    """Create or update. An item that is current for one aspect and older for another is Updated, with a warning."""
    return _Intake(connection, store, rows, call_id).products()


def update_inventory(
    connection: Connection, store: StoreContext, rows: Sequence[Row], call_id: UUID
) -> list[ItemResult]:
    """Stock of items that exist; creates nothing and touches no price."""
    return _Intake(connection, store, rows, call_id).inventory()


def update_pricing(connection: Connection, store: StoreContext, rows: Sequence[Row], call_id: UUID) -> list[ItemResult]:
    """Prices of items that exist; creates nothing and touches no quantity."""
    return _Intake(connection, store, rows, call_id).pricing()


@dataclass(frozen=True, slots=True, eq=False)
class Edit:
    """An item whose content would change."""

    change: Change
    product_id: int
    before: merge.Content
    after: merge.Content

    @property
    def moves_stock(self) -> bool:
        """Items that are not sold online stand in the shops with a quantity of 0."""
        return bool(self.before.get("SellOnline", True) != self.after.get("SellOnline", True))


class _Intake(Call):
    # -- UpdateInventory, UpdatePricing

    def inventory(self) -> list[ItemResult]:
        changes = self.admitted(self.read(checks.inventory))
        waiting = allocation.releasable(self.connection, self.store) if changes else {}
        releases = any(change.item_id in waiting for change in changes)
        # units are released before lanes are locked, as orders.ingest does it: then the marks come last
        done = self.apply(applying.STOCK, changes, mark=not releases)
        self.create_locations()
        if releases:
            self.to_mark["stock"] += done.shown
            self.release(changes, waiting)
            self.finish()
        return self.results

    def pricing(self) -> list[ItemResult]:
        done = self.apply(applying.PRICE, self.read(checks.pricing), mark=True)
        for one in done.refused:
            try:
                checks.sale_window(one.sale_start, one.sale_end)
            except Refused as refused:
                self.fail(one.change, refused.problem)
        return self.results

    def apply(self, aspect: applying.Aspect, changes: list[Change], *, mark: bool) -> applying.Applied:
        """Applies what may be applied; those that do not exist fail."""
        done = applying.apply(self.connection, self.base, aspect, changes, complete=True, mark=mark)
        if done.missing:  # perhaps another call is creating them
            marks.lock_catalogue(self.connection, self.store.store_id, shared=True)
            done = applying.apply(self.connection, self.base, aspect, changes, complete=False, mark=mark)
        for change in done.missing:
            self.fail(
                change,
                Problem(
                    Code.ITEM_NOT_FOUND,
                    f"No product {shown(change.item_id)} is known in store {shown(self.store.code)}.",
                    "ItemIntegrationId",
                ),
            )
        for change in done.updated:
            self.results[change.position].action = Action.UPDATED
        for one in done.superseded:
            stored = Mark(one.version, one.modified_at)
            self.supersede(one.change, aspect.lane, stored, Mark(one.change.version, one.change.modified_at))
        return done

    # -- aspects of items that exist: lock, compare, collect what is to be written

    def stocks(self, locked: Iterable[Locked]) -> Writes:
        writes = Writes()
        for change, product_id, version, modified_at, same, quantity, quantities in locked:
            stored = merge.Stock(quantity, NO_QUANTITIES if quantities == "{}" else orjson.loads(quantities))
            self.compare(
                change, product_id, Mark(version, modified_at), same, stored, change.stock, merge.stock, "stock",
                change.stock_hash, writes,
            )  # fmt: skip
        return writes

    def prices(self, locked: Iterable[Locked]) -> Writes:
        writes = Writes()
        for change, product_id, version, modified_at, same, *values in locked:
            stored = merge.Price(*values)
            merged = self.compare(
                change, product_id, Mark(version, modified_at), same, stored, change.price, self.merge_price,
                "price", change.price_hash, writes,
            )  # fmt: skip
            # what the merchant pays never leaves for a shop
            if merged is not None and merged._replace(cost=None) != stored._replace(cost=None):
                self.to_mark["price"].append(product_id)
        return writes

    def lock(
        self, statement: str, found: Sequence[tuple[Change, int]], hashes: Sequence[str | None]
    ) -> Iterable[Locked]:
        if not found:
            return ()
        rows = batches.fetch(
            self.connection,
            statement,
            {
                "account": self.store.account_id,
                "products": batches.plain([product_id for _, product_id in found]),
                "hashes": batches.plain(hashes),
            },
        )
        return [(*found[n - 1], *state) for n, *state in rows]

    @staticmethod
    def merge_price(stored: merge.Price, payload: Payload) -> merge.Price:
        merged = merge.price(stored, payload)
        checks.sale_window(merged.sale_start, merged.sale_end)
        return merged

    # -- UpdatePOSProducts

    def products(self) -> list[ItemResult]:
        changes = self.read(checks.product)
        if not changes:
            return self.results
        sent = self.sent(changes)
        if not batches.fetch(self.connection, sql.ANY_NEWS, sent):
            self.release(changes)
            self.finish()
            return self.results
        marks.lock_catalogue(self.connection, self.store.store_id)
        stored = {}
        existing, new_prices, new_stocks = [], [], []
        for n, new_price, new_stock, *row in batches.fetch(self.connection, sql.CONTENTS, sent):
            stored[n - 1] = row
            one = (changes[n - 1], row[0])
            existing.append(one)
            if new_price:
                new_prices.append(one)
            if new_stock:
                new_stocks.append(one)
        fresh = [change for i, change in enumerate(changes) if i not in stored]
        for change in fresh:
            self.may_be_created(change)
        fresh = [change for change in fresh if not self.failed(change)]

        contents, edits = self.contents([(change, stored[i]) for i, change in enumerate(changes) if i in stored])
        prices = self.prices(self.lock(sql.LOCK_PRICES, new_prices, [one.price_hash for one, _ in new_prices]))
        new_stocks = self.admit_locations(new_stocks)
        stocks = self.stocks(self.lock(sql.LOCK_STOCKS, new_stocks, [one.stock_hash for one, _ in new_stocks]))
        fresh = self.admitted(fresh)
        # last, because whoever fails otherwise keeps its place in its style
        self.keep_styles([edit for edit in edits if not self.failed(edit.change)], fresh)
        fresh = [change for change in fresh if not self.failed(change)]
        for change in fresh:
            self.results[change.position].action = Action.CREATED

        dropped = {product_id for change, product_id in existing if self.failed(change)}
        if dropped:  # an item that failed in one aspect is left alone in all of them
            contents, prices, stocks = (one.without(dropped) for one in (contents, prices, stocks))
            self.to_mark["price"] = [number for number in self.to_mark["price"] if number not in dropped]
        self.create_locations()
        self.writer.contents(contents)
        self.writer.prices(prices)
        self.writer.stocks(stocks)
        created = self.writer.create(fresh)
        marks.list_new(self.connection, self.store.account_id, self.store.store_id, created)
        self.to_mark["content"] += contents.products
        self.to_mark["stock"] += stocks.products
        self.to_mark["stock"] += [
            edit.product_id for edit in edits if edit.moves_stock and not self.failed(edit.change)
        ]
        self.release(changes)
        self.finish()
        return self.results

    def sent(self, changes: Sequence[Change]) -> dict[str, Any]:
        return {
            **self.base,
            "items": batches.texts(change.item_id for change in changes),
            "contents": batches.plain([change.content_hash for change in changes]),
            "prices": batches.plain([change.price_hash for change in changes]),
            "stocks": batches.plain([change.stock_hash for change in changes]),
            "versions": batches.plain([change.version for change in changes]),
            "modified": batches.times([change.modified_at for change in changes]),
        }

    def may_be_created(self, change: Change) -> None:
        for name, payload in (("Name", change.content), ("Price", change.price)):
            if not payload or payload.get(name) is None:
                self.fail(
                    change,
                    Problem(
                        Code.VALUE_MISSING,
                        f"Item {shown(change.item_id)} is new and has no {name}.",
                        name,
                        f"Send {name} with an item that is sent for the first time.",
                    ),
                )
                return

    def contents(self, existing: Sequence[tuple[Change, Sequence[Any]]]) -> tuple[Writes, list[Edit]]:
        writes = Writes()
        edits: list[Edit] = []
        for change, (product_id, version, modified_at, style_id, text) in existing:
            if change.content is None:
                continue
            stored: merge.Content = orjson.loads(text) if text is not None else {}
            if style_id is not None:
                stored["StyleId"] = style_id
            merged = self.compare(
                change, product_id, Mark(version, modified_at), text is None, stored, change.content,
                merge.content, "content", change.content_hash, writes,
            )  # fmt: skip
            if merged is not None:
                edits.append(Edit(change, product_id, stored, merged))
        return writes, edits

    def keep_styles(self, edits: Sequence[Edit], fresh: Sequence[Change]) -> None:
        """Fails what a shop could not hold: see catalogue.styles, and a change of style after a shop has the item."""
        moved = [edit for edit in edits if edit.before.get("StyleId") != edit.after.get("StyleId")]
        if moved:
            parameters = {
                "account": self.store.account_id,
                "products": batches.plain([one.product_id for one in moved]),
            }
            linked = dict(batches.fetch(self.connection, sql.LINKED, parameters))
            for edit in moved:
                if edit.product_id in linked:
                    self.fail(edit.change, _type_conflict(edit, linked[edit.product_id]))
        wanted = [
            (edit.change, styles.of_content(edit.change.item_id, edit.after))
            for edit in edits
            if not self.failed(edit.change)
            and (edit in moved or edit.before.get("Options") != edit.after.get("Options"))
        ]
        wanted += [(change, styles.of_content(change.item_id, change.content or {})) for change in fresh]
        wanted = [one for one in wanted if one[1].style_id is not None]
        if not wanted:
            return
        wanted.sort(key=lambda one: one[0].position)
        concerned = batches.texts(sorted({member.style_id or "" for _, member in wanted}))
        ours = {member.item_id for _, member in wanted}
        siblings = [
            styles.Member(item_id, style_id, options or ())
            for item_id, style_id, options in batches.fetch(
                self.connection, sql.SIBLINGS, {**self.base, "styles": concerned}
            )
            if item_id not in ours
        ]
        refused = styles.conflicts(
            siblings,
            [member for _, member in wanted],
            {edit.change.item_id: styles.of_content(edit.change.item_id, edit.before) for edit in edits},
        )
        for change, member in wanted:
            if member.item_id in refused:
                self.fail(change, refused[member.item_id])

    # -- locations

    def admitted(self, changes: list[Change]) -> list[Change]:
        """The same of items that need not exist."""
        return [change for change, _ in self.admit_locations([(change, 0) for change in changes])]

    def admit_locations(self, found: list[tuple[Change, int]]) -> list[tuple[Change, int]]:
        """Without those that name a location which the store does not have, where it does not make them itself."""
        named = [one for one in found if one[0].stock and one[0].stock.get("LocationQuantities")]
        if not named:
            return found
        known = {code for (code,) in batches.fetch(self.connection, sql.KNOWN_LOCATIONS, self.base)}
        for change, _ in named:
            assert change.stock is not None
            sent = change.stock["LocationQuantities"].items()
            unknown = [code for code, units in sent if units is not None and code not in known]
            if unknown and self.store.settings.unknown_locations == "refuse":
                self.fail(
                    change,
                    Problem(
                        Code.LOCATION_UNKNOWN,
                        f"Location {shown(unknown[0])} is not known in store {shown(self.store.code)}.",
                        "LocationQuantities.LocationId",
                    ),
                )
            elif unknown:
                self.unknown_locations[change.position] = unknown
        return [one for one in found if not self.failed(one[0])]

    def create_locations(self) -> None:
        """In the order in which the call names them: the first that a store ever hears of is its primary one."""
        codes: dict[str, None] = {}
        for position, unknown in sorted(self.unknown_locations.items()):
            if self.results[position].action in {Action.CREATED, Action.UPDATED}:
                codes.update(dict.fromkeys(unknown))
        if codes:
            batches.run(self.connection, sql.CREATE_LOCATIONS, {**self.base, "codes": batches.texts(codes)})

    # -- what follows from it

    def release(self, changes: Sequence[Change], waiting: dict[str, int] | None = None) -> None:
        """A count that arrives now contains every sale that the POS knew of before, also if it is the same number."""
        if waiting is None and any(change.stock for change in changes):
            waiting = allocation.releasable(self.connection, self.store)
        if not waiting:
            return
        counted = [
            waiting[change.item_id]
            for change in changes
            if change.stock
            and change.item_id in waiting
            and not self.failed(change)
            and change.position not in self.old_counts
        ]
        self.to_mark["stock"] += allocation.release(self.connection, self.store.account_id, sorted(counted))

    def finish(self) -> None:
        marks.mark_many(self.connection, self.store.account_id, self.to_mark, store_id=self.store.store_id)


def _type_conflict(edit: Edit, shops: str) -> Problem:
    def words(content: merge.Content) -> str:
        style = content.get("StyleId")
        return f"a variant of style {shown(style)}" if style else "a standalone item"

    return Problem(
        Code.TYPE_CONFLICT,
        f"Item {shown(edit.change.item_id)} is {words(edit.before)} in {shops} and would become {words(edit.after)}.",
        "StyleId",
    )
