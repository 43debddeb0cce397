"""Pushes as the core hands them to a connector, and what it makes of the answers: for the tests of every platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from integrator.connectors.pushes import ListingPush, Outcome, PushResult, StylePush


def alone(*listings: ListingPush) -> list[StylePush]:
    return [StylePush(None, "", (one,), frozenset({one.product_id})) for one in listings]


def style(
    style_id: str, *listings: ListingPush, name: str = "", wanted: Sequence[ListingPush] | None = None
) -> StylePush:
    chosen = listings if wanted is None else wanted
    return StylePush(
        style_id, name or f"Style {style_id}", tuple(listings), frozenset(one.product_id for one in chosen)
    )


def accepted(results: Sequence[PushResult]) -> list[PushResult]:
    """All of them; the reasons of the others otherwise."""
    assert all(one.outcome is Outcome.ACCEPTED for one in results), [
        (one.outcome, one.code, one.message) for one in results
    ]
    return list(results)


def after(one: ListingPush, result: PushResult, **given: Any) -> ListingPush:
    """The same listing at its next push, with what the first one gave to remember."""
    return replace(one, remote={**one.remote, **result.remote}, sent=dict(result.sent or {}), **given)
