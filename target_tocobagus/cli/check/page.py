"""What was found, for a person at a terminal, or in a log without colours."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from target_tocobagus.cli.demo.page import INDENT, clean_lines

if TYPE_CHECKING:
    from collections.abc import Callable

    from target_tocobagus.cli.check.finding import Finding, Standing

_COLOURS: Final[dict[Standing, str]] = {
    "ok": "green",
    "attention": "yellow",
    "wrong": "bold red",
    "not tried": "dim",
}
_CHECK_WIDTH: Final = len("certificate") + INDENT
_STANDING_WIDTH: Final = len("not tried") + INDENT
_MARGIN: Final = _CHECK_WIDTH + _STANDING_WIDTH
_NARROW: Final = 60
"""Below so many columns, texts stand below their heads instead of beside them."""


class Page:
    """Writes findings to stdout as they come, and counts them."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        """Write as wide as the terminal is.

        Args:
            mask: Blanks secrets out of whatever is written.
        """
        self._console = Console(highlight=False)
        self._is_narrow = self._console.width < _NARROW
        self._margin = INDENT if self._is_narrow else _MARGIN
        self._mask = mask
        self._counts: Counter[Standing] = Counter()

    @property
    def run_would_work(self) -> bool:
        """Tell whether nothing was found that keeps a run from working."""
        return self._counts.keys() <= {"ok", "attention"}

    def show(self, finding: Finding) -> None:
        """Write a finding."""
        self._counts[finding.standing] += 1
        standing = Text(finding.standing.ljust(_STANDING_WIDTH), _COLOURS[finding.standing])
        head = Text.assemble((finding.check.ljust(_CHECK_WIDTH), "bold"), standing)
        tone = "dim" if finding.standing == "not tried" else ""
        if self._is_narrow:
            head.rstrip()
            self._line(head)
            head = self._empty()
        self._block(head, Text(self._clean(finding.found), tone))
        for point in finding.points:
            self._block(self._empty().append("- "), Text(self._clean(point)))
        if finding.todo:
            todo = Text.assemble(("To do: ", "bold"), self._clean(finding.todo))
            self._block(self._empty(), todo)
        if finding.command:
            self._line(Text(" " * 2 * INDENT + self._clean(finding.command), "cyan"))
        if finding.quoted:
            self._block(self._empty(), Text("What was signed, in these lines:", "dim"))
        for line in finding.quoted:
            self._line(Text(" " * 2 * INDENT + self._clean(line), "cyan"))

    def close(self) -> None:
        """Write what it comes to."""
        self._line(Text())
        standings: tuple[Standing, ...] = ("wrong", "attention", "not tried")
        counts = ", ".join(
            f"{self._counts[each]} {each}" for each in standings if self._counts[each]
        )
        if not counts:
            self._line(Text("All is well.", "bold green"))
        elif self.run_would_work:
            self._block(Text(), Text(f"A run would work; look at what is named: {counts}.", "bold"))
        else:
            self._block(Text(), Text(f"Not all is well: {counts}.", "bold"))

    def _block(self, head: Text, text: Text) -> None:
        """Write a text as broad as there is room behind its head."""
        room = max(self._console.width - len(head), 1)
        for number, line in enumerate(text.wrap(self._console, room)):
            line.rstrip()
            self._line((head if number == 0 else Text(" " * len(head))) + line)

    def _empty(self) -> Text:
        return Text(" " * self._margin)

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True)

    def _clean(self, text: str) -> str:
        return clean_lines(self._mask(text))
