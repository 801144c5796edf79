"""What a check has found, and what to do about it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

Standing: TypeAlias = Literal["ok", "attention", "wrong", "not tried"]
"""How a finding stands: `attention` means that a run works, and that there is something to mend."""

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
    """One line of the verdict.

    Attributes:
        check: Which check has found it.
        found: What was found, in sentences.
        todo: What to do, in sentences; empty where nothing is to be done.
        command: A command that shows more; empty where there is none.
        points: Several things that were found, one each.
        quoted: The lines that were signed, to be shown as they are.
        blocks: Why the checks that come after cannot be made; empty where they can.
    """

    check: Check
    standing: Standing
    found: str
    todo: str = ""
    command: str = ""
    points: tuple[str, ...] = ()
    quoted: tuple[str, ...] = ()
    blocks: str = ""


def not_tried(check: Check, why: str) -> Finding:
    """Say why a check was not made, in a clause; it is read with the standing before it."""
    return Finding(check, "not tried", f"because {why}.")
