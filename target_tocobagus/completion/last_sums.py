"""The sums of one pass that wait for the end of the input: before it, parts may be missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from target_tocobagus.completion.resolved import PartRecord, Resolved
from target_tocobagus.completion.stream_sums import NOTHING, StreamSums, empty
from target_tocobagus.core.errors import RunFailed
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import KINDS
from target_tocobagus.core.plural import counted, some_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from target_tocobagus.core.model import Stream
    from target_tocobagus.ledger.parts.parts import Parts


class LastSums:
    """Those of all streams.

    Attributes:
        state_at: The position of the last STATE from the tap.
        is_torn: The input has ended by an error.
    """

    def __init__(
        self, streams: Mapping[tuple[str, str], StreamSums], parts: Callable[[], Parts]
    ) -> None:
        """Look at streams, to which more may be added; `parts` returns what is remembered."""
        self._streams = streams
        self._parts = parts
        self.state_at = 0
        self.is_torn = False

    @property
    def updates(self) -> int:
        """How many updates wait."""
        return sum(sums.updates for sums in self._streams.values())

    def have_gone(self, entries: Collection[str]) -> bool:
        """Whether no sum of the streams under some mappings waits."""
        return not any(
            sums.updates for sums in self._streams.values() if sums.stream.entry in entries
        )

    def rest(self, position: int) -> Iterator[Resolved]:
        """Yield the sums, some at a time.

        Args:
            position: The last record's.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        left = self._left()
        ready = [sums for sums in left if sums.may_go(self.state_at, is_torn=self.is_torn)]
        for sums in ready:
            if sums.summing.is_complete:
                self._parts().leave_out_unnamed(sums.stream)
        held = [sums.stream for sums in left if sums not in ready]
        for sums in ready:
            row = PartRecord(NOTHING, position, sums.stream, empty(sums.stream))
            for touched in self._parts().touched(sums.stream, held):
                found = Resolved()
                for place, total in touched.items():
                    if place[0][0] in KINDS:
                        found.rows += 1
                        sums.put(place, total, row, sums.low or 1, found)
                if found.failed:
                    self._parts().sure.fail()
                yield found
            updates = sums.went_out()
            yield Resolved(waiting=-updates, superseded=updates)

    def problem(self) -> RunFailed | None:
        """Say at the end of a run that sums have not gone out."""
        left = self._left()
        if not left:
            return None
        names = some_of([quoted(sums.stream.name) for sums in left])
        updates = counted(self.updates, "row was", "rows were")
        return RunFailed(
            f"no STATE came after the last record of {names}, so it may not have been read to its"
            f" end: {updates} remembered, and no sum was sent; a later run sends them"
        )

    def _left(self) -> list[StreamSums]:
        return [sums for sums in self._streams.values() if sums.updates]

    def doubts(self) -> Iterator[str]:
        """Say which parts have not come."""
        return filter(None, [sums.doubt() for sums in self._streams.values()])

    def read_once(self) -> list[Stream]:
        """Return the streams that were read to their end, if the run ends well."""
        return [
            sums.stream
            for sums in self._streams.values()
            if sums.last and (sums.is_whole(self.state_at) or not self.state_at)
        ]
