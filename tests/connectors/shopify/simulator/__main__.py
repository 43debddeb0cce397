"""`python -m tests.connectors.shopify.simulator --port 8091`: a shop to look at, until it is interrupted.

Its first line is JSON: the address, and what `integrator channel add` takes.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from pathlib import Path

from tests.connectors.shopify.simulator import Features, ShopifyShop

parser = argparse.ArgumentParser(description="A simulated Shopify shop")
parser.add_argument("--port", type=int, default=8091)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--specs", type=Path, default=Path(__file__).parents[5] / "shared" / "specs")


def main() -> None:
    given = parser.parse_args()
    folder = Path(os.environ.get("INTEGRATOR_SPECS", given.specs))
    shop = ShopifyShop(folder, Features(), port=given.port, host=given.host)
    first = {"platform": "shopify", "url": shop.url, "credentials": shop.credentials(), "settings": shop.settings()}
    print(json.dumps(first), flush=True)
    stopped = threading.Event()
    try:
        while not stopped.wait(1.0):
            for one in shop.state.violations:
                print(f"not what Shopify knows: {one}", flush=True)
            shop.state.violations.clear()
    except KeyboardInterrupt:
        shop.simulator.close()


main()
