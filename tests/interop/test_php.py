"""PHP's SoapClient, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need, need_module
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("php")
    need_module("php-soap", "php", "-r", "exit(extension_loaded('soap') ? 0 : 1);")
    return Sample("php", workshop, running_service.url).make()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_php(sample: Sample, play: Callable[..., None], version: str) -> None:
    play(sample.program(version))
