"""A file's streams, for a person at a terminal: each mapping with a few records beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from target_tocobagus.cli.demo.page import EVERYWHERE, INDENT, called, clean_lines, new_table
from target_tocobagus.cli.map.stream_view import NO_STOCK
from target_tocobagus.cli.map.text import (
    listed_causes,
    said_of_stream,
    sentence,
    summed_up,
    warned_of_stream,
)
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.model import KINDS, Complete, Part, RecordError, Stock
from target_tocobagus.core.plural import counted, some_of
from target_tocobagus.recognition.yaml_lines import as_yaml_lines, warehouse_map_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from target_tocobagus.cli.map.names import Names
    from target_tocobagus.cli.map.stream_view import StreamView
    from target_tocobagus.core.model import Identifier, Outcome

MOST_ROWS: Final = 8
"""Of one record."""

MOST_COLUMNS: Final = 30
NOTHING: Final = Text("-", "dim")
_TONES: Final = {
    "configured": ("as configured", "cyan"),
    "recognised": ("recognised", "green"),
    "proposed": ("to be decided", "yellow"),
    "drafted": ("a draft", "dim"),
}


class Page:
    """Writes what was found in a file to stdout."""

    def __init__(self) -> None:
        self._console = Console(highlight=False)

    def show(self, title: str, remarks: Iterable[str], views: Sequence[StreamView]) -> None:
        """Write what was found."""
        self._console.print(clean_lines(title), style="dim", markup=False)
        for remark in remarks:
            self._part(Text(clean_lines(sentence(remark)), "yellow"))
        for view in views:
            if view.advice.standing != "ignored":
                self._stream(view)
        self._ignored([view for view in views if view.advice.standing == "ignored"])

    def lines(self, heading: str, text: str) -> None:
        """Write lines for pasting below a heading."""
        self._console.print()
        self._console.rule(Text(heading, "bold"), align="left", style="dim")
        self._lines(text)

    def hints(self, hints: Iterable[str]) -> None:
        """Say what to do next."""
        self._console.print()
        for hint in hints:
            self._console.print(clean_lines(hint), style="dim", markup=False)

    def _stream(self, view: StreamView) -> None:
        """Show a stream that has a mapping."""
        tone, colour = _TONES[view.advice.standing]
        self._console.print()
        title = Text.assemble((clean(view.name), "bold"), "  ", (tone, colour))
        self._console.rule(title, align="left", style="dim")
        if said := " ".join(said_of_stream(view)):
            self._part(Text(clean_lines(said), "" if view.advice.standing == "proposed" else "dim"))
        for warning in warned_of_stream(view):
            self._part(Text(clean_lines(warning), "red" if view.fails else "yellow"))
        if view.advice.mapping is not None:
            self._lines(as_yaml_lines(view.advice.mapping, view.advice.comments))
            if view.advice.standing in {"proposed", "drafted"} and view.advice.mapping.warehouse:
                self._lines(warehouse_map_lines({code: code for code in view.codes}))
        if view.advice.compiled is None:
            self._columns(view)
        elif view.records:
            self._records(view)

    def _ignored(self, views: Sequence[StreamView]) -> None:
        """List the streams that have no mapping."""
        if not views:
            return
        self._console.print()
        self._console.rule(Text("Ignored", "bold"), align="left", style="dim")
        for view in views:
            why = ". ".join([view.advice.remark, *view.remarks])
            self._part(Text.assemble(clean(view.name), (clean_lines(f": {why}"), "dim")))

    def _part(self, what: RenderableType) -> None:
        self._console.print(Padding(what, (0, 0, 0, INDENT), expand=False))

    def _lines(self, text: str) -> None:
        """Write lines for pasting: they are not wrapped, even on a narrow terminal."""
        if text:
            self._console.print()
        for line in text.splitlines():
            self._console.print(Text(" " * INDENT + line, "cyan"), soft_wrap=True)

    def _columns(self, view: StreamView) -> None:
        """Name the columns, if the mapping must be completed from them."""
        names = some_of(list(map(clean, view.schema["properties"])), MOST_COLUMNS)
        self._console.print()
        self._part(Text(f"Its columns: {names}", "dim"))

    def _records(self, view: StreamView) -> None:
        self._console.print()
        if view.shown:
            self._part(_table(view))
            self._console.print()
        if view.sums:
            self._sums(view)
        self._part(Text(clean_lines(summed_up(view)), "dim"))
        if view.records > len(view.shown):
            for cause in listed_causes(view):
                self._part(Text(clean_lines(f"- {cause}"), "dim"))

    def _sums(self, view: StreamView) -> None:
        """Show as many sums as records, and how many parts each has."""
        compiled = view.advice.compiled
        is_complete = compiled and compiled.summing and compiled.summing.is_complete
        known = "" if is_complete else " A run also adds the parts that its ledger remembers."
        self._part(Text(f"The sums of these parts.{known}"))
        self._console.print()
        table = new_table("item", "warehouse", "stock", "parts")
        table.columns[3].justify = "right"
        for stock, parts in view.sums[: view.most]:
            (row,) = _rows(stock, view.names)
            table.add_row(*row, str(parts))
        self._part(table)
        if len(view.sums) > view.most:
            more = counted(len(view.sums) - view.most, "more sum")
            self._part(Text(f"and {more}; --records shows more", "dim"))
        self._console.print()


def _table(view: StreamView) -> Table:
    quantity = "stock" if view.parts is None else "quantity of the part"
    table = new_table("record", "item", "warehouse", quantity)
    table.columns[0].justify = "right"
    for number, outcomes in view.shown:
        rows = [row for outcome in outcomes for row in _rows(outcome, view.names)]
        for place, row in enumerate(rows[:MOST_ROWS]):
            table.add_row(str(number) if not place else "", *row)
        if len(rows) > MOST_ROWS:
            table.add_row("", Text(f"and {len(rows) - MOST_ROWS} rows more", "dim"), "", "")
    return table


def _rows(outcome: Outcome, names: Names) -> list[tuple[Text, Text, Text]]:
    """Write an outcome as cells: item, warehouse, and what becomes of it."""
    if isinstance(outcome, Part):
        rows = [_level(*row, names) for row in outcome.rows]
        return rows or ([] if not outcome.is_whole else [_skipped(NO_STOCK)])
    if isinstance(outcome, Stock):
        return [_level(outcome.identifier, outcome.location, str(outcome.quantity), names)]
    if isinstance(outcome, Complete):
        item, _, _ = _level(outcome.identifier, None, "", names)
        return [(item, Text("any other"), Text("0, if it was sent before", "dim"))]
    if isinstance(outcome, RecordError):
        item = Text(clean(called(*outcome.identifier))) if outcome.identifier else NOTHING
        place = Text(clean(outcome.location)) if outcome.location else NOTHING
        values = "".join(f"; {key} {value}" for key, value in outcome.values)
        reason = Text.assemble((outcome.code, "red"), clean_lines(f": {outcome.message}{values}"))
        return [(item, place, reason)]
    return [_skipped(outcome.reason)]


def _level(
    identifier: Identifier, location: str | None, quantity: str, names: Names
) -> tuple[Text, Text, Text]:
    found = names.of(identifier)
    if found is None:
        return _skipped(f"the pair of {' '.join(identifier)} has no identifier")
    item = Text(clean(called(*found)))
    if found[0] not in KINDS:  # it stands in for an item
        item = Text(clean(f"{' '.join(found)} (no pair here)"), "yellow")
    where = Text(clean(location or EVERYWHERE))
    return item, where, Text(clean(quantity.removeprefix("~")), "green")


def _skipped(reason: str) -> tuple[Text, Text, Text]:
    return NOTHING, NOTHING, Text(f"skipped: {clean(reason)}", "dim")
