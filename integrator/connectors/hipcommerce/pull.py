"""Reading what changed through the API: three streams, orders, transactions and captures, put together by order.

An order's own stream usually brings everything: its time of change moves with its events. Transactions and captures
are read by their own time as well, so that a shop which forgets to move it loses nothing; of those only orders that
were not seen with that very event are read again.

Progress, for each stream: `since`, the newest change that was stored, and in the middle of a long list the `cursor`
where the next job goes on. Each reading begins OVERLAP before `since`, in case changes became visible out of order.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from integrator.connectors.base import OrderPage, OrderProblem
from integrator.connectors.hipcommerce import orders
from integrator.connectors.hipcommerce.capabilities import FILTER, PAGE
from integrator.connectors.hipcommerce.client import Client, CursorExpired
from integrator.connectors.hipcommerce.mapping import moment
from integrator.connectors.hipcommerce.settings import HipCommerceSettings
from integrator.connectors.records import PulledOrder

Json = dict[str, Any]

OVERLAP = timedelta(minutes=5)
STREAMS = ("orders", "transactions", "captures")
IDS = {"orders": "order_id", "transactions": "transaction_id", "captures": "capture_id"}


@dataclass(slots=True)
class Seen:
    """What this pull has handed up: (stream, id) -> its time of change."""

    times: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, stream: str, records: Iterable[Json]) -> None:
        for one in records:
            self.times[stream, str(one.get(IDS[stream]))] = str(one.get("updated_at"))

    def has(self, stream: str, record: Json) -> bool:
        return self.times.get((stream, str(record.get(IDS[stream])))) == str(record.get("updated_at"))


class Orders:
    def __init__(self, client: Client, settings: HipCommerceSettings, page: int = PAGE) -> None:
        self.client, self.settings, self.size = client, settings, page

    def get(self, remote_id: str) -> PulledOrder | None:
        """Raises one of orders.READABLE where it is not what the contract says."""
        found = list(self._by_order("orders", [remote_id]))
        if not found:
            return None
        sales, money = (list(self._by_order(name, [remote_id])) for name in ("transactions", "captures"))
        return orders.pulled(found[0], sales, money, self.settings.order_statuses)

    def changed(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        state: dict[str, Json] = {name: dict(progress.get(name) or {}) for name in STREAMS}
        seen = Seen()
        for stream in STREAMS:
            for records in self._stream(stream, state[stream]):
                fresh = [one for one in records if not seen.has(stream, one)]
                seen.add(stream, fresh)
                page, problems = self._complete(stream, fresh, seen)
                yield OrderPage(page, {name: dict(one) for name, one in state.items() if one}, problems)

    # -- one stream

    def _stream(self, stream: str, state: Json) -> Iterator[list[Json]]:
        """Pages; `state` is what to remember once the page is stored."""
        cursor = str(state.get("cursor") or "")
        since = _time(state.get("began" if cursor else "since"))
        newest = _time(state.get("since"))
        while True:
            query = [("limit", str(self.size))]
            if since is not None:
                query.append(("updated_since", str(moment(since - OVERLAP))))
            try:
                for records, following in self.client.pages(f"/{stream}", query, cursor):
                    newest = max([one for one in (newest, *map(_changed, records)) if one is not None], default=None)
                    state.clear()
                    if newest is not None:
                        state["since"] = moment(newest)
                    if following:  # the query of a cursor stays the one that it was made for
                        state |= {"cursor": following, "began": moment(since)}
                    yield records
                return
            except CursorExpired:
                if not cursor:
                    raise
                cursor, since = "", newest

    # -- orders with all their events

    def _complete(
        self, stream: str, records: Sequence[Json], seen: Seen
    ) -> tuple[tuple[PulledOrder, ...], tuple[OrderProblem, ...]]:
        ids = list(dict.fromkeys(str(one.get("order_id") or "") for one in records))
        ids = [one for one in ids if one]
        if stream == "orders":
            found = [one for one in records if self._taken(one)]
            ids = [str(one.get("order_id")) for one in found]
        else:
            found = [one for one in self._by_order("orders", ids) if self._taken(one)] if ids else []
            seen.add("orders", found)
        events: dict[str, dict[str, list[Json]]] = {name: defaultdict(list) for name in STREAMS[1:]}
        for name in STREAMS[1:] if found else ():
            for one in self._by_order(name, ids):
                events[name][str(one.get("order_id"))].append(one)
                seen.add(name, [one])
        mapped: list[PulledOrder] = []
        problems: list[OrderProblem] = []
        for one in found:
            identity = str(one.get("order_id"))
            try:
                mapped.append(
                    orders.pulled(
                        one, events["transactions"][identity], events["captures"][identity],
                        self.settings.order_statuses,
                    )
                )  # fmt: skip
            except orders.READABLE as error:
                problems.append(unreadable(one, error))
        return tuple(mapped), tuple(problems)

    def _by_order(self, stream: str, ids: Sequence[str]) -> Iterator[Json]:
        return self.client.filtered(f"/{stream}", "order_id", ids, most=FILTER, limit=PAGE)

    def _taken(self, order: Json) -> bool:
        """Whether it was placed since the channel takes orders; what cannot be told is looked at."""
        since, placed = self.settings.orders_since, _time(order.get("order_date"))
        return since is None or placed is None or placed >= since


def unreadable(order: Mapping[str, Any], error: Exception) -> OrderProblem:
    message = f"It is not what the contract says ({error})."
    return OrderProblem(str(order.get("order_id") or "?"), message, number=str(order.get("order_number") or ""))


def _time(value: Any) -> datetime | None:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _changed(record: Json) -> datetime | None:
    return _time(record.get("updated_at"))
