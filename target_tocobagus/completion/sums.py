"""Completes rows that need the memory across runs: of parts the sum that is to be sent.

Such rows wait here until the next flush, so that the ledger is asked once for many. Some sums wait
for the end of the input (`last_sums`).

Invariants:
- No STATE covers a record that waits here, or whose sum goes out at the end of the input.
- What a part says is remembered before a STATE covers it, and its sum is an update each time: only
  the comparison with the last accepted value may leave it unsent, or that this surely is the sum.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from target_tocobagus.completion.changed_sums import ChangedSums
from target_tocobagus.completion.last_sums import LastSums
from target_tocobagus.completion.resolved import PartRecord, Resolved
from target_tocobagus.completion.stream_sums import NOTHING, StreamSums, Waiting, empty
from target_tocobagus.core.errors import ActionNeeded
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import KINDS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

    from target_tocobagus.core.model import Identifier, Place, Stream
    from target_tocobagus.ledger.parts.parts import Parts
    from target_tocobagus.mapping.summing import Summing


class Sums:
    """Completes the rows of one pass.

    Attributes:
        waiting: Rows that wait for the next flush.
        last: The sums that wait for the end of the input.
    """

    def __init__(self, open_parts: Callable[[], Parts]) -> None:
        """Begin without rows; the parts are opened once a stream needs them."""
        self._open_parts = open_parts
        self._streams: dict[tuple[str, str], StreamSums] = {}
        self.waiting: list[PartRecord] = []
        self._renamed: list[tuple[StreamSums, Place, list[PartRecord]]] = []
        self.last = LastSums(self._streams, lambda: self.parts)

    @cached_property
    def parts(self) -> Parts:
        """Those that are remembered."""
        return self._open_parts()

    def begin(self, stream: Stream, summing: Summing) -> None:
        """Add up a stream's rows.

        Raises:
            ActionNeeded: Its parts are remembered by another mapping.
            LedgerError: The ledger cannot be read.
        """
        if stream.source in self._streams:
            return
        if self.parts.has_others(stream):
            name = quoted(stream.name)
            message = (
                f"stream {name}: its mapping or warehouse_map has changed, so its parts are"
                f" remembered with other items or places. Run `tocobagus ledger forget --parts"
                f" {name}`, and let the tap read the whole stream again"
            )
            raise ActionNeeded(message)
        self.parts.sure.begin(summing.policy)
        self._streams[stream.source] = StreamSums(
            stream, summing, was_read=self.parts.was_read(stream)
        )

    @property
    def has_rows(self) -> bool:
        """Whether there is something to complete."""
        return bool(self.waiting or self._renamed)

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        lows = [sums.low for sums in self._streams.values() if sums.low is not None]
        return min([*lows, *(row.position for row in self.waiting[:1])], default=None)

    def resolve(self) -> Resolved:
        """Complete the rows that wait.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        found = self._complete(self.waiting)
        self.waiting.clear()
        return found

    def follow(self) -> Resolved:
        """Complete the sums of parts that count for other items now; other rows wait on.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        return self._complete([])

    def _complete(self, rows: Sequence[PartRecord]) -> Resolved:
        """Complete rows and what was renamed; nothing counts if the ledger fails meanwhile."""
        in_order = len(self._streams) == 1 and not self._renamed
        found, changed = Resolved(), ChangedSums(self._streams, in_order=in_order)
        waiting = [
            sums.fold(of_stream, self.parts, changed.rows, found)
            for sums, of_stream in self._by_stream(rows)
        ]
        for sums, place, several in self._renamed:
            if sums.waits:
                waiting.append(Waiting(sums, several[0].position, 1))
            else:
                changed.rows[place] += several
        changed.add_up(self.parts, found)
        if found.failed:
            self.parts.sure.fail()
        for sums, low, updates in waiting:
            if updates:
                sums.wait(low, updates)
            found.waiting += updates
        self._renamed.clear()
        return found

    def _by_stream(
        self, rows: Sequence[PartRecord]
    ) -> Iterator[tuple[StreamSums, Sequence[PartRecord]]]:
        if len(self._streams) == 1 and rows:
            yield next(iter(self._streams.values())), rows
            return
        by_source: dict[tuple[str, str], list[PartRecord]] = {}
        for row in rows:
            by_source.setdefault(row.stream.source, []).append(row)
        for source, of_stream in by_source.items():
            yield self._streams[source], of_stream

    def rename(
        self, names: Mapping[Identifier, Identifier], entries: Collection[str], at: tuple[int, int]
    ) -> None:
        """Let parts count for other items; the sums of these and of those before follow.

        Args:
            names: By the identifiers of before.
            entries: Of the mappings whose parts they are.
            at: The position of the record that says so, and the lowest that is settled with it.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        position, low = at
        for sums in [each for each in self._streams.values() if each.stream.entry in entries]:
            places = self.parts.rename(sums.stream, names, names_all=sums.waits)
            line = empty(sums.stream)
            rows = [
                PartRecord(NOTHING, each, sums.stream, line) for each in sorted({low, position})
            ]
            self._renamed += [(sums, place, rows) for place in places if place[0][0] in KINDS]
