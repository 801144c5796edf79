"""Completes rows that need the memory across runs: of parts the sum that is to be sent.

Such rows wait here until the next flush, so that the ledger is asked once for many.

Invariants:
- No STATE covers a record that waits here, or whose sum goes out at the end of the input.
- What a part says is remembered before a STATE covers it, and its sum is an update each time: only
  the comparison with the last accepted value may leave it unsent.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_tocobagus.completion.sums import StreamSums, empty
from target_tocobagus.core.errors import ActionNeeded, RunFailed
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import KINDS, Level, Part, RecordError
from target_tocobagus.core.plural import counted, some_of
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.core.model import Identifier, Stream
    from target_tocobagus.ledger.parts import Added, Parts, Place
    from target_tocobagus.mapping.summing import Summing


class Row(NamedTuple):
    """What a record says of a part."""

    part: Part
    position: int
    stream: Stream
    line: bytes


class Failed(NamedTuple):
    """A sum that cannot be sent, and the newest of its records."""

    error: RecordError
    row: Row


class Resolved(msgspec.Struct, eq=False):
    """What became of rows.

    Attributes:
        items: What is to be sent.
        updates: How many updates they stand for: of those of one stock the newest counts.
        waiting: Updates that wait for the end of the input.
        superseded: Updates that have waited for it; the sums of their stocks go out instead.
        stale: Updates of which a newer version is known.
        skipped: Records that change nothing.
        failed: Sums that cannot be sent.
        unnamed: Updates whose item is looked up and not known: each with its record.
    """

    items: list[Item] = []
    updates: int = 0
    waiting: int = 0
    superseded: int = 0
    stale: int = 0
    skipped: int = 0
    failed: list[Failed] = []
    unnamed: list[tuple[Place, Row]] = []


class Resolver:
    """Completes the rows of one pass.

    Attributes:
        state_at: The position of the last STATE from the tap.
        is_torn: The input has ended by an error.
        waiting: Rows that wait for the next flush.
    """

    def __init__(self, open_parts: Callable[[], Parts]) -> None:
        """Begin without rows; the parts are opened once a stream needs them."""
        self._open_parts = open_parts
        self._opened: Parts | None = None
        self._streams: dict[tuple[str, str], StreamSums] = {}
        self.waiting: list[Row] = []
        self._renamed: list[tuple[StreamSums, Place, list[Row]]] = []
        self.state_at = 0
        self.is_torn = False

    @property
    def parts(self) -> Parts:
        """Those that are remembered."""
        if self._opened is None:
            self._opened = self._open_parts()
        return self._opened

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

    @property
    def unsettled(self) -> int:
        """How many updates wait for the end of the input."""
        return sum(sums.updates for sums in self._streams.values())

    def resolve(self) -> Resolved:
        """Complete the rows that wait.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        found = Resolved()
        changed: dict[Place, list[Row]] = {}
        held: list[tuple[StreamSums, int, int]] = []
        for source in dict.fromkeys([row.stream.source for row in self.waiting]):
            of_stream = [row for row in self.waiting if row.stream.source == source]
            held += self._fold(self._streams[source], of_stream, found, changed)
        held += self._add_renamed(changed)
        self._finish(changed, held, found)
        self.waiting.clear()
        return found

    def _finish(
        self,
        changed: dict[Place, list[Row]],
        held: Iterable[tuple[StreamSums, int, int]],
        found: Resolved,
    ) -> None:
        self._add_up(changed, found)
        for sums, position, updates in held:
            sums.wait(position, updates)
            found.waiting += updates
        self._renamed.clear()

    def _fold(
        self,
        sums: StreamSums,
        rows: Sequence[Row],
        found: Resolved,
        changed: dict[Place, list[Row]],
    ) -> Iterator[tuple[StreamSums, int, int]]:
        """Remember what the rows of a stream say; a rejected row only of a part that is unknown.

        Yields:
            Position and number of the updates that wait for the end of the input.
        """
        sums.last = max(sums.last, rows[-1].position)
        again = [row for row in rows if row.part.again]
        known = self.parts.known(sums.stream, [row.part for row in again]) if again else set()
        old = [row for row in again if row.part.key in known or not row.part.key]
        new = [row for row in rows if not row.part.again or row.part.key not in known | {""}]
        for row in old:
            for place in self._named(row.part.again, row, found):
                changed.setdefault(place, []).append(row)
        parts = [row.part for row in new]
        sums.see([part.key for part in parts])
        touched = self.parts.fold(sums.stream, parts, names_all=sums.waits) if parts else []
        for row, of_row in zip(new, touched, strict=True):
            places = of_row and self._named(of_row, row, found)
            if of_row and not places:
                continue
            if places is None:
                found.stale += len(row.part.rows) or 1
            elif not places:
                found.skipped += row.part.is_whole  # else its rows have outcomes of their own
            elif sums.waits:
                yield sums, row.position, len(places)
            else:
                for place in places:
                    changed.setdefault(place, []).append(row)

    @staticmethod
    def _named(places: Sequence[Place], row: Row, found: Resolved) -> list[Place]:
        """Leave out stocks whose item is looked up and not known; they are noted."""
        unnamed = [place for place in places if place[0][0] not in KINDS]
        found.unnamed += [(place, row) for place in unnamed]
        return [place for place in places if place[0][0] in KINDS]

    def _add_up(self, changed: dict[Place, list[Row]], found: Resolved) -> None:
        """Add up the parts of stocks; the newest row of each stands for the others."""
        parts = self.parts.of_items({place[0] for place in changed}) if changed else {}
        items: dict[tuple[Identifier, bool], Item] = {}
        for place, rows in changed.items():
            newest = rows[-1] if len(self._streams) == 1 else max(rows, key=_position)
            if place not in parts:  # a rejected row of a stock that has no part any more
                found.skipped += len(rows)
                continue
            sums = self._streams[newest.stream.source]
            found.updates += len(rows)
            low = rows[0].position if len(self._streams) == 1 else min(map(_position, rows))
            self._put(sums, place, parts[place], (newest, low), items, found)
        found.items += items.values()
        for sums in self._streams.values():
            if sums.is_watching:
                self._watch(sums, changed, parts)

    def _watch(
        self,
        sums: StreamSums,
        changed: Mapping[Place, Sequence[Row]],
        parts: Mapping[Place, Sequence[Added]],
    ) -> None:
        """Watch whether the other parts of the items of these rows come, too."""
        rows = [
            (place[0], row)
            for place, several in changed.items()
            for row in several
            if not row.part.again  # a rejected row comes without the others
        ]
        named = {row.part.key for _, row in rows if row.stream.source == sums.stream.source}
        others: dict[Identifier, set[str]] = {identifier: set() for identifier, _ in rows}
        for (identifier, _), added in parts.items():
            if identifier in others:
                others[identifier] |= self.parts.of_stream(sums.stream, added) - named
        for identifier, keys in others.items():
            sums.watch(identifier, keys)

    @staticmethod
    def _put(
        sums: StreamSums,
        place: Place,
        parts: Iterable[Added],
        row: tuple[Row, int],
        items: dict[tuple[Identifier, bool], Item],
        found: Resolved,
    ) -> None:
        """Add one sum to the items that are to be sent."""
        (newest, low), (identifier, location) = row, place
        stock = sums.summing.stock(identifier, location, [each.quantity for each in parts])
        if isinstance(stock, RecordError):
            found.updates -= 1
            found.failed.append(Failed(stock, newest))
            return
        level = Level(stock.quantity, newest.position, newest.stream, newest.line)
        item = items.setdefault((identifier, location is None), Item(identifier, {}, low))
        item.levels[location] = level
        item.low = min(item.low, low)
        item.urgent |= level.quantity == 0

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
            rows = [Row(_NOTHING, each, sums.stream, line) for each in sorted({low, position})]
            self._renamed += [(sums, place, rows) for place in places if place[0][0] in KINDS]

    def follow(self) -> Resolved:
        """Complete the sums of parts that count for other items now.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        found = Resolved()
        changed: dict[Place, list[Row]] = {}
        self._finish(changed, list(self._add_renamed(changed)), found)
        return found

    def _add_renamed(
        self, changed: dict[Place, list[Row]]
    ) -> Iterator[tuple[StreamSums, int, int]]:
        for sums, place, rows in self._renamed:
            if sums.waits:
                yield sums, rows[0].position, 1
            else:
                changed[place] = sorted([*changed.get(place, ()), *rows], key=_position)

    def have_gone(self, entries: Collection[str]) -> bool:
        """Whether no sum of the streams under some mappings waits for the end of the input."""
        return not any(
            sums.updates for sums in self._streams.values() if sums.stream.entry in entries
        )

    def rest(self, position: int) -> Iterator[Resolved]:
        """Yield the sums that go out at the end of the input, some at a time.

        Args:
            position: The last record's.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        ready = [sums for sums in self._streams.values() if sums.updates and self._may_go(sums)]
        for sums in ready:
            if sums.summing.is_complete:
                self.parts.leave_out_unnamed(sums.stream)
        held = [
            sums.stream for sums in self._streams.values() if sums.updates and sums not in ready
        ]
        for sums in ready:
            row = Row(_NOTHING, position, sums.stream, empty(sums.stream))
            for touched in self.parts.touched(sums.stream):
                found = Resolved()
                items: dict[tuple[Identifier, bool], Item] = {}
                for place, parts in touched.items():
                    is_named = place[0][0] in KINDS
                    if is_named and not (held and self.parts.any_of(held, parts)):
                        found.updates += 1
                        self._put(sums, place, parts, (row, sums.low or 1), items, found)
                found.items += items.values()
                yield found
            yield Resolved(superseded=sums.went_out())

    def _may_go(self, sums: StreamSums) -> bool:
        """Whether the sums of a stream may go out: a part of its rows is never taken for all."""
        return not self.is_torn and (not sums.summing.is_complete or sums.is_whole(self.state_at))

    def problem(self) -> RunFailed | None:
        """Say at the end of a run that sums have not gone out."""
        left = [sums for sums in self._streams.values() if sums.updates]
        if not left:
            return None
        names = some_of([quoted(sums.stream.name) for sums in left])
        updates = counted(self.unsettled, "row was", "rows were")
        return RunFailed(
            f"no STATE came after the last record of {names}, so it may not have been read to its"
            f" end: {updates} remembered, and no sum was sent; a later run sends them"
        )

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


_NOTHING = Part("", ())
_position = attrgetter("position")
