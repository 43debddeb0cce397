"""The channel's work through files.

What is written counts as accepted once the file is placed: the shop answers later. Its acknowledgements are read with
the orders; a row that it refused becomes an issue of the product (on the lane that the file was about) or of the
shipment, which the next push of the same thing closes.

Records of products are always complete, whatever may be written: `only_on_creation` names the fields that the shop
uses only where it makes the product. So a shop that refused a product first, or lost it, can make it from the next
record; and nothing has to be known of what it has.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from integrator.connectors.base import (
    Channel,
    CheckItem,
    ConnectorError,
    OrderPage,
    OrderProblem,
    Rejected,
    Transient,
)
from integrator.connectors.hipcommerce import mapping, orders, results
from integrator.connectors.hipcommerce.files.exchange import ACK, Named, Side, Unreadable, ack_row, named
from integrator.connectors.hipcommerce.files.transport import ARCHIVE, FAILED, FOLDERS, transport
from integrator.connectors.hipcommerce.pull import unreadable
from integrator.connectors.http import Attempt, Recorder
from integrator.connectors.pushes import (
    CONTENT_FIELDS,
    ListingPush,
    PushResult,
    RemoteListing,
    ShipmentPush,
    ShipmentResult,
    StylePush,
)
from integrator.connectors.records import PulledOrder

Json = dict[str, Any]

LANES = {"products": "content", "inventory": "stock", "prices": "price"}
EVENTS = ("transactions", "captures")
SEARCHED = 200  # archived files that are looked through for one order
KEYS = frozenset({"item_integration_id", "style_id", "children", "sku"})


def wanted(style: StylePush) -> list[ListingPush]:
    return [one for one in style.listings if one.product_id in style.wanted]


class Files:
    def __init__(self, channel: Channel, recorder: Recorder, page: int) -> None:
        self.channel, self.recorder, self.size = channel, recorder, page
        self.transport = transport(channel.credentials)
        self.side = Side(self.transport)
        self.form: str = channel.settings.file_format

    def close(self) -> None:
        self.transport.close()

    def _place(self, kind: str, records: Sequence[Json]) -> Named:
        started, clock = datetime.now(UTC), time.monotonic()

        def record(outcome: str, name: str, message: str = "") -> None:
            milliseconds = round((time.monotonic() - clock) * 1000)
            self.recorder(
                Attempt("FILE", f"in/{name}", started, milliseconds, None, outcome, message, items=len(records))
            )

        try:
            file = self.side.place(kind, records, self.form)
        except ConnectorError as error:
            record("transient" if isinstance(error, Transient) else "refused", kind, error.message)
            raise
        record("ok", file.name)
        return file

    # -- how it stands

    def check(self) -> list[CheckItem]:
        try:
            for folder in FOLDERS:
                self.transport.names(folder)
            waiting, failed = self.side.waiting(self.side.writes), self.side.waiting(FAILED)
            oldest = self._oldest(waiting)
        except ConnectorError as error:
            return [CheckItem("folder", False, error.message, error.hint or "Try again later.")]
        items = [CheckItem("folder", True, f"{', '.join(FOLDERS)} can be read.")]
        late = oldest > self.channel.settings.acknowledge_hours * 3600
        said = f"{len(waiting)} files wait for the shop"
        said += f", the oldest for {oldest / 3600:.1f} h." if waiting else "."
        items.append(CheckItem("shop", not late, said, self.late_hint if late else ""))
        if failed:
            items.append(CheckItem("failed", True, f"{len(failed)} files could not be read; see failed/."))
        said = "The shop exports its products."
        if self._newest_listings() is None:
            said = "There is no listings-NUMBER.csv in out/: what the shop holds is not compared."
        return [*items, CheckItem("listings", True, said)]

    late_hint = "Ask the shop's developers whether its import runs."

    def _oldest(self, waiting: Sequence[Named]) -> float:
        return self.transport.age(self.side.writes, waiting[0].name) if waiting else 0.0

    # -- products

    def _newest_listings(self) -> Named | None:
        return max((one for one in self.side.waiting() if one.kind == "listings"), default=None)

    def _listings(self) -> Iterator[RemoteListing]:
        newest = self._newest_listings()
        if newest is None:
            return
        try:
            for _, one in self.side.read(newest):
                found = mapping.listing({"product_id": "", "variant_id": "", **one})
                yield replace(found, remote=_remote(str(one.get("item_integration_id") or one["sku"])))
        except (Unreadable, *orders.READABLE) as error:
            raise Rejected(
                f"{newest.name}: {error}.", code="LISTINGS_UNREADABLE",
                hint="The shop's developers must correct the export.",
            ) from error  # fmt: skip

    def find(self, skus: Sequence[str]) -> Mapping[str, Sequence[RemoteListing]]:
        """What the shop's last export says; without one nothing is known, and the shop looks by itself."""
        found: dict[str, list[RemoteListing]] = {sku: [] for sku in skus}
        for one in self._listings():
            if one.sku in found:
                found[one.sku].append(one)
        return found

    def read_listings(self) -> Iterator[RemoteListing]:
        if self._newest_listings() is None:
            raise Rejected(
                "The shop has not exported its products, so they cannot be compared.", code="LISTINGS_MISSING",
                hint="Let the shop write listings-NUMBER.csv into out/ once a day.",
            )  # fmt: skip
        return self._listings()

    def push_content(self, styles: Sequence[StylePush]) -> list[PushResult]:
        done: list[PushResult] = []
        new = [one.item_id for style in styles for one in wanted(style) if one.is_new]
        found = self.find(new) if new else {}
        records: list[Json] = []
        for style in styles:
            mine: list[ListingPush] = []
            for one in wanted(style):
                matches = found.get(one.item_id, ()) if one.is_new else ()
                if len(matches) > 1:
                    done.append(results.several(one, matches))
                    continue
                mine.append(one)
                created = one.is_new and not matches
                done.append(results.accepted(one, _remote(one.item_id), created=created))
            if mine:
                records.append(self.product(style, mine))
        if records:
            self._place("products", records)
        return done

    def product(self, style: StylePush, listings: Sequence[ListingPush]) -> Json:
        """The whole record, with the names of what only a new product takes."""
        settings = self.channel.settings
        never = frozenset(name for name, rule in settings.field_rules.items() if rule == "shop")
        whole = [replace(one, remote={}, fields=CONTENT_FIELDS - never) for one in listings]
        made = mapping.product(style, whole, None, {}, settings.publish_new, frozenset())
        known = [one for one in listings if not one.is_new]
        pos = mapping.always_pos(settings.field_rules)
        always = pos.union(*(one.fields for one in known))
        kept = {*KEYS, *mapping.product_fields(style, whole[0].content, always)}
        kept |= set(mapping.item_fields(whole[0].content, always))
        if any(not one.content.sell_online for one in listings):
            kept.add("hidden")
        if known and "Publication" in pos:
            made["publish"] = any(one.content.sell_online for one in style.listings)
            kept.add("publish")
        names = {name for item in (made, *made.get("children", ())) for name in item}
        return made | {"only_on_creation": sorted(names - kept)}

    def push_price(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("prices", items, lambda one: [mapping.price_row(one)])

    def push_stock(self, items: Sequence[StylePush]) -> list[PushResult]:
        return self._set("inventory", items, mapping.inventory_rows)

    def _set(
        self, kind: str, items: Sequence[StylePush], rows_of: Callable[[ListingPush], list[Json]]
    ) -> list[PushResult]:
        listings = [one for style in items for one in wanted(style)]
        rows = [row for one in listings if not one.is_new for row in rows_of(one)]
        if rows:
            self._place(kind, rows)
        return [results.not_listed(one) if one.is_new else results.accepted(one) for one in listings]

    # -- orders

    def pull_orders(self, progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        """Acknowledgements first, then orders. A file is put away once what was read of it is stored."""
        for file in self.side.acknowledgements():
            problems = self._refusals(file)
            if problems:
                yield OrderPage((), dict(progress), tuple(problems))
            self.side.put_away(file.name + ACK)
        waiting = self.side.waiting()
        for old in [one for one in waiting if one.kind == "listings"][:-1]:
            self.side.put_away(old.name)
        for file in waiting:
            if file.kind == "orders":
                yield from self._take(file, {one.kind: one for one in waiting if one.number == file.number}, progress)
            elif file.kind not in (*EVENTS, "listings"):
                reason = f"{file.kind} do not come out of the shop"
                yield OrderPage((), dict(progress), (_file_problem(file, reason),))
                self.side.fail(file, reason)
        left = self.side.waiting(self.side.writes)
        oldest = self._oldest(left)
        if oldest > self.channel.settings.acknowledge_hours * 3600:
            message = f"The shop has not taken in/{left[0].name} for {oldest / 3600:.0f} h."
            raise Transient(message, code="FILES_WAIT", hint=self.late_hint)

    def _refusals(self, file: Named) -> list[OrderProblem]:
        try:
            rows = self.side.acknowledged(file)
        except Unreadable as error:
            return [_file_problem(file, f"its acknowledgement cannot be read: {error}")]
        found = []
        for row in rows:
            status, code = str(row.get("status") or ""), str(row.get("code") or "refused").upper()
            message = f"{file.name}, row {row.get('row')}: {row.get('message') or 'refused without a reason'}"
            key = str(row.get("key") or "")
            not_captured = file.kind == "shipments" and code == "NOT_CAPTURED"
            if status.startswith("2") and not not_captured:
                continue
            if not key:
                found.append(_file_problem(file, f"the shop could not take it: {row.get('message')}"))
            elif file.kind == "shipments":
                code = "CAPTURE_FAILED" if not_captured else code
                purpose = "capture" if not_captured else "ship"
                found.append(OrderProblem(key, message, code=code, subject="shipment", purpose=purpose))
            else:
                code = "LISTING_MISSING" if status == "404" else code
                hint = results.HINTS.get(code) or "Correct it in the POS or in the shop, then resend the item."
                purpose = LANES.get(file.kind, "content")
                found.append(OrderProblem(key, message, code=code, hint=hint, subject="product", purpose=purpose))
        return found

    def _take(self, file: Named, group: Mapping[str, Named], progress: Mapping[str, Any]) -> Iterator[OrderPage]:
        """One orders file with the transactions and captures of the same number."""
        events: dict[str, dict[str, list[Json]]] = {}
        acks: dict[Named, list[Json]] = {}
        try:
            for one in (group[kind] for kind in (*EVENTS, "orders") if kind in group):
                broken = one
                rows = self.side.read(one)
                if one.kind != "orders":
                    events[one.kind] = _by_order(rows)
                    ids = _ids(one.kind)
                    acks[one] = [ack_row(number, str(row.get(ids) or ""), 200, "ok") for number, row in rows]
        except Unreadable as error:
            # without one of them the orders would be told wrongly: all three are put aside
            yield OrderPage((), dict(progress), (_file_problem(broken, str(error)),))
            for one in group.values():
                if one.kind in (*EVENTS, "orders"):
                    self.side.fail(one, str(error) if one == broken else f"{broken.name}: {error}")
            return
        answers: list[Json] = []
        for start in range(0, len(rows), self.size):
            page, problems = [], []
            for number, row in rows[start : start + self.size]:
                pulled = self._mapped(row, events)
                key = str(row.get("order_id") or "")
                if isinstance(pulled, OrderProblem):
                    problems.append(pulled)
                    answers.append(ack_row(number, key, 422, "order_unreadable", pulled.message))
                else:
                    page += [pulled] if self._taken(pulled) else []
                    answers.append(ack_row(number, key, 200, "ok"))
            yield OrderPage(tuple(page), dict(progress), tuple(problems))
        for one, own in acks.items():
            self.side.finish(one, own)
        self.side.finish(file, answers)

    def _mapped(self, row: Json, events: Mapping[str, Mapping[str, list[Json]]]) -> PulledOrder | OrderProblem:
        key = str(row.get("order_id") or "")
        mine = {kind: [*(row.get(kind) or ()), *events.get(kind, {}).get(key, ())] for kind in EVENTS}
        try:
            return orders.pulled(row, mine["transactions"], mine["captures"], self.channel.settings.order_statuses)
        except orders.READABLE as error:
            return unreadable(row, error)

    def _taken(self, pulled: PulledOrder) -> bool:
        since = self.channel.settings.orders_since
        return since is None or pulled.order.order_date >= since

    def pull_order(self, remote_id: str) -> PulledOrder | None:
        """As the shop wrote it last, from what was put away."""
        kept = [one for one in self._archived() if one.kind == "orders"]
        for file in sorted(kept, reverse=True)[:SEARCHED]:
            try:
                rows = [row for _, row in self.side.read(file, ARCHIVE) if str(row.get("order_id")) == remote_id]
                if not rows:
                    continue
                events = {
                    one.kind: _by_order(self.side.read(one, ARCHIVE))
                    for one in self._archived() if one.number == file.number and one.kind in EVENTS
                }  # fmt: skip
            except Unreadable:
                continue
            found = self._mapped(rows[-1], events)
            if isinstance(found, OrderProblem):
                raise Rejected(found.message, code=found.code, hint="The shop's developers must correct it.")
            return found
        return None

    def _archived(self) -> list[Named]:
        return [one for one in map(named, self.transport.names(ARCHIVE)) if one is not None]

    def send_shipment(self, push: ShipmentPush) -> ShipmentResult:
        notify = push.notify_customer
        notify = self.channel.settings.notify_customer if notify is None else notify
        self._place("shipments", [mapping.shipment(push, notify)])
        return ShipmentResult(remote_id=push.shipment_id)

    def capture(self, order_remote_id: str, amount: Decimal | None) -> None:
        raise Rejected(
            "Through files money is taken with a shipment only.", code="CAPTURE_UNSUPPORTED",
            hint="Switch capture_on_shipment on, or take the money in the shop.",
        )  # fmt: skip

    def register_webhooks(self) -> list[CheckItem]:
        return []


def _remote(item_id: str) -> dict[str, str]:
    return {"item": item_id}


def _ids(kind: str) -> str:
    return {"transactions": "transaction_id", "captures": "capture_id"}[kind]


def _by_order(rows: Sequence[tuple[int, Json]]) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = defaultdict(list)
    for _, row in rows:
        found[str(row.get("order_id") or "")].append(row)
    return found


def _file_problem(file: Named, reason: str) -> OrderProblem:
    return OrderProblem(
        file.name, f"{file.name}: {reason}.", code="FILE_UNREADABLE", subject="file", purpose="pull",
        hint="Correct it (it is in failed/), put it back under a new number, then close the issue.",
    )  # fmt: skip
