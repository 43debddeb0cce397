"""The worker role: three lines of jobs in one process, and beside them the regular duties and the ends of pauses.

    run(threads=8, stop=event)

Killing it at any point loses nothing: see `sync.queue`. When the database goes away it waits and starts again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import procrastinate
from procrastinate import jobs as procrastinate_jobs
from procrastinate.exceptions import ConnectorException
from procrastinate.job_context import JobContext
from procrastinate.jobs import Notification
from procrastinate.worker import Worker
from psycopg.errors import ForeignKeyViolation, RaiseException

from integrator.settings import settings
from integrator.store import engine as store_engine
from integrator.sync import duties, pauses, queue
from integrator.sync.app import connected

logger = logging.getLogger(__name__)

LOOK_EVERY = 1.0  # seconds; for a job whose notification was lost
GRACE = 25.0  # seconds that running jobs get to end when the worker is stopped
START_AGAIN_AFTER = 1.0
NOTE_AGAIN_AFTER = 1.0

SIGN_OF_LIFE = (
    "INSERT INTO procrastinate_workers (id, last_heartbeat) OVERRIDING SYSTEM VALUE VALUES (%(worker_id)s, now())"
    " ON CONFLICT (id) DO UPDATE SET last_heartbeat = now()"
)


class Line(Worker):
    """A procrastinate worker that misses nothing that happens while it is looking for a job, and that outlives being
    taken for dead.

    Jobs of one channel wait for each other. By itself a worker looks again when a job was put in, not when one has
    ended, and it forgets what it was told while a look was under way; the next batch of a channel would then wait for
    the next regular look.

    When it stood still for long (a paused machine), others have removed its registration. By itself it would be seen
    as dead from then on, and end with the next job that it takes, once all jobs that are running have ended.
    """

    _news = 0

    def _told(self) -> None:
        self._news += 1
        self._new_job_event.set()

    async def _process_job(self, context: JobContext) -> None:
        try:
            await super()._process_job(context)
        except ConnectorException as error:
            await self._note_end(context.job, error)
        finally:
            self._told()

    async def _note_end(self, job: procrastinate_jobs.Job, error: ConnectorException) -> None:
        """The job is over, which could not be noted. As long as its row says that it runs, its channel waits for it;
        it is taken back only when this line is stopped or dead."""
        assert job.id is not None
        while not self._stop_event.is_set():
            if isinstance(error.__cause__, RaiseException):  # there is no such job: it was taken back
                return
            logger.warning("The end of job %d cannot be noted (%s); once more.", job.id, error.__cause__ or error)
            await asyncio.sleep(NOTE_AGAIN_AFTER)
            try:
                await self.app.job_manager.finish_job(job, procrastinate_jobs.Status.FAILED, delete_job=True)
            except ConnectorException as again:
                error = again
            else:
                return

    async def _handle_notification(self, *, channel: str, notification: Notification) -> None:
        await super()._handle_notification(channel=channel, notification=notification)
        self._told()

    async def _fetch_and_process_jobs(self) -> None:
        while True:
            known = self._news
            try:
                await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]
            except ConnectorException as error:
                if not isinstance(error.__cause__, ForeignKeyViolation):
                    raise
                logger.warning("The line %s was taken for dead; it registers again.", self.worker_name)
                await self._sign_of_life()
                continue
            if self._news == known or self._stop_event.is_set():
                return

    async def _update_heartbeat(self) -> None:
        while True:
            await asyncio.sleep(self.update_heartbeat_interval)
            await self._sign_of_life()

    async def _sign_of_life(self) -> None:
        await self.app.connector.execute_query_async(SIGN_OF_LIFE, worker_id=self.worker_id)


def _lines(app: procrastinate.App, threads: int) -> list[Line]:
    def line(name: str, places: int) -> Line:
        return Line(
            app=app,
            queues=[name],
            name=name,
            concurrency=places,
            fetch_job_polling_interval=LOOK_EVERY,
            shutdown_graceful_timeout=GRACE,
            delete_jobs=procrastinate_jobs.DeleteJobCondition.ALWAYS,
            install_signal_handlers=False,
            update_heartbeat_interval=settings().worker_dead_after / 4,
            stalled_worker_timeout=settings().worker_dead_after,
        )

    return [line(queue.QUEUE, threads), line(queue.RECOVERING, max(1, threads // 4)), line(queue.BACKGROUND, 1)]


async def _work(threads: int, stop: threading.Event) -> None:
    """Until `stop`, or until the database is lost."""
    loop = asyncio.get_running_loop()
    places = threads + max(1, threads // 4) + 1
    with ThreadPoolExecutor(max_workers=places, thread_name_prefix="job") as pool:
        loop.set_default_executor(pool)
        async with connected().open_async() as app:
            lines = _lines(app, threads)
            running = [
                asyncio.create_task(one.run(), name=one.worker_name)  # type: ignore[no-untyped-call]
                for one in lines
            ]
            waiting = asyncio.create_task(_until(stop))
            try:
                await asyncio.wait([*running, waiting], return_when=asyncio.FIRST_COMPLETED)
            finally:
                waiting.cancel()
                for one in lines:
                    one.stop()  # type: ignore[no-untyped-call]
                ends = await asyncio.gather(*running, return_exceptions=True)
            for end in ends:
                if isinstance(end, BaseException):
                    raise end


async def _until(stop: threading.Event) -> None:
    while not stop.is_set():
        await asyncio.sleep(0.1)


def run(threads: int | None = None, stop: threading.Event | None = None) -> None:
    """Work until `stop` is set or the process is asked to end (SIGTERM, SIGINT). The store must be configured."""
    threads = threads or settings().worker_threads
    stop = stop or threading.Event()
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
    # a job holds a connection for its lock and takes another for each transaction
    places = threads + max(1, threads // 4) + 1
    url = store_engine.engine().url.render_as_string(hide_password=False)
    store_engine.configure(url, pool_size=2 * places + 3, max_overflow=4, pool_timeout=10)
    keepers = [
        threading.Thread(target=keep, args=(stop,), name=name, daemon=True)
        for name, keep in (("duties", duties.keep), ("pauses", pauses.keep))
    ]
    for keeper in keepers:
        keeper.start()
    logger.info("The worker starts with %d threads.", threads)
    while not stop.is_set():
        try:
            asyncio.run(_work(threads, stop))
        except Exception as error:
            logger.warning("The worker lost its database (%s); it starts again.", error)
        if not stop.is_set():
            time.sleep(START_AGAIN_AFTER)
    for keeper in keepers:
        with contextlib.suppress(RuntimeError):
            keeper.join(timeout=5)
    logger.info("The worker has stopped.")
