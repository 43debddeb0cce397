"""node-soap, SOAP 1.1 and 1.2."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.tools import CLIENTS, need, run

pytestmark = pytest.mark.interop

MODULES = Path(__file__).parent / "node_modules"  # npm ci --prefix tests/interop


@pytest.mark.parametrize("version", ["1.1", "1.2"])
def test_a_day_with_node(play: Callable[..., None], version: str) -> None:
    need("node", MODULES / "soap")
    env = {"NODE_PATH": str(MODULES)}
    play(lambda *arguments: run("node", CLIENTS / "node" / "pos.js", *arguments, version, env=env))
