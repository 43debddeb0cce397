"""Axis 1.4 (Java): WSDL2Java; the generated stub speaks SOAP 1.1."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("java", "javac", "/usr/share/java/axis.jar")
    return Sample("java-axis", workshop, running_service.url).make()


def test_a_day_with_axis(sample: Sample, play: Callable[..., None]) -> None:
    # Axis 1.4 writes characters beyond U+FFFF as two references, which is not XML: its program has no emoji.
    play(sample.program(), name="Chemise d'été – Größe S", nil=False)
