"""The one command, `integrator`.

Each noun or verb is a module beside this file that exposes `app = typer.Typer()`; it is imported only when it
is called, so that `integrator --help` loads neither SQLAlchemy nor Spyne. `--json` is added to every command
here. Exit codes: integrator.cli.output.Exit.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Annotated, Any

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from integrator.cli.output import Exit, Failed, output, use_json


@dataclass(frozen=True, slots=True)
class Entry:
    """A module of this package. A `verb` is one command; a noun has commands under it."""

    help: str
    panel: str
    verb: bool = False


RUN, SET_UP, WORK = "Run the service", "Set it up", "Look and act"

COMMANDS: dict[str, Entry] = {
    "serve": Entry(
        "Run web and worker together, with a database of its own unless DATABASE_URL is set.", RUN, verb=True
    ),
    "web": Entry("Run the web role: the SOAP services, webhooks, health and metrics.", RUN, verb=True),
    "worker": Entry("Run the worker role: pushes to and pulls from the shops.", RUN, verb=True),
    "db": Entry("The database: upgrade, check, backup, restore.", RUN),
    "health": Entry("Ask the running service whether it is well.", RUN, verb=True),
    "settings": Entry("All settings: value, default, meaning.", RUN, verb=True),
    "secret": Entry("The keys that encrypt the shops' credentials.", RUN),
    "account": Entry("Accounts: merchants.", SET_UP),
    "store": Entry("Stores: one connection of a POS each.", SET_UP),
    "user": Entry("Users of a store: what a POS logs in with.", SET_UP),
    "location": Entry("Locations of a store: where the POS keeps goods.", SET_UP),
    "channel": Entry("Channels: the shops.", SET_UP),
    "sandbox": Entry("Sandbox shops: try everything without owning a shop.", SET_UP),
    "hipcommerce": Entry("For developers of a shop: a reference shop, and a test of their own.", SET_UP),
    "connector": Entry("Connectors: begin one for a further platform, in a checkout.", SET_UP),
    "status": Entry("How it is going, on one screen.", WORK, verb=True),
    "sync": Entry("Bring a channel up to date now.", WORK, verb=True),
    "product": Entry("Products: what the POS said and what each shop has.", WORK),
    "order": Entry("Orders, transactions and captures on their way to the POS.", WORK),
    "shipment": Entry("Shipments that the POS saved.", WORK),
    "customer": Entry("Shop customers and the POS's ids for them.", WORK),
    "issue": Entry("Issues: what a person must look at.", WORK),
    "call": Entry("Calls that the POS made.", WORK),
    "attempt": Entry("Requests that were made to the shops.", WORK),
}


def _with_json(function: Callable[..., Any]) -> Callable[..., Any]:
    """The same command with a `--json` option."""

    @functools.wraps(function)
    def command(*args: Any, json: bool, **options: Any) -> Any:
        use_json(json)
        return function(*args, **options)

    if "json" in inspect.signature(function).parameters:
        return function
    option = Annotated[bool, typer.Option("--json", help="Answer with one JSON document.")]
    signature = inspect.signature(function, eval_str=True)
    extra = inspect.Parameter("json", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
    parameters = list(signature.parameters.values())
    place = next((i for i, p in enumerate(parameters) if p.kind is inspect.Parameter.VAR_KEYWORD), len(parameters))
    parameters.insert(place, extra)
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def _prepare(app: typer.Typer) -> typer.Typer:
    for info in app.registered_commands:
        if info.callback is not None:
            info.callback = _with_json(info.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            _prepare(group.typer_instance)
    return app


@functools.cache
def load(name: str) -> Any:
    """The command or group of one module."""
    app = _prepare(importlib.import_module(f"integrator.cli.{name}").app)
    app._add_completion = False
    loaded = typer.main.get_command(app) if COMMANDS[name].verb else typer.main.get_group(app)
    loaded.name = name
    loaded.no_args_is_help = not COMMANDS[name].verb
    return loaded


class Commands(TyperGroup):
    """Lists the table above; imports a module when its command is called."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.listing = False
        for name, entry in COMMANDS.items():
            if find_spec(f"integrator.cli.{name}") is not None:
                self.commands[name] = TyperCommand(name=name, help=entry.help, rich_help_panel=entry.panel)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if self.listing or cmd_name not in self.commands:
            return self.commands.get(cmd_name)
        return load(cmd_name)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        self.listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self.listing = False


def _version(value: bool) -> None:
    if value:
        from integrator import __version__

        typer.echo(f"integrator {__version__}")
        raise typer.Exit


app = typer.Typer(cls=Commands, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback(
    epilog="Exit codes: 0 done, 1 something failed, 2 wrong usage or setting, 3 not found, "
    "4 database or shop not reachable."
)
def integrator(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """A POS writes to one SOAP service, every shop follows, and its orders come back."""


def _failure(error: Exception) -> Failed | None:
    """What a known error means to the person at the command line; None for a bug."""
    import psycopg2
    from sqlalchemy.exc import InterfaceError, OperationalError

    from integrator.accounts.errors import NotFound, Refused
    from integrator.connectors.base import ConnectorError, Transient
    from integrator.settings import SettingsError
    from integrator.store.backup import BackupError
    from integrator.store.embedded import EmbeddedError
    from integrator.store.engine import DatabaseUnavailable

    match error:
        case Failed():
            return error
        case SettingsError():
            return Failed(str(error), code=Exit.USAGE)
        case NotFound():
            return Failed(str(error), hint=error.hint, code=Exit.NOT_FOUND)
        case Refused():
            return Failed(str(error), hint=error.hint)
        case BackupError():
            return Failed(str(error))
        case EmbeddedError():
            return Failed(str(error), code=Exit.UNREACHABLE)
        case DatabaseUnavailable() | OperationalError() | InterfaceError() | psycopg2.OperationalError():
            return _database_failure(error)
        case ConnectorError():
            code = Exit.UNREACHABLE if isinstance(error, Transient) else Exit.FAILED
            return Failed(error.message, hint=error.hint, code=code)
    return None


# SQLSTATEs by which a database that was reached says that it cannot work now, and what helps
DATABASE_HINTS = {
    "53100": "Make room on the disk of the database.",
    "53200": "Give the database server more memory.",
    "53300": "Raise max_connections of the server, or run fewer web processes and workers.",
    "55P03": "Something else holds a lock on it; try again when that has ended.",
    "57014": "It took too long; try again when the database has less to do.",
}


def _database_failure(error: BaseException) -> Failed:
    """The reason is the driver's; by its SQLSTATE a server that cannot work is told from one that is not there."""
    cause: BaseException | None = error
    state = None
    while cause is not None and state is None:
        state = getattr(getattr(cause, "orig", cause), "pgcode", None)
        cause = cause.__cause__
    reason = str(getattr(error, "orig", error)).strip()
    if hint := DATABASE_HINTS.get(state or ""):
        return Failed(f"The database cannot do it now: {reason}", hint=hint, code=Exit.UNREACHABLE)
    return Failed(
        f"The database cannot be reached: {reason}",
        hint="Check DATABASE_URL and that PostgreSQL is running.",
        code=Exit.UNREACHABLE,
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point. Ends the process with one of the exit codes."""
    try:
        app(args=None if arguments is None else list(arguments), prog_name="integrator")
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of a pipe left; nothing is wrong
        sys.exit(Exit.OK)
    except Exception as error:
        known = _failure(error)
        if known is None:
            raise
        output().error(known.message, hint=known.hint, code=known.code)
        sys.exit(int(known.code))
