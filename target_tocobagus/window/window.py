"""The updates that have no outcome yet: one item per identifier, the newest value per location.

Stock is absolute, so of two values for one identifier and location only the newer one is worth
sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces an older one that waits. The older one is superseded: it shares the outcome
  of its successor, so the item keeps the lowest position that it ever had.
- An item in flight is *leased* and stays here: newer values for its identifier wait behind it
  (`after`) until `release`. So no more than one request ever holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes everything that
  waits for its identifier; a stock per warehouse that comes after a waiting global waits behind it.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from target_tocobagus.window.pending import BEHIND, LEASED, READY, SETTLED, Item, outdated
from target_tocobagus.window.ready import ReadyItems
from target_tocobagus.window.rivals import find_rivals
from target_tocobagus.window.size import Size

if TYPE_CHECKING:
    from collections.abc import Collection

    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.window.buffer import RowBuffer, Unsent
    from target_tocobagus.window.ready import Limits
    from target_tocobagus.window.rivals import Rivals


class Lease(msgspec.Struct, eq=False):
    """The items of one batch, from picking until each has its outcome.

    Attributes:
        items: Those still in flight.
        low: The lowest position among them.
    """

    items: list[Item]
    low: int


class Window:
    """Items by identifier; see the top of this file.

    Attributes:
        waiting: Items that are not in flight, whether they can be picked or not.
        ready: Items that can be picked.
        rivals: By the later of two streams, the first value that differs from another stream's.
        released: With a ledger, what was released since it was asked: its answer is outdated.
        stale: How many rows were dropped, because a newer version waits or is in flight.
    """

    def __init__(self, *, keeps_lines: bool = False) -> None:
        """Begin empty.

        Args:
            keeps_lines: Levels hold their RECORD messages.
        """
        self._items: dict[Identifier, Item] = {}
        self._leases: list[Lease] = []
        self._size = Size(keeps_lines=keeps_lines)
        self.waiting = 0
        self.ready = ReadyItems()
        self.rivals: dict[str, Rivals] = {}
        self.released: set[Identifier] | None = None
        self.stale = 0

    @property
    def weight(self) -> int:
        """Approximate bytes of memory of all items."""
        return self._size.weight(len(self._items))

    def holds(self, identifier: Identifier) -> bool:
        """Whether an update of this identifier waits or is in flight."""
        return identifier in self._items

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in flight."""
        return not self._items

    def put(self, rows: RowBuffer, now: float) -> int:
        """Add rows, in order.

        For most identifiers nothing waits: their items are added all at once.

        Returns:
            How many older rows they superseded.
        """
        for item in rows.items:
            item.arrived = now
        distinct = {item.identifier: item for item in rows.items}
        if len(distinct) == len(rows.items):
            return rows.rows - self._put(distinct, has_versions=rows.has_versions)
        return rows.rows - sum(
            [
                self._put({item.identifier: item}, has_versions=rows.has_versions)
                for item in rows.items
            ]
        )

    def _put(self, items: dict[Identifier, Item], *, has_versions: bool) -> int:
        """Add items of distinct identifiers; returns how many rows were not superseded or stale."""
        kept = 0
        for identifier in self._items.keys() & items.keys():
            first, item = self._items[identifier], items.pop(identifier)
            if has_versions:
                kept += self._drop_stale(first, item)
            if item.levels:
                kept += self._follow(first, item)
        self._items |= items
        levels = self._size.add([item.levels for item in items.values()])
        self.ready.extend(items.values(), levels)
        self.waiting += len(items)
        return kept + levels

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Lease the next batch, full or not; ``None`` if nothing can be picked."""
        items = self.ready.pick(limits, now)
        if not items:
            return None
        self.waiting -= len(items)
        lease = Lease(items, _lowest(items))
        self._leases.append(lease)
        return lease

    def lend(self, lease: Lease, item: Item) -> bool:
        """Add an identifier to a lease, without an update of its own.

        Not possible while an update of it waits or is in flight; then the result is false.
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
        """Remove settled items, by their identifiers; items behind them can be picked then."""
        settled = [self._items.pop(item.identifier) for item in items]
        if self.released is not None:
            self.released.update([item.identifier for item in items])
        for item in settled:
            item.state = SETTLED
            if item.after is not None:
                self._items[item.identifier] = item.after
                self.ready.add(item.after)
        self._size.remove([item.levels for item in settled])
        if len(settled) == len(lease.items):
            lease.items = []
            self._leases.remove(lease)
        else:
            lease.items = [item for item in lease.items if item.state == LEASED]
            lease.low = _lowest(lease.items)

    def leave_out(self, lease: Lease, unsent: Unsent) -> None:
        """Release leased updates that need no request."""
        found = [item for item in lease.items if item.identifier in unsent]
        whole = [item for item in found if len(item.levels) == len(unsent[item.identifier])]
        if whole:
            self.release(lease, whole)
        for item in found:
            if item.state == LEASED:
                levels = {place: item.levels[place] for place in unsent[item.identifier]}
                self.release_levels(lease, Item(item.identifier, levels, item.low))

    def release_levels(self, lease: Lease, part: Item) -> None:
        """Remove settled levels of an item that is sent in parts; the last one releases it."""
        item = self._items[part.identifier]
        self._size.remove([part.levels])
        for location in part.levels:
            del item.levels[location]
        if not item.levels:
            self.release(lease, [part])

    def lowest(self) -> int | None:
        """The lowest position that is not settled; ``None`` if all are.

        Items behind another one are newer, so only the heads count.
        """
        oldest = self.ready.oldest
        lows = [lease.low for lease in self._leases]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are in flight."""
        rows = 0
        for first in self._items.values():
            item: Item | None = first
            while item is not None:
                rows += len(item.levels)
                item = item.after
        return rows

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
        ahead.after = newer
        self.waiting += 1
        return self._size.add([newer.levels])

    def _merge(self, waiting: Item, newer: Item) -> int:
        """Replace waiting values by newer ones; returns how many had no older value."""
        older = {place: waiting.levels[place] for place in newer.levels.keys() & waiting.levels}
        self._note_rivals(waiting.identifier, older, newer.levels)
        added = self._size.add([newer.levels]) + self._size.remove([older])
        waiting.levels |= newer.levels
        if waiting.state == READY:
            self.ready.levels += added
            if newer.urgent and not waiting.urgent:
                self.ready.hurry(waiting)
        waiting.urgent |= newer.urgent
        waiting.broadcast |= newer.broadcast
        return added

    def _note_rivals(
        self,
        identifier: Identifier,
        older: dict[str | None, Level],
        newer: dict[str | None, Level],
    ) -> None:
        for rivals in find_rivals(identifier, older, newer):
            self.rivals.setdefault(rivals.newer.stream.name, rivals)

    def _supersede(self, item: Item) -> int:
        """Drop all levels but a global; returns how many more rows there are, 0 or less."""
        places = [place for place in item.levels if place is not None]
        older: dict[str | None, Level] = {place: item.levels.pop(place) for place in places}
        dropped = self._size.remove([older])
        if item.state == READY:
            self.ready.levels += dropped
        if item.after is not None:
            dropped += self._size.remove([item.after.levels])
            self.waiting -= 1
            item.after = None
        return dropped


def _lowest(items: list[Item]) -> int:
    return min([item.low for item in items])
