"""The lookups of one pass: what identifiers stand for, by the pairs that another stream brings.

At each flush first the pairs since the last one are remembered (`new_pairs`), then the rows get the
identifiers of theirs (`unnamed_rows`). The levels of a pair that has changed follow it
(`changed_pairs`).

Invariants:
- No STATE covers a pair that is not remembered, a pair whose change the levels have not followed
  yet, or a row that waits for its pair.
- A row never goes out after a newer one of its match and location: those that wait go out as soon
  as their pair is known.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec

from target_tocobagus.core.model import RecordError, Stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from target_tocobagus.core.model import Identifier, Outcome
    from target_tocobagus.ledger.pairs.pairs import Pairs
    from target_tocobagus.mapping import CompiledMapping
    from target_tocobagus.mapping.looking_up import PairReader
    from target_tocobagus.window.pending import Item


class Lookup(msgspec.Struct, eq=False):
    """One stream that brings pairs.

    Attributes:
        reader: Reads its records.
        entries: The mappings whose rows look it up.
        summing: Those of them that add up.
    """

    reader: PairReader
    entries: set[str] = msgspec.field(default_factory=set)
    summing: set[str] = msgspec.field(default_factory=set)


class Change(msgspec.Struct):
    """A pair that has changed, and that the ledger does not know of yet.

    Attributes:
        old: What it stood for; ``None`` if its rows were skipped.
        new: What it stands for; ``None`` if its rows are skipped now.
        position: Of the first record that says so.
        is_followed: Levels and parts have followed.
        seen: The locations of which a row of the new item has come since.
    """

    old: Identifier | None
    new: Identifier | None
    position: int
    is_followed: bool = False
    seen: set[str | None] = msgspec.field(default_factory=set)

    def follows(self, location: str | None) -> bool:
        """Whether a level of before follows; not if a newer row has said otherwise since."""
        seen = self.seen
        return location not in seen and None not in seen and not (seen and location is None)


class Lookups:
    """What identifiers stand for.

    Attributes:
        by_kind: The lookups, by the kind of the identifiers that stand in.
        changes: Pairs that have changed, by the identifiers that stand in.
    """

    def __init__(self, open_pairs: Callable[[], Pairs]) -> None:
        """Begin without lookups; the pairs are opened once a mapping needs them."""
        self._open_pairs = open_pairs
        self.by_kind: dict[str, Lookup] = {}
        self.changes: dict[Identifier, Change] = {}

    @cached_property
    def pairs(self) -> Pairs:
        """Those that are remembered."""
        return self._open_pairs()

    def register(self, mapping: CompiledMapping) -> None:
        """Take a mapping that may look something up."""
        if (reader := mapping.pairs) is None:
            return
        lookup = self.by_kind.setdefault(reader.kind, Lookup(reader))
        lookup.entries.add(mapping.entry)
        if mapping.summing is not None:
            lookup.summing.add(mapping.entry)

    def readers(self, stream: str) -> list[PairReader]:
        """Return what reads the records of a stream as pairs."""
        return [each.reader for each in self.by_kind.values() if each.reader.stream == stream]

    def find(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Identifier | None]:
        """Find what identifiers stand for; those whose pair is not known are left out.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        asked: dict[Any, set[str]] = {}
        for kind, match in identifiers:
            if kind in self.by_kind:
                asked.setdefault(kind, set()).add(match)
        found: dict[Any, Identifier | None] = {}
        for kind, matches in asked.items():
            known = self.pairs.known(self.by_kind[kind].reader.as_stream, matches)
            found |= {(kind, match): identifier for match, identifier in known.items()}
        for key in found.keys() & self.changes.keys():
            found[key] = self.changes[key].new
        return found

    def see(self, items: Iterable[Item]) -> None:
        """Note rows of items that changed pairs stand for: no older level may go over them."""
        by_new: dict[Identifier | None, list[Change]] = {}
        for change in self.changes.values():
            by_new.setdefault(change.new, []).append(change)
        for item in items:
            for change in by_new.get(item.identifier, ()):
                change.seen |= item.levels.keys()

    def names(self, identifiers: Iterable[Identifier]) -> dict[Identifier, Identifier]:
        """Find what identifiers stand for, if their rows are not skipped.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        found = self.find(identifiers) if self.by_kind else {}
        return {key: identifier for key, identifier in found.items() if identifier is not None}

    def names_in(self, outcomes: Iterable[Outcome]) -> dict[Identifier, Identifier]:
        """Find what the identifiers of a record's outcomes stand for.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        named = [each for each in outcomes if isinstance(each, (Stock, RecordError))]
        return self.names([each.identifier for each in named if each.identifier is not None])
