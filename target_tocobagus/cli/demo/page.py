"""Shows the result of a run, on a terminal, or without colours in a log."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from target_tocobagus.core.foreign_text import clean

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    from rich.console import RenderableType

    from target_tocobagus.cli.demo.processes import Ended, Said
    from target_tocobagus.cli.demo.rows import About, Given
    from target_tocobagus.sandbox.state import Levels

    Stock: TypeAlias = Mapping[tuple[str, str], Levels]

INDENT: Final = 2
_LONGEST_LINE: Final = 4_000
_LONGEST_CELL: Final = 13
_MOST_BESIDE: Final = 8
EVERYWHERE: Final = "all warehouses"
OTHER_KIND: Final = {"id": "id ", "externalId": "external id "}
SUM: Final = re.compile(r" updates? = ")
REJECTS_LOGGER: Final = "target-tocobagus.rejects"


class Stage:
    """Writes a demonstration to stdout, step by step."""

    def __init__(self, limit: int) -> None:
        self._console = Console(highlight=False)
        self._limit = limit

    def open(self, command: Sequence[str]) -> None:
        """Say what is about to run."""
        self._console.print("A stand-in for the partner API, on this machine alone:\n", style="dim")
        self._command(shlex.join(command))

    def open_page(self, url: str, *, keep: bool) -> None:
        """Say where the sandbox's page is."""
        until = "" if keep else ", while this runs; --keep keeps it"
        self._console.print()
        self._part(Text.assemble("Its page: ", (f"{url}/", "bold cyan"), (until, "dim")))

    def keep_page(self, url: str) -> None:
        """Say that the page stays."""
        self._part(Text.assemble("Open ", (f"{url}/", "bold cyan"), " in a browser."))
        self._console.print("  Ctrl-C ends the sandbox.\n", style="dim")

    def begin(self, title: str, command: str, note: str = "") -> None:
        """Begin the part of one stream; a note says how it was made."""
        self._console.print()
        self._console.rule(Text(clean_lines(title), "bold"), align="left", style="dim")
        self._console.print()
        if note:
            self._part(Text(f"{clean_lines(note)}\n", "dim"))
        self._command(command)

    def show(
        self, ended: Ended, given: Sequence[Given], stock: Stock, rejected: Sequence[bytes]
    ) -> None:
        """Show the result of a run: rows, stock, rejected rows, STATE, and the log's warnings."""
        told = [said for said in ended.log if _is_worth_saying(said)]
        if told:
            self._console.print()
        for said in told:
            self._part(Text(clean_lines(said.text), "red" if said.level == "ERROR" else "yellow"))
        if given:
            self._heading("The first rows that went in, and what the sandbox has of them now")
            self._part(_beside(given, stock, rejected, min(self._limit, _MOST_BESIDE)))
        self._heading("Stock, as the sandbox has it now")
        self._part(self._stock(stock))
        self._heading("Rejected rows, from rejects.singer")
        self._part(self._rejected(rejected))
        count = len(ended.states)
        self._heading(f"STATE, the last of {count}" if count > 1 else "STATE")
        self._part(self._state(ended.states))
        self._console.print()
        for line in _sums(ended.log):
            self._part(Text(line))
        self._part(Text(f"target-tocobagus ended with {ended.code}.", "dim"))

    def close(self, hint: str = "") -> None:
        """End with a hint at what to do next, if there is one."""
        self._console.print()
        if hint:
            self._console.print(f"{hint}\n", style="dim", markup=False, soft_wrap=True)

    def _command(self, command: str) -> None:
        self._part(Text.assemble(("$ ", "dim"), (clean_lines(command), "bold cyan")))

    def _heading(self, text: str) -> None:
        self._console.print()
        self._part(Text(text, "bold"))

    def _part(self, what: RenderableType) -> None:
        self._console.print(Padding(what, (0, 0, 0, INDENT), expand=False))

    def _stock(self, stock: Stock) -> RenderableType:
        rows = [
            (called(*key), place or EVERYWHERE, str(quantity))
            for key, levels in sorted(stock.items())
            for place, quantity in levels.items()
        ]
        table = self._table(("item", "warehouse", "stock"), rows)
        table.columns[-1].justify, table.columns[-1].style = "right", "green"
        return table if rows else Text("Nothing has arrived.", "dim")

    def _rejected(self, lines: Sequence[bytes]) -> RenderableType:
        rows = [row for line in lines for row in _rejected_rows(msgspec.json.decode(line))]
        table = self._table(("item", "warehouse", "code", "reason"), rows)
        return table if rows else Text("None.", "dim")

    def _table(self, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
        """Make a table of the first rows, and say how many there are."""
        table = new_table(*columns)
        for row in rows[: self._limit]:
            table.add_row(*(Text(clean(cell)) for cell in row))
        if len(rows) > self._limit:
            table.caption = Text(f"{self._limit} of {len(rows)}; --limit shows more", "dim")
            table.caption_justify = "left"
        return table

    def _state(self, states: Sequence[bytes]) -> RenderableType:
        if not states:
            return Text("None came out.", "dim")
        text = states[-1].decode()
        fits = len(text) <= self._console.width - INDENT
        return Text(clean_lines(text if fits else msgspec.json.format(text, indent=INDENT)))


def called(kind: str, identifier: str) -> str:
    """Name an item: a SKU by itself, another identifier with its kind."""
    return OTHER_KIND.get(kind, "") + identifier


def clean_lines(text: str) -> str:
    """Make a text of several lines safe to show; lines may be as long as our messages."""
    return "\n".join(clean(line, _LONGEST_LINE) for line in text.split("\n"))


def new_table(*columns: str) -> Table:
    """Make a table in the plain style of all pages."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.header_style = table.border_style = "dim"
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _beside(given: Sequence[Given], stock: Stock, rejected: Sequence[bytes], most: int) -> Table:
    """Show rows of a tap, each beside the levels that it is about."""
    messages = map(msgspec.json.decode, rejected)
    levels = {row[:2] for message in messages for row in _rejected_rows(message)}
    names = list(given[0].columns)
    table = new_table(*map(clean, names), "", "warehouse", "stock")
    table.columns[-1].justify, table.padding = "right", (0, 1, 0, 0)
    pairs = [(row, index, about) for row in given for index, about in enumerate(row.about)]
    for row, index, about in pairs[:most]:
        values = [clean(row.columns.get(name, ""), _LONGEST_CELL) for name in names]
        cells = [""] * len(names) if index else values
        table.add_row(*map(Text, cells), Text("→", "dim"), *_level(about, stock, levels))
    return table


def _level(about: About, stock: Stock, rejected: Container[tuple[str, str]]) -> tuple[Text, Text]:
    """Show what has become of a level: its warehouse, and the stock or why it has none."""
    if about.identifier is None:
        return Text(), Text(about.why, "dim")
    place = Text(clean(about.location or EVERYWHERE))
    quantity = stock.get(about.identifier, {}).get(about.location)
    if about.why or quantity is None:
        is_rejected = about.why or (called(*about.identifier), about.location or "") in rejected
        return place, Text("rejected" if is_rejected else "not sent", "red")
    is_later = about.quantity not in {None, quantity}
    return place, Text.assemble(("later: " * is_later, "dim"), (str(quantity), "green"))


def _rejected_rows(message: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Read a line of the rejects file; a SCHEMA has no rejected rows."""
    own: dict[str, Any] = message.get("tocobagus", {"updates": ()})
    for update in own["updates"]:
        item = next((called(*pair) for pair in (update["identifier"] or {}).items()), "(none)")
        reason = ": ".join(part for part in (own["message"], own["reason"]) if part)
        yield item, update["warehouse"] or "", own["code"], reason


def _is_worth_saying(said: Said) -> bool:
    """Leave out lines that are shown elsewhere, and those without a problem."""
    if said.level == "INFO":
        return said.text.startswith("Stream ")
    return said.logger != REJECTS_LOGGER


def _sums(log: Sequence[Said]) -> Iterator[str]:
    """Find the summary's line in which every update has its outcome."""
    for said in log:
        yield from (line.strip() for line in said.text.splitlines() if SUM.search(line))
