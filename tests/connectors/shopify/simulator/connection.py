"""Lists in pages, with cursors that stand behind an element, not at a place: what moves is neither lost nor doubled."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.connectors.shopify.simulator.state import Json, Violation

MOST = 250
DEEPEST = 25_000


def connection(
    items: Iterable[Any], view: Callable[[Any], Json], first: int | None, after: str | None, key: Callable[[Any], Any]
) -> Json:
    if first is None or not 0 < first <= MOST:
        raise Violation(f"a list is asked for with first: {first}; it takes 1 to {MOST}")
    ordered = sorted(items, key=key)
    passed = 0
    if after is not None:
        last, passed = json.loads(base64.b64decode(after))
        ordered = [one for one in ordered if _plain(key(one)) > last]
    if passed + first > DEEPEST:
        raise Violation("a list is paged through beyond 25,000 objects")
    page = ordered[:first]
    cursor = None
    if page:
        cursor = base64.b64encode(json.dumps([_plain(key(page[-1])), passed + len(page)]).encode()).decode()
    return {
        "nodes": [view(one) for one in page],
        "pageInfo": {"hasNextPage": len(ordered) > first, "hasPreviousPage": after is not None, "endCursor": cursor},
    }


def paged(
    items: Callable[[], Iterable[Any]], view: Callable[[Any], Json], key: Callable[[Any], Any]
) -> Callable[..., Json]:
    """A field that is a list in pages."""

    def field(_info: Any, first: int | None = None, after: str | None = None, **_: Any) -> Json:
        return connection(items(), view, first, after, key)

    return field


def _plain(value: Any) -> Any:
    return [_plain(one) for one in value] if isinstance(value, tuple) else value
