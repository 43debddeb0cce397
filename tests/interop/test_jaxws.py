"""JAX-WS (Java): wsimport; the generated port speaks SOAP 1.1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("java", "javac", "/usr/share/java/jaxws-tools.jar", "/usr/share/java/jaxws-rt.jar")
    return Sample("java-jaxws", workshop, running_service.url).make()


def test_a_day_with_jaxws(sample: Sample, play: Callable[..., None]) -> None:
    play(sample.program())
