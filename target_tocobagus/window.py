"""The updates that are not in flight: one entry per identifier, the newest value per location.

How to think about it. Stock is absolute, so of two values for one identifier and location only the
newer one is worth sending, and the older one must never arrive after it. Three rules follow:

- A newer value replaces the older one in its entry. The older one is superseded: it shares the fate
  of its successor, so the entry keeps the lowest position that it ever held.
- An identifier that is in flight is *leased*: what comes for it meanwhile waits here, and cannot be
  picked until `release`. So there is never more than one request that holds an identifier.
- A global stock and a stock per warehouse cannot share an item. A global supersedes all that waits
  for its identifier; what comes for a warehouse after a waiting global stands behind it (`after`).

Entries that can be picked stand in two heaps by position: all of them in `_oldest`, and those that
hold a 0 also in `_empty`, since a stock-out that arrives late is an oversale. Nothing is ever
removed from the middle of a heap: an entry that was picked is marked, and passed over when it comes
up. The heaps are built anew when most of what they hold is such.

No lock and no clock here: `delivery` holds the one and hands in the other.
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Final

import msgspec

from target_tocobagus.encoding import body_size, encode_item
from target_tocobagus.model import Item

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from target_tocobagus.model import Identifier, Level, Row

_ENTRY_BYTES: Final = 500
_LEVEL_BYTES: Final = 250
"""What an entry and a level weigh in memory, about; measured on CPython 3.11."""

_ITEM_SIZE: Final = 24
_LEVEL_SIZE: Final = 32
"""What an item and a level add to a body, about, beside their own texts."""

_PATIENCE: Final = 1.0
"""Seconds that stock-outs may go first at the least, however short the wait for a batch is."""


class _Entry:
    """All that waits for one identifier.

    Attributes:
        ready: It stands in the heaps and can be picked; neither leased nor behind a global.
        urgent: It stands in the heap of stock-outs, rightly or no longer so.
    """

    __slots__ = (
        "after",
        "arrived",
        "identifier",
        "levels",
        "low",
        "ready",
        "size",
        "urgent",
        "weight",
    )

    def __init__(self, identifier: Identifier, low: int, arrived: float) -> None:
        self.identifier = identifier
        self.levels: dict[str | None, Level] = {}
        self.low = low
        self.arrived = arrived
        self.ready = False
        self.urgent = False
        self.size = _ITEM_SIZE + len(identifier[1])
        self.weight = _ENTRY_BYTES
        self.after: _Entry | None = None

    def holds_empty(self) -> bool:
        return 0 in [level.quantity for level in self.levels.values()]

    def is_broadcast(self) -> bool:
        """Whether all levels were said at once and are still equal."""
        levels = list(self.levels.values())
        if not levels[0].broadcast:
            return False
        said = {(level.broadcast, level.position, level.quantity) for level in levels}
        return len(said) == 1

    def item(self) -> Item:
        encoded = encode_item(self.identifier, self.levels, broadcast=self.is_broadcast())
        return Item(self.identifier, self.levels, self.low, encoded)


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
        self._entries: dict[Identifier, _Entry] = {}
        self._oldest: list[tuple[int, int, _Entry]] = []
        self._empty: list[tuple[int, int, _Entry]] = []
        self._number = count()
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
        entries = self._entries
        for identifier, location, level in rows:
            entry = entries.get(identifier)
            if entry is None:
                entry = self._enter(identifier, level.position, now)
            elif location is None:
                superseded += self._clear(entry)
            elif None in entry.levels:
                entry = self._behind(entry, level.position, now)
            # From here on as `_weigh` would do it, without the calls: each row comes this way.
            levels = entry.levels
            older = levels.get(location)
            levels[location] = level
            if older is None:
                weight = _LEVEL_BYTES + len(level.line)
                size = _LEVEL_SIZE + len(location or "")
                entry.size += size
                if entry.ready:
                    self.ready_size += size
            else:
                superseded += 1
                weight = len(level.line) - len(older.line)
            entry.weight += weight
            self.weight += weight
            if level.quantity == 0 and entry.ready and not entry.urgent:
                self._make_urgent(entry)
        return superseded

    def wants(self, limits: Limits, now: float) -> bool:
        """Tell whether a batch is full or due."""
        if self.ready >= limits.rows or self.ready_size >= limits.size:
            return True
        due = self.due(limits)
        return due is not None and due <= now

    def due(self, limits: Limits) -> float | None:
        """Tell when the oldest entry that can be picked has waited long enough."""
        oldest = self._head(self._oldest)
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
        self._tidy()
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
        oldest = self._head(self._oldest)
        lows = [lease.low for lease in self._leases]
        return min([*lows, oldest.low] if oldest else lows, default=None)

    def unsettled(self) -> int:
        """Count the rows that wait or are out."""
        entries = [*self._entries.values()]
        entries += [entry.after for entry in entries if entry.after]
        waiting = sum(len(entry.levels) for entry in entries)
        out = sum(len(item.levels) for lease in self._leases for item in lease.items.values())
        return waiting + out

    def _enter(self, identifier: Identifier, low: int, now: float) -> _Entry:
        """Make the entry of an identifier for which nothing waits."""
        self._entries[identifier] = entry = _Entry(identifier, low, now)
        self.weight += _ENTRY_BYTES
        if identifier not in self._leased:
            self._queue(entry)
        return entry

    def _clear(self, entry: _Entry) -> int:
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

    def _behind(self, entry: _Entry, low: int, now: float) -> _Entry:
        """Find or make the entry that stands behind a waiting global."""
        if entry.after is None:
            entry.after = _Entry(entry.identifier, low, now)
            self.weight += _ENTRY_BYTES
        return entry.after

    def _lighten(self, entry: _Entry) -> None:
        """Weigh an entry that has lost its levels."""
        size = _ITEM_SIZE + len(entry.identifier[1])
        self.weight -= entry.weight - _ENTRY_BYTES
        if entry.ready:
            self.ready_size -= entry.size - size
        entry.weight, entry.size = _ENTRY_BYTES, size

    def _queue(self, entry: _Entry) -> None:
        entry.ready = True
        self.ready += 1
        self.ready_size += entry.size
        heappush(self._oldest, (entry.low, next(self._number), entry))

    def _make_ready(self, entry: _Entry) -> None:
        """Let an entry be picked that was held."""
        self._queue(entry)
        if entry.holds_empty():
            self._make_urgent(entry)

    def _make_urgent(self, entry: _Entry) -> None:
        entry.urgent = True
        heappush(self._empty, (entry.low, next(self._number), entry))

    def _in_order(self, overdue: float) -> Iterator[_Entry]:
        """Go through the entries as they are to be sent; what is not taken comes again.

        First what arrived before a moment, for it has waited far too long, then stock-outs, then
        the oldest.
        """
        while (entry := self._head(self._oldest)) is not None:
            if self._empty and entry.arrived > overdue:
                entry = self._first_empty() or entry
            yield entry

    def _first_empty(self) -> _Entry | None:
        """Find the oldest stock-out, and forget those that are none any more."""
        while (entry := self._head(self._empty)) is not None and not entry.holds_empty():
            entry.urgent = False
            heappop(self._empty)
        return entry

    @staticmethod
    def _head(heap: list[tuple[int, int, _Entry]]) -> _Entry | None:
        """Look at the first entry that is still there, and forget those before it."""
        while heap and not heap[0][2].ready:
            heappop(heap)
        return heap[0][2] if heap else None

    def _take(self, entry: _Entry) -> None:
        entry.ready = False
        self.ready -= 1
        self.ready_size -= entry.size
        self.weight -= entry.weight
        if entry.after is None:
            del self._entries[entry.identifier]
        else:
            self._entries[entry.identifier] = entry.after

    def _tidy(self) -> None:
        """Forget what was picked, where it has come to be most of a heap."""
        for heap in (self._oldest, self._empty):
            if len(heap) > 2 * self.ready + 64:
                heap[:] = [place for place in heap if place[2].ready]
                heapify(heap)
