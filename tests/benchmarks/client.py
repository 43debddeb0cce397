"""A client that costs next to nothing: a socket, and requests that were written before. The machine's cores are shared
with the server, so what the client spends is missing there."""

from __future__ import annotations

import socket
import time
from urllib.parse import urlsplit

from tests.contract.soap import NS, credentials, envelope
from tests.support.service import StoreLogin


def hammer(url: str, store: StoreLogin, number: int, seconds: float) -> int:
    """One item a call until the time is over; how many calls were answered with success."""
    address = urlsplit(url)
    requests = []
    for turn in range(50):
        item = f"I{(number * 7 + turn) % 1000:06}"
        body = (
            f'<UpdateInventory xmlns="{NS}"><Items><InventoryItem><ItemIntegrationId>{item}</ItemIntegrationId>'
            f"<Quantity>{turn + number}</Quantity></InventoryItem></Items></UpdateInventory>"
        )
        content = envelope(body, credentials(store))
        head = f"POST /ProductTasks HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Type: text/xml\r\n"
        head += f"Content-Length: {len(content)}\r\n\r\n"
        requests.append(head.encode() + content)
    done = 0
    until = time.monotonic() + seconds
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        while time.monotonic() < until:
            connection.sendall(requests[done % len(requests)])
            if b"<Success>true</Success>" not in answer(connection):
                raise AssertionError("a call failed")
            done += 1
    return done


def answer(connection: socket.socket) -> bytes:
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(65536)
    head, _, body = received.partition(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    while len(body) < length:
        body += connection.recv(65536)
    return body
