"""Row 8: what one account's burst does to another account's calls.

Both clients are processes of their own that send requests which were written before. Beside it, in turns, the same
calls next to a stand-in of the burst that has nothing to do with the service: two processes that keep one core busy in
turns, as a web process and its PostgreSQL do. What that costs is the machine's, not ours.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.client import answer
from tests.benchmarks.figures import Figure, milliseconds
from tests.benchmarks.intake import MANY, add_channel, changes, products
from tests.benchmarks.stack import call, stack

BURST = 50_000 // MANY  # calls
TURNS, ALONE, PAUSE = 5, 80, 0.01
PROCESSES = multiprocessing.get_context("spawn")


def _client(port: int, requests: Sequence[bytes], pipe: Any, stop: Any) -> None:
    """Is told (number of calls or 0 for until stopped, pause), tells the seconds of each; None ends it."""
    turn = 0
    with socket.create_connection(("127.0.0.1", port), timeout=600) as connection:
        while (told := pipe.recv()) is not None:
            count, pause = told
            taken = []
            while len(taken) < count or (not count and not stop.is_set()):
                began = time.perf_counter()
                connection.sendall(requests[turn % len(requests)])
                if b"<Success>true</Success>" not in answer(connection):
                    raise AssertionError("a call failed")
                taken.append(time.perf_counter() - began)
                turn += 1
                time.sleep(pause)
            pipe.send(taken)


def _stand_in(seconds: float) -> None:
    """Burns 60 ms here, then 90 ms in another process, and so on."""
    until = time.monotonic() + seconds
    (ask_read, ask_write), (done_read, done_write) = os.pipe(), os.pipe()
    if os.fork() == 0:
        os.close(ask_write)
        while os.read(ask_read, 1):
            _burn(0.09)
            os.write(done_write, b"x")
        os._exit(0)
    while time.monotonic() < until:
        _burn(0.06)
        os.write(ask_write, b"x")
        os.read(done_read, 1)


def _burn(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass


class _Client:
    def __init__(self, port: int, requests: Sequence[bytes]) -> None:
        self.pipe, theirs = PROCESSES.Pipe()
        self.stop = PROCESSES.Event()
        self.process = PROCESSES.Process(target=_client, args=(port, requests, theirs, self.stop), daemon=True)
        self.process.start()
        theirs.close()

    def begin(self, count: int, pause: float = 0) -> None:
        self.stop.clear()
        self.pipe.send((count, pause))

    def end(self) -> list[float]:
        self.stop.set()
        taken: list[float] = self.pipe.recv()
        return taken


@contextmanager
def _clients(port: int, *requests: Sequence[bytes]) -> Iterator[list[_Client]]:
    made = [_Client(port, one) for one in requests]
    try:
        yield made
    finally:
        for one in made:
            one.pipe.send(None)
            one.process.join(30)


def _http(content: bytes) -> bytes:
    head = "POST /ProductTasks HTTP/1.1\r\nHost: bench\r\nContent-Type: text/xml\r\n"
    return f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content


def row8() -> Iterator[Figure]:
    """What one account's burst does to another account's calls."""
    with stack() as running:
        loud, quiet = running.service.store("LOUD"), running.service.store("QUIET")
        for store in (loud, quiet):
            add_channel(store)
            running.post("/ProductTasks", call(store, "UpdatePOSProducts", products(MANY, 0)))
        running.vacuum("products", "prices", "stocks", "listings", "lanes")
        small, large = (
            [
                _http(call(store, "UpdateInventory", changes("InventoryItem", "Quantity", count, turn)))
                for turn in range(20)
            ]
            for store, count in ((quiet, 1), (loud, MANY))
        )
        alone, beside, standing = list[float](), list[float](), list[float]()
        with _clients(running.service.port, small, large) as (caller, shouter):
            for client, count in ((caller, 30), (shouter, 1)):  # warm
                client.begin(count)
                client.end()
            for _ in range(TURNS):  # interleaved
                caller.begin(ALONE, PAUSE)
                alone += caller.end()
                shouter.begin(BURST)
                caller.begin(0, PAUSE)
                shouter.end()
                beside += caller.end()
                burner = PROCESSES.Process(target=_stand_in, args=(2.0,))
                burner.start()
                time.sleep(0.5)  # until it stands
                caller.begin(0, PAUSE)
                burner.join()
                standing += caller.end()
    mine, nobody, machine = _p95(beside), _p95(alone), _p95(standing)
    size = f"{BURST * MANY:,}-item burst ({len(beside)} calls)"
    what = f"p95 of one-item calls beside another account's {size}"
    yield Figure("8-burst", what, milliseconds(mine), f"alone {milliseconds(nobody)}", mine / nobody, "≤1.2")
    what = "the same, against a stand-in of the burst that does not use the service"
    yield Figure("8-machine", what, milliseconds(mine), f"beside it {milliseconds(machine)}", mine / machine, "≤1.2")


def _p95(taken: list[float]) -> float:
    return sorted(taken)[len(taken) * 95 // 100]
