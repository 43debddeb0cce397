"""The real stack for benchmarks: PostgreSQL with fsync on, gunicorn with its default processes, a fresh database."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg2

from integrator.store import engine as store_engine
from integrator.store import migrate
from integrator.store.embedded import Embedded
from tests.contract.soap import NS, credentials, envelope
from tests.support.service import Service, StoreLogin


class Stack:
    """`post` times one call from the first byte sent to the last received."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.http = httpx.Client(timeout=600)

    def post(self, path: str, content: bytes, url: str = "") -> float:
        started = time.perf_counter()
        answer = self.http.post((url or self.service.url) + path, content=content, headers={"Content-Type": "text/xml"})
        spent = time.perf_counter() - started
        if answer.status_code != 200 or b"<faultcode" in answer.content:
            raise AssertionError(answer.text[:1000])
        self.answer = answer.content
        return spent

    def expect(self, what: bytes) -> None:
        """The last answer says this; a benchmark that measured an error would be a lie."""
        if what not in self.answer:
            raise AssertionError(f"{what!r} is not in the answer: {self.answer[:600]!r}")

    def vacuum(self, *tables: str) -> None:
        connection = psycopg2.connect(store_engine.libpq_url(self.service.database))
        connection.autocommit = True
        connection.cursor().execute(f"VACUUM ANALYZE {', '.join(tables)}")
        connection.close()


def call(store: StoreLogin, operation: str, body: str = "") -> bytes:
    return envelope(f'<{operation} xmlns="{NS}">{body}</{operation}>', credentials(store))


@contextmanager
def stack(**settings: object) -> Iterator[Stack]:
    folder = Path(tempfile.mkdtemp(prefix="integrator-bench-"))
    folder.chmod(0o755)
    server = Embedded(folder).start()
    service = None
    try:
        url = server.create("bench")
        migrate.upgrade(url)
        store_engine.configure(url)
        chosen: dict[str, object] = {"web_processes": os.cpu_count() or 2, "log_level": "WARNING", **settings}
        service = Service(url, folder, **chosen).start()
        yield Stack(service)
    finally:
        if service is not None:
            service.stop()
        store_engine.forget()
        server.remove()
