"""`integrator channel`: the shops."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from integrator.accounts import admin, channels
from integrator.accounts.channels import ChannelRecord
from integrator.catalogue import marks
from integrator.cli import fields, match
from integrator.cli.again import push_again
from integrator.cli.database import connected, transaction
from integrator.cli.output import Exit, Failed, Output, ago, output
from integrator.connectors import registry
from integrator.connectors.base import Channel, CheckItem, Connector
from integrator.connectors.http import Attempt
from integrator.settings import settings
from integrator.store.engine import begin
from integrator.sync.wake import wake

app = typer.Typer(help="Channels: the shops. A channel is one shop on one platform.")

CHANNEL = typer.Argument(metavar="CHANNEL", help="Number or name of the channel.")

FIRST_LOOK = "waits for the operator's first look: integrator channel match, then resume"

# what has to be computed and sent anew when a setting changes
LANES_OF = {
    "stock": {"locations", "location_map", "safety_stock", "maximum_quantity"},
    "content": {"publish_new", "field_rules", "categories", "values", "custom_fields"},
}


class Asked:
    """Requests that the operator makes by hand are shown to the operator; the journal is for the workers'."""

    def __init__(self) -> None:
        self.last: Attempt | None = None

    def __call__(self, attempt: Attempt) -> None:
        self.last = attempt

    @property
    def failure(self) -> Exit:
        """The exit code when something was wrong: whether the shop said so, or could not be asked."""
        away = self.last is not None and self.last.outcome in ("transient", "throttled", "unknown")
        return Exit.UNREACHABLE if away else Exit.FAILED


def _makes_shops(kind: type[Connector]) -> bool:
    """Whether the platform makes a shop by itself when no credentials are given."""
    return kind.prepare.__func__ is not Connector.prepare.__func__  # type: ignore[attr-defined]


@contextlib.contextmanager
def opened(record: ChannelRecord, asked: Asked) -> Iterator[Connector]:
    connector = channels.open_connector(record, asked)
    try:
        yield connector
    finally:
        connector.close()


def _groups(platform: str) -> tuple[tuple[str, Any], tuple[str, Any]]:
    kind = channels.connector_class(platform)
    return (f"Credentials for {kind.title}", kind.credentials_model), ("Settings of the channel", kind.settings_model)


@app.command(context_settings=fields.CONTEXT, add_help_option=False)
def add(
    ctx: typer.Context,
    store: Annotated[str | None, typer.Argument(metavar="STORE", help="The StoreId.")] = None,
    platform: Annotated[
        str | None, typer.Argument(metavar="PLATFORM", help="One of: integrator channel platforms.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="What people call the channel; default: the platform.")] = None,
    check: Annotated[bool, typer.Option(help="Try the credentials before anything is kept.")] = True,
    hold: Annotated[
        bool, typer.Option("--hold", help="Send nothing yet: look at `channel match` first, then `channel resume`.")
    ] = False,
    help: Annotated[bool, fields.HELP] = False,
) -> None:
    """Add a shop. Its credentials are tried first, and kept encrypted.

    `integrator channel add STORE PLATFORM --help` shows the options of that platform.

    Example: integrator channel add BERG-1 woocommerce --url https://shop.example --consumer-key ck --consumer-secret -
    """
    if help:
        fields.show_help(ctx, *(_groups(platform) if platform and not platform.startswith("-") else ()))
    fields.positional(store=store, platform=platform)
    assert store is not None
    assert platform is not None
    kind = channels.connector_class(platform)
    given = fields.parse(ctx.args, kind.credentials_model, kind.settings_model)
    fields.complete(given, kind.credentials_model, ask=not _makes_shops(kind))
    out = output()
    with connected():
        with begin() as connection:
            owner = admin.find_store(connection, store)
        keys, chosen = given.of(kind.credentials_model), given.of(kind.settings_model)
        # a shop that is connected brings years of orders; the POS knows them or does not want them
        chosen.setdefault("orders_since", datetime.now(UTC).isoformat())
        made = kind.prepare(settings().public_url, name or platform) if not keys else None
        if made is not None:
            keys = made
        elif check:
            _try(out, kind, channels.unsaved(owner, platform, keys, chosen))
        with begin() as connection:
            number = channels.add_channel(connection, owner, platform, name, keys, chosen)
            listed = marks.list_all(connection, owner.account_id, number)
            record = channels.load_channel(connection, owner.account_id, number)
            if hold:
                channels.hold(connection, record, FIRST_LOOK)
        if not hold:
            wake(owner.account_id, owner.store_id, [*marks.LANES, "pull"])
    steps = _next_steps(number, held=hold, made=made is not None)
    out.done(
        f"Channel {number} {record.name!r} is there; "
        + (f"it is held, and {listed} products wait." if hold else f"{listed} products are on their way to it."),
        id=number,
        name=record.name,
        platform=platform,
        store=owner.code,
        account_id=owner.account_id,
        products=listed,
        state=channels.HELD if hold else channels.ACTIVE,
        next=list(steps),
    )
    for command, why in steps.items():
        out.note(f"  {command:<36} {why}")


def _next_steps(number: int, *, held: bool, made: bool) -> dict[str, str]:
    """Commands that come after `add`, with what they are for. A shop that was just made has nothing to match."""
    steps = {f"integrator channel check {number}": "credentials, scopes, version, clock, webhooks"}
    if not made:
        steps[f"integrator channel match {number}"] = "what the shop has already, beside what the POS has"
    if held:
        steps[f"integrator channel resume {number}"] = "starts it"
    return steps


def _try(out: Output, kind: type[Connector], channel: Channel) -> None:
    """Ends the command unless the shop takes the credentials and has all that is needed."""
    asked = Asked()
    with out.progress(f"Asking {kind.title}"), contextlib.closing(kind(channel, asked)) as connector:
        report = connector.check()
    if not report.ok:
        rows = [_item(item) for item in report.items if not item.ok]
        raise Failed(
            f"{kind.title}: " + "; ".join(f"{row['check']}: {row['message']}" for row in rows) + " Nothing was added.",
            hint=next((row["hint"] for row in rows if row["hint"]), "")
            or "Correct it, or add the channel as it is with --no-check.",
            code=asked.failure,
        )


def _item(item: CheckItem) -> dict[str, Any]:
    return {"check": item.name, "ok": item.ok, "message": item.message, "hint": item.hint}


def _show_check(out: Output, record: ChannelRecord, items: Sequence[CheckItem]) -> None:
    rows = [_item(one) for one in items]
    if out.json:
        out.data({"id": record.id, "name": record.name, "ok": all(row["ok"] for row in rows), "checks": rows})
        return
    from rich.text import Text

    for row in rows:
        row["ok"] = Text("✓", style="green") if row["ok"] else Text("✗", style="bold red")
    columns = {"ok": "", "check": "Check", "message": "Found", "hint": "What to do"}
    if not any(row["hint"] for row in rows):
        del columns["hint"]
    out.table(
        rows, columns=columns, title=f"{record.name} ({record.platform})", empty="The platform has nothing to check."
    )


@app.command()
def platforms() -> None:
    """The platforms that a channel can be on."""
    rows = []
    for name in registry.platforms():
        kind = registry.connector(name)
        can = kind.capabilities
        rows.append(
            {
                "platform": name,
                "title": kind.title,
                "sale_windows": can.sale_windows,
                "locations": can.locations,
                "drafts": can.drafts,
                "capture": can.capture,
                "webhooks": can.webhooks,
                "quota": can.quota,
            }
        )
    output().table(rows)


@app.command("list")
def list_(
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    store: Annotated[str | None, typer.Option(help="Only of this store.")] = None,
) -> None:
    """All channels."""
    with transaction() as connection:
        owner = admin.find_store(connection, store) if store else None
        account_id = owner.account_id if owner else admin.find_account(connection, account).id if account else None
        found = channels.list_channels(connection, account_id, owner.store_id if owner else None)
    out = output()
    rows = [
        {
            "id": one.id,
            "name": one.name,
            "platform": one.platform,
            "store": one.store.code,
            "state": one.state,
            "state_reason": one.state_reason,
            "paused_until": one.paused_until,
            "last_pull_at": one.last_pull_at if out.json else ago(one.last_pull_at),
            "last_success_at": one.last_success_at if out.json else ago(one.last_success_at),
            "account_id": one.account_id,
        }
        for one in found
    ]
    out.table(
        rows,
        columns={
            "id": "Number",
            "name": "Channel",
            "platform": "Platform",
            "store": "StoreId",
            "state": "State",
            "state_reason": "Reason",
            "last_pull_at": "Orders read",
            "last_success_at": "Last answer",
        },
        empty="There are no channels yet: integrator channel add STORE PLATFORM",
    )


@app.command()
def show(channel: Annotated[str, CHANNEL]) -> None:
    """A channel with its settings; credentials are never shown."""
    with transaction() as connection:
        record = channels.find_channel(connection, channel)
    about = {
        "id": record.id,
        "name": record.name,
        "platform": record.platform,
        "store": record.store.code,
        "account_id": record.account_id,
        "state": record.state,
        "state_reason": record.state_reason,
        "failures": record.failures,
        "paused_until": record.paused_until,
        "last_pull_at": record.last_pull_at,
        "last_success_at": record.last_success_at,
        "created_at": record.created_at,
    }
    values = record.settings.model_dump(mode="json")
    out = output()
    if out.json:
        out.data({**about, "settings": values})
        return
    out.record(about, labels={"store": "StoreId"})
    out.table(
        [
            {"setting": name, "value": values[name], "meaning": option.description}
            for name, option in fields.options_of(type(record.settings)).items()
        ],
        title="Settings",
    )


@app.command(context_settings=fields.CONTEXT, add_help_option=False)
def edit(
    ctx: typer.Context,
    channel: Annotated[str | None, CHANNEL] = None,
    name: Annotated[str | None, typer.Option(help="What people call the channel.")] = None,
    help: Annotated[bool, fields.HELP] = False,
) -> None:
    """Change credentials or settings; what is not given stays. What shops should hold is then computed anew.

    Maps gain the entries that are given and lose those with an empty value; lists are replaced.

    Example: integrator channel edit 3 --safety-stock 2 --categories "Shoes/Men=Footwear" --unset maximum_quantity
    """
    if help and not (channel and not channel.startswith("-")):
        fields.show_help(ctx)
    fields.positional(channel=channel)
    assert channel is not None
    with transaction() as connection:
        record = channels.find_channel(connection, channel)
        if help:
            fields.show_help(ctx, *_groups(record.platform))
        kind = channels.connector_class(record.platform)
        given = fields.parse(ctx.args, kind.credentials_model, kind.settings_model)
        changed = given.merged(kind.settings_model, record.settings.model_dump(mode="json"))
        channels.edit_channel(
            connection, record, name=name, credentials=given.of(kind.credentials_model), settings=changed
        )
        lanes = [lane for lane, names in LANES_OF.items() if names & changed.keys()]
        again = push_again(connection, record.store, lanes, channel_id=record.id) if lanes else 0
        record = channels.load_channel(connection, record.account_id, record.id)
    sentence = f"Channel {record.id} {record.name!r} is changed."
    if again:
        sentence += f" {', '.join(lanes).capitalize()} of {again} products is computed anew."
    output().done(sentence, id=record.id, name=record.name, settings=record.settings, pushed_again=lanes)


@app.command()
def remove(
    channel: Annotated[str, CHANNEL],
    force: Annotated[bool, typer.Option("--force", help="Also with orders that the POS has not confirmed.")] = False,
) -> None:
    """Remove a channel with its listings, orders and journal. The shop keeps what it has."""
    import sqlalchemy as sa

    from integrator.store.tables import orders

    with transaction() as connection:
        record = channels.find_channel(connection, channel)
        many = connection.execute(
            sa.select(sa.func.count())
            .select_from(orders)
            .where(orders.c.account_id == record.account_id, orders.c.channel_id == record.id)
        ).scalar_one()
        if many and not force:
            raise Failed(
                f"The channel has {many} orders, which would go with it.",
                hint="Hold it instead (integrator channel hold), or repeat with --force.",
            )
        channels.remove_channel(connection, record)
    output().done(f"Channel {record.id} {record.name!r} is removed.", id=record.id, name=record.name)


@app.command()
def check(channel: Annotated[str, CHANNEL]) -> None:
    """Try a channel: credentials, scopes, version, clock, and what is missing. Writes nothing to the shop.

    Exit code 0 if all is well, 1 if something is missing, 4 if the shop cannot be reached.
    """
    with transaction() as connection:
        record = channels.find_channel(connection, channel)
    out, asked = output(), Asked()
    with out.progress(f"Asking {record.name}"), opened(record, asked) as connector:
        report = connector.check()
    _show_check(out, record, report.items)
    if not report.ok:
        raise typer.Exit(asked.failure)


app.command("match")(match.match)


@app.command()
def hold(
    channel: Annotated[str, CHANNEL],
    reason: Annotated[str, typer.Option(help="Shown wherever the state is shown.")] = "held by the operator",
) -> None:
    """Send nothing to the shop and read nothing from it; what changes meanwhile waits."""
    with transaction() as connection:
        record = channels.find_channel(connection, channel)
        channels.hold(connection, record, reason)
    output().done(f"Channel {record.id} {record.name!r} is held: {reason}.", id=record.id, state=channels.HELD)


@app.command()
def resume(channel: Annotated[str, CHANNEL]) -> None:
    """Go on with a channel that was held, lacks credentials, or pauses after failures."""
    with connected():
        with begin() as connection:
            record = channels.find_channel(connection, channel)
            channels.resume(connection, record)
        wake(record.account_id, record.store_id, [*marks.LANES, "ship", "pull"])
    output().done(f"Channel {record.id} {record.name!r} goes on.", id=record.id, state=channels.ACTIVE)


@app.command()
def webhooks(channel: Annotated[str, CHANNEL]) -> None:
    """Make the shop's webhooks what they should be. Needs INTEGRATOR_PUBLIC_URL."""
    with transaction() as connection:
        record = channels.find_channel(connection, channel)
    if not (settings().public_url or record.capabilities.local_webhooks):
        raise Failed(
            "INTEGRATOR_PUBLIC_URL is not set, so the shop has no address to send webhooks to.",
            hint="Set it to the base URL by which the shop reaches this service; until then it is polled.",
            code=Exit.USAGE,
        )
    out, asked = output(), Asked()
    with out.progress(f"Asking {record.name}"), opened(record, asked) as connector:
        items = connector.register_webhooks()
    _show_check(out, record, items)
    if not all(item.ok for item in items):
        raise typer.Exit(asked.failure)
