"""Perl's SOAP::Lite, SOAP 1.1 and 1.2. It does not read a document/literal WSDL: the calls are built by hand."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.interop.tools import CLIENTS, need, run

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_perl(play: Callable[..., None], version: str) -> None:
    need("perl")
    if subprocess.run(["perl", "-MSOAP::Lite", "-e", "1"], check=False, capture_output=True).returncode:
        need("libsoap-lite-perl")
    play(lambda *arguments: run("perl", CLIENTS / "perl" / "pos.pl", *arguments, version))
