"""Many operations in one call, through the shop's asynchronous bulk API, and whether its consumers work at all.

Operations wait in a queue until the consumer `async.operations.all` takes them. Where nobody consumes, they would be
carried out some day, over newer values. So before anything is sent this way, an operation that changes nothing must
have come through; the answer holds for a while in this process.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from integrator.connectors.base import ConnectorError, NeedsCredentials, Rejected, Throttled
from integrator.connectors.magento.client import BUSY, Client
from integrator.connectors.magento.settings import MagentoSettings

Json = dict[str, Any]

SCOPE = "rest/all/async/bulk"
COMPLETE, RETRIABLE, FAILED, OPEN, REJECTED = 1, 2, 3, 4, 5
ALIVE_SECONDS, DEAD_SECONDS = 10 * 60, 30 * 60
FIRST_WAIT, LONGEST_WAIT = 0.05, 2.0

HEALTH: dict[str, tuple[float, bool]] = {}  # shop -> (until, alive)


@dataclass(frozen=True, slots=True)
class Operation:
    """What became of one body: done, refused with a message, to be tried again, or still open."""

    status: int
    message: str = ""

    @property
    def done(self) -> bool:
        return self.status == COMPLETE

    @property
    def retry(self) -> bool:
        return self.status == RETRIABLE or bool(BUSY.search(self.message))


class Bulk:
    def __init__(self, client: Client, settings: MagentoSettings) -> None:
        self.client = client
        self.settings = settings

    def worth(self, count: int) -> bool:
        """Whether so many bodies should go in one call."""
        if self.settings.async_bulk == "off" or count < self.settings.async_from:
            return False
        return self.settings.async_bulk == "on" or self.alive()

    def alive(self) -> bool:
        until, known = HEALTH.get(self.client.base, (0.0, False))
        if time.monotonic() < until:
            return known
        try:
            (probe,) = self.send("V1/products/base-prices", [{"prices": []}])
            alive = probe.status != OPEN
        except (Throttled, NeedsCredentials):
            raise
        except ConnectorError:
            alive = False
        self._remember(alive)
        return alive

    def _remember(self, alive: bool) -> None:
        HEALTH[self.client.base] = (time.monotonic() + (ALIVE_SECONDS if alive else DEAD_SECONDS), alive)

    def send(self, path: str, bodies: Sequence[Json]) -> list[Operation]:
        """Waits for the operations as long as the channel's patience; those left open mark the consumers as dead."""
        response = self.client.send("POST", path, body=list(bodies), items=len(bodies), scope=SCOPE)
        answer = response.json()
        uuid = str(answer.get("bulk_uuid") or "")
        taken = {int(one["id"]): str(one.get("status")) for one in answer.get("request_items") or []}
        if not uuid:
            raise Rejected("The shop accepted operations and gave no number of them.", code="BROKEN_ANSWER")
        found = self._wait(uuid, len(bodies))
        result: list[Operation] = []
        for place in range(len(bodies)):
            if taken.get(place) == "rejected":
                result.append(Operation(REJECTED, "The shop put it into no queue."))
            else:
                result.append(found.get(place, Operation(OPEN)))
        if any(one.status == OPEN for one in result):
            self._remember(False)
        return result

    def _wait(self, uuid: str, count: int) -> dict[int, Operation]:
        deadline = time.monotonic() + self.settings.async_patience_seconds
        pause = FIRST_WAIT
        while True:
            answer = self.client.get(f"V1/bulk/{uuid}/status")
            found = {
                int(one.get("id") or 0): Operation(int(one.get("status") or OPEN), str(one.get("result_message") or ""))
                for one in answer.get("operations_list") or []
            }
            settled = [one for one in found.values() if one.status != OPEN]
            if len(settled) >= count or time.monotonic() + pause > deadline:
                return found
            time.sleep(pause)
            pause = min(LONGEST_WAIT, pause * 2)
