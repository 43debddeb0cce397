"""Reading changed orders, and those whose shipments, invoices or credit memos changed: by modification time in UTC.

The four lists are each polled, because a tracking number or a capture touches its document and not the order. No list
is paged through by number: each page starts again at the newest second of the one before, so that an order which
moves to the end meanwhile cannot push another one past us. Only within one second the numbers decide.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integrator.connectors.base import OrderPage, OrderProblem
from integrator.connectors.magento.capabilities import PAGE
from integrator.connectors.magento.client import Client, Filter, NotFound, Page, Search
from integrator.connectors.magento.events import Documents, pulled
from integrator.connectors.magento.mapping import decimal, from_utc, utc
from integrator.connectors.magento.settings import MagentoSettings
from integrator.connectors.records import PulledOrder

Json = dict[str, Any]

OVERLAP = timedelta(minutes=10)
SETTLED = timedelta(seconds=10)  # times are whole seconds: a younger one may change again within the same
MOST_REMEMBERED = 2_000
ORDERS = "orders"
KINDS = ("shipments", "invoices", "creditmemos")
HEAD = "entity_id,order_id,updated_at"


@dataclass(slots=True)
class Memory:
    """What a pull knows: watermarks by list, and what the overlap will show again unchanged."""

    marks: dict[str, datetime] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, progress: Mapping[str, Any]) -> Memory:
        marks = {kind: from_utc(progress.get(kind)) for kind in (ORDERS, *KINDS)}
        seen = {str(key): str(value) for key, value in (progress.get("seen") or {}).items()}
        return cls({kind: moment for kind, moment in marks.items() if moment is not None}, seen)

    def progress(self) -> dict[str, Any]:
        return {**{kind: utc(moment) for kind, moment in self.marks.items()}, "seen": dict(self.seen)}

    def since(self, kind: str) -> str:
        moment = self.marks.get(kind)
        return utc(moment - OVERLAP) if moment else ""

    def is_known(self, kind: str, one: Json) -> bool:
        return self.seen.get(f"{kind}-{one.get('entity_id')}") == one.get("updated_at")

    def note(self, kind: str, items: Sequence[Json], now: datetime) -> None:
        for one in items:
            key, moment = f"{kind}-{one.get('entity_id')}", from_utc(one.get("updated_at"))
            if moment is None:
                continue
            if now - moment >= SETTLED:
                self.seen[key] = str(one.get("updated_at"))
            else:
                self.seen.pop(key, None)
            self.marks[kind] = max(moment, self.marks.get(kind, moment))
        self._forget()

    def note_documents(self, mapped: Mapping[str, str], now: datetime) -> None:
        """Documents that were read with their orders need not be looked at again."""
        settled = utc(now - SETTLED)
        self.seen |= {key: changed for key, changed in mapped.items() if changed <= settled}
        self._forget()

    def _forget(self) -> None:
        if not self.marks:
            return
        oldest = min(self.marks.values()) - OVERLAP - timedelta(minutes=1)
        for key in [key for key, value in self.seen.items() if (from_utc(value) or oldest) <= oldest]:
            del self.seen[key]
        for key in list(self.seen)[: max(0, len(self.seen) - MOST_REMEMBERED)]:
            del self.seen[key]


class Orders:
    """Reads orders with what hangs on them."""

    def __init__(self, client: Client, settings: MagentoSettings, size: int = PAGE) -> None:
        self.client = client
        self.settings = settings
        self.size = size
        self._mapped: dict[str, str] = {}  # documents that went into an order of this pull

    # -- one order

    def get(self, remote_id: str) -> Json | None:
        try:
            found: Json = self.client.get(f"V1/orders/{int(remote_id)}")
        except NotFound:
            return None
        return found

    def pulled(self, order: Json) -> PulledOrder:
        return pulled(order, self.documents([order]).get(str(order["entity_id"]), Documents()), self.settings)

    # -- changed orders

    def changed(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        memory = Memory.read(progress)
        first = ORDERS not in memory.marks
        started: datetime | None = None
        read: dict[str, str] = {}
        placed: tuple[tuple[Filter, ...], ...] = ()
        if self.settings.orders_since is not None:
            placed = ((Filter("created_at", utc(self.settings.orders_since), "gteq"),),)
        for page in self._walk(ORDERS, memory.since(ORDERS), placed, ""):
            now = page.now or datetime.now(UTC)
            started = started or now
            fresh = [one for one in page.items if read.get(str(one["entity_id"])) != one.get("updated_at")]
            read |= {str(one["entity_id"]): str(one.get("updated_at")) for one in fresh}
            found, problems = self._all_mapped([one for one in fresh if not memory.is_known(ORDERS, one)])
            before = dict(memory.marks)
            memory.note(ORDERS, fresh, now)
            memory.note_documents(self._mapped, now)
            if found or problems or before != memory.marks:
                yield OrderPage(found, memory.progress(), problems)
        if first:  # the orders came with their documents; from now on these are watched
            start = min(started or datetime.now(UTC), datetime.now(UTC)) - OVERLAP
            memory.marks |= dict.fromkeys(KINDS, start)
            yield OrderPage((), memory.progress())
            return
        for kind in KINDS:
            yield from self._by_documents(kind, memory)

    def _by_documents(self, kind: str, memory: Memory) -> Iterator[OrderPage]:
        """Orders of which a document changed that has not been seen with its order."""
        memory.marks.setdefault(kind, memory.marks.get(ORDERS, datetime.now(UTC)))
        for page in self._walk(kind, memory.since(kind), (), HEAD):
            now = page.now or datetime.now(UTC)
            fresh = [
                one
                for one in page.items
                if not memory.is_known(kind, one)
                and self._mapped.get(f"{kind}-{one.get('entity_id')}") != one.get("updated_at")
            ]
            ids = sorted({str(one["order_id"]) for one in fresh if one.get("order_id")})
            found, problems = self._all_mapped(self._orders(ids)) if ids else ((), ())
            before = dict(memory.marks)
            memory.note(kind, page.items, now)
            if found or problems or before != memory.marks:
                yield OrderPage(found, memory.progress(), problems)

    def _orders(self, ids: Sequence[str]) -> list[Json]:
        group = (Filter("entity_id", ",".join(ids), "in"),)
        return list(self.client.all(f"V1/{ORDERS}", Search((group,), ("entity_id",), PAGE)))

    def _walk(self, kind: str, since: str, groups: tuple[tuple[Filter, ...], ...], fields: str) -> Iterator[Page]:
        """Pages in the order of (updated_at, entity_id), from a time on, complete while things change."""
        path, condition = f"V1/{kind}", "gteq"
        while True:
            when = ((Filter("updated_at", since, condition),),) if since else ()
            page = self.client.search(
                path, Search((*groups, *when), ("updated_at", "entity_id"), self.size, 1, fields)
            )  # fmt: skip
            if page.items:
                yield page
            if len(page.items) < page.size or page.total <= len(page.items):
                return
            newest = str(page.items[-1].get("updated_at"))
            if newest != since or condition == "gt":
                since, condition = newest, "gteq"
                continue
            yield from self._second(path, newest, int(page.items[-1]["entity_id"]), groups, fields)
            condition = "gt"

    def _second(
        self, path: str, second: str, last: int, groups: tuple[tuple[Filter, ...], ...], fields: str
    ) -> Iterator[Page]:
        """The rest of one second that has more than a page."""
        while True:
            when = (Filter("updated_at", second),), (Filter("entity_id", str(last), "gt"),)
            page = self.client.search(path, Search((*groups, *when), ("entity_id",), self.size, 1, fields))
            if page.items:
                yield page
                last = int(page.items[-1]["entity_id"])
            if len(page.items) < page.size or page.total <= len(page.items):
                return

    # -- mapping

    def _all_mapped(self, found: Sequence[Json]) -> tuple[tuple[PulledOrder, ...], tuple[OrderProblem, ...]]:
        documents = self.documents(found)
        mapped: list[PulledOrder] = []
        problems: list[OrderProblem] = []
        for one in found:
            try:
                mapped.append(pulled(one, documents.get(str(one["entity_id"]), Documents()), self.settings))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                message = (
                    f"Order {one.get('increment_id')} of the shop cannot be read: {type(error).__name__}: {error}."
                )
                problems.append(OrderProblem(str(one.get("entity_id")), message, str(one.get("increment_id") or "")))
        return tuple(mapped), tuple(problems)

    def documents(self, found: Sequence[Json]) -> dict[str, Documents]:
        """What hangs on orders, oldest first: a call for each kind of which any of them has some."""
        has = {
            "shipments": [one for one in found if _any_item(one, "qty_shipped")],
            "invoices": [one for one in found if decimal(one.get("total_invoiced")) or _any_item(one, "qty_invoiced")],
            "creditmemos": [
                one for one in found if decimal(one.get("total_refunded")) or _any_item(one, "qty_refunded")
            ],
        }
        read = {kind: self._of_orders(kind, orders) for kind, orders in has.items()}
        return {
            key: Documents(
                read["shipments"].get(key, ()), read["creditmemos"].get(key, ()), read["invoices"].get(key, ())
            )
            for key in (str(one["entity_id"]) for one in found)
        }  # fmt: skip

    def _of_orders(self, kind: str, orders: Sequence[Json]) -> dict[str, list[Json]]:
        ids = [str(one["entity_id"]) for one in orders]
        result: dict[str, list[Json]] = {}
        for start in range(0, len(ids), PAGE):
            group = (Filter("order_id", ",".join(ids[start : start + PAGE]), "in"),)
            for one in self.client.by_id(f"V1/{kind}", Search((group,), size=PAGE), "entity_id"):
                result.setdefault(str(one.get("order_id")), []).append(one)
                self._mapped[f"{kind}-{one.get('entity_id')}"] = str(one.get("updated_at"))
        return result


def _any_item(order: Json, name: str) -> bool:
    return any(decimal(one.get(name)) for one in order.get("items") or [] if isinstance(one, Mapping))
