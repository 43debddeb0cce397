"""`python -m tests.connectors.magento.simulator --port 8091`: a shop to try things on, until it is interrupted.

Its first line is JSON: the platform, the credentials and the settings for `integrator channel add`.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
from pathlib import Path

from tests.connectors.magento.simulator import VERSIONS, Features, MagentoShop

parser = argparse.ArgumentParser(description="A simulated Magento shop")
parser.add_argument("--port", type=int, default=0, help="0: any free one")
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--version", choices=VERSIONS, default=VERSIONS[-1])
parser.add_argument("--specs", type=Path, default=Path(__file__).parents[5] / "shared" / "specs")
parser.add_argument("--without-sources", action="store_true", help="one quantity per product (MSI is off)")
parser.add_argument("--without-consumers", action="store_true", help="asynchronous operations stay open")
parser.add_argument("--commerce", action="store_true", help="sale prices as Adobe Commerce takes them")
parser.add_argument(
    "--bearer", action="store_true", help="the access token is a bearer, instead of signing with four keys"
)
parser.add_argument("--list-limit", type=int, default=0, help="items that one call may have")
parser.add_argument("--page-limit", type=int, default=0, help="items that one page may have")


def main() -> None:
    given = parser.parse_args()
    features = Features(
        msi=not given.without_sources,
        consumers=not given.without_consumers,
        commerce=given.commerce,
        bearer=given.bearer,
        list_limit=given.list_limit,
        page_limit=given.page_limit,
    )
    folder = Path(os.environ.get("INTEGRATOR_SPECS", given.specs))
    shop = MagentoShop(folder, given.version, features, port=given.port, host=given.host)
    line = {"platform": shop.platform, "url": shop.url, "credentials": shop.credentials(), "settings": shop.settings()}
    print(json.dumps({**line, "version": given.version}), flush=True)
    stopped = threading.Event()
    try:
        while not stopped.wait(1.0):
            for one in shop.state.violations:
                print(f"not what Magento {given.version} knows: {one}", flush=True)
            shop.state.violations.clear()
    except KeyboardInterrupt:
        shop.simulator.close()


main()
