"""Spyne on every Python that is supported, and silent about what it reads."""

from __future__ import annotations

import logging
import subprocess
import sys

from integrator.contract import compat

# The importer of 3.13: no `cgi`, and six's lazy modules cannot be found.
AS_ON_3_13 = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "cgi" or name.startswith("spyne.util.six.moves."):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
import lxml.etree, pytz
actual, sys.version_info = sys.version_info, (3, 13, 0, "final", 0)
from integrator.contract import compat
sys.version_info = actual
from integrator.contract import wsdl
assert sys.modules["cgi"].parse_header('text/xml; charset="utf-8"') == ("text/xml", {"charset": "utf-8"})
print(len(wsdl.operations_of("OrderTasks")))
"""


def test_spyne_can_be_imported_without_cgi_and_lazy_six() -> None:
    done = subprocess.run([sys.executable, "-c", AS_ON_3_13], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "7"


def test_installing_twice_changes_nothing() -> None:
    compat.install()
    compat.install()


def test_spynes_loggers_say_nothing() -> None:
    for name in (
        "spyne.protocol.soap.soap11.invalid",
        "spyne.protocol.xml",
        "spyne.server",
        "spyne.application.server",
    ):
        logger = logging.getLogger(name)
        assert not logger.isEnabledFor(logging.CRITICAL)
        assert not logger.propagate
