"""A file's streams, read until nothing new is expected, and what was found wrong with its lines."""

from __future__ import annotations

from collections import Counter
from typing import IO, TYPE_CHECKING, Final

import msgspec

from target_tocobagus.cli.map.names import Names
from target_tocobagus.cli.map.stream_file import Declared, Flaw, Sampled, contents
from target_tocobagus.cli.map.stream_view import StreamView

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from target_tocobagus.cli.map.advisor import Advisor

ENOUGH: Final = 10_000
"""After this number of records without a new stream no other is expected."""

_FEW: Final = 5


class Survey:
    """A file's streams.

    Attributes:
        streams: By name, in the order in which they came.
    """

    def __init__(self, advisor: Advisor, most: int, codes: Mapping[str, str] | None = None) -> None:
        """Begin; `codes` has client ids, for the codes of rejected rows that come again."""
        self._advisor = advisor
        self._most = most
        self._codes = codes
        self._quiet = 0
        self._stopped = ""
        self._lines: dict[Flaw, list[str]] = {}
        self._flaws: Counter[Flaw] = Counter()
        self._names = Names()
        for reader in advisor.lookups:
            self._names.look_for(reader)
        self.streams: dict[str, StreamView] = {}

    def read(self, file: IO[bytes], *, unselected: bool) -> None:
        """Read a file until nothing new is expected."""
        for content in contents(file, unselected=unselected):
            self._take(content)
            if self._quiet >= ENOUGH and self._is_full():
                self._stopped = (
                    f"The rest was not mapped: no other stream came in {ENOUGH:,} records"
                )
                break
        for view in self.streams.values():
            view.settle()
        for view in self.streams.values():
            view.add_up()
        for view in self.streams.values() if self._advisor.clash else ():
            if view.advice.standing == "recognised":  # a run stops, and sends nothing
                view.advice = msgspec.structs.replace(view.advice, run="")

    @property
    def ends_run(self) -> bool:
        """Whether a run would end before the end of the file."""
        return any(flaw.ends_run for flaw in self._flaws)

    def remarks(self) -> Iterator[str]:
        """List what was not read or could not be used; one problem of several lines together."""
        for flaw, count in self._flaws.items():
            what, lines = flaw.what, ", ".join(self._lines[flaw])
            more = f" and {count - _FEW} more" if count > _FEW else ""
            if not lines:
                yield what
                continue
            said = f"Line {lines} {what}" if count == 1 else f"Lines {lines}{more}: each {what}"
            where = "there" if count == 1 else "at the first"
            yield f"{said}; a run ends {where}" if flaw.ends_run else said
        if self._stopped:
            yield self._stopped

    def _take(self, content: Declared | Sampled | Flaw) -> None:
        if isinstance(content, Flaw):
            self._note(content)
            return
        view = self.streams.get(content.stream)
        if isinstance(content, Declared):
            self._declare(content, view)
        elif view is None:
            self._note(Flaw(content.number, "is a RECORD before its SCHEMA", ends_run=True))
        else:
            self._quiet += 1
            self._names.see(content.stream, content.record)
            view.add(content)

    def _declare(self, content: Declared, view: StreamView | None) -> None:
        if view is None:
            view = StreamView(content, self._advisor, self._names, self._most, self._codes)
            self.streams[content.stream] = view
        elif view.schema != content.schema:
            view.redeclare(content.schema)
        else:
            return
        self._quiet = 0

    def _note(self, flaw: Flaw) -> None:
        kind = flaw._replace(number=None)
        self._flaws[kind] += 1
        lines = self._lines.setdefault(kind, [])
        if flaw.number is not None and len(lines) < _FEW:
            lines.append(str(flaw.number))

    def _is_full(self) -> bool:
        """Whether each stream has as many records as are shown; a sum needs all of them."""
        self._quiet = 0
        views = self.streams.values()
        return all(view.records >= self._most and view.parts is None for view in views)
