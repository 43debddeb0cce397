"""When the database is away: one Fault that says "later", and the first good call after it is back."""

from __future__ import annotations

import psycopg2

from integrator.store.engine import libpq_url
from tests.contract.soap import S12, Soap
from tests.support.service import Service
from tests.support.waiting import until


def test_an_unreachable_database_is_a_server_fault_with_retry_after(service: Service) -> None:
    login = service.store()
    soap = Soap(service.url, login)
    assert soap.call("UpdateInventory").result["Success"] == "true"
    name = service.database.rpartition("/")[2].partition("?")[0]
    # the server's connections are ended, and new ones refused, while the calls come
    admin = psycopg2.connect(libpq_url(service.database).replace(f"/{name}", "/postgres"))
    admin.autocommit = True
    cursor = admin.cursor()
    try:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        for _ in range(3):
            answer = soap.call("UpdateInventory")
            assert answer.status == 500
            assert answer.fault["code"] == "Server"
            assert answer.fault["ErrorCode"] == "SERVICE_UNAVAILABLE"
            assert answer.headers["retry-after"] == "30"
        twelve = Soap(service.url, login, S12).call("UpdateInventory")
        assert (twelve.status, twelve.fault["code"]) == (500, "Receiver")
    finally:
        cursor.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        admin.close()
    until(lambda: not soap.call("UpdateInventory").is_fault, "it recovers")
