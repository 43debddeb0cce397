"""The reading of a body, without a server: limits, wrong lengths, gzip in every state, clients that stop or trickle."""

from __future__ import annotations

import gzip
import io
import socket
import threading
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrator.codes import Code
from integrator.contract import bodies
from integrator.contract.bodies import accepts_gzip, packed, read_body
from integrator.contract.faults import CallFailed


def environ(data: bytes, **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(data), "CONTENT_LENGTH": str(len(data)), **more}


GZIP = {"HTTP_CONTENT_ENCODING": "gzip"}


@given(st.binary(max_size=5000), st.booleans())
def test_what_is_sent_is_what_is_read(data: bytes, zipped: bool) -> None:
    sent = gzip.compress(data) if zipped else data
    assert read_body(environ(sent, **(GZIP if zipped else {})), 5000) == data


@given(st.binary(min_size=1, max_size=3000), st.integers(min_value=1, max_value=3000))
def test_the_limit_is_exact(data: bytes, limit: int) -> None:
    for sent, more in ((data, {}), (gzip.compress(data), GZIP)):
        if len(data) <= limit and len(sent) <= limit:
            assert read_body(environ(sent, **more), limit) == data
        else:  # packed or not: neither what comes nor what it unpacks to may be over it
            with pytest.raises(CallFailed) as failed:
                read_body(environ(sent, **more), limit)
            assert failed.value.code is Code.LIMIT_EXCEEDED


@given(st.binary(min_size=10, max_size=500), st.data())
def test_gzip_cut_anywhere_is_refused(data: bytes, draw: st.DataObject) -> None:
    whole = gzip.compress(data)
    cut = draw.draw(st.integers(min_value=1, max_value=len(whole) - 1))
    with pytest.raises(CallFailed):
        read_body(environ(whole[:cut], **GZIP), 10_000)


def test_a_bomb_is_unpacked_in_small_pieces() -> None:
    bomb = gzip.compress(b" " * (64 << 20))
    source = bodies._Source(environ(bomb), len(bomb))
    pieces = bodies._unpacked(source, 1 << 30)
    assert max(len(next(pieces)) for _ in range(20)) <= 1 << 20


def test_members_one_after_another_are_one_body() -> None:
    assert read_body(environ(gzip.compress(b"a") + gzip.compress(b"b"), **GZIP), 100) == b"ab"


def test_a_body_that_is_shorter_than_announced() -> None:
    with pytest.raises(CallFailed, match="ended after 3 of the 10 bytes"):
        read_body({"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": "10"}, 100)


def test_never_more_than_announced_is_read() -> None:
    stream = io.BytesIO(b"abcdef")
    assert read_body({"wsgi.input": stream, "CONTENT_LENGTH": "3"}, 100) == b"abc"
    assert stream.read() == b"def"


def test_without_length_there_is_no_body() -> None:
    assert read_body({"wsgi.input": io.BytesIO(b"abc")}, 100) == b""
    assert read_body({"wsgi.input": io.BytesIO(b"abc"), "HTTP_TRANSFER_ENCODING": "chunked"}, 100) == b"abc"


@pytest.mark.parametrize("length", ["abc", "-1", "1.5", "٣", "+3"])
def test_lengths_that_are_none(length: str) -> None:
    with pytest.raises(CallFailed, match="Content-Length"):
        read_body({"wsgi.input": io.BytesIO(b"abc"), "CONTENT_LENGTH": length}, 100)


class Socket:
    """What gunicorn hands over as `gunicorn.socket`."""

    def __init__(self) -> None:
        self.timeouts: list[float | None] = []

    def gettimeout(self) -> float | None:
        return None

    def settimeout(self, value: float | None) -> None:
        self.timeouts.append(value)


class Stops:
    """A client that sends nothing more."""

    def read(self, _size: int) -> bytes:
        raise TimeoutError("timed out")


def test_a_client_that_stops_is_told_so_and_the_socket_is_as_before() -> None:
    fake = Socket()
    given = {"wsgi.input": Stops(), "CONTENT_LENGTH": "10", "gunicorn.socket": fake}
    with pytest.raises(CallFailed, match="nothing came for 30 seconds"):
        read_body(given, 100)
    assert fake.timeouts == [bodies.IDLE_SECONDS, None]


def test_a_client_that_trickles_does_not_hold_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's read waits for the whole piece; the watch ends it."""
    monkeypatch.setattr(bodies, "PIECE_SECONDS", 1)
    client, server = socket.socketpair()
    stop = threading.Event()

    def trickle() -> None:
        for _ in range(600):  # it would take hours for all that was announced
            if stop.wait(0.1):
                return
            client.send(b"x")
        client.shutdown(socket.SHUT_WR)

    sender = threading.Thread(target=trickle)
    sender.start()
    try:
        with pytest.raises(CallFailed, match="slower than"):
            read_body(
                {"wsgi.input": server.makefile("rb"), "CONTENT_LENGTH": "60000", "gunicorn.socket": server}, 100_000
            )
    finally:
        stop.set()
        sender.join()
    server.send(b"the answer can still be sent")
    assert client.recv(100) == b"the answer can still be sent"
    client.close()
    server.close()


def test_the_watch_forgets_what_is_done_and_works_again() -> None:
    watch = bodies.Watch()
    one, other = socket.socketpair()
    watch.expect(1, one, 0.0)
    time.sleep(1.5)
    assert watch.done(1) is False
    assert watch.done(1) is True
    watch.expect(2, other, 60)
    assert watch.done(2) is True
    assert watch.readings == {}
    one.close()
    other.close()


def test_the_rest_of_a_body_over_the_limit_is_taken_in() -> None:
    stream = io.BytesIO(b"x" * 350)
    with pytest.raises(CallFailed):
        read_body({"wsgi.input": stream, "CONTENT_LENGTH": "350"}, 100)
    assert stream.read() == b"", "a client that is still sending would not read the answer"


def test_draining_has_an_end() -> None:
    stream = io.BytesIO(b"x" * 1_000_000)
    with pytest.raises(CallFailed):
        read_body({"wsgi.input": stream, "CONTENT_LENGTH": "1000000"}, 100)
    assert len(stream.read()) > 900_000


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        ("gzip", True), ("GZIP, deflate", True), ("deflate, gzip;q=0.5", True), ("*", True), ("", False),
        ("deflate", False), ("gzip;q=0", False), ("gzip; q=0.0", False), ("identity", False),
    ],
)  # fmt: skip
def test_accept_encoding(header: str, wanted: bool) -> None:
    assert accepts_gzip({"HTTP_ACCEPT_ENCODING": header}) is wanted


def test_packing() -> None:
    body, headers = packed(b"a" * 5000, {"HTTP_ACCEPT_ENCODING": "gzip"})
    assert dict(headers) == {"Vary": "Accept-Encoding", "Content-Encoding": "gzip", "Content-Length": str(len(body))}
    assert gzip.decompress(body) == b"a" * 5000
    small, headers = packed(b"a", {"HTTP_ACCEPT_ENCODING": "gzip"})
    assert (small, dict(headers)["Content-Length"]) == (b"a", "1")
