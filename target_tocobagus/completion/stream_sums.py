"""The streams of one pass whose rows are parts, and what of them has gone out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from target_tocobagus.completion.completed import Failed
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import KINDS, Level, Part, RecordError
from target_tocobagus.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from target_tocobagus.completion.resolved import PartRecord, Resolved
    from target_tocobagus.core.model import Identifier, Place, Stream
    from target_tocobagus.ledger.parts.parts import Parts
    from target_tocobagus.mapping.summing import Summing
    from target_tocobagus.mapping.totals import Total

NOTHING: Final = Part("", ())
"""The part of a row that stands for others."""

_MOST_WATCHED: Final = 1000
"""Of so many items it is watched whether all their parts come."""


class Waiting(NamedTuple):
    """Updates of a stream that wait for the end of the input, and the lowest position of them."""

    sums: StreamSums
    low: int
    updates: int


class StreamSums:
    """A stream whose rows are parts.

    Attributes:
        waits: Its sums go out at the end of the input.
        low: The position of the first record whose sum waits for it.
        updates: How many updates wait for it.
        last: The position of its last record.
    """

    def __init__(self, stream: Stream, summing: Summing, *, was_read: bool) -> None:
        self.stream = stream
        self.summing = summing
        self.waits = summing.is_complete or not was_read
        self.low: int | None = None
        self.updates = 0
        self.last = 0
        self._watched: set[Identifier] = set()
        self._missing: dict[str, Identifier] = {}

    def wait(self, position: int, updates: int) -> None:
        """Let updates of a record wait for the end of the input."""
        self.updates += updates
        self.low = position if self.low is None else min(self.low, position)

    def went_out(self) -> int:
        """Wait no longer; returns how many updates have waited."""
        updates, self.updates, self.low = self.updates, 0, None
        return updates

    def is_whole(self, state_at: int) -> bool:
        """Whether a STATE has shown that the stream was read to its end."""
        return state_at >= self.last

    def may_go(self, state_at: int, *, is_torn: bool) -> bool:
        """Whether its sums may go out: a part of its rows is never taken for all."""
        return not is_torn and (not self.summing.is_complete or self.is_whole(state_at))

    def fold(
        self,
        rows: Sequence[PartRecord],
        parts: Parts,
        changed: Mapping[Place, list[PartRecord]],
        found: Resolved,
    ) -> Waiting:
        """Remember what rows say; a rejected row only of a part that is unknown.

        Args:
            rows: The rows.
            parts: Where they are remembered.
            changed: Stocks that are added up next, each with its rows; they are added there.
            found: Gets what became of the others.

        Returns:
            The updates that wait for the end of the input.
        """
        self.last = max(self.last, rows[-1].position)
        rows = self._without_unknown(rows, parts)
        touched, old = self._remember([row.part for row in rows], parts)
        low, updates = 0, 0
        for row, places in zip(rows, touched, strict=True):
            if places is None:
                found.stale += len(row.part.rows) or 1
                continue
            if not places:
                found.skipped += row.part.is_whole  # else its rows have outcomes of their own
            for place in places:
                if place[0][0] not in KINDS:
                    found.unnamed.append((place, row))  # its item is looked up, and not known
                elif self.waits and not (row.part.again and row.part.key in old):
                    low, updates = low or row.position, updates + 1
                else:
                    changed[place].append(row)
        return Waiting(self, low, updates)

    def _without_unknown(self, rows: Sequence[PartRecord], parts: Parts) -> Sequence[PartRecord]:
        """Leave out parts of which nothing tells which they are: none of their items is gone."""
        unknown = [row.part for row in rows if not (row.part.key or row.part.again)]
        if not unknown:
            return rows
        known = parts.of_items(self.stream, {item for part in unknown for item in part.items})
        come = [Part(key, (), is_whole=False) for key in set().union(*known.values())]
        parts.fold(self.stream, come, names_all=self.waits)
        return [row for row in rows if row.part.key or row.part.again]

    def _remember(
        self, said: Sequence[Part], parts: Parts
    ) -> tuple[Sequence[Sequence[Place] | None], set[str]]:
        """Remember parts, but not what rejected rows say of parts that are known.

        Returns:
            For each the stocks that it may have changed; ``None`` if a newer version is known. And
            the keys of which a rejected row says nothing new.
        """
        again = {part.key for part in said if part.again}
        old = parts.known(self.stream, again) | {""} if again else set()
        new = [part for part in said if not (part.again and part.key in old)] if again else said
        for part in new if self._missing else ():
            self._missing.pop(part.key, None)
        touched = parts.fold(self.stream, new, names_all=self.waits) if new else []
        if not again:
            return touched, old
        rest = iter(touched)
        return [part.again if part.again and part.key in old else next(rest) for part in said], old

    def put(self, place: Place, total: Total, row: PartRecord, low: int, found: Resolved) -> None:
        """Add a sum to what is to be sent.

        Args:
            place: Its item and location.
            total: The sum of the parts.
            row: The newest of those that name it.
            low: The lowest position of these.
            found: Where it goes.
        """
        stock = self.summing.stock(*place, total)
        if isinstance(stock, RecordError):
            found.rows -= 1
            found.failed.append(Failed(stock, row.stream, row.line, row.position))
        else:
            found.put(place, Level(stock.quantity, row.position, row.stream, row.line), low)

    @property
    def is_watching(self) -> bool:
        """Whether more items are to be watched."""
        is_meant = self.waits or self.summing.may_lack
        return not is_meant and len(self._watched) < _MOST_WATCHED

    def watch(self, rows: Sequence[tuple[Identifier, PartRecord]], parts: Parts) -> None:
        """Watch whether the parts of items come that have not come with the first of each."""
        new = {identifier for identifier, _ in rows} - self._watched
        self._watched |= new
        named = {row.part.key for _, row in rows if row.stream.source == self.stream.source}
        for identifier, keys in parts.of_items(self.stream, new).items() if new else ():
            self._missing |= dict.fromkeys(keys - named, identifier)

    def doubt(self) -> str:
        """Say at the end of the input which parts have not come; empty if all have."""
        if not self._missing:
            return ""
        key, (kind, text) = next(iter(self._missing.items()))
        return (
            f"Stream {quoted(self.stream.name)}: {counted(len(self._missing), 'part')} of items"
            f" that this run has named did not come, and still count: part {quoted(key)} of {kind}"
            f" {quoted(text)}, for one. If a run brings all parts of an item that it names, set"
            " parts_complete to true; if the tap brings only what has changed, set it to false"
        )


def empty(stream: Stream) -> bytes:
    """Write a RECORD for a row that stands for others: it names its stream alone."""
    if not stream.schema_line:
        return b""
    return msgspec.json.encode({"type": "RECORD", "stream": stream.name, "record": {}})
