"""Categories by path, below the shop's root; missing ones are made, each below the one before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from integrator.connectors.base import Rejected
from integrator.connectors.magento.client import Client
from integrator.connectors.magento.facts import Facts
from integrator.connectors.magento.mapping import same_label
from integrator.connectors.magento.settings import MagentoSettings

Json = dict[str, Any]


class Categories:
    def __init__(self, client: Client, facts: Facts, settings: MagentoSettings) -> None:
        self.client = client
        self.facts = facts
        self.settings = settings
        self._known: dict[tuple[int, str], int] | None = None  # (parent, name) -> id

    def id(self, path: Sequence[str]) -> int | None:
        """The innermost category of the path; None for an empty path."""
        names = [one.strip() for one in path if one.strip()]
        if not names:
            return None
        known = self._tree()
        parent = self.facts.root_category
        for name in names:
            key = (parent, same_label(name))
            if key not in known:
                known[key] = self._make(parent, name, path)
            parent = known[key]
        return parent

    def _tree(self) -> dict[tuple[int, str], int]:
        if self._known is None:
            root = self.facts.root_category
            tree = self.client.get("V1/categories", [("rootCategoryId", str(root))])
            self._known = {}
            waiting: list[Json] = [tree]
            while waiting:
                one = waiting.pop()
                for child in one.get("children_data") or []:
                    self._known.setdefault((int(one["id"]), same_label(str(child.get("name")))), int(child["id"]))
                    waiting.append(child)
        return self._known

    def _make(self, parent: int, name: str, path: Sequence[str]) -> int:
        if not self.settings.create_categories:
            raise Rejected(
                f"The shop has no category {'/'.join(path)!r}.",
                code="CATEGORY_MISSING",
                hint="Make it in the shop, or map it in the channel's categories.",
            )
        body = {"category": {"parent_id": parent, "name": name, "is_active": True, "include_in_menu": True}}
        return int(self.client.post("V1/categories", body)["id"])
