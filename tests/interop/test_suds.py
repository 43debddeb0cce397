"""suds (Python); it speaks SOAP 1.1 only."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from tests.interop.tools import CLIENTS, run

pytestmark = pytest.mark.interop


def test_a_day_with_suds(play: Callable[..., None]) -> None:
    play(lambda *arguments: run(sys.executable, CLIENTS / "python-suds" / "pos.py", *arguments))
