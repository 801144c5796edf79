"""Finds the locations that a complete list of an item leaves out: there its stock is 0.

Such lists wait here until the next flush, so that the ledger is asked once for many.

Invariants:
- No STATE covers a record whose list waits here.
- Only what the list's own stream and mapping have sent last is left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from target_tocobagus.completion.completed import Completed
from target_tocobagus.core.model import Level
from target_tocobagus.window.pending import Item

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from target_tocobagus.core.model import Complete, Identifier, Place, Stream
    from target_tocobagus.ledger.ledger import Ledger

    Unsettled = Mapping[Identifier, Mapping[str | None, Level]]
    ByItem = dict[Identifier, set[str | None]]


class CompleteList(NamedTuple):
    """A complete list, and the record that it came in."""

    named: Complete
    position: int
    stream: Stream
    line: bytes


class CompleteLists:
    """Those of one pass.

    Attributes:
        waiting: Lists that wait for the next flush.
    """

    def __init__(self, warehouse_map: Mapping[str, str] | None) -> None:
        """Begin without lists; with a map, nothing is sent to a place that it lacks."""
        self._places = None if warehouse_map is None else set(warehouse_map.values())
        self.waiting: list[CompleteList] = []

    @property
    def lowest(self) -> int | None:
        """The lowest position that no STATE may cover yet."""
        return self.waiting[0].position if self.waiting else None

    @property
    def identifiers(self) -> set[Identifier]:
        """The items whose lists wait."""
        return {each.named.identifier for each in self.waiting}

    def take(
        self,
        lists: Iterable[Complete],
        refused: Collection[Identifier | None],
        position: int,
        stream: Stream,
        line: bytes,
    ) -> None:
        """Let the lists of a record's items wait until the next flush; a refused item has none."""
        places: dict[Identifier, Complete] = {}
        for each in lists:
            before = places.get(each.identifier, each)
            named = tuple(dict.fromkeys([*before.places, *each.places]))
            places[each.identifier] = msgspec.structs.replace(each, places=named)
        self.waiting += [
            CompleteList(each, position, stream, line)
            for each in places.values()
            if each.identifier not in refused
        ]

    def resolve(
        self, rows: Iterable[Item], unsettled: Unsettled, ledger: Ledger | None
    ) -> Completed:
        """Find what the lists leave out.

        Args:
            rows: Those that have come since the last flush.
            unsettled: The levels of the lists' items that wait or are in flight, as they were
                before the ledger is asked: what is settled meanwhile is there.
            ledger: Knows what streams have sent last, and what was refused; a first dry run has
                none.

        Raises:
            LedgerError: The ledger cannot be read.
        """
        lists = self.waiting
        before: dict[Identifier, list[tuple[str | None, Level]]] = {
            identifier: list(levels.items()) for identifier, levels in unsettled.items()
        }
        for item in rows:
            if item.identifier in before:
                before[item.identifier] += item.levels.items()
        found = Completed()
        for source in {each.stream.source for each in lists}:
            of_source = [each for each in lists if each.stream.source == source]
            sent, refused = _recall(of_source, source, ledger)
            for each in of_source:
                identifier = each.named.identifier
                places = sent.get(identifier, set()) | {
                    place
                    for place, level in before[identifier]
                    if level.stream.source == source and level.position < each.position
                }
                if left_out := self._left_out(places, each.named):
                    found.items.append(_zeros(each, left_out))
                for place in self._left_out(refused.get(identifier, ()), each.named):
                    found.ended[identifier, place] = each.position
        found.rows = found.new = sum(len(item.levels) for item in found.items)
        self.waiting = []  # not before: what the ledger could not tell still holds STATE
        return found

    def _left_out(self, places: Iterable[str | None], named: Complete) -> list[str]:
        return sorted(
            place
            for place in places
            if place is not None
            and place not in named.places
            and (self._places is None or place in self._places)
        )


def _recall(
    lists: Iterable[CompleteList], source: tuple[str, str], ledger: Ledger | None
) -> tuple[ByItem, ByItem]:
    """Ask the ledger where a stream has sent the items of lists last, and where it was refused."""
    if ledger is None:
        return {}, {}
    identifiers = {each.named.identifier for each in lists}
    sent = ledger.parts.sent_by(identifiers, [source])
    return _by_item(sent), _by_item(ledger.refused(identifiers, source[0]))


def _by_item(places: Iterable[Place]) -> ByItem:
    found: ByItem = {}
    for identifier, place in places:
        found.setdefault(identifier, set()).add(place)
    return found


def _zeros(each: CompleteList, places: Iterable[str]) -> Item:
    level = Level(0, each.position, each.stream, each.line, version=each.named.version)
    levels: dict[str | None, Level] = dict.fromkeys(places, level)
    return Item(each.named.identifier, levels, each.position, urgent=True)
