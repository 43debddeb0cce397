"""What every test of a connector runs with: a key for credentials, a place where the shop reaches us."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet

from integrator.settings import settings

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


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: Function) -> Generator[None, object, object]:
    """A verb that the shop under test does not have skips the test, with the shop's reason."""
    try:
        return (yield)
    except NotImplementedError as error:
        if "shop" not in pyfuncitem.fixturenames:
            raise
        pytest.skip(str(error) or "the platform has no such thing")
