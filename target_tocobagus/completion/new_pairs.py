"""Remembers the pairs of lookups that have come since the last flush."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from target_tocobagus.completion.changed_pairs import Renamed
from target_tocobagus.completion.completed import Completed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from target_tocobagus.completion.changed_pairs import ChangedPairs
    from target_tocobagus.completion.lookups import Lookup, Lookups
    from target_tocobagus.completion.unnamed_rows import UnnamedRows
    from target_tocobagus.core.model import Identifier
    from target_tocobagus.mapping.looking_up import Pair, PairReader

    Fresh = dict[str, tuple[Identifier | None, int]]

_MOST_CHANGED: Final = 10_000
"""When so many pairs have changed, their levels follow before more is read."""
_UNKNOWN: Final[Any] = object()


class NewPairs:
    """Those of one pass.

    Attributes:
        lowest: The lowest position that no STATE may cover yet.
    """

    def __init__(self, lookups: Lookups, changed: ChangedPairs, unnamed: UnnamedRows) -> None:
        self._lookups = lookups
        self._changed = changed
        self._unnamed = unnamed
        self._new: dict[str, Fresh] = {}
        self._unknown: dict[str, dict[str, Identifier | None]] = {}
        self.lowest: int | None = None

    def note(self, reader: PairReader, pair: Pair, position: int) -> None:
        """Take in a pair that has come."""
        self.lowest = self.lowest or position
        self._new.setdefault(reader.kind, {})[pair.match] = (pair.identifier, position)

    @property
    def must_follow(self) -> bool:
        """Whether the levels of changed pairs must follow now, before more is learnt."""
        if self._changed.unfollowed >= _MOST_CHANGED:
            return True
        changes = self._lookups.changes
        for kind, pairs in self._new.items() if changes else ():
            for match, (identifier, _) in pairs.items():
                change = changes.get((kind, match))  # type: ignore[arg-type]  # a stand-in
                if change is not None and change.new != identifier and not change.is_followed:
                    return True
        return False

    def compare(self) -> None:
        """Find which of the pairs that have come are new, and which have changed.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        for kind, pairs in self._new.items():
            self._unknown[kind] = self._fresh(self._lookups.by_kind[kind], pairs)

    def any_of(self, items: AbstractSet[Identifier]) -> bool:
        """Whether a new pair stands for one of some items."""
        return any(items & {*pairs.values()} for pairs in self._unknown.values())

    def learn(self, rename: Callable[[Renamed], None]) -> Iterator[Completed]:
        """Remember the pairs that are new; yields the rows that waited for them.

        Args:
            rename: Lets parts follow; called before their pairs are remembered.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        for kind in list(self._new):
            yield self._learn(self._lookups.by_kind[kind], self._new[kind], rename)
            del self._new[kind], self._unknown[kind]
        self.lowest = None

    def _learn(self, lookup: Lookup, pairs: Fresh, rename: Callable[[Renamed], None]) -> Completed:
        kind = lookup.reader.kind
        fresh = self._unknown[kind]
        if not fresh:
            return Completed()
        names: dict[Any, Identifier] = {
            (kind, match): identifier
            for match, identifier in fresh.items()
            if identifier is not None
        }
        if names and lookup.summing:
            positions = [pairs[match][1] for match in fresh]
            last = max(positions)
            low = min([*positions, self._unnamed.lowest or last])
            rename(Renamed(names, frozenset(lookup.summing), (last, low)))
        entries = lookup.entries - lookup.summing
        self._lookups.pairs.learn(lookup.reader.as_stream, kind, fresh, entries)
        return self._unnamed.take(kind, fresh)

    def _fresh(self, lookup: Lookup, pairs: Mapping[str, Any]) -> dict[str, Identifier | None]:
        """Find the pairs that are new, or that nothing has to follow; others wait as changes."""
        kind = lookup.reader.kind
        known = self._lookups.pairs.known(lookup.reader.as_stream, pairs)
        fresh: dict[str, Identifier | None] = {}
        for match, (identifier, position) in pairs.items():
            key: Any = (kind, match)
            change = self._lookups.changes.get(key)
            before = known.get(match, _UNKNOWN) if change is None else change.new
            if before == identifier:
                continue
            if before is not _UNKNOWN:
                self._changed.warn(lookup, match, before, identifier)
            is_new = before is _UNKNOWN or identifier is None
            # Rows that were skipped have left nothing to follow, unless they are parts.
            has_none = before is None and not lookup.summing
            if change is None and (is_new or has_none):
                fresh[match] = identifier
            else:
                self._changed.add(key, before, identifier, position)
        return fresh
