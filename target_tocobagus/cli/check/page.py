"""Shows what a check has found and what to do about it, on a terminal or in a log."""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec
from rich.console import Console
from rich.text import Text

from target_tocobagus.cli.demo.page import INDENT, clean_lines

Result: TypeAlias = Literal["ok", "attention", "wrong", "not tried"]
"""`attention` means that a run would work, and that something should be looked at."""

OfNetwork: TypeAlias = Literal["name", "connection", "certificate", "answer", "clock", "signature"]
Check: TypeAlias = OfNetwork | Literal["settings", "mappings", "proxy", "rejects", "ledger"]
NETWORK: Final[tuple[OfNetwork, ...]] = get_args(OfNetwork)
"""The checks that need the network, in their order; each needs those before it."""


class Finding(msgspec.Struct, frozen=True):
    """The result of one check, as the page shows it.

    Attributes:
        blocks: Why the next checks cannot be made; empty if they can.
        points: A list of single findings.
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
    """A kind of finding; its value is a `Finding` with fields for facts."""

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


def ok(check: Check, found: str) -> Finding:
    """Say that a check has found nothing wrong."""
    return Finding(check, "ok", found)


def attention(check: Check, found: str, todo: str) -> Finding:
    """Say what should be looked at, though a run would work."""
    return Finding(check, "attention", found, todo)


def wrong(check: Check, found: str, todo: str, blocks: str = "") -> Finding:
    """Say why a run would not work."""
    return Finding(check, "wrong", found, todo, blocks)


def not_tried(check: Check, why: str) -> Finding:
    """Say why a check was not made; `why` is a clause without a full stop."""
    return Finding(check, "not tried", f"because {why}.")


_COLOURS: Final[dict[Result, str]] = {
    "ok": "green",
    "attention": "yellow",
    "wrong": "bold red",
    "not tried": "dim",
}
_CHECK_WIDTH: Final = len("certificate") + INDENT
_RESULT_WIDTH: Final = len("not tried") + INDENT
_MARGIN: Final = " " * (_CHECK_WIDTH + _RESULT_WIDTH)


class Page:
    """Writes findings to stdout as they come, and counts them.

    All text is cleaned, which blanks out secrets too: a server may echo what it was sent.
    """

    def __init__(self) -> None:
        self._console = Console(highlight=False)
        self._counts: Counter[Result] = Counter()

    @property
    def run_would_work(self) -> bool:
        """Whether nothing was found that stops a run."""
        return self._counts.keys() <= {"ok", "attention"}

    def show(self, finding: Finding) -> None:
        """Write a finding."""
        self._counts[finding.result] += 1
        result = Text(finding.result.ljust(_RESULT_WIDTH), _COLOURS[finding.result])
        head = Text.assemble((finding.check.ljust(_CHECK_WIDTH), "bold"), result)
        tone = "dim" if finding.result == "not tried" else ""
        self._block(head, Text(clean_lines(finding.found), tone))
        for point in finding.points:
            self._block(Text(f"{_MARGIN}- "), Text(clean_lines(point)))
        if finding.todo:
            todo = Text.assemble(("To do: ", "bold"), clean_lines(finding.todo))
            self._block(Text(_MARGIN), todo)
        if finding.command:
            self._line(Text(" " * 2 * INDENT + clean_lines(finding.command), "cyan"))
        if finding.quoted:
            self._block(Text(_MARGIN), Text("These lines were signed:", "dim"))
        for line in finding.quoted:
            self._line(Text(" " * 2 * INDENT + clean_lines(line), "cyan"))

    def close(self) -> None:
        """Write the verdict."""
        self._line(Text())
        results: tuple[Result, ...] = ("wrong", "attention", "not tried")
        counts = ", ".join(f"{self._counts[each]} {each}" for each in results if self._counts[each])
        if not counts:
            self._line(Text("All is well.", "bold green"))
        elif self.run_would_work:
            self._block(Text(), Text(f"A run would work. See above: {counts}.", "bold"))
        else:
            self._block(Text(), Text(f"Not all is well: {counts}.", "bold"))

    def _block(self, head: Text, text: Text) -> None:
        """Write a text beside its head, wrapped to the width that is left."""
        room = max(self._console.width - len(head), 1)
        for number, line in enumerate(text.wrap(self._console, room)):
            line.rstrip()
            self._line((head if number == 0 else Text(" " * len(head))) + line)

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)
