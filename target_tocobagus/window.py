"""The updates that are not in flight: one entry per identifier, the newest value per location.

How to think about it. Stock is absolute, so of two values for one identifier and location only the
newer one is worth sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces the older one in its entry. The older one is superseded: it shares the fate
  of its successor, so the entry keeps the lowest position that it ever held.
- An identifier that is in flight is *leased*: what comes for it meanwhile waits here, and cannot be
  picked until `release`. So there is never more than one request that holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes all that waits
  for its identifier; what comes for a warehouse after a waiting global stands behind it (`after`).

Entries that can be picked stand in two queues by position: all of them in `_oldest`, and those that
hold a 0 also in `_empty`, since a stock-out that arrives late is an oversale. Nothing is ever
removed from the middle of a queue: an entry that was picked is marked, and passed over when it
comes up. A queue is built anew when most of what it holds is such.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.encoding import body_size
from target_tocobagus.entries import ENTRY_BYTES, ITEM_SIZE, LEVEL_BYTES, LEVEL_SIZE, Entry, Queue

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.model import Identifier, Item, Level, Row

_PATIENCE: Final = 1.0
"""Seconds that stock-outs may go first at the least, however short the wait for a batch is."""


class Lease(msgspec.Struct, eq=False):
    """The identifiers of one batch, from its picking until each of them has its fate.

    Attributes:
        items: Those that are still out, by identifier.
        low: The lowest position among them.
    """

    items: dict[Identifier, Item]
    low: int


class Limits(msgspec.Struct, frozen=True):
    """How much a batch may hold, and how long an entry may wait for one.

    Attributes:
        rows: Items.
        size: Bytes of body; a single item goes whatever its size.
        wait: Seconds; an entry older than twice that goes before everything else.
    """

    rows: int
    size: int
    wait: float


class Window:
    """Entries by identifier; see the top of this file.

    Attributes:
        weight: Bytes of memory that the waiting entries take, about.
        ready: Entries that can be picked.
        ready_size: Bytes of body that these would make, about.
    """

    def __init__(self) -> None:
        """Begin empty."""
        self._entries: dict[Identifier, Entry] = {}
        self._oldest = Queue()
        self._empty = Queue()
        self._leases: list[Lease] = []
        self._leased: set[Identifier] = set()
        self.weight = 0
        self.ready = 0
        self.ready_size = 0

    def __len__(self) -> int:
        """Count the entries, whether they can be picked or not."""
        return len(self._entries)

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is out."""
        return not self._entries and not self._leases

    def put(self, rows: Iterable[Row], now: float) -> int:
        """Take rows in, in their order.

        Returns:
            How many older rows they superseded.
        """
        superseded = 0
        weight = size = 0
        last: Identifier | None = None
        for identifier, location, level in rows:
            # The rows of one item mostly come together, and then bring the very same identifier.
            if identifier is not last:
                last = identifier
                first = self._entries.get(identifier) or self._enter(identifier, level, now)
            entry = first
            if location is None:
                superseded += self._clear(entry)
            elif None in entry.levels:
                entry = self._behind(entry, level.position, now)
            levels = entry.levels
            older = levels.get(location)
            levels[location] = level
            if older is None:
                added = LEVEL_BYTES + len(level.line)
                longer = LEVEL_SIZE + len(location or "")
                entry.size += longer
                if entry.ready:
                    size += longer
            else:
                superseded += 1
                added = len(level.line) - len(older.line)
            entry.weight += added
            weight += added
            if level.quantity == 0 and entry.ready and not entry.urgent:
                entry.urgent = True
                self._empty.push(entry)
        self.weight += weight
        self.ready_size += size
        return superseded

    def wants(self, limits: Limits, now: float) -> bool:
        """Tell whether a batch is full or due."""
        if self.ready >= limits.rows or self.ready_size >= limits.size:
            return True
        due = self.due(limits)
        return due is not None and due <= now

    def due(self, limits: Limits) -> float | None:
        """Tell when the oldest entry that can be picked has waited long enough."""
        oldest = self._oldest.head()
        return None if oldest is None else oldest.arrived + limits.wait

    def pick(self, limits: Limits, now: float) -> Lease | None:
        """Take out the next batch, full or not; ``None`` where nothing can be picked."""
        items: dict[Identifier, Item] = {}
        size = 0
        for entry in self._in_order(now - max(2 * limits.wait, _PATIENCE)):
            item = entry.item()
            size += len(item.encoded)
            if items and body_size(len(items) + 1, size) > limits.size:
                break
            self._take(entry)
            items[item.identifier] = item
            if len(items) == limits.rows:
                break
        self._oldest.tidy(self.ready)
        self._empty.tidy(self.ready)
        if not items:
            return None
        lease = Lease(items, min(item.low for item in items.values()))
        self._leases.append(lease)
        self._leased.update(items)
        return lease

    def release(self, lease: Lease, identifiers: Iterable[Identifier]) -> None:
        """Take back identifiers whose rows have their fate; what waited for them can be picked."""
        for identifier in identifiers:
            del lease.items[identifier]
            self._leased.discard(identifier)
            waiting = self._entries.get(identifier)
            if waiting is not None:
                self._make_ready(waiting)
        if lease.items:
            lease.low = min(item.low for item in lease.items.values())
        else:
            self._leases.remove(lease)

    def lowest(self) -> int | None:
        """Tell the lowest position that is not settled; ``None`` where all are.

        What waits behind a lease or a global is younger than that, so only the heads count.
        """
        oldest = self._oldest.head()
        lows = [lease.low for lease in self._leases]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are out."""
        entries = [*self._entries.values()]
        entries += [entry.after for entry in entries if entry.after]
        waiting = sum(len(entry.levels) for entry in entries)
        out = sum(len(item.levels) for lease in self._leases for item in lease.items.values())
        return waiting + out

    def _enter(self, identifier: Identifier, level: Level, now: float) -> Entry:
        """Make the entry of an identifier for which nothing waits."""
        self._entries[identifier] = entry = Entry(identifier, level.position, now)
        self.weight += ENTRY_BYTES
        if identifier not in self._leased:
            self._queue(entry)
        return entry

    def _clear(self, entry: Entry) -> int:
        """Drop what a global supersedes; the entry keeps its place and its lowest position."""
        dropped = 0
        if entry.after is not None:
            dropped += len(entry.after.levels)
            self.weight -= entry.after.weight
            entry.after = None
        if entry.levels and None not in entry.levels:
            dropped += len(entry.levels)
            entry.levels.clear()
            self._lighten(entry)
        return dropped

    def _behind(self, entry: Entry, low: int, now: float) -> Entry:
        """Find or make the entry that stands behind a waiting global."""
        if entry.after is None:
            entry.after = Entry(entry.identifier, low, now)
            self.weight += ENTRY_BYTES
        return entry.after

    def _lighten(self, entry: Entry) -> None:
        """Weigh an entry that has lost its levels."""
        size = ITEM_SIZE + len(entry.identifier[1])
        self.weight -= entry.weight - ENTRY_BYTES
        if entry.ready:
            self.ready_size -= entry.size - size
        entry.weight, entry.size = ENTRY_BYTES, size

    def _queue(self, entry: Entry) -> None:
        entry.ready = True
        self.ready += 1
        self.ready_size += entry.size
        self._oldest.push(entry)

    def _make_ready(self, entry: Entry) -> None:
        """Let an entry be picked that was held."""
        self._queue(entry)
        if entry.holds_empty():
            entry.urgent = True
            self._empty.push(entry)

    def _in_order(self, overdue: float) -> Iterator[Entry]:
        """Go through the entries as they are to be sent; what is not taken comes again.

        First what arrived before a moment, for it has waited far too long, then stock-outs, then
        the oldest.
        """
        while (entry := self._oldest.head()) is not None:
            if len(self._empty) and entry.arrived > overdue:
                entry = self._first_empty() or entry
            yield entry

    def _first_empty(self) -> Entry | None:
        """Find the oldest stock-out, and forget those that are none any more."""
        while (entry := self._empty.head()) is not None and not entry.holds_empty():
            entry.urgent = False
            self._empty.pop()
        return entry

    def _take(self, entry: Entry) -> None:
        entry.ready = False
        self.ready -= 1
        self.ready_size -= entry.size
        self.weight -= entry.weight
        if entry.after is None:
            del self._entries[entry.identifier]
        else:
            self._entries[entry.identifier] = entry.after
