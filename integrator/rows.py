"""The form in which the contract hands items to the domain: plain rows, nothing of SOAP left.

`values` has a key for each field that was sent, by its contract name: Decimal, aware datetime (UTC), bool, int,
str, or a list of such dicts for an array. The three states of the contract stay apart:

    absent                  no key            unchanged
    xsi:nil="true"          key with None     cleared
    empty element           key with ""       empty text (for a field that is not text: a problem)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from integrator.codes import Problem


@dataclass(slots=True)
class Row:
    """One item of a call. With a `problem` (found while reading) it is answered and goes no further."""

    index: int
    values: dict[str, Any]
    problem: Problem | None = None
    warnings: list[str] | None = None
