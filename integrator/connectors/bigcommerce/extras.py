"""Pictures and custom fields of a product that is there: each has calls of its own.

Only what the POS sent is touched: the merchant's own pictures and fields stay. The shop does not say where a picture
came from, so the addresses are remembered in the order in which they were sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from integrator.connectors.bigcommerce import mapping
from integrator.connectors.bigcommerce.client import Client, NotFound
from integrator.connectors.bigcommerce.creation import first_url
from integrator.connectors.bigcommerce.settings import BigSettings
from integrator.connectors.pushes import Content, ListingPush

Json = dict[str, Any]


class Extras:
    def __init__(self, client: Client, settings: BigSettings) -> None:
        self.client = client
        self.settings = settings

    def update(self, product: str, content: Content, fields: frozenset[str], sent: Mapping[str, Any]) -> Json:
        """What to remember. Raises Rejected for what the shop refuses."""
        kept: Json = {}
        if "Images" in fields:
            kept["images"] = self._images(product, content, list(sent.get("images") or [])) or None
        custom = mapping.custom_fields(content, fields, self.settings)
        if custom and custom != sent.get("custom"):
            self._custom(product, custom)
            kept["custom"] = custom
        return kept

    def _images(self, product: str, content: Content, before: list[str]) -> list[str]:
        bodies = mapping.image_bodies(content.images)
        wanted = [one["image_url"] for one in bodies]
        if wanted == before:
            return before
        path = f"v3/catalog/products/{product}/images"
        there = sorted(self.client.all(path), key=lambda one: (int(one.get("sort_order") or 0), int(one["id"])))
        # ours stand in the order in which they were sent; the merchant may have added others behind them
        ours = dict(zip(before, there, strict=False)) if len(there) >= len(before) else {}
        for body in bodies:
            known = ours.get(body["image_url"])
            if known is None:
                self.client.post(path, body)
            elif int(known.get("sort_order") or 0) != body["sort_order"]:
                change = {name: body[name] for name in ("sort_order", "is_thumbnail")}
                self.client.put(f"{path}/{known['id']}", change)
        for url, one in ours.items():
            if url not in wanted:
                with suppress(NotFound):
                    self.client.delete(f"{path}/{one['id']}")
        return wanted

    def _custom(self, product: str, wanted: list[Json]) -> None:
        path = f"v3/catalog/products/{product}/custom-fields"
        known = {mapping.key(str(one.get("name"))): one for one in self.client.all(path)}
        for body in wanted:
            there = known.get(mapping.key(body["name"]))
            if there is None:
                self.client.post(path, body)
            elif there.get("value") != body["value"]:
                self.client.put(f"{path}/{there['id']}", body)

    def variant_image(self, ids: Mapping[str, str], one: ListingPush, first: ListingPush) -> Json:
        """The first picture of a variant unless it is the style's own."""
        own, general = first_url(one.content), first_url(first.content)
        if not own or own == general or own == (one.sent or {}).get("variant_image"):
            return {}
        path = f"v3/catalog/products/{ids['product']}/variants/{ids['variant']}/image"
        self.client.post(path, {"image_url": own})
        return {"variant_image": own}
