"""`python -m tests.connectors.bigcommerce.simulator --port 8091`: a store to look at, until it is interrupted."""

from __future__ import annotations

import argparse
import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from tests.connectors.bigcommerce.simulator import BigShop, Features

parser = argparse.ArgumentParser(description="A simulated BigCommerce store")
parser.add_argument("--port", type=int, default=8091)
parser.add_argument("--host", default="127.0.0.1")
parser.add_argument("--quota", type=int, default=150, help="calls in 30 seconds")
default = Path(os.environ.get("INTEGRATOR_SPECS", Path(__file__).parents[5] / "shared" / "specs"))
parser.add_argument("--specs", type=Path, default=default)
arguments = parser.parse_args()
shop = BigShop(arguments.specs, Features(quota=arguments.quota), host=arguments.host, port=arguments.port)
told = {
    "url": shop.simulator.url,
    "platform": shop.platform,
    "credentials": shop.credentials(),
    "settings": shop.settings(),
}
print(json.dumps(told), flush=True)
with suppress(KeyboardInterrupt):
    threading.Event().wait()
shop.simulator.close()
