"""Gives rows with `lookup` their identifiers: of the pairs that another stream brings.

At each flush first the pairs since the last one are remembered, then the rows get the identifiers
of theirs. A row without a pair waits to the end of the input, or until its pair comes.

Invariants:
- No STATE covers a pair that is not remembered, a pair whose change the levels have not followed
  yet, or a row that waits.
- A row never goes out after a newer one of its match and location: those that wait go out as soon
  as their pair is known.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from target_tocobagus.completion.moved import moved_line
from target_tocobagus.core.foreign_text import quoted
from target_tocobagus.core.model import Level, RecordError, Stock, Stream
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from target_tocobagus.completion.resolver import Row
    from target_tocobagus.core.model import Identifier, Outcome, Part
    from target_tocobagus.ledger.pairs import Pairs, SentLevel
    from target_tocobagus.ledger.waiting_rows import Added, WaitingRow, WaitingRows
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.looking_up import Pair, PairReader
    from target_tocobagus.window.buffer import RowBuffer

    Place = tuple[Identifier, str | None]

logger = logging.getLogger("target-tocobagus")

_MOST_CHANGED: Final = 10_000
"""When so many pairs have changed, their levels follow before more is read."""
_MOST_NAMED: Final = 10
"""So many changed pairs are named in the log."""
_UNKNOWN: Final[Any] = object()


class _Change(msgspec.Struct):
    """A pair that has changed, and whose levels have not followed yet.

    Attributes:
        old: What it stood for; ``None`` if its rows were skipped.
        new: What it stands for; ``None`` if its rows are skipped now.
        position: Of the first record that says so.
        is_followed: Levels and parts have followed; the ledger does not know of it yet.
        seen: The locations of which a row has come since.
    """

    old: Identifier | None
    new: Identifier | None
    position: int
    is_followed: bool = False
    seen: set[str | None] = msgspec.field(default_factory=set)


class Moved(NamedTuple):
    """A level that follows its pair to another item."""

    identifier: Identifier
    location: str | None
    level: Level


class Renamed(NamedTuple):
    """Parts that follow their pairs.

    Attributes:
        names: By the identifiers of before, or those that stood in.
        entries: Of the mappings whose parts they are.
        at: The position of the last record that says so, and the lowest that is settled with it.
    """

    names: dict[Identifier, Identifier]
    entries: frozenset[str]
    at: tuple[int, int]


class Learned(msgspec.Struct):
    """What follows from the pairs that have come.

    Attributes:
        items: The rows that waited for one of them.
        skipped: How many waiting rows have a pair without identifier.
        superseded: How many waited whose stock is added up: its sum goes out.
    """

    items: list[Item] = []
    skipped: int = 0
    superseded: int = 0


class Lookups:
    """Those of one pass."""

    def __init__(self, open_pairs: Callable[[], Pairs], waiting: Callable[[], WaitingRows]) -> None:
        """Begin without rows; the pairs are opened once a mapping needs them."""
        self._open_pairs = open_pairs
        self._open_waiting = waiting
        self._opened: Pairs | None = None
        self._waits: WaitingRows | None = None
        self._readers: dict[str, PairReader] = {}
        self._mappings: dict[str, set[str]] = {}
        self._sums: dict[str, set[str]] = {}
        self._new: dict[str, dict[str, tuple[Identifier | None, int]]] = {}
        self._low: int | None = None
        self._changes: dict[Identifier, _Change] = {}
        self._streams: dict[tuple[str, str], Stream] = {}
        self._followed = 0
        self._changed = 0

    @property
    def pairs(self) -> Pairs:
        """Those that are remembered."""
        if self._opened is None:
            self._opened = self._open_pairs()
        return self._opened

    @property
    def is_used(self) -> bool:
        """Whether a mapping looks something up."""
        return bool(self._readers)

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        lows = [self._low, self._waits.lowest if self._waits else None]
        lows += [change.position for change in self._changes.values()]
        return min([low for low in lows if low is not None], default=None)

    @property
    def unsettled(self) -> int:
        """How many rows wait."""
        return self._waits.count if self._waits else 0

    def register(self, mapping: CompiledMapping) -> None:
        """Take a mapping that may look something up."""
        if (reader := mapping.pairs) is None:
            return
        self._readers[reader.kind] = reader
        self._mappings.setdefault(reader.kind, set()).add(mapping.entry)
        if mapping.summing is not None:
            self._sums.setdefault(reader.kind, set()).add(mapping.entry)

    def begin(self, stream: Stream) -> None:
        """Take a stream whose rows look something up."""
        self._streams[stream.source] = stream

    def readers(self, stream: str) -> list[PairReader]:
        """Return what reads the records of a stream as pairs."""
        return [reader for reader in self._readers.values() if reader.stream == stream]

    def note(self, reader: PairReader, pair: Pair, position: int) -> None:
        """Take in a pair that has come."""
        self._low = self._low or position
        self._new.setdefault(reader.kind, {})[pair.match] = (pair.identifier, position)

    @property
    def must_follow(self) -> bool:
        """Whether the levels of changed pairs must follow now, before more is learnt."""
        if self._unfollowed >= _MOST_CHANGED:
            return True
        for kind, pairs in self._new.items() if self._changes else ():
            for match, (identifier, _) in pairs.items():
                change = self._changes.get((kind, match))  # type: ignore[arg-type]  # a stand-in
                if change is not None and change.new != identifier and not change.is_followed:
                    return True
        return False

    @property
    def _unfollowed(self) -> int:
        return len(self._changes) - self._followed

    def learn(self, rename: Callable[[Renamed], None]) -> Iterator[Learned]:
        """Remember the pairs that have come; yields what follows, one stream after the other.

        Args:
            rename: Lets parts follow; called before their pairs are remembered.

        Raises:
            LedgerError: The ledger cannot be read or written.
        """
        for kind in list(self._new):
            yield self._learn(self._readers[kind], self._new[kind], rename)
            del self._new[kind]
        self._low = None

    def _learn(
        self,
        reader: PairReader,
        pairs: Mapping[str, tuple[Identifier | None, int]],
        rename: Callable[[Renamed], None],
    ) -> Learned:
        fresh = self._fresh(reader, pairs)
        if not fresh:
            return Learned()
        names: dict[Any, Identifier] = {
            (reader.kind, match): identifier
            for match, identifier in fresh.items()
            if identifier is not None
        }
        if names and reader.kind in self._sums:
            positions = [pairs[match][1] for match in fresh]
            low = min([min(positions), *([self._waits.lowest or 1] if self._waits else [])])
            rename(Renamed(names, frozenset(self._sums[reader.kind]), (max(positions), low)))
        self.pairs.learn(reader.source, reader.kind, fresh)
        return self._release(reader.kind, fresh)

    def _fresh(
        self, reader: PairReader, pairs: Mapping[str, tuple[Identifier | None, int]]
    ) -> dict[str, Identifier | None]:
        """Find the pairs that are new, or that nothing has to follow; others wait as changes."""
        known = self.pairs.known(reader.source, pairs)
        fresh: dict[str, Identifier | None] = {}
        for match, (identifier, position) in pairs.items():
            before = known.get(match, _UNKNOWN)
            key: Any = (reader.kind, match)
            change = self._changes.get(key)
            before = before if change is None else change.new
            if before == identifier:
                continue
            if before is not _UNKNOWN:
                self._warn(reader, match, before, identifier)
            # Rows that were skipped have left nothing to follow, unless they are parts.
            follows = before is not None or reader.kind in self._sums
            if change is not None:
                self._followed -= 1
                self._changes[key] = _Change(before, identifier, change.position)
            elif before is _UNKNOWN or identifier is None or not follows:
                fresh[match] = identifier
            else:
                self._changes[key] = _Change(before, identifier, position)
        return fresh

    def _release(self, kind: str, fresh: Mapping[str, Identifier | None]) -> Learned:
        """Take out the rows that have waited for new pairs."""
        learned = Learned()
        for row in self._waits.take(kind, fresh) if self._waits else ():
            identifier = fresh[row.identifier[1]]
            if identifier is None:
                learned.skipped += 1
            elif row.is_sum:
                learned.superseded += 1
            else:
                item = Item(identifier, {row.location: row.level}, row.low)
                item.urgent, item.broadcast = row.level.quantity == 0, row.level.broadcast
                learned.items.append(item)
        return learned

    def _warn(
        self, reader: PairReader, match: str, old: Identifier | None, new: Identifier | None
    ) -> None:
        """Name a pair that has changed."""
        self._changed += 1
        if self._changed > _MOST_NAMED:
            return
        what = f"{quoted(match)} was {_named(old)} and is {_named(new)}"
        if old is None:
            follows = "rows that were skipped before are not sent until they come again"
        elif new is None:
            follows = "its rows are skipped, and the shop keeps the stock that it has"
        elif reader.kind in self._sums:
            follows = "its parts go with it"
        else:
            follows = (
                "its levels go to the new one, and the shop keeps the stock of the old one: nothing"
                " sets it to 0"
            )
        logger.warning("Lookup %s: %s: %s", quoted(reader.stream), what, follows)

    def doubts(self) -> Iterator[str]:
        """Say how many changed pairs were not named."""
        if self._changed > _MOST_NAMED:
            yield f"Lookup: {self._changed - _MOST_NAMED} more pairs have changed"

    def find(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Identifier | None]:
        """Find what identifiers stand for; those whose pair is not known are left out.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        asked: dict[Any, set[str]] = {}
        for kind, match in identifiers:
            if kind in self._readers:
                asked.setdefault(kind, set()).add(match)
        found: dict[Any, Identifier | None] = {}
        for kind, matches in asked.items():
            known = self.pairs.known(self._readers[kind].source, matches)
            found |= {(kind, match): identifier for match, identifier in known.items()}
        for key in found.keys() & self._changes.keys():
            found[key] = self._changes[key].new
        return found

    def names(self, outcomes: Iterable[Outcome]) -> dict[Identifier, Identifier]:
        """Find what the identifiers of a record's outcomes stand for, as far as it is known.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        named = [each for each in outcomes if isinstance(each, (Stock, RecordError))]
        asked = [each.identifier for each in named if each.identifier is not None]
        found = self.find(asked) if self.is_used else {}
        return {key: identifier for key, identifier in found.items() if identifier is not None}

    def name_rows(self, rows: RowBuffer) -> tuple[int, int, int]:
        """Give the rows of a buffer their identifiers; those without a pair wait.

        Returns:
            How many updates are skipped, superseded and stale.

        Raises:
            LedgerError: The ledger cannot be read, or there is no room for rows that wait.
        """
        stand_ins = {item.identifier for item in rows.items if item.identifier[0] in self._readers}
        if not stand_ins:
            return 0, 0, 0
        from target_tocobagus.ledger.waiting_rows import WaitingRow

        found = self.find(stand_ins)
        left = [
            WaitingRow(item.identifier, place, level, item.low)
            for item in rows.items
            if item.identifier in stand_ins and item.identifier not in found
            for place, level in item.levels.items()
        ]
        added = self._wait(left)
        kept = []
        skipped = 0
        for item in rows.items:
            if item.identifier in found:
                identifier = found[item.identifier]
                if self._changes and item.identifier in self._changes:
                    self._changes[item.identifier].seen |= item.levels.keys()
                if identifier is None:
                    skipped += len(item.levels)
                    continue
                item.identifier = identifier
            elif item.identifier in stand_ins:
                continue
            kept.append(item)
        rows.items[:] = kept
        rows.rows -= skipped + len(left)
        return skipped, added.superseded, added.stale

    def _wait(self, rows: Sequence[WaitingRow]) -> Added:
        if self._waits is None:
            self._waits = self._open_waiting()
        return self._waits.add(rows)

    def name_parts(self, rows: Sequence[Row]) -> list[Row]:
        """Give parts the identifiers that are known.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        asked = {one for row in rows for one, *_ in row.part.rows}
        asked |= {one for row in rows for one, _ in row.part.again}
        found = self.find(asked)
        names = {key: identifier for key, identifier in found.items() if identifier is not None}
        return [row._replace(part=_with_names(row.part, names)) for row in rows]

    def wait_for_names(self, rows: Sequence[tuple[Place, Row]]) -> tuple[int, int]:
        """Let sums wait whose items are not known; returns how many are skipped, and superseded.

        Raises:
            LedgerError: The ledger cannot be read, or there is no room for them.
        """
        from target_tocobagus.ledger.waiting_rows import WaitingRow

        found = self.find({identifier for (identifier, _), _ in rows})
        left = [
            WaitingRow(
                *(identifier, place, Level(0, row.position, row.stream, row.line), row.position),
                is_sum=True,
            )
            for (identifier, place), row in rows
            if identifier not in found
        ]
        return len(rows) - len(left), self._wait(left).superseded

    def missing(self) -> list[tuple[RecordError, WaitingRow]]:
        """Return some of the rows whose pair has not come, the oldest first.

        Raises:
            LedgerError: They cannot be read.
        """
        return [(self._missing(row), row) for row in self._waits.oldest()] if self._waits else []

    def reject(self, rows: Sequence[tuple[RecordError, WaitingRow]]) -> None:
        """Keep rows in the ledger that lack their pair: they are rejected, and wait no longer.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        self.pairs.keep_rejected(rows)
        if self._waits is not None:
            self._waits.remove([row for _, row in rows])

    def _missing(self, row: WaitingRow) -> RecordError:
        kind, match = row.identifier
        reader = self._readers[kind]
        text = f"lookup: no record of stream {quoted(reader.stream)} has come with {quoted(match)}"
        return RecordError("LOOKUP_MISSING", text, row.identifier, row.location)

    @property
    def has_changes(self) -> bool:
        """Whether pairs have changed that the ledger does not know yet."""
        return bool(self._changes)

    def follow(self) -> tuple[list[Moved], list[Renamed]]:
        """Find the levels and the parts that follow the pairs that have changed.

        Everything before must be settled.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        moved: list[Moved] = []
        renamed: list[Renamed] = []
        for kind, reader in self._readers.items():
            changes = {
                match: change
                for match, change in self._changes_of(kind).items()
                if change.new is not None and not change.is_followed
            }
            if not changes:
                continue
            single = self._single(reader, changes)
            if kind in self._sums:
                names: dict[Any, Any] = {
                    (kind, match): change.new for match, change in changes.items()
                }
                names |= {old: change.new for old, change in single.items()}
                positions = [change.position for change in changes.values()]
                entries = frozenset(self._sums[kind])
                renamed.append(Renamed(names, entries, (max(positions), min(positions))))
            setting = self._mappings[kind] - self._sums.get(kind, set())
            for sent in self.pairs.sent(single, setting) if setting and single else ():
                change = single[sent.identifier]
                if change.new is not None and _follows(sent.location, change.seen):
                    stream = self._streams.get(sent.stream) or _unread(*sent.stream)
                    moved.append(Moved(change.new, sent.location, _level(sent, stream, change)))
        for change in self._changes.values():
            change.is_followed = True
        self._followed = len(self._changes)
        return moved, renamed

    def _changes_of(self, kind: str) -> dict[str, _Change]:
        return {match: change for (of, match), change in self._changes.items() if of == kind}

    def _single(
        self, reader: PairReader, changes: Mapping[str, _Change]
    ) -> dict[Identifier, _Change]:
        """Leave out items that other matches stand for, too: whose levels they are is not known."""
        by_old: dict[Identifier, list[_Change]] = {}
        for change in changes.values():
            if change.old is not None:
                by_old.setdefault(change.old, []).append(change)
        claimed = self.pairs.claimed(reader.source, by_old, changes) if by_old else set()
        return {
            old: found[0] for old, found in by_old.items() if old not in claimed and len(found) == 1
        }

    def confirm(self, may_go: Callable[[Collection[str]], bool]) -> None:
        """Remember the pairs that have changed: their levels have followed, and are settled.

        Args:
            may_go: Whether the sums of the parts under some mappings have gone out.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        for kind, reader in self._readers.items():
            changes = self._changes_of(kind)
            if not changes or not may_go(self._sums.get(kind, ())):
                continue
            new = {match: change.new for match, change in changes.items()}
            single = self._single(reader, changes)
            names = {
                old: (change.new, change.seen)
                for old, change in single.items()
                if change.new is not None
            }
            streams = self.pairs.streams_under(self._mappings[kind])
            self.pairs.change(reader.source, new, names, streams)
            self._followed -= len(changes)
            for match in changes:
                del self._changes[kind, match]  # type: ignore[arg-type]  # a stand-in


def _unread(name: str, entry: str) -> Stream:
    """Make a stream that this run has not read."""
    schema: dict[str, Any] = {"properties": {}}
    message = {"type": "SCHEMA", "stream": name, "schema": schema, "key_properties": []}
    return Stream(name, msgspec.json.encode(message), entry)


def _level(sent: SentLevel, stream: Stream, change: _Change) -> Level:
    """Make the level that follows a pair; no record of its stream says it, so its line does."""
    line = moved_line(stream, sent.quantity, sent.version)
    return Level(sent.quantity, change.position, stream, line, version=sent.version)


def _follows(location: str | None, seen: set[str | None]) -> bool:
    """Whether a level follows its pair; not if a newer row has said otherwise since."""
    return location not in seen and None not in seen and not (seen and location is None)


def _with_names(part: Part, names: Mapping[Identifier, Identifier]) -> Part:
    """Give a part the identifiers that are known."""
    if not names:
        return part
    rows = tuple((names.get(one, one), place, quantity) for one, place, quantity in part.rows)
    again = tuple((names.get(one, one), place) for one, place in part.again)
    return msgspec.structs.replace(part, rows=rows, again=again)


def _named(identifier: Identifier | None) -> str:
    return f"{identifier[0]} {quoted(identifier[1])}" if identifier else "nothing to send"
