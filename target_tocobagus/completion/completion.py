"""The rows of one pass that need the memory across runs, from their record to the window.

At each flush first the pairs of lookups are learnt, and rows and parts get the identifiers of
theirs; then parts are added up, complete lists find what they leave out, and what one mapping adds
up and another one sets is rejected.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from target_tocobagus.completion.changed_pairs import ChangedPairs
from target_tocobagus.completion.complete_lists import CompleteLists
from target_tocobagus.completion.completed import Completed
from target_tocobagus.completion.lookups import Lookups
from target_tocobagus.completion.mixed_sources import MixedSources
from target_tocobagus.completion.new_pairs import NewPairs
from target_tocobagus.completion.sums import Sums
from target_tocobagus.completion.unnamed_rows import UnnamedRows
from target_tocobagus.window.buffer import RowBuffer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from target_tocobagus.completion.changed_pairs import Renamed
    from target_tocobagus.completion.complete_lists import Unsettled
    from target_tocobagus.completion.resolved import Resolved
    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.ledger.ledger import Ledger
    from target_tocobagus.ledger.pairs.pairs import Pairs
    from target_tocobagus.ledger.parts.parts import Parts
    from target_tocobagus.mapping.summing import Summing


class Memory(Protocol):
    """What is remembered across runs, beside levels."""

    @property
    def parts(self) -> Parts:
        """The parts of stocks that are added up."""

    @property
    def pairs(self) -> Pairs:
        """The pairs of lookups."""


class Completion:
    """Completes the rows of one pass.

    Attributes:
        lookups: What identifiers stand for.
        pairs: Those that have come since the last flush.
        unnamed: The rows that wait for their pair.
        sums: Adds up parts.
        lists: The complete lists of items.
    """

    def __init__(
        self,
        memory: Memory,
        ledger: Ledger | None,
        unsettled: Callable[[Collection[Identifier]], Unsettled],
        warehouse_map: Mapping[str, str] | None,
    ) -> None:
        """Begin without rows.

        Args:
            memory: What is remembered; opened once it is needed.
            ledger: Knows what was sent; a first dry run has none.
            unsettled: Returns the levels of items that wait or are in flight.
            warehouse_map: The client id of each location's code, if there is a map.
        """
        self._ledger = ledger
        self._unsettled = unsettled
        self.lookups = Lookups(lambda: memory.pairs)
        self._changed = ChangedPairs(self.lookups)
        self.unnamed = UnnamedRows(self.lookups)
        self.pairs = NewPairs(self.lookups, self._changed, self.unnamed)
        self.sums = Sums(lambda: memory.parts)
        self.lists = CompleteLists(warehouse_map)
        self._mixed = MixedSources()

    def begin(self, stream: Stream, summing: Summing | None, *, looks_up: bool) -> None:
        """Complete a stream's rows.

        Args:
            stream: The stream.
            summing: How its rows are added up, if they are.
            looks_up: Its mapping has `lookup`.

        Raises:
            ActionNeeded: Its parts are remembered by another mapping.
            LedgerError: The ledger cannot be read.
        """
        self._mixed.note(stream, sums=summing is not None)
        if looks_up:
            self._changed.begin(stream)
        if summing is not None:
            self.sums.begin(stream, summing)
        if self._mixed.is_possible:
            self.sums.parts.sure.fail()  # a sum may be rejected for a row of the same flush

    @property
    def unsettled(self) -> int:
        """How many updates wait for their pair, or for the end of the input."""
        return self.sums.last.updates + self.unnamed.count

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        lookups = (self.pairs.lowest, self._changed.lowest, self.unnamed.lowest)
        lows = [*lookups, self.sums.lowest, self.lists.lowest]
        return min([low for low in lows if low is not None], default=None)

    def takes_over(self, rows: RowBuffer) -> bool:
        """Whether a new pair or a row is for an item whose levels have yet to follow its old pair.

        They have to follow first: afterwards they could not be told from those of the new one.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        if not (vacated := self._changed.vacated):
            return False
        named = {item.identifier for item in rows.items}
        named |= {one for row in self.sums.waiting for one, *_ in row.part.rows}
        named |= {one for one in self.lookups.find(named).values() if one is not None}
        return self.pairs.any_of(vacated) or not vacated.isdisjoint(named)

    def complete(self, rows: RowBuffer) -> Iterator[Completed]:
        """Complete what has come since the last flush.

        Args:
            rows: The rows that mapping has made; what cannot be sent of them is taken out. What
                is yielded belongs there before the next step.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        if self.lookups.by_kind:
            yield from self.pairs.learn(self._rename)
            yield self.unnamed.name(rows)
            # In place: reading adds to this list.
            self.sums.waiting[:] = self.unnamed.name_parts(self.sums.waiting)
        if self.sums.has_rows:
            yield from self._resolved(self.sums.resolve())
        if self.lists.waiting:
            unsettled = self._unsettled(self.lists.identifiers)
            yield self.lists.resolve(rows.items, unsettled, self._ledger)
        if self._mixed.is_possible and rows.rows:
            unsettled = self._unsettled({item.identifier for item in rows.items})
            yield self._mixed.take_out(rows, self.sums.parts, unsettled)

    def _rename(self, each: Renamed) -> None:
        """Let parts follow their pairs."""
        self.sums.rename(each.names, each.entries, each.at)

    def _resolved(self, found: Resolved) -> Iterator[Completed]:
        found.new = found.updates
        yield found
        yield self.unnamed.wait_for_sums(found.unnamed)

    def follow(self) -> Iterator[Completed]:
        """Let levels and parts follow their changed pairs; all before must be settled.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        moved, renamed = self._changed.follow()
        for each in renamed:
            self._rename(each)
        found, rows = self.sums.follow(), RowBuffer(moved)
        yield Completed(items=rows.items, rows=rows.rows, new=len(moved), stale=rows.stale)
        yield from self._resolved(found)

    def confirm(self) -> None:
        """Remember the changed pairs, once what has followed them is settled.

        A sum of an item that its parts have left may be a stock-out that the guard holds. Its pair
        is a changed one for the next run, too, so that it goes out once it may.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        holds = self._ledger is not None and self._ledger.guard.held
        self._changed.confirm(
            lambda entries: not entries or (not holds and self.sums.last.have_gone(entries))
        )

    def rest(self, position: int) -> Iterator[Completed]:
        """At the end of the input, yield the sums that have waited for it; see `LastSums.rest`."""
        for found in self.sums.last.rest(position):
            yield from self._resolved(found)

    def doubts(self) -> Iterator[str]:
        """Say at the end of the input what may be wrong."""
        yield from self.sums.last.doubts()
        yield from self._changed.doubts()
