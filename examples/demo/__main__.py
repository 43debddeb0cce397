"""`scripts/demo`: the main job on real input, from nothing. `--help` says more."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from pathlib import Path

from demo.catalogue import read
from demo.day import Day
from demo.pos import Pos
from demo.report import Report
from demo.service import DemoFailed, Service
from demo.shopper import Shop

ROOT = Path(__file__).resolve().parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/demo",
        description="Starts the whole service on a database of its own, adds a sandbox shop, and runs all ten "
        "operations as a POS would, on the sample catalogue. Then it stays up until Ctrl-C.",
    )
    parser.add_argument(
        "--once", action="store_true", help="stop at the end; exit 0 only if all ten did what they should"
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="port of the service, another one if it is taken (default 8000)"
    )
    parser.add_argument(
        "--platforms",
        choices=["sandbox", "all"],
        default="sandbox",
        help="all: the five platforms' simulated shops side by side, a row for each (default: the sandbox shop)",
    )
    return parser.parse_args()


def prepare(service: Service, report: Report) -> Pos:
    report.heading("Setting up")
    seconds = service.start()
    report.line(f"web, worker and PostgreSQL run at {service.url} (ready after {seconds:.1f} s)")
    service.integrator("account", "add", "Fjord & Gipfel")
    service.integrator("store", "add", "Fjord & Gipfel", "Main store", "--code", "MAIN", "--time-zone", "Europe/Berlin")
    user = service.integrator("user", "add", "MAIN", "pos")
    report.line("account, store MAIN and user pos are there")
    return Pos(service.url, user["StoreId"], user["UserName"], user["Password"])


def signposts(service: Service, pos: Pos, shop: Shop, report: Report) -> None:
    report.heading("Look around")
    about, command = shop.about(), Path(sys.executable).parent / "integrator"
    for name, value in {
        "help and status": f"{service.url}/",
        "WSDL": f"{service.url}/ProductTasks?wsdl and {service.url}/OrderTasks?wsdl",
        "shop": about["link"],
        "credentials": f"StoreId {pos.store_id}, UserName {pos.user_name}, Password {pos.password}",
        "commands": f"INTEGRATOR_DATA_DIR={service.folder} {command} product show 4711",
        "log": str(service.log),
    }.items():
        report.console.print(f"  {name:<16} {value}", soft_wrap=True)


def run(service: Service, report: Report, *, once: bool) -> bool:
    pos = prepare(service, report)
    service.integrator("channel", "add", "MAIN", "sandbox", "--publish-new")
    report.line("a sandbox shop is added to it")
    shop = Shop(service, "sandbox")
    day = Day(pos, shop, report, read())
    for step in (
        day.push_products, day.update_stock, day.update_prices, day.shoppers_order, day.take_orders,
        day.take_transactions, day.take_captures, day.ship,
    ):  # fmt: skip
        step()
    report.table()
    (refused,) = service.integrator("issue", "list")
    report.console.print(f"\n  One thing needs a person: {refused['message']} ([bold]integrator issue list[/bold])")
    if not once:
        signposts(service, pos, shop, report)
        report.console.print("\nEverything stays up until you press Ctrl-C.")
        signal.sigwait({signal.SIGINT, signal.SIGTERM})
    return report.ok


def main() -> int:
    options, report, started = arguments(), Report(), time.monotonic()
    data = Path(os.environ.get("INTEGRATOR_DEMO_DIR", ROOT / ".integrator"))
    data.mkdir(parents=True, exist_ok=True)
    service = Service(Path(tempfile.mkdtemp(prefix="demo-", dir=data)), options.port)
    signal.pthread_sigmask(signal.SIG_BLOCK, set() if options.once else {signal.SIGINT, signal.SIGTERM})
    try:
        if options.platforms == "all":
            from demo.platforms import side_by_side

            good = side_by_side(service, report, prepare(service, report))
        else:
            good = run(service, report, once=options.once)
    except DemoFailed as error:
        report.line(str(error), good=False)
        report.table()
        report.console.print(f"\nThe service's log, its database and the shop are left in {service.folder} to look at.")
        service.stop()
        return 1
    except KeyboardInterrupt:
        good = False
    finally:
        service.stop()
    service.remove()
    if options.once:
        report.console.print(f"\n{'All did what they should' if good else 'Not all did what they should'}; "
                             f"{time.monotonic() - started:.0f} seconds in all.")  # fmt: skip
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
