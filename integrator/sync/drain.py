"""Everything that is due on a channel, in this process and to its end: for tests and for
`integrator sync CHANNEL --wait`."""

from __future__ import annotations

from dataclasses import dataclass, field

from integrator.sync import lanes, pull, ship
from integrator.sync.session import channel_lock

ORDER = ("stock", "price", "content", "stock", "price")  # stock first; again for what content has just created


@dataclass(slots=True)
class DrainReport:
    """Sums over all batches. `state`: done (nothing is due any more), busy, paused, limit."""

    state: str = "done"
    batches: int = 0
    accepted: dict[str, int] = field(default_factory=dict)
    unchanged: dict[str, int] = field(default_factory=dict)
    rejected: dict[str, int] = field(default_factory=dict)
    retried: dict[str, int] = field(default_factory=dict)
    orders: int = 0
    transactions: int = 0
    captures: int = 0
    shipments: int = 0
    message: str = ""

    def _add(self, report: lanes.PushReport) -> None:
        self.batches += 1
        for name in ("accepted", "unchanged", "rejected", "retried"):
            sums: dict[str, int] = getattr(self, name)
            sums[report.lane] = sums.get(report.lane, 0) + getattr(report, name)


def drain(
    account_id: int, channel_id: int, limit: int = 10_000, *, only: str | None = None, wait: float = 30.0
) -> DrainReport:
    """Pull, ship, then all lanes (or `only` one) until nothing is due now, at most `limit` batches.

    What waits for a pause or a back-off is not waited for: the report says "paused" with the reason.
    """
    report = DrainReport()
    with channel_lock(channel_id, wait) as held:
        if not held:
            report.state = "busy"
            return report
        if only in (None, "pull"):
            _pull(account_id, channel_id, report)
        if only in (None, "ship") and report.state == "done":
            _ship(account_id, channel_id, report)
        for lane in ORDER if only is None else (only,) if only in lanes.LANES else ():
            while report.state == "done":
                if report.batches >= limit:
                    report.state = "limit"
                    break
                done = lanes.push_batch(account_id, channel_id, lane)
                if done.state == "idle":
                    break
                report._add(done)
                if done.state in ("paused", "failed"):
                    report.state, report.message = "paused", done.message
                elif not done.more:
                    break
    return report


def _pull(account_id: int, channel_id: int, report: DrainReport) -> None:
    more = True
    while more:
        done = pull.pull_locked(account_id, channel_id)
        report.orders += done.new + done.changed
        report.transactions += done.transactions
        report.captures += done.captures
        more = done.more
        if done.state in ("paused", "failed"):
            report.state, report.message = "paused", done.message
            return
        report.message = done.message


def _ship(account_id: int, channel_id: int, report: DrainReport) -> None:
    more = True
    while more:
        done = ship.ship_locked(account_id, channel_id)
        report.shipments += done.sent
        more = done.more
        if done.state in ("paused", "failed"):
            report.state, report.message = "paused", done.message
            return
