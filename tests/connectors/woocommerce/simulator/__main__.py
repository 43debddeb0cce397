"""`python -m tests.connectors.woocommerce.simulator --port 8090`: a shop to look at, until it is interrupted."""

from __future__ import annotations

import argparse
import os
import threading
from pathlib import Path

from tests.connectors.woocommerce.simulator import VERSIONS, Features, Simulator
from tests.connectors.woocommerce.simulator.webhooks import cron

parser = argparse.ArgumentParser(description="A simulated WooCommerce shop")
parser.add_argument("--port", type=int, default=8090)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--version", choices=VERSIONS, default=VERSIONS[-1])
parser.add_argument("--specs", type=Path, default=Path(__file__).parents[5] / "shared" / "specs")
parser.add_argument("--fulfilments", action="store_true", help="switch the fulfilments feature on")
parser.add_argument("--tracking", action="store_true", help="install a tracking extension")
parser.add_argument(
    "--cron", type=float, default=5.0, help="seconds between two runs of its cron, which sends webhooks"
)


def main() -> None:
    given = parser.parse_args()
    folder = Path(os.environ.get("INTEGRATOR_SPECS", given.specs))
    features = Features(fulfilments=given.fulfilments, tracking=given.tracking)
    shop = Simulator(folder, given.version, features=features, port=given.port, host=given.host)
    print(
        f"WooCommerce {given.version} at {shop.url}\nconsumer key    {shop.key}\nconsumer secret {shop.secret}",
        flush=True,
    )
    stopped = threading.Event()
    try:
        while not stopped.wait(given.cron):
            cron(shop.api)
            for one in shop.state.violations:
                print(f"not what WooCommerce {given.version} knows: {one}", flush=True)
            shop.state.violations.clear()
    except KeyboardInterrupt:
        shop.close()


main()
