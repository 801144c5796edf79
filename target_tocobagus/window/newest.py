"""The newest value of each item at each location, whether it waits or is in flight.

The rules stand at the top of `window`. Two of them need a newer item to wait behind an older one
(`after`): the older is in flight, or it is global and the newer is for warehouses.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.window.pending import (
    BEHIND,
    LEASED,
    READY,
    SETTLED,
    Item,
    outdated,
    with_version,
)
from target_tocobagus.window.ready import ReadyItems

if TYPE_CHECKING:
    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.window.buffer import RowBuffer

_ITEM_BYTES: Final = 500
_LEVEL_BYTES: Final = 250
"""Approximate memory of an item and of a level; measured on CPython 3.11."""


class Rivals(msgspec.Struct, frozen=True):
    """Two different values of one item at one location, from two streams, at the same time."""

    identifier: Identifier
    location: str | None
    older: Level
    newer: Level


class NewestValues:
    """Takes rows in.

    Attributes:
        waiting: Items that are not in flight, whether they can be picked or not.
        ready: Items that can be picked.
        late: Items behind others that stand for a lower position, as their rows had to wait before.
        rivals: By the later of two streams, the first value that differs from another stream's.
        stale: How many rows were dropped, because a newer version waits or is in flight.
    """

    def __init__(self, *, keeps_lines: bool = False) -> None:
        """Begin empty; `keeps_lines` says whether levels hold their RECORD messages."""
        self._items: dict[Identifier, Item] = {}  # the first of each that waits or is in flight
        self._keeps_lines = keeps_lines
        self._levels = 0
        self._line_bytes = 0
        self._is_versioned = False
        self.waiting = 0
        self.ready = ReadyItems()
        self.late: list[Item] = []
        self.rivals: dict[str, Rivals] = {}
        self.stale = 0

    @property
    def weight(self) -> int:
        """Approximate bytes of memory of all items."""
        return len(self._items) * _ITEM_BYTES + self._levels * _LEVEL_BYTES + self._line_bytes

    def put(self, rows: RowBuffer, now: float) -> int:
        """Add rows, in order.

        For most identifiers nothing waits: their items are added all at once, and then the others.

        Returns:
            How many older rows they superseded.
        """
        self._is_versioned |= rows.has_versions
        alone: list[Item] = []
        others: list[Item] = []
        first_of = self._items.setdefault
        for item in rows.items:
            item.arrived = now
            (alone if first_of(item.identifier, item) is item else others).append(item)
        kept = self._count([item.levels for item in alone])
        self.ready.extend(alone, kept)
        self.waiting += len(alone)
        for item in others:
            kept += self._add(item, has_versions=rows.has_versions)
        return rows.rows - kept

    def _add(self, item: Item, *, has_versions: bool) -> int:
        """Add an item whose identifier waits; returns how many rows count beside those before."""
        first = self._items[item.identifier]
        if self._is_versioned:
            self._carry_versions(first, item)
        kept = self._drop_stale(first, item) if has_versions else 0
        return kept + self._follow(first, item) if item.levels else kept

    def _carry_versions(self, ahead: Item, newer: Item) -> None:
        """Give levels without a version the newest of those that wait or are in flight."""
        if ahead.after is not None:
            self._carry_versions(ahead.after, newer)
        for place in newer.levels.keys() & ahead.levels:
            newer.levels[place] = with_version(newer.levels[place], ahead.levels[place])

    def _drop_stale(self, first: Item, newer: Item) -> int:
        """Drop levels of which a newer version waits or is in flight; returns how many."""
        dropped = 0
        ahead: Item | None = first
        while ahead is not None:
            for place in outdated(newer.levels, ahead.levels):
                del newer.levels[place]
                dropped += 1
            ahead = ahead.after
        self.stale += dropped
        return dropped

    def _follow(self, first: Item, newer: Item) -> int:
        """Add newer values to an item that waits; returns how many more rows there are."""
        waiting = first.after if first.state == LEASED else first
        if first.state == LEASED:
            self._note_rivals(first.identifier, first.levels, newer.levels)
        if waiting is None:
            return self._stand_behind(first, newer)
        if None in newer.levels:
            return self._merge(waiting, newer) + self._supersede(waiting)
        if None not in waiting.levels:
            return self._merge(waiting, newer)
        if waiting.after is not None:
            return self._merge(waiting.after, newer)
        return self._stand_behind(waiting, newer)

    def _stand_behind(self, ahead: Item, newer: Item) -> int:
        newer.state = BEHIND
        newer.is_new = False
        ahead.after = newer
        if newer.low < ahead.low:
            self.late.append(newer)
        self.waiting += 1
        return self._count([newer.levels])

    def _merge(self, waiting: Item, newer: Item) -> int:
        """Replace waiting values by newer ones; returns how many had no older value."""
        older = {place: waiting.levels[place] for place in newer.levels.keys() & waiting.levels}
        self._note_rivals(waiting.identifier, older, newer.levels)
        added = self._count([newer.levels]) + self._count([older], -1)
        waiting.levels |= newer.levels
        if waiting.state == READY:
            self.ready.levels += added
            if newer.urgent and not waiting.urgent:
                self.ready.hurry(waiting)
        self._lower(waiting, newer.low)
        waiting.urgent |= newer.urgent
        waiting.broadcast |= newer.broadcast
        return added

    def _lower(self, item: Item, low: int) -> None:
        """Let an item that waits stand for a position, which is lower if the row had to wait."""
        if low >= item.low:
            return
        item.low = low
        if item.state == READY:
            self.ready.move_up(item)
        else:
            self.late.append(item)

    def _note_rivals(
        self, identifier: Identifier, older: dict[str | None, Level], newer: dict[str | None, Level]
    ) -> None:
        """Compare what is not settled yet with what follows."""
        for place in older.keys() & newer:
            old, new = older[place], newer[place]
            if old.stream.name != new.stream.name and old.quantity != new.quantity:
                self.rivals.setdefault(new.stream.name, Rivals(identifier, place, old, new))

    def _supersede(self, item: Item) -> int:
        """Drop all levels but a global; returns how many more rows there are, 0 or less."""
        places = [place for place in item.levels if place is not None]
        older: dict[str | None, Level] = {place: item.levels.pop(place) for place in places}
        dropped = self._count([older], -1)
        if item.state == READY:
            self.ready.levels += dropped
        if item.after is not None:
            dropped += self._count([item.after.levels], -1)
            self._lower(item, item.after.low)
            item.after.state = SETTLED
            self.waiting -= 1
            item.after = None
        return dropped

    def _count(self, parts: list[dict[str | None, Level]], sign: int = 1) -> int:
        """Count the levels of items, or with -1 as gone; returns how many more there are."""
        levels = sign * sum(map(len, parts))
        self._levels += levels
        if self._keeps_lines:
            lines = [len(level.line) for part in parts for level in part.values()]
            self._line_bytes += sign * sum(lines)
        return levels
