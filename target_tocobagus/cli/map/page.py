"""A file's streams, for a person at a terminal: each mapping with a few records beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from target_tocobagus.cli.demo.page import EVERYWHERE, INDENT, called, clean_lines, new_table
from target_tocobagus.cli.map.text import (
    listed_causes,
    said_of_stream,
    sentence,
    summed_up,
    warned_of_stream,
)
from target_tocobagus.core.foreign_text import clean
from target_tocobagus.core.model import RecordError, Skipped, Stock
from target_tocobagus.core.plural import some_of
from target_tocobagus.recognition.yaml_lines import as_yaml_lines, warehouse_map_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from target_tocobagus.cli.map.survey import StreamView
    from target_tocobagus.core.model import Outcome

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

    def show(
        self, title: str, remarks: Iterable[str], views: Sequence[StreamView], hints: Iterable[str]
    ) -> None:
        """Write the page."""
        self._console.print(clean_lines(title), style="dim", markup=False)
        for remark in remarks:
            self._part(Text(clean_lines(sentence(remark)), "yellow"))
        for view in views:
            if view.advice.standing != "ignored":
                self._stream(view)
        self._ignored([view for view in views if view.advice.standing == "ignored"])
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
            self._part(_table(view.shown))
            self._console.print()
        self._part(Text(clean_lines(summed_up(view)), "dim"))
        if view.records > len(view.shown):
            for cause in listed_causes(view):
                self._part(Text(clean_lines(f"- {cause}"), "dim"))


def _table(shown: Iterable[tuple[int, Sequence[Outcome]]]) -> Table:
    table = new_table("record", "item", "warehouse", "stock")
    table.columns[0].justify = "right"
    for number, outcomes in shown:
        for place, outcome in enumerate(outcomes[:MOST_ROWS]):
            table.add_row(str(number) if not place else "", *_cells(outcome))
        if len(outcomes) > MOST_ROWS:
            table.add_row("", Text(f"and {len(outcomes) - MOST_ROWS} rows more", "dim"), "", "")
    return table


def _cells(outcome: Outcome) -> tuple[Text, Text, Text]:
    if isinstance(outcome, Stock):
        name, where = called(*outcome.identifier), outcome.location or EVERYWHERE
        return Text(clean(name)), Text(clean(where)), Text(str(outcome.quantity), "green")
    if isinstance(outcome, RecordError):
        item = Text(clean(called(*outcome.identifier))) if outcome.identifier else NOTHING
        place = Text(clean(outcome.location)) if outcome.location else NOTHING
        values = "".join(f"; {key} {value}" for key, value in outcome.values)
        reason = Text.assemble((outcome.code, "red"), clean_lines(f": {outcome.message}{values}"))
        return item, place, reason
    why = outcome.reason if isinstance(outcome, Skipped) else ""
    return NOTHING, NOTHING, Text(f"skipped: {clean(why)}", "dim")
