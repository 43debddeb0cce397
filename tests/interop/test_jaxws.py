"""JAX-WS (Java): wsimport; the generated port speaks SOAP 1.1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, class_path, need, run
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def environment(running_service: Service, workshop: Path) -> dict[str, str]:
    """The class path of the compiled program."""
    need("java", "javac")
    tools = class_path("jaxws-tools")
    for service, package in (("ProductTasks", "products"), ("OrderTasks", "orders")):
        wsimport = ["java", "-cp", tools, "com.sun.tools.ws.WsImport", "-quiet", "-Xnocompile", "-XadditionalHeaders"]
        url = f"{running_service.url}/{service}?wsdl"
        run(*wsimport, "-s", ".", "-d", ".", "-p", package, url, cwd=workshop)
    path = {"CLASSPATH": class_path("jaxws-rt")}
    sources = [CLIENTS / "java-jaxws" / "Pos.java", *workshop.glob("*/*.java")]
    run("javac", "-nowarn", "-encoding", "UTF-8", "-d", ".", *sources, cwd=workshop, env=path)
    return path


def test_a_day_with_jaxws(environment: dict[str, str], workshop: Path, play: Callable[..., None]) -> None:
    play(lambda *arguments: run("java", "Pos", *arguments, cwd=workshop, env=environment))
