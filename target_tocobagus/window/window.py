"""The updates that have no outcome yet: one item per identifier, the newest value per location.

How to think about it. Stock is absolute, so of two values for one identifier and location only the
newer one is worth sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces the older one that waits. The older one is superseded: it shares the
  outcome of its successor, so the item keeps the lowest position that it ever held.
- An item that is in flight is *leased*, and keeps its place here: what comes for its identifier
  stands behind it (`after`) until `release`. So never more than one request holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes all that waits
  for its identifier; what comes for a warehouse after a waiting global stands behind that.

Items that can be picked stand in two queues by position: all of them in `_oldest`, and those that
hold a 0 also in `_empty`, since a stock-out that arrives late is an oversale. Nothing is ever
removed from the middle of a queue: an item that was picked is marked, and passed over when it
comes up. A queue is built anew when most of what it holds is such.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.window.pending import (
    ITEM_BYTES,
    ITEM_SIZE,
    LEVEL_BYTES,
    LEVEL_SIZE,
    Item,
    Queue,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from target_tocobagus.core.model import Identifier, Level
    from target_tocobagus.window.buffer import RowBuffer

_PATIENCE: Final = 1.0
"""Seconds that stock-outs may go first at the least, however short the wait for a batch is."""


class Lease(msgspec.Struct, eq=False):
    """The items of one batch, from its picking until each of them has its outcome.

    Attributes:
        items: Those that are still out.
        low: The lowest position among them.
    """

    items: list[Item]
    low: int


class Limits(msgspec.Struct, frozen=True):
    """How much a batch may hold, and how long an item may wait for one.

    Attributes:
        rows: Items.
        size: Bytes of body; a single item goes whatever its size.
        wait: Seconds; an item older than twice that goes before everything else.
    """

    rows: int
    size: int
    wait: float


class Rivals(msgspec.Struct, frozen=True):
    """What two streams say of one item at one location, if it differs."""

    identifier: Identifier
    location: str | None
    older: Level
    newer: Level


class Window:
    """Items by identifier; see the top of this file.

    Attributes:
        weight: Bytes of memory that all items take, about.
        waiting: Items that are not in flight, whether they can be picked or not.
        ready: Items that can be picked.
        ready_size: Bytes of body that these would make, about.
        rivals: By the later of two streams, the first value that differs from another stream's.
    """

    def __init__(self, *, keeps_lines: bool = False) -> None:
        """Begin empty.

        Args:
            keeps_lines: Levels carry the RECORD messages that they came in.
        """
        self._keeps_lines = keeps_lines
        self._items: dict[Identifier, Item] = {}
        self._oldest = Queue()
        self._empty = Queue()
        self._leases: list[Lease] = []
        self.weight = 0
        self.waiting = 0
        self.ready = 0
        self.ready_size = 0
        self._level_size = 0
        self.rivals: dict[str, Rivals] = {}

    def holds(self, identifier: Identifier) -> bool:
        """Tell whether something of an item waits or is out."""
        return identifier in self._items

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._items

    def put(self, rows: RowBuffer, now: float) -> int:
        """Take rows in, in their order.

        Returns:
            How many older rows they superseded.
        """
        kept = 0
        self._learn_level_size(rows)
        for item in rows.items:
            first = self._items.setdefault(item.identifier, item)
            kept += self._enter(item, now) if first is item else self._follow(first, item, now)
        return rows.rows - kept

    @property
    def waiting_since(self) -> float | None:
        """When the oldest item that can be picked came; ``None`` where there is none."""
        oldest = self._oldest.head()
        return None if oldest is None else oldest.arrived

    def wants(self, limits: Limits, now: float) -> bool:
        """Tell whether a batch is full or due."""
        if self.ready >= limits.rows or self.ready_size >= limits.size:
            return True
        due = self.due(limits)
        return due is not None and due <= now

    def due(self, limits: Limits) -> float | None:
        """Tell when the oldest item that can be picked has waited long enough."""
        since = self.waiting_since
        return None if since is None else since + limits.wait

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Lease the next batch, full or not; ``None`` where nothing can be picked."""
        items: list[Item] = []
        size = 0
        for item in self._in_order(now - max(2 * limits.wait, _PATIENCE)):
            if items and size + item.size > limits.size:
                break
            size += item.size
            item.ready = False
            item.leased = True
            items.append(item)
            if len(items) == limits.rows:
                break
        self.waiting -= len(items)
        self.ready -= len(items)
        self.ready_size -= size
        self._oldest.tidy(self.ready)
        self._empty.tidy(self.ready)
        if not items:
            return None
        lease = Lease(items, _lowest(items))
        self._leases.append(lease)
        return lease

    def lend(self, lease: Lease, item: Item) -> bool:
        """Let a lease hold one identifier more, without any update of its own.

        Refused where it waits or is in flight.
        """
        if self.holds(item.identifier):
            return False
        lent = self._items[item.identifier] = Item(item.identifier, {}, item.low, leased=True)
        if not lease.items:
            self._leases.append(lease)
        lease.items.append(lent)
        lease.low = _lowest(lease.items)
        return True

    def release(self, lease: Lease, items: Collection[Item]) -> None:
        """Let go of settled items, by their identifiers; what stood behind can be picked."""
        for item in items:
            held = self._items.pop(item.identifier)
            held.leased = False
            self.weight -= held.weight
            if held.after is not None:
                self._items[item.identifier] = held.after
                self._make_ready(held.after)
        if len(items) == len(lease.items):
            lease.items = []
            self._leases.remove(lease)
        else:
            lease.items = [item for item in lease.items if item.leased]
            lease.low = _lowest(lease.items)

    def release_levels(self, lease: Lease, part: Item) -> None:
        """Settle some levels of an item that is sent in parts; it is released with the last."""
        item = self._items[part.identifier]
        for location in part.levels:
            del item.levels[location]
        if not item.levels:
            self.release(lease, [part])

    def lowest(self) -> int | None:
        """Tell the lowest position that is not settled; ``None`` where all are.

        What waits behind another is younger than that, so only the heads count.
        """
        oldest = self._oldest.head()
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

    def _enter(self, item: Item, now: float, *, behind: Item | None = None) -> int:
        """Take in an item that nothing waiting can take up; tells how many rows it has."""
        rows = len(item.levels)
        item.arrived = now
        item.size = ITEM_SIZE + len(item.identifier[1]) + rows * self._level_size
        item.weight = ITEM_BYTES + rows * LEVEL_BYTES
        if self._keeps_lines:
            item.weight += sum([len(level.line) for level in item.levels.values()])
        self.weight += item.weight
        self.waiting += 1
        if behind is None:
            self._make_ready(item)
        else:
            behind.after = item
        return rows

    def _learn_level_size(self, rows: RowBuffer) -> None:
        """See how much a level adds to a body; in all rows of a store it is about the same."""
        for item in rows.items[-1:]:
            sizes = [LEVEL_SIZE + len(location) for location in item.levels if location is not None]
            self._level_size = max([self._level_size, *sizes])

    def _follow(self, first: Item, newer: Item, now: float) -> int:
        """Let what waits take up newer values; tells by how many rows there are more."""
        waiting = first.after if first.leased else first
        if first.leased:
            for location in first.levels.keys() & newer.levels:
                self._compare(first, location, newer.levels[location])
        if waiting is None:
            return self._enter(newer, now, behind=first)
        if None in newer.levels:
            return self._merge(waiting, newer) - self._clear(waiting)
        if None not in waiting.levels:
            return self._merge(waiting, newer)
        if waiting.after is not None:
            return self._merge(waiting.after, newer)
        return self._enter(newer, now, behind=waiting)

    def _merge(self, waiting: Item, newer: Item) -> int:
        """Let newer values replace what waits; tells how many are no older one's successors."""
        levels = waiting.levels
        before, weight = len(levels), 0
        for location, level in newer.levels.items():
            older = levels.get(location)
            if older is not None and older.stream is not level.stream:
                self._compare(waiting, location, level)
            weight += len(level.line) - (len(older.line) if older else -LEVEL_BYTES)
            levels[location] = level
        added = len(levels) - before
        self._reckon(waiting, added * self._level_size, weight)
        if waiting.ready and newer.urgent and not waiting.urgent:
            self._empty.push(waiting)
        waiting.urgent |= newer.urgent
        waiting.broadcast |= newer.broadcast
        return added

    def _compare(self, item: Item, location: str | None, newer: Level) -> None:
        """Remember two streams that give one item and location different stock at one time."""
        older, name = item.levels[location], newer.stream.name
        if older.stream.name != name and older.quantity != newer.quantity:
            self.rivals.setdefault(name, Rivals(item.identifier, location, older, newer))

    def _clear(self, item: Item) -> int:
        """Drop what a global supersedes; the item keeps its place and its lowest position."""
        dropped = 0
        if item.after is not None:
            dropped += len(item.after.levels)
            self.weight -= item.after.weight
            self.waiting -= 1
            item.after = None
        for location in [location for location in item.levels if location is not None]:
            level = item.levels.pop(location)
            self._reckon(item, -self._level_size, -LEVEL_BYTES - len(level.line))
            dropped += 1
        return dropped

    def _reckon(self, item: Item, size: int, weight: int) -> None:
        """Add to the size and weight of an item that waits, and to the sums that it is part of."""
        item.size += size
        item.weight += weight
        self.weight += weight
        if item.ready:
            self.ready_size += size

    def _make_ready(self, item: Item) -> None:
        """Let an item be picked."""
        item.ready = True
        self.ready += 1
        self.ready_size += item.size
        self._oldest.push(item)
        if item.urgent:
            self._empty.push(item)

    def _in_order(self, overdue: float) -> Iterator[Item]:
        """Go through the items as they are to be sent; each must be taken, or be the last.

        First what arrived before a moment, for it has waited far too long, then stock-outs, then
        the oldest.
        """
        head = self._oldest.head
        while (item := head()) is not None and item.arrived <= overdue:
            yield item
        while (item := self._first_empty()) is not None:
            yield item
        while (item := head()) is not None:
            yield item

    def _first_empty(self) -> Item | None:
        """Find the oldest stock-out, and forget those that are none any more."""
        while (item := self._empty.head()) is not None and not item.is_out_of_stock():
            item.urgent = False
            self._empty.pop()
        return item


def _lowest(items: list[Item]) -> int:
    return min([item.low for item in items])
