"""The updates that have no outcome yet: one item per identifier, the newest value per location.

How to think about it. Stock is absolute, so of two values for one identifier and location only the
newer one is worth sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces the older one that waits. The older one is superseded: it shares the
  outcome of its successor, so the item keeps the lowest position that it ever held.
- An item that is in flight is *leased*, and keeps its place here: what comes for its identifier
  stands behind it (`after`) until `release`. So never more than one request holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes all that waits
  for its identifier; what comes for a warehouse after a waiting global stands behind that.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.window.pending import BEHIND, LEASED, READY, SETTLED, Item
from target_tocobagus.window.ready import ReadyItems

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.window.buffer import RowBuffer
    from target_tocobagus.window.ready import Limits

_ITEM_BYTES: Final = 500
_LEVEL_BYTES: Final = 250
"""What an item and a level weigh in memory, about; measured on CPython 3.11."""


class Lease(msgspec.Struct, eq=False):
    """The items of one batch, from its picking until each of them has its outcome.

    Attributes:
        items: Those that are still out.
        low: The lowest position among them.
    """

    items: list[Item]
    low: int


class Rivals(msgspec.Struct, frozen=True):
    """What two streams say of one item at one location, if it differs."""

    identifier: Identifier
    location: str | None
    older: Level
    newer: Level


class Window:
    """Items by identifier; see the top of this file.

    Attributes:
        waiting: Items that are not in flight, whether they can be picked or not.
        ready: Items that can be picked.
        rivals: By the later of two streams, the first value that differs from another stream's.
    """

    def __init__(self, *, keeps_lines: bool = False) -> None:
        """Begin empty.

        Args:
            keeps_lines: Levels carry the RECORD messages that they came in.
        """
        self._keeps_lines = keeps_lines
        self._items: dict[Identifier, Item] = {}
        self._leases: list[Lease] = []
        self._levels = 0
        self._line_bytes = 0
        self.waiting = 0
        self.ready = ReadyItems()
        self.rivals: dict[str, Rivals] = {}

    @property
    def weight(self) -> int:
        """Bytes of memory that all items take, about."""
        items = len(self._items) * _ITEM_BYTES
        return items + self._levels * _LEVEL_BYTES + self._line_bytes

    def holds(self, identifier: Identifier) -> bool:
        """Tell whether something of an item waits or is out."""
        return identifier in self._items

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._items

    def put(self, rows: RowBuffer, now: float) -> int:
        """Take rows in, in their order.

        Most items are of identifiers of which nothing waits: these are taken in all at once.

        Returns:
            How many older rows they superseded.
        """
        for item in rows.items:
            item.arrived = now
        distinct = {item.identifier: item for item in rows.items}
        if len(distinct) == len(rows.items):
            return rows.rows - self._put(distinct)
        return rows.rows - sum([self._put({item.identifier: item}) for item in rows.items])

    def _put(self, items: dict[Identifier, Item]) -> int:
        """Take in items of distinct identifiers; tells by how many rows there are more."""
        kept = 0
        for identifier in self._items.keys() & items.keys():
            kept += self._follow(self._items[identifier], items.pop(identifier))
        self._items |= items
        levels = self._count([item.levels for item in items.values()])
        self.ready.extend(items.values(), levels)
        self.waiting += len(items)
        return kept + levels

    def _count(self, parts: list[dict[str | None, Level]], sign: int = 1) -> int:
        """Add levels to what all weigh, or take them off; tells by how many there are more."""
        levels = sign * sum(map(len, parts))
        self._levels += levels
        if self._keeps_lines:
            lines = [len(level.line) for part in parts for level in part.values()]
            self._line_bytes += sign * sum(lines)
        return levels

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Lease the next batch, full or not; ``None`` where nothing can be picked."""
        items = self.ready.pick(limits, now)
        if not items:
            return None
        self.waiting -= len(items)
        lease = Lease(items, _lowest(items))
        self._leases.append(lease)
        return lease

    def lend(self, lease: Lease, item: Item) -> bool:
        """Let a lease hold one identifier more, without any update of its own.

        Refused where it waits or is in flight.
        """
        if self.holds(item.identifier):
            return False
        lent = self._items[item.identifier] = Item(item.identifier, {}, item.low, state=LEASED)
        if not lease.items:
            self._leases.append(lease)
        lease.items.append(lent)
        lease.low = _lowest(lease.items)
        return True

    def release(self, lease: Lease, items: Collection[Item]) -> None:
        """Let go of settled items, by their identifiers; what stood behind can be picked."""
        settled = [self._items.pop(item.identifier) for item in items]
        for item in settled:
            item.state = SETTLED
            if item.after is not None:
                self._items[item.identifier] = item.after
                self.ready.add(item.after)
        self._count([item.levels for item in settled], -1)
        if len(settled) == len(lease.items):
            lease.items = []
            self._leases.remove(lease)
        else:
            lease.items = [item for item in lease.items if item.state == LEASED]
            lease.low = _lowest(lease.items)

    def release_levels(self, lease: Lease, part: Item) -> None:
        """Settle some levels of an item that is sent in parts; it is released with the last."""
        item = self._items[part.identifier]
        self._count([part.levels], -1)
        for location in part.levels:
            del item.levels[location]
        if not item.levels:
            self.release(lease, [part])

    def lowest(self) -> int | None:
        """Tell the lowest position that is not settled; ``None`` where all are.

        What waits behind another is younger than that, so only the heads count.
        """
        oldest = self.ready.oldest
        lows = [lease.low for lease in self._leases]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are out."""
        rows = 0
        for first in self._items.values():
            item: Item | None = first
            while item is not None:
                rows += len(item.levels)
                item = item.after
        return rows

    def _follow(self, first: Item, newer: Item) -> int:
        """Let what waits take up newer values; tells by how many rows there are more."""
        waiting = first.after if first.state == LEASED else first
        if first.state == LEASED:
            self._compare(first.identifier, first.levels, newer.levels)
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
        ahead.after = newer
        self.waiting += 1
        return self._count([newer.levels])

    def _merge(self, waiting: Item, newer: Item) -> int:
        """Let newer values replace what waits; tells how many are no older one's successors."""
        older = {place: waiting.levels[place] for place in newer.levels.keys() & waiting.levels}
        self._compare(waiting.identifier, older, newer.levels)
        added = self._count([newer.levels]) + self._count([older], -1)
        waiting.levels |= newer.levels
        if waiting.state == READY:
            self.ready.levels += added
            if newer.urgent and not waiting.urgent:
                self.ready.hurry(waiting)
        waiting.urgent |= newer.urgent
        waiting.broadcast |= newer.broadcast
        return added

    def _compare(
        self,
        identifier: Identifier,
        older: dict[str | None, Level],
        newer: dict[str | None, Level],
    ) -> None:
        """Remember two streams that give one item and location different stock at one time."""
        for place in older.keys() & newer:
            pair = older[place], newer[place]
            names = [level.stream.name for level in pair]
            if names[0] != names[1] and pair[0].quantity != pair[1].quantity:
                self.rivals.setdefault(names[1], Rivals(identifier, place, *pair))

    def _supersede(self, item: Item) -> int:
        """Drop all but a global; tells by how many rows there are more, so at most none."""
        places = [place for place in item.levels if place is not None]
        older: dict[str | None, Level] = {place: item.levels.pop(place) for place in places}
        dropped = self._count([older], -1)
        if item.state == READY:
            self.ready.levels += dropped
        if item.after is not None:
            dropped += self._count([item.after.levels], -1)
            self.waiting -= 1
            item.after = None
        return dropped


def _lowest(items: list[Item]) -> int:
    return min([item.low for item in items])
