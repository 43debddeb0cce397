"""Perl's SOAP::Lite, SOAP 1.1 and 1.2. It does not read a document/literal WSDL: the calls are built by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need, need_module
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def sample(running_service: Service, workshop: Path) -> Sample:
    need("perl")
    need_module("libsoap-lite-perl", "perl", "-MSOAP::Lite", "-e", "1")
    return Sample("perl", workshop, running_service.url).make()


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_perl(sample: Sample, play: Callable[..., None], version: str) -> None:
    play(sample.program(version))
