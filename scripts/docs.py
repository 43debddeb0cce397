# ruff: noqa: E501 - prose
"""Writes the pages of docs/, and the parts of README.md, that are made from the code; with --check only compares. Run it by `scripts/docs`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from integrator.connectors.base import Capabilities

DOCS = Path(__file__).resolve().parents[1] / "docs"
MADE = "<!-- made by scripts/docs from the code; change the code, not this page -->\n\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def errors() -> str:
    from integrator.codes import CATALOGUE, ISSUES, Code

    def rows(wanted: Callable[[Code], bool]) -> str:
        found = ((f"`{code}`", CATALOGUE[code].meaning, CATALOGUE[code].remedy) for code in Code if wanted(code))
        return table(("Code", "What it means", "What to do"), found)

    return (
        "# Codes\n\nThey are stable: a code is never renamed and never gets another meaning. The message beside a code names "
        "the value and the field.\n\n"
        "## Of an item or a record\n\nIn `Results`; the other items of the call are applied.\n\n"
        + rows(lambda code: code not in ISSUES and not CATALOGUE[code].whole_call)
        + "\n## Of a whole call\n\nIn the detail of a Fault; nothing was applied. `Client`: do not send it again unchanged. "
        "`Server`: send it again later.\n\n"
        + rows(lambda code: CATALOGUE[code].whole_call)
        + "\n## Of issues\n\nWhat an operator sees in `integrator issue list`. A connector may file codes of its own beside "
        "these; the message and the hint say what they are.\n\n" + rows(lambda code: code in ISSUES)
    )


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None or value in ("", [], {}):
        return ""
    return f"`{value.get_secret_value() if isinstance(value, SecretStr) else value}`"


def _fields(model: type[BaseModel], name: Callable[[str, FieldInfo], str], without: Iterable[str] = ()) -> str:
    skipped = set(without)
    rows = ((f"`{name(key, field)}`", _default(field), field.description or "")
            for key, field in model.model_fields.items() if key not in skipped)  # fmt: skip
    return table(("Name", "Default", "Meaning"), rows)


def settings() -> str:
    from integrator.accounts.settings import StoreSettings
    from integrator.connectors import registry
    from integrator.connectors.base import ChannelSettings
    from integrator.settings import Settings

    def variable(key: str, _field: FieldInfo) -> str:
        return "DATABASE_URL" if key == "database_url" else f"INTEGRATOR_{key.upper()}"

    def option(key: str, _field: FieldInfo) -> str:
        return f"--{key.replace('_', '-')}"

    parts = [
        "# Settings\n\n## Of the service\n\nBy environment variables or in a file `.env`; `integrator settings` shows what is in "
        "force. A wrong one is refused at the start with its name, its value and the remedy.\n\n",
        _fields(Settings, variable),
        "\n## Of a store\n\n`integrator store add` and `integrator store edit` take them as options.\n\n",
        _fields(StoreSettings, option),
        "\n## Of every channel\n\n`integrator channel add` and `integrator channel edit` take them as options.\n\n",
        _fields(ChannelSettings, option),
    ]
    for platform in registry.platforms():
        kind = registry.connector(platform)
        parts += [f"\n## Of {kind.title}\n\nCredentials:\n\n", _fields(kind.credentials_model, option)]
        if set(kind.settings_model.model_fields) - set(ChannelSettings.model_fields):
            parts += ["\nSettings beside those of every channel:\n\n",
                      _fields(kind.settings_model, option, ChannelSettings.model_fields)]  # fmt: skip
    return "".join(parts)


def _commands(group: Any, path: str) -> Iterable[tuple[str, str]]:
    from integrator.cli import COMMANDS, load

    for name in sorted(group.commands):
        command = load(name) if path == "integrator" and name in COMMANDS else group.commands[name]
        full = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, full)
            continue
        arguments = " ".join(
            str(getattr(parameter, "metavar", None) or parameter.name.upper())
            for parameter in command.params
            if parameter.param_type_name == "argument"
        )
        help_text = (command.help or "").strip().split("\n\n")[0]
        yield f"{full} {arguments}".strip(), " ".join(help_text.split())


def commands() -> str:
    import typer.main

    from integrator.cli import app

    rows = ((f"`{name}`", text) for name, text in _commands(typer.main.get_command(app), "integrator"))
    return (
        "# Commands\n\nEvery command has `--help` with its options and `--json` for scripts. Exit codes: 0 done, 1 something "
        "failed, 2 wrong usage or setting, 3 not found, 4 database or shop not reachable.\n\n"
        + table(("Command", "What it does"), rows)
    )


CAN: dict[str, Callable[[Capabilities], bool | int | str]] = {
    "New products arrive hidden, as drafts": lambda can: can.drafts,
    "Options of a style, at most": lambda can: can.max_options,
    "Variants of a style, at most": lambda can: can.max_variants or "no limit",
    "The shop starts and ends sales itself (else this service does)": lambda can: can.sale_windows,
    "Price tiers": lambda can: can.price_tiers,
    "Stock per location (else the sum)": lambda can: can.locations,
    "Decimal places of a quantity": lambda can: can.quantity_decimals,
    "Stock is compared before it is set": lambda can: can.compare_and_set,
    "Several shipments of one order": lambda can: can.partial_shipments,
    "Money is captured from here": lambda can: can.capture,
    "In part, with each shipment": lambda can: can.partial_capture,
    "The shop announces orders by webhook (else they are polled)": lambda can: can.webhooks,
    "Styles in one batch": lambda can: can.content_batch,
    "Prices in one batch": lambda can: can.price_batch,
    "Quantities in one batch": lambda can: can.stock_batch,
    "Orders read in one page": lambda can: can.order_page,
}


def platforms() -> str:
    """What each platform can do, a column each; the sandbox, which is no shop, comes last."""
    from integrator.connectors import registry

    kinds = [registry.connector(name) for name in registry.platforms()]
    kinds.sort(key=lambda kind: (kind.platform == "sandbox", kind.title.casefold()))

    def cell(value: bool | int | str) -> str:
        if isinstance(value, bool):
            return "✓" if value else "–"
        return f"{value:,}" if isinstance(value, int) else value

    rows = [(words, *(cell(ask(kind.capabilities)) for kind in kinds)) for words, ask in CAN.items()]
    quotas = "".join(f"- {kind.title}: {kind.capabilities.quota}\n" for kind in kinds if kind.capabilities.quota)
    return table(("", *(kind.title for kind in kinds)), rows) + (
        f"\nThe platforms' own limits:\n\n{quotas}" if quotas else ""
    )


PAGES: dict[str, Callable[[], str]] = {"errors.md": errors, "settings.md": settings, "commands.md": commands}

# Parts of pages that are written by hand: between <!-- NAME:begin --> and <!-- NAME:end -->, from the root.
PARTS: dict[str, dict[str, Callable[[], str]]] = {"README.md": {"platforms": platforms}}


def with_part(text: str, name: str, made: str) -> str:
    """Raises SystemExit where the page has not both marks."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->\n"
    head, found, rest = text.partition(begin)
    _, closed, tail = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"The page has no {begin.strip()} … {end.strip()} for the part {name!r}.")
    return head + begin + made + end + tail


def wanted() -> Iterable[tuple[str, Path, str]]:
    """Each page that the code makes or has a part in: its name, where it is, what has to be there."""
    for name, page in PAGES.items():
        yield name, DOCS / name, MADE + page()
    for name, parts in PARTS.items():
        path = DOCS.parent / name
        text = path.read_text("utf-8")
        for part, make in parts.items():
            text = with_part(text, part, make())
        yield name, path, text


def main() -> int:
    stale = []
    for name, path, text in wanted():
        if path.exists() and path.read_text("utf-8") == text:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.write_text(text, "utf-8")
    if stale:
        print(f"{'Not what the code says' if '--check' in sys.argv else 'Written'}: {', '.join(stale)}")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
