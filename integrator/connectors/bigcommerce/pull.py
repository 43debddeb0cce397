"""Reading changed orders: by modification time in UTC, with overlap, complete while orders change.

One call a page brings orders with their lines, addresses and fees. The list is never paged through: each page starts
again a second before the newest change of the one before, so that an order which moves to the end meanwhile cannot
push another one past us. Only when a whole page was changed in one second is it left by page number.

Refunds of all orders are one list of their own: it shows what an order's time of change may not. Payments that the
gateway is still working on are looked at again until they are settled.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from integrator.connectors.base import OrderPage, OrderProblem
from integrator.connectors.bigcommerce import transactions
from integrator.connectors.bigcommerce.amounts import moment, money
from integrator.connectors.bigcommerce.capabilities import PAGE
from integrator.connectors.bigcommerce.client import Client, NotFound, chunks
from integrator.connectors.bigcommerce.events import Details
from integrator.connectors.bigcommerce.facts import Facts
from integrator.connectors.bigcommerce.orders import (
    COMPLETED,
    INCOMPLETE,
    PENDING_PAYMENTS,
    SHIPPED,
    modified_at,
    status_id,
)
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.records import PulledOrder

Json = dict[str, Any]

OVERLAP = timedelta(minutes=10)
SETTLED = timedelta(seconds=10)  # times are whole seconds: a younger order may change again within the same one
MOST_REMEMBERED = 2_000
MOST_PENDING = 50
INCLUDE = {"include": "consignments,consignments.line_items,fees", "consignment_structure": "object"}


def iso(value: datetime) -> str:
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


class Orders:
    """Reads orders with what belongs to them."""

    def __init__(self, client: Client, settings: BigSettings, facts: Facts, page: int = PAGE) -> None:
        self.client = client
        self.settings = settings
        self.facts = facts
        self.size = page

    # -- one order

    def get(self, remote_id: str) -> Json | None:
        """The order as the shop has it, None if it does not."""
        if not remote_id.isdigit():
            return None
        try:
            found = self.client.get(f"v2/orders/{remote_id}", INCLUDE)
        except NotFound:
            return None
        return found if isinstance(found, dict) else None

    def pulled(self, order: Json) -> PulledOrder:
        refunds = self._refunds([order]).get(int(order["id"]), [])
        return transactions.pulled(order, self._details(order, refunds), self.settings, self.facts.statuses)

    # -- changed orders

    def changed(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        self.client.quota.recall(progress.get("quota") or {})
        watermark = moment(progress.get("modified"))
        seen: dict[str, str] = dict(progress.get("seen") or {})
        pending: list[str] = [str(one) for one in progress.get("pending") or []]
        refunds_since = moment(progress.get("refunds"))
        last_refund = int(progress.get("refund") or 0)
        start = watermark - OVERLAP if watermark else None
        number = 1
        read: dict[int, str] = {}  # what this pull has looked at
        told: set[str] = set()  # what it has handed up

        def remember() -> dict[str, Any]:
            kept: dict[str, Any] = {"modified": iso(watermark) if watermark else "", "seen": dict(seen)}
            kept |= {"pending": list(pending), "refund": last_refund}
            kept |= {"refunds": iso(refunds_since)} if refunds_since else {}
            allowance = self.client.quota.remembered()
            return kept | ({"quota": allowance} if allowance else {})

        while True:
            listed = self._page(start, number)
            fresh = [one for one in listed if read.get(int(one["id"])) != one.get("date_modified")]
            for one in fresh:
                read[int(one["id"])] = str(one.get("date_modified"))
            times = [time for one in listed if (time := modified_at(one)) is not None]
            newest = max([*times, *([watermark] if watermark else [])], default=None)
            changed = [one for one in fresh if seen.get(str(one["id"])) != one.get("date_modified")]
            found, problems = self._mapped(changed)
            told |= {str(one["id"]) for one in changed}
            moved, watermark = newest != watermark, newest
            self._remember(seen, fresh, watermark)
            pending = self._still_pending(pending, changed)
            if found or problems or moved:
                yield OrderPage(found, remember(), problems)
            if len(listed) < self.size or not times:
                break
            following = max(times) - timedelta(seconds=1)
            if start is not None and following <= start:
                number += 1
            else:
                start, number = following, 1
        # what a time of change did not show: refunds of other orders, payments at the gateway
        refunded, last_refund, refunds_since = self._newly_refunded(last_refund, refunds_since, watermark)
        again = [one for one in dict.fromkeys([*refunded, *pending]) if one not in told]
        orders = [one for one in map(self.get, again) if one is not None]
        pending = self._still_pending([one for one in pending if one not in again], orders)
        found, problems = self._mapped(orders)
        after = remember()
        before = {name: value for name, value in progress.items() if name != "quota"}
        if found or problems or {name: value for name, value in after.items() if name != "quota"} != before:
            yield OrderPage(found, after, problems)

    def _page(self, start: datetime | None, number: int) -> list[Json]:
        query: dict[str, str | int | bool] = {"sort": "date_modified:asc", "limit": self.size, **INCLUDE}
        if start is not None:
            query["min_date_modified"] = iso(start)
        if self.settings.orders_since is not None:
            query["min_date_created"] = iso(self.settings.orders_since)
        if number > 1:
            query["page"] = number
        return self.client.data("v2/orders", query)

    def _newly_refunded(
        self, last: int, since: datetime | None, watermark: datetime | None
    ) -> tuple[list[str], int, datetime | None]:
        """Orders with refunds that came after those we know of; ids of refunds only grow."""
        begin = since or watermark
        if begin is None:
            return [], last, None
        query: dict[str, str | int | bool] = {"created:min": iso(begin - OVERLAP)}
        orders: list[str] = []
        newest, highest = begin, last
        for one in self.client.all("v3/orders/payment_actions/refunds", query, PAGE):
            highest = max(highest, int(one["id"]))
            newest = max(newest, moment(one.get("created")) or newest)
            if int(one["id"]) > last:
                orders.append(str(one["order_id"]))
        return orders, highest, newest

    @staticmethod
    def _still_pending(known: Sequence[str], orders: Sequence[Json]) -> list[str]:
        settled = {str(one["id"]) for one in orders}
        open_ones = [str(one["id"]) for one in orders if one.get("payment_status") in PENDING_PAYMENTS]
        return [*(one for one in known if one not in settled), *open_ones][-MOST_PENDING:]

    def _mapped(self, found: Sequence[Json]) -> tuple[tuple[PulledOrder, ...], tuple[OrderProblem, ...]]:
        real = [one for one in found if status_id(one) != INCOMPLETE]
        if not real:
            return (), ()
        names = self.facts.statuses
        refunds = self._refunds(real)
        mapped: list[PulledOrder] = []
        problems: list[OrderProblem] = []
        for one in real:
            try:
                details = self._details(one, refunds.get(int(one["id"]), []))
                mapped.append(transactions.pulled(one, details, self.settings, names))
            except (ValueError, KeyError, TypeError, ArithmeticError) as error:
                message = f"Order {one.get('id')} of the shop cannot be read: {type(error).__name__}: {error}."
                problems.append(OrderProblem(str(one.get("id")), message, str(one.get("id") or "")))
        return tuple(mapped), tuple(problems)

    @staticmethod
    def _remember(seen: dict[str, str], fresh: Sequence[Json], watermark: datetime | None) -> None:
        """What the overlap will show again unchanged. Too young ones are read again; too old ones are forgotten."""
        now = datetime.now(UTC)
        for one in fresh:
            changed = modified_at(one)
            if changed is not None and now - changed >= SETTLED:
                seen[str(one["id"])] = str(one.get("date_modified"))
            else:
                seen.pop(str(one["id"]), None)
        if watermark is not None:
            oldest = watermark - OVERLAP - timedelta(minutes=1)
            for key in [key for key, value in seen.items() if (moment(value) or oldest) <= oldest]:
                del seen[key]
        for key in list(seen)[: max(0, len(seen) - MOST_REMEMBERED)]:
            del seen[key]

    # -- what belongs to an order

    def _refunds(self, orders: Sequence[Json]) -> dict[int, list[Json]]:
        """Refunds by order, oldest first; a call for a page of orders, none when nothing was refunded."""
        ids = [int(one["id"]) for one in orders if _may_be_refunded(one)]
        found: dict[int, list[Json]] = {}
        for part in chunks(ids, 100):
            query = {"order_id:in": ",".join(map(str, part))}
            for one in self.client.all("v3/orders/payment_actions/refunds", query, PAGE):
                found.setdefault(int(one["order_id"]), []).append(one)
        return {order: sorted(listed, key=lambda one: int(one["id"])) for order, listed in found.items()}

    def shipments(self, order_id: int | str) -> list[Json]:
        return list(self.client.all(f"v2/orders/{order_id}/shipments", None, 50))

    def payments(self, order_id: int | str) -> list[Json]:
        """The order's payment transactions; none where the API account may not see them, or there are none."""
        try:
            return self.client.data(f"v3/orders/{order_id}/transactions")
        except NotFound:
            return []

    def _details(self, order: Json, refunds: Sequence[Json]) -> Details:
        """Only what this order needs is asked for."""
        number = int(order["id"])
        shipped = int(order.get("items_shipped") or 0) > 0 or status_id(order) in (SHIPPED, 3, COMPLETED)
        paid = str(order.get("payment_status") or "") not in ("", "pending", "declined")
        certificate = bool(money(order.get("gift_certificate_amount")))
        return Details(
            shipments=self.shipments(number) if shipped else (),
            refunds=refunds,
            transactions=self.payments(number) if paid or certificate or order.get("payment_provider_id") else (),
            coupons=self.client.data(f"v2/orders/{number}/coupons") if money(order.get("coupon_discount")) else (),
            taxes=self._taxes(number) if money(order.get("total_tax")) else (),
        )

    def _taxes(self, number: int) -> list[Json]:
        return list(self.client.all(f"v2/orders/{number}/taxes", {"details": "true"}, 50))


def _may_be_refunded(order: Json) -> bool:
    told = str(order.get("payment_status") or "")
    return status_id(order) in (4, 14) or "refunded" in told or told in ("paid", "captured", "")
