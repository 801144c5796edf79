"""What a check has found, and what to do about it."""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal, TypeAlias

import msgspec

Result: TypeAlias = Literal["ok", "attention", "wrong", "not tried"]
"""`attention` means that a run would work, and that something should be looked at."""

Check: TypeAlias = Literal[
    "settings",
    "mappings",
    "proxy",
    "name",
    "connection",
    "certificate",
    "answer",
    "clock",
    "signature",
    "rejects",
]
NETWORK: Final[tuple[Check, ...]] = (
    "name",
    "connection",
    "certificate",
    "answer",
    "clock",
    "signature",
)
"""The checks that need the network, in their order; each needs those before it."""


class Finding(msgspec.Struct, frozen=True):
    """The result of one check, as the page shows it.

    Attributes:
        found: What was found, in sentences.
        todo: What to do, in sentences; empty where nothing is to be done.
        blocks: Why the checks that follow cannot be made; empty where they can.
        command: A command that shows more.
        points: Several things that were found, one each.
        quoted: The lines that were signed, shown as they are.
    """

    check: Check
    result: Result
    found: str
    todo: str = ""
    blocks: str = ""
    command: str = ""
    points: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()


class Diagnosis(Enum):
    """Something that can be found; its value is a `Finding` with places for facts."""

    def finding(
        self,
        *,
        command: str = "",
        points: tuple[str, ...] = (),
        quoted: tuple[str, ...] = (),
        **facts: Any,
    ) -> Finding:
        """Fill in the facts; a command is shown only below a text that ends with a colon."""
        row: Finding = self.value
        return msgspec.structs.replace(
            row,
            found=row.found.format(**facts).strip(),
            todo=row.todo.format(**facts),
            command=command if row.todo.endswith(":") else "",
            points=points,
            quoted=quoted,
        )


def not_tried(check: Check, why: str) -> Finding:
    """Say why a check was not made; `why` is a clause without a full stop."""
    return Finding(check, "not tried", f"because {why}.")
