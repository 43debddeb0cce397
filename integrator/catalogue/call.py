"""One call of ProductTasks: its items, their answers, and how an item compares with what is stored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection

from integrator.accounts.context import StoreContext
from integrator.catalogue import checks, marks, merge
from integrator.catalogue.checks import Change
from integrator.catalogue.merge import Mark
from integrator.catalogue.values import Payload, Refused, shown
from integrator.catalogue.writing import Writer, Writes
from integrator.codes import Action, Code, ItemResult, Problem
from integrator.rows import Row

TIME = "%Y-%m-%dT%H:%M:%SZ"


class Call:
    def __init__(self, connection: Connection, store: StoreContext, rows: Sequence[Row], call_id: UUID) -> None:
        self.connection = connection
        self.store = store
        self.rows = rows
        self.results: list[ItemResult] = []
        self.base = {"account": store.account_id, "store": store.store_id, "call": call_id}
        self.writer = Writer(connection, self.base)
        self.to_mark: dict[str, list[int]] = {lane: [] for lane in marks.LANES}
        self.unknown_locations: dict[int, list[str]] = {}  # by position
        self.old_counts: set[int] = set()  # positions of items whose stock was superseded

    # -- reading the call

    def read(self, check: Callable[[int, Row], Change]) -> list[Change]:
        """The items that may be applied; the others have their answers afterwards."""
        changes: dict[str, Change] = {}
        results = self.results
        for position, row in enumerate(self.rows):
            result = ItemResult(row.index, "", Action.UNCHANGED, row.problem, row.warnings)
            results.append(result)
            try:
                if row.problem is not None:
                    result.id = checks.item_id(row.values)
                    change = None
                else:
                    change = check(position, row)
                    result.id = change.item_id
            except Refused as refused:
                change = None
                given = row.values.get("ItemIntegrationId")
                result.id = given.strip() if isinstance(given, str) else ""
                result.problem = row.problem or refused.problem
            if change is None:
                result.action = None
                # what is wrong with the last one does not make an earlier one right
                earlier = changes.pop(result.id, None)
            else:
                earlier = changes.get(result.id)
                changes[result.id] = change
            if earlier is not None:
                self.fail(
                    earlier,
                    Problem(
                        Code.ITEM_ID_DUPLICATE_IN_REQUEST,
                        f"ItemIntegrationId {shown(result.id)} stands in this call again, at index {row.index}; "
                        "the last one was taken.",
                        "ItemIntegrationId",
                    ),
                )
        return list(changes.values())

    def fail(self, change: Change, problem: Problem) -> None:
        result = self.results[change.position]
        result.problem, result.action = problem, None

    def warn(self, change: Change, message: str) -> None:
        result = self.results[change.position]
        result.warnings = [*(result.warnings or ()), message]

    def failed(self, change: Change) -> bool:
        return self.results[change.position].problem is not None

    # -- comparing

    def compare(
        self,
        change: Change,
        product_id: int,
        mark: Mark,
        same: bool,
        stored: Any,
        payload: Payload | None,
        merged_by: Callable[[Any, Payload], Any],
        aspect: str,
        digest: str | None,
        writes: Writes,
    ) -> Any:
        """What the aspect becomes, if that is something else than it is; sets the item's action."""
        assert payload is not None
        result = self.results[change.position]
        sent = mark
        if change.version is not None or change.modified_at is not None:
            sent = Mark(change.version, change.modified_at)
            if merge.superseded(mark, sent):
                self.supersede(change, aspect, mark, sent)
                return None
            sent = merge.marked(mark, sent)
        if not same:
            try:
                merged = merged_by(stored, payload)
            except Refused as refused:
                self.fail(change, refused.problem)
                return None
            if merged != stored:
                result.action = Action.UPDATED
                writes.add(product_id, digest, sent, merged)
                return merged
        if sent != mark:
            writes.remembered.append((product_id, sent))
        return None

    def supersede(self, change: Change, aspect: str, stored: Mark, sent: Mark) -> None:
        if aspect == "stock":
            self.old_counts.add(change.position)
        result = self.results[change.position]
        if result.action is Action.UNCHANGED:
            result.action = Action.SUPERSEDED
        if sent.version is not None and stored.version is not None and sent.version != stored.version:
            reason = f"Version {sent.version} is older than {stored.version}"
        else:
            assert sent.modified_at is not None
            assert stored.modified_at is not None
            reason = f"LastModified {sent.modified_at:{TIME}} is older than {stored.modified_at:{TIME}}"
        self.warn(change, f"The {aspect} was not changed: {reason}, which is stored.")
