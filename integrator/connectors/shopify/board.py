"""What the parts of a content push share: what is known of each listing, and the results."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from integrator.connectors.base import ConnectorError
from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush
from integrator.connectors.shopify import mapping
from integrator.connectors.shopify.client import Client, DailyLimit, daily_limit_error
from integrator.connectors.shopify.collections import Collections
from integrator.connectors.shopify.errors import Failure
from integrator.connectors.shopify.facts import Facts
from integrator.connectors.shopify.ids import gid
from integrator.connectors.shopify.settings import ShopifySettings

Json = dict[str, Any]

KEPT = frozenset({"images", "status_before", "hidden"})  # what is remembered of a listing


@dataclass(slots=True)
class Work:
    """What one call of push_content found out and did."""

    results: dict[int, PushResult] = field(default_factory=dict)
    linked: dict[int, dict[str, str]] = field(default_factory=dict)  # what was in the shop already
    parents: dict[int, str] = field(default_factory=dict)  # id() of a style push -> product, found by the POS's id
    lost: ConnectorError | None = None


class Board:
    """Of one call of push_content."""

    def __init__(self, client: Client, facts: Facts, settings: ShopifySettings) -> None:
        self.client = client
        self.facts = facts
        self.settings = settings
        self.collections = Collections(client)
        self.work = Work()

    def ids(self, one: ListingPush) -> Mapping[str, str]:
        return one.remote or self.work.linked.get(one.product_id, {})

    def fields(self, one: ListingPush) -> frozenset[str]:
        """Of a product that was in the shop before us, only what always is the POS's."""
        return mapping.linked_fields(one.fields, self.settings) if one.is_new and self.ids(one) else one.fields

    def wanted(self, style: StylePush) -> list[ListingPush]:
        done = self.work.results
        return [one for one in style.listings if one.product_id in style.wanted and one.product_id not in done]

    def new(self, style: StylePush) -> list[ListingPush]:
        return [one for one in self.wanted(style) if not self.ids(one)]

    def parent(self, style: StylePush) -> str | None:
        if style.style_id is None:
            return self.work.parents.get(id(style))
        known = (self.ids(one).get("product") for one in style.listings)
        return next((one for one in known if one), None) or self.work.parents.get(id(style))

    def show_variant(self, one: ListingPush, variant: str, *, show: bool) -> None:
        channels = [{"publicationId": publication} for publication in self.facts.publications]
        if channels:
            variables = {"id": gid("ProductVariant", variant), "input": channels}
            self.client.run("publish" if show else "unpublish", variables)

    # -- results

    def day_is_over(self, listings: Sequence[ListingPush]) -> bool:
        """The shop said today that it takes no more variants: it is not asked again before it does."""
        until = self.client.no_variants_before
        if until is None or self.client.now() >= until:
            return False
        for one in listings:
            self.fail(one, wait_for(until, daily_limit_error(self.client.now())))
        return True

    def limit(self, error: DailyLimit, listings: Sequence[ListingPush]) -> None:
        assert error.until is not None
        self.client.no_variants_before = error.until
        for one in listings:
            if one.product_id not in self.work.results:
                self.fail(one, wait_for(error.until, error))

    def accept(
        self, one: ListingPush, remote: Mapping[str, str], keep: Json, note: str = "", *, created: bool = False
    ) -> None:
        sent = {**{key: value for key, value in (one.sent or {}).items() if key in KEPT}, **keep}
        self.work.results[one.product_id] = PushResult(
            one.product_id,
            Outcome.ACCEPTED,
            remote=remote,
            sent={key: value for key, value in sent.items() if value},
            created=created,
            code="WRITTEN_IN_PART" if note else "",
            message=note,
        )

    def fail(self, one: ListingPush, found: Failure) -> None:
        # what was linked stays linked, whatever became of the write
        self.work.results[one.product_id] = found.result(one, self.work.linked.get(one.product_id, {}))


def kept(style: StylePush, name: str) -> Any:
    """What an earlier push remembered of the style's product, with whichever variant."""
    return next((one.sent[name] for one in style.listings if one.sent and one.sent.get(name)), None)


def wait_for(until: datetime, error: ConnectorError) -> Failure:
    return Failure(Outcome.RETRY, error.code, error.message, error.hint, until)
