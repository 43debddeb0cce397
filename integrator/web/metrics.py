"""What /metrics says, in Prometheus's text form.

Requests are counted by the processes that answer them (with several processes through the files of
PROMETHEUS_MULTIPROC_DIR, which `integrator web` sets); what is waiting is counted in the database when it is
asked for, at most every ten seconds, and is the same whichever machine is asked.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import text

from integrator.accounts import overview
from integrator.store.engine import DatabaseUnavailable, begin

logger = logging.getLogger(__name__)

KEPT_SECONDS = 10.0
BUCKETS = (0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

registry = CollectorRegistry()
REQUESTS = Counter(
    "integrator_requests",
    "Answered requests, by part of the service and HTTP status",
    ["part", "status"],
    registry=registry,
)
SECONDS = Histogram(
    "integrator_request_seconds",
    "Time from a request to the end of its answer",
    ["part"],
    buckets=BUCKETS,
    registry=registry,
)
CALLS = Counter(
    "integrator_calls",
    "SOAP calls, by operation and outcome (ok, partial, fault)",
    ["operation", "outcome"],
    registry=registry,
)


@dataclass
class Measured:
    """One request: counted when its answer was closed."""

    part: str
    environ: dict[str, Any]
    status: int = 500
    began: float = field(default_factory=time.monotonic)

    def answered(self, status: int) -> None:
        self.status = status

    def until_closed(self, body: Iterable[bytes]) -> Iterator[bytes]:
        try:
            yield from body
        finally:
            close = getattr(body, "close", None)
            if close is not None:
                close()
            self.count()

    def count(self) -> None:
        REQUESTS.labels(self.part, str(self.status)).inc()
        SECONDS.labels(self.part).observe(time.monotonic() - self.began)
        operation = self.environ.get("integrator.operation")
        if operation:
            CALLS.labels(operation, self.environ.get("integrator.outcome", "ok")).inc()


class Requests:
    """`contract` leaves `integrator.operation` and `integrator.outcome` in the environ."""

    def start(self, part: str, environ: dict[str, Any]) -> Measured:
        return Measured(part, environ)


class Waiting:
    """A collector over the database."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: list[GaugeMetricFamily] = []
        self._until = 0.0

    def collect(self) -> list[GaugeMetricFamily]:
        with self._lock:
            if time.monotonic() >= self._until:
                self._kept = _figures()
                self._until = time.monotonic() + KEPT_SECONDS
            return self._kept


def _figures() -> list[GaugeMetricFamily]:
    up = GaugeMetricFamily("integrator_database_up", "Whether the database answers")
    try:
        with begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = '5s'"))
            lanes, open_issues = overview.lanes(connection), overview.issues(connection)
            waiting, shipments = overview.deliveries(connection), overview.shipments_waiting(connection)
            workers = overview.workers(connection)
    except DatabaseUnavailable as error:
        logger.warning("no figures for /metrics: %s", error)
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    now = time.time()
    pending = GaugeMetricFamily(
        "integrator_lane_pending", "Listings that a lane has to push", labels=["channel", "lane"]
    )
    failed = GaugeMetricFamily("integrator_lane_failed", "Listings that a shop refused", labels=["channel", "lane"])
    oldest = GaugeMetricFamily(
        "integrator_lane_oldest_seconds", "How long the longest waiting one waits", labels=["channel", "lane"]
    )
    for lane in lanes:
        labels = [str(lane.channel_id), lane.lane]
        pending.add_metric(labels, lane.pending)
        failed.add_metric(labels, lane.failed)
        oldest.add_metric(labels, max(0.0, now - lane.oldest.timestamp()) if lane.oldest else 0)
    deliveries = GaugeMetricFamily(
        "integrator_deliveries_waiting", "Records that the POS has not confirmed", labels=["store", "kind"]
    )
    for one in waiting:
        deliveries.add_metric([str(one.store_id), one.kind], one.waiting)
    ships = GaugeMetricFamily("integrator_shipments_waiting", "Shipments not told to the shop", labels=["channel"])
    for channel, count in shipments.items():
        ships.add_metric([str(channel)], count)
    issues = GaugeMetricFamily("integrator_issues_open", "Open issues", labels=["store", "channel"])
    for issue in open_issues:
        issues.add_metric([str(issue.store_id), str(issue.channel_id)], issue.open)
    alive = GaugeMetricFamily("integrator_workers_alive", "Workers with a fresh heartbeat", workers.alive)
    jobs = GaugeMetricFamily("integrator_jobs", "Jobs of the workers", labels=["state"])
    jobs.add_metric(["waiting"], workers.jobs_waiting)
    jobs.add_metric(["running"], workers.jobs_running)
    return [up, pending, failed, oldest, deliveries, ships, issues, alive, jobs]


_waiting = Waiting()


def render() -> bytes:
    """The whole page, of all processes of this machine."""
    counted = registry
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        counted = CollectorRegistry()
        multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
    figures = CollectorRegistry()
    figures.register(_waiting)
    return generate_latest(counted) + generate_latest(figures)
