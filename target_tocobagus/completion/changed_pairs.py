"""Lets levels and parts follow the pairs of lookups that have changed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from target_tocobagus.completion.lookups import Change
from target_tocobagus.completion.moved import moved_levels
from target_tocobagus.core.foreign_text import quoted

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from target_tocobagus.completion.lookups import Lookup, Lookups
    from target_tocobagus.completion.moved import Moved
    from target_tocobagus.core.model import Identifier, Place, Stream
    from target_tocobagus.ledger.pairs.pairs import Left

logger = logging.getLogger("target-tocobagus")

_MOST_NAMED: Final = 10
"""So many changed pairs are named in the log."""


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


class ChangedPairs:
    """Those of one pass.

    Attributes:
        unfollowed: How many there are whose levels have not followed.
    """

    def __init__(self, lookups: Lookups) -> None:
        self._lookups = lookups
        self._streams: dict[tuple[str, str], Stream] = {}
        self._moved_to: set[Place] = set()
        self._named = 0
        self.unfollowed = 0

    def begin(self, stream: Stream) -> None:
        """Take a stream whose rows look something up."""
        self._streams[stream.source] = stream

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        return min([each.position for each in self._lookups.changes.values()], default=None)

    @property
    def vacated(self) -> set[Identifier]:
        """The items whose levels have not followed their pair to another item yet."""
        changes = self._lookups.changes.values()
        return {
            change.old
            for change in changes
            if change.old is not None and change.new is not None and not change.is_followed
        }

    def add(
        self, key: Identifier, old: Identifier | None, new: Identifier | None, position: int
    ) -> None:
        """Take a pair that has changed; one that had changed before has been followed."""
        before = self._lookups.changes.get(key)
        low = position if before is None else before.position
        self._lookups.changes[key] = Change(old, new, low)
        self.unfollowed += 1

    def warn(
        self, lookup: Lookup, match: str, old: Identifier | None, new: Identifier | None
    ) -> None:
        """Name a pair that has changed."""
        self._named += 1
        if self._named > _MOST_NAMED:
            return
        what = f"{quoted(match)} was {_named(old)} and is {_named(new)}"
        if old is None:
            follows = "rows that were skipped before are not sent until they come again"
        elif new is None:
            follows = "its rows are skipped, and the shop keeps the stock that it has"
        elif lookup.summing:
            follows = "its parts go with it"
        else:
            follows = (
                "its levels go to the new one, and the shop keeps the stock of the old one: nothing"
                " sets it to 0"
            )
        logger.warning("Lookup %s: %s: %s", quoted(lookup.reader.stream), what, follows)

    def doubts(self) -> Iterator[str]:
        """Say how many changed pairs were not named."""
        if self._named > _MOST_NAMED:
            yield f"Lookup: {self._named - _MOST_NAMED} more pairs have changed"

    def follow(self) -> tuple[list[Moved], list[Renamed]]:
        """Find the levels and the parts that follow; everything before must be settled.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        moved: list[Moved] = []
        renamed: list[Renamed] = []
        for kind, lookup in self._lookups.by_kind.items():
            changes = {
                match: change
                for match, change in self._of(kind).items()
                if change.new is not None and not change.is_followed
            }
            if not changes:
                continue
            single = self._single(lookup, changes)
            self._warn_of_shared(lookup, changes, single)
            if lookup.summing:
                renamed.append(_renamed(kind, lookup, changes, single))
            moved += moved_levels(self._lookups.pairs, lookup, single, changes, self._streams)
        self._moved_to |= {(each.identifier, each.location) for each in moved}
        for change in self._lookups.changes.values():
            change.is_followed = True
        self.unfollowed = 0
        return moved, renamed

    def _warn_of_shared(
        self, lookup: Lookup, changes: Mapping[str, Change], single: Collection[Identifier]
    ) -> None:
        """Name the items whose levels cannot follow, as several matches have stood for them."""
        shared = {change.old for change in changes.values() if change.old} - {*single}
        for old in sorted(shared)[:_MOST_NAMED]:
            text = "Lookup %s: %s stands for several matches: what it has stays with it"
            logger.warning(text, quoted(lookup.reader.stream), _named(old))

    def _of(self, kind: str) -> dict[str, Change]:
        changes = self._lookups.changes.items()
        return {match: change for (of, match), change in changes if of == kind}

    def _single(self, lookup: Lookup, changes: Mapping[str, Change]) -> dict[Identifier, Change]:
        """Leave out items that other matches stand for, too: whose levels they are is not known."""
        by_old: dict[Identifier, list[Change]] = {}
        for change in changes.values():
            if change.old is not None:
                by_old.setdefault(change.old, []).append(change)
        stream = lookup.reader.as_stream
        claimed = self._lookups.pairs.claimed(stream, by_old, changes) if by_old else set()
        claimed |= {change.new for change in changes.values() if change.new and change.seen}
        return {
            old: found[0] for old, found in by_old.items() if old not in claimed and len(found) == 1
        }

    def confirm(self, may_go: Callable[[Collection[str]], bool]) -> None:
        """Remember the pairs that have changed: their levels have followed, and are settled.

        Where sums wait, a pair may change once more before it is remembered. What was refused of
        the item of before follows at once, for the next change no longer knows of that item.

        Args:
            may_go: Whether the sums of the parts under some mappings have gone out.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        pairs = self._lookups.pairs
        for kind, lookup in self._lookups.by_kind.items():
            changes = self._of(kind)
            if not changes:
                continue
            names = {
                old: (change.new, change.follows)
                for old, change in self._single(lookup, changes).items()
                if change.new is not None
            }
            done = changes if may_go(lookup.summing) else {}
            new = {match: change.new for match, change in done.items()}
            streams = pairs.streams_under(lookup.entries - lookup.summing)
            streams -= pairs.streams_under(lookup.summing)  # the sum of before may still be due
            pairs.change(lookup.reader.as_stream, new, names, streams, self._left(lookup, done))
            for match in done:
                del self._lookups.changes[kind, match]  # type: ignore[arg-type]  # a stand-in
        if not self._lookups.changes:
            self._moved_to.clear()

    def _left(self, lookup: Lookup, changes: Mapping[str, Change]) -> Left:
        """Find what belongs to no match once pairs have changed.

        That is what an item had before another match came to stand for it, and all that it had if
        several have: whose it is, is not known.
        """
        from target_tocobagus.ledger.pairs.pairs import Left

        single = self._single(lookup, changes)
        old = {change.old for change in changes.values() if change.old is not None}
        new = {change.new for change in changes.values() if change.new is not None}
        seen = {(each.new, place) for each in changes.values() if each.new for place in each.seen}
        entries = lookup.entries - lookup.summing
        return Left(new | (old - single.keys()), entries, seen | self._moved_to)


def _renamed(
    kind: str, lookup: Lookup, changes: Mapping[str, Change], single: Mapping[Identifier, Change]
) -> Renamed:
    names: dict[Any, Any] = {(kind, match): change.new for match, change in changes.items()}
    names |= {old: change.new for old, change in single.items()}
    positions = [change.position for change in changes.values()]
    return Renamed(names, frozenset(lookup.summing), (max(positions), min(positions)))


def _named(identifier: Identifier | None) -> str:
    return f"{identifier[0]} {quoted(identifier[1])}" if identifier else "nothing to send"
