"""Finds stocks that one mapping adds up and another one sets: it is unclear which counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_tocobagus.completion.completed import Completed, Failed
from target_tocobagus.core.model import RecordError

if TYPE_CHECKING:
    from target_tocobagus.completion.complete_lists import Unsettled
    from target_tocobagus.core.model import Stream
    from target_tocobagus.ledger.parts.parts import Parts
    from target_tocobagus.window.buffer import RowBuffer

_MIXED = RecordError(
    "MIXED_SOURCES", "one mapping adds up the parts of this stock, another sets it"
)


class MixedSources:
    """Looks at the rows of a run whose mappings are of both kinds."""

    def __init__(self) -> None:
        self._summing: set[tuple[str, str]] = set()
        self._setting: set[tuple[str, str]] = set()

    def note(self, stream: Stream, *, sums: bool) -> None:
        """Note how the rows of a stream are combined."""
        (self._summing if sums else self._setting).add(stream.source)

    @property
    def is_possible(self) -> bool:
        """Whether there are mappings of both kinds."""
        return bool(self._summing and self._setting)

    def take_out(self, rows: RowBuffer, parts: Parts, unsettled: Unsettled) -> Completed:
        """Take rows that contradict the other kind out of a buffer.

        Args:
            rows: The buffer.
            parts: Those that are remembered.
            unsettled: The levels of its items that wait or are in flight.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        identifiers = {item.identifier for item in rows.items}
        places = {(item.identifier, place) for item in rows.items for place in item.levels}
        totals = parts.totals(places)
        set_before = parts.sent_by(identifiers, self._setting)
        here = {
            (item.identifier, place)
            for item in rows.items
            for place, level in item.levels.items()
            if level.stream.source in self._setting
        }
        found = Completed()
        for item in rows.items:
            before = unsettled[item.identifier]
            for place, level in list(item.levels.items()):
                key = (item.identifier, place)
                if level.stream.source in self._summing:
                    other = before.get(place)
                    is_set = other is not None and other.stream.source in self._setting
                    is_mixed = is_set or key in set_before or key in here
                else:
                    is_mixed = key in totals and totals[key].quantities > 0
                if is_mixed:
                    del item.levels[place]
                    rows.rows -= 1
                    error = RecordError(_MIXED.code, _MIXED.message, *key)
                    found.failed.append(Failed(error, level.stream, level.line, level.position))
        rows.items[:] = [item for item in rows.items if item.levels]
        return found
