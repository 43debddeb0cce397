"""The WCF proxy (DataContract): Mono's svcutil and mcs, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("svcutil", "mcs", "mono")
    return Sample("dotnet-wcf", workshop, running_service.url).make()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_dotnet_wcf(sample: Sample, play: Callable[..., None], version: str) -> None:
    play(sample.program(version), nil=False)
