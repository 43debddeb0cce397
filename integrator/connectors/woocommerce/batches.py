"""Batch calls that find the size a host can do: fifty at first, half of it after a time-out, more after successes.

An update that got no answer is sent again in smaller parts, since it writes the same values. A creation that
got no answer is not: the caller reads first what became of it. The size is left with the channel, so that its next
job does not begin at fifty again.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from integrator.connectors.base import Channel, ConnectorError, Rejected, Transient, UnknownOutcome
from integrator.connectors.woocommerce.capabilities import BATCH_MOST
from integrator.connectors.woocommerce.client import Client, ItemError, TooLarge, item_error

logger = logging.getLogger(__name__)

Json = dict[str, Any]
MEMORY = "batches"
AWAY = frozenset({"UNREACHABLE", "BLOCKED", "NO_API"})  # not a matter of size
MOST_FAILURES = 4  # halvings in a row until it is not the size


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one item: `body` as the shop holds it now, or an `error` of it, or `lost`.

    `lost`: the call about it failed. `sent` tells whether it may have had an effect.
    """

    body: Json | None = None
    error: ItemError | None = None
    lost: ConnectorError | None = None
    sent: bool = True


class Batches:
    def __init__(self, client: Client, start: int, channel: Channel) -> None:
        """`start`: the channel's setting. A size that was learnt under another one counts for nothing."""
        self.client = client
        self.start, self.keeper = start, channel.keeper
        known = channel.memory.get(MEMORY)
        found = known.get("size") if isinstance(known, Mapping) and known.get("from") == start else None
        self.size = found if type(found) is int and 1 <= found <= BATCH_MOST else start
        self._known = self.size

    def close(self) -> None:
        """Leaves what was learnt with the channel."""
        if self.keeper is None or self.size == self._known:
            return
        try:
            self.keeper.remember({MEMORY: {"size": self.size, "from": self.start}})
        except Exception:  # it only saves a call or two
            logger.warning("The size of batches could not be kept.", exc_info=True)

    def update(self, route: str, bodies: Sequence[Json]) -> list[Answer]:
        return self._run(route, "update", bodies)

    def create(self, route: str, bodies: Sequence[Json]) -> list[Answer]:
        """Stops at the first call without an answer; what follows comes back lost and not sent."""
        return self._run(route, "create", bodies)

    def _run(self, route: str, verb: Literal["create", "update"], bodies: Sequence[Json]) -> list[Answer]:
        answers: list[Answer] = []
        failures = 0
        while len(answers) < len(bodies):
            part = list(bodies[len(answers) : len(answers) + self.size])
            try:
                got = self.client.post(f"{route}/batch", {verb: part}, items=len(part))
                answers += self._answers(got, verb, len(part))
            except TooLarge as error:
                if len(part) == 1:
                    answers.append(Answer(lost=error, sent=False))
                    continue
                self.size = len(part) // 2
                continue
            except Rejected as error:  # a parent that is gone, for example
                answers += [Answer(lost=error, sent=False) for _ in part]
                continue
            except ConnectorError as error:
                if isinstance(error, UnknownOutcome | Transient) and error.code not in AWAY:
                    failures += 1
                    self.size = max(1, len(part) // 2)
                    if verb == "update" and len(part) > 1 and failures < MOST_FAILURES:
                        continue
                if not answers and (verb == "update" or not isinstance(error, UnknownOutcome)):
                    raise  # nothing to report beside it
                answers += [Answer(lost=error, sent=isinstance(error, UnknownOutcome)) for _ in part]
                answers += [Answer(lost=error, sent=False) for _ in range(len(bodies) - len(answers))]
                return answers
            failures = 0
            if len(part) == self.size:
                self.size = min(BATCH_MOST, self.size + max(1, self.size // 2))
        return answers

    @staticmethod
    def _answers(got: Any, verb: str, count: int) -> list[Answer]:
        values = got.get(verb) if isinstance(got, dict) else None
        if not isinstance(values, list) or len(values) != count:
            known = len(values) if isinstance(values, list) else 0
            raise UnknownOutcome(f"The shop answered for {known} of {count} items of a batch.", code="BROKEN_ANSWER")
        return [Answer(body=value, error=item_error(value)) for value in values]
