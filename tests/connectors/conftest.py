"""What every test of a connector runs with: a key for credentials, a place where the shop reaches us."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from integrator.settings import settings
from tests.connectors.shop import ToDo

if TYPE_CHECKING:
    from _pytest.python import Function

PUBLIC_URL = "https://integrator.invalid"


@pytest.fixture(autouse=True)
def service_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("INTEGRATOR_SECRET_KEY", Fernet.generate_key().decode())
    monkeypatch.setenv("INTEGRATOR_PUBLIC_URL", PUBLIC_URL)
    settings.cache_clear()
    yield
    settings.cache_clear()


def _of_integrator(error: Exception) -> bool:
    """Whether it was raised by the service, and not by the shop."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    return place is not None and str(place.tb_frame.f_globals.get("__name__")).startswith("integrator.")


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: Function) -> Generator[None, object, object]:
    """A verb that the shop under test does not have skips the test, with the shop's reason.

    What is still to be written, of a simulator or of a connector, is no reason: it fails.
    """
    try:
        return (yield)
    except NotImplementedError as error:
        if "shop" not in pyfuncitem.fixturenames or isinstance(error, ToDo) or _of_integrator(error):
            raise
        pytest.skip(str(error) or "the platform has no such thing")
