"""The classic .NET proxy: Mono's wsdl and mcs, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, need, run
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def program(running_service: Service, workshop: Path) -> Path:
    need("wsdl", "mcs", "mono")
    for service, namespace in (("ProductTasks", "Products"), ("OrderTasks", "Orders")):
        url = f"{running_service.url}/{service}?wsdl"
        run("wsdl", f"-n:{namespace}", f"-out:{service}.cs", url, cwd=workshop)
    sources = [CLIENTS / "dotnet-classic" / "Pos.cs", "ProductTasks.cs", "OrderTasks.cs"]
    run("mcs", "-r:System.Web.Services", "-out:Pos.exe", *sources, cwd=workshop)
    return workshop / "Pos.exe"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_a_classic_proxy(program: Path, play: Callable[..., None], version: str) -> None:
    play(lambda *arguments: run("mono", program, *arguments, version))
