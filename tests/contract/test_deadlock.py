"""A call that PostgreSQL ends, because it and another transaction wait for each other, is run again unseen."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

from integrator.store.engine import libpq_url
from tests.contract.soap import Soap
from tests.support.seed import seed_channel
from tests.support.service import Service

PRODUCT = (
    "<Products><POSProduct><ItemIntegrationId>A</ItemIntegrationId><Name>A</Name><Price>1</Price><Quantity>1</Quantity>"
    "</POSProduct></Products>"
)
COUNT = "<Items><InventoryItem><ItemIntegrationId>A</ItemIntegrationId><Quantity>7</Quantity></InventoryItem></Items>"
PRICE = "<Items><PricingItem><ItemIntegrationId>A</ItemIntegrationId><Price>7</Price></PricingItem></Items>"
WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.mark.parametrize(
    ("operation", "body", "table"), [("UpdateInventory", COUNT, "stocks"), ("UpdatePricing", PRICE, "prices")]
)
def test_a_call_that_met_a_deadlock_is_applied_all_the_same(
    service: Service, operation: str, body: str, table: str
) -> None:
    login = service.store()
    with service.begin() as connection:
        seed_channel(connection, login.context)
    soap = Soap(service.url, login)
    assert soap.call("UpdatePOSProducts", PRODUCT).result["Success"] == "true"
    other = psycopg2.connect(libpq_url(service.database))
    watch = psycopg2.connect(libpq_url(service.database))
    watch.autocommit = True
    cursor = other.cursor()
    # the other transaction holds the lane that the call wants last ...
    mine = f"account_id = {login.account_id}"
    cursor.execute(f"SELECT 1 FROM lanes WHERE {mine} AND lane = '{table[:-1]}' FOR UPDATE")
    assert cursor.rowcount == 1
    # ... is chosen last to be ended ...
    cursor.execute("SET LOCAL deadlock_timeout = '60s'")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(soap.call, operation, body)
        looking = watch.cursor()
        for _ in range(600):
            looking.execute(
                "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            )
            if looking.rowcount or answer.done():
                break
        assert not answer.done()
        # ... and wants the row that the call holds
        cursor.execute(f"UPDATE {table} SET changed_at = now() WHERE {mine}")
        other.commit()
        assert answer.result(60).result["Applied"] == "1"
    assert "the transaction is run again" in service.text()
    other.close()
    watch.close()
