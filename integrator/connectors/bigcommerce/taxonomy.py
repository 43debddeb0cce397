"""Categories by path: read once a job, made where they are missing. Names compare without case."""

from __future__ import annotations

from collections.abc import Sequence

from integrator.connectors.bigcommerce.client import Client, Conflict
from integrator.connectors.bigcommerce.mapping import key

PATH = "v3/catalog/categories"


class Taxonomy:
    def __init__(self, client: Client) -> None:
        self.client = client
        self._known: dict[tuple[int, str], int] | None = None  # (parent, name) -> id

    def _read(self) -> dict[tuple[int, str], int]:
        known: dict[tuple[int, str], int] = {}
        for one in self.client.all(PATH, {"include_fields": "name,parent_id"}):
            known.setdefault((int(one.get("parent_id") or 0), key(str(one.get("name")))), int(one["id"]))
        return known

    def category(self, path: Sequence[str]) -> int | None:
        """The id of the innermost category, None without a path. A number stands for the category with that id."""
        if len(path) == 1 and path[0].isdigit():
            return int(path[0])
        parent = 0
        for name in path:
            if self._known is None:
                self._known = self._read()
            found = self._known.get((parent, key(name)))
            if found is None:
                found = self._make(parent, name)
            parent = found
        return parent or None

    def _make(self, parent: int, name: str) -> int:
        try:
            made = self.client.post(PATH, {"parent_id": parent, "name": name[:50]})
        except Conflict:  # somebody made it meanwhile
            self._known = self._read()
            if (parent, key(name)) in self._known:
                return self._known[parent, key(name)]
            raise
        assert self._known is not None
        self._known[parent, key(name)] = int(made["data"]["id"])
        return int(made["data"]["id"])
