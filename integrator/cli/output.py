"""What every command says, and how it ends.

    out = output()
    out.table(rows, columns={"code": "StoreId", "name": "Name"}, title="Stores")
    out.record({"Id": 7, "Name": "Shop"})
    with out.progress("Reading orders", total=120) as step: step(10)
    raise Failed("There is no store 'X'.", hint="See them with: integrator store list", code=Exit.NOT_FOUND)

Results go to stdout: a table for people, one JSON document with `--json` (which every command has; the
command's author does nothing for it). Messages, progress and errors go to stderr, so that a pipe only gets
the result. With `--json` an error is one JSON object on stderr: {"error": {"message", "hint", "exit_code"}}.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

if TYPE_CHECKING:
    from rich.console import Console


class Step(Protocol):
    """Moves a progress bar on."""

    def __call__(self, advance: float = 1) -> None: ...


def _no_step(advance: float = 1) -> None:
    """Where nobody looks."""


class Exit(IntEnum):
    """Exit codes, the same for every command."""

    OK = 0
    FAILED = 1  # it was tried and something failed, or it was refused
    USAGE = 2  # wrong arguments, or a wrong setting
    NOT_FOUND = 3  # the thing that was named does not exist
    UNREACHABLE = 4  # the database, or a shop, cannot be reached
    INTERRUPTED = 130  # Ctrl-C


class Failed(Exception):
    """Ends the command: the message and the hint to stderr, the exit code to the shell."""

    def __init__(self, message: str, *, hint: str = "", code: Exit = Exit.FAILED) -> None:
        super().__init__(message)
        self.message, self.hint, self.code = message, hint, code


def plain(value: Any) -> Any:
    """Any value of ours as JSON: decimals as text, times in UTC with Z, secrets masked."""
    if value is None or isinstance(value, bool | int | float | str):
        return value.value if isinstance(value, Enum) else value
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, datetime):
        utc = value.astimezone(UTC) if value.tzinfo else value
        return utc.isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID | Path):
        return str(value)
    if isinstance(value, Enum):
        return plain(value.value)
    if hasattr(value, "model_dump"):  # pydantic
        return plain(value.model_dump(mode="json"))
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, list | tuple | set | frozenset) or hasattr(value, "__iter__"):
        return [plain(one) for one in value]
    return str(value)


def ago(moment: datetime | None, now: datetime | None = None) -> str:
    """ "3 min ago", "in 2 h", "-" for never."""
    if moment is None:
        return "-"
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    size = abs(seconds)
    for limit, unit, width in ((90, "s", 1), (5400, "min", 60), (129_600, "h", 3600)):
        if size < limit:
            text = f"{round(size / width)} {unit}"
            break
    else:
        text = f"{round(size / 86_400)} days"
    return f"{text} ago" if seconds >= 0 else f"in {text}"


def cell(value: Any) -> str:
    """A value in a table for people."""
    if value is None or value == "":
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") + "Z" if value.tzinfo else str(value)
    simple = plain(value)
    if isinstance(simple, dict):
        return ", ".join(f"{key}={cell(one)}" for key, one in simple.items()) or "-"
    if isinstance(simple, list):
        return ", ".join(cell(one) for one in simple) or "-"
    return str(simple)


def heading(key: str) -> str:
    """`last_used_at` -> "Last used at"; names with capitals of their own (StoreId) stay."""
    return key if key != key.lower() else key.replace("_", " ").capitalize()


class Output:
    """Made by `output()`. `json` is whether the command was called with --json."""

    def __init__(self, *, json: bool = False) -> None:
        self.json = json
        self._stdout: Console | None = None
        self._stderr: Console | None = None

    # -- where it goes

    @property
    def console(self) -> Console:
        """stdout, for results that are neither a table nor a record."""
        if self._stdout is None:
            self._stdout = self._console(stderr=False)
        return self._stdout

    @property
    def messages(self) -> Console:
        """stderr."""
        if self._stderr is None:
            self._stderr = self._console(stderr=True)
        return self._stderr

    @staticmethod
    def _console(*, stderr: bool) -> Console:
        from rich.console import Console

        stream = sys.stderr if stderr else sys.stdout
        # a pipe or a file has no width: nothing is cut there
        return Console(stderr=stderr, highlight=False, soft_wrap=False, width=None if stream.isatty() else 200)

    # -- results, on stdout

    def data(self, value: Any) -> None:
        """One JSON document, whatever the mode."""
        sys.stdout.write(json.dumps(plain(value), indent=2, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def table(
        self,
        rows: Sequence[Mapping[str, Any]],
        *,
        columns: Mapping[str, str] | None = None,
        title: str = "",
        empty: str = "There is nothing to show.",
        data: Any = None,
    ) -> None:
        """`columns`: key -> heading, in order; JSON gets every key. `data`: another JSON document than the rows."""
        if self.json:
            self.data(rows if data is None else data)
            return
        if not rows:
            self.messages.print(empty, markup=False)
            return
        from rich.table import Table
        from rich.text import Text

        headings = columns or {key: heading(key) for key in rows[0]}
        table = Table(title=title or None, title_justify="left", header_style="bold", expand=False)
        for key, title_ in headings.items():
            numeric = all(
                isinstance(row.get(key), int | float | Decimal) and not isinstance(row.get(key), bool) for row in rows
            )
            table.add_column(title_, justify="right" if numeric else "left", overflow="fold")
        for row in rows:
            table.add_row(*(row[k] if isinstance(row.get(k), Text) else Text(cell(row.get(k))) for k in headings))
        self.console.print(table)

    def record(self, values: Mapping[str, Any], *, title: str = "", labels: Mapping[str, str] | None = None) -> None:
        """One thing: its names and values. `labels`: key -> what people read."""
        if self.json:
            self.data(values)
            return
        from rich.table import Table
        from rich.text import Text

        table = Table(title=title or None, title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold", no_wrap=True)
        table.add_column(overflow="fold")
        for key, value in values.items():
            label = (labels or {}).get(key, heading(key))
            table.add_row(label, value if isinstance(value, Text) else Text(cell(value)))
        self.console.print(table)

    def done(self, message: str, **values: Any) -> None:
        """What a command did: the sentence for people, the values (with the sentence) as JSON."""
        if self.json:
            self.data({"message": message, **values})
        else:
            from rich.text import Text

            self.console.print(Text.assemble(("✓ ", "green"), message))

    def ready(self, values: Mapping[str, Any], message: str) -> None:
        """The one line on stdout by which a role says that it works now (JSON: on one line as well)."""
        line = json.dumps(plain(values), ensure_ascii=False) if self.json else message
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    # -- messages, on stderr

    def note(self, message: str) -> None:
        """Said to people only."""
        if not self.json:
            self.messages.print(message, markup=False, style="dim")

    def warn(self, message: str) -> None:
        from rich.text import Text

        if self.json:
            sys.stderr.write(json.dumps({"warning": message}, ensure_ascii=False) + "\n")
        else:
            self.messages.print(Text.assemble(("! ", "bold yellow"), message))

    def error(self, message: str, *, hint: str = "", code: Exit = Exit.FAILED) -> None:
        """Prints it; `raise Failed(...)` also ends the command."""
        if self.json:
            problem = {"error": {"message": message, "hint": hint, "exit_code": int(code)}}
            sys.stderr.write(json.dumps(problem, ensure_ascii=False) + "\n")
            return
        from rich.text import Text

        self.messages.print(Text.assemble(("✗ ", "bold red"), message))
        if hint:
            self.messages.print(Text.assemble(("  ", ""), (hint, "dim")))

    @contextmanager
    def progress(self, description: str, total: float | None = None) -> Iterator[Step]:
        """A bar on a terminal, silence elsewhere: `step(n)` moves it on by n."""
        if self.json or not sys.stderr.isatty():
            yield _no_step
            return
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            SpinnerColumn,
            TextColumn,
            TimeElapsedColumn,
        )

        columns = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        counted = [MofNCompleteColumn()] if total else []
        with Progress(*columns, *counted, TimeElapsedColumn(), console=self.messages, transient=True) as bar:
            task = bar.add_task(description, total=total)

            def step(advance: float = 1) -> None:
                bar.update(task, advance=advance)

            yield step


_json = False


def use_json(value: bool) -> None:
    """Called by the command line for --json; a process is one command."""
    global _json  # noqa: PLW0603
    _json = value


def output() -> Output:
    """The output of the command that is running."""
    return Output(json=_json)
