"""gSOAP (C++), SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import Sample, need
from tests.support.service import Service

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("version", ["-1", "-2"])
def test_a_day_with_gsoap(running_service: Service, tmp_path: Path, play: Callable[..., None], version: str) -> None:
    need("wsdl2h", "soapcpp2", "g++", "/usr/share/gsoap/import")
    sample = Sample("cpp-gsoap", tmp_path, running_service.url).make(("soapcpp2 -1", f"soapcpp2 {version}"))
    play(sample.program(), nil=False)
