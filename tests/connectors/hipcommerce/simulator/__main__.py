"""`python -m tests.connectors.hipcommerce.simulator --port 8099`: a shop to look at, until it is interrupted.

It prints one line of JSON: its URL, and the credentials and settings for `integrator channel add`.
"""

from __future__ import annotations

import argparse
import json
import time

from integrator.connectors.hipcommerce.reference.server import Quota
from tests.connectors.hipcommerce.simulator import HipShop

parser = argparse.ArgumentParser(description="A simulated HipCommerce shop")
parser.add_argument("--port", type=int, default=0)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--quota", type=int, default=600, help="requests a minute; 0: any number")


def main() -> None:
    given = parser.parse_args()
    shop = HipShop(port=given.port, host=given.host, quota=Quota(given.quota))
    shop.reference.webhooks_sent = True
    told = {"platform": shop.platform, "url": shop.url, "credentials": shop.credentials(), "settings": shop.settings()}
    print(json.dumps(told), flush=True)
    try:
        while True:
            time.sleep(1)
            for one in shop.violations:
                print(f"against the contract: {one}", flush=True)
            shop.violations.clear()
    except KeyboardInterrupt:
        shop.close()


main()
