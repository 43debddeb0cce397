"""`integrator status`: how it is going, on one screen."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from integrator.accounts import admin, channels, overview
from integrator.cli.database import connected
from integrator.cli.output import Exit, Output, ago, output
from integrator.settings import masked, settings
from integrator.store import migrate
from integrator.store.engine import begin

app = typer.Typer()

LANES = ("stock", "price", "content")


def gather(url: str, account_id: int | None) -> dict[str, Any]:
    """Everything as one JSON document."""
    with begin() as connection:
        shops = channels.list_channels(connection, account_id)
        stores = admin.list_stores(connection, account_id)
        lanes = overview.lanes(connection, account_id)
        issues = overview.issues(connection, account_id)
        deliveries = overview.deliveries(connection, account_id)
        shipments = overview.shipments_waiting(connection, account_id)
        workers = overview.workers(connection)
    by_lane = {(one.channel_id, one.lane): one for one in lanes}
    open_issues: Counter[int] = Counter()
    for issue in issues:
        open_issues[issue.channel_id] += issue.open
    codes = {store["id"]: store["code"] for store in stores}
    address = masked("database_url", settings().database_url) or f"embedded, in {settings().data_dir.resolve()}"
    return {
        "database": {"address": address, "revision": migrate.current(url), "needs": migrate.head()},
        "workers": {
            "alive": workers.alive > 0,
            "lines": workers.alive,
            "last_heartbeat": workers.last_heartbeat,
            "jobs_waiting": workers.jobs_waiting,
            "jobs_running": workers.jobs_running,
        },
        "accounts": len({store["account_id"] for store in stores}),
        "stores": len(stores),
        "channels": [
            {
                "id": shop.id,
                "name": shop.name,
                "platform": shop.platform,
                "store": shop.store.code,
                "state": _state(shop),
                "reason": shop.state_reason,
                "paused_until": shop.paused_until,
                "lanes": {
                    lane: {
                        "pending": found.pending if (found := by_lane.get((shop.id, lane))) else 0,
                        "failed": found.failed if found else 0,
                        "oldest": found.oldest if found else None,
                    }
                    for lane in LANES
                },
                "shipments_waiting": shipments.get(shop.id, 0),
                "last_pull_at": shop.last_pull_at,
                "last_success_at": shop.last_success_at,
                "issues": open_issues[shop.id],
            }
            for shop in shops
        ],
        "deliveries": [
            {
                "store": codes.get(one.store_id, str(one.store_id)),
                "kind": one.kind,
                "waiting": one.waiting,
                "due": one.due,
                "rejected": one.rejected,
                "oldest": one.oldest,
            }
            for one in deliveries
        ],
        "issues": sum(open_issues.values()),
    }


def _state(shop: channels.ChannelRecord) -> str:
    if shop.state == channels.ACTIVE and shop.paused_until and shop.paused_until > datetime.now(UTC):
        return "paused"
    if shop.state == channels.ACTIVE and shop.failures:
        return "failing"  # between two tries
    return shop.state


def _show(out: Output, found: dict[str, Any]) -> None:
    from rich.text import Text

    def mark(good: bool, text: str) -> Text:
        return Text.assemble(("● ", "green" if good else "bold red"), text)

    database, workers, issues = found["database"], found["workers"], found["issues"]
    current = database["revision"] == database["needs"]
    schema = "schema current" if current else f"schema {database['revision']}, needs {database['needs']}"
    beat = workers["last_heartbeat"]
    working = f"at work, last heartbeat {ago(beat)}" if workers["alive"] else f"none alive (last heartbeat {ago(beat)})"
    jobs = f"; {workers['jobs_waiting']} jobs waiting, {workers['jobs_running']} running"
    out.record(
        {
            "Database": mark(current, f"{database['address']}; {schema}"),
            "Workers": mark(workers["alive"], working + jobs),
            "Issues": mark(not issues, f"{issues} open" + (": integrator issue list" if issues else "")),
            "Stores": f"{found['stores']} of {found['accounts']} accounts",
        }
    )
    rows = []
    for shop in found["channels"]:
        oldest = min((lane["oldest"] for lane in shop["lanes"].values() if lane["oldest"]), default=None)
        rows.append(
            {
                "id": shop["id"],
                "name": f"{shop['name']} ({shop['platform']})" if shop["name"] != shop["platform"] else shop["name"],
                "store": shop["store"],
                "state": mark(shop["state"] == channels.ACTIVE, shop["state"]),
                **{lane: _lane(shop["lanes"][lane]) for lane in LANES},
                "ships": shop["shipments_waiting"],
                "oldest": ago(oldest) if oldest else "-",
                "pull": ago(shop["last_pull_at"]),
                "issues": shop["issues"],
            }
        )
    out.table(
        rows,
        title="Channels (to push; + refused)",
        columns={
            "id": "#", "name": "Channel", "store": "StoreId", "state": "State", "stock": "Stock", "price": "Price",
            "content": "Content", "ships": "Shipments", "oldest": "Oldest", "pull": "Orders read", "issues": "Issues",
        },
        empty="No channels yet: integrator channel add STORE PLATFORM",
    )  # fmt: skip
    out.table(
        [{**one, "oldest": ago(one["oldest"])} for one in found["deliveries"]],
        title="Waiting for the POS",
        columns={
            "store": "StoreId", "kind": "Kind", "waiting": "Not confirmed", "due": "Offered now",
            "rejected": "Rejected",
            "oldest": "Oldest",
        },
        empty="Nothing waits for a POS.",
    )  # fmt: skip


def _lane(lane: dict[str, Any]) -> str:
    return f"{lane['pending']} + {lane['failed']}" if lane["failed"] else str(lane["pending"])


@app.command()
def status(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit code 1 if no worker is alive, a channel stands still or an issue is open."),
    ] = False,
) -> None:
    """How it is going, on one screen: database, workers, what each channel has to push, what waits for the POS.

    Example: integrator status --strict --json
    """
    with connected() as url:
        account_id = None
        if account:
            with begin() as connection:
                account_id = admin.find_account(connection, account).id
        found = gather(url, account_id)
    out = output()
    if out.json:
        out.data(found)
    else:
        _show(out, found)
    still = any(shop["state"] not in (channels.ACTIVE, channels.HELD) for shop in found["channels"])
    if strict and (not found["workers"]["alive"] or still or found["issues"]):
        raise typer.Exit(Exit.FAILED)
