"""Attributes, terms, categories, brands and tags, made when a product needs them and remembered for the job.

Everything is compared as the shop compares names: without case, with entities unescaped. A term that somebody
else made meanwhile is not an error: the shop names it, and it is taken.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.woocommerce.capabilities import BATCH_MOST
from integrator.connectors.woocommerce.client import Client, item_error
from integrator.connectors.woocommerce.mapping import attribute_slug, sanitised_key, text


class Taxonomy:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._attributes: dict[str, int] | None = None
        self._terms: dict[str, dict[str, int]] = {}  # route -> key -> id
        self._categories: dict[tuple[int, str], int] | None = None

    # -- shop-wide attributes and their terms

    def attributes(self, names: Iterable[str]) -> dict[str, int]:
        """Attribute id by option name; missing ones are made."""
        found: dict[str, int] = {}
        for name in names:
            key = sanitised_key(name)
            if self._attributes is None:
                self._attributes = self._read_attributes()
            if key not in self._attributes:
                self._attributes[key] = self._make_attribute(name)
            found[name] = self._attributes[key]
        return found

    def _read_attributes(self) -> dict[str, int]:
        # This list has no pages: the shop answers with all of them.
        values = self.client.get("wc/v3/products/attributes", {"_fields": "id,name"})
        return {sanitised_key(text(one["name"])): int(one["id"]) for one in values}

    def _make_attribute(self, name: str) -> int:
        safe = f"option-{hashlib.sha256(sanitised_key(name).encode()).hexdigest()[:12]}"
        slugs = [slug for slug in (attribute_slug(name), safe) if slug]
        for slug in slugs:
            try:
                made = self.client.post("wc/v3/products/attributes", {"name": name, "slug": slug})
                return int(made["id"])
            except Rejected:
                # Taken: by somebody a moment ago under this name, or by another name with this slug.
                known = self._read_attributes().get(sanitised_key(name))
                if known is not None:
                    return known
                if slug == slugs[-1]:
                    raise
        raise AssertionError("an attribute always has the safe slug to fall back to")

    def terms(self, attribute_id: int, values: Sequence[str]) -> None:
        """Make the missing options of an attribute."""
        self._ensure(f"wc/v3/products/attributes/{attribute_id}/terms", values)

    # -- flat lists

    def tags(self, names: Sequence[str]) -> list[int]:
        return self._ensure("wc/v3/products/tags", names)

    def brands(self, names: Sequence[str]) -> list[int]:
        return self._ensure("wc/v3/products/brands", names)

    def _ensure(self, route: str, names: Sequence[str]) -> list[int]:
        if not names:
            return []
        if route not in self._terms:
            listed = self.client.all(route, {"_fields": "id,name"})
            self._terms[route] = {sanitised_key(text(one["name"])): int(one["id"]) for one in listed}
        known = self._terms[route]
        missing = list({sanitised_key(name): name for name in names if sanitised_key(name) not in known}.values())
        for start in range(0, len(missing), BATCH_MOST):
            part = missing[start : start + BATCH_MOST]
            body = {"create": [{"name": name} for name in part]}
            answer = self.client.post(f"{route}/batch", body, items=len(part))
            for name, made in zip(part, answer.get("create") or [], strict=False):
                known[sanitised_key(name)] = _made(route, name, made)
        return [known[sanitised_key(name)] for name in names]

    # -- categories, by path

    def category(self, path: Sequence[str]) -> int | None:
        """The id of the innermost category of the path; missing ones are made, each below the one before."""
        if not path:
            return None
        if self._categories is None:
            listed = self.client.all("wc/v3/products/categories", {"_fields": "id,name,parent"})
            self._categories = {
                (int(one["parent"]), sanitised_key(text(one["name"]))): int(one["id"]) for one in listed
            }
        parent = 0
        for name in path:
            key = (parent, sanitised_key(name))
            if key not in self._categories:
                body: dict[str, Any] = {"create": [{"name": name, "parent": parent}]}
                answer = self.client.post("wc/v3/products/categories/batch", body)
                made = (answer.get("create") or [{}])[0]
                self._categories[key] = _made("wc/v3/products/categories", name, made)
            parent = self._categories[key]
        return parent


def _made(route: str, name: str, made: Any) -> int:
    """The id of a term that was made, or that was there already."""
    error = item_error(made)
    if error is None:
        return int(made["id"])
    if error.resource_id:
        return error.resource_id
    kind = route.rsplit("/", 1)[-1]
    raise Rejected(
        f"The shop cannot make {name!r} in {kind}: {error.message} ({error.code}).",
        code=error.code.upper(),
        hint="Make it by hand in the shop, or map the value with the channel's settings.",
    )
