"""Options made from a settings model: one form for every platform's credentials and for every setting.

    integrator channel add STORE woocommerce --url https://shop.example --consumer-key - --safety-stock 2

`--some-field VALUE`, `--some-field=VALUE` and `--set some_field=VALUE` mean the same; `--flag` and `--no-flag` are for
yes and no; lists take several values (repeat the option, or part them with commas), maps take `key=value`; both
take JSON. `--unset some_field` puts a setting back to its default. A secret may be `-` (one line of stdin),
`@file`, or left out and given as the environment variable INTEGRATOR_CHANNEL_<FIELD>; on a terminal it is asked for.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any

import typer
from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from integrator.cli.output import Exit, Failed, output

# for the commands that take such options; their own arguments come first
CONTEXT = {"ignore_unknown_options": True, "allow_extra_args": True}
VARIABLE = "INTEGRATOR_CHANNEL_"


@dataclass(frozen=True, slots=True)
class Option:
    """One field of a model as an option of the command line. `kind`: text, flag, list or map."""

    name: str
    kind: str
    secret: bool
    required: bool
    description: str
    default: str

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    @property
    def form(self) -> str:
        words = {"flag": "", "list": " VALUE ...", "map": " KEY=VALUE ...", "text": " VALUE"}
        return f"{self.flag}{words[self.kind]}"


def _parts(annotation: Any) -> set[Any]:
    """The types of an annotation, without Optional and Annotated."""
    origin = typing.get_origin(annotation)
    if origin in (typing.Union, UnionType):
        return {part for one in typing.get_args(annotation) for part in _parts(one)} - {type(None)}
    if origin is typing.Annotated:
        return _parts(typing.get_args(annotation)[0])
    return {origin or annotation}


def _option(name: str, info: FieldInfo) -> Option:
    parts = _parts(info.annotation)
    kind = "flag" if parts == {bool} else "list" if parts & {list, tuple, set} else "map" if dict in parts else "text"
    default = info.get_default(call_default_factory=False) if not info.is_required() else None
    shown = "" if default in (None, "", [], {}) or info.default_factory else json.dumps(default, default=str).strip('"')
    return Option(name, kind, SecretStr in parts, info.is_required(), info.description or "", shown)


def options_of(model: type[BaseModel]) -> dict[str, Option]:
    return {name: _option(name, info) for name, info in model.model_fields.items()}


@dataclass(slots=True)
class Given:
    """What stood on the command line, by field. A map that is None in `values` was unset."""

    values: dict[str, Any] = field(default_factory=dict)

    def of(self, model: type[BaseModel]) -> dict[str, Any]:
        return {name: value for name, value in self.values.items() if name in model.model_fields}

    def merged(self, model: type[BaseModel], current: Mapping[str, Any]) -> dict[str, Any]:
        """For an edit: entries of maps are added to the current ones, an empty value takes one away."""
        changed = self.of(model)
        for name, value in changed.items():
            if isinstance(value, dict) and isinstance(current.get(name), Mapping):
                both = {**current[name], **value}
                changed[name] = {key: one for key, one in both.items() if one != ""}
        return changed


def _usage(message: str, hint: str = "") -> Failed:
    return Failed(message, hint=hint, code=Exit.USAGE)


def _pairs(arguments: Sequence[str], known: Mapping[str, Option]) -> Iterator[tuple[Option, str | None]]:
    """Option and raw value of each argument; None as a value is `--unset`."""
    waiting = list(arguments)
    while waiting:
        word = waiting.pop(0)
        if not word.startswith("--"):
            raise _usage(f"{word!r} is not expected here.", "Options are written as --name VALUE.")
        flag, has_value, value = word[2:].partition("=")
        name = flag.replace("-", "_")
        if name in ("set", "unset"):
            text = value if has_value else waiting.pop(0) if waiting else ""
            target, has_value, value = text.partition("=")
            name = target.strip().replace("-", "_")
            if name in known and flag == "unset":
                yield known[name], None
                continue
            if not has_value:
                raise _usage(f"--{flag} {text!r} is not complete.", "Write it as --set name=value, or --unset name.")
            has_value = "="
        option = known.get(name)
        if option is None and name.startswith("no_") and (option := known.get(name[3:])) and option.kind == "flag":
            yield option, "false"
            continue
        if option is None:
            near = get_close_matches(name, known, n=1)
            raise _usage(
                f"There is no option --{name.replace('_', '-')}.",
                f"Did you mean {known[near[0]].flag}?" if near else "See them with --help.",
            )
        if has_value:
            yield option, value
        elif option.kind == "flag":
            yield option, "true"
        elif waiting and (not waiting[0].startswith("--") or option.kind == "text"):
            yield option, waiting.pop(0)
        else:
            raise _usage(f"{option.flag} needs a value.")


def _json_or(text: str, opening: str) -> Any:
    if not text.lstrip().startswith(opening):
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise _usage(f"{text[:60]!r} is not JSON: {error}.") from None


def _secret(option: Option, text: str) -> str:
    if text == "-":
        return sys.stdin.readline().rstrip("\r\n")
    if text.startswith("@"):
        try:
            return Path(text[1:]).read_text("utf-8").strip()
        except OSError as error:
            raise _usage(f"{option.flag} {text}: {error.strerror}.") from None
    return text


def _add(found: dict[str, Any], option: Option, text: str) -> None:
    if option.kind == "list":
        given = _json_or(text, "[")
        if given is None:
            given = [part.strip() for part in text.split(",") if part.strip()]
        found.setdefault(option.name, []).extend(given)
    elif option.kind == "map":
        given = _json_or(text, "{")
        if given is None:
            key, separator, value = text.partition("=")
            if not separator:
                raise _usage(f"{option.flag} {text!r} is not complete.", "Write it as KEY=VALUE, or as JSON.")
            given = {key.strip(): value.strip()}
        found.setdefault(option.name, {}).update(given)
    else:
        found[option.name] = _secret(option, text) if option.secret else text


def parse(arguments: Sequence[str], *models: type[BaseModel]) -> Given:
    """The options that the fields of these models make. Raises Failed with exit code 2."""
    known = {name: option for model in models for name, option in options_of(model).items()}
    found: dict[str, Any] = {}
    for option, text in _pairs(arguments, known):
        if text is None:
            found[option.name] = None
        else:
            _add(found, option, text)
    return Given(found)


def complete(given: Given, model: type[BaseModel], *, ask: bool = True) -> None:
    """Adds what was not given from the environment, else, what is required, by asking on a terminal."""
    for name, option in options_of(model).items():
        if name in given.values:
            continue
        variable = VARIABLE + name.upper()
        if variable in os.environ:
            _add(given.values, option, os.environ[variable])
        elif ask and option.required and sys.stdin.isatty() and not output().json:
            question = f"{option.description or name}: "
            given.values[name] = getpass.getpass(question, sys.stderr) if option.secret else input(question)


def show_help(ctx: typer.Context, *groups: tuple[str, type[BaseModel]]) -> None:
    """The command's help, then a table of options for each model; ends the command."""
    from rich.table import Table
    from rich.text import Text

    out = output()
    typer.echo(ctx.get_help())
    for title, model in groups:
        table = Table(
            title=title, title_justify="left", title_style="bold", show_header=False, box=None, padding=(0, 2, 0, 1)
        )
        table.add_column(no_wrap=True, style="cyan")
        table.add_column(overflow="fold")
        for option in options_of(model).values():
            notes = [option.description]
            if option.required:
                notes.append("(required)")
            elif option.default:
                notes.append(f"(default: {option.default})")
            table.add_row(option.form, Text(" ".join(note for note in notes if note)))
        out.console.print(table)
    out.console.print(
        "A secret may be - (a line of stdin), @file, or the environment variable INTEGRATOR_CHANNEL_<FIELD>.\n"
        "--set name=value is the same as --name value; --unset name puts a setting back to its default.",
        markup=False,
        style="dim",
    )
    raise typer.Exit


HELP = typer.Option("--help", help="Show this message and exit.")


def positional(**values: str | None) -> None:
    """They are there, and none of them is an option that came too early."""
    for name, value in values.items():
        if value is None:
            raise _usage(f"{name.upper()} is missing.", "See --help.")
        if value.startswith("-"):
            raise _usage(f"{value!r} came before {name.upper()}.", "Write the arguments first, then the options.")
