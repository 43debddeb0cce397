"""gSOAP (C++), SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, need, run
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module", params=["1.1", "1.2"])
def program(running_service: Service, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    need("wsdl2h", "soapcpp2", "g++", "/usr/share/gsoap/import")
    folder = tmp_path_factory.mktemp("gsoap")
    urls = [f"{running_service.url}/{service}?wsdl" for service in ("ProductTasks", "OrderTasks")]
    run("wsdl2h", "-o", "pos.h", *urls, cwd=folder)
    version = "-1" if request.param == "1.1" else "-2"
    run("soapcpp2", version, "-C", "-j", "-x", "-I/usr/share/gsoap/import", "pos.h", cwd=folder)
    sources = [CLIENTS / "cpp-gsoap" / "pos.cpp", "soapC.cpp", "soapProductTasksSoapProxy.cpp"]
    run("g++", "-std=c++17", "-I.", "-o", "pos", *sources, "-lgsoap++", cwd=folder)
    return folder / "pos"


def test_a_day_with_gsoap(program: Path, play: Callable[..., None]) -> None:
    play(lambda *arguments: run(program, *arguments), nil=False)
