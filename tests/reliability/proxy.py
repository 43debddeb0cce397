"""A network between us and the shop that can be cut, in the ways that networks are."""

from __future__ import annotations

import socket
import struct
import threading
from typing import Literal

Mode = Literal["pass", "refuse", "silent", "reset", "html", "half"]

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>nginx</h1></body></html>"
ERROR_PAGE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: " + str(len(PAGE)).encode()
    + b"\r\nConnection: close\r\n\r\n" + PAGE
)  # fmt: skip


class Proxy:
    """pass; refuse: nobody listens; silent: accepted, never answered, ended after `silence` seconds; reset: ended by
    RST once the request is in; html: a page with status 200; half: half of the answer, then the end.

    `requests` counts connections that came."""

    def __init__(self, port: int, silence: float = 1.0) -> None:
        self.target = port
        self.silence = silence
        self.mode: Mode = "pass"
        self.requests = 0
        self._listener: socket.socket | None = None
        self._closing = threading.Event()
        self.port = self._listen(0)
        self.url = f"http://127.0.0.1:{self.port}"

    def _listen(self, port: int) -> int:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(50)
        self._listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()
        return int(listener.getsockname()[1])

    def become(self, mode: Mode) -> None:
        if mode == "refuse" and self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self.mode = mode
        if mode != "refuse" and self._listener is None:
            self._listen(self.port)

    def close(self) -> None:
        self._closing.set()
        self.become("refuse")

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            self.requests += 1
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        mode = self.mode
        with client:
            try:
                if mode == "silent":
                    self._closing.wait(self.silence)
                elif mode == "html":
                    client.recv(65_536)
                    client.sendall(ERROR_PAGE)
                elif mode == "reset":
                    client.recv(65_536)
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                else:
                    self._forward(client, half=mode == "half")
            except OSError:
                return

    def _forward(self, client: socket.socket, *, half: bool) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as shop:
            up = threading.Thread(target=_copy, args=(client, shop), daemon=True)
            up.start()
            if half:
                client.sendall(shop.recv(65_536)[:60])
                client.shutdown(socket.SHUT_RDWR)  # the thread that copies the other way holds the socket open
                return
            _copy(shop, client)


def _copy(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65_536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
