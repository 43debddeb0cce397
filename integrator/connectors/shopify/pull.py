"""Reading changed orders: by modification time, with overlap, complete while orders change.

A page lists what changed, in little; then the orders themselves are read several at a time, each list as long as
the shop says that it has to be. How many go into one request follows from what the last ones cost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrator.connectors.base import OrderPage, OrderProblem
from integrator.connectors.records import PulledOrder
from integrator.connectors.shopify import transactions
from integrator.connectors.shopify.capabilities import COST_MOST
from integrator.connectors.shopify.client import Client, TooCostly
from integrator.connectors.shopify.events import moment
from integrator.connectors.shopify.ids import gid, number
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]

OVERLAP = timedelta(minutes=10)  # the list comes from a search index, which lags behind
SETTLED = timedelta(seconds=10)  # times are whole seconds: a younger order may change again within the same one
MOST_REMEMBERED = 2_000
LINES = 5  # of an order, a fulfilment and a refund, read with the order; the others follow
MORE_LINES = 50
REFUNDS = 5  # of an order, read at once
MOST_LISTED = 100
FIRST_GROUP = 4
FULL = 0.9  # of what one request may cost
EACH = "one order"  # what one costs of a request for several


def utc(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Orders:
    """Reads orders with their fulfilments, refunds and transactions."""

    def __init__(self, client: Client, settings: ShopifySettings, page: int) -> None:
        self.client = client
        self.settings = settings
        self.size = page

    # -- one order

    def get(self, remote_id: str) -> Json | None:
        """The order as the shop has it, None if it does not."""
        header = self.client.run("order_header", {"id": gid("Order", remote_id)})["order"]
        return next(iter(self._read([header])), None) if header else None

    def pulled(self, order: Json) -> PulledOrder:
        return transactions.pulled(order, self.settings)

    # -- changed orders

    def changed(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        watermark = moment(progress.get("updated"))
        seen: dict[str, str] = dict(progress.get("seen") or {})
        query = f"updated_at:>='{utc(watermark - OVERLAP)}'" if watermark else None
        for headers in self.client.pages("orders", {"query": query}, "orders", first=self.size):
            times = [found for one in headers if (found := moment(one.get("updatedAt"))) is not None]
            newest = max([*times, *([watermark] if watermark else [])], default=None)
            changed = [one for one in headers if seen.get(number(one["id"])) != one.get("updatedAt")]
            orders = self._read(changed)
            mapped, problems = self._mapped(orders)
            moved, watermark = newest != watermark, newest
            self._remember(seen, orders, watermark, (self.client.server_time or self.client.now()) - SETTLED)
            if mapped or problems or moved:
                page = {"updated": utc(watermark) if watermark else None, "seen": dict(seen)}
                yield OrderPage(tuple(mapped), page, tuple(problems))

    @staticmethod
    def _remember(seen: dict[str, str], read: Sequence[Json], watermark: datetime | None, settled: datetime) -> None:
        """What need not be read again as long as it does not change: what is within the overlap."""
        for one in read:
            if (moment(one.get("updatedAt")) or settled) < settled:
                seen[number(one["id"])] = str(one.get("updatedAt"))
        if watermark is None:
            return
        edge = watermark - OVERLAP
        for key in [key for key, time in seen.items() if (moment(time) or edge) < edge]:
            del seen[key]
        for key in list(seen)[: max(0, len(seen) - MOST_REMEMBERED)]:
            del seen[key]

    def _mapped(self, orders: Sequence[Json]) -> tuple[list[PulledOrder], list[OrderProblem]]:
        found: list[PulledOrder] = []
        problems: list[OrderProblem] = []
        for one in orders:
            try:
                found.append(self.pulled(one))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                message = f"It cannot be read: {type(error).__name__}: {error}"
                problems.append(OrderProblem(number(one.get("id")), message, str(one.get("name") or "")))
        return found, problems

    # -- reading whole orders

    def _read(self, headers: Sequence[Json]) -> list[Json]:
        """In the order in which they are asked for. Those that the shop does not have are missing."""
        found: dict[str, Json] = {}
        # alike ones together: the lists of a request are as long as the longest of its orders needs
        group = sorted(headers, key=lambda one: (_most([one], "fulfillmentsCount"), _most([one], "transactionsCount")))
        while group:
            step = self._group_size()
            part, group = group[:step], group[step:]
            found |= {one["id"]: one for one in self._together(part)}
        refunded = {one["id"] for one in headers if one.get("refunds")}
        orders = [found[one["id"]] for one in headers if one["id"] in found]
        for order in orders:
            order["refunds"] = self._refunds(order["id"]) if order["id"] in refunded else []
            self._complete(order)
        return orders

    def _group_size(self) -> int:
        """How many orders fit into one request, by what one costs (learnt, and kept between jobs)."""
        each = self.client.budget.costs.get(EACH)
        return max(1, min(self.size, int(COST_MOST * FULL / each))) if each else FIRST_GROUP

    def _together(self, headers: Sequence[Json]) -> list[Json]:
        transactions_, fulfillments = _most(headers, "transactionsCount"), _most(headers, "fulfillmentsCount")
        sizes = {"lines": LINES, "transactions": transactions_, "fulfillments": fulfillments}
        what = f"{len(headers)}-{transactions_}-{fulfillments}"
        variables = {"ids": [one["id"] for one in headers], **sizes}
        costs = self.client.budget.costs
        try:
            data = self.client.run("orders_by_id", variables, items=len(headers), size=what)
        except TooCostly:
            if len(headers) == 1:
                raise
            middle = len(headers) // 2
            costs[EACH] = COST_MOST / middle
            return [*self._together(headers[:middle]), *self._together(headers[middle:])]
        asked = costs.get(f"orders_by_id:{what}")
        if asked:
            costs.pop(EACH, None)
            costs[EACH] = asked / len(headers)
        return [one for one in data["nodes"] if one and one.get("id")]

    def _refunds(self, identity: str) -> list[Json]:
        """All refunds of an order. Their list has no pages: where it is long, each is read by its id."""
        variables = {"id": identity, "first": REFUNDS + 1, "lines": LINES}
        found: list[Json] = (self.client.run("order_refunds", variables)["order"] or {}).get("refunds") or []
        if len(found) <= REFUNDS:
            return found
        ids = [one["id"] for one in self.client.run("refund_ids", {"id": identity})["order"]["refunds"]]
        read = [self.client.run("refund", {"id": one, "lines": LINES})["refund"] for one in ids]
        return [one for one in read if one]

    # -- what did not fit

    def _complete(self, order: Json) -> None:
        identity = order["id"]
        self._rest(order["lineItems"], "order_lines", identity, "order", "lineItems")
        for one in order.get("fulfillments") or []:
            self._rest(
                one["fulfillmentLineItems"], "fulfillment_lines", one["id"], "fulfillment", "fulfillmentLineItems"
            )
        for one in order.get("refunds") or []:
            self._rest(one["refundLineItems"], "refund_lines", one["id"], "refund", "refundLineItems")

    def _rest(self, connection: Json, name: str, identity: str, *path: str) -> None:
        """The nodes of a list that has more than its first page; read again from the start, since lists move."""
        if not (connection.get("pageInfo") or {}).get("hasNextPage"):
            return
        nodes: list[Json] = []
        for page in self.client.pages(name, {"id": identity}, *path, first=MORE_LINES):
            nodes += page
        connection["nodes"] = nodes
        connection["pageInfo"] = {"hasNextPage": False}


def _most(headers: Sequence[Json], name: str) -> int:
    """How long a list has to be for all of them; an order that does not say gets room for a few."""
    counts = [int((one.get(name) or {}).get("count", 10)) for one in headers]
    return max(1, min(MOST_LISTED, max(counts, default=1)))
