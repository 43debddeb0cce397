"""What the demo shows: a line a step, a bar where it takes a while, and the table of the ten operations."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

OPERATIONS = (
    "UpdatePOSProducts", "UpdateInventory", "UpdatePricing",
    "GetNewOrders", "ConfirmOrders", "GetNewTransactions", "ConfirmTransactions", "GetNewCaptures", "ConfirmCaptures",
    "SaveShipments",
)  # fmt: skip


@dataclass
class Row:
    calls: int = 0
    items: int = 0
    seconds: float = 0.0
    outcome: str = "not called"
    ok: bool = False


@dataclass
class Report:
    console: Console = field(default_factory=lambda: Console(highlight=False))
    rows: dict[str, Row] = field(default_factory=lambda: {name: Row() for name in OPERATIONS})

    def heading(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]")

    def line(self, text: str, *, good: bool = True) -> None:
        self.console.print(f"  [{'green]✓' if good else 'red]✗'}[/] {text}")

    @contextmanager
    def bar(self, text: str, total: int) -> Iterator[Callable[[int], None]]:
        """`done(n)`: n of `total` are done now."""
        columns = (TextColumn("  {task.description:<44}"), BarColumn(28), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console) as progress:
            task = progress.add_task(text, total=total)
            yield lambda done: progress.update(task, completed=done)

    @contextmanager
    def timed(self, operation: str, items: int) -> Iterator[Row]:
        """Counts one call of an operation; the caller sets `ok` and `outcome`."""
        row, started = self.rows[operation], time.monotonic()
        yield row
        row.calls += 1
        row.items += items
        row.seconds += time.monotonic() - started

    def judge(self, operation: str, ok: bool, outcome: str) -> None:
        self.rows[operation].ok, self.rows[operation].outcome = ok, outcome

    @property
    def ok(self) -> bool:
        return all(row.ok for row in self.rows.values())

    def table(self) -> None:
        table = Table(title="The ten operations", title_justify="left", title_style="bold")
        for name, justify in (("Operation", "left"), ("Calls", "right"), ("Records", "right"), ("Seconds", "right"),
                              ("Outcome", "left")):  # fmt: skip
            table.add_column(name, justify=justify)  # type: ignore[arg-type]
        for operation, row in self.rows.items():
            mark = "[green]✓[/]" if row.ok else "[red]✗[/]"
            table.add_row(operation, str(row.calls), str(row.items), f"{row.seconds:.2f}", f"{mark} {row.outcome}")
        self.console.print()
        self.console.print(table)
