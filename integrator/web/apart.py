"""Large messages in a process of their own, so that they do not slow the small ones.

Threads of one process share one interpreter lock: a call of 10,000 items that is read, checked and written holds it for
hundreds of milliseconds, and a call of one item beside it waits for it at each of its statements. So every web
process has one companion, forked with it, that does nothing but large messages, one at a time; a thread of the web
process waits for it without holding the lock. Some may wait, in threads that are there for it; more than that are
told to come again, so that small calls always find a thread.

The companion ends when its web process does (its end of the pipe closes), after the message it is at. It ignores the
signals by which the service is stopped: what it was given is finished, as in any thread of the web process.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, Pipe
from typing import Any, Protocol

logger = logging.getLogger(__name__)

LARGE_BYTES = 128 * 1024  # about a thousand stocks, or a hundred products
STOPPING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
PLACES = 8  # messages that wait for a companion, with the one it is at
# Below the small ones, also for the processor. Not lower: its transaction holds row locks that others may want.
NICENESS = 5


class CompanionGone(Exception):
    """The companion ended in the middle of a message; whether it was applied is not known."""


class Closable(Protocol):
    def close(self) -> Any: ...


class Companion:
    """The web process's side. `ask` may be called by many threads; each waits for its turn."""

    def __init__(self, pipe: Connection, process: int) -> None:
        self.pipe = pipe
        self.process = process
        self.places = threading.BoundedSemaphore(PLACES)
        self.turn = threading.Lock()
        self.gone = False

    def ask(self, request: Any) -> Any:
        """What the companion makes of the request; None if too many wait. Raises CompanionGone, then and ever after."""
        if not self.places.acquire(blocking=False):
            return None
        try:
            return self._ask(request)
        finally:
            self.places.release()

    def _ask(self, request: Any) -> Any:
        with self.turn:
            if self.gone:
                raise CompanionGone
            try:
                self.pipe.send(request)
                return self.pipe.recv()
            except (EOFError, OSError) as error:
                self.gone = True
                raise CompanionGone from error


def accompany(make: Callable[[], Callable[[Any], Any]], inherited: Iterable[Closable]) -> Companion:
    """Forks the companion. Called before this process has threads or connections; `make` is called in the companion
    and makes what answers a request. `inherited`: sockets that only the web process may hold open."""
    ours, theirs = Pipe()
    process = os.fork()
    if process:
        theirs.close()
        return Companion(ours, process)
    try:
        for one in inherited:
            one.close()
        ours.close()
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.nice(NICENESS)
        _serve(theirs, make())
    except BaseException:
        logger.exception("the process for large messages ended")
        os._exit(1)
    os._exit(0)


def _serve(pipe: Connection, answer: Callable[[Any], Any]) -> None:
    while True:
        try:
            request = pipe.recv()
        except EOFError:  # the web process ended
            return
        reply = answer(request)
        request = None  # it may be tens of megabytes
        try:
            pipe.send(reply)
        except OSError:
            return
        reply = None
