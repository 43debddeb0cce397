"""PHP's SoapClient, SOAP 1.1 and 1.2."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.interop.tools import CLIENTS, need, run

pytestmark = pytest.mark.interop


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_php(play: Callable[..., None], version: str) -> None:
    need("php")
    if b"soap" not in subprocess.run(["php", "-m"], capture_output=True, check=True).stdout:
        need("php-soap")
    play(lambda *arguments: run("php", CLIENTS / "php" / "pos.php", *arguments, version))
