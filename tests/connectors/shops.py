"""A simulated shop of any platform, found as the platforms themselves are: by their folders."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path

import integrator.connectors
from tests.connectors.sandbox import SandboxShop
from tests.connectors.shop import Shop

HOME = Path(integrator.connectors.__file__).parent  # not the path of the package, to which tests add platforms


def platforms() -> list[str]:
    """All that the service has, the sandbox among them."""
    return sorted(one.parent.name for one in HOME.glob("*/__init__.py"))


def start(platform: str, specs: Path) -> Shop:
    """A shop of its newest version, with what is usual there. The caller closes it.

    The platform's tests have it in `tests.connectors.<platform>.simulator`: the one `Shop` that is exported. Its
    arguments may be `folder` (of the platforms' contracts) and `version`; the others have defaults.
    """
    if platform == SandboxShop.platform:
        return SandboxShop()
    module = importlib.import_module(f"tests.connectors.{platform}.simulator")
    kinds = [one for one in vars(module).values() if inspect.isclass(one) and issubclass(one, Shop)]
    assert len(kinds) == 1, f"{module.__name__} exports {kinds}"
    taken = inspect.signature(kinds[0]).parameters
    arguments = {"folder": specs} if "folder" in taken else {}
    if "version" in taken and taken["version"].default is inspect.Parameter.empty:
        arguments["version"] = module.VERSIONS[-1]
    shop: Shop = kinds[0](**arguments)
    assert shop.platform == platform
    return shop
