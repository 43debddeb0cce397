from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.interop.day import NAME, check_report, check_store
from tests.interop.seeding import Day, morning
from tests.support.service import Service


@pytest.fixture
def with_orders(service: Service) -> Day:
    """A store whose queues hold 1,003 orders, two transactions and two captures."""
    return morning(service)


@pytest.fixture
def play(service: Service, with_orders: Day) -> Callable[..., None]:
    """`play(program, nil=True)` runs `program(url, store, user, password)`, which gives its report, and checks
    the report and the database."""

    def played(program: Callable[..., str], *, name: str = NAME, nil: bool = True) -> None:
        login = with_orders.login
        text = program(service.url, login.code, login.user_name, login.password)
        check_report(text, with_orders)
        check_store(service, with_orders, name=name, nil=nil)

    return played


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tests of one module generate and compile."""
    return tmp_path_factory.mktemp("workshop")
