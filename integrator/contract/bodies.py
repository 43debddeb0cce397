"""The body of a request: read whole, unpacked, within the limits of size and time; and the packing of answers.

Over a limit the rest of the upload is still taken in (within reason) and thrown away, because a client that is
still sending does not look for an answer.
"""

from __future__ import annotations

import gzip
import os
import socket as sockets
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from integrator.contract.faults import CallFailed, invalid, shown, too_much

PIECE = 64 * 1024
# A client may be slow, but while a thread waits for it, it serves nobody else: after this long without a byte, or
# this long for one piece (that is about 1 KB a second), the reading ends.
IDLE_SECONDS = 30
PIECE_SECONDS = 60
DRAIN_SECONDS = 60

Environ = dict[str, Any]


class Watch:
    """Ends readings that take too long, by closing the reading side of their sockets. One thread a process, which
    sleeps while nobody reads; needed because the server does not come back from a read before the piece is whole."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.readings: dict[int, tuple[float, Any]] = {}
        self.late: set[int] = set()
        self.process = 0

    def expect(self, key: int, socket: Any, seconds: float) -> None:
        """The reading `key` has to be done within `seconds` from now, unless it is expected again."""
        with self.changed:
            self.readings[key] = (time.monotonic() + seconds, socket)
            if self.process != os.getpid():  # also after a fork, which takes no threads along
                self.process = os.getpid()
                threading.Thread(target=self._run, name="slow clients", daemon=True).start()
            self.changed.notify()

    def done(self, key: int) -> bool:
        """Whether it was in time."""
        with self.changed:
            self.readings.pop(key, None)
            late = key in self.late
            self.late.discard(key)
        return not late

    def _run(self) -> None:
        while True:
            with self.changed:
                while not self.readings:
                    self.changed.wait()
                now = time.monotonic()
                over = [key for key, (deadline, _) in self.readings.items() if deadline <= now]
                for key in over:
                    self.late.add(key)
                    self._close(self.readings.pop(key)[1])
            time.sleep(1)

    @staticmethod
    def _close(socket: Any) -> None:
        with suppress(OSError):  # gone already, which ends the reading as well
            socket.shutdown(sockets.SHUT_RD)


_watch = Watch()


@contextmanager
def _patience(socket: Any) -> Iterator[None]:
    """Under gunicorn the socket is known: a client that sends nothing for a while ends the reading."""
    if socket is None:
        yield
        return
    before = socket.gettimeout()
    socket.settimeout(IDLE_SECONDS)
    try:
        yield
    finally:
        socket.settimeout(before)


def _announced(environ: Environ) -> int | None:
    """The Content-Length; None for a chunked body."""
    text = environ.get("CONTENT_LENGTH") or ""
    if environ.get("HTTP_TRANSFER_ENCODING", "").lower().endswith("chunked"):
        return None
    if not text:
        return 0
    if not text.isascii() or not text.isdigit():
        raise invalid(f"The Content-Length {shown(text)} is not a number.")
    return int(text)


class _Source:
    """The bytes as they come, not more than were announced."""

    def __init__(self, environ: Environ, announced: int | None) -> None:
        self.stream = environ["wsgi.input"]
        self.socket = environ.get("gunicorn.socket")
        self.announced = announced
        self.received = 0

    def read(self) -> bytes:
        wanted = PIECE if self.announced is None else min(PIECE, self.announced - self.received)
        if wanted <= 0:
            return b""
        piece = b""
        error = ""
        if self.socket is not None:
            _watch.expect(id(self), self.socket, PIECE_SECONDS)
        try:
            piece = self.stream.read(wanted)
        except TimeoutError:
            error = f"nothing came for {IDLE_SECONDS} seconds"
        except Exception as wrong:  # the server's own: broken chunks, a reset connection
            error = type(wrong).__name__
        if self.socket is not None and not _watch.done(id(self)):
            error = f"it came slower than {PIECE:,} bytes in {PIECE_SECONDS} seconds"
        if error:
            raise invalid(
                f"The body of the request could not be read: {error}.", hint="Send the whole body, and faster."
            )
        self.received += len(piece)
        if self.announced is not None and (len(piece) < wanted if self.socket is not None else not piece):
            raise invalid(
                f"The body ended after {self.received:,} of the {self.announced:,} bytes that were announced.",
                hint="Send the whole body with its right length.",
            )
        return piece

    def drain(self, most: int) -> None:
        """Takes the rest and forgets it."""
        until = time.monotonic() + DRAIN_SECONDS
        try:
            while self.received < most and time.monotonic() < until and self.read():
                pass
        except CallFailed:
            pass


def read_body(environ: Environ, limit: int) -> bytes:
    """The unpacked body, at most `limit` bytes. Raises CallFailed."""
    encodings = [one.strip() for one in environ.get("HTTP_CONTENT_ENCODING", "").lower().split(",") if one.strip()]
    encodings = [one for one in encodings if one != "identity"]
    packed = encodings in (["gzip"], ["x-gzip"])
    source = _Source(environ, _announced(environ))
    with _patience(source.socket):
        if encodings and not packed:
            source.drain(4 * limit)
            raise invalid(
                f"The Content-Encoding {shown(', '.join(encodings))} is not supported.",
                hint="Send the body as it is, or with gzip.",
                status="415 Unsupported Media Type",
            )
        if source.announced is not None and source.announced > limit:
            source.drain(4 * limit)
            raise _over(f"{source.announced:,} bytes", limit)
        pieces: list[bytes] = []
        size = 0
        for piece in _unpacked(source, limit) if packed else iter(source.read, b""):
            size += len(piece)
            if size > limit:
                pieces.clear()
                source.drain(4 * limit)
                raise _over(f"more than {limit:,} bytes", limit)
            pieces.append(piece)
    return b"".join(pieces)


def _over(size: str, limit: int) -> CallFailed:
    return too_much("Size of the message", size, f"{limit:,} bytes", "INTEGRATOR_MAX_BODY_BYTES")


def _unpacked(source: _Source, limit: int) -> Iterator[bytes]:
    """Of gzip data, in pieces that are never much larger than what was asked for: a bomb stops at the limit."""
    unpacker = zlib.decompressobj(31)
    started = False
    try:
        while True:
            data = unpacker.unconsumed_tail or unpacker.unused_data or source.read()
            if unpacker.eof:
                if not data:
                    return
                unpacker = zlib.decompressobj(31)  # a further member
            elif not data:
                if not started:
                    return
                raise invalid("The gzip data ends in the middle.", hint="Send the whole body.")
            started = True
            yield unpacker.decompress(data, 1 << 20)
    except zlib.error as error:
        source.drain(limit)
        raise invalid(f"The gzip data is damaged: {error}.", hint="Pack the body again, or send it as it is.") from None


def accepts_gzip(environ: Environ) -> bool:
    for one in environ.get("HTTP_ACCEPT_ENCODING", "").lower().split(","):
        name, _, parameters = one.partition(";")
        if name.strip() in ("gzip", "x-gzip", "*"):
            quality = parameters.replace(" ", "")
            return quality not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def packed(body: bytes, environ: Environ) -> tuple[bytes, list[tuple[str, str]]]:
    """The body as it is sent, with the headers that say how."""
    headers = [("Vary", "Accept-Encoding")]
    if len(body) >= 1024 and accepts_gzip(environ):
        body = gzip.compress(body, 5, mtime=0)
        headers.append(("Content-Encoding", "gzip"))
    return body, [*headers, ("Content-Length", str(len(body)))]
