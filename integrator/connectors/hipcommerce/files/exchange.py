"""The rules of the exchange, the same for both sides: names, markers, numbers, acknowledgements.

    in/       what goes into the shop; Integrator writes, the shop reads
    out/      what comes out of the shop; the shop writes, Integrator reads
    archive/  what its reader has carried out      failed/  what its reader could not read at all

A file is KIND-NUMBER.csv or .xml, with nine digits; numbers rise over all kinds of one writer. It is written as
NAME.tmp, renamed to NAME, and then an empty NAME.done says that it is there: a file without it is not looked at. The
reader carries it out, puts NAME.ack.csv (with its own .done) into the other folder, one row for each record, and moves
the file away. An acknowledgement is not acknowledged; who reads it moves it to archive/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from integrator.connectors.hipcommerce.files.codec import KINDS, Unreadable, decode, encode
from integrator.connectors.hipcommerce.files.transport import ARCHIVE, FAILED, IN, OUT, Transport

DONE = ".done"
ACK = ".ack.csv"
SEQUENCE = ".sequence"
NAME = re.compile(r"(?P<kind>[a-z]+)-(?P<number>[0-9]{9})\.(?P<form>csv|xml)")
READABLE = frozenset(KINDS) - {"ack"}


@dataclass(frozen=True, slots=True, order=True)
class Named:
    """A file, by what its name says."""

    number: int
    kind: str
    form: str

    @property
    def name(self) -> str:
        return f"{self.kind}-{self.number:09}.{self.form}"


def named(name: str) -> Named | None:
    found = NAME.fullmatch(name)
    if found is None or found["kind"] not in READABLE:
        return None
    return Named(int(found["number"]), found["kind"], found["form"])


def ack_row(row: int, key: str, status: int, code: str, message: str = "") -> dict[str, Any]:
    return {"row": str(row), "key": key, "status": str(status), "code": code, "message": message}


class Side:
    """One of the two: `writes` is its own folder, `reads` the other's."""

    def __init__(self, transport: Transport, *, shop: bool = False) -> None:
        self.transport = transport
        self.writes, self.reads = (OUT, IN) if shop else (IN, OUT)

    # -- writing

    def next_number(self) -> int:
        """One above the last; found again from the files where the note of it is lost."""
        names = self.transport.names(self.writes)
        numbers = [one.number for one in map(_bare, names) if one is not None]
        if SEQUENCE in names:
            text = self.transport.read(self.writes, SEQUENCE).decode("ascii", "replace").strip()
            if text.isdigit():
                return max([int(text), *numbers]) + 1
        for folder in (ARCHIVE, FAILED):
            numbers += [one.number for one in map(_bare, self.transport.names(folder)) if one is not None]
        return max(numbers, default=0) + 1

    def place(self, kind: str, records: Sequence[Mapping[str, Any]], form: str, *, number: int = 0) -> Named:
        """Hand records over. `number`: of a file that belongs to another, else the next one."""
        file = Named(number or self.next_number(), kind, form)
        self.transport.write(self.writes, SEQUENCE, str(file.number).encode())
        self._put(file.name, encode(kind, records, form))
        return file

    def _put(self, name: str, content: bytes) -> None:
        self.transport.write(self.writes, name, content)
        self.transport.write(self.writes, name + DONE, b"")

    # -- reading

    def waiting(self, folder: str = "") -> list[Named]:
        """Files that are complete, in the order in which they were written."""
        names = set(self.transport.names(folder or self.reads))
        found = (named(one.removesuffix(DONE)) for one in names if one.endswith(DONE))
        return sorted(one for one in found if one is not None and one.name in names)

    def read(self, file: Named, folder: str = "") -> list[tuple[int, dict[str, Any]]]:
        """Raises Unreadable."""
        return decode(file.kind, self.transport.read(folder or self.reads, file.name), file.form)

    def finish(self, file: Named, rows: Sequence[Mapping[str, Any]]) -> None:
        """It is carried out: acknowledge and put it away. Repeating it after an interruption does no harm."""
        self._acknowledge(file, rows, ARCHIVE)

    def fail(self, file: Named, reason: str) -> None:
        """It cannot be read: say so and move it aside, so that it stops nobody."""
        self._acknowledge(file, [ack_row(0, "", 422, "file_unreadable", reason)], FAILED)

    def _acknowledge(self, file: Named, rows: Sequence[Mapping[str, Any]], to: str) -> None:
        self._put(file.name + ACK, encode("ack", rows or [ack_row(0, "", 200, "ok")], "csv"))
        self.put_away(file.name, to)

    def put_away(self, name: str, to: str = ARCHIVE) -> None:
        self.transport.move(self.reads, name, to)
        self.transport.remove(self.reads, name + DONE)

    # -- acknowledgements of what we wrote

    def acknowledgements(self) -> list[Named]:
        """Of which of our files the other side has acknowledged."""
        names = set(self.transport.names(self.reads))
        found = (named(one.removesuffix(ACK + DONE)) for one in names if one.endswith(ACK + DONE))
        return sorted(one for one in found if one is not None and one.name + ACK in names)

    def acknowledged(self, file: Named) -> list[dict[str, Any]]:
        """Its rows. Raises Unreadable."""
        return [row for _, row in decode("ack", self.transport.read(self.reads, file.name + ACK), "csv")]


def _bare(name: str) -> Named | None:
    return named(name.removesuffix(DONE).removesuffix(ACK))


__all__ = ["Named", "Side", "Unreadable", "ack_row", "named"]
