"""Sending a batch, and finding the item that spoils it. No database here.

A connector answers per item; only when it raises for a whole batch is the batch halved until the bad item is
alone, which costs at most 2 * log2(n) + 1 further calls for one bad item among n. What the error says about
the shop, not about an item, is never split: it ends the batch and goes up as `stop`.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from integrator.codes import CATALOGUE, Code
from integrator.connectors.base import (
    ConnectorError,
    NeedsCredentials,
    Rejected,
    Throttled,
    Transient,
    UnknownOutcome,
)
from integrator.connectors.pushes import Outcome, PushResult, StylePush

logger = logging.getLogger(__name__)

# The shop as a whole is away: halving would only knock more often.
OUTAGE_CODES = frozenset({"UNREACHABLE", "NO_ANSWER", "HTTP_502", "HTTP_503", "HTTP_504"})


@dataclass(slots=True)
class Sent:
    """What became of a batch. What is in none of these was not tried and stays due."""

    results: dict[int, PushResult] = field(default_factory=dict)
    unknown: list[StylePush] = field(default_factory=list)  # sent, no answer
    failed: list[StylePush] = field(default_factory=list)  # the part that stopped it
    stop: ConnectorError | None = None
    calls: int = 0
    left: int = 0  # units that were not tried


def units(styles: Sequence[StylePush], *, by_item: bool) -> list[StylePush]:
    """The parts that a batch can be halved into: styles, or (by_item) one wanted listing each."""
    if not by_item:
        return list(styles)
    return [replace(style, wanted=frozenset({one})) for style in styles for one in sorted(style.wanted)]


def together(parts: Sequence[StylePush]) -> list[StylePush]:
    """Units of one style become one push again, which is how platforms write."""
    merged: dict[int, StylePush] = {}
    for part in parts:
        key = id(part.listings)
        known = merged.get(key)
        merged[key] = part if known is None else replace(known, wanted=known.wanted | part.wanted)
    return list(merged.values())


def send(
    call: Callable[[list[StylePush]], list[PushResult]],
    parts: Sequence[StylePush],
    alive: Callable[[StylePush], None],
) -> Sent:
    """`alive` reads something of a unit, and raises when the shop does not answer that either."""
    done = Sent()
    depth = math.ceil(math.log2(max(len(parts), 1)))
    most_calls = max(12, 6 * (depth + 1))  # several bad items; a job stays short, the rest is the next job's
    in_a_row = 0
    waiting: list[list[StylePush]] = [list(parts)] if parts else []
    while waiting:
        if done.calls >= most_calls:
            done.left = sum(len(group) for group in waiting)
            break
        group = waiting.pop()
        done.calls += 1
        try:
            answers = call(together(group))
        except (Throttled, NeedsCredentials) as error:
            done.stop, done.failed = error, group
        except UnknownOutcome as error:
            done.stop, done.unknown = error, group
        except Transient as error:
            in_a_row += 1
            if error.code in OUTAGE_CODES or in_a_row > depth + 1:
                done.stop, done.failed = error, group
            elif len(group) > 1:
                _halve(waiting, group)
            else:
                try:
                    if in_a_row == done.calls:  # nothing went through yet: is it the item, or the shop?
                        done.calls += 1
                        alive(group[0])
                except ConnectorError as silence:
                    if isinstance(silence, Rejected):
                        _settle(done, group[0], Outcome.RETRY, error)
                    else:
                        done.stop, done.failed = (
                            (silence if isinstance(silence, Throttled | NeedsCredentials) else error),
                            group,
                        )
                else:
                    _settle(done, group[0], Outcome.RETRY, error)
        except Rejected as error:
            if len(group) > 1:
                _halve(waiting, group)
            else:
                _settle(done, group[0], Outcome.REJECTED, error)
        except Exception as error:
            # a fault of the connector must not hold up the items that it can do
            logger.exception("The connector failed on %d unit(s).", len(group))
            if len(group) > 1:
                _halve(waiting, group)
            else:
                entry = CATALOGUE[Code.CONNECTOR_ERROR]
                message = f"{entry.meaning} ({type(error).__name__}: {error})"
                fault = Rejected(message, code=Code.CONNECTOR_ERROR, hint=entry.remedy)
                _settle(done, group[0], Outcome.REJECTED, fault)
        else:
            in_a_row = 0
            wanted = {one for part in group for one in part.wanted}
            done.results.update({one.product_id: one for one in answers if one.product_id in wanted})
            for one in wanted - done.results.keys():
                sentence = "The connector did not say what became of it."
                done.results[one] = PushResult(one, Outcome.RETRY, code=Code.CONNECTOR_ERROR, message=sentence)
        if done.stop is not None:
            done.left = sum(len(group) for group in waiting)
            break
    return done


def _halve(waiting: list[list[StylePush]], group: list[StylePush]) -> None:
    middle = len(group) // 2
    waiting.append(group[middle:])
    waiting.append(group[:middle])


def _settle(done: Sent, unit: StylePush, outcome: Outcome, error: ConnectorError) -> None:
    for one in unit.wanted:
        done.results[one] = PushResult(one, outcome, code=error.code, message=error.message, hint=error.hint)
