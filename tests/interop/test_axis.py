"""Axis 1.4 (Java): WSDL2Java; the generated stub speaks SOAP 1.1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, class_path, need, run
from tests.support.service import Service

pytestmark = pytest.mark.interop

JARS = (
    "axis", "axis-jaxrpc", "axis-saaj", "wsdl4j", "commons-logging", "commons-discovery", "javax.activation",
    "javax.mail",
)  # fmt: skip


@pytest.fixture(scope="module")
def environment(running_service: Service, workshop: Path) -> dict[str, str]:
    """The class path of the compiled program."""
    need("java", "javac")
    path = {"CLASSPATH": class_path(*JARS)}
    for service, package in (("ProductTasks", "products"), ("OrderTasks", "orders")):
        url = f"{running_service.url}/{service}?wsdl"
        run("java", "org.apache.axis.wsdl.WSDL2Java", "-o", ".", "-p", package, url, cwd=workshop, env=path)
    source = CLIENTS / "java-axis" / "Pos.java"
    run("javac", "-nowarn", "-encoding", "UTF-8", "-d", ".", "-sourcepath", ".", source, cwd=workshop, env=path)
    return path


def test_a_day_with_axis(environment: dict[str, str], workshop: Path, play: Callable[..., None]) -> None:
    # Axis 1.4 writes characters beyond U+FFFF as two references, which is not XML: its program has no emoji.
    name = "Chemise d'été – Größe S"
    play(lambda *arguments: run("java", "Pos", *arguments, cwd=workshop, env=environment), name=name, nil=False)
