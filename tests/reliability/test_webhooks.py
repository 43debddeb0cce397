"""R8: webhooks lost, doubled and forged: what they did not tell of, the poll finds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import httpx
import pytest
from flask import Flask
from sqlalchemy import text
from werkzeug.serving import make_server

from integrator.connectors.sandbox.shop import webhooks
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.web.webhooks import blueprint
from tests.connectors.sandbox import Quiet
from tests.connectors.shop import Line
from tests.reliability.conftest import Merchant, WorkerProcess, product
from tests.support.waiting import until

ORDERS = 60
NEVER, OFTEN = 3600, 10  # seconds between two polls


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where webhooks arrive: the web role's own blueprint on a port."""
    import threading

    app = Flask(__name__)
    app.register_blueprint(blueprint)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("INTEGRATOR_PUBLIC_URL", url)  # a sandbox shop calls no other service than its own
    settings.cache_clear()
    yield url
    server.shutdown()
    thread.join()
    server.server_close()


def polls(merchant: Merchant, seconds: int) -> None:
    with begin() as connection:
        connection.execute(
            text("UPDATE channels SET settings = settings || jsonb_build_object('poll_seconds', :s) WHERE id = :c"),
            {"s": seconds, "c": merchant.channel_id},
        )


@pytest.mark.slow
def test_lost_doubled_and_forged_webhooks_change_nothing(
    make_merchant: Callable[..., Merchant], make_worker: Callable[..., WorkerProcess], receiver: str
) -> None:
    merchant = make_merchant(publish_new=True)
    polls(merchant, NEVER)
    merchant.products([product("A", 500)])
    make_worker(INTEGRATOR_PUBLIC_URL=receiver)
    ready = (
        "SELECT count(*) FROM channels WHERE account_id = :a AND id = :c AND sync ? 'webhooks_at'"
        " AND NOT sync ? 'look_at' AND last_pull_at IS NOT NULL"
    )

    def at_rest() -> bool:
        return merchant.pending() == 0 and merchant.count(ready) == 1 and merchant.jobs() == 0

    until(at_rest, "the webhook is registered, and the shop was read once")
    count = "SELECT count(*) FROM orders WHERE account_id = :a AND channel_id = :c"

    # nothing else than a webhook makes anybody look
    placed = {merchant.shop.place_order([Line("A")])}
    until(lambda: merchant.count(count) == 1, "the order that a webhook told of")

    merchant.shop.behave(webhooks_lost_percent=20, webhooks_doubled_percent=20)
    path = f"{receiver}/webhooks/{merchant.ids[0]}/{merchant.ids[1]}"
    forged = []
    for n in range(ORDERS):
        placed.add(merchant.shop.place_order([Line("A")]))
        if n % 5 == 0:
            headers = {"X-Sandbox-Signature": f"t={int(time.time())},v1=00ff"}
            forged.append(httpx.post(path, json={"id": n, "topic": "order.created", "order_id": 1}, headers=headers))
    assert {one.status_code for one in forged} == {401}
    webhooks.flush()
    until(at_rest, "all that webhooks told of was read")
    merchant.shop.behave(webhooks_lost_percent=100)
    known = merchant.count(count)
    placed.add(merchant.shop.place_order([Line("A")]))
    assert known == merchant.count(count) < len(placed)
    polls(merchant, OFTEN)
    until(lambda: merchant.count(count) >= len(placed), "the poll finds the rest")
    rows = merchant.rows("SELECT remote_id FROM orders WHERE account_id = :a AND channel_id = :c")
    assert sorted(row.remote_id for row in rows) == sorted(placed)
    assert merchant.count("SELECT count(*) FROM deliveries WHERE account_id = :a AND kind = 'order'") == len(placed)
