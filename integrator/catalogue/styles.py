"""Variants of a style: the same option names in all of them, no two with the same values. Pure.

Upper and lower case and the order of the options do not count, because platforms do not tell them apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrator.catalogue.values import shown
from integrator.codes import Code, Problem

Options = Sequence[Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Member:
    """A product in a style (None: standalone), as it is or as a call would make it."""

    item_id: str
    style_id: str | None
    options: Options


def of_content(item_id: str, content: Mapping[str, Any]) -> Member:
    return Member(item_id, content.get("StyleId"), content.get("Options") or ())


def names(options: Options) -> frozenset[str]:
    return frozenset(one["Name"].casefold() for one in options)


def values(options: Options) -> frozenset[tuple[str, str]]:
    return frozenset((one["Name"].casefold(), one["Value"].casefold()) for one in options)


def words(options: Options) -> str:
    return ", ".join(f"{one['Name']}={one['Value']}" for one in options)


def conflicts(stored: Iterable[Member], wanted: Sequence[Member], before: Mapping[str, Member]) -> dict[str, Problem]:
    """Which of `wanted` cannot be, by item id.

    `stored`: the other members of the styles concerned, which stay as they are. `wanted`: in the order of the call.
    `before`: what those of `wanted` that exist are at present, which they remain when they are refused. Of two that
    want the same place the first one gets it.
    """
    refused: dict[str, Problem] = {}
    fixed = list(stored)
    while True:
        members: dict[str, list[Member]] = defaultdict(list)
        for member in (*fixed, *(before[one] for one in refused if one in before)):
            if member.style_id is not None:
                members[member.style_id].append(member)
        fresh: dict[str, Problem] = {}
        style_names = {style: names(found[0].options) for style, found in members.items()}
        taken = {
            (style, values(member.options)): member.item_id for style, found in members.items() for member in found
        }
        for one in wanted:
            if one.item_id in refused or one.style_id is None:
                continue
            problem = _problem(one, style_names, taken)
            if problem:
                fresh[one.item_id] = problem
                continue
            style_names.setdefault(one.style_id, names(one.options))
            taken[one.style_id, values(one.options)] = one.item_id
        if not fresh:
            return refused
        refused.update(fresh)  # those that exist stay where they are, which may be in the way of others


def _problem(
    one: Member,
    style_names: Mapping[str, frozenset[str]],
    taken: Mapping[tuple[str, frozenset[tuple[str, str]]], str],
) -> Problem | None:
    assert one.style_id is not None
    if not one.options:
        return Problem(
            Code.VALUE_MISSING,
            f"Item {shown(one.item_id)} belongs to style {shown(one.style_id)} and has no Options.",
            "Options",
            "Send at least one option, for example Size, or leave StyleId out for a standalone item.",
        )
    known = style_names.get(one.style_id)
    if known is not None and known != names(one.options):
        return Problem(
            Code.VARIANT_CONFLICT,
            f"The options of {shown(one.item_id)} are {words(one.options)}; the other variants of style "
            f"{shown(one.style_id)} have {', '.join(sorted(known)) or 'none'}.",
            "Options",
        )
    holder = taken.get((one.style_id, values(one.options)))
    if holder is not None:
        return Problem(
            Code.VARIANT_CONFLICT,
            f"Item {shown(holder)} of style {shown(one.style_id)} has the options {words(one.options)} already.",
            "Options",
        )
    return None
