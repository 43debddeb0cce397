"""The WCF proxy (DataContract): Mono's svcutil and mcs, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, need, run
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def program(running_service: Service, workshop: Path) -> Path:
    need("svcutil", "mcs", "mono")
    for service, namespace in (("ProductTasks", "Products"), ("OrderTasks", "Orders")):
        run("svcutil", "-noConfig", f"-out:{service}.cs", f"{running_service.url}/{service}?wsdl", cwd=workshop)
        # Mono ignores -n for the data types, which both services have.
        proxy = workshop / f"{service}.cs"
        proxy.write_text(proxy.read_text().replace("integrator.v1", namespace))
    sources = [CLIENTS / "dotnet-wcf" / "Pos.cs", "ProductTasks.cs", "OrderTasks.cs"]
    references = ["-r:System.ServiceModel", "-r:System.Runtime.Serialization"]
    run("mcs", "-d:MONO", *references, "-out:Pos.exe", *sources, cwd=workshop)
    return workshop / "Pos.exe"


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_a_wcf_proxy(program: Path, play: Callable[..., None], version: str) -> None:
    play(lambda *arguments: run("mono", program, *arguments, version), nil=False)
