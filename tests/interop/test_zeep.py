"""zeep (Python), SOAP 1.1 and 1.2."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.interop.tools import CLIENTS, run

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_zeep(play: Callable[..., None], version: str) -> None:
    play(lambda *arguments: run(sys.executable, CLIENTS / "python-zeep" / "pos.py", *arguments, version))
