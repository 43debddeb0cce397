"""Collections for categories, where the channel wants them: found by their title, made when there is none."""

from __future__ import annotations

from collections.abc import Sequence

from integrator.connectors.shopify.client import Client
from integrator.connectors.shopify.errors import must_work


class Collections:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.known: dict[str, str] = {}

    def find(self, path: Sequence[str]) -> str:
        """Global id of the collection of the path's last level; "" for no path, and where a rule fills it."""
        if not path:
            return ""
        title = path[-1]
        key = title.casefold()
        if key not in self.known:
            self.known[key] = self._look(title)
        return self.known[key]

    def _look(self, title: str) -> str:
        escaped = title.replace("\\", "\\\\").replace('"', '\\"')
        nodes = self.client.run("collections", {"query": f'title:"{escaped}"'})["collections"]["nodes"]
        same = [one for one in nodes if str(one.get("title")).casefold() == title.casefold()]
        if same:
            # a collection with rules takes products by itself and by no other way
            return next((str(one["id"]) for one in same if not one.get("ruleSet")), "")
        payload = self.client.run("collection_create", {"input": {"title": title}})["collectionCreate"]
        must_work(payload, f"The collection {title!r}")
        return str(payload["collection"]["id"])
