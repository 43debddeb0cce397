"""Saving products: one by one, or many at once where the shop's consumers work; a result for each.

`POST products` saves by SKU: it creates what is not there and updates what is. Sending the same again is therefore
harmless, whatever was interrupted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from integrator.connectors.base import (
    ConnectorError,
    NeedsCredentials,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from integrator.connectors.magento import bulk as operations
from integrator.connectors.magento.bulk import Bulk
from integrator.connectors.magento.client import Client
from integrator.connectors.magento.lookup import Lookup
from integrator.connectors.magento.mapping import url_key

Json = dict[str, Any]

OUTAGE = frozenset({"UNREACHABLE", "NO_ANSWER", "HTTP_502", "HTTP_503", "HTTP_504", "BLOCKED", "NO_API"})
FAILURES_IN_A_ROW = 3  # then it is the shop and not the items
KEY_TAKEN = re.compile(r"url key|url_key|url that already exists", re.IGNORECASE)
PICTURE = re.compile(r"image|media|gallery", re.IGNORECASE)
WITH_PICTURES = "id,sku,media_gallery_entries[id]"


@dataclass(slots=True)
class Saved:
    """What became of a body: the product as it was written, or the error; `notes` are what was left out."""

    product: Json | None = None
    error: ConnectorError | None = None
    tried: bool = True
    notes: list[str] = field(default_factory=list)


class Saver:
    def __init__(self, client: Client, bulk: Bulk, lookup: Lookup) -> None:
        self.client = client
        self.bulk = bulk
        self.lookup = lookup
        self.lost: ConnectorError | None = None  # what ended it for all that came after

    def save(self, bodies: Sequence[Json]) -> list[Saved]:
        if self.lost is not None:
            return [Saved(error=self.lost, tried=False) for _ in bodies]
        found: dict[int, Saved] = {}
        if len(bodies) > 1:
            try:
                if self.bulk.worth(len(bodies)):
                    found = self._together(bodies)
            except (Throttled, NeedsCredentials, UnknownOutcome) as error:
                self.lost = error
                return [Saved(error=error) for _ in bodies]
            except Rejected:
                pass  # the shop takes no bulk calls: one by one
            except ConnectorError as error:
                if error.code in OUTAGE:
                    self.lost = error
                    return [Saved(error=error) for _ in bodies]
        failures = 0
        for place, body in enumerate(bodies):
            if place in found:
                continue
            if self.lost is not None:
                found[place] = Saved(error=self.lost, tried=False)
                continue
            found[place] = one = self._one(body)
            failures = failures + 1 if isinstance(one.error, Transient) else 0
            if one.error is not None and (_ends(one.error) or failures >= FAILURES_IN_A_ROW):
                self.lost = one.error
        return [found[place] for place in range(len(bodies))]

    def _one(self, body: Json) -> Saved:
        """Once more without what the shop takes offence at, where that is not the product itself."""
        notes: list[str] = []
        while True:
            try:
                return Saved(self.client.post("V1/products", {"product": body}), notes=notes)
            except Rejected as error:
                changed = repaired(body, error.message, notes)
                if changed is None:
                    return Saved(error=error, notes=notes)
                body = changed
            except ConnectorError as error:
                return Saved(error=error, notes=notes)

    def _together(self, bodies: Sequence[Json]) -> dict[int, Saved]:
        """Those that came through, or were refused for good; the others are left to be saved one by one."""
        done = self.bulk.send("V1/products", [{"product": body} for body in bodies])
        complete = [str(bodies[place]["sku"]) for place, one in enumerate(done) if one.done]
        products = self.lookup.by_sku(complete, WITH_PICTURES)
        found: dict[int, Saved] = {}
        for place, one in enumerate(done):
            sku = str(bodies[place]["sku"])
            if one.done and (exact := self.lookup.exact(sku, products.get(sku, []))):
                found[place] = Saved(exact[0])
            elif (
                one.status in (operations.FAILED, operations.REJECTED)
                and not one.retry
                and repaired(bodies[place], one.message, []) is None
            ):
                found[place] = Saved(error=Rejected(one.message, code="REFUSED_BY_SHOP"))
        return found


def _ends(error: ConnectorError) -> bool:
    return isinstance(error, Throttled | NeedsCredentials | UnknownOutcome) or error.code in OUTAGE


def repaired(body: Json, message: str, notes: list[str]) -> Json | None:
    """The body without what the message complains of; None when that is not known."""
    if KEY_TAKEN.search(message):
        name, sku = str(body.get("name") or ""), str(body["sku"])
        again = url_key(name, sku, again=True)
        attributes = body.get("custom_attributes") or []
        others = [one for one in attributes if one["attribute_code"] != "url_key"]
        if len(others) == len(attributes) or {"attribute_code": "url_key", "value": again} in attributes:
            return None
        return {**body, "custom_attributes": [*others, {"attribute_code": "url_key", "value": again}]}
    if PICTURE.search(message) and "media_gallery_entries" in body:
        notes.append(f"Written without pictures: {message}")
        return {key: value for key, value in body.items() if key != "media_gallery_entries"}
    return None
