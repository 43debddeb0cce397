"""Procrastinate on our own database: the app, and its one task.

Its tables come with our first migration. Tasks are plain functions that run in threads and use `store.engine`;
procrastinate's own connections (psycopg 3) only move jobs.
"""

from __future__ import annotations

import procrastinate
from sqlalchemy import URL

from integrator.store.engine import engine, libpq_url
from integrator.sync import queue

app = procrastinate.App(connector=procrastinate.PsycopgConnector(open=False))


@app.task(name=queue.TASK, queue=queue.QUEUE)
def channel(account_id: int, channel_id: int, kind: str) -> str:
    """One batch of one kind of work on one channel."""
    from integrator.sync.jobs import work

    return work(account_id, channel_id, kind)


def connected() -> procrastinate.App:
    """The app on the database of `store.engine`; open it before use."""
    url: URL = engine().url
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(url.render_as_string(hide_password=False)),
        min_size=1,
        max_size=8,
        timeout=10.0,
        kwargs={"application_name": "integrator-jobs"},
    )
    return app.with_connector(connector)
