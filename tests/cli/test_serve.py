"""`integrator serve` as a newcomer runs it: nothing but a folder."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from sqlalchemy import make_url

from tests.support.command import Command
from tests.support.service import free_port
from tests.support.waiting import PATIENCE, until

pytestmark = pytest.mark.slow


class Running:
    """A `serve` with an embedded database of its own, in `folder`."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.command = Command(folder, None)
        self.port = free_port()
        self.log = (folder / "serve.log").open("a+")
        self.process = subprocess.Popen(
            [self.command.python, "-m", "integrator", "serve", "--port", str(self.port), "--json"],
            cwd=folder,
            env={**self.command.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=self.log,
            text=True,
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.errors()
        self.ready: dict[str, Any] = json.loads(line)
        self.url = f"http://127.0.0.1:{self.port}"

    def errors(self) -> str:
        self.log.seek(0)
        return self.log.read()

    def roles(self) -> dict[str, psutil.Process]:
        found = {}
        for child in psutil.Process(self.process.pid).children():
            with contextlib.suppress(psutil.NoSuchProcess):  # it ended just now
                words = child.cmdline()
                if words[1:3] == ["-m", "integrator"]:
                    found[words[3]] = child
        return found

    def is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/health/ready", timeout=PATIENCE).status_code == 200
        except httpx.HTTPError:  # nobody listens yet
            return False

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def gone(processes: list[psutil.Process]) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    return not [one for one in alive if one.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    started: list[Running] = []

    def start(**environment: str) -> Running:
        started.append(Running(tmp_path, **environment))
        return started[-1]

    yield start
    for one in started:
        if one.process.poll() is None:
            one.end()
        one.log.close()


def test_it_is_ready_with_one_line_serves_and_stops_cleanly(serve: Callable[..., Running]) -> None:
    running = serve()
    assert running.ready["url"] == running.url
    assert running.ready["database"] == "embedded"
    assert httpx.get(f"{running.url}/health/ready").json()["status"] == "ready"
    assert "definitions" in httpx.get(running.ready["wsdl"]["ProductTasks"]).text
    assert set(running.roles()) == {"web", "worker"}
    assert running.command("health", "--url", running.url, "--json").data["status"] == "ready"
    until(lambda: running.command("status", "--json").data["workers"]["alive"])
    family = psutil.Process(running.process.pid).children(recursive=True)
    assert running.end() == 0
    assert gone(family)
    assert running.command("health", "--url", running.url, code=4).out == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_set_up_is_there_after_a_restart(serve: Callable[..., Running], number: int) -> None:
    first = serve()
    first.command("account", "add", "Bergmann Shoes")  # while it runs
    assert first.end(number) == 0
    first.command("account", "add", "Second")  # while it does not
    second = serve()
    assert [one["name"] for one in second.command("account", "list", "--json").data] == ["Bergmann Shoes", "Second"]


def test_a_role_that_dies_is_started_again_and_said_so(serve: Callable[..., Running]) -> None:
    running = serve()
    for name in ("worker", "web"):
        before = running.roles()[name]
        before.kill()
        until(lambda name=name, before=before: running.roles().get(name, before).pid != before.pid)
        assert f"The {name} ended by itself" in running.errors()
    until(running.is_ready)
    assert running.end() == 0


def test_a_database_of_its_own_that_dies_is_started_again_and_said_so(serve: Callable[..., Running]) -> None:
    running = serve()
    folder = make_url(running.roles()["web"].environ()["DATABASE_URL"]).query["host"]
    os.kill(int(Path(str(folder), ".s.PGSQL.5432.lock").read_text().split()[0]), signal.SIGINT)
    until(lambda: "The database ended by itself" in running.errors())
    until(running.is_ready)
    running.command("account", "add", "Bergmann Shoes")
    assert running.end() == 0


def test_nothing_is_left_when_it_is_killed_and_it_starts_again(serve: Callable[..., Running]) -> None:
    running = serve()
    running.command("account", "add", "Bergmann Shoes")
    family = [one for role in running.roles().values() for one in (role, *role.children(recursive=True))]
    running.end(signal.SIGKILL)
    assert gone(family)
    again = serve()
    assert len(again.command("account", "list", "--json").data) == 1


def test_a_port_in_use_is_said_before_anything_starts(serve: Callable[..., Running]) -> None:
    running = serve()
    ran = running.command("serve", "--port", str(running.port), code=2)
    assert f"INTEGRATOR_PORT={running.port}" in ran.err
    assert ran.out == ""


def test_with_database_url_no_database_is_started(tmp_path: Path, database: str) -> None:
    running = Running(tmp_path, DATABASE_URL=database)
    try:
        assert running.ready["database"] == "DATABASE_URL"
        assert not (tmp_path / "data" / "postgresql").exists()
    finally:
        assert running.end() == 0
        running.log.close()


def test_web_and_worker_refuse_a_schema_that_is_not_current(tmp_path: Path, server: Callable[[str], str]) -> None:
    import psycopg2

    name = f"empty_{os.getpid()}"
    connection = psycopg2.connect(server("postgres"))
    connection.autocommit = True
    connection.cursor().execute(f"CREATE DATABASE {name}")
    try:
        command = Command(tmp_path, server(name))
        for role in ("web", "worker", "status"):
            assert "integrator db upgrade" in command(role, code=1).err
        command("db", "check", code=1)
        assert command("db", "upgrade", "--json").data["upgraded"]
        assert not command("db", "upgrade", "--json").data["upgraded"]
        command("db", "check")
        connection.cursor().execute(f"ALTER DATABASE {name} RENAME TO {name}_x")
        assert "cannot be reached" in command("web", code=4).err
        name += "_x"
    finally:
        connection.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
        connection.close()
