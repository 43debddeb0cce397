"""What one job does: one batch of one kind of work on one channel, then it lines up again if more is due."""

from __future__ import annotations

import logging

from integrator.accounts.errors import NotFound
from integrator.sync import lanes, probe, pull, queue, reconcile, ship, upkeep
from integrator.sync.session import channel_lock

logger = logging.getLogger(__name__)


def work(account_id: int, channel_id: int, kind: str) -> str:
    """Do it; what came of it, in a word. A channel that is gone, or that another is at work on, is no error:
    the sweep looks again."""
    try:
        if kind == "reconcile":  # only reads the shop, for long: it must not keep others from writing
            return reconcile.reconcile(account_id, channel_id).state
        with channel_lock(channel_id) as held:
            if not held:
                return "busy"
            state, more = _locked(account_id, channel_id, kind)
    except NotFound:
        return "gone"
    if more:
        queue.defer_now(account_id, channel_id, [kind])
    return state


def _locked(account_id: int, channel_id: int, kind: str) -> tuple[str, bool]:
    if kind in lanes.LANES:
        pushed = lanes.push_batch(account_id, channel_id, kind)
        if pushed.accepted and kind == "content":  # what was created can take its price and stock now
            queue.defer_now(account_id, channel_id, ["stock", "price"])
        return pushed.state, pushed.more
    if kind == "pull":
        pulled = pull.pull_locked(account_id, channel_id)
        if pulled.new or pulled.changed:
            queue.defer_now(account_id, channel_id, ["stock"])
        return pulled.state, pulled.more
    if kind == "ship":
        shipped = ship.ship_locked(account_id, channel_id)
        return shipped.state, shipped.more
    if kind == "probe":
        return probe.probe(account_id, channel_id), False
    if kind == "webhooks":
        return upkeep.webhooks(account_id, channel_id), False
    logger.error("There is no work of kind %r.", kind)
    return "unknown", False
