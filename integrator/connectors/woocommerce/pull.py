"""Reading changed orders: by modification time in GMT, with overlap, complete while orders change.

The list is never paged through: each page starts again a second before the newest change of the one before, so that
an order which moves to the end meanwhile cannot push another one past us. Only when a whole page was changed in one
second is it left by offset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrator.connectors.base import OrderPage, OrderProblem
from integrator.connectors.records import PulledOrder
from integrator.connectors.woocommerce import events, transactions
from integrator.connectors.woocommerce.capabilities import PAGE
from integrator.connectors.woocommerce.client import Client, NoRoute, NotFound, Page
from integrator.connectors.woocommerce.mapping import from_gmt, gmt
from integrator.connectors.woocommerce.orders import modified_at
from integrator.connectors.woocommerce.settings import WooSettings

Json = dict[str, Any]

OVERLAP = timedelta(minutes=10)
OVERLAPPING = 10  # orders of one second that are read again when it has more than a page of them
SETTLED = timedelta(seconds=10)  # times are whole seconds: a younger order may change again within the same one
MOST_REMEMBERED = 2_000
DECIMALS = 4


class Orders:
    """Reads orders with their refunds and fulfilments."""

    def __init__(self, client: Client, settings: WooSettings, page: int = PAGE) -> None:
        self.client = client
        self.settings = settings
        self.size = page
        self._all_refunds = True  # GET refunds of every order at once; since 9.0
        self._fulfilments = True

    # -- one order

    def get(self, remote_id: str) -> Json | None:
        """The order as the shop has it, also from the trash; None if it does not."""
        try:
            found: Json = self.client.get(f"wc/v3/orders/{int(remote_id)}", {"dp": DECIMALS})
        except NotFound:
            return None
        return found

    def pulled(self, order: Json) -> PulledOrder:
        refunds = self.refunds([order]).get(int(order["id"]), [])
        return transactions.pulled(order, refunds, self.fulfilments(order), self.settings)

    # -- changed orders

    def changed(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        watermark = from_gmt(progress.get("modified"))
        seen: dict[str, str] = dict(progress.get("seen") or {})
        step = self.size - min(OVERLAPPING, self.size // 4)
        start = watermark - OVERLAP if watermark else None
        offset = 0
        read: dict[int, str] = {}  # what this pull has looked at
        while True:
            page = self._page(start, offset)
            fresh = [one for one in page.items if read.get(int(one["id"])) != one.get("date_modified_gmt")]
            for one in fresh:
                read[int(one["id"])] = str(one.get("date_modified_gmt"))
            times = [time for one in page.items if (time := modified_at(one)) is not None]
            newest = max([*times, *([watermark] if watermark else [])], default=None)
            changed = [one for one in fresh if seen.get(str(one["id"])) != one.get("date_modified_gmt")]
            found, problems = self._mapped(changed)
            moved, watermark = newest != watermark, newest
            self._remember(seen, fresh, page.now or datetime.now(UTC), watermark)
            if found or problems or moved:
                yield OrderPage(found, {"modified": gmt(watermark), "seen": dict(seen)}, problems)
            if len(page.items) < self.size or not times:
                return
            following = max(times) - timedelta(seconds=1)
            if start is not None and following <= start and not offset:
                offset = step
            elif offset and (start is None or following <= start):
                offset += step
            else:
                start, offset = following, 0

    def _page(self, start: datetime | None, offset: int) -> Page:
        query: dict[str, str | int | bool] = {
            "status": "any",
            "orderby": "modified",
            "order": "asc",
            "dates_are_gmt": True,
            "dp": DECIMALS,
            "per_page": self.size,
        }
        if start is not None:
            query["modified_after"] = gmt(start)
        if self.settings.orders_since is not None:
            query["after"] = gmt(self.settings.orders_since)
        if offset:
            query["offset"] = offset
        return self.client.page("wc/v3/orders", query)

    def _mapped(self, found: Sequence[Json]) -> tuple[tuple[PulledOrder, ...], tuple[OrderProblem, ...]]:
        refunds = self.refunds(found)
        mapped: list[PulledOrder] = []
        problems: list[OrderProblem] = []
        for one in found:
            try:
                back = refunds.get(int(one["id"]), [])
                mapped.append(transactions.pulled(one, back, self.fulfilments(one), self.settings))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                message = f"Order {one.get('number')} of the shop cannot be read: {type(error).__name__}: {error}."
                problems.append(OrderProblem(str(one.get("id")), message, str(one.get("number") or "")))
        return tuple(mapped), tuple(problems)

    @staticmethod
    def _remember(seen: dict[str, str], fresh: Sequence[Json], now: datetime, watermark: datetime | None) -> None:
        """What the overlap will show again unchanged. Too young ones are read again; too old ones are forgotten."""
        for one in fresh:
            changed = modified_at(one)
            if changed is not None and now - changed >= SETTLED:
                seen[str(one["id"])] = str(one.get("date_modified_gmt"))
            else:
                seen.pop(str(one["id"]), None)
        if watermark is not None:
            oldest = watermark - OVERLAP - timedelta(minutes=1)
            for key in [key for key, value in seen.items() if (from_gmt(value) or oldest) <= oldest]:
                del seen[key]
        for key in list(seen)[: max(0, len(seen) - MOST_REMEMBERED)]:
            del seen[key]

    # -- what belongs to an order

    def refunds(self, found: Sequence[Json]) -> dict[int, list[Json]]:
        """Refunds with their lines, by order, oldest first. One call a hundred of them where the shop can."""
        wanted = {int(one["id"]): [int(back["id"]) for back in one.get("refunds") or []] for one in found}
        wanted = {key: ids for key, ids in wanted.items() if ids}
        if not wanted:
            return {}
        by_id: dict[int, Json] = {}
        ids = [one for known in wanted.values() for one in known]
        if self._all_refunds and len(wanted) > 1:
            try:
                for start in range(0, len(ids), PAGE):
                    include = ",".join(map(str, ids[start : start + PAGE]))
                    query: dict[str, str | int | bool] = {"include": include, "dp": DECIMALS}
                    by_id |= {int(one["id"]): one for one in self.client.page("wc/v3/refunds", query).items}
            except NoRoute:
                self._all_refunds = False
        for order_id, known in wanted.items():
            if any(one not in by_id for one in known):
                route = f"wc/v3/orders/{order_id}/refunds"
                by_id |= {int(one["id"]): one for one in self.client.all(route, {"dp": DECIMALS})}
        return {order_id: [by_id[one] for one in sorted(known) if one in by_id] for order_id, known in wanted.items()}

    def fulfilments(self, order: Json) -> list[Json]:
        """Records of the fulfilments feature; the order itself says whether it has any."""
        if not self._fulfilments or not events.meta(order, events.FULFILMENT_STATUS_META):
            return []
        try:
            return fulfilments(self.client, int(order["id"]))
        except NoRoute:  # the feature was switched off
            self._fulfilments = False
            return []


def fulfilments(client: Client, order_id: int) -> list[Json]:
    """Raises NoRoute where the feature is off. Early versions wrap the list."""
    answer = client.get(f"wc/v3/orders/{order_id}/fulfillments")
    if isinstance(answer, dict):
        answer = answer.get("fulfillments") or []
    return [one for one in answer if isinstance(one, dict)]
