"""A file's streams, each with its mapping and the outcomes of its records.

Records are mapped as they come and then forgotten: the outcomes of a stream's first few and the
counts of all are kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from target_tocobagus.cli.map.stream_file import Declared, Flaw, Sampled
from target_tocobagus.cli.map.stream_view import StreamView
from target_tocobagus.recognition.questions import ENOUGH as SAMPLE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from target_tocobagus.cli.map.advisor import Advisor
    from target_tocobagus.cli.map.stream_file import Content

ENOUGH: Final = 10_000
"""After this number of records without a new stream no other is expected."""

_FEW: Final = 5


class Survey:
    """A file's streams.

    Attributes:
        streams: By name, in the order in which they came.
        stopped: Why the rest of the file was not read; empty if it was.
    """

    def __init__(self, advisor: Advisor, most: int, codes: Mapping[str, str] | None = None) -> None:
        """Begin.

        Args:
            advisor: Finds the mapping of a stream.
            most: How many records of a stream to show.
            codes: The client id of each location code, in a file of rejected rows.
        """
        self._advisor = advisor
        self._most = most
        self._codes = codes
        self._quiet = 0
        self._flaws: dict[str, list[int | None]] = {}
        self._counts: dict[str, int] = {}
        self.streams: dict[str, StreamView] = {}
        self.stopped = ""

    @property
    def examined(self) -> bool:
        """Whether the mappings are a user's."""
        return self._advisor.examines

    @property
    def clash(self) -> bool:
        """Whether a run would stop, because recognised streams cannot be sent together."""
        return not self.examined and any(self._advisor.remarks())

    def read(self, file: Iterable[Content]) -> None:
        """Read a file until nothing new is expected."""
        for content in file:
            if isinstance(content, Declared):
                self._declare(content)
            elif isinstance(content, Sampled):
                self._sample(content)
            else:
                self._note(content)
            if self._quiet >= ENOUGH and self._is_full():
                self.stopped = f"The rest was not read: no other stream came in {ENOUGH} records"
                break
        for view in self.streams.values():
            self._settle(view)

    def flaws(self) -> Iterator[str]:
        """List what could not be used; the same problem of several lines together."""
        for what, numbers in self._flaws.items():
            count = self._counts[what]
            lines = ", ".join(str(number) for number in numbers if number is not None)
            if not lines:
                yield what
            elif count == 1:
                yield f"Line {lines} {what}"
            else:
                more = f" and {count - _FEW} more" if count > _FEW else ""
                yield f"Lines {lines}{more}: each {what}"

    def _declare(self, content: Declared) -> None:
        name, schema, _, keys = content
        view = self.streams.get(name)
        if view is not None and view.schema == schema:
            return
        self._quiet = 0
        if view is None:
            self.streams[name] = StreamView(content, self._advisor.advise(name, schema, keys))
        else:
            self._settle(view)
            view.redeclare(schema, self._advisor.advise(name, schema, keys))

    def _sample(self, content: Sampled) -> None:
        view = self.streams.get(content.stream)
        if view is None:
            self._note(Flaw(content.number, "is a RECORD before its SCHEMA; a run ends there"))
            return
        self._quiet += 1
        if view.waiting is None:
            view.take(content.record, content.own, self._codes, self._most)
            return
        view.waiting.append(content)
        if len(view.waiting) == SAMPLE:
            self._settle(view)

    def _settle(self, view: StreamView) -> None:
        """Get advice by the kept records, and map them."""
        waiting, view.waiting = view.waiting, None
        if waiting:
            records = [content.record for content in waiting]
            view.advice = self._advisor.advise(view.name, view.schema, view.keys, records)
        for content in waiting or ():
            view.take(content.record, content.own, self._codes, self._most)

    def _note(self, flaw: Flaw) -> None:
        numbers = self._flaws.setdefault(flaw.what, [])
        self._counts[flaw.what] = self._counts.get(flaw.what, 0) + 1
        if len(numbers) < _FEW:
            numbers.append(flaw.number)

    def _is_full(self) -> bool:
        """Whether each stream has as many records as are shown."""
        self._quiet = 0
        views = self.streams.values()
        return all(len(view.waiting or ()) + view.records >= self._most for view in views)
