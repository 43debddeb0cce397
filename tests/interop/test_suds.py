"""suds (Python); it speaks SOAP 1.1 only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("python")
    return Sample("python-suds", workshop, running_service.url).make()


def test_a_day_with_suds(sample: Sample, play: Callable[..., None]) -> None:
    play(sample.program())
