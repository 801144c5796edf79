"""What the tables of advice are made of.

Each table is an enumeration of all that can be found, `Setup`, `Network` and `Answers`: how it
stands, what is said of it, and what to do about it. The texts have places for facts.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, NamedTuple

from target_tocobagus.cli.check.finding import Check, Finding, Standing


class Row(NamedTuple):
    """A row of a table.

    Attributes:
        blocks: Why nothing that comes after can be checked; empty where it can.
    """

    check: Check
    standing: Standing
    found: str
    todo: str = ""
    blocks: str = ""


class Diagnosis(Enum):
    """Something that can be found; its value is a `Row`."""

    def finding(
        self,
        *,
        command: str = "",
        points: tuple[str, ...] = (),
        quoted: tuple[str, ...] = (),
        **facts: Any,
    ) -> Finding:
        """Fill in the facts.

        Args:
            command: What shows more; it is left out where the row has nothing to be done.
            points: Several things that were found.
            quoted: The lines that were signed.
            facts: By the places that the row's texts have.
        """
        row: Row = self.value
        return Finding(
            check=row.check,
            standing=row.standing,
            found=row.found.format(**facts).strip(),
            todo=row.todo.format(**facts),
            command=command if row.todo.endswith(":") else "",
            points=points,
            quoted=quoted,
            blocks=row.blocks,
        )
