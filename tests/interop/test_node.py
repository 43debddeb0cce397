"""node-soap, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop

MODULES = Path(__file__).parent / "node_modules"  # npm ci --prefix tests/interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("node", MODULES / "soap")
    return Sample("node", workshop, running_service.url, NODE_PATH=str(MODULES)).make()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_node(sample: Sample, play: Callable[..., None], version: str) -> None:
    play(sample.program(version))
